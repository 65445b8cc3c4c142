//! Suspensions and revocation lists beside files that are wrong.

use rustls_pki_types::UnixTime;
use time::Duration;
use weir_pki::Validity;
use weir_policy::{Compiler, Reason};

use crate::config::Machine;
use crate::snapshot::fixture::{Fixture, HOST};
use crate::snapshot::sources::Sources;
use crate::snapshot::text_files::TextFiles;
use crate::snapshot::{Loader, Snapshot, Times};

const SUSPENDED: &str = "suspend: principal\nname: tool\nreason: test\nticket: T1\n";

fn loaded(fixture: &Fixture) -> Loader {
    let mut loader = Loader::new(&fixture.path("weir.yaml"));
    loader.load().unwrap_or_else(|errors| panic!("{errors}"));
    loader
}

fn suspend(fixture: &Fixture) {
    std::fs::create_dir_all(fixture.path("acl/suspended")).unwrap();
    fixture.write("acl/suspended/principal-tool.yaml", SUSPENDED);
}

/// What the next look puts in force where something is wrong.
#[track_caller]
fn restricted(loader: &mut Loader) -> Option<Snapshot> {
    assert!(loader.reload().is_err(), "something is wrong");
    loader.restrict()
}

fn is_suspended(snapshot: &Snapshot) -> bool {
    snapshot.policy.suspends("tool") == Some(Reason::PrincipalSuspended)
}

#[test]
fn a_suspension_does_not_wait_for_another_file_and_nothing_else_of_the_look_comes_into_force() {
    let fixture = Fixture::new();
    let mut loader = loaded(&fixture);
    fixture.write("acl/tiers.yaml", "tiers: 7\n");
    fixture.write_principal("other", "{cn: other}");
    assert!(restricted(&mut loader).is_none(), "nothing is suspended");
    suspend(&fixture);
    let snapshot = restricted(&mut loader).unwrap();
    assert!(is_suspended(&snapshot) && snapshot.policy.principal("other").is_none());
    assert_eq!(snapshot.generation, 2);
    assert!(restricted(&mut loader).is_none(), "it is in force");
    fixture.write("acl/suspended/principal-tool.yaml", "suspend: nobody\n");
    assert!(restricted(&mut loader).is_none(), "what nobody understands lifts nothing");
    fixture.write("acl/suspended/all.yaml", "suspend: all\nreason: r\n");
    assert!(restricted(&mut loader).is_none(), "and suspends nothing");
    fixture.remove("acl/suspended/principal-tool.yaml");
    assert!(!is_suspended(&restricted(&mut loader).unwrap()), "what was taken away is resumed");
    fixture.remove("acl/suspended/all.yaml");
    fixture.write("acl/tiers.yaml", "tiers:\n  - tier: tool\n    connections: 20\n");
    let sound = loader.reload().unwrap_or_else(|errors| panic!("{errors}")).snapshot.unwrap();
    assert!(sound.policy.principal("other").is_some());
}

#[test]
fn a_suspension_does_not_wait_for_the_configuration_nor_for_a_policy_that_is_away() {
    let fixture = Fixture::new();
    let mut loader = loaded(&fixture);
    fixture.configure("policy: acl", "policy: acl\nno_such_key: 1");
    suspend(&fixture);
    assert!(is_suspended(&restricted(&mut loader).unwrap()));
    std::fs::rename(fixture.path("acl"), fixture.path("elsewhere")).unwrap();
    assert!(restricted(&mut loader).is_none(), "a directory that is away resumes nobody");
}

#[test]
fn a_suspension_does_not_wait_for_a_server_certificate_that_has_expired() {
    let fixture = Fixture::new();
    let validity = Validity::from_now(Duration::ZERO, Duration::seconds(2));
    fixture.write_server(&fixture.servers.server_valid(&[HOST, &format!("*.{HOST}")], validity).unwrap());
    let mut loader = loaded(&fixture);
    std::thread::sleep(std::time::Duration::from_millis(3_100));
    suspend(&fixture);
    assert!(is_suspended(&restricted(&mut loader).unwrap()));
}

fn write_list(fixture: &Fixture, name: &str, number: u64) {
    let validity = Validity::from_now(Duration::hours(-1), Duration::hours(1));
    fixture.write(name, &fixture.clients.revocation_list(number, &[&[7]], validity).unwrap());
}

