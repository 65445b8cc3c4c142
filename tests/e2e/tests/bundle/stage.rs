//! Brokers, two Weirs before them, and the bundles that `weir cert bundle` makes for their principals.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::json;
use weir_testkit::{Acl, Advertise, Identity, Kafka, Pki, PrincipalSpec, Version, Weir, WeirOptions, paths};

use super::history::{HIDDEN, PARTITIONS, TOPICS};
use super::readers::{self, Reader};

/// The principal whose group ids must begin with its namespace, as all of the second Weir's.
pub const PREFIXED: &str = "prefixed";
/// The principal whose bundle came without a key.
pub const KEYLESS: &str = "keyless";

/// All that the readers need.
pub struct Stage {
    /// The brokers.
    pub kafka: Arc<Kafka>,
    /// Where the bundles are; each has its reader's name.
    pub clean: PathBuf,
    /// Where output goes.
    pub logs: PathBuf,
    any: Weir,
    _prefix: Weir,
    keyless: Identity,
    _alone: File,
}

impl Stage {
    /// Starts everything, and makes a bundle for each reader.
    pub fn open() -> Self {
        let (clean, alone) = clean_directory();
        let kafka = Kafka::shared(Version::V4);
        for topic in TOPICS.into_iter().chain([HIDDEN]) {
            kafka.create_topic(topic, PARTITIONS, 3, &[]);
        }
        let catalogue = [TOPICS[0], TOPICS[1], HIDDEN];
        let names = readers::ALL.iter().map(|reader| reader.name).chain([KEYLESS]);
        let acl = names.fold(Acl::new(&catalogue), |acl, name| acl.principal(PrincipalSpec::new(name, &TOPICS)));
        // Not tapped: programs must see Weir's own TLS alerts.
        let any = Weir::start(WeirOptions::new(&kafka, Advertise::Sni, acl).untapped());
        let acl = Acl::new(&catalogue).principal(PrincipalSpec::new(PREFIXED, &TOPICS));
        let mut options = WeirOptions::new(&kafka, Advertise::Sni, acl);
        options.config["groups"] = json!("explicit-prefix");
        let prefix = Weir::start(options);
        let keyless = Pki::shared().client(KEYLESS);
        bundle(&any, KEYLESS, &keyless, false, &["--out".as_ref(), clean.join(KEYLESS).as_os_str()]);
        whole_bundle(&prefix, PREFIXED, &clean, &[]);
        for reader in readers::ALL {
            whole_bundle(&any, reader.name, &clean, reader.order);
        }
        let logs = paths::run_dir("bundle-logs");
        Self { kafka, clean, logs, any, _prefix: prefix, keyless, _alone: alone }
    }

    /// The directory of a bundle.
    pub fn bundle(&self, name: &str) -> PathBuf {
        self.clean.join(name)
    }

    /// What the holder of the bundle without a key does, as its README and `client.properties` say.
    pub fn put_key(&self) {
        let bundle = self.bundle(KEYLESS);
        fs::copy(&self.keyless.key, bundle.join("client.key")).expect("a key can be put there");
        let script = "umask 077; cat client.key client.pem > keystore.pem";
        run(Command::new("sh").args(["-c", script]).current_dir(bundle));
    }

    /// Whether this reader has one group, with an offset in every partition, that it has left.
    pub fn has_committed(&self, reader: &Reader, partitions: usize) -> Result<(), String> {
        let namespace = format!("weir.{}.", reader.name);
        let groups: Vec<_> = self.kafka.groups().into_iter().filter(|group| group.id.starts_with(&namespace)).collect();
        let [group] = &groups[..] else { return Err(format!("one group was expected: {groups:?}")) };
        if group.state != "Empty" {
            return Err(format!("it ended and did not leave its group: {group:?}"));
        }
        let committed = self.kafka.committed(&group.id);
        if committed.len() < partitions {
            return Err(format!("it did not commit in every partition: {committed:?}"));
        }
        Ok(())
    }

    /// Nobody is let in any more.
    pub fn suspend_all(&self) {
        let words = ["suspend", "all", "--reason", "a test", "--ticket", "TEST-1", "-c"];
        run(Command::new(weir_testkit::weir_binary()).args(words).arg(self.any.config_file()));
    }
}

fn whole_bundle(weir: &Weir, name: &str, clean: &Path, order: &[&str]) {
    let out = clean.join(name);
    let more: Vec<_> = order.iter().map(AsRef::as_ref).chain(["--out".as_ref(), out.as_os_str()]).collect();
    bundle(weir, name, &Pki::shared().client(name), true, &more);
}

fn bundle(weir: &Weir, name: &str, identity: &Identity, with_key: bool, more: &[&std::ffi::OsStr]) {
    let mut command = Command::new(weir_testkit::weir_binary());
    command.args(["cert", "bundle", name, "-c"]).arg(weir.config_file());
    command.arg("--certificate").arg(&identity.certificate).arg("--ca-certificate").arg(&identity.ca);
    if with_key {
        command.arg("--key").arg(&identity.key);
    }
    run(command.args(more));
}

/// Runs a command that must succeed.
pub fn run(command: &mut Command) {
    let output = command.output().expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&said));
}

/// The same place each time, so that builds find what they built before; one test process at a time.
fn clean_directory() -> (PathBuf, File) {
    let base = paths::target().join("bundle");
    fs::create_dir_all(&base).expect("the target directory can be written");
    let lock = File::create(base.join("lock")).expect("a lock can be made");
    lock.lock().expect("a lock can be taken");
    let clean = base.join("clean");
    let _ = fs::remove_dir_all(&clean);
    fs::create_dir_all(&clean).expect("a directory can be made");
    (clean, lock)
}
