//! DescribeGroups and ConsumerGroupDescribe: what is shown of the members of own groups.

use super::*;

#[test]
fn trap_l10_hosts_and_hidden_topics_of_own_members_are_masked() {
    for version in versions(ApiKey::DescribeGroups) {
        let asked = DescribeGroupsRequest::default().with_groups(groups(&["one", "two", "three"]));
        let broker = DescribeGroupsResponse::default().with_groups(vec![
            described(version, "weir.reader.one", "consumer", &[GRANTED, HIDDEN, ALSO_GRANTED]),
            described(version, "weir.reader.two", "consumer", &[GRANTED]),
            described(version, "weir.reader.three", "planted", &[GRANTED]),
        ]);
        let (sent, shown) = through(&mut Desk::new(), ApiKey::DescribeGroups, version, &asked, &broker);
        assert_eq!(sent.groups, groups(&["weir.reader.one", "weir.reader.two", "weir.reader.three"]));
        let ids: Vec<_> = shown.groups.iter().map(|shown| shown.group_id.clone()).collect();
        assert_eq!(ids, asked.groups, "version {version}");
        for (place, topics) in [(0, &[GRANTED, ALSO_GRANTED][..]), (1, &[GRANTED])] {
            let mut expected = described(version, &asked.groups[place], "consumer", topics);
            expected.authorized_operations = if version >= 3 { 0x7ff } else { NOT_ASKED };
            expected.members[0].client_host = text("/0.0.0.0");
            assert_eq!(shown.groups[place], expected, "version {version}");
        }
        let strange = &shown.groups[2].members[0];
        assert!(strange.member_metadata.is_empty() && strange.member_assignment.is_empty());
    }
}

#[test]
fn what_may_be_done_to_a_group_is_what_weirs_policy_says() {
    for version in 3..=6 {
        for (asks, expected) in [(true, OWN), (false, 0x7ff)] {
            let asked =
                DescribeGroupsRequest::default().with_groups(groups(&["one"])).with_include_authorized_operations(asks);
            let broker = DescribeGroupsResponse::default().with_groups(vec![described(
                version,
                "weir.reader.one",
                "consumer",
                &[],
            )]);
            let (sent, shown) = through(&mut Desk::new(), ApiKey::DescribeGroups, version, &asked, &broker);
            assert!(!sent.include_authorized_operations, "what Weir may do is not asked for");
            assert_eq!(shown.groups[0].authorized_operations, expected);
        }
    }
    for version in versions(ApiKey::ConsumerGroupDescribe) {
        for (asks, expected) in [(true, OWN), (false, NOT_ASKED)] {
            let asked = ConsumerGroupDescribeRequest::default()
                .with_group_ids(groups(&["one"]))
                .with_include_authorized_operations(asks);
            let broker = ConsumerGroupDescribeResponse::default().with_groups(vec![consumers("weir.reader.one", &[])]);
            let (sent, shown) = through(&mut Desk::new(), ApiKey::ConsumerGroupDescribe, version, &asked, &broker);
            assert!(!sent.include_authorized_operations);
            assert_eq!(shown.groups[0].authorized_operations, expected);
        }
    }
}

#[test]
fn trap_l24_a_sentence_about_a_group_names_it_as_the_client_does_or_is_not_said() {
    let said = [
        ("Group weir.reader.one not found.", Some("Group one not found.")),
        ("Group weir.reader.one is not a classic group.", Some("Group one is not a classic group.")),
        ("Group weir.reader.one is not a consumer group.", Some("Group one is not a consumer group.")),
        ("Group weir.other.one not found.", None),
        ("planted-text weir.reader.one not found.", None),
        ("Group weir.reader.one not found. planted-text", None),
        ("planted-text", None),
        ("", None),
    ];
    for (said, expected) in said {
        let broker = DescribedGroup::default()
            .with_group_id(group("weir.reader.one"))
            .with_error_code(69)
            .with_error_message(Some(text(said)));
        let broker = DescribeGroupsResponse::default().with_groups(vec![broker]);
        let asked = DescribeGroupsRequest::default().with_groups(groups(&["one"]));
        let (_, shown) = through(&mut Desk::new(), ApiKey::DescribeGroups, 6, &asked, &broker);
        let shown = &shown.groups[0];
        assert_eq!((shown.error_code, shown.error_message.as_deref()), (69, expected));

        let broker = DescribedConsumers::default()
            .with_group_id(group("weir.reader.one"))
            .with_error_code(69)
            .with_error_message(Some(text(said)));
        let broker = ConsumerGroupDescribeResponse::default().with_groups(vec![broker]);
        let asked = ConsumerGroupDescribeRequest::default().with_group_ids(groups(&["one"]));
        let (_, shown) = through(&mut Desk::new(), ApiKey::ConsumerGroupDescribe, 1, &asked, &broker);
        assert_eq!(shown.groups[0].error_message.as_deref(), expected);
    }
}

