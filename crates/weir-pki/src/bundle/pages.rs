//! docs/clients/: what stands in a bundle for one client, as a page, made from the same templates with example values.
//!
//! Must never: show a file otherwise than a bundle has it, but for the PEM texts, which would be long and look like secrets.

use serde::Serialize;
use time::OffsetDateTime;

use super::error::BundleError;
use super::facts::{Address, ClientCertificate, Facts, Limit, Refusal, Secret, Stores, Topic};
use super::files::{FILES, WITH_STORES};
use super::manifest::{GroupRule, OffsetReset};
use super::programs::PROGRAMS;
use super::render::{Names, Pem, render, render_page};
use super::template::{Mode, Template};

/// One page, and the files that it shows: those with these names, and those of these folders.
struct Page {
    template: Template,
    shows: &'static [&'static str],
}

const fn page(path: &'static str, source: &'static str, shows: &'static [&'static str]) -> Page {
    Page { template: Template { path, source, mode: Mode::Plain }, shows }
}

const PAGES: &[Page] = &[
    page(
        "java.md",
        include_str!("templates/pages/java.md.jinja"),
        &["client.properties", "client-p12.properties", "java/"],
    ),
    page(
        "librdkafka.md",
        include_str!("templates/pages/librdkafka.md.jinja"),
        &["librdkafka.conf", "kcat.conf", "env.sh"],
    ),
    page("python.md", include_str!("templates/pages/python.md.jinja"), &["python/"]),
    page("node.md", include_str!("templates/pages/node.md.jinja"), &["node/"]),
    page("go.md", include_str!("templates/pages/go.md.jinja"), &["go/"]),
    page("rust.md", include_str!("templates/pages/rust.md.jinja"), &["rust/"]),
    page("kafka-connect.md", include_str!("templates/pages/kafka-connect.md.jinja"), &["connect/"]),
];

/// A file on a page.
#[derive(Serialize)]
pub(super) struct Shown {
    path: &'static str,
    language: &'static str,
    text: String,
}

/// The pages of docs/clients/ that are made from the templates: the file's name and its text.
///
/// # Errors
/// A template is wrong.
pub fn client_pages() -> Result<Vec<(&'static str, String)>, BundleError> {
    let facts = example();
    let manifest = super::manifest_of(&facts);
    let pem = Pem {
        certificate: "(the lines of client.pem)\n",
        key: Some("(the lines of client.key)\n"),
        ca: "(the lines of ca.pem)\n",
    };
    let names = Names::new(&facts, &manifest, &pem);
    let pages = PAGES.iter().map(|page| {
        let is_shown = |template: &&Template| page.shows.iter().any(|shown| matches(shown, template.path));
        let shown = FILES.iter().chain(WITH_STORES).chain(PROGRAMS).filter(is_shown).map(|template| {
            let text = render(template, &names)?;
            Ok(Shown { path: template.path, language: language(template.path), text: text.trim_end().to_owned() })
        });
        let shown = shown.collect::<Result<Vec<_>, BundleError>>()?;
        Ok((page.template.path, render_page(&page.template, &shown)?))
    });
    pages.collect()
}

fn matches(shown: &str, path: &str) -> bool {
    // Lists of exact versions, for programs.
    let is_lock = ["package-lock.json", "go.sum", "Cargo.lock"].iter().any(|lock| path.ends_with(lock));
    if shown.ends_with('/') { path.starts_with(shown) && !is_lock } else { path == shown }
}

/// What a file is written in, for colours.
fn language(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("properties" | "conf") => "properties",
        Some("sh") => "sh",
        Some("py") => "python",
        Some("js" | "mjs" | "cjs") => "js",
        Some("json") => "json",
        Some("go") => "go",
        Some("rs") => "rust",
        Some("toml") => "toml",
        Some("java") => "java",
        Some("xml") => "xml",
        _ => "text",
    }
}

/// What the example policy, acl/, gives to a tool.
fn example() -> Facts {
    let topic = |name: &str| Topic { name: name.to_owned(), description: String::new() };
    Facts {
        principal: "toolforge-recent-tools".to_owned(),
        bootstrap: vec![Address { host: "kafka.example.org".to_owned(), port: 9093 }],
        topics: vec![topic("eqiad.eventgate-main.test.event"), topic("eqiad.mediawiki.recentchange")],
        topic_prefixes: Vec::new(),
        groups: GroupRule::Any,
        offset_reset: OffsetReset::Earliest,
        limits: Vec::<Limit>::new(),
        keeps_offsets: true,
        refusals: Vec::<Refusal>::new(),
        networks: Vec::new(),
        certificate: ClientCertificate {
            chain_pem: String::new(),
            not_after: OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_819),
            serial: "0123456789abcdef".to_owned(),
        },
        key: Some(Secret::new(String::new())),
        ca_pem: String::new(),
        stores: Some(Stores {
            client: Vec::new(),
            ca: Vec::new(),
            password: Secret::new("0123456789abcdef0123456789abcdef".to_owned()),
        }),
        weir: None,
    }
}
