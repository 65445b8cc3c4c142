//! A request's whole way through a session: what goes to the broker is what the decoder reads in the client's bytes.
//!
//! One principal, `reader`, who may read one topic of two.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;
use std::time::Instant;

use bytes::Bytes;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, StrBytes};
use weir_kafka::advertise::AdvertisedNodes;
use weir_kafka::cluster::{
    ClusterView, RealAddress, RealBrokerId, RealClusterId, RealTopic, ShownClusterId, TopicView, VersionRange,
};
use weir_kafka::env::{Env, Owed, SessionLimits};
use weir_kafka::racks::Racks;
use weir_kafka::session::{Session, Turn};
use weir_kafka::subscriptions::Subscriptions;
use weir_kafka::table::{self, Row};
use weir_kafka::{gate, header};
use weir_policy::{Account, Policy, PolicyFiles, PolicyOptions, SourceFile};

use crate::through::Direction;

/// The topic that may be read.
pub const GRANTED: &str = "public.granted";
/// The topic that may not.
pub const HIDDEN: &str = "public.hidden";
/// The id of the first; that of the other is one higher.
pub const GRANTED_ID: u128 = 0xaaaa;

/// Takes a request frame, without its length prefix, and holds what goes to the broker against what the client wrote.
/// Says whether anything went there.
///
/// # Panics
/// Where the broker would get what was not judged, or not what was asked.
pub fn request(frame: &Bytes, row: &Row, version: i16) -> bool {
    with_env(|env, session| {
        let taken = session.take_request(frame, env);
        let (_, start) = header::parse_request_header(frame, row.is_flexible(version)).expect("the header is sound");
        let body = frame.slice(start..);
        let passed = gate::walk(row.request, version, &body, &env.limits.request);
        match taken {
            Ok(Turn::Forward(cleared)) => {
                assert!(passed.is_ok(), "{} v{version} was not walked: {body:x?}", row.name);
                forwarded(row, version, &body, &Bytes::from(cleared.into_frame()).slice(4..));
                true
            }
            Ok(Turn::Local) => {
                let mut answer = Vec::new();
                session.answer_head(env, &mut answer).expect("an answer of Weir's own can be made");
                let length = u32::from_be_bytes(*answer.first_chunk().expect("a prefix"));
                assert_eq!(usize::try_from(length), Ok(answer.len() - 4), "the length prefix is true");
                false
            }
            Err(_) => false,
        }
    })
}

/// A broker's answer to a Fetch of the granted topic, in pieces of two sizes: no bytes make it pass in one and fail in the
/// other, and what the client gets has a true length. Says whether it passed.
///
/// # Panics
/// Where that does not hold.
pub fn fetch_answer(version: i16, body: &[u8]) -> bool {
    let row = table::row(table::FETCH).expect("Fetch has a row");
    let given = [body.len() + 16, 5].map(|size| {
        with_env(|env, session| {
            let asked = crate::through::frame(Direction::Request, row, version, &fetch(version));
            let turn = session.take_request(&Bytes::copy_from_slice(&asked[4..]), env);
            assert!(matches!(turn, Ok(Turn::Forward(_))), "the granted topic is asked for");
            let mut frame = crate::through::frame(Direction::Response, row, version, body);
            frame[4..8].copy_from_slice(&0_i32.to_be_bytes());
            let (mut out, mut held) = (Vec::new(), Vec::new());
            for piece in frame.chunks(size) {
                held.extend_from_slice(piece);
                while session.awaits_broker_now() {
                    let took = session.feed_broker(&mut held, env, &mut out).map_err(drop)?;
                    held.drain(..took);
                    if took == 0 {
                        break;
                    }
                }
            }
            let done = session.in_flight() == 0 && held.is_empty();
            done.then_some(out).ok_or(())
        })
    });
    let [whole, pieces] = given;
    assert_eq!(whole, pieces, "v{version}: {body:x?}");
    if let Ok(frame) = &whole {
        let length = u32::from_be_bytes(*frame.first_chunk().expect("a prefix"));
        assert_eq!(usize::try_from(length), Ok(frame.len() - 4), "the length prefix is true");
        let text = HIDDEN.as_bytes();
        assert!(!frame.windows(text.len()).any(|window| window == text), "a topic that was not asked for");
    }
    whole.is_ok()
}

