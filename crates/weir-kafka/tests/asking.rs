//! What Weir asks in the place of a principal goes the way of that principal's own requests.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test stops at the first surprise")]

mod support;

use bytes::Bytes;
use weir_kafka::asking::DeleteGroups;
use weir_kafka::cluster::VersionRange;
use weir_kafka::table;

use support::{Desk, Led};

/// An answer of version 2: no tags, no throttle time, and each group with its code.
fn answer(correlation_id: i32, groups: &[(&str, i16)]) -> Vec<u8> {
    let mut body = correlation_id.to_be_bytes().to_vec();
    body.extend([0, 0, 0, 0, 0, u8::try_from(groups.len()).unwrap() + 1]);
    for (name, code) in groups {
        body.push(u8::try_from(name.len()).unwrap() + 1);
        body.extend(name.bytes());
        body.extend(code.to_be_bytes());
        body.push(0);
    }
    body.push(0);
    [&i32::try_from(body.len()).unwrap().to_be_bytes()[..], &body].concat()
}

#[test]
fn groups_that_are_to_go_are_the_principals_own_whatever_they_are_called() {
    let mut desk = Desk::new();
    desk.view.versions.insert(table::DELETE_GROUPS, VersionRange { min: 0, max: 2 });
    let spoken = DeleteGroups::spoken(&desk.view).unwrap();
    let request = spoken.frame(&["mine", "weir.other.theirs", "in use"]).unwrap();
    let Led::Upstream(sent) = desk.raw(request.to_vec()).unwrap() else { panic!("it goes to the broker") };
    let sent_text = String::from_utf8_lossy(&sent);
    for real in ["weir.reader.mine", "weir.reader.weir.other.theirs", "weir.reader.in use"] {
        assert!(sent_text.contains(real), "{sent_text:?}");
    }
    let correlation_id = i32::from_be_bytes(sent[4..8].try_into().unwrap());
    let said = answer(
        correlation_id,
        &[("weir.reader.mine", 0), ("weir.reader.weir.other.theirs", 69), ("weir.reader.in use", 68)],
    );
    let given = Bytes::from(desk.broker_answers(&said, said.len()).unwrap());
    let became: Vec<_> =
        spoken.read(&given.slice(4..)).unwrap().into_iter().map(|group| (group.name, group.became)).collect();
    let expected = [("mine", Ok(())), ("weir.other.theirs", Err(69)), ("in use", Err(68))];
    assert_eq!(became, expected.map(|(name, became)| (name.to_owned(), became)));
}

#[test]
fn brokers_that_delete_no_groups_are_not_asked_to() {
    let mut desk = Desk::new();
    desk.view.versions.remove(&table::DELETE_GROUPS);
    assert!(DeleteGroups::spoken(&desk.view).is_none());
}
