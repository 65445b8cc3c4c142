//! Principals as operators see them: who is there, for how long, and at what cost for a scrape.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use weir_kafka::outcome::Refusals;
use weir_kafka::software::ClientSoftware;
use weir_policy::{Account, Limits, Meter, Policy, PolicyFiles, PolicyOptions, Reason, SourceFile, Taken};

use super::*;
use crate::accounts::Accounts;
use crate::admin::Readiness;
use crate::observe::Metrics;

fn policy(names: &[String]) -> Arc<Policy> {
    let file = |path: &str, text: String| SourceFile { path: path.to_owned(), text: text.into() };
    let principal = |name: &String| {
        let text = format!(
            "principal: {name}\nnamespace: {name}\ncertificate: [{{cn: {name}}}]\ntier: tool\ncontact: c@d.example\n\
             review_by: 2027-05-03\nread: []\n"
        );
        file(&format!("principals/{name}.yaml"), text)
    };
    let files = PolicyFiles {
        catalogue: file("catalogue.yaml", "streams: []".to_owned()),
        never: file("never.yaml", "never: []".to_owned()),
        tiers: file("tiers.yaml", "tiers: [{tier: tool, connections: 20}]".to_owned()),
        principals: names.iter().map(principal).collect(),
        suspended: Vec::new(),
    };
    Arc::new(Policy::compile(&files, &PolicyOptions::default()).unwrap_or_else(|errors| panic!("{errors}")))
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn peer(policy: &Policy, name: &str, issued: i64, valid_for: u64) -> Peer {
    let expires = SystemTime::now() + Duration::from_secs(valid_for);
    Peer { principal: policy.principal(name).unwrap(), issued, expires }
}

fn refused(reasons: &[(Reason, usize)]) -> Refusals {
    let mut refusals = Refusals::default();
    reasons.iter().for_each(|(reason, items)| refusals.add(*reason, *items));
    refusals
}

#[test]
fn what_connections_did_is_there_while_they_live_and_after() {
    let policy = policy(&names(&["tool", "idle"]));
    let (principals, account) = (Principals::default(), Arc::new(Account::default()));
    principals.follow(&policy);
    let now = Instant::now();
    let mut first = principals.connect(&peer(&policy, "tool", 100, 1_000), &account);
    let second = principals.connect(&peer(&policy, "tool", 200, 500), &account);
    let third = principals.connect(&peer(&policy, "tool", 50, 9_000), &account);
    first.sent(7);
    second.sent(5);
    third.request(&refused(&[(Reason::TopicNotGranted, 3), (Reason::QuotaGroups, 2)]), now);
    first.muted(true, now);
    first.muted(true, now + Duration::from_millis(1_500));
    first.muted(false, now + Duration::from_millis(2_000));
    first.muted(false, now + Duration::from_secs(100));
    first.says(ClientSoftware::new("librdkafka", "2.3.0").unwrap());
    assert_eq!(account.take(Meter::CommitPartitions, 26, &Limits::default(), now), Taken::Fine);
    let mut open = vec![first, second, third];
    for connections in [3, 2, 1, 0] {
        let all = principals.look();
        assert_eq!(all.len(), 1, "who was not here has no series");
        let one = &all[0];
        assert_eq!((&*one.name, one.connections, one.committed), ("tool", connections, 26));
        assert_eq!((one.totals.bytes_out, one.totals.requests), (12, 1));
        assert_eq!((one.totals.refused, one.totals.throttled_micros), ([3, 0, 2, 0], 2_000_000));
        assert!(one.totals.last_request > 1_700_000_000);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let left = one.certificate_expires.unwrap() - i64::try_from(now).unwrap();
        assert!(
            (498..=502).contains(&left),
            "the certificate that was issued last, not the one that lasts longest: {left}"
        );
        assert_eq!(one.software[0].software.name, "librdkafka");
        drop(open.pop());
    }
}

#[test]
fn hostile_q20_who_is_not_in_the_policy_in_force_has_no_series() {
    let both = policy(&names(&["goes", "stays"]));
    let (principals, account) = (Arc::new(Principals::default()), Arc::new(Account::default()));
    let metrics = Metrics::new(
        Vec::new(),
        Arc::default(),
        &Accounts::seen_by(Arc::clone(&principals)),
        Readiness::default(),
        Vec::new(),
    );
    let series = |principal: &str| metrics.encode().unwrap().matches(&format!("principal=\"{principal}\"")).count();
    let unknown = principals.connect(&peer(&both, "goes", 0, 9), &account);
    assert_eq!(principals.look().len(), 0, "nobody is in a policy that is not there");
    principals.follow(&both);
    let goes = principals.connect(&peer(&both, "goes", 0, 9), &account);
    let stays = principals.connect(&peer(&both, "stays", 0, 9), &account);
    assert_eq!((series("goes"), series("stays")), (10, 10));
    goes.request(&refused(&[(Reason::TopicNotGranted, 1)]), Instant::now());
    assert_eq!(series("goes"), 11, "and one for each class of refusals");
    principals.follow(&policy(&names(&["stays"])));
    assert_eq!((series("goes"), series("stays")), (0, 10));
    let late = principals.connect(&peer(&both, "goes", 0, 9), &account);
    late.sent(1);
    drop((unknown, goes, stays, late));
    assert_eq!((series("goes"), series("stays")), (0, 10), "its last connections bring nothing back");
}

/// A scrape of ten thousand principals that are all here. Built without optimisation it may take longer.
#[test]
fn ten_thousand_principals_are_scraped_in_time() {
    let names: Vec<String> = (0..10_000).map(|index| format!("principal-{index}")).collect();
    let policy = policy(&names);
    let principals = Arc::new(Principals::default());
    principals.follow(&policy);
    let account = Arc::new(Account::default());
    let metrics = Metrics::new(
        Vec::new(),
        Arc::default(),
        &Accounts::seen_by(Arc::clone(&principals)),
        Readiness::default(),
        Vec::new(),
    );
    let _open: Vec<_> = names.iter().map(|name| principals.connect(&peer(&policy, name, 0, 9), &account)).collect();
    let time = |scrape: &dyn Fn() -> usize| {
        let took = (0..5).map(|_| {
            let began = Instant::now();
            let length = scrape();
            (began.elapsed(), length)
        });
        took.min().unwrap()
    };
    let scraped = time(&|| metrics.encode().unwrap().len());
    let topped = time(&|| serde_json::to_vec(&metrics.top()).unwrap().len());
    println!("/metrics: {scraped:?}, /top: {topped:?} (time, bytes)");
    let bar = if cfg!(debug_assertions) { Duration::from_secs(2) } else { Duration::from_millis(100) };
    assert!(scraped.0 < bar && topped.0 < bar, "{scraped:?} {topped:?}");
}
