//! Every bound of the generator, with its unit and its reason.

use std::time::Duration;

/// Packets per `recvmmsg` or `sendmmsg` (packets). Above 64 the gain per packet is below the noise.
pub const BATCH: usize = 64;
/// Longest datagram that is read (bytes). An INVITE with SDP and credentials stays below 1.5 kB; the rest is cut.
pub const DATAGRAM: usize = 4096;
/// Receive buffer asked for on each socket (bytes): a pause of 50 ms must not lose packets.
pub const RECEIVE_BUFFER: usize = 4 << 20;
/// Most phones (accounts): keeps one run within a gigabyte.
pub const PHONES: u32 = 1_000_000;
/// Most operations per second that can be asked for.
pub const RATE: f64 = 1_000_000.0;
/// Most calls at once (calls).
pub const CALLS: u32 = 100_000;
/// Most media socket pairs (sockets): two descriptors each, of the usual 20,000.
pub const MEDIA_SOCKETS: u16 = 4_000;
/// Longest measurement of one step (seconds).
pub const STEP_SECONDS: u64 = 600;
/// Most steps of one search (steps).
pub const STEPS: usize = 60;
/// How long calls and registrations may take to end after a step (time).
pub const DRAIN: Duration = Duration::from_secs(8);
/// RFC 3261 timer T1 (milliseconds): first retransmission after this time.
pub const T1_MS: u64 = 500;
/// RFC 3261 timer T2 (milliseconds): longest gap between retransmissions of anything but INVITE.
pub const T2_MS: u64 = 4_000;
/// A relayed packet that needs longer than this (microseconds) is late: one packet of audio.
pub const LATE_US: u64 = 20_000;
/// Shortest and longest expiry asked for in REGISTER (seconds).
pub const EXPIRES_S: std::ops::RangeInclusive<u32> = 60..=86_400;
