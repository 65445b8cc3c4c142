//! From one Metadata answer to the next view of the cluster.
//!
//! Must never: let a partition go back to an older leader epoch, or change the view that others hold.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use weir_kafka::cluster::{ClusterView, PartitionView, RealTopic, TopicView};
use weir_kafka::discovery::MetadataAnswer;
use weir_kafka::racks::{Racks, RealRack, ShownRack};
use weir_policy::Compacted;

use super::compaction::{Confirmed, compacted};
use super::versions::Ranges;

/// The view that replaces `previous`. `asked_at` is when the request left: the view is at least as new as that.
pub(super) fn next_view(
    previous: Option<&ClusterView>,
    answer: MetadataAnswer,
    versions: Ranges,
    (labels, confirmed): (&BTreeMap<RealRack, ShownRack>, &Confirmed),
    asked_at: Instant,
) -> ClusterView {
    let mut topics = answer.topics;
    if let Some(previous) = previous {
        keep_newer_epochs(&previous.topics, &mut topics);
    }
    let topics_by_id =
        topics.iter().filter(|(_, topic)| !topic.id.is_nil()).map(|(name, topic)| (topic.id, name.clone())).collect();
    let compacted = compacted(confirmed, &topics);
    ClusterView {
        cluster_id: answer.cluster_id,
        brokers: answer.brokers,
        racks: Racks::new(labels, &answer.racks),
        topics_generation: generation(previous, &topics, &compacted),
        compacted,
        topics,
        topics_by_id,
        versions,
        fetched_at: asked_at,
    }
}

/// The same view with what is known to be compacted by now.
pub(super) fn confirmed_view(last: &ClusterView, confirmed: &Confirmed) -> ClusterView {
    let compacted = compacted(confirmed, &last.topics);
    let topics_generation = generation(Some(last), &last.topics, &compacted);
    ClusterView { compacted, topics_generation, ..last.clone() }
}

/// Brokers learn of a new leader at different times. Of two descriptions of a partition of the same topic, the one with
/// the higher leader epoch is the newer, whoever gave it (trap C33). A topic that was absent in between, or has another
/// id, starts anew.
fn keep_newer_epochs(previous: &HashMap<RealTopic, TopicView>, topics: &mut HashMap<RealTopic, TopicView>) {
    for (name, topic) in topics {
        let Some(before) = previous.get(name).filter(|before| before.id == topic.id) else { continue };
        let before: HashMap<i32, &PartitionView> = before.partitions.iter().map(|known| (known.index, known)).collect();
        for partition in &mut topic.partitions {
            if let Some(known) = before.get(&partition.index)
                && known.leader_epoch > partition.leader_epoch
                && partition.leader_epoch >= 0
            {
                *partition = (*known).clone();
            }
        }
    }
}

