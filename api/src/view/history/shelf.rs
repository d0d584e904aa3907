//! Rows on the way to the database: those that are not over, and what changed since the last transaction.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// A row that is over some day.
pub(super) trait Lasting {
    /// It is over: no later event changes it.
    fn is_over(&self) -> bool;
}

/// Rows of one table.
#[derive(Debug)]
pub(super) struct Shelf<K, R> {
    rows: HashMap<K, R>,
    changed: BTreeSet<K>,
}

impl<K, R> Default for Shelf<K, R> {
    fn default() -> Self {
        Shelf { rows: HashMap::new(), changed: BTreeSet::new() }
    }
}

impl<K: Ord + Hash + Clone, R: Lasting> Shelf<K, R> {
    /// Takes a row that is in the database already.
    pub(super) fn restore(&mut self, key: K, row: R) {
        self.rows.insert(key, row);
    }

    /// Takes a new row; one that is there stays.
    pub(super) fn begin(&mut self, key: K, row: R) {
        self.changed.insert(key.clone());
        self.rows.entry(key).or_insert(row);
    }

    pub(super) fn get(&self, key: &K) -> Option<&R> {
        self.rows.get(key)
    }

    /// Changes a row that is not over; gives what `change` gives. One that is over may still be here or not: that depends on
    /// when it was stored, and must not show.
    pub(super) fn change<T>(&mut self, key: &K, change: impl FnOnce(&mut R) -> T) -> Option<T> {
        let row = self.rows.get_mut(key).filter(|row| !row.is_over())?;
        self.changed.insert(key.clone());
        Some(change(row))
    }

    /// Rows that are not over.
    pub(super) fn open(&self) -> impl Iterator<Item = (&K, &R)> {
        self.rows.iter().filter(|(_, row)| !row.is_over())
    }

    /// Rows that changed since the last transaction, in order.
    pub(super) fn changed(&self) -> Vec<&R> {
        self.changed.iter().filter_map(|key| self.rows.get(key)).collect()
    }

    /// The changes are in the database: what is over leaves memory.
    pub(super) fn stored(&mut self) {
        for key in std::mem::take(&mut self.changed) {
            if self.rows.get(&key).is_some_and(Lasting::is_over) {
                self.rows.remove(&key);
            }
        }
    }
}
