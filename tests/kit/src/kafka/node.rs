//! One broker: its properties, its format, its process.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::Version;
use super::place::PlaceView;
use crate::pki::Identity;
use crate::process::Leashed;

/// All that decides what one broker is.
#[derive(Debug, Clone)]
pub(super) struct NodePlan {
    pub(super) id: i32,
    pub(super) version: Version,
    pub(super) controller: bool,
    /// The brokers 1 to this one are controllers.
    pub(super) controllers: i32,
    pub(super) place: PlaceView,
    /// It has a listener that is far away.
    pub(super) far: bool,
    /// For the listener with mutual TLS.
    pub(super) identity: Identity,
    pub(super) dir: PathBuf,
    pub(super) data: PathBuf,
    pub(super) cluster_id: String,
    pub(super) properties: Vec<(String, String)>,
}

/// One broker, running or dead.
#[derive(Debug)]
pub(super) struct Node {
    plan: NodePlan,
    process: Leashed,
}

impl Node {
    pub(super) fn start(plan: NodePlan) -> Self {
        let process = plan.spawn();
        Self { plan, process }
    }

    pub(super) fn runs(&mut self) -> bool {
        self.process.ended().is_none()
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub(super) fn kill(&mut self) {
        self.process.kill();
    }

    pub(super) fn let_go(&mut self) {
        self.process.let_go();
    }

    pub(super) fn restart(&mut self) {
        assert!(!self.runs(), "broker {} runs; kill it first", self.plan.id);
        self.process = self.plan.spawn();
    }

    pub(super) fn upgrade(&mut self, version: Version) {
        self.process.kill();
        self.plan.version = version;
        self.process = self.plan.spawn();
    }

    pub(super) fn tail(&self) -> String {
        self.process.tail(25)
    }
}

/// Writes the properties of these nodes and formats their storage, all at the same time.
pub(super) fn format_all(plans: Vec<NodePlan>) {
    let workers: Vec<_> = plans.into_iter().map(|plan| std::thread::spawn(move || plan.format())).collect();
    for worker in workers {
        worker.join().expect("the storage of a broker is formatted");
    }
}

/// Runs a tool of Kafka to its end; gives its standard output.
pub(super) fn tool(version: Version, class: &str, args: &[&str]) -> String {
    let (succeeded, out, err) = run_tool(version, class, args);
    assert!(succeeded, "{class} {args:?} failed\n{out}\n{err}");
    out
}

/// Runs a tool of Kafka to its end: whether it ended well, its standard output and its standard error.
pub(super) fn run_tool(version: Version, class: &str, args: &[&str]) -> (bool, String, String) {
    let mut command = java(version, &["-Xmx128m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"]);
    // A tool that hangs would hang the test.
    let mut bounded = Command::new("timeout");
    bounded.arg("60").arg(command.get_program()).args(command.get_args()).arg(class).args(args);
    command = bounded;
    let Output { status, stdout, stderr } = command.output().expect("java starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.success(), text(stdout), text(stderr))
}

impl NodePlan {
    fn format(&self) {
        fs::create_dir_all(&self.data).and_then(|()| fs::create_dir_all(&self.dir)).expect("directories can be made");
        fs::write(self.dir.join("server.properties"), self.text()).expect("the properties can be written");
        fs::write(self.dir.join("log4j.properties"), LOG4J).expect("the properties can be written");
        let config = self.dir.join("server.properties");
        let args = ["format", "-t", &self.cluster_id, "-c", path_text(&config)];
        tool(self.version, "kafka.tools.StorageTool", &args);
    }

    fn spawn(&self) -> Leashed {
        let log4j = format!("-Dlog4j.configuration=file:{}", self.dir.join("log4j.properties").display());
        let mut command = java(
            self.version,
            &[
                "-Xms256m",
                "-Xmx256m",
                "-Dorg.slf4j.simpleLogger.showDateTime=true",
                "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
                "-Dorg.slf4j.simpleLogger.showShortLogName=true",
                "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.clients=warn",
                "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
                "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.utils.AppInfoParser=warn",
                &log4j,
            ],
        );
        command.arg("kafka.Kafka").arg(self.dir.join("server.properties")).current_dir(&self.dir);
        Leashed::start(&format!("broker {}", self.id), &command, &self.dir.join("broker.log"))
    }

    fn text(&self) -> String {
        let Self { id, place, .. } = self;
        let (plaintext, controller) = (place.plaintext(*id), place.controller(*id));
        let voters: Vec<String> = (1..=self.controllers).map(|v| format!("{v}@{}", place.controller(v))).collect();
        let replicas = self.controllers.min(3);
        let mut listeners = format!("PLAINTEXT://{plaintext},SSL://{}", place.ssl(*id));
        let mut shown = listeners.clone();
        if self.far {
            listeners += &format!(",FAR://{}", place.far(*id));
            shown += &format!(",FAR://{}", place.way_to_far(*id));
        }
        let mut roles = "broker";
        if self.controller {
            roles = "broker,controller";
            listeners += &format!(",CONTROLLER://{controller}");
        }
        let mut text = String::new();
        let mut line = |key: &str, value: &str| writeln!(text, "{key}={value}").expect("a string takes text");
        line("process.roles", roles);
        line("node.id", &id.to_string());
        line("broker.rack", &place.rack(*id));
        line("controller.quorum.voters", &voters.join(","));
        line("controller.listener.names", "CONTROLLER");
        line("listeners", &listeners);
        line("advertised.listeners", &shown);
        line("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,FAR:SSL");
        line("inter.broker.listener.name", "PLAINTEXT");
        line("log.dirs", path_text(&self.data));
        for prefix in ["offsets.topic", "transaction.state.log", "share.coordinator.state.topic"] {
            line(&format!("{prefix}.num.partitions"), "6");
            line(&format!("{prefix}.replication.factor"), &replicas.to_string());
        }
        line("transaction.state.log.min.isr", "1");
        line("share.coordinator.state.topic.min.isr", "1");
        line("ssl.keystore.location", path_text(&self.identity.both));
        line("ssl.truststore.location", path_text(&self.identity.ca));
        FIXED.iter().for_each(|(key, value)| line(key, value));
        self.properties.iter().for_each(|(key, value)| line(key, value));
        text
    }
}

pub(super) fn path_text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

/// A dead broker is fenced after five seconds instead of nine; partitions stay where a fail-over put them; members of
/// the consumer protocol are told soon. Nothing is deleted by age: a chain's records are of the past, and half a minute
/// after its start a broker deletes what is a week old.
const FIXED: [(&str, &str); 21] = [
    ("auto.create.topics.enable", "false"),
    ("auto.leader.rebalance.enable", "false"),
    ("broker.heartbeat.interval.ms", "1000"),
    ("broker.session.timeout.ms", "5000"),
    ("controlled.shutdown.enable", "false"),
    ("default.replication.factor", "1"),
    ("group.consumer.heartbeat.interval.ms", "1000"),
    ("group.consumer.min.heartbeat.interval.ms", "500"),
    ("group.consumer.min.session.timeout.ms", "6000"),
    ("group.consumer.session.timeout.ms", "10000"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("log.cleaner.dedupe.buffer.size", "8388608"),
    ("log.cleaner.threads", "1"),
    ("log.retention.ms", "-1"),
    ("num.io.threads", "3"),
    ("num.network.threads", "2"),
    ("num.partitions", "3"),
    ("ssl.client.auth", "required"),
    ("ssl.keystore.type", "PEM"),
    ("ssl.principal.mapping.rules", "RULE:^CN=([^,]+).*$/$1/,DEFAULT"),
    ("ssl.truststore.type", "PEM"),
];

/// 3.x logs through reload4j, and what is older through log4j: both say nothing without a file like this one.
pub(super) const LOG4J: &str = "\
log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{HH:mm:ss.SSS} %p %m (%c{1})%n
log4j.logger.org.apache.kafka.clients=WARN
log4j.logger.org.apache.kafka.common.config=WARN
log4j.logger.org.apache.kafka.common.utils.AppInfoParser=WARN
";

/// `java` with the class path of this version, quick to start, and room for the class name.
pub(crate) fn java(version: Version, flags: &[&str]) -> Command {
    java_with(&version.jars(), flags)
}

/// The same with the jars of this directory.
pub(super) fn java_with(jars: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new("java");
    command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]).args(flags);
    command.arg("-cp").arg(format!("{}/*", jars.display()));
    command
}
