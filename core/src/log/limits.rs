//! Every bound of the log, with its unit and why it is so.

use std::time::Duration;

/// Bytes of one record's body at most. The largest event is a registration with a few hundred bytes of URI and path; a
/// record beyond this is a mistake, and the bound keeps a damaged length from being believed.
pub const MAX_RECORD_BYTES: usize = 1 << 20;

/// Bytes that the writer hands to the operating system at once, about: bounds its buffer when a restart closes thousands
/// of calls in one append.
pub const WRITE_BYTES: usize = 4 << 20;

/// Bytes of a segment unless configured: a scan of one takes well under a second, a day of a busy centre is some dozens.
pub const DEFAULT_SEGMENT_BYTES: u64 = 64 << 20;

/// Bytes of a segment at least (tests use small ones).
pub const MIN_SEGMENT_BYTES: u64 = 4 << 10;

/// Bytes of a segment at most: recovery and verification hold one segment in memory.
pub const MAX_SEGMENT_BYTES: u64 = 256 << 20;

/// Bytes that a reader fetches at once.
pub const READ_BYTES: usize = 256 << 10;

/// Bytes that a reader fetches at first when it looks for news at the log's end: a commit has a few records.
pub const TAIL_BYTES: usize = 4 << 10;

/// Bytes between two marks (offset and position) that the writer leaves for readers of its current segment, so that a
/// reader that wants the end need not scan from the start.
pub const MARK_BYTES: u64 = 256 << 10;

/// How often a reader in another process looks for new records.
pub const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Bytes of a snapshot at most, decompressed: bounds what a damaged file can make us allocate. 100,000 registrations are
/// about 60 MiB.
pub const MAX_SNAPSHOT_BYTES: u64 = 1 << 30;

/// Compression level of sealed segments and snapshots: beyond 3 zstd pays little for JSON and costs a lot.
pub const ZSTD_LEVEL: i32 = 3;
