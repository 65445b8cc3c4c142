//! Versions: the oldest that clients still speak, those that are too new, and what is answered before any is agreed on.

use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, BrokerId, FindCoordinatorRequest, FindCoordinatorResponse,
    GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse,
    ListOffsetsRequest, MetadataRequest, MetadataResponse, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse, TopicName,
};
use weir_kafka::cluster::VersionRange;
use weir_kafka::discovery::{BadAnswer, read_metadata};
use weir_kafka::fault::Fault;
use weir_kafka::session::Session;
use weir_kafka::wire::Malformed;

use crate::fetching::{ALL, answered, asked, broker_says, data, is_flexible, topic};
use crate::support::*;

const REAL: &str = "weir.reader.g";

fn name(topic: &str) -> TopicName {
    TopicName(text(topic))
}

fn group() -> GroupId {
    GroupId(text("g"))
}

fn metadata(topic: &str) -> MetadataRequest {
    let topic = MetadataRequestTopic::default().with_name(Some(name(topic)));
    MetadataRequest::default().with_topics(Some(vec![topic])).with_allow_auto_topic_creation(true)
}

fn join() -> JoinGroupRequest {
    JoinGroupRequest::default()
        .with_group_id(group())
        .with_session_timeout_ms(10_000)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![JoinGroupRequestProtocol::default().with_name(text("range"))])
}

/// The connection is as good as before.
fn is_served(desk: &mut Desk) {
    assert!(matches!(desk.ask(ApiKey::Metadata, 0, &metadata(GRANTED)), Led::Local));
    let (_, response) = read::<MetadataResponse>(&desk.local_answer(), false, 0);
    assert_eq!(response.topics[0].error_code, 0);
}

#[test]
fn trap_c39_whoever_begins_to_authenticate_is_told_that_there_is_no_such_thing_and_goes_on() {
    let mut desk = Desk::new();
    for version in 0..=1 {
        for mechanism in ["PLAIN", "SCRAM-SHA-512", "GSSAPI", ""] {
            let asked = SaslHandshakeRequest::default().with_mechanism(text(mechanism));
            assert!(matches!(desk.ask(ApiKey::SaslHandshake, version, &asked), Led::Local));
            let (_, response) = read::<SaslHandshakeResponse>(&desk.local_answer(), false, version);
            assert_eq!((response.error_code, response.mechanisms.len()), (34, 0));
            is_served(&mut desk);
        }
    }
    for version in 0..=2 {
        let asked = SaslAuthenticateRequest::default().with_auth_bytes(vec![0; 20].into());
        assert!(matches!(desk.ask(ApiKey::SaslAuthenticate, version, &asked), Led::Local));
        let (_, response) = read::<SaslAuthenticateResponse>(&desk.local_answer(), version >= 2, version);
        assert_eq!((response.error_code, response.auth_bytes.len()), (34, 0));
        is_served(&mut desk);
    }
}

fn offered(desk: &mut Desk, key: i16) -> Option<(i16, i16)> {
    desk.ask(ApiKey::ApiVersions, 0, &ApiVersionsRequest::default());
    let (_, response) = read::<ApiVersionsResponse>(&desk.local_answer(), false, 0);
    let offered = response.api_keys.iter().find(|offered| offered.api_key == key)?;
    Some((offered.min_version, offered.max_version))
}

/// Brokers whose Metadata has a code of its own say by it, for one, that they are being started anew.
#[test]
fn trap_c41_metadata_with_a_code_of_its_own_is_neither_offered_nor_taken_for_what_is_known() {
    let mut desk = Desk::new();
    assert!(desk.view.versions[&3].max > 12, "the brokers have it");
    assert_eq!(offered(&mut desk, 3), Some((0, 12)));
    let mut frame = frame(ApiKey::Metadata, 12, 1, &metadata(GRANTED).with_allow_auto_topic_creation(false));
    frame[2..4].copy_from_slice(&13_i16.to_be_bytes());
    assert_eq!(desk.raw(frame).unwrap_err(), Fault::UnsupportedVersion);
    // Correlation id, no tags, no throttle time, one broker, the cluster, its controller, no topics, and the code 129.
    let broker = [&[2][..], &[0, 0, 0, 1, 2, b'k', 0, 0, 0x23, 0x84, 0, 0]].concat();
    let known = [&[0; 9][..], &broker, &[2, b'c', 0, 0, 0, 1, 1]].concat();
    let with_code = [&known[..], &[0, 129, 0]].concat();
    let in_its_version = read_metadata(13, &with_code.clone().into(), &|_| true);
    assert_eq!(in_its_version.unwrap_err(), BadAnswer::Malformed(Malformed::NoSuchVersion));
    let without = [&known[..], &[0]].concat();
    assert!(read_metadata(12, &without.into(), &|_| true).is_ok(), "all else is as it should be");
}

