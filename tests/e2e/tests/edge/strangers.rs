//! Strangers who begin a handshake and do not end it.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use crate::edge::client::{dial, everything};
use crate::edge::hello::Hello;
use crate::edge::{self, SOON};
use crate::{SMALL, connect, from};

#[test]
fn trap_a5_half_a_handshake_holds_one_of_few_places_and_not_for_long() {
    let turn = SMALL.turn();
    let address = turn.reader().address;
    let hello = Hello::new(None).records(9999);
    turn.ends(&[("tls-timeout", 4), ("ip-conns", 1), ("client-eof", 1)], || {
        // Nothing, a byte, half a ClientHello, and a whole one whose sender says no more.
        let strangers: Vec<TcpStream> = [0, 1, hello.len() / 2, hello.len()]
            .into_iter()
            .map(|sent| {
                let tcp = dial(&address, from(1)).unwrap();
                (&tcp).write_all(&hello[..sent]).unwrap();
                tcp
            })
            .collect();
        turn.has_open(4);
        let (bytes, ended) = everything(&dial(&address, from(1)).unwrap(), SOON);
        assert!(bytes.is_empty() && ended, "the fifth of an address has no place");
        let ((), took) = edge::timed(|| turn.has_open(0));
        assert!(took < Duration::from_millis(4_500), "{took:?}, and a handshake has three seconds");
        connect(&turn).is_served().unwrap();
        drop(strangers);
    });
}
