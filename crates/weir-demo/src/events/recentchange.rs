//! `mediawiki.recentchange`: what the recent changes page shows, one event per line.

use serde_json::{Value, json};

use super::Shape;
use super::chance::Chance;
use super::scene::Scene;
use super::vocabulary;

const SCHEMA: &str = "/mediawiki/recentchange/1.0.0";

pub fn recentchange(scene: &Scene, chance: &mut Chance) -> Shape {
    let shape = Shape::new(
        SCHEMA,
        json!({
            "id": chance.between(1_700_000_000, 1_900_000_000),
            "title": scene.title.replace('_', " "),
            "title_url": scene.uri(),
            "namespace": scene.namespace,
            "comment": scene.comment,
            "parsedcomment": parsed(scene),
            "timestamp": scene.now_unix,
            "user": scene.performer.name,
            "bot": scene.performer.is_bot,
            "server_url": format!("https://{}", scene.wiki.domain),
            "server_name": scene.wiki.domain,
            "server_script_path": "/w",
            "wiki": scene.wiki.database,
            "notify_url": format!("https://{}/w/index.php?diff={}&oldid={}",
                scene.wiki.domain, scene.revision, scene.parent_revision),
        }),
    );
    match chance.below(20) {
        0..=13 => shape.with(edit(scene, chance)),
        14..=15 => shape.with(json!({
            "type": "new", "minor": scene.is_minor, "patrolled": chance.one_in(2),
            "length": { "new": scene.size }, "revision": { "new": scene.revision },
        })),
        16..=17 => shape.with(json!({ "type": "categorize" })),
        18 => shape.with(json!({ "type": "external" })),
        _ => shape.with(log(scene, chance)),
    }
}

fn edit(scene: &Scene, chance: &mut Chance) -> Value {
    json!({
        "type": "edit",
        "minor": scene.is_minor,
        "patrolled": chance.one_in(2),
        "length": { "old": scene.previous_size, "new": scene.size },
        "revision": { "old": scene.parent_revision, "new": scene.revision },
    })
}

fn log(scene: &Scene, chance: &mut Chance) -> Value {
    let (kind, action) = *chance.pick(&vocabulary::LOGS);
    json!({
        "type": "log",
        "log_id": chance.between(100_000_000, 180_000_000),
        "log_type": kind,
        "log_action": action,
        "log_params": { "noredir": "0", "target": scene.title },
        "log_action_comment": format!("{action} &quot;[[{}]]&quot;: {}", scene.title, scene.comment),
    })
}

fn parsed(scene: &Scene) -> String {
    if scene.comment.is_empty() {
        return String::new();
    }
    format!("<span class=\"comment\" dir=\"auto\">{}</span>", scene.comment.replace("[[", "<b>").replace("]]", "</b>"))
}
