//! Commits: counted in partitions, bounded in metadata, in distinct keys and in groups.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::{ApiKey, OffsetCommitRequest, OffsetCommitResponse};
use weir_policy::Account;

use super::*;

const VERSION: i16 = 8;
const NOBODY: i32 = -1;

/// What a client is told of each partition, and what of the commit goes to the broker. A broker takes all that it is
/// asked.
fn committed(
    desk: &mut Desk,
    asked: &OffsetCommitRequest,
) -> (BTreeMap<(String, i32), i16>, Option<OffsetCommitRequest>) {
    let (answer_frame, sent) = match desk.ask(ApiKey::OffsetCommit, VERSION, asked) {
        Led::Local => (desk.local_answer(), None),
        led => {
            let (header, sent) = upstream::<OffsetCommitRequest>(led, VERSION);
            let topics = sent.topics.iter().map(|topic| {
                let partition = |index| OffsetCommitResponsePartition::default().with_partition_index(index);
                OffsetCommitResponseTopic::default()
                    .with_name(topic.name.clone())
                    .with_partitions(topic.partitions.iter().map(|one| partition(one.partition_index)).collect())
            });
            let told = OffsetCommitResponse::default().with_topics(topics.collect());
            let told = answer(header.correlation_id, true, VERSION, &told);
            (desk.broker_answers(&told, usize::MAX).unwrap(), Some(sent))
        }
    };
    let (_, response) = read::<OffsetCommitResponse>(&answer_frame, true, VERSION);
    let mut names: Vec<_> = response.topics.iter().map(|topic| topic.name.clone()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), response.topics.len(), "clients expect each topic once");
    let told = response.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|one| ((topic.name.to_string(), one.partition_index), one.error_code))
    });
    (told.collect(), sent)
}

fn codes(told: &BTreeMap<(String, i32), i16>) -> Vec<i16> {
    told.values().copied().collect()
}

#[test]
fn trap_a15_commits_are_counted_in_partitions_and_slowed_before_they_are_refused() {
    let mut desk = within("commit_partitions: {per_second: 10, burst: 10}");
    let three = commit("g", 1, &[(GRANTED, &[0, 1, 2])]);
    // The burst, and ten seconds of the rate: 110 partitions.
    for turn in 0..36 {
        let (told, sent) = committed(&mut desk, &three);
        assert_eq!((codes(&told), sent.is_some()), (vec![0; 3], true), "{turn}");
        assert!(desk.session.take_charged(), "the connection asks at once what is owed");
    }
    let limits = desk.policy.principal("reader").unwrap().limits.clone();
    assert_eq!(desk.account.settle(&[], &limits, desk.now).others, Duration::from_millis(9_800));
    assert_eq!(committed(&mut desk, &three), ([0, 1, 2].map(|index| ((GRANTED.into(), index), 28)).into(), None));
    desk.now += Duration::from_millis(100);
    assert!(committed(&mut desk, &three).1.is_some(), "what was refused was not charged");
}

#[test]
fn trap_q7_who_commits_too_fast_is_never_told_a_code_that_its_library_does_not_know() {
    let mut desk = within("commit_partitions: {per_second: 1, burst: 1, mode: deny}");
    let one = commit("g", 1, &[(GRANTED, &[0])]);
    assert_eq!(codes(&committed(&mut desk, &one).0), [0]);
    assert_eq!(codes(&committed(&mut desk, &one).0), [28]);
    let mut desk = within("commit_partitions: {per_second: 1, burst: 1, mode: observe}");
    (0..100).for_each(|_| assert_eq!(codes(&committed(&mut desk, &one).0), [0]));
}

#[test]
fn trap_a14_long_metadata_is_refused_for_its_partition_alone() {
    let mut desk = within("commit_metadata_bytes: {most: 8}");
    let mut asked = commit("g", 1, &[(GRANTED, &[0, 1, 2])]);
    // Bytes, not characters.
    asked.topics[0].partitions[0].committed_metadata = Some(text("12345678"));
    asked.topics[0].partitions[1].committed_metadata = Some(text("1234567\u{e9}"));
    asked.topics[0].partitions[2].committed_metadata = None;
    for connected in [true, false] {
        desk.connected = connected;
        let (told, sent) = committed(&mut desk, &asked);
        assert_eq!(codes(&told), [0, 12, 0]);
        let left: Vec<_> = sent.unwrap().topics[0].partitions.iter().map(|one| one.partition_index).collect();
        assert_eq!(left, [0, 2]);
    }
    asked.topics[0].partitions.retain(|one| one.partition_index == 1);
    assert_eq!(committed(&mut desk, &asked), ([((GRANTED.into(), 1), 12)].into(), None));
}

