//! Who reads with what is in a bundle: the command lines, as a user would type them in the bundle's directory.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;
use weir_testkit::paths;

use super::history::{Seen, TOPICS};
use super::pool::Named;
use super::stage::{KEYLESS, PREFIXED, Stage};

/// A program or a configuration file as it is run.
#[derive(Clone, Copy)]
pub struct Reader {
    /// Its principal, and the directory of its bundle.
    pub name: &'static str,
    /// What is asked of `weir cert bundle` beside.
    pub order: &'static [&'static str],
    /// What must be there or built before.
    pub needs: &'static [Need],
    /// What it prints.
    pub shows: Shows,
    /// It commits, and resumes there. Who does not ends by itself.
    pub commits: bool,
    /// It ends with a signal's status: Java's own way of a clean end.
    pub jvm: bool,
    /// It runs a second time: not where another reader shows the same of that program.
    pub again: bool,
    /// It is one of the bundle's programs, and says in a sentence what a refusal means.
    pub explains: bool,
    /// The command line.
    pub command: fn(&Call<'_>) -> Command,
}

/// What a command line depends on.
pub struct Call<'a> {
    /// Where the bundles are.
    pub stage: &'a Stage,
    /// Who runs.
    pub reader: &'a Reader,
    /// Its first run, or a later one.
    pub first: bool,
    /// How many records there are to see.
    pub count: usize,
}

