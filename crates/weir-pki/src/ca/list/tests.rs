//! Which certificates a list names, over the years.

use super::*;
use crate::ca::entry::{Purpose, Revocation};
use crate::serial::SerialHex;

const DAY: Duration = Duration::days(1);

fn by() -> By {
    By { operator: "ada".to_owned(), ticket: None }
}

fn entry(serial: u8, not_after: OffsetDateTime, revoked: Option<OffsetDateTime>) -> Entry {
    let revocation = revoked.map(|at| Revocation { cause: RevocationCause::Superseded, at, by: by() });
    Entry {
        serial: SerialHex::from_bytes(&[serial]),
        purpose: Purpose::Client,
        name: String::new(),
        common_name: String::new(),
        organisation: None,
        alternative_names: Vec::new(),
        not_before: OffsetDateTime::UNIX_EPOCH,
        not_after,
        key: String::new(),
        from_request: false,
        fingerprint_sha256: String::new(),
        public_key_sha256: String::new(),
        renews: None,
        issued_at: OffsetDateTime::UNIX_EPOCH,
        issued_by: by(),
        revocation,
    }
}

#[test]
fn a_revoked_certificate_stays_until_a_list_after_its_end_has_named_it() {
    let start = OffsetDateTime::UNIX_EPOCH;
    let entries = vec![
        entry(1, start + DAY * 10, Some(start + DAY)),
        entry(2, start + DAY * 30, Some(start + DAY)),
        entry(3, start + DAY * 30, None),
        // Revoked after its end, by someone who wants it on record.
        entry(4, start + DAY * 10, Some(start + DAY * 12)),
    ];
    let named = |last: Option<i32>| {
        let at = last.map(|days| start + DAY * days);
        let list = at.map(|at| List { number: 1, this_update: at, next_update: at + DAY, revoked: 0 });
        let index = Index { entries: entries.clone(), list, ..Index::default() };
        listed(&index, start + DAY * 40).map(|entry| entry.serial.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(named(None), ["01", "02", "04"]);
    assert_eq!(named(Some(9)), ["01", "02", "04"], "the first that is made after its end still has it");
    assert_eq!(named(Some(11)), ["02", "04"]);
    assert_eq!(named(Some(12)), ["02"]);
    assert_eq!(named(Some(31)), Vec::<String>::new());
}

#[test]
fn hostile_a_clock_that_was_ahead_once_brings_no_revoked_certificate_back() {
    let start = OffsetDateTime::UNIX_EPOCH;
    let ahead = start + DAY * 4_000;
    let list = List { number: 1, this_update: ahead, next_update: ahead + DAY, revoked: 1 };
    let entries = vec![entry(1, start + DAY * 30, Some(start + DAY))];
    let index = Index { entries, list: Some(list), ..Index::default() };
    assert_eq!(listed(&index, start + DAY * 2).count(), 1, "the clock is right again");
    assert_eq!(listed(&index, ahead + DAY).count(), 0);
}
