//! The row of growth: what a small request costs, and what a connection takes, with more and more connections, and with
//! one worker and two.
//!
//! The same load lies on all of them: ten requests are under way, and clients take turns. So what grows is due to the
//! connections that there are, and not to how many of them speak. Two workers have both cores, the clients' too.

use super::Run;
use crate::broker::CannedBroker;
use crate::canned::Answers;
use crate::crowd::Crowd;
use crate::failure::Failure;
use crate::line::{Found, Line, Taken};
use crate::proxy::Proxy;
use crate::small::Job;
use crate::stats::Series;
use crate::tls::Certificates;
use crate::weir::Weir;

/// How many connections.
const STEPS: [usize; 4] = [10, 100, 1000, 5000];
/// Requests that are under way at any time.
const WINDOW: usize = 10;
/// Requests before the counting, and counted.
const WARM: u64 = 2000;
const REQUESTS: u64 = 20_000;
/// Times that it is taken: five thousand handshakes each.
const TURNS: usize = 4;

/// What one kind of process costs at one step.
#[derive(Default)]
struct Cell {
    /// CPU microseconds for each request.
    cost: Series,
    /// KiB for each connection.
    memory: Series,
}

type Side = [Cell; STEPS.len()];

/// Measures. Each time the processes are new, for memory that was used once is seldom given back.
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let dir = run.dir.path();
    let certificates = Certificates::make(dir)?;
    let (broker, answers) = (CannedBroker::start()?, Answers::new()?);
    let (mut one, mut two, mut bare) = (Side::default(), Side::default(), Side::default());
    for _ in run.rounds().take(TURNS) {
        for (workers, side) in [(1, &mut one), (2, &mut two)] {
            let log = run.log("weir");
            let weir = Weir::with_workers(workers, &run.options.weir, broker.address, &certificates, dir, &log)?;
            climb(&weir.proxy, side, &certificates, &answers)?;
        }
        climb(&Proxy::relay("relay", broker.address, &certificates)?, &mut bare, &certificates, &answers)?;
    }
    let cells = |index: usize| (STEPS[index], &one[index], &two[index], &bare[index]);
    let costs = (0..STEPS.len()).map(cells).map(|(step, one, two, bare)| {
        let line = Line::told(format!("small request, {step} connections"), "CPU-us", Taken::cost(&one.cost));
        let line = line.against("bare relay", Taken::cost(&bare.cost));
        line.beside("Weir with 2 workers", Ok(Taken::cost(&two.cost)))
    });
    // Less than a page for each is no figure of theirs.
    let memories = (1..STEPS.len()).map(cells).map(|(step, one, two, bare)| {
        let line = Line::told(format!("memory of a connection, {step} connections"), "KB", Taken::cost(&one.memory));
        let line = line.against("bare relay", Taken::cost(&bare.memory));
        line.beside("Weir with 2 workers", Ok(Taken::cost(&two.memory)))
    });
    let told = [("weir", &one), ("weir with 2 workers", &two), ("bare relay", &bare)];
    let told = told.iter().map(|(name, side)| grown(name, side)).collect();
    Ok(Found { lines: costs.chain(memories).collect(), told, void: None })
}

/// By how much a request became dearer, within a climb.
fn grown(name: &str, side: &Side) -> String {
    let [first, rest @ ..] = side;
    let ratio = |cell: &Cell| format!("{:.2}x", cell.cost.against(&first.cost).median());
    let ratios: Vec<String> = rest.iter().map(ratio).collect();
    format!("{name}: a request against one with 10 connections: {}", ratios.join(", "))
}

/// Connects more and more clients to a process that has just started.
fn climb(proxy: &Proxy, side: &mut Side, certificates: &Certificates, answers: &Answers) -> Result<(), Failure> {
    let job = Job::small(proxy.address, certificates)?;
    // What is there once for all has come with these, which stay.
    let mut crowd = Crowd::open(&job, WINDOW, answers)?;
    let before = proxy.pss()?;
    for (connections, cell) in STEPS.into_iter().zip(side) {
        crowd.grow(&job, connections, answers)?;
        crowd.ask_in_turn(WINDOW, WARM)?;
        let cpu = proxy.settled_cpu()?;
        crowd.ask_in_turn(WINDOW, REQUESTS)?;
        let used = proxy.settled_cpu()?.saturating_sub(cpu);
        cell.cost.push(used.as_secs_f64() * 1e6 / REQUESTS as f64);
        cell.memory.push((proxy.pss()? - before) / (connections - WINDOW).max(1) as f64);
    }
    Ok(())
}
