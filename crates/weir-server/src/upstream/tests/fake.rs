//! A scripted broker: it answers ApiVersions and Metadata, well or badly, and remembers what it was asked. Every topic is
//! compacted there, where its script serves DescribeConfigs.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsResult};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    ApiVersionsResponse, BrokerId, DescribeConfigsRequest, DescribeConfigsResponse, MetadataRequest, MetadataResponse,
    TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::super::connect::{receive, send};
use crate::link::Link;

/// What a broker does with a Metadata request, or with every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    /// Closes without an answer.
    Closes,
    /// Never answers.
    Silent,
    /// Answers with bytes that mean nothing.
    Garbage,
    /// Announces a length and dies in the middle.
    DiesInAnswer,
    WrongCorrelationId,
    /// Announces 2^31-1 topics in a few bytes.
    ArrayBomb,
    NegativeLength,
    HugeLength,
    /// Sends its answer twice.
    Twice,
    /// One byte too many after the body, as librdkafka's mock brokers do.
    TrailingByte,
    /// Answers ApiVersions with error 35 in the form of version 0, with no ranges.
    Unsupported,
}

#[derive(Clone, Debug)]
pub(super) struct Partition {
    pub leader: i32,
    pub epoch: i32,
    pub error: i16,
}

/// What a broker believes of its cluster.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub mood: Mood,
    pub cluster_id: Option<&'static str>,
    /// Key, lowest and highest version.
    pub versions: Vec<(i16, i16, i16)>,
    pub brokers: Vec<(i32, String, i32)>,
    /// Name, id, partitions.
    pub topics: Vec<(&'static str, u128, Vec<Partition>)>,
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

/// A Metadata request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub version: i16,
    /// `None` for all topics.
    pub topics: Option<Vec<String>>,
    pub may_create: bool,
}

pub(super) struct FakeBroker {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: Option<tokio::task::JoinHandle<()>>,
}

struct State {
    script: Script,
    asked: Vec<Asked>,
    accepted: usize,
}

impl Script {
    /// A cluster of one id, without brokers and topics yet.
    pub(super) fn new() -> Self {
        Self {
            mood: Mood::Well,
            cluster_id: Some("cluster-a"),
            versions: vec![(0, 0, 12), (1, 4, 17), (3, 0, 13), (18, 0, 4)],
            brokers: Vec::new(),
            topics: Vec::new(),
            tls: None,
        }
    }

    pub(super) fn topic(mut self, name: &'static str, id: u128, leader: i32, epoch: i32) -> Self {
        self.topics.push((name, id, vec![Partition { leader, epoch, error: 0 }]));
        self
    }
}

impl FakeBroker {
    /// A broker alone: it lists itself as broker 1.
    pub(super) async fn alone(script: Script) -> Self {
        let broker = Self::start(script).await;
        broker.change(|script| script.brokers = vec![(1, "127.0.0.1".to_owned(), broker.address.port().into())]);
        broker
    }

    pub(super) async fn start(script: Script) -> Self {
        let state = Arc::new(Mutex::new(State { script, asked: Vec::new(), accepted: 0 }));
        let mut broker = Self { address: "127.0.0.1:0".parse().unwrap(), state, serving: None };
        broker.restart().await;
        broker
    }

    /// Listens, at the same address if there was one.
    pub(super) async fn restart(&mut self) {
        self.stop().await;
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        self.serving = Some(tokio::spawn(serve(listener, Arc::clone(&self.state))));
    }

    /// Closes the listener and every connection.
    pub(super) async fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            let _ = serving.await;
        }
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.state.lock().unwrap().script);
    }

    pub(super) fn tls(&self) -> Option<Arc<rustls::ServerConfig>> {
        self.state.lock().unwrap().script.tls.clone()
    }

    pub(super) fn mood(&self, mood: Mood) {
        self.change(|script| script.mood = mood);
    }

    /// The Metadata requests for topics so far; those that only check the cluster's id are left out.
    pub(super) fn asked(&self) -> Vec<Asked> {
        let asked = self.state.lock().unwrap().asked.clone();
        asked.into_iter().filter(|asked| asked.topics != Some(Vec::new())).collect()
    }

    pub(super) fn accepted(&self) -> usize {
        self.state.lock().unwrap().accepted
    }
}

