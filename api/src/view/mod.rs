//! Read models: folded from committed events, never asked from the engine. Every GET answers from here.
//!
//! * [`live`]: what is up now, in memory, with the configuration as the events tell it.
//! * [`mirror`]: every tenant as the core itself sees it, a moment later.
//! * [`history`]: one row per call and per leg, in SQL.
//! * [`tail`]: the threads that read the log and feed them.

pub mod history;
pub mod live;
pub mod mirror;
pub mod tail;

pub use history::History;
pub use live::{Live, LiveCall, LiveLeg, TenantLive};
pub use mirror::{Mirror, MirrorError, Watch};
pub use tail::Views;

/// Lets the calling thread, and those that it starts, give way to others: with one processor and more calls than it can do,
/// the history took four tenths of it and calls failed (measured).
fn come_after_calls() {
    // 10 is a tenth of the usual share when there is not enough, and all of what nobody else wants. `None` is this thread.
    if let Err(error) = rustix::process::setpriority_process(None, 10) {
        tracing::debug!(%error, "a read model keeps the usual priority");
    }
}
