//! W7: every request that was taken ends in one outcome, whoever answered it and wherever the connection ended.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod support;

use std::time::Duration;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, GroupId, HeartbeatRequest, HeartbeatResponse, MetadataRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use support::*;
use weir_kafka::outcome::{AnswerSource, Ending, Outcome, Told};
use weir_kafka::software::ClientSoftware;
use weir_policy::Reason;

/// Answered by the broker, by Weir with a refusal, by the broker, by Weir without one.
const REQUESTS: [(AnswerSource, Option<Reason>); 4] = [
    (AnswerSource::Broker, None),
    (AnswerSource::Local, Some(Reason::TopicNotGranted)),
    (AnswerSource::Broker, None),
    (AnswerSource::Local, None),
];

fn metadata(topic: &str) -> MetadataRequest {
    let name = TopicName(StrBytes::from_string(topic.to_owned()));
    MetadataRequest::default().with_topics(Some(vec![MetadataRequestTopic::default().with_name(Some(name))]))
}

fn ask_all(desk: &mut Desk) {
    let heartbeat = HeartbeatRequest::default().with_group_id(GroupId(StrBytes::from_static_str("g")));
    assert!(matches!(desk.ask(ApiKey::Heartbeat, 3, &heartbeat), Led::Upstream(_)));
    assert!(matches!(desk.ask(ApiKey::Metadata, 8, &metadata(HIDDEN)), Led::Local));
    assert!(matches!(desk.ask(ApiKey::Heartbeat, 3, &heartbeat), Led::Upstream(_)));
    assert!(matches!(desk.ask(ApiKey::Metadata, 8, &metadata(GRANTED)), Led::Local));
}

/// Answers the first `answered` requests.
fn answer_some(desk: &mut Desk, answered: usize) {
    let mut correlation = 0;
    for (source, _) in &REQUESTS[..answered] {
        match source {
            AnswerSource::Local => drop(desk.local_answer()),
            AnswerSource::Broker => {
                let frame = answer(correlation, false, 3, &HeartbeatResponse::default());
                assert!(!desk.broker_answers(&frame, frame.len()).unwrap().is_empty());
                correlation += 1;
            }
        }
    }
}

fn outcomes(desk: &mut Desk) -> Vec<Outcome> {
    std::iter::from_fn(|| desk.session.outcome()).collect()
}

#[test]
fn w7_every_request_ends_in_one_outcome_wherever_the_connection_ends() {
    for answered in 0..=REQUESTS.len() {
        let mut desk = Desk::new();
        ask_all(&mut desk);
        answer_some(&mut desk, answered);
        let now = desk.now;
        desk.session.end(now);
        let outcomes = outcomes(&mut desk);
        assert_eq!(outcomes.len(), REQUESTS.len(), "one each, {answered} answered");
        for (index, (outcome, (source, refused))) in outcomes.iter().zip(REQUESTS).enumerate() {
            let is_answered = index < answered;
            assert_eq!(outcome.ending, if is_answered { Ending::Answered } else { Ending::Unanswered });
            assert_eq!(outcome.source, source);
            assert_eq!(outcome.response_bytes > 0, is_answered);
            let reasons: Vec<_> = outcome.refusals.iter().collect();
            let expected: Vec<_> = refused.filter(|_| is_answered).map(|reason| (reason, 1)).into_iter().collect();
            assert_eq!(reasons, expected);
        }
    }
}

#[test]
fn w7_a_request_whose_answer_is_not_understood_has_its_outcome_too() {
    let mut desk = Desk::new();
    let heartbeat = HeartbeatRequest::default().with_group_id(GroupId(StrBytes::from_static_str("g")));
    assert!(matches!(desk.ask(ApiKey::Heartbeat, 4, &heartbeat), Led::Upstream(_)));
    // Of version 4 the answer has six bytes and a section of tags: these are three.
    let cut = [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    assert!(desk.broker_answers(&cut, cut.len()).is_err());
    let now = desk.now;
    desk.session.end(now);
    let endings: Vec<Ending> = outcomes(&mut desk).iter().map(|outcome| outcome.ending).collect();
    assert_eq!(endings, [Ending::Unanswered]);
}

#[test]
fn w7_a_broker_that_cannot_be_reached_changes_the_answer_and_not_the_count() {
    let mut desk = Desk::new();
    desk.connected = false;
    ask_all(&mut desk);
    desk.session.broker_unreachable().unwrap();
    for _ in REQUESTS {
        desk.local_answer();
    }
    let outcomes = outcomes(&mut desk);
    assert_eq!(outcomes.len(), REQUESTS.len());
    assert!(outcomes.iter().all(|outcome| outcome.ending == Ending::Answered));
    assert!(outcomes.iter().all(|outcome| outcome.source == AnswerSource::Local));
}

#[test]
fn a_request_knows_when_it_was_judged_and_what_its_connection_did_meanwhile() {
    let mut desk = Desk::new();
    let (start, heartbeat) =
        (desk.now, HeartbeatRequest::default().with_group_id(GroupId(StrBytes::from_static_str("g"))));
    let after = |millis| start + Duration::from_millis(millis);
    desk.session.waited_for_client(Duration::from_millis(500));
    desk.session.worked(Duration::from_millis(500));
    assert!(matches!(desk.ask(ApiKey::Heartbeat, 3, &heartbeat), Led::Upstream(_)));
    assert_eq!(desk.session.newest().map(|row| row.name), Some("Heartbeat"));
    desk.session.judged(after(1));
    desk.now = after(10);
    assert!(matches!(desk.ask(ApiKey::Metadata, 8, &metadata(GRANTED)), Led::Local));
    desk.session.judged(after(12));
    desk.session.waited_for_client(Duration::from_millis(7));
    desk.session.worked(Duration::from_millis(2));
    desk.now = after(40);
    let frame = answer(0, false, 3, &HeartbeatResponse::default());
    desk.broker_answers(&frame, frame.len()).unwrap();
    desk.local_answer();
    let [first, second] = outcomes(&mut desk).try_into().unwrap();
    assert_eq!((first.judged, first.sent_upstream), (after(1), true));
    assert_eq!((second.judged, second.sent_upstream), (after(12), false));
    for outcome in [first, second] {
        let meanwhile = Told::default().and(Duration::from_millis(7), Duration::from_millis(2));
        assert_eq!(outcome.meanwhile, meanwhile, "not what was before it");
        assert_eq!(outcome.ended, after(40));
    }
}

#[test]
fn a_client_says_what_it_is_once() {
    let mut desk = Desk::new();
    let asked = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("librdkafka"))
        .with_client_software_version(StrBytes::from_static_str("2.3.0"));
    assert!(matches!(desk.ask(ApiKey::ApiVersions, 2, &ApiVersionsRequest::default()), Led::Local));
    assert_eq!(desk.session.take_software(), None, "these versions have no place for it");
    assert!(matches!(desk.ask(ApiKey::ApiVersions, 3, &asked), Led::Local));
    assert_eq!(desk.session.take_software().as_deref(), ClientSoftware::new("librdkafka", "2.3.0").as_ref());
    assert_eq!(desk.session.take_software(), None);
    let wrong = asked.with_client_software_name(StrBytes::from_static_str("\u{1b}[2J"));
    assert!(matches!(desk.ask(ApiKey::ApiVersions, 3, &wrong), Led::Local));
    assert_eq!(desk.session.take_software(), None, "it is told an error, and nothing is kept");
}
