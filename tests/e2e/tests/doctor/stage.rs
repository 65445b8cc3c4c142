//! What stands before the doctor: one cluster, one Weir with two more listeners, and a principal for each fault.

use std::fs;
use std::process::Command;
use std::sync::{Arc, OnceLock, RwLockReadGuard, RwLockWriteGuard};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;
use weir_pki::Validity;
use weir_server::tls::certificate_facts;
use weir_testkit::names::HOST;
use weir_testkit::{Acl, Advertise, Identity, Kafka, Pki, PrincipalSpec, Version, Weir, WeirOptions};

use super::bundle::Bundle;

/// Holds records.
pub const FULL: &str = "doctor.full";
/// Holds none.
pub const EMPTY: &str = "doctor.empty";
/// Has one replica, on one broker.
pub const LONELY: &str = "doctor.lonely";
/// That broker.
pub const LONELY_BROKER: i32 = 3;
/// An address for which no certificate is.
const ELSEWHERE: &str = "127.0.0.3";
/// Where nobody may come who is here.
const CLOSED: &str = "127.0.0.4";
/// An operator has suspended it.
pub const STOPPED: &str = "doctor.stopped";

pub struct Stage {
    pub kafka: Arc<Kafka>,
    pub weir: Weir,
    /// A certificate of `good` that is revoked.
    pub revoked: Identity,
    /// A server certificate for 127.0.0.1.
    pub server: Identity,
    /// A listener at an address that its certificate is not for.
    pub elsewhere: String,
    /// A listener that lets nobody in who is here.
    pub closed: String,
    /// A listener that tells brokers apart by name.
    pub named: String,
    /// A port at which nothing listens.
    pub spare_port: u16,
    admin: String,
    _list: tempfile::TempDir,
}

/// The name of a principal of these tests.
pub fn principal(who: &str) -> String {
    format!("doctor-{who}")
}

impl Stage {
    /// All brokers stay up as long as the second is held.
    pub fn calm() -> (&'static Self, RwLockReadGuard<'static, ()>) {
        let stage = Self::shared();
        (stage, stage.kafka.calm())
    }

    /// Nobody else uses the brokers as long as the second is held.
    pub fn storm() -> (&'static Self, RwLockWriteGuard<'static, ()>) {
        let stage = Self::shared();
        (stage, stage.kafka.storm())
    }

    fn shared() -> &'static Self {
        static STAGE: OnceLock<Stage> = OnceLock::new();
        STAGE.get_or_init(Self::set)
    }

    fn set() -> Self {
        let kafka = Kafka::shared(Version::V4);
        for (topic, partitions) in [(FULL, 3), (EMPTY, 2), (STOPPED, 1)] {
            kafka.create_topic(topic, partitions, 3, &[]);
        }
        kafka.create_placed(LONELY, &[vec![LONELY_BROKER]], &[]);
        [FULL, STOPPED, LONELY].iter().for_each(|topic| kafka.produce(topic, 0, b"a record"));
        // Groups that were there before are counted when Weir begins.
        kafka.commit_as(&format!("weir.{}.one", principal("crowded")), FULL);
        let list = tempfile::tempdir().unwrap();
        let revoked = Pki::shared().client(&principal("good"));
        fs::write(list.path().join("clients.crl"), revoking(&revoked)).unwrap();
        let mut options = WeirOptions::new(&kafka, Advertise::Ports, acl()).untapped();
        options.config["listeners"][0]["tls"]["client_crl"] = json!([list.path().join("clients.crl")]);
        let mut spare_ports = options.spare_ports();
        let (spare_port, named_port) = (spare_ports.next().unwrap(), spare_ports.next().unwrap());
        // The same ports at other addresses.
        let listener = |name: &str, bind: &str| {
            let mut listener = options.config["listeners"][0].clone();
            listener["name"] = json!(name);
            listener["bind"] = json!(bind);
            listener
        };
        let elsewhere = listener("elsewhere", ELSEWHERE);
        let mut closed = listener("closed", CLOSED);
        closed["allow"] = json!(["192.0.2.0/24"]);
        let mut named = listener("named", &format!("127.0.0.1:{named_port}"));
        named["advertise"] = json!({ "sni": { "host": HOST } });
        let all = options.config["listeners"].as_array_mut().unwrap();
        all.extend([elsewhere, closed, named]);
        let admin = options.config["admin"]["bind"].as_str().unwrap().to_owned();
        let weir = Weir::start(options);
        let at = |address: &str| weir.bootstrap().replace("127.0.0.1", address);
        let (elsewhere, closed) = (at(ELSEWHERE), at(CLOSED));
        suspend(&weir, "principal", &principal("suspended"));
        suspend(&weir, "topic", STOPPED);
        Self {
            kafka,
            weir,
            revoked,
            elsewhere,
            closed,
            server: Pki::shared().server(&["127.0.0.1"]),
            named: format!("{HOST}:{named_port}"),
            spare_port,
            admin,
            _list: list,
        }
    }

    /// A bundle of one of these principals, as whom it gets a certificate.
    pub fn bundle(&self, who: &str, topics: &[&str]) -> Bundle {
        self.bundle_of(&Pki::shared().client(&principal(who)), who, topics)
    }

    /// A bundle with this certificate.
    pub fn bundle_of(&self, identity: &Identity, who: &str, topics: &[&str]) -> Bundle {
        Bundle::new(identity, &principal(who), &self.weir.bootstrap(), topics)
    }

    pub fn admin(&self) -> String {
        self.admin.clone()
    }

    /// The groups of a principal at the brokers, as it names them.
    pub fn groups(&self, who: &str) -> Vec<String> {
        let own = format!("weir.{}.", principal(who));
        self.kafka.groups().iter().filter_map(|group| Some(group.id.strip_prefix(&own)?.to_owned())).collect()
    }

    /// So many days from now, in RFC 3339.
    pub fn in_days(&self, days: i64) -> String {
        let output =
            Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ", "-d"]).arg(format!("{days} days")).output();
        String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
    }
}

fn acl() -> Acl {
    let all = [FULL, EMPTY, LONELY, STOPPED, "doctor.not-there"];
    let of = |who: &str| PrincipalSpec::new(&principal(who), &all);
    let mut far = of("far");
    far.cidrs.push("192.0.2.0/24".to_owned());
    let principals = [
        of("good"),
        of("second"),
        of("third"),
        of("fourth"),
        of("fifth"),
        far,
        of("suspended"),
        of("narrow").within("connections: 1"),
        of("crowded").within("groups: {most: 1}"),
        of("keeper").within("offsets: deny"),
        PrincipalSpec::new(&principal("poor"), &[EMPTY]),
    ];
    principals.into_iter().fold(Acl::new(&all), Acl::principal)
}

fn revoking(identity: &Identity) -> String {
    let der = CertificateDer::from_pem_slice(identity.issued.certificate_pem.as_bytes()).unwrap();
    let serial = certificate_facts(&der).unwrap().peer.serial.as_bytes().to_vec();
    Pki::shared().authority().revocation_list(1, &[&serial], Validity::days(1)).unwrap()
}

fn suspend(weir: &Weir, kind: &str, name: &str) {
    let mut command = Command::new(weir_testkit::weir_binary());
    command.args(["suspend", kind, name, "--reason", "a test", "--ticket", "T1", "-c"]).arg(weir.config_file());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