#[test]
fn hostile_o4_an_older_list_is_refused_and_named_and_the_last_stays() {
    let fixture = Fixture::new();
    fixture.configure("client_ca: clients-ca.pem", "client_ca: clients-ca.pem, client_crl: [clients.crl]");
    write_list(&fixture, "clients.crl", 300);
    let mut loader = loaded(&fixture);
    write_list(&fixture, "clients.crl", 299);
    let told = loader.reload().err().unwrap().to_string();
    assert!(told.contains("`CN=Clients` in `") && told.contains("is older (number 0x012b"), "{told}");
    assert!(told.contains("than the one in force (number 0x012c"), "{told}");
    assert!(loader.restrict().is_none());
    // A file of another name is not a way around it.
    fixture.configure("client_crl: [clients.crl]", "client_crl: [other.crl]");
    write_list(&fixture, "other.crl", 299);
    assert!(loader.reload().is_err());
    write_list(&fixture, "other.crl", 301);
    assert!(loader.reload().is_ok());
}

#[test]
fn hostile_o4_a_new_list_does_not_wait_for_another_file_and_a_bad_one_holds_up_no_suspension() {
    let fixture = Fixture::new();
    fixture.configure("client_ca: clients-ca.pem", "client_ca: clients-ca.pem, client_crl: [clients.crl]");
    write_list(&fixture, "clients.crl", 1);
    let before = fixture.snapshot();
    let mut loader = loaded(&fixture);
    fixture.write("acl/tiers.yaml", "tiers: 7\n");
    write_list(&fixture, "clients.crl", 2);
    let snapshot = restricted(&mut loader).unwrap();
    assert!(!snapshot.trusts_as(&before, "public"));
    assert!(restricted(&mut loader).is_none());
    fixture.write("clients.crl", "-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n");
    suspend(&fixture);
    let after = restricted(&mut loader).unwrap();
    assert!(is_suspended(&after) && after.trusts_as(&snapshot, "public"), "the last good list is in force");
}

/// A fixture whose list should be replaced in five seconds, and is void a second after that.
fn with_short_list() -> Fixture {
    let fixture = Fixture::new();
    fixture.configure("client_ca: clients-ca.pem", "client_ca: clients-ca.pem, client_crl: [clients.crl]");
    fixture.configure("policy: acl", "policy: acl\ncrl: {max_stale: 1s}");
    let validity = Validity::from_now(Duration::hours(-1), Duration::seconds(5));
    fixture.write("clients.crl", &fixture.clients.revocation_list(1, &[], validity).unwrap());
    fixture
}

#[test]
fn hostile_t4_time_alone_makes_a_list_stale_and_then_void() {
    let fixture = with_short_list();
    let machine = Machine { cores: std::num::NonZeroUsize::MIN, descriptors: 1 << 20 };
    let sources = Sources::read(&fixture.path("weir.yaml"), machine, &mut TextFiles::default(), None).unwrap();
    let now = UnixTime::now();
    let at = |seconds: i64| {
        let lists = UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(seconds).unwrap()));
        Snapshot::compile(&sources, &mut Compiler::default(), 1, Times { certificates: now, lists }).unwrap()
    };
    let next_update = at(0).expiries.iter().find(|expiry| expiry.kind == "crl").unwrap().at;
    let due = |snapshot: &Snapshot, at| snapshot.due(UnixTime::since_unix_epoch(std::time::Duration::from_secs(at)));
    let [fresh, stale, void] = [next_update, next_update + 1, next_update + 2].map(at);
    assert_eq!(due(&fresh, u64::try_from(next_update).unwrap()), Some(next_update + 1));
    // With a second of patience, both come in one.
    let told = |snapshot: &Snapshot| snapshot.warnings.first().map(ToString::to_string).unwrap_or_default();
    assert_eq!(told(&fresh), "");
    assert!(told(&stale).ends_with("its clients are refused; fetch the CA's newest list"), "{}", told(&stale));
    assert!(!void.trusts_as(&fresh, "public") && void.trusts_as(&stale, "public"));
    assert_eq!(due(&void, u64::try_from(next_update + 2).unwrap()), None);
}

#[test]
fn hostile_t4_a_list_that_is_void_is_noticed_whatever_else_is_wrong() {
    let fixture = with_short_list();
    let mut loader = Loader::new(&fixture.path("weir.yaml"));
    let fresh = loader.load().unwrap_or_else(|errors| panic!("{errors}"));
    fixture.write("acl/tiers.yaml", "tiers: 7\n");
    let mut looks = std::iter::repeat_with(|| {
        std::thread::sleep(std::time::Duration::from_millis(500));
        restricted(&mut loader)
    });
    let void = looks.by_ref().take(40).flatten().find(|snapshot| !snapshot.trusts_as(&fresh, "public"));
    assert!(void.is_some(), "nobody is known not to be revoked");
}
