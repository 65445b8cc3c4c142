//! Reading and writing: clients that ask without end, do not read, send crumbs, or leave in the middle.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::FetchResponse;
use rustls::crypto::cipher::{OutboundChunks, OutboundPlainMessage};
use rustls::{ConnectionTrafficSecrets, ContentType, ProtocolVersion};
use weir_pki::{ClientSubject, Validity};
use weir_testkit::channel::unsent;
use weir_testkit::{Ended, Pki, wait};

use crate::edge::broker::{self, Gate, Reply};
use crate::edge::client::{Dial, Tls, ping};
use crate::edge::{self, READER, SOON, TOPIC, Turn, at_once};
use crate::{WEIR, connect, correlation, fetch, fetched, heartbeat, named};

#[test]
fn hostile_q5_sixteen_wait_and_the_rest_is_not_read() {
    let turn = WEIR.turn();
    let gate = Gate::default();
    let held = gate.clone();
    turn.broker().play(move |asked| match broker::idle(asked) {
        Reply::Body(body) => Reply::After(held.clone(), body),
        other => other,
    });
    let mut client = connect(&turn);
    let all: Vec<u8> = (0..100).flat_map(|id| [heartbeat(id), ping(1_000 + id)].concat()).collect();
    client.send(&all).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(turn.broker().asked().len(), 8, "half of sixteen go to the broker");
    // Somebody else of the same worker is served meanwhile.
    connect(&turn).is_served().unwrap();
    gate.open();
    for id in 0..100 {
        assert_eq!(correlation(&client.read_frame(SOON).unwrap()), id);
        client.read_pong(1_000 + id).unwrap();
    }
}

