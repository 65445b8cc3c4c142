//! From files to a policy.
//!
//! Each file is read on its own; what cannot be read is left out of the checks that need it, so that one slip does
//! not fill the screen. Must never: return a policy while there is a problem.

mod catalogue;
mod certificate;
mod fields;
mod grants;
mod limits;
mod never;
mod places;
mod plain;
mod principals;
mod suspended;
mod tiers;

use std::collections::HashSet;
use std::sync::Arc;

pub use self::never::NeverList;
pub use self::places::{CataloguePlaces, Places};
pub(crate) use self::suspended::read_suspension;

use self::principals::{Principals, ReadPrincipal};
use crate::identity::Identities;
use crate::problem::{ConfigErrors, Problem, Problems};
use crate::{IdentityRule, Policy, PolicyFiles, PolicyOptions, SourceFile};

/// Compiles one policy after another. Of the principals it reads those again whose file changed, or all of them where
/// what they are held against did: of ten thousand files, one change is the work of one.
#[derive(Debug, Default)]
pub struct Compiler {
    shared: Option<Shared>,
    principals: principals::Files,
    last: Option<Last>,
}

/// The principals of the last policy that had no problem.
#[derive(Debug)]
struct Last {
    read: Vec<Arc<ReadPrincipal>>,
    principals: Arc<Principals>,
    identities: Arc<Identities>,
}

impl Compiler {
    /// Compiles a policy. What comes out depends on the files and the options alone, not on what was compiled before.
    ///
    /// # Errors
    /// Every problem of every file. A file that cannot be parsed gives its first one.
    pub fn compile(&mut self, files: &PolicyFiles, options: &PolicyOptions) -> Result<Policy, ConfigErrors> {
        let shared = self.shared.take().filter(|shared| shared.is_of(files, options));
        let shared = shared.unwrap_or_else(|| {
            self.principals.hold_again();
            Shared::read(files, options)
        });
        let shared = self.shared.insert(shared);
        let mut problems = Problems::default();
        problems.extend(&shared.problems);
        let read = self.principals.read(&files.principals, &shared.known());
        let last = self.last.as_ref().filter(|last| last.identities.rules == options.identity);
        let (principals, identities) = people(&read, last, &options.identity, &mut problems);
        let catalogue = shared.catalogue.as_ref().map(|read| read.catalogue.clone()).unwrap_or_default();
        let suspended = suspended::read(&files.suspended, &catalogue, &principals, &mut problems);
        if problems.is_empty() {
            let (principals, identities) = (Arc::clone(&principals), Arc::clone(&identities));
            self.last = Some(Last { read, principals, identities });
        }
        problems.or(Policy {
            catalogue,
            never: shared.never.as_ref().map(|read| read.never.clone()).unwrap_or_default(),
            identities,
            principals,
            tiers: shared.tiers.iter().flat_map(|tiers| tiers.values().flatten().cloned()).collect(),
            suspended: Arc::new(suspended),
        })
    }
}

/// The principals by name, and who is meant by each fact of a certificate: those of the last policy where nothing else
/// can have come of it.
fn people(
    read: &[Arc<ReadPrincipal>],
    last: Option<&Last>,
    rules: &[IdentityRule],
    problems: &mut Problems,
) -> (Arc<Principals>, Arc<Identities>) {
    if let Some(last) = last
        && let Some(principals) = principals::follow(read, (&last.read, &last.principals), problems)
    {
        return (Arc::new(principals), Arc::clone(&last.identities));
    }
    let (principals, facts) = principals::together(read, problems);
    let same = last.filter(|last| principals::same_certificates(read, &last.read));
    let identities = same.map(|last| Arc::clone(&last.identities));
    let identities =
        identities.unwrap_or_else(|| Arc::new(Identities { rules: rules.to_vec(), holders: facts.holders() }));
    (Arc::new(principals), identities)
}

/// What every principal is held against, as it was read.
#[derive(Debug)]
struct Shared {
    files: [SourceFile; 3],
    options: PolicyOptions,
    never: Option<never::ReadNever>,
    catalogue: Option<catalogue::ReadCatalogue>,
    tiers: Option<tiers::ReadTiers>,
    problems: Vec<Problem>,
}

impl Shared {
    fn read(files: &PolicyFiles, options: &PolicyOptions) -> Self {
        let mut problems = Problems::default();
        check_options(options, &mut problems);
        let never = never::read(&files.never, &mut problems);
        let catalogue = catalogue::read(&files.catalogue, never.as_ref(), &mut problems);
        let tiers = tiers::read(&files.tiers, options.nodes, &mut problems);
        let files = [&files.never, &files.catalogue, &files.tiers].map(Clone::clone);
        Self { files, options: options.clone(), never, catalogue, tiers, problems: problems.into_vec() }
    }

    fn is_of(&self, files: &PolicyFiles, options: &PolicyOptions) -> bool {
        let same = self.files.iter().zip([&files.never, &files.catalogue, &files.tiers]).all(|(old, new)| old == new);
        same && self.options == *options
    }

    fn known(&self) -> principals::Known<'_> {
        principals::Known {
            options: &self.options,
            never: self.never.as_ref(),
            catalogue: self.catalogue.as_ref(),
            tiers: self.tiers.as_ref(),
        }
    }
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
