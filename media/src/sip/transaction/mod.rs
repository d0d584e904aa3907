//! Transactions (RFC 3261 §17, RFC 6026): one file per machine, a table that runs them, timers as data.
//!
//! The machines know statuses and timers, not messages: they answer each input with the steps to take. [`Transactions`]
//! keeps the bytes to repeat and finds machines by branch and key.

pub mod client;
pub mod client_invite;
pub mod key;
pub mod machine;
pub mod queue;
pub mod server;
pub mod server_invite;
pub mod table;

pub use key::{Branch, KeyMaker, KeyParts, ServerKey};
pub use machine::{Timer, TimerConfig};
pub use queue::{TimerQueue, TimerToken};
pub use table::{AckFor, ClientId, Incoming, News, ServerId, Transactions, Transmit, is_reliable};
