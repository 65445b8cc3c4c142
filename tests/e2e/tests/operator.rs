//! What an operator types, before real Kafka: the groups of one principal and their end, and tiers that the brokers
//! tell apart, and a check of the cluster itself.

#[path = "operator/command.rs"]
mod command;
#[path = "operator/live.rs"]
mod live;
#[path = "operator/tiers.rs"]
mod tiers;
#[path = "operator/wall.rs"]
mod wall;

use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, FindCoordinatorRequest, GroupId, OffsetCommitRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::{Value, json};
use weir_testkit::{Acl, Advertise, Kafka, Pki, PrincipalSpec, RawClient, Version, Weir, WeirOptions, wait};

use command::Said;

const TOPIC: &str = "operator.records";
const COMMIT: i16 = 8;
const LIMIT: Duration = Duration::from_secs(30);
const OTHER: &str = "operator-other";

/// A Weir with two principals, one of which may have two groups.
struct Desk {
    kafka: Arc<Kafka>,
    weir: Weir,
    reader: &'static str,
}

impl Desk {
    fn open(reader: &'static str, limits: &str) -> Self {
        let kafka = Kafka::shared(Version::V4);
        static MADE: Once = Once::new();
        MADE.call_once(|| kafka.create_topic(TOPIC, 3, 3, &[]));
        let acl = Acl::new(&[TOPIC])
            .principal(PrincipalSpec::new(reader, &[TOPIC]).within(limits))
            .principal(PrincipalSpec::new(OTHER, &[TOPIC]));
        let weir = Weir::start(WeirOptions::new(&kafka, Advertise::Ports, acl).untapped());
        Self { kafka, weir, reader }
    }

    fn groups(&self, words: &[&str]) -> Said {
        let [act, rest @ ..] = words else { panic!("an act") };
        command::run(&self.weir, &[&["groups", act, "--principal", self.reader], rest].concat())
    }

    fn list(&self) -> Value {
        let said = self.groups(&["list", "--json"]);
        assert_eq!(said.status, 0, "{said:?}");
        serde_json::from_str(&said.out).unwrap()
    }

    fn coordinator(&self, who: &str, group: &str) -> RawClient {
        let connect = |broker: i32| {
            let target = self.weir.target(&self.weir.broker(broker), &Pki::shared().client(who));
            RawClient::connect(&target).expect("a connection")
        };
        let asked = FindCoordinatorRequest::default().with_coordinator_keys(vec![text(group)]);
        let broker = wait::until("a coordinator", LIMIT, || {
            let answer = connect(1).call(4, &asked)?;
            let found = answer.coordinators.first().ok_or("no coordinator in the answer")?;
            (found.error_code == 0).then_some(found.node_id.0).ok_or_else(|| format!("error {}", found.error_code))
        });
        connect(broker)
    }

