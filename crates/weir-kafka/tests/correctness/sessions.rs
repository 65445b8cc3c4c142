//! Fetch sessions whose topics, rights, versions or connection are not what they were.

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{ApiKey, MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;
use weir_kafka::cluster::{RealTopic, TopicView};
use weir_kafka::fault::Fault;
use weir_kafka::session::{Head, Session};

use crate::fetching::*;
use crate::support::*;

#[test]
fn trap_c16_an_incremental_answer_holds_no_partition_outside_its_session() {
    // Forgotten, never asked for, refused, and of a topic that may be read and is not in the session.
    for (name, index) in [(GRANTED, 1), (GRANTED, 2), (HIDDEN, 0), (ALSO_GRANTED, 0)] {
        for version in WITH_SESSIONS {
            let mut desk = with_session(version);
            let forgets = asked(version, (SESSION, 1), vec![]);
            let forgets = forgets.with_forgotten_topics_data(vec![forgotten(version, GRANTED, &[1])]);
            let (id, _) = sent(&mut desk, version, &forgets);
            let own = |index| vec![answered(version, GRANTED, vec![data(index, 7)])];
            got(&mut desk, version, id, &broker_says(version, SESSION, own(0))).unwrap();
            let (id, _) = sent(&mut desk, version, &asked(version, (SESSION, 2), vec![]));
            let strange = vec![answered(version, name, vec![data(index, 7)])];
            let given = got(&mut desk, version, id, &broker_says(version, SESSION, strange));
            assert_eq!(given.unwrap_err(), Fault::BrokerUnasked, "version {version}: {name} {index}");
        }
    }
}

#[test]
fn trap_c17_a_topic_that_is_lost_between_two_fetches_is_not_asked_for_again() {
    for version in ALL {
        let both = || vec![topic(version, GRANTED, &[0]), topic(version, ALSO_GRANTED, &[0])];
        let mut desk = Desk::new();
        let (id, _) = sent(&mut desk, version, &asked(version, (0, 0), both()));
        let of = |name| answered(version, name, vec![data(0, 9)]);
        let broker = broker_says(version, SESSION, vec![of(GRANTED), of(ALSO_GRANTED)]);
        assert_eq!(told(&got(&mut desk, version, id, &broker).unwrap()).len(), 2);
        desk.policy = policy(&[ALSO_GRANTED]);
        desk.policy_generation += 1;
        if version >= 7 {
            let over = here(&mut desk, version, &asked(version, (SESSION, 1), vec![]));
            assert_eq!((over.error_code, over.session_id, over.responses.len()), (70, 0, 0), "version {version}");
        }
        let (id, asked) = sent(&mut desk, version, &asked(version, (0, 0), both()));
        assert_eq!(asked.topics, [topic(version, ALSO_GRANTED, &[0])]);
        let shown = got(&mut desk, version, id, &broker_says(version, 501, vec![of(ALSO_GRANTED)])).unwrap();
        assert_eq!(told(&shown), [(ALSO_GRANTED, 0, 0, 9), (GRANTED, 0, refused(version), 0)]);
    }
}

#[test]
fn trap_c18_a_topic_that_is_granted_later_is_read_once_the_client_has_come_with_its_full_list() {
    for version in WITH_SESSIONS {
        let mut desk = with_session(version);
        let (id, _) = sent(&mut desk, version, &asked(version, (SESSION, 1), vec![]));
        let shown = got(&mut desk, version, id, &broker_says(version, SESSION, vec![])).unwrap();
        assert_eq!(told(&shown), [(HIDDEN, 0, refused(version), 0), (HIDDEN, 1, refused(version), 0)]);
        desk.policy = policy(&[GRANTED, HIDDEN]);
        desk.policy_generation += 1;
        // The client will not name it again by itself.
        let over = here(&mut desk, version, &asked(version, (SESSION, 2), vec![]));
        assert_eq!((over.error_code, over.session_id, over.responses.len()), (70, 0, 0), "version {version}");
        let all = vec![topic(version, GRANTED, &[0, 1]), topic(version, HIDDEN, &[0, 1])];
        let (id, asked_for) = sent(&mut desk, version, &asked(version, (0, 0), all.clone()));
        assert_eq!(asked_for.topics, all);
        let broker = broker_says(version, 501, vec![answered(version, HIDDEN, vec![data(0, 3), data(1, 4)])]);
        let shown = got(&mut desk, version, id, &broker).unwrap();
        assert_eq!(told(&shown), [(HIDDEN, 0, 0, 3), (HIDDEN, 1, 0, 4)]);
        let (id, _) = sent(&mut desk, version, &asked(version, (501, 1), vec![]));
        let shown = got(&mut desk, version, id, &broker_says(version, 501, vec![])).unwrap();
        assert!(shown.responses.is_empty(), "nothing is refused any more");
    }
}

#[test]
fn trap_c19_what_is_refused_and_forgotten_is_told_no_more() {
    for version in WITH_SESSIONS {
        let mut desk = with_session(version);
        let mut epoch = 0;
        let mut forget = |partitions: &[i32]| {
            epoch += 1;
            let forgets = asked(version, (SESSION, epoch), vec![]);
            let lists = (!partitions.is_empty()).then(|| forgotten(version, HIDDEN, partitions));
            let (id, sent) = sent(&mut desk, version, &forgets.with_forgotten_topics_data(lists.into_iter().collect()));
            assert!(sent.forgotten_topics_data.is_empty(), "its name does not go up");
            let shown = got(&mut desk, version, id, &broker_says(version, SESSION, vec![])).unwrap();
            told(&shown).iter().map(|(name, index, ..)| ((*name).to_owned(), *index)).collect::<Vec<_>>()
        };
        let hidden = |index| (HIDDEN.to_owned(), index);
        assert_eq!(forget(&[]), [hidden(0), hidden(1)], "version {version}");
        assert_eq!(forget(&[0]), [hidden(1)]);
        assert_eq!(forget(&[]), [hidden(1)]);
        assert_eq!(forget(&[1]), []);
        assert_eq!(forget(&[]), []);
    }
}

#[test]
fn trap_c21_after_a_reconnect_the_old_session_is_none() {
    for version in WITH_SESSIONS {
        // As Java does: the old number with epoch 0, and the full list.
        let mut desk = with_session(version);
        desk.session = Session::new("reader".into(), &desk.limits);
        let full = vec![topic(version, GRANTED, &[0, 1])];
        let (id, asked_for) = sent(&mut desk, version, &asked(version, (SESSION, 0), full));
        assert_eq!((asked_for.session_id, asked_for.session_epoch), (0, 0), "version {version}");
        let broker = broker_says(version, 501, vec![answered(version, GRANTED, vec![data(0, 1)])]);
        assert_eq!(got(&mut desk, version, id, &broker).unwrap().session_id, 501);
        let (_, next) = sent(&mut desk, version, &asked(version, (501, 1), vec![]));
        assert_eq!((next.session_id, next.session_epoch), (501, 1), "the new one goes on");
        for epoch in [1, 2, i32::MAX, i32::MIN] {
            let mut desk = with_session(version);
            desk.session = Session::new("reader".into(), &desk.limits);
            let over = here(&mut desk, version, &asked(version, (SESSION, epoch), vec![]));
            assert_eq!((over.error_code, over.session_id, over.responses.len()), (70, 0, 0));
        }
    }
}

#[test]
fn trap_c22_a_session_does_not_change_between_names_and_ids() {
    for (version, other) in [(12, 13), (13, 12), (7, 17), (17, 7)] {
        let mut desk = with_session(version);
        for adds in [vec![], vec![topic(other, GRANTED, &[0]), topic(other, ALSO_GRANTED, &[0])]] {
            let mixed = here(&mut desk, other, &asked(other, (SESSION, 1), adds));
            assert_eq!((mixed.error_code, mixed.responses.len()), (106, 0), "opened in {version}, asked in {other}");
        }
        let (id, asked_for) = sent(&mut desk, version, &asked(version, (SESSION, 1), vec![]));
        assert_eq!((asked_for.session_id, asked_for.session_epoch), (SESSION, 1), "it goes on as it began");
        let shown = got(&mut desk, version, id, &broker_says(version, SESSION, vec![])).unwrap();
        assert_eq!(told(&shown).len(), 2, "and has what it had: the refused partitions");
    }
}

const MADE_AGAIN: Uuid = Uuid::from_u128(0xeeee_0004);

/// A topic is deleted and made again under its name, or another name has its id now.
fn make_again(desk: &mut Desk, name: &str, id: Uuid) {
    let view = &mut desk.view;
    let topic = view.topics.remove(name).unwrap();
    view.topics_by_id.remove(&topic.id);
    view.topics.insert(RealTopic(name.into()), TopicView { id, ..topic });
    view.topics_by_id.insert(id, RealTopic(name.into()));
    view.topics_generation += 1;
}

fn metadata(desk: &mut Desk, topic: MetadataRequestTopic) -> (i16, Uuid) {
    let asked = MetadataRequest::default().with_topics(Some(vec![topic]));
    assert!(matches!(desk.ask(ApiKey::Metadata, 12, &asked), Led::Local));
    let (_, response) = read::<MetadataResponse>(&desk.local_answer(), true, 12);
    (response.topics[0].error_code, response.topics[0].topic_id)
}

#[test]
fn trap_c23_a_topic_that_is_made_again_is_not_read_by_its_old_id() {
    let by_name = || {
        let name = TopicName(StrBytes::from_static_str(GRANTED));
        MetadataRequestTopic::default().with_name(Some(name))
    };
    let by_id = |id| MetadataRequestTopic::default().with_name(None).with_topic_id(id);
    for version in 13..=17 {
        let mut desk = with_session(version);
        assert_eq!(metadata(&mut desk, by_name()), (0, GRANTED_ID));
        make_again(&mut desk, GRANTED, MADE_AGAIN);
        // The session's verdict came from the old id.
        assert_eq!(here(&mut desk, version, &asked(version, (SESSION, 1), vec![])).error_code, 70);
        let old = asked(version, (0, -1), vec![topic(version, GRANTED, &[0])]);
        assert_eq!(here(&mut desk, version, &old).responses[0].partitions[0].error_code, 100, "version {version}");
        assert_eq!(metadata(&mut desk, by_id(GRANTED_ID)), (100, GRANTED_ID));
        // The grant follows the name.
        assert_eq!(metadata(&mut desk, by_name()), (0, MADE_AGAIN));
        let new = vec![topic(version, GRANTED, &[0]).with_topic_id(MADE_AGAIN)];
        assert_eq!(sent(&mut desk, version, &asked(version, (0, -1), new.clone())).1.topics, new);
    }
}

#[test]
fn trap_c23_an_id_that_another_name_has_now_is_judged_by_that_name() {
    for version in 13..=17 {
        let mut desk = with_session(version);
        make_again(&mut desk, GRANTED, MADE_AGAIN);
        make_again(&mut desk, HIDDEN, GRANTED_ID);
        assert_eq!(here(&mut desk, version, &asked(version, (SESSION, 1), vec![])).error_code, 70);
        let old = asked(version, (0, -1), vec![topic(version, GRANTED, &[0])]);
        assert_eq!(here(&mut desk, version, &old).responses[0].partitions[0].error_code, 100, "version {version}");
    }
}

#[test]
fn trap_c24_who_may_read_nothing_waits_as_long_as_it_said_and_half_a_second_at_most() {
    for version in ALL {
        for (max_wait, waits) in [(i32::MIN, 0), (0, 0), (100, 100), (500, 500), (30_000, 500), (i32::MAX, 500)] {
            let mut desk = Desk::new();
            let nothing = asked(version, (0, 0), vec![topic(version, HIDDEN, &[0]), topic(version, ABSENT, &[0])]);
            let led = desk.ask(ApiKey::Fetch, version, &nothing.with_max_wait_ms(max_wait));
            assert!(matches!(led, Led::Local));
            let Head::Local { not_before: Some(due), .. } = desk.session.head() else { panic!("at once") };
            assert_eq!(due.duration_since(desk.now).as_millis(), waits, "version {version}, {max_wait} ms");
            desk.local_answer();
        }
    }
}
