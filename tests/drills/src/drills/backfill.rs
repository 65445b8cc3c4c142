//! One client reads what is long past: it gets its tier's rate of that, and who reads the tail does not wait for it.

use std::time::Duration;

use serde_json::json;
use weir_testkit::wait;

use crate::Form;
use crate::cluster::{PARTITIONS, READER, Stage, let_in};
use crate::crowd::{Reader, all_read, p99};
use crate::figure::{Figure, Report};
use crate::hog::{Hog, fill};
use crate::writer::Writer;

const HOG: &str = "drill-backfill";
const TAIL: usize = 20;
/// Of who reads far behind, in bytes a second.
const RATE: u64 = 2_000_000;
/// What it reads first does not count: it may use some of that at once.
const FIRST: u64 = 3 * RATE;
/// Records: more is far behind.
const BEHIND: u64 = 5_000;
/// Records a second at the tail.
const WRITTEN: u32 = 100;
/// So much later than without a backfill 99 of 100 records of the tail may come.
const SLOWER: Duration = Duration::from_millis(50);
const SPANS: u32 = 3;
const SETTLE: Duration = Duration::from_secs(90);

/// The drill.
#[must_use]
pub fn run(form: Form) -> Vec<Report> {
    let limits = format!("catch_up: {{per_second: {RATE}, burst: {RATE}}}");
    vec![Report {
        name: "a backfill beside 20 readers of the tail",
        figures: beside_a_backfill("backfill", &limits, form.pick(30, 10)),
        control: form.control(|| beside_a_backfill("backfill-unlimited", "", 10)),
    }]
}

fn beside_a_backfill(name: &str, limits: &str, seconds: u64) -> Vec<Figure> {
    let time = Duration::from_secs(seconds);
    let stage = Stage::open_with(name, |options| {
        let_in(options, [(HOG, limits)]);
        options.config["limits"]["catch_up"]["behind"] = json!(BEHIND);
    });
    // More than is read, and what is not far behind any more.
    let bulk = RATE * (seconds + 10) + BEHIND * 1_000;
    fill(&stage.kafka, &stage.quiet, bulk);
    let writer = Writer::start(&stage.kafka, &stage.topic, PARTITIONS, WRITTEN);
    let (bootstrap, identity) = (stage.weir.bootstrap(), stage.identity(READER));
    let start = |number| Reader::start(&bootstrap, &identity, &stage.topic, &format!("{name}-{number}"));
    let readers: Vec<_> = (0..TAIL).map(start).collect();
    all_read(&readers);
    let alone = delays(&readers, time);
    let hog = Hog::start(&bootstrap, &stage.identity(HOG), &stage.quiet, bulk);
    wait::until("the backfill to be at its rate", SETTLE, || match hog.read() {
        read if read > FIRST => Ok(()),
        read => Err(format!("{read} bytes")),
    });
    let beside = delays(&readers, time);
    let rate = hog.rate_after(FIRST);
    drop(hog);
    let written = writer.end();
    let caught_up = readers.iter().all(|reader| reader.catches_up(&written, SETTLE).is_some());
    let tail = format!("99 of 100 records of the tail, {} ms without the backfill, came within", alone.as_millis());
    vec![
        Figure::near("the backfill's kB/s at the client", rate / 1000, RATE / 1000),
        Figure::within(tail, beside, alone + SLOWER),
        Figure::at_most("records of the tail lost", readers.iter().map(|reader| reader.lost(&written)).sum(), 0),
        Figure::at_least("caught up", u64::from(caught_up), 1),
    ]
}

/// Within which time 99 of 100 records came, in the middle one of three spans: one moment in which the machine stood
/// still is not a backfill's doing.
fn delays(readers: &[Reader], time: Duration) -> Duration {
    let mut spans: Vec<_> = (0..SPANS)
        .map(|_| {
            readers.iter().for_each(|reader| drop(reader.take_delays()));
            std::thread::sleep(time / SPANS);
            p99(readers.iter().flat_map(Reader::take_delays).collect())
        })
        .collect();
    spans.sort_unstable();
    spans[spans.len() / 2]
}
