//! What an operator has stopped: it wins over every grant, and gives nothing.

use weir_policy::{
    Compacted, Operation, PeerFacts, Policy, Reason, Resource, Serial, SourceFile, Suspended, Suspension,
};

use crate::small;

const READ: Operation = Operation::Read;

fn suspension(what: &str) -> SourceFile {
    small::file("suspended/x.yaml", format!("{what}\nreason: 'a test: with a colon'\nticket: T1\n"))
}

fn policy(suspended: &[&str]) -> Policy {
    let read = ["{topic: a}".to_owned(), "{prefix: auto.}".to_owned()];
    let principals = ["p", "q"].map(|name| small::principal(name, name, &format!("{{san_uri: 'u:{name}'}}"), &read));
    let mut files = small::files(small::catalogue(["a", "b"], ["auto."]), "never: []\n", principals.to_vec());
    files.suspended = suspended.iter().map(|what| suspension(what)).collect();
    small::policy(&files)
}

fn peer(name: &str, serial: &[u8]) -> PeerFacts {
    PeerFacts { san_uris: vec![format!("u:{name}")], serial: Serial::new(serial), ..PeerFacts::default() }
}

fn identified(policy: &Policy, name: &str, serial: &[u8]) -> Result<String, Reason> {
    policy.identify(&peer(name, serial)).map(|principal| principal.name.clone())
}

#[test]
fn a_principal_that_is_suspended_is_nobody_and_others_are_who_they_were() {
    let policy = policy(&["suspend: principal\nname: p"]);
    assert_eq!(identified(&policy, "p", &[1]), Err(Reason::PrincipalSuspended));
    assert_eq!(identified(&policy, "q", &[1]), Ok("q".to_owned()));
    assert_eq!((policy.suspends("p"), policy.suspends("q")), (Some(Reason::PrincipalSuspended), None));
}

#[test]
fn a_certificate_is_suspended_by_its_serial_however_that_is_written() {
    for written in ["00:0a:FF", "aff", "0AFF", "'000AFF'"] {
        let policy = policy(&[&format!("suspend: serial\nname: {written}")]);
        assert_eq!(identified(&policy, "p", &[0, 0x0a, 0xff]), Err(Reason::CertificateSuspended), "{written}");
        assert_eq!(identified(&policy, "p", &[0xff, 0x0a]), Ok("p".to_owned()));
        assert_eq!(policy.suspensions()[0].what.to_string(), "serial 0aff");
        // Open connections are looked at again where this changes.
        assert!(!policy.identifies_as(&self::policy(&[])));
    }
}

#[test]
fn everybody_is_suspended_at_once() {
    let policy = policy(&["suspend: all"]);
    for name in ["p", "q"] {
        assert_eq!(identified(&policy, name, &[1]), Err(Reason::AllSuspended));
        assert_eq!(policy.suspends(name), Some(Reason::AllSuspended));
    }
    assert_eq!(identified(&policy, "stranger", &[1]), Err(Reason::PrincipalUnknown));
}

#[test]
fn a_topic_that_is_suspended_is_as_if_the_catalogue_did_not_have_it() {
    let policy = policy(&["suspend: topic\nname: a", "suspend: topic\nname: auto.x"]);
    let p = policy.principal("p").unwrap();
    for (topic, expected) in [
        ("a", Err(Reason::TopicSuspended)),
        ("auto.x", Err(Reason::TopicSuspended)),
        ("auto.xy", Ok(())),
        ("b", Err(Reason::TopicNotGranted)),
        ("c", Err(Reason::TopicNotInCatalogue)),
    ] {
        assert_eq!(policy.judge(&p, READ, Resource::Topic(topic), Compacted::none()), expected, "{topic}");
    }
    let readable: Vec<_> = policy.readable(&p, ["a", "auto.x", "auto.xy"].into_iter()).collect();
    assert_eq!(readable, ["auto.xy"]);
}

#[test]
fn an_api_is_suspended_by_kafkas_name() {
    let policy = policy(&["suspend: api\nname: ListOffsets"]);
    assert!(policy.suspends_api("ListOffsets") && !policy.suspends_api("Fetch"));
}

#[test]
fn what_is_not_there_may_be_suspended_and_is_told() {
    let policy =
        policy(&["suspend: principal\nname: nobody", "suspend: topic\nname: nothing", "suspend: topic\nname: a"]);
    let told: Vec<_> = policy.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "suspended/x.yaml:2:7: `principal nobody` is suspended, but there is no principal of this name; look at the \
             name, or take the file away",
            "suspended/x.yaml:2:7: `topic nothing` is suspended, but the catalogue has no topic of this name; look at \
             the name, or take the file away",
        ]
    );
}

#[test]
fn every_kind_reads_as_it_is_written() {
    for (kind, name) in [
        ("principal", Some("p")),
        ("serial", Some("0aff")),
        ("topic", Some("a.b")),
        ("api", Some("Fetch")),
        ("all", None),
    ] {
        let what = Suspended::new(kind, name).unwrap();
        assert_eq!((what.kind(), what.name().as_deref()), (kind, name));
        let name = name.map_or_else(String::new, |name| format!("\nname: '{name}'"));
        let read = Suspension::read(&suspension(&format!("suspend: {kind}{name}"))).unwrap();
        assert_eq!((read.what, &*read.reason, &*read.ticket), (what, "a test: with a colon", "T1"));
    }
}
