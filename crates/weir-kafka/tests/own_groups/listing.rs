//! ListGroups: the own groups of a broker's list.

use super::*;

fn listed(names: &[&str]) -> ListGroupsResponse {
    let listed = |name: &&str| ListedGroup::default().with_group_id(group(name)).with_protocol_type(text("consumer"));
    ListGroupsResponse::default().with_groups(names.iter().map(listed).collect())
}

fn names(listed: &ListGroupsResponse) -> Vec<&str> {
    listed.groups.iter().map(|listed| &**listed.group_id as &str).collect()
}

#[test]
fn trap_l12_of_a_brokers_groups_the_own_ones_are_listed_by_their_own_names() {
    for version in versions(ApiKey::ListGroups) {
        let mut asked = ListGroupsRequest::default();
        let own = ["weir.reader.one", "weir.reader.two words", "weir.reader.weir.reader.one"];
        let mut broker = listed(&[&FOREIGN[..4], &own[..1], &FOREIGN[4..], &own[1..]].concat());
        if version >= 1 {
            broker.throttle_time_ms = 128;
        }
        if version >= 4 {
            asked.states_filter = vec![text("Stable"), text("nonsense")];
            broker.groups.iter_mut().for_each(|group| group.group_state = text("Stable"));
        }
        if version >= 5 {
            asked.types_filter = vec![text("Consumer")];
            broker.groups.iter_mut().for_each(|group| group.group_type = text("Consumer"));
        }
        let mut desk = Desk::new();
        let (header, sent) = upstream::<ListGroupsRequest>(desk.ask(ApiKey::ListGroups, version, &asked), version);
        assert_eq!(sent, asked, "filters go up as they are");
        let flexible = is_flexible(ApiKey::ListGroups, version);
        let out = desk.broker_answers(&answer(header.correlation_id, flexible, version, &broker), 5).unwrap();
        assert!(!String::from_utf8_lossy(&out).contains("planted"));
        let (_, shown) = read::<ListGroupsResponse>(&out, flexible, version);
        let mut expected = broker.clone();
        expected.groups = listed(&["one", "two words", "weir.reader.one"]).groups;
        for (expected, own) in expected.groups.iter_mut().zip(&broker.groups[4..]) {
            (expected.group_state, expected.group_type) = (own.group_state.clone(), own.group_type.clone());
        }
        assert_eq!(shown, expected, "version {version}");
    }
}

#[test]
fn trap_l12_a_brokers_error_is_passed_on_and_a_list_that_is_too_long_is_no_list() {
    for version in versions(ApiKey::ListGroups) {
        let mut desk = Desk::new();
        let broker = listed(&["weir.other.planted-group"]).with_error_code(15);
        let (_, shown) = through(&mut desk, ApiKey::ListGroups, version, &ListGroupsRequest::default(), &broker);
        assert_eq!((shown.error_code, shown.groups.len()), (15, 0), "version {version}");
    }
    let mut desk = Desk::new();
    desk.limits.whole_answer = 100;
    desk.ask(ApiKey::ListGroups, 4, &ListGroupsRequest::default());
    let broker = answer(0, true, 4, &listed(&["weir.reader.one", "weir.reader.two", &"x".repeat(80)]));
    let (fault, given) = match desk.broker_answers(&broker, 10) {
        Ok(given) => (None, given),
        Err(fault) => (Some(fault), Vec::new()),
    };
    assert_eq!((fault, given.len()), (Some(Fault::BrokerAnswerTooLong), 0));
}

#[test]
fn where_prefixes_are_written_out_the_groups_that_begin_so_are_listed() {
    for version in versions(ApiKey::ListGroups) {
        let broker = listed(&["reader.one", "reader.", "reader", "readerx.planted-group", "weir.reader.one"]);
        let (_, shown) = through(&mut prefixed(), ApiKey::ListGroups, version, &ListGroupsRequest::default(), &broker);
        assert_eq!(names(&shown), ["reader.one"]);
    }
}
