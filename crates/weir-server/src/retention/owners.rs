//! Whose a group at the brokers is, by its name.
//!
//! Must never: find one principal where there could be two.

use std::collections::HashMap;
use std::sync::Arc;

use weir_policy::{Namespace, Policy, Principal};

/// The principals of a policy, by namespace.
pub(crate) struct Owners(HashMap<String, Arc<Principal>>);

impl Owners {
    pub(crate) fn of(policy: &Policy) -> Self {
        Self(policy.principals().map(|one| (one.namespace.as_str().to_owned(), Arc::clone(one))).collect())
    }

    /// The owner; nothing where no principal has it.
    pub(crate) fn owner(&self, real: &str) -> Option<&Arc<Principal>> {
        let principal = self.0.get(Namespace::of_group(real)?)?;
        principal.shown_group(real).is_some().then_some(principal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::fixture::Fixture;

    #[test]
    fn a_group_has_the_owner_of_its_namespace_and_no_other() {
        let fixture = Fixture::new();
        fixture.grant("tool", "public.granted");
        let policy = fixture.snapshot().policy;
        let owners = Owners::of(&policy);
        let namespace = policy.principal("tool").unwrap().namespace.as_str().to_owned();
        let found = |real: &str| owners.owner(real).map(|who| who.name.clone());
        assert_eq!(found(&format!("weir.{namespace}.a.b")), Some("tool".to_owned()));
        let others = [format!("{namespace}.a"), format!("weir.{namespace}"), "weir.other.a".into(), "internal".into()];
        for other in others {
            assert_eq!(found(&other), None, "{other}");
        }
    }
}
