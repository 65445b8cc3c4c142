//! `suspended/*.yaml`: one file for each thing that an operator has stopped.
//!
//! Must never: read a file as anything but what it says in so many words.

use serde::Deserialize;
use serde_saphyr::Location;

use super::fields::{Fields, Text};
use super::plain::given;
use super::principals::Principals;
use crate::catalogue::Catalogue;
use crate::problem::{Problem, Problems};
use crate::suspension::{Suspended, Suspension, Suspensions};
use crate::yaml::read_yaml;
use crate::{ConfigErrors, SourceFile};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSuspension {
    /// The kind.
    suspend: Text,
    /// Which one; `all` has none.
    #[serde(default, deserialize_with = "given")]
    name: Text,
    reason: Text,
    ticket: Text,
    /// For people.
    #[serde(default, deserialize_with = "given")]
    since: Text,
}

/// One file.
pub(crate) fn read_suspension(source: &SourceFile) -> Result<Suspension, ConfigErrors> {
    let raw = read_yaml(source).map_err(|problem| ConfigErrors(vec![problem]))?;
    let mut problems = Problems::default();
    let read = read_one(&mut Fields { source, problems: &mut problems }, raw);
    match read {
        Some(suspension) => problems.or(suspension),
        None => Err(ConfigErrors(problems.into_vec())),
    }
}

/// All files, held against what there is.
pub(super) fn read(
    sources: &[SourceFile],
    catalogue: &Catalogue,
    principals: &Principals,
    problems: &mut Problems,
) -> Suspensions {
    let mut list = Vec::with_capacity(sources.len());
    for source in sources {
        match read_suspension(source) {
            Ok(suspension) => list.push(suspension),
            Err(errors) => problems.extend(&errors.0),
        }
    }
    let warnings = list.iter().filter_map(|suspension| warning(suspension, catalogue, principals)).collect();
    Suspensions::new(list, warnings)
}

fn read_one(fields: &mut Fields<'_>, raw: RawSuspension) -> Option<Suspension> {
    let top = Location::UNKNOWN;
    let reason = fields.text(top, "reason", raw.reason);
    let ticket = fields.text(top, "ticket", raw.ticket);
    let since = raw.since.and_then(|since| fields.text(top, "since", Some(since)));
    let kind = fields.required(top, "suspend", raw.suspend)?;
    let known = Suspended::KINDS.contains(&&*kind.value);
    let place = fields.place(raw.name.as_ref().filter(|_| known).map_or(kind.referenced, |name| name.referenced));
    let what = match Suspended::new(&kind.value, raw.name.as_ref().map(|name| name.value.as_str())) {
        Ok(what) => what,
        Err((what, fix)) => {
            fields.problems.add(Some(place), what, fix);
            return None;
        }
    };
    Some(Suspension { what, reason: reason?, ticket: ticket?, since, place })
}

/// What is suspended may come later, so that a name of nothing is no mistake yet.
fn warning(suspension: &Suspension, catalogue: &Catalogue, principals: &Principals) -> Option<Problem> {
    let missing = match &suspension.what {
        Suspended::Principal(name) if !principals.contains_key(name) => "there is no principal of this name",
        Suspended::Topic(name) if !catalogue.covers(name) => "the catalogue has no topic of this name",
        Suspended::All | Suspended::Api(_) | Suspended::Principal(_) | Suspended::Serial(_) | Suspended::Topic(_) => {
            return None;
        }
    };
    Some(Problem {
        place: Some(suspension.place.clone()),
        what: format!("`{}` is suspended, but {missing}", suspension.what),
        fix: "look at the name, or take the file away".to_owned(),
    })
}
