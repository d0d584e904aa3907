//! Tandem media: carries.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod audio;
pub mod rtp;
pub mod sip;
pub mod switch;
