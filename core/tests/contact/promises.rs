//! What holds after every command, worked out anew and without the indexes that matching uses.

use std::collections::{BTreeMap, BTreeSet};

use tandem_core::agent::{Mode, PartRole};
use tandem_core::event::{CallEvent, CallOffered, Event};
use tandem_core::queue::{ChoiceRule, Strategy};
use tandem_core::tenant::contact::{QueueEntry, Session, Stage, Waiting};
use tandem_core::tenant::{Call, Tenant};
use tandem_core::{Audio, CallId, Effect, Envelope, LegId, TimerKey, Timestamp, WorkNumber};

use crate::world::{SwitchLeg, World};

/// Free for a call from a queue, in the words of the published table.
fn free(session: &Session) -> bool {
    session.calls.is_empty() && session.mode == Mode::Ready && session.deferred.is_none()
}

/// Everything but the one waited for alone, and who is being offered to somebody already.
fn looked_for(waiting: &Waiting) -> bool {
    waiting.sticky.is_none() && waiting.offers.is_empty()
}

/// Whether one waiting call goes before another of the same queue.
fn goes_before(queue: &QueueEntry, one: (&Waiting, CallId), two: (&Waiting, CallId)) -> bool {
    let worth = |waiting: &Waiting| {
        let step = i64::from(queue.queue.ageing_s) * 1_000_000;
        if step == 0 {
            (-i64::from(waiting.priority), waiting.since.as_micros())
        } else {
            (waiting.since.as_micros() - i64::from(waiting.priority) * step, 0)
        }
    };
    (worth(one.0), one.0.since, one.1) < (worth(two.0), two.0.since, two.1)
}

impl World {
    // ---- one fact after the other ---------------------------------------------------------------------------------

    pub(crate) fn witness(&mut self, envelope: &Envelope) {
        assert_eq!(envelope.seq, self.shadow.seq() + 1, "a gap in the history");
        if let Event::Call(call, event) = &envelope.event {
            if let CallEvent::Offered(it) = event {
                check_offer(&self.shadow, envelope.time, *call, it);
            }
            self.note(*call, event);
        }
        self.shadow.apply(envelope);
    }

    fn note(&mut self, call: CallId, event: &CallEvent) {
        let book = &mut self.book;
        match event {
            CallEvent::Arrived(it) => {
                assert!(book.calls.insert(call, true).is_none() && book.legs.insert(it.leg, true).is_none());
            }
            CallEvent::Originated(_) => assert!(book.calls.insert(call, true).is_none()),
            CallEvent::Dialled(it) => assert!(book.legs.insert(it.leg, true).is_none()),
            CallEvent::LegEnded(it) => {
                assert_eq!(book.legs.insert(it.leg, false), Some(true), "{} ended twice", it.leg);
                self.legs.remove(&it.leg);
                self.told.remove(&it.leg);
            }
            CallEvent::Queued(_) => assert!(book.queued.insert(call), "{call} waits twice"),
            CallEvent::Dequeued(_) => assert!(book.queued.remove(&call), "{call} did not wait"),
            CallEvent::Offered(it) => assert!(book.parts.insert((call, it.agent)), "{call} offered twice to {}", it.agent),
            CallEvent::PartMoved(it) => {
                assert!(book.parts.remove(&(it.from, it.agent)), "{} had no part in {}", it.agent, it.from);
                assert!(book.parts.insert((call, it.agent)));
            }
            CallEvent::AgentLeft(it) => assert!(book.parts.remove(&(call, it.agent)), "{} was not in {call}", it.agent),
            CallEvent::Ended(_) => {
                assert_eq!(book.calls.insert(call, false), Some(true), "{call} ended twice");
                assert!(!book.queued.contains(&call), "{call} ended but waits");
                assert!(book.parts.iter().all(|(of, _)| *of != call), "{call} ended with agents in it");
            }
            _ => {}
        }
        let ended = matches!(event, CallEvent::Ended(_) | CallEvent::RecordingEnded(_));
        assert!(ended || book.calls.get(&call) == Some(&true), "{call} is not going on but {event:?}");
    }

