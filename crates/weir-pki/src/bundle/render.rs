//! From a template and the facts to a text.
//!
//! Must never: give out a text in which a name of the template stood for nothing, or take a value that `values` did not
//! look at, unless it goes through the filter `md`.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use serde::Serialize;
use time::macros::format_description;

use super::error::BundleError;
use super::facts::Facts;
use super::manifest::{GroupRule, Manifest};
use super::pages::Shown;
use super::template::Template;

/// What stands in several files, by the name in `{% include %}`.
const SHARED: &[(&str, &str)] = &[
    ("java-settings", include_str!("templates/shared/java-settings.properties")),
    ("librdkafka-settings", include_str!("templates/shared/librdkafka-settings.conf")),
    ("programs", include_str!("templates/shared/programs.md.jinja")),
    ("files-of-the-page", include_str!("templates/shared/files-of-the-page.md.jinja")),
];

/// The names that a template sees. `template.rs` tells what each is.
#[derive(Serialize)]
pub(super) struct Names<'a> {
    principal: &'a str,
    bootstrap: String,
    bootstrap_list: &'a [String],
    topics: &'a [String],
    topic_prefixes: &'a [String],
    first_topic: &'a str,
    group_id: &'a str,
    group_prefix: &'a str,
    offset_reset: &'a str,
    offset_reset_librdkafka: &'a str,
    certificate: &'a str,
    key: &'a str,
    ca: &'a str,
    key_included: bool,
    has_stores: bool,
    has_weir: bool,
    not_after: String,
    serial: &'a str,
    keeps_offsets: bool,
    store_password: &'a str,
    certificate_pem: &'a str,
    key_pem: &'a str,
    ca_pem: &'a str,
    networks: &'a [String],
    topic_rows: Vec<[&'a str; 2]>,
    limit_rows: Vec<[&'a str; 3]>,
    refusal_rows: Vec<[&'a str; 4]>,
}

/// The texts that templates see and the manifest does not have.
pub(super) struct Pem<'a> {
    pub(super) certificate: &'a str,
    pub(super) key: Option<&'a str>,
    pub(super) ca: &'a str,
}

impl<'a> Names<'a> {
    pub(super) fn new(facts: &'a Facts, manifest: &'a Manifest, pem: &Pem<'a>) -> Self {
        let date = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
        Self {
            principal: &manifest.principal,
            bootstrap: manifest.bootstrap.join(","),
            bootstrap_list: &manifest.bootstrap,
            topics: &manifest.topics,
            topic_prefixes: &manifest.topic_prefixes,
            first_topic: manifest.topics.first().map_or("", String::as_str),
            group_id: &manifest.group_id,
            group_prefix: match &manifest.groups {
                GroupRule::Any => "",
                GroupRule::Prefix(prefix) => prefix,
            },
            offset_reset: manifest.offset_reset.java(),
            offset_reset_librdkafka: manifest.offset_reset.librdkafka(),
            certificate: &manifest.certificate,
            key: &manifest.key,
            ca: &manifest.ca,
            key_included: manifest.key_included,
            has_stores: facts.stores.is_some(),
            has_weir: facts.weir.is_some(),
            not_after: manifest.not_after.to_offset(time::UtcOffset::UTC).format(&date).unwrap_or_default(),
            serial: &manifest.serial,
            keeps_offsets: facts.keeps_offsets,
            store_password: facts.stores.as_ref().map_or("", |stores| stores.password.expose()),
            certificate_pem: pem.certificate,
            key_pem: pem.key.unwrap_or(""),
            ca_pem: pem.ca,
            networks: &facts.networks,
            topic_rows: facts.topics.iter().map(|topic| [topic.name.as_str(), topic.description.as_str()]).collect(),
            limit_rows: facts.limits.iter().map(|limit| [limit.key, limit.words.as_str(), limit.counts]).collect(),
            refusal_rows: facts.refusals.iter().map(|row| [row.told, row.name, row.meaning, row.advice]).collect(),
        }
    }
}

/// Renders one template.
pub(super) fn render(template: &Template, names: &Names<'_>) -> Result<String, BundleError> {
    // Its display has names and lines of the template, and no value.
    let wrong = |error: minijinja::Error| BundleError::Template { path: template.path, problem: error.to_string() };
    let environment = environment().map_err(wrong)?;
    environment.render_str(template.source, Value::from(Serde(names))).map_err(wrong)
}

/// Renders a page that shows files.
pub(super) fn render_page(page: &Template, files: &[Shown]) -> Result<String, BundleError> {
    let wrong = |error: minijinja::Error| BundleError::Template { path: page.path, problem: error.to_string() };
    let files = Value::from(Serde(files));
    environment().and_then(|environment| environment.render_str(page.source, context! { files })).map_err(wrong)
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // What would be right in HTML is wrong in every file here: values.rs and `md` are in its place.
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment
        .set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    environment.add_filter("md", markdown);
    environment.add_filter("java", java);
    for (name, source) in SHARED {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

/// Text for people, in a line or a cell of Markdown: nothing in it means anything to Markdown, HTML or a terminal.
fn markdown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '&' | '~' | '$' => {
                safe.push('\\');
                safe.push(character);
            }
            control if control.is_control() || matches!(control, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                safe.push(' ');
            }
            other => safe.push(other),
        }
    }
    // Code spans of ours stay; one that is not closed would swallow what follows.
    if safe.matches('`').count() % 2 == 1 { safe.replace('`', "\\`") } else { safe }
}

/// PEM as the value of a Java property: one line, written over several.
fn java(pem: &str) -> String {
    pem.trim_end().lines().collect::<Vec<_>>().join("\\n\\\n")
}
