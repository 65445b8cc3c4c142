//! From certificates to principals.

use weir_policy::{DistinguishedName, IdentityRule, PeerFacts, Policy, PolicyOptions, Reason, SourceFile};

use crate::small;

fn compile(principals: Vec<SourceFile>, identity: &[IdentityRule]) -> Policy {
    let files = small::files(small::catalogue([], []), "never: []\n", principals);
    let options = PolicyOptions { identity: identity.to_vec(), ..PolicyOptions::default() };
    Policy::compile(&files, &options).unwrap_or_else(|errors| panic!("{errors}"))
}

fn one(certificate: &str) -> Policy {
    compile(vec![small::principal("p", "p", certificate, &[])], &IdentityRule::ALL)
}

fn two(a: &str, b: &str, identity: &[IdentityRule]) -> Policy {
    compile(vec![small::principal("a", "a", a, &[]), small::principal("b", "b", b, &[])], identity)
}

fn who(policy: &Policy, peer: &PeerFacts) -> Result<String, Reason> {
    policy.identify(peer).map(|principal| principal.name.clone())
}

fn dn(text: &str) -> Option<DistinguishedName> {
    Some(DistinguishedName::parse(text).unwrap())
}

fn subject(text: &str) -> PeerFacts {
    PeerFacts { subject: dn(text), ..PeerFacts::default() }
}

#[test]
fn each_fact_finds_its_principal() {
    let found = |certificate: &str, peer: PeerFacts| who(&one(certificate), &peer).is_ok();
    let uris = |uri: &str| PeerFacts { san_uris: vec![uri.to_owned()], ..PeerFacts::default() };
    let names = |name: &str| PeerFacts { san_dns: vec![name.to_owned()], ..PeerFacts::default() };
    let emails = |email: &str| PeerFacts { san_emails: vec![email.to_owned()], ..PeerFacts::default() };
    let prints = |byte: u8| PeerFacts { fingerprint_sha256: [byte; 32], ..PeerFacts::default() };
    assert!(found("{san_uri: 'spiffe://x/p'}", uris("spiffe://x/p")));
    assert!(!found("{san_uri: 'spiffe://x/p'}", uris("spiffe://x/P")));
    assert!(found("{san_dns: P.example}", names("p.EXAMPLE")));
    assert!(!found("{san_dns: p.example}", names("*.example")));
    assert!(found("{san_email: a@x.example}", emails("a@x.example")));
    assert!(!found("{san_email: a@x.example}", emails("A@x.example")));
    assert!(found(&format!("{{fingerprint: '{}'}}", "ab:".repeat(31) + "AB"), prints(0xab)));
    assert!(!found(&format!("{{fingerprint: '{}'}}", "ab".repeat(32)), prints(0xac)));
    assert!(found("{cn: p}", subject("CN=p,O=x")));
    assert!(!found("{cn: p}", subject("CN=P,O=x")));
    assert!(found("{dn: 'CN=p, O=x'}", subject("CN=p,O=x")));
    assert!(!found("{dn: 'CN=p,O=x'}", subject("O=x,CN=p")));
}

#[test]
fn hostile_p25_a_name_inside_a_name_is_another_name() {
    let policy = two("{dn: 'CN=alice,O=admin'}", "{dn: 'CN=alice\\,O\\=admin'}", &IdentityRule::ALL);
    assert_eq!(who(&policy, &subject("CN=alice,O=admin")), Ok("a".to_owned()));
    assert_eq!(who(&policy, &subject("CN=alice\\,O\\=admin")), Ok("b".to_owned()));
    let policy = one("{cn: alice}");
    for other in ["CN=alice\\,O\\=admin", "CN=alice,CN=bob", "CN=alice+CN=bob", "CN=alice\\ ", "O=alice", ""] {
        assert_eq!(who(&policy, &subject(other)), Err(Reason::PrincipalUnknown), "{other}");
    }
    assert_eq!(who(&policy, &subject("UID=7+CN=alice")), Ok("p".to_owned()));
}

#[test]
fn hostile_p25_a_name_without_a_safe_reading_matches_nothing() {
    let policy = one("{cn: alice}, {dn: 'CN=alice'}");
    assert_eq!(who(&policy, &PeerFacts::default()), Err(Reason::PrincipalUnknown));
}

#[test]
fn hostile_p25_the_same_name_from_a_second_ca_is_another_certificate() {
    let policy = two("{cn: x, issuer: CN=ca1}", "{cn: x, issuer: CN=ca2}", &IdentityRule::ALL);
    let from = |issuer: Option<DistinguishedName>| PeerFacts { issuer, ..subject("CN=x") };
    assert_eq!(who(&policy, &from(dn("CN=ca1"))), Ok("a".to_owned()));
    assert_eq!(who(&policy, &from(dn("CN=ca2"))), Ok("b".to_owned()));
    assert_eq!(who(&policy, &from(dn("CN=ca3"))), Err(Reason::PrincipalUnknown));
    assert_eq!(who(&policy, &from(None)), Err(Reason::PrincipalUnknown));
}

#[test]
fn the_first_rule_that_finds_one_decides() {
    let peer = PeerFacts { san_uris: vec!["u:b".to_owned()], ..subject("CN=a") };
    let by = |rules: &[IdentityRule]| who(&two("{cn: a}", "{san_uri: 'u:b'}", rules), &peer);
    assert_eq!(by(&[IdentityRule::Cn, IdentityRule::SanUri]), Ok("a".to_owned()));
    assert_eq!(by(&[IdentityRule::SanUri, IdentityRule::Cn]), Ok("b".to_owned()));
}

#[test]
fn what_stands_for_a_principal_is_told_in_the_order_in_which_it_is_tried() {
    let rules = [IdentityRule::Dn, IdentityRule::Cn, IdentityRule::SanUri];
    let policy = two("{cn: b, issuer: CN=ca}, {san_uri: 'u:x'}, {cn: a}, {dn: 'CN=z,O=o'}", "{cn: c}", &rules);
    let told: Vec<_> =
        policy.certificate_rules("a").iter().map(|rule| (rule.fact.to_string(), rule.issuer.cloned())).collect();
    let plain = |fact: &str| (fact.to_owned(), None);
    let expected = [plain("dn CN=z,O=o"), plain("cn a"), ("cn b".to_owned(), dn("CN=ca")), plain("san_uri u:x")];
    assert_eq!(told, expected);
    assert!(policy.certificate_rules("nobody").is_empty());
    assert_eq!(policy.holder(&subject("CN=c")).unwrap().name, "b");
    assert_eq!(policy.holder(&subject("CN=b")).err(), Some(Reason::PrincipalUnknown), "of no CA that may");
}

#[test]
fn a_certificate_of_two_principals_is_nobodys() {
    let policy = two("{san_uri: 'u:a'}, {cn: a}", "{san_uri: 'u:b'}", &IdentityRule::ALL);
    let uris =
        |uris: &[&str]| PeerFacts { san_uris: uris.iter().map(|&uri| uri.to_owned()).collect(), ..subject("CN=a") };
    assert_eq!(who(&policy, &uris(&["u:a", "u:b"])), Err(Reason::PrincipalAmbiguous));
    assert_eq!(who(&policy, &uris(&["u:x", "u:b"])), Ok("b".to_owned()));
    assert_eq!(who(&policy, &uris(&["u:x"])), Ok("a".to_owned()));
}
