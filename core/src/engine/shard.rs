//! A shard: one thread that owns its tenants outright and is the only one to change them.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use crossbeam::queue::ArrayQueue;

use super::Vitals;
use super::clock::Clock;
use super::committer::{Commit, Outcome};
use super::directory::Directory;
use super::keeper::{Board, PERMIT_NAP};
use super::limits::{KEPT_COMMANDS, REBUILDS, SHARD_NAP, TIMERS_PER_PASS};
use super::mailbox::{Control, Doors, Item, Mail, Reply};
use super::timer::Wheel;
use crate::cause::{Cause, Party};
use crate::command::{Accepted, Command, Rejection};
use crate::effect::{Effect, TimerKey};
use crate::id::{Ids, TenantId};
use crate::log::limits::MAX_RECORD_BYTES;
use crate::tenant::{Decision, Tenant};
use crate::time::Timestamp;

/// Which tenant of the shard.
type Place = u32;

/// A tenant that panicked: what waits for it while its state is rebuilt from its events.
#[derive(Default)]
struct Absent {
    waiting: VecDeque<(Command, Option<Reply>)>,
    /// It has panicked too often and stays away.
    given_up: bool,
}

pub(super) struct Shard {
    index: usize,
    places: HashMap<TenantId, Place>,
    tenants: Vec<Tenant>,
    absent: HashMap<Place, Absent>,
    rebuilds: HashMap<Place, u32>,
    round: Option<Round>,
    board: Arc<Board>,
    wheel: Wheel<(Place, TimerKey)>,
    ids: Ids,
    clock: Arc<dyn Clock>,
    /// The latest time seen: a clock that is set back does not turn history round.
    now: Timestamp,
    decision: Decision,
    fired: Vec<(Place, TimerKey)>,
    commit: Commit,
    /// Commands in `commit`.
    taken: usize,
    batch_commands: usize,
    inbox: Receiver<Mail>,
    commits: Sender<Commit>,
    pool: Arc<ArrayQueue<Commit>>,
    doors: Arc<Doors>,
    vitals: Arc<Vitals>,
    stopping: bool,
    counted: metrics::Counter,
    depth: metrics::Gauge,
    timers: metrics::Gauge,
}

/// What a shard is made of.
pub(super) struct Parts {
    pub(super) index: usize,
    pub(super) tenants: Vec<Tenant>,
    pub(super) ids: Ids,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) batch_commands: usize,
    pub(super) inbox: Receiver<Mail>,
    pub(super) commits: Sender<Commit>,
    pub(super) pool: Arc<ArrayQueue<Commit>>,
    pub(super) doors: Arc<Doors>,
    pub(super) vitals: Arc<Vitals>,
    pub(super) board: Arc<Board>,
}

/// A round of snapshots.
struct Round {
    /// Tenants still to be looked at.
    left: std::ops::Range<Place>,
    /// None was left out.
    complete: bool,
}

fn away(action: &'static str, state: &str) -> Rejection {
    Rejection::WrongState { action, state: state.to_owned() }
}

impl Shard {
    pub(super) fn new(parts: Parts) -> Self {
        let now = parts.clock.now();
        let places = parts.tenants.iter().zip(0..).map(|(tenant, place)| (tenant.id().clone(), place)).collect();
        let shard = parts.index.to_string();
        Shard {
            index: parts.index,
            places,
            tenants: parts.tenants,
            absent: HashMap::new(),
            rebuilds: HashMap::new(),
            round: None,
            board: parts.board,
            wheel: Wheel::new(now),
            ids: parts.ids,
            clock: parts.clock,
            now,
            decision: Decision::default(),
            fired: Vec::new(),
            commit: Commit::default(),
            taken: 0,
            batch_commands: parts.batch_commands,
            inbox: parts.inbox,
            commits: parts.commits,
            pool: parts.pool,
            doors: parts.doors,
            vitals: parts.vitals,
            stopping: false,
            counted: metrics::counter!("tandem_commands_total", "shard" => shard.clone()),
            depth: metrics::gauge!("tandem_mailbox_depth", "shard" => shard.clone()),
            timers: metrics::gauge!("tandem_timers", "shard" => shard),
        }
    }

