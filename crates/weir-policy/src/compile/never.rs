//! `never.yaml`: the topics that never leave.

use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::fields::{Fields, Text};
use crate::SourceFile;
use crate::catalogue::{KAFKA_INTERNAL, Never};
use crate::names::is_topic_text;
use crate::pattern::Pattern;
use crate::problem::{ConfigErrors, Place, Problems};
use crate::yaml::read_yaml;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    never: Option<Vec<Spanned<RawLine>>>,
}

/// Exactly one of the first five, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    /// A whole name.
    topic: Text,
    prefix: Text,
    suffix: Text,
    contains: Text,
    /// A whole name in which `*` stands for any text.
    glob: Text,
    why: Text,
}

/// The never list, with the places of its lines.
#[derive(Debug)]
pub(super) struct ReadNever {
    pub(super) never: Never,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    pattern: Pattern,
    text: String,
    place: Place,
}

impl ReadNever {
    /// The line that refuses this topic, for people.
    pub(super) fn why_not(&self, topic: &str) -> Option<String> {
        if !self.never.covers(topic) {
            return None;
        }
        let line = self.lines.iter().find(|line| line.pattern.matches(topic));
        Some(line.map_or_else(|| "Kafka's own topics".to_owned(), Line::show))
    }

    /// The lines that refuse this topic, and where they stand.
    pub(super) fn lines_on(&self, topic: &str) -> impl Iterator<Item = (&str, &Place)> {
        let on = move |line: &&Line| line.pattern.matches(topic);
        self.lines.iter().filter(on).map(|line| (line.text.as_str(), &line.place))
    }

    /// The line that speaks of topics under this prefix, for people.
    pub(super) fn why_not_prefix(&self, prefix: &str) -> Option<String> {
        if KAFKA_INTERNAL.iter().any(|topic| topic.starts_with(prefix)) {
            return Some("Kafka's own topics".to_owned());
        }
        self.lines.iter().find(|line| line.pattern.meets_prefix(prefix)).map(Line::show)
    }
}

/// A never list on its own, for what writes a catalogue.
#[derive(Debug)]
pub struct NeverList(ReadNever);

impl NeverList {
    /// Reads `never.yaml`.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn read(source: &SourceFile) -> Result<Self, ConfigErrors> {
        let mut problems = Problems::default();
        let list = read(source, &mut problems).map(Self);
        match list {
            Some(list) => problems.or(list),
            None => Err(ConfigErrors(problems.into_vec())),
        }
    }

    /// The line that refuses this topic, and where it stands, for people.
    #[must_use]
    pub fn why_not(&self, topic: &str) -> Option<String> {
        self.0.why_not(topic)
    }
}

impl Line {
    fn show(&self) -> String {
        format!("`{}` at {}", self.text, self.place)
    }
}

pub(super) fn read(source: &SourceFile, problems: &mut Problems) -> Option<ReadNever> {
    let raw: RawFile = match read_yaml(source) {
        Ok(raw) => raw,
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    let mut fields = Fields { source, problems };
    let raw = fields.required(Location::UNKNOWN, "never", raw.never).unwrap_or_default();
    let lines: Vec<_> = raw.into_iter().filter_map(|line| read_line(&mut fields, line)).collect();
    Some(ReadNever { never: Never(lines.iter().map(|line| &line.pattern).collect()), lines })
}

fn read_line(fields: &mut Fields<'_>, raw: Spanned<RawLine>) -> Option<Line> {
    let at = raw.referenced;
    let RawLine { topic, prefix, suffix, contains, glob, why } = raw.value;
    // The reason is for readers of the file: required, and used nowhere else.
    let _ = fields.text(at, "why", why);
    let kinds = [("topic", topic), ("prefix", prefix), ("suffix", suffix), ("contains", contains), ("glob", glob)];
    let (kind, text) = fields.exactly_one(at, kinds)?;
    let fixed = if kind == "glob" { text.value.replace('*', "") } else { text.value.clone() };
    if fixed.is_empty() || !is_topic_text(&fixed) {
        let what = format!("`{}` can be no `{kind}` of a topic name", text.value.escape_debug());
        fields.problem(text.referenced, what, "write letters, digits, `.`, `_` and `-`; stars belong in `glob`");
        return None;
    }
    let pattern = match kind {
        "prefix" => format!("{fixed}*"),
        "suffix" => format!("*{fixed}"),
        "contains" => format!("*{fixed}*"),
        _ => text.value.clone(),
    };
    let place = fields.place(text.referenced);
    Some(Line { pattern: Pattern::new(&pattern), text: format!("{kind}: {}", text.value), place })
}
