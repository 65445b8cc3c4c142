//! Three brokers in this process: librdkafka's mock cluster, on loopback, plaintext, in memory.
//!
//! Must never be taken for Kafka: it serves some clients well enough to show Weir, and Weir is told what it cannot do
//! ([`MAX_VERSIONS`]).

use std::thread::sleep;
use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::failure::Failure;
use crate::streams::{HIDDEN_STREAM, HIDDEN_TOPIC, SITES, STREAMS};

/// The mock numbers its brokers from 1.
pub const BROKER_IDS: [i32; 3] = [1, 2, 3];

/// The highest version of each API that the mock speaks correctly, where that is below what it advertises.
pub const MAX_VERSIONS: [(&str, i16); 6] = [
    ("JoinGroup", 5),
    ("SyncGroup", 3),
    ("LeaveGroup", 2),
    ("FindCoordinator", 3),
    ("OffsetFetch", 6),
    // From version 9 on its answers have a byte too many.
    ("Metadata", 8),
];

/// The mock can miss the wake-up for a request that comes while it serves another, and then sleeps for a second.
const BREATH: Duration = Duration::from_millis(2);

/// The running mock cluster. It ends when this value is dropped.
pub struct Cluster {
    mock: MockCluster<'static, DefaultProducerContext>,
}

impl Cluster {
    /// Starts the brokers and creates every topic of the demo.
    pub fn start() -> Result<Cluster, Failure> {
        let mock = MockCluster::new(BROKER_IDS.len() as i32)
            .map_err(|error| Failure::new(format!("the mock brokers did not start: {error}")))?;
        let cluster = Cluster { mock };
        for site in SITES {
            for stream in &STREAMS {
                cluster.create(&stream.topic(site), stream.partitions)?;
            }
        }
        cluster.create(HIDDEN_TOPIC, HIDDEN_STREAM.partitions)?;
        Ok(cluster)
    }

    /// `HOST:PORT` of each broker: for Weir and for the demo itself, never for an outside client.
    pub fn bootstrap(&self) -> Vec<String> {
        self.mock.bootstrap_servers().split(',').map(str::to_owned).collect()
    }

    fn create(&self, topic: &str, partitions: i32) -> Result<(), Failure> {
        let replicas = BROKER_IDS.len() as i32;
        sleep(BREATH);
        self.mock
            .create_topic(topic, partitions, replicas)
            .map_err(|error| Failure::new(format!("the mock brokers did not create {topic}: {error}")))
    }
}
