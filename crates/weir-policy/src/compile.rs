//! From files to a policy.
//!
//! Each file is read on its own; what cannot be read is left out of the checks that need it, so that one slip does
//! not fill the screen. Must never: return a policy while there is a problem.

mod catalogue;
mod certificate;
mod fields;
mod grants;
mod never;
mod plain;
mod principals;
mod tiers;

use std::collections::HashSet;

use crate::identity::Identities;
use crate::problem::{ConfigErrors, Problems};
use crate::{IdentityRule, Policy, PolicyFiles, PolicyOptions};

pub(crate) fn policy(files: &PolicyFiles, options: &PolicyOptions) -> Result<Policy, ConfigErrors> {
    let mut problems = Problems::default();
    check_options(options, &mut problems);
    let never = never::read(&files.never, &mut problems);
    let catalogue = catalogue::read(&files.catalogue, never.as_ref(), &mut problems);
    let tiers = tiers::read(&files.tiers, &mut problems);
    let known =
        principals::Known { options, never: never.as_ref(), catalogue: catalogue.as_ref(), tiers: tiers.as_ref() };
    let (principals, holders) = principals::read(&files.principals, &known, &mut problems);
    problems.or(Policy {
        catalogue: catalogue.map(|read| read.catalogue).unwrap_or_default(),
        never: never.map(|read| read.never).unwrap_or_default(),
        identities: Identities { rules: options.identity.clone(), holders },
        principals,
    })
}

fn check_options(options: &PolicyOptions, problems: &mut Problems) {
    if options.identity.is_empty() {
        let names: Vec<_> = IdentityRule::ALL.iter().map(|rule| rule.name()).collect();
        problems.add(None, "no identity rule", format!("list some of {}", names.join(", ")));
    }
    let mut seen = HashSet::new();
    for rule in options.identity.iter().filter(|rule| !seen.insert(**rule)) {
        problems.add(None, format!("the identity rule `{}` stands twice", rule.name()), "keep the first");
    }
}
