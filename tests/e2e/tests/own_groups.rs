//! Kafka's own `kafka-consumer-groups.sh`, through Weir: a principal sees, describes and deletes its own groups, while
//! those of others are there, in both ways of naming groups. Nothing of others is shown, nor deleted.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::json;
use weir_testkit::kafka::Chain;
use weir_testkit::{Acl, Advertise, Identity, Kafka, Pki, PrincipalSpec, Version, Weir, WeirOptions, transcript};

const TOOL: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
const READER: &str = "own-groups-reader";
const OTHER: &str = "own-groups-other";
/// Where every member is, as far as anyone is told.
const NO_HOST: &str = "/0.0.0.0";

#[test]
fn own_groups_are_listed_described_and_deleted_by_kafkas_own_tool() {
    let desk = Desk::open("namespaced", "");
    let classic = desk.member("readers", "classic");
    let modern = desk.member("modern readers", "consumer");
    desk.lists(&["modern readers", "readers"]);
    desk.describes_classic_members();
    desk.describes_modern_members();
    desk.describes_states();
    // A group that is not there, and the full name of one that is.
    for absent in ["nobody", "weir.own-groups-reader.readers"] {
        let (_, said) = desk.groups(&["--describe", "--group", absent, "--state"]);
        assert!(said.contains(&format!("Group {absent} not found.")), "{said}");
    }
    desk.deletes(classic, "readers");
    desk.deletes(modern, "modern readers");
    desk.lists(&[]);
    desk.ends();
}

#[test]
fn own_groups_are_found_where_prefixes_are_written_out_and_others_are_refused() {
    let desk = Desk::open("explicit-prefix", "own-groups-reader.");
    let classic = desk.member("own-groups-reader.readers", "classic");
    desk.lists(&["own-groups-reader.readers"]);
    desk.describes_classic_members();
    // One that is there and one that is not. Neither is planted: an answer repeats what it was asked.
    desk.kafka.commit_as("own-groups-other.there", &desk.hidden);
    let [there, absent] = ["own-groups-other.there", "own-groups-other.not-there"].map(|foreign| {
        for asked in [&["--describe", "--state"][..], &["--delete"], &["--delete-offsets", "--topic", &desk.topic]] {
            let (_, said) = desk.groups(&[asked, &["--group", foreign]].concat());
            assert!(said.contains("GroupAuthorizationException"), "{asked:?}: {said}");
        }
        desk.groups(&["--describe", "--group", foreign]).1.replace(foreign, "X")
    });
    let first = |said: &str| said.lines().find(|line| !line.is_empty()).unwrap_or_default().to_string();
    assert_eq!(first(&there), first(&absent), "what is there and what is not are told alike");
    assert!(desk.kafka.groups().iter().any(|group| group.id == "own-groups-other.there"));
    desk.deletes(classic, "own-groups-reader.readers");
    desk.lists(&[]);
    desk.ends();
}

/// A principal with Kafka's tools, before a cluster that others use too.
struct Desk {
    kafka: std::sync::Arc<Kafka>,
    weir: Weir,
    identity: Identity,
    settings: PathBuf,
    prefix: &'static str,
    topic: String,
    hidden: String,
    /// Groups of others, as brokers name them.
    planted: Vec<String>,
}

impl Desk {
    fn open(mode: &'static str, prefix: &'static str) -> Self {
        let kafka = Kafka::shared(Version::V4);
        let nonce = Chain::new("nonce", 0).nonce().to_string();
        let (topic, hidden) = (format!("own-groups.{mode}"), format!("planted-hidden-{mode}-{nonce}"));
        kafka.create_topic(&topic, 2, 3, &[]);
        kafka.create_topic(&hidden, 1, 3, &[]);
        let planted = vec![
            format!("planted-internal-{mode}-{nonce}"),
            format!("weir.{OTHER}.planted-{mode}-{nonce}"),
            format!("{OTHER}.planted-{mode}-{nonce}"),
            format!("{READER}x.planted-{mode}-{nonce}"),
            format!("weir.{READER}x.planted-{mode}-{nonce}"),
        ];
        for group in &planted {
            kafka.commit_as(group, &hidden);
        }
        planted.iter().chain([&hidden]).for_each(|name| transcript::plant(name));
        let acl = Acl::new(&[&topic])
            .principal(PrincipalSpec::new(READER, &[&topic]))
            .principal(PrincipalSpec::new(OTHER, &[&topic]));
        let mut options = WeirOptions::new(&kafka, Advertise::Ports, acl);
        options.config["groups"] = json!(mode);
        let weir = Weir::start(options);
        let identity = Pki::shared().client(READER);
        let settings = identity.tool_settings();
        Self { kafka, weir, identity, settings, prefix, topic, hidden, planted }
    }

