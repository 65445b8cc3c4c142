//! Whether retention has deleted what groups did not read yet, or soon will: committed offsets against the offsets that
//! are still there, and their ages. Kafka tells neither the consumer nor anybody else.
//!
//! Must never: read a record, tell twice of one loss, or hold a group against a principal whose it is not.

mod found;
mod owners;
mod timeline;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use weir_kafka::cluster::RealTopic;

use crate::audit::{Audit, Event};
use crate::live::Generation;
use crate::observe::LinesPerSecond;
use crate::upstream::{Coordinators, EARLIEST, Partitions, Upstream};
pub(crate) use found::{Ends, Found, Loss};
use owners::Owners;
use timeline::{AGES, Standing, Timeline};

/// How often it is looked.
const PERIOD: Duration = Duration::from_secs(30);
/// How soon again where a cluster did not answer, at first; each time twice as long.
const AGAIN: Duration = Duration::from_secs(1);
/// The longest pause until then.
const LONGEST_AGAIN: Duration = Duration::from_secs(16);
/// Groups that are looked at, of one cluster at once; where there are more, all have their turn.
const MOST_GROUPS: usize = 10_000;
/// For how long, and how often, it is waited until the audit has room for more.
const PATIENCE: Duration = Duration::from_secs(5);
const BREATH: Duration = Duration::from_millis(5);

/// A partition of a group, by the brokers' names.
type Key = (String, RealTopic, i32);
type Timelines = HashMap<(RealTopic, i32), Timeline>;

/// Looks at all clusters, for as long as the process runs.
pub(crate) async fn watch(
    upstreams: Vec<(String, Arc<Upstream>)>,
    generations: watch::Receiver<Arc<Generation>>,
    found: Arc<Found>,
    audit: Audit,
) {
    let mut pause = PERIOD;
    let mut looks: Vec<Look> = upstreams.into_iter().map(|(name, upstream)| Look::new(name, upstream)).collect();
    loop {
        let policy = Arc::clone(&generations.borrow().snapshot.policy);
        let owners = Owners::of(&policy);
        let mut all_said = true;
        for look in &mut looks {
            all_said &= look.look(&owners, &found, &audit).await;
        }
        pause = next_pause(pause, all_said);
        tokio::time::sleep(pause).await;
    }
}

/// What is known of one cluster from look to look.
struct Look {
    cluster: String,
    upstream: Arc<Upstream>,
    /// Committed offsets of which it was told that what followed them is lost.
    told: HashMap<Key, i64>,
    /// The group that the next look begins with, where there are too many for one.
    next: Option<String>,
}

impl Look {
    fn new(cluster: String, upstream: Arc<Upstream>) -> Self {
        Self { cluster, upstream, told: HashMap::new(), next: None }
    }

    /// Whether the brokers said which groups there are.
    async fn look(&mut self, owners: &Owners, found: &Found, audit: &Audit) -> bool {
        let Some(groups) = self.upstream.list_groups().await else { return false };
        let mut own: Vec<String> = groups.keys().filter(|group| owners.owner(group).is_some()).cloned().collect();
        let looks = take_turn(&mut own, &mut self.next, MOST_GROUPS);
        let mut committed = HashMap::new();
        let mut untold = groups.clone();
        for (group, offsets) in self.upstream.committed(&own, &groups).await {
            untold.remove(&group);
            let of_one = |(topic, partition, offset)| ((group.clone(), RealTopic(topic), partition), offset);
            committed.extend(offsets.into_iter().map(of_one));
        }
        let timelines = self.timelines(&committed).await;
        keep_told(&mut self.told, &committed, &untold);
        let (mut losses, mut ends) = (Vec::new(), Ends::default());
        for (key, offset) in committed {
            let (group, topic, partition) = &key;
            let Some(timeline) = timelines.get(&(topic.clone(), *partition)) else { continue };
            let Some(principal) = owners.owner(group) else { continue };
            match timeline.standing(offset) {
                Standing::Safe => {}
                Standing::EndsIn(left) => ends.note(&principal.name, left),
                Standing::Lost(records) => {
                    ends.note(&principal.name, Duration::ZERO);
                    if self.told.get(&key) != Some(&offset) {
                        let loss = Loss {
                            principal: principal.name.clone(),
                            group: group.clone(),
                            topic: topic.shown_name().into_owned(),
                            partition: *partition,
                            committed: offset,
                            first: timeline.earliest,
                            lost: records,
                        };
                        found.lost(&loss);
                        losses.push(loss);
                        self.told.insert(key, offset);
                    }
                }
            }
        }
        found.looked(&self.cluster, ends, looks);
        tell_all(losses, audit).await;
        true
    }

