//! DescribeTopicPartitions: pages of visible topics, and operations as the policy has them.

use super::*;

// DescribeTopicPartitions.

fn pages_of(topics: &[&str], limit: i32, cursor: Option<(&str, i32)>) -> DescribeTopicPartitionsRequest {
    let topic = |topic: &&str| TopicRequest::default().with_name(name(topic));
    let cursor =
        cursor.map(|(topic, partition)| Cursor::default().with_topic_name(name(topic)).with_partition_index(partition));
    DescribeTopicPartitionsRequest::default()
        .with_topics(topics.iter().map(topic).collect())
        .with_response_partition_limit(limit)
        .with_cursor(cursor)
}

fn page_at(desk: &mut Desk, request: &DescribeTopicPartitionsRequest) -> (Vec<u8>, DescribeTopicPartitionsResponse) {
    assert!(matches!(desk.ask(ApiKey::DescribeTopicPartitions, 0, request), Led::Local));
    let out = desk.local_answer();
    let (_, response) = read(&out, true, 0);
    (out, response)
}

fn page(request: &DescribeTopicPartitionsRequest) -> (Vec<u8>, DescribeTopicPartitionsResponse) {
    page_at(&mut Desk::new(), request)
}

/// Each topic's name, code and partitions, and where the next page begins.
type Page = (Vec<(String, i16, Vec<i32>)>, Option<(String, i32)>);

fn brief(response: &DescribeTopicPartitionsResponse) -> Page {
    let topics = response.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| partition.partition_index).collect();
        (topic.name.as_ref().unwrap().to_string(), topic.error_code, partitions)
    });
    let next = response.next_cursor.as_ref().map(|next| (next.topic_name.to_string(), next.partition_index));
    (topics.collect(), next)
}

fn entry(topic: &str, error_code: i16, partitions: &[i32]) -> (String, i16, Vec<i32>) {
    (topic.to_owned(), error_code, partitions.to_vec())
}

