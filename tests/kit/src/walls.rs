//! The second wall as an operator builds it: `weir render upstream` for a Weir that does not run yet, brokers started with
//! the rendered settings, and the rendered programs run with Kafka's own tools.
//!
//! The kit's brokers have two listeners: plaintext, on which the test is their operator, and `SSL`, which is Weir's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::kafka::{Kafka, Version};
use crate::pki::{Identity, Pki};
use crate::weir::{WeirOptions, binary};

/// The class behind each of Kafka's programs that the rendered ones call, where it is the same in all versions.
const CONFIGS: &str = "kafka.admin.ConfigCommand";

/// What was rendered for one Weir.
#[derive(Debug)]
pub struct Walls {
    dir: PathBuf,
}

impl Walls {
    /// Renders for this configuration and policy. `words` are further ones of the command line.
    ///
    /// # Panics
    /// When Weir refuses.
    pub fn render(options: &WeirOptions, words: &[&str]) -> Self {
        let dir = options.dir().join("wall");
        fs::create_dir_all(&dir).expect("a directory can be made");
        let config = options.dir().join("walled.yaml");
        // JSON is YAML.
        fs::write(&config, format!("{:#}\n", options.config)).expect("a configuration can be written");
        options.acl.write(&options.dir().join("acl"));
        let mut command = Command::new(binary());
        command.args(["render", "upstream", "--listener", "SSL", "-c"]).arg(&config).arg("--out").arg(&dir).args(words);
        let output = command.output().expect("weir starts");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        Self { dir }
    }

    /// One of the rendered files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The rendered settings for brokers, and the line that their operator writes: who comes in plaintext may do all.
    pub fn properties(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(self.file("server.properties")).expect("settings were rendered");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let rendered =
            lines.map(|line| line.split_once('=').expect("KEY=VALUE")).chain([("super.users", "User:ANONYMOUS")]);
        rendered.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// Runs what was rendered for this cluster: ACLs and quotas, both at the same time.
    ///
    /// # Panics
    /// When one of them fails.
    pub fn build(&self, kafka: &Kafka) {
        let programs = ["acls.sh", "quotas.sh"].map(|name| {
            let mut command = Command::new("timeout");
            command
                .arg("120")
                .arg(self.file(name))
                .env("BOOTSTRAP", kafka.any())
                .env("KAFKA_BIN", self.tools(kafka.version()));
            std::thread::spawn(move || command.output().expect("a shell starts"))
        });
        for program in programs {
            let output = program.join().expect("it ends");
            let told = [output.stdout, output.stderr].concat();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&told));
        }
    }

    /// A directory with `kafka-acls` and `kafka-configs`, which do what those of Kafka's distribution do.
    fn tools(&self, version: Version) -> String {
        let acls = if version == Version::V3 { "kafka.admin.AclCommand" } else { "org.apache.kafka.tools.AclCommand" };
        let bin = self.dir.join(format!("bin-{version}"));
        fs::create_dir_all(&bin).expect("a directory can be made");
        for (name, class) in [("kafka-acls", acls), ("kafka-configs.sh", CONFIGS)] {
            program(&bin.join(name), &version.jars(), class);
        }
        format!("{}/", bin.display())
    }
}

/// Has Weir come to the brokers as this one. Where they are is told by `before`.
pub fn come_as(options: &mut WeirOptions, identity: &Identity) {
    options.config["upstreams"]["main"]["tls"] =
        json!({ "ca": Pki::shared().ca(), "certificate": identity.certificate, "key": identity.key });
}

/// Puts it before this cluster's listener for Weir.
pub fn before(options: &mut WeirOptions, kafka: &Kafka) {
    options.config["upstreams"]["main"]["bootstrap"] = json!(kafka.bootstrap_ssl());
}

fn program(path: &Path, jars: &Path, class: &str) {
    // Two tests may make it at once.
    let part = path.with_extension(format!("{:?}", std::thread::current().id()));
    let flags = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx128m -Dorg.slf4j.simpleLogger.defaultLogLevel=error";
    let text = format!("#!/bin/sh\nexec java {flags} -cp '{}/*' {class} \"$@\"\n", jars.display());
    fs::write(&part, text).expect("a program can be written");
    fs::set_permissions(&part, fs::Permissions::from_mode(0o755)).expect("it can be made one");
    fs::rename(&part, path).expect("it can be put in its place");
}
