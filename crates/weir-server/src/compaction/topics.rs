//! What is known of the topics of one cluster that may leave only while they are compacted.
//!
//! Must never: hold for compacted what no broker said so of, or not lately.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use weir_kafka::cluster::{RealTopic, TopicId};

use crate::upstream::{Confirmed, Told};

/// The part of `cleanup.policy` that is wanted.
const COMPACT: &str = "compact";
/// So much is told of another policy: what a broker says goes into the log, the audit and `/readyz`.
const LONGEST_TOLD: usize = 40;

/// The topics, each with the id that it has now.
pub(super) type Wanted = BTreeMap<RealTopic, TopicId>;

/// Why a topic is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It is new here: the brokers are being asked.
    Unasked,
    /// A broker says that it is kept in another way.
    Policy(String),
    /// The brokers do not say, and answer with one of Kafka's error codes.
    Refused(i16),
    /// The brokers answer, and do not speak of it.
    Untold,
    /// No broker answers, or none has for too long.
    Unanswered,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unasked => f.write_str("the brokers are being asked"),
            Self::Policy(policy) => write!(f, "its cleanup.policy is `{}`", policy.escape_debug()),
            Self::Refused(code @ (29 | 31)) => {
                write!(f, "the brokers do not let Weir ask (code {code}): allow it DescribeConfigs on the topic")
            }
            Self::Refused(code) => write!(f, "the brokers do not say how they keep it (code {code})"),
            Self::Untold => f.write_str("the brokers do not say how they keep it"),
            Self::Unanswered => f.write_str("no broker says how it is kept"),
        }
    }
}

/// What is known of one topic.
#[derive(Debug)]
struct Known {
    id: TopicId,
    /// When the question left that was answered well, or why the topic is closed.
    standing: Result<Instant, Why>,
}

/// What is known of all.
#[derive(Debug)]
pub(super) struct Topics {
    /// For so long a broker's word holds.
    holds: Duration,
    known: BTreeMap<RealTopic, Known>,
}

impl Topics {
    pub(super) fn new(holds: Duration) -> Self {
        Self { holds, known: BTreeMap::new() }
    }

    /// These are the topics now. Nothing is known of one that is new or was made again: whether there is one.
    pub(super) fn follow(&mut self, wanted: &Wanted) -> bool {
        self.known.retain(|topic, known| wanted.get(topic) == Some(&known.id));
        let mut has_new = false;
        for (topic, id) in wanted {
            self.known.entry(topic.clone()).or_insert_with(|| {
                has_new = true;
                Known { id: *id, standing: Err(Why::Unasked) }
            });
        }
        has_new
    }

    /// What came of a question about these topics that left at `asked`: nothing where no broker answered.
    pub(super) fn answered(&mut self, about: &Wanted, asked: Instant, told: Option<&Told>) {
        for (topic, known) in &mut self.known {
            if about.get(topic) != Some(&known.id) {
                continue;
            }
            known.standing = match told.map(|told| told.get(&topic.0)) {
                // A word that is not too old holds on.
                None if known.standing.is_ok() => continue,
                None => Err(Why::Unanswered),
                Some(None) => Err(Why::Untold),
                Some(Some(Err(code))) => Err(Why::Refused(*code)),
                Some(Some(Ok(policies))) => match policies.iter().find(|policy| !is_compact(policy)) {
                    Some(other) => Err(Why::Policy(other.chars().take(LONGEST_TOLD).collect())),
                    None => Ok(asked),
                },
            };
        }
    }

    /// What was said too long ago is not known any more.
    pub(super) fn expire(&mut self, now: Instant) {
        for known in self.known.values_mut() {
            if known.standing.as_ref().is_ok_and(|asked| now.saturating_duration_since(*asked) >= self.holds) {
                known.standing = Err(Why::Unanswered);
            }
        }
    }

    /// When the next word is too old.
    pub(super) fn expires_at(&self) -> Option<Instant> {
        let asked = self.known.values().filter_map(|known| known.standing.as_ref().ok());
        asked.min().and_then(|asked| asked.checked_add(self.holds))
    }

    pub(super) fn confirmed(&self) -> Confirmed {
        let is_open = |(_, known): &(&RealTopic, &Known)| known.standing.is_ok();
        self.known.iter().filter(is_open).map(|(topic, known)| (topic.clone(), known.id)).collect()
    }

    /// The topics that are closed, by the names that clients see.
    pub(super) fn closed(&self) -> BTreeMap<String, Why> {
        let closed = |(topic, known): (&RealTopic, &Known)| {
            Some((topic.shown_name().into_owned(), known.standing.as_ref().err()?.clone()))
        };
        self.known.iter().filter_map(closed).collect()
    }
}

