//! Before a certificate is looked at: the first byte, the PROXY header, the server name, the version.

use std::io::Write;
use std::net::Ipv4Addr;

use weir_testkit::{RawTarget, names};

use crate::edge::client::{Dial, Tls, dial, ping};
use crate::edge::hello::{self, First, Hello, ends_without_a_byte, first_answer};
use crate::{PROXY, WEIR, alert, at, refused};

#[test]
fn hostile_t17_whoever_speaks_no_tls_gets_not_a_single_byte() {
    let turn = WEIR.turn();
    let address = turn.reader().address;
    let proxy = proxy_header(1, [192, 0, 2, 7], &[]);
    let cases: [(&str, &[u8]); 12] = [
        ("not-tls-kafka", &ping(1)),
        ("not-tls-kafka", &[0]),
        ("not-tls-http", b"GET / HTTP/1.1\r\nHost: weir\r\n\r\n"),
        ("not-tls-http", b"P"),
        ("not-tls-http", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("not-tls-other", b"SSH-2.0-OpenSSH_9.9\r\n"),
        ("not-tls-other", b"PROXY TCP4 192.0.2.7 192.0.2.8 4711 9093\r\n"),
        ("not-tls-other", &proxy),
        ("not-tls-other", &[0x15, 3, 1, 0, 2, 2, 40]),
        ("not-tls-other", &[0x17, 3, 3, 0, 0]),
        ("not-tls-other", &[0xff; 4096]),
        ("tls-eof", &[]),
    ];
    for (reason, bytes) in cases {
        turn.ends(&[(reason, 1)], || {
            let tcp = dial(&address, Dial::default()).unwrap();
            (&tcp).write_all(bytes).unwrap();
            if bytes.is_empty() {
                tcp.shutdown(std::net::Shutdown::Write).unwrap();
            }
            ends_without_a_byte(&tcp);
        });
    }
}

/// A PROXY v2 header for TCP over IPv4, or for no connection (command 0).
fn proxy_header(command: u8, source: [u8; 4], fields: &[u8]) -> Vec<u8> {
    let addresses = [&source[..], &[198, 51, 100, 1, 0x9c, 0x40, 0x23, 0x85]].concat();
    let rest = [&addresses[..], fields].concat();
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[0x20 | command, 0x11], &length, &rest].concat()
}

#[test]
fn hostile_t18_the_proxy_header_counts_from_a_trusted_address_and_nowhere_else() {
    let turn = WEIR.turn();
    let target = at(&turn, "proxied");
    let from = |from: Ipv4Addr, opening: &[u8]| {
        let tcp = dial(&target.address, Dial { from, ..Dial::default() }).unwrap();
        (&tcp).write_all(opening).unwrap();
        tcp
    };
    let shake = |tcp| Tls::over(tcp, &target.name, target.config(), |tcp, bytes| tcp.write_all(bytes)).unwrap();
    let sound = proxy_header(1, [192, 0, 2, 7], &[4, 0, 1, 0]);
    turn.ends(&[("client-eof", 3)], || {
        shake(from(PROXY, &sound)).is_served().unwrap();
        shake(from(PROXY, &proxy_header(0, [0; 4], &[]))).is_served().unwrap();
        // Nobody else sends a header, and nobody else needs one.
        shake(from(Ipv4Addr::LOCALHOST, &[])).is_served().unwrap();
    });
    turn.ends(&[("not-tls-other", 1)], || ends_without_a_byte(&from(Ipv4Addr::LOCALHOST, &sound)));
    let bad: [&[u8]; 6] = [
        &Hello::new(Some(b"weir.localhost")).records(9999),
        b"PROXY TCP4 192.0.2.7 192.0.2.8 4711 9093\r\n",
        &proxy_header(1, [192, 0, 2, 7], &[4, 0, 9, 1]),
        &proxy_header(2, [192, 0, 2, 7], &[]),
        &[&sound[..14], &[0xff, 0xff]].concat(),
        &[&sound[..14], &[0, 11]].concat().iter().copied().chain([0; 11]).collect::<Vec<u8>>(),
    ];
    turn.ends(&[("proxy-protocol", bad.len() as u64)], || {
        bad.iter().for_each(|bytes| ends_without_a_byte(&from(PROXY, bytes)));
    });
    turn.ends(&[("tls-timeout", 1), ("proxy-protocol", 1)], || {
        let stalled = from(PROXY, &sound[..20]);
        let left = from(PROXY, &sound[..20]);
        left.shutdown(std::net::Shutdown::Write).unwrap();
        ends_without_a_byte(&left);
        ends_without_a_byte(&stalled);
    });
}

