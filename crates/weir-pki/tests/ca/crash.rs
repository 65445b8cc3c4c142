//! A crash at any byte of the index, and between any two steps.

use std::fs;
use std::path::Path;

use time::OffsetDateTime;
use weir_pki::{By, CaDirectory, CaError, RevocationCause, Terms, Which};

use crate::support::{Root, by, copy, crl, revoked, unlocked};

/// An authority that has done a bit of everything.
fn used() -> Root {
    let mut root = Root::new();
    root.issue("a-tool");
    let taken = root.issue("b-tool");
    root.signer.revoke(Which::Serial(taken.as_str()), false, RevocationCause::KeyCompromise, &by()).unwrap();
    root.signer.renew(Which::Name("a-tool"), Terms::default(), &by()).unwrap();
    root
}

fn index(path: &Path) -> Vec<u8> {
    fs::read(path.join("index.jsonl")).unwrap()
}

/// Lines that are whole in the first `len` bytes.
fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

#[test]
fn an_index_that_ends_at_any_byte_opens_with_its_whole_lines() {
    let root = used();
    let all = index(&root.path);
    let file = root.path.join("index.jsonl");
    for len in 0..=all.len() {
        let left = &all[..len];
        fs::write(&file, left).unwrap();
        let directory = CaDirectory::open(&root.path).unwrap_or_else(|error| panic!("{len}: {error}"));
        assert_eq!(directory.history().len(), whole_lines(left), "{len}");
        let is_torn = !left.is_empty() && !left.ends_with(b"\n");
        let remarks = directory.remarks(OffsetDateTime::now_utc());
        assert_eq!(remarks.iter().any(|remark| remark.contains("never finished")), is_torn, "{len}: {remarks:?}");
    }
}

#[test]
fn the_next_writer_cuts_half_a_line_off_keeps_it_and_goes_on() {
    let root = used();
    let all = index(&root.path);
    let ends: Vec<usize> = all.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
    let starts = std::iter::once(0).chain(ends.iter().map(|end| end + 1));
    for (start, end) in starts.zip(&ends).skip(1) {
        for len in [start + 1, usize::midpoint(start, *end), *end] {
            let temp = tempfile::tempdir().unwrap();
            let path = temp.path().join("ca");
            copy(&root.path, &path);
            fs::write(path.join("index.jsonl"), &all[..len]).unwrap();
            let other = By { operator: "bob".to_owned(), ticket: None };
            let mut signer = unlocked(&path);
            let list = signer.publish_crl(None, &other).unwrap();
            assert!(list.number > 2, "a number that is out does not come back: {}", list.number);
            let directory = CaDirectory::open(&path).unwrap();
            // The list is there from after the revocation, whose line may have been cut off.
            let remarks = directory.remarks(OffsetDateTime::now_utc());
            let is_of_list = |remark: &String| remark.contains("revokes 1 that the index does not know");
            assert!(remarks.len() <= 1 && remarks.iter().all(is_of_list), "{len}: {remarks:?}");
            assert_eq!(&index(&path)[..start], &all[..start], "{len}: what was whole is as it was");
            let text = String::from_utf8(index(&path)).unwrap();
            let repaired = text.lines().find(|line| line.contains("\"did\":\"repaired\"")).unwrap();
            let kept: serde_json::Value = serde_json::from_str(repaired).unwrap();
            assert_eq!(kept["cut"].as_str().unwrap().as_bytes(), &all[start..len], "nothing is thrown away");
        }
    }
}

#[test]
fn zeros_that_a_file_system_left_at_the_end_are_half_a_line() {
    let root = used();
    let all = index(&root.path);
    let lines = whole_lines(&all);
    for tail in [&b"\0\0\0"[..], b"\0\0\0\n", b"{\"v\":1,\0\0\n"] {
        fs::write(root.path.join("index.jsonl"), [&all[..], tail].concat()).unwrap();
        assert_eq!(CaDirectory::open(&root.path).unwrap().history().len(), lines);
    }
    unlocked(&root.path).publish_crl(None, &by()).unwrap();
    assert_eq!(CaDirectory::open(&root.path).unwrap().history().len(), lines + 2);
}

#[test]
fn a_byte_that_was_changed_is_a_fault_with_its_line() {
    let root = used();
    let all = index(&root.path);
    let file = root.path.join("index.jsonl");
    for at in 0..all.len() - 1 {
        let mut changed = all.clone();
        changed[at] ^= 1;
        fs::write(&file, &changed).unwrap();
        let line = whole_lines(&all[..at]) + 1;
        match CaDirectory::open(&root.path) {
            Err(CaError::Index { line: told, .. }) => assert!(told == line, "{at}: line {told} for {line}"),
            other => panic!("{at}: {:?}", other.map(|directory| directory.history().len())),
        }
    }
}