    /// A group's only member, which holds the topic's two partitions and has committed one.
    fn member(&self, group: &str, protocol: &str) -> BaseConsumer {
        let mut config: ClientConfig = self.identity.rdkafka_settings().into_iter().collect();
        config
            .set("bootstrap.servers", self.weir.bootstrap())
            .set("enable.auto.commit", "false")
            .set("group.protocol", protocol)
            .set("group.id", group);
        let consumer: BaseConsumer = config.create().unwrap();
        consumer.subscribe(&[&self.topic]).unwrap();
        let end = Instant::now() + Duration::from_secs(60);
        while consumer.assignment().unwrap().count() < 2 {
            assert!(Instant::now() < end, "{group} has no partitions");
            let _ = consumer.poll(Duration::from_millis(100));
        }
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(&self.topic, 0, Offset::Offset(0)).unwrap();
        consumer.commit(&offsets, CommitMode::Sync).unwrap();
        consumer
    }

    /// Runs the tool as the principal.
    fn groups(&self, words: &[&str]) -> (bool, String) {
        let bootstrap = self.weir.bootstrap();
        let settings = self.settings.to_str().unwrap();
        let all = [&["--bootstrap-server", &bootstrap, "--command-config", settings], words].concat();
        let (succeeded, said) = self.kafka.try_tool(TOOL, &all);
        for planted in self.planted.iter().chain([&self.hidden]) {
            assert!(!said.contains(planted), "{words:?} shows {planted}: {said}");
        }
        (succeeded, said)
    }

    fn well(&self, words: &[&str]) -> String {
        let (succeeded, said) = self.groups(words);
        assert!(succeeded, "{words:?}: {said}");
        said
    }

    fn lists(&self, own: &[&str]) {
        let said = self.well(&["--list"]);
        let mut listed: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
        listed.sort_unstable();
        assert_eq!(listed, own);
        let said = self.well(&["--list", "--state", "stable", "--type", "classic"]);
        assert_eq!(said.contains("readers"), !own.is_empty(), "{said}");
        let direct: Vec<String> = self.kafka.groups().into_iter().map(|group| group.id).collect();
        assert!(self.planted.iter().all(|planted| direct.contains(planted)), "those of others are there");
    }

    fn describes_classic_members(&self) {
        let group = &format!("{}readers", self.prefix);
        let said = self.well(&["--describe", "--group", group]);
        // GROUP TOPIC PARTITION CURRENT-OFFSET ... CONSUMER-ID HOST CLIENT-ID
        let rows = said.lines().filter(|line| line.starts_with(group.as_str())).collect::<Vec<_>>();
        assert_eq!(rows.len(), 2, "{said}");
        for row in rows {
            assert!(row.contains(&self.topic) && row.contains(NO_HOST) && row.contains(READER), "{said}");
        }
        let said = self.well(&["--describe", "--group", group, "--members", "--verbose"]);
        let row = said.lines().find(|line| line.starts_with(group.as_str())).unwrap_or_default();
        assert!(row.contains(NO_HOST) && row.contains(&self.topic), "{said}");
    }

    fn describes_modern_members(&self) {
        let said = self.well(&["--describe", "--group", "modern readers", "--members", "--verbose"]);
        let row = said.lines().find(|line| line.starts_with("modern readers")).unwrap_or_default();
        assert!(row.contains(NO_HOST) && row.contains(&self.topic), "{said}");
    }

    fn describes_states(&self) {
        let said = self.well(&["--describe", "--all-groups", "--state"]);
        for group in ["readers", "modern readers"] {
            let row = said.lines().find(|line| line.starts_with(group)).unwrap_or_default();
            assert!(row.contains("Stable") && row.contains("127.0.0.1:"), "{said}");
        }
    }

    /// Not while it has a member; once it is empty, first its offsets and then itself.
    fn deletes(&self, member: BaseConsumer, group: &str) {
        let (_, said) = self.groups(&["--delete", "--group", group]);
        assert!(said.contains("GroupNotEmptyException"), "{said}");
        let offsets = ["--delete-offsets", "--group", group, "--topic", &format!("{}:0", self.topic)];
        let (_, said) = self.groups(&offsets);
        assert!(said.contains("GroupSubscribedToTopicException") || said.contains("subscribed"), "{said}");
        member.unsubscribe();
        drop(member);
        let real = if self.prefix.is_empty() { format!("weir.{READER}.{group}") } else { group.to_string() };
        assert_eq!(self.kafka.committed(&real).len(), 1);
        self.well(&offsets);
        assert!(self.kafka.committed(&real).is_empty(), "the offset is gone");
        let said = self.well(&["--delete", "--group", group]);
        assert!(said.contains("successful"), "{said}");
        assert!(!self.kafka.groups().iter().any(|known| known.id == real), "the group is gone");
    }

    fn ends(&self) {
        let found = transcript::search().unwrap();
        assert!(found.leaked.is_empty(), "leaked: {:?}", found.leaked);
        assert!(self.planted.iter().all(|name| !found.unseen.contains(name)), "not seen on a direct connection");
    }
}
