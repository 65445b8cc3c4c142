//! The plainest request of each API: about one granted topic, one group, or neither, and in every version one that goes on.

#![allow(dead_code, reason = "each test file uses its own part")]

use bytes::BytesMut;
use kafka_protocol::messages::RequestHeader;
use kafka_protocol::protocol::{Encodable, StrBytes};
use uuid::Uuid;
use weir_kafka::table::Row;

use crate::support::filler::{self, Contents, Place};
use crate::support::{GRANTED, GRANTED_ID};

/// A frame of this API, without its length prefix, in the name of a client.
pub fn request(row: &Row, version: i16, client_id: &str, contents: &mut dyn Contents) -> Vec<u8> {
    let header = RequestHeader::default()
        .with_request_api_key(row.key)
        .with_request_api_version(version)
        .with_correlation_id(77)
        .with_client_id(Some(StrBytes::from_string(client_id.to_owned())));
    let mut frame = BytesMut::new();
    header.encode(&mut frame, if row.is_flexible(version) { 2 } else { 1 }).unwrap();
    frame.extend_from_slice(&filler::body(row.request, version, contents));
    frame.to_vec()
}

/// One of each.
pub struct Plain;

impl Contents for Plain {
    fn text(&mut self, place: &Place) -> Option<String> {
        let field = place.name();
        let needed = ["protocol_type", "protocol_name", "topics"].contains(&field);
        (!place.nullable || needed).then(|| text_of(field, GRANTED, "g").to_owned())
    }

    fn id(&mut self, _: &Place) -> Uuid {
        GRANTED_ID
    }

    fn number(&mut self, place: &Place) -> i64 {
        number_of(place.name())
    }

    fn bytes(&mut self, _: &Place) -> Vec<u8> {
        Vec::new()
    }

    fn elements(&mut self, _: &Place) -> Option<usize> {
        Some(1)
    }
}

/// What stands in a text field, where a topic or a group has its place.
pub fn text_of<'a>(field: &str, topic: &'a str, group: &'a str) -> &'a str {
    match field {
        "subscribed_topic_regex" | "cluster_id" | "rack_id" | "server_assignor" | "group_instance_id" => "",
        "protocol_type" | "types_filter" => "consumer",
        "states_filter" => "Stable",
        "configuration_keys" => "retention.ms",
        "client_software_name" | "client_software_version" | "member_id" | "protocol_name" => "x",
        "group_id" | "groups" | "groups_names" | "group_ids" | "key" | "coordinator_keys" => group,
        _ => topic,
    }
}

/// A number that goes on.
pub fn number_of(field: &str) -> i64 {
    match field {
        // Topics.
        "resource_type" => 2,
        "replica_id" | "session_epoch" => -1,
        // Any of them: access lists are asked for by what they may say.
        "acks" | "endpoint_type" | "resource_type_filter" | "pattern_type_filter" | "operation" | "permission_type" => {
            1
        }
        _ => 0,
    }
}