    /// Orders are meant for legs that are still there once the command is through.
    pub(crate) fn check_effect(&self, effect: &Effect) {
        let live = |leg: &LegId| self.tenant.leg(*leg).is_some_and(|leg| leg.is_live());
        if let Effect::Hear { leg, audio } = effect {
            assert!(live(leg), "{leg} is over but is to hear {audio:?}");
            match audio {
                Audio::Leg(other) => assert!(live(other) && other != leg, "{leg} is to hear {other}, which is over"),
                Audio::Mix(others) => assert!(others.len() > 1 && others.iter().all(|other| live(other) && other != leg)),
                _ => {}
            }
        }
    }

    // ---- after each command ---------------------------------------------------------------------------------------

    pub(crate) fn check_state(&self, after: &str) {
        assert_eq!(self.shadow, self.tenant, "replay differs from life after {after}");
        self.check_legs(after);
        self.check_agents(after);
        self.check_queues(after);
    }

    fn check_legs(&self, after: &str) {
        let mut bridged = BTreeSet::new();
        let mut placed = BTreeSet::new();
        let mut live_calls = 0;
        for (id, call) in self.tenant.calls() {
            assert!(!call.legs.is_empty() || !call.parts.is_empty(), "{id} has neither leg nor agent after {after}");
            live_calls += u32::from(call.legs.iter().any(|leg| self.tenant.leg(*leg).unwrap().is_live()));
            for leg in &call.legs {
                assert!(placed.insert(*leg), "{leg} is in two calls");
                assert_eq!(self.tenant.leg(*leg).unwrap().call, id);
            }
            assert_ne!(call.bridge.len(), 1, "{id} has a bridge of one after {after}");
            for leg in &call.bridge {
                assert!(bridged.insert(*leg), "{leg} is in two bridges");
                assert!(call.legs.contains(leg) && self.tenant.leg(*leg).unwrap().is_up(), "{leg} is bridged but not up after {after}");
            }
            self.check_reasons(id, call, after);
        }
        assert_eq!(live_calls, self.tenant.live_calls());
        assert_eq!(placed.len(), self.tenant.legs().len());
        for (id, leg) in self.tenant.legs() {
            let seen = self.legs.get(&id).unwrap_or_else(|| panic!("the switch has no {id} after {after}"));
            assert_eq!(matches!(seen, SwitchLeg::Releasing { .. }), !leg.is_live(), "{id}");
        }
        assert_eq!(self.legs.len(), self.tenant.legs().len(), "after {after}");
    }

    /// A leg talks, is told something, waits, or somebody is on the way to it.
    fn check_reasons(&self, id: CallId, call: &Call, after: &str) {
        let rings = |leg: &LegId| {
            self.tenant.leg(*leg).is_some_and(|leg| leg.is_live() && !leg.is_caller() && leg.phase < tandem_core::tenant::Phase::Up)
        };
        let somebody_rings = call.legs.iter().any(rings);
        for leg in call.legs.iter().filter(|leg| self.tenant.leg(**leg).unwrap().is_live()) {
            let agent = self.tenant.leg(*leg).unwrap().agent;
            let stays = call.bridge.contains(leg)
                || call.service.is_some()
                || call.transfer.is_some()
                || somebody_rings
                || call.waiting.is_some()
                || call.announcing.is_some()
                || call.collecting.is_some()
                || call.voicemail.is_some()
                || call.conference.is_some()
                || call.playback.is_some()
                || match agent {
                    Some(agent) => call.part(agent).is_some() || call.kind == tandem_core::event::CallKind::Line,
                    None => call.parts.iter().any(|part| !matches!(part.role, PartRole::Supervisor(_))),
                };
            assert!(stays, "{leg} of {id} waits for nobody after {after}: {call:#?}");
        }
    }

