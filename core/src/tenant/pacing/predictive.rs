//! The decision of predictive mode.

use std::collections::HashMap;

use super::Seconds;
use super::follow::{Fate, Follower};
use super::handling::{Handling, bin_of};
use super::ledger::Ledger;
use super::limits::{AGENTS_FOLLOWED, CANCELLED_AT_ONCE, CELL, CELLS, COHORT_SLACK, PLACED_AT_ONCE};
use super::ring::Ring;
use super::share::Share;
use super::shortage::{Chance, Group, Question};
use super::state::{Pace, Reasons, Rule, Seen, Settings, Snapshot};

/// Seconds between two workings-out of the tables.
const REFRESH: Seconds = 15.0;

/// Agents freed within this part of the patience count as free: a freed agent needs a moment to be connected.
const PATIENCE_USED: f64 = 0.9;

/// Chance of a shortage for the next answers, as a multiple of theta, from which on ringing calls are given up.
const RELEASE_AT: f64 = 1.0;

/// Seconds over which inbound arrivals are averaged.
const INBOUND_MEMORY: Seconds = 900.0;

/// Chance below which a row of quick failures is no luck any more: a trunk fails.
const NO_LUCK: f64 = 1e-6;
/// Calls over which the share of quick failures is averaged.
const QUICK_MEMORY: f64 = 2_000.0;

/// Without detection a drop counts for more of a person than other answers of its ring age: shortages come when more people
/// answer than usual. On simulated days of known truth the plain estimate was 3 to 4 % too low.
const DROPS_ARE_PEOPLE: f64 = 1.04;

/// What is remembered of the call an agent is busy with.
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    /// Picked up at this age, and taken for so much of a person: outbound calls only.
    call: Option<(Option<Seconds>, f64)>,
    talked: Option<Seconds>,
}

/// Everything predictive mode learns and reckons with.
#[derive(Debug, Clone)]
pub(super) struct Predictor {
    follower: Follower,
    ring: Ring,
    share: Share,
    /// Share of calls that fail quickly, and the last ones in a row, about which nothing was learned yet.
    quick: f64,
    held: Vec<Seconds>,
    handling: Handling,
    agents: HashMap<u64, Last>,
    inbound: Inbound,
    middles: [Seconds; CELLS],
    complete_after: Seconds,
    drop_weight: f64,
    refresh_at: Seconds,
    question: Question,
    wrapping: Vec<(usize, Seconds)>,
    outlook: Option<Outlook>,
}

/// Of the last decision, for what may be given up.
#[derive(Debug, Clone, Copy)]
struct Outlook {
    short_soon: f64,
    theta: f64,
}

/// Inbound arrivals per second, averaged with forgetting.
#[derive(Debug, Clone, Copy, Default)]
struct Inbound {
    count: f64,
    span: f64,
    last: Option<Seconds>,
}

impl Inbound {
    fn pass(&mut self, now: Seconds) {
        let passed = self.last.map_or(0.0, |last| (now - last).max(0.0));
        let keep = (-passed / INBOUND_MEMORY).exp();
        self.count *= keep;
        self.span = self.span * keep + INBOUND_MEMORY * (1.0 - keep);
        self.last = Some(now);
    }

    fn rate(&self) -> f64 {
        // A third of a minute of belief in nothing, so that the first call is not taken for a flood.
        self.count / (self.span + 20.0)
    }
}

impl Predictor {
    pub(super) fn new(settings: &Settings) -> Self {
        let cell = ((settings.ring_timeout + 4.0) / CELLS as f64).max(CELL);
        let middles: [Seconds; CELLS] = std::array::from_fn(|cell_no| (cell_no as f64 + 0.5) * cell);
        Predictor {
            follower: Follower::default(),
            ring: Ring::new(settings.ring_timeout, cell, settings.detection),
            share: Share::new(),
            quick: 0.2,
            held: Vec::new(),
            handling: Handling::new(middles.map(|middle| middle + PATIENCE_USED * settings.patience)),
            agents: HashMap::new(),
            inbound: Inbound::default(),
            middles,
            complete_after: settings.ring_timeout + COHORT_SLACK,
            drop_weight: if settings.detection { 1.0 } else { DROPS_ARE_PEOPLE },
            refresh_at: 0.0,
            question: Question::default(),
            wrapping: Vec::new(),
            outlook: None,
        }
    }

