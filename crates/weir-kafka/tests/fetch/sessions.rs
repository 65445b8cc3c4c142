//! Fetch sessions: they belong to one connection, remember what was refused, and have an end.

use super::*;

#[test]
fn trap_c20_an_empty_fetch_in_a_session_goes_on_and_its_answer_keeps_the_refused() {
    for version in [7, 12, 17] {
        let mut desk = Desk::new();
        open_session(&mut desk, version);
        let led = desk.ask(ApiKey::Fetch, version, &request(version, (500, 1), vec![]));
        let (header, sent) = upstream::<FetchRequest>(led, version);
        assert_eq!((sent.session_id, sent.session_epoch, sent.topics.len()), (500, 1, 0));
        let broker = FetchResponse::default().with_session_id(500);
        let frame = answer(header.correlation_id, flexible(version), version, &broker);
        let out = desk.broker_answers(&frame, 3).unwrap();
        let (_, response) = read::<FetchResponse>(&out, flexible(version), version);
        assert_eq!(response.responses.len(), 1, "version {version}: the refused topic");
    }
}

#[test]
fn trap_s3_a_session_of_another_connection_is_none() {
    let mut desk = Desk::new();
    let led = desk.ask(ApiKey::Fetch, 12, &request(12, (500, 3), vec![]));
    assert!(matches!(led, Led::Local));
    let (_, response) = read::<FetchResponse>(&desk.local_answer(), true, 12);
    assert_eq!(response.error_code, 70);
    for epoch in [0, -1] {
        let asked = request(12, (500, epoch), vec![topic(GRANTED, GRANTED_ID, 12, &[0])]);
        let (_, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 12, &asked), 12);
        assert_eq!((sent.session_id, sent.session_epoch), (0, epoch), "the other's session is not closed");
    }
}

#[test]
fn a_negative_session_id_is_answered_here() {
    let mut desk = Desk::new();
    let asked = request(12, (i32::MIN, 0), vec![topic(GRANTED, GRANTED_ID, 12, &[0])]);
    assert!(matches!(desk.ask(ApiKey::Fetch, 12, &asked), Led::Local));
    assert_eq!(read::<FetchResponse>(&desk.local_answer(), true, 12).1.error_code, 70);
}

#[test]
fn trap_c17_c18_a_changed_verdict_sends_the_client_back_for_its_full_list() {
    for granted in [&[GRANTED, HIDDEN][..], &[ALSO_GRANTED][..]] {
        let mut desk = Desk::new();
        open_session(&mut desk, 12);
        desk.policy = policy(granted);
        desk.policy_generation = 2;
        assert!(matches!(desk.ask(ApiKey::Fetch, 12, &request(12, (500, 1), vec![])), Led::Local));
        assert_eq!(read::<FetchResponse>(&desk.local_answer(), true, 12).1.error_code, 70);
    }
    let mut desk = Desk::new();
    open_session(&mut desk, 12);
    desk.policy_generation = 2;
    let led = desk.ask(ApiKey::Fetch, 12, &request(12, (500, 1), vec![]));
    assert!(matches!(led, Led::Upstream(_)), "who lost and gained nothing does not notice");
}

#[test]
fn trap_c19_a_forgotten_refused_partition_is_no_longer_answered() {
    let mut desk = Desk::new();
    open_session(&mut desk, 12);
    let forgotten =
        ForgottenTopic::default().with_topic(TopicName(StrBytes::from_static_str(HIDDEN))).with_partitions(vec![0]);
    let asked = request(12, (500, 1), vec![]).with_forgotten_topics_data(vec![forgotten]);
    let (header, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 12, &asked), 12);
    assert!(sent.forgotten_topics_data.is_empty(), "its name does not go up");
    let broker = FetchResponse::default().with_session_id(500);
    let out = desk.broker_answers(&answer(header.correlation_id, true, 12, &broker), 1 << 20).unwrap();
    assert!(read::<FetchResponse>(&out, true, 12).1.responses.is_empty());
}

