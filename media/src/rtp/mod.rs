//! The packet path: RTP and RTCP between legs.
//!
//! ```text
//! switch ── commands ──▶ MediaPlane ──▶ worker rtp-0 ─ owns ─▶ legs, sockets, who hears whom
//!    ▲                   (one owner)    worker rtp-1 …
//!    └──────────── reports ◀────────────────┘
//! ```
//!
//! A worker is one thread with one epoll loop. It owns its legs outright, so a packet goes from socket to socket without
//! a lock, an allocation or a task. Legs that hear each other live on the same worker; [`plane`] sees to that.
//!
//! * `guard`: encryption: opened before anybody looks at a packet, closed last.
//! * [`leg`]: what one leg does with a packet, as a state machine without sockets. Read this first.
//! * [`latch`], [`reception`], [`stream`], [`dtmf`], [`rtcp`], [`quality`]: its parts.
//! * `worker`: sockets, ticks, commands. [`ports`], [`beat`]: its tools.
//! * [`limits`]: every bound.

pub mod beat;
pub mod coding;
pub mod config;
pub mod dtmf;
mod guard;
pub mod keys;
pub mod latch;
pub mod leg;
pub mod limits;
pub mod mix;
pub mod plane;
mod player;
pub mod ports;
pub mod quality;
pub mod reception;
mod record;
mod recordings;
pub mod relay;
mod remote;
pub mod report;
pub mod rtcp;
mod socket;
pub mod stream;
mod worker;

pub use config::{MediaError, OpenError, RtpConfig, StartError};
pub use plane::MediaPlane;
pub use record::RecordedCall;
pub use recordings::RecordingPlan;
pub use remote::{LatchMode, MediaRemote};
pub use report::{Report, ReportSink};
