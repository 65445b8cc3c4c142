//! `weir import eventstreams`: what it takes, what it leaves out and says so, and that it decides nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "import/garden.rs"]
mod garden;

use std::fs;

use garden::{Garden, run};

const PLANT: &str = "  - stream: garden.plant
    topics: [north.garden.plant, south.garden.plant]
    description: \"A plant was put into a bed.\"
    schema: /garden/plant
    schema_version: \"\"
    cleanup_policy: delete
    # The key of its records: bed_id, plant_id
    pii: {verdict: open}
";
const HARVEST: &str = "  - stream: garden.harvest
    topics: [north.garden.harvest, south.garden.harvest]
    description: \"garden.harvest events.\"
    schema: /garden/harvest
    schema_version: \"2.1.0\"
    cleanup_policy: delete
    pii: {verdict: open}
";
const WATER: &str = "  - stream: garden.water
    topics: [eqiad.garden.water, codfw.garden.water]
    description: \"garden.water events.\"
    schema: /garden/water
    schema_version: \"\"
    cleanup_policy: delete
    pii: {verdict: open}
";

#[test]
fn each_stream_that_is_allowed_is_written_or_said_to_be_left_out() {
    let garden = Garden::new();
    let (status, printed, said) = garden.import(&["service.yaml", "streams.json"]);
    let (header, entries) = printed.split_once("streams:\n").unwrap();
    assert!(header.lines().all(|line| line.starts_with('#')) && header.contains("`open`: nobody has decided"));
    assert_eq!(entries, [HARVEST, PLANT, WATER].concat());
    let never = "`contains: .private.` at the never.yaml that Weir ships";
    for line in [
        "note: service.yaml:29: garden.plant: it stands twice in the allow-list, first at service.yaml:21",
        "note: streams.json:16: /^garden\\.job\\..+/: a pattern: EventStreams serves none, and none is imported",
        "left out: service.yaml:28: /^garden\\.job\\..+/: a pattern is no stream: EventStreams serves none, either; list the \
         topics by hand if they are meant to leave",
        "left out: streams.json:13: garden.empty: it has no topics; give it some, or take it off the allow-list",
        "left out: service.yaml:25: garden.gone: it is allowed, and no file says what it is; add the stream configuration \
         that does, or list its topics by hand",
        "left out: streams.json:12: garden.mixed: `south.garden.mixes` and `north.garden.mixed` do not carry one stream: \
         after the first dot they differ; correct the stream configuration: one of them is probably a slip",
        "note: streams.json:10: garden.harvest: its alias `harvest-delete` misleads: the stream's name has no `delete`; an \
         alias is not imported",
        "note: streams.json:3: garden.water: no file names its topics: eqiad.garden.water, codfw.garden.water are taken",
    ] {
        assert!(said.lines().any(|told| told == line), "missing: {line}\n{said}");
    }
    let diary = said.lines().find(|line| line.contains("kitchen.private.diary")).unwrap();
    assert!(diary.starts_with("left out: streams.json:15: ") && diary.contains(never), "{diary}");
    assert_eq!(said.lines().count(), 10, "and nothing else: {said}");
    assert!(said.ends_with("5 streams were left out\n") && status == 1, "{said}");
    assert!(!printed.contains("unasked") && !printed.contains("jobs"));

    let again = garden.import(&["streams.json", "service.yaml"]);
    assert_eq!(again.1, printed, "the order of the files makes no difference");
}

#[test]
fn check_refuses_what_was_imported_until_somebody_decides() {
    let garden = Garden::new();
    fs::create_dir_all(garden.at("acl/principals")).unwrap();
    garden.put("acl/never.yaml", "never: []\n");
    garden.put("acl/tiers.yaml", "tiers:\n  - tier: tool\n    connections: 20\n");
    garden.put("two.yaml", "allowed_streams: [garden.plant, garden.harvest]\n");
    let (status, printed, said) = garden.import(&["two.yaml", "streams.json", "--into", "acl/catalogue.yaml"]);
    assert_eq!((status, printed.lines().count()), (0, 3), "{printed}{said}");
    let diff = || run(&["diff", "acl", "acl"], garden.0.path());
    let (status, _, said) = diff();
    let open = "nobody has decided on personal data in this stream; write `{verdict: none, by: NAME, on: 2026-12-31, ticket: \
                ID}`, or `reviewed` in the place of `none`, and the `schema_version` that was looked at";
    let places: Vec<_> =
        said.lines().filter(|line| line.ends_with(open)).map(|line| line.split(": ").next().unwrap()).collect();
    let catalogue = garden.text("acl/catalogue.yaml");
    let lines: Vec<_> = catalogue.lines().enumerate().filter(|(_, line)| line.ends_with("{verdict: open}")).collect();
    let expected: Vec<_> = lines.iter().map(|(at, _)| format!("acl/catalogue.yaml:{}:10", at + 1)).collect();
    assert_eq!(
        (status, places),
        (2, [&expected[..], &expected[..]].concat().iter().map(String::as_str).collect()),
        "{said}"
    );

    let decided = catalogue.replace("{verdict: open}", "{verdict: none, by: me, on: 2026-11-22, ticket: T-1}");
    garden.put("acl/catalogue.yaml", &decided);
    let (status, _, said) = diff();
    assert!(status == 2 && said.contains("`schema_version` is empty"), "the version belongs to the decision: {said}");
    garden.put("acl/catalogue.yaml", &decided.replace("schema_version: \"\"", "schema_version: 1.0.0"));
    assert_eq!(diff(), (0, String::new(), String::new()));
}

