//! A day on virtual time: a list that answers or not, agents that talk, wrap up, take breaks and go home.
//!
//! The world gives a policy what a real dialer sees (reference/dialer.md section 5) and nothing else. Where the reference is
//! silent we chose: the ring limit counts from the end of the post-dial delay; breaks lie in equal parts of the day, each
//! somewhere in the middle three fifths of its part; verdict delays vary by 30 %; inbound patience is exponential.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use super::super::limits::LEGAL_RING;
use super::super::{Busy, Decision, InFlight, Seconds, Seen, Snapshot};
use super::day::Day;
use super::draw::Draw;
use super::scenario::Scenario;

/// Something that paces.
pub trait Policy {
    /// Takes in what happened.
    fn see(&mut self, now: Seconds, seen: Seen);
    /// Says what to do.
    fn decide(&mut self, now: &Snapshot<'_>) -> Decision;
}

impl Policy for super::super::Pacer {
    fn see(&mut self, now: Seconds, seen: Seen) {
        super::super::Pacer::see(self, now, seen);
    }

    fn decide(&mut self, now: &Snapshot<'_>) -> Decision {
        super::super::Pacer::decide(self, now)
    }
}

/// Decisions come at most so often, and at least so often, in seconds (reference/dialer.md section 5).
const OFTEN: Seconds = 0.1;
const SELDOM: Seconds = 1.0;

/// Seconds that the message to an abandoned caller holds the line.
const MESSAGE: Seconds = 8.0;

/// Seconds of a break.
const BREAK: Seconds = 900.0;

/// Seconds over which agents log in.
const LOG_IN: Seconds = 300.0;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Happens {
    /// A call leaves ringing as its draw has it.
    RingEnds(usize),
    Verdict(usize),
    PatienceEnds(usize),
    LineFree,
    TalkEnds(usize),
    WrapEnds(usize),
    LogIn(usize),
    Leaves(usize),
    BreakDue(usize),
    BreakEnds(usize),
    InboundComes,
    InboundGivesUp(u64),
}

struct Due {
    at: Seconds,
    order: u64,
    what: Happens,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives the greatest: the earliest is greatest.
        other.at.total_cmp(&self.at).then(other.order.cmp(&self.order))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Person,
    Machine,
    Nobody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Ringing,
    Detecting,
    Waiting,
    Done,
}

#[derive(Debug, Clone, Copy)]
struct Call {
    placed: Seconds,
    rings_from: Seconds,
    needs_at: Seconds,
    fate: Fate,
    stage: Stage,
    /// Place in the list of ringing or detecting calls.
    place: usize,
    answered: Seconds,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Doing {
    Off,
    Ready,
    Talking,
    Wrapping,
    Break,
}

#[derive(Debug, Clone)]
struct Agent {
    doing: Doing,
    since: Seconds,
    factor: f64,
    wrap: Seconds,
    person: bool,
    live: bool,
    leave: bool,
    break_due: bool,
}

/// The world of one day.
pub struct World<'a> {
    scenario: &'a Scenario,
    now: Seconds,
    queue: BinaryHeap<Due>,
    order: u64,
    list: Draw,
    talk: Draw,
    wander: (f64, Seconds),
    calls: Vec<Call>,
    ringing: Vec<usize>,
    detecting: Vec<usize>,
    waiting: VecDeque<usize>,
    inbound: VecDeque<(u64, Seconds)>,
    inbound_count: u64,
    agents: Vec<Agent>,
    ready: VecDeque<usize>,
    busy_lines: u32,
    seen: Vec<Seen>,
    day: Day,
}

impl<'a> World<'a> {
    /// A day of this scenario; the same seed, the same luck.
    pub fn new(scenario: &'a Scenario, seed: u64) -> Self {
        let mut draw = Draw::new(seed);
        let (list, talk, mut staff) = (draw.fork(), draw.fork(), draw.fork());
        let mut world = World {
            scenario,
            now: 0.0,
            queue: BinaryHeap::new(),
            order: 0,
            list,
            talk,
            wander: (0.0, 0.0),
            calls: Vec::new(),
            ringing: Vec::new(),
            detecting: Vec::new(),
            waiting: VecDeque::new(),
            inbound: VecDeque::new(),
            inbound_count: 0,
            agents: Vec::new(),
            ready: VecDeque::new(),
            busy_lines: 0,
            seen: Vec::new(),
            day: Day::default(),
        };
        world.wander.0 = scenario.wander * world.list.normal();
        world.staff(&mut staff);
        if scenario.inbound > 0.0 {
            world.next_inbound();
        }
        world
    }