impl Drop for FakeBroker {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        state.lock().unwrap().accepted += 1;
        connections.spawn(connection(stream, Arc::clone(&state)));
    }
}

/// Serves one connection until either side has enough of it.
async fn connection(stream: TcpStream, state: Arc<Mutex<State>>) -> Option<()> {
    let tls = state.lock().unwrap().script.tls.clone();
    let mut link = match tls {
        Some(config) => Link::server(stream, rustls::ServerConnection::new(config).unwrap()),
        None => Link::plain(stream),
    };
    link.handshake().await.ok()?;
    let mut scratch = [0; 4096];
    let mut received = BytesMut::new();
    loop {
        while received.len() < 4 || received.len() < 4 + (&received[..4]).get_u32() as usize {
            let count = receive(&mut link, &mut scratch).await.ok().filter(|count| *count > 0)?;
            received.extend_from_slice(&scratch[..count]);
        }
        let length = received.get_u32() as usize;
        let request = received.split_to(length).freeze();
        let answer = answer(request, &mut state.lock().unwrap());
        match answer {
            Answer::Bytes(bytes) => send(&mut link, &bytes).await.ok()?,
            Answer::ThenClose(bytes) => return send(&mut link, &bytes).await.ok(),
            Answer::Never => tokio::time::sleep(Duration::from_secs(3600)).await,
        }
    }
}

enum Answer {
    Bytes(Vec<u8>),
    ThenClose(Vec<u8>),
    Never,
}

fn answer(mut request: Bytes, state: &mut State) -> Answer {
    let (key, version, correlation_id) = (request.get_i16(), request.get_i16(), request.get_i32());
    let client_id = request.get_i16();
    assert_eq!(&request.split_to(client_id as usize)[..], b"weir");
    let script = &state.script;
    let (body, flexible) = match key {
        18 => (api_versions(script, version), false),
        3 => {
            if version >= 9 {
                assert_eq!(request.get_u8(), 0, "a tagged field in the header");
            }
            let wanted = MetadataRequest::decode(&mut request, version).unwrap();
            assert!(request.is_empty());
            let body = metadata(script, version, &wanted);
            state.asked.push(asked(version, wanted));
            (body, version >= 9)
        }
        32 => (compacted(&DescribeConfigsRequest::decode(&mut request, version).unwrap(), version), false),
        _ => panic!("Weir asked for API {key}"),
    };
    spoil(state.script.mood, key, correlation_id, flexible, body)
}

/// Puts an answer into a frame, as well as the mood allows.
fn spoil(mood: Mood, key: i16, correlation_id: i32, flexible: bool, mut body: Vec<u8>) -> Answer {
    let is_metadata = key == 3;
    let correlation_id = if mood == Mood::WrongCorrelationId { correlation_id + 7 } else { correlation_id };
    if mood == Mood::TrailingByte && is_metadata {
        body.push(0);
    }
    if mood == Mood::ArrayBomb {
        // Far more elements than bytes: ApiVersions v0 after its error code, Metadata v12 after its throttle time.
        let bomb: &[u8] =
            if is_metadata { &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 7] } else { &[0, 0, 0x7f, 0xff, 0xff, 0xff] };
        body = bomb.to_vec();
    }
    let mut frame = Vec::new();
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&correlation_id.to_be_bytes());
    if flexible {
        frame.push(0);
    }
    frame.extend_from_slice(&body);
    let length = frame.len() as u32 - 4;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    match mood {
        Mood::Closes => Answer::ThenClose(Vec::new()),
        Mood::Silent => Answer::Never,
        Mood::Garbage => {
            frame[8..].fill(0xee);
            Answer::Bytes(frame)
        }
        Mood::DiesInAnswer => Answer::ThenClose(frame[..frame.len() / 2].to_vec()),
        Mood::NegativeLength => Answer::Bytes((-5_i32).to_be_bytes().to_vec()),
        Mood::HugeLength => Answer::Bytes(i32::MAX.to_be_bytes().to_vec()),
        Mood::Twice => Answer::Bytes([frame.clone(), frame].concat()),
        Mood::Well | Mood::WrongCorrelationId | Mood::ArrayBomb | Mood::TrailingByte | Mood::Unsupported => {
            Answer::Bytes(frame)
        }
    }
}

