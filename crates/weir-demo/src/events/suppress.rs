//! `mediawiki.page-suppress`: what oversighters have just hidden. It holds what must never be seen outside.

use serde_json::json;

use super::Shape;
use super::chance::Chance;
use super::scene::Scene;

/// A text that every event of this stream holds and no other does, so that a leak is found by its bytes.
pub const HIDDEN_MARKER: &str = "suppressed-private-fact";

pub fn page_suppress(scene: &Scene, chance: &mut Chance) -> Shape {
    // Address ranges for documentation (RFC 5737): an anonymous editor's address is what a leak would show.
    let address = format!("203.0.113.{}", chance.between(1, 255));
    Shape::new(
        "/mediawiki/page/delete/1.0.0",
        json!({
            "database": scene.wiki.database,
            "page_id": scene.page_id,
            "page_title": scene.title,
            "page_namespace": scene.namespace,
            "rev_id": scene.revision,
            "performer": scene.performer.legacy(),
            "comment": format!("{HIDDEN_MARKER}: a home address was posted from {address}"),
        }),
    )
}
