//! # Tandem media: carries
//!
//! Turns packets into commands for the core, and its effects into packets.
//!
//! * [`switch`]: the one door between core and packets; read this first.
//! * [`sip`]: signalling from the bytes up to calls.
//! * [`rtp`]: media workers that own legs and sockets.
//! * [`audio`]: tones, prompts, laws, mixing.
//! * [`srtp`]: encrypted media.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod audio;
pub mod rtp;
pub mod sip;
pub mod srtp;
pub mod switch;
