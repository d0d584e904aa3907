//! Slows guessing down: failures per agent number and per source address.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::limits;

/// Failures per key within [`limits::SIGN_IN_WINDOW`]. Keys come from the network: the map is bounded, and its hash is keyed.
#[derive(Debug)]
pub(super) struct Brake<K> {
    most: u32,
    seen: Mutex<HashMap<K, (Instant, u32)>>,
}

impl<K: Hash + Eq> Brake<K> {
    /// Turns away after so many failures.
    pub(super) fn new(most: u32) -> Brake<K> {
        Brake { most, seen: Mutex::default() }
    }

    /// Whether this key failed too often.
    pub(super) fn blocks(&self, key: &K, now: Instant) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(key).is_some_and(|(since, count)| *count >= self.most && now.saturating_duration_since(*since) < limits::SIGN_IN_WINDOW)
    }

    /// Counts a failure.
    pub(super) fn failed(&self, key: K, now: Instant) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= limits::SIGN_IN_KEYS && !seen.contains_key(&key) {
            seen.retain(|_, (since, _)| now.saturating_duration_since(*since) < limits::SIGN_IN_WINDOW);
            if seen.len() >= limits::SIGN_IN_KEYS
                && let Some(oldest) = seen.values().map(|(since, _)| *since).min()
            {
                seen.retain(|_, (since, _)| *since > oldest);
            }
        }
        let entry = seen.entry(key).or_insert((now, 0));
        if now.saturating_duration_since(entry.0) >= limits::SIGN_IN_WINDOW {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(1);
    }

    /// Forgets the failures of a key that has shown the right password.
    pub(super) fn cleared(&self, key: &K) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_blocked_after_its_failures_and_free_after_the_window() {
        let (brake, now) = (Brake::new(2), Instant::now());
        assert!(!brake.blocks(&1, now));
        brake.failed(1, now);
        brake.failed(1, now);
        assert!(brake.blocks(&1, now) && !brake.blocks(&2, now));
        assert!(!brake.blocks(&1, now + limits::SIGN_IN_WINDOW));
        brake.cleared(&1);
        assert!(!brake.blocks(&1, now));
    }

    #[test]
    fn remembered_keys_are_bounded() {
        let (brake, now) = (Brake::new(2), Instant::now());
        (0..limits::SIGN_IN_KEYS * 2).for_each(|key| brake.failed(key, now));
        assert!(brake.seen.lock().unwrap().len() <= limits::SIGN_IN_KEYS);
    }
}
