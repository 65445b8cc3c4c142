//! The row of fairness: how long fifty clients that ask for little wait, while others ask for all they can get.
//!
//! All share one worker. The neighbours, and the broker's threads that serve them, run at the lowest priority, so that
//! bystanders wait for the proxy and not for a core that the bench itself keeps busy; what is left of that is in the bare
//! relay's figures too. What the neighbours got is told beside, for a proxy that gives them less has an easy life.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Run;
use crate::canned::{Answers, Size};
use crate::crowd::Crowd;
use crate::failure::{Context, Failure};
use crate::fetch::PATIENCE;
use crate::line::{Found, Line, Taken};
use crate::load::{self, Load};
use crate::proxy::Proxy;
use crate::quantiles::Quantiles;
use crate::slow::SlowReaders;
use crate::small::Job;
use crate::stage::Stage;
use crate::stats::Series;
use crate::tls::Certificates;

const BYSTANDERS: usize = 50;
/// Each asks once in this time.
const PERIOD: Duration = Duration::from_millis(20);
/// For how long, in each turn.
const TIME: Duration = Duration::from_secs(2);
/// Times that it is taken.
const TURNS: usize = 4;

/// Who else is there.
#[derive(Clone, Copy)]
enum Neighbours {
    Nobody,
    Greedy,
    Slow,
    Pipelining,
}

const NEIGHBOURS: [(Neighbours, &str); 4] = [
    (Neighbours::Nobody, "alone"),
    (Neighbours::Greedy, "beside 8 greedy clients"),
    (Neighbours::Slow, "beside 200 slow readers"),
    (Neighbours::Pipelining, "beside 8 clients with 16 requests under way"),
];

impl Neighbours {
    /// The unit of what they get.
    fn got(self) -> &'static str {
        match self {
            Self::Nobody | Self::Pipelining => "answers",
            Self::Greedy => "MB",
            Self::Slow => "bytes",
        }
    }
}

/// What bystanders waited beside one kind of neighbours: all times, and microseconds by turn.
#[derive(Default)]
struct Cell {
    all: Quantiles,
    p50: Series,
    p99: Series,
    longest: Series,
    /// Megabytes or answers that the neighbours got in a second.
    theirs: Series,
}

/// One proxy.
struct Side<'a> {
    proxy: &'a Proxy,
    bystanders: Crowd,
    cells: [Cell; NEIGHBOURS.len()],
}

/// Measures.
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let sizes = [Size::Small, Size::Bulk, Size::Huge];
    let Stage { bare, weir, broker: _broker, answers, certificates } =
        Stage::with(run, Answers::of_sizes(&sizes)?, Answers::new()?)?;
    let (answers, certificates) = (Arc::new(answers), Arc::new(certificates));
    let open = |proxy| Side::open(proxy, &certificates, &answers);
    let mut sides = [open(&weir.proxy)?, open(&bare)?];
    for _ in run.rounds().take(TURNS) {
        for (index, (neighbours, _)) in NEIGHBOURS.into_iter().enumerate() {
            for side in &mut sides {
                let party = Party::start(neighbours, side.proxy, &certificates, &answers)?;
                let took = side.bystanders.ask_regularly(PERIOD, TIME);
                let theirs = party.end()?;
                side.cells[index].add(took?, theirs);
            }
        }
    }
    let [weir, bare] = sides;
    let mut found = Found::default();
    for ((weir, bare), (neighbours, name)) in weir.cells.iter().zip(&bare.cells).zip(NEIGHBOURS) {
        found.lines.extend(lines(name, weir, bare));
        let got = neighbours.got();
        for (proxy, cell) in [("weir", weir), ("bare", bare)] {
            let theirs = cell.theirs.median();
            found.told.push(format!("{name}: {proxy}  {}; they got {theirs:.0} {got} / s", cell.all.histogram()));
        }
    }
    Ok(found)
}

