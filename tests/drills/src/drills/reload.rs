//! The policy changes ten times a second while consumers read: nobody who lost nothing notices.

use std::time::{Duration, Instant};

use crate::Form;
use crate::cluster::{OTHER, PARTITIONS, READER, Stage};
use crate::crowd::Reader;
use crate::figure::{Figure, Report};
use crate::offsets_log::OffsetsLog;
use crate::writer::Writer;
use weir_testkit::wait;

const GAP: Duration = Duration::from_millis(100);
const SETTLE: Duration = Duration::from_secs(60);
const READERS: usize = 5;

/// The drill.
#[must_use]
pub fn run(form: Form) -> Vec<Report> {
    let seconds = form.pick(60, 8);
    vec![Report {
        name: "reload ten times a second under load",
        figures: under_load("reload", seconds, reload),
        control: form.control(|| under_load("no-reload", 4, restart)),
    }]
}

/// Another principal's rights come and go. Says how often that took effect.
fn reload(stage: &mut Stage, seconds: u64) -> u64 {
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut wide = true;
    let mut due = Instant::now();
    while Instant::now() < end {
        wide = !wide;
        let topics: &[&str] = if wide { &[&stage.topic, &stage.quiet] } else { &[&stage.topic] };
        stage.weir.write_acl(&stage.acl(topics));
        due += GAP;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    // In force, not only read.
    let metrics = stage.weir.get("/metrics").expect("metrics").1;
    let loaded = metrics.lines().find_map(|line| line.strip_prefix("weir_reloads_total{result=\"loaded\"} "));
    loaded.and_then(|count| count.parse().ok()).expect("a count of reloads")
}

/// What a change costs without a reload.
fn restart(stage: &mut Stage, seconds: u64) -> u64 {
    stage.weir.stop();
    stage.weir.restart();
    std::thread::sleep(Duration::from_secs(seconds));
    0
}

fn under_load(name: &str, seconds: u64, change: fn(&mut Stage, u64) -> u64) -> Vec<Figure> {
    let mut stage = Stage::open(name);
    let writer = Writer::start(&stage.kafka, &stage.topic, PARTITIONS, 300);
    let groups: Vec<_> = (0..READERS).map(|number| format!("{name}-{number}")).collect();
    let start =
        |group: &String, who: &str| Reader::start(&stage.weir.bootstrap(), &stage.identity(who), &stage.topic, group);
    let readers: Vec<_> = groups.iter().map(|group| start(group, READER)).collect();
    // It loses and gains a topic all the time, and never the one that it reads.
    let other = start(&groups[0], OTHER);
    wait::until("everybody reads", SETTLE, || {
        let slow = readers.iter().chain([&other]).find(|reader| reader.records() < 30);
        slow.map_or(Ok(()), |reader| Err(format!("{} records", reader.records())))
    });
    let log = OffsetsLog::open(&stage.kafka);
    let before: Vec<_> = readers.iter().map(|reader| (reader.breaks(), reader.rebalances())).collect();
    let changes = change(&mut stage, seconds);
    let broke = readers.iter().zip(&before).map(|(reader, before)| reader.breaks() - before.0).sum();
    let written = writer.end();
    let caught_up = readers.iter().chain([&other]).all(|reader| reader.catches_up(&written, SETTLE).is_some());
    let rebalances: u64 = readers.iter().zip(&before).map(|(reader, before)| reader.rebalances() - before.1).sum();
    let states: u64 = groups.iter().map(|group| log.of(&stage.real_group(group)).states).sum();
    let lost = readers.iter().chain([&other]).map(|reader| reader.lost(&written)).sum();
    vec![
        Figure::at_least("reloads in force", changes, seconds * 5),
        Figure::at_most("connections that broke", broke, 0),
        Figure::at_most("rebalances at the brokers", states, 0),
        Figure::at_most("rebalances at the clients", rebalances, 0),
        Figure::at_most("records lost", lost, 0),
        Figure::at_least("caught up", u64::from(caught_up), 1),
    ]
}
