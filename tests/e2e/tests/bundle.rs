//! Every program and every configuration file of a bundle is run as it is, from a clean directory, before real Kafka.
//!
//! Each reader has a principal and a bundle of its own, made by `weir cert bundle`, so that nothing in it need be changed:
//! its group is the one that the bundle names. Two Weirs stand before the same brokers: one gives every principal groups
//! of its own, the other demands a prefix. A reader 1. reads all that is there, without aborted records and, where it is
//! a program of ours, without canary events; 2. ends on a signal, and has committed and left its group; 3. resumes there;
//! 4. says in a sentence what a refusal means. They run in parallel, a few at a time.
//!
//! `WEIR_TESTS_BUNDLE=node,rust` picks readers.

#[path = "bundle/history.rs"]
mod history;
#[path = "bundle/pool.rs"]
mod pool;
#[path = "bundle/prepare.rs"]
mod prepare;
#[path = "bundle/readers.rs"]
mod readers;
#[path = "bundle/refused.rs"]
mod refused;
#[path = "bundle/run.rs"]
mod run;
#[path = "bundle/stage.rs"]
mod stage;

use std::time::Instant;

use weir_testkit::{names, require, skip};

use history::History;
use readers::Reader;
use run::Run;
use stage::Stage;

#[test]
fn every_program_and_every_configuration_of_a_bundle_reads_commits_resumes_and_explains_its_refusals() {
    require!(names::resolve());
    let began = Instant::now();
    let stage = Stage::open();
    let say = |what: &str| println!("{:>4} s  {what}", began.elapsed().as_secs());
    say("brokers, Weir and bundles are there");

    let mut history = History::default();
    history.write(&stage.kafka);
    let (ready, mut missing) = prepare::all(&stage, &readers::picked());
    say("what a user installs is installed");

    let mut failures = pool::all(&ready, |reader| first_run(&stage, reader, &history));
    say("all have read");
    let before = history.clone();
    history.write(&stage.kafka);
    let again: Vec<Reader> = ready.iter().filter(|reader| reader.again).copied().collect();
    failures.extend(pool::all(&again, |reader| second_run(&stage, reader, &before, &history)));
    say("all have resumed");
    failures.extend(refused::all(&stage, &ready));
    stage.put_key();
    let (others, more) = prepare::all(&stage, &readers::others());
    failures.extend(pool::all(&others, |reader| other_run(&stage, reader, &history)));
    stage.suspend_all();
    failures.extend(refused::by_tls(&stage, &ready));
    say("all were refused");

    missing.extend(more);
    missing.dedup();
    assert!(failures.is_empty(), "{} failed\n{}", failures.len(), failures.join("\n"));
    assert!(!ready.is_empty(), "no reader of that name");
    if !missing.is_empty() {
        skip!("these readers cannot run here: {}", missing.join("; "));
    }
}

/// Reads all that is there, and ends on Ctrl-C.
fn first_run(stage: &Stage, reader: &Reader, history: &History) -> Result<(), String> {
    let wanted = history.seen_by(reader, 0);
    let mut run = Run::start(stage, reader, "first", &wanted);
    run.shows(&wanted)?;
    run.ends_on("INT")?;
    run.shows(&wanted)?;
    if reader.commits { stage.has_committed(reader, history.partitions()) } else { Ok(()) }
}

/// Reads all that is there, and ends.
fn other_run(stage: &Stage, reader: &Reader, history: &History) -> Result<(), String> {
    let wanted = history.seen_by(reader, 0);
    let mut run = Run::start(stage, reader, if reader.jvm { "java" } else { "python" }, &wanted);
    run.shows(&wanted)?;
    run.ends_on("TERM")
}

/// Reads what came since, and nothing twice; who does not commit reads all again.
fn second_run(stage: &Stage, reader: &Reader, before: &History, history: &History) -> Result<(), String> {
    let since = if reader.commits { before.batches() } else { 0 };
    let wanted = history.seen_by(reader, since);
    let mut run = Run::start(stage, reader, "second", &wanted);
    run.shows(&wanted)?;
    run.ends_on("TERM")?;
    run.shows(&wanted)
}
