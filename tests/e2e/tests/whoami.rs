//! Kafka's own tools, and kcat, show a consumer its own truth through Weir: its topics and how they are kept, its grants,
//! its quotas and credentials. What is not its own is there, and not shown.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use serde_json::json;
use weir_testkit::kafka::Chain;
use weir_testkit::{Acl, Advertise, Identity, Kafka, Pki, PrincipalSpec, Version, Weir, WeirOptions, transcript};

const READER: &str = "whoami-reader";
const OTHER: &str = "whoami-other";
const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const CONFIGS: &str = "kafka.admin.ConfigCommand";
const ACLS: &str = "org.apache.kafka.tools.AclCommand";

#[test]
fn kafkas_own_tools_show_a_consumer_its_own_truth() {
    let desk = Desk::open("namespaced");
    desk.lists_and_describes_topics();
    desk.describes_configs_of_topics();
    desk.describes_its_quotas_and_credentials();
    desk.lists_acls("ResourcePattern(resourceType=GROUP, name=*, patternType=LITERAL)");
    desk.asks_with_kcat();
    desk.ends();
}

#[test]
fn trap_l23_acls_are_those_of_the_prefix_and_configs_of_brokers_are_refused() {
    let desk = Desk::open("explicit-prefix");
    desk.lists_acls("ResourcePattern(resourceType=GROUP, name=whoami-reader., patternType=PREFIXED)");
    for asked in [["brokers", "1"], ["broker-loggers", "1"]] {
        let (well, said) = desk.tool(CONFIGS, &["--describe", "--entity-type", asked[0], "--entity-name", asked[1]]);
        assert!(!well && said.contains("ClusterAuthorizationException"), "{asked:?}: {said}");
    }
    desk.ends();
}

/// A principal with Kafka's tools, before a cluster that others use too.
struct Desk {
    kafka: Arc<Kafka>,
    weir: Weir,
    identity: Identity,
    settings: PathBuf,
    topic: String,
    /// In the catalogue, and granted to somebody else.
    ungranted: String,
    /// Not in the catalogue.
    hidden: String,
}

impl Desk {
    fn open(mode: &str) -> Self {
        let kafka = Kafka::shared(Version::V4);
        let nonce = Chain::new("nonce", 0).nonce().to_string();
        let topic = format!("whoami.{mode}");
        let [ungranted, hidden] = ["ungranted", "hidden"].map(|what| format!("planted-{what}-{mode}-{nonce}"));
        kafka.create_topic(&topic, 3, 3, &[("retention.ms", "86400000"), ("segment.bytes", "7654321")]);
        for name in [&ungranted, &hidden] {
            kafka.create_topic(name, 1, 3, &[("retention.ms", "1234567")]);
            transcript::plant(name);
            assert!(kafka.show_directly(name, 1) == 0);
        }
        let acl = Acl::new(&[&topic, &ungranted])
            .principal(PrincipalSpec::new(READER, &[&topic]))
            .principal(PrincipalSpec::new(OTHER, &[&ungranted]));
        let mut options = WeirOptions::new(&kafka, Advertise::Ports, acl);
        options.config["groups"] = json!(mode);
        let weir = Weir::start(options);
        let identity = Pki::shared().client(READER);
        let settings = identity.tool_settings();
        Self { kafka, weir, identity, settings, topic, ungranted, hidden }
    }

    /// Runs a tool as the principal.
    fn tool(&self, class: &str, words: &[&str]) -> (bool, String) {
        let (bootstrap, settings) = (self.weir.bootstrap(), self.settings.to_str().unwrap());
        let all = [&["--bootstrap-server", &bootstrap, "--command-config", settings], words].concat();
        let (well, said) = self.kafka.try_tool(class, &all);
        for name in [&self.ungranted, &self.hidden] {
            assert!(!said.contains(name.as_str()), "{words:?} shows {name}: {said}");
        }
        (well, said)
    }

    fn well(&self, class: &str, words: &[&str]) -> String {
        let (well, said) = self.tool(class, words);
        assert!(well, "{class} {words:?}: {said}");
        said
    }

