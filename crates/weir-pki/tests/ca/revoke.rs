//! Revoking, and the list that says so.

use std::fs;

use time::{Duration, OffsetDateTime};
use weir_pki::{CaError, RevocationCause, Standing, Terms, Which};

use crate::support::{Root, by, crl, revoked};

#[test]
fn a_revocation_is_in_the_index_and_in_the_list() {
    let mut root = Root::new();
    let (kept, taken) = (root.issue("kept"), root.issue("taken"));
    let before = crl(&root.path).number.unwrap();
    let done = root.signer.revoke(Which::Name("taken"), false, RevocationCause::KeyCompromise, &by()).unwrap();
    assert_eq!(done.entries.len(), 1);
    let revocation = done.entries[0].revocation.as_ref().unwrap();
    assert_eq!((revocation.cause, &revocation.by), (RevocationCause::KeyCompromise, &by()));
    assert_eq!(done.entries[0].standing(OffsetDateTime::now_utc()), Standing::Revoked);
    let list = crl(&root.path);
    assert!(list.number.clone().unwrap() > before);
    assert_eq!(list.revoked.len(), 1);
    assert_eq!(list.revoked[0].serial, taken);
    assert_eq!(list.revoked[0].cause.as_deref(), Some("keyCompromise"));
    assert_eq!((done.crl.number, done.crl.revoked), (2, 1));
    assert_eq!(list.next_update, Some(done.crl.next_update));
    assert!(!revoked(&root.path).contains(&kept));
    let told = root.signer.directory().history().iter().rev().nth(1).unwrap().what.clone();
    assert_eq!(told, format!("revoked certificate {taken}: key-compromise"));
}

#[test]
fn every_cause_has_a_name_and_comes_back_from_the_list() {
    let mut root = Root::new();
    for cause in RevocationCause::ALL {
        assert_eq!(RevocationCause::from_name(cause.name()), Some(cause));
        let serial = root.issue("a-tool");
        root.signer.revoke(Which::Serial(serial.as_str()), false, cause, &by()).unwrap();
        let listed = crl(&root.path).revoked.into_iter().find(|line| line.serial == serial).unwrap().cause;
        let listed = listed.map(|listed| listed.to_lowercase());
        let expected = (cause != RevocationCause::Unspecified).then(|| cause.name().replace('-', ""));
        assert_eq!(listed, expected);
    }
    assert_eq!(RevocationCause::from_name("certificate-hold"), None, "a revocation is for good");
}

#[test]
fn one_name_with_several_certificates_is_named_and_not_guessed() {
    let mut root = Root::new();
    let serials = [root.issue("a-tool"), root.issue("a-tool")];
    let refused = root.signer.revoke(Which::Name("a-tool"), false, RevocationCause::Superseded, &by()).unwrap_err();
    for serial in &serials {
        assert!(refused.to_string().contains(serial.as_str()), "{refused}");
    }
    assert!(revoked(&root.path).is_empty());
    let done = root.signer.revoke(Which::Name("a-tool"), true, RevocationCause::Superseded, &by()).unwrap();
    assert_eq!(done.entries.len(), 2);
    assert_eq!(revoked(&root.path), serials);
    let again = root.signer.revoke(Which::Name("a-tool"), true, RevocationCause::Superseded, &by());
    assert!(matches!(again, Err(CaError::Revoked { .. })), "{again:?}");
    let nobody = root.signer.revoke(Which::Name("b-tool"), true, RevocationCause::Superseded, &by());
    assert!(matches!(nobody, Err(CaError::Unknown { .. })), "{nobody:?}");
}

#[test]
fn a_serial_number_is_found_as_people_write_it() {
    let mut root = Root::new();
    let serial = root.issue("a-tool");
    let pairs: Vec<&str> = serial.as_str().as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap()).collect();
    let written = pairs.join(":").to_uppercase();
    assert_eq!(root.signer.directory().find(Which::Serial(&written)).len(), 1);
    for none in ["", "0", ":", "xyz", "00", &"f".repeat(41)] {
        assert!(root.signer.directory().find(Which::Serial(none)).is_empty(), "{none}");
    }
    root.signer.revoke(Which::Serial(&written), false, RevocationCause::Unspecified, &by()).unwrap();
    assert_eq!(revoked(&root.path), [serial]);
}

