//! Lengths that are announced by who never means to send so much.

use std::time::{Duration, Instant};

use weir_testkit::Ended;

use crate::edge::client::Tls;
use crate::edge::{SOON, at_once};
use crate::{HASTY, connect};

/// As many as hold 20 MiB, were it reserved.
const CLIENTS: usize = 20;

#[test]
fn trap_a4_what_is_announced_and_does_not_come_holds_neither_memory_nor_a_place() {
    let turn = HASTY.turn();
    let memory = turn.memory_kib();
    let refused = u64::try_from(CLIENTS).unwrap();
    turn.ends(&[("frame-too-large", 1), ("frame-stalled", refused)], || {
        let mut bold = connect(&turn);
        bold.send(&(100_i32 << 20).to_be_bytes()).unwrap();
        assert_eq!(bold.ended(SOON), (Ended::Closed, 0), "at once, by the four bytes");
        let announcing = || {
            let mut client = connect(&turn);
            client.is_served().unwrap();
            client.send(&[&(1_i32 << 20).to_be_bytes()[..], &[0, 12]].concat()).unwrap();
            (client, Instant::now())
        };
        let clients: Vec<(Tls, Instant)> = (0..CLIENTS).map(|_| announcing()).collect();
        let grown = turn.memory_kib().saturating_sub(memory);
        assert!(grown < 8 << 10, "{grown} KiB for {CLIENTS} announcements of 1 MiB");
        // A byte now and then buys no time.
        let dribble = |(mut client, began): (Tls, Instant)| {
            move || {
                while began.elapsed() < SOON && client.send(&[0]).is_ok() {
                    std::thread::sleep(Duration::from_millis(200));
                }
                assert_eq!(client.ended(SOON).1, 0, "no answer");
                assert!(began.elapsed() < SOON, "it holds its place for {:?}", began.elapsed());
            }
        };
        at_once(clients.into_iter().map(dribble).collect());
    });
}
