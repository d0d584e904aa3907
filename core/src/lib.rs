//! # Tandem core: decides
//!
//! A contact centre as a pure state machine. [`tenant::Tenant`] takes a [`Command`] and the time, and answers with
//! [`Event`]s (facts, past tense) and [`Effect`]s (orders to the switch). Nothing in here knows that SIP, HTTP or Kafka
//! exist; time, randomness and identity come in as arguments, so the same commands in the same order always give the
//! same events, and any recorded call can be replayed.
//!
//! * [`tenant`]: the business; read this first.
//! * [`engine`]: runs tenants on threads without locks: shards, mailboxes, timers.
//! * [`log`]: where events live: segment files, and Kafka fed from them.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod agent;
pub mod call;
pub mod cause;
pub mod command;
pub mod config;
pub mod effect;
pub mod engine;
pub mod event;
pub mod id;
pub mod log;
pub mod queue;
pub mod recording;
pub mod registration;
pub mod spoken;
pub mod tenant;
pub mod time;

pub use agent::{Agent, AgentRefusal, AgentWish, WorkNumber};
pub use call::{Audio, Codec, DialogRecord, Direction, Endpoint, Flow, MediaRecord, MediaStats, Tone, Transport};
pub use cause::{Cause, Party};
pub use command::{Command, Rejection, TransferTarget};
pub use config::{AccessNumber, Destination, Phone, SrtpPolicy, Trunk};
pub use effect::{DialTarget, Effect, TimerKey};
pub use event::{AgentEvent, CallEvent, ConfigEvent, Envelope, Event};
pub use id::{CallId, Ids, LegId, Number, RecordingId, RequestId, TenantId, TrunkName, UserName};
pub use queue::{Queue, QueueId};
pub use time::Timestamp;
