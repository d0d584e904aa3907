//! What the crowd counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// How the crowd is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CrowdStats {
    /// Phones registered now.
    pub registered: u64,
    /// Calls being made or up now, counted at their callers.
    pub calls_up: u64,
    /// Legs of the crowd now: callers and called.
    pub legs: u64,
    /// Calls placed.
    pub calls_started: u64,
    /// Calls placed that were answered.
    pub answered: u64,
    /// Calls placed that were not: busy, nobody there, no such number.
    pub failed: u64,
    /// Calls that somebody of the crowd was asked to take.
    pub offered: u64,
    /// Times that a call was held.
    pub held: u64,
    /// Times that a call was handed over.
    pub transferred: u64,
    /// Keys pressed.
    pub keys: u64,
    /// RTP packets heard, counted when a leg closes.
    pub packets_heard: u64,
}

macro_rules! counters {
    ($($name:ident),+) => {
        /// The same, shared between the crowd's thread and whoever looks.
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: AtomicU64),+
        }

        impl Counters {
            pub(super) fn read(&self) -> CrowdStats {
                CrowdStats { $($name: self.$name.load(Ordering::Relaxed)),+ }
            }
        }
    };
}

counters!(registered, calls_up, legs, calls_started, answered, failed, offered, held, transferred, keys, packets_heard);

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// So many now.
pub(super) fn gauge(counter: &AtomicU64, value: usize) {
    counter.store(value as u64, Ordering::Relaxed);
}
