//! The row of bulk Fetch: Weir and the bare relay in turns, CPU seconds for each gigabyte of answers.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::Options;
use crate::broker::{AskedCounts, CannedBroker};
use crate::canned::{Answers, VERSIONS};
use crate::failure::{Context, Failure};
use crate::load::{Job, Load, Moved};
use crate::proxy::Proxy;
use crate::stats::Series;
use crate::tls::Certificates;
use crate::weir::{Counted, Weir};

/// Answers of one figure, over all its connections: a gigabyte.
const ANSWERS: u32 = 1024;
/// Answers before the counting, over all connections.
const WARM: u32 = 64;

/// One way in which clients fetch.
#[derive(Clone, Copy)]
pub struct Way {
    /// The version of Fetch.
    pub version: i16,
    /// How many clients.
    pub connections: u32,
    /// Each session holds a topic that is refused. The bare relay's clients do not ask for it.
    pub refused: bool,
}

/// What one way costs.
pub struct Cell {
    /// The way.
    pub way: Way,
    /// Through Weir.
    pub weir: Side,
    /// Through the bare relay.
    pub bare: Side,
}

/// One proxy's share of a cell.
#[derive(Default)]
pub struct Side {
    /// CPU seconds for each gigabyte.
    pub cost: Series,
    /// The share of the time in which the proxy's core was busy with it.
    pub busy: Series,
    /// TLS records in each answer.
    pub records: Series,
}

/// What the row found.
pub struct BulkFetch {
    /// All ways.
    pub cells: Vec<Cell>,
    /// What holds the baseline to its word, in the last way of those that every run has.
    pub copy: Side,
    /// The way in which it was taken, as an index of `cells`.
    pub copied: usize,
    /// By how much Weir's counters grew.
    pub counted: Counted,
    /// What the broker was asked through Weir.
    pub asked: AskedCounts,
}

impl BulkFetch {
    /// Whether the bare relay is as good as it has to be.
    pub fn is_valid(&self) -> bool {
        self.cells[self.copied].bare.cost.minimum() <= self.copy.cost.minimum()
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let s = if self.connections == 1 { "" } else { "s" };
        let refused = if self.refused { ", one topic refused" } else { "" };
        write!(formatter, "v{}, {} connection{s}{refused}", self.version, self.connections)
    }
}

/// Measures. Each side has a broker of its own, so that what Weir asked can be told.
pub fn measure(options: &Options, dir: &Path) -> Result<BulkFetch, Failure> {
    fs::create_dir_all(&options.out).context("the output directory cannot be made")?;
    let bench = Bench::start(options, dir)?;
    let ways = ways(options.many);
    let copied = ways.iter().rposition(|way| way.connections == 8 && !way.refused).unwrap_or(0);
    let cells = ways.into_iter().map(|way| Cell { way, weir: Side::default(), bare: Side::default() });
    let mut found = BulkFetch {
        cells: cells.collect(),
        copy: Side::default(),
        copied,
        counted: Counted::default(),
        asked: AskedCounts::default(),
    };
    let before = bench.weir.counted()?;
    for round in 0..options.rounds {
        eprintln!("bulk-fetch: round {} of {}", round + 1, options.rounds);
        for (index, cell) in found.cells.iter_mut().enumerate() {
            bench.take(&bench.weir.proxy, cell.way, &mut cell.weir)?;
            let plain = Way { refused: false, ..cell.way };
            bench.take(&bench.bare, plain, &mut cell.bare)?;
            if index == copied {
                bench.take(&bench.copy, plain, &mut found.copy)?;
            }
        }
    }
    let after = bench.weir.counted()?;
    found.counted = Counted {
        fetch_ok: after.fetch_ok - before.fetch_ok,
        fetch_refused: after.fetch_refused - before.fetch_refused,
        refused_items: after.refused_items - before.refused_items,
        bytes_to_clients: after.bytes_to_clients - before.bytes_to_clients,
    };
    found.asked = bench.behind_weir.asked.now();
    Ok(found)
}

fn ways(many: bool) -> Vec<Way> {
    let counts: &[u32] = if many { &[1, 8, 64] } else { &[1, 8] };
    let plain = VERSIONS.into_iter().flat_map(|version| {
        counts.iter().map(move |connections| Way { version, connections: *connections, refused: false })
    });
    plain.chain([Way { version: 17, connections: 8, refused: true }]).collect()
}

struct Bench {
    weir: Weir,
    bare: Proxy,
    copy: Proxy,
    behind_weir: CannedBroker,
    certificates: Certificates,
    answers: Answers,
}

impl Bench {
    fn start(options: &Options, dir: &Path) -> Result<Self, Failure> {
        let certificates = Certificates::make(dir)?;
        let (behind_weir, behind_relays) = (CannedBroker::start()?, CannedBroker::start()?);
        let log = options.out.join("weir.log");
        Ok(Self {
            weir: Weir::start(&options.weir, behind_weir.address, &certificates, dir, &log)?,
            bare: Proxy::relay("relay", behind_relays.address, &certificates)?,
            copy: Proxy::relay("copy-relay", behind_relays.address, &certificates)?,
            behind_weir,
            certificates,
            answers: Answers::new()?,
        })
    }

    /// Takes one figure.
    fn take(&self, proxy: &Proxy, way: Way, side: &mut Side) -> Result<(), Failure> {
        let job = Job {
            target: proxy.address,
            config: self.certificates.client_config()?,
            version: way.version,
            connections: way.connections,
            asks_refused: way.refused,
        };
        let mut load = Load::open(&job, &self.answers)?;
        load.run(WARM.div_ceil(way.connections))?;
        let before = settled_cpu(proxy)?;
        let moved: Moved = load.run(ANSWERS.div_ceil(way.connections))?;
        let used = settled_cpu(proxy)?.saturating_sub(before).as_secs_f64();
        side.cost.push(used / (moved.bytes as f64 / 1e9));
        side.busy.push(used / moved.time.as_secs_f64());
        side.records.push(moved.records as f64 / moved.answers as f64);
        Ok(())
    }
}

/// The CPU time, once the proxy has gone to sleep: the kernel adds up when it does.
fn settled_cpu(proxy: &Proxy) -> Result<Duration, Failure> {
    std::thread::sleep(Duration::from_millis(10));
    proxy.cpu()
}
