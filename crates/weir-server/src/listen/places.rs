//! How many connections a principal may have at once, over all listeners.
//!
//! Must never: grow with principals that have no connection now, or end an older connection for a younger one.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use weir_policy::Principal;

use crate::lock::lock;

/// Connections of principals.
#[derive(Debug, Default)]
pub struct PrincipalPlaces {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Each connection has a number, and a younger one a higher number.
    by_name: HashMap<String, BTreeSet<u64>>,
    next: u64,
}

/// A place for one connection of a principal, given back when it is dropped.
#[derive(Debug)]
pub struct PrincipalPlace {
    held_in: Arc<PrincipalPlaces>,
    name: String,
    number: u64,
}

impl PrincipalPlaces {
    /// A place for a connection of this principal, or nothing where its tier allows no more.
    #[must_use]
    pub fn admit(self: &Arc<Self>, principal: &Principal) -> Option<PrincipalPlace> {
        let most = usize::try_from(principal.limits.connections).unwrap_or(usize::MAX);
        self.admit_name(&principal.name, most)
    }

    fn admit_name(self: &Arc<Self>, name: &str, most: usize) -> Option<PrincipalPlace> {
        let mut taken = lock(&self.taken);
        let number = taken.next;
        if most == 0 || taken.by_name.get(name).is_some_and(|numbers| numbers.len() >= most) {
            return None;
        }
        taken.by_name.entry(name.to_owned()).or_default().insert(number);
        taken.next = number.saturating_add(1);
        Some(PrincipalPlace { held_in: Arc::clone(self), name: name.to_owned(), number })
    }
}

impl PrincipalPlace {
    /// Whether it is among the oldest that its principal may have by now.
    #[must_use]
    pub fn is_within(&self, principal: &Principal) -> bool {
        self.is_among_the_oldest(usize::try_from(principal.limits.connections).unwrap_or(usize::MAX))
    }

    fn is_among_the_oldest(&self, most: usize) -> bool {
        let taken = lock(&self.held_in.taken);
        taken.by_name.get(&self.name).is_none_or(|numbers| numbers.range(..self.number).take(most).count() < most)
    }
}

impl Drop for PrincipalPlace {
    fn drop(&mut self) {
        let by_name = &mut lock(&self.held_in.taken).by_name;
        if let Some(numbers) = by_name.get_mut(&self.name) {
            numbers.remove(&self.number);
            if numbers.is_empty() {
                by_name.remove(&self.name);
            }
        }
    }
}

/// Counts one more of `key`, unless there are `most`.
pub(super) fn take<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K, most: usize) -> Option<()> {
    let now = counts.get(&key).copied().unwrap_or(0);
    let next = now.checked_add(1).filter(|next| *next <= most)?;
    counts.insert(key, next);
    Some(())
}

/// Counts one less of `key`, and forgets it when none is left.
pub(super) fn give_back<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    match counts.get_mut(key) {
        Some(count) if *count > 1 => *count = count.saturating_sub(1),
        _ => drop(counts.remove(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_q4_a_principal_has_so_many_places_and_gets_them_back() {
        let places = Arc::new(PrincipalPlaces::default());
        let first = places.admit_name("tool", 2).unwrap();
        let _second = places.admit_name("tool", 2).unwrap();
        assert!(places.admit_name("tool", 2).is_none());
        assert!(places.admit_name("other", 2).is_some());
        drop(first);
        assert!(places.admit_name("tool", 2).is_some());
        assert!(places.admit_name("barred", 0).is_none());
        assert_eq!(lock(&places.taken).by_name.len(), 1);
    }

    #[test]
    fn when_there_may_be_fewer_the_youngest_have_no_place() {
        let places = Arc::new(PrincipalPlaces::default());
        let held: Vec<_> = (0..4).map(|_| places.admit_name("tool", 4).unwrap()).collect();
        let _other = places.admit_name("other", 1).unwrap();
        let kept = |most: usize| held.iter().map(|place| place.is_among_the_oldest(most)).collect::<Vec<_>>();
        assert_eq!(kept(2), [true, true, false, false]);
        assert_eq!(kept(9), [true; 4]);
        let [first, _second, _third, last] = <[_; 4]>::try_from(held).unwrap();
        drop(first);
        assert!(last.is_among_the_oldest(3) && !last.is_among_the_oldest(2), "one that has ended counts no more");
    }
}
