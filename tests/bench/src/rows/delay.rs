//! The row of distance: how much librdkafka reads in a second from a real broker 40 and 100 ms away, over the broker's own
//! mutual TLS, and through Weir, which stands where the reader is and has plaintext on the long way.
//!
//! One relay stands before both listeners and holds every byte for half of the round trip. Both ways are taken in turns,
//! and each turn is compared with itself.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::Run;
use super::end_to_end::broker::{self, Listeners, Shown};
use super::end_to_end::clients::{self, Library, Reader, Topic};
use crate::bar::{FAR, FARTHER, Figure};
use crate::canned::TOPICS;
use crate::delay::{Delay, Far};
use crate::failure::{Context, Failure};
use crate::line::{Found, Line, Taken};
use crate::stats::Series;
use crate::tls::Certificates;
use crate::weir::{self, Weir};

/// One that Weir's policy grants; long beside what starts and ends, also at the larger distance.
const TOPIC: Topic = Topic { name: TOPICS[0].0, partitions: 6, records: 150_000 };
const DISTANCES: [(&Figure, Duration); 2] = [(&FAR, Duration::from_millis(40)), (&FARTHER, Duration::from_millis(100))];

/// Gigabytes in a second on each way.
#[derive(Default)]
struct Cell {
    direct: Series,
    weir: Series,
}

/// Measures.
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let certificates = Certificates::make(run.dir.path())?;
    let listeners = Listeners::choose()?;
    let [mtls, relay] = weir::free_ports()?.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let shown = Shown { mtls, relay, haproxy: listeners.behind_haproxy };
    let _broker = broker::start(run, &listeners, shown, &certificates)?;
    clients::fill(run, TOPIC, listeners.plaintext)?;
    let ways = [Far { here: mtls, there: listeners.mtls }, Far { here: relay, there: listeners.behind_relay }];
    let delay = Delay::start(&ways, Duration::ZERO).context("the relay cannot be started")?;
    let weir = Weir::start(&run.options.weir, relay, &certificates, run.dir.path(), &run.log("weir"))?;
    let mut reader = Reader::start(run, Library::Librdkafka, TOPIC, &certificates)?;
    let mut take = |at: SocketAddr, series: &mut Series| -> Result<(), Failure> {
        let pass = reader.read(at)?;
        series.push(pass.bytes as f64 / 1e9 / pass.time.as_secs_f64());
        Ok(())
    };
    // Warms the compilers of the broker.
    let mut cells = DISTANCES.map(|_| Cell::default());
    for at in [mtls, weir.proxy.address] {
        take(at, &mut Series::default())?;
    }
    for round in run.rounds() {
        for ((_, distance), cell) in DISTANCES.iter().zip(&mut cells) {
            delay.set(*distance);
            // No way is always the first.
            let mut order = [(mtls, &mut cell.direct), (weir.proxy.address, &mut cell.weir)];
            if round % 2 == 1 {
                order.reverse();
            }
            for (at, series) in order {
                take(at, series)?;
            }
        }
    }
    Ok(found(&cells))
}

fn found(cells: &[Cell; 2]) -> Found {
    let line = |((figure, _), cell): (&(&'static Figure, Duration), &Cell)| {
        Line::of(figure, Taken::once(cell.weir.against(&cell.direct).median()))
    };
    let told = |((_, distance), cell): (&(&Figure, Duration), &Cell)| {
        format!("{distance:?}: {:.3} GB/s directly, {:.3} GB/s through Weir", cell.direct.median(), cell.weir.median())
    };
    Found {
        lines: DISTANCES.iter().zip(cells).map(line).collect(),
        told: DISTANCES.iter().zip(cells).map(told).collect(),
        void: None,
    }
}