#[test]
fn trap_l7_pages_of_all_topics_are_of_visible_ones_and_break_off_at_visible_ones() {
    for limit in 1..=7 {
        let (mut seen, mut cursor, mut pages) = (Vec::new(), None::<(String, i32)>, 0);
        loop {
            let at = cursor.as_ref().map(|(topic, partition)| (topic.as_str(), *partition));
            let (out, response) = page(&pages_of(&[], limit, at));
            assert!(!String::from_utf8_lossy(&out).contains(HIDDEN), "limit {limit}");
            let (topics, next) = brief(&response);
            let partitions: usize = topics.iter().map(|(_, _, partitions)| partitions.len()).sum();
            assert!(partitions <= usize::try_from(limit).unwrap());
            seen.extend(topics.into_iter().flat_map(|(topic, _, partitions)| {
                partitions.into_iter().map(move |partition| (topic.clone(), partition))
            }));
            pages += 1;
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        let all: Vec<_> =
            [ALSO_GRANTED, GRANTED].iter().flat_map(|topic| (0..3).map(|index| ((*topic).to_owned(), index))).collect();
        assert_eq!(seen, all, "limit {limit}");
        assert_eq!(pages, [6, 3, 2, 2, 2, 1, 1][usize::try_from(limit).unwrap() - 1], "limit {limit}");
    }
}

#[test]
fn trap_l7_a_page_that_is_full_names_the_next_topic_and_no_hidden_one() {
    // In the order of names, HIDDEN stands behind GRANTED; it would be where the page breaks off.
    let (_, response) = page(&pages_of(&[GRANTED, HIDDEN, ABSENT], 3, None));
    let refused = [entry(ABSENT, 29, &[]), entry(HIDDEN, 29, &[])];
    let expected = [vec![entry(GRANTED, 0, &[0, 1, 2])], refused.to_vec()].concat();
    assert_eq!(brief(&response), (expected, None));
    let (_, response) = page(&pages_of(&[], 6, None));
    assert_eq!(response.next_cursor, None);
}

#[test]
fn trap_l8_a_cursor_at_a_hidden_topic_is_one_at_an_absent_topic() {
    for limit in [1, 2, 2_000] {
        for partition in [0, 1, 99, i32::MAX, -1] {
            for topics in [&[][..], &[GRANTED, ALSO_GRANTED]] {
                let at = |cursor| page(&pages_of(topics, limit, Some((cursor, partition)))).0;
                assert_eq!(at(HIDDEN), at("public.hiddeo"), "{topics:?} {limit} {partition}");
            }
            let at = |cursor| page(&pages_of(&[GRANTED, cursor], limit, Some((cursor, partition)))).0;
            let swapped = String::from_utf8_lossy(&at(HIDDEN)).replace(HIDDEN, "public.hiddeo");
            assert_eq!(swapped, String::from_utf8_lossy(&at("public.hiddeo")));
        }
    }
    // What may be seen begins with the first topic that is not before it.
    let (_, response) = page(&pages_of(&[], 2_000, Some((ABSENT, 1))));
    assert_eq!(brief(&response).0, [entry(ALSO_GRANTED, 0, &[0, 1, 2]), entry(GRANTED, 0, &[0, 1, 2])]);
}

#[test]
fn trap_l2_hidden_and_absent_topics_are_refused_in_the_same_bytes() {
    let (hidden, response) = page(&pages_of(&[HIDDEN], 2_000, None));
    let (absent, _) = page(&pages_of(&[ABSENT], 2_000, None));
    assert_eq!(String::from_utf8_lossy(&hidden).replace(HIDDEN, ABSENT), String::from_utf8_lossy(&absent));
    let topic = &response.topics[0];
    assert_eq!((topic.error_code, topic.topic_id, topic.is_internal), (29, Uuid::nil(), false));
    assert_eq!((topic.partitions.len(), topic.topic_authorized_operations), (0, NOT_ASKED));
    // The same with a refused topic in the brokers' list and without it.
    let mut desk = Desk::new();
    desk.view.topics.remove(HIDDEN);
    assert_eq!(
        page_at(&mut desk, &pages_of(&[HIDDEN, GRANTED], 2, None)),
        page(&pages_of(&[HIDDEN, GRANTED], 2, None))
    );
}

#[test]
fn a_cursor_outside_the_list_or_below_zero_fails_the_whole_request() {
    for (topics, cursor) in [
        (&[GRANTED, HIDDEN][..], (ALSO_GRANTED, 0)),
        (&[GRANTED, HIDDEN], (GRANTED, -1)),
        (&[GRANTED, HIDDEN], ("", 0)),
    ] {
        let (_, response) = page(&pages_of(topics, 2_000, Some(cursor)));
        assert_eq!(brief(&response), (vec![entry(GRANTED, 42, &[]), entry(HIDDEN, 42, &[])], None), "{cursor:?}");
    }
    assert_eq!(brief(&page(&pages_of(&[], 2_000, Some((GRANTED, -1)))).1), (vec![], None));
    let doubled = page(&pages_of(&[GRANTED, GRANTED], 2_000, Some((HIDDEN, 0)))).1;
    assert_eq!(doubled.topics.len(), 2, "Kafka counts no topics then");
}

#[test]
fn topics_are_described_once_each_in_order_with_what_the_principal_may_do() {
    let mut desk = Desk::new();
    desk.view.topics.remove(ALSO_GRANTED);
    let (out, response) = page_at(&mut desk, &pages_of(&[GRANTED, ALSO_GRANTED, GRANTED], 0, Some((GRANTED, 1))));
    assert_eq!(brief(&response), (vec![entry(GRANTED, 0, &[1])], Some((GRANTED.to_owned(), 2))), "no limit is one");
    let topic = &response.topics[0];
    assert_eq!((topic.topic_id, topic.topic_authorized_operations), (GRANTED_ID, GIVEN));
    let partition = &topic.partitions[0];
    assert_eq!((partition.leader_id.0, partition.leader_epoch, partition.error_code), (2, 5, 0));
    assert_eq!((partition.replica_nodes.len(), partition.isr_nodes.len(), partition.offline_replicas.len()), (3, 1, 0));
    assert_eq!((&partition.eligible_leader_replicas, &partition.last_known_elr), (&Some(vec![]), &Some(vec![])));
    assert!(!String::from_utf8_lossy(&out).contains(INTERNAL_HOST));

    let (_, response) = page_at(&mut desk, &pages_of(&[GRANTED, ALSO_GRANTED], 2_000, None));
    assert_eq!(brief(&response).0, [entry(ALSO_GRANTED, 3, &[]), entry(GRANTED, 0, &[0, 1, 2])]);
    assert_eq!(response.topics[0].topic_authorized_operations, GIVEN);
    // Behind the last partition there is nothing left of the topic.
    let (_, response) = page_at(&mut desk, &pages_of(&[], 2_000, Some((GRANTED, 3))));
    assert_eq!(brief(&response), (vec![entry(GRANTED, 0, &[])], None));
}

#[test]
fn trap_k7_a_partition_whose_leader_is_not_up_is_described_without_one() {
    let mut desk = Desk::new();
    desk.view.brokers.remove(&RealBrokerId(1));
    let (_, response) = page_at(&mut desk, &pages_of(&[GRANTED], 2_000, None));
    let leaders: Vec<_> = response.topics[0].partitions.iter().map(|partition| partition.leader_id.0).collect();
    assert_eq!(leaders, [-1, 2, 3]);
}

#[test]
fn a_page_has_no_more_than_two_thousand_partitions_whatever_is_asked_for() {
    let mut desk = Desk::new();
    let topic = desk.view.topics.get_mut(&RealTopic(GRANTED.into())).unwrap();
    let first = topic.partitions[0].clone();
    topic.partitions = (0..2_500).map(|index| weir_kafka::cluster::PartitionView { index, ..first.clone() }).collect();
    let (_, response) = page_at(&mut desk, &pages_of(&[GRANTED], i32::MAX, None));
    assert_eq!(response.topics[0].partitions.len(), 2_000);
    assert_eq!(brief(&response).1, Some((GRANTED.to_owned(), 2_000)));
}
