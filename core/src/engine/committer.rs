//! The log thread: everything that waits goes into the log with one sync; then, and only then, effects go out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use crossbeam::queue::ArrayQueue;

use super::directory::Directory;
use super::keeper::{Board, Chore};
use super::limits::MAX_GROUP_BYTES;
use super::mailbox::Reply;
use super::{EffectSink, Vitals};
use crate::command::{Accepted, Rejection};
use crate::effect::Effect;
use crate::event::Envelope;
use crate::id::TenantId;
use crate::log::{Batch, EventLog, LogError, Offset};
use crate::tenant::Tenant;

/// What happens once the events before it are in the log.
pub(super) enum Outcome {
    /// Orders to the switch.
    Release(TenantId, Vec<Effect>),
    /// An answer to whoever asked.
    Answer(Reply, Result<Accepted, Rejection>),
    /// A copy for the housekeeper.
    Snapshot(Box<Tenant>),
    /// The shard has handed out all copies.
    ShardDone {
        /// None was left out.
        complete: bool,
        /// The shard ends.
        last: bool,
    },
    /// A tenant panicked: bring it back.
    Rebuild(TenantId),
}

/// What a shard has decided in one pass.
#[derive(Default)]
pub(super) struct Commit {
    /// Events, encoded.
    pub(super) batch: Batch,
    /// Those of them that the directory looks at.
    pub(super) config: Vec<Envelope>,
    /// What follows, in order.
    pub(super) outcomes: Vec<Outcome>,
}

impl Commit {
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.outcomes.is_empty()
    }

    fn clear(&mut self) {
        self.batch.clear();
        self.config.clear();
        self.outcomes.clear();
    }
}

pub(super) struct Committer {
    pub(super) log: Box<dyn EventLog>,
    pub(super) inbox: Receiver<Commit>,
    pub(super) pool: Arc<ArrayQueue<Commit>>,
    pub(super) directory: Arc<Directory>,
    pub(super) sink: Arc<dyn EffectSink>,
    pub(super) vitals: Arc<Vitals>,
    pub(super) chores: Sender<Chore>,
    pub(super) board: Arc<Board>,
    /// Offset behind the last committed record.
    pub(super) end: Offset,
}

impl Committer {
    /// Runs until every shard has ended.
    pub(super) fn run(mut self) {
        let mut group: Vec<Commit> = Vec::new();
        let mut merged = Batch::default();
        loop {
            match self.inbox.recv_timeout(self.log.sync_due().unwrap_or(Duration::from_secs(1))) {
                Ok(commit) => self.gather(commit, &mut group),
                Err(RecvTimeoutError::Timeout) => {
                    if self.log.sync_due().is_some_and(|due| due.is_zero()) {
                        self.sync();
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if !self.vitals.failed()
                && let Err(error) = self.append(&group, &mut merged)
            {
                self.vitals.fail_log(&error);
            }
            for mut commit in group.drain(..) {
                if !self.vitals.failed() {
                    self.release(&mut commit);
                }
                // Of a failed log nothing may go out: replies are dropped uncalled, effects with them.
                commit.clear();
                let _ = self.pool.push(commit);
            }
        }
        self.sync();
    }

    /// Takes everything that waits, up to a limit.
    fn gather(&self, first: Commit, group: &mut Vec<Commit>) {
        let mut bytes = first.batch.bytes.len();
        group.push(first);
        while bytes < MAX_GROUP_BYTES {
            let Ok(commit) = self.inbox.try_recv() else { return };
            bytes += commit.batch.bytes.len();
            group.push(commit);
        }
    }

    fn append(&mut self, group: &[Commit], merged: &mut Batch) -> Result<(), LogError> {
        let events: usize = group.iter().map(|commit| commit.batch.len()).sum();
        if events == 0 {
            return Ok(());
        }
        let begun = Instant::now();
        if let [only] = group {
            self.end = self.log.append(&only.batch)?.end;
        } else {
            merged.clear();
            group.iter().for_each(|commit| merged.extend(&commit.batch));
            self.end = self.log.append(merged)?.end;
        }
        metrics::histogram!("tandem_log_commit_seconds").record(begun.elapsed().as_secs_f64());
        metrics::counter!("tandem_log_commits_total").increment(1);
        metrics::counter!("tandem_log_events_total").increment(events as u64);
        Ok(())
    }

    fn sync(&mut self) {
        if !self.vitals.failed()
            && let Err(error) = self.log.sync()
        {
            self.vitals.fail_log(&error);
        }
    }

    fn release(&mut self, commit: &mut Commit) {
        for envelope in &commit.config {
            self.directory.apply(envelope);
        }
        for outcome in commit.outcomes.drain(..) {
            match outcome {
                Outcome::Release(tenant, effects) => guarded(|| self.sink.release(&tenant, effects)),
                Outcome::Answer(reply, result) => guarded(|| reply(result)),
                Outcome::Snapshot(tenant) => {
                    // A snapshot must not know more than a log that lost its tail.
                    self.sync();
                    if !self.chore(Chore::Snapshot { tenant, offset: self.end }) {
                        self.board.give_permit_back();
                    }
                }
                Outcome::ShardDone { complete, last } => {
                    self.chore(Chore::ShardDone { complete, last });
                }
                Outcome::Rebuild(tenant) => {
                    self.chore(Chore::Rebuild { tenant, end: self.end });
                }
            }
        }
    }

    /// Never waits: permits bound the copies on their way, so there is room unless the housekeeper is gone.
    fn chore(&self, chore: Chore) -> bool {
        let taken = self.chores.try_send(chore).is_ok();
        if !taken {
            tracing::warn!("the housekeeper is gone or far behind: a chore was dropped");
        }
        taken
    }
}

/// Foreign code: a panic in it costs its own effects, not everybody's log.
fn guarded(call: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(call)).is_err() {
        metrics::counter!("tandem_panics_total", "where" => "sink").increment(1);
        tracing::error!("a receiver of effects or replies panicked");
    }
}
