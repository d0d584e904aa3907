//! A replica of every tenant: the core's own `Tenant`, folded from committed events by the core's own `apply`. There is no
//! second fold that could come to other conclusions: what an adapter reads here is what the tenant decided with, a moment ago.
//!
//! One thread follows the log and writes; adapters read through short closures. It begins with the engine's snapshots, or
//! with the log's start where there are none.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use dashmap::DashMap;
use tandem_core::log::snapshot::Snapshots;
use tandem_core::tenant::Tenant;
use tandem_core::{Envelope, TenantId, Timestamp};
use tokio::sync::watch;

use crate::door::LogSource;
use crate::limits;

/// Why the replica can't be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MirrorError {
    /// The log begins after what the snapshots hold, or they can't be read.
    #[error("the event log begins at offset {first}, and the snapshots that stand for what came before can't be used")]
    SnapshotsMissing {
        /// The first offset that is there.
        first: u64,
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
        offset: u64,
    },
}

/// Sees every event on its way into a replica, in order. Called by the folding thread under the replica's lock: be quick, and
/// don't read the mirror.
pub trait Watch: Send + Sync {
    /// The tenant as it is before the event.
    fn before(&self, offset: u64, envelope: &Envelope, tenant: &Tenant);
    /// The tenant as it is after the event.
    fn after(&self, offset: u64, envelope: &Envelope, tenant: &Tenant);
    /// No more events for now.
    fn rest(&self);
}

/// One tenant's replica.
#[derive(Debug)]
struct Replica {
    tenant: RwLock<Tenant>,
    /// `seq` of the last event in it.
    seq: watch::Sender<u64>,
}

/// All tenants' replicas.
pub struct Mirror {
    watch: OnceLock<Arc<dyn Watch>>,
    replicas: DashMap<TenantId, Arc<Replica>>,
    /// Offset of the next event to fold.
    position: watch::Sender<u64>,
    /// Microseconds between the decision and the fold of the oldest event of the last chunk.
    delay: AtomicU64,
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mirror(at {})", self.position())
    }
}

impl Default for Mirror {
    fn default() -> Self {
        Mirror { watch: OnceLock::new(), replicas: DashMap::new(), position: watch::Sender::new(0), delay: AtomicU64::new(0) }
    }
}

impl Mirror {
    /// Shows all events from now on to somebody. Takes one watcher; a second one is refused.
    pub fn watch(&self, watch: Arc<dyn Watch>) -> bool {
        self.watch.set(watch).is_ok()
    }

    /// Reads one tenant, if there is one that is not removed. The closure holds up the fold of this tenant: look, copy, leave.
    pub fn read<R>(&self, tenant: &TenantId, look: impl FnOnce(&Tenant) -> R) -> Option<R> {
        let replica = self.replica(tenant)?;
        let tenant = replica.tenant.read().unwrap_or_else(PoisonError::into_inner);
        tenant.is_open().then(|| look(&tenant))
    }

    /// Tenants that are not removed, in order.
    pub fn tenants(&self) -> Vec<TenantId> {
        let replicas: Vec<_> = self.replicas.iter().map(|entry| (entry.key().clone(), Arc::clone(entry.value()))).collect();
        let open = |replica: &Replica| replica.tenant.read().unwrap_or_else(PoisonError::into_inner).is_open();
        let mut ids: Vec<TenantId> = replicas.into_iter().filter(|(_, replica)| open(replica)).map(|(id, _)| id).collect();
        ids.sort();
        ids
    }

    /// `seq` of the last event of a tenant that is in its replica; 0 before the first.
    pub fn seq(&self, tenant: &TenantId) -> u64 {
        self.replica(tenant).map_or(0, |replica| *replica.seq.borrow())
    }

    /// Offset of the next event to fold.
    pub fn position(&self) -> u64 {
        *self.position.borrow()
    }

    /// How long the oldest event of the last fold had waited to be visible here.
    pub fn delay(&self) -> Duration {
        Duration::from_micros(self.delay.load(Ordering::Relaxed))
    }

    /// Waits until a tenant's event `seq` can be read here; gives up after [`limits::VIEW_WAIT`] and says `false`.
    pub async fn wait_for(&self, tenant: &TenantId, seq: u64) -> bool {
        self.wait_within(tenant, seq, limits::VIEW_WAIT).await
    }

    /// As [`Mirror::wait_for`], with another bound.
    pub async fn wait_within(&self, tenant: &TenantId, seq: u64, wait: Duration) -> bool {
        let arrived = async {
            // A tenant whose first event is still on its way has no replica to wait at.
            let mut position = self.position.subscribe();
            let replica = loop {
                if let Some(replica) = self.replica(tenant) {
                    break replica;
                }
                if position.changed().await.is_err() {
                    return false;
                }
            };
            replica.seq.subscribe().wait_for(|at| *at >= seq).await.is_ok()
        };
        seq == 0 || tokio::time::timeout(wait, arrived).await.unwrap_or(false)
    }