#[test]
fn lines_that_were_removed_doubled_or_exchanged_are_a_fault() {
    let root = used();
    let text = String::from_utf8(index(&root.path)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let spoiled = |change: &dyn Fn(&mut Vec<&str>)| {
        let mut lines = lines.clone();
        change(&mut lines);
        fs::write(root.path.join("index.jsonl"), format!("{}\n", lines.join("\n"))).unwrap();
        let failed = CaDirectory::open(&root.path).unwrap_err();
        assert!(failed.to_string().contains("index.jsonl:"), "{failed}");
        assert!(root.signer.directory().find(Which::Name("a-tool")).len() == 2, "what was read before stays");
    };
    for at in 0..lines.len() - 1 {
        spoiled(&|lines| {
            lines.remove(at);
        });
        spoiled(&|lines| lines.insert(at, lines[at]));
        spoiled(&|lines| lines.swap(at, at + 1));
    }
    spoiled(&|lines| lines[1] = "");
    spoiled(&|lines| lines[1] = "{\"v\":1}");
}

#[test]
fn a_faulty_index_is_not_written_to() {
    let mut root = used();
    let mut spoiled = index(&root.path);
    spoiled[10] ^= 1;
    fs::write(root.path.join("index.jsonl"), &spoiled).unwrap();
    let files = fs::read_dir(root.path.join("issued")).unwrap().count();
    let failed = root.signer.issue_client(&weir_pki::ClientSubject::named("c"), Terms::default(), &by());
    assert!(matches!(failed, Err(CaError::Index { line: 1, .. })), "{failed:?}");
    assert!(root.signer.publish_crl(None, &by()).is_err());
    assert_eq!(index(&root.path), spoiled);
    assert_eq!(fs::read_dir(root.path.join("issued")).unwrap().count(), files);
}

/// The steps of a revocation: a line that it is revoked, a line with the number of a list, the list.
#[test]
fn a_revocation_that_was_interrupted_is_finished_by_whoever_opens_next() {
    let mut root = Root::new();
    let serials = [root.issue("a-tool")];
    let old_list = fs::read(root.path.join("crl.pem")).unwrap();
    root.signer.revoke(Which::Name("a-tool"), false, RevocationCause::KeyCompromise, &by()).unwrap();
    let all = index(&root.path);
    let last = all[..all.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for (lines, step) in [(&all[..last], "revoked, and no list"), (&all[..], "a number for a list, and no list")] {
        for list in [Some(&old_list[..]), Some(b"no list"), None] {
            let temp = tempfile::tempdir().unwrap();
            let path = temp.path().join("ca");
            copy(&root.path, &path);
            fs::write(path.join("index.jsonl"), lines).unwrap();
            fs::remove_file(path.join("crl.pem")).unwrap();
            if let Some(list) = list {
                fs::write(path.join("crl.pem"), list).unwrap();
            }
            let remarks = CaDirectory::open(&path).unwrap().remarks(OffsetDateTime::now_utc());
            assert!(remarks.iter().any(|remark| remark.contains("weir cert crl")), "{step}: {remarks:?}");
            let signer = unlocked(&path);
            assert_eq!(revoked(&path), serials, "{step}");
            let number = crl(&path).number.unwrap();
            assert!(number.as_str() >= "02", "{step}: {number}");
            assert_eq!(signer.directory().history().last().unwrap().by, by(), "in the name of who revoked");
            assert!(signer.directory().remarks(OffsetDateTime::now_utc()).is_empty(), "{step}");
        }
    }
}

/// The steps of an issue: a line in the index, the certificate's file.
#[test]
fn a_certificate_that_was_never_handed_over_is_told() {
    let mut root = Root::new();
    let serial = root.issue("a-tool");
    let directory = CaDirectory::open(&root.path).unwrap();
    fs::remove_file(directory.file_of(&directory.entries()[0])).unwrap();
    let remarks = directory.remarks(OffsetDateTime::now_utc());
    assert!(remarks.len() == 1 && remarks[0].contains(serial.as_str()), "{remarks:?}");
    let mut signer = unlocked(&root.path);
    signer.revoke(Which::Serial(serial.as_str()), false, RevocationCause::CessationOfOperation, &by()).unwrap();
    assert!(signer.directory().remarks(OffsetDateTime::now_utc()).is_empty());
}

#[test]
fn a_line_of_a_newer_weir_is_not_guessed_at() {
    let root = used();
    let text = String::from_utf8(index(&root.path)).unwrap();
    let body = text.lines().next().unwrap().rsplit_once(",\"check\":\"").unwrap().0.replace("\"v\":1", "\"v\":2");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, format!("\n{body}").as_bytes());
    let check: String = digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(root.path.join("index.jsonl"), format!("{body},\"check\":\"{check}\"}}\n")).unwrap();
    let failed = CaDirectory::open(&root.path).unwrap_err().to_string();
    assert!(failed.contains("index.jsonl:1: a newer weir wrote this (version 2)"), "{failed}");
}
