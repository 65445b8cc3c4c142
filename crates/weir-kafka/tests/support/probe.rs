//! A request of any API with one topic in one place, and what a broker says to what is left of it.

use uuid::Uuid;
use weir_kafka::table::Row;

use super::filler::{self, Contents, Place};
use super::{ALSO_GRANTED, GRANTED, GRANTED_ID, INTERNAL_HOST};

/// A request with one topic in one place.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    /// How all that is not the place is filled.
    pub variant: i64,
    /// The place, counted through the body.
    pub slot: usize,
    /// All places of topics, but for the first element of each list.
    pub everywhere: bool,
    /// The topic.
    pub name: &'static str,
    pub id: Uuid,
    /// The broker never speaks of the topic by itself.
    pub plants_nothing: bool,
    /// Places so far, and the path of the one that is filled.
    pub seen: usize,
    pub path: Option<String>,
    /// Groups that are named, and topics that may be read.
    pub groups: Vec<String>,
    pub topics: Vec<String>,
    pub ids: Vec<Uuid>,
}

impl Probe {
    /// The path of the place that is filled.
    pub fn place(&self, row: &Row, version: i16) -> Option<String> {
        let mut probe = self.clone();
        filler::body(row.request, version, &mut probe);
        probe.path
    }

    fn is_filled(&mut self, place: &Place) -> bool {
        let is_slot = self.seen == self.slot;
        self.seen += 1;
        if is_slot {
            self.path = Some(place.path.join("/"));
        }
        is_slot || self.everywhere && names_a_topic(&place.path.join("/")) && place.element() > 0
    }

    fn usual(&self, place: &Place) -> Option<String> {
        let variant = self.variant;
        let topic = if place.element() == 0 { GRANTED } else { ALSO_GRANTED };
        let text = match place.name() {
            _ if place.nullable && variant == 3 => return None,
            "group_id" | "groups" | "group_ids" | "key" | "coordinator_keys" => "group",
            "protocol_type" | "types_filter" => "consumer",
            "states_filter" => "Stable",
            "configuration_keys" => "retention.ms",
            "member_id" if variant == 0 => "",
            "subscribed_topic_regex" if variant % 2 == 0 => "",
            "subscribed_topic_regex" => "public[.].*",
            "entity_type" => "user",
            "mechanism" => "PLAIN",
            "client_software_name" => "bench",
            "client_software_version" => "1.0",
            "assignor" | "server_assignor" => "uniform",
            _ if names_a_topic(&place.path.join("/")) => topic,
            _ => "member",
        };
        Some(text.to_owned())
    }
}

impl Contents for Probe {
    fn text(&mut self, place: &Place) -> Option<String> {
        let text = if self.is_filled(place) { Some(self.name.to_owned()) } else { self.usual(place) };
        match (&text, place.name()) {
            (Some(text), "group_id" | "groups" | "group_ids" | "key" | "coordinator_keys") => {
                self.groups.push(text.clone());
            }
            (Some(text), _) if [GRANTED, ALSO_GRANTED].contains(&&**text) => self.topics.push(text.clone()),
            _ => {}
        }
        text
    }

    fn id(&mut self, place: &Place) -> Uuid {
        if self.is_filled(place) {
            return self.id;
        }
        // Beside an id Metadata looks at no name.
        let id = if self.variant == 0 && place.path == ["topics", "topic_id"] { Uuid::nil() } else { GRANTED_ID };
        self.ids.push(id);
        id
    }

    fn bytes(&mut self, place: &Place) -> Vec<u8> {
        let topic = if self.is_filled(place) { self.name } else { GRANTED };
        member_bytes(&[ALSO_GRANTED, topic], place.name() == "assignment")
    }

    fn number(&mut self, place: &Place) -> i64 {
        match (place.name(), self.variant) {
            ("resource_type" | "resource_type_filter", _) => 2,
            ("pattern_type_filter", 0) => 3,
            ("pattern_type_filter", _) => 1,
            ("operation" | "permission_type", _) => 1,
            ("max_bytes" | "partition_max_bytes" | "session_timeout_ms" | "rebalance_timeout_ms", _) => 10_000,
            ("response_partition_limit", _) => 2000,
            ("replica_id", _) => -1,
            ("timestamp", _) => -1,
            ("session_id", _) => 0,
            ("session_epoch", 1) => -1,
            ("acks" | "endpoint_type", _) => 1,
            ("partition" | "partition_index" | "partitions" | "partition_indexes" | "index", _) => {
                place.element() as i64
            }
            ("member_epoch" | "generation_id_or_member_epoch" | "generation_id", variant) => variant % 2 - 1,
            ("key_type" | "isolation_level" | "match_type" | "session_epoch", _) => 0,
            ("current_leader_epoch", _) => -1,
            (_, variant) => i64::from(variant == 2),
        }
    }

