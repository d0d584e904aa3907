//! A model of everything around a tenant: a switch that obeys, a shard that keeps timers, a recorder, a clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use smol_str::SmolStr;
use tandem_core::tenant::{Decision, Tenant};
use tandem_core::{
    Audio, CallId, Cause, Command, Effect, Envelope, Ids, LegId, Party, RecordingId, Rejection, TenantId, TimerKey, Timestamp, WorkNumber,
};

/// A leg as the switch sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SwitchLeg {
    Offered,
    Dialled,
    Up,
    /// Ordered to be released; a deaf one never confirms, a slow one late.
    Releasing {
        deaf: bool,
    },
}

pub(crate) struct World {
    pub(crate) tenant: Tenant,
    /// The state as its events tell it.
    pub(crate) shadow: Tenant,
    pub(crate) now: Timestamp,
    pub(crate) rng: StdRng,
    pub(crate) switch_ids: Ids,
    pub(crate) legs: BTreeMap<LegId, SwitchLeg>,
    /// Legs that hear something with an end.
    pub(crate) told: BTreeSet<LegId>,
    /// Recordings, and whether they were ordered to end.
    pub(crate) recordings: BTreeMap<RecordingId, bool>,
    pub(crate) timers: BTreeMap<TimerKey, Timestamp>,
    pub(crate) history: Vec<Envelope>,
    pub(crate) book: Book,
    pub(crate) cseq: u32,
    ids: Ids,
}

