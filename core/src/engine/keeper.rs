//! The housekeeper: writes snapshots, lets old segments go, and brings tenants back that panicked. Nothing waits for it.
//!
//! A round of snapshots: the keeper notes how far the log is committed (`R`) and asks every shard. A shard hands out
//! each tenant that has changed since its last durable snapshot; the copies travel through the log thread, so that they
//! arrive after their events are durable. When all shards are through and all copies are on disk, everything before `R`
//! is in snapshots, and a checkpoint says so.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use crossbeam::channel::{Receiver, RecvTimeoutError};

use super::EngineConfig;
use super::limits::{KEEPER_TURN, RETENTION_EVERY, SNAPSHOTS_IN_FLIGHT};
use super::mailbox::{Control, Doors};
use super::recover::Rebuild;
use crate::id::TenantId;
use crate::log::retention::{self, Retention};
use crate::log::snapshot::{Checkpoint, Snapshots};
use crate::log::{LogTail, Offset};
use crate::tenant::Tenant;

/// The `seq` of each tenant's last durable snapshot.
pub(super) type Durable = HashMap<TenantId, u64>;

/// What the keeper shares with shards.
#[derive(Default)]
pub(super) struct Board {
    /// What need not be copied again.
    pub(super) durable: ArcSwap<Durable>,
    /// Copies that are not on disk yet: bounds the memory of a round.
    in_flight: AtomicUsize,
}

