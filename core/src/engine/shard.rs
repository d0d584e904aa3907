//! A shard: one thread that owns its tenants outright and is the only one to change them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use crossbeam::queue::ArrayQueue;

use super::Vitals;
use super::clock::Clock;
use super::committer::{Commit, Outcome};
use super::directory::Directory;
use super::limits::{SHARD_NAP, TIMERS_PER_PASS};
use super::mailbox::{Control, Doors, Item, Mail, Reply};
use super::timer::Wheel;
use crate::cause::{Cause, Party};
use crate::command::{Command, Rejection};
use crate::effect::{Effect, TimerKey};
use crate::id::{Ids, TenantId};
use crate::tenant::{Decision, Tenant};
use crate::time::Timestamp;

/// Which tenant of the shard.
type Place = u32;

pub(super) struct Shard {
    index: usize,
    places: HashMap<TenantId, Place>,
    tenants: Vec<Tenant>,
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
        self.fire_timers();
        self.send();
        self.depth.set(self.inbox.len() as f64);
        self.timers.set(self.wheel.len() as f64);
    }

    /// How long there is nothing to do but for mail.
    fn nap(&self) -> Duration {
        let due = self.wheel.next_due().map_or(SHARD_NAP, |due| due.since(self.clock.now()));
        due.min(SHARD_NAP)
    }

    fn take(&mut self, mail: Mail) {
        self.now = self.now.max(self.clock.now());
        match mail {
            Mail::One(item) => self.deliver(item),
            Mail::Many(mut items) => {
                for item in items.drain(..) {
                    self.deliver(item);
                }
                self.doors.give_back(self.index, items);
            }
            Mail::Control(Control::Stop) => self.stopping = true,
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
        let Some(tenant) = self.tenants.get_mut(place as usize) else { return };
        self.taken += 1;
        let refusal = refusal_of(&command);
        let result = tenant.handle(self.now, &mut self.ids, command, &mut self.decision);
        let id = tenant.id().clone();
        for envelope in self.decision.events.drain(..) {
            self.commit.batch.push(|bytes| envelope.encode(bytes));
            if Directory::concerns(&envelope.event) {
                self.commit.config.push(envelope);
            }
        }
        if let (Err(_), Some(refusal)) = (&result, refusal) {
            self.decision.effects.push(refusal);
        }
        self.note_effects(place, id);
        if let Some(reply) = reply {
            self.commit.outcomes.push(Outcome::Answer(reply, result));
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
