//! Crashes, full disks and clocks: the chain goes on, or shows where it does not.

use time::macros::date;

use super::*;
use crate::audit::chain::tests::lines;
use crate::audit::verify::verify;

const TODAY: Date = date!(2026 - 11 - 21);

/// Writes lines of one chain, and goes on with it.
struct Written {
    lines: Vec<String>,
    next: usize,
}

impl Written {
    fn new(count: u64) -> Self {
        Self { lines: lines(count), next: 0 }
    }

    fn chain(&self) -> Chain {
        let last = self.next.checked_sub(1).and_then(|last| self.lines.get(last));
        last.map_or_else(Chain::beginning, |line| Chain::of(line).unwrap().0)
    }

    fn write(&mut self, files: &mut Files, day: Date, count: usize) {
        let part = &self.lines[self.next..self.next + count];
        self.next += count;
        let after = self.chain();
        let seal = |chain: &mut Chain, out: &mut Vec<u8>| {
            out.extend(part.iter().flat_map(|line| format!("{line}\n").into_bytes()));
            *chain = after;
        };
        files.append(day, seal).unwrap();
    }
}

#[test]
fn hostile_o11_a_crash_at_any_byte_costs_half_a_line_and_no_more() {
    let written = Written::new(3);
    let whole = written.lines.join("\n") + "\n";
    for crash in 0..=whole.len() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name_of(TODAY));
        fs::write(&path, &whole[..crash]).unwrap();
        let mut files = Files::open(directory.path()).unwrap();
        let kept = whole[..crash].matches('\n').count();
        let half = crash - whole[..crash].rfind('\n').map_or(0, |end| end + 1);
        assert_eq!((files.take_cut(), files.chain.seq), (half as u64, kept as u64), "at byte {crash}");
        // The chain goes on where it was cut.
        let mut after = Written { lines: written.lines.clone(), next: kept };
        after.write(&mut files, TODAY, 3 - kept);
        assert_eq!(fs::read_to_string(&path).unwrap(), whole);
        drop(files);
        assert_eq!(verify(directory.path()).unwrap().lines, 3);
    }
}

#[test]
fn a_crash_at_any_byte_of_the_index_is_made_good() {
    let directory = tempfile::tempdir().unwrap();
    let mut written = Written::new(4);
    let mut files = Files::open(directory.path()).unwrap();
    written.write(&mut files, TODAY, 2);
    written.write(&mut files, TODAY.next_day().unwrap(), 1);
    drop(files);
    let index = directory.path().join(INDEX);
    let whole = fs::read_to_string(&index).unwrap();
    // The process ended before the next day had a file.
    let second = directory.path().join(name_of(TODAY.next_day().unwrap()));
    let of_second = fs::read(&second).unwrap();
    for crash in 0..=whole.len() {
        let _ = fs::remove_file(&second);
        fs::write(&index, &whole[..crash]).unwrap();
        let mut files = Files::open(directory.path()).unwrap();
        assert_eq!(files.chain.seq, 2, "at byte {crash}");
        let mut after = Written { lines: written.lines.clone(), next: 2 };
        after.write(&mut files, TODAY.next_day().unwrap(), 1);
        drop(files);
        assert_eq!(fs::read_to_string(&index).unwrap(), whole);
        assert_eq!(fs::read(&second).unwrap(), of_second);
        assert_eq!(verify(directory.path()).unwrap().lines, 3);
    }
}

#[test]
fn days_are_deleted_and_the_chain_is_whole_without_them() {
    let directory = tempfile::tempdir().unwrap();
    let mut written = Written::new(8);
    let mut files = Files::open(directory.path()).unwrap();
    let mut day = TODAY;
    for _ in 0..4 {
        written.write(&mut files, day, 2);
        day = day.next_day().unwrap();
    }
    assert_eq!(files.delete_before(TODAY).unwrap(), 0);
    assert_eq!(files.delete_before(TODAY + time::Duration::days(2)).unwrap(), 2);
    let names: Vec<_> = days(directory.path()).unwrap().into_iter().map(|(day, _)| day).collect();
    assert_eq!(names, [TODAY + time::Duration::days(2), TODAY + time::Duration::days(3)]);
    let found = verify(directory.path()).unwrap();
    assert_eq!((found.lines, found.files.len(), found.deleted), (4, 2, 2));
    assert_eq!(files.delete_before(TODAY + time::Duration::days(90)).unwrap(), 1, "not the one that is written");
}

#[test]
fn a_clock_that_goes_back_begins_no_day() {
    let directory = tempfile::tempdir().unwrap();
    let mut written = Written::new(3);
    let mut files = Files::open(directory.path()).unwrap();
    written.write(&mut files, TODAY, 1);
    written.write(&mut files, TODAY.previous_day().unwrap(), 1);
    written.write(&mut files, TODAY, 1);
    assert_eq!(days(directory.path()).unwrap().len(), 1);
    assert_eq!(verify(directory.path()).unwrap().lines, 3);
}

#[test]
fn a_process_and_its_successor_write_one_chain() {
    let directory = tempfile::tempdir().unwrap();
    let (mut one, mut other) = (Files::open(directory.path()).unwrap(), Files::open(directory.path()).unwrap());
    let mut written = Written::new(9);
    let mut day = TODAY;
    for _ in 0..3 {
        written.write(&mut one, day, 1);
        written.write(&mut other, day, 1);
        written.write(&mut one, day, 1);
        day = day.next_day().unwrap();
    }
    let found = verify(directory.path()).unwrap();
    assert_eq!((found.lines, found.files.len(), found.seq), (9, 3, 9));
    one.index.lock().unwrap();
    let error = other.append(day, |_, _| ()).unwrap_err().to_string();
    assert_eq!(error, "another process holds the audit and does not let go");
}

#[test]
fn hostile_o6_what_could_not_be_written_is_written_later_and_a_file_that_is_taken_away_shows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name_of(TODAY));
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let mut files = Files::open(directory.path()).unwrap();
    let mut written = Written::new(4);
    let full = files.append(TODAY, |_, out| out.extend(b"a line\n")).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    fs::remove_file(&path).unwrap();
    written.write(&mut files, TODAY, 2);
    assert_eq!(verify(directory.path()).unwrap().lines, 2);
    fs::remove_file(&path).unwrap();
    written.write(&mut files, TODAY, 2);
    let error = verify(directory.path()).unwrap_err().to_string();
    assert!(error.starts_with("audit-2026-11-21.jsonl:1: the line does not follow"), "{error}");
}

#[test]
fn what_is_no_audit_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(name_of(TODAY)), "something else\n").unwrap();
    let error = Files::open(directory.path()).unwrap_err().to_string();
    assert!(error.ends_with("does not end with a line of an audit: move it away to begin anew"), "{error}");
}
