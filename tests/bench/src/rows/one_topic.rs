//! The row of one topic: a thousand consumers in fetch sessions on the same partitions, each of which waits a quarter of a
//! second for a kilobyte, as consumers of a quiet topic do. Nothing is shared between them yet: it costs what a thousand
//! consumers cost.

use std::time::{Duration, Instant};

use super::Run;
use crate::canned::Answers;
use crate::crowd::Crowd;
use crate::failure::Failure;
use crate::line::{Found, Line, Taken};
use crate::proxy::Proxy;
use crate::small::Job;
use crate::stage::Stage;
use crate::stats::Series;
use crate::tls::Certificates;

const CLIENTS: usize = 1000;
/// How long the broker has each Fetch wait.
const WAIT: Duration = Duration::from_millis(250);
/// A Fetch waits while there is less.
const MIN_BYTES: i32 = 64 * 1024;
/// Before the counting, and counted.
const WARM: Duration = Duration::from_millis(500);
const COUNTED: Duration = Duration::from_secs(3);
/// Times that it is taken.
const TURNS: u32 = 4;

struct Side<'a> {
    proxy: &'a Proxy,
    crowd: Crowd,
    /// KiB for each client.
    memory: f64,
    /// CPU microseconds for each answer.
    cost: Series,
    /// Answers in a second.
    rate: Series,
}

/// Measures.
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let stage = Stage::start(run)?;
    let mut weir = Side::open(&stage.weir.proxy, &stage.certificates, &stage.answers)?;
    let mut bare = Side::open(&stage.bare, &stage.certificates, &stage.answers)?;
    for _ in run.rounds().take(TURNS as usize) {
        weir.take()?;
        bare.take()?;
    }
    let cost = Line::told("1,000 clients on one topic", "CPU-us", Taken::cost(&weir.cost))
        .against("bare relay", Taken::cost(&bare.cost));
    let memory = Line::told("memory for each of them", "KB", Taken::once(weir.memory))
        .against("bare relay", Taken::once(bare.memory));
    let told = format!(
        "{:.0} / {:.0} answers in a second; by pairs {:.3}x",
        weir.rate.median(),
        bare.rate.median(),
        weir.cost.against(&bare.cost).median(),
    );
    Ok(Found { lines: vec![cost, memory], told: vec![told], void: None })
}

impl<'a> Side<'a> {
    fn open(proxy: &'a Proxy, certificates: &Certificates, answers: &Answers) -> Result<Self, Failure> {
        let before = proxy.pss()?;
        let mut crowd = Crowd::open(&Job::small(proxy.address, certificates)?, CLIENTS, answers)?;
        crowd.wait_for(MIN_BYTES, WAIT);
        let memory = (proxy.pss()? - before) / CLIENTS as f64;
        Ok(Self { proxy, crowd, memory, cost: Series::default(), rate: Series::default() })
    }

    fn take(&mut self) -> Result<(), Failure> {
        self.crowd.start_asking(1, WAIT)?;
        self.crowd.keep_asking(Instant::now() + WARM)?;
        let (before, began) = (self.proxy.cpu()?, Instant::now());
        let answers = self.crowd.keep_asking(Instant::now() + COUNTED)?;
        let used = self.proxy.cpu()?.saturating_sub(before);
        self.cost.push(used.as_secs_f64() * 1e6 / answers as f64);
        self.rate.push(answers as f64 / began.elapsed().as_secs_f64());
        self.crowd.finish()
    }
}
