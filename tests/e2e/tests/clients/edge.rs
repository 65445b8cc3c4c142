//! What stands between the clients and the brokers: Weir, or for a control run nothing.
//!
//! The brokers are an existing cluster with walls of its own: Kafka's authorizer, and for Weir what `weir render upstream`
//! says and no right more.

use kafka_protocol::messages::CreateAclsRequest;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::protocol::StrBytes;
use weir_testkit::kafka::wire;
use weir_testkit::walls::{self, Walls};
use weir_testkit::{Acl, Advertise, Identity, Kafka, KafkaOptions, Pki, PrincipalSpec, Version, Weir, WeirOptions};

/// What members of the consumer protocol, KIP-848, send instead of JoinGroup, SyncGroup and Heartbeat.
const CONSUMER_GROUP_HEARTBEAT: i16 = 68;
const READER: &str = "reader";

/// All that a client is told.
pub struct Edge {
    /// `host:port`, of Weir one, of the brokers all.
    pub bootstrap: String,
    /// The certificate and its key, and whom to trust.
    pub identity: Identity,
    weir: Option<Weir>,
}

impl Edge {
    /// Whether this run tells brokers apart by names: so on the newest Kafka, and by ports on the older.
    pub fn by_name(version: Version) -> bool {
        !direct() && version == Version::V4
    }

    /// Whether clients of this group protocol can work here: Weir's own table of APIs says what it serves.
    pub fn serves(protocol: &str) -> bool {
        direct() || protocol != "consumer" || weir_kafka::table::row(CONSUMER_GROUP_HEARTBEAT).is_some()
    }

    /// Lets one principal read `topics`. `hidden` may leave, but is granted to nobody.
    pub fn plan(version: Version, topics: &[&str], hidden: &str) -> Plan {
        let catalogue: Vec<&str> = topics.iter().copied().chain([hidden]).collect();
        let acl = Acl::new(&catalogue).principal(PrincipalSpec::new(READER, topics));
        let advertise = if Self::by_name(version) { Advertise::Sni } else { Advertise::Ports };
        // Where the brokers are is not known before they run, and nothing of it is rendered.
        let mut options = WeirOptions::before(&["127.0.0.1:1".to_owned()], advertise, acl);
        walls::come_as(&mut options, &Pki::shared().client("weir"));
        Plan { version, topics: topics.iter().map(ToString::to_string).collect(), options }
    }

    /// The name by which the brokers know a client's group.
    pub fn real_group(&self, id: &str) -> String {
        match self.weir {
            Some(_) => format!("weir.{READER}.{id}"),
            None => id.into(),
        }
    }
}

/// An edge before the brokers run.
pub struct Plan {
    version: Version,
    topics: Vec<String>,
    options: WeirOptions,
}

impl Plan {
    /// Three brokers with the rendered settings; in a control run they know access lists for the clients themselves.
    pub fn kafka_options(&self) -> KafkaOptions {
        let mut options = KafkaOptions::new(self.version);
        options.properties = Walls::render(&self.options, &[]).properties();
        if direct() {
            options.properties.retain(|(key, _)| !key.starts_with("listener.name."));
        }
        options
    }

    /// Starts it before brokers that have the topics.
    pub fn start(self, kafka: &Kafka) -> Edge {
        let Self { topics, mut options, .. } = self;
        let identity = Pki::shared().client(READER);
        if direct() {
            grant(kafka, &topics);
            return Edge { bootstrap: kafka.bootstrap_ssl().join(","), identity, weir: None };
        }
        walls::before(&mut options, kafka);
        Walls::render(&options, &[]).build(kafka);
        let weir = Weir::start(options);
        Edge { bootstrap: weir.bootstrap(), identity, weir: Some(weir) }
    }
}

fn direct() -> bool {
    match std::env::var("WEIR_TESTS_EDGE").as_deref() {
        Err(_) | Ok("weir") => false,
        Ok("kafka") => true,
        Ok(other) => panic!("WEIR_TESTS_EDGE={other}: write weir or kafka"),
    }
}

/// Kafka's own access lists for the control run.
fn grant(kafka: &Kafka, topics: &[String]) {
    // As the protocol numbers them; 3 is a literal name, and permission.
    let [topic_kind, group_kind, read, describe] = [2, 3, 3, 8];
    let allow = |kind: i8, name: &str, operation: i8| {
        AclCreation::default()
            .with_resource_type(kind)
            .with_resource_name(StrBytes::from_string(name.into()))
            .with_resource_pattern_type(3)
            .with_principal(StrBytes::from_string(format!("User:{READER}")))
            .with_host(StrBytes::from_static_str("*"))
            .with_operation(operation)
            .with_permission_type(3)
    };
    let mut creations = vec![allow(group_kind, "*", read)];
    creations
        .extend(topics.iter().flat_map(|topic| [allow(topic_kind, topic, read), allow(topic_kind, topic, describe)]));
    let answer = wire::call(&kafka.any(), 2, &CreateAclsRequest::default().with_creations(creations));
    let answer = answer.expect("the broker answers");
    for result in &answer.results {
        assert!(result.error_code == 0, "an access list was not taken: {result:?}");
    }
}
