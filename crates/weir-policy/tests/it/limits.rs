//! Limits as files write them: a tier's in the place of the defaults, a principal's own in the place of its tier's.

use std::sync::Arc;
use std::time::Duration;

use weir_policy::{Limits, Mode, Offsets, Policy, PolicyOptions, Rate, SourceFile};

use crate::small;

fn with(tiers: &str, own: &str) -> Policy {
    let with_own = |name: &str, own: &str| {
        let file = small::principal(name, name, &format!("{{cn: {name}}}"), &["{topic: a}".to_owned()]);
        SourceFile { text: format!("{}{own}", file.text).into(), ..file }
    };
    let principals = vec![with_own("plain", ""), with_own("other", ""), with_own("special", own)];
    let mut files = small::files(small::catalogue(["a"], []), "never: []\n", principals);
    files.tiers.text = tiers.into();
    small::policy(&files)
}

#[test]
fn trap_q9_several_replicas_divide_rates_and_not_counts() {
    let own = "limits: {requests: {per_second: 9, burst: 30}}\n";
    let text = small::principal("own", "own", "{cn: own}", &[]).text;
    let principals = vec![
        small::principal("plain", "plain", "{cn: plain}", &[]),
        small::file("principals/own.yaml", format!("{text}{own}")),
    ];
    let mut files = small::files(small::catalogue(["a"], []), "never: []\n", principals);
    files.tiers.text = "tiers: [{tier: tool, connections: 20, requests: {per_second: 6, burst: 12}}]\n".into();
    let options = PolicyOptions { nodes: 3.try_into().unwrap(), ..PolicyOptions::default() };
    let policy = Policy::compile(&files, &options).unwrap();
    let requests = |name: &str| {
        let requests = policy.principal(name).unwrap().limits.requests;
        (requests.per_minute, requests.burst)
    };
    assert_eq!((requests("plain"), requests("own")), ((120, 4), (180, 10)));
    let plain = policy.principal("plain").unwrap();
    assert_eq!((plain.limits.groups, plain.limits.connections), (Limits::default().groups, 20));
}

#[test]
fn each_value_comes_from_the_nearest_place_that_has_it() {
    let tiers = "tiers:\n  - tier: tool\n    connections: 7\n    offsets: deny\n    groups: {most: 3}\n    \
                 bytes_out: {per_second: 100, burst: 50, mode: observe}\n    session_timeout_max: {seconds: 60}\n";
    let own = "limits:\n  groups: {most: 9, mode: observe}\n  joins: {per_minute: 5}\n";
    let policy = with(tiers, own);
    let [plain, other, special] = ["plain", "other", "special"].map(|name| policy.principal(name).unwrap());
    let rate = Rate { per_minute: 6_000, burst: 50, mode: Mode::Observe };
    assert_eq!((plain.limits.connections, plain.limits.offsets, plain.limits.bytes_out), (7, Offsets::Deny, rate));
    assert_eq!(plain.limits.session_timeout_max, Duration::from_secs(60));
    assert_eq!(plain.limits.requests, Limits::default().requests);
    assert!(Arc::ptr_eq(&plain.limits, &other.limits), "who has nothing of its own holds nothing of its own");
    assert_eq!((special.limits.groups.most, special.limits.groups.mode), (9, Mode::Observe));
    assert_eq!((special.limits.joins.per_minute, special.limits.connections), (5, 7));
}