    fn staff(&mut self, draw: &mut Draw) {
        let scenario = self.scenario;
        for agent in 0..scenario.agents as usize {
            let from_start = scenario.memoryless;
            let factor = if from_start { 1.0 } else { draw.lognormal(1.0, 0.2) };
            let late = draw.chance(scenario.late_frac);
            let early = draw.chance(scenario.early_frac);
            let start = if from_start { 0.0 } else { draw.between(0.0, LOG_IN) };
            let start = if late { scenario.late_hour * 3_600.0 + start } else { start };
            let leaves = if early { scenario.early_hour * 3_600.0 + draw.between(0.0, LOG_IN) } else { f64::INFINITY };
            let off =
                Agent { doing: Doing::Off, since: 0.0, factor, wrap: 0.0, person: false, live: false, leave: false, break_due: false };
            self.agents.push(off);
            if start < leaves && start < scenario.shift {
                self.at(start, Happens::LogIn(agent));
                if leaves < scenario.shift {
                    self.at(leaves, Happens::Leaves(agent));
                }
            }
            let part = scenario.shift / f64::from(scenario.breaks.max(1));
            for number in 0..scenario.breaks {
                let at = (f64::from(number) + draw.between(0.2, 0.8)) * part;
                if at > start {
                    self.at(at, Happens::BreakDue(agent));
                }
            }
        }
    }

    fn at(&mut self, at: Seconds, what: Happens) {
        self.order += 1;
        self.queue.push(Due { at, order: self.order, what });
    }

    /// Lives through the day with a policy.
    pub fn run(mut self, policy: &mut dyn Policy) -> Day {
        let mut rooms = Rooms::default();
        let (mut last, mut changed) = (-OFTEN, Some(0.0));
        loop {
            let decision: Seconds = match changed {
                Some(at) => f64::max(at, last + OFTEN),
                None => last + SELDOM,
            };
            let event = self.queue.peek().map_or(f64::INFINITY, |due| due.at);
            if decision.min(event) >= self.scenario.shift {
                break;
            }
            if event <= decision {
                if let Some(due) = self.queue.pop() {
                    self.now = due.at;
                    self.happen(due.what);
                    for seen in self.seen.drain(..) {
                        policy.see(due.at, seen);
                    }
                    changed = changed.or(Some(due.at));
                }
                continue;
            }
            self.now = decision;
            (last, changed) = (decision, None);
            let snapshot = self.snapshot(&mut rooms);
            let decided = policy.decide(&snapshot);
            self.carry_out(&decided, policy);
        }
        self.close()
    }

