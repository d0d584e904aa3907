//! Starting again: every tenant as its events say.

use std::collections::BTreeMap;

use super::directory::Directory;
use crate::event::{DecodeError, Envelope};
use crate::id::{Ids, TenantId};
use crate::log::snapshot::{Checkpoint, Snapshots};
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
    /// Segments were removed that only snapshots can stand in for, and a snapshot is missing or can't be read.
    #[error("the event log begins at offset {first}, and the snapshots that stand for what came before can't be used")]
    SnapshotsMissing {
        /// The first offset that is there.
        first: Offset,
    },
    /// Records are gone that had been durable.
    #[error("the event log ends at offset {end}, but a checkpoint was written at {checkpoint}: records are lost")]
    LogShort {
        /// The end of the log.
        end: Offset,
        /// The checkpoint.
        checkpoint: Offset,
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
    /// Largest base of ids seen.
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

/// Brings tenants back: snapshots first, then the rest of the log.
pub(super) struct Rebuild<'a> {
    pub(super) tail: &'a LogTail,
    pub(super) snapshots: &'a Snapshots,
}

impl Rebuild<'_> {
    /// All tenants, for a start; the directory learns of their configuration.
    pub(super) fn all(&self, directory: &Directory) -> Result<(Recovered, Option<Checkpoint>), StartError> {
        let (end, first) = (self.tail.end()?, self.tail.first()?);
        let mut recovered = Recovered::default();
        let checkpoint = self.load(&mut recovered);
        let from = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.offset);
        if from > end {
            return Err(StartError::LogShort { end, checkpoint: from });
        }
        if from < first {
            return Err(StartError::SnapshotsMissing { first });
        }
        recovered.id_base = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.id_base);
        recovered.tenants.values().for_each(|tenant| directory.load(tenant));
        let mut reader = self.tail.reader(from);
        while reader.position() < end {
            let Some(record) = reader.next()? else { break };
            if let Some(envelope) = recovered.take(record.offset, record.body)? {
                directory.apply(&envelope);
            }
        }
        Ok((recovered, checkpoint))
    }

    /// Loads the snapshots of the checkpoint; all or none.
    fn load(&self, recovered: &mut Recovered) -> Option<Checkpoint> {
        let checkpoint = self.snapshots.checkpoint()?;
        for (tenant, seq) in &checkpoint.tenants {
            let snapshot = self.snapshots.read::<Tenant>(tenant).filter(|found| found.state.id() == tenant && found.state.seq() >= *seq);
            let Some(snapshot) = snapshot else {
                tracing::warn!(%tenant, "the snapshot is missing or can't be used: all of the log is read instead");
                recovered.tenants.clear();
                return None;
            };
            recovered.tenants.insert(tenant.clone(), snapshot.state);
        }
        Some(checkpoint)
    }

    /// One tenant as of `end`, which is committed.
    pub(super) fn tenant(&self, id: &TenantId, end: Offset) -> Result<Tenant, StartError> {
        let snapshot = self.snapshots.read::<Tenant>(id).filter(|found| found.offset <= end);
        let (from, tenant) = snapshot.map_or((0, Tenant::new(id.clone())), |found| (found.offset, found.state));
        let mut recovered = Recovered { tenants: BTreeMap::from([(id.clone(), tenant)]), ..Recovered::default() };
        // Each envelope begins with its tenant: others' need not be decoded.
        let mut head = Vec::from(b"{\"tenant\":\"".as_slice());
        head.extend_from_slice(id.as_str().as_bytes());
        head.push(b'"');
        let mut reader = self.tail.reader(from);
        while reader.position() < end {
            let Some(record) = reader.next()? else { break };
            if record.body.starts_with(&head) {
                recovered.take(record.offset, record.body)?;
            }
        }
        Ok(recovered.tenants.remove(id).unwrap_or_else(|| Tenant::new(id.clone())))
    }
}
