//! That nothing which is tried could do anything, whoever allows it; and that no answer is taken for more than it says.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_log_dirs_response::DescribeLogDirsResult;
use kafka_protocol::messages::{
    AlterClientQuotasRequest, CreatePartitionsRequest, CreateTopicsRequest, CreateTopicsResponse, DeleteGroupsRequest,
    DeleteGroupsResponse, DeleteRecordsRequest, DeleteTopicsRequest, DescribeAclsResponse, DescribeLogDirsResponse,
    FetchRequest, GroupId, IncrementalAlterConfigsRequest, InitProducerIdRequest, ProduceRequest, RequestHeader,
    TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use super::ask::NO_TOPIC;
use super::*;
use crate::cluster::RealBrokerId;
use crate::discovery::BadAnswer;

fn nonce() -> Nonce {
    Nonce::new(&[0xa5; 32])
}

/// What goes out, decoded by the library alone.
fn sent<M: Decodable>(trial: Trial, version: i16) -> M {
    let mut frame = Bytes::from(trial.request(version, &nonce(), 7).unwrap().into_frame());
    let length = bytes::Buf::get_i32(&mut frame);
    assert_eq!(usize::try_from(length), Ok(frame.len()));
    let header = RequestHeader::decode(&mut frame, trial.api().0.request_header_version(version)).unwrap();
    assert_eq!((header.request_api_key, header.request_api_version, header.correlation_id), (trial.key(), version, 7));
    assert_eq!(header.client_id.as_deref(), Some("weir"));
    let message = M::decode(&mut frame, version).unwrap();
    assert!(frame.is_empty(), "{trial:?} {version}");
    message
}

fn versions(trial: Trial) -> impl Iterator<Item = i16> {
    trial.versions().min..=trial.versions().max
}

#[test]
fn w13_what_is_tried_does_nothing_where_it_is_allowed() {
    assert!(!weir_policy::is_topic_name(NO_TOPIC), "no topic can have it");
    for trial in Trial::ALL {
        for version in versions(trial) {
            harmless(trial, version);
        }
        let VersionRange { min, max } = trial.versions();
        assert!(trial.request(min - 1, &nonce(), 0).is_err() && trial.request(max + 1, &nonce(), 0).is_err());
    }
}

fn harmless(trial: Trial, version: i16) {
    match trial {
        Trial::CreateTopic => {
            let asked: CreateTopicsRequest = sent(trial, version);
            assert!(asked.validate_only && asked.topics.iter().all(|topic| &*topic.name.0 == NO_TOPIC));
        }
        Trial::AddPartitions => {
            let asked: CreatePartitionsRequest = sent(trial, version);
            assert!(asked.validate_only && asked.topics.iter().all(|topic| &*topic.name.0 == NO_TOPIC));
        }
        Trial::DeleteTopic => {
            let asked: DeleteTopicsRequest = sent(trial, version);
            assert_eq!(asked.topic_names, [TopicName(StrBytes::from_static_str(NO_TOPIC))]);
            assert!(asked.topics.is_empty());
        }
        Trial::DeleteRecords => {
            let asked: DeleteRecordsRequest = sent(trial, version);
            assert!(asked.topics.iter().all(|topic| &*topic.name.0 == NO_TOPIC));
            assert!(asked.topics[0].partitions.iter().all(|one| one.offset == 0 && one.partition_index == i32::MAX));
        }
        Trial::Produce => {
            let asked: ProduceRequest = sent(trial, version);
            assert!(!(-1..=1).contains(&asked.acks), "no acknowledgement that Kafka knows");
            assert_eq!((&*asked.topic_data[0].name.0, asked.topic_data.len()), (NO_TOPIC, 1));
            let records = asked.topic_data[0].partition_data.iter().map(|one| one.records.clone());
            assert!(records.flatten().all(|records| records.is_empty()), "and no record");
        }
        Trial::ProduceAnywhere | Trial::BeginTransaction => {
            let asked: InitProducerIdRequest = sent(trial, version);
            // Kafka: "(NO_PRODUCER_ID, _) | (_, NO_PRODUCER_EPOCH)" is an invalid request.
            assert_eq!((asked.producer_id.0, asked.producer_epoch, asked.transaction_timeout_ms), (0, -1, -1));
            assert_eq!(asked.transactional_id.is_some(), trial == Trial::BeginTransaction);
        }
        Trial::FetchAsReplica => {
            let asked: FetchRequest = sent(trial, version);
            assert_eq!((asked.replica_id.0, &*asked.topics[0].topic.0, asked.topics.len()), (i32::MAX, NO_TOPIC, 1));
        }
        Trial::DeleteGroup => {
            let asked: DeleteGroupsRequest = sent(trial, version);
            assert_eq!(asked.groups_names, [GroupId(StrBytes::from_string(nonce().0))]);
        }
        Trial::AlterBrokerSettings => {
            let asked: IncrementalAlterConfigsRequest = sent(trial, version);
            let mut settings = asked.resources.iter().flat_map(|resource| &resource.configs);
            assert!(asked.validate_only && settings.all(|one| one.config_operation == 1 && one.value.is_none()));
        }
        Trial::AlterQuotas => {
            let asked: AlterClientQuotasRequest = sent(trial, version);
            let entry = &asked.entries[0];
            assert!(asked.validate_only && asked.entries.len() == 1 && entry.ops.iter().all(|op| op.remove));
            assert_eq!(entry.entity[0].entity_name.as_deref(), Some(nonce().0.as_str()));
        }
        // They have no form that changes anything.
        Trial::DescribeTransaction
        | Trial::DescribeGroup
        | Trial::GroupOffsets
        | Trial::BrokerSettings
        | Trial::AccessRules
        | Trial::Quotas
        | Trial::LogDirs
        | Trial::Reassignments
        | Trial::Passwords
        | Trial::Tokens => {
            let reads = ["Describe", "List", "OffsetFetch"];
            assert!(reads.iter().any(|word| trial.name().starts_with(word)), "{}", trial.name());
            assert!(trial.request(version, &nonce(), 0).is_ok());
        }
    }
}

#[test]
fn each_question_only_reads() {
    let all = [
        Question::Everything,
        Question::Transactions,
        Question::AccessRules,
        Question::Quotas,
        Question::DefaultQuotas,
        Question::BrokerSettings(RealBrokerId(3)),
    ];
    for question in all {
        assert!(["Describe", "List", "Metadata"].iter().any(|word| question.name().starts_with(word)));
        for version in question.versions().min..=question.versions().max {
            assert!(question.request(version, 1).is_ok(), "{question:?} {version}");
        }
        assert!(question.request(question.versions().max + 1, 1).is_err());
    }
}

fn answer<M: Encodable>(message: &M, version: i16, flexible: bool) -> Bytes {
    let mut answer = BytesMut::from(&7_i32.to_be_bytes()[..]);
    if flexible {
        answer.extend_from_slice(&[0]);
    }
    message.encode(&mut answer, version).unwrap();
    answer.freeze()
}

#[test]
fn only_kafkas_words_for_it_are_a_refusal_or_a_permission() {
    let created = |code| {
        let topic = CreatableTopicResult::default()
            .with_name(TopicName(StrBytes::from_static_str(NO_TOPIC)))
            .with_error_code(code);
        let answer = answer(&CreateTopicsResponse::default().with_topics(vec![topic]), 4, false);
        Trial::CreateTopic.read(4, &answer)
    };
    assert_eq!(created(29), Ok(Verdict::Refused));
    assert_eq!((created(17), created(0)), (Ok(Verdict::Allowed), Ok(Verdict::Allowed)));
    // Not the controller, a time-out, an unknown error: nobody has been asked yet.
    for code in [41, 7, -1, 42, 31] {
        assert_eq!(created(code), Ok(Verdict::Untold(code)));
    }
    let nothing = answer(&CreateTopicsResponse::default(), 4, false);
    assert_eq!(Trial::CreateTopic.read(4, &nothing), Err(BadAnswer::Contradiction));

    let deleted = |code| {
        let group = DeletableGroupResult::default().with_error_code(code);
        let answer = answer(&DeleteGroupsResponse::default().with_results(vec![group]), 1, false);
        Trial::DeleteGroup.read(1, &answer).unwrap()
    };
    // Who does not coordinate it has authorised it before.
    assert_eq!(
        [30, 69, 16, 15, 24].map(deleted),
        [Verdict::Refused, Verdict::Allowed, Verdict::Allowed, Verdict::Allowed, Verdict::Untold(24)]
    );

    let rules = |code| {
        let answer = answer(&DescribeAclsResponse::default().with_error_code(code), 1, false);
        Trial::AccessRules.read(1, &answer).unwrap()
    };
    assert_eq!([31, 0, 54].map(rules), [Verdict::Refused, Verdict::Allowed, Verdict::NoAuthorizer]);

    let directories = |results| {
        let answer = answer(&DescribeLogDirsResponse::default().with_results(results), 1, false);
        Trial::LogDirs.read(1, &answer).unwrap()
    };
    assert_eq!(directories(Vec::new()), Verdict::Refused);
    assert_eq!(directories(vec![DescribeLogDirsResult::default()]), Verdict::Allowed);
}

#[test]
fn a_broker_that_answers_nonsense_is_not_believed_and_harms_nobody() {
    let mut seed = 0x9e37_79b9_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33).to_be_bytes()[7]
    };
    for trial in Trial::ALL {
        for version in versions(trial) {
            for length in 0..200 {
                let noise: Bytes = (0..length).map(|_| next()).collect();
                // Whatever it says, it says no more than one of four things.
                let _ = trial.read(version, &noise);
                let _ = trial.read(version, &Bytes::from(vec![0xff; length]));
                let _ = trial.read(version, &Bytes::from(vec![0x7f; length]));
            }
            assert!(trial.read(version, &Bytes::from_static(&[0, 0, 0, 7])).is_err(), "{trial:?} {version}");
        }
    }
    for length in 0..200 {
        let noise: Bytes = (0..length).map(|_| next()).collect();
        let _ = (Everything::read(10, &noise), AccessRule::read(1, &noise), Quota::read(0, &noise));
        let _ = (BrokerSettings::read(3, &noise), read_transactions(0, &noise));
    }
}