#[test]
fn hostile_q5_q6_whoever_does_not_read_is_not_read_for_and_closed() {
    let turn = WEIR.turn();
    let records = Bytes::from(vec![b'r'; 24 << 20]);
    let body = broker::fetched(11, 0, Some(records));
    turn.broker().play(move |asked| match asked.key {
        1 => Reply::Body(body.clone()),
        _ => broker::idle(asked),
    });
    let tight = Dial { receive_buffer: Some(4_096), ..Dial::default() };
    let target = turn.reader();
    let memory = turn.memory_kib();
    turn.ends(&[("slow-reader", 2)], || {
        let stopped = || {
            let mut client = Tls::connect_with(&target, target.config(), tight).unwrap();
            client.send(&fetch(1, (0, -1), vec![named(TOPIC, 0..1)])).unwrap();
            std::thread::sleep(Duration::from_millis(3_500));
            client
        };
        let flooding = || {
            let mut client = Tls::connect_with(&target, target.config(), tight).unwrap();
            let many: Vec<u8> = (0..500).flat_map(ping).collect();
            let began = Instant::now();
            while began.elapsed() < Duration::from_secs(12) && client.send(&many).is_ok() {}
            assert!(began.elapsed() < Duration::from_secs(12), "Weir still takes requests");
            client
        };
        let all = at_once(vec![Box::new(stopped) as Box<dyn FnOnce() -> Tls + Send>, Box::new(flooding)]);
        let grown = turn.memory_kib().saturating_sub(memory);
        assert!(grown < 4 << 10, "{grown} KiB for two clients that do not read");
        drop(all);
    });
    // Slow is not stopped.
    let mut slow = Tls::connect_with(&target, target.config(), tight).unwrap();
    slow.send(&fetch(1, (0, -1), vec![named(TOPIC, 0..1)])).unwrap();
    let began = Instant::now();
    let mut some = [0; 16 << 10];
    while began.elapsed() < Duration::from_secs(3) {
        slow.stream.read_exact(&mut some).expect("16 KiB a while is more than 1 KiB a second");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn hostile_p12_sixteen_requests_of_a_megabyte_stay_within_their_bounds() {
    let turn = WEIR.turn();
    let gate = Gate::default();
    let held = gate.clone();
    turn.broker()
        .play(move |asked| Reply::After(held.clone(), broker::encoded(&FetchResponse::default(), asked.version)));
    let mut client = connect(&turn);
    let before = turn.memory_kib();
    let name = "n".repeat(480);
    let asked = |id: i32| {
        let topics = (0..2_000).map(|at| named(&format!("{name}{at}"), 0..1));
        fetch(id, (0, -1), std::iter::once(named(TOPIC, 0..1)).chain(topics.take(1_900)).collect())
    };
    let frame = asked(1);
    assert!(frame.len() > 900 << 10, "{}", frame.len());
    client.send(&frame.repeat(16)).unwrap();
    wait::until("sixteen at the broker", SOON, || match turn.broker().asked().len() {
        16 => Ok(()),
        n => Err(format!("{n}")),
    });
    let grown = turn.memory_kib().saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB");
    gate.open();
    for _ in 0..16 {
        fetched(&mut client, 1);
    }
}

#[test]
fn hostile_f5_t12_a_request_in_the_smallest_records_holds_nobody_up() {
    wait::in_time(|| {
        let turn = WEIR.turn();
        let (mut bad, bytes) = smallest_records(&turn);
        let mut bystander = connect(&turn);
        bystander.is_served().unwrap();
        let done = AtomicBool::new(false);
        let slowest = std::thread::scope(|scope| {
            scope.spawn(|| {
                let sent = bad.write_all(&bytes);
                let answered = bad.read(&mut [0; 100]);
                done.store(true, Ordering::Relaxed);
                sent.expect("Weir takes it");
                assert!(answered.is_ok_and(|count| count > 40), "the request is answered");
            });
            let (mut slowest, began) = (Duration::ZERO, Instant::now());
            while !done.load(Ordering::Relaxed) && began.elapsed() < 4 * SOON {
                slowest = slowest.max(edge::timed(|| bystander.is_served().unwrap()).1);
            }
            slowest
        });
        wait::held("a bystander's answer", Duration::from_millis(150), slowest);
    });
}

/// A connection whose client is known, and a request of 12,000 bytes that it may send next, in a record for each byte
/// and with as many records without a byte between them as TLS takes.
fn smallest_records(turn: &Turn<'_>) -> (TcpStream, Vec<u8>) {
    let target = turn.reader();
    let mut config = Arc::unwrap_or_clone(target.config());
    config.enable_secret_extraction = true;
    let mut client = Tls::connect_with(&target, Arc::new(config), Dial::default()).unwrap();
    client.is_served().unwrap();
    let suite = client.stream.conn.negotiated_cipher_suite().unwrap();
    let aead = suite.tls13().expect("TLS 1.3").aead_alg;
    let (tls, tcp) = client.into_parts();
    let (sent, secrets) = tls.dangerous_extract_secrets().unwrap().tx;
    let (key, iv) = match secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv } | ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (key, iv),
        _ => panic!("another suite"),
    };
    let mut encrypter = aead.encrypter(key, iv);
    let mut next = 0;
    let mut sealed = |content: &[u8]| {
        let (typ, version) = (ContentType::ApplicationData, ProtocolVersion::TLSv1_3);
        let message = OutboundPlainMessage { typ, version, payload: OutboundChunks::Single(content) };
        next += 1;
        encrypter.encrypt(message, next - 1).unwrap().encode()
    };
    // The library counts along: it wants to see those that were sent already.
    (0..sent).for_each(|_| drop(sealed(&[])));
    let request = edge::client::request(18, 99, 9, Some(&[b'x'; 12_000]), &[0, 1, 1, 0]);
    let mut bytes = Vec::new();
    for byte in request {
        bytes.extend(sealed(&[byte]));
        (0..31).for_each(|_| bytes.extend(sealed(&[])));
    }
    (tcp, bytes)
}

