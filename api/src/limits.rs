//! Every bound of this crate that is not a setting, with unit and reason.

use std::time::Duration;

/// Longest `Authorization` header looked at, in bytes: AK, time, a list of headers and 64 digits.
pub const AUTHORIZATION_BYTES: usize = 2048;
/// Most headers in a signature; those that are sent are at most 64, too.
pub const SIGNED_HEADERS: usize = 64;
/// Most access keys of a tenant: a few applications, and two each while they are exchanged.
pub const ACCESS_KEYS: usize = 50;
/// Random characters of a generated AK: 94 bits, so that two tenants never get the same.
pub const AK_RANDOM: usize = 16;
/// Random characters of a generated SK: 234 bits, as strong as the hash it keys.
pub const SK_RANDOM: usize = 40;
/// Longest AK, in bytes.
pub const AK_BYTES: usize = 64;
/// Shortest and longest SK, in bytes; shorter ones can be guessed from one signature.
pub const SK_BYTES: std::ops::RangeInclusive<usize> = 16..=128;
/// Failed logins of one source within [`LOGIN_WINDOW`] before it is turned away: people mistype, guessing 256 bits is hopeless anyway,
/// so this only keeps the log and argon2 quiet.
pub const LOGIN_FAILURES: u32 = 10;
/// The window of [`LOGIN_FAILURES`].
pub const LOGIN_WINDOW: Duration = Duration::from_secs(60);
/// Sources remembered for [`LOGIN_FAILURES`]; beyond it the oldest window is forgotten.
pub const LOGIN_SOURCES: usize = 4096;
/// Longest token looked at, in bytes (ours have 47).
pub const TOKEN_BYTES: usize = 256;
/// How long a page ticket is good: time enough to click a printed link.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// Unused tickets remembered.
pub const TICKETS: usize = 64;
/// How long a page stays signed in.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// Pages signed in at once; beyond it the oldest is signed out.
pub const SESSIONS: usize = 1000;

/// Longest wait for an engine's answer: a command waits for one group commit, milliseconds on a healthy disk.
pub const COMMAND_WAIT: Duration = Duration::from_secs(5);
/// Longest wait of a write for its own view to catch up; afterwards the answer goes out anyway.
pub const VIEW_WAIT: Duration = Duration::from_secs(2);
/// Longest password taken, in bytes: it is hashed, not stored.
pub const PASSWORD_BYTES: usize = 128;
/// Shortest password taken, in bytes.
pub const PASSWORD_MIN_BYTES: usize = 8;
/// Longest display name, in bytes.
pub const DISPLAY_NAME_BYTES: usize = 128;

/// Events folded into SQL in one transaction.
pub const FOLD_EVENTS: usize = 1000;
/// Shortest time between two folds into the live view: an administrator does not see it, and at 600 calls per second it
/// spares nine wake-ups of ten.
pub const LIVE_EVERY: Duration = Duration::from_millis(5);
/// Events of one tenant folded into its replica under one lock: readers wait for a fold of some 100 us at most.
pub const MIRROR_RUN: usize = 64;
/// Shortest time between two folds into the replicas. Agents' programs wait for these; calls of all tenants together cost at
/// most 500 wake-ups a second.
pub const MIRROR_EVERY: Duration = Duration::from_millis(2);
/// Tries to begin anew with newer snapshots when retention was quicker than the reader.
pub const MIRROR_STARTS: usize = 3;
/// Shortest time between two folds into the call history. A call's row is written once per fold that it has events in: with
/// every commit, the history took half of the CPU time of a call (measured at 600 calls per second). Showing a call waits
/// up to 200 ms for its row.
pub const HISTORY_EVERY: Duration = Duration::from_millis(100);
/// Indicators in one question of CC-CMS; there are fewer.
pub const CMS_INDEXES: usize = 100;
/// Calls looked through for one answer of CC-CMS: a second of a reader at most.
pub const CMS_CALLS: i64 = 100_000;
/// Rows of an agent's operations in one answer of CC-CMS: more than a day of one agent holds.
pub const CMS_OPERATIONS: i64 = 20_000;
/// Pause before the history is stored again after the database failed.
pub const STORE_RETRY: Duration = Duration::from_secs(1);
/// Longest pause of a tailing reader: bounds shutdown, not latency (a commit wakes it).
pub const TAIL_WAIT: Duration = Duration::from_millis(250);
/// Events between two snapshots of the in-memory view.
pub const VIEW_SNAPSHOT_EVENTS: u64 = 100_000;
/// Events of one call that its detail shows; a call with more digits pressed than that shows its first ones.
pub const CALL_EVENTS: usize = 5_000;
/// Offsets remembered per call for its timeline: 8 bytes each.
pub const CALL_OFFSETS: usize = CALL_EVENTS;

/// Records read from the log at once for a stream.
pub const STREAM_CHUNK: usize = 256;
/// Bytes of events put into one chunk of an answer.
pub const STREAM_CHUNK_BYTES: usize = 64 * 1024;
/// Chunks on the way to a client.
pub const STREAM_QUEUE: usize = 8;
/// A client that takes no chunk for so long is dropped; it comes back with its cursor.
pub const STREAM_STALL: Duration = Duration::from_secs(30);
/// Pause between heartbeat comments of an idle stream: below the usual 30 to 60 s of proxies.
pub const STREAM_HEARTBEAT: Duration = Duration::from_secs(15);

/// Wait for open requests at shutdown.
pub const SHUTDOWN_WAIT: Duration = Duration::from_secs(5);

/// Passwords hashed or checked at once. One takes a processor for some 20 ms and 19 MiB: a flood of sign-ins must not take
/// the processors from calls.
pub const PASSWORD_HASHES_AT_ONCE: usize = 2;

/// Agents whose passwords one request may reset: each costs a hash of some 20 ms.
pub const RESET_AGENTS: usize = 500;

/// Prompts of a tenant that a list shows.
pub const PROMPTS_LISTED: usize = 10_000;
