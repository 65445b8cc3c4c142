//! What `weir check` says of files that do not fit each other.

use rustls_pki_types::UnixTime;
use weir_pki::{Authority, Validity};

use super::fixture::{Fixture, HOST};
use super::text_files::TextFiles;
use super::{Compiler, Snapshot, Sources};
use crate::config::Machine;

fn days(start: i64, end: i64) -> Validity {
    let day = time::Duration::days(1);
    Validity::from_now(day * i32::try_from(start).unwrap(), day * i32::try_from(end).unwrap())
}

const NAMES: [&str; 2] = [HOST, "*.kafka.example.org"];

#[test]
fn sound_files_make_a_snapshot() {
    let snapshot = Fixture::new().snapshot();
    assert_eq!(snapshot.generation, 1);
    assert!(snapshot.tls.contains_key("public"));
    assert_eq!(snapshot.policy.principals().count(), 1);
    assert!(snapshot.upstreams["main"].tls.is_none());
    assert_eq!(snapshot.warnings, []);
}

#[test]
fn an_advertised_name_is_in_the_certificate() {
    let fixture = Fixture::new();
    fixture.write_server(&fixture.servers.server(&["kafka.example.com", "b1.kafka.example.org"]).unwrap());
    assert_eq!(
        fixture.problems(),
        [
            "weir.yaml:4:29: `kafka.example.org` is advertised, but the certificate `server.pem` is not for it; issue \
             the certificate with the subject alternative name DNS:kafka.example.org, as `weir cert server` does",
            "weir.yaml:4:29: `*.kafka.example.org` is advertised, but the certificate `server.pem` is not for it; issue \
             the certificate with the subject alternative name DNS:*.kafka.example.org, as `weir cert server` does",
        ]
    );
    fixture.write_server(&fixture.servers.server(&["*.example.org", "*.kafka.example.org"]).unwrap());
    fixture.snapshot();
    fixture.configure("bind: 127.0.0.1:9093", "bind: 127.0.0.1");
    fixture.configure(
        "sni: {host: kafka.example.org}",
        "ports: {host: 192.0.2.1, bootstrap_port: 1, base_port: 2, ids: [0, 1]}",
    );
    assert_eq!(
        fixture.problems(),
        ["weir.yaml:4:31: `192.0.2.1` is advertised, but the certificate `server.pem` is not for it; issue the \
             certificate with the subject alternative name IP:192.0.2.1, as `weir cert server` does"]
    );
    fixture.write_server(&fixture.servers.server(&["192.0.2.1"]).unwrap());
    fixture.snapshot();
}

#[test]
fn a_single_label_cannot_stand_after_a_star() {
    let fixture = Fixture::new();
    fixture.configure("host: kafka.example.org", "host: localhost");
    fixture.write_server(&fixture.servers.server(&["localhost", "*.localhost"]).unwrap());
    assert_eq!(
        fixture.problems(),
        ["weir.yaml:4:29: `*.localhost` in a certificate is refused by clients: a star needs two labels after it; \
             advertise a longer name, like kafka.example.org"]
    );
}

#[test]
fn a_key_belongs_to_its_certificate_and_to_its_owner() {
    let fixture = Fixture::new();
    fixture.write("server.key", &fixture.client("other").key_pem);
    let problems = fixture.problems();
    assert!(
        problems[0].starts_with("weir.yaml:6:41: the key `server.key` is not the one of `server.pem`; write the key"),
        "{problems:?}"
    );
    let fixture = Fixture::new();
    for (mode, is_sound) in
        [(0o600, true), (0o400, true), (0o640, true), (0o644, false), (0o660, false), (0o700, false)]
    {
        fixture.set_mode("server.key", mode);
        assert_eq!(fixture.compile().is_ok(), is_sound, "{mode:o}");
    }
    assert_eq!(
        fixture.problems(),
        ["weir.yaml:6:41: the key `server.key` has mode 0700: others can use it; run `chmod 0600 server.key`"]
    );
}