    /// Tells every tenant that the node was restarted, then takes commands until told to stop.
    pub(super) fn run(mut self, restarted: Reply) {
        for place in 0..self.tenants.len() as Place {
            self.carry_out(place, Command::NodeRestarted, None);
            if self.taken >= self.batch_commands {
                self.send();
            }
        }
        self.commit.outcomes.push(Outcome::Answer(restarted, Ok(Default::default())));
        self.send();
        while !self.stopping {
            self.pass();
        }
    }

    /// Waits for something to do, takes a batch of it, hands the result to the log.
    fn pass(&mut self) {
        self.vitals.beat(self.index);
        match self.inbox.recv_timeout(self.nap()) {
            Ok(mail) => self.take(mail),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.stopping = true,
        }
        self.now = self.now.max(self.clock.now());
        while self.taken < self.batch_commands && !self.stopping {
            let Ok(mail) = self.inbox.try_recv() else { break };
            self.take(mail);
        }
        // After the last round of snapshots nothing may happen any more.
        if !self.stopping {
            self.fire_timers();
            self.copy_one();
        }
        self.send();
        self.depth.set(self.inbox.len() as f64);
        self.timers.set(self.wheel.len() as f64);
    }

    /// How long there is nothing to do but for mail.
    fn nap(&self) -> Duration {
        if self.round.is_some() {
            return PERMIT_NAP;
        }
        let due = self.wheel.next_due().map_or(SHARD_NAP, |due| due.since(self.clock.now()));
        due.min(SHARD_NAP)
    }

    fn take(&mut self, mail: Mail) {
        self.now = self.now.max(self.clock.now());
        match mail {
            Mail::One(item) => self.deliver(*item),
            Mail::Many(mut items) => {
                for item in items.drain(..) {
                    self.deliver(item);
                }
                self.doors.give_back(self.index, items);
            }
            Mail::Control(control) => self.obey(control),
        }
    }

    fn obey(&mut self, control: Control) {
        match control {
            Control::Snapshot => self.begin_round(),
            Control::Restored(tenant, state) => self.restore(&tenant, state),
            Control::Stop { snapshots } => {
                self.stopping = true;
                if snapshots {
                    self.copy_all();
                }
            }
        }
    }

    /// Finds the tenant; makes it if it is to be created.
    fn deliver(&mut self, item: Item) {
        let Item { tenant, command, reply } = item;
        let place = match self.places.get(&tenant) {
            Some(place) => *place,
            None if matches!(command, Command::CreateTenant(_)) => {
                let place = self.tenants.len() as Place;
                self.tenants.push(Tenant::new(tenant.clone()));
                self.places.insert(tenant, place);
                place
            }
            None => {
                if let Some(refusal) = refusal_of(&command) {
                    self.commit.outcomes.push(Outcome::Release(tenant.clone(), vec![refusal]));
                }
                if let Some(reply) = reply {
                    self.commit.outcomes.push(Outcome::Answer(reply, Err(Rejection::NoSuchTenant(tenant.to_string()))));
                }
                return;
            }
        };
        self.carry_out(place, command, reply);
    }

    /// Lets the tenant decide and notes what follows.
    fn carry_out(&mut self, place: Place, command: Command, reply: Option<Reply>) {
        if !self.absent.is_empty() && self.absent.contains_key(&place) {
            return self.keep(place, command, reply);
        }
        let Some(tenant) = self.tenants.get_mut(place as usize) else { return };
        self.taken += 1;
        let refusal = refusal_of(&command);
        let (now, ids, decision) = (self.now, &mut self.ids, &mut self.decision);
        let decided = catch_unwind(AssertUnwindSafe(|| tenant.handle(now, ids, command, decision)));
        let id = tenant.id().clone();
        let result = match decided {
            Ok(result) if self.note_events() => result,
            _ => self.lose(place, id.clone()),
        };
        if let (Err(_), Some(refusal)) = (&result, refusal) {
            self.decision.effects.push(refusal);
        }
        self.note_effects(place, id);
        if let Some(reply) = reply {
            self.commit.outcomes.push(Outcome::Answer(reply, result));
        }
    }

