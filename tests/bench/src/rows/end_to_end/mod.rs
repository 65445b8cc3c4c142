//! The row of real Kafka, end to end: what reading a topic costs the proxy, the broker and the client together, for
//! librdkafka and for the Java consumer, on four ways: the broker's own mutual TLS, Weir, the bare relay, HAProxy.
//!
//! Each proxy is alone on its core as in other rows, but for the broker and the client, which may use every core on each
//! way: CPU time is what is counted. One whole turn before the counting warms the compilers of both JVMs.

pub(super) mod broker;
pub(super) mod clients;

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Run;
use crate::bar::{CLIENT_CPU, END_TO_END};
use crate::canned::TOPICS;
use crate::failure::Failure;
use crate::line::{Found, Line, Taken};
use crate::peers::HAPROXY;
use crate::proxy::Proxy;
use crate::stats::Series;
use crate::tls::Certificates;
use crate::weir::Weir;
use broker::{Listeners, Shown};
use clients::{Library, Pass, Reader, Topic};

/// One that Weir's policy grants. One and a half gigabytes: in the page cache of the smallest machine, and long beside
/// what starts and ends.
const TOPIC: Topic = Topic { name: TOPICS[0].0, partitions: 6, records: 1_500_000 };

/// The ways from the client to the broker.
const WAYS: [&str; 4] = ["brokers' own mTLS", "Weir", "bare relay", "HAProxy"];
const DIRECT: usize = 0;
const WEIR: usize = 1;
const BARE: usize = 2;
const PEER: usize = 3;

/// What one library costs on one way, in CPU seconds for each gigabyte.
#[derive(Default)]
struct Cell {
    proxy: Series,
    brokers: Series,
    /// Proxy and brokers together, in each round.
    edge: Series,
    client: Series,
    /// Gigabytes in a second.
    speed: Series,
}

/// Measures.
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let mut bench = Bench::start(run)?;
    let mut all = Vec::new();
    for library in [Library::Librdkafka, Library::Java] {
        let reader = Reader::start(run, library, TOPIC, &bench.certificates)?;
        all.push((library, reader, WAYS.map(|_| Cell::default())));
    }
    for (_, reader, _) in &mut all {
        bench.turn(0, reader, &mut WAYS.map(|_| Cell::default()))?;
    }
    for round in run.rounds() {
        for (_, reader, cells) in &mut all {
            bench.turn(round, reader, cells)?;
        }
    }
    let haproxy = bench.haproxy.as_ref().map(|_| ()).map_err(Clone::clone);
    let mut found = Found::default();
    for (library, _, cells) in &all {
        found.lines.extend(lines(*library, cells, &haproxy));
        found.told.extend(WAYS.iter().zip(cells).map(|(way, cell)| told(*library, way, cell)));
        found.told.push(by_pairs(*library, cells));
    }
    Ok(found)
}

/// Where `setup.sh` has put Kafka's jars and the clients.
fn prepared(run: &Run) -> Result<PathBuf, Failure> {
    let home = run.options.out.join("end-to-end");
    if home.join("ready").exists() {
        return Ok(home);
    }
    let why = std::fs::read_to_string(home.join("missing"));
    let why = why.unwrap_or_else(|_| "type tests/bench/clients/setup.sh, which says what it needs".to_owned());
    Err(Failure::new(format!("Kafka or its clients are not there: {}", why.trim())))
}

fn lines(library: Library, cells: &[Cell; 4], haproxy: &Result<(), String>) -> [Line; 2] {
    let edge = |way: usize| Taken::cost(&cells[way].edge);
    let client = |way: usize| Taken::cost(&cells[way].client);
    let of_peer = |taken: Taken| haproxy.clone().map(|()| taken);
    [
        Line::of(&END_TO_END, edge(WEIR))
            .way(library.name())
            .against(WAYS[DIRECT], edge(DIRECT))
            .beside("bare relay and brokers", Ok(edge(BARE)))
            .beside("HAProxy and brokers", of_peer(edge(PEER))),
        Line::of(&CLIENT_CPU, client(WEIR))
            .way(library.name())
            .against(WAYS[BARE], client(BARE))
            .beside("the client on the brokers' own mTLS", Ok(client(DIRECT)))
            .beside("the client on HAProxy", of_peer(client(PEER))),
    ]
}