#[test]
fn trap_c42_a_client_that_is_too_new_learns_the_newest_version_and_speaks_it() {
    let mut desk = Desk::new();
    // Version 5: behind the two names a cluster id and a node id, whatever they are.
    let named = ApiVersionsRequest::default()
        .with_client_software_name(text("apache-kafka-java"))
        .with_client_software_version(text("4.4.0"));
    for behind in [&[][..], b"\x0einternal-cluster\0\0\0\x01\0", &[0, 0x7f, 0xff, 0xff, 0xff, 0]] {
        let mut newest = frame(ApiKey::ApiVersions, 4, 9, &named);
        newest[2..4].copy_from_slice(&5_i16.to_be_bytes());
        newest.extend_from_slice(behind);
        assert!(matches!(desk.raw(newest).unwrap(), Led::Local));
        let (correlation, response) = read::<ApiVersionsResponse>(&desk.local_answer(), false, 0);
        assert_eq!((correlation, response.error_code, response.api_keys.len()), (9, 35, 1));
        let own = &response.api_keys[0];
        assert_eq!((own.api_key, own.min_version, own.max_version), (18, 0, 4));
    }
    assert!(matches!(desk.ask(ApiKey::ApiVersions, 4, &named), Led::Local));
    let (_, response) = read::<ApiVersionsResponse>(&desk.local_answer(), false, 4);
    assert_eq!(response.error_code, 0, "it goes on with that");
    assert_eq!(offered(&mut desk, 18), Some((0, 4)), "and 5 is offered to nobody");
}

#[test]
fn trap_c43_a_client_that_never_asks_for_versions_is_served_from_its_first_request() {
    is_served(&mut Desk::new());
    let partition = ListOffsetsPartition::default().with_timestamp(-1);
    let offsets = ListOffsetsTopic::default().with_name(name(GRANTED)).with_partitions(vec![partition]);
    let first = [
        frame(ApiKey::Fetch, 4, 1, &asked(4, (0, -1), vec![topic(4, GRANTED, &[0])])),
        frame(ApiKey::ListOffsets, 1, 1, &ListOffsetsRequest::default().with_topics(vec![offsets])),
        frame(ApiKey::FindCoordinator, 0, 1, &FindCoordinatorRequest::default().with_key(text("g"))),
        frame(ApiKey::JoinGroup, 0, 1, &join()),
        frame(ApiKey::Heartbeat, 0, 1, &HeartbeatRequest::default().with_group_id(group())),
        frame(ApiKey::LeaveGroup, 0, 1, &LeaveGroupRequest::default().with_group_id(group())),
    ];
    for frame in first {
        assert!(matches!(Desk::new().raw(frame.clone()), Ok(Led::Upstream(_))), "{frame:?}");
    }
}

#[test]
fn trap_c44_what_a_client_was_offered_it_may_speak_when_brokers_come_that_lack_it() {
    let fetch =
        |version| frame(ApiKey::Fetch, version, 1, &asked(version, (0, -1), vec![topic(version, GRANTED, &[0])]));
    let mut desk = Desk::new();
    desk.view.versions.insert(1, VersionRange { min: 4, max: 16 });
    assert_eq!(offered(&mut desk, 1), Some((4, 16)));
    // An older broker comes, or the others are upgraded: the client's own may be what it was.
    for range in [VersionRange { min: 4, max: 12 }, VersionRange { min: 13, max: 17 }] {
        desk.view.versions.insert(1, range);
        for version in [4, 12, 13, 16] {
            assert!(matches!(desk.raw(fetch(version)), Ok(Led::Upstream(_))), "version {version}");
        }
    }
    desk.view.versions.remove(&1);
    assert!(matches!(desk.raw(fetch(16)), Ok(Led::Upstream(_))));
    assert_eq!(desk.raw(fetch(17)).unwrap_err(), Fault::UnsupportedVersion, "that was never offered");
    // Who never asked has what the brokers serve now, and who asks again is told anew.
    desk.session = Session::new("reader".into(), &desk.limits);
    desk.view.versions.insert(1, VersionRange { min: 4, max: 12 });
    assert_eq!(desk.raw(fetch(13)).unwrap_err(), Fault::UnsupportedVersion);
    assert_eq!(offered(&mut desk, 1), Some((4, 12)));
    desk.view.versions.insert(1, VersionRange { min: 4, max: 10 });
    assert_eq!(offered(&mut desk, 1), Some((4, 10)));
    assert_eq!(desk.raw(fetch(12)).unwrap_err(), Fault::UnsupportedVersion);
    assert!(matches!(desk.raw(fetch(10)), Ok(Led::Upstream(_))));
}

