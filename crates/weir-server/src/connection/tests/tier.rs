//! A principal that goes from one tier to another, where the brokers know tiers by their certificates.

use super::*;
use crate::snapshot::Loader;

/// A fixture in which the tier `own` has a certificate for the brokers, and `tool` and `other` have Weir's.
fn tiers() -> Fixture {
    let fixture = fixture();
    let tiers = ["tool", "other", "own"].map(|tier| format!("{{tier: {tier}, connections: 20}}")).join(", ");
    fixture.write("acl/tiers.yaml", &format!("tiers: [{tiers}]\n"));
    fixture.client("weir").write(&fixture.path(""), "own").unwrap();
    let tls = "tls: {ca: servers-ca.pem, identities: {own: {certificate: own.pem, key: own.key}}}";
    fixture.configure("bootstrap: ['127.0.0.1:1']", &format!("bootstrap: ['127.0.0.1:1'], {tls}"));
    fixture
}

/// What becomes of a connection when its principal goes from tier to tier.
async fn moved(from: &str, to: &str, dialled_before: bool) -> Result<bool, CloseReason> {
    let fixture = tiers();
    let place = |tier: &str| {
        let file = "acl/principals/tool.yaml";
        let text = std::fs::read_to_string(fixture.path(file)).unwrap();
        let line = text.lines().find(|line| line.starts_with("tier: ")).unwrap().to_owned();
        fixture.write(file, &text.replace(&line, &format!("tier: {tier}")));
    };
    place(from);
    let mut loader = Loader::new(&fixture.path("weir.yaml"));
    let (mut connection, _client) = connected_by(loader.load().unwrap(), Duration::from_secs(60)).await;
    let mut broker = None;
    if dialled_before {
        let own = Cleared::own(&OwnRequest::ApiVersions { version: 0 }, 0, "weir").unwrap();
        let (link, end) = dialled().await;
        (connection.broker, broker) = (Broker::open(link.into(), own), Some(end));
    }
    place(to);
    let listener = &connection.listener;
    let upstreams = [("main".to_owned(), Arc::clone(&listener.upstream))].into();
    let snapshot = Arc::new(loader.reload().unwrap().snapshot.unwrap());
    let next = Generation::new(snapshot, &upstreams, &listener.principals, &Arc::new(Accounts::default()));
    connection.worker.put_in_force(Arc::new(next));
    let advanced = connection.advance();
    drop(broker);
    if advanced.is_ok() {
        assert_eq!(connection.principal.tier.name, to);
    }
    advanced
}

#[tokio::test]
async fn what_was_opened_with_the_certificate_of_one_tier_carries_nothing_for_another() {
    assert_eq!(moved("own", "tool", true).await, Err(CloseReason::TierChanged));
    assert_eq!(moved("tool", "own", true).await, Err(CloseReason::TierChanged));
    // The next broker's connection is opened for the new tier.
    assert_eq!(moved("own", "tool", false).await, Ok(false));
    assert_eq!(moved("tool", "other", true).await, Ok(false), "both have Weir's");
}

#[tokio::test]
async fn a_dial_that_is_under_way_is_one_for_the_tier_of_its_time() {
    let fixture = tiers();
    let (mut connection, _client) = connected_by(fixture.snapshot(), Duration::from_secs(60)).await;
    connection.take_frame(&join(Duration::from_secs(60)), Instant::now()).unwrap();
    assert!(matches!(connection.broker, Broker::Dialling(_)));
    let principal = fixture.snapshot().policy.principal("tool").unwrap();
    assert!(connection.may_speak_on_for(&principal));
    fixture.write("acl/principals/tool.yaml", &{
        let text = std::fs::read_to_string(fixture.path("acl/principals/tool.yaml")).unwrap();
        text.replace("tier: tool", "tier: own")
    });
    let moved = fixture.snapshot().policy.principal("tool").unwrap();
    assert!(!connection.may_speak_on_for(&moved));
}
