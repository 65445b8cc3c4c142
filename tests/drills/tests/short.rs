//! Each drill in its short form, with the bars of the long one.

use std::sync::Mutex;

use weir_drills::figure::Report;
use weir_drills::{Form, drills};

/// They measure time, and share a cluster: one after the other.
static ALONE: Mutex<()> = Mutex::new(());

fn held(name: &str) {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (_, run) = drills::ALL.into_iter().find(|(known, _)| *known == name).expect("a drill");
    // A machine that is busy for a moment misses a bar once; a limit that does not hold misses it each time.
    let held = (0..2).any(|_| {
        let reports = run(Form::Short);
        reports.iter().for_each(|report| println!("{report}"));
        !reports.is_empty() && reports.iter().all(Report::held)
    });
    assert!(held, "{name} missed a bar twice: its lines are above");
}

#[test]
fn drill_commits() {
    held("commits");
}

#[test]
fn drill_groups() {
    held("groups");
}

#[test]
fn drill_bandwidth() {
    held("bandwidth");
}

#[test]
fn drill_backfill() {
    held("backfill");
}

#[test]
fn drill_reload() {
    held("reload");
}

#[test]
fn drill_effect() {
    held("effect");
}

#[test]
fn drill_restart() {
    held("restart");
}

#[test]
fn drill_brokers() {
    held("brokers");
}

#[test]
fn drill_crash() {
    held("crash");
}
