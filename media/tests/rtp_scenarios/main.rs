//! The packet path over real loopback sockets, one scenario per file.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod rig;

mod open_and_close;
mod relay;
mod tone;