    /// The timelines of all partitions for which somebody holds an offset. Only who is far behind costs look-ups by
    /// time.
    async fn timelines(&self, committed: &HashMap<Key, i64>) -> Timelines {
        let now = SystemTime::now();
        let mut wanted: HashMap<(RealTopic, i32), Vec<i64>> = HashMap::new();
        for ((_, topic, partition), offset) in committed {
            wanted.entry((topic.clone(), *partition)).or_default().push(*offset);
        }
        let [first, rest @ ..] = AGES;
        let all = listed(wanted.keys());
        let mut timelines = Timelines::new();
        for (partition, offsets) in self.upstream.first_offsets(&all, &[EARLIEST, ago(now, first)]).await {
            let [earliest, at_first] = offsets.as_slice() else { continue };
            let mut timeline = Timeline::new(*earliest);
            timeline.know(first, known(*at_first));
            timelines.insert(partition, timeline);
        }
        let is_behind = |(partition, timeline): &(&(RealTopic, i32), &Timeline)| {
            wanted.get(*partition).is_some_and(|offsets| offsets.iter().any(|offset| timeline.may_end(*offset)))
        };
        let behind = listed(timelines.iter().filter(is_behind).map(|(partition, _)| partition));
        if behind.is_empty() {
            return timelines;
        }
        let times: Vec<i64> = rest.iter().map(|age| ago(now, *age)).collect();
        for (partition, offsets) in self.upstream.first_offsets(&behind, &times).await {
            if let Some(timeline) = timelines.get_mut(&partition) {
                rest.iter().zip(offsets).for_each(|(age, offset)| timeline.know(*age, known(offset)));
            }
        }
        timelines
    }
}

/// Leaves no more groups than one look takes, those whose turn it is; how many looks see all of them.
fn take_turn(groups: &mut Vec<String>, next: &mut Option<String>, most: usize) -> usize {
    static LINES: LinesPerSecond = LinesPerSecond::new(1);
    let all = groups.len();
    if all <= most {
        *next = None;
        return 1;
    }
    let looks = all.div_ceil(most);
    if next.is_none() && LINES.allow() {
        tracing::warn!(
            all,
            looks,
            "there are too many groups for one look at how near retention is: each has its turn"
        );
    }
    groups.sort_unstable();
    let first = next.take().map_or(0, |next| groups.partition_point(|group| *group < next));
    groups.rotate_left(first);
    *next = groups.get(most).cloned();
    groups.truncate(most);
    looks
}

/// What was told is forgotten once the offset has moved or the group is gone, but not because no broker told of the
/// group this time: the same loss would be told again.
fn keep_told(told: &mut HashMap<Key, i64>, committed: &HashMap<Key, i64>, untold: &Coordinators) {
    told.retain(|key, offset| untold.contains_key(&key.0) || committed.get(key) == Some(offset));
}

/// How long until the next look: brokers that do not answer are asked ever less often, and those that do not much
/// oftener.
fn next_pause(last: Duration, all_said: bool) -> Duration {
    match all_said {
        true => PERIOD,
        false if last < PERIOD => last.saturating_mul(2).min(LONGEST_AGAIN),
        false => AGAIN,
    }
}

/// Tells no faster than the audit is written: one principal may lose more at once than its queue holds.
async fn tell_all(losses: Vec<Loss>, audit: &Audit) {
    let began = Instant::now();
    for loss in losses {
        while audit.is_busy() && began.elapsed() < PATIENCE {
            tokio::time::sleep(BREATH).await;
        }
        tell(loss, audit);
    }
}