    /// One phone, one talk; whoever is reserved is being connected; parts and sessions agree.
    fn check_agents(&self, after: &str) {
        let mut parts: BTreeMap<WorkNumber, Vec<CallId>> = BTreeMap::new();
        let mut talks: BTreeSet<WorkNumber> = BTreeSet::new();
        for (id, call) in self.tenant.calls() {
            for part in &call.parts {
                parts.entry(part.agent).or_default().push(id);
                let device = self.tenant.device(part.agent);
                let legs = &self.tenant.session(part.agent).unwrap_or_else(|| panic!("{} is not signed in", part.agent)).legs;
                let here = |leg: &&LegId| self.tenant.leg(**leg).is_some_and(|leg| leg.is_live() && leg.call == id);
                match part.stage {
                    Stage::Alerting | Stage::Talking => {
                        assert!(talks.insert(part.agent), "{} is in two calls after {after}", part.agent);
                        assert_eq!(device.map(|(_, at)| at), Some(id), "{} talks without a phone after {after}", part.agent);
                    }
                    Stage::Reserved => {
                        assert!(legs.iter().any(|leg| here(&leg)), "{} is reserved for {id} in vain after {after}", part.agent);
                    }
                    Stage::Held => {}
                }
                let timed = part.until.is_some() && part.stage < Stage::Talking;
                assert_eq!(
                    self.timers.contains_key(&TimerKey::Offer(id, part.agent)),
                    timed,
                    "offer timer of {} after {after}",
                    part.agent
                );
            }
        }
        let mut signed_in = 0;
        for entry in self.tenant.agents() {
            let Some(session) = &entry.session else {
                assert!(entry.listed.is_empty());
                continue;
            };
            signed_in += 1;
            let mut own = session.calls.clone();
            own.sort_unstable();
            let mut seen = parts.remove(&entry.agent.number).unwrap_or_default();
            seen.sort_unstable();
            assert_eq!(own, seen, "calls of {} after {after}", entry.agent.number);
            let up = session.legs.iter().filter(|leg| self.tenant.leg(**leg).is_some_and(|leg| leg.is_up())).count();
            assert!(up <= 1, "{} has two phones after {after}", entry.agent.number);
            let ends = matches!(session.mode, Mode::WrapUp { until: Some(until) } if until > self.now);
            assert!(
                !ends || self.timers.contains_key(&TimerKey::Mode(entry.agent.number)),
                "wrap-up of {} after {after}",
                entry.agent.number
            );
        }
        assert_eq!(signed_in, self.tenant.signed_in());
        assert!(parts.is_empty());
    }

    /// Nobody waits while somebody who could serve is free; the indexes say what the calls and sessions say.
    fn check_queues(&self, after: &str) {
        let mut waiting: BTreeMap<_, BTreeSet<CallId>> = BTreeMap::new();
        for (id, call) in self.tenant.calls() {
            let Some(it) = &call.waiting else { continue };
            waiting.entry(it.queue).or_default().insert(id);
            assert!(self.tenant.leg(it.leg).is_some_and(|leg| leg.is_live() && leg.call == id), "{id} waits without a leg after {after}");
            for agent in &it.offers {
                assert!(
                    call.part(*agent).is_some_and(|part| part.stage < Stage::Talking),
                    "{id} is offered to {agent} in vain after {after}"
                );
            }
            let serves = |agent: &WorkNumber| self.tenant.session(*agent).is_some_and(free);
            let serving = &self.tenant.queue(it.queue).unwrap().serving;
            if looked_for(it) {
                let idle: Vec<_> = serving.iter().filter(|agent| serves(agent)).collect();
                assert!(idle.is_empty(), "{id} waits while {idle:?} are free after {after}");
            }
            if let Some(agent) = it.sticky {
                assert!(serving.contains(&agent), "{id} waits for {agent}, who does not serve, after {after}");
                assert!(!it.offers.is_empty() || !serves(&agent), "{id} waits for {agent}, who is free, after {after}");
            }
        }
        for entry in self.tenant.queues() {
            let calls: BTreeSet<CallId> = entry.waiting.values().copied().collect();
            assert_eq!(calls, waiting.remove(&entry.queue.id).unwrap_or_default(), "queue {} after {after}", entry.queue.id);
            let ready: BTreeSet<WorkNumber> = entry.ready.iter().map(|key| key.agent).collect();
            let idle: BTreeSet<WorkNumber> =
                entry.serving.iter().copied().filter(|agent| self.tenant.session(*agent).is_some_and(free)).collect();
            assert_eq!(ready, idle, "ready agents of queue {} after {after}", entry.queue.id);
        }
        assert!(waiting.is_empty());
    }

