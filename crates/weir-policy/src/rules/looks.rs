//! What the lists say of a topic's name: looked at once, before any rule asks.
//!
//! A refusal takes as long whichever list refuses: the time of an answer must not tell a topic that is there from one
//! that is nowhere. So a name that has not both keys is looked for in every list, whatever the others say of it.
//! Must never: decide, or spare a look-up but for what both keys name.

use std::hint::black_box;

use crate::names::{LONGEST_NAME, is_topic_name};
use crate::{Compacted, Policy, Principal};

/// Of one topic.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Looks {
    /// A topic can have this name.
    pub(crate) sound: bool,
    pub(crate) never: bool,
    pub(crate) in_catalogue: bool,
    pub(crate) suspended: bool,
    pub(crate) granted: bool,
    /// It must be compacted to leave, and is not known to be.
    pub(crate) not_compacted: bool,
}

impl Looks {
    pub(crate) fn at(policy: &Policy, principal: &Principal, topic: &str, compacted: &Compacted) -> Self {
        // What is longer than a name may be is not hashed.
        if topic.len() > LONGEST_NAME {
            return Self::default();
        }
        let named = policy.catalogue.names(topic);
        let granted = principal.grants.covers(topic);
        if named && granted {
            // Only sound names are in the catalogue, and none of the never list: compiling refuses the others.
            let suspended = policy.suspended.has_topic(topic);
            let not_compacted = policy.catalogue.holds_back(topic, compacted);
            return Self { sound: true, never: false, in_catalogue: true, suspended, granted, not_compacted };
        }
        Self::everywhere(policy, topic, [named, granted], compacted)
    }

    /// As if the topic had not been granted.
    pub(crate) fn at_hidden(policy: &Policy, principal: &Principal, topic: &str, compacted: &Compacted) -> Self {
        let named = policy.catalogue.names(topic);
        let granted = principal.grants.covers(topic);
        Self { granted: false, ..Self::everywhere(policy, topic, [named, granted], compacted) }
    }

    #[inline(never)]
    fn everywhere(policy: &Policy, topic: &str, [named, granted]: [bool; 2], compacted: &Compacted) -> Self {
        let sound = is_topic_name(topic);
        if !sound {
            return Self::default();
        }
        // Or the compiler puts a look-up off until its outcome is asked for.
        black_box(Self {
            sound,
            never: policy.never.covers(topic),
            in_catalogue: named | policy.catalogue.prefixes.covers(topic),
            suspended: policy.suspended.has_topic(topic),
            granted,
            not_compacted: policy.catalogue.holds_back(topic, compacted),
        })
    }
}