/// The log has some of them, the audit each.
fn tell(loss: Loss, audit: &Audit) {
    static LINES: LinesPerSecond = LinesPerSecond::new(10);
    let Loss { principal, group, topic, partition, committed, first, lost } = loss;
    if LINES.allow() {
        tracing::warn!(
            principal,
            group,
            topic,
            partition,
            committed,
            first,
            lost,
            "records were deleted before a group read them"
        );
    }
    audit.note(Event::RecordsLost { principal, group, topic, partition, committed, first, lost });
}

fn listed<'a>(partitions: impl Iterator<Item = &'a (RealTopic, i32)>) -> Partitions {
    let mut listed = Partitions::new();
    for (topic, partition) in partitions {
        listed.entry(topic.clone()).or_default().push(*partition);
    }
    listed
}

/// Brokers say -1 where no record is that young.
fn known(offset: i64) -> Option<i64> {
    (offset >= 0).then_some(offset)
}

/// A time so long ago, in milliseconds since 1970.
fn ago(now: SystemTime, age: Duration) -> i64 {
    let since = now.checked_sub(age).and_then(|then| then.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use weir_kafka::cluster::RealBrokerId;

    use super::*;
    use crate::config::AuditSettings;
    use crate::config::raw::{RawAddresses, RawWhenFull};

    #[test]
    fn a_loss_is_not_told_again_because_a_broker_did_not_answer_in_between() {
        let key = |group: &str| (group.to_owned(), RealTopic("public.a".to_owned()), 0);
        let all = || HashMap::from(["moved", "same", "silent", "gone"].map(|group| (key(group), 5)));
        let mut told = all();
        let committed = HashMap::from([(key("moved"), 6), (key("same"), 5)]);
        keep_told(&mut told, &committed, &Coordinators::from([("silent".to_owned(), RealBrokerId(1))]));
        assert_eq!(told, HashMap::from(["same", "silent"].map(|group| (key(group), 5))));
    }

    #[test]
    fn where_there_are_too_many_groups_each_has_its_turn_also_while_some_come_and_go() {
        let mut next = None;
        let mut look = |names: &[&str]| {
            let mut groups: Vec<String> = names.iter().rev().map(|name| (*name).to_owned()).collect();
            let looks = take_turn(&mut groups, &mut next, 3);
            (groups.concat(), looks)
        };
        let all = ["a", "b", "c", "d", "e", "f", "g"];
        assert_eq!([(); 4].map(|()| look(&all).0), ["abc", "def", "gab", "cde"]);
        // The one that was to be next is gone, and another came before it.
        assert_eq!(look(&["a", "b", "ee", "g", "h"]), ("gha".to_owned(), 2));
        let (all, looks) = look(&["b", "a", "c"]);
        assert_eq!((all.len(), looks), (3, 1));
        assert_eq!(look(&["a", "b", "c", "d"]).0, "abc", "it begins again");
    }

    #[tokio::test]
    async fn hostile_o6_who_loses_very_much_at_once_takes_nobodys_room_in_the_audit() {
        let directory = tempfile::tempdir().unwrap();
        let settings = AuditSettings {
            directory: directory.path().to_owned(),
            keep: Duration::from_secs(86_400),
            addresses: RawAddresses::Full,
            when_full: RawWhenFull::Block,
        };
        let (audit, end) = Audit::start(Some(&settings)).unwrap();
        let loss = Loss {
            principal: "tool".to_owned(),
            group: "g".to_owned(),
            topic: "public.a".to_owned(),
            partition: 0,
            committed: 0,
            first: 9,
            lost: 9,
        };
        tell_all(vec![loss; 12_000], &audit).await;
        assert!(!audit.blocks(), "new connections are let in");
        assert_eq!(audit.standing().unwrap().dropped, 0);
        end.finish(Event::DrainEnded { cut: false });
    }

    #[test]
    fn a_cluster_that_does_not_answer_is_no_reason_to_ask_the_others_every_second() {
        let mut pause = PERIOD;
        let pauses = [false, false, false, false, false, false, true].map(|all_said| {
            pause = next_pause(pause, all_said);
            pause.as_secs()
        });
        assert_eq!(pauses, [1, 2, 4, 8, 16, 16, 30]);
    }
}
