//! The packet path over real loopback sockets, one scenario per file.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod rig;

mod digits;
mod echo;
mod hold_and_silence;
mod latching;
mod mixing;
mod moving;
mod open_and_close;
mod prompts;
mod quality;
mod recording;
mod relay;
mod rtcp;
mod stall;
mod tone;
