//! The process stops, and connections end one after another: until its end each follows the policy.

use super::*;
use crate::snapshot::Loader;

/// Has a snapshot in force for a connection.
fn put_in_force(connection: &Connection, snapshot: Snapshot) {
    let listener = &connection.listener;
    let upstreams = [("main".to_owned(), Arc::clone(&listener.upstream))].into();
    let next = Generation::new(Arc::new(snapshot), &upstreams, &listener.principals, &Arc::new(Accounts::default()));
    connection.worker.put_in_force(Arc::new(next));
}

#[tokio::test]
async fn who_loses_everything_during_a_spread_does_not_read_on_until_its_end() {
    let fixture = fixture();
    let mut loader = Loader::new(&fixture.path("weir.yaml"));
    let (mut connection, _client) = connected_by(loader.load().unwrap(), Duration::from_secs(600)).await;
    connection.worker.stop(Stopping::Spread { by: Instant::now() + Duration::from_secs(600) });
    // Its end is at random between now and then: not now, but for one time in many thousands.
    assert_eq!(connection.advance(), Ok(false));
    assert_eq!(connection.stopping, connection.worker.stopping());
    fixture.write("acl/tiers.yaml", "tiers: [{tier: tool, connections: 21}]\n");
    put_in_force(&connection, loader.reload().unwrap().snapshot.unwrap());
    assert_eq!(connection.advance(), Ok(false), "it lost nothing");
    let file = "acl/principals/tool.yaml";
    let text = std::fs::read_to_string(fixture.path(file)).unwrap();
    fixture.write(file, &text.replace("read:\n  - topic: public.granted", "read: []"));
    put_in_force(&connection, loader.reload().unwrap().snapshot.unwrap());
    assert_eq!(connection.advance(), Err(CloseReason::RevokedLive));
}