    fn snapshot<'r>(&self, rooms: &'r mut Rooms) -> Snapshot<'r> {
        rooms.clear();
        let mut on_break = 0;
        for (number, agent) in self.agents.iter().enumerate() {
            let busy = Busy { agent: number as u64, elapsed: self.now - agent.since };
            match agent.doing {
                Doing::Talking => rooms.talking.push(busy),
                Doing::Wrapping => rooms.wrapping.push(busy),
                Doing::Break => on_break += 1,
                Doing::Off | Doing::Ready => {}
            }
        }
        for id in &self.ringing {
            let call = &self.calls[*id];
            rooms.ringing.push(InFlight { call: *id as u64, age: self.now - call.placed });
            if self.now - call.rings_from >= LEGAL_RING {
                rooms.cancellable.push(*id as u64);
            }
        }
        for id in &self.detecting {
            rooms.detecting.push(InFlight { call: *id as u64, age: self.now - self.calls[*id].answered });
        }
        Snapshot {
            now: self.now,
            stale_for: 0.0,
            ready: self.ready.len() as u32,
            waiting: self.waiting.len() as u32,
            inbound_waiting: self.inbound.len() as u32,
            free_lines: self.scenario.lines().saturating_sub(self.busy_lines),
            on_break,
            talking: &rooms.talking,
            wrapping: &rooms.wrapping,
            ringing: &rooms.ringing,
            detecting: &rooms.detecting,
            cancellable: &rooms.cancellable,
        }
    }

    fn carry_out(&mut self, decided: &Decision, policy: &mut dyn Policy) {
        self.day.decisions += 1;
        for id in &decided.cancel {
            let id = *id as usize;
            let Some(call) = self.calls.get(id).copied() else { continue };
            if call.stage == Stage::Ringing && self.now - call.rings_from >= LEGAL_RING {
                self.leave_list(id);
                self.calls[id].stage = Stage::Done;
                self.busy_lines -= 1;
                self.day.cancelled += 1;
                policy.see(self.now, Seen::Cancelled { call: id as u64, age: self.now - call.placed });
            }
        }
        let free = self.scenario.lines().saturating_sub(self.busy_lines);
        for _ in 0..decided.place.min(free) {
            let id = self.place();
            policy.see(self.now, Seen::Placed { call: id as u64 });
        }
    }

    /// The live share now: profile, drift, wandering.
    fn live_share(&mut self) -> f64 {
        let scenario = self.scenario;
        let mut share = scenario.live * part_of(&scenario.profile, self.now / scenario.shift);
        share *= step_of(&scenario.drift, self.now);
        if scenario.wander > 0.0 {
            let keep = (-(self.now - self.wander.1) / scenario.wander_memory).exp();
            let noise = scenario.wander * (1.0 - keep * keep).sqrt() * self.list.normal();
            self.wander = (self.wander.0 * keep + noise, self.now);
            share *= 1.0 + self.wander.0;
        }
        share.clamp(0.0, 0.98)
    }

    fn place(&mut self) -> usize {
        let live = self.live_share();
        let scenario = self.scenario;
        let id = self.calls.len();
        self.day.dials += 1;
        self.busy_lines += 1;
        let outage = scenario.outages.iter().any(|(from, to)| (*from..*to).contains(&self.now));
        let draw = &mut self.list;
        let (fate, dialed, rings) = if scenario.memoryless {
            (if draw.chance(live) { Fate::Person } else { Fate::Nobody }, 0.0, draw.exponential(10.0))
        } else {
            let dialed = draw.lognormal(2.0, 0.5);
            let (fate, rings) = if outage { (Fate::Nobody, 0.0) } else { draw_fate(draw, scenario, live) };
            (fate, dialed, rings)
        };
        let call = Call {
            placed: self.now,
            rings_from: self.now + dialed,
            needs_at: 0.0,
            fate,
            stage: Stage::Ringing,
            place: self.ringing.len(),
            answered: 0.0,
        };
        self.ringing.push(id);
        self.calls.push(call);
        self.at(call.rings_from + rings, Happens::RingEnds(id));
        id
    }

    fn leave_list(&mut self, id: usize) {
        let list = if self.calls[id].stage == Stage::Ringing { &mut self.ringing } else { &mut self.detecting };
        let place = self.calls[id].place;
        list.swap_remove(place);
        if let Some(moved) = list.get(place) {
            self.calls[*moved].place = place;
        }
    }

    fn happen(&mut self, what: Happens) {
        match what {
            Happens::RingEnds(id) if self.calls[id].stage == Stage::Ringing => self.ring_ends(id),
            Happens::Verdict(id) => self.verdict(id),
            Happens::PatienceEnds(id) if self.calls[id].stage == Stage::Waiting => self.drop_call(id),
            Happens::RingEnds(_) | Happens::PatienceEnds(_) => {}
            Happens::LineFree => self.busy_lines -= 1,
            Happens::TalkEnds(agent) => self.talk_ends(agent),
            Happens::WrapEnds(agent) => self.wrap_ends(agent),
            Happens::LogIn(agent) => self.come(agent),
            Happens::BreakEnds(agent) => {
                self.day.breaks += self.now - self.agents[agent].since;
                if self.agents[agent].leave { self.agents[agent].doing = Doing::Off } else { self.come(agent) }
            }
            Happens::Leaves(agent) => {
                self.agents[agent].leave = true;
                self.go_if_ready(agent);
            }
            Happens::BreakDue(agent) => {
                self.agents[agent].break_due = true;
                self.go_if_ready(agent);
            }
            Happens::InboundComes => self.inbound_comes(),
            Happens::InboundGivesUp(id) => {
                if let Some(place) = self.inbound.iter().position(|(waiting, _)| *waiting == id) {
                    self.inbound.remove(place);
                    self.day.inbound_lost += 1;
                    self.seen.push(Seen::InboundLost);
                }
            }
        }
    }

    fn ring_ends(&mut self, id: usize) {
        self.leave_list(id);
        let call = self.calls[id];
        let age = self.now - call.placed;
        if call.fate == Fate::Nobody {
            self.calls[id].stage = Stage::Done;
            self.busy_lines -= 1;
            self.seen.push(Seen::Ended { call: id as u64, age });
            return;
        }
        self.calls[id].answered = self.now;
        self.seen.push(Seen::Answered { call: id as u64, age });
        if !self.scenario.amd {
            self.needs(id);
            return;
        }
        self.calls[id].stage = Stage::Detecting;
        self.calls[id].place = self.detecting.len();
        self.detecting.push(id);
        let mean = if call.fate == Fate::Person { 1.7 } else { 2.6 };
        let delay = self.list.lognormal(mean, 0.3);
        self.at(self.now + delay, Happens::Verdict(id));
    }

    fn verdict(&mut self, id: usize) {
        self.leave_list(id);
        let call = self.calls[id];
        let scenario = self.scenario;
        let person = match call.fate {
            Fate::Person => !self.list.chance(scenario.amd_fp),
            _ => self.list.chance(scenario.amd_fn),
        };
        if person {
            self.needs(id);
            return;
        }
        self.calls[id].stage = Stage::Done;
        self.busy_lines -= 1;
        if call.fate == Fate::Person {
            self.day.false_positives += 1;
        }
        self.seen.push(Seen::Machine { call: id as u64, age: self.now - call.placed });
    }

    fn needs(&mut self, id: usize) {
        let call = &mut self.calls[id];
        call.needs_at = self.now;
        call.stage = Stage::Waiting;
        self.seen.push(Seen::Needs { call: id as u64, age: self.now - call.placed });
        if let Some(agent) = self.ready.pop_front() {
            self.connect(id, agent);
        } else if self.scenario.waits() <= 0.0 {
            self.drop_call(id);
        } else {
            self.waiting.push_back(id);
            self.at(self.now + self.scenario.waits(), Happens::PatienceEnds(id));
        }
    }

    fn drop_call(&mut self, id: usize) {
        self.waiting.retain(|waiting| *waiting != id);
        self.calls[id].stage = Stage::Done;
        if self.calls[id].fate == Fate::Person {
            self.day.abandoned += 1;
        } else {
            self.day.machines_dropped += 1;
        }
        self.seen.push(Seen::Dropped { call: id as u64 });
        self.at(self.now + MESSAGE, Happens::LineFree);
    }

    fn connect(&mut self, id: usize, agent: usize) {
        let person = self.calls[id].fate == Fate::Person;
        self.calls[id].stage = Stage::Done;
        let wait = self.now - self.calls[id].needs_at;
        if person {
            self.day.connected += 1;
            self.day.waits.push(self.now - self.calls[id].answered);
        } else {
            self.day.machines_connected += 1;
        }
        self.seen.push(Seen::Connected { call: id as u64, agent: agent as u64, wait });
        let scenario = self.scenario;
        let factor = self.agents[agent].factor;
        let draw = &mut self.talk;
        let (talk, wrap) = if scenario.memoryless {
            (draw.exponential(scenario.talk_mean), 0.0)
        } else if !person {
            (draw.lognormal(6.0, 0.4), draw.lognormal(3.0, 0.4))
        } else if draw.chance(scenario.short_frac) {
            (draw.lognormal(scenario.short_mean, scenario.short_cv) * factor, draw.lognormal(scenario.wrap_mean, scenario.wrap_cv))
        } else {
            let mean = scenario.talk_mean * step_of(&scenario.talk_drift, self.now);
            (draw.lognormal(mean, scenario.talk_cv) * factor, draw.lognormal(scenario.wrap_mean, scenario.wrap_cv))
        };
        self.begin_talk(agent, talk, wrap, person, true);
    }

    fn begin_talk(&mut self, agent: usize, talk: Seconds, wrap: Seconds, person: bool, outbound: bool) {
        let state = &mut self.agents[agent];
        if state.doing == Doing::Ready {
            self.day.idle += self.now - state.since;
        }
        *state = Agent { doing: Doing::Talking, since: self.now, wrap, person, live: outbound, ..state.clone() };
        self.at(self.now + talk, Happens::TalkEnds(agent));
    }

    fn talk_ends(&mut self, agent: usize) {
        let state = &mut self.agents[agent];
        let seconds = self.now - state.since;
        let (wrap, outbound) = (state.wrap, state.live);
        (state.doing, state.since) = (Doing::Wrapping, self.now);
        self.day.talk += seconds;
        if outbound {
            self.busy_lines -= 1;
        }
        self.seen.push(Seen::TalkEnded { agent: agent as u64, seconds });
        self.at(self.now + wrap, Happens::WrapEnds(agent));
    }

    fn wrap_ends(&mut self, agent: usize) {
        let state = &self.agents[agent];
        let seconds = self.now - state.since;
        let back = !state.leave && !state.break_due;
        self.day.wrap += seconds;
        self.seen.push(Seen::WrapEnded { agent: agent as u64, seconds, person: state.person, back });
        if back { self.free(agent) } else { self.go(agent) }
    }

    /// An agent can take a call: whoever waits comes first, outbound answers before inbound callers.
    fn free(&mut self, agent: usize) {
        let state = &mut self.agents[agent];
        (state.doing, state.since) = (Doing::Wrapping, self.now);
        if let Some(id) = self.waiting.pop_front() {
            self.connect(id, agent);
        } else if let Some((_, since)) = self.inbound.pop_front() {
            self.take_inbound(agent, since);
        } else {
            self.agents[agent].doing = Doing::Ready;
            self.ready.push_back(agent);
        }
    }

    fn take_inbound(&mut self, agent: usize, since: Seconds) {
        self.day.inbound_served += 1;
        if self.now - since <= 20.0 {
            self.day.inbound_in_time += 1;
        }
        let factor = self.agents[agent].factor;
        let talk = self.talk.lognormal(180.0, 1.0) * factor;
        let wrap = self.talk.lognormal(20.0, 0.6);
        self.begin_talk(agent, talk, wrap, true, false);
    }

    fn inbound_comes(&mut self) {
        self.inbound_count += 1;
        self.seen.push(Seen::InboundArrived);
        if let Some(agent) = self.ready.pop_front() {
            self.take_inbound(agent, self.now);
        } else {
            self.inbound.push_back((self.inbound_count, self.now));
            let patience = self.talk.exponential(90.0);
            self.at(self.now + patience, Happens::InboundGivesUp(self.inbound_count));
        }
        self.next_inbound();
    }

    fn next_inbound(&mut self) {
        // The rate of now holds until the next call: parts of the day are long beside the gaps.
        let rate = self.scenario.inbound * part_of(&self.scenario.inbound_profile, self.now / self.scenario.shift) / 3_600.0;
        let gap = if rate > 0.0 { self.talk.exponential(1.0 / rate) } else { 60.0 };
        self.at(self.now + gap, Happens::InboundComes);
    }

    fn come(&mut self, agent: usize) {
        self.agents[agent].since = self.now;
        self.seen.push(Seen::AgentUp { agent: agent as u64 });
        self.free(agent);
    }

    fn go_if_ready(&mut self, agent: usize) {
        if self.agents[agent].doing != Doing::Ready {
            return;
        }
        self.day.idle += self.now - self.agents[agent].since;
        self.ready.retain(|ready| *ready != agent);
        self.seen.push(Seen::AgentDown { agent: agent as u64 });
        self.go(agent);
    }

    fn go(&mut self, agent: usize) {
        let state = &mut self.agents[agent];
        state.break_due = false;
        state.since = self.now;
        if state.leave {
            state.doing = Doing::Off;
        } else {
            state.doing = Doing::Break;
            self.at(self.now + BREAK, Happens::BreakEnds(agent));
        }
    }

    /// The shift is over: what goes on counts until here.
    fn close(mut self) -> Day {
        let end = self.scenario.shift;
        for agent in &self.agents {
            let spent = end - agent.since;
            match agent.doing {
                Doing::Ready => self.day.idle += spent,
                Doing::Talking => self.day.talk += spent,
                Doing::Wrapping => self.day.wrap += spent,
                Doing::Break => self.day.breaks += spent,
                Doing::Off => {}
            }
        }
        self.day
    }
}

