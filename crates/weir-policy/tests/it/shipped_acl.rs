//! The shipped example policy compiles, and means what its comments say.

use std::fs;
use std::path::{Path, PathBuf};

use weir_policy::{
    Compacted, DistinguishedName, Operation, PeerFacts, PiiVerdict, Policy, PolicyFiles, PolicyOptions, Reason,
    Resource, SourceFile,
};

fn acl() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../acl")
}

fn source(path: &Path) -> SourceFile {
    SourceFile { path: path.display().to_string(), text: fs::read_to_string(path).expect("the shipped file").into() }
}

fn principal_paths() -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        fs::read_dir(acl().join("principals")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn shipped() -> Policy {
    let files = PolicyFiles {
        catalogue: source(&acl().join("catalogue.yaml")),
        never: source(&acl().join("never.yaml")),
        tiers: source(&acl().join("tiers.yaml")),
        principals: principal_paths().iter().map(|path| source(path)).collect(),
        suspended: Vec::new(),
    };
    Policy::compile(&files, &PolicyOptions::default()).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn every_file_says_at_its_head_that_it_is_an_example() {
    let paths = ["catalogue.yaml", "never.yaml", "tiers.yaml"].map(|name| acl().join(name));
    for path in paths.into_iter().chain(principal_paths()) {
        assert!(source(&path).text.starts_with("# An example, and no review:"), "{}", path.display());
    }
}

#[test]
fn thirteen_streams_of_two_data_centres() {
    let policy = shipped();
    let topics: Vec<_> = policy.catalogue_literals().collect();
    assert_eq!(topics.len(), 26);
    assert!(!policy.has_patterns());
    for topic in topics {
        let entry = policy.catalogue_entry(topic).unwrap();
        assert!(topic == format!("eqiad.{}", entry.stream) || topic == format!("codfw.{}", entry.stream));
        assert_eq!(entry.pii.by, "example");
    }
    let recentchange = policy.catalogue_entry("eqiad.mediawiki.recentchange").unwrap();
    assert_eq!(recentchange.pii.verdict, PiiVerdict::Reviewed);
}

#[test]
fn three_principals_of_two_tiers() {
    let policy = shipped();
    let mut tiers: Vec<_> =
        policy.principals().map(|principal| (principal.tier.name.clone(), principal.limits.connections)).collect();
    tiers.sort();
    assert_eq!(tiers, [("enterprise".to_owned(), 400), ("tool".to_owned(), 20), ("tool".to_owned(), 20)]);
    let networks = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"];
    let networks = networks.map(|net| net.parse::<ipnet::IpNet>().unwrap());
    for principal in policy.principals() {
        for net in &principal.cidrs {
            assert!(networks.iter().any(|documentation| documentation.contains(net)), "{net}");
        }
    }
}

#[test]
fn each_certificate_of_the_development_ca_finds_its_principal() {
    let policy = shipped();
    let named = |peer: &PeerFacts| policy.identify(peer).map(|principal| principal.name.clone());
    let uri =
        PeerFacts { san_uris: vec!["spiffe://weir.example/wikimedia-enterprise".to_owned()], ..PeerFacts::default() };
    let cn = PeerFacts {
        subject: Some(DistinguishedName::parse("CN=toolforge-recent-tools").unwrap()),
        ..PeerFacts::default()
    };
    let dns = PeerFacts { san_dns: vec!["page-watch.cloudvps.example".to_owned()], ..PeerFacts::default() };
    assert_eq!(named(&uri), Ok("wikimedia-enterprise".to_owned()));
    assert_eq!(named(&cn), Ok("toolforge-recent-tools".to_owned()));
    assert_eq!(named(&dns), Ok("cloudvps-page-watch".to_owned()));
    assert_eq!(named(&PeerFacts::default()), Err(Reason::PrincipalUnknown));
}

#[test]
fn each_principal_reads_its_streams_and_nothing_else() {
    let policy = shipped();
    let readable = |name: &str| {
        let principal = policy.principal(name).unwrap();
        let mut topics: Vec<_> = policy.readable(&principal, policy.catalogue_literals()).map(str::to_owned).collect();
        topics.sort();
        topics
    };
    assert_eq!(readable("wikimedia-enterprise").len(), 26);
    assert_eq!(
        readable("toolforge-recent-tools"),
        [
            "codfw.eventgate-main.test.event",
            "codfw.mediawiki.recentchange",
            "eqiad.eventgate-main.test.event",
            "eqiad.mediawiki.recentchange"
        ]
    );
    assert_eq!(readable("cloudvps-page-watch").len(), 12);
}

#[test]
fn what_must_never_leave_does_not() {
    let policy = shipped();
    let principal = policy.principal("wikimedia-enterprise").unwrap();
    for topic in [
        "eqiad.mediawiki.page-suppress",
        "codfw.mediawiki.page-suppress",
        "webrequest_text",
        "eqiad.mediawiki.job.refreshLinks",
        "__consumer_offsets",
        "mm2-offsets.main-eqiad.internal",
        "eqiad.mediawiki.something.private.v1",
        "eqiad.eventgate-main.error.validation",
        "eventlogging_NavigationTiming",
    ] {
        assert!(!policy.catalogue_allows(topic), "{topic}");
        let verdict = policy.judge(&principal, Operation::Describe, Resource::Topic(topic), Compacted::none());
        assert_eq!(verdict, Err(Reason::TopicNever), "{topic}");
    }
}