#[test]
fn a_second_import_keeps_what_was_decided_and_widens_nothing() {
    let garden = Garden::new();
    let mine = "\
# Ours.
streams:
    - stream: garden.plant
      topics: [north.garden.plant]   # the south is not ready
      description: Plants
      schema: /garden/plants
      schema_version: 1.0.0
      cleanup_policy: delete
      pii: {verdict: none, by: me, on: 2026-11-22, ticket: T-1}
    - stream: all
      prefix: eqiad.garden.
      auto: true
      description: All
      schema: none
      schema_version: none
      cleanup_policy: delete
      pii: {verdict: none, by: me, on: 2026-11-22, ticket: T-1}
    # The end.


";
    garden.put("mine.yaml", mine);
    let order = ["service.yaml", "streams.json", "--into", "mine.yaml"];
    let (_, printed, said) = garden.import(&[&order[..], &["--dry-run"]].concat());
    let new = "+ garden.harvest: north.garden.harvest, south.garden.harvest\n+ garden.plant: south.garden.plant\n\
               + garden.water: codfw.garden.water\n";
    assert_eq!(printed, format!("{new}mine.yaml: 3 to add; nothing was changed\n"));
    assert_eq!(garden.text("mine.yaml"), mine);
    for note in [
        "garden.plant: south.garden.plant came to it: the decision on its other topics does not count there",
        "garden.plant: the catalogue has `north.garden.plant` with the schema `/garden/plants`, the import `/garden/plant`: \
         that stays; look at it again",
        "garden.water: the catalogue has its topic `eqiad.garden.water` by the prefix `eqiad.garden.`: that stays",
        "note: mine.yaml:10: all: it stays in the catalogue, and the import does not have it",
    ] {
        assert!(said.contains(note), "missing: {note}\n{said}");
    }

    std::fs::rename(garden.at("mine.yaml"), garden.at("real.yaml")).unwrap();
    std::os::unix::fs::symlink("real.yaml", garden.at("mine.yaml")).unwrap();
    let (_, printed, _) = garden.import(&order);
    assert!(garden.at("mine.yaml").is_symlink(), "a link stays one");
    let told = "mine.yaml: 3 added, each with an open decision; `weir check` says where\n";
    assert_eq!(printed, format!("{new}{told}"));
    let both = garden.text("mine.yaml");
    let added = both.strip_prefix(mine.trim_end()).expect("what was there stands as it was");
    let shifted = |entry: &str| entry.lines().map(|line| format!("  {line}\n")).collect::<String>();
    let plant = shifted(PLANT).replace("north.garden.plant, ", "");
    let water = shifted(WATER).replace("eqiad.garden.water, ", "");
    assert_eq!(added, format!("\n{}{plant}{water}", shifted(HARVEST)));

    let (_, printed, _) = garden.import(&order);
    assert_eq!(printed, "mine.yaml: nothing is new\n");
    assert_eq!(garden.text("mine.yaml"), both, "a third import changes nothing");
    assert_eq!(fs::read_dir(garden.0.path()).unwrap().count(), 4, "nothing is left beside it");
}