#[test]
fn new_partitions_beyond_the_limit_are_refused_and_those_that_have_an_offset_go_on() {
    let mut desk = within("committed_partitions: {most: 3}");
    desk.account.admit_group("weir.reader.g", &desk.policy.principal("reader").unwrap().limits, desk.now).unwrap();
    assert_eq!(codes(&committed(&mut desk, &commit("g", 1, &[(GRANTED, &[0, 1])])).0), [0, 0]);
    let (told, sent) = committed(&mut desk, &commit("g", 1, &[(GRANTED, &[2, 1, 0]), (ALSO_GRANTED, &[0])]));
    let refused = ((ALSO_GRANTED.to_owned(), 0), 28);
    assert_eq!(told.iter().filter(|(_, code)| **code != 0).collect::<Vec<_>>(), [(&refused.0, &refused.1)]);
    assert_eq!(sent.unwrap().topics.len(), 1);
    // In another group it is another offset.
    assert_eq!(codes(&committed(&mut desk, &commit("other", NOBODY, &[(GRANTED, &[0])])).0), [28]);
    assert_eq!(codes(&committed(&mut desk, &commit("g", 1, &[(GRANTED, &[0, 1, 2])])).0), [0, 0, 0]);
}

#[test]
fn trap_a10_a_commit_of_nobodys_member_makes_a_group_and_counts_as_one() {
    let mut desk = within("groups: {most: 1}");
    assert_eq!(codes(&committed(&mut desk, &commit("one", NOBODY, &[(GRANTED, &[0])])).0), [0]);
    assert_eq!(committed(&mut desk, &commit("two", NOBODY, &[(GRANTED, &[0])])).1, None);
    assert_eq!(codes(&committed(&mut desk, &commit("two", NOBODY, &[(GRANTED, &[0])])).0), [30]);
    assert_eq!(codes(&committed(&mut desk, &commit("one", NOBODY, &[(GRANTED, &[1])])).0), [0], "it is there");
    // A generation is one of a group that is there, or the broker says no.
    assert_eq!(codes(&committed(&mut desk, &commit("two", 5, &[(GRANTED, &[0])])).0), [0]);
    assert_eq!(desk.account.holds().0, 1);
}

#[test]
fn trap_q10_until_the_groups_are_counted_nothing_new_is_made_and_members_go_on() {
    let mut desk = within("groups: {most: 5}");
    desk.account = Account::default();
    assert_eq!(codes(&committed(&mut desk, &commit("g", NOBODY, &[(GRANTED, &[0])])).0), [15]);
    assert_eq!(codes(&committed(&mut desk, &commit("g", 5, &[(GRANTED, &[0])])).0), [0]);
    desk.account.know_groups(["weir.reader.g"].into_iter(), Instant::now());
    desk.account.know_offsets("weir.reader.g", std::iter::empty(), Instant::now());
    assert_eq!(codes(&committed(&mut desk, &commit("g", NOBODY, &[(GRANTED, &[0])])).0), [0]);
}

#[test]
fn trap_q10_until_the_offsets_are_counted_only_what_is_known_is_committed() {
    let mut desk = within("committed_partitions: {most: 3}");
    desk.account = Account::default();
    let both = ["weir.reader.g", "weir.reader.other"];
    desk.account.know_groups(both.into_iter(), desk.now);
    assert_eq!(desk.account.take_wishes(desk.now).offsets.len(), 2);
    let three = commit("g", 5, &[(GRANTED, &[0, 1]), (ALSO_GRANTED, &[0])]);
    assert_eq!(committed(&mut desk, &three).1, None);
    assert_eq!(codes(&committed(&mut desk, &three).0), [14; 3], "clients try again");
    // One group is counted, the other not yet: what exists goes on.
    desk.account.know_offsets(both[0], [(GRANTED, 0), (GRANTED, 7)].into_iter(), desk.now);
    let (told, sent) = committed(&mut desk, &three);
    assert_eq!((codes(&told), sent.unwrap().topics.len()), (vec![14, 0, 14], 1));
    desk.account.know_offsets(both[1], std::iter::empty(), desk.now);
    let (told, _) = committed(&mut desk, &three);
    assert_eq!(codes(&told), [28, 0, 0], "there is room for one: which of them comes first is the client's business");
    assert_eq!(desk.account.holds(), (2, 3));
}

#[test]
fn who_may_leave_no_offsets_leaves_none() {
    for connected in [true, false] {
        let mut desk = within("offsets: deny");
        desk.connected = connected;
        let (told, sent) = committed(&mut desk, &commit("g", NOBODY, &[(GRANTED, &[0, 1]), (HIDDEN, &[0])]));
        assert_eq!((codes(&told), sent), (vec![30; 3], None));
        assert_eq!(desk.account.holds(), (0, 0));
    }
}

#[test]
fn what_is_refused_for_the_topic_costs_nothing() {
    let mut desk = within("commit_partitions: {per_second: 1, burst: 1, mode: deny}, committed_partitions: {most: 1}");
    desk.account.admit_group("weir.reader.g", &desk.policy.principal("reader").unwrap().limits, desk.now).unwrap();
    assert_eq!(codes(&committed(&mut desk, &commit("g", 1, &[(HIDDEN, &[0, 1, 2])])).0), [29; 3]);
    assert_eq!(codes(&committed(&mut desk, &commit("g", 1, &[(GRANTED, &[0]), (HIDDEN, &[1])])).0), [0, 29]);
}