fn api_versions(script: &Script, version: i16) -> Vec<u8> {
    // As a broker does that does not know the version: error 35, in the form of version 0.
    let is_known = version <= 2 && script.mood != Mood::Unsupported;
    let range = |(key, min, max): &(i16, i16, i16)| {
        ApiVersion::default().with_api_key(*key).with_min_version(*min).with_max_version(*max)
    };
    let known = ApiVersionsResponse::default().with_api_keys(script.versions.iter().map(range).collect());
    let (message, version) =
        if is_known { (known, version) } else { (ApiVersionsResponse::default().with_error_code(35), 0) };
    encoded(&message, version)
}

fn metadata(script: &Script, version: i16, request: &MetadataRequest) -> Vec<u8> {
    let brokers = script.brokers.iter().map(|(id, host, port)| {
        MetadataResponseBroker::default()
            .with_node_id(BrokerId(*id))
            .with_host(StrBytes::from_string(host.clone()))
            .with_port(*port)
    });
    let topics = match &request.topics {
        None => script.topics.iter().map(|topic| described(topic, version)).collect(),
        Some(names) => names.iter().map(|named| by_name(script, named.name.as_ref().unwrap(), version)).collect(),
    };
    let message = MetadataResponse::default()
        .with_brokers(brokers.collect())
        .with_cluster_id(script.cluster_id.map(StrBytes::from_static_str).filter(|_| version >= 2))
        .with_topics(topics);
    encoded(&message, version)
}

fn compacted(request: &DescribeConfigsRequest, version: i16) -> Vec<u8> {
    let text = StrBytes::from_static_str;
    let policy =
        DescribeConfigsResourceResult::default().with_name(text("cleanup.policy")).with_value(Some(text("compact")));
    let topics = request.resources.iter().map(|topic| {
        DescribeConfigsResult::default()
            .with_resource_type(topic.resource_type)
            .with_resource_name(topic.resource_name.clone())
            .with_configs(vec![policy.clone()])
    });
    encoded(&DescribeConfigsResponse::default().with_results(topics.collect()), version)
}

fn by_name(script: &Script, name: &TopicName, version: i16) -> MetadataResponseTopic {
    let known = script.topics.iter().find(|(known, ..)| *known == name.as_str());
    let unknown = || MetadataResponseTopic::default().with_name(Some(name.clone())).with_error_code(3);
    known.map_or_else(unknown, |topic| described(topic, version))
}

fn described((name, id, partitions): &(&'static str, u128, Vec<Partition>), version: i16) -> MetadataResponseTopic {
    let partition = |(index, partition): (usize, &Partition)| {
        MetadataResponsePartition::default()
            .with_partition_index(index as i32)
            .with_error_code(partition.error)
            .with_leader_id(BrokerId(partition.leader))
            .with_leader_epoch(if version >= 7 { partition.epoch } else { -1 })
            .with_replica_nodes(vec![BrokerId(partition.leader)])
            .with_isr_nodes(vec![BrokerId(partition.leader)])
    };
    MetadataResponseTopic::default()
        .with_name(Some(TopicName(StrBytes::from_static_str(name))))
        .with_is_internal(name.starts_with("__"))
        .with_topic_id(if version >= 10 { Uuid::from_u128(*id) } else { Uuid::nil() })
        .with_partitions(partitions.iter().enumerate().map(partition).collect())
}

fn asked(version: i16, request: MetadataRequest) -> Asked {
    let names = |topics: Vec<_>| {
        let name =
            |topic: kafka_protocol::messages::metadata_request::MetadataRequestTopic| topic.name.unwrap().to_string();
        topics.into_iter().map(name).collect()
    };
    Asked { version, topics: request.topics.map(names), may_create: request.allow_auto_topic_creation }
}

fn encoded(message: &impl Encodable, version: i16) -> Vec<u8> {
    let mut body = BytesMut::new();
    message.encode(&mut body, version).unwrap();
    body.to_vec()
}