fn lines(name: &str, weir: &Cell, bare: &Cell) -> [Line; 3] {
    let series = |cell: &Cell| [Taken::cost(&cell.p50), Taken::cost(&cell.p99), Taken::cost(&cell.longest)];
    let ([p50, p99, longest], [bare_p50, bare_p99, bare_longest]) = (series(weir), series(bare));
    [("p50", p50, bare_p50), ("p99", p99, bare_p99), ("longest", longest, bare_longest)].map(|(what, weir, bare)| {
        Line::told(format!("bystanders {name}, {what}"), "us", weir).against("bare relay", bare)
    })
}

impl<'a> Side<'a> {
    fn open(proxy: &'a Proxy, certificates: &Certificates, answers: &Answers) -> Result<Self, Failure> {
        let bystanders = Crowd::open(&Job::small(proxy.address, certificates)?, BYSTANDERS, answers)?;
        Ok(Self { proxy, bystanders, cells: Default::default() })
    }
}

impl Cell {
    fn add(&mut self, took: Quantiles, theirs: f64) {
        self.theirs.push(theirs);
        let took = took.sorted();
        self.p50.push(took.at(0.50));
        self.p99.push(took.at(0.99));
        self.longest.push(took.at(1.0));
        self.all.append(&took);
    }
}

/// Neighbours, on a thread of their own.
struct Party {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<f64, Failure>>,
}

impl Party {
    /// Starts them, and waits until they are busy.
    fn start(
        neighbours: Neighbours,
        proxy: &Proxy,
        certificates: &Arc<Certificates>,
        answers: &Arc<Answers>,
    ) -> Result<Self, Failure> {
        let (busy, is_busy) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let work = Work {
            job: Job::small(proxy.address, certificates)?,
            answers: Arc::clone(answers),
            stop: Arc::clone(&stop),
            busy,
        };
        let thread = thread::spawn(move || work.run(neighbours));
        let party = Self { stop, thread };
        match is_busy.recv_timeout(PATIENCE) {
            Ok(()) => Ok(party),
            // It says why.
            Err(_) => party.end().and_then(|_| Err(Failure::new("the neighbours did not begin"))),
        }
    }

    /// Ends them: what they got in a second.
    fn end(self) -> Result<f64, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| Failure::new("the neighbours' thread broke"))?
    }
}

/// What neighbours need.
struct Work {
    job: Job,
    answers: Arc<Answers>,
    stop: Arc<AtomicBool>,
    busy: SyncSender<()>,
}

impl Work {
    fn run(&self, neighbours: Neighbours) -> Result<f64, Failure> {
        match neighbours {
            Neighbours::Nobody => self.until_stopped(|| {
                thread::sleep(Duration::from_millis(100));
                Ok(0)
            }),
            Neighbours::Greedy => {
                let config = self.job.config.clone().ok_or_else(|| Failure::new("greedy clients use TLS"))?;
                let job =
                    load::Job { target: self.job.target, config, version: 17, connections: 8, asks_refused: false };
                let mut load = Load::open(&job, &self.answers)?;
                self.until_stopped(|| Ok(load.run(16)?.bytes / 1_000_000))
            }
            Neighbours::Slow => {
                let mut readers = SlowReaders::open(&self.job, 200)?;
                self.until_stopped(|| readers.read_for(Duration::from_millis(100), || Ok(())))
            }
            Neighbours::Pipelining => {
                let mut crowd = Crowd::open(&self.job, 8, &self.answers)?;
                crowd.start_asking(16, Duration::ZERO)?;
                let got = self.until_stopped(|| crowd.keep_asking(Instant::now() + Duration::from_millis(100)))?;
                crowd.finish()?;
                Ok(got)
            }
        }
    }

    /// Does a piece of work again and again: what it gave in a second.
    fn until_stopped(&self, mut work: impl FnMut() -> Result<u64, Failure>) -> Result<f64, Failure> {
        rustix::process::setpriority_process(None, 19).context("the neighbours cannot stand back")?;
        work()?;
        let _ = self.busy.send(());
        let (began, mut got) = (Instant::now(), 0);
        while !self.stop.load(Ordering::Relaxed) {
            got += work()?;
        }
        Ok(got as f64 / began.elapsed().as_secs_f64())
    }
}
