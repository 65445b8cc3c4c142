//! A tier with a certificate of its own for the brokers, before Kafka's own authorizer, which tells the tiers apart.

use std::time::Duration;

use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{CreateAclsRequest, FetchRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use serde_json::json;
use weir_testkit::kafka::wire;
use weir_testkit::{
    Acl, Advertise, Ended, Identity, Kafka, KafkaOptions, Pki, PrincipalSpec, RawClient, Version, Weir, WeirOptions,
    wait,
};

const LIMIT: Duration = Duration::from_secs(30);
/// Kafka's numbers for kinds of resources, kinds of names and operations.
const TOPIC: i8 = 2;
const GROUP: i8 = 3;
const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;
const READ: i8 = 3;
const DELETE: i8 = 6;
const DESCRIBE: i8 = 8;
const DESCRIBE_CONFIGS: i8 = 10;
const ALLOW: i8 = 3;
/// Kafka's code for a topic that may not be read.
const DENIED: i16 = 29;

/// One broker with an authorizer, to which Weir comes as `weir`, and for principals of the tier `small` as
/// `weir-small`.
pub fn cluster() -> Kafka {
    let properties = [
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        ("super.users", "User:ANONYMOUS"),
    ];
    let properties = properties.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    Kafka::start(KafkaOptions { brokers: 1, properties, ..KafkaOptions::new(Version::V4) })
}

/// What one certificate may at the brokers, by its common name.
pub fn allow(kafka: &Kafka, who: &str, rights: &[(i8, &str, i8, i8)]) {
    let creation = |(kind, name, pattern, operation): &(i8, &str, i8, i8)| {
        AclCreation::default()
            .with_resource_type(*kind)
            .with_resource_name(StrBytes::from_string((*name).to_owned()))
            .with_resource_pattern_type(*pattern)
            .with_principal(StrBytes::from_string(format!("User:{who}")))
            .with_host(StrBytes::from_static_str("*"))
            .with_operation(*operation)
            .with_permission_type(ALLOW)
    };
    let asked = CreateAclsRequest::default().with_creations(rights.iter().map(creation).collect());
    let answer = wire::call(&kafka.any(), 2, &asked).expect("the broker answers");
    assert!(answer.results.iter().all(|result| result.error_code == 0), "{answer:?}");
}

/// All that the operator's page says a certificate of Weir's needs, for clients and for Weir itself.
pub fn allow_all(kafka: &Kafka, who: &str, topic: &str) {
    let of_topic = [DESCRIBE, READ, DESCRIBE_CONFIGS].map(|operation| (TOPIC, topic, LITERAL, operation));
    let of_groups = [DESCRIBE, READ, DELETE].map(|operation| (GROUP, "weir.", PREFIXED, operation));
    allow(kafka, who, &[of_topic, of_groups].concat());
}

/// A Weir before that cluster's listener with mutual TLS.
pub fn options(kafka: &Kafka, acl: Acl) -> WeirOptions {
    let mut options = WeirOptions::new(kafka, Advertise::Ports, acl).untapped();
    let [own, small] = ["weir", "weir-small"].map(|name| Pki::shared().client(name));
    let pair = |identity: &Identity| json!({ "certificate": identity.certificate, "key": identity.key });
    let mut tls = pair(&own);
    tls["ca"] = json!(Pki::shared().ca());
    tls["identities"] = json!({ "small": pair(&small) });
    options.config["upstreams"]["main"] = json!({ "bootstrap": kafka.bootstrap_ssl(), "tls": tls });
    options
}

fn reader(tier: &'static str) -> PrincipalSpec {
    PrincipalSpec { tier, ..PrincipalSpec::new("tiers-reader", &["tiers.a", "tiers.b"]) }
}

/// What a client is told of a topic that it was granted: the brokers' word.
fn fetched(client: &mut RawClient, topic: &str) -> Result<i16, String> {
    let wanted = FetchTopic::default()
        .with_topic(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partitions(vec![FetchPartition::default().with_partition_max_bytes(1 << 20)]);
    let asked = FetchRequest::default().with_max_bytes(1 << 20).with_topics(vec![wanted]);
    Ok(client.call(11, &asked)?.responses[0].partitions[0].error_code)
}

#[test]
fn the_brokers_tell_tiers_apart_and_a_principal_that_changes_tier_comes_with_the_new_certificate() {
    let kafka = cluster();
    for topic in ["tiers.a", "tiers.b"] {
        kafka.create_topic(topic, 1, 1, &[]);
    }
    let weirs = (GROUP, "weir.", PREFIXED, DESCRIBE);
    allow(&kafka, "weir", &[(TOPIC, "tiers.", PREFIXED, DESCRIBE), weirs, (TOPIC, "tiers.a", LITERAL, READ)]);
    allow(&kafka, "weir-small", &[(TOPIC, "tiers.b", LITERAL, READ)]);
    let policy = |tier| Acl::new(&["tiers.a", "tiers.b"]).principal(reader(tier));
    let weir = Weir::start(options(&kafka, policy("large")));
    let connect = || {
        let target = weir.target(&weir.broker(1), &Pki::shared().client("tiers-reader"));
        RawClient::connect(&target).expect("a connection")
    };
    let said = |client: &mut RawClient| ["tiers.a", "tiers.b"].map(|topic| fetched(client, topic));
    let mut as_weir = connect();
    wait::until("the access lists", LIMIT, || match said(&mut as_weir) {
        [Ok(0), Ok(DENIED)] => Ok(()),
        other => Err(format!("{other:?}")),
    });
    weir.write_acl(&policy("small"));
    // It ends: what it has at the broker is known there as another's.
    assert_eq!(as_weir.ended(LIMIT), Ended::Closed);
    assert_eq!(said(&mut connect()), [Ok(DENIED), Ok(0)], "the tier's own certificate");
    let mut idle = connect();
    weir.write_acl(&policy("large"));
    // Without a connection at the broker there is nothing to end, and the next one is opened as Weir.
    wait::until("the old tier", LIMIT, || match said(&mut connect()) {
        [Ok(0), Ok(DENIED)] => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(said(&mut idle), [Ok(0), Ok(DENIED)]);
}