/// A full Fetch of the granted topic, by name or by id.
fn fetch(version: i16) -> Vec<u8> {
    use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
    use kafka_protocol::protocol::Encodable;
    let topic = FetchTopic::default()
        .with_partitions((0..3).map(|index| FetchPartition::default().with_partition(index)).collect());
    let topic = match version {
        13.. => topic.with_topic_id(uuid::Uuid::from_u128(GRANTED_ID)),
        _ => topic.with_topic(TopicName(StrBytes::from_static_str(GRANTED))),
    };
    let mut body = bytes::BytesMut::new();
    let message = FetchRequest::default().with_max_wait_ms(5).with_max_bytes(1).with_topics(vec![topic]);
    message.encode(&mut body, version).expect("a Fetch can be written");
    body.to_vec()
}

fn forwarded(row: &Row, version: i16, client: &Bytes, sent: &Bytes) {
    let (_, start) = header::parse_request_header(sent, row.is_flexible(version)).expect("Weir's own header");
    let sent = sent.slice(start..);
    let passed =
        gate::walk(row.request, version, &sent, &Direction::Request.budget()).expect("Weir sends what is sound");
    assert!(passed.canonical, "an unknown tag went on: {sent:x?}");
    match row.key {
        table::HEARTBEAT => same(version, client, &sent, |m: &mut HeartbeatRequest| rename(&mut m.group_id)),
        table::LEAVE_GROUP => same(version, client, &sent, |m: &mut LeaveGroupRequest| rename(&mut m.group_id)),
        table::SYNC_GROUP => same(version, client, &sent, |m: &mut SyncGroupRequest| rename(&mut m.group_id)),
        table::OFFSET_COMMIT => same(version, client, &sent, |m: &mut OffsetCommitRequest| {
            rename(&mut m.group_id);
            m.retention_time_ms = -1;
            m.topics.retain(|topic| &**topic.name == GRANTED);
        }),
        table::LIST_OFFSETS => same(version, client, &sent, |m: &mut ListOffsetsRequest| {
            m.replica_id = BrokerId(-1);
            m.topics.retain(|topic| &**topic.name == GRANTED);
        }),
        table::FETCH => {
            let allowed = |name: &TopicName, id: uuid::Uuid| &***name == GRANTED || id.as_u128() == GRANTED_ID;
            let sent = decoded::<FetchRequest>(version, &sent);
            let mut asked = decoded::<FetchRequest>(version, client).topics;
            asked.retain(|topic| allowed(&topic.topic, topic.topic_id));
            asked.iter_mut().for_each(|topic| {
                topic.unknown_tagged_fields.clear();
                topic.partitions.iter_mut().for_each(|partition| {
                    partition.unknown_tagged_fields.clear();
                    partition.replica_directory_id = uuid::Uuid::from_u128(0);
                    partition.high_watermark = i64::MAX;
                });
            });
            assert_eq!(sent.topics, asked);
            assert_eq!((sent.replica_id, sent.rack_id.len(), sent.cluster_id), (BrokerId(-1), 0, None));
            assert_eq!(sent.replica_state, Default::default());
        }
        _ => {}
    }
}

fn rename(group: &mut GroupId) {
    *group = GroupId(StrBytes::from_string(format!("weir.reader.{}", &**group)));
}

/// Whether the broker reads the client's message, changed in this way. Unknown tags were dropped.
fn same<M: Decodable + PartialEq + std::fmt::Debug>(
    version: i16,
    client: &Bytes,
    sent: &Bytes,
    change: impl Fn(&mut M),
) {
    let known = known(version, client);
    let Some(mut expected) = known else { return };
    change(&mut expected);
    assert_eq!(decoded::<M>(version, sent), expected);
}