/// A group of one member that names and holds these topics.
fn consumers(real: &str, topics: &[&str]) -> DescribedConsumers {
    let held = |name: &&str| TopicPartitions::default().with_topic_name(topic(name)).with_partitions(vec![0, 1]);
    let held = Assignment::default().with_topic_partitions(topics.iter().map(held).collect());
    let member = Member::default()
        .with_member_id(text("M1"))
        .with_rack_id(Some(text("planted-rack")))
        .with_client_id(text("a client"))
        .with_client_host(text("/10.1.2.3"))
        .with_subscribed_topic_names(topics.iter().map(|name| topic(name)).collect())
        .with_subscribed_topic_regex(Some(text("planted-pattern.*")))
        .with_assignment(held.clone())
        .with_target_assignment(held);
    DescribedConsumers::default()
        .with_group_id(group(real))
        .with_group_state(text("Stable"))
        .with_group_epoch(3)
        .with_assignor_name(text("uniform"))
        .with_members(vec![member])
}

#[test]
fn trap_l15_a_group_that_holds_a_hidden_topic_is_refused_whole() {
    type Spoil = fn(&mut Member);
    let spoils: [Spoil; 3] = [
        |member| member.assignment.topic_partitions[0].topic_name = topic(HIDDEN),
        |member| member.target_assignment.topic_partitions[0].topic_name = topic(HIDDEN),
        |member| member.subscribed_topic_names.push(topic(HIDDEN)),
    ];
    for version in versions(ApiKey::ConsumerGroupDescribe) {
        for spoil in spoils {
            let mut hidden = consumers("weir.reader.two", &[GRANTED]);
            let mut second = hidden.members[0].clone();
            spoil(&mut second);
            hidden.members.push(second);
            let broker = ConsumerGroupDescribeResponse::default()
                .with_groups(vec![consumers("weir.reader.one", &[GRANTED]), hidden]);
            let asked = ConsumerGroupDescribeRequest::default()
                .with_group_ids(groups(&["one", "two"]))
                .with_include_authorized_operations(true);
            let (sent, shown) = through(&mut Desk::new(), ApiKey::ConsumerGroupDescribe, version, &asked, &broker);
            assert_eq!(sent.group_ids, groups(&["weir.reader.one", "weir.reader.two"]));
            let mut expected = consumers("one", &[GRANTED]).with_authorized_operations(OWN);
            let member = &mut expected.members[0];
            (member.client_host, member.rack_id, member.subscribed_topic_regex) = (text("/0.0.0.0"), None, None);
            assert_eq!(shown.groups[0], expected, "version {version}");
            let refused = &shown.groups[1];
            assert!(refused.error_message.is_some());
            let bare = DescribedConsumers::default().with_group_id(group("two")).with_error_code(29);
            assert_eq!(refused.clone().with_error_message(None), bare);
        }
    }
}

#[test]
fn a_member_without_a_pattern_is_shown_without_one() {
    for pattern in [None, Some("")] {
        let mut broker = consumers("weir.reader.one", &[GRANTED]);
        broker.members[0].subscribed_topic_regex = pattern.map(text);
        let broker = ConsumerGroupDescribeResponse::default().with_groups(vec![broker]);
        let asked = ConsumerGroupDescribeRequest::default().with_group_ids(groups(&["one"]));
        let (_, shown) = through(&mut Desk::new(), ApiKey::ConsumerGroupDescribe, 1, &asked, &broker);
        assert_eq!(shown.groups[0].members[0].subscribed_topic_regex.as_deref(), pattern);
    }
}
