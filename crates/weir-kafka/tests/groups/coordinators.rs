//! FindCoordinator: for groups alone, shown by its address, explained in fixed words.

use crate::support::*;
use crate::{REAL, text};
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{ApiKey, BrokerId, FindCoordinatorRequest, FindCoordinatorResponse};

#[test]
fn trap_l16_a_coordinator_is_shown_by_its_advertised_address() {
    for version in 0..=6 {
        let mut desk = Desk::new();
        let asked = if version < 4 {
            FindCoordinatorRequest::default().with_key(text("my group"))
        } else {
            FindCoordinatorRequest::default().with_coordinator_keys(vec![text("my group"), text("")])
        };
        let led = desk.ask(ApiKey::FindCoordinator, version, &asked);
        let (header, sent) = upstream::<FindCoordinatorRequest>(led, version);
        let host = text(INTERNAL_HOST);
        let broker = if version < 4 {
            assert_eq!(&*sent.key, REAL);
            FindCoordinatorResponse::default().with_node_id(BrokerId(2)).with_host(host).with_port(9092)
        } else {
            assert_eq!(sent.coordinator_keys, [text(REAL)]);
            let found = Coordinator::default()
                .with_key(text(REAL))
                .with_node_id(BrokerId(2))
                .with_host(host)
                .with_port(9092)
                .with_error_message(Some(text(INTERNAL_HOST)));
            FindCoordinatorResponse::default().with_coordinators(vec![found])
        };
        let out = desk.broker_answers(&answer(header.correlation_id, version >= 3, version, &broker), 5).unwrap();
        assert!(!String::from_utf8_lossy(&out).contains("internal"));
        let (_, response) = read::<FindCoordinatorResponse>(&out, version >= 3, version);
        if version < 4 {
            assert_eq!((response.node_id.0, &*response.host, response.port), (2, "b2.kafka.example.org", 9093));
            assert_eq!(response.error_message.as_deref(), Some(if version == 0 { "" } else { "NONE" }));
        } else {
            let (own, refused) = (&response.coordinators[0], &response.coordinators[1]);
            assert_eq!((&*own.key, own.node_id.0, &*own.host), ("my group", 2, "b2.kafka.example.org"));
            let texts = response.coordinators.iter().map(|coordinator| coordinator.error_message.as_deref());
            assert_eq!(texts.collect::<Vec<_>>(), [Some(""); 2]);
            assert_eq!((refused.error_code, refused.node_id.0, &*refused.host, refused.port), (24, -1, "", -1));
        }
    }
}

#[test]
fn trap_l17_only_groups_have_coordinators_here() {
    for (version, key_type, expected, explained) in
        [(4, 1, 53, false), (4, 2, 42, false), (5, 2, 42, false), (5, 3, 42, true), (6, 2, 31, true), (6, 3, 42, true)]
    {
        let mut desk = Desk::new();
        let asked =
            FindCoordinatorRequest::default().with_key_type(key_type).with_coordinator_keys(vec![text("g:topic:0")]);
        assert!(matches!(desk.ask(ApiKey::FindCoordinator, version, &asked), Led::Local));
        let (_, response) = read::<FindCoordinatorResponse>(&desk.local_answer(), true, version);
        assert_eq!(response.coordinators[0].error_code, expected);
        assert_eq!(response.coordinators[0].error_message.as_deref() != Some(""), explained);
    }
}

#[test]
fn trap_l24_a_coordinator_that_is_not_found_is_explained_where_kafka_explains_it_in_fixed_words() {
    for version in 0..=6 {
        let (batched, planted) = (version >= 4, Some(text("planted")));
        let mut desk = Desk::new();
        let asked = if batched {
            FindCoordinatorRequest::default().with_coordinator_keys(vec![text("my group")])
        } else {
            FindCoordinatorRequest::default().with_key(text("my group"))
        };
        let led = desk.ask(ApiKey::FindCoordinator, version, &asked);
        let (header, _) = upstream::<FindCoordinatorRequest>(led, version);
        let broker = if batched {
            let failed = Coordinator::default().with_key(text(REAL)).with_error_code(15).with_error_message(planted);
            FindCoordinatorResponse::default().with_coordinators(vec![failed])
        } else {
            let planted = planted.filter(|_| version >= 1);
            FindCoordinatorResponse::default().with_error_code(15).with_error_message(planted)
        };
        let out = desk.broker_answers(&answer(header.correlation_id, version >= 3, version, &broker), 5).unwrap();
        let (_, response) = read::<FindCoordinatorResponse>(&out, version >= 3, version);
        let of_one = (response.error_code, response.error_message.as_deref());
        let of_many = response.coordinators.first();
        let of_many = of_many.map(|found| (found.error_code, found.error_message.as_deref()));
        match version {
            0 => assert_eq!(of_one, (15, Some(""))),
            1..=3 => assert_eq!(of_one, (15, Some("The coordinator is not here now."))),
            _ => assert_eq!(of_many, Some((15, Some("")))),
        }
    }
}