    /// Waits until everything before `offset` of the log is folded; gives up after `wait`.
    pub async fn reached(&self, offset: u64, wait: Duration) -> bool {
        let mut position = self.position.subscribe();
        tokio::time::timeout(wait, position.wait_for(|at| *at >= offset)).await.is_ok_and(|done| done.is_ok())
    }

    fn replica(&self, tenant: &TenantId) -> Option<Arc<Replica>> {
        self.replicas.get(tenant).map(|entry| Arc::clone(&entry))
    }

    /// Begins: tenants of the engine's checkpoint, or none. Returns where in the log to go on.
    pub(super) fn load(&self, log: &dyn LogSource) -> Result<u64, MirrorError> {
        let snapshots = log.snapshots();
        let from = snapshots.and_then(|snapshots| self.load_checkpoint(&snapshots, log.end())).unwrap_or(0);
        // Asked after the checkpoint: what lies before a checkpoint may be removed at any time, what lies after may not.
        let first = log.start();
        if from < first {
            return Err(MirrorError::SnapshotsMissing { first });
        }
        self.position.send_replace(from);
        Ok(from)
    }

    /// All tenants of the checkpoint or none. Snapshots newer than the checkpoint are as good: events that are in them are
    /// passed over.
    fn load_checkpoint(&self, snapshots: &Snapshots, end: u64) -> Option<u64> {
        let checkpoint = snapshots.checkpoint().filter(|checkpoint| checkpoint.offset <= end)?;
        let mut tenants = Vec::with_capacity(checkpoint.tenants.len());
        for (id, seq) in &checkpoint.tenants {
            let found = snapshots.read::<Tenant>(id).filter(|found| found.state.id() == id && found.state.seq() >= *seq);
            let Some(found) = found else {
                tracing::warn!(tenant = %id, "the snapshot is missing or can't be used: all of the log is read instead");
                return None;
            };
            tenants.push(found.state);
        }
        for tenant in tenants {
            self.put(tenant);
        }
        Some(checkpoint.offset)
    }

    /// Takes a tenant as it is, unless what is here is newer.
    fn put(&self, tenant: Tenant) {
        let replica = self.replica_or_new(tenant.id());
        let mut known = replica.tenant.write().unwrap_or_else(PoisonError::into_inner);
        if known.seq() < tenant.seq() {
            let seq = tenant.seq();
            *known = tenant;
            drop(known);
            replica.seq.send_replace(seq);
        }
    }

    fn replica_or_new(&self, id: &TenantId) -> Arc<Replica> {
        let new = || Arc::new(Replica { tenant: RwLock::new(Tenant::new(id.clone())), seq: watch::Sender::new(0) });
        Arc::clone(&self.replicas.entry(id.clone()).or_insert_with(new))
    }

    /// Folds a chunk of committed events; `next` is the offset after it.
    pub(super) fn fold(&self, chunk: &[(u64, Envelope)], next: u64) -> Result<(), MirrorError> {
        let mut rest = chunk;
        while let Some((_, first)) = rest.first() {
            let most = rest.len().min(limits::MIRROR_RUN);
            let same = rest.iter().take(most).take_while(|(_, envelope)| envelope.tenant == first.tenant).count();
            let (run, after) = rest.split_at(same.max(1));
            self.fold_run(&first.tenant, run)?;
            rest = after;
        }
        if let Some(watch) = self.watch.get() {
            watch.rest();
        }
        self.position.send_replace(next);
        Ok(())
    }

    /// Events of one tenant under one lock.
    fn fold_run(&self, id: &TenantId, run: &[(u64, Envelope)]) -> Result<(), MirrorError> {
        let replica = self.replica_or_new(id);
        let mut tenant = replica.tenant.write().unwrap_or_else(PoisonError::into_inner);
        for (offset, envelope) in run {
            if envelope.seq <= tenant.seq() {
                continue;
            }
            let expected = tenant.seq() + 1;
            if envelope.seq != expected {
                return Err(MirrorError::Gap { tenant: id.clone(), expected, found: envelope.seq, offset: *offset });
            }
            let watch = self.watch.get();
            if let Some(watch) = watch {
                watch.before(*offset, envelope, &tenant);
            }
            tenant.apply(envelope);
            if let Some(watch) = watch {
                watch.after(*offset, envelope, &tenant);
            }
        }
        let seq = tenant.seq();
        drop(tenant);
        replica.seq.send_replace(seq);
        Ok(())
    }

    /// Notes and shows how late the oldest event of a chunk became visible.
    pub(super) fn note_delay(&self, now: Timestamp, chunk: &[(u64, Envelope)]) {
        let Some((_, oldest)) = chunk.first() else { return };
        let delay = now.since(oldest.time);
        self.delay.store(u64::try_from(delay.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        metrics::histogram!("tandem_view_delay_seconds", "view" => "mirror").record(delay.as_secs_f64());
        metrics::gauge!("tandem_view_lag_seconds", "view" => "mirror").set(delay.as_secs_f64());
    }
}

#[cfg(test)]
mod tests;
