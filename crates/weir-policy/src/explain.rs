//! Why a verdict is what it is: the rule that gave it, the lines of the files behind it, and what to write to change it.
//!
//! Must never: judge by itself. The verdict is that of `rules`, which every request gets.

use std::net::IpAddr;

use crate::compile::Places;
use crate::problem::Place;
use crate::rules::{self, Operation, Question, Resource, Rule};
use crate::{Compacted, OwnGroups, Policy, Principal, RealGroup, Reason, Suspended, Suspension};

/// A verdict, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What every request gets.
    pub verdict: Result<(), Reason>,
    /// The name of the rule that gave it.
    pub rule: &'static str,
    /// What the files say about it; what decided comes first.
    pub lines: Vec<Line>,
    /// What to write for it to be allowed, or that nothing allows it; nothing where it is.
    pub fix: Option<String>,
    /// What is suspended, where that refuses it: `fix` has the command that resumes it.
    pub stopped: Option<Suspended>,
    /// What the brokers call the group that was asked for.
    pub real_group: Option<RealGroup>,
}

/// Something that the files say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which part of the policy: `grant`, `catalogue`, `never`, ...
    pub part: &'static str,
    /// Where; nothing for what stands in no file.
    pub place: Option<Place>,
    /// What.
    pub text: String,
}

/// The part of the policy that stops what would be allowed.
const SUSPENDED: &str = "suspended";
/// The part that a cluster has in a verdict, and what is said of it: who explains has no cluster at hand.
const COMPACTED: &str = "compacted";
const CONDITION: &str = "only while the brokers confirm that the topic is compacted; else topic-not-compacted";

impl Line {
    fn new(part: &'static str, place: Option<&Place>, text: impl Into<String>) -> Self {
        Self { part, place: place.cloned(), text: text.into() }
    }
}

impl Policy {
    /// Explains a verdict, that on the principal itself first: who is suspended may nothing. A topic that must be compacted
    /// counts as compacted, and a line says so. `places` are those of the files
    /// that this policy was compiled from, and of this principal.
    #[must_use]
    pub fn explain(
        &self,
        places: &Places,
        principal: &Principal,
        operation: Operation,
        resource: Resource<'_>,
    ) -> Explanation {
        if let Some(reason) = self.suspends(&principal.name) {
            return self.stopped(reason, principal);
        }
        let (rule, verdict) = rules::decide(&Question::new(self, principal, operation, resource, Compacted::assumed()));
        let lines = match resource {
            Resource::Topic(_) if rule == Rule::TopicName => Vec::new(),
            Resource::Topic(topic) => self.topic_lines(places, topic),
            Resource::Group(_) => vec![namespace(places, principal)],
            Resource::TransactionalId(_) | Resource::Cluster => Vec::new(),
        };
        let real_group = match resource {
            Resource::Group(shown) => principal.real_group(shown).ok(),
            Resource::Topic(_) | Resource::TransactionalId(_) | Resource::Cluster => None,
        };
        let stopped = match resource {
            Resource::Topic(topic) if verdict == Err(Reason::TopicSuspended) => {
                Some(Suspended::Topic(topic.to_owned()))
            }
            _ => None,
        };
        let ways = || fix(rule, places, principal, operation, resource);
        let resumed = stopped.as_ref().zip(lines.first()).and_then(|(what, line)| resume(what, line));
        let fix = verdict.is_err().then(|| resumed.unwrap_or_else(ways));
        Explanation { verdict, rule: name(rule), lines, fix, stopped, real_group }
    }

    fn stopped(&self, reason: Reason, principal: &Principal) -> Explanation {
        let everybody = self.suspension_lines(|what| *what == Suspended::All);
        let alone = self.suspension_lines(|what| matches!(what, Suspended::Principal(name) if *name == principal.name));
        let lines: Vec<_> = everybody.chain(alone).collect();
        let what = match reason {
            Reason::AllSuspended => Suspended::All,
            _ => Suspended::Principal(principal.name.clone()),
        };
        let fix = lines.first().and_then(|line| resume(&what, line));
        Explanation { verdict: Err(reason), rule: SUSPENDED, lines, fix, stopped: Some(what), real_group: None }
    }

    fn suspension_lines(&self, of: impl Fn(&Suspended) -> bool) -> impl Iterator<Item = Line> {
        self.suspensions().iter().filter(move |suspension| of(&suspension.what)).map(|suspension| {
            let Suspension { what, reason, ticket, place, .. } = suspension;
            Line::new(SUSPENDED, Some(place), format!("{what} ({ticket}: {reason})"))
        })
    }

    /// What the files say of a topic: what refuses it, then both keys.
    fn topic_lines(&self, places: &Places, topic: &str) -> Vec<Line> {
        let mut never: Vec<_> =
            places.never_lines(topic).map(|(text, place)| Line::new("never", Some(place), text)).collect();
        if never.is_empty() && self.never.covers(topic) {
            never.push(Line::new("never", None, "Kafka's own topics, whatever the files say"));
        }
        let stopped = self.suspension_lines(|what| matches!(what, Suspended::Topic(name) if name == topic));
        let keyed = |part| {
            move |(kind, text, place): (&str, &str, &Place)| Line::new(part, Some(place), format!("{kind} {text}"))
        };
        let stream = |mut line: Line| {
            if let Some(entry) = self.catalogue_entry(topic) {
                line.text = format!("{}, stream {}", line.text, entry.stream);
            }
            line
        };
        let grants = places.grants(topic).map(keyed("grant"));
        let entries = places.entries(topic).map(keyed("catalogue")).map(stream);
        let condition = places.entries(topic).next().filter(|_| self.only_while_compacted(topic));
        let condition = condition.map(|(_, _, place)| Line::new(COMPACTED, Some(place), CONDITION));
        never.into_iter().chain(stopped).chain(grants).chain(entries).chain(condition).collect()
    }
}

