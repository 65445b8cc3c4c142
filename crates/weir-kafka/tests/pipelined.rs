//! Many requests at once on one connection: in which order they go up, and whose answer is whose.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod support;

use std::collections::VecDeque;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiKey, FetchRequest, GroupId, HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse,
    MetadataRequest, SyncGroupRequest, SyncGroupResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use support::*;
use uuid::Uuid;
use weir_kafka::fault::Fault;

fn text(text: &'static str) -> StrBytes {
    StrBytes::from_static_str(text)
}

fn group() -> GroupId {
    GroupId(text("g"))
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// The correlation id of a request that goes to the broker.
fn inside(led: &Led) -> Option<i32> {
    match led {
        Led::Upstream(sent) => Some(i32::from_be_bytes(sent[4..8].try_into().unwrap())),
        Led::Local => None,
    }
}

/// A request of a random kind, from Weir or from the broker; gives what the broker will answer it with.
fn ask(desk: &mut Desk, dice: &mut Dice, id: i32) -> Option<Vec<u8>> {
    let heartbeat = HeartbeatRequest::default().with_group_id(group());
    let metadata = MetadataRequest::default().with_topics(Some(vec![]));
    let refused = HeartbeatRequest::default();
    let led = match dice.throw(4) {
        0 | 1 => desk.raw(frame(ApiKey::Heartbeat, 4, id, &heartbeat)),
        2 => desk.raw(frame(ApiKey::Metadata, 4, id, &metadata)),
        _ => desk.raw(frame(ApiKey::Heartbeat, 3, id, &refused)),
    };
    inside(&led.unwrap()).map(|inside| answer(inside, true, 4, &HeartbeatResponse::default()))
}

/// Clients choose correlation ids as they like; only the order says which answer is whose.
#[test]
fn trap_c1_c4_a_thousand_mixes_are_answered_in_order_whatever_their_ids_are() {
    let mut dice = Dice(7);
    for mix in 0..1_000 {
        let mut desk = Desk::new();
        let ids: Vec<i32> = (0..8).map(|_| [7, 7, 0, -1, i32::MIN, i32::MAX][dice.throw(6) as usize]).collect();
        let (mut broker, mut left, mut answered) = (VecDeque::new(), ids.iter(), Vec::new());
        let mut waiting = VecDeque::new();
        while answered.len() < ids.len() {
            // Another request, or an answer.
            if dice.throw(2) == 0
                && let Some(id) = left.next()
            {
                let from_broker = ask(&mut desk, &mut dice, *id);
                waiting.push_back(from_broker.is_some());
                broker.extend(from_broker);
            } else if let Some(is_brokers) = waiting.pop_front() {
                assert_eq!(desk.session.awaits_broker_now(), is_brokers, "mix {mix}");
                let out = match is_brokers {
                    true => desk.broker_answers(&broker.pop_front().unwrap(), 1 + dice.throw(9) as usize).unwrap(),
                    false => desk.local_answer(),
                };
                answered.push(i32::from_be_bytes(out[4..8].try_into().unwrap()));
            }
        }
        assert_eq!(answered, ids, "mix {mix}");
        assert_eq!(desk.session.in_flight(), 0);
    }
}

/// What the broker sees are numbers of Weir's own: an answer cannot be meant for another request of the same client id.
#[test]
fn trap_c4_requests_with_one_id_have_different_ones_inside() {
    let mut desk = Desk::new();
    let asked = HeartbeatRequest::default().with_group_id(group());
    let ids: Vec<_> =
        (0..3).map(|_| inside(&desk.raw(frame(ApiKey::Heartbeat, 4, -5, &asked)).unwrap()).unwrap()).collect();
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
    let second = answer(ids[1], true, 4, &HeartbeatResponse::default());
    assert_eq!(desk.broker_answers(&second, 100).unwrap_err(), Fault::BrokerDesync);
}

#[test]
fn trap_c2_join_and_sync_go_up_and_come_back_one_after_the_other() {
    let protocol = JoinGroupRequestProtocol::default().with_name(text("range"));
    let join = JoinGroupRequest::default()
        .with_group_id(group())
        .with_session_timeout_ms(10_000)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol]);
    let sync = SyncGroupRequest::default().with_group_id(group());
    let under_way = || {
        let mut desk = Desk::new();
        let join = inside(&desk.raw(frame(ApiKey::JoinGroup, 5, 1, &join)).unwrap()).unwrap();
        let sync = inside(&desk.raw(frame(ApiKey::SyncGroup, 3, 2, &sync)).unwrap()).unwrap();
        assert!(join < sync, "they are sent in the order of their numbers");
        (desk, answer(join, false, 5, &JoinGroupResponse::default()), sync)
    };
    let (mut desk, joined, synced) = under_way();
    let synced = answer(synced, false, 3, &SyncGroupResponse::default());
    let out = desk.broker_answers(&[joined.clone(), synced.clone()].concat(), 1 << 10).unwrap();
    let length = 4 + u32::from_be_bytes(out[..4].try_into().unwrap()) as usize;
    let ids = [&out[4..8], &out[length + 4..length + 8]].map(|id| i32::from_be_bytes(id.try_into().unwrap()));
    assert_eq!(ids, [1, 2]);
    // A broker that answers the later one first is not believed.
    let (mut desk, ..) = under_way();
    assert_eq!(desk.broker_answers(&synced, 1 << 10).unwrap_err(), Fault::BrokerDesync);
}

/// Names of ids and leaders of partitions are looked up in what Weir knows: the client's broker connection carries its
/// own requests and nothing between them.
#[test]
fn trap_c5_nothing_is_asked_on_the_clients_broker_connection_but_what_the_client_asks() {
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let fetch = |id| {
        let topic = FetchTopic::default().with_topic_id(id).with_partitions(vec![partition.clone()]);
        FetchRequest::default().with_max_wait_ms(500).with_max_bytes(1 << 20).with_topics(vec![topic])
    };
    let by_id = |id| {
        let topic = MetadataRequestTopic::default().with_topic_id(id).with_name(None);
        MetadataRequest::default().with_topics(Some(vec![topic]))
    };
    let by_name = MetadataRequestTopic::default().with_name(Some(TopicName(text(GRANTED))));
    let mut desk = Desk::new();
    // An id that is granted, and one that the cluster has made since.
    for id in [GRANTED_ID, ABSENT_ID, Uuid::from_u128(0xffff)] {
        let led = desk.raw(frame(ApiKey::Fetch, 13, 1, &fetch(id).with_session_epoch(-1))).unwrap();
        let Led::Upstream(sent) = led else {
            assert_ne!(id, GRANTED_ID, "what is granted is fetched");
            continue;
        };
        assert_eq!((id, &sent[..4]), (GRANTED_ID, &[0, 1, 0, 13][..]), "the client's own request");
    }
    for asked in [by_id(GRANTED_ID), by_id(ABSENT_ID), MetadataRequest::default().with_topics(Some(vec![by_name]))] {
        assert!(matches!(desk.raw(frame(ApiKey::Metadata, 12, 1, &asked)).unwrap(), Led::Local));
    }
}