#[test]
fn a_catalogue_that_nothing_can_be_added_to_is_left_alone() {
    let garden = Garden::new();
    garden.put("two.yaml", "allowed_streams: [garden.plant]\n");
    for mine in ["streams: [{stream: a, topics: [b.a]}]\n", "streams: null\n", "- a\n", "streams: []\nmore: x\n"] {
        garden.put("mine.yaml", mine);
        let (status, printed, said) = garden.import(&["two.yaml", "streams.json", "--into", "mine.yaml"]);
        assert_eq!((status, printed.as_str()), (2, ""), "{mine}: {said}");
        assert!(said.starts_with("mine.yaml: ") && garden.text("mine.yaml") == mine, "{mine}: {said}");
    }
    garden.put("mine.yaml", "# None yet.\nstreams: []\n");
    let (status, _, said) = garden.import(&["two.yaml", "streams.json", "--into", "mine.yaml"]);
    let plant = PLANT.replace("A plant was put into a bed.", "garden.plant events.");
    assert_eq!((status, garden.text("mine.yaml")), (0, format!("# None yet.\nstreams:\n{plant}")), "{said}");
}

#[test]
fn without_an_allow_list_nothing_is_allowed() {
    let garden = Garden::new();
    let (status, printed, said) = garden.import(&["streams.json"]);
    assert_eq!((status, printed.as_str()), (2, ""));
    assert!(said.contains("no file has an allow-list (`allowed_streams`)") && said.contains("--all-streams"), "{said}");
    let (status, printed, _) = garden.import(&["streams.json", "--all-streams"]);
    assert!(status == 1 && printed.contains("garden.unasked"), "a pattern and a private one are still left out");
    let (status, _, said) = garden.import(&["service.yaml"]);
    assert_eq!(
        status, 1,
        "the defaults of the service name no topics of theirs, which are then made of prefixes: {said}"
    );
    garden.put("only.yaml", "allowed_streams: [a.b]\n");
    let (status, _, said) = garden.import(&["only.yaml"]);
    assert_eq!(
        (status, said.as_str()),
        (2, "no file says which topics the streams have; add the stream configuration\n")
    );
}

#[test]
fn streams_that_two_files_or_names_claim_are_told() {
    let garden = Garden::new();
    garden.put("allow.yaml", "allowed_streams: [aaa, garden.plant, b.c, x.y, old]\n");
    garden.put(
        "one.yaml",
        "\
aaa: {topics: [north.garden.plant]}
garden.plant: {topics: [north.garden.plant, north.garden.plant]}
b.c: {topics: [north.b.c], stream_aliases: [x.y, c]}
x.y: {topic_prefixes: null, stream_aliases: [c], $schema: /x/y/latest}
old: {topics: north.old}
",
    );
    garden.put(
        "two.yaml",
        "- {stream: b.c, topics: [north.b.c]}\n- {stream: garden.plant, topics: [north.garden.plant]}\n",
    );
    let (status, printed, said) = garden.import(&["allow.yaml", "one.yaml", "two.yaml"]);
    assert_eq!(status, 1);
    for line in [
        "left out: allow.yaml:1: garden.plant: one.yaml:2 and two.yaml:2 say different things of it; import the file that \
         EventStreams reads, alone",
        "left out: allow.yaml:1: old: `topics` is no list of names; correct that file",
        "note: one.yaml:3: b.c: its alias `x.y` is the name of another stream",
        "note: one.yaml:4: x.y: its alias `c` is one of `b.c`, too",
        "note: one.yaml:1: aaa: its topic `north.garden.plant` has another name than the stream: make sure that it is meant",
    ] {
        assert!(said.lines().any(|told| told == line), "missing: {line}\n{said}");
    }
    assert!(
        printed.contains("  - stream: x.y\n    topics: [x.y]\n") && printed.contains("    schema: /x/y\n"),
        "{printed}"
    );

    garden
        .put("one.yaml", "aaa: {topics: [n.garden.plant]}\ngarden.plant: {topics: [n.garden.plant, n.garden.plant]}\n");
    garden.put("allow.yaml", "allowed_streams: [aaa, garden.plant]\n");
    let (_, printed, said) = garden.import(&["allow.yaml", "one.yaml"]);
    assert!(printed.contains("  - stream: garden.plant\n    topics: [n.garden.plant]\n"), "once: {printed}");
    let claimed = "left out: one.yaml:1: aaa: the topic `n.garden.plant` is one of the stream `garden.plant`, too; give each \
                   topic to one stream";
    assert!(said.lines().any(|told| told == claimed), "{said}");
}