fn told(library: Library, way: &str, cell: &Cell) -> String {
    let text = |series: &Series| format!("{:.3} / {:.3}", series.minimum(), series.median());
    format!(
        "{}, {way}: proxy {}, brokers {}, client {} CPU-s/GB, {:.2} GB/s",
        library.name(),
        text(&cell.proxy),
        text(&cell.brokers),
        text(&cell.client),
        cell.speed.median(),
    )
}

/// What the two judged ratios are when each round is compared with itself.
fn by_pairs(library: Library, cells: &[Cell; 4]) -> String {
    let edge = cells[WEIR].edge.against(&cells[DIRECT].edge).median();
    let client = cells[WEIR].client.against(&cells[BARE].client).median();
    let name = library.name();
    format!("{name}, by pairs: {edge:.3}x of {}, client {client:.3}x of {}", WAYS[DIRECT], WAYS[BARE])
}

struct Bench {
    broker: Proxy,
    listeners: Listeners,
    weir: Weir,
    bare: Proxy,
    haproxy: Result<Proxy, String>,
    certificates: Certificates,
}

impl Bench {
    /// The proxies of which the broker must know come first.
    fn start(run: &Run) -> Result<Self, Failure> {
        let dir = run.dir.path();
        let certificates = Certificates::make(dir)?;
        let listeners = Listeners::choose()?;
        let bare = Proxy::relay("relay", listeners.behind_relay, &certificates)?;
        let haproxy = HAPROXY.start(run, listeners.behind_haproxy, &certificates);
        let nowhere = listeners.behind_haproxy;
        let haproxy_at = haproxy.as_ref().map_or(nowhere, |proxy| proxy.address);
        let shown = Shown { mtls: listeners.mtls, relay: bare.address, haproxy: haproxy_at };
        let broker = broker::start(run, &listeners, shown, &certificates)?;
        clients::fill(run, TOPIC, listeners.plaintext)?;
        let weir = Weir::start(&run.options.weir, listeners.plaintext, &certificates, dir, &run.log("weir"))?;
        Ok(Self { broker, listeners, weir, bare, haproxy, certificates })
    }

    /// One reader takes every way, every other time in the opposite order: no way always has the same one before it.
    fn turn(&mut self, round: u32, reader: &mut Reader, cells: &mut [Cell; 4]) -> Result<(), Failure> {
        let mut order = [DIRECT, WEIR, BARE, PEER];
        if round % 2 == 1 {
            order.reverse();
        }
        for way in order {
            match self.take(way, reader, &mut cells[way]) {
                Err(failure) if way == PEER => self.haproxy = Err(failure.to_string()),
                taken => taken?,
            }
        }
        Ok(())
    }

    fn take(&self, way: usize, reader: &mut Reader, cell: &mut Cell) -> Result<(), Failure> {
        let Some((at, proxy)) = self.way(way) else { return Ok(()) };
        let cpu = || proxy.map_or(Ok(std::time::Duration::ZERO), Proxy::settled_cpu);
        let before = (cpu()?, self.broker.cpu_with_ended_threads()?);
        let Pass { bytes, cpu: client, time } = reader.read(at)?;
        let after = (cpu()?, self.broker.cpu_with_ended_threads()?);
        let gigabytes = bytes as f64 / 1e9;
        let proxy = after.0.saturating_sub(before.0).as_secs_f64() / gigabytes;
        let brokers = after.1.saturating_sub(before.1).as_secs_f64() / gigabytes;
        cell.proxy.push(proxy);
        cell.brokers.push(brokers);
        cell.edge.push(proxy + brokers);
        cell.client.push(client.as_secs_f64() / gigabytes);
        cell.speed.push(gigabytes / time.as_secs_f64());
        Ok(())
    }

    /// Where clients begin, and the proxy that they meet; nothing where there is no such way.
    fn way(&self, way: usize) -> Option<(SocketAddr, Option<&Proxy>)> {
        match way {
            DIRECT => Some((self.listeners.mtls, None)),
            WEIR => Some((self.weir.proxy.address, Some(&self.weir.proxy))),
            BARE => Some((self.bare.address, Some(&self.bare))),
            _ => self.haproxy.as_ref().ok().map(|proxy| (proxy.address, Some(proxy))),
        }
    }
}