/// As Java does when it closes: it ends its session while a Fetch in it still waits at the broker.
#[test]
fn a_session_that_changes_while_its_answer_is_on_the_way_does_not_change_that_answer() {
    for version in [7, 12, 17] {
        let mut desk = Desk::new();
        open_session(&mut desk, version);
        let (parked, _) =
            upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &request(version, (500, 1), vec![])), version);
        let forgotten = match version {
            13.. => ForgottenTopic::default().with_topic_id(GRANTED_ID),
            _ => ForgottenTopic::default().with_topic(TopicName(StrBytes::from_static_str(GRANTED))),
        };
        let asked = request(version, (500, 2), vec![]);
        let asked = asked.with_forgotten_topics_data(vec![forgotten.with_partitions(vec![0])]);
        let (forgets, _) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &asked), version);
        let asked = request(version, (500, -1), vec![]);
        let (closes, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &asked), version);
        assert_eq!((sent.session_id, sent.session_epoch), (500, -1), "its own session may be closed");
        for (header, session, partitions) in
            [(parked, 500, vec![data(0, 9), data(1, 9)]), (forgets, 500, vec![data(1, 9)]), (closes, 0, vec![])]
        {
            let topics = vec![answered(GRANTED, GRANTED_ID, version, partitions)];
            let topics = if session == 0 { vec![] } else { topics };
            let broker = FetchResponse::default().with_session_id(session).with_responses(topics);
            let frame = answer(header.correlation_id, flexible(version), version, &broker);
            let out = desk.broker_answers(&frame, 1 << 20).unwrap();
            assert_eq!(read::<FetchResponse>(&out, flexible(version), version).1.session_id, session);
        }
        let after = desk.ask(ApiKey::Fetch, version, &request(version, (500, 3), vec![]));
        assert!(matches!(after, Led::Local));
        let (_, gone) = read::<FetchResponse>(&desk.local_answer(), flexible(version), version);
        assert_eq!(gone.error_code, 70);
    }
}

/// Kafka takes nothing of a request whose epoch is not the next one, and goes on when that comes.
#[test]
fn a_session_outlives_an_epoch_that_is_not_its_next_and_is_as_it_was_before() {
    for version in [7, 12, 17] {
        let refused_epoch = |desk: &mut Desk, id: i32| {
            let broker = FetchResponse::default().with_error_code(71);
            let out = desk.broker_answers(&answer(id, flexible(version), version, &broker), 99).unwrap();
            let (_, response) = read::<FetchResponse>(&out, flexible(version), version);
            assert_eq!((response.error_code, response.responses.len()), (71, 0));
        };
        let forgets = |name, id, partition| {
            let forgotten = ForgottenTopic::default().with_partitions(vec![partition]);
            match version {
                13.. => forgotten.with_topic_id(id),
                _ => forgotten.with_topic(TopicName(StrBytes::from_static_str(name))),
            }
        };
        let adds = |epoch| request(version, (500, epoch), vec![topic(ABSENT, ABSENT_ID, version, &[0])]);
        let lists = vec![forgets(GRANTED, GRANTED_ID, 0), forgets(HIDDEN, HIDDEN_ID, 0)];
        let nothing = request(version, (500, 9), vec![]);
        let (mut desk, mut epoch) = (Desk::new(), 1);
        open_session(&mut desk, version);
        for wrong in [nothing.clone(), adds(9), nothing.with_forgotten_topics_data(lists)] {
            let (header, _) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &wrong), version);
            refused_epoch(&mut desk, header.correlation_id);
            let next = desk.ask(ApiKey::Fetch, version, &request(version, (500, epoch), vec![]));
            let (header, _) = upstream::<FetchRequest>(next, version);
            let told = vec![answered(GRANTED, GRANTED_ID, version, vec![data(0, 9)])];
            let broker = FetchResponse::default().with_session_id(500).with_responses(told);
            let frame = answer(header.correlation_id, flexible(version), version, &broker);
            let (_, response) =
                read::<FetchResponse>(&desk.broker_answers(&frame, 99).unwrap(), flexible(version), version);
            assert_eq!(response.responses.len(), 2, "version {version}: what it had, and the refused topic");
            assert_eq!(
                response.responses[1],
                answered(HIDDEN, HIDDEN_ID, version, response.responses[1].partitions.clone())
            );
            epoch += 1;
        }
        // What was asked meanwhile counted on the change: the session is over, for nobody can tell what it is.
        let (first, _) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &adds(99)), version);
        let led = desk.ask(ApiKey::Fetch, version, &request(version, (500, epoch), vec![]));
        assert!(matches!(led, Led::Upstream(_)));
        refused_epoch(&mut desk, first.correlation_id);
        let after = desk.ask(ApiKey::Fetch, version, &request(version, (500, epoch + 1), vec![]));
        assert!(matches!(after, Led::Local), "70, and the client begins anew");
    }
}

