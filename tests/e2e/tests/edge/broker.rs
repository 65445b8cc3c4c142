//! A broker that does as told, on loopback, and remembers what it was asked.
//!
//! It answers ApiVersions and Metadata truly, so that Weir becomes ready, and all else by the script of the moment.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    ApiVersionsResponse, BrokerId, FetchResponse, HeartbeatResponse, MetadataRequest, MetadataResponse, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use super::TOPIC;

/// Its one id.
pub const ID: i32 = 1;
/// Key, lowest and highest version of what it serves: topics have no ids yet.
const SERVED: [(i16, i16, i16); 12] = [
    (1, 4, 12),
    (2, 1, 7),
    (3, 0, 9),
    (8, 2, 8),
    (9, 1, 8),
    (10, 0, 4),
    (11, 0, 9),
    (12, 0, 4),
    (13, 0, 5),
    (14, 0, 5),
    (18, 0, 3),
    (23, 2, 4),
];

/// A request as it came, without its length.
#[derive(Debug, Clone)]
pub struct Asked {
    pub key: i16,
    pub version: i16,
    pub correlation: i32,
    pub frame: Vec<u8>,
}

/// What becomes of a request.
pub enum Reply {
    /// An answer with this body. The header's tag section is added where there is one.
    Body(Vec<u8>),
    /// The same, once the gate is open; requests behind it are read meanwhile.
    After(Gate, Vec<u8>),
    /// These bytes, whatever they are.
    Raw(Vec<u8>),
    /// These bytes, and then the connection is closed.
    RawThenClose(Vec<u8>),
    /// No answer, and no more requests are read on this connection.
    Never,
    /// The connection is closed.
    Close,
}

type Script = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// A running broker. Its threads end with the process.
#[derive(Clone)]
pub struct Broker {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    script: Mutex<Script>,
    asked: Mutex<Vec<Asked>>,
}

/// Holds threads back until it is opened.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Lets everybody pass from now on.
    pub fn open(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Waits until it is open, for half a minute at most.
    pub fn pass(&self) {
        let open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _open = self.0.1.wait_timeout_while(open, Duration::from_secs(30), |open| !*open);
    }
}

impl Broker {
    /// Listens, answers all Fetches with nothing, says yes to heartbeats and never answers anything else.
    pub fn start() -> Self {
        let open = Gate::default();
        open.open();
        Self::start_behind(open)
    }

    /// The same, but nobody is served before the gate opens.
    pub fn start_behind(gate: Gate) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let state = Arc::new(State { script: Mutex::new(Arc::new(idle)), asked: Mutex::default() });
        let broker = Self { address, state };
        let serving = broker.clone();
        thread::spawn(move || {
            gate.pass();
            for stream in listener.incoming().flatten() {
                let broker = serving.clone();
                thread::spawn(move || broker.serve(stream));
            }
        });
        broker
    }

    /// Replaces the script, and forgets what was asked before.
    pub fn play(&self, script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) {
        *self.state.script.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(script);
        self.state.asked.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What clients asked since the script began.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let _ = stream.set_nodelay(true);
        let mut writes = stream.try_clone().ok()?;
        let (answers, due) = mpsc::sync_channel::<(Option<Gate>, Vec<u8>)>(1_024);
        thread::spawn(move || {
            for (gate, bytes) in due {
                gate.iter().for_each(Gate::pass);
                if writes.write_all(&bytes).is_err() {
                    break;
                }
            }
        });
        loop {
            let mut length = [0; 4];
            stream.read_exact(&mut length).ok()?;
            let mut frame = vec![0; usize::try_from(i32::from_be_bytes(length)).ok()?];
            stream.read_exact(&mut frame).ok()?;
            let asked = Asked {
                key: i16::from_be_bytes([frame[0], frame[1]]),
                version: i16::from_be_bytes([frame[2], frame[3]]),
                correlation: i32::from_be_bytes([frame[4], frame[5], frame[6], frame[7]]),
                frame,
            };
            let reply = match asked.key {
                18 => Reply::Body(api_versions(asked.version)),
                3 => Reply::Body(self.metadata(&asked)),
                _ => {
                    self.state.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
                    let script = Arc::clone(&self.state.script.lock().unwrap_or_else(PoisonError::into_inner));
                    script(&asked)
                }
            };
            match reply {
                Reply::Body(body) => answers.send((None, answer(&asked, &body))).ok()?,
                Reply::After(gate, body) => answers.send((Some(gate), answer(&asked, &body))).ok()?,
                Reply::Raw(bytes) => answers.send((None, bytes)).ok()?,
                Reply::RawThenClose(bytes) => {
                    let _ = stream.write_all(&bytes).and_then(|()| stream.shutdown(Shutdown::Both));
                    return None;
                }
                Reply::Never => {
                    // Until the other side has enough of it.
                    let _ = stream.read(&mut [0; 1]);
                    thread::sleep(Duration::from_secs(30));
                    return None;
                }
                Reply::Close => {
                    let _ = stream.shutdown(Shutdown::Both);
                    return None;
                }
            }
        }
    }

    fn metadata(&self, asked: &Asked) -> Vec<u8> {
        let request: MetadataRequest = decoded(asked);
        let wanted = request.topics.unwrap_or_default();
        let names = wanted.into_iter().filter_map(|topic| topic.name);
        let me = MetadataResponseBroker::default()
            .with_node_id(BrokerId(ID))
            .with_host(StrBytes::from_string(self.address.ip().to_string()))
            .with_port(self.address.port().into());
        let response = MetadataResponse::default()
            .with_brokers(vec![me])
            .with_cluster_id(Some(StrBytes::from_static_str("edge-cluster")))
            .with_controller_id(BrokerId(ID))
            .with_topics(names.map(topic).collect());
        encoded(&response, asked.version)
    }
}

