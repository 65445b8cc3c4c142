//! One Weir for each client, so that its counters tell of this client alone, before brokers that all share.

use std::cell::RefCell;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;
use weir_pki::Validity;
use weir_server::tls::certificate_facts;
use weir_testkit::{Acl, Advertise, Identity, Kafka, KafkaOptions, Pki, Version, Weir, WeirOptions, wait};

use crate::row::{Counted, HIDDEN, NEVER, OTHER, Row, TOPIC};

const SOON: Duration = Duration::from_secs(60);

/// The brokers: one that everything is on, and one that may be stopped.
pub fn kafka() -> Arc<Kafka> {
    static KAFKA: OnceLock<Arc<Kafka>> = OnceLock::new();
    Arc::clone(KAFKA.get_or_init(|| {
        let mut options = KafkaOptions::new(Version::V4);
        options.brokers = 1;
        // A broker that is only stopped is not given up.
        options.properties = vec![
            ("broker.session.timeout.ms".into(), "180000".into()),
            // An empty group without offsets goes at the next look, which else is every ten minutes.
            ("offsets.retention.check.interval.ms".into(), "3000".into()),
        ];
        let kafka = Arc::new(Kafka::start(options));
        for topic in [TOPIC, OTHER, HIDDEN, NEVER] {
            kafka.create_placed(topic, &[vec![1], vec![1], vec![1], vec![1]], &[]);
            (0..4).for_each(|partition| (0..4).for_each(|_| kafka.produce(topic, partition, b"a record")));
        }
        // The log of offsets is made now, on this broker.
        kafka.commit_as("refusals.first", TOPIC);
        kafka.add_broker();
        trickle(Arc::clone(&kafka));
        kafka
    }))
}

/// A record now and then, so that who reads has something to read.
fn trickle(kafka: Arc<Kafka>) {
    std::thread::spawn(move || {
        loop {
            // A broker that is slow for once is no reason to write no more.
            let write = || [TOPIC, OTHER, HIDDEN].iter().for_each(|topic| kafka.produce(topic, 0, b"one more"));
            let _ = catch_unwind(AssertUnwindSafe(write));
            std::thread::sleep(Duration::from_millis(150));
        }
    });
}

/// A Weir of a client's own.
#[derive(Debug)]
pub struct Stage {
    pub weir: Weir,
    crl: PathBuf,
    crls: u64,
    /// What was put into force last.
    policy: RefCell<String>,
}

impl Stage {
    /// Starts it; `prefixes` where groups are named with theirs.
    pub fn open(kafka: &Kafka, prefixes: bool) -> Self {
        let stage = Self::open_unready(kafka, prefixes);
        wait::until("weir is ready", SOON, || match stage.weir.get("/readyz")? {
            (200, _) => Ok(()),
            (status, body) => Err(format!("{status}: {body}")),
        });
        stage
    }

    /// The same, and waits for nothing.
    pub fn open_unready(kafka: &Kafka, prefixes: bool) -> Self {
        let mut options = WeirOptions::new(kafka, Advertise::Ports, catalogue()).untapped();
        let crl = Pki::shared().dir().join(format!("refusals-{}.crl", uuid::Uuid::new_v4().simple()));
        fs::write(&crl, list(1, &[])).expect("a list can be written");
        options.config["listeners"][0]["tls"]["client_crl"] = json!([crl]);
        options.config["workers"] = json!(1);
        if prefixes {
            options.config["groups"] = json!("explicit-prefix");
        }
        Self { weir: Weir::start_unready(options), crl, crls: 1, policy: RefCell::default() }
    }

    /// Puts a policy into force. One that is in force already, as at a second try, makes no new generation.
    pub fn follow(&self, acl: &Acl) {
        let policy = format!("{acl:?}");
        if self.policy.replace(policy.clone()) == policy {
            return;
        }
        let before = self.generation();
        self.weir.write_acl(acl);
        wait::until("the policy is in force", SOON, || match self.generation() {
            now if now > before => Ok(()),
            now => Err(format!("generation {now}")),
        });
    }

    fn generation(&self) -> u64 {
        self.metric("weir_generation ", "")
    }

    /// Revokes a certificate.
    pub fn revoke(&mut self, identity: &Identity) {
        self.crls += 1;
        let beside = self.crl.with_extension("new");
        fs::write(&beside, list(self.crls, &[identity])).expect("a list can be written");
        fs::rename(&beside, &self.crl).expect("a list can be put in place");
    }

    /// `weir suspend` or `weir resume`.
    pub fn command(&self, act: &str, words: &[&str], principal: &str, identity: &Identity) {
        let serial = hex(&serial(identity));
        let words = words.iter().map(|word| word.replace("{principal}", principal).replace("{serial}", &serial));
        let output = Command::new(weir_testkit::weir_binary())
            .arg(act)
            .args(words)
            .args(["--reason", "a test", "--ticket", "T1", "-c"])
            .arg(self.weir.config_file())
            .output()
            .expect("weir runs");
        assert!(output.status.success(), "weir {act}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// How often this client has met a row's reason until now.
    pub fn met(&self, row: &Row, counted: Counted) -> u64 {
        match counted {
            Counted::Refused => self.metric("weir_refused_total{", &format!("\"{}\"", row.name())),
            Counted::Closed(reason) => self.metric("weir_connections_closed_total{", &format!("\"{}\"", reason.name())),
            Counted::Slower | Counted::NoError => 0,
        }
    }

    fn metric(&self, name: &str, label: &str) -> u64 {
        let Ok((200, page)) = self.weir.get("/metrics") else { return 0 };
        let line = page.lines().find(|line| line.starts_with(name) && line.contains(label));
        line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// All counters that moved, for messages.
    pub fn moved(&self) -> String {
        let page = self.weir.get("/metrics").map(|(_, page)| page).unwrap_or_default();
        let told = |line: &&str| {
            (line.starts_with("weir_refused_total") || line.starts_with("weir_connections_closed"))
                && !line.ends_with(" 0")
        };
        page.lines().filter(told).collect::<Vec<_>>().join("\n")
    }
}

/// What may leave, and what may not.
pub fn catalogue() -> Acl {
    Acl::new(&[TOPIC, OTHER]).never_contains("forbidden")
}

/// The same with what was hidden.
pub fn wider_catalogue() -> Acl {
    Acl::new(&[TOPIC, OTHER, HIDDEN]).never_contains("forbidden")
}

fn list(number: u64, revoked: &[&Identity]) -> String {
    let serials: Vec<Vec<u8>> = revoked.iter().map(|identity| serial(identity)).collect();
    let serials: Vec<&[u8]> = serials.iter().map(Vec::as_slice).collect();
    Pki::shared().authority().revocation_list(number, &serials, Validity::days(1)).expect("a list can be made")
}

fn serial(identity: &Identity) -> Vec<u8> {
    let pem = identity.issued.certificate_pem.as_bytes();
    let certificate = CertificateDer::from_pem_slice(pem).expect("a certificate");
    certificate_facts(&certificate).expect("its facts").peer.serial.as_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Stops a broker's process, or lets it go on: `STOP` or `CONT`.
pub fn signal_second_broker(kafka: &Kafka, signal: &str) {
    let pid = *kafka.pids().last().expect("two brokers run");
    let status = Command::new("kill").arg(format!("-{signal}")).arg(pid.to_string()).status();
    assert!(status.is_ok_and(|status| status.success()), "kill -{signal}");
}
