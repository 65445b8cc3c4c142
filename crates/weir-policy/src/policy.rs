//! The compiled policy of one generation: who a client is, and what it may do.
//!
//! Must never: change after it was compiled, or answer from anything but its own data and its arguments.

use std::collections::HashMap;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::catalogue::{Catalogue, CatalogueEntry, KAFKA_INTERNAL, Never, may_leave};
use crate::identity::{CertificateRule, Identities, IdentityRule, PeerFacts};
use crate::names::GroupMode;
use crate::principal::{Principal, Tier};
use crate::problem::{ConfigErrors, Problem};
use crate::rules::{self, Operation, Question, Resource};
use crate::suspension::{Suspension, Suspensions};
use crate::{Compacted, Compiler, Reason};

/// A file that was read elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name in problems.
    pub path: String,
    /// Its content.
    pub text: Arc<str>,
}

/// All that a policy is compiled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFiles {
    /// `catalogue.yaml`.
    pub catalogue: SourceFile,
    /// `never.yaml`.
    pub never: SourceFile,
    /// `tiers.yaml`.
    pub tiers: SourceFile,
    /// `principals/*.yaml`.
    pub principals: Vec<SourceFile>,
    /// `suspended/*.yaml`.
    pub suspended: Vec<SourceFile>,
}

/// What the configuration decides about the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyOptions {
    /// Replicas of Weir that serve the same principals. Until they share what they count, each gives its share of a
    /// rate.
    pub nodes: NonZeroU32,
    /// The facts to identify a client by; the first that finds a principal decides.
    pub identity: Vec<IdentityRule>,
    /// How group ids are kept apart.
    pub groups: GroupMode,
}

impl Default for PolicyOptions {
    fn default() -> Self {
        Self { nodes: NonZeroU32::MIN, identity: IdentityRule::ALL.to_vec(), groups: GroupMode::default() }
    }
}

/// Who may do what: compiled once, then only looked up.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) catalogue: Catalogue,
    pub(crate) never: Never,
    /// The same value from one policy to the next while no principal's certificates change.
    pub(crate) identities: Arc<Identities>,
    pub(crate) principals: Arc<HashMap<String, Arc<Principal>>>,
    pub(crate) tiers: Vec<Arc<Tier>>,
    pub(crate) suspended: Arc<Suspensions>,
}

impl Policy {
    /// Compiles a policy.
    ///
    /// # Errors
    /// Every problem of every file. A file that cannot be parsed gives its first one.
    pub fn compile(files: &PolicyFiles, options: &PolicyOptions) -> Result<Self, ConfigErrors> {
        Compiler::default().compile(files, options)
    }

    /// The principal of a client, by the first identity rule that finds one. A few hash look-ups, however many
    /// principals there are.
    ///
    /// # Errors
    /// No principal, more than one, or one that is suspended, or its certificate is.
    pub fn identify(&self, peer: &PeerFacts) -> Result<Arc<Principal>, Reason> {
        let principal = self.holder(peer)?;
        self.suspended.judge_principal(&principal.name)?;
        self.suspended.judge_certificate(&peer.serial)?;
        Ok(principal)
    }

    /// Whose certificate this is, be it suspended or not: for who issues or inspects one. A client is identified.
    ///
    /// # Errors
    /// No principal, or more than one.
    pub fn holder(&self, peer: &PeerFacts) -> Result<Arc<Principal>, Reason> {
        self.principal(self.identities.identify(peer)?).ok_or(Reason::PrincipalUnknown)
    }

