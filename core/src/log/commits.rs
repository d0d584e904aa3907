//! What the writer tells readers in the same process: how far the log is committed, and where to begin to read.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::Offset;

/// Called on the log thread after each commit with the new end of the log; must be quick (wake somebody).
pub type CommitHook = Box<dyn Fn(Offset) + Send + Sync>;

/// State that the writer shares with readers. The locks in here are never taken on the way of a command: shards don't
/// read the log, and the log thread takes them once per commit, uncontended but for readers that go to sleep.
#[derive(Default)]
pub(super) struct Shared {
    committed: AtomicU64,
    closed: AtomicBool,
    gate: Mutex<()>,
    changed: Condvar,
    hooks: Mutex<Vec<Weak<CommitHook>>>,
    marks: Mutex<Marks>,
    consumers: Mutex<Vec<(String, Weak<AtomicU64>)>>,
}

/// Known places in the segment that is being written.
#[derive(Default)]
struct Marks {
    base: Offset,
    places: Vec<(Offset, u64)>,
}

/// Keeps a hook in place; dropping it removes the hook.
#[must_use = "the hook is removed when this is dropped"]
pub struct HookGuard(#[allow(dead_code, reason = "held for its drop")] Arc<CommitHook>);

impl fmt::Debug for HookGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookGuard")
    }
}

/// A reader whose position holds retention back: segments it has not read stay.
#[derive(Debug, Clone)]
pub struct Consumer(Arc<AtomicU64>);

impl Consumer {
    /// Everything before `position` is no longer needed.
    pub fn advance(&self, position: Offset) {
        self.0.fetch_max(position, Ordering::AcqRel);
    }

    /// What it no longer needs.
    pub fn position(&self) -> Offset {
        self.0.load(Ordering::Acquire)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here can be left half done by a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(committed: Offset) -> Self {
        Shared { committed: AtomicU64::new(committed), ..Shared::default() }
    }

    pub(super) fn committed(&self) -> Offset {
        self.committed.load(Ordering::Acquire)
    }

    pub(super) fn publish(&self, committed: Offset) {
        {
            let _gate = lock(&self.gate);
            self.committed.store(committed, Ordering::Release);
        }
        self.changed.notify_all();
        let hooks: Vec<Arc<CommitHook>> = {
            let mut hooks = lock(&self.hooks);
            hooks.retain(|hook| hook.strong_count() > 0);
            hooks.iter().filter_map(Weak::upgrade).collect()
        };
        for hook in hooks {
            hook(committed);
        }
    }

    /// The writer is gone: waiting readers need not wait any longer.
    pub(super) fn close(&self) {
        {
            let _gate = lock(&self.gate);
            self.closed.store(true, Ordering::Release);
        }
        self.publish(self.committed());
    }

    pub(super) fn closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Waits until the log is committed beyond `position`; false if time was up or the log was closed before.
    pub(super) fn wait_beyond(&self, position: Offset, timeout: Duration) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let mut gate = lock(&self.gate);
        while self.committed() <= position && !self.closed() {
            let left = deadline.map_or(Duration::from_secs(3600), |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            gate = self.changed.wait_timeout(gate, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        self.committed() > position
    }

    pub(super) fn hook(&self, hook: CommitHook) -> HookGuard {
        let hook = Arc::new(hook);
        lock(&self.hooks).push(Arc::downgrade(&hook));
        HookGuard(hook)
    }

    pub(super) fn begin_segment(&self, base: Offset) {
        *lock(&self.marks) = Marks { base, places: Vec::new() };
    }

    pub(super) fn mark(&self, offset: Offset, position: u64) {
        lock(&self.marks).places.push((offset, position));
    }

    /// The last known place at or before `offset` in the segment that begins at `base`.
    pub(super) fn place(&self, base: Offset, offset: Offset) -> Option<(Offset, u64)> {
        let marks = lock(&self.marks);
        if marks.base != base {
            return None;
        }
        let after = marks.places.partition_point(|(known, _)| *known <= offset);
        marks.places.get(after.checked_sub(1)?).copied()
    }

    pub(super) fn consumer(&self, name: &str, position: Offset) -> Consumer {
        let place = Arc::new(AtomicU64::new(position));
        let mut consumers = lock(&self.consumers);
        consumers.retain(|(_, place)| place.strong_count() > 0);
        consumers.push((name.to_owned(), Arc::downgrade(&place)));
        Consumer(place)
    }

    /// Name and position of the slowest consumer.
    pub(super) fn slowest(&self) -> Option<(String, Offset)> {
        let consumers = lock(&self.consumers);
        let positions = consumers.iter().filter_map(|(name, place)| Some((name, place.upgrade()?.load(Ordering::Acquire))));
        positions.min_by_key(|(_, position)| *position).map(|(name, position)| (name.clone(), position))
    }
}