fn is_compact(policy: &str) -> bool {
    policy.split(',').any(|part| part.trim() == COMPACT)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const HOLDS: Duration = Duration::from_secs(90);

    fn wanted(topics: &[(&str, u128)]) -> Wanted {
        topics.iter().map(|(name, id)| (RealTopic((*name).to_owned()), Uuid::from_u128(*id))).collect()
    }

    fn told(said: &[(&str, Result<&[&str], i16>)]) -> Told {
        let owned = |policies: &[&str]| policies.iter().map(|policy| (*policy).to_owned()).collect();
        said.iter().map(|(topic, said)| ((*topic).to_owned(), said.map(owned))).collect()
    }

    fn open(topics: &Topics) -> Vec<String> {
        topics.confirmed().into_keys().map(|topic| topic.0).collect()
    }

    #[test]
    fn only_what_every_answer_calls_compacted_is_open() {
        let about = wanted(&[("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5), ("f", 6)]);
        let mut topics = Topics::new(HOLDS);
        assert!(topics.follow(&about));
        assert_eq!(open(&topics), [""; 0], "nobody was asked");
        assert!(topics.closed().values().all(|why| *why == Why::Unasked));
        let said = told(&[
            ("a", Ok(&["compact"])),
            ("b", Ok(&["delete, compact", "compact,delete"])),
            ("c", Ok(&["compact", "delete"])),
            ("d", Err(29)),
            ("f", Ok(&["compacted"])),
        ]);
        topics.answered(&about, Instant::now(), Some(&said));
        assert_eq!(open(&topics), ["a", "b"]);
        let (other, near) = (Why::Policy("delete".to_owned()), Why::Policy("compacted".to_owned()));
        let closed = [("c", other), ("d", Why::Refused(29)), ("e", Why::Untold), ("f", near)];
        assert_eq!(topics.closed(), closed.map(|(topic, why)| (topic.to_owned(), why)).into());
        assert!(!topics.follow(&about), "nothing is new");
    }

    #[test]
    fn hostile_a_broker_that_falls_silent_keeps_nothing_open_for_longer_than_its_word_holds() {
        let about = wanted(&[("a", 1)]);
        let (began, mut topics) = (Instant::now(), Topics::new(HOLDS));
        topics.follow(&about);
        topics.answered(&about, began, Some(&told(&[("a", Ok(&["compact"]))])));
        topics.answered(&about, began + HOLDS / 2, None);
        topics.expire(began + HOLDS - Duration::from_millis(1));
        assert_eq!((open(&topics), topics.expires_at()), (vec!["a".to_owned()], Some(began + HOLDS)));
        topics.expire(began + HOLDS);
        assert_eq!((open(&topics), topics.expires_at()), (vec![], None));
        assert_eq!(topics.closed(), [("a".to_owned(), Why::Unanswered)].into());
        topics.answered(&about, began + HOLDS, Some(&told(&[("a", Ok(&["compact"]))])));
        assert_eq!(open(&topics), ["a"]);
    }

    #[test]
    fn hostile_u6_a_broker_s_own_words_are_told_shortly_and_escaped() {
        let about = wanted(&[("a", 1)]);
        let mut topics = Topics::new(HOLDS);
        topics.follow(&about);
        let words = format!("\u{1b}[2J\nready {}", "x".repeat(30_000));
        topics.answered(&about, Instant::now(), Some(&told(&[("a", Ok(&[&words]))])));
        let told = topics.closed()["a"].to_string();
        assert!(told.len() < 100 && told.starts_with(r"its cleanup.policy is `\u{1b}[2J\nready xxx"), "{told}");
    }

    #[test]
    fn a_topic_that_is_made_again_or_was_asked_for_under_another_id_is_closed_until_it_is_asked_for() {
        let (before, after) = (wanted(&[("a", 1)]), wanted(&[("a", 2)]));
        let mut topics = Topics::new(HOLDS);
        let said = told(&[("a", Ok(&["compact"]))]);
        topics.follow(&before);
        topics.answered(&before, Instant::now(), Some(&said));
        assert!(topics.follow(&after));
        assert_eq!(open(&topics), [""; 0]);
        topics.answered(&before, Instant::now(), Some(&said));
        assert_eq!(open(&topics), [""; 0], "the answer is of the topic that was");
        topics.answered(&after, Instant::now(), Some(&said));
        assert_eq!(open(&topics), ["a"]);
        assert!(!topics.follow(&wanted(&[])));
        assert_eq!((open(&topics), topics.closed().len()), (vec![], 0));
    }

    #[test]
    fn who_restarts_before_brokers_that_do_not_answer_opens_nothing() {
        let about = wanted(&[("a", 1)]);
        let mut topics = Topics::new(HOLDS);
        topics.follow(&about);
        topics.answered(&about, Instant::now(), None);
        assert_eq!(topics.closed(), [("a".to_owned(), Why::Unanswered)].into());
    }
}
