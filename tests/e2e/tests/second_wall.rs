//! The wall behind Weir: with its own policy broken open, and with its key stolen, brokers that were told what
//! `weir render upstream` says give nothing away. With ACLs that are too wide the same requests bring all of it.

#[path = "second_wall/asked.rs"]
mod asked;
#[path = "second_wall/packets.rs"]
mod packets;
#[path = "second_wall/thief.rs"]
mod thief;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::{CreateAclsRequest, MetadataRequest};
use kafka_protocol::protocol::StrBytes;
use serde_json::json;
use uuid::Uuid;
use weir_testkit::kafka::{Chain, wire};
use weir_testkit::transcript::{self, Side};
use weir_testkit::walls::{self, Walls};
use weir_testkit::{
    Acl, Advertise, Identity, Kafka, KafkaOptions, Pki, PrincipalSpec, RawClient, RawTarget, Version, Weir,
    WeirOptions, wait, weir_binary,
};

use asked::{Asked, Names};

const PUBLIC: &str = "wall.public";
/// Somebody knows its name, and asks for it: an answer repeats what it was asked.
const PRIVATE: &str = "wall.private";
/// The same of a group.
const PRIVATE_GROUP: &str = "planted.asked";
const LIMIT: Duration = Duration::from_secs(60);

/// A cluster with its own authorizer and a private topic, behind the wall for the right policy.
struct Cluster {
    kafka: Kafka,
    /// What Weir shows to the brokers.
    weir: Identity,
    /// As they name it: every character that shells, Java and distinguished names treat in a way of their own.
    user: &'static str,
    names: Names,
    /// Of the right policy, before this cluster.
    config: PathBuf,
}

const USER: &str = r#"CN=O'Neil\, \"Wéir\" \#1 $HOME,O=\ The\+Edge\;"#;

fn cluster() -> Cluster {
    let subject = weir_pki::ClientSubject {
        common_name: "O'Neil, \"Wéir\" #1 $HOME".to_owned(),
        organisation: Some(" The+Edge;".to_owned()),
        ..weir_pki::ClientSubject::default()
    };
    let weir = Pki::shared().client_with(&subject, weir_pki::Validity::days(2));
    let mut options = right(&weir);
    let walls = Walls::render(&options, &[]);
    let properties = walls.properties();
    let kafka = Kafka::start(KafkaOptions { brokers: 1, properties, ..KafkaOptions::new(Version::V4) });
    let names = plant(&kafka);
    walls::before(&mut options, &kafka);
    Walls::render(&options, &[]).build(&kafka);
    Cluster { kafka, weir, user: USER, names, config: options.dir().join("walled.yaml") }
}

/// What an operator means: one topic may leave.
fn right(weir: &Identity) -> WeirOptions {
    let acl = Acl::new(&[PUBLIC]).principal(PrincipalSpec::new("wall-reader", &[PUBLIC]));
    let mut options = WeirOptions::before(&["127.0.0.1:1".to_owned()], Advertise::Ports, acl).untapped();
    walls::come_as(&mut options, weir);
    options
}

/// Everything may leave, to one who was granted everything, and groups go to the brokers as they are.
fn broken_open(cluster: &Cluster) -> Weir {
    let mut everything = PrincipalSpec::new("wall-reader", &[PUBLIC, PRIVATE]);
    everything.prefixes = vec!["planted-".to_owned()];
    everything.namespace = "planted".to_owned();
    let acl = Acl::new(&[PUBLIC, PRIVATE]).auto_prefix("planted-").principal(everything);
    let mut options = right(&cluster.weir);
    options.acl = acl;
    options.config["groups"] = json!("explicit-prefix");
    walls::before(&mut options, &cluster.kafka);
    Weir::start(options)
}

