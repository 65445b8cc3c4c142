//! MirrorMaker 2's properties for a public cluster, made of the catalogue, and what runs differently from them.
//!
//! Pure: a policy and a configuration go in, text comes out, the same for the same files. Must never: name a topic
//! that the catalogue does not, write a pattern that could match another one, or show a secret.

mod drift;
mod flows;
mod patterns;
mod properties;
mod settings;

use std::collections::BTreeMap;

use weir_policy::{CataloguePlaces, ConfigErrors};

use crate::config::{Mirror, Problems};
use crate::snapshot::OfflinePolicy;

pub use drift::{Difference, drift};
use flows::Flow;

/// What fills one public cluster.
#[derive(Clone, Debug)]
pub struct Mirrored {
    /// The public cluster, as the configuration calls it; its alias in the properties.
    pub upstream: String,
    /// The whole properties file.
    pub text: String,
    /// The prefixes of the catalogue whose topics are not copied: a pattern would take what nobody has looked at.
    pub not_copied: Vec<String>,
    /// What each source gives.
    flows: Vec<Flow>,
    /// Every property of the file.
    settings: BTreeMap<String, String>,
}

/// Renders the mirror of each cluster that has one. `file` is what messages call the configuration.
///
/// # Errors
/// A topic of the catalogue that no source gives, or two, or that MirrorMaker would not copy under its name; a source
/// that gives none. Each with its line.
pub fn render(file: &str, read: &OfflinePolicy) -> Result<Vec<Mirrored>, ConfigErrors> {
    let mut problems = Problems::new(file);
    let places = CataloguePlaces::read(&read.files);
    let upstreams = read.config.iter().flat_map(|config| &config.upstreams);
    let mirrored = upstreams.filter_map(|(name, upstream)| Some((name, upstream.mirror.as_ref()?)));
    let mirrored = mirrored.map(|(name, mirror)| one(name, mirror, read, &places, &mut problems)).collect();
    if problems.is_empty() { Ok(mirrored) } else { Err(problems.into_errors()) }
}

fn one(
    name: &str,
    mirror: &Mirror,
    read: &OfflinePolicy,
    places: &CataloguePlaces,
    problems: &mut Problems,
) -> Mirrored {
    let flows = flows::all(name, mirror, &read.policy, places, problems);
    let not_copied: Vec<String> = read.policy.catalogue_prefixes().map(str::to_owned).collect();
    let sections = settings::sections(name, mirror, &flows, &read.policy.never_globs());
    let head = settings::head(name, &not_copied);
    let text = properties::write(&head, &sections);
    let settings = sections.into_iter().flat_map(|section| section.settings);
    let settings = settings.map(|(key, value)| (key, value.join(","))).collect();
    Mirrored { upstream: name.to_owned(), text, not_copied, flows, settings }
}

#[cfg(test)]
mod tests;