    fn lists_and_describes_topics(&self) {
        let said = self.well(TOPICS, &["--list"]);
        assert_eq!(said.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>(), [self.topic.as_str()]);
        // Two partitions a page, so that the tool goes on with a cursor.
        let said = self.well(TOPICS, &["--describe", "--partition-size-limit-per-response", "2"]);
        let head = said.lines().find(|line| line.contains("PartitionCount: 3")).unwrap_or_default();
        assert!(head.contains(&self.topic) && head.contains("ReplicationFactor: 3"), "{said}");
        assert!(head.contains("retention.ms=86400000") && !head.contains("segment.bytes"), "{said}");
        for partition in 0..3 {
            assert!(said.contains(&format!("Partition: {partition}\tLeader: ")), "{said}");
        }
    }

    fn describes_configs_of_topics(&self) {
        let describe = ["--describe", "--entity-type", "topics"];
        let changed = self.well(CONFIGS, &describe);
        assert!(changed.contains("retention.ms=86400000"), "{changed}");
        let all = self.well(CONFIGS, &[&describe[..], &["--entity-name", &self.topic, "--all"]].concat());
        let keys: Vec<&str> = all.lines().filter_map(|line| line.trim().split_once('=')).map(|(key, _)| key).collect();
        assert_eq!(keys.len(), 10, "{all}");
        assert!(keys.contains(&"cleanup.policy") && !keys.contains(&"segment.bytes"), "{all}");
        assert!(!all.contains("DEFAULT_CONFIG:") && !all.contains("STATIC_BROKER_CONFIG:"), "no synonyms: {all}");
    }

    fn describes_its_quotas_and_credentials(&self) {
        for words in [&["--entity-type", "users"][..], &["--entity-type", "users", "--entity-name", READER]] {
            let said = self.well(CONFIGS, &[&["--describe"], words].concat());
            assert!(!said.contains("SCRAM") && !said.contains("byte_rate"), "{said}");
        }
        self.well(CONFIGS, &["--describe", "--entity-type", "clients"]);
    }

    fn lists_acls(&self, groups: &str) {
        let said = self.well(ACLS, &["--list"]);
        let topic = format!("ResourcePattern(resourceType=TOPIC, name={}, patternType=LITERAL)", self.topic);
        assert!(said.contains(&topic) && said.contains(groups), "{said}");
        assert_eq!(said.matches("Current ACLs").count(), 2, "{said}");
        let entry =
            |operation: &str| format!("(principal=User:{READER}, host=*, operation={operation}, permissionType=ALLOW)");
        for (operation, count) in [("READ", 2), ("DESCRIBE", 2), ("DESCRIBE_CONFIGS", 1), ("DELETE", 1), ("WRITE", 0)] {
            assert_eq!(said.matches(&entry(operation)).count(), count, "{operation}: {said}");
        }
        let said = self.well(ACLS, &["--list", "--topic", &self.topic]);
        assert!(said.contains(&topic) && !said.contains(groups), "{said}");
        let said = self.well(ACLS, &["--list", "--principal", &format!("User:{OTHER}")]);
        assert!(!said.contains("operation="), "{said}");
    }

    fn asks_with_kcat(&self) {
        let mut kcat = Command::new("timeout");
        kcat.args(["30", "kcat", "-L", "-b", &self.weir.bootstrap()]);
        for (key, value) in self.identity.rdkafka_settings() {
            kcat.args(["-X", &format!("{key}={value}")]);
        }
        let output = kcat.output().expect("kcat starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("1 topics:") && said.contains(&self.topic), "{said}");
        assert!(!said.contains("planted-"), "{said}");
    }

    /// Nothing planted was sent to the client, in whatever form, and the direct side shows that all of it is there.
    fn ends(self) {
        let found = transcript::search().unwrap();
        assert!(found.leaked.is_empty(), "leaked: {:?}", found.leaked);
        for name in [&self.ungranted, &self.hidden] {
            assert!(!found.unseen.contains(name), "{name} is not even seen on a direct connection");
        }
    }
}