    fn elements(&mut self, place: &Place) -> Option<usize> {
        match self.variant {
            3 if place.nullable => None,
            3 if place.name() == "topics" => Some(0),
            1 if place.path.len() == 1 => Some(3),
            _ => Some(2),
        }
    }
}

/// What members of a group write for one another, in version 0.
fn member_bytes(topics: &[&str], is_assignment: bool) -> Vec<u8> {
    let mut out = vec![0, 0];
    out.extend((topics.len() as i32).to_be_bytes());
    for topic in topics {
        out.extend((topic.len() as i16).to_be_bytes());
        out.extend(topic.as_bytes());
        if is_assignment {
            out.extend([0, 0, 0, 1, 0, 0, 0, 0]);
        }
    }
    out.extend([0xff; 4]);
    out
}

/// A broker's answer to what a probe left of a request. `planted` is a topic that nobody asked for.
pub struct BrokerSays<'a> {
    pub probe: &'a Probe,
    pub planted: Option<(&'static str, Uuid)>,
}

impl Contents for BrokerSays<'_> {
    fn text(&mut self, place: &Place) -> Option<String> {
        let outer = place.elements.first().copied().unwrap_or(0);
        let topic = || match self.planted {
            Some((name, _)) if place.element() == self.probe.topics.len() => name.to_owned(),
            _ => self.probe.topics.get(place.element()).map_or(GRANTED, String::as_str).to_owned(),
        };
        let text = match (place.name(), place.path.len()) {
            ("group_id" | "key", _) => {
                format!("weir.reader.{}", self.probe.groups.get(outer).map_or("group", |group| group))
            }
            ("error_message", _) => return None,
            ("host", _) => format!("{INTERNAL_HOST}.1"),
            ("protocol_type", _) => "consumer".to_owned(),
            ("name", 2) | ("topic" | "resource_name" | "topic_name" | "subscribed_topic_names", _) => topic(),
            ("name", 3) if place.path.contains(&"topics") => topic(),
            ("name", _) => "retention.ms".to_owned(),
            ("client_host", _) => "/10.1.2.3".to_owned(),
            _ => "member".to_owned(),
        };
        Some(text)
    }

    fn id(&mut self, place: &Place) -> Uuid {
        match self.planted {
            Some((_, id)) if place.element() == self.probe.ids.len() => id,
            _ => self.probe.ids.get(place.element()).copied().unwrap_or(GRANTED_ID),
        }
    }

    fn bytes(&mut self, place: &Place) -> Vec<u8> {
        if place.name() == "records" {
            return Vec::new();
        }
        let planted = self.planted.map_or(GRANTED, |(name, _)| name);
        member_bytes(&[ALSO_GRANTED, planted], place.name().contains("assignment"))
    }

    fn number(&mut self, place: &Place) -> i64 {
        match place.name() {
            "partition" | "partition_index" | "partitions" => place.element() as i64,
            "port" => 9092,
            "node_id" | "leader_id" | "generation_id" | "member_epoch" => 1,
            "resource_type" => 2,
            "preferred_read_replica" => -1,
            _ => 0,
        }
    }

    fn elements(&mut self, place: &Place) -> Option<usize> {
        let planted = usize::from(self.planted.is_some());
        Some(match place.name() {
            "groups" | "coordinators" => self.probe.groups.len(),
            "topics" | "results" | "responses" if place.path.contains(&"responses") && !self.probe.ids.is_empty() => {
                self.probe.ids.len() + planted
            }
            "topics" | "results" | "responses" => self.probe.topics.len() + planted,
            "aborted_transactions" | "synonyms" => 0,
            _ => 2,
        })
    }
}

/// Whether a path leads to a topic's name or id.
pub fn names_a_topic(path: &str) -> bool {
    let is_pattern_or_text = ["regex", "metadata", "records"].iter().any(|other| path.ends_with(other));
    (path.contains("topic") || path.contains("resource_name")) && !is_pattern_or_text
}
