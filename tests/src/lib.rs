//! Harness for tests of the whole program against real peers: baresip phones, SIPp trunks, an Apache Kafka broker.
//!
//! A test says what happens, the harness how:
//!
//! * [`netns::Net`] gives the test's thread a network of its own, so that ports and addresses can be fixed;
//! * [`baresip::Baresip`], [`sipp::Sipp`], [`peer::SipPeer`], [`rtp::RtpPeer`], [`kafka::Kafka`] are the peers;
//! * [`tandem::Tandem`] is the program under test, and [`http`] its administrator;
//! * [`centre::Centre`] is a contact centre: queues, agents with phones, their programs ([`client::Client`]), callers ([`caller::Caller`]);
//! * [`world::World`] is the usual beginning: all of these, and a tenant;
//! * [`capture::Capture`] and [`tone::Audio`] say what was heard.
//!
//! Every process is stopped when its guard is dropped, and by the kernel should the test itself be killed
//! ([`process::Process`]). Nothing waits without a bound ([`wait`]). Where a peer can't be had the test prints a line that
//! begins with `SKIPPED:` past the test runner's capture ([`skip`]).
//!
//! What the peers can and can't do is noted in their modules.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a harness for tests: a broken peer ends the test")]

pub mod baresip;
pub mod caller;
pub mod capture;
pub mod centre;
pub mod client;
pub mod http;
pub mod kafka;
pub mod mutate;
pub mod netns;
pub mod peer;
pub mod process;
pub mod rtp;
pub mod sipp;
pub mod tandem;
pub mod tone;
pub mod wait;
pub mod world;

use std::io::Write;

/// Says on the terminal that a test did not run, and why. Written past the test runner, which hides what passing tests
/// print: a test that was left out must be seen.
pub fn skip(test: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {test}: {reason}");
}

/// The value, or a visible skip and the end of the test.
///
/// ```ignore
/// let net = or_skip!(Net::enter());
/// ```
#[macro_export]
macro_rules! or_skip {
    ($value:expr) => {
        match $value {
            Ok(value) => value,
            Err($crate::Missing(reason)) => {
                $crate::skip(module_path!(), &reason);
                return;
            }
        }
    };
}

/// Something this machine doesn't have; not a failure of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing(pub String);
