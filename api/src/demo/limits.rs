//! Every bound of the crowd, with unit and reason.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Most calls at once, whatever is asked for: a demo, not a load generator (`tandem-load` is one).
pub const CALLS: usize = 100;
/// Most phones: each has a socket of its own, and a signalling thread takes 256.
pub const PHONES: usize = 200;
/// Legs per call that the crowd may have: both ends, and a third while one is being handed over.
pub const LEGS_PER_CALL: usize = 3;
/// Ports of the crowd's RTP: 2,500 legs, clear of the server's usual 20000 to 29999.
pub const RTP_PORTS: RangeInclusive<u16> = 40_000..=44_999;
/// Seconds of registration that phones ask for: short, so that one sees them refresh.
pub const REGISTER: Duration = Duration::from_secs(120);
/// Between the first registrations of two phones, so that they appear one after the other.
pub const STAGGER: Duration = Duration::from_millis(120);
/// The first call is placed after this long at the latest, whoever is still to come.
pub const OPENING: Duration = Duration::from_secs(2);
/// First wait of a phone whose registration failed: it may well be up before its server.
pub const FIRST_RETRY: Duration = Duration::from_secs(1);
/// Longest wait of a phone whose registration failed.
pub const LONGEST_RETRY: Duration = Duration::from_secs(30);
/// A called phone that nobody answers gives up after this long, should the caller and the server both forget it.
pub const LONGEST_RING: Duration = Duration::from_secs(90);
/// Longest sleep of the crowd's thread: how soon it sees that it is to stop, at the latest.
pub const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// How long stopping may take: BYEs and unregistrations on loopback are answered in milliseconds.
pub const GOODBYE: Duration = Duration::from_secs(2);
/// Length of a key press in milliseconds.
pub const KEY_MS: u32 = 160;
/// Between two looks of the demo's agents at what they could do next.
pub const SHIFT_TURN: Duration = Duration::from_millis(2000);
