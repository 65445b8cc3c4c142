//! Certificates of `weir cert` from the command to the record: issued, signed, renewed, revoked, and beside them those of
//! openssl. The server's certificate is one of `weir cert server`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde_json::{Value, json};
use weir_pki::Issued;
use weir_testkit::kafka::Chain;
use weir_testkit::{
    Acl, Advertise, Ended, Identity, Kafka, PrincipalSpec, RawClient, RawTarget, Version, Weir, WeirOptions, wait,
};

/// What takes effect does so within this.
const BAR: Duration = Duration::from_secs(1);
/// What a machine that does ten things at once may add where only the outcome is of interest.
const PATIENT: Duration = Duration::from_secs(15);
const LIMIT: Duration = Duration::from_secs(60);
const READER: &str = "certificates-reader";

#[test]
fn certificates_of_weir_cert_read_until_they_are_revoked_and_renewals_overlap() {
    let desk = Desk::open();
    let issued = desk.issued("first");
    let signed = desk.signed();
    desk.reads(&issued);
    desk.reads(&signed);

    // Of the two the one is revoked, and the other is not.
    let mut stays = desk.client(&signed);
    let first = desk.ends("a", &issued);
    is_open(&mut stays);
    // A machine that is busy for a moment misses a second, once.
    let took = if first < BAR { first } else { desk.ends("b", &desk.issued("again")) };
    assert!(took < BAR, "an open connection ended after {first:?}, and the next one after {took:?}");

    let renewed = desk.renewed(&signed);
    let mut new = desk.client(&renewed);
    desk.reads(&renewed);
    is_open(&mut stays);
    desk.ends("c", &signed);
    assert_eq!(stays.ended(PATIENT), Ended::Closed, "it is the older one's");
    is_open(&mut new);
    desk.reads(&renewed);
}

#[test]
fn certificates_and_lists_of_openssl_serve_as_well() {
    let desk = Desk::open();
    let identity = desk.of_openssl();
    desk.reads(&identity);
    let mut open = desk.client(&identity);
    is_open(&mut open);
    desk.openssl("ca -config own.cnf -revoke own-reader.pem");
    desk.openssl("ca -config own.cnf -gencrl -out own.crl.new");
    fs::rename(desk.at("own.crl.new"), desk.at("own.crl")).unwrap();
    assert_eq!(open.ended(PATIENT), Ended::Closed);
    desk.is_refused(&identity);
}

/// Two CAs of `weir cert`, one of openssl, and a Weir that trusts what they issue and revoke.
struct Desk {
    weir: Weir,
    dir: tempfile::TempDir,
    topic: String,
    _kafka: Arc<Kafka>,
}