#[test]
fn what_a_session_holds_of_refused_names_has_an_end() {
    let mut desk = Desk::new();
    open_session(&mut desk, 12);
    let added = |round: i32| {
        let named = |index: usize| {
            let name = TopicName(StrBytes::from_string(format!("{round}-{index}-{}", "x".repeat(30_000))));
            FetchTopic::default().with_topic(name).with_partitions(vec![FetchPartition::default()])
        };
        request(12, (500, round), (0..10).map(named).collect())
    };
    let refused_at = (1..100).find(|round| {
        let Ok(led) = desk.raw(frame(ApiKey::Fetch, 12, 77, &added(*round))) else { return true };
        let (header, _) = upstream::<FetchRequest>(led, 12);
        let broker = FetchResponse::default().with_session_id(500);
        desk.broker_answers(&answer(header.correlation_id, true, 12, &broker), 99).unwrap();
        false
    });
    assert_eq!(refused_at, Some(4), "a mebibyte of names is four times 300 kB");
}

#[test]
fn trap_a19_a_session_that_is_over_here_is_ended_at_the_broker_by_the_next_full_fetch() {
    let mut desk = Desk::new();
    open_session(&mut desk, 12);
    desk.policy = policy(&[ALSO_GRANTED]);
    desk.policy_generation = 2;
    assert!(matches!(desk.ask(ApiKey::Fetch, 12, &request(12, (500, 1), vec![])), Led::Local));
    desk.local_answer();
    let again = request(12, (0, 0), vec![topic(ALSO_GRANTED, GRANTED_ID, 12, &[0])]);
    let (_, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 12, &again), 12);
    assert_eq!((sent.session_id, sent.session_epoch), (500, 0));
}

#[test]
fn trap_a19_a_session_that_is_emptied_is_emptied_at_the_broker() {
    let mut desk = Desk::new();
    open_session(&mut desk, 12);
    let forgotten =
        ForgottenTopic::default().with_topic(TopicName(StrBytes::from_static_str(GRANTED))).with_partitions(vec![0, 1]);
    let asked = request(12, (500, 1), vec![]).with_forgotten_topics_data(vec![forgotten]);
    let (header, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 12, &asked), 12);
    assert_eq!(sent.forgotten_topics_data.len(), 1);
    // The broker ends what has become empty.
    let out = desk.broker_answers(&answer(header.correlation_id, true, 12, &FetchResponse::default()), 99).unwrap();
    let (_, response) = read::<FetchResponse>(&out, true, 12);
    assert_eq!((response.session_id, response.responses.len()), (0, 1), "the refused topic is told");
    assert!(matches!(desk.ask(ApiKey::Fetch, 12, &request(12, (500, 2), vec![])), Led::Local));
}

/// Each change that is under way holds a list of its own, however few bytes ask for it.
#[test]
fn hostile_f12_a_session_does_not_change_again_and_again_while_nobody_waits_for_the_answers() {
    let mut desk = Desk::new();
    open_session(&mut desk, 12);
    let adds = |epoch, index| request(12, (500, epoch), vec![topic(GRANTED, GRANTED_ID, 12, &[index])]);
    let nothing = |epoch| request(12, (500, epoch), vec![]);
    for (epoch, asked) in [(1, nothing(1)), (2, adds(2, 7)), (3, nothing(3)), (4, adds(4, 7))] {
        assert!(matches!(desk.ask(ApiKey::Fetch, 12, &asked), Led::Upstream(_)), "epoch {epoch}");
    }
    assert!(matches!(desk.ask(ApiKey::Fetch, 12, &adds(5, 8)), Led::Local));
    assert!(matches!(desk.ask(ApiKey::Fetch, 12, &nothing(6)), Led::Local), "the session is over");
    // With the answers in between, there is no end to it.
    let mut desk = Desk::new();
    open_session(&mut desk, 12);
    for epoch in 1..10 {
        let (header, _) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 12, &adds(epoch, 10 + epoch)), 12);
        let broker = FetchResponse::default().with_session_id(500);
        desk.broker_answers(&answer(header.correlation_id, true, 12, &broker), 99).unwrap();
    }
}

#[test]
fn hostile_u7_a_broker_does_not_make_more_sessions_than_were_asked_for() {
    let mut desk = Desk::new();
    for id in 1..=20 {
        let asked = request(12, (0, -1), vec![topic(GRANTED, GRANTED_ID, 12, &[0])]);
        let (header, _) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 12, &asked), 12);
        let broker = FetchResponse::default().with_session_id(id);
        desk.broker_answers(&answer(header.correlation_id, true, 12, &broker), 99).unwrap();
    }
    let known = (1..=20).filter(|id| {
        let led = desk.ask(ApiKey::Fetch, 12, &request(12, (*id, 1), vec![]));
        matches!(led, Led::Upstream(_))
    });
    assert_eq!(known.count(), 0, "none of them was asked for");
}