/// What has begun and must end once.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) calls: BTreeMap<CallId, bool>,
    pub(crate) legs: BTreeMap<LegId, bool>,
    pub(crate) queued: BTreeSet<CallId>,
    pub(crate) parts: BTreeSet<(CallId, WorkNumber)>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let id = TenantId::new("random").unwrap();
        World {
            tenant: Tenant::new(id.clone()),
            shadow: Tenant::new(id),
            now: Timestamp::from_micros(1_795_000_000_000_000),
            rng: StdRng::seed_from_u64(seed),
            switch_ids: Ids::new(1, 40),
            legs: BTreeMap::new(),
            told: BTreeSet::new(),
            recordings: BTreeMap::new(),
            timers: BTreeMap::new(),
            history: Vec::new(),
            book: Book::default(),
            cseq: 0,
            ids: Ids::new(1, 0),
        }
    }

    pub(crate) fn send(&mut self, command: Command) -> Result<(), Rejection> {
        let restarted = command == Command::NodeRestarted;
        let offered = if let Command::LegOffered { leg, .. } = &command { Some(*leg) } else { None };
        self.legs.extend(offered.map(|leg| (leg, SwitchLeg::Offered)));
        let mut out = Decision::default();
        let named = format!("{command:?}");
        let result = self.tenant.handle(self.now, &mut self.ids, command, &mut out);
        if restarted {
            // The old process is gone with its dialogs and timers; its recordings are found on disk and repaired.
            self.legs.clear();
            self.told.clear();
            self.timers.clear();
            self.recordings.values_mut().for_each(|ends| *ends = true);
        }
        if result.is_err() {
            offered.map(|leg| self.legs.remove(&leg));
            assert!(out.events.is_empty() && out.effects.is_empty(), "{named}: {result:?} left {:?} {:?}", out.events, out.effects);
            assert_eq!(self.tenant, self.shadow, "{named}: {result:?} changed the state");
            return result.map(drop);
        }
        for effect in &out.effects {
            self.obey(effect);
        }
        for envelope in out.events {
            self.witness(&envelope);
            self.history.push(envelope);
        }
        for effect in &out.effects {
            self.check_effect(effect);
        }
        self.check_state(&named);
        Ok(())
    }

    /// What the switch and the shard do at once.
    fn obey(&mut self, effect: &Effect) {
        match effect {
            Effect::Dial { leg, .. } => assert!(self.legs.insert(*leg, SwitchLeg::Dialled).is_none(), "{leg} dialled twice"),
            Effect::Answer { leg, .. } => {
                assert_eq!(self.legs.insert(*leg, SwitchLeg::Up), Some(SwitchLeg::Offered), "{leg} answered");
            }
            Effect::Ring { leg } | Effect::EarlyMedia { leg, .. } => assert_eq!(self.legs.get(leg), Some(&SwitchLeg::Offered)),
            Effect::Release { leg, cause } => {
                let before = *self.legs.get(leg).unwrap_or_else(|| panic!("{leg} released but over"));
                if matches!(before, SwitchLeg::Offered | SwitchLeg::Dialled) {
                    assert!((400..700).contains(&cause.sip), "{leg} without answer released with {cause:?}");
                }
                let deaf = self.rng.random_bool(0.03) || before == SwitchLeg::Releasing { deaf: true };
                self.legs.insert(*leg, SwitchLeg::Releasing { deaf });
                self.told.remove(leg);
            }
            Effect::Hear { leg, audio } => {
                let ends = match audio {
                    Audio::Sequence { repeat, .. } | Audio::Prompt { repeat, .. } => !repeat,
                    Audio::Recording { .. } => true,
                    _ => false,
                };
                if ends {
                    self.told.insert(*leg);
                } else {
                    self.told.remove(leg);
                }
            }
            Effect::SetTimer { key, at } => {
                assert!(*at >= self.now, "{key:?} is set in the past");
                self.timers.insert(key.clone(), *at);
            }
            Effect::CancelTimer { key } => drop(self.timers.remove(key)),
            Effect::TransferAnswered { leg, .. } | Effect::SendDigits { leg, .. } => assert!(self.legs.contains_key(leg)),
            Effect::StartRecording { recording, .. } => assert!(self.recordings.insert(*recording, false).is_none()),
            Effect::StopRecording { recording } => {
                self.recordings.entry(*recording).and_modify(|ends| *ends = true);
            }
            Effect::RecordSources { .. } | Effect::PauseRecording { .. } | Effect::ResumeRecording { .. } => {}
            Effect::Registered { .. } | Effect::RegisterRefused { .. } => {}
        }
    }

    // ---- the recorder ---------------------------------------------------------------------------------------------

    /// Recordings that were ordered to end are complete.
    pub(crate) fn recorder_reacts(&mut self) {
        let ended: Vec<RecordingId> = self.recordings.iter().filter(|(_, ends)| **ends).map(|(id, _)| *id).collect();
        for recording in ended {
            self.recordings.remove(&recording);
            let command = if self.chance(5) {
                Command::RecordingFailed { recording, reason: SmolStr::new("disk full") }
            } else {
                Command::RecordingEnded { recording, duration_ms: 1000, bytes: 16_000, path: format!("{recording}.wav").into() }
            };
            let _ = self.send(command);
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
            self.send(Command::TimerFired(key)).unwrap();
        }
        self.now = end;
    }

    /// Everybody hangs up and signs out, nothing new begins, and the last timers fire.
    pub(crate) fn close(&mut self) {
        let agents: Vec<WorkNumber> =
            self.tenant.agents().filter(|entry| entry.session.is_some()).map(|entry| entry.agent.number).collect();
        for agent in agents {
            let wish = tandem_core::AgentWish::SignOut(tandem_core::agent::SignOutReason::Asked);
            self.send(Command::Agent { agent, wish }).unwrap();
        }
        for _ in 0..1_000 {
            let Some((leg, state)) = self.legs.iter().find(|(_, state)| **state != SwitchLeg::Releasing { deaf: true }) else { break };
            let (leg, state) = (*leg, *state);
            let cause = if state == SwitchLeg::Up { Cause::normal(Party::Remote) } else { Cause::sip(486, Party::Remote) };
            self.send(Command::LegEnded { leg, cause, stats: None }).unwrap();
        }
        self.recordings.values_mut().for_each(|ends| *ends = true);
        self.recorder_reacts();
        self.pass(Duration::from_secs(100));
        self.pass(Duration::from_secs(100_000));
        self.check_closed();
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
