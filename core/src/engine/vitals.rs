//! How the engine is: for readiness, metrics and the status page.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::limits::SHARD_STUCK;
use super::mailbox::Doors;
use crate::log::{LogError, LogTail, Offset};

/// In one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// All is well.
    Good,
    /// It serves, but something needs a look: see [`Health::remarks`].
    Degraded,
    /// It takes no more commands: see [`Health::remarks`]. Only a restart helps.
    Failed,
}

/// How the engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// In one word.
    pub condition: Condition,
    /// What is wrong, for people.
    pub remarks: Vec<String>,
    /// Entries waiting in each shard's mailbox.
    pub mailbox_depth: Vec<usize>,
    /// Whether each shard came round lately.
    pub shards_alive: Vec<bool>,
    /// Offset behind the last committed record.
    pub committed: Offset,
    /// Tenants that panicked and are not back yet.
    pub quarantined: u64,
}

/// Written by the engine's threads, read by anybody.
pub(super) struct Vitals {
    begun: Instant,
    failed: AtomicBool,
    failure: OnceLock<String>,
    /// Milliseconds after `begun` of each shard's last pass.
    beats: Box<[AtomicU64]>,
    pub(super) quarantined: AtomicU64,
    doors: Arc<Doors>,
}

impl Vitals {
    pub(super) fn new(shards: usize, doors: Arc<Doors>) -> Self {
        Vitals {
            begun: Instant::now(),
            failed: AtomicBool::new(false),
            failure: OnceLock::new(),
            beats: (0..shards).map(|_| AtomicU64::new(0)).collect(),
            quarantined: AtomicU64::new(0),
            doors,
        }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn beat(&self, shard: usize) {
        if let Some(beat) = self.beats.get(shard) {
            beat.store(self.millis(), Ordering::Relaxed);
        }
    }

    pub(super) fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.failure.get().cloned()
    }

    pub(super) fn fail_log(&self, error: &LogError) {
        self.fail(error.to_string());
    }

    /// From here on nothing is taken any more.
    pub(super) fn fail(&self, what: String) {
        tracing::error!("the engine stops taking commands: {what}");
        let _ = self.failure.set(what);
        self.failed.store(true, Ordering::Release);
        self.doors.stop();
    }

    pub(super) fn health(&self, tail: &LogTail) -> Health {
        let now = self.millis();
        let alive = |beat: &AtomicU64| u128::from(now.saturating_sub(beat.load(Ordering::Relaxed))) < SHARD_STUCK.as_millis();
        let shards_alive: Vec<bool> = self.beats.iter().map(alive).collect();
        let quarantined = self.quarantined.load(Ordering::Relaxed);
        let mut remarks: Vec<String> = self.failure().into_iter().collect();
        if !self.failed() && self.doors.stopped() {
            remarks.push("it is shutting down".to_owned());
        }
        if quarantined > 0 {
            remarks.push(format!("{quarantined} tenants panicked and are not back yet"));
        }
        let stuck = shards_alive.iter().filter(|alive| !**alive).count();
        if stuck > 0 {
            remarks.push(format!("{stuck} shards have not come round for {} s", SHARD_STUCK.as_secs()));
        }
        let condition = match () {
            () if self.doors.stopped() => Condition::Failed,
            () if remarks.is_empty() => Condition::Good,
            () => Condition::Degraded,
        };
        Health {
            condition,
            remarks,
            mailbox_depth: (0..self.doors.shards()).map(|shard| self.doors.depth(shard)).collect(),
            shards_alive,
            committed: tail.end().unwrap_or(0),
            quarantined,
        }
    }
}
