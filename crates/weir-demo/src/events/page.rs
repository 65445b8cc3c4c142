//! Events about a page as such: deleted, moved, restored, its properties or links changed.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Shape;
use super::chance::Chance;
use super::scene::Scene;
use super::vocabulary;

pub fn delete(scene: &Scene, chance: &mut Chance) -> Shape {
    Shape::new("/mediawiki/page/delete/1.0.0", page(scene)).with(commented(scene)).with(json!({
        "rev_id": scene.revision,
        "rev_count": chance.between(1, 400),
    }))
}

pub fn undelete(scene: &Scene, chance: &mut Chance) -> Shape {
    Shape::new("/mediawiki/page/undelete/1.0.0", page(scene)).with(commented(scene)).with(json!({
        "rev_id": scene.revision,
        "prior_state": { "page_id": chance.between(1_000, 80_000_000) },
    }))
}

pub fn moved(scene: &Scene, chance: &mut Chance) -> Shape {
    let shape = Shape::new("/mediawiki/page/move/1.0.0", page(scene)).with(commented(scene)).with(json!({
        "rev_id": scene.revision,
        "prior_state": {
            "page_title": chance.pick(&vocabulary::TITLES),
            "page_namespace": scene.namespace,
            "rev_id": scene.parent_revision,
        },
    }));
    if chance.one_in(3) {
        return shape;
    }
    shape.with(json!({
        "new_redirect_page": {
            "page_id": chance.between(80_000_000, 81_000_000),
            "page_title": chance.pick(&vocabulary::TITLES),
            "page_namespace": scene.namespace,
            "rev_id": scene.revision + 1,
        },
    }))
}

pub fn properties_change(scene: &Scene, chance: &mut Chance) -> Shape {
    Shape::new("/mediawiki/page/properties-change/1.0.0", page(scene)).with(json!({
        "rev_id": scene.revision,
        "added_properties": {
            "wikibase-shortdesc": "Barrier across a river",
            "page_image_free": format!("{}.jpg", chance.pick(&vocabulary::TITLES)),
        },
        "removed_properties": { "defaultsort": scene.title },
    }))
}

pub fn links_change(scene: &Scene, chance: &mut Chance) -> Shape {
    Shape::new("/mediawiki/page/links-change/1.0.0", page(scene)).with(json!({
        "rev_id": scene.revision,
        "added_links": [link(chance), link(chance), { "link": "https://www.example.org/reports/7", "external": true }],
        "removed_links": [link(chance)],
    }))
}

fn page(scene: &Scene) -> Value {
    json!({
        "database": scene.wiki.database,
        "performer": scene.performer.legacy(),
        "page_id": scene.page_id,
        "page_title": scene.title,
        "page_namespace": scene.namespace,
        "page_is_redirect": scene.is_redirect,
        "chronology_id": Uuid::new_v4().simple().to_string(),
    })
}

fn commented(scene: &Scene) -> Value {
    json!({ "comment": scene.comment, "parsedcomment": scene.comment })
}

fn link(chance: &mut Chance) -> Value {
    json!({ "link": format!("/wiki/{}", chance.pick(&vocabulary::TITLES)), "external": false })
}
