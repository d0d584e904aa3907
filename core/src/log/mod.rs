//! Where events live: the embedded log of segment files first, Kafka fed from it.

//!
//! | file | subject |
//! |---|---|
//! | `segment` | the bytes: header, records, names |
//! | `writer` | append, roll, durability |
//! | `recover` | the end found at start, a torn tail cut, damage refused; `verify` |
//! | `reader` | reading from any offset and following, in this process or from another |
//! | `commits` | what the writer tells readers |
//! | `retention` | what may go, and compression |
//! | `snapshot` | tenants' states, so that a start reads less |
//! | `lock` | one writing process |
//! | `kafka` | the forwarder, and tenants from the topic (feature `kafka`) |
//! | `limits` | every bound |

mod commits;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod limits;
mod lock;
mod reader;
mod recover;
pub mod retention;
pub mod segment;
pub mod snapshot;
mod writer;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::commits::{CommitHook, Consumer, HookGuard};
pub use self::reader::{LogTail, Reader, Record};
pub use self::recover::{Recovered, Verified, verify};
pub use self::retention::Retention;
pub use self::writer::{Durability, FileLog, LogConfig};

/// Place of a record in the node's log: 0, 1, 2, … over all tenants, without gaps.
pub type Offset = u64;

/// Encoded envelopes that go to disk together.
#[derive(Debug, Default)]
pub struct Batch {
    /// All records' bytes, one after the other.
    pub bytes: Vec<u8>,
    /// Where each record ends in `bytes`.
    pub ends: Vec<usize>,
}

impl Batch {
    /// Adds one record that `write` appends to the buffer.
    pub fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// Adds all records of another batch.
    pub fn extend(&mut self, other: &Batch) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.ends.extend(other.ends.iter().map(|end| start + end));
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// No record.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Forgets the records, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// The records in order.
    pub fn records(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let record = &self.bytes[start..*end];
            start = *end;
            record
        })
    }
}

/// Why the log can't be used. Every variant is fatal for the writer: state after it is unknown.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The operating system refused.
    #[error("event log {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// Bytes in the middle are not what was written.
    #[error("event log {path} is damaged at byte {position}: {what}")]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Byte position in it.
        position: u64,
        /// What is wrong there.
        what: String,
    },
    /// Another process has it open.
    #[error("event log {path} is in use by another process")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// A write or a sync failed before; what the disk holds is not known until the log is opened again.
    #[error("event log {path} has failed before and takes no more records")]
    Failed {
        /// The segment.
        path: PathBuf,
    },
    /// A record, or an append as a whole, is empty or too long. Nothing was written.
    #[error("{bytes} bytes don't go into the event log: 1 to {limit} do")]
    RecordSize {
        /// Bytes offered.
        bytes: usize,
        /// Bytes that go.
        limit: usize,
    },
    /// The record was removed by retention.
    #[error("offset {offset} is no longer in the event log, which begins at {first}")]
    Removed {
        /// The offset asked for.
        offset: Offset,
        /// The first that is there.
        first: Offset,
    },
}

impl LogError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        LogError::Io { path: path.to_owned(), source }
    }
}

/// A log that the engine can write to. One writer.
pub trait EventLog: Send {
    /// Appends the batch and returns once it is as durable as configured.
    fn append(&mut self, batch: &Batch) -> Result<Range<Offset>, LogError>;

    /// Makes everything appended durable now.
    fn sync(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    /// How long a [`EventLog::sync`] may wait, if one is due at all.
    fn sync_due(&self) -> Option<Duration> {
        None
    }
}
