//! The audit as the rest of Weir uses it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::config::raw::RawAddresses;

const PATIENT: Duration = Duration::from_secs(20);

fn start(directory: &Path, when_full: RawWhenFull) -> (Audit, AuditEnd) {
    let (keep, addresses) = (Duration::from_secs(90 * 86_400), RawAddresses::Truncated);
    Audit::start(Some(&AuditSettings { directory: directory.to_owned(), keep, addresses, when_full })).unwrap()
}

fn event(number: u64) -> Event {
    Event::GroupCreated { principal: "tool".to_owned(), group: number.to_string() }
}

fn until(audit: &Audit, holds: impl Fn(&Standing) -> bool) {
    let began = Instant::now();
    while !holds(&audit.standing().unwrap()) {
        assert!(began.elapsed() < PATIENT, "{:?}", audit.standing());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn lines(directory: &Path) -> Vec<Value> {
    let days = files::days(directory).unwrap();
    let text: String = days.iter().map(|(_, path)| fs::read_to_string(path).unwrap()).collect();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A directory on a full disk, and the file to take away for room.
fn full() -> (TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(files::name_of(files::today(SystemTime::now().into())));
    symlink("/dev/full", &file).unwrap();
    (directory, file)
}

#[test]
fn hostile_o6_every_event_is_written_or_counted_and_the_next_line_says_how_many_are_missing() {
    let (directory, file) = full();
    let (audit, end) = start(directory.path(), RawWhenFull::Count);
    let sent = 3 * u64::try_from(QUEUE).unwrap();
    (0..sent).for_each(|number| audit.note(event(number)));
    until(&audit, |standing| standing.failed.is_some() && standing.dropped > 0);
    assert!(!audit.blocks());
    fs::remove_file(file).unwrap();
    until(&audit, |standing| standing.failed.is_none());
    audit.note(event(sent));
    end.finish(Event::DrainEnded { cut: false });
    let (standing, lines) = (audit.standing().unwrap(), lines(directory.path()));
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).cloned().collect::<Vec<_>>();
    let lost: u64 = of("audit.lost").iter().map(|line| line["events"].as_u64().unwrap()).sum();
    assert_eq!((lost, u64::try_from(lines.len()).unwrap()), (standing.dropped, standing.written));
    assert_eq!(u64::try_from(of("group.created").len()).unwrap() + lost, sent + 1);
    assert_eq!(lines.last().unwrap()["event"], "drain.ended");
    assert_eq!(verify(directory.path()).unwrap().lines, standing.written);
}

#[test]
fn hostile_o6_who_must_be_written_down_is_not_let_in_while_nobody_can_be() {
    let (directory, file) = full();
    let (audit, end) = start(directory.path(), RawWhenFull::Block);
    assert!(!audit.blocks());
    audit.note(event(0));
    until(&audit, |standing| standing.failed.is_some());
    assert!(audit.blocks());
    fs::remove_file(file).unwrap();
    until(&audit, |standing| standing.failed.is_none());
    assert!(!audit.blocks());
    end.finish(Event::DrainBegun);
    assert_eq!(audit.standing().unwrap(), Standing { written: 2, dropped: 0, failed: None });
}

#[test]
fn without_an_audit_nothing_is_kept() {
    let (audit, end) = Audit::start(None).unwrap();
    audit.note(event(0));
    let desk = audit.desk();
    desk.throttled("tool", Duration::from_secs(1));
    assert!(!audit.blocks() && audit.standing().is_none());
    assert!(lock(&desk.tally).is_empty());
    end.finish(Event::DrainBegun);
}

#[test]
fn hostile_q10_who_makes_and_deletes_groups_in_a_loop_gets_so_many_lines_and_each_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let (audit, end) = start(directory.path(), RawWhenFull::Count);
    let desk = audit.desk();
    let account = weir_policy::Account::default();
    let (limits, now) = (weir_policy::Limits::default(), std::time::Instant::now());
    account.know_groups(std::iter::empty(), now);
    for round in 0..1_500 {
        account.admit_group("loop", &limits, now).unwrap();
        account.group_is_gone("loop");
        // More than one connection brings at once, now and then.
        if round % 700 == 0 {
            desk.groups("tool", || account.take_group_news());
        }
    }
    desk.groups("tool", || account.take_group_news());
    end.finish(Event::DrainBegun);
    let lines = lines(directory.path());
    let count = |event: &str| lines.iter().filter(|line| line["event"] == event).count() as u64;
    let named = [count("group.created"), count("group.deleted")];
    let sum = |key: &str| lines.iter().filter_map(|line| line[key].as_u64()).sum::<u64>();
    assert_eq!([named[0] + sum("created"), named[1] + sum("deleted")], [1_500, 1_500]);
    assert!(named[0] + named[1] >= 20 && lines.len() <= 45, "{}", lines.len());
}

#[test]
fn what_was_counted_at_every_desk_is_told_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let (audit, end) = start(directory.path(), RawWhenFull::Count);
    for desk in [audit.desk(), audit.desk()] {
        desk.throttled("tool", Duration::from_millis(30));
    }
    end.finish(Event::DrainBegun);
    let throttled = &lines(directory.path())[0];
    let told = [&throttled["event"], &throttled["principal"], &throttled["times"], &throttled["longest_ms"]];
    assert_eq!(told.map(Value::to_string), ["\"quota.throttled\"", "\"tool\"", "2", "30"]);
}
