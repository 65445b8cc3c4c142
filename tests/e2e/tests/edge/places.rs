//! Places: of strangers, of principals, of the process.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use weir_testkit::{Ended, Pki, RawTarget};

use crate::edge::client::{Tls, dial, everything, ping};
use crate::edge::{self, SOON};
use crate::{SMALL, WEIR, connect, from};

#[test]
fn hostile_q1_q2_strangers_have_few_places_and_clients_do_not_count_among_them() {
    let turn = SMALL.turn();
    let address = turn.reader().address;
    let silent = |last: u8, count: usize| (0..count).map(|_| dial(&address, from(last)).unwrap()).collect::<Vec<_>>();
    let refused = |last: u8| {
        let tcp = dial(&address, from(last)).unwrap();
        let (bytes, ended) = everything(&tcp, SOON);
        assert!(bytes.is_empty() && ended, "{bytes:?}");
    };
    let served = |last: u8| {
        let mut client = Tls::connect_with(&turn.reader(), turn.reader().config(), from(last)).unwrap();
        client.is_served().unwrap();
        client
    };
    turn.ends(&[("ip-conns", 2), ("tls-eof", 4), ("client-eof", 8)], || {
        let known: Vec<Tls> = (0..6).map(|_| served(1)).collect();
        let strangers = silent(1, 4);
        refused(1);
        refused(1);
        drop(served(2));
        drop(strangers);
        turn.has_open(6);
        drop(served(1));
        drop(known);
    });
    turn.ends(&[("unauthenticated-conns", 1), ("tls-eof", 10), ("client-eof", 1)], || {
        let strangers = [silent(1, 4), silent(2, 4), silent(3, 2)];
        refused(4);
        drop(strangers);
        turn.has_open(0);
        drop(served(4));
    });
}

#[test]
fn hostile_q2_whoever_is_silent_gives_the_place_back_in_time() {
    let turn = SMALL.turn();
    turn.ends(&[("tls-timeout", 4), ("client-eof", 1)], || {
        let strangers: Vec<TcpStream> = (0..4).map(|_| dial(&turn.reader().address, from(1)).unwrap()).collect();
        let ((), took) = edge::timed(|| turn.has_open(0));
        assert!(took > Duration::from_millis(2_500), "{took:?}");
        connect(&turn).is_served().unwrap();
        drop(strangers);
    });
}

#[test]
fn hostile_q4_a_principal_has_the_places_of_its_tier_and_takes_none_of_others() {
    let turn = SMALL.turn();
    let target = |name: &str| turn.target(&Pki::shared().client(name));
    let (small, neighbour) = (target("edge-small"), target("edge-neighbour"));
    let connect = |target: &RawTarget, last: u8| Tls::connect_with(target, target.config(), from(last)).unwrap();
    turn.ends(&[("principal-conns", 2), ("client-eof", 6)], || {
        let mut held = vec![connect(&small, 1), connect(&small, 2)];
        held.iter_mut().for_each(|client| client.is_served().unwrap());
        for last in [1, 3] {
            let mut third = connect(&small, last);
            let _ = third.send(&ping(1));
            assert_eq!(third.ended(SOON), (Ended::Closed, 0));
        }
        // Behind the same address stands another.
        let mut others = [connect(&neighbour, 1), connect(&neighbour, 1), connect(&neighbour, 1)];
        others.iter_mut().for_each(|client| client.is_served().unwrap());
        held.pop();
        turn.has_open(4);
        connect(&small, 1).is_served().unwrap();
    });
}

#[test]
fn hostile_o8_the_process_has_an_end_and_says_so() {
    let turn = SMALL.turn();
    turn.ends(&[("process-conns", 1), ("client-eof", 21)], || {
        let mut all: Vec<Tls> = (0..20).map(|_| connect(&turn)).collect();
        all.iter_mut().for_each(|client| client.is_served().unwrap());
        let (bytes, ended) = everything(&dial(&turn.reader().address, from(7)).unwrap(), SOON);
        assert!(bytes.is_empty() && ended);
        all.pop();
        turn.has_open(19);
        connect(&turn).is_served().unwrap();
        all.iter_mut().for_each(|client| client.is_served().unwrap());
    });
}

#[test]
fn hostile_q1_many_connections_that_do_nothing_cost_nothing_that_stays() {
    let turn = WEIR.turn();
    let target = turn.reader();
    let memory = turn.memory_kib();
    for _ in 0..2_000 {
        drop(TcpStream::connect(&target.address).unwrap());
    }
    // Who comes from elsewhere meanwhile does not notice.
    Tls::connect_with(&target, target.config(), from(2)).unwrap().is_served().unwrap();
    turn.has_open(0);
    for _ in 0..100 {
        drop(connect(&turn));
    }
    turn.has_open(0);
    let lines = turn.weir.log().lines().filter(|line| line.contains("refused")).count();
    assert!(lines < 300, "{lines} lines in the log");
    let grown = turn.memory_kib().saturating_sub(memory);
    assert!(grown < 16 << 10, "{grown} KiB");
}

#[test]
fn hostile_q19_everybody_may_come_back_at_once() {
    let turn = WEIR.turn();
    let target = turn.reader();
    // Fewer than the strangers that there may be, in all and from each address.
    let all: Vec<TcpStream> =
        (0..480_usize).map(|at| dial(&target.address, from(u8::try_from(10 + at % 12).unwrap())).unwrap()).collect();
    let config = target.config();
    let mut refused = 0;
    let kept: Vec<Tls> = all
        .into_iter()
        .filter_map(|tcp| {
            let client = Tls::over(tcp, &target.name, Arc::clone(&config), |tcp, bytes| tcp.write_all(bytes));
            let mut client = client.map_err(|_| refused += 1).ok()?;
            client.is_served().ok().map(|()| client)
        })
        .collect();
    let ended: Vec<_> = turn.closed().into_iter().filter(|(_, n)| *n > 0).collect();
    assert_eq!((kept.len(), refused), (480, 0), "{ended:?}");
}
