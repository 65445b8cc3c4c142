//! What Weir knows of a real cluster: leaders that move, brokers that die, come back and are added, topics made again.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use weir_kafka::advertise::Target;
use weir_kafka::cluster::{ClusterView, PartitionView, RealBrokerId, RealTopic, VersionRange};
use weir_server::upstream::{
    DialError, HostPort, NotReady, Upstream, UpstreamReadiness, UpstreamSettings, UpstreamTimeouts, UpstreamTls,
    WantedTopics,
};
use weir_testkit::{Kafka, KafkaOptions, Pki, Version};

const TOPIC: &str = "public.events";
const NEVER_MADE: &str = "public.never-made";
const HIDDEN: &str = "hidden.pii";

#[test]
fn kafka_4_is_followed() {
    is_followed(Version::V4, VersionRange { min: 4, max: 18 });
}

#[test]
fn kafka_3_is_followed() {
    is_followed(Version::V3, VersionRange { min: 0, max: 17 });
}

fn is_followed(version: Version, fetch: VersionRange) {
    // Brokers that create whatever is asked for carelessly.
    let properties = vec![("auto.create.topics.enable".to_owned(), "true".to_owned())];
    let kafka = Kafka::start(KafkaOptions { properties, ..KafkaOptions::new(version) });
    kafka.create_topic(TOPIC, 3, 3, &[]);
    kafka.create_topic(HIDDEN, 1, 1, &[]);
    let edge = Edge::new(&kafka);

    let view = edge.fresh();
    assert_eq!(view.cluster_id.0, kafka.cluster_id());
    assert_eq!(edge.upstream.readiness(), UpstreamReadiness::Ready);
    assert_eq!(view.versions[&1], fetch);
    assert_eq!(ids(&view), [1, 2, 3]);
    assert_eq!(view.topics.keys().collect::<Vec<_>>(), [&RealTopic(TOPIC.to_owned())]);

    a_new_leader_is_seen(&kafka, &edge);
    a_topic_made_again_has_another_id(&kafka, &edge);
    an_added_broker_can_be_dialled(&kafka, &edge);
    patterns_see_only_what_they_allow_and_nothing_was_created(&kafka);
}

fn a_new_leader_is_seen(kafka: &Kafka, edge: &Edge) {
    let before = edge.partition();
    let victim = kafka.leader_of(TOPIC, 0);
    assert_eq!(before.leader, RealBrokerId(victim));
    kafka.kill(victim);
    edge.upstream.mark_suspect();
    let leader = kafka.leader_of(TOPIC, 0);
    assert_ne!(leader, victim, "another broker leads");
    // Another broker may be the one that was asked, and learn of it a moment later.
    let elected = Instant::now();
    while edge.partition().leader != RealBrokerId(leader) {
        assert!(elected.elapsed() < Duration::from_secs(10), "the new leader is not seen");
    }
    assert!(edge.partition().leader_epoch > before.leader_epoch);
    edge.until("the dead broker is not listed", |view| !view.brokers.contains_key(&RealBrokerId(victim)));
    assert!(matches!(edge.dial(Target::Broker(RealBrokerId(victim))), Err(DialError::NoSuchBroker)));
    for _ in 0..4 {
        let reached = edge.dial(Target::Bootstrap).expect("a broker lives");
        assert_ne!(reached, RealBrokerId(victim));
    }

    kafka.restart(victim);
    edge.until("the broker is back", |view| view.brokers.contains_key(&RealBrokerId(victim)));
    assert_eq!(edge.dial(Target::Broker(RealBrokerId(victim))).expect("it is back"), RealBrokerId(victim));
    assert_eq!(edge.upstream.readiness(), UpstreamReadiness::Ready);
}

fn a_topic_made_again_has_another_id(kafka: &Kafka, edge: &Edge) {
    let before = edge.fresh();
    let topic = RealTopic(TOPIC.to_owned());
    kafka.delete_topic(TOPIC);
    kafka.create_topic(TOPIC, 3, 3, &[]);
    let after = edge
        .until("the new topic", |view| view.topics.get(&topic).is_some_and(|now| now.id != before.topics[&topic].id));
    assert!(after.topics_generation > before.topics_generation);
    assert_eq!(after.topics_by_id.get(&after.topics[&topic].id), Some(&topic));
    assert_eq!(after.topics_by_id.len(), 1);
    assert_eq!(after.topics[&topic].partitions.len(), 3);
}

