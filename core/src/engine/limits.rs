//! Every bound of the engine, with its unit and why it is so.

use std::time::Duration;

/// Shards at most: ids have 32 source numbers for shards (see [`crate::Ids`]).
pub const MAX_SHARDS: usize = 32;

/// Entries (single commands, or batches of them) that a mailbox holds unless configured.
pub const DEFAULT_MAILBOX_BATCHES: usize = 256;

/// Commands of one batch unless configured: enough to pay for a wake-up, few enough to keep a batch under a millisecond.
pub const DEFAULT_BATCH_COMMANDS: usize = 128;

/// Decided batches per shard that may wait for the log. With a slow disk the shard then waits, its mailbox fills, and
/// the edge answers 503: pressure goes backwards instead of memory growing.
pub const COMMITS_PER_SHARD: usize = 16;

/// Bytes of events that go into the log with one sync, about.
pub const MAX_GROUP_BYTES: usize = 8 << 20;

/// Longest sleep of a shard: it shows that it lives, and a test's clock is looked at this often.
pub const SHARD_NAP: Duration = Duration::from_millis(50);

/// A shard that has not come round for so long is taken for stuck.
pub const SHARD_STUCK: Duration = Duration::from_secs(5);

/// Timers fired per pass, so that a clock that jumps does not make one batch of everything.
pub const TIMERS_PER_PASS: usize = 1024;

/// Events after which tenants are written to snapshots unless configured: replay of as many takes about a second.
pub const DEFAULT_SNAPSHOT_EVERY: u64 = 200_000;

/// Seconds (id bases) that a start leaves free behind the last start's base. A source that makes more than 2^28 ids moves
/// on by one base; 64 of them are 17 thousand million ids in one run.
pub const BASES_PER_START: u32 = 64;

/// Copies of tenants on their way to disk at once: a large tenant is some 50 MiB.
pub const SNAPSHOTS_IN_FLIGHT: usize = 4;

/// How often the housekeeper looks whether snapshots are due.
pub const KEEPER_TURN: Duration = Duration::from_millis(500);

/// How often retention is looked at between checkpoints: consumers may have moved on.
pub const RETENTION_EVERY: Duration = Duration::from_secs(10);

/// Chores that wait for the housekeeper at most.
pub const CHORES: usize = 256;

/// Commands kept for a tenant that panicked until it is back; more are refused.
pub const KEPT_COMMANDS: usize = 4096;

/// Times that a tenant is brought back in one run; then it stays away until somebody has looked.
pub const REBUILDS: u32 = 5;