#[test]
fn hostile_t3_a_client_that_never_pauses_is_closed_when_its_certificate_expires() {
    let turn = WEIR.turn();
    let (now, days) = (Duration::from_secs(3_600), Validity::days(1));
    let validity = Validity { not_after: days.not_before + now - Duration::from_secs(56), ..days };
    let validity = Validity { not_before: validity.not_before - now, ..validity };
    let identity = Pki::shared().client_with(&ClientSubject::named(READER), validity);
    turn.ends(&[("cert-expired", 1)], || {
        let mut client = Tls::connect(&turn.target(&identity)).unwrap();
        let many: Vec<u8> = (0..2_000).flat_map(ping).collect();
        let tcp = client.stream.sock.try_clone().unwrap();
        let (began, over) = (Instant::now(), Arc::new(AtomicBool::new(false)));
        // It reads ciphertext away, so that Weir can always write, and never pauses.
        let reading = {
            let over = Arc::clone(&over);
            std::thread::spawn(move || {
                let (mut some, mut tcp) = ([0; 64 << 10], tcp);
                while !over.load(Ordering::Relaxed) && tcp.read(&mut some).is_ok_and(|count| count > 0) {}
            })
        };
        while began.elapsed() < Duration::from_secs(9) && client.send(&many).is_ok() {}
        over.store(true, Ordering::Relaxed);
        let took = began.elapsed();
        drop(client);
        reading.join().unwrap();
        assert!(took < Duration::from_secs(8), "it was served {took:?}, four seconds longer than its certificate");
    });
}

#[test]
fn hostile_q16_half_closed_clients_get_what_they_asked_for() {
    let turn = WEIR.turn();
    turn.broker().play(|asked| {
        std::thread::sleep(Duration::from_millis(400));
        broker::idle(asked)
    });
    turn.ends(&[("client-eof", 2)], || {
        for says_goodbye in [false, true] {
            let mut client = connect(&turn);
            client.send(&[fetch(1, (0, -1), vec![named(TOPIC, 0..1)]), ping(2), heartbeat(3)].concat()).unwrap();
            if says_goodbye {
                client.stream.conn.send_close_notify();
                client.stream.flush().unwrap();
            }
            client.shut_write();
            fetched(&mut client, 1);
            client.read_pong(2).unwrap();
            assert_eq!(correlation(&client.read_frame(SOON).unwrap()), 3);
            assert_eq!(client.ended(SOON), (Ended::Closed, 0));
        }
    });
}

#[test]
fn hostile_t20_requests_behind_a_goodbye_are_not_read() {
    let turn = WEIR.turn();
    turn.broker().play(broker::idle);
    turn.ends(&[("client-eof", 1)], || {
        let mut client = connect(&turn);
        client.send(&ping(1)).unwrap();
        client.stream.conn.send_close_notify();
        let goodbye = unsent(&mut client.stream.conn);
        (&client.stream.sock).write_all(&[goodbye, vec![23, 3, 3, 0, 40], vec![7; 40]].concat()).unwrap();
        client.read_pong(1).unwrap();
        let _ = client.ended(SOON);
    });
    assert!(turn.broker().asked().is_empty());
}

#[test]
fn hostile_q16_q18_whoever_leaves_with_answers_under_way_leaves_nothing_behind() {
    let turn = WEIR.turn();
    let records = Bytes::from(vec![b'r'; 4 << 20]);
    let body = broker::fetched(11, 0, Some(records));
    turn.broker().play(move |asked| match asked.key {
        1 => Reply::Body(body.clone()),
        _ => broker::idle(asked),
    });
    for resets in [true, false] {
        for _ in 0..40 {
            let target = turn.reader();
            let mut client = Tls::connect_with(&target, target.config(), Dial { resets, ..Dial::default() }).unwrap();
            client.send(&[heartbeat(1), fetch(2, (0, -1), vec![named(TOPIC, 0..1)]), heartbeat(3)].concat()).unwrap();
            client.read_frame(SOON).unwrap();
        }
    }
}