    /// What a certificate must state to be this principal's, any one of them: in the order in which Weir looks at them.
    #[must_use]
    pub fn certificate_rules(&self, principal: &str) -> Vec<CertificateRule<'_>> {
        self.identities.of(principal)
    }

    /// Whether every certificate means the same principal here as in `other`, by name, and the same certificates are
    /// suspended. Cheap: it may say no where a long look would say yes.
    #[must_use]
    pub fn identifies_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.identities, &other.identities) && self.suspended.same_certificates(&other.suspended)
    }

    /// Why nobody may be this principal now, whatever certificate is shown: it is suspended, or everybody is.
    #[must_use]
    pub fn suspends(&self, principal: &str) -> Option<Reason> {
        self.suspended.judge_principal(principal).err()
    }

    /// Whether an API is suspended, by Kafka's name for it.
    #[must_use]
    pub fn suspends_api(&self, api: &str) -> bool {
        self.suspended.has_api(api)
    }

    /// All that is suspended, in the order of the files.
    #[must_use]
    pub fn suspensions(&self) -> &[Suspension] {
        &self.suspended.list
    }

    /// What is not wrong, but may not be what was meant: suspensions of what is not there.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.suspended.warnings
    }

    /// The principal of this name.
    #[must_use]
    pub fn principal(&self, name: &str) -> Option<Arc<Principal>> {
        self.principals.get(name).cloned()
    }

    /// Every principal, in no order.
    pub fn principals(&self) -> impl Iterator<Item = &Arc<Principal>> {
        self.principals.values()
    }

    /// Every tier, in no order; some may have no principal.
    pub fn tiers(&self) -> impl Iterator<Item = &Arc<Tier>> {
        self.tiers.iter()
    }

    /// Whether the principal may do this: the one judge, by the ordered rules of `rules`. The principal is one of this
    /// policy: after a reload it is identified again, for its grants are those of its own generation. `compacted` are the
    /// topics of which the brokers confirmed it, of the cluster that is asked.
    ///
    /// # Errors
    /// The reason of the first rule that refuses.
    pub fn judge(
        &self,
        principal: &Principal,
        operation: Operation,
        resource: Resource<'_>,
        compacted: &Compacted,
    ) -> Result<(), Reason> {
        rules::judge(&Question::new(self, principal, operation, resource, compacted))
    }

    /// Takes as long as `judge` takes to refuse a hidden topic, and says nothing: for a topic that is not there, with
    /// the name of any other in its place.
    pub fn refuse_absent(&self, principal: &Principal, operation: Operation, stand_in: &str, compacted: &Compacted) {
        let _ = black_box(rules::judge(&Question::of_hidden(self, principal, operation, stand_in, compacted)));
    }

    /// The topics that the catalogue names: what the upstream may be asked for by name.
    pub fn catalogue_literals(&self) -> impl Iterator<Item = &str> {
        self.catalogue.topics.keys().map(|topic| &**topic)
    }

    /// The prefixes of the catalogue's entries marked `auto: true`, sorted, without those within another.
    pub fn catalogue_prefixes(&self) -> impl Iterator<Item = &str> {
        self.catalogue.prefixes.iter()
    }

    /// What never leaves, as names in which `*` stands for any text; sorted, Kafka's own topics among them.
    #[must_use]
    pub fn never_globs(&self) -> Vec<String> {
        let own = KAFKA_INTERNAL.iter().filter(|topic| !self.never.0.matches(topic)).map(ToString::to_string);
        let mut globs: Vec<String> = self.never.0.texts().chain(own).collect();
        globs.sort_unstable();
        globs
    }

    /// What the catalogue says of a topic that it names.
    #[must_use]
    pub fn catalogue_entry(&self, topic: &str) -> Option<&CatalogueEntry> {
        self.catalogue.topics.get(topic).map(|entry| &**entry)
    }

    /// Whether the catalogue has an entry marked `auto: true`, so that only the upstream's full list tells its topics.
    #[must_use]
    pub fn has_patterns(&self) -> bool {
        !self.catalogue.prefixes.is_empty()
    }

    /// Whether an entry of the catalogue lets this topic leave only while its cluster compacts it.
    #[must_use]
    pub fn only_while_compacted(&self, topic: &str) -> bool {
        self.catalogue.conditional.covers(topic)
    }

    /// Whether some entry of the catalogue has `only_while_compacted: true`.
    #[must_use]
    pub fn asks_for_compaction(&self) -> bool {
        !self.catalogue.conditional.is_empty()
    }

    /// Whether the never list has this topic: nothing lets it leave.
    #[must_use]
    pub fn is_never(&self, topic: &str) -> bool {
        self.never.covers(topic)
    }

    /// Whether the catalogue lets this topic leave. The never list wins.
    #[must_use]
    pub fn catalogue_allows(&self, topic: &str) -> bool {
        may_leave(&self.catalogue, &self.never, topic)
    }

    /// The topics of `existing` that the principal may describe, in their order: those that must be compacted, too.
    pub fn readable<'a>(
        &'a self,
        principal: &'a Principal,
        existing: impl Iterator<Item = &'a str> + 'a,
    ) -> impl Iterator<Item = &'a str> + 'a {
        let may = |topic| self.judge(principal, Operation::Describe, Resource::Topic(topic), Compacted::assumed());
        existing.filter(move |topic| may(topic).is_ok())
    }
}
