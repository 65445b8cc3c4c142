//! Handshakes that are slow, in pieces, too long, flooded, or left in the middle.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use weir_testkit::{Ended, RawTarget};

use crate::edge::client::{Dial, Tls, dial, everything};
use crate::edge::hello::{self, First, Hello, first_answer};
use crate::edge::{self, SOON, at_once};
use crate::{HANDSHAKE, WEIR, at};

#[test]
fn hostile_t12_floods_inside_tls_end_the_connection() {
    let turn = WEIR.turn();
    turn.ends(&[("tls-misbehaved", 1), ("client-eof", 1)], || {
        let mut honest = Tls::connect(&turn.reader()).unwrap();
        for _ in 0..40 {
            honest.stream.conn.refresh_traffic_keys().unwrap();
            honest.is_served().unwrap();
        }
        let mut flood = Tls::connect(&turn.reader()).unwrap();
        flood.is_served().unwrap();
        for _ in 0..2_000 {
            flood.stream.conn.refresh_traffic_keys().unwrap();
            if flood.send(&[]).is_err() {
                break;
            }
        }
        assert_ne!(flood.ended(SOON).0, Ended::Silent);
    });
    // Warnings and dummy ChangeCipherSpecs behind a ClientHello.
    for (kind, content) in [(21, &[1, 90][..]), (20, &[1][..]), (21, &[1, 0][..]), (22, &[][..]), (23, &[][..])] {
        let tcp = dial(&turn.reader().address, Dial::default()).unwrap();
        let junk = hello::record(kind, content).repeat(2_000);
        let _ = (&tcp).write_all(&[Hello::new(None).records(9999), junk].concat());
        assert!(everything(&tcp, HANDSHAKE + SOON).1, "{kind}: the connection is still open");
    }
}

#[test]
fn hostile_t13_a_handshake_has_two_seconds_in_all() {
    let turn = WEIR.turn();
    let address = turn.reader().address;
    let hello = Hello::new(None).records(9999);
    let openings: [&[u8]; 4] = [&[], &hello[..1], &hello[..5], &hello];
    turn.ends(&[("tls-timeout", 6)], || {
        let silent = openings.map(|opening| {
            let address = &address;
            Box::new(move || {
                let tcp = dial(address, Dial::default()).unwrap();
                (&tcp).write_all(opening).unwrap();
                edge::timed(|| assert!(everything(&tcp, HANDSHAKE + SOON).1, "still open")).1
            }) as Box<dyn FnOnce() -> Duration + Send>
        });
        // A byte now and then buys no time, in one record or in one for each.
        let dribbles = [hello.clone(), Hello::new(None).records(1)].map(|bytes| {
            let address = &address;
            Box::new(move || {
                let mut tcp = dial(address, Dial::default()).unwrap();
                let began = std::time::Instant::now();
                for byte in &bytes {
                    if tcp.write_all(&[*byte]).is_err() {
                        break;
                    }
                    assert!(began.elapsed() < HANDSHAKE + SOON, "still open");
                    std::thread::sleep(Duration::from_millis(100));
                }
                assert!(everything(&tcp, SOON).1, "still open");
                HANDSHAKE
            }) as Box<dyn FnOnce() -> Duration + Send>
        });
        for took in at_once(silent.into_iter().chain(dribbles).collect()) {
            assert!(took >= HANDSHAKE - Duration::from_millis(100), "closed after {took:?}");
        }
    });
}

#[test]
fn hostile_t13_a_hello_in_pieces_is_served_when_it_is_prompt() {
    let turn = WEIR.turn();
    let address = turn.reader().address;
    let whole =
        |piece: usize| first_answer(&dial(&address, Dial::default()).unwrap(), &Hello::new(None).records(piece));
    for piece in [1, 2, 3, 7, 64] {
        assert_eq!(whole(piece), First::Handshake(hello::SERVER_HELLO), "records of {piece}");
    }
    // A whole handshake in segments of one byte.
    let tcp = dial(&address, Dial::default()).unwrap();
    let by_byte = |tcp: &mut TcpStream, flight: &[u8]| flight.iter().try_for_each(|byte| tcp.write_all(&[*byte]));
    let mut client = Tls::over(tcp, &turn.reader().name, turn.reader().config(), by_byte).unwrap();
    client.is_served().unwrap();
}

