//! What stands between the clients and the brokers: Weir, or for a control run nothing.

use kafka_protocol::messages::CreateAclsRequest;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::protocol::StrBytes;
use weir_testkit::kafka::wire;
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

    /// Three brokers; in a control run they know access lists of their own.
    pub fn kafka_options(version: Version) -> KafkaOptions {
        let mut options = KafkaOptions::new(version);
        if direct() {
            options.properties = [
                ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
                ("super.users", "User:ANONYMOUS"),
            ]
            .map(|(key, value)| (key.into(), value.into()))
            .into();
        }
        options
    }

    /// Lets one principal read `topics`. `hidden` may leave, but is granted to nobody.
    pub fn start(kafka: &Kafka, topics: &[&str], hidden: &str) -> Self {
        let identity = Pki::shared().client(READER);
        if direct() {
            grant(kafka, topics);
            return Self { bootstrap: kafka.bootstrap_ssl().join(","), identity, weir: None };
        }
        let advertise = if Self::by_name(kafka.version()) { Advertise::Sni } else { Advertise::Ports };
        let catalogue: Vec<&str> = topics.iter().copied().chain([hidden]).collect();
        let acl = Acl::new(&catalogue).principal(PrincipalSpec::new(READER, topics));
        let weir = Weir::start(WeirOptions::new(kafka, advertise, acl));
        Self { bootstrap: weir.bootstrap(), identity, weir: Some(weir) }
    }

    /// The name by which the brokers know a client's group.
    pub fn real_group(&self, id: &str) -> String {
        match self.weir {
            Some(_) => format!("weir.{READER}.{id}"),
            None => id.into(),
        }
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
fn grant(kafka: &Kafka, topics: &[&str]) {
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
