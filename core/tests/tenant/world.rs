//! A model of everything around a tenant: a switch that obeys effects, a shard that keeps timers, a clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use tandem_core::event::{CallEvent, Event, Purpose};
use tandem_core::tenant::{Decision, Phase, Tenant};
use tandem_core::{Audio, CallId, Cause, Command, Effect, Endpoint, Envelope, Ids, LegId, Party, Rejection, TenantId, TimerKey, Timestamp};

/// A leg as the switch sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum SwitchLeg {
    /// It called us, no answer yet.
    Offered,
    /// We called it, no answer yet.
    Dialled,
    Up,
    /// Ordered to be released; a deaf one never confirms.
    Releasing {
        deaf: bool,
    },
}

pub(crate) struct World {
    pub(crate) tenant: Tenant,
    pub(crate) now: Timestamp,
    pub(crate) rng: StdRng,
    pub(crate) switch_ids: Ids,
    pub(crate) legs: BTreeMap<LegId, SwitchLeg>,
    pub(crate) history: Vec<Envelope>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) commands: usize,
    pub(crate) refused: usize,
    pub(crate) handling: Duration,
    pub(crate) draining: bool,
    /// REGISTERs without an answer.
    pub(crate) waiting: BTreeSet<u64>,
    pub(crate) next_request: u64,
    ids: Ids,
    /// The state as its events tell it, one command behind while a command is handled.
    shadow: Tenant,
    timers: BTreeMap<TimerKey, Timestamp>,
    /// The timer that is being handled: to cancel it too does no harm.
    fired: Option<TimerKey>,
    calls_begun: BTreeSet<CallId>,
    calls_ended: BTreeSet<CallId>,
    legs_begun: BTreeSet<LegId>,
    legs_ended: BTreeSet<LegId>,
    checked: bool,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let id = TenantId::new("random").unwrap();
        let mut world = World {
            tenant: Tenant::new(id.clone()),
            now: Timestamp::from_micros(1_795_000_000_000_000),
            rng: StdRng::seed_from_u64(seed),
            switch_ids: Ids::new(1, 40),
            legs: BTreeMap::new(),
            history: Vec::new(),
            effects: Vec::new(),
            commands: 0,
            refused: 0,
            handling: Duration::ZERO,
            draining: false,
            waiting: BTreeSet::new(),
            next_request: 0,
            ids: Ids::new(1, 0),
            shadow: Tenant::new(id),
            timers: BTreeMap::new(),
            fired: None,
            calls_begun: BTreeSet::new(),
            calls_ended: BTreeSet::new(),
            legs_begun: BTreeSet::new(),
            legs_ended: BTreeSet::new(),
            checked: true,
        };
        world.set_up();
        world
    }

    /// Without checks and without memory: for measuring.
    pub(crate) fn unchecked(seed: u64) -> Self {
        let mut world = World::new(seed);
        world.checked = false;
        world
    }

    // ---- carrying out ---------------------------------------------------------------------------------------------

    pub(crate) fn send(&mut self, command: Command) -> Result<(), Rejection> {
        let restarted = command == Command::NodeRestarted;
        // The switch knows a leg before the tenant does, and forgets it when the tenant won't have it.
        let offered = if let Command::LegOffered { leg, .. } = &command { Some(*leg) } else { None };
        self.legs.extend(offered.map(|leg| (leg, SwitchLeg::Offered)));
        let mut out = Decision::default();
        let begin = Instant::now();
        let result = self.tenant.handle(self.now, &mut self.ids, command, &mut out);
        self.handling += begin.elapsed();
        self.commands += 1;
        if restarted {
            // The old process is gone, with its timers and dialogs.
            self.timers.clear();
            self.legs.clear();
        }
        if result.is_err() {
            self.refused += 1;
            offered.map(|leg| self.legs.remove(&leg));
            assert!(out.events.is_empty() && out.effects.is_empty(), "{result:?} left {out:?}");
            if self.checked {
                assert_eq!(self.tenant, self.shadow, "{result:?} changed the state");
            }
        }
        for effect in &out.effects {
            if !restarted || !matches!(effect, Effect::SetTimer { .. }) {
                self.obey(effect);
            } else if let Effect::SetTimer { key, at } = effect {
                self.timers.insert(key.clone(), *at);
            }
        }
        for envelope in &out.events {
            self.witness(envelope);
        }
        if self.checked {
            for effect in &out.effects {
                self.check_effect(effect);
            }
            self.check_replay(&out.events);
            if self.draining || self.commands.is_multiple_of(3) {
                self.check_state();
            }
            self.effects.append(&mut out.effects);
            self.history.append(&mut out.events);
        }
        result.map(|_| ())
    }

    /// What the switch and the shard do at once.
    fn obey(&mut self, effect: &Effect) {
        match effect {
            Effect::Dial { leg, .. } => {
                assert!(self.legs.insert(*leg, SwitchLeg::Dialled).is_none(), "{leg} dialled twice");
            }
            Effect::Answer { leg, .. } => {
                assert_eq!(self.legs.insert(*leg, SwitchLeg::Up), Some(SwitchLeg::Offered), "{leg} answered");
            }
            Effect::Ring { leg } | Effect::EarlyMedia { leg, .. } => assert_eq!(self.legs.get(leg), Some(&SwitchLeg::Offered)),
            Effect::Release { leg, cause } => {
                let before = *self.legs.get(leg).unwrap_or_else(|| panic!("{leg} released but over"));
                if !matches!(before, SwitchLeg::Up | SwitchLeg::Releasing { .. }) {
                    assert!((400..700).contains(&cause.sip), "{leg} without answer released with {cause:?}");
                }
                let deaf = self.rng.random_bool(0.03) || before == SwitchLeg::Releasing { deaf: true };
                self.legs.insert(*leg, SwitchLeg::Releasing { deaf });
            }
            Effect::SetTimer { key, at } => {
                assert!(*at >= self.now, "{key:?} is set in the past");
                self.timers.insert(key.clone(), *at);
            }
            Effect::CancelTimer { key } => {
                let fired = self.fired.as_ref() == Some(key);
                assert!(self.timers.remove(key).is_some() || fired, "{key:?} cancelled but not set");
            }
            Effect::Registered { request, .. } | Effect::RegisterRefused { request, .. } => {
                assert!(self.waiting.remove(&request.0), "{request:?} answered twice");
            }
            Effect::TransferAnswered { leg, .. } => assert!(self.legs.contains_key(leg)),
            Effect::Hear { .. } => {}
            Effect::SendDigits { leg, .. } => assert!(self.legs.contains_key(leg)),
            Effect::StartRecording { .. }
            | Effect::RecordSources { .. }
            | Effect::PauseRecording { .. }
            | Effect::ResumeRecording { .. }
            | Effect::StopRecording { .. } => {}
        }
    }

    /// Orders about audio and transfers are meant for legs that are still there once the command is through.
    fn check_effect(&self, effect: &Effect) {
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

    fn witness(&mut self, envelope: &Envelope) {
        let Event::Call(call, event) = &envelope.event else { return };
        match event {
            CallEvent::Arrived(it) => {
                assert!(self.calls_begun.insert(*call) && self.legs_begun.insert(it.leg));
            }
            CallEvent::Originated(_) => assert!(self.calls_begun.insert(*call)),
            CallEvent::Dialled(it) => assert!(self.legs_begun.insert(it.leg)),
            CallEvent::LegEnded(it) => {
                assert!(self.legs_begun.contains(&it.leg) && self.legs_ended.insert(it.leg), "{} ended twice", it.leg);
                self.legs.remove(&it.leg);
            }
            CallEvent::Ended(_) => assert!(self.calls_ended.insert(*call), "{call} ended twice"),
            _ => {}
        }
        let over = self.calls_ended.contains(call) && !matches!(event, CallEvent::Ended(_));
        assert!(!over, "{call} is over but {event:?}");
        assert!(self.calls_begun.contains(call), "{call} has not begun but {event:?}");
    }

    // ---- promises -------------------------------------------------------------------------------------------------

    /// Life and replay agree after every command, and the place in history has no gap. Now and then the state also goes
    /// through its own JSON, as in a snapshot.
    fn check_replay(&mut self, events: &[Envelope]) {
        for envelope in events {
            assert_eq!(envelope.seq, self.shadow.seq() + 1, "a gap in the history");
            self.shadow.apply(envelope);
        }
        assert_eq!(self.shadow, self.tenant, "replay differs from life");
        if self.commands.is_multiple_of(100) {
            let json = serde_json::to_vec(&self.tenant).unwrap();
            self.shadow = serde_json::from_slice(&json).unwrap();
            assert_eq!(self.shadow, self.tenant, "changed by its JSON");
        }
    }

    fn check_state(&self) {
        let mut bridged = BTreeSet::new();
        let mut placed = BTreeSet::new();
        let mut live_calls = 0;
        for (id, call) in self.tenant.calls() {
            assert!(!call.legs.is_empty(), "{id} has no leg");
            live_calls += u32::from(call.legs.iter().any(|leg| self.tenant.leg(*leg).unwrap().is_live()));
            for leg in &call.legs {
                assert!(placed.insert(*leg), "{leg} is in two calls");
                assert_eq!(self.tenant.leg(*leg).unwrap().call, id);
            }
            assert_ne!(call.bridge.len(), 1);
            for leg in &call.bridge {
                assert!(bridged.insert(*leg), "{leg} is in two bridges");
                assert!(call.legs.contains(leg) && self.tenant.leg(*leg).unwrap().is_up(), "{leg} is bridged but not up");
            }
        }
        assert_eq!(live_calls, self.tenant.live_calls());
        assert_eq!(placed.len(), self.tenant.legs().len());
        self.check_legs();
        self.check_nobody_waits_in_vain();
    }

    /// A leg talks, is played something, or waits for somebody who may still answer.
    fn check_nobody_waits_in_vain(&self) {
        let rings = |leg: &LegId| self.tenant.leg(*leg).is_some_and(|leg| leg.is_live() && !leg.is_caller() && leg.phase != Phase::Up);
        for (id, call) in self.tenant.calls() {
            let waits_with = call.transfer.as_ref().and_then(|transfer| transfer.with).and_then(|(_, other)| self.tenant.call(other));
            if let Some(other) = waits_with {
                assert_eq!(other.consulted_by, Some(id));
            }
            let somebody_rings = call.legs.iter().chain(waits_with.iter().flat_map(|other| &other.legs)).any(&rings);
            for leg in call.legs.iter().filter(|leg| self.tenant.leg(**leg).unwrap().is_live()) {
                let talks = call.bridge.contains(leg) || call.service.as_ref().is_some_and(|service| service.leg == *leg);
                if rings(leg) {
                    let originates = self.tenant.leg(*leg).unwrap().purpose == Some(Purpose::Originate);
                    let waited_for = call.legs.iter().any(|other| self.tenant.leg(*other).unwrap().is_live() && !rings(other));
                    assert!(originates || waited_for, "{leg} rings for nobody");
                } else {
                    assert!(talks || somebody_rings, "{leg} waits for nobody");
                }
            }
        }
    }

    fn check_legs(&self) {
        let mut through = BTreeMap::new();
        let mut leg_timers = 0;
        for (id, leg) in self.tenant.legs() {
            if let (Endpoint::Trunk(name), true) = (&leg.endpoint, leg.is_live()) {
                *through.entry(name.clone()).or_insert(0) += 1;
            }
            let rings = !leg.is_caller() && leg.is_live() && leg.phase != Phase::Up;
            assert_eq!(self.timers.contains_key(&TimerKey::NoAnswer(id)), rings, "no-answer timer of {id} {leg:?}");
            assert_eq!(self.timers.contains_key(&TimerKey::ReleaseGuard(id)), !leg.is_live(), "release guard of {id} {leg:?}");
            leg_timers += usize::from(rings || !leg.is_live());
            let seen = self.legs.get(&id).unwrap_or_else(|| panic!("the switch has no {id}"));
            assert_eq!(matches!(seen, SwitchLeg::Releasing { .. }), !leg.is_live(), "{id}");
            if leg.is_live() {
                assert_eq!(*seen == SwitchLeg::Up, leg.phase == Phase::Up, "{id}");
            }
        }
        for (name, count) in &through {
            assert_eq!(self.tenant.trunk_legs(name), *count);
        }
        let bindings: usize = self.tenant.phones().map(|phone| self.tenant.bindings(&phone.user).len()).sum();
        assert_eq!(self.timers.len(), leg_timers + bindings, "a timer without a leg or contact: {:?}", self.timers);
        assert_eq!(self.legs.len(), self.tenant.legs().len());
        assert!(self.waiting.is_empty(), "a REGISTER without an answer");
    }

    pub(crate) fn check_drained(&self) {
        assert_eq!(self.tenant.calls().len(), 0, "calls are left");
        assert_eq!(self.tenant.legs().len(), 0);
        assert_eq!(self.tenant.live_calls(), 0);
        assert!(self.timers.is_empty(), "timers are left: {:?}", self.timers);
        assert_eq!(self.calls_begun, self.calls_ended);
        assert_eq!(self.legs_begun, self.legs_ended);
        for (place, envelope) in self.history.iter().enumerate() {
            assert_eq!(envelope.seq, place as u64 + 1);
        }
    }

    // ---- time -----------------------------------------------------------------------------------------------------

    /// Lets time pass; timers fire when they are due, in order.
    pub(crate) fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        for _ in 0..10_000 {
            let Some((key, at)) = self.timers.iter().min_by_key(|(_, at)| **at).map(|(key, at)| (key.clone(), *at)) else { break };
            if at > end {
                break;
            }
            self.now = self.now.max(at);
            self.timers.remove(&key);
            self.fired = Some(key.clone());
            self.send(Command::TimerFired(key)).unwrap();
            self.fired = None;
        }
        self.now = end;
    }

    /// Everybody hangs up and nothing new begins.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
        for _ in 0..1_000 {
            let Some((leg, state)) = self.legs.iter().find(|(_, state)| **state != SwitchLeg::Releasing { deaf: true }) else { break };
            let (leg, state) = (*leg, *state);
            let cause = if state == SwitchLeg::Up { Cause::normal(Party::Remote) } else { Cause::sip(486, Party::Remote) };
            self.send(Command::LegEnded { leg, cause, stats: None }).unwrap();
        }
        self.pass(Duration::from_secs(100));
        self.pass(Duration::from_secs(100_000));
    }

    // ---- chance ---------------------------------------------------------------------------------------------------

    pub(crate) fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all.choose(&mut self.rng).expect("something to pick from").clone()
    }

    pub(crate) fn chance(&mut self, of_100: u32) -> bool {
        self.rng.random_range(0..100) < of_100
    }

    pub(crate) fn shuffle<T>(&mut self, all: &mut [T]) {
        all.shuffle(&mut self.rng);
    }
}
