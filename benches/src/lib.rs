//! # Load for Tandem, from outside
//!
//! `tandem-load` makes registrations, calls and audio, and measures what comes back. It shares no code with the
//! product: a mistake in the product's SIP can't hide behind the same mistake here.
//!
//! One thread does everything: it builds messages from templates, reads no more of an answer than it needs, and
//! moves packets in batches, so that one core of generator outruns one core of what it loads (`tandem-load direct`
//! shows by how much). It keeps to loopback addresses and is bounded in time and count.
//!
//! * [`register`], [`calls`], [`media`]: the three kinds of load;
//! * [`search`]: looks for the highest level that is still good;
//! * [`net`]: sockets in batches; [`scan`]: the little of SIP that has to be read; [`digest`]: answers to challenges;
//! * [`report`], [`histogram`], [`procfs`]: what is said about it;
//! * [`suite`]: starts the program and runs all of it (`tandem-bench`).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod account;
pub mod calls;
pub mod cli;
pub mod digest;
pub mod histogram;
pub mod limits;
pub mod media;
pub mod net;
pub mod procfs;
pub mod register;
pub mod report;
pub mod responder;
pub mod scan;
pub mod search;
pub mod suite;
pub mod text;
pub mod wheel;
