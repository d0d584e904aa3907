//! Every bound of the packet path, with its unit and its reason.

use std::time::Duration;

/// Largest packet taken, in bytes: an Ethernet frame's worth; audio needs 12 + 160 to 12 + 1280.
pub const PACKET: usize = 1500;
/// Packets taken from one socket before the next one gets its turn: 16 × 2.5 µs keeps a flood on one port from delaying the rest.
pub const BUDGET: usize = 16;
/// Socket events taken in one turn of a worker: with [`BUDGET`] a turn stays near 10 ms even if every socket is flooded.
pub const EVENTS: usize = 256;
/// Commands that may wait for one worker, closes not counted: 4,096 are two seconds of a node at full load.
pub const COMMANDS: usize = 4096;
/// Commands done in one turn of a worker, so that a burst of calls does not stop the packets of the others.
pub const COMMANDS_PER_TURN: usize = 256;
/// Worker threads at most: the worker number has to fit in a byte's worth of metrics and the port pool is shared by all.
pub const WORKERS: usize = 64;
/// Legs in one mix at most: the sum is made per listener, so its cost grows with the square.
pub const MIX_LEGS: usize = 32;
/// Attempts to bind a port pair before `open` gives up: other programs may sit in our range.
pub const BIND_ATTEMPTS: usize = 32;
/// Kernel receive buffer per RTP socket in bytes: a stall of 50 ms at several hundred packets a second loses nothing.
pub const RECEIVE_BUFFER: usize = 256 * 1024;
/// Kernel receive buffer that is too small to survive a stall of 50 ms, in bytes: starting below it is worth a warning.
pub const RECEIVE_BUFFER_FLOOR: usize = 64 * 1024;

/// Length of a media tick and of every frame that the switch makes itself.
pub const TICK: Duration = Duration::from_millis(20);
/// Least distance of two ticks while catching up after a stall: twice the normal pace, not a burst.
pub const TICK_CATCH_UP: Duration = Duration::from_millis(10);
/// Further behind than this, ticks are skipped instead of caught up with: the listener has concealed the gap long since.
pub const TICK_SKIP: Duration = Duration::from_millis(200);
/// Ticks between two looks at the same leg for timers (RTCP, silence, lost ends of digits): 100 ms.
pub const HOUSEKEEPING_TICKS: usize = 5;

/// For so long after latching to another source the signalled address itself may still take its place.
pub const LATCH_WINDOW: Duration = Duration::from_secs(2);
/// The latched source must have been quiet for so long before the same SSRC from another port is taken as a NAT rebinding.
pub const REBIND_SILENCE: Duration = Duration::from_millis(500);
/// The same for RTCP, which comes every few seconds only (RFC 3550 §6.2: 5 s × 1.5, twice).
pub const REBIND_SILENCE_RTCP: Duration = Duration::from_secs(15);

/// A jump in sequence numbers of this size or more is a restart, not a loss (RFC 3550 A.1 `MAX_DROPOUT`).
pub const MAX_DROPOUT: u16 = 3000;
/// A packet so far behind is late, not a restart (RFC 3550 A.1 `MAX_MISORDER`).
pub const MAX_MISORDER: u16 = 100;

/// A key press whose end packets were lost ends when its events have stopped for so long (RFC 4733 §2.5.2.2: three
/// times the sending interval, which is 50 ms at most in the field, rounded up).
pub const DIGIT_TIMEOUT: Duration = Duration::from_millis(200);

/// Mean time between two RTCP reports (RFC 3550 §6.2 minimum).
pub const RTCP_INTERVAL: Duration = Duration::from_secs(5);
/// A round trip longer than this is a broken clock or a forged report.
pub const ROUND_TRIP: Duration = Duration::from_secs(10);

/// Sound a mix holds per source before it plays, in samples (40 ms): two packets of jitter.
pub const MIX_TARGET: usize = 320;
/// Sound a mix may hold per source before it drops the oldest, in samples (120 ms): more would be delay that nobody wants.
pub const MIX_DEPTH: usize = 960;
/// Size of a source's ring in samples (256 ms): room for the depth and a packet of 120 ms.
pub const MIX_RING: usize = 2048;

/// Bytes of a payload that travel to the recorder in one piece: 30 ms of G.711, the longest usual packet; longer ones are cut.
pub const TAP_PAYLOAD: usize = 240;
/// Voices that may wait for the recorder per worker: 800 ms of a hundred recorded calls, 2.3 MB.
pub const TAP_QUEUE: usize = 8192;
/// Orders that may wait for the recorder, ends not counted: two seconds of a node at full load.
pub const RECORD_ORDERS: usize = 4096;
/// Recordings under way at once: 33 KB of window each, and a thread that writes 64 MB a second by then.
pub const RECORDINGS: usize = 4096;
/// Legs in one recording: as many as one mix has.
pub const RECORD_LEGS: usize = MIX_LEGS;
/// Longest sleep of the recorder while it records: a tenth of what the voices' queue holds at a thousand calls.
pub const RECORD_TURN: Duration = Duration::from_millis(20);
