//! The members that are known: a map with two bounds, and an order by when each was heard.
//!
//! Must never: grow over its bounds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use super::{Known, MemberKey, Subscription, SubscriptionLimits};

/// What the maps take for one member, beside its texts.
const OVERHEAD: usize = 512;
/// What a name takes in a list, beside its text.
const NAME_OVERHEAD: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Members {
    limits: SubscriptionLimits,
    by_key: HashMap<Arc<MemberKey>, Member>,
    /// From the one that was heard least recently.
    by_turn: BTreeMap<u64, Arc<MemberKey>>,
    by_principal: HashMap<String, Own>,
    next_turn: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Member {
    known: Known,
    heard: Instant,
    turn: u64,
    bytes: usize,
}

/// What one principal has here.
#[derive(Debug, Default)]
struct Own {
    turns: BTreeSet<u64>,
    bytes: usize,
}

impl Members {
    pub(super) fn new(limits: SubscriptionLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    pub(super) fn recall(&mut self, key: &MemberKey, now: Instant) -> Option<Known> {
        self.expire(now);
        let (kept, member) = self.take(key)?;
        let known = member.known.clone();
        self.put(kept, Member { heard: now, ..member });
        Some(known)
    }

    pub(super) fn look_up(&self, key: &MemberKey) -> Option<Arc<Subscription>> {
        match &self.by_key.get(key)?.known {
            Known::Subscription(subscription) => Some(Arc::clone(subscription)),
            Known::Asked => None,
        }
    }

    pub(super) fn keep(&mut self, key: MemberKey, known: Known, now: Instant) {
        self.expire(now);
        self.take(&key);
        let bytes = weight(&key, &known);
        if bytes <= self.limits.per_principal.min(self.limits.in_all) {
            self.make_room(&key.principal, bytes);
            self.put(Arc::new(key), Member { known, heard: now, turn: 0, bytes });
        }
    }

    pub(super) fn forget(&mut self, key: &MemberKey) {
        self.take(key);
    }

    fn expire(&mut self, now: Instant) {
        while let Some((_, oldest)) = self.by_turn.first_key_value() {
            let silent = self.by_key.get(oldest).map(|member| now.saturating_duration_since(member.heard));
            if silent.is_none_or(|silent| silent <= self.limits.silence) {
                return;
            }
            let oldest = Arc::clone(oldest);
            self.take(&oldest);
        }
    }

    fn make_room(&mut self, principal: &str, bytes: usize) {
        while let Some(own) = self.by_principal.get(principal)
            && own.bytes.saturating_add(bytes) > self.limits.per_principal
            && let Some(oldest) = own.turns.first().and_then(|turn| self.by_turn.get(turn)).cloned()
        {
            self.take(&oldest);
        }
        while self.bytes.saturating_add(bytes) > self.limits.in_all
            && let Some(oldest) = self.by_turn.values().next().cloned()
        {
            self.take(&oldest);
        }
    }

    fn put(&mut self, key: Arc<MemberKey>, mut member: Member) {
        member.turn = self.next_turn;
        self.next_turn = self.next_turn.saturating_add(1);
        self.bytes = self.bytes.saturating_add(member.bytes);
        let own = self.by_principal.entry(key.principal.clone()).or_default();
        own.bytes = own.bytes.saturating_add(member.bytes);
        own.turns.insert(member.turn);
        self.by_turn.insert(member.turn, Arc::clone(&key));
        self.by_key.insert(key, member);
    }

    fn take(&mut self, key: &MemberKey) -> Option<(Arc<MemberKey>, Member)> {
        let (kept, member) = self.by_key.remove_entry(key)?;
        self.by_turn.remove(&member.turn);
        self.bytes = self.bytes.saturating_sub(member.bytes);
        if let Some(own) = self.by_principal.get_mut(&key.principal) {
            own.bytes = own.bytes.saturating_sub(member.bytes);
            own.turns.remove(&member.turn);
            if own.turns.is_empty() {
                self.by_principal.remove(&key.principal);
            }
        }
        Some((kept, member))
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        assert_eq!(self.by_key.len(), self.by_turn.len());
        assert_eq!(self.by_key.len(), self.by_principal.values().map(|own| own.turns.len()).sum::<usize>());
        assert_eq!(self.bytes, self.by_principal.values().map(|own| own.bytes).sum::<usize>());
        self.by_key.len()
    }
}

/// About how many bytes a member takes.
fn weight(key: &MemberKey, known: &Known) -> usize {
    let mut bytes = OVERHEAD.saturating_add(key.principal.len()).saturating_add(key.group.len());
    bytes = bytes.saturating_add(key.member.len());
    if let Known::Subscription(subscription) = known {
        bytes = bytes.saturating_add(subscription.pattern.as_ref().map_or(0, |pattern| pattern.len()));
        for name in subscription.names.iter() {
            bytes = bytes.saturating_add(name.len()).saturating_add(NAME_OVERHEAD);
        }
    }
    bytes
}
