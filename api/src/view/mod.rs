//! Read models: folded from committed events, never asked from the engine. Every GET answers from here.
//!
//! * [`live`]: what is up now, in memory, with the configuration as the events tell it.
//! * [`history`]: one row per call and per leg, in SQL.
//! * [`tail`]: the threads that read the log and feed both.

pub mod history;
pub mod live;
pub mod tail;

pub use history::History;
pub use live::{Live, LiveCall, LiveLeg, TenantLive};
pub use tail::Views;
