//! A client meets a row up to three times: on a machine that is busy a library is slow to speak, or loses a race with
//! itself (kafka-python shares partitions out before it has heard of them, now and then, and then reads nothing).
//!
//! Must never take another try for what was as the page says, nor give up one that may still be.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use weir_testkit::Kafka;

use crate::Seen;
use crate::page;
use crate::row::{Case, Row};
use crate::run::Meeting;
use crate::stage::{self, Stage};
use crate::verdict::{self, Verdict};

/// The tries of one meeting.
const TRIES: u32 = 3;
/// Meetings that fail in all of them, before the others have one each: it is not the machine then.
const ENOUGH: usize = 5;
static FAILED: AtomicUsize = AtomicUsize::new(0);

/// What comes nearest to what the page says of the tries until now.
#[derive(Debug)]
struct Best {
    said: Option<String>,
    tries: u32,
    held: Result<String, String>,
}

/// One meeting, of which a surprise ends no other.
pub fn meeting(stage: &mut Stage, client: &str, run: &Path, row: &Row, case: &Case) -> Result<String, String> {
    let mut best = Best::of(row, client);
    while best.is_wanted() {
        let (said, tries) = (best.said.clone(), best.tries);
        best.take(caught(|| Meeting::new(stage, client, run, row, case).again(said, tries).held()));
    }
    best.held
}

/// The row that needs a Weir that has just begun and a broker that does not answer: for all clients at the same time.
pub fn with_a_silent_broker(kafka: &Kafka, ready: &[(&'static str, PathBuf)], (row, case): (&Row, &Case)) -> Vec<Seen> {
    let mut all: Vec<_> = ready.iter().map(|(client, run)| (*client, run.as_path(), Best::of(row, client))).collect();
    while all.iter().any(|(_, _, best)| best.is_wanted()) {
        let wanted: Vec<_> = all.iter_mut().filter(|(_, _, best)| best.is_wanted()).collect();
        once_with_a_silent_broker(kafka, wanted, row, case);
    }
    let held = |(client, _, best): (&str, &Path, Best)| (row.name().to_string(), client.to_string(), best.held);
    all.into_iter().map(held).collect()
}

/// The broker is silent until the last of them has met the row.
fn once_with_a_silent_broker(kafka: &Kafka, wanted: Vec<&mut (&str, &Path, Best)>, row: &Row, case: &Case) {
    stage::signal_second_broker(kafka, "STOP");
    let mut stages: Vec<Stage> = wanted.iter().map(|_| Stage::open_unready(kafka, false)).collect();
    let together = wanted.iter().zip(&mut stages);
    let mut meetings: Vec<Meeting> = together
        .map(|((client, run, best), stage)| {
            Meeting::new(stage, client, run, row, case).again(best.said.clone(), best.tries)
        })
        .collect();
    let met: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = meetings.iter_mut().map(|meeting| scope.spawn(|| caught(|| meeting.meets()))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a client's thread")).collect()
    });
    stage::signal_second_broker(kafka, "CONT");
    std::thread::scope(|scope| {
        for ((meeting, met), (_, _, best)) in meetings.iter_mut().zip(met).zip(wanted) {
            scope.spawn(move || best.take(caught(|| met.and_then(|(program, told)| meeting.ends(program, told)))));
        }
    });
}

impl Best {
    fn of(row: &Row, client: &str) -> Self {
        let said = page::read().remove(&(row.name().to_string(), client.to_string()));
        Self { said, tries: 0, held: Err("nothing was tried".into()) }
    }

    /// Whether another try may come nearer. What differs only in a library's words has one more.
    fn is_wanted(&self) -> bool {
        match self.verdict(&self.held) {
            Verdict::Same => false,
            Verdict::Differs if !verdict::is_exact() => self.tries < 2,
            _ => self.tries < if FAILED.load(Ordering::Relaxed) < ENOUGH { TRIES } else { 1 },
        }
    }

    fn take(&mut self, held: Result<String, String>) {
        // Of tries that are as far off, the last tells most.
        if self.verdict(&held).distance() <= self.verdict(&self.held).distance() {
            self.held = held;
        }
        self.tries += 1;
        if self.tries == TRIES && matches!(self.verdict(&self.held), Verdict::Fails(_)) {
            FAILED.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A page that says nothing yet takes anything that can be said.
    fn verdict(&self, held: &Result<String, String>) -> Verdict {
        match (&self.said, held) {
            (None, Ok(_)) => Verdict::Same,
            (said, held) => verdict::of(said.as_deref().unwrap_or_default(), held),
        }
    }
}

fn caught<T>(act: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|_| Err("it panicked; the message stands above".into()))
}