#[test]
fn trap_c47_versions_that_librdkafka_speaks_are_offered_and_served_to_their_end() {
    let mut desk = Desk::new();
    for (key, oldest, at_least) in [(10, 0, 2), (13, 0, 2), (23, 2, 2), (11, 0, 0)] {
        let (min, max) = offered(&mut desk, key).unwrap();
        assert!(min <= oldest && max >= at_least, "key {key}: {min} to {max}");
    }
    for version in 0..=2 {
        let asked = FindCoordinatorRequest::default().with_key(text("g"));
        let (header, sent) =
            upstream::<FindCoordinatorRequest>(desk.ask(ApiKey::FindCoordinator, version, &asked), version);
        assert_eq!(&*sent.key, REAL);
        let broker = FindCoordinatorResponse::default().with_node_id(BrokerId(2)).with_host(text(INTERNAL_HOST));
        let out = desk.broker_answers(&answer(header.correlation_id, false, version, &broker), 9).unwrap();
        let (_, response) = read::<FindCoordinatorResponse>(&out, false, version);
        assert_eq!((response.node_id, &*response.host), (BrokerId(2), "b2.kafka.example.org"));
        let asked = LeaveGroupRequest::default().with_group_id(group()).with_member_id(text("m"));
        let (header, sent) = upstream::<LeaveGroupRequest>(desk.ask(ApiKey::LeaveGroup, version, &asked), version);
        assert_eq!((&**sent.group_id, &*sent.member_id), (REAL, "m"));
        let broker = LeaveGroupResponse::default().with_error_code(25);
        let out = desk.broker_answers(&answer(header.correlation_id, false, version, &broker), 9).unwrap();
        assert_eq!(read::<LeaveGroupResponse>(&out, false, version).1, broker);
    }
    let partition = OffsetForLeaderPartition::default().with_leader_epoch(3).with_current_leader_epoch(4);
    let asked = OffsetForLeaderTopic::default().with_topic(name(GRANTED)).with_partitions(vec![partition]);
    let asked = OffsetForLeaderEpochRequest::default().with_topics(vec![asked]);
    let (header, sent) = upstream::<OffsetForLeaderEpochRequest>(desk.ask(ApiKey::OffsetForLeaderEpoch, 2, &asked), 2);
    assert_eq!(sent.topics, asked.topics);
    let out =
        desk.broker_answers(&answer(header.correlation_id, false, 2, &OffsetForLeaderEpochResponse::default()), 9);
    assert_eq!(read::<OffsetForLeaderEpochResponse>(&out.unwrap(), false, 2).1.topics, []);
    for version in 0..=5 {
        let (header, sent) = upstream::<JoinGroupRequest>(desk.ask(ApiKey::JoinGroup, version, &join()), version);
        assert_eq!((&**sent.group_id, sent.protocols), (REAL, join().protocols));
        let broker = JoinGroupResponse::default().with_generation_id(3).with_protocol_name(Some(text("range")));
        let broker = broker.with_leader(text("m")).with_member_id(text("m"));
        let out = desk.broker_answers(&answer(header.correlation_id, false, version, &broker), 9).unwrap();
        assert_eq!(read::<JoinGroupResponse>(&out, false, version).1, broker);
    }
}

#[test]
fn trap_c48_plain_and_compact_fetches_go_up_and_their_answers_down_as_they_are() {
    for version in ALL {
        for bytes in [5, 100_000] {
            let mut desk = Desk::new();
            let all = vec![topic(version, GRANTED, &[0, 2]), topic(version, ALSO_GRANTED, &[1])];
            let own = frame(ApiKey::Fetch, version, 77, &asked(version, (0, -1), all));
            let Ok(Led::Upstream(sent)) = desk.raw(own.clone()) else { panic!("version {version}") };
            // Key, version and correlation id, and the client id behind its length; the newer headers end in no tags.
            let body_of = |frame: &[u8]| {
                let client_id = usize::from(u16::from_be_bytes([frame[8], frame[9]]));
                frame[10 + client_id + usize::from(is_flexible(version))..].to_vec()
            };
            assert_eq!(body_of(&sent), body_of(&own), "version {version}");
            let correlation = i32::from_be_bytes(sent[4..8].try_into().unwrap());
            let granted = answered(version, GRANTED, vec![data(0, bytes), data(2, 1)]);
            let also_granted = answered(version, ALSO_GRANTED, vec![data(1, bytes)]);
            let broker = answer(
                correlation,
                is_flexible(version),
                version,
                &broker_says(version, 0, vec![granted, also_granted]),
            );
            let given = desk.broker_answers(&broker, 50_000).unwrap();
            assert_eq!((&given[..4], &given[8..]), (&broker[..4], &broker[8..]), "version {version}, {bytes} bytes");
            assert_eq!(given[4..8], 77_i32.to_be_bytes());
        }
    }
}