    /// Encodes the decided events; false, and nothing is noted, if one is longer than the log takes.
    fn note_events(&mut self) -> bool {
        let (bytes, records, config) = (self.commit.batch.bytes.len(), self.commit.batch.len(), self.commit.config.len());
        let mut begun = bytes;
        for envelope in self.decision.events.drain(..) {
            self.commit.batch.push(|bytes| envelope.encode(bytes));
            if self.commit.batch.bytes.len() - begun > MAX_RECORD_BYTES {
                self.commit.batch.bytes.truncate(bytes);
                self.commit.batch.ends.truncate(records);
                self.commit.config.truncate(config);
                return false;
            }
            begun = self.commit.batch.bytes.len();
            if Directory::concerns(&envelope.event) {
                self.commit.config.push(envelope);
            }
        }
        true
    }

    /// A tenant whose decision panicked (or can't be written down): what it has in memory can't be trusted. The command
    /// has not happened; the housekeeper brings the tenant back from its events, and the others go on.
    fn lose(&mut self, place: Place, id: TenantId) -> Result<Accepted, Rejection> {
        self.decision.events.clear();
        self.decision.effects.clear();
        let rebuilds = self.rebuilds.entry(place).or_default();
        *rebuilds += 1;
        let given_up = *rebuilds > REBUILDS;
        tracing::error!(tenant = %id, given_up, "a tenant panicked: it is taken out and rebuilt from its events");
        metrics::counter!("tandem_panics_total", "where" => "tenant").increment(1);
        self.vitals.quarantined.fetch_add(1, Ordering::Relaxed);
        self.absent.insert(place, Absent { waiting: VecDeque::new(), given_up });
        if !given_up {
            self.commit.outcomes.push(Outcome::Rebuild(id));
        }
        Err(away("carry out this command", "it made the tenant panic"))
    }

    /// Keeps a command for a tenant that is away.
    fn keep(&mut self, place: Place, command: Command, reply: Option<Reply>) {
        let Some(absent) = self.absent.get_mut(&place) else { return };
        if !absent.given_up && absent.waiting.len() < KEPT_COMMANDS {
            absent.waiting.push_back((command, reply));
            return;
        }
        if let (Some(refusal), Some(tenant)) = (refusal_of(&command), self.tenants.get(place as usize)) {
            self.commit.outcomes.push(Outcome::Release(tenant.id().clone(), vec![refusal]));
        }
        if let Some(reply) = reply {
            self.commit.outcomes.push(Outcome::Answer(reply, Err(away("carry out commands", "the tenant panicked and is not back"))));
        }
    }

    /// Puts a tenant back and gives it what has waited. Its timers are still set: they came from decisions that stand.
    fn restore(&mut self, id: &TenantId, state: Option<Box<Tenant>>) {
        let Some(place) = self.places.get(id).copied() else { return };
        let Some(mut absent) = self.absent.remove(&place) else { return };
        let Some(state) = state else {
            let waiting = std::mem::take(&mut absent.waiting);
            absent.given_up = true;
            self.absent.insert(place, absent);
            waiting.into_iter().for_each(|(command, reply)| self.keep(place, command, reply));
            return;
        };
        if let Some(tenant) = self.tenants.get_mut(place as usize) {
            *tenant = *state;
        }
        self.vitals.quarantined.fetch_sub(1, Ordering::Relaxed);
        tracing::warn!(tenant = %id, "the tenant is back");
        for (command, reply) in absent.waiting {
            self.carry_out(place, command, reply);
        }
    }

