//! Control and edge, started and filled with the same topics.

use std::thread;

use serde_json::{Value, json};
use weir_testkit::{Acl, Advertise, Kafka, KafkaOptions, Pki, PrincipalSpec, Version, Weir, WeirOptions, transcript};

use crate::Part;

/// A topic of both clusters: its name and how many partitions it has.
const TOPICS: [(&str, i32); 5] = [("open.a", 3), ("open.b", 2), ("half.c", 1), ("shut.d", 2), ("shut.e", 1)];
/// Topics that may leave. One of them does not exist.
const CATALOGUE: [&str; 4] = ["open.a", "open.b", "half.c", "gone.f"];
/// Who reads what. A principal's name is its certificate's common name and, with a dot, its groups' prefix.
const PRINCIPALS: [(&str, &[&str]); 3] = [("all", &CATALOGUE), ("some", &["open.a", "gone.f"]), ("none", &[])];
/// As many as the kit's brokers would make of it.
const COORDINATORS: i32 = 6;

/// All set-ups that a run needs. They end when this is dropped.
#[derive(Debug)]
pub struct Setups {
    pairs: Vec<Pair>,
}

impl Setups {
    /// Starts those that these parts need, all at once, and waits until they are ready.
    ///
    /// # Panics
    /// When one of them does not come up.
    pub fn start(parts: &[Part]) -> Self {
        let three = parts.contains(&Part::Three).then(|| thread::spawn(|| Pair::start(3, &[Part::Three])));
        let one: Vec<Part> = parts.iter().copied().filter(|part| *part != Part::Three).collect();
        let one = (!one.is_empty()).then(|| Pair::start(1, &one));
        let three = three.map(|three| three.join().expect("the set-ups of three brokers start"));
        Self { pairs: one.into_iter().chain(three).collect() }
    }

    /// What the comparer must know: where both are, who the principals are, what each may read.
    pub fn plan(&self) -> Value {
        let principals = PRINCIPALS.map(|(name, reads)| {
            let identity = Pki::shared().client(name);
            json!({ "name": name, "reads": reads, "key": identity.both, "ca": identity.ca })
        });
        json!({
            "pairs": self.pairs.iter().map(Pair::plan).collect::<Vec<_>>(),
            "topics": TOPICS.map(|(name, partitions)| json!({ "name": name, "partitions": partitions })),
            "principals": principals,
        })
    }

    /// The end of each Weir's log, for a failure.
    pub fn weir_logs(&self) -> String {
        let weirs = self.pairs.iter().flat_map(|pair| pair.prefixed.iter().chain(&pair.plain));
        let logs = weirs.map(|weir| {
            let log = weir.log();
            let lines: Vec<&str> = log.lines().collect();
            lines[lines.len().saturating_sub(20)..].join("\n")
        });
        logs.collect::<Vec<_>>().join("\n--\n")
    }
}

/// A control and its edge.
#[derive(Debug)]
struct Pair {
    brokers: i32,
    control: Kafka,
    edge: Kafka,
    /// Groups are written out with their prefix, as the ACLs of the control have it.
    prefixed: Option<Weir>,
    /// The namespace is not seen.
    plain: Option<Weir>,
}

impl Pair {
    fn start(brokers: i32, parts: &[Part]) -> Self {
        let control = thread::spawn(move || cluster(brokers, &AUTHORIZED));
        let edge = cluster(brokers, &[]);
        let control = control.join().expect("the control cluster starts");
        hide_one(brokers, &[&control, &edge]);
        let weir = |groups: &str| {
            let mut options = WeirOptions::new(&edge, Advertise::Ports, policy());
            options.config["groups"] = json!(groups);
            Weir::start(options)
        };
        let prefixed = (parts != [Part::Plain]).then(|| weir("explicit-prefix"));
        let plain = parts.contains(&Part::Plain).then(|| weir("namespaced"));
        Self { brokers, control, edge, prefixed, plain }
    }

    fn plan(&self) -> Value {
        let ids = || 1..=self.brokers;
        let control = self.control.bootstrap_ssl();
        let edge = |weir: &Weir| {
            json!({
                "plaintext": self.edge.bootstrap(), "bootstrap": weir.bootstrap(),
                "brokers": ids().map(|id| weir.broker(id)).collect::<Vec<_>>(),
                "racks": [], "cluster": "weir-tests",
            })
        };
        json!({
            "control": {
                "plaintext": self.control.bootstrap(), "bootstrap": control[0], "brokers": control,
                "racks": ids().map(|id| format!("rack-planted-{id}")).collect::<Vec<_>>(),
                "cluster": self.control.cluster_id(),
            },
            "prefixed": self.prefixed.as_ref().map(edge),
            "plain": self.plain.as_ref().map(edge),
        })
    }
}

/// Whoever comes over the plaintext listener sets the cluster up; everybody else has what the ACLs say.
const AUTHORIZED: [(&str, &str); 2] = [
    ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
    ("super.users", "User:ANONYMOUS"),
];

fn cluster(brokers: i32, properties: &[(&str, &str)]) -> Kafka {
    let properties = properties.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let kafka = Kafka::start(KafkaOptions { brokers, properties, ..KafkaOptions::new(Version::V4) });
    for (name, partitions) in TOPICS {
        kafka.create_placed(name, &places(partitions, brokers), &[]);
    }
    // So that a group has the same coordinator on both sides.
    kafka.create_placed("__consumer_offsets", &places(COORDINATORS, brokers), &[("cleanup.policy", "compact")]);
    kafka
}

/// Partition 0 is led by broker 1, partition 1 by broker 2... and the next broker follows, where there is one.
fn places(partitions: i32, brokers: i32) -> Vec<Vec<i32>> {
    let on = |place: i32| place % brokers + 1;
    let mut places: Vec<Vec<i32>> = (0..partitions).map(|partition| vec![on(partition), on(partition + 1)]).collect();
    places.iter_mut().for_each(Vec::dedup);
    places
}

/// A topic that no request names: its name must never leave, however a request is put.
fn hide_one(brokers: i32, clusters: &[&Kafka]) {
    let name = format!("planted-hidden-{}-{brokers}", std::process::id());
    clusters.iter().for_each(|kafka| kafka.create_topic(&name, 1, 1, &[]));
    transcript::plant(&name);
}

fn policy() -> Acl {
    let principals = PRINCIPALS.iter().map(|(name, reads)| PrincipalSpec::new(name, reads));
    principals.fold(Acl::new(&CATALOGUE), Acl::principal)
}
