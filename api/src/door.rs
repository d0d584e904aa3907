//! What this crate needs of the engine, as traits: commands in, committed events out. The engine implements them
//! below; tests run a tenant in place.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tandem_core::command::Accepted;
use tandem_core::engine::{Condition, Engine, Mailbox};
use tandem_core::log::LogTail;
use tandem_core::log::snapshot::Snapshots;
use tandem_core::{Command, Rejection, TenantId};

/// Called once, after the commit.
pub type Reply = Box<dyn FnOnce(Result<Accepted, Rejection>) + Send>;

/// The mailbox is full: try again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the mailbox is full")]
pub struct Busy;

/// Takes commands.
pub trait Commands: Send + Sync {
    /// Hands a command to its tenant. Never blocks.
    fn request(&self, tenant: &TenantId, command: Command, reply: Reply) -> Result<(), Busy>;
    /// `None` if all is well, else what is wrong: for `/readyz`.
    fn trouble(&self) -> Option<String>;
}

/// Why the log can't be read.
#[derive(Debug, thiserror::Error)]
#[error("reading the event log at {offset}: {cause}")]
pub struct ReadError {
    /// Where.
    pub offset: u64,
    /// What was said.
    pub cause: String,
}

/// The committed part of the event log.
pub trait LogSource: Send + Sync {
    /// Offset of the oldest record kept.
    fn start(&self) -> u64;

    /// Offset of the next record to be committed.
    fn end(&self) -> u64;

    /// A reader that begins at `offset`.
    fn reader(&self, offset: u64) -> Result<Box<dyn LogReader>, ReadError>;

    /// The engine's snapshots of tenants, if it keeps any.
    fn snapshots(&self) -> Option<Snapshots> {
        None
    }
}

/// Reads committed records in order. Blocks on the disk: not for async threads.
pub trait LogReader: Send {
    /// Gives at most `most` records from the reader's place on to `each`; returns how many. Waits up to `wait` for the first one.
    fn read(&mut self, most: usize, wait: Duration, each: &mut dyn FnMut(u64, &[u8])) -> Result<usize, ReadError>;
}

/// The engine's side of the door.
pub struct EngineDoor {
    mailbox: Mailbox,
    engine: Weak<Engine>,
}

impl EngineDoor {
    /// A door to this engine. Doesn't keep it alive.
    pub fn new(engine: &Arc<Engine>) -> EngineDoor {
        EngineDoor { mailbox: engine.mailbox(), engine: Arc::downgrade(engine) }
    }
}

impl Commands for EngineDoor {
    fn request(&self, tenant: &TenantId, command: Command, reply: Reply) -> Result<(), Busy> {
        self.mailbox.request(tenant, command, reply).map_err(|_| Busy)
    }

    fn trouble(&self) -> Option<String> {
        let Some(engine) = self.engine.upgrade() else { return Some("the engine has stopped".to_owned()) };
        let health = engine.health();
        (health.condition == Condition::Failed).then(|| health.remarks.join("; "))
    }
}

impl LogSource for LogTail {
    fn start(&self) -> u64 {
        self.first().unwrap_or(0)
    }

    fn end(&self) -> u64 {
        LogTail::end(self).unwrap_or(0)
    }

    fn reader(&self, offset: u64) -> Result<Box<dyn LogReader>, ReadError> {
        Ok(Box::new(LogTail::reader(self, offset)))
    }

    fn snapshots(&self) -> Option<Snapshots> {
        Some(Snapshots::of(self.dir()))
    }
}

impl LogReader for tandem_core::log::Reader {
    fn read(&mut self, most: usize, wait: Duration, each: &mut dyn FnMut(u64, &[u8])) -> Result<usize, ReadError> {
        let mut count = 0;
        let mut waited = wait.is_zero();
        while count < most {
            let at = self.position();
            if let Some(record) = self.next().map_err(|error| ReadError { offset: at, cause: error.to_string() })? {
                each(record.offset, record.body);
                count += 1;
                continue;
            }
            if count > 0 || waited || !self.wait(wait) {
                break;
            }
            waited = true;
        }
        Ok(count)
    }
}
