//! Weir is stopped and started again under load: no consumer pays for it with a rebalance or a record.

use std::time::{Duration, Instant};

use crate::Form;
use crate::cluster::{PARTITIONS, READER, Stage};
use crate::crowd::Reader;
use crate::figure::{Figure, Report};
use crate::offsets_log::OffsetsLog;
use crate::writer::Writer;
use weir_testkit::wait;

const SETTLE: Duration = Duration::from_secs(90);
const READERS: usize = 5;
/// From the stop until it serves again.
const AWAY: Duration = Duration::from_secs(4);
/// From one stop to the next. Each dial of a broker may double how long librdkafka waits before the next, up to 10 s,
/// and it forgets that 10 s past the end of the last wait: whoever restarts faster makes it wait longer than a session.
const APART: Duration = Duration::from_secs(25);

/// The drill.
#[must_use]
pub fn run(form: Form) -> Vec<Report> {
    vec![Report {
        name: "restart under load",
        figures: restarts("restart", form.pick(20, 2), Duration::ZERO),
        control: form.control(|| restarts("restart-late", 1, Duration::from_secs(15))),
    }]
}

/// Stops and starts so many times; `pause` is how long nobody serves in between.
fn restarts(name: &str, times: u64, pause: Duration) -> Vec<Figure> {
    let mut stage = Stage::open(name);
    let writer = Writer::start(&stage.kafka, &stage.topic, PARTITIONS, 300);
    let groups: Vec<_> = (0..READERS).map(|number| format!("{name}-{number}")).collect();
    let (bootstrap, identity) = (stage.weir.bootstrap(), stage.identity(READER));
    let readers: Vec<_> =
        groups.iter().map(|group| Reader::start(&bootstrap, &identity, &stage.topic, group)).collect();
    let all_read = |more: usize| {
        let had: Vec<_> = readers.iter().map(Reader::records).collect();
        wait::until("everybody reads on", SETTLE, || {
            let slow = readers.iter().zip(&had).find(|(reader, had)| reader.records() < *had + more);
            slow.map_or(Ok(()), |(reader, _)| Err(format!("{} records", reader.records())))
        });
    };
    all_read(30);
    let log = OffsetsLog::open(&stage.kafka);
    let mut slowest = Duration::ZERO;
    for round in 1..=times {
        let began = Instant::now();
        stage.weir.stop();
        std::thread::sleep(pause);
        stage.weir.restart();
        slowest = slowest.max(began.elapsed());
        all_read(30);
        if round < times {
            std::thread::sleep(APART.saturating_sub(began.elapsed()));
        }
    }
    let written = writer.end();
    let caught_up = readers.iter().all(|reader| reader.catches_up(&written, SETTLE).is_some());
    let states: u64 = groups.iter().map(|group| log.of(&stage.real_group(group)).states).sum();
    vec![
        Figure::within("the longest that nobody served", slowest, AWAY),
        Figure::at_most("rebalances at the brokers", states, 0),
        Figure::at_most("records lost", readers.iter().map(|reader| reader.lost(&written)).sum(), 0),
        Figure::at_least("caught up", u64::from(caught_up), 1),
    ]
}
