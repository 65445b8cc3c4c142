//! One compiler for one policy after another: what comes out is what a new compiler would give.

use proptest::prelude::*;
use weir_policy::{
    Compacted, Compiler, ConfigErrors, Operation, PeerFacts, Policy, PolicyFiles, PolicyOptions, Resource,
};

use crate::small;

const TOPICS: [&str; 3] = ["a.x", "a.y", "b"];
const NAMES: [&str; 4] = ["p0", "p1", "p2", "p3"];

/// A principal as an operator may write it, mistakes among them: a foreign namespace or certificate, an unknown topic.
#[derive(Clone, Debug)]
struct Written {
    namespace: usize,
    certificate: usize,
    read: Vec<usize>,
}

fn written() -> impl Strategy<Value = Option<Written>> {
    let own = (0..12_usize, 0..12_usize, prop::collection::vec(0..5_usize, 0..3));
    prop::option::of(own.prop_map(|(namespace, certificate, read)| Written { namespace, certificate, read }))
}

/// The state of all files: which topics the catalogue has, and the file of each principal that has one.
fn state() -> impl Strategy<Value = (usize, Vec<Option<Written>>)> {
    (1..4_usize, prop::collection::vec(written(), NAMES.len()))
}

fn files(catalogue: usize, principals: &[Option<Written>]) -> PolicyFiles {
    let grants = ["{topic: a.x}", "{prefix: a.}", "{topic: b}", "{topic: unknown}", "{topic: 7"];
    let file = |(index, written): (usize, &Option<Written>)| {
        let Written { namespace, certificate, read } = written.as_ref()?;
        // Mostly its own, sometimes the next one's.
        let shared = |drawn: usize| if drawn == 0 { (index + 1) % NAMES.len() } else { index };
        let read: Vec<_> = read.iter().map(|grant| grants[*grant].to_owned()).collect();
        let certificate = format!("{{cn: c{}}}", shared(*certificate));
        Some(small::principal(NAMES[index], &format!("n{}", shared(*namespace)), &certificate, &read))
    };
    let principals = principals.iter().enumerate().filter_map(file).collect();
    small::files(small::catalogue(TOPICS[..catalogue].iter().copied(), []), "never: []\n", principals)
}

/// All that a policy says of these principals and topics.
fn said(policy: &Result<Policy, ConfigErrors>) -> Result<Vec<String>, ConfigErrors> {
    let policy = policy.as_ref().map_err(Clone::clone)?;
    let mut said = Vec::new();
    for (index, name) in NAMES.iter().enumerate() {
        let subject = weir_policy::DistinguishedName::parse(&format!("CN=c{index}")).ok();
        let known = policy.identify(&PeerFacts { subject, ..PeerFacts::default() });
        said.push(format!("{index} is {:?}", known.map(|principal| principal.name.clone())));
        let Some(principal) = policy.principal(name) else { continue };
        for topic in TOPICS {
            let verdict = policy.judge(&principal, Operation::Read, Resource::Topic(topic), Compacted::none());
            said.push(format!("{name} {} {topic}: {verdict:?}", principal.namespace));
        }
    }
    Ok(said)
}

proptest! {
    #![proptest_config(small::cases(200))]

    #[test]
    fn what_was_compiled_before_changes_nothing(states in prop::collection::vec(state(), 1..6)) {
        let mut compiler = Compiler::default();
        for (catalogue, principals) in states {
            let files = files(catalogue, &principals);
            let options = PolicyOptions::default();
            let again = compiler.compile(&files, &options);
            prop_assert_eq!(said(&again), said(&Policy::compile(&files, &options)));
        }
    }
}

#[test]
fn who_did_not_change_is_not_read_again() {
    let mut principals = vec![
        small::principal("p0", "n0", "{cn: c0}", &["{topic: b}".to_owned()]),
        small::principal("p1", "n1", "{cn: c1}", &["{topic: b}".to_owned()]),
    ];
    let with = |principals: &[_]| small::files(small::catalogue(["b", "c"], []), "never: []\n", principals.to_vec());
    let (mut compiler, options) = (Compiler::default(), PolicyOptions::default());
    let before = compiler.compile(&with(&principals), &options).unwrap();
    principals[1] = small::principal("p1", "n1", "{cn: c1}", &["{topic: c}".to_owned()]);
    let after = compiler.compile(&with(&principals), &options).unwrap();
    let same = |name: &str| {
        let (before, after) = (before.principal(name).unwrap(), after.principal(name).unwrap());
        std::sync::Arc::ptr_eq(&before, &after)
    };
    assert!(same("p0") && !same("p1"));
    assert!(after.identifies_as(&before), "no certificate changed");
    principals[1] = small::principal("p1", "n1", "{cn: c2}", &["{topic: c}".to_owned()]);
    let moved = compiler.compile(&with(&principals), &options).unwrap();
    assert!(!moved.identifies_as(&after));
}

/// Small changes after a sound policy are the ones of which only the change is looked at.
#[test]
fn one_change_after_a_sound_policy_says_what_all_files_say() {
    let principal = |name: &str, namespace: &str, topic: &str| {
        small::principal(name, namespace, &format!("{{cn: c{}}}", &name[1..]), &[format!("{{topic: {topic}}}")])
    };
    let sound = [principal("p0", "n0", "b"), principal("p1", "n1", "b"), principal("p2", "n2", "b")];
    let changes: [(&str, Vec<_>); 7] = [
        ("another grant", vec![principal("p0", "n0", "b"), principal("p1", "n1", "a.x"), principal("p2", "n2", "b")]),
        ("a wrong grant", vec![principal("p0", "n0", "b"), principal("p1", "n1", "7"), principal("p2", "n2", "b")]),
        (
            "another's namespace",
            vec![principal("p0", "n0", "b"), principal("p1", "n0", "b"), principal("p2", "n2", "b")],
        ),
        ("another's name", vec![principal("p0", "n0", "b"), principal("p0", "n1", "b"), principal("p2", "n2", "b")]),
        ("one gone", vec![principal("p0", "n0", "b"), principal("p2", "n2", "b")]),
        ("one new", [sound.to_vec(), vec![principal("p3", "n3", "b")]].concat()),
        ("another order", vec![principal("p2", "n2", "b"), principal("p0", "n0", "b"), principal("p1", "n1", "b")]),
    ];
    let with = |principals: &[_]| small::files(small::catalogue(TOPICS, []), "never: []\n", principals.to_vec());
    let options = PolicyOptions::default();
    let mut compiler = Compiler::default();
    for (change, principals) in changes {
        for files in [with(&sound), with(&principals), with(&sound)] {
            let again = compiler.compile(&files, &options);
            assert_eq!(said(&again), said(&Policy::compile(&files, &options)), "{change}");
        }
    }
}