    pub(crate) fn check_closed(&self) {
        assert_eq!(self.tenant.calls().len(), 0, "calls are left: {:#?}", self.tenant.calls().collect::<Vec<_>>());
        assert_eq!(self.tenant.legs().len(), 0);
        assert_eq!((self.tenant.live_calls(), self.tenant.signed_in()), (0, 0));
        for entry in self.tenant.queues() {
            let empty = entry.serving.is_empty()
                && entry.waiting.is_empty()
                && entry.ready.is_empty()
                && entry.open.is_empty()
                && entry.sticky.is_empty();
            assert!(empty, "queue {} is not empty", entry.queue.id);
        }
        assert!(self.timers.is_empty(), "timers are left: {:?}", self.timers);
        assert!(self.book.calls.values().chain(self.book.legs.values()).all(|goes_on| !goes_on));
        assert!(self.book.queued.is_empty() && self.book.parts.is_empty());
    }
}

/// The decision, worked out by looking at everybody.
fn check_offer(before: &Tenant, now: Timestamp, id: CallId, offer: &CallOffered) {
    let session = before.session(offer.agent).unwrap_or_else(|| panic!("{} is not signed in", offer.agent));
    let Some(choice) = &offer.choice else { return };
    assert_eq!(choice.candidates.first().map(|first| first.agent), Some(offer.agent), "the chosen one comes first");
    let ChoiceRule::Strategy(strategy) = choice.rule else { return };
    assert!(free(session), "{} was not free", offer.agent);
    let call = before.call(id).unwrap();
    let waiting = call.waiting.as_ref().unwrap();
    let queue = before.queue(waiting.queue).unwrap();
    assert_eq!((strategy, choice.waiting as usize), (queue.queue.strategy, queue.waiting.len()));
    assert!(queue.serving.contains(&offer.agent));
    // In turn: nobody in this queue who is looked for goes before.
    for other in queue.waiting.values() {
        let other_waiting = before.call(*other).unwrap().waiting.as_ref().unwrap();
        let passed = *other != id && looked_for(other_waiting) && goes_before(queue, (other_waiting, *other), (waiting, id));
        assert!(!passed, "{other} was passed over for {id}");
    }
    let idle: Vec<WorkNumber> = queue.serving.iter().copied().filter(|agent| before.session(*agent).is_some_and(free)).collect();
    assert_eq!(idle.len(), choice.ready as usize, "ready agents are counted wrong");
    let fresh: Vec<WorkNumber> = idle.iter().copied().filter(|agent| !waiting.refused.contains(agent)).collect();
    let candidates = if fresh.is_empty() { idle } else { fresh };
    if candidates.len() < 2 {
        return;
    }
    assert!(candidates.contains(&offer.agent), "{} did not take it before, and others are free", offer.agent);
    let value = |agent: WorkNumber| {
        let entry = before.agent(agent).unwrap();
        let session = entry.session.as_ref().unwrap();
        let level = entry.agent.skills.iter().find(|skill| skill.queue == waiting.queue).map_or(0, |skill| skill.level);
        let idle = -i64::try_from(now.since(session.idle_since).as_micros()).unwrap();
        match strategy {
            Strategy::LongestIdle => (0, idle, agent),
            Strategy::FewestCalls => (i64::from(session.calls_taken), 0, agent),
            Strategy::SkillLevel => (i64::from(level), idle, agent),
            Strategy::RoundRobin => (i64::from(queue.last_chosen.is_some_and(|last| agent <= last)), 0, agent),
            Strategy::RingAll => (0, 0, offer.agent),
        }
    };
    let best = candidates.into_iter().min_by_key(|agent| value(*agent)).unwrap();
    if strategy != Strategy::RingAll {
        assert_eq!(best, offer.agent, "the wrong agent by {strategy:?}");
    }
}