#[test]
fn a_list_is_written_anew_without_a_revocation_and_its_number_never_comes_back() {
    let mut root = Root::new();
    let first = root.signer.publish_crl(Some(7), &by()).unwrap();
    assert_eq!(first.number, 2);
    assert_eq!(first.next_update - first.this_update, Duration::days(7));
    for days in [0, 366] {
        assert!(matches!(root.signer.publish_crl(Some(days), &by()), Err(CaError::Days { .. })));
    }
    let later = root.signer.directory().remarks(first.next_update);
    assert!(later.iter().any(|remark| remark.contains("was due")), "{later:?}");

    // A backup of the index from before, and a list that has been out since.
    let index = fs::read(root.path.join("index.jsonl")).unwrap();
    root.signer.publish_crl(None, &by()).unwrap();
    fs::write(root.path.join("index.jsonl"), index).unwrap();
    let next = root.signer.publish_crl(None, &by()).unwrap();
    assert_eq!(next.number, 4);
}

#[test]
fn a_revocation_whose_list_cannot_be_written_stands_and_says_so() {
    let mut root = Root::new();
    let serial = root.issue("a-tool");
    // A directory cannot be replaced by a file.
    let list = root.path.join("crl.pem");
    fs::remove_file(&list).unwrap();
    fs::create_dir(&list).unwrap();
    let failed = root.signer.revoke(Which::Name("a-tool"), false, RevocationCause::KeyCompromise, &by());
    assert!(matches!(failed, Err(CaError::ListNotWritten { .. })), "{failed:?}");
    fs::remove_dir(&list).unwrap();
    let later = root.signer.directory().remarks(OffsetDateTime::now_utc());
    assert!(later.iter().any(|remark| remark.contains("revocations may not count yet")), "{later:?}");
    drop(root.signer);
    root.signer = crate::support::unlocked(&root.path);
    assert_eq!(revoked(&root.path), [serial]);
    root.signer.issue_client(&weir_pki::ClientSubject::named("b"), Terms::default(), &by()).unwrap();
}

#[test]
fn an_older_index_from_a_backup_brings_no_revoked_certificate_back() {
    let mut root = Root::new();
    let (known, forgotten) = (root.issue("known"), root.issue("forgotten"));
    root.signer.revoke(Which::Name("known"), false, RevocationCause::Superseded, &by()).unwrap();
    let index = fs::read(root.path.join("index.jsonl")).unwrap();
    let lost = root.issue("lost");
    for name in ["forgotten", "lost"] {
        root.signer.revoke(Which::Name(name), false, RevocationCause::KeyCompromise, &by()).unwrap();
    }
    let before = crl(&root.path);
    fs::write(root.path.join("index.jsonl"), index).unwrap();
    drop(root.signer);
    // Unlocking finds a list that is not the index's, and writes one.
    root.signer = crate::support::unlocked(&root.path);
    let mut expected = [known, forgotten.clone(), lost];
    expected.sort();
    for number in [5_u64, 6] {
        let after = crl(&root.path);
        assert_eq!(after.number.unwrap().as_str(), format!("{number:02x}"));
        let mut named = revoked(&root.path);
        named.sort();
        assert_eq!(named, expected);
        for line in &before.revoked {
            assert!(after.revoked.contains(line), "with its time and cause: {line:?}");
        }
        let told = root.signer.directory().remarks(OffsetDateTime::now_utc());
        assert!(told.iter().any(|remark| remark.contains("revokes 2 that the index does not know")), "{told:?}");
        root.signer.publish_crl(None, &by()).unwrap();
    }
    // The index knows one of them: revoked again, it is named once.
    root.signer.revoke(Which::Serial(forgotten.as_str()), false, RevocationCause::KeyCompromise, &by()).unwrap();
    assert_eq!(revoked(&root.path).len(), 3);
    let told = root.signer.directory().remarks(OffsetDateTime::now_utc());
    assert!(told.iter().any(|remark| remark.contains("revokes 1 that")), "{told:?}");
}