#[test]
fn a_file_that_is_wrong_is_named_with_its_line() {
    let garden = Garden::new();
    let deep = "[".repeat(100_000);
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\n".to_owned() + "c: [*b, *b, *b]\n";
    for (text, expected) in [
        ("{\"streams\": {\"a\": {}, \"a\": {}}}", "bad:1: the key `a` stands twice; keep one of them\n"),
        (
            "allowed_streams: [a]\nallowed_streams: [b]\n",
            "bad:2: the key `allowed_streams` stands twice; keep one of them\n",
        ),
        ("allowed_streams: a\n", "bad:1: `allowed_streams` is no list; write the streams' names as a list\n"),
        ("allowed_streams:\n  - [a]\n", "bad:2: this is no stream's name; write a text\n"),
        ("streams:\n  - stream: a\n  - topics: [b]\n", "bad:3: a stream without a name; add `stream:`\n"),
        ("{\"allowed_streams\": [\"a\",\n", "bad:1: this is neither YAML nor JSON that can be read: "),
        ("a:\n\t- b\n", "bad:2: this is neither YAML nor JSON that can be read: "),
        (deep.as_str(), "bad:1: this is neither YAML nor JSON that can be read: recursion limit exceeded; "),
        ("", "bad: neither an allow-list (`allowed_streams`) nor "),
        ("just words\n", "bad: neither an allow-list (`allowed_streams`) nor "),
        (bomb.as_str(), "bad: neither an allow-list (`allowed_streams`) nor "),
        (
            "{\"error\": {\"code\": \"badvalue\", \"info\": \"no\"}}",
            "bad: neither an allow-list (`allowed_streams`) nor ",
        ),
    ] {
        garden.put("bad", text);
        let (status, printed, said) = garden.import(&["bad", "streams.json", "--all-streams"]);
        let shown: String = text.chars().take(60).collect();
        assert!(status == 2 && printed.is_empty() && said.starts_with(expected), "{shown:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    fs::write(garden.at("bad"), b"streams:\n  a: \xff\n").unwrap();
    let (_, _, said) = garden.import(&["bad", "--all-streams"]);
    assert_eq!(said, "bad:2: this is no UTF-8; save the file as UTF-8\n");
    fs::File::create(garden.at("bad")).unwrap().set_len(17 * 1024 * 1024).unwrap();
    let (_, _, said) = garden.import(&["bad", "--all-streams"]);
    assert!(said.starts_with("bad is longer than 16777216 bytes; "), "{said}");
    let (status, _, said) = garden.import(&["gone", "--all-streams"]);
    assert!(status == 2 && said.starts_with("gone cannot be read: "), "{said}");
    garden.put("never.yaml", "never:\n  - prefix: north.\n");
    let (status, _, said) = garden.import(&["streams.json", "--all-streams", "--never", "never.yaml"]);
    assert!(status == 2 && said.starts_with("never.yaml:2:5: the key `why` is missing"), "{said}");
    garden.put("never.yaml", "never:\n  - prefix: north.\n    why: cold\n");
    let order = ["streams.json", "--all-streams", "--topic-prefix", "west.", "--into", "mine.yaml"];
    let (_, printed, _) = garden.import(&order);
    assert_eq!(
        printed.lines().next(),
        Some("+ garden.water: west.garden.water"),
        "the never list beside the catalogue counts"
    );
}

/// A name from a stranger's file goes into YAML as a text and into a message on one line.
#[test]
fn hostile_names_stay_names() {
    let garden = Garden::new();
    garden.put("streams.json", r#"{"streams": {
        "a\"}\npii: {verdict: none": {"topics": ["n.a"], "description": "x\"\n    pii: {verdict: none}\u0000", "schema_title": "}{\n"},
        "x\"}\u0020pii: {verdict: none": {"topics": ["n.x"]},
        "null": {"topics": ["true"], "schema_title": "~"},
        "1.5": {"topics": ["1.5"], "message_key_fields": {"k\n    pii: {verdict: none}": "k"}},
        "bad": {"topics": ["n.bad\nx"]}
    }}"#);
    let (status, printed, said) = garden.import(&["streams.json", "--all-streams"]);
    assert_eq!(status, 1, "{said}");
    assert!(
        said.lines()
            .all(|line| line.starts_with("note: ") || line.starts_with("left out: ") || line.ends_with("left out"))
    );
    let verdicts: Vec<_> = printed.lines().filter(|line| line.trim_start().starts_with("pii:")).collect();
    assert_eq!(verdicts, ["    pii: {verdict: open}"; 3], "{printed}");
    fs::create_dir_all(garden.at("acl/principals")).unwrap();
    garden.put("acl/never.yaml", "never: []\n");
    garden.put("acl/tiers.yaml", "tiers:\n  - tier: tool\n    connections: 20\n");
    let decided = printed.replace("{verdict: open}", "{verdict: none, by: me, on: 2026-11-22, ticket: T-1}");
    garden.put("acl/catalogue.yaml", &decided.replace("schema_version: \"\"", "schema_version: none"));
    let (status, _, said) = run(&["diff", "acl", "acl"], garden.0.path());
    assert_eq!(status, 0, "{printed}{said}");
}