#[test]
fn files_hold_what_they_are_named_for() {
    let fixture = Fixture::new();
    fixture.write("server.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    fixture.write("clients-ca.pem", "");
    fixture.configure("certificate: server.pem", "certificate: absent.pem");
    assert_eq!(
        fixture.problems(),
        [
            "weir.yaml:6:24: `absent.pem` cannot be read: No such file or directory (os error 2); write the path of a \
             file that Weir's user can read",
            "weir.yaml:6:41: `server.key` holds no private key in PEM, or an encrypted one; write the file with `BEGIN \
             PRIVATE KEY`; `openssl pkey -in OLD -out NEW` takes a password off",
            "weir.yaml:6:64: `clients-ca.pem` holds no certificate; write a PEM file with `BEGIN CERTIFICATE`",
        ]
    );
}

#[test]
fn a_client_ca_is_a_ca() {
    let fixture = Fixture::new();
    fixture.write("clients-ca.pem", &fixture.client("tool").certificate_pem);
    assert_eq!(
        fixture.problems(),
        ["weir.yaml:6:64: certificate 1 of `clients-ca.pem` is not a CA's; write the file with the certificates of \
             the CA"]
    );
}

#[test]
fn an_expired_certificate_is_wrong_and_one_that_ends_soon_is_told() {
    let fixture = Fixture::new();
    let expired = fixture.servers.server_valid(&NAMES, days(-2, -1)).unwrap();
    fixture.write_server(&expired);
    assert_eq!(
        fixture.problems(),
        ["weir.yaml:6:24: the certificate `server.pem` has expired: clients would refuse it; issue a new one"]
    );
    let from_this_second = Validity::from_now(time::Duration::ZERO, time::Duration::days(90));
    fixture.write_server(&fixture.servers.server_valid(&NAMES, from_this_second).unwrap());
    fixture.snapshot();
    fixture.write_server(&fixture.servers.server_valid(&NAMES, days(1, 2)).unwrap());
    assert!(fixture.problems()[0].contains("is not valid yet: clients would refuse it"));
    let half_a_day_more = Validity::from_now(-time::Duration::DAY, time::Duration::hours(20 * 24 + 12));
    fixture.write_server(&fixture.servers.server_valid(&NAMES, half_a_day_more).unwrap());
    let warnings = fixture.snapshot().warnings;
    assert_eq!(
        fixture.without_directory(&warnings[0].to_string()),
        "weir.yaml:6:24: the certificate `server.pem` expires in 20 days; issue a new one"
    );
}

#[test]
fn problems_of_all_files_come_together() {
    let fixture = Fixture::new();
    fixture.configure("shown_cluster_id: shown", "shown_cluster_id: ''");
    fixture.write("acl/principals/tool.yaml", "principal: tool\nwhatever: 1\n");
    fixture.set_mode("server.key", 0o644);
    let problems = fixture.problems().join("\n");
    for part in ["`` is not a cluster id", "acl/principals/tool.yaml:", "has mode 0644"] {
        assert!(problems.contains(part), "{part} is not in\n{problems}");
    }
}

#[test]
fn the_policy_directory_is_there() {
    let fixture = Fixture::new();
    fixture.remove("acl/never.yaml");
    fixture.write("acl/principals/other.yml", "");
    assert_eq!(
        fixture.problems(),
        [
            "weir.yaml:10:9: `acl/never.yaml` cannot be read: No such file or directory (os error 2); write the path of \
             a directory with catalogue.yaml, never.yaml, tiers.yaml and principals/, readable by Weir's user",
            "weir.yaml:10:9: `acl/principals/other.yml` would not be read: it is not called .yaml; rename it",
        ]
    );
}

#[test]
fn brokers_are_reached_with_weirs_own_certificate() {
    let fixture = Fixture::new();
    fixture.client("weir").write(&fixture.path(""), "upstream").unwrap();
    let tls = "tls: {ca: servers-ca.pem, certificate: upstream.pem, key: upstream.key, server_name: broker.internal}";
    fixture.configure("['127.0.0.1:9092']", &format!("['127.0.0.1:9092'], {tls}"));
    let snapshot = fixture.snapshot();
    let tls = snapshot.upstreams["main"].tls.as_ref().unwrap();
    assert!(tls.config.client_auth_cert_resolver.has_certs());
    assert_eq!(tls.server_name.as_ref().unwrap().to_str(), "broker.internal");
    fixture.set_mode("upstream.key", 0o666);
    fixture.write("servers-ca.pem", "nothing");
    let problems = fixture.problems();
    assert!(problems[0].contains("`servers-ca.pem` holds no certificate"), "{problems:?}");
    assert!(problems[1].contains("the key `upstream.key` has mode 0666"), "{problems:?}");
}

#[test]
fn a_certificate_of_an_intermediate_is_served_with_it() {
    let fixture = Fixture::new();
    let intermediate = fixture.servers.intermediate("Servers 2").unwrap();
    fixture.write_server(&intermediate.server(&NAMES).unwrap());
    fixture.snapshot();
    fixture.write("clients-ca.pem", &format!("{0}{0}", Authority::new("Two").unwrap().certificate_pem()));
    fixture.snapshot();
}

#[test]
fn a_configuration_that_is_not_there_is_told() {
    let fixture = Fixture::new();
    let errors = Sources::read(&fixture.path("other.yaml"), Machine::here(), &mut TextFiles::default(), None)
        .err()
        .unwrap()
        .to_string();
    assert_eq!(
        fixture.without_directory(&errors),
        "other.yaml cannot be read: No such file or directory (os error 2); name the configuration file: -c \
         weir.yaml"
    );
    fixture.write("large.yaml", &"#".repeat((16 << 20) + 1));
    let errors = Sources::read(&fixture.path("large.yaml"), Machine::here(), &mut TextFiles::default(), None)
        .err()
        .unwrap()
        .to_string();
    assert!(errors.contains("it has more than 16 MiB"), "{errors}");
}

#[test]
fn the_same_sources_give_the_same_at_their_time() {
    let fixture = Fixture::new();
    let sources = Sources::read(&fixture.path("weir.yaml"), Machine::here(), &mut TextFiles::default(), None).unwrap();
    assert_eq!(Snapshot::compile(&sources, &mut Compiler::default(), 7, UnixTime::now()).unwrap().generation, 7);
    let later = UnixTime::since_unix_epoch(std::time::Duration::from_secs(UnixTime::now().as_secs() + 100 * 86_400));
    let errors = Snapshot::compile(&sources, &mut Compiler::default(), 8, later).unwrap_err().to_string();
    assert!(errors.contains("has expired"), "{errors}");
}

#[test]
fn hostile_o1_a_directory_that_somebody_fills_is_not_read() {
    let fixture = Fixture::new();
    for count in 0..100_000 {
        std::fs::write(fixture.path(&format!("acl/principals/x{count}.yaml")), "").unwrap();
    }
    let problems = fixture.problems().join("\n");
    assert!(problems.contains("acl/principals` has 100001 files, more than 100000"), "{problems:.1000}");
    assert!(problems.lines().count() < 10, "{problems:.1000}");
}
