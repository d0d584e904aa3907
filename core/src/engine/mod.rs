//! Runs tenants on threads without locks: shards own tenants outright, commands reach them through bounded mailboxes,
//! effects leave once their events are in the log.
//!
//! ```text
//! Mailbox ──▶ shard (owns tenants, timers) ──▶ committer (log thread) ──▶ EffectSink, replies, Directory
//!   bounded     handle, encode once              one append and sync         after the commit, in order
//!                                                for all that waits          per tenant
//! ```
//!
//! | file | subject |
//! |---|---|
//! | `mailbox` | the way in: `Mailbox`, `Poster`, `Full` |
//! | `shard` | a thread that owns tenants |
//! | `timer` | the wheel of a shard's timers |
//! | `committer` | the log thread: group commit, then effects |
//! | `directory` | configuration for other threads to look up |
//! | `recover` | tenants from snapshots and log at start |
//! | `keeper` | snapshots, retention, bringing back a tenant that panicked |
//! | `clock` | where the time comes from |
//! | `limits` | every bound |

mod clock;
mod committer;
mod directory;
mod keeper;
pub mod limits;
mod mailbox;
mod recover;
mod shard;
pub mod timer;
mod vitals;

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam::channel::bounded;
use crossbeam::queue::ArrayQueue;

pub use self::clock::{Clock, ManualClock, SystemClock};
use self::committer::{Commit, Committer};
pub use self::directory::{Directory, Trunks};
use self::keeper::{Board, Keeper};
use self::limits::{
    BASES_PER_START, CHORES, COMMITS_PER_SHARD, DEFAULT_BATCH_COMMANDS, DEFAULT_MAILBOX_BATCHES, DEFAULT_SNAPSHOT_EVERY, MAX_SHARDS,
};
use self::mailbox::{Control, Doors};
pub use self::mailbox::{Full, Mailbox, Poster, Reply};
use self::recover::Rebuild;
pub use self::recover::{Recovered, StartError};
use self::shard::{Parts, Shard};
use self::vitals::Vitals;
pub use self::vitals::{Condition, Health};
use crate::effect::Effect;
use crate::id::{Ids, TenantId};
use crate::log::snapshot::Snapshots;
use crate::log::{EventLog, FileLog, LogTail, Retention};
use crate::tenant::Tenant;

/// Receives effects after their events are committed. Called on the log thread, in order per tenant; must be quick.
pub trait EffectSink: Send + Sync {
    /// Takes the orders over.
    fn release(&self, tenant: &TenantId, effects: Vec<Effect>);
}

/// How the engine runs.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Threads that own tenants, 1 to 32.
    pub shards: usize,
    /// Entries that a mailbox holds: single commands, or batches of them.
    pub mailbox_batches: usize,
    /// Commands of one batch at most.
    pub batch_commands: usize,
    /// Events after which tenants are written to snapshots; 0 never does, and then nothing is ever removed.
    pub snapshot_every: u64,
    /// What of the log may go.
    pub retention: Retention,
}

impl Default for EngineConfig {
    fn default() -> Self {
        EngineConfig {
            shards: thread::available_parallelism().map_or(1, usize::from).min(MAX_SHARDS),
            mailbox_batches: DEFAULT_MAILBOX_BATCHES,
            batch_commands: DEFAULT_BATCH_COMMANDS,
            snapshot_every: DEFAULT_SNAPSHOT_EVERY,
            retention: Retention::default(),
        }
    }
}

/// A running engine. Dropping it without [`Engine::shutdown`] ends its threads too, but writes no snapshots.
pub struct Engine {
    doors: Arc<Doors>,
    directory: Arc<Directory>,
    tail: LogTail,
    vitals: Arc<Vitals>,
    id_base: u32,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("health", &self.health()).finish()
    }
}

impl Engine {
    /// Recovers all tenants, tells each that the node was restarted, waits until what follows is committed, then serves.
    /// Install a metrics recorder before.
    pub fn start(config: EngineConfig, store: FileLog, sink: Arc<dyn EffectSink>, clock: Arc<dyn Clock>) -> Result<Engine, StartError> {
        Self::start_with(config, store, |log| Box::new(log), sink, clock)
    }