    pub(super) fn see(&mut self, now: Seconds, seen: Seen, ledger: &mut Ledger) {
        match seen {
            Seen::Placed { call } => self.follower.placed(call, now),
            Seen::Answered { call, age } => {
                if let Some(followed) = self.follower.at_age(call, now, age) {
                    followed.answered = Some(age);
                }
            }
            Seen::Needs { call, age } => self.needs(now, call, age, ledger),
            Seen::Machine { call, age } => self.fate(now, call, age, Fate::Machine(age)),
            Seen::Ended { call, age } => self.fate(now, call, age, Fate::Ended(age)),
            Seen::Cancelled { call, age } => self.fate(now, call, age, Fate::Cancelled(age)),
            Seen::Connected { call, agent, .. } => {
                let picked = self.follower.get(call).map(|followed| (followed.answered, followed.person));
                self.remember(agent, Last { call: picked, talked: None });
            }
            Seen::Dropped { call } => {
                let person = self.follower.get(call).map(|followed| followed.person);
                let person = person.unwrap_or_else(|| self.ring.person(None));
                ledger.dropped((person * self.drop_weight).min(1.0));
            }
            Seen::TalkEnded { agent, seconds } => {
                self.handling.talk_ended(seconds);
                let last = self.agents.get(&agent).copied().unwrap_or_default();
                self.remember(agent, Last { talked: Some(seconds), ..last });
            }
            Seen::WrapEnded { agent, seconds, person, back } => self.wrap_ended(agent, seconds, person, back, ledger),
            Seen::InboundArrived => {
                self.inbound.pass(now);
                self.inbound.count += 1.0;
            }
            Seen::AgentDown { agent } => {
                self.agents.remove(&agent);
            }
            Seen::InboundLost | Seen::AgentUp { .. } => {}
        }
    }

    fn remember(&mut self, agent: u64, last: Last) {
        if self.agents.len() < AGENTS_FOLLOWED || self.agents.contains_key(&agent) {
            self.agents.insert(agent, last);
        }
    }

    fn needs(&mut self, now: Seconds, call: u64, age: Seconds, ledger: &mut Ledger) {
        let picked = self.follower.get(call).and_then(|followed| followed.answered);
        let person = self.ring.person(Some(picked.unwrap_or(age)));
        if let Some(followed) = self.follower.at_age(call, now, age) {
            followed.answered.get_or_insert(age);
            followed.fate = Fate::Needs(age);
            followed.person = person;
        }
        ledger.answered(person);
    }

    fn fate(&mut self, now: Seconds, call: u64, age: Seconds, fate: Fate) {
        if let Some(followed) = self.follower.at_age(call, now, age) {
            followed.fate = fate;
        }
    }

    fn wrap_ended(&mut self, agent: u64, seconds: Seconds, person: bool, back: bool, ledger: &mut Ledger) {
        let last = self.agents.remove(&agent).unwrap_or_default();
        self.handling.wrap_ended(last.talked, seconds, back);
        if let Some((answered, taken)) = last.call {
            let is = if person { 1.0 } else { 0.0 };
            self.ring.disposed(answered, person);
            ledger.corrected(taken, is);
        }
    }

    /// Quick failures in a row that mean a failing trunk, not a bad list.
    fn failing_at(&self) -> u32 {
        ((NO_LUCK.ln() / self.quick.clamp(0.05, 0.7).ln()).ceil() as u32).max(6)
    }

