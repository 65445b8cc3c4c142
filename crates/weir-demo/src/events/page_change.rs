//! `mediawiki.page_change.v1`: every change of a page in one stream, keyed by the page.

use serde_json::{Value, json};

use super::Shape;
use super::chance::Chance;
use super::scene::Scene;

const SCHEMA: &str = "/mediawiki/page/change/1.2.0";

/// All events of one page have one key, and so one partition.
pub fn key(scene: &Scene) -> String {
    json!({ "wiki_id": scene.wiki.database, "page_id": scene.page_id }).to_string()
}

pub fn page_change(scene: &Scene, chance: &mut Chance) -> Shape {
    let shape = Shape::new(
        SCHEMA,
        json!({
            "dt": scene.now,
            "wiki_id": scene.wiki.database,
            "comment": scene.comment,
            "performer": scene.performer.entity(),
            "page": page(scene),
            "revision": revision(scene, chance),
        }),
    );
    let (log_kind, page_kind) = match chance.below(12) {
        0 => ("insert", "create"),
        1 => ("delete", "delete"),
        2 => ("update", "move"),
        3 => ("insert", "undelete"),
        4 => ("update", "visibility_change"),
        _ => ("update", "edit"),
    };
    let shape = shape.with(json!({ "changelog_kind": log_kind, "page_change_kind": page_kind }));
    match page_kind {
        "create" | "undelete" => shape,
        "move" => shape.with(json!({ "prior_state": { "page": { "page_title": "Mill_race" } } })),
        _ => shape.with(json!({ "prior_state": { "revision": prior_revision(scene, chance) } })),
    }
}

fn page(scene: &Scene) -> Value {
    json!({
        "page_id": scene.page_id,
        "page_title": scene.title,
        "namespace_id": scene.namespace,
        "is_redirect": scene.is_redirect,
    })
}

fn revision(scene: &Scene, chance: &mut Chance) -> Value {
    let sha1 = chance.sha1_base36();
    json!({
        "rev_id": scene.revision,
        "rev_parent_id": scene.parent_revision,
        "rev_dt": scene.now,
        "rev_sha1": sha1,
        "rev_size": scene.size,
        "comment": scene.comment,
        "editor": scene.performer.entity(),
        "is_minor_edit": scene.is_minor,
        "is_content_visible": true,
        "is_editor_visible": true,
        "is_comment_visible": true,
        "content_slots": {
            "main": {
                "slot_role": "main",
                "content_size": scene.size,
                "content_sha1": sha1,
                "content_format": "text/x-wiki",
                "content_model": "wikitext",
                "origin_rev_id": scene.revision,
            },
        },
    })
}

fn prior_revision(scene: &Scene, chance: &mut Chance) -> Value {
    json!({
        "rev_id": scene.parent_revision,
        "rev_dt": Scene::earlier(chance, 300),
        "rev_sha1": chance.sha1_base36(),
        "rev_size": scene.previous_size,
        "is_content_visible": true,
        "is_editor_visible": true,
        "is_comment_visible": true,
    })
}
