//! Recording: media workers hand on what they receive, one thread makes files of it.
//!
//! ```text
//! worker ── voices (bounded, lock-free) ──▶ recorder ── samples ──▶ audio::record files
//! plane  ── orders (bounded) ─────────────▶    │
//!                                              └── reports ──▶ ReportSink
//! ```
//!
//! A worker copies a packet's payload and the time it came; it neither decodes nor waits, and drops (and counts) what finds
//! no room, which is silence in the file. The recorder puts each voice to its time, adds up the voices of a channel and
//! writes. Key presses (RFC 4733) are events, not voices: they are never recorded.

mod place;
mod recorder;
mod recording;
mod second;
mod tap;

pub(crate) use recorder::{Order, Recorder, What};
pub use second::RecordedCall;
pub(crate) use tap::{Tap, TapQueue};
