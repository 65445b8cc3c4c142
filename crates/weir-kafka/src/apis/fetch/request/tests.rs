//! The reader beside `kafka-protocol`'s decoder, on generated bodies of every version.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::fetch_request::{FetchTopic, ReplicaState};
use kafka_protocol::messages::{BrokerId, FetchRequest};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use uuid::Uuid;

use super::super::BY_ID;
use super::*;
use crate::shape::{fetch, random};

fn decoded(version: i16, body: &[u8]) -> FetchRequest {
    FetchRequest::decode(&mut Bytes::copy_from_slice(body), version).unwrap()
}

fn encoded(version: i16, message: &FetchRequest) -> Vec<u8> {
    let mut out = BytesMut::new();
    message.encode(&mut out, version).unwrap();
    out.to_vec()
}

fn every_body(seeds: u64, mut test: impl FnMut(i16, &[u8])) {
    for version in fetch::REQUEST.versions.min..=fetch::REQUEST.versions.max {
        (0..seeds).for_each(|seed| test(version, &random::body(&fetch::REQUEST, version, seed, 5)));
    }
}

/// What a request is without all that a consumer may not say.
fn consumers_own(mut message: FetchRequest) -> FetchRequest {
    message.replica_id = BrokerId(-1);
    message.replica_state = ReplicaState::default();
    message.cluster_id = None;
    for partition in message.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
        partition.replica_directory_id = Uuid::nil();
    }
    message
}

fn key_of<'a>(version: i16, name: &'a str, id: Uuid) -> TopicKey<'a> {
    if version >= BY_ID { TopicKey::Id(id) } else { TopicKey::Name(name) }
}

fn indexes(topics: &Topics<'_>) -> Vec<Vec<i32>> {
    let (mut topics, mut all) = (topics.clone(), Vec::new());
    while let Some(mut topic) = topics.next().unwrap() {
        let mut of_topic = Vec::new();
        while let Some(index) = topic.partitions.next().unwrap() {
            of_topic.push(index);
        }
        all.push(of_topic);
    }
    all
}

fn keys<'a>(topics: &Topics<'a>) -> Vec<TopicKey<'a>> {
    let (mut topics, mut all) = (topics.clone(), Vec::new());
    while let Some(topic) = topics.next().unwrap() {
        all.push(topic.key);
    }
    all
}

#[test]
fn all_that_is_read_is_what_the_decoder_reads() {
    every_body(200, |version, body| {
        let message = decoded(version, body);
        let read = FetchBody::read(version, body).unwrap();
        let terms = Terms {
            max_wait_ms: message.max_wait_ms,
            max_bytes: message.max_bytes,
            isolation_level: message.isolation_level,
            session_id: message.session_id,
            session_epoch: message.session_epoch,
            rack: &message.rack_id,
        };
        assert_eq!(read.terms, terms, "version {version}");
        let of_topic = |topic: &FetchTopic| topic.partitions.iter().map(|partition| partition.partition).collect();
        let asked: Vec<Vec<i32>> = message.topics.iter().map(of_topic).collect();
        assert_eq!(indexes(&read.topics), asked);
        assert_eq!((read.topics.len(), read.topics.partitions), (asked.len(), asked.iter().flatten().count()));
        let named = |topic: &'_ FetchTopic| key_of(version, &topic.topic, topic.topic_id).name_len();
        assert_eq!(read.topics.name_bytes, message.topics.iter().map(named).sum::<usize>());
        let asked: Vec<_> = message.topics.iter().map(|topic| key_of(version, &topic.topic, topic.topic_id)).collect();
        assert_eq!(keys(&read.topics), asked);
        let forgotten = &message.forgotten_topics_data;
        let gone: Vec<Vec<i32>> = forgotten.iter().map(|topic| topic.partitions.clone()).collect();
        assert_eq!(indexes(&read.forgotten), gone);
        let gone: Vec<_> = forgotten.iter().map(|topic| key_of(version, &topic.topic, topic.topic_id)).collect();
        assert_eq!(keys(&read.forgotten), gone);
    });
}

#[test]
fn trap_s1_what_says_more_than_a_consumer_is_known_and_written_without() {
    let (mut more, mut as_sent) = (0, 0);
    every_body(200, |version, body| {
        let read = FetchBody::read(version, body).unwrap();
        let own = encoded(version, &consumers_own(decoded(version, body)));
        let written = read.write(&read.terms, None, |_| true, |_| true).unwrap();
        assert_eq!(written, own, "version {version}: {body:x?}");
        // What is written says no more, and comes back as it is.
        let again = FetchBody::read(version, &written).unwrap();
        assert!(!again.says_more);
        if read.says_more {
            more += 1;
        } else {
            as_sent += 1;
            assert_eq!(body, own, "version {version}");
        }
        assert_eq!(again.write(&again.terms, None, |_| true, |_| true).unwrap(), own);
    });
    assert!(more > 100 && as_sent > 0, "{more} {as_sent}");
}

#[test]
fn what_is_cut_and_changed_is_written_as_the_encoder_writes_it() {
    every_body(200, |version, body| {
        let read = FetchBody::read(version, body).unwrap();
        let terms =
            Terms { max_wait_ms: 7, max_bytes: 8, isolation_level: 1, session_id: 9, session_epoch: 10, rack: "r" };
        let keeps = |key: TopicKey<'_>| match key {
            TopicKey::Name(name) => name.len() % 2 == 0,
            TopicKey::Id(id) => id.as_bytes()[0] % 2 == 0,
        };
        let mut message = consumers_own(decoded(version, body));
        message.max_wait_ms = 7;
        message.max_bytes = 8;
        message.isolation_level = 1;
        if version >= SESSIONS {
            (message.session_id, message.session_epoch) = (9, 10);
        }
        if version >= RACK {
            message.rack_id = StrBytes::from_static_str("r");
        }
        message.topics.retain(|topic| keeps(key_of(version, &topic.topic, topic.topic_id)));
        message.forgotten_topics_data.retain(|topic| !keeps(key_of(version, &topic.topic, topic.topic_id)));
        let written = read.write(&terms, None, |topic| keeps(topic.key), |topic| !keeps(topic.key)).unwrap();
        assert_eq!(written, encoded(version, &message), "version {version}");
    });
}

#[test]
fn bytes_that_end_early_are_an_error_and_never_a_shorter_list() {
    every_body(5, |version, body| {
        for end in 0..body.len() {
            assert!(FetchBody::read(version, &body[..end]).is_err(), "version {version} cut at {end}");
        }
    });
}
