//! Who a certificate is, and what it was granted.
//!
//! Must never: hold a key of another principal, or decide anything but by look-up.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use time::Date;

use crate::Reason;
use crate::limits::Limits;
use crate::names::{GroupMode, Namespace, OwnGroups, RealGroup, ShownGroup};
use crate::pattern::PrefixSet;

/// A named set of limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The name.
    pub name: String,
    /// What a principal of this tier may use at all replicas together, unless its own file says otherwise.
    pub limits: Limits,
    /// What of it this replica gives.
    pub share: Arc<Limits>,
}

/// Who a certificate is.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The name, unique in the policy.
    pub name: String,
    /// What keeps its groups apart, unique in the policy.
    pub namespace: Namespace,
    /// Its named set of limits.
    pub tier: Arc<Tier>,
    /// What it may use here: the tier's limits, or those with some of its own in their place. Rates are this replica's
    /// share.
    pub limits: Arc<Limits>,
    /// The networks it may connect from; empty for any.
    pub cidrs: Vec<IpNet>,
    /// Whom to ask about it.
    pub contact: String,
    /// When the grants are to be looked at again.
    pub review_by: Date,
    pub(crate) group_mode: GroupMode,
    pub(crate) grants: Arc<Grants>,
}

impl Principal {
    /// The brokers' name of a group that this principal asks for.
    ///
    /// # Errors
    /// The id is none that Weir carries, or is outside the namespace.
    pub fn real_group(&self, shown: &str) -> Result<RealGroup, Reason> {
        self.real_group_pieces(shown).map(|pieces| RealGroup::new(&pieces))
    }

    /// The same name in pieces, one behind the other, for who writes it somewhere.
    ///
    /// # Errors
    /// As `real_group`.
    pub fn real_group_pieces<'a>(&'a self, shown: &'a str) -> Result<[&'a str; 4], Reason> {
        self.group_mode.real(&self.namespace, shown)
    }

    /// Whether this principal may ask for the group, without making its name.
    pub(crate) fn judge_group(&self, shown: &str) -> Result<(), Reason> {
        self.group_mode.judge(&self.namespace, shown)
    }

    /// This principal's name of a group of the brokers, or nothing where the group is not its own.
    #[must_use]
    pub fn shown_group(&self, real: &str) -> Option<ShownGroup> {
        self.group_mode.shown(&self.namespace, real)
    }

    /// The groups that are its own, as it names them.
    #[must_use]
    pub fn own_groups(&self) -> OwnGroups {
        self.group_mode.own(&self.namespace)
    }

    /// The topics that it was granted by name, in no order. The catalogue names each of them.
    pub fn granted_topics(&self) -> impl Iterator<Item = &str> {
        self.grants.topics.iter().map(|topic| &**topic)
    }

    /// The prefixes that it was granted, sorted: of the topics under them, those that the catalogue lets leave.
    pub fn granted_prefixes(&self) -> impl Iterator<Item = &str> {
        self.grants.prefixes.iter()
    }

    /// Whether the principal may connect from this address. An IPv4 address inside IPv6 counts as IPv4.
    #[must_use]
    pub fn allows_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.cidrs.is_empty() || self.cidrs.iter().any(|net| net.contains(&address))
    }
}

/// The second key: the topics that a principal was granted. Equal lists are held once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Grants {
    pub(crate) topics: HashSet<Arc<str>>,
    pub(crate) prefixes: PrefixSet,
}

impl Grants {
    pub(crate) fn covers(&self, topic: &str) -> bool {
        self.topics.contains(topic) || self.prefixes.covers(topic)
    }
}