/// What must be there or built before a reader runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// What the client program in `tests/clients/` of that name installs.
    Client(&'static str),
    /// kafkajs beside the program, as `npm ci` leaves it.
    NodeModules(&'static str),
    /// A Go program of the bundle, built.
    Go(&'static str),
    /// The Rust program of the bundle, built.
    Rust,
    /// The Java program of the bundle, compiled.
    Java,
    /// This version of the JDK.
    Jdk(u32),
    /// kcat.
    Kcat,
}

/// What a reader prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// A line for each record: topic, partition, offset, value. Without canaries.
    Lines,
    /// The same with canaries: it is no program of ours.
    AllLines,
    /// Values alone, in `records.txt`, in any order.
    File,
    /// Values of the first topic alone, in any order.
    OneTopic,
}

impl Shows {
    /// Whether canaries are no data to it.
    pub fn drops_canaries(self) -> bool {
        self == Self::Lines
    }

    /// Where a reader's output says that a record of this partition is from.
    pub fn place(self, place: &(String, i32)) -> (String, i32) {
        match self {
            Self::Lines | Self::AllLines => place.clone(),
            Self::File | Self::OneTopic => (String::new(), 0),
        }
    }

    /// Sorted, where the output does not tell partitions apart.
    pub fn in_order(self, mut seen: Seen) -> Seen {
        if matches!(self, Self::File | Self::OneTopic) {
            seen.values_mut().for_each(|values| values.sort());
        }
        seen
    }
}

impl Named for Reader {
    fn name(&self) -> String {
        self.name.to_owned()
    }
}

const PROGRAM: Reader = Reader {
    name: "",
    order: &[],
    needs: &[],
    shows: Shows::Lines,
    commits: true,
    jvm: false,
    again: true,
    explains: true,
    command: |_| unreachable!("each has its own"),
};
const JAVA: Reader = Reader { jvm: true, ..PROGRAM };
const SETTINGS: Reader = Reader { explains: false, ..PROGRAM };

/// All of them. Those that take long to build or start come first.
pub const ALL: [Reader; 23] = [
    Reader { name: "rust", needs: &[Need::Rust], command: |_| rust(), ..PROGRAM },
    Reader {
        name: "connect",
        shows: Shows::File,
        command: |call| {
            let mut connect = kafka("org.apache.kafka.connect.cli.ConnectStandalone", call);
            connect.args(["connect/worker.properties", "connect/file-sink.properties"]);
            connect
        },
        explains: false,
        ..JAVA
    },
    Reader { name: "console", shows: Shows::OneTopic, commits: false, command: console, explains: false, ..JAVA },
    Reader { name: "java-pem", needs: &[Need::Java, Need::Jdk(17)], command: |call| java(17, call), ..JAVA },
    Reader {
        name: "java-p12",
        again: false,
        needs: &[Need::Java, Need::Jdk(17)],
        command: |call| java_p12(17, call),
        explains: false,
        ..JAVA
    },
    Reader {
        name: "java-pem-25",
        again: false,
        needs: &[Need::Java, Need::Jdk(25)],
        command: |call| java(25, call),
        explains: false,
        ..JAVA
    },
    Reader {
        name: "java-p12-25",
        again: false,
        needs: &[Need::Java, Need::Jdk(25)],
        command: |call| java_p12(25, call),
        explains: false,
        ..JAVA
    },
    Reader {
        name: "java8",
        again: false,
        order: &["--java8"],
        needs: &[Need::Java, Need::Jdk(17)],
        command: |call| java_p12(17, call),
        explains: false,
        ..JAVA
    },
    Reader { name: "python", needs: &[CONFLUENT], command: |_| python("confluent"), ..PROGRAM },
    Reader { name: "kafka-python", needs: &[KAFKA_PYTHON], command: |_| python("kafka-python"), ..PROGRAM },
    Reader { name: "aiokafka", needs: &[AIOKAFKA], command: |_| python("aiokafka"), ..PROGRAM },
    Reader { name: "node", needs: &[Need::NodeModules("node")], command: |_| node(), ..PROGRAM },
    Reader { name: "franz-go", needs: &[FRANZ], command: |call| go("franz-go", call), ..PROGRAM },
    Reader { name: "confluent-go", needs: &[CONFLUENT_GO], command: |call| go("confluent-go", call), ..PROGRAM },
    Reader {
        name: "librdkafka-conf",
        needs: &[CONFLUENT],
        command: |_| with(python("confluent"), &["librdkafka.conf"]),
        ..SETTINGS
    },
    Reader { name: "kcat", needs: &[Need::Kcat], shows: Shows::AllLines, command: kcat, ..SETTINGS },
    Reader { name: "env-python", needs: &[CONFLUENT], command: |call| env_of(call, &python("confluent")), ..SETTINGS },
    Reader {
        name: "env-kafka-python",
        again: false,
        needs: &[KAFKA_PYTHON],
        command: |call| paths_of(call, &python("kafka-python")),
        ..SETTINGS
    },
    Reader {
        name: "env-aiokafka",
        again: false,
        needs: &[AIOKAFKA],
        command: |call| paths_of(call, &python("aiokafka")),
        ..SETTINGS
    },
    Reader {
        name: "env-node",
        needs: &[Need::NodeModules("env-node")],
        command: |call| env_of(call, &node()),
        ..SETTINGS
    },
    Reader { name: "env-franz-go", needs: &[FRANZ], command: |call| env_of(call, &go("franz-go", call)), ..SETTINGS },
    Reader {
        name: "env-confluent-go",
        needs: &[CONFLUENT_GO],
        command: |call| env_of(call, &go("confluent-go", call)),
        ..SETTINGS
    },
    Reader { name: "env-rust", needs: &[Need::Rust], command: |call| env_of(call, &rust()), ..SETTINGS },
];

/// Two bundles unlike the rest: of a Weir that demands a prefix, and one without a key, where its holder has put it.
pub const OTHERS: [Reader; 3] = [
    Reader { name: PREFIXED, needs: &[CONFLUENT], command: |_| python("confluent"), ..SETTINGS },
    Reader { name: KEYLESS, needs: &[CONFLUENT], command: |_| python("confluent"), ..SETTINGS },
    Reader { name: KEYLESS, needs: &[Need::Java, Need::Jdk(17)], command: |call| java(17, call), ..JAVA },
];

const CONFLUENT: Need = Need::Client("confluent-python");
const KAFKA_PYTHON: Need = Need::Client("kafka-python");
const AIOKAFKA: Need = Need::Client("aiokafka");
const FRANZ: Need = Need::Go("franz-go");
const CONFLUENT_GO: Need = Need::Go("confluent-go");

/// Those that were picked.
pub fn picked() -> Vec<Reader> {
    ALL.into_iter().filter(|reader| is_picked(reader.name)).collect()
}

/// The same of the others.
pub fn others() -> Vec<Reader> {
    OTHERS.into_iter().filter(|reader| is_picked(reader.name)).collect()
}

fn is_picked(name: &str) -> bool {
    env::var("WEIR_TESTS_BUNDLE").map_or(true, |names| names.split(',').any(|one| one == name))
}

/// A JDK's `java`: of that version, below `/usr/lib/jvm`. For 17, the oldest that is served, the machine's own will do.
pub fn jdk(version: u32) -> Result<PathBuf, String> {
    let is_it = |home: &Path| {
        let release = fs::read_to_string(home.join("release")).unwrap_or_default();
        release.contains(&format!("JAVA_VERSION=\"{version}."))
            || release.contains(&format!("JAVA_VERSION=\"{version}\""))
    };
    let homes = fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten().map(|entry| entry.path());
    let found = homes.filter(|home| is_it(home)).map(|home| home.join("bin/java")).find(|java| java.exists());
    match found {
        None if version == 17 => Ok("java".into()),
        found => found.ok_or_else(|| format!("there is no JDK {version} in /usr/lib/jvm")),
    }
}

fn python(library: &str) -> Command {
    with(Command::new(paths::target().join("venv/bin/python")), &[&format!("python/{library}/consume.py")])
}

fn node() -> Command {
    with(Command::new("node"), &["node/consume.js"])
}

/// Built in the bundle of the reader that has the program's name.
fn go(program: &str, call: &Call<'_>) -> Command {
    Command::new(super::prepare::go_directory(call.stage, program).join("consume"))
}

fn rust() -> Command {
    Command::new(paths::target().join("debug/consume"))
}

fn java(version: u32, call: &Call<'_>) -> Command {
    let home = super::prepare::java_directory(call.stage).join("target");
    let mut java = Command::new(jdk(version).unwrap_or_else(|_| "java".into()));
    java.args([
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Xmx96m",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
    ]);
    java.arg("-cp").arg(format!("{0}/classes:{0}/lib/*", home.display())).arg("Consume");
    java
}

fn java_p12(version: u32, call: &Call<'_>) -> Command {
    with(java(version, call), &["client-p12.properties"])
}

/// What a script of Kafka's distribution runs.
fn kafka(class: &str, call: &Call<'_>) -> Command {
    let mut java = Command::new("java");
    java.args([
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Xmx192m",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    ]);
    java.arg("-cp").arg(format!("{}/*", call.stage.kafka.version().jars().display())).arg(class);
    java
}

/// `kafka-console-consumer.sh`, as the README has it.
fn console(call: &Call<'_>) -> Command {
    let bootstrap = manifest(call)["bootstrap"][0].as_str().unwrap_or_default().to_owned();
    let mut console = kafka("org.apache.kafka.tools.consumer.ConsoleConsumer", call);
    console.args(["--bootstrap-server", &bootstrap, "--consumer.config", "client.properties"]);
    console.args(["--topic", TOPICS[0], "--from-beginning", "--max-messages", &call.count.to_string()]);
    console
}

fn kcat(call: &Call<'_>) -> Command {
    let group = manifest(call)["group_id"].as_str().unwrap_or_default().to_owned();
    let mut kcat = Command::new("kcat");
    kcat.args(["-F", "kcat.conf", "-u", "-f", "%t %p %o %s\n", "-G", &group]).args(TOPICS);
    kcat
}

fn manifest(call: &Call<'_>) -> Value {
    let text = fs::read_to_string(call.stage.bundle(call.reader.name).join("bundle.json")).expect("a manifest");
    serde_json::from_str(&text).expect("a manifest is JSON")
}

/// With the paths of env.sh, and later with the texts of env-inline.sh.
fn env_of(call: &Call<'_>, program: &Command) -> Command {
    sourcing(if call.first { "env.sh" } else { "env-inline.sh" }, program)
}

/// With the paths of env.sh: what the library takes.
fn paths_of(_: &Call<'_>, program: &Command) -> Command {
    sourcing("env.sh", program)
}

/// The program with what a file of the bundle exports.
fn sourcing(file: &str, program: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", &format!(". ./{file} && exec \"$0\" \"$@\"")])
        .arg(program.get_program())
        .args(program.get_args());
    shell
}

fn with(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments);
    command
}