#[test]
fn hostile_t9_only_the_advertised_server_names_are_served() {
    let turn = WEIR.turn();
    let target = at(&turn, "named");
    turn.ends(&[("client-eof", 4)], || {
        for name in [names::HOST, "WEIR.LocalHost", "b0.weir.localhost", "B12.weir.LOCALHOST"] {
            Tls::connect(&RawTarget { name: name.into(), ..target.clone() }).unwrap().is_served().unwrap();
        }
    });
    let strangers = ["127.0.0.1", "localhost", "b01.weir.localhost", "b-1.weir.localhost", "c1.weir.localhost"];
    let more = ["b2147483648.weir.localhost", "b1.b1.weir.localhost", "b.weir.localhost", "weir.localhost.example"];
    let all: Vec<&str> = strangers.into_iter().chain(more).collect();
    turn.ends(&[("tls-bad-sni", all.len() as u64)], || {
        for name in all {
            let ended = refused(&RawTarget { name: name.into(), ..target.clone() });
            assert_eq!(ended, alert("AccessDenied"), "{name}");
        }
    });
}

#[test]
fn hostile_t9_server_names_that_no_library_sends() {
    let turn = WEIR.turn();
    let target = at(&turn, "named");
    let before = turn.closed();
    let answer = |name: &[u8]| {
        first_answer(&dial(&target.address, Dial::default()).unwrap(), &Hello::new(Some(name)).records(9999))
    };
    assert_eq!(answer(b"weir.localhost"), First::Handshake(hello::SERVER_HELLO), "the hello itself is sound");
    assert_eq!(answer(b"weir.localhost."), First::Alert(hello::ACCESS_DENIED), "a trailing dot is another name");
    for name in [
        &[b'a'; 300][..],
        b"",
        b"weir.localhost\0",
        b"127.0.0.1",
        b"::1",
        b"we\r\nir",
        b"\x1b[2Jx",
        b"*.weir.localhost",
    ] {
        let first = answer(name);
        assert!(matches!(first, First::Alert(_)), "{first:?} to {}", name.escape_ascii());
    }
    let ended: u64 = turn.closed().iter().map(|(name, n)| n - before[name]).sum();
    assert!(ended >= 9, "{ended}");
    let log = turn.weir.log();
    assert!(!log.contains('\x1b') && !log.contains("we\r\nir"), "{log}");
}

#[test]
fn hostile_t11_versions_suites_and_groups() {
    let turn = WEIR.turn();
    let (old, new) = (at(&turn, "old"), turn.reader());
    turn.ends(&[("tls-version", 4), ("tls-no-suite", 2), ("not-tls-other", 1)], || {
        let only12 = vec![&rustls::version::TLS12];
        assert_eq!(refused(&RawTarget { versions: only12, ..new.clone() }), alert("ProtocolVersion"));
        let answer = |target: &RawTarget, hello: &Hello| {
            first_answer(&dial(&target.address, Dial::default()).unwrap(), &hello.records(9999))
        };
        let old_only = |version| Hello { legacy_version: version, ..Hello::new(Some(b"weir.localhost")).without(43) };
        assert_eq!(answer(&new, &old_only(0x0303)), First::Alert(hello::PROTOCOL_VERSION), "TLS 1.2");
        for version in [0x0302, 0x0301] {
            assert_eq!(answer(&old, &old_only(version)), First::Alert(hello::PROTOCOL_VERSION), "{version:x}");
        }
        let weak = Hello { suites: vec![0x0005, 0x000a], ..Hello::new(None) };
        assert_eq!(answer(&new, &weak), First::Alert(hello::HANDSHAKE_FAILURE), "RC4 and 3DES");
        let group = Hello::new(None).with(10, &[0, 2, 0, 21]).with(51, &[0, 0]);
        assert_eq!(answer(&new, &group), First::Alert(hello::HANDSHAKE_FAILURE), "secp224r1");
        let sslv2 = [0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10];
        assert_eq!(first_answer(&dial(&new.address, Dial::default()).unwrap(), &sslv2), First::Nothing);
    });
    turn.ends(&[("client-eof", 2)], || {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let mut client = Tls::connect(&RawTarget { versions: vec![version], ..old.clone() }).unwrap();
            client.is_served().unwrap();
            assert_eq!(client.stream.conn.protocol_version(), Some(version.version));
        }
    });
}
