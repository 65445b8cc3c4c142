//! Which streams an import writes, and why not the others.
//!
//! Must never: write a part of a stream that it does not take whole, or a topic that the never list refuses.

use std::collections::{BTreeMap, BTreeSet};

use weir_policy::{NeverList, is_topic_name};

use super::findings::{Findings, Place, is_hidden, printable};
use super::gather::{Disagreement, Gathered};
use super::setting::{Prefixes, Setting};
use crate::catalogue::Entry;

/// The longest description that a catalogue takes, in bytes.
const LONGEST_DESCRIPTION: usize = 2000;

/// The longest name of a stream, in bytes: longer than that of any topic.
const LONGEST_STREAM: usize = 300;

/// What streams are held against.
pub(super) struct Judge<'a> {
    pub(super) gathered: &'a Gathered,
    pub(super) never: &'a NeverList,
    /// What stands before a stream's name where no file says it.
    pub(super) prefixes: &'a [String],
}

/// An entry, and where the stream stands that it is made of.
#[derive(Clone, Debug)]
pub(super) struct Imported {
    pub(super) entry: Entry,
    pub(super) place: Place,
}

/// Why a stream is left out, and what to do.
type Refused = (String, &'static str);

/// What an import knows while it goes from stream to stream.
#[derive(Default)]
struct Taken {
    topics: BTreeMap<String, String>,
    aliases: BTreeMap<String, String>,
}

impl Judge<'_> {
    /// The entries of a catalogue, sorted by stream. A topic that two streams name is the one's whose name it has.
    pub(super) fn entries(&self, wanted: &[(String, Place)], findings: &mut Findings) -> Vec<Imported> {
        let mut taken = Taken::default();
        let mut entries: Vec<Imported> = Vec::new();
        let of_its_name = |stream: &str| {
            let setting = self.setting(stream).ok();
            setting.is_some_and(|setting| self.topics(stream, &setting).iter().all(|topic| has_name(topic, stream)))
        };
        let (first, then): (Vec<_>, Vec<_>) = wanted.iter().partition(|(stream, _)| of_its_name(stream));
        for (stream, allowed_at) in first.into_iter().chain(then) {
            let setting = match self.setting(stream) {
                Ok(setting) => setting,
                Err((what, fix)) => {
                    findings.leave_out(allowed_at, stream, &what, fix);
                    continue;
                }
            };
            match self.entry(stream, &setting, &taken, findings) {
                Ok(entry) => {
                    self.look_at_aliases(stream, &setting, &mut taken, findings);
                    taken.topics.extend(entry.topics.iter().map(|topic| (topic.clone(), stream.clone())));
                    entries.push(Imported { entry, place: setting.place });
                }
                Err((what, fix)) => findings.leave_out(&setting.place, stream, &what, fix),
            }
        }
        entries.sort_by(|one, other| one.entry.stream.cmp(&other.entry.stream));
        entries
    }

    fn setting(&self, stream: &str) -> Result<Setting, Refused> {
        if stream.starts_with('/') {
            let fix = "list the topics by hand if they are meant to leave";
            return Err(("a pattern is no stream: EventStreams serves none, either".to_owned(), fix));
        }
        if stream.len() > LONGEST_STREAM || stream.contains(is_hidden) {
            return Err(("this is no stream's name".to_owned(), "correct that file"));
        }
        match self.gathered.setting(stream) {
            None => {
                let what = "it is allowed, and no file says what it is".to_owned();
                Err((what, "add the stream configuration that does, or list its topics by hand"))
            }
            Some(Err(Disagreement(first, other))) => {
                let what = format!("{first} and {other} say different things of it");
                Err((what, "import the file that EventStreams reads, alone"))
            }
            Some(Ok(Setting { wrong: Some(wrong), .. })) => Err((wrong.to_owned(), "correct that file")),
            Some(Ok(setting)) => Ok(setting),
        }
    }

    fn entry(&self, stream: &str, setting: &Setting, taken: &Taken, findings: &mut Findings) -> Result<Entry, Refused> {
        let topics = self.topics(stream, setting);
        self.refuse(&topics, taken)?;
        if setting.topics.is_none() && setting.prefixes == Prefixes::Unsaid {
            let what = format!("no file names its topics: {} are taken", topics.join(", "));
            findings.note(&setting.place, stream, &what);
        }
        if let Some(other) = topics.iter().find(|topic| !has_name(topic, stream)) {
            let what = format!("its topic `{other}` has another name than the stream: make sure that it is meant");
            findings.note(&setting.place, stream, &what);
        }
        if setting.schema.is_none() {
            findings.note(&setting.place, stream, "no file names its schema: `none` is written");
        }
        let mut description = setting.description.clone().unwrap_or_else(|| format!("{stream} events."));
        while description.len() > LONGEST_DESCRIPTION {
            description.pop();
        }
        Ok(Entry {
            stream: stream.to_owned(),
            topics,
            description,
            schema: setting.schema.clone().unwrap_or_else(|| "none".to_owned()),
            schema_version: setting.schema_version.clone().unwrap_or_default(),
            keys: setting.keys.clone(),
        })
    }

    /// The stream's topics, each once: those that are named, or its name with what stands before it.
    fn topics(&self, stream: &str, setting: &Setting) -> Vec<String> {
        let prefixed = |prefixes: &[String]| prefixes.iter().map(|prefix| format!("{prefix}{stream}")).collect();
        let topics: Vec<String> = match (&setting.topics, &setting.prefixes) {
            (Some(topics), _) => topics.clone(),
            (None, Prefixes::Nothing) => vec![stream.to_owned()],
            (None, Prefixes::These(prefixes)) => prefixed(prefixes),
            (None, Prefixes::Unsaid) => prefixed(self.prefixes),
        };
        let mut seen = BTreeSet::new();
        topics.into_iter().filter(|topic| seen.insert(topic.clone())).collect()
    }

    fn refuse(&self, topics: &[String], taken: &Taken) -> Result<(), Refused> {
        let Some(first) = topics.first() else {
            return Err(("it has no topics".to_owned(), "give it some, or take it off the allow-list"));
        };
        for topic in topics {
            if !is_topic_name(topic) {
                let what = format!("`{}` is no topic's name", printable(topic));
                return Err((what, "list its topics by hand if they are meant to leave"));
            }
            if suffix(topic) != suffix(first) {
                let what = format!("`{topic}` and `{first}` do not carry one stream: after the first dot they differ");
                return Err((what, "correct the stream configuration: one of them is probably a slip"));
            }
            if let Some(line) = self.never.why_not(topic) {
                return Err((format!("the topic `{topic}` must never leave: {line}"), "take it off the allow-list"));
            }
            if let Some(other) = taken.topics.get(topic) {
                let what = format!("the topic `{topic}` is one of the stream `{other}`, too");
                return Err((what, "give each topic to one stream"));
            }
        }
        Ok(())
    }

    /// A catalogue has no aliases. Who knows a stream by one has to find it, so one that says something else is told.
    fn look_at_aliases(&self, stream: &str, setting: &Setting, taken: &mut Taken, findings: &mut Findings) {
        for alias in &setting.aliases {
            let shown = printable(alias);
            let other = taken.aliases.insert(alias.clone(), stream.to_owned());
            if let Some(other) = other.filter(|other| other != stream) {
                findings.note(&setting.place, stream, &format!("its alias `{shown}` is one of `{other}`, too"));
            } else if self.gathered.has(alias) && alias != stream {
                findings.note(&setting.place, stream, &format!("its alias `{shown}` is the name of another stream"));
            } else if let Some(word) = foreign_word(alias, stream) {
                let word = printable(word);
                let what = format!(
                    "its alias `{shown}` misleads: the stream's name has no `{word}`; an alias is not imported"
                );
                findings.note(&setting.place, stream, &what);
            }
        }
    }
}

/// Whether a topic is called as a stream is, but for what stands before it.
fn has_name(topic: &str, stream: &str) -> bool {
    topic.strip_suffix(stream).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// What the topics of one stream share: all after the data centre.
fn suffix(topic: &str) -> &str {
    topic.split_once('.').map_or(topic, |(_, suffix)| suffix)
}

/// A word of the alias that the stream's name does not have.
fn foreign_word<'a>(alias: &'a str, stream: &str) -> Option<&'a str> {
    let words = |text: &'a str| text.split(['.', '-', '_']);
    let known: BTreeSet<&str> = stream.split(['.', '-', '_']).collect();
    words(alias).find(|word| !known.contains(word))
}
