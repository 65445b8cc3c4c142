//! How many connections a principal may have at once, over all listeners.
//!
//! Must never: grow with principals that have no connection now.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use weir_policy::Principal;

/// Connections of principals.
#[derive(Debug, Default)]
pub struct PrincipalPlaces {
    by_name: Mutex<HashMap<String, usize>>,
}

/// A place for one connection of a principal, given back when it is dropped.
#[derive(Debug)]
pub struct PrincipalPlace {
    held_in: Arc<PrincipalPlaces>,
    name: String,
}

impl PrincipalPlaces {
    /// A place for a connection of this principal, or nothing where its tier allows no more.
    #[must_use]
    pub fn admit(self: &Arc<Self>, principal: &Principal) -> Option<PrincipalPlace> {
        let most = usize::try_from(principal.limits.connections).unwrap_or(usize::MAX);
        self.admit_name(&principal.name, most)
    }

    fn admit_name(self: &Arc<Self>, name: &str, most: usize) -> Option<PrincipalPlace> {
        take(&mut lock(&self.by_name), name.to_owned(), most)?;
        Some(PrincipalPlace { held_in: Arc::clone(self), name: name.to_owned() })
    }
}

impl Drop for PrincipalPlace {
    fn drop(&mut self) {
        give_back(&mut lock(&self.held_in.by_name), &self.name);
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

/// A panic elsewhere leaves these counts whole: no step between two writes can panic.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert_eq!(lock(&places.by_name).len(), 1);
    }
}
