//! Starting again: every tenant as its events say.

use std::collections::BTreeMap;

use super::directory::Directory;
use crate::event::{DecodeError, Envelope};
use crate::id::{Ids, TenantId};
use crate::log::{LogError, LogTail, Offset};
use crate::tenant::Tenant;

/// Why the engine can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log can't be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A record is not an event that this version knows.
    #[error("the record at offset {offset} of the event log: {source}")]
    Decode {
        /// Its offset.
        offset: Offset,
        /// What is wrong.
        source: DecodeError,
    },
    /// A tenant's events do not follow each other.
    #[error("tenant `{tenant}`: event {expected} should follow, but at offset {offset} is event {found}")]
    Gap {
        /// The tenant.
        tenant: TenantId,
        /// `seq` that should have come.
        expected: u64,
        /// `seq` that is there.
        found: u64,
        /// Where.
        offset: Offset,
    },
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(std::io::Error),
    /// The engine failed while it told tenants of the restart.
    #[error("{0}")]
    Failed(String),
}

/// What the log says.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Every tenant that ever was.
    pub tenants: BTreeMap<TenantId, Tenant>,
    /// Largest base of a call's id.
    pub id_base: u32,
    /// Events applied.
    pub events: u64,
}

impl Recovered {
    /// Takes one record in; one that a snapshot covers is passed over.
    pub fn take(&mut self, offset: Offset, body: &[u8]) -> Result<Option<Envelope>, StartError> {
        let envelope = Envelope::decode(body).map_err(|source| StartError::Decode { offset, source })?;
        let tenant = self.tenants.entry(envelope.tenant.clone()).or_insert_with(|| Tenant::new(envelope.tenant.clone()));
        if envelope.seq <= tenant.seq() {
            return Ok(None);
        }
        let expected = tenant.seq() + 1;
        if envelope.seq != expected {
            return Err(StartError::Gap { tenant: envelope.tenant, expected, found: envelope.seq, offset });
        }
        tenant.apply(&envelope);
        self.events += 1;
        if let Some(call) = envelope.event.call() {
            self.id_base = self.id_base.max(Ids::base_of(call.0));
        }
        Ok(Some(envelope))
    }
}

/// Applies the log.
pub(super) fn recover(tail: &LogTail, directory: &Directory) -> Result<Recovered, StartError> {
    let mut recovered = Recovered::default();
    let mut reader = tail.reader(tail.first()?);
    while let Some(record) = reader.next()? {
        if let Some(envelope) = recovered.take(record.offset, record.body)? {
            directory.apply(&envelope);
        }
    }
    Ok(recovered)
}
