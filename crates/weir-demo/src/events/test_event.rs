//! `eventgate-main.test.event`: says nothing, to show that everything works.

use serde_json::json;

use super::Shape;
use super::chance::Chance;

pub fn test(chance: &mut Chance) -> Shape {
    Shape::new(
        "/test/event/1.0.0",
        json!({
            "test": format!("specific test value {}", chance.below(1_000)),
            "test_map": { "key1": "value1", "key2": "value2" },
        }),
    )
}
