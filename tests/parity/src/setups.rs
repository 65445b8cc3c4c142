//! Control and edge, started and filled with the same topics.

use serde_json::{Value, json};
use weir_testkit::kafka::TopicSpec;
use weir_testkit::{Acl, Advertise, Kafka, KafkaOptions, Pki, PrincipalSpec, Version, Weir, WeirOptions, transcript};

/// A topic of both clusters: its name and how many partitions it has.
const TOPICS: [(&str, i32); 5] = [("open.a", 3), ("open.b", 2), ("half.c", 1), ("shut.d", 2), ("shut.e", 1)];
/// Topics that may leave. One of them does not exist.
const CATALOGUE: [&str; 4] = ["open.a", "open.b", "half.c", "gone.f"];
/// Who reads what. A principal's name is its certificate's common name and, with a dot, its groups' prefix.
const PRINCIPALS: [(&str, &[&str]); 3] = [("all", &CATALOGUE), ("some", &["open.a", "gone.f"]), ("none", &[])];

/// Both set-ups. They end when this is dropped.
#[derive(Debug)]
pub struct Setups {
    control: Kafka,
    edge: Kafka,
    weir: Weir,
}

impl Setups {
    /// Starts both at once and waits until they are ready.
    ///
    /// # Panics
    /// When one of them does not come up.
    pub fn start() -> Self {
        let control = std::thread::spawn(|| cluster(&AUTHORIZED));
        let edge = cluster(&[]);
        let control = control.join().expect("the control cluster starts");
        hide_one(&[&control, &edge]);
        let mut options = WeirOptions::new(&edge, Advertise::Ports, policy());
        options.config["groups"] = json!("explicit-prefix");
        let weir = Weir::start(options);
        Self { control, edge, weir }
    }

    /// What the comparer must know: where both are, who the principals are, what each may read.
    pub fn plan(&self) -> Value {
        let principals = PRINCIPALS.map(|(name, reads)| {
            let identity = Pki::shared().client(name);
            json!({ "name": name, "reads": reads, "key": identity.both, "ca": identity.ca })
        });
        let broker = self.control.bootstrap_ssl();
        json!({
            "control": {
                "plaintext": self.control.bootstrap(), "bootstrap": broker[0], "broker": broker[0],
                "rack": "rack-planted-1", "cluster": self.control.cluster_id(),
            },
            "edge": {
                "plaintext": self.edge.bootstrap(), "bootstrap": self.weir.bootstrap(), "broker": self.weir.broker(1),
                "rack": null, "cluster": "weir-tests",
            },
            "topics": TOPICS.map(|(name, partitions)| json!({ "name": name, "partitions": partitions })),
            "principals": principals,
        })
    }

    /// The end of Weir's log, for a failure.
    pub fn weir_log(&self) -> String {
        let log = self.weir.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// Whoever comes over the plaintext listener sets the cluster up; everybody else has what the ACLs say.
const AUTHORIZED: [(&str, &str); 2] = [
    ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
    ("super.users", "User:ANONYMOUS"),
];

fn cluster(properties: &[(&str, &str)]) -> Kafka {
    let properties = properties.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let kafka = Kafka::start(KafkaOptions { brokers: 1, properties, ..KafkaOptions::new(Version::V4) });
    let specs = TOPICS.map(|(name, partitions)| TopicSpec { name, partitions, replication: 1, configs: &[] });
    kafka.create_topics(&specs);
    kafka
}

/// A topic that no request names: its name must never leave, however a request is put.
fn hide_one(clusters: &[&Kafka]) {
    let name = format!("planted-hidden-{}", std::process::id());
    clusters.iter().for_each(|kafka| kafka.create_topic(&name, 1, 1, &[]));
    transcript::plant(&name);
}

fn policy() -> Acl {
    let principals = PRINCIPALS.iter().map(|(name, reads)| PrincipalSpec::new(name, reads));
    principals.fold(Acl::new(&CATALOGUE), Acl::principal)
}
