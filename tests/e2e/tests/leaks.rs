//! Nothing internal leaves: every byte that Weir sends is searched for planted names, and the same search over direct
//! connections finds every one of them. `leakscan` does the same over the whole of `make test`.

use std::time::{Duration, Instant};

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiVersionsRequest, DescribeClusterRequest, FindCoordinatorRequest, ListGroupsRequest, MetadataRequest,
};
use kafka_protocol::protocol::StrBytes;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use weir_testkit::kafka::{Chain, wire};
use weir_testkit::transcript::Side;
use weir_testkit::{
    Acl, Advertise, Identity, Kafka, Pki, PrincipalSpec, RawClient, Version, Weir, WeirOptions, names, require,
    transcript,
};

const PUBLIC: &str = "leaks.public";

/// Names that no client may ever be sent, and that no test may ask for: an answer repeats what it was asked.
struct Planted {
    /// Not in the catalogue; holds the personal data.
    hidden: String,
    /// In the catalogue, and granted to somebody else.
    ungranted: String,
    group: String,
    person: String,
}

#[test]
fn nothing_internal_leaves_with_a_port_for_each_broker() {
    nothing_internal_leaves(Advertise::Ports);
}

#[test]
fn nothing_internal_leaves_with_a_name_for_each_broker() {
    require!(names::resolve());
    nothing_internal_leaves(Advertise::Sni);
}

fn nothing_internal_leaves(advertise: Advertise) {
    let kafka = Kafka::shared(Version::V4);
    let _calm = kafka.calm();
    let topic = format!("{PUBLIC}.{advertise:?}").to_lowercase();
    let planted = plant(&kafka, &format!("{advertise:?}").to_lowercase());
    kafka.create_topic(&topic, 3, 3, &[]);
    let mut chain = Chain::new(&topic, 3);
    chain.append(&kafka, 50);

    let acl = Acl::new(&[&topic, &planted.ungranted])
        .principal(PrincipalSpec::new("leaks-reader", &[&topic]))
        .principal(PrincipalSpec::new("leaks-other", &[&planted.ungranted]));
    let weir = Weir::start(WeirOptions::new(&kafka, advertise, acl));
    let identity = Pki::shared().client("leaks-reader");
    read_all_there_is(&weir, &identity, &chain);
    ask_for_everything(&kafka, &weir, &identity, &planted);

    let found = transcript::search().unwrap();
    assert!(found.leaked.is_empty(), "leaked: {:?}", found.leaked);
    let mut names = kafka.planted();
    names.extend([planted.hidden, planted.ungranted, planted.group, planted.person]);
    for name in names {
        assert!(!found.unseen.contains(&name), "{name} is not even seen on a direct connection");
    }
    let taps = transcript::holding(Side::Edge, chain.nonce()).unwrap();
    assert!(!taps.is_empty(), "the tap has seen the records that the client read");
}

fn plant(kafka: &Kafka, mode: &str) -> Planted {
    let nonce = &Chain::new("nonce", 0).nonce().to_string();
    let name = |what: &str| format!("planted-{what}-{mode}-{nonce}");
    let planted =
        Planted { hidden: name("hidden"), ungranted: name("ungranted"), group: name("group"), person: name("person") };
    for name in [&planted.hidden, &planted.ungranted, &planted.group, &planted.person] {
        transcript::plant(name);
    }
    kafka.create_topic(&planted.hidden, 1, 3, &[]);
    kafka.create_topic(&planted.ungranted, 1, 3, &[]);
    kafka.produce(&planted.hidden, 0, planted.person.as_bytes());
    kafka.commit_as(&planted.group, &planted.hidden);
    // The control: the direct side shows all of it.
    assert!(kafka.show_directly(&planted.hidden, 1) > 0);
    assert!(kafka.groups().iter().any(|group| group.id == planted.group));
    planted
}

/// librdkafka, through the tap: a list of all topics, and a pattern that matches every topic.
fn read_all_there_is(weir: &Weir, identity: &Identity, chain: &Chain) {
    let mut config: ClientConfig = identity.rdkafka_settings().into_iter().collect();
    let consumer: BaseConsumer = config
        .set("bootstrap.servers", weir.bootstrap())
        .set("group.id", "leaks")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    let all = consumer.fetch_metadata(None, Duration::from_secs(20)).unwrap();
    let topics: Vec<&str> = all.topics().iter().map(|topic| topic.name()).collect();
    assert_eq!(topics, [chain.topic()], "the granted topic alone is listed");

    consumer.subscribe(&["^.*"]).unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    let mut count = 0;
    while count < chain.len() {
        assert!(Instant::now() < end, "{count} of {} records", chain.len());
        let Some(message) = consumer.poll(Duration::from_millis(200)) else { continue };
        assert_eq!(message.unwrap().topic(), chain.topic());
        count += 1;
    }
}

/// Single frames, past the tap and recorded by the raw client: every way to ask for what one does not know.
fn ask_for_everything(kafka: &Kafka, weir: &Weir, identity: &Identity, planted: &Planted) {
    let everything = MetadataRequest::default().with_topics(None).with_allow_auto_topic_creation(true);
    let direct = wire::call(&kafka.any(), 12, &everything).unwrap();
    let ids = direct.topics.iter().filter(|topic| topic.name.as_ref().is_some_and(|name| *name.0 == *planted.hidden));
    let ids: Vec<_> = ids.map(|topic| topic.topic_id).collect();
    assert_eq!(ids.len(), 1, "the hidden topic has an id");

    for shown in [weir.bootstrap(), weir.broker(1), weir.broker(2), weir.broker(3)] {
        let mut client = RawClient::connect(&weir.target(&shown, identity)).unwrap();
        let offered = client.call(2, &ApiVersionsRequest::default()).unwrap();
        let highest = |key: i16| offered.api_keys.iter().find(|api| api.api_key == key).map(|api| api.max_version);
        for version in 1..=highest(3).expect("Metadata is offered").min(13) {
            client.call(version, &everything).unwrap();
        }
        let by_id = ids.iter().map(|id| MetadataRequestTopic::default().with_topic_id(*id).with_name(None)).collect();
        client.call(12, &MetadataRequest::default().with_topics(Some(by_id))).unwrap();
        let group = StrBytes::from_static_str("leaks");
        client.call(3, &FindCoordinatorRequest::default().with_key(group)).unwrap();
        if highest(60).is_some() {
            client.call(0, &DescribeClusterRequest::default()).unwrap();
        }
        if highest(16).is_some() {
            client.call(4, &ListGroupsRequest::default()).unwrap();
        }
    }
}
