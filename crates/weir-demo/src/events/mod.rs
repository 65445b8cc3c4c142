//! Lifelike synthetic events, one file per family.
//!
//! Shapes follow the public event schemas; people, pages and texts come from a small fixed vocabulary. Must never hold
//! the name of a real person, and every value says which run made it, so that nobody takes it for a true one.

mod chance;
mod page;
mod page_change;
mod recentchange;
mod revision;
mod scene;
mod suppress;
mod test_event;
mod vocabulary;

use serde_json::{Map, Value, json};
use uuid::Uuid;

pub use suppress::HIDDEN_MARKER;

use crate::streams::{Kind, Stream};
use chance::Chance;
use scene::Scene;

/// The top-level field that holds the run's nonce.
pub const RUN_FIELD: &str = "weir_demo_run";
/// The domain of events that only show that a topic is alive.
const CANARY_DOMAIN: &str = "canary";
/// One event in this many is a canary.
const CANARY_SHARE: u64 = 40;

/// A record to produce.
#[derive(Debug)]
pub struct Event {
    /// Only page_change has one.
    pub key: Option<String>,
    /// A JSON object.
    pub value: String,
}

/// Makes events for one run.
pub struct Events {
    run: String,
    chance: Chance,
}

impl Events {
    /// Events that carry `run` as their nonce.
    pub fn new(run: &str) -> Events {
        let (seed, _) = Uuid::new_v4().as_u64_pair();
        Events { run: run.to_owned(), chance: Chance::new(seed) }
    }

    /// The first event of a topic: real streams get one at least every hour.
    pub fn canary(&mut self, stream: &Stream) -> Event {
        let scene = Scene { domain: CANARY_DOMAIN, ..Scene::draw(&mut self.chance) };
        self.event(stream, &scene)
    }

    /// The next event of a stream, now and then a canary.
    pub fn next(&mut self, stream: &Stream) -> Event {
        if self.chance.one_in(CANARY_SHARE) {
            return self.canary(stream);
        }
        let scene = Scene::draw(&mut self.chance);
        self.event(stream, &scene)
    }

    fn event(&mut self, stream: &Stream, scene: &Scene) -> Event {
        let chance = &mut self.chance;
        let shape = match stream.kind {
            Kind::PageCreate | Kind::RevisionCreate => revision::create(scene, chance),
            Kind::RevisionVisibilityChange => revision::visibility_change(scene, chance),
            Kind::RevisionScore => revision::score(scene, chance),
            Kind::RevisionTagsChange => revision::tags_change(scene, chance),
            Kind::PageDelete => page::delete(scene, chance),
            Kind::PageMove => page::moved(scene, chance),
            Kind::PageUndelete => page::undelete(scene, chance),
            Kind::PagePropertiesChange => page::properties_change(scene, chance),
            Kind::PageLinksChange => page::links_change(scene, chance),
            Kind::RecentChange => recentchange::recentchange(scene, chance),
            Kind::PageChange => page_change::page_change(scene, chance),
            Kind::Test => test_event::test(chance),
            Kind::PageSuppress => suppress::page_suppress(scene, chance),
        };
        let key = (stream.kind == Kind::PageChange).then(|| page_change::key(scene));
        Event { key, value: self.sealed(stream, scene, shape).to_string() }
    }

    /// Adds what all events have: schema, meta, and the run that made them.
    fn sealed(&self, stream: &Stream, scene: &Scene, shape: Shape) -> Value {
        let mut fields = shape.fields;
        fields.insert("$schema".to_owned(), json!(shape.schema));
        fields.insert(RUN_FIELD.to_owned(), json!(self.run));
        fields.insert(
            "meta".to_owned(),
            json!({
                "id": Uuid::new_v4().to_string(),
                "dt": scene.now,
                "stream": stream.name,
                "domain": scene.domain,
                "uri": scene.uri(),
                "request_id": Uuid::new_v4().to_string(),
            }),
        );
        Value::Object(fields)
    }
}

/// What one kind of event says beyond what all say.
struct Shape {
    schema: &'static str,
    fields: Map<String, Value>,
}

impl Shape {
    /// `fields` must be an object; anything else is a shape without fields.
    fn new(schema: &'static str, fields: Value) -> Shape {
        match fields {
            Value::Object(fields) => Shape { schema, fields },
            _ => Shape { schema, fields: Map::new() },
        }
    }

    fn with(mut self, more: Value) -> Shape {
        if let Value::Object(more) = more {
            self.fields.extend(more);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::{HIDDEN_STREAM, STREAMS};

    fn parsed(event: &Event) -> Value {
        serde_json::from_str(&event.value).unwrap()
    }

    #[test]
    fn every_event_names_its_stream_its_schema_and_its_run() {
        let mut events = Events::new("run-7");
        for stream in STREAMS.iter().chain([&HIDDEN_STREAM]) {
            for _ in 0..50 {
                let value = parsed(&events.next(stream));
                assert_eq!(value["meta"]["stream"], stream.name);
                assert_eq!(value[RUN_FIELD], "run-7");
                assert!(value["$schema"].as_str().unwrap().starts_with('/'), "{value}");
                assert_eq!(value["meta"]["dt"].as_str().unwrap().len(), "2026-11-21T13:00:00Z".len());
                for id in ["id", "request_id"] {
                    assert!(Uuid::parse_str(value["meta"][id].as_str().unwrap()).is_ok());
                }
            }
        }
    }

    #[test]
    fn only_page_change_is_keyed_and_its_key_names_the_page() {
        let mut events = Events::new("run");
        for stream in &STREAMS {
            let event = events.next(stream);
            assert_eq!(event.key.is_some(), stream.kind == Kind::PageChange, "{}", stream.name);
            if let Some(key) = &event.key {
                let (key, value): (Value, Value) = (serde_json::from_str(key).unwrap(), parsed(&event));
                assert_eq!(key["wiki_id"], value["wiki_id"]);
                assert_eq!(key["page_id"], value["page"]["page_id"]);
            }
        }
    }

    #[test]
    fn a_canary_says_so_and_others_do_not() {
        let mut events = Events::new("run");
        assert_eq!(parsed(&events.canary(&STREAMS[6]))["meta"]["domain"], "canary");
        let canaries = (0..4000).filter(|_| parsed(&events.next(&STREAMS[6]))["meta"]["domain"] == "canary").count();
        assert!((20..400).contains(&canaries), "{canaries} of 4000");
    }

    #[test]
    fn sizes_are_those_of_real_events_and_wikis_are_mixed() {
        let mut events = Events::new("run");
        let mut wikis = std::collections::BTreeSet::new();
        for _ in 0..400 {
            let event = events.next(&STREAMS[6]);
            assert!((600..2_500).contains(&event.value.len()), "{} bytes: {}", event.value.len(), event.value);
            wikis.insert(parsed(&event)["wiki"].as_str().unwrap().to_owned());
        }
        assert!(wikis.len() >= 5, "{wikis:?}");
    }

    #[test]
    fn what_is_hidden_can_be_told_from_what_is_public() {
        let mut events = Events::new("run");
        for _ in 0..200 {
            assert!(events.next(&HIDDEN_STREAM).value.contains(HIDDEN_MARKER));
            for stream in &STREAMS {
                assert!(!events.next(stream).value.contains(HIDDEN_MARKER));
            }
        }
    }
}
