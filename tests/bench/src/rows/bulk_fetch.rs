//! The row of bulk Fetch: Weir and the bare relay in turns, CPU seconds for each gigabyte of answers.

use super::Run;
use crate::bar::BULK_FETCH;
use crate::broker::{AskedCounts, CannedBroker};
use crate::canned::{Answers, VERSIONS};
use crate::failure::Failure;
use crate::line::{Found, Line, Taken};
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
struct Way {
    /// The version of Fetch.
    version: i16,
    /// How many clients.
    connections: u32,
    /// Each session holds a topic that is refused. The bare relay's clients do not ask for it.
    refused: bool,
}

/// What one way costs.
struct Cell {
    way: Way,
    weir: Side,
    bare: Side,
}

/// One proxy's share of a cell.
#[derive(Default)]
pub(super) struct Side {
    /// CPU seconds for each gigabyte.
    pub cost: Series,
    /// The share of the time in which the proxy's core was busy with it.
    pub busy: Series,
    /// TLS records in each answer.
    pub records: Series,
}

impl Side {
    /// Takes one figure of so many answers, after some that do not count.
    pub fn take(&mut self, proxy: &Proxy, job: &Job, canned: &Answers, answers: u32) -> Result<(), Failure> {
        let mut load = Load::open(job, canned)?;
        load.run(WARM.div_ceil(job.connections))?;
        let before = proxy.settled_cpu()?;
        let moved: Moved = load.run(answers.div_ceil(job.connections))?;
        let used = proxy.settled_cpu()?.saturating_sub(before).as_secs_f64();
        self.cost.push(used / (moved.bytes as f64 / 1e9));
        self.busy.push(used / moved.time.as_secs_f64());
        self.records.push(moved.records as f64 / moved.answers as f64);
        Ok(())
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
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let bench = Bench::start(run)?;
    let cells = ways().into_iter().map(|way| Cell { way, weir: Side::default(), bare: Side::default() });
    let mut cells: Vec<Cell> = cells.collect();
    let copied = cells.iter().rposition(|cell| cell.way.connections == 8 && !cell.way.refused).unwrap_or(0);
    let mut copy = Side::default();
    let before = bench.weir.counted()?;
    for _ in run.rounds() {
        for (index, cell) in cells.iter_mut().enumerate() {
            bench.take(&bench.weir.proxy, cell.way, &mut cell.weir)?;
            let plain = Way { refused: false, ..cell.way };
            bench.take(&bench.bare, plain, &mut cell.bare)?;
            if index == copied {
                bench.take(&bench.copy, plain, &mut copy)?;
            }
        }
    }
    let counted = bench.weir.counted()?.since(&before);
    let (bare, copy) = (Taken::cost(&cells[copied].bare.cost), Taken::cost(&copy.cost));
    let mut told: Vec<String> = cells.iter().map(told_of).collect();
    told.push(format!("baseline: bare relay {:.3}, copy_bidirectional_with_sizes {:.3}", bare.best, copy.best));
    told.extend(grown(&counted, &bench.behind_weir.asked.now()));
    let void = (bare.best > copy.best).then(|| "the bare relay costs more than copy_bidirectional_with_sizes".into());
    Ok(Found { lines: cells.iter().map(line).collect(), told, void })
}

fn line(cell: &Cell) -> Line {
    let (weir, bare) = (Taken::cost(&cell.weir.cost), Taken::cost(&cell.bare.cost));
    Line::of(&BULK_FETCH, weir).way(&cell.way.to_string()).against("bare relay", bare)
}

fn told_of(cell: &Cell) -> String {
    let (weir, bare) = (&cell.weir, &cell.bare);
    format!(
        "{}: {:.3}x by pairs; core busy {:.0}% / {:.0}%; TLS records {:.0} / {:.0}",
        cell.way,
        weir.cost.against(&bare.cost).median(),
        weir.busy.median() * 100.0,
        bare.busy.median() * 100.0,
        weir.records.median(),
        bare.records.median(),
    )
}

/// By how much the counters grew, in Weir and at the broker behind it.
fn grown(counted: &Counted, asked: &AskedCounts) -> [String; 2] {
    [
        format!(
            "weir counted: {} Fetches, {} with a refusal, {} items refused, {} bytes to clients",
            counted.fetch_ok + counted.fetch_refused,
            counted.fetch_refused,
            counted.refused_items,
            counted.bytes_to_clients,
        ),
        format!(
            "its broker saw: {} sessions, {} Fetches in them, {} unknown sessions, {} refused topics",
            asked.sessions, asked.incremental, asked.bad_sessions, asked.refused_topics,
        ),
    ]
}

fn ways() -> Vec<Way> {
    let plain = VERSIONS
        .into_iter()
        .flat_map(|version| [1, 8, 64].map(|connections| Way { version, connections, refused: false }));
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
    fn start(run: &Run) -> Result<Self, Failure> {
        let dir = run.dir.path();
        let certificates = Certificates::make(dir)?;
        let (behind_weir, behind_relays) = (CannedBroker::start()?, CannedBroker::start()?);
        Ok(Self {
            weir: Weir::start(&run.options.weir, behind_weir.address, &certificates, dir, &run.log("weir"))?,
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
        side.take(proxy, &job, &self.answers, ANSWERS)
    }
}
