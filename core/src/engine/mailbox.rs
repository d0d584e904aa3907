//! The way in: bounded, without locks, never waiting.

use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use crossbeam::queue::ArrayQueue;
use rustc_hash::FxHasher;

use crate::command::{Accepted, Command, Rejection};
use crate::id::TenantId;
use crate::tenant::Tenant;

/// Called once, on the log thread, after what the command decided is in the log. Must be quick. If the log fails before,
/// it is dropped uncalled: nobody knows then what a restart will find.
pub type Reply = Box<dyn FnOnce(Result<Accepted, Rejection>) + Send>;

/// The command was not taken: answer 503 with Retry-After.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// More commands wait than may.
    #[error("the mailbox of shard {0} is full")]
    Mailbox(usize),
    /// The log has failed, or the engine is shutting down.
    #[error("the engine takes no more commands")]
    Stopped,
}

/// A command on its way to its tenant.
pub(super) struct Item {
    pub(super) tenant: TenantId,
    pub(super) command: Command,
    pub(super) reply: Option<Reply>,
}

/// What a shard finds in its mailbox.
pub(super) enum Mail {
    /// Boxed: a command is large, and a mailbox has a place for each of its entries.
    One(Box<Item>),
    Many(Vec<Item>),
    Control(Control),
}

/// What the engine itself wants of a shard.
pub(super) enum Control {
    /// Hand out the state of every tenant that has changed since its last durable snapshot.
    Snapshot,
    /// A tenant that had panicked, as its events say; `None` if it can't be brought back.
    Restored(TenantId, Option<Box<Tenant>>),
    /// Finish what is there and end; with snapshots or as if the power went.
    Stop { snapshots: bool },
}

/// The doors of all shards.
pub(super) struct Doors {
    senders: Box<[Sender<Mail>]>,
    /// Emptied batches for reuse, so that a poster allocates nothing in the long run.
    pools: Box<[ArrayQueue<Vec<Item>>]>,
    stopped: AtomicBool,
    batch_commands: usize,
}

impl Doors {
    pub(super) fn new(shards: usize, mailbox_batches: usize, batch_commands: usize) -> (Arc<Doors>, Vec<Receiver<Mail>>) {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..shards).map(|_| bounded(mailbox_batches)).unzip();
        let pools = (0..shards).map(|_| ArrayQueue::new(mailbox_batches)).collect();
        let doors = Doors { senders: senders.into(), pools, stopped: AtomicBool::new(false), batch_commands };
        (Arc::new(doors), receivers)
    }

    /// The shard that owns a tenant. Tenant names are chosen by administrators and need no seeded hash.
    pub(super) fn shard_of(&self, tenant: &TenantId) -> usize {
        let hash = BuildHasherDefault::<FxHasher>::default().hash_one(tenant);
        ((hash >> 32) as usize) % self.senders.len().max(1)
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    pub(super) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    pub(super) fn depth(&self, shard: usize) -> usize {
        self.senders.get(shard).map_or(0, Sender::len)
    }

    pub(super) fn shards(&self) -> usize {
        self.senders.len()
    }

    /// Waits for room if need be: for the thread that ends the engine only. False if the shard is gone.
    pub(super) fn control(&self, shard: usize, control: Control) -> bool {
        self.senders.get(shard).is_some_and(|sender| sender.send(Mail::Control(control)).is_ok())
    }

    /// Waits for room, but not for ever: gives the wish back if it could not be posted.
    pub(super) fn control_within(&self, shard: usize, control: Control, patience: Duration) -> Result<(), Control> {
        let Some(sender) = self.senders.get(shard) else { return Err(control) };
        sender.send_timeout(Mail::Control(control), patience).map_err(|refused| match refused.into_inner() {
            Mail::Control(control) => control,
            Mail::One(_) | Mail::Many(_) => Control::Snapshot,
        })
    }

    pub(super) fn give_back(&self, shard: usize, mut batch: Vec<Item>) {
        batch.clear();
        if let Some(pool) = self.pools.get(shard) {
            let _ = pool.push(batch);
        }
    }

    fn send(&self, shard: usize, mail: Mail) -> Result<(), (Full, Mail)> {
        if self.stopped() {
            return Err((Full::Stopped, mail));
        }
        let Some(sender) = self.senders.get(shard) else { return Err((Full::Stopped, mail)) };
        sender.try_send(mail).map_err(|refused| match refused {
            TrySendError::Full(mail) => (Full::Mailbox(shard), mail),
            TrySendError::Disconnected(mail) => (Full::Stopped, mail),
        })
    }
}

fn refused(commands: usize) {
    metrics::counter!("tandem_mailbox_refused_total").increment(commands as u64);
}

/// Where commands are posted. Cheap to clone.
#[derive(Clone)]
pub struct Mailbox {
    doors: Arc<Doors>,
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("shards", &self.doors.shards()).finish()
    }
}

impl Mailbox {
    pub(super) fn new(doors: Arc<Doors>) -> Self {
        Mailbox { doors }
    }

    /// Posts a command and doesn't ask what became of it.
    pub fn post(&self, tenant: &TenantId, command: Command) -> Result<(), Full> {
        self.one(tenant, command, None)
    }

    /// Posts a command; `reply` learns what it came to, after the commit.
    pub fn request(&self, tenant: &TenantId, command: Command, reply: Reply) -> Result<(), Full> {
        self.one(tenant, command, Some(reply))
    }

    /// A gatherer of commands for a thread that has many.
    pub fn poster(&self) -> Poster {
        Poster { gathered: (0..self.doors.shards()).map(|_| Vec::new()).collect(), doors: Arc::clone(&self.doors) }
    }

    fn one(&self, tenant: &TenantId, command: Command, reply: Option<Reply>) -> Result<(), Full> {
        let shard = self.doors.shard_of(tenant);
        let item = Item { tenant: tenant.clone(), command, reply };
        self.doors.send(shard, Mail::One(Box::new(item))).map_err(|(full, _)| {
            refused(1);
            full
        })
    }
}

/// Gathers commands by shard and sends them in batches: one wake-up for many. Flush once per turn of your loop.
pub struct Poster {
    doors: Arc<Doors>,
    gathered: Vec<Vec<Item>>,
}

impl fmt::Debug for Poster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poster").field("gathered", &self.gathered.iter().map(Vec::len).sum::<usize>()).finish()
    }
}

impl Poster {
    /// Keeps a command until the next flush. Order per tenant is the order of pushing.
    pub fn push(&mut self, tenant: TenantId, command: Command) {
        let shard = self.doors.shard_of(&tenant);
        if let Some(items) = self.gathered.get_mut(shard) {
            items.push(Item { tenant, command, reply: None });
        }
    }

    /// Sends what was gathered; commands for which there is no room come back in `refused`, in order.
    pub fn flush(&mut self, refused: &mut Vec<(TenantId, Command)>) {
        let before = refused.len();
        for (shard, items) in self.gathered.iter_mut().enumerate() {
            while !items.is_empty() {
                let mut batch = self.doors.pools.get(shard).and_then(ArrayQueue::pop).unwrap_or_default();
                batch.extend(items.drain(..items.len().min(self.doors.batch_commands)));
                if let Err((_, Mail::Many(mut batch))) = self.doors.send(shard, Mail::Many(batch)) {
                    // What follows must not overtake what was refused.
                    refused.extend(batch.drain(..).chain(items.drain(..)).map(|item| (item.tenant, item.command)));
                }
            }
        }
        if refused.len() > before {
            self::refused(refused.len() - before);
        }
    }
}