impl Principal {
    /// Whether it may connect from this address, and what says so.
    pub fn explain_address(&self, places: &Places, address: IpAddr) -> (Result<(), Reason>, Vec<Line>) {
        let lines = places
            .own()
            .cidrs
            .iter()
            .filter(|(net, _)| net.parse::<ipnet::IpNet>().is_ok_and(|net| net.contains(&address.to_canonical())));
        let lines: Vec<_> = lines.map(|(net, place)| Line::new("cidrs", Some(place), net)).collect();
        if self.allows_address(address) {
            let anywhere = || vec![Line::new("cidrs", None, "none: it may connect from anywhere")];
            return (Ok(()), if lines.is_empty() { anywhere() } else { lines });
        }
        let first = places.own().cidrs.first().map(|(_, place)| place);
        let nets: Vec<_> = self.cidrs.iter().map(ToString::to_string).collect();
        (Err(Reason::AddressNotAllowed), vec![Line::new("cidrs", first, nets.join(", "))])
    }

    /// Who it is and what it may use, with the places.
    #[must_use]
    pub fn explain_limits(&self, places: &Places) -> Vec<Line> {
        let own = places.own();
        let mut lines = vec![
            Line::new("principal", Some(&own.principal), self.name.as_str()),
            namespace(places, self),
            Line::new("tier", own.tier.as_ref(), self.tier.name.as_str()),
        ];
        let tier = places.tier(&self.tier.name);
        lines.extend(self.limits.in_words().into_iter().map(|limit| {
            let place = own.limits.get(limit.key).or(tier);
            Line::new("limit", place, format!("{}: {}", limit.key, limit.words))
        }));
        lines
    }
}

fn namespace(places: &Places, principal: &Principal) -> Line {
    Line::new("namespace", places.own().namespace.as_ref(), principal.namespace.as_str())
}

fn name(rule: Rule) -> &'static str {
    match rule {
        Rule::Cluster => "cluster",
        Rule::TransactionalId => "transactional-id",
        Rule::Group => "group",
        Rule::TopicName => "topic-name",
        Rule::Never => "never",
        Rule::Catalogue => "catalogue",
        Rule::Grant => "grant",
        Rule::Compacted => "compacted",
        Rule::ReadOnly => "read-only",
        Rule::End => "end",
    }
}

/// What ends a suspension.
fn resume(what: &Suspended, line: &Line) -> Option<String> {
    let place = line.place.as_ref().filter(|_| line.part == SUSPENDED)?;
    Some(format!("`{}`, or take {} away", what.to_resume(""), place.file))
}

/// What to write for a refused question to be allowed.
fn fix(rule: Rule, places: &Places, principal: &Principal, operation: Operation, resource: Resource<'_>) -> String {
    let own = &places.own().principal.file;
    let (topic, group) = match resource {
        Resource::Topic(topic) => (topic, ""),
        Resource::Group(group) => ("", group),
        Resource::TransactionalId(_) | Resource::Cluster => ("", ""),
    };
    match rule {
        Rule::Cluster => "nothing allows it: no operation on the cluster is served".to_owned(),
        Rule::TransactionalId => "nothing allows it: nobody produces from outside".to_owned(),
        Rule::End => "nothing allows it".to_owned(),
        Rule::Group if principal.real_group(group).is_err() => match principal.own_groups() {
            OwnGroups::Any => "name the group with 1 to 249 printable ASCII characters, none a slash".to_owned(),
            OwnGroups::Prefix(prefix) => format!("begin the group's name with `{prefix}`"),
        },
        Rule::Group => format!("nothing allows it: own groups can be read, described and deleted, not {operation}"),
        Rule::TopicName => "write 1 to 249 letters, digits, dots, underscores or dashes".to_owned(),
        Rule::Never => match places.never_lines(topic).next() {
            Some((_, place)) => format!(
                "the line at {place} holds it back: without it, the topic would still need an entry in {} and a grant",
                places.catalogue_file
            ),
            None => "nothing allows it: Kafka's own topics never leave".to_owned(),
        },
        Rule::Catalogue => match places.near(topic) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "have the topic reviewed and added to {}, then grant it in {own}: `- topic: {topic}` under `read:`",
                places.catalogue_file
            ),
        },
        Rule::Grant => {
            let read = places.own().read.as_ref().unwrap_or(&places.own().principal);
            format!("add `- topic: {topic}` to the list `read:` at {read}")
        }
        Rule::Compacted => format!("have the brokers compact {topic}: `cleanup.policy=compact`"),
        Rule::ReadOnly => "nothing allows it: topics can be read and described here, nothing else".to_owned(),
    }
}