/// The client's message, where nothing in it is unknown: what is dropped would have to be dropped here, too.
fn known<M: Decodable + std::fmt::Debug>(version: i16, client: &Bytes) -> Option<M> {
    let message = decoded::<M>(version, client);
    let tags = format!("{message:?}").matches("unknown_tagged_fields: {}").count();
    (tags == format!("{message:?}").matches("unknown_tagged_fields: ").count()).then_some(message)
}

fn decoded<M: Decodable>(version: i16, body: &Bytes) -> M {
    let mut rest = body.clone();
    let message = M::decode(&mut rest, version).expect("what was walked is decoded");
    assert!(rest.is_empty(), "to the last byte");
    message
}

fn with_env<T>(then: impl FnOnce(&Env<'_>, &mut Session) -> T) -> T {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    let policy = POLICY.get_or_init(policy);
    let principal = policy.principal("reader").expect("the one principal");
    let limits = SessionLimits::default();
    let nodes = AdvertisedNodes::Sni { host: "kafka.example.org".into(), port: 9093 };
    let now = Instant::now();
    let view = view(now);
    let account = Account::default();
    account.know_groups(std::iter::empty(), now);
    let env = Env {
        policy,
        policy_generation: 1,
        principal: &principal,
        view: Some(&view),
        nodes: &nodes,
        cluster_id: &ShownClusterId("shown".into()),
        subscriptions: &Subscriptions::default(),
        account: &account,
        owed: Owed::default(),
        limits: &limits,
        broker_connected: true,
        now,
    };
    then(&env, &mut Session::new("reader".into(), &limits))
}

fn policy() -> Policy {
    let file = |path: &str, text: String| SourceFile { path: path.into(), text: text.into() };
    let stream = |topic: &str| {
        format!(
            "  - stream: {topic}\n    topics: [{topic}]\n    description: x\n    schema: /x\n    schema_version: 1.0.0\n    \
             cleanup_policy: delete\n    pii: {{verdict: none, by: test, on: 2026-11-01, ticket: T1}}\n"
        )
    };
    let reader = format!(
        "principal: reader\ncertificate:\n  - cn: reader\nnamespace: reader\ntier: tool\nread:\n  - topic: {GRANTED}\n\
         contact: a@example.org\nreview_by: 2027-01-01\n"
    );
    let files = PolicyFiles {
        catalogue: file("catalogue.yaml", format!("streams:\n{}{}", stream(GRANTED), stream(HIDDEN))),
        never: file("never.yaml", "never: []\n".into()),
        tiers: file("tiers.yaml", "tiers:\n  - tier: tool\n    connections: 20\n".into()),
        principals: vec![file("principals/reader.yaml", reader)],
        suspended: Vec::new(),
    };
    Policy::compile(&files, &PolicyOptions::default()).unwrap_or_else(|errors| panic!("{errors}"))
}

fn view(now: Instant) -> ClusterView {
    let topics = [(GRANTED, GRANTED_ID), (HIDDEN, GRANTED_ID + 1)];
    let topics = topics.map(|(name, id)| (RealTopic(name.into()), uuid::Uuid::from_u128(id)));
    ClusterView {
        cluster_id: RealClusterId("internal".into()),
        brokers: BTreeMap::from([(RealBrokerId(1), RealAddress { host: "internal".into(), port: 9092 })]),
        racks: Racks::default(),
        topics: topics.iter().cloned().map(|(name, id)| (name, TopicView { id, partitions: Vec::new() })).collect(),
        compacted: weir_policy::Compacted::default(),
        topics_by_id: topics.iter().cloned().map(|(name, id)| (id, name)).collect(),
        versions: (0..=80).map(|key| (key, VersionRange { min: 0, max: 99 })).collect::<HashMap<_, _>>(),
        topics_generation: 1,
        fetched_at: now,
    }
}
