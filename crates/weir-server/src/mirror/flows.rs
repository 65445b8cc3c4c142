//! Which topic of the catalogue comes from which cluster.
//!
//! Must never: give a topic to two sources (names are kept, so both would write into one), or to none in silence.

use weir_policy::{CataloguePlaces, ConfigErrors, Place, Policy, Problem};

use crate::config::{Mirror, Problems};

/// What one source gives.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// The cluster's name.
    pub(super) source: String,
    /// Its topics, sorted; at least one.
    pub(super) topics: Vec<String>,
    /// How many tasks copy them.
    pub(super) tasks: usize,
}

/// A task is a consumer, a producer and their buffers; it is kept busy by about so many topics of a few partitions.
const TOPICS_OF_A_TASK: usize = 20;
/// One task that waits for a slow partition must not hold up all others.
const FEWEST_TASKS: usize = 2;
/// More need more heap than the mirror's unit gives, and are for its operator to ask for.
const MOST_TASKS: usize = 8;

pub(super) fn all(
    upstream: &str,
    mirror: &Mirror,
    policy: &Policy,
    places: &CataloguePlaces,
    problems: &mut Problems,
) -> Vec<Flow> {
    let mut topics: Vec<&str> = policy.catalogue_literals().collect();
    topics.sort_unstable();
    for topic in &topics {
        judge(upstream, mirror, topic, || places.topic(topic), problems);
    }
    let mut flows = Vec::new();
    for (name, source) in &mirror.from {
        let of_source = topics.iter().filter(|topic| source.selects(topic));
        let topics: Vec<String> = of_source.map(ToString::to_string).collect();
        if topics.is_empty() {
            let what = format!("`{name}` gives none of the topics that the catalogue names");
            problems.add(source.place, what, "correct `prefixes`, list its topics in the catalogue, or remove it");
        }
        let fitting = topics.len().div_ceil(TOPICS_OF_A_TASK).clamp(FEWEST_TASKS, MOST_TASKS);
        flows.push(Flow { source: name.clone(), topics, tasks: source.tasks.map_or(fitting, usize::from) });
    }
    flows
}

fn judge(upstream: &str, mirror: &Mirror, topic: &str, place: impl FnOnce() -> Option<Place>, problems: &mut Problems) {
    let sources = mirror.from.iter().filter(|(_, source)| source.selects(topic));
    let sources: Vec<&str> = sources.map(|(name, _)| name.as_str()).collect();
    let under = format!("`upstreams.{upstream}.mirror.from`");
    let (what, fix) = match sources.as_slice() {
        [_] => match not_copied_as_it_is(topic) {
            Some(why) => {
                (format!("the topic `{topic}` cannot be mirrored: {why}"), "give the topic another name".to_owned())
            }
            None => return,
        },
        [] => {
            let what = format!("no source of {under} gives the topic `{topic}`");
            (what, "add how it begins to the `prefixes` of one".to_owned())
        }
        several => {
            let what =
                format!("{} of {under} give the topic `{topic}`, and both would write into one", several.join(" and "));
            (what, "let the `prefixes` of only one begin it".to_owned())
        }
    };
    problems.append(ConfigErrors(vec![Problem { place: place(), what, fix }]));
}

/// Why MirrorMaker leaves a topic out, or renames it, although it is listed: `isInternalTopic` of its
/// `ReplicationPolicy`, and what `IdentityReplicationPolicy` takes for its own heartbeats.
fn not_copied_as_it_is(topic: &str) -> Option<&'static str> {
    if topic.ends_with("heartbeats") {
        return Some("MirrorMaker puts its source's name before a name that ends in `heartbeats`");
    }
    let internal = topic.starts_with("__") || topic.starts_with('.');
    let internal = internal || topic.ends_with(".internal") || topic.ends_with("-internal");
    internal.then_some(
        "MirrorMaker never copies a name that begins with `__` or a dot, or ends in `.internal` or `-internal`",
    )
}