fn generation(previous: Option<&ClusterView>, topics: &HashMap<RealTopic, TopicView>, compacted: &Compacted) -> u64 {
    let Some(previous) = previous else { return 1 };
    let same = previous.compacted == *compacted
        && previous.topics.len() == topics.len()
        && topics.iter().all(|(name, topic)| previous.topics.get(name).is_some_and(|before| before.id == topic.id));
    if same { previous.topics_generation } else { previous.topics_generation.saturating_add(1) }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use weir_kafka::cluster::{BrokerIds, RealAddress, RealBrokerId, RealClusterId};

    use super::*;

    fn partition(index: i32, leader: i32, leader_epoch: i32) -> PartitionView {
        PartitionView {
            index,
            error_code: 0,
            leader: RealBrokerId(leader),
            leader_epoch,
            replicas: BrokerIds::new(),
            isr: BrokerIds::new(),
            offline: BrokerIds::new(),
        }
    }

    fn answer(topics: &[(&str, u128, Vec<PartitionView>)]) -> MetadataAnswer {
        let described = |(name, id, partitions): &(&str, u128, Vec<PartitionView>)| {
            let topic = TopicView { id: Uuid::from_u128(*id), partitions: partitions.clone() };
            (RealTopic((*name).to_owned()), topic)
        };
        let broker = RealAddress { host: "kafka.internal".to_owned(), port: 9092 };
        MetadataAnswer {
            cluster_id: RealClusterId("c".to_owned()),
            brokers: BTreeMap::from([(RealBrokerId(1), broker)]),
            racks: BTreeMap::new(),
            unusable_brokers: Vec::new(),
            topics: topics.iter().map(described).collect(),
            absent: BTreeMap::new(),
        }
    }

    fn view(previous: Option<&ClusterView>, topics: &[(&str, u128, Vec<PartitionView>)]) -> ClusterView {
        next_view(previous, answer(topics), Ranges::new(), (&BTreeMap::new(), &Confirmed::new()), Instant::now())
    }

    fn leader(view: &ClusterView, topic: &str) -> (i32, i32) {
        let partition = &view.topics[&RealTopic(topic.to_owned())].partitions[0];
        (partition.leader.0, partition.leader_epoch)
    }

    #[test]
    fn trap_c33_an_older_leader_epoch_is_not_believed() {
        let newer = view(None, &[("a", 1, vec![partition(0, 2, 7)])]);
        assert_eq!(leader(&view(Some(&newer), &[("a", 1, vec![partition(0, 1, 6)])]), "a"), (2, 7));
        assert_eq!(leader(&view(Some(&newer), &[("a", 1, vec![partition(0, 3, 7)])]), "a"), (3, 7));
        assert_eq!(leader(&view(Some(&newer), &[("a", 1, vec![partition(0, 3, 8)])]), "a"), (3, 8));
    }

    #[test]
    fn a_topic_that_was_made_again_starts_anew() {
        let before = view(None, &[("a", 1, vec![partition(0, 2, 7)])]);
        let with_new_id = view(Some(&before), &[("a", 2, vec![partition(0, 1, 0)])]);
        assert_eq!(leader(&with_new_id, "a"), (1, 0));
        let without_ids = view(None, &[("a", 0, vec![partition(0, 2, 7)])]);
        let gone = view(Some(&without_ids), &[]);
        assert_eq!(leader(&view(Some(&gone), &[("a", 0, vec![partition(0, 1, 0)])]), "a"), (1, 0));
    }

    #[test]
    fn brokers_that_tell_no_epoch_are_believed() {
        let before = view(None, &[("a", 0, vec![partition(0, 2, 7)])]);
        assert_eq!(leader(&view(Some(&before), &[("a", 0, vec![partition(0, 1, -1)])]), "a"), (1, -1));
    }

    #[test]
    fn the_generation_grows_with_the_set_of_names_and_ids_alone() {
        let first = view(None, &[("a", 1, vec![partition(0, 1, 0)])]);
        assert_eq!(first.topics_generation, 1);
        let moved = view(Some(&first), &[("a", 1, vec![partition(0, 2, 1), partition(1, 2, 0)])]);
        assert_eq!(moved.topics_generation, 1);
        let added = view(Some(&moved), &[("a", 1, Vec::new()), ("b", 2, Vec::new())]);
        assert_eq!(added.topics_generation, 2);
        let again = view(Some(&added), &[("a", 3, Vec::new()), ("b", 2, Vec::new())]);
        assert_eq!(again.topics_generation, 3);
        let gone = view(Some(&again), &[("b", 2, Vec::new())]);
        assert_eq!(gone.topics_generation, 4);
        let other = view(Some(&gone), &[("c", 4, Vec::new())]);
        assert_eq!(other.topics_generation, 5);
    }

    #[test]
    fn what_is_compacted_is_followed_by_the_generation_and_lost_with_the_id() {
        let first = view(None, &[("a", 1, Vec::new())]);
        let confirmed = Confirmed::from([(RealTopic("a".to_owned()), Uuid::from_u128(1))]);
        let open = confirmed_view(&first, &confirmed);
        assert_eq!((open.topics_generation, open.compacted.has("a")), (2, true));
        assert_eq!(confirmed_view(&open, &confirmed).topics_generation, 2);
        let asked = |id| {
            let again = answer(&[("a", id, Vec::new())]);
            next_view(Some(&open), again, Ranges::new(), (&BTreeMap::new(), &confirmed), Instant::now())
        };
        assert_eq!((asked(1).topics_generation, asked(1).compacted.has("a")), (2, true));
        assert_eq!((asked(2).topics_generation, asked(2).compacted.has("a")), (3, false));
        let closed = confirmed_view(&open, &Confirmed::new());
        assert_eq!((closed.topics_generation, closed.compacted.has("a")), (3, false));
    }

    #[test]
    fn ids_are_found_again_and_the_zero_id_is_none() {
        let view = view(None, &[("a", 1, Vec::new()), ("old", 0, Vec::new())]);
        assert_eq!(view.topics_by_id, BTreeMap::from([(Uuid::from_u128(1), RealTopic("a".to_owned()))]));
    }
}