impl Desk {
    fn open() -> Self {
        let kafka = Kafka::shared(Version::V4);
        let topic = format!("certificates.{}", Chain::new("nonce", 0).nonce());
        kafka.create_topic(&topic, 1, 3, &[]);
        kafka.produce(&topic, 0, b"a record");
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        weir(dir.path(), "init --ca server-ca --name Server");
        weir(dir.path(), "init --ca clients-ca --name Clients");
        openssl_ca(dir.path());
        let both = fs::read_to_string(at("clients-ca/ca.pem")).unwrap() + &fs::read_to_string(at("own.pem")).unwrap();
        fs::write(at("clients-ca.pem"), both).unwrap();
        fs::copy(at("clients-ca/crl.pem"), at("clients.crl")).unwrap();

        let acl = Acl::new(&[&topic]).principal(PrincipalSpec::new(READER, &[&topic]));
        let mut options = WeirOptions::new(&kafka, Advertise::Ports, acl).untapped();
        options.config["listeners"][0]["tls"] = json!({
            "certificate": at("server.pem"),
            "key": at("server.key"),
            "client_ca": at("clients-ca.pem"),
            "client_crl": [at("clients.crl"), at("own.crl")],
        });
        fs::write(at("weir.yaml"), options.config.to_string()).unwrap();
        weir(dir.path(), "server -c weir.yaml --ca server-ca");
        Self { weir: Weir::start(options), dir, topic, _kafka: kafka }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn cert(&self, words: &str) -> Value {
        weir(self.dir.path(), words)
    }

    fn issued(&self, out: &str) -> Identity {
        self.cert(&format!("issue {READER} -c {} --ca clients-ca --ticket T1 --out {out}", self.config()));
        self.identity(&format!("{out}/{READER}.pem"), &format!("{out}/{READER}.key"))
    }

    /// The key is made at the consumer, and stays there.
    fn signed(&self) -> Identity {
        self.cert("csr consumer --out consumer");
        let order = format!("sign consumer/consumer.csr --principal {READER} -c {}", self.config());
        self.cert(&format!("{order} --ca clients-ca --ticket T2 --out signed"));
        self.identity(&format!("signed/{READER}.pem"), "consumer/consumer.key")
    }

    fn renewed(&self, older: &Identity) -> Identity {
        let order = format!("renew {} -c {}", self.serial(older), self.config());
        self.cert(&format!("{order} --ca clients-ca --ticket T3 --out renewed"));
        self.identity(&format!("renewed/{READER}.pem"), &format!("renewed/{READER}.key"))
    }

    fn of_openssl(&self) -> Identity {
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        self.openssl(&format!("req -new {key} -keyout own-reader.key -out own-reader.csr -subj /CN={READER}"));
        self.openssl("ca -batch -config own.cnf -extensions client -in own-reader.csr -out own-reader.pem -notext");
        let whose = self.cert(&format!("inspect own-reader.pem -c {}", self.config()));
        assert_eq!(whose["items"][0]["principal"], READER);
        self.identity("own-reader.pem", "own-reader.key")
    }

    fn openssl(&self, words: &str) {
        openssl(self.dir.path(), words);
    }

    fn config(&self) -> String {
        self.weir.config_file().display().to_string()
    }

    fn serial(&self, identity: &Identity) -> String {
        let items = self.cert(&format!("inspect {}", identity.certificate.display()));
        items["items"][0]["serial"].as_str().expect("a serial number").to_owned()
    }

    fn identity(&self, certificate: &str, key: &str) -> Identity {
        let (certificate, key) = (self.at(certificate), self.at(key));
        let chain_pem = fs::read_to_string(&certificate).unwrap();
        let key_pem = fs::read_to_string(&key).unwrap();
        let issued = Issued { certificate_pem: chain_pem.clone(), chain_pem, key_pem };
        Identity { issued, both: certificate.clone(), certificate, key, ca: self.at("server-ca/ca.pem") }
    }

    fn target(&self, identity: &Identity) -> RawTarget {
        RawTarget { ca: identity.ca.clone(), ..self.weir.target(&self.weir.bootstrap(), identity) }
    }

    fn client(&self, identity: &Identity) -> RawClient {
        RawClient::connect(&self.target(identity)).expect("a connection")
    }

    /// Reads the topic's record, with librdkafka.
    fn reads(&self, identity: &Identity) {
        let mut config: ClientConfig = identity.rdkafka_settings().into_iter().collect();
        config.set("bootstrap.servers", self.weir.bootstrap()).set("group.id", "certificates");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut place = TopicPartitionList::new();
        place.add_partition_offset(&self.topic, 0, Offset::Beginning).unwrap();
        consumer.assign(&place).unwrap();
        wait::until("a record through Weir", LIMIT, || match consumer.poll(Duration::from_millis(500)) {
            Some(Ok(message)) if message.payload() == Some(b"a record") => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }

    /// Revokes a certificate, and says how long its open connection lived on. It cannot come back.
    fn ends(&self, ticket: &str, identity: &Identity) -> Duration {
        let mut open = self.client(identity);
        is_open(&mut open);
        let serial = self.serial(identity);
        let order = format!("revoke {serial} --reason key-compromise --ca clients-ca --ticket {ticket}");
        self.cert(&format!("{order} --publish clients.crl"));
        let began = Instant::now();
        assert_eq!(open.ended(PATIENT), Ended::Closed);
        let took = began.elapsed();
        self.is_refused(identity);
        took
    }

    fn is_refused(&self, identity: &Identity) {
        if let Ok(mut client) = RawClient::connect(&self.target(identity)) {
            assert!(matches!(client.ended(PATIENT), Ended::Alert(_)));
        }
    }
}

fn is_open(client: &mut RawClient) {
    assert_eq!(client.ended(Duration::from_millis(150)), Ended::Silent);
}

/// Runs `weir cert` with words that hold no blank, and gives what it says.
fn weir(directory: &Path, words: &str) -> Value {
    let mut command = Command::new(weir_testkit::weir_binary());
    command.arg("cert").args(words.split(' ')).arg("--json").current_dir(directory).env("USER", "tests");
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn openssl(directory: &Path, words: &str) {
    let mut command = Command::new("timeout");
    command.args(["60", "openssl"]).args(words.split(' ')).current_dir(directory).stdin(Stdio::null());
    let output = command.output().expect("openssl: tests/setup.sh");
    assert!(output.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A CA of openssl's own: `own.pem`, `own.key`, and `own.crl` without an entry.
fn openssl_ca(directory: &Path) {
    let write = |name: &str, text: &str| fs::write(directory.join(name), text).unwrap();
    write("index.txt", "");
    write(
        "own.cnf",
        "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\ncrlnumber=crlnumber\n\
         certificate=own.pem\nprivate_key=own.key\ndefault_md=sha256\ndefault_days=90\ndefault_crl_days=30\npolicy=any\n\
         [any]\ncommonName=supplied\n[client]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n\
         extendedKeyUsage=clientAuth\nauthorityKeyIdentifier=keyid\n[req]\ndistinguished_name=dn\nx509_extensions=root\n\
         [dn]\n[root]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n",
    );
    write("crlnumber", "01\n");
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key";
    openssl(directory, &format!("req -x509 {key} -out own.pem -subj /CN=Own -days 3650 -config own.cnf"));
    openssl(directory, "ca -config own.cnf -gencrl -out own.crl");
}