    /// Learns from the calls that are old enough. What a failing trunk did says nothing about the list: else a minute of
    /// failures makes the share collapse, and the first minute after it drowns in answers.
    fn learn(&mut self, now: Seconds) {
        while let Some(call) = self.follower.complete(now - self.complete_after) {
            if let (true, Fate::Ended(age)) = (call.quick(), call.fate) {
                // Beyond the limit nothing is learned from them, so there is nothing to keep.
                if self.held.len() <= self.failing_at() as usize {
                    self.held.push(age);
                }
                continue;
            }
            let luck = self.held.len() < self.failing_at() as usize;
            for age in std::mem::take(&mut self.held).into_iter().filter(|_| luck) {
                self.ended(age, 1.0);
            }
            match call.fate {
                Fate::Needs(age) => {
                    self.ring.needed(call.answered.unwrap_or(age), age);
                    self.share.feed(1.0);
                    self.quick -= self.quick / QUICK_MEMORY;
                }
                Fate::Machine(age) => {
                    self.ring.machine(call.answered.unwrap_or(age), age);
                    self.share.feed(0.0);
                    self.quick -= self.quick / QUICK_MEMORY;
                }
                Fate::Ended(age) => self.ended(age, 0.0),
                Fate::Cancelled(age) => self.given_up(age),
                Fate::Open => self.given_up(self.complete_after),
            }
        }
    }

    fn ended(&mut self, age: Seconds, quick: f64) {
        self.ring.ended(age);
        self.share.feed(0.0);
        self.quick += (quick - self.quick) / QUICK_MEMORY;
    }

    /// What would have become of a call that was given up is known in part: its age says how likely it was to be needed still.
    fn given_up(&mut self, age: Seconds) {
        self.ring.censored(age);
        let bin = self.ring.bin(age);
        let share = self.share.mean();
        let (needs, others) = (self.ring.tables.need_rings[bin], self.ring.tables.other_rings[bin]);
        self.share.feed(share * needs / (share * needs + (1.0 - share) * others));
    }

    fn refresh(&mut self, now: &Snapshot<'_>) {
        self.refresh_at = now.now + REFRESH;
        self.wrapping.clear();
        self.wrapping.extend(now.wrapping.iter().map(|busy| (class_of(&self.agents, busy.agent), busy.elapsed)));
        self.handling.refresh(now.talking, &self.wrapping);
        self.ring.refresh();
        self.inbound.pass(now.now);
    }

    pub(super) fn decide(&mut self, now: &Snapshot<'_>, settings: &Settings, ledger: &Ledger, reasons: &mut Reasons) -> (u32, Rule) {
        self.learn(now.now);
        if now.now >= self.refresh_at {
            self.refresh(now);
        }
        if self.follower.quick_run(now.now) >= self.failing_at() {
            self.outlook = None;
            return (super::one_to_one(now), Rule::TrunkFails);
        }
        self.ask(now);
        let theta = ledger.theta();
        let new = self.group(0, 1);
        let mut chance = Chance::of(&self.question, &new);
        self.outlook = settings.release.then(|| Outlook { short_soon: self.short_soon(&chance.now()), theta });
        let most = now.free_lines.min(PLACED_AT_ONCE);
        let (place, shortage, next) =
            if self.question.agents == 0 { (0, 0.0, 1.0) } else { chance.largest(&self.ring.tables.person_in, theta, most) };
        reasons.pace = self.pace(ledger, theta, shortage, next);
        let rule = if place < most || most == 0 && next > theta {
            Rule::Shortage
        } else if now.free_lines <= PLACED_AT_ONCE {
            Rule::Lines
        } else {
            Rule::AtOnce
        };
        (place, rule)
    }

    fn group(&self, bin: usize, count: u32) -> Group {
        let tables = &self.ring.tables;
        Group { count, needed_by: tables.needed_by[bin], need_rings: tables.need_rings[bin], other_rings: tables.other_rings[bin] }
    }

