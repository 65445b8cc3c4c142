//! One client reads all that it can get: it gets its tier's rate, and those beside it get their records in time.

use std::time::{Duration, Instant};

use weir_testkit::wait;

use crate::Form;
use crate::cluster::{PARTITIONS, Stage, TOOL};
use crate::crowd::{Reader, all_read, p99};
use crate::figure::{Figure, Report};
use crate::hog::{Hog, fill};
use crate::writer::Writer;

const HOG: &str = "drill-hog";
const QUIET: usize = 20;
/// Of the hog, in bytes a second; it may use as much at once.
const RATE: u64 = 2_000_000;
/// What it reads first does not count: it may use some of that at once.
const FIRST: u64 = 3 * RATE;
/// Records a second for the quiet ones.
const WRITTEN: u32 = 100;
/// Within this 99 of 100 of the quiet ones' records come.
const IN_TIME: Duration = Duration::from_millis(500);
const SETTLE: Duration = Duration::from_secs(90);

/// The drill.
#[must_use]
pub fn run(form: Form) -> Vec<Report> {
    let seconds = form.pick(30, 10);
    let limits = format!("bytes_out: {{per_second: {RATE}, burst: {RATE}}}");
    vec![Report {
        name: "a bandwidth hog beside 20 quiet consumers",
        figures: beside_a_hog("bandwidth", &limits, seconds),
        control: form.control(|| beside_a_hog("bandwidth-unlimited", "", 10)),
    }]
}

fn beside_a_hog(name: &str, limits: &str, seconds: u64) -> Vec<Figure> {
    let people: Vec<String> = (0..QUIET).map(|number| format!("drill-quiet-{number}")).collect();
    let quiet = people.iter().map(|person| (person.as_str(), TOOL));
    let stage = Stage::open_for(name, quiet.chain([(HOG, limits)]));
    let bulk = FIRST + RATE * (seconds + 5);
    fill(&stage.kafka, &stage.quiet, bulk);
    let writer = Writer::start(&stage.kafka, &stage.topic, PARTITIONS, WRITTEN);
    let start = |person: &String| Reader::start(&stage.weir.bootstrap(), &stage.identity(person), &stage.topic, name);
    let readers: Vec<_> = people.iter().map(start).collect();
    all_read(&readers);
    let hog = Hog::start(&stage.weir.bootstrap(), &stage.identity(HOG), &stage.quiet, bulk);
    wait::until("the hog to be at its rate", SETTLE, || match hog.read() {
        read if read > FIRST => Ok(()),
        read => Err(format!("{read} bytes")),
    });
    let began = Instant::now();
    let before: Vec<_> = readers.iter().map(Reader::records).collect();
    readers.iter().for_each(|reader| drop(reader.take_delays()));
    std::thread::sleep(Duration::from_secs(seconds));
    let (took, rate) = (began.elapsed(), hog.rate_after(FIRST));
    let came: Vec<_> = readers.iter().zip(before).map(|(reader, before)| (reader.records() - before) as u64).collect();
    let delays = readers.iter().flat_map(Reader::take_delays).collect();
    drop(hog);
    let written = writer.end();
    let caught_up = readers.iter().all(|reader| reader.catches_up(&written, SETTLE).is_some());
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    let wanted = u64::from(WRITTEN) * millis / 1000;
    vec![
        Figure::near("the hog's kB/s at the client", rate / 1000, RATE / 1000),
        Figure::near("records of the quiet one that got fewest", came.iter().copied().min().unwrap_or(0), wanted),
        Figure::near("that got most", came.iter().copied().max().unwrap_or(0), wanted),
        Figure::within("99 of 100 of their records came within", p99(delays), IN_TIME),
        Figure::at_most("their records lost", readers.iter().map(|reader| reader.lost(&written)).sum(), 0),
        Figure::at_least("caught up", u64::from(caught_up), 1),
    ]
}
