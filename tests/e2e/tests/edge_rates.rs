//! Clients that begin too often: strangers, one certificate in a loop, and one that has its broker dialled in a loop.
//! Each limit has a control: whom it is not for.

mod edge;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use edge::broker::Broker;
use edge::client::{Dial, Tls, dial, everything, ping};
use edge::{SOON, TOPIC, Turn, Watch, timed};
use kafka_protocol::messages::{GroupId, HeartbeatRequest};
use kafka_protocol::protocol::StrBytes;
use serde_json::{Value, json};
use weir_testkit::kafka::wire;
use weir_testkit::{Acl, Pki, PrincipalSpec, wait};

const HASTY: &str = "edge-hasty";
const NEIGHBOUR: &str = "edge-neighbour";

fn acl(limits: &str) -> Acl {
    edge::acl().principal(PrincipalSpec::new(HASTY, &[TOPIC]).within(limits))
}

fn watch(own: &str, limits: Value) -> Watch {
    Watch::before(Broker::start(), |options| {
        options.acl = acl(own);
        edge::limits(options, &limits);
    })
}

fn from(last: u8) -> Dial {
    Dial { from: Ipv4Addr::new(127, 0, 0, last), ..Dial::default() }
}

fn connect(turn: &Turn<'_>, who: &str, last: u8) -> Result<Tls, String> {
    let target = turn.target(&Pki::shared().client(who));
    Tls::connect_with(&target, target.config(), from(last))
}

/// How many of so many connections of a principal are served, one after another as fast as they come.
fn served(turn: &Turn<'_>, who: &str, last: u8, tries: usize) -> usize {
    (0..tries).filter(|_| connect(turn, who, last).is_ok_and(|mut client| client.is_served().is_ok())).count()
}

/// How many connections ended since, for these reasons.
fn ended(turn: &Turn<'_>, before: &BTreeMap<String, u64>, reason: &str) -> u64 {
    turn.closed()[reason] - before[reason]
}

/// So many at most were let through in this time.
fn most(burst: f64, per_second: f64, took: Duration) -> usize {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
    let most = per_second.mul_add(took.as_secs_f64(), burst).ceil() as usize;
    most
}

#[test]
fn hostile_q1_an_address_that_begins_too_often_is_closed_before_tls_and_others_are_not() {
    let limits = json!({
        "handshakes_per_address": { "per_second": 5, "burst": 10 },
        "networks": [{ "network": "127.0.0.9", "per_second": 1000, "burst": 1000 }],
    });
    let watch = watch("", limits);
    let turn = watch.turn();
    let before = turn.closed();
    let (let_in, took) = timed(|| served(&turn, NEIGHBOUR, 2, 60));
    assert!((10..=most(10.0, 5.0, took) + 1).contains(&let_in), "{let_in} in {took:?}");
    let refused = u64::try_from(60 - let_in).unwrap();
    wait::until("the counts", SOON, || match ended(&turn, &before, "ip-rate") {
        counted if counted == refused => Ok(()),
        counted => Err(format!("{counted} of {refused}")),
    });
    // Whoever is refused gets no byte: nothing was spent on it.
    let tcp = dial(&turn.reader().address, from(2)).unwrap();
    assert_eq!(everything(&tcp, SOON), (Vec::new(), true));
    assert_eq!(served(&turn, NEIGHBOUR, 3, 8), 8, "another address");
    assert_eq!(served(&turn, NEIGHBOUR, 9, 60), 60, "an address that stands for many machines");
    std::thread::sleep(Duration::from_millis(500));
    assert!(served(&turn, NEIGHBOUR, 2, 2) >= 1, "it comes back at its rate");
}

#[test]
fn hostile_t19_a_flood_from_many_addresses_is_shed_and_who_is_connected_does_not_notice() {
    wait::in_time(|| {
        let watch = watch("", json!({ "handshakes": { "per_second": 1, "burst": 20 } }));
        let turn = watch.turn();
        let mut known = connect(&turn, NEIGHBOUR, 1).unwrap();
        known.is_served().unwrap();
        let before = turn.closed();
        let began = Instant::now();
        let mut let_in = 0;
        for last in 10..90 {
            let_in += served(&turn, NEIGHBOUR, last, 1);
            let ((), took) = timed(|| known.is_served().unwrap());
            wait::held("an answer", Duration::from_secs(1), took);
        }
        assert!(let_in <= most(20.0, 1.0, began.elapsed()), "{let_in} in {:?}", began.elapsed());
        assert_eq!(ended(&turn, &before, "shed-handshake"), u64::try_from(80 - let_in).unwrap());
        assert!(ended(&turn, &before, "shed-handshake") >= 20);
    });
}