    /// Puts what is true now in terms of chances.
    fn ask(&mut self, now: &Snapshot<'_>) {
        let staff = now.ready as usize + now.talking.len() + now.wrapping.len();
        let ahead = now.waiting as usize + now.inbound_waiting as usize;
        let mut question = std::mem::take(&mut self.question);
        question.agents = staff.saturating_sub(ahead);
        question.share = (self.share.mean(), self.share.sd());
        let rate = self.inbound.rate();
        question.inbound = self.middles.map(|middle| rate * middle);

        let mut talks = [0_u32; 128];
        let mut wraps = [[0_u32; 128]; super::handling::WRAPS];
        for busy in now.talking {
            talks[bin_of(busy.elapsed).min(self.handling.talking.len() - 1)] += 1;
        }
        for busy in now.wrapping {
            let class = class_of(&self.agents, busy.agent);
            wraps[class][bin_of(busy.elapsed).min(self.handling.talking.len() - 1)] += 1;
        }
        question.busy.clear();
        let tables = std::iter::once((&talks, &self.handling.talking)).chain(wraps.iter().zip(&self.handling.wrapping));
        for (counts, table) in tables {
            let groups = counts.iter().zip(table).filter(|(count, _)| **count > 0).map(|(count, chances)| (*count, *chances));
            question.busy.extend(groups);
        }

        question.detecting.clear();
        for call in now.detecting {
            let answered = self.follower.peek(call.call).and_then(|followed| followed.answered);
            question.detecting.push(self.ring.detected_by(answered, call.age, &self.middles));
        }

        let mut ages = [0_u32; 512];
        for call in now.ringing {
            ages[self.ring.bin(call.age).min(511)] += 1;
        }
        question.ringing.clear();
        let groups = ages.iter().enumerate().filter(|(_, count)| **count > 0).map(|(bin, count)| self.group(bin, *count));
        question.ringing.extend(groups);
        self.question = question;
    }

    /// Chance that the answers of the next seconds find nobody, weighed by how many are expected when.
    fn short_soon(&self, short: &[f64; CELLS]) -> f64 {
        let share = self.question.share.0;
        let mut upto = [0.0; CELLS];
        for group in &self.question.ringing {
            for (sum, chance) in upto.iter_mut().zip(group.at_share(share)) {
                *sum += f64::from(group.count) * chance;
            }
        }
        let (mut weighed, mut answers, mut before) = (0.0, 0.0, 0.0);
        for (sum, short) in upto.iter().zip(short).take(4) {
            weighed += (sum - before) * short;
            answers += sum - before;
            before = *sum;
        }
        if answers > 1e-6 { weighed / answers } else { 0.0 }
    }

    /// Calls to give up: the oldest, when the next answers would find nobody.
    pub(super) fn release(&mut self, now: &Snapshot<'_>, _reasons: &mut Reasons) -> Vec<u64> {
        let Some(outlook) = self.outlook.take() else { return Vec::new() };
        if now.cancellable.is_empty() || outlook.short_soon <= RELEASE_AT * outlook.theta {
            return Vec::new();
        }
        let age = |call: &u64| self.follower.peek(*call).map_or(f64::NEG_INFINITY, |followed| -followed.placed);
        let mut oldest: Vec<u64> = now.cancellable.to_vec();
        oldest.sort_by(|one, other| age(other).total_cmp(&age(one)));
        let most = (1 + oldest.len() / 4).min(CANCELLED_AT_ONCE);
        oldest.truncate(most);
        oldest
    }

    fn pace(&self, ledger: &Ledger, theta: f64, shortage: f64, shortage_next: f64) -> Pace {
        let (share, share_sd) = self.question.share;
        let middle = CELLS / 2;
        let ringing = self.question.ringing.iter().map(|group| f64::from(group.count) * group.at_share(share)[middle]);
        let detecting = self.question.detecting.iter().map(|chances| chances[middle]);
        let busy = self.question.busy.iter().map(|(count, chances)| f64::from(*count) * chances[middle]).sum::<f64>();
        Pace {
            share,
            share_sd,
            answers: ringing.chain(detecting).sum(),
            free: (self.question.agents as f64 - busy).max(0.0),
            shortage,
            shortage_next,
            theta,
            bank: ledger.bank(),
        }
    }
}

/// Class of the wrap-up an agent is in, after the talk it follows.
fn class_of(agents: &HashMap<u64, Last>, agent: u64) -> usize {
    let talked = agents.get(&agent).and_then(|last| last.talked);
    talked.map_or(super::handling::WRAPS - 1, Handling::class)
}