#[test]
fn hostile_t14_a_hello_that_announces_or_brings_too_much_is_refused() {
    let turn = WEIR.turn();
    let answer = |bytes: &[u8]| {
        let tcp = dial(&turn.reader().address, Dial::default()).unwrap();
        let _ = (&tcp).write_all(bytes);
        let (came, ended) = everything(&tcp, HANDSHAKE + SOON);
        assert!(ended, "still open");
        assert!(came.is_empty() || came[0] == 21, "{came:?}");
    };
    // A message of 16 MiB, announced; one of 100 KiB, sent; an extension past its end; a record over its limit.
    answer(&hello::record(22, &[1, 0xff, 0xff, 0xff, 3, 3]));
    let padded = Hello::new(None).with(21, &[0; 60_000]).with(22_222, &[0; 40_000]);
    answer(&padded.records(16_000));
    let mut torn = Hello::new(None).message();
    let last_length = torn.len() - 40;
    torn[last_length..last_length + 2].fill(0xff);
    answer(&hello::record(22, &torn));
    answer(&[22, 3, 1, 0xff, 0xff]);
}

#[test]
fn hostile_t20_whoever_leaves_in_the_middle_leaves_nothing_behind() {
    let turn = WEIR.turn();
    for target in [turn.reader(), RawTarget { versions: vec![&rustls::version::TLS12], ..at(&turn, "old") }] {
        let flights = flights(&target);
        assert!(flights.len() >= 2, "{flights:?}");
        let before = edge::cpu(turn.weir.pid());
        for resets in [true, false] {
            for sent in 0..=flights.len() {
                for part in [0, 1, 7] {
                    leave(&target, sent, part, resets);
                }
            }
        }
        let used = edge::cpu(turn.weir.pid()) - before;
        assert!(used < Duration::from_secs(2), "{used:?} of processor time");
    }
    let closed = turn.closed();
    assert_eq!(closed["tls-internal"], 0);
}

/// How many bytes the flights of a whole handshake have.
fn flights(target: &RawTarget) -> Vec<usize> {
    let mut sizes = Vec::new();
    let tcp = dial(&target.address, Dial::default()).unwrap();
    Tls::over(tcp, &target.name, target.config(), |tcp, bytes| {
        sizes.push(bytes.len());
        tcp.write_all(bytes)
    })
    .unwrap();
    sizes
}

/// Sends so many whole flights, a part of the next, and leaves.
fn leave(target: &RawTarget, whole: usize, part: usize, resets: bool) {
    let tcp = dial(&target.address, Dial { resets, ..Dial::default() }).unwrap();
    let mut sent = 0;
    let _ = Tls::over(tcp, &target.name, target.config(), |tcp, bytes| {
        sent += 1;
        if sent <= whole {
            return tcp.write_all(bytes);
        }
        tcp.write_all(&bytes[..part.min(bytes.len())])?;
        Err(std::io::Error::other("that is all"))
    });
}

#[test]
fn hostile_t20_a_goodbye_in_the_handshake_is_no_endless_loop() {
    let turn = WEIR.turn();
    let before = edge::cpu(turn.weir.pid());
    for target in [turn.reader(), at(&turn, "old")] {
        for version12 in [false, true] {
            let mut hello = Hello::new(Some(b"weir.localhost"));
            if version12 {
                hello = Hello { suites: vec![0xc02b], ..hello.without(43).with(23, &[]) };
            }
            for level in [1, 2] {
                let tcp = dial(&target.address, Dial::default()).unwrap();
                let goodbye = hello::record(21, &[level, 0]);
                (&tcp).write_all(&[hello.records(9999), goodbye].concat()).unwrap();
                assert!(everything(&tcp, HANDSHAKE + SOON).1, "still open");
            }
        }
    }
    // Other clients of the same workers are served, and nothing spins.
    for _ in 0..4 {
        Tls::connect(&turn.reader()).unwrap().is_served().unwrap();
    }
    let used = edge::cpu(turn.weir.pid()) - before;
    assert!(used < Duration::from_secs(2), "{used:?} of processor time");
}
