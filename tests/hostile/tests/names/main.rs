//! From the name in a certificate to a principal: never two names to one, and as the JDK, and so Kafka, writes it.
//!
//! Hostile P25, property Z6. The certificates are whole but for their signatures, which nobody looks at here.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod der;
mod jdk;
mod made;

use std::collections::{BTreeSet, HashMap};

use proptest::prelude::*;
use weir_policy::{DistinguishedName, PeerFacts, Policy, PolicyFiles, PolicyOptions, Reason, SourceFile};
use weir_server::tls::certificate_facts;

use made::{Kind, Name, any_name, names};

/// What Weir knows of a certificate with this subject, by the way of a client's.
fn facts(subject: &[u8]) -> PeerFacts {
    certificate_facts(&der::certificate(subject).into()).expect("a certificate").peer
}

fn subject(name: &Name) -> Option<DistinguishedName> {
    facts(&name.der()).subject
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(4_000))]

    #[test]
    fn hostile_p25_two_names_are_one_only_if_they_say_the_same(a in any_name(), b in any_name()) {
        prop_assert_eq!(subject(&a) == subject(&b), a.said() == b.said());
    }

    /// What a name says does not depend on which of the three string types says it.
    #[test]
    fn hostile_p25_a_name_is_what_it_says_and_reads_back_from_its_text(name in any_name()) {
        let found = subject(&name).unwrap();
        prop_assert_eq!(DistinguishedName::parse(&found.to_string()), Ok(found.clone()));
        let read: Vec<BTreeSet<(String, String)>> =
            found.rdns().map(|rdn| rdn.map(|(oid, text)| (oid.to_owned(), text.to_owned())).collect()).collect();
        prop_assert_eq!(read, name.said());
    }

    /// One attribute of another type, or with a NUL, and nothing that looks at the subject matches.
    #[test]
    fn hostile_p25_one_part_without_a_safe_reading_and_the_name_is_nobodys(name in any_name(), at in any::<prop::sample::Index>(), how in 0..der::UNSAFE.len()) {
        let (tag, bytes) = der::UNSAFE[how];
        let spoiled = facts(&name.der_with(at.index(name.attributes()), tag, bytes));
        prop_assert_eq!(&spoiled.subject, &None);
        prop_assert_eq!(everybody().holder(&spoiled).err(), Some(Reason::PrincipalUnknown));
    }
}

/// A policy that knows common names, and would find somebody by most of those that are made here.
fn everybody() -> &'static Policy {
    static POLICY: std::sync::OnceLock<Policy> = std::sync::OnceLock::new();
    POLICY.get_or_init(|| policy((0..26_u8).map(|letter| format!("cn: {}", char::from(b'a' + letter)))))
}

#[test]
fn hostile_p25_one_name_said_twice_in_a_part_is_nobodys() {
    let twice = |first: Kind, second: Kind| {
        let attribute = |kind| (made::CN.to_owned(), kind, "a".to_owned());
        subject(&Name(vec![vec![attribute(first), attribute(second)]]))
    };
    assert_eq!(twice(Kind::Utf8, Kind::Printable), None, "as a set it would be CN=a");
    assert_eq!(twice(Kind::Ia5, Kind::Utf8), None);
}

/// Each of many principals is known by the whole name of its certificate, and nobody is by another's.
#[test]
fn hostile_p25_every_name_is_its_own_principals_and_no_others() {
    let mut known: HashMap<String, (usize, Name)> = HashMap::new();
    let mut unknown = Vec::new();
    for (number, name) in names("principals", 1_000).into_iter().enumerate() {
        let text = subject(&name).unwrap().to_string();
        // A principal's file cannot hold a value with a blank at its end without another escape.
        if text.trim() != text || known.contains_key(&text) {
            continue;
        }
        if number % 3 == 0 { unknown.push(name) } else { drop(known.insert(text, (known.len(), name))) }
    }
    let mut texts: Vec<(&usize, &String)> = known.iter().map(|(text, (number, _))| (number, text)).collect();
    texts.sort_unstable();
    let policy = policy(texts.iter().map(|(_, text)| format!("dn: {}", serde_json::json!(text))));
    assert!(known.len() > 400 && unknown.len() > 200, "{} and {}", known.len(), unknown.len());
    for (number, name) in known.values() {
        assert_eq!(policy.holder(&facts(&name.der())).unwrap().name, format!("p{number}"));
    }
    for name in unknown.iter().filter(|name| !known.contains_key(&subject(name).unwrap().to_string())) {
        assert_eq!(policy.holder(&facts(&name.der())).err(), Some(Reason::PrincipalUnknown), "{name:?}");
    }
}

/// Principals `p0`, `p1` and so on, each with one certificate.
fn policy(certificates: impl Iterator<Item = String>) -> Policy {
    let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.into() };
    let principal = |(number, certificate): (usize, String)| {
        let text = format!(
            "principal: p{number}\nnamespace: p{number}\ncertificate: [{{{certificate}}}]\ntier: tool\nread: []\n\
             contact: c@d.example\nreview_by: 2099-12-31\n"
        );
        file(&format!("principals/p{number}.yaml"), &text)
    };
    let files = PolicyFiles {
        catalogue: file("catalogue.yaml", "streams: []\n"),
        never: file("never.yaml", "never: []\n"),
        tiers: file("tiers.yaml", "tiers:\n  - tier: tool\n    connections: 20\n"),
        principals: certificates.enumerate().map(principal).collect(),
        suspended: Vec::new(),
    };
    Policy::compile(&files, &PolicyOptions::default()).unwrap_or_else(|errors| panic!("{errors}"))
}
