//! A broker's bytes: what passes as it is, what is dropped, and what is no answer.

use bytes::Bytes;
use kafka_protocol::messages::fetch_response::AbortedTransaction;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::{
    ApiKey, FindCoordinatorRequest, FindCoordinatorResponse, GroupId, HeartbeatRequest, HeartbeatResponse,
    JoinGroupRequest, LeaveGroupRequest, LeaveGroupResponse, ListGroupsRequest, ListGroupsResponse, ProducerId,
};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};
use weir_kafka::fault::Fault;
use weir_kafka::table;
use weir_kafka::wire::{Malformed, put_i16, put_i32, put_unsigned_varint};

use crate::fetching::*;
use crate::support::*;

#[test]
fn trap_c25_an_answer_that_is_longer_than_anybody_asked_for_is_not_cut() {
    for version in ALL {
        let mut desk = Desk::new();
        // No answer that is held whole could be so long.
        desk.limits.whole_answer = 1_000;
        let one_byte = asked(version, (0, -1), vec![topic(version, GRANTED, &[0, 1])]).with_max_bytes(1);
        let (id, asked_for) = sent(&mut desk, version, &one_byte);
        assert_eq!(asked_for.max_bytes, 1);
        let partitions = vec![data(0, 2 << 20), data(1, 0)];
        let broker = broker_says(version, 0, vec![answered(version, GRANTED, partitions)]);
        let shown = got(&mut desk, version, id, &broker).unwrap();
        assert!(shown == broker, "version {version}");
    }
}

#[test]
fn trap_c49_aborted_transactions_stay_whole_when_other_partitions_are_refused() {
    let aborted = |producer: i64, first: i64| {
        AbortedTransaction::default().with_producer_id(ProducerId(producer)).with_first_offset(first)
    };
    for version in ALL {
        for bytes in [10, 300_000] {
            let mut desk = Desk::new();
            let topics = vec![topic(version, HIDDEN, &[0]), topic(version, GRANTED, &[0, 1, 2])];
            let committed = asked(version, (0, -1), topics).with_isolation_level(1);
            let (id, asked_for) = sent(&mut desk, version, &committed);
            assert_eq!(asked_for.isolation_level, 1);
            let partitions = vec![
                data(0, bytes).with_aborted_transactions(Some(vec![
                    aborted(7, 3),
                    aborted(i64::MAX, 0),
                    aborted(7, 9),
                ])),
                data(1, bytes).with_aborted_transactions(None),
                data(2, 0).with_aborted_transactions(Some(vec![])),
            ];
            let granted = answered(version, GRANTED, partitions);
            let broker = broker_says(version, 0, vec![granted.clone()]);
            let shown = got(&mut desk, version, id, &broker).unwrap();
            assert_eq!(shown.responses.len(), 2);
            assert_eq!(shown.responses[0], granted, "version {version}, {bytes} bytes");
        }
    }
}

fn group(name: &'static str) -> GroupId {
    GroupId(StrBytes::from_static_str(name))
}

/// A frame with bytes behind the body.
fn with_tail(mut frame: Vec<u8>, tail: &[u8]) -> Vec<u8> {
    frame.extend_from_slice(tail);
    let length = u32::try_from(frame.len() - 4).unwrap();
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame
}

/// What the client gets of an answer with bytes behind it, and of the same answer without.
fn with_and_without<Q: Encodable + HeaderVersion, A: Encodable>(key: ApiKey, version: i16, request: &Q, broker: &A) {
    let flexible = table::row(key as i16).unwrap().response_header_is_flexible(version);
    for piece in [3, 1 << 20] {
        let given = |tail: &[u8]| {
            let mut desk = Desk::new();
            assert!(matches!(desk.ask(key, version, request), Led::Upstream(_)));
            let frame = with_tail(answer(0, flexible, version, broker), tail);
            desk.broker_answers(&frame, piece).unwrap()
        };
        let without = given(&[]);
        assert!(without.len() > 8);
        for tail in [&[0][..], b"planted", &[0xff; 64]] {
            assert_eq!(given(tail), without, "{key:?} v{version}");
        }
    }
}

