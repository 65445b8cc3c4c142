//! The words that events are made of.
//!
//! Must never hold a real person's name, or a text that could be taken for somebody's edit.

/// A wiki, and how often it is edited: the list is ordered, the busiest first.
#[derive(Debug)]
pub struct Wiki {
    pub database: &'static str,
    pub domain: &'static str,
}

pub const WIKIS: [Wiki; 10] = [
    wiki("wikidatawiki", "www.wikidata.org"),
    wiki("enwiki", "en.wikipedia.org"),
    wiki("commonswiki", "commons.wikimedia.org"),
    wiki("dewiki", "de.wikipedia.org"),
    wiki("frwiki", "fr.wikipedia.org"),
    wiki("enwiktionary", "en.wiktionary.org"),
    wiki("jawiki", "ja.wikipedia.org"),
    wiki("arwiki", "ar.wikipedia.org"),
    wiki("eswikisource", "es.wikisource.org"),
    wiki("swwiki", "sw.wikipedia.org"),
];

/// Titles without their namespace.
pub const TITLES: [&str; 24] = [
    "Lighthouse",
    "Weir",
    "Salmon_ladder",
    "River_Severn",
    "Canal_lock",
    "Mill_pond",
    "History_of_bookbinding",
    "List_of_suspension_bridges",
    "Ocean_current",
    "Tide_table",
    "Waterwheel",
    "Aqueduct",
    "Flood_of_1953",
    "Limnology",
    "Hydrology",
    "Sluice",
    "Polder",
    "Estuary",
    "灯台",
    "Écluse",
    "Stauwehr",
    "Mto_Rufiji",
    "قناة_ري",
    "Río_Ebro",
];

/// A namespace and the prefix that it gives to a title.
pub const NAMESPACES: [(i64, &str); 6] =
    [(0, ""), (0, ""), (0, ""), (1, "Talk:"), (14, "Category:"), (10, "Template:")];

/// Names of editors who never were.
pub const EDITORS: [&str; 14] = [
    "Example Editor",
    "Quillfeather",
    "North Window",
    "Mapmaker Seven",
    "Paper Lantern",
    "Ferry Captain",
    "Orchard Notes",
    "Slow Tide",
    "Gravel Path",
    "Kestrel Over Fen",
    "Inkwell Twice",
    "Copper Kettle",
    "Harbour Clock",
    "Second Draft",
];

pub const BOTS: [&str; 4] = ["ExampleBot", "LinkTidyBot", "CategorySorterBot", "DateFormatBot"];

pub const COMMENTS: [&str; 10] = [
    "copyedit",
    "/* History */ added a source",
    "fixed a typo",
    "Reverted edits by [[Special:Contributions/Example Editor|Example Editor]] ([[User talk:Example Editor|talk]])",
    "/* wbsetclaim-update:2||1|1 */ [[Property:P31]]: [[Q12323]]",
    "updated the infobox",
    "[[WP:AES|←]] Redirected page to [[Weir]]",
    "moved the section on fish passes; see the talk page",
    "",
    "added the missing category",
];

pub const TAGS: [&str; 6] =
    ["mobile edit", "visualeditor", "mw-reverted", "mw-manual-revert", "wikieditor", "android app edit"];

pub const LOGS: [(&str, &str); 5] =
    [("move", "move"), ("upload", "upload"), ("patrol", "patrol"), ("thanks", "thank"), ("newusers", "create")];

const fn wiki(database: &'static str, domain: &'static str) -> Wiki {
    Wiki { database, domain }
}
