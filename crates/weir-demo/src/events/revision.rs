//! Events about one revision: created, shown or hidden, scored, tagged. page-create has the shape of the first.

use serde_json::{Value, json};

use super::Shape;
use super::chance::Chance;
use super::scene::Scene;
use super::vocabulary;

pub fn create(scene: &Scene, chance: &mut Chance) -> Shape {
    Shape::new("/mediawiki/revision/create/1.1.0", revision(scene, chance)).with(json!({ "dt": scene.now }))
}

/// The public sign that a consumer must hide what it holds.
pub fn visibility_change(scene: &Scene, chance: &mut Chance) -> Shape {
    let (text, comment, user) = *chance.pick(&[(false, true, true), (true, true, false), (false, false, false)]);
    Shape::new("/mediawiki/revision/visibility-change/1.0.0", revision(scene, chance)).with(json!({
        "visibility": { "text": text, "comment": comment, "user": user },
        "prior_state": { "visibility": { "text": true, "comment": true, "user": true } },
    }))
}

pub fn score(scene: &Scene, chance: &mut Chance) -> Shape {
    let damaging = chance.fraction();
    let good_faith = chance.fraction();
    Shape::new("/mediawiki/revision/score/2.0.0", revision(scene, chance)).with(json!({
        "scores": [
            one_score("damaging", "0.5.1", damaging),
            one_score("goodfaith", "0.5.1", good_faith),
        ],
    }))
}

pub fn tags_change(scene: &Scene, chance: &mut Chance) -> Shape {
    let tags = [chance.pick(&vocabulary::TAGS), chance.pick(&vocabulary::TAGS)];
    let before = &tags[..1];
    Shape::new("/mediawiki/revision/tags-change/1.0.0", revision(scene, chance)).with(json!({
        "tags": tags,
        "prior_state": { "tags": before },
    }))
}

fn revision(scene: &Scene, chance: &mut Chance) -> Value {
    json!({
        "database": scene.wiki.database,
        "performer": scene.performer.legacy(),
        "page_id": scene.page_id,
        "page_title": scene.title,
        "page_namespace": scene.namespace,
        "page_is_redirect": scene.is_redirect,
        "rev_id": scene.revision,
        "rev_parent_id": scene.parent_revision,
        "rev_timestamp": scene.now,
        "rev_sha1": chance.sha1_base36(),
        "rev_len": scene.size,
        "rev_minor_edit": scene.is_minor,
        "rev_content_model": "wikitext",
        "rev_content_format": "text/x-wiki",
        "rev_slots": {
            "main": {
                "rev_slot_content_model": "wikitext",
                "rev_slot_sha1": chance.sha1_base36(),
                "rev_slot_size": scene.size,
                "rev_slot_origin_rev_id": scene.revision,
            },
        },
        "comment": scene.comment,
        "parsedcomment": scene.comment,
    })
}

fn one_score(model: &str, version: &str, probability: f64) -> Value {
    json!({
        "model_name": model,
        "model_version": version,
        "prediction": [if probability > 0.5 { "true" } else { "false" }],
        "probability": [
            { "name": "true", "value": probability },
            { "name": "false", "value": 1.0 - probability },
        ],
    })
}