    fn begin_round(&mut self) {
        self.round = Some(Round { left: 0..self.tenants.len() as Place, complete: true });
    }

    /// Goes on with a round of snapshots: one tenant per pass, so that no command waits for more than one copy.
    fn copy_one(&mut self) {
        if let Some(complete) = self.copied() {
            self.round = None;
            self.commit.outcomes.push(Outcome::ShardDone { complete, last: false });
        }
    }

    /// Copies the next tenant that has changed; when there is none, says whether none was left out.
    fn copied(&mut self) -> Option<bool> {
        let round = self.round.as_mut()?;
        let durable = self.board.durable.load();
        while let Some(place) = round.left.next() {
            let Some(tenant) = self.tenants.get(place as usize) else { continue };
            if self.absent.contains_key(&place) {
                round.complete = false;
            } else if durable.get(tenant.id()) != Some(&tenant.seq()) {
                if self.board.take_permit() {
                    self.commit.outcomes.push(Outcome::Snapshot(Box::new(tenant.clone())));
                } else {
                    // Come back to it.
                    round.left.start = place;
                }
                return None;
            }
        }
        Some(round.complete)
    }

    /// The last round: everything that has changed.
    fn copy_all(&mut self) {
        self.begin_round();
        while !self.vitals.failed() {
            if let Some(complete) = self.copied() {
                self.commit.outcomes.push(Outcome::ShardDone { complete, last: true });
                self.send();
                return;
            }
            self.send();
            if !self.board.has_permit() {
                std::thread::sleep(PERMIT_NAP);
            }
        }
    }

    /// Timers are ours and set at once; everything else waits for the commit.
    fn note_effects(&mut self, place: Place, tenant: TenantId) {
        if self.decision.effects.is_empty() {
            return;
        }
        // Effects of one tenant that follow each other are released together.
        let mut effects = match self.commit.outcomes.pop() {
            Some(Outcome::Release(last, effects)) if last == tenant => effects,
            Some(other) => {
                self.commit.outcomes.push(other);
                Vec::new()
            }
            None => Vec::new(),
        };
        for effect in self.decision.effects.drain(..) {
            match effect {
                Effect::SetTimer { key, at } => self.wheel.set((place, key), at),
                Effect::CancelTimer { key } => {
                    self.wheel.cancel(&(place, key));
                }
                order => effects.push(order),
            }
        }
        if !effects.is_empty() {
            self.commit.outcomes.push(Outcome::Release(tenant, effects));
        }
    }

    fn fire_timers(&mut self) {
        let mut fired = std::mem::take(&mut self.fired);
        self.wheel.advance(self.now, TIMERS_PER_PASS, &mut fired);
        for (place, key) in fired.drain(..) {
            self.carry_out(place, Command::TimerFired(key), None);
        }
        self.fired = fired;
    }

    /// Hands over what was decided. Waits if the log can't keep up: that is how pressure goes back to the mailbox.
    fn send(&mut self) {
        self.counted.increment(self.taken as u64);
        self.taken = 0;
        if self.commit.is_empty() {
            return;
        }
        let commit = std::mem::replace(&mut self.commit, self.pool.pop().unwrap_or_default());
        if self.commits.send(commit).is_err() {
            // The log thread is gone: nothing that we decide can become true.
            self.stopping = true;
        }
    }
}

/// What tells a waiting peer that its request was not taken: without it, the switch would hold an INVITE or a REGISTER
/// that nobody is going to answer.
fn refusal_of(command: &Command) -> Option<Effect> {
    match command {
        // Q.850 42: switching equipment congestion.
        Command::LegOffered { leg, .. } => {
            Some(Effect::Release { leg: *leg, cause: Cause { sip: 503, q850: 42, by: Party::System, text: None } })
        }
        Command::Register { request, .. } => Some(Effect::RegisterRefused { request: *request, status: 503 }),
        _ => None,
    }
}