impl Board {
    /// Whether a shard may copy another tenant now.
    pub(super) fn take_permit(&self) -> bool {
        self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| (now < SNAPSHOTS_IN_FLIGHT).then_some(now + 1)).is_ok()
    }

    /// Whether [`Board::take_permit`] may succeed.
    pub(super) fn has_permit(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) < SNAPSHOTS_IN_FLIGHT
    }

    pub(super) fn give_permit_back(&self) {
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What reaches the keeper, always after the events before it are in the log.
pub(super) enum Chore {
    /// A tenant's state, all of whose events lie before `offset`.
    Snapshot { tenant: Box<Tenant>, offset: Offset },
    /// A shard has handed out all that had changed; or could not, because a tenant is not there.
    ShardDone { complete: bool, last: bool },
    /// Bring a tenant back from its events, which lie before `end`.
    Rebuild { tenant: TenantId, end: Offset },
}

pub(super) struct Keeper {
    tail: LogTail,
    snapshots: Snapshots,
    policy: Retention,
    snapshot_every: u64,
    id_base: u32,
    doors: Arc<Doors>,
    board: Arc<Board>,
    durable: Durable,
    /// Everything before it is in snapshots.
    covered: Offset,
    round: Option<Round>,
    /// Shards that have finished for good with everything handed out.
    finished: usize,
    retained: Instant,
    /// Retention waits for a checkpoint.
    held_back: bool,
}

struct Round {
    start: Offset,
    waiting: usize,
    complete: bool,
}

impl Keeper {
    pub(super) fn new(
        tail: LogTail,
        config: &EngineConfig,
        id_base: u32,
        doors: Arc<Doors>,
        board: Arc<Board>,
        checkpoint: Option<Checkpoint>,
    ) -> Self {
        let snapshots = Snapshots::of(tail.dir());
        let (covered, tenants) = checkpoint.map_or((0, BTreeMap::new()), |checkpoint| (checkpoint.offset, checkpoint.tenants));
        let durable: Durable = tenants.into_iter().collect();
        board.durable.store(Arc::new(durable.clone()));
        Keeper {
            tail,
            snapshots,
            policy: config.retention,
            snapshot_every: config.snapshot_every,
            id_base,
            doors,
            board,
            durable,
            covered,
            round: None,
            finished: 0,
            retained: Instant::now(),
            held_back: false,
        }
    }

    /// Runs until the log thread has ended.
    pub(super) fn run(mut self, chores: &Receiver<Chore>) {
        loop {
            match chores.recv_timeout(KEEPER_TURN) {
                Ok(chore) => self.take(chore),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.begin_round_if_due();
            if self.retained.elapsed() >= RETENTION_EVERY {
                self.retain();
            }
        }
        if self.finished == self.doors.shards()
            && let Ok(end) = self.tail.end()
        {
            self.check_point(end);
        }
    }

    fn take(&mut self, chore: Chore) {
        match chore {
            Chore::Snapshot { tenant, offset } => {
                self.write(&tenant, offset);
                self.board.give_permit_back();
            }
            Chore::ShardDone { complete, last: true } => self.finished += usize::from(complete),
            Chore::ShardDone { complete, last: false } => self.shard_done(complete),
            Chore::Rebuild { tenant, end } => {
                let rebuilt = Rebuild { tail: &self.tail, snapshots: &self.snapshots }.tenant(&tenant, end);
                let rebuilt = rebuilt.inspect_err(|error| tracing::error!(%tenant, "a tenant can't be brought back: {error}"));
                let shard = self.doors.shard_of(&tenant);
                let mut control = Control::Restored(tenant, rebuilt.ok().map(Box::new));
                // A full mailbox empties; a shard that ends may not, and waits for our permits.
                while let Err(back) = self.doors.control_within(shard, control, KEEPER_TURN) {
                    if self.doors.stopped() {
                        return;
                    }
                    control = back;
                }
            }
        }
    }

    fn write(&mut self, tenant: &Tenant, offset: Offset) {
        match self.snapshots.write(tenant.id(), offset, tenant) {
            Ok(()) => {
                self.durable.insert(tenant.id().clone(), tenant.seq());
                metrics::counter!("tandem_snapshots_total").increment(1);
            }
            Err(error) => {
                // The log has everything: only the next start takes longer, and nothing is removed.
                tracing::warn!(tenant = %tenant.id(), "no snapshot: {error}");
                self.finished = 0;
                if let Some(round) = &mut self.round {
                    round.complete = false;
                }
            }
        }
    }

    fn begin_round_if_due(&mut self) {
        if self.snapshot_every == 0 || self.round.is_some() || self.doors.stopped() {
            return;
        }
        let Ok(end) = self.tail.end() else { return };
        let news = end.saturating_sub(self.covered);
        if news < self.snapshot_every && !(self.held_back && news > 0) {
            return;
        }
        self.held_back = false;
        self.board.durable.store(Arc::new(self.durable.clone()));
        let asked =
            (0..self.doors.shards()).filter(|shard| self.doors.control_within(*shard, Control::Snapshot, KEEPER_TURN).is_ok()).count();
        self.round = Some(Round { start: end, waiting: asked, complete: asked == self.doors.shards() });
    }

    fn shard_done(&mut self, complete: bool) {
        let Some(round) = &mut self.round else { return };
        round.waiting = round.waiting.saturating_sub(1);
        round.complete &= complete;
        if round.waiting > 0 {
            return;
        }
        let (start, complete) = (round.start, round.complete);
        self.round = None;
        if complete {
            self.check_point(start);
            self.retain();
        }
    }

    fn check_point(&mut self, offset: Offset) {
        let tenants = self.durable.iter().map(|(tenant, seq)| (tenant.clone(), *seq)).collect();
        match self.snapshots.write_checkpoint(&Checkpoint::new(offset, tenants, self.id_base)) {
            Ok(()) => {
                self.covered = offset;
                self.board.durable.store(Arc::new(self.durable.clone()));
            }
            Err(error) => tracing::warn!("no checkpoint: {error}"),
        }
    }

    fn retain(&mut self) {
        self.retained = Instant::now();
        let needed = self.tail.slowest_consumer().map(|(_, position)| position);
        match retention::apply(self.tail.dir(), &self.policy, self.covered, needed, SystemTime::now()) {
            Ok(kept) => self.held_back = kept.held_back && needed.is_none_or(|needed| needed > self.covered),
            Err(error) => tracing::warn!("retention: {error}"),
        }
        metrics::gauge!("tandem_log_end_offset").set(self.tail.end().unwrap_or(0) as f64);
    }
}

/// How long a shard waits between tries for a permit when it ends.
pub(super) const PERMIT_NAP: Duration = Duration::from_millis(1);