#[test]
fn hostile_q3_one_certificate_in_a_loop_has_its_rate_and_its_neighbour_behind_the_address_is_served() {
    let watch = watch("connects: {per_second: 2, burst: 5, mode: deny}", json!({}));
    let turn = watch.turn();
    let before = turn.closed();
    // Each of them succeeds and closes: that gives nothing back.
    let (let_in, took) = timed(|| served(&turn, HASTY, 1, 40));
    assert!((5..=most(5.0, 2.0, took) + 1).contains(&let_in), "{let_in} in {took:?}");
    wait::until("the counts", SOON, || match ended(&turn, &before, "principal-rate") {
        counted if counted == u64::try_from(40 - let_in).unwrap() => Ok(()),
        counted => Err(format!("{counted} of {}", 40 - let_in)),
    });
    assert_eq!(served(&turn, NEIGHBOUR, 1, 40), 40);
    let page = turn.weir.get("/metrics").unwrap().1;
    let beyond = r#"weir_quota_beyond_total{limit="connects",mode="deny"} "#;
    let beyond = page.lines().find_map(|line| line.strip_prefix(beyond)).unwrap();
    assert_eq!(beyond, (40 - let_in).to_string());
}

#[test]
fn who_is_only_slowed_down_is_served_later_and_nothing_is_lost() {
    wait::in_time(|| {
        let watch = watch("connects: {per_second: 2, burst: 2}", json!({}));
        let turn = watch.turn();
        let began = Instant::now();
        let mut clients: Vec<Tls> = (0..4).map(|_| connect(&turn, HASTY, 1).unwrap()).collect();
        clients.iter_mut().for_each(|client| client.send(&ping(1)).unwrap());
        let waited: Vec<Duration> = clients
            .iter_mut()
            .map(|client| {
                client.read_pong(1).unwrap();
                began.elapsed()
            })
            .collect();
        wait::held("the second", Duration::from_millis(400), waited[1]);
        assert!(waited[2] >= Duration::from_millis(400) && waited[3] >= Duration::from_millis(900), "{waited:?}");
        wait::held("the fourth", Duration::from_secs(3), waited[3]);
        // One that was open before waits for nothing.
        let ((), took) = timed(|| clients[0].is_served().unwrap());
        wait::held("one that was open", Duration::from_millis(400), took);
    });
}

#[test]
fn when_a_tier_allows_fewer_connections_the_youngest_end_within_a_second() {
    wait::in_time(|| {
        let watch = watch("connections: 4", json!({}));
        let turn = watch.turn();
        let mut clients: Vec<Tls> = (0..4)
            .map(|_| {
                let mut client = connect(&turn, HASTY, 1).unwrap();
                client.is_served().unwrap();
                client
            })
            .collect();
        turn.ends(&[("principal-conns", 2)], || {
            turn.weir.write_acl(&acl("connections: 2"));
            let written = Instant::now();
            assert!(clients.split_off(2).iter_mut().all(|client| client.ended(SOON).1 == 0));
            wait::held("the end of the youngest", Duration::from_secs(1), written.elapsed());
            clients.iter_mut().for_each(|client| client.is_served().unwrap());
        });
        turn.ends(&[("principal-conns", 1)], || {
            let mut third = connect(&turn, HASTY, 1).unwrap();
            assert!(third.is_served().is_err());
        });
    });
}

fn heartbeat(correlation: i32) -> Vec<u8> {
    let group = GroupId(StrBytes::from_static_str("g"));
    wire::frame(correlation, 4, &HeartbeatRequest::default().with_group_id(group)).unwrap()
}

#[test]
fn hostile_q3_who_has_its_broker_dialled_in_a_loop_delays_no_neighbours_first_request() {
    wait::in_time(|| {
        let watch = Watch::before(Broker::start(), |options| {
            options.acl = acl("");
            options.config["upstreams"]["main"]["dials_per_second"] = json!(10);
        });
        let turn = watch.turn();
        // Time for what dials were reserved before.
        std::thread::sleep(Duration::from_secs(1));
        let mut looping: Vec<Tls> = (0..40).map(|_| connect(&turn, HASTY, 1).unwrap()).collect();
        let mut neighbour = connect(&turn, NEIGHBOUR, 1).unwrap();
        let began = Instant::now();
        looping.iter_mut().for_each(|client| client.send(&heartbeat(1)).unwrap());
        // Weir has read them all.
        std::thread::sleep(Duration::from_millis(200));
        let ((), first) = timed(|| {
            neighbour.send(&heartbeat(1)).unwrap();
            neighbour.read_frame(SOON).unwrap();
        });
        looping.iter_mut().for_each(|client| drop(client.read_frame(SOON)));
        let last = began.elapsed();
        println!("the neighbour's first answer came after {first:?}, the last of the 40 after {last:?}");
        wait::held("the neighbour's first answer", Duration::from_millis(800), first);
        assert!(last > Duration::from_millis(1_500), "the dials were spaced: {last:?}");
    });
}
