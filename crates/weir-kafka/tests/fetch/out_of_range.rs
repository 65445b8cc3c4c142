//! A client whose offset was not there goes on elsewhere, and that is told once.

use weir_kafka::session::WentOn;

use super::*;

/// Asks for a partition from an offset, and lets the broker answer with this code.
fn fetch(desk: &mut Desk, version: i16, offset: i64, error_code: i16) -> Vec<WentOn> {
    let mut asked = topic(GRANTED, GRANTED_ID, version, &[2]);
    asked.partitions[0].fetch_offset = offset;
    let led = desk.ask(ApiKey::Fetch, version, &request(version, (0, -1), vec![asked]));
    let went_on = desk.session.take_went_on();
    let (header, _) = upstream::<FetchRequest>(led, version);
    let partition = data(2, 0).with_error_code(error_code);
    let broker = FetchResponse::default().with_responses(vec![answered(GRANTED, GRANTED_ID, version, vec![partition])]);
    let frame = answer(header.correlation_id, flexible(version), version, &broker);
    desk.broker_answers(&frame, 7).unwrap();
    went_on
}

#[test]
fn where_a_client_goes_on_after_its_offset_was_not_there_is_told_once() {
    for version in [4, 12, 17] {
        let mut desk = Desk::new();
        assert_eq!(fetch(&mut desk, version, 10, 1), [], "it has just begun");
        let went_on = WentOn { topic: GRANTED.to_owned(), partition: 2, offset: 45 };
        assert_eq!(fetch(&mut desk, version, 45, 0), [went_on], "version {version}");
        assert_eq!(fetch(&mut desk, version, 46, 0), []);
        assert_eq!(fetch(&mut desk, version, 47, 6), [], "another error");
        assert_eq!(fetch(&mut desk, version, 47, 0), []);
    }
}
