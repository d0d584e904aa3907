//! Sources that fail too often are locked out for a while: 403, whatever they send.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::limits;

/// Failures per source address.
#[derive(Debug)]
pub struct SourceLock {
    failures: u32,
    window: Duration,
    lock: Duration,
    sources: Mutex<HashMap<IpAddr, Source>>,
}

#[derive(Debug, Clone, Copy)]
struct Source {
    since: Instant,
    failures: u32,
    locked: Option<Instant>,
}

impl SourceLock {
    /// A source that fails `failures` times within `window` is locked for `lock`.
    pub fn new(failures: u32, window: Duration, lock: Duration) -> SourceLock {
        SourceLock { failures, window, lock, sources: Mutex::default() }
    }

    /// Whether this source is locked.
    pub fn locked(&self, source: IpAddr, now: Instant) -> bool {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.get(&unit(source)).and_then(|known| known.locked).is_some_and(|since| now.saturating_duration_since(since) < self.lock)
    }

    /// Counts a failure. Success forgives nothing: one good key must not open unlimited guesses at others.
    pub fn failed(&self, source: IpAddr, now: Instant) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if sources.len() >= limits::LOGIN_SOURCES {
            let keep = self.window.max(self.lock);
            sources.retain(|_, known| now.saturating_duration_since(known.locked.unwrap_or(known.since)) < keep);
            if sources.len() >= limits::LOGIN_SOURCES {
                sources.retain(|_, known| known.locked.is_some());
            }
            if sources.len() >= limits::LOGIN_SOURCES {
                sources.clear();
            }
        }
        let known = sources.entry(unit(source)).or_insert(Source { since: now, failures: 0, locked: None });
        if now.saturating_duration_since(known.since) >= self.window {
            *known = Source { since: now, failures: 0, locked: known.locked };
        }
        known.failures = known.failures.saturating_add(1);
        if known.failures >= self.failures {
            *known = Source { since: now, failures: 0, locked: Some(now) };
        }
    }
}

/// IPv6 hosts own at least a /64: that is the unit.
fn unit(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}