/// Private topics with records, and private groups. Planted is what nobody asks for by its name.
fn plant(kafka: &Kafka) -> Names {
    let nonce = Chain::new("nonce", 0).nonce().to_owned();
    let planted = |what: &str| {
        let name = format!("planted-wall-{what}-{nonce}");
        transcript::plant(&name);
        name
    };
    let (topic, person) = (planted("topic"), planted("person"));
    let group = format!("planted.wall-group-{nonce}");
    transcript::plant(&group);
    for topic in [PUBLIC, PRIVATE, &topic] {
        kafka.create_topic(topic, 1, 1, &[]);
    }
    kafka.produce(PUBLIC, 0, b"for everybody");
    for private in [PRIVATE, &topic] {
        kafka.produce(private, 0, person.as_bytes());
    }
    kafka.commit_as(&group, PRIVATE);
    kafka.commit_as(PRIVATE_GROUP, PRIVATE);
    let id_of = |topic: &str| -> Uuid {
        let all = wire::call(&kafka.any(), 12, &MetadataRequest::default().with_topics(None)).unwrap();
        let is_it = |name: Option<&_>| name.is_some_and(|name: &kafka_protocol::messages::TopicName| *name.0 == *topic);
        all.topics.iter().find(|found| is_it(found.name.as_ref())).expect("the topic has an id").topic_id
    };
    Names {
        private: PRIVATE,
        private_id: id_of(PRIVATE),
        public: PUBLIC,
        public_id: id_of(PUBLIC),
        group: PRIVATE_GROUP,
        planted: vec![topic, person, group],
    }
}

/// A connection of the principal's to a Weir; what comes counts as what clients are sent, or as the control.
fn client(weir: &Weir, side: Side) -> RawClient {
    let target = weir.target(&weir.broker(1), &Pki::shared().client("wall-reader"));
    RawClient::connect(&RawTarget { side, ..target }).expect("a connection")
}

#[test]
fn hostile_brokers_with_a_wall_give_nothing_to_a_weir_that_is_broken_open_nor_to_who_has_its_key() {
    let cluster = cluster();
    // What is rendered is what is looked for.
    wait::until("a sound wall", LIMIT, || check(&cluster));
    thief::gets_what_may_leave_and_changes_nothing(&cluster);

    let weir = broken_open(&cluster);
    let mut asked = Asked::new(client(&weir, Side::Edge));
    assert_eq!(asked.fetch(PUBLIC, cluster.names.public_id), [0, 0], "it is not that nothing comes through");
    let codes = asked.everything(&cluster.names);
    assert_eq!(codes, asked::REFUSED.map(|(what, code)| (what, vec![code])), "Kafka's own errors");
    assert_eq!(asked.holding(&cluster.names), Vec::<&str>::new());
    let found = transcript::search().unwrap();
    assert!(found.leaked.is_empty(), "leaked: {:?}", found.leaked);

    // The control: it is the brokers' doing. With wider ACLs the same Weir gives all of it away.
    widen(&cluster);
    wait::until("everything that is private", LIMIT, || {
        let mut asked = Asked::new(client(&weir, Side::Direct));
        asked.everything(&cluster.names);
        let held = asked.holding(&cluster.names);
        if held == cluster.names.planted { Ok(()) } else { Err(format!("{held:?}")) }
    });
}

/// Whether `weir check --live` finds the wall sound.
fn check(cluster: &Cluster) -> Result<(), String> {
    let mut command = Command::new("timeout");
    command.arg("60").arg(weir_binary()).args(["check", "--live", "-c"]).arg(&cluster.config);
    let output = command.output().expect("weir starts");
    output.status.success().then_some(()).ok_or_else(|| format!("{output:?}"))
}

/// Lets Weir's user see and read all there is.
fn widen(cluster: &Cluster) {
    let allow = |kind: i8, operation: i8| {
        AclCreation::default()
            .with_resource_type(kind)
            .with_resource_name(StrBytes::from_static_str("*"))
            .with_resource_pattern_type(3)
            .with_principal(StrBytes::from_string(format!("User:{}", cluster.user)))
            .with_host(StrBytes::from_static_str("*"))
            .with_operation(operation)
            .with_permission_type(3)
    };
    // Kafka's numbers: Read and Describe on topics and on groups.
    let wide = [(2, 3), (2, 8), (3, 3), (3, 8)].map(|(kind, operation)| allow(kind, operation));
    let asked = CreateAclsRequest::default().with_creations(wide.to_vec());
    let answer = wire::call(&cluster.kafka.any(), 2, &asked).expect("the broker answers");
    assert!(answer.results.iter().all(|result| result.error_code == 0), "{answer:?}");
}
