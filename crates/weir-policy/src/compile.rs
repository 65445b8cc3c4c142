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

pub use self::places::Places;
pub(crate) use self::suspended::read_suspension;

use self::principals::ReadPrincipal;
use crate::identity::Identities;
use crate::problem::{ConfigErrors, Problem, Problems};
use crate::{IdentityRule, Policy, PolicyFiles, PolicyOptions, SourceFile};

/// Compiles one policy after another. Of the principals it reads those again whose file changed, or all of them where
/// what they are held against did: of ten thousand files, one change is the work of one.
#[derive(Debug, Default)]
pub struct Compiler {
    shared: Option<Shared>,
    principals: principals::Files,
    identities: Option<(Vec<Arc<ReadPrincipal>>, Arc<Identities>)>,
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
        let (principals, facts) = principals::together(&read, &mut problems);
        let before = self.identities.take().filter(|(before, identities)| {
            identities.rules == options.identity && principals::same_certificates(&read, before)
        });
        let identities = before.map(|(_, identities)| identities);
        let identities = identities
            .unwrap_or_else(|| Arc::new(Identities { rules: options.identity.clone(), holders: facts.holders() }));
        self.identities = Some((read, Arc::clone(&identities)));
        let catalogue = shared.catalogue.as_ref().map(|read| read.catalogue.clone()).unwrap_or_default();
        let suspended = suspended::read(&files.suspended, &catalogue, &principals, &mut problems);
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