    /// Commits offsets of so many partitions as nobody's member, and says the code that all have.
    fn commit(&self, who: &str, group: &str, partitions: i32) -> i16 {
        let partition =
            |index| OffsetCommitRequestPartition::default().with_partition_index(index).with_committed_offset(1);
        let topic = OffsetCommitRequestTopic::default()
            .with_name(TopicName(text(TOPIC)))
            .with_partitions((0..partitions).map(partition).collect());
        let asked = OffsetCommitRequest::default()
            .with_group_id(GroupId(text(group)))
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic]);
        let mut client = self.coordinator(who, group);
        wait::until("a coordinator that is ready", LIMIT, || {
            match client.call(COMMIT, &asked)?.topics[0].partitions[0].error_code {
                code @ 14..=16 => Err(format!("error {code}")),
                code => Ok(code),
            }
        })
    }

    /// A member of a classic group.
    fn member(&self, group: &str) -> BaseConsumer {
        let mut config: ClientConfig = Pki::shared().client(self.reader).rdkafka_settings().into_iter().collect();
        config.set("bootstrap.servers", self.weir.bootstrap()).set("group.id", group);
        let consumer: BaseConsumer = config.set("enable.auto.commit", "false").create().unwrap();
        consumer.subscribe(&[TOPIC]).unwrap();
        let end = Instant::now() + 2 * LIMIT;
        while consumer.assignment().unwrap().count() < 3 {
            assert!(Instant::now() < end, "{group} has no partitions");
            let _ = consumer.poll(Duration::from_millis(100));
        }
        consumer
    }

    /// A member of a group of KIP-848, for as long as the brokers wait for it.
    fn beat(&self, group: &str) {
        let asked = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(GroupId(text(group)))
            .with_member_id(StrBytes::from_static_str(""))
            .with_rebalance_timeout_ms(60_000)
            .with_topic_partitions(Some(Vec::new()))
            .with_subscribed_topic_names(Some(vec![TopicName(text(TOPIC))]));
        let mut client = self.coordinator(self.reader, group);
        wait::until("a member", LIMIT, || match client.call(0, &asked)?.error_code {
            0 => Ok(()),
            code => Err(format!("error {code}")),
        });
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// Name, state, protocol, members and committed partitions of each group.
fn rows(listed: &Value) -> Vec<[Value; 5]> {
    let row = |group: &Value| ["group", "state", "protocol", "members", "partitions"].map(|key| group[key].clone());
    listed["groups"].as_array().unwrap().iter().map(row).collect()
}

#[test]
fn an_operator_sees_the_groups_of_one_principal_as_it_names_them_and_no_others() {
    let mut desk = Desk::open("operator-list", "groups: {most: 5}, committed_partitions: {most: 9, mode: observe}");
    assert_eq!(desk.commit(OTHER, "somebody-elses", 3), 0);
    assert_eq!(desk.commit(desk.reader, "b stored", 2), 0);
    let member = desk.member("a classic");
    desk.beat("c modern");
    let listed = desk.list();
    let rows_now = rows(&listed);
    assert_eq!(rows_now[0], [json!("a classic"), json!("Stable"), json!("classic"), json!(1), json!(0)]);
    assert_eq!(rows_now[1], [json!("b stored"), json!("Empty"), json!("classic"), json!(0), json!(2)]);
    assert_eq!((&rows_now[2][0], &rows_now[2][2]), (&json!("c modern"), &json!("consumer")));
    assert_eq!(rows_now[2][3], json!(1), "{listed}");
    assert_eq!(rows_now.len(), 3, "{listed}");
    assert_eq!(listed["limits"]["groups"], json!({"used": 3, "most": 5, "mode": "deny"}));
    assert_eq!(listed["limits"]["committed_partitions"], json!({"used": 2, "most": 9, "mode": "observe"}));
    let said = desk.groups(&["list"]);
    let [last_but_one, last] = said.out.lines().collect::<Vec<_>>()[4..] else { panic!("{said:?}") };
    assert_eq!(last_but_one, "3 of 5 groups");
    assert_eq!(last, "2 of 9 (only observed) partitions with a committed offset");
    assert!(said.out.starts_with("GROUP      STATE"), "{said:?}");
    drop(member);
    // Weir need not run, but the brokers must.
    desk.weir.stop();
    assert_eq!(desk.list()["limits"]["groups"]["used"], 3);
    let said = desk.groups(&["list", "--upstream", "elsewhere"]);
    assert_eq!((said.status, said.out.as_str()), (2, ""));
    assert_eq!(said.err, "no listener is before an upstream `elsewhere`; those with one are main\n");
}

#[test]
fn trap_q10_a_group_that_an_operator_ends_gives_its_place_back() {
    let desk = Desk::open("operator-expire", "groups: {most: 3}");
    let began = Instant::now();
    for group in ["one", "two"] {
        assert_eq!(desk.commit(desk.reader, group, 1), 0);
    }
    let member = desk.member("in use");
    assert_eq!(desk.commit(desk.reader, "a fourth", 1), 30, "there is no place");
    assert_eq!(desk.commit(OTHER, "theirs", 1), 0);
    // Nobody is there to say yes.
    let said = desk.groups(&["expire", "one"]);
    assert_eq!((said.status, said.out.as_str()), (1, ""), "{said:?}");
    // One with a member stays, by Kafka's own guard.
    let said = desk.groups(&["expire", "--yes", "in use", "one", "never there"]);
    let told = "never there: not deleted: there is no such group\nin use: not deleted: it has members\none: deleted\n";
    assert_eq!((said.status, said.out.as_str()), (1, told), "{said:?}");
    let said = desk.groups(&["expire", "--yes", "--all-empty"]);
    assert_eq!((said.status, said.out.as_str()), (0, "two: deleted\n"), "{said:?}");
    let said = desk.groups(&["expire", "--yes", "--all-empty"]);
    assert_eq!((said.status, said.out.as_str()), (0, "no group without members was found\n"), "{said:?}");
    let of = |who: &str| -> Vec<String> {
        let own = format!("weir.{who}.");
        desk.kafka.groups().into_iter().filter_map(|group| Some(group.id.strip_prefix(&own)?.to_owned())).collect()
    };
    assert_eq!(of(desk.reader), ["in use"]);
    assert!(of(OTHER).contains(&"theirs".to_owned()), "nobody else's is touched");
    // The Weir that serves counts every minute.
    let waited = Instant::now();
    while desk.commit(desk.reader, "a fourth", 1) == 30 {
        assert!(began.elapsed() < Duration::from_secs(125), "the place was not noticed");
        std::thread::sleep(Duration::from_secs(1));
        let _ = member.poll(Duration::ZERO);
    }
    println!("a place was free {:?} after the group's end", waited.elapsed());
}