/// Lists that a snapshot borrows, kept between decisions.
#[derive(Default)]
struct Rooms {
    talking: Vec<Busy>,
    wrapping: Vec<Busy>,
    ringing: Vec<InFlight>,
    detecting: Vec<InFlight>,
    cancellable: Vec<u64>,
}

impl Rooms {
    fn clear(&mut self) {
        self.talking.clear();
        self.wrapping.clear();
        self.ringing.clear();
        self.detecting.clear();
        self.cancellable.clear();
    }
}

/// What becomes of a dial, and after how many seconds of ring.
fn draw_fate(draw: &mut Draw, scenario: &Scenario, live: f64) -> (Fate, Seconds) {
    let nobody = (Fate::Nobody, scenario.ring_limit);
    let mut luck = draw.unit();
    if luck < live {
        let rings = draw.lognormal(scenario.ring_mean, scenario.ring_cv);
        return if rings < scenario.ring_limit { (Fate::Person, rings) } else { nobody };
    }
    // If the live share leaves too little, the others share what is left.
    let others = scenario.machine + scenario.busy + scenario.fail;
    let scale = if live + others > 1.0 { (1.0 - live) / others } else { 1.0 };
    luck -= live;
    if luck < scenario.machine * scale {
        let rings = if draw.chance(0.25) { draw.between(0.5, 3.0) } else { (20.0 + 4.0 * draw.normal()).max(0.5) };
        return if rings < scenario.ring_limit { (Fate::Machine, rings) } else { nobody };
    }
    luck -= scenario.machine * scale;
    if luck < (scenario.busy + scenario.fail) * scale { (Fate::Nobody, 0.0) } else { nobody }
}

fn part_of(profile: &[f64], progress: f64) -> f64 {
    let part = (progress * profile.len() as f64) as usize;
    profile.get(part.min(profile.len().saturating_sub(1))).copied().unwrap_or(1.0)
}

fn step_of(steps: &[(f64, f64)], now: Seconds) -> f64 {
    steps.iter().rev().find(|(hour, _)| now >= hour * 3_600.0).map_or(1.0, |(_, factor)| *factor)
}