    /// As [`Engine::start`], with the log wrapped in another: to make it slow, or to let it fail, in tests.
    pub fn start_with(
        config: EngineConfig,
        store: FileLog,
        wrap: impl FnOnce(FileLog) -> Box<dyn EventLog>,
        sink: Arc<dyn EffectSink>,
        clock: Arc<dyn Clock>,
    ) -> Result<Engine, StartError> {
        let shards = config.shards.clamp(1, MAX_SHARDS);
        let tail = store.tail();
        let directory = Arc::new(Directory::default());
        let snapshots = Snapshots::of(tail.dir());
        let (recovered, checkpoint) = Rebuild { tail: &tail, snapshots: &snapshots }.all(&directory)?;
        let id_base = id_base(&recovered, &*clock);
        let (doors, inboxes) = Doors::new(shards, config.mailbox_batches.max(1), config.batch_commands.max(1));
        let vitals = Arc::new(Vitals::new(shards, Arc::clone(&doors)));
        let mut engine = Engine {
            doors: Arc::clone(&doors),
            directory: Arc::clone(&directory),
            tail,
            vitals: Arc::clone(&vitals),
            id_base,
            threads: Vec::new(),
        };

        let (commits, decided) = bounded(shards * COMMITS_PER_SHARD);
        let pool: Arc<ArrayQueue<Commit>> = Arc::new(ArrayQueue::new(shards * COMMITS_PER_SHARD + shards));
        let board = Arc::new(Board::default());
        let keeper = Keeper::new(engine.log(), &config, id_base, Arc::clone(&doors), Arc::clone(&board), checkpoint);
        let (chores, waiting) = bounded(CHORES);
        engine.spawn("tandem-keeper".to_owned(), move || keeper.run(&waiting))?;
        let committer = Committer {
            end: store.next_offset(),
            log: wrap(store),
            inbox: decided,
            pool: Arc::clone(&pool),
            directory,
            sink,
            vitals: Arc::clone(&vitals),
            chores,
            board: Arc::clone(&board),
        };
        engine.spawn("tandem-log".to_owned(), move || committer.run())?;

        let mut owned: Vec<Vec<Tenant>> = (0..shards).map(|_| Vec::new()).collect();
        for tenant in recovered.tenants.into_values() {
            owned[doors.shard_of(tenant.id())].push(tenant);
        }
        let (ready, restarted) = bounded(shards);
        for ((index, inbox), tenants) in inboxes.into_iter().enumerate().zip(owned) {
            let shard = Shard::new(Parts {
                index,
                tenants,
                ids: engine.ids(index as u8),
                clock: Arc::clone(&clock),
                batch_commands: config.batch_commands.max(1),
                inbox,
                commits: commits.clone(),
                pool: Arc::clone(&pool),
                doors: Arc::clone(&doors),
                vitals: Arc::clone(&vitals),
                board: Arc::clone(&board),
            });
            let ready = ready.clone();
            engine.spawn(format!("tandem-shard-{index}"), move || {
                shard.run(Box::new(move |_| {
                    let _ = ready.try_send(());
                }));
            })?;
        }
        drop((ready, commits));
        // A shard's reply is dropped uncalled if the log fails: the channel then closes early.
        if restarted.iter().take(shards).count() < shards {
            return Err(engine.failure());
        }
        Ok(engine)
    }

    fn spawn(&mut self, name: String, body: impl FnOnce() + Send + 'static) -> Result<(), StartError> {
        let vitals = Arc::clone(&self.vitals);
        let watched = move || {
            let name = thread::current().name().unwrap_or_default().to_owned();
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_err() {
                vitals.fail(format!("thread {name} panicked"));
            }
        };
        let thread = thread::Builder::new().name(name).spawn(watched).map_err(StartError::Thread)?;
        self.threads.push(thread);
        Ok(())
    }

    fn failure(&self) -> StartError {
        let what = self.vitals.failure().unwrap_or_else(|| "the log thread ended".to_owned());
        StartError::Failed(what)
    }

    /// Where commands are posted.
    pub fn mailbox(&self) -> Mailbox {
        Mailbox::new(Arc::clone(&self.doors))
    }

    /// Configuration to look up.
    pub fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.directory)
    }

    /// Ids that never repeat on this node; sources 32 to 63 are free for signalling workers, each to be taken once.
    pub fn ids(&self, source: u8) -> Ids {
        Ids::new(self.id_base, source)
    }

    /// Readers of the log from any offset, that can follow it.
    pub fn log(&self) -> LogTail {
        self.tail.clone()
    }

    /// How it is.
    pub fn health(&self) -> Health {
        self.vitals.health(&self.tail)
    }

    /// Takes no more commands, finishes those that wait, commits, writes snapshots, joins its threads.
    pub fn shutdown(mut self) {
        self.stop(true);
    }

    fn stop(&mut self, snapshots: bool) {
        self.doors.stop();
        for shard in 0..self.doors.shards() {
            self.doors.control(shard, Control::Stop { snapshots });
        }
        for thread in self.threads.drain(..) {
            // The last owner may be a sink that is called on one of them.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.stop(false);
        }
    }
}

/// A base after every id that the log holds. The clock would do if it were never set back. The log helps: all sources of
/// a run start at one base, and no call outlives its run, so a leg's id is never far beyond its call's; what lies before
/// a checkpoint was made by the run that wrote it, whose base it holds, or by an earlier one.
fn id_base(recovered: &Recovered, clock: &dyn Clock) -> u32 {
    let now = u64::try_from(clock.now().as_micros() / 1_000_000).unwrap_or(0).saturating_sub(Ids::ORIGIN);
    u32::try_from(now).unwrap_or(u32::MAX).max(recovered.id_base.saturating_add(BASES_PER_START))
}