#[test]
fn trap_c45_what_stands_behind_an_answer_is_not_delivered() {
    let heartbeat = HeartbeatRequest::default().with_group_id(group("g"));
    let leave = LeaveGroupRequest::default().with_group_id(group("g"));
    let find = FindCoordinatorRequest::default().with_key(StrBytes::from_static_str("g"));
    for version in 0..=4 {
        with_and_without(ApiKey::Heartbeat, version, &heartbeat, &HeartbeatResponse::default());
        with_and_without(ApiKey::LeaveGroup, version, &leave, &LeaveGroupResponse::default());
        with_and_without(ApiKey::ListGroups, version, &ListGroupsRequest::default(), &ListGroupsResponse::default());
    }
    for version in 0..=3 {
        with_and_without(ApiKey::FindCoordinator, version, &find, &FindCoordinatorResponse::default());
    }
    // What streams has been given out when its end comes: both connections end.
    for version in ALL {
        for bytes in [1, 300_000] {
            let mut desk = Desk::new();
            let (id, _) = sent(&mut desk, version, &asked(version, (0, -1), vec![topic(version, GRANTED, &[0])]));
            let broker = broker_says(version, 0, vec![answered(version, GRANTED, vec![data(0, bytes)])]);
            let frame = with_tail(answer(id, is_flexible(version), version, &broker), &[0]);
            let refused = desk.broker_answers(&frame, 60_000).unwrap_err();
            assert_eq!(refused, Fault::BrokerMalformed(Malformed::TrailingBytes), "version {version}");
        }
    }
}

#[test]
fn trap_c45_what_stands_behind_a_request_ends_its_connection() {
    let refused = |mut frame: Vec<u8>| {
        assert!(Desk::new().raw(frame.clone()).is_ok());
        frame.push(0);
        assert_eq!(Desk::new().raw(frame).unwrap_err(), Fault::Malformed(Malformed::TrailingBytes));
    };
    for version in 0..=4 {
        refused(frame(ApiKey::Heartbeat, version, 1, &HeartbeatRequest::default().with_group_id(group("g"))));
        refused(frame(ApiKey::ListGroups, version, 1, &ListGroupsRequest::default()));
    }
    for version in ALL {
        refused(frame(ApiKey::Fetch, version, 1, &asked(version, (0, -1), vec![topic(version, GRANTED, &[0])])));
    }
}

/// The texts of an answer to JoinGroup that may not be null: which of them is.
#[derive(Clone, Copy, PartialEq)]
enum Null {
    None,
    ProtocolName,
    Leader,
    MemberId,
}

/// A refusal to join, without its length prefix.
fn refusal_to_join(version: i16, null: Null) -> Vec<u8> {
    let flexible = version >= 6;
    let mut out = vec![0; 4];
    out.extend(flexible.then_some(0));
    if version >= 2 {
        put_i32(&mut out, 0);
    }
    put_i16(&mut out, 25);
    put_i32(&mut out, -1);
    let text = |out: &mut Vec<u8>, is_null: bool| match (flexible, is_null) {
        (true, true) => put_unsigned_varint(out, 0),
        (true, false) => put_unsigned_varint(out, 1),
        (false, true) => put_i16(out, -1),
        (false, false) => put_i16(out, 0),
    };
    if version >= 7 {
        text(&mut out, true);
    }
    text(&mut out, null == Null::ProtocolName);
    text(&mut out, null == Null::Leader);
    out.extend((version >= 9).then_some(0));
    text(&mut out, null == Null::MemberId);
    if flexible {
        out.extend([1, 0]);
    } else {
        put_i32(&mut out, 0);
    }
    out
}

#[test]
fn trap_c46_a_text_that_may_not_be_null_and_is_null_makes_an_answer_none() {
    let asked = JoinGroupRequest::default()
        .with_group_id(group("g"))
        .with_session_timeout_ms(10_000)
        .with_protocol_type(StrBytes::from_static_str("consumer"))
        .with_protocols(vec![JoinGroupRequestProtocol::default().with_metadata(Bytes::from_static(&[0; 10]))]);
    for version in 0..=9 {
        for null in [Null::None, Null::ProtocolName, Null::Leader, Null::MemberId] {
            for piece in [3, 1 << 20] {
                let mut desk = Desk::new();
                assert!(matches!(desk.ask(ApiKey::JoinGroup, version, &asked), Led::Upstream(_)));
                let body = refusal_to_join(version, null);
                let frame = [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], &body].concat();
                let may_be_null = null == Null::None || (null == Null::ProtocolName && version >= 7);
                let expected = if may_be_null { None } else { Some(Malformed::NullNotAllowed) };
                let given = desk.broker_answers(&frame, piece);
                assert_eq!(given.err(), expected.map(Fault::BrokerMalformed), "version {version}");
            }
        }
    }
}
