//! Where events live: the embedded log of segment files first, Kafka fed from it.

use std::ops::Range;

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
        path: std::path::PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// Bytes in the middle are not what was written.
    #[error("event log {path} is damaged at byte {position}: {what}")]
    Damaged {
        /// The segment.
        path: std::path::PathBuf,
        /// Byte position in it.
        position: u64,
        /// What is wrong there.
        what: String,
    },
    /// Another process has it open.
    #[error("event log {path} is in use by another process")]
    Locked {
        /// The folder.
        path: std::path::PathBuf,
    },
}

/// A log that the engine can write to. One writer.
pub trait EventLog: Send {
    /// Appends the batch and returns once it is as durable as configured.
    fn append(&mut self, batch: &Batch) -> Result<Range<Offset>, LogError>;
}
