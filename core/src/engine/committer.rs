//! The log thread: everything that waits goes into the log with one sync; then, and only then, effects go out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError};
use crossbeam::queue::ArrayQueue;

use super::directory::Directory;
use super::limits::MAX_GROUP_BYTES;
use super::mailbox::Reply;
use super::{EffectSink, Vitals};
use crate::command::{Accepted, Rejection};
use crate::effect::Effect;
use crate::event::Envelope;
use crate::id::TenantId;
use crate::log::{Batch, EventLog, LogError};

/// What happens once the events before it are in the log.
pub(super) enum Outcome {
    /// Orders to the switch.
    Release(TenantId, Vec<Effect>),
    /// An answer to whoever asked.
    Answer(Reply, Result<Accepted, Rejection>),
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
            if !self.vitals.log_failed()
                && let Err(error) = self.append(&group, &mut merged)
            {
                self.vitals.fail_log(&error);
            }
            for mut commit in group.drain(..) {
                if !self.vitals.log_failed() {
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
            self.log.append(&only.batch)?;
        } else {
            merged.clear();
            group.iter().for_each(|commit| merged.extend(&commit.batch));
            self.log.append(merged)?;
        }
        metrics::histogram!("tandem_log_commit_seconds").record(begun.elapsed().as_secs_f64());
        metrics::counter!("tandem_log_commits_total").increment(1);
        metrics::counter!("tandem_log_events_total").increment(events as u64);
        Ok(())
    }

    fn sync(&mut self) {
        if !self.vitals.log_failed()
            && let Err(error) = self.log.sync()
        {
            self.vitals.fail_log(&error);
        }
    }

    fn release(&self, commit: &mut Commit) {
        for envelope in &commit.config {
            self.directory.apply(envelope);
        }
        for outcome in commit.outcomes.drain(..) {
            // Foreign code: a panic in it costs its own effects, not everybody's log.
            let done = catch_unwind(AssertUnwindSafe(|| match outcome {
                Outcome::Release(tenant, effects) => self.sink.release(&tenant, effects),
                Outcome::Answer(reply, result) => reply(result),
            }));
            if done.is_err() {
                metrics::counter!("tandem_panics_total", "where" => "sink").increment(1);
                tracing::error!("a receiver of effects or replies panicked");
            }
        }
    }
}
