//! Three brokers that choose replicas by rack, and one Weir before them: tests take turns.

use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use serde_json::json;
use uuid::Uuid;
use weir_testkit::kafka::Chain;
use weir_testkit::transcript::Side;
use weir_testkit::{
    Acl, Advertise, Identity, Kafka, KafkaOptions, Pki, PrincipalSpec, RawClient, Version, Weir, WeirOptions,
    transcript,
};

use crate::reader::Reader;
use crate::{BESIDE, BULK, GROUPED, LED, LEFT, NEARBY, READER};

/// What there is to read.
pub const TOPICS: [&str; 6] = [NEARBY, BESIDE, LED, BULK, GROUPED, LEFT];

/// The brokers and what stands before them.
pub struct Stage {
    pub kafka: Kafka,
    pub weir: Weir,
    pub identity: Identity,
}

/// Waits until nobody else uses them.
pub fn stage() -> MutexGuard<'static, Stage> {
    static STAGE: LazyLock<Mutex<Stage>> = LazyLock::new(|| Mutex::new(Stage::start()));
    let stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    // Whoever failed before may have left a broker dead.
    stage.kafka.heal();
    stage
}

impl Stage {
    fn start() -> Self {
        let selector = "org.apache.kafka.common.replica.RackAwareReplicaSelector";
        let properties = vec![("replica.selector.class".to_owned(), selector.to_owned())];
        let kafka = Kafka::start(KafkaOptions { properties, ..KafkaOptions::new(Version::V4) });
        let mut options = WeirOptions::new(&kafka, Advertise::Ports, acl(&TOPICS));
        let labels = (1..=3).map(|id| (kafka.rack(id), json!(zone(id))));
        options.config["upstreams"]["main"]["racks"] = labels.collect();
        Self { kafka, weir: Weir::start(options), identity: Pki::shared().client(READER) }
    }

    /// A connection to a broker by the address that clients are shown.
    pub fn at(&self, id: i32) -> RawClient {
        self.connect(&self.weir.broker(id))
    }

    pub fn connect(&self, shown: &str) -> RawClient {
        RawClient::connect(&self.weir.target(shown, &self.identity)).expect("Weir lets its reader in")
    }

    pub fn reader(&self, topic: &str, settings: &[(&str, &str)]) -> Reader {
        Reader::start(&self.weir.bootstrap(), &self.identity, topic, settings)
    }

    /// The same with another library.
    pub fn client(&self, client: &str, topic: &str, settings: &[(&str, &str)]) -> Reader {
        Reader::start_client(client, &self.weir.bootstrap(), &self.identity, topic, settings)
    }

    pub fn metadata(&self, topic: &str) -> MetadataResponse {
        let name = TopicName(StrBytes::from_string(topic.into()));
        let topic = MetadataRequestTopic::default().with_name(Some(name));
        let request = MetadataRequest::default().with_topics(Some(vec![topic]));
        self.connect(&self.weir.bootstrap()).call(12, &request).expect("Metadata is answered")
    }

    pub fn id_of(&self, topic: &str) -> Uuid {
        self.metadata(topic).topics[0].topic_id
    }

    /// The leader of partition 0, as Weir tells it.
    pub fn shown_leader(&self, topic: &str) -> i32 {
        self.metadata(topic).topics[0].partitions[0].leader_id.0
    }

    /// Which brokers sent this chain's records through Weir, by the ports that stand for them.
    pub fn senders(&self, chain: &Chain) -> BTreeSet<i32> {
        let holding = transcript::holding(Side::Edge, chain.nonce()).expect("transcripts can be read");
        let port_of = |id| self.weir.broker(id).rsplit(':').next().unwrap_or_default().to_owned();
        let sent =
            |id: &i32| holding.iter().any(|path| path.to_string_lossy().ends_with(&format!("-{}.edge", port_of(*id))));
        (0..=3).filter(sent).collect()
    }
}

/// All topics may leave, and these are granted.
pub fn acl(granted: &[&str]) -> Acl {
    Acl::new(&TOPICS).principal(PrincipalSpec::new(READER, granted))
}

/// The public label of a broker's rack.
pub fn zone(id: i32) -> String {
    format!("zone-{id}")
}

/// Another broker than this one.
pub fn other_than(id: i32) -> i32 {
    id % 3 + 1
}

/// Addresses, racks and the cluster's id: every byte to a client is searched for them.
pub fn nothing_internal_left(stage: &Stage) {
    let found = transcript::search().expect("transcripts can be read");
    assert!(found.leaked.is_empty(), "leaked: {:?}", found.leaked);
    let unseen: Vec<_> = stage.kafka.planted().into_iter().filter(|name| found.unseen.contains(name)).collect();
    assert!(unseen.is_empty(), "not even seen on a direct connection: {unseen:?}");
}