fn an_added_broker_can_be_dialled(kafka: &Kafka, edge: &Edge) {
    let added = RealBrokerId(kafka.add_broker());
    // Nobody tells Weir: the regular question finds it.
    let deadline = Instant::now() + Duration::from_secs(10);
    while !edge.upstream.view().expect("there is a view").brokers.contains_key(&added) {
        assert!(Instant::now() < deadline, "the added broker is not seen");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(edge.dial(Target::Broker(added)).expect("it is up"), added);
}

fn patterns_see_only_what_they_allow_and_nothing_was_created(kafka: &Kafka) {
    let keep = Box::new(|name: &str| name.starts_with("public."));
    let wanted = WantedTopics { literals: Vec::new(), keep, pattern: true };
    let view = Edge::start(settings(kafka.bootstrap()), wanted).fresh();
    assert_eq!(view.topics.keys().collect::<Vec<_>>(), [&RealTopic(TOPIC.to_owned())]);
    assert!(!format!("{view:?}").contains(HIDDEN));
}

#[test]
fn kafka_over_mutual_tls_and_only_with_the_right_cluster_id() {
    let kafka = Kafka::shared(Version::V4);
    let _calm = kafka.calm();
    let identity = Pki::shared().client("weir");
    let chain = CertificateDer::pem_file_iter(&identity.certificate).expect("a chain").map(|der| der.expect("PEM"));
    let key = PrivateKeyDer::from_pem_file(&identity.key).expect("a key");
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots(&identity.ca))
        .with_client_auth_cert(chain.collect(), key)
        .expect("a client certificate");
    let tls = Some(UpstreamTls { config: Arc::new(config), server_name: None, of_tiers: BTreeMap::new(), sasl: None });
    let settings = UpstreamSettings { tls, ..settings(kafka.bootstrap_ssl()) };

    let edge = Edge::start(settings.clone(), literals());
    assert_eq!(ids(&edge.fresh()), [1, 2, 3]);
    assert!(edge.dial(Target::Broker(RealBrokerId(2))).is_ok());

    let other = UpstreamSettings { cluster_id: Some("AAAAAAAAAAAAAAAAAAAAAA".to_owned()), ..settings };
    let edge = Edge::start(other, literals());
    let now = Instant::now();
    let none = edge.runtime.block_on(edge.upstream.fresh_view(now, now + Duration::from_secs(10)));
    assert!(none.is_none());
    assert!(matches!(edge.upstream.readiness(), UpstreamReadiness::NotReady(NotReady::WrongCluster { .. })));
    assert!(edge.dial(Target::Bootstrap).is_err());
}

/// An upstream and the runtime that it lives on.
struct Edge {
    upstream: Arc<Upstream>,
    runtime: Runtime,
}

impl Edge {
    fn new(kafka: &Kafka) -> Self {
        Self::start(settings(kafka.bootstrap()), literals())
    }

    fn start(settings: UpstreamSettings, wanted: WantedTopics) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let wanted = watch::channel(Arc::new(wanted)).1;
        let upstream = runtime.block_on(async { Upstream::start(settings, wanted) });
        Self { upstream, runtime }
    }

    fn fresh(&self) -> Arc<ClusterView> {
        let now = Instant::now();
        let view = self.runtime.block_on(self.upstream.fresh_view(now, now + Duration::from_secs(20)));
        view.expect("the cluster answers")
    }

    fn until(&self, what: &str, is_so: impl Fn(&ClusterView) -> bool) -> Arc<ClusterView> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let view = self.fresh();
            if is_so(&view) {
                return view;
            }
            assert!(Instant::now() < deadline, "{what}: not in 30 s; last seen: {view:?}");
        }
    }

    /// Partition 0 of the topic, as a client that refreshes its metadata sees it.
    fn partition(&self) -> PartitionView {
        self.fresh().topics[&RealTopic(TOPIC.to_owned())].partitions[0].clone()
    }

    /// Which broker was reached.
    fn dial(&self, target: Target) -> Result<RealBrokerId, DialError> {
        self.runtime.block_on(self.upstream.dial(target)).map(|dialed| dialed.broker)
    }
}

fn ids(view: &ClusterView) -> Vec<i32> {
    view.brokers.keys().map(|id| id.0).collect()
}

fn literals() -> WantedTopics {
    let literals = vec![TOPIC.to_owned(), NEVER_MADE.to_owned()];
    WantedTopics { literals, keep: Box::new(|_| false), pattern: false }
}

fn settings(bootstrap: Vec<String>) -> UpstreamSettings {
    let host_port = |address: String| {
        let (host, port) = address.rsplit_once(':').expect("host:port");
        HostPort { host: host.to_owned(), port: port.parse().expect("a port") }
    };
    UpstreamSettings {
        name: "main".to_owned(),
        bootstrap: bootstrap.into_iter().map(host_port).collect(),
        cluster_id: None,
        tls: None,
        max_versions: HashMap::new(),
        racks: BTreeMap::new(),
        dials_per_second: 50,
        timeouts: UpstreamTimeouts::default(),
    }
}

fn roots(ca: &Path) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).expect("a certificate")).expect("a root");
    roots
}