/// A Fetch answer for the one partition, with these records.
pub fn fetched(version: i16, session_id: i32, records: Option<Bytes>) -> Vec<u8> {
    let partition = PartitionData::default().with_high_watermark(1_000_000).with_records(records);
    let topic = FetchableTopicResponse::default()
        .with_topic(TopicName(StrBytes::from_static_str(TOPIC)))
        .with_partitions(vec![partition]);
    let response = FetchResponse::default().with_session_id(session_id).with_responses(vec![topic]);
    encoded(&response, version)
}

/// The body of a request.
pub fn decoded<M: Decodable>(asked: &Asked) -> M {
    let client_id = usize::try_from(i16::from_be_bytes([asked.frame[8], asked.frame[9]])).unwrap_or(0);
    let start = 10 + client_id + usize::from(is_flexible(asked));
    let mut body = Bytes::copy_from_slice(&asked.frame[start..]);
    M::decode(&mut body, asked.version).expect("Weir asks in Kafka's form")
}

/// A message's bytes.
pub fn encoded<M: Encodable>(message: &M, version: i16) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes, version).expect("the message fits its version");
    bytes.to_vec()
}

/// What it does unless it is told otherwise.
pub fn idle(asked: &Asked) -> Reply {
    match asked.key {
        1 => Reply::Body(fetched(asked.version, 0, None)),
        12 => Reply::Body(encoded(&HeartbeatResponse::default(), asked.version)),
        _ => Reply::Never,
    }
}

fn topic(name: TopicName) -> MetadataResponseTopic {
    let topic = MetadataResponseTopic::default().with_name(Some(name.clone()));
    if &*name != TOPIC {
        return topic.with_error_code(3);
    }
    let partition = MetadataResponsePartition::default()
        .with_leader_id(BrokerId(ID))
        .with_replica_nodes(vec![BrokerId(ID)])
        .with_isr_nodes(vec![BrokerId(ID)]);
    topic.with_partitions(vec![partition])
}

fn api_versions(version: i16) -> Vec<u8> {
    let range = |(key, min, max): &(i16, i16, i16)| {
        ApiVersion::default().with_api_key(*key).with_min_version(*min).with_max_version(*max)
    };
    let served = ApiVersionsResponse::default().with_api_keys(SERVED.iter().map(range).collect());
    if version > 3 { encoded(&served.with_error_code(35), 0) } else { encoded(&served, version) }
}

/// The frame of an answer.
pub fn answer(asked: &Asked, body: &[u8]) -> Vec<u8> {
    let tags: &[u8] = if is_flexible(asked) { &[0] } else { &[] };
    super::client::framed(&[&asked.correlation.to_be_bytes()[..], tags, body].concat())
}

/// Whether the headers have tagged fields; ApiVersions is asked in versions that have none.
fn is_flexible(asked: &Asked) -> bool {
    let from = match asked.key {
        1 => 12,
        2 | 9 | 11 => 6,
        3 => 9,
        8 => 8,
        10 => 3,
        12..=14 | 23 => 4,
        _ => i16::MAX,
    };
    asked.version >= from
}
