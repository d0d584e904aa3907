//! Random days of a small centre in which supervisors sit in, conferences meet, recordings run and play: after each
//! command the promises of these subjects hold, and when everybody has hung up nothing is left.
//!
//! A failing day prints its seed; `TANDEM_SEED=<seed> cargo test -p tandem-core --lib seats` lives it again.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::centre::*;
use super::*;
use crate::agent::{AgentRole, AgentWish, HandoverMode, Mode, PartRole, Reach, SignIn, SignOutReason, SuperviseMode};
use crate::command::CollectRules;
use crate::id::RecordingId;
use crate::tenant::contact::Stage as PartStage;

const AGENTS: [u32; 5] = [101, 102, 103, 104, 105];
const DAYS: u64 = 20;
const STEPS: usize = 1_500;

#[derive(Debug, Clone, Copy, PartialEq)]
enum SwitchLeg {
    Offered,
    Dialled,
    Up,
    Releasing,
}

/// What the switch makes of a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Tape {
    Runs,
    Stopped,
}

struct Day {
    s: Stage,
    rng: StdRng,
    legs: BTreeMap<LegId, SwitchLeg>,
    timers: BTreeMap<TimerKey, Timestamp>,
    fired: Option<TimerKey>,
    tapes: BTreeMap<RecordingId, Tape>,
    tapes_ended: BTreeSet<RecordingId>,
    kinds: BTreeMap<&'static str, usize>,
}

impl Day {
    fn new(seed: u64) -> Self {
        let mut day = Day {
            s: Stage::centre(),
            rng: StdRng::seed_from_u64(seed),
            legs: BTreeMap::new(),
            timers: BTreeMap::new(),
            fired: None,
            tapes: BTreeMap::new(),
            tapes_ended: BTreeSet::new(),
            kinds: BTreeMap::new(),
        };
        for name in ["1004", "1005"] {
            day.s.does(Command::AddPhone(phone(name)));
            day.s.register(name, vec![contact(&format!("sip:{name}@phone"))], name.parse().unwrap());
        }
        day.s.does(Command::ChangeTenant(TenantSettings { max_calls: 40, ..TenantSettings::named("Demo") }));
        for number in [104, 105] {
            day.s.does(Command::AddAgent(crate::agent::Agent { role: AgentRole::Supervisor, ..agent(number, &[2]) }));
        }
        day.s.does(Command::AddNumber(number("799", Destination::Voicemail(queue_id(1)))));
        day.s.changes_queue(1, |queue| queue.record = true);
        // A day is shorter than the registrations of its phones.
        for agent in AGENTS {
            day.signs_in(agent);
        }
        day
    }

    fn signs_in(&mut self, agent: u32) {
        let (auto_answer, keep_phone) = (self.chance(50), self.chance(30));
        let wish = SignIn { auto_answer, keep_phone, ..sign_in(&(agent + 900).to_string()) };
        self.send(Command::Agent { agent: work(agent), wish: AgentWish::SignIn(wish) });
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_ratio(percent, 100)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        *from.choose(&mut self.rng).unwrap()
    }

    // ---- carrying out ---------------------------------------------------------------------------------------------

    fn send(&mut self, command: Command) {
        if let Command::LegOffered { leg, .. } = &command {
            self.legs.insert(*leg, SwitchLeg::Offered);
        }
        let restarted = command == Command::NodeRestarted;
        let text = format!("{command:?}");
        if restarted {
            self.legs.clear();
            self.timers.clear();
            for tape in self.tapes.values_mut() {
                *tape = Tape::Stopped;
            }
        }
        if self.s.tell(command).is_err() {
            assert!(self.s.out.events.is_empty() && self.s.out.effects.is_empty(), "{text} was refused but did something");
        }
        for effect in std::mem::take(&mut self.s.out.effects) {
            self.obey(&effect);
        }
        for envelope in &self.s.out.events {
            *self.kinds.entry(envelope.event.kind()).or_default() += 1;
            if let Event::Call(_, CallEvent::RecordingEnded(it)) = &envelope.event {
                assert!(self.tapes_ended.insert(it.recording), "a recording ended twice");
            }
        }
        self.check(&text);
    }

    fn obey(&mut self, effect: &Effect) {
        let live = |leg: &LegId| self.s.tenant.leg(*leg).is_some_and(super::Leg::is_live);
        match effect {
            Effect::Dial { leg, .. } => drop(self.legs.insert(*leg, SwitchLeg::Dialled)),
            Effect::Answer { leg, .. } => drop(self.legs.insert(*leg, SwitchLeg::Up)),
            Effect::Release { leg, .. } => drop(self.legs.insert(*leg, SwitchLeg::Releasing)),
            Effect::SetTimer { key, at } => drop(self.timers.insert(key.clone(), *at)),
            Effect::CancelTimer { key } => {
                let known = self.timers.remove(key).is_some() || self.fired.as_ref() == Some(key);
                assert!(known || !ours(key), "{key:?} is cancelled but not set");
            }
            Effect::StartRecording { recording, left, right, .. } => {
                assert!(left.iter().chain(right).all(live), "a recording of legs that are over");
                assert!(self.tapes.insert(*recording, Tape::Runs).is_none(), "begun twice");
            }
            Effect::RecordSources { recording, left, right } => {
                assert!(left.iter().chain(right).all(live), "a recording of legs that are over");
                assert_eq!(self.tapes.get(recording), Some(&Tape::Runs));
            }
            Effect::PauseRecording { recording } | Effect::ResumeRecording { recording } => {
                assert_eq!(self.tapes.get(recording), Some(&Tape::Runs));
            }
            Effect::StopRecording { recording } => {
                assert_eq!(self.tapes.insert(*recording, Tape::Stopped), Some(Tape::Runs), "stopped twice, or never begun");
            }
            _ => {}
        }
    }

    // ---- promises -------------------------------------------------------------------------------------------------

    fn check(&self, after: &str) {
        let tenant = &self.s.tenant;
        for entry in tenant.agents() {
            let number = entry.agent.number;
            let Some(session) = &entry.session else { continue };
            let parts = session.calls.iter().map(|id| tenant.call(*id).and_then(|call| call.part(number)).expect(after));
            let talks = parts.filter(|part| part.stage == PartStage::Talking).count();
            assert!(talks <= 1, "{number} talks in {talks} calls after {after}");
        }
        for (id, call) in tenant.calls() {
            self.check_parts(id, call, after);
            self.check_sounds(id, call, after);
            for leg in &call.legs {
                self.check_hearing(*leg, id, after);
            }
        }
    }

    fn check_parts(&self, id: CallId, call: &super::Call, after: &str) {
        let tenant = &self.s.tenant;
        for part in &call.parts {
            let session = tenant.session(part.agent).unwrap_or_else(|| panic!("{} has a part without a session after {after}", part.agent));
            assert_eq!(session.calls.iter().filter(|other| **other == id).count(), 1, "{after}");
            if let PartRole::Supervisor(of) = part.role {
                assert!(call.part(of).is_some(), "{} sits in where {of} is not, after {after}", part.agent);
                assert!(!call.bridge.iter().any(|leg| tenant.leg(*leg).is_some_and(|leg| leg.agent == Some(part.agent))), "{after}");
                if let Some(there) = tenant.supervisable(of) {
                    assert_eq!(there, id, "{} did not follow {of} after {after}", part.agent);
                }
            }
        }
    }

    fn check_sounds(&self, id: CallId, call: &super::Call, after: &str) {
        let tenant = &self.s.tenant;
        for recording in &call.recordings {
            match recording.agent {
                Some(agent) => assert!(call.part(agent).is_some(), "a recording outlives its part after {after}"),
                None => assert!(tenant.message_leg(id, call).is_some(), "a recording outlives its message after {after}"),
            }
            assert_eq!(self.tapes.get(&recording.id), Some(&Tape::Runs), "{after}");
        }
        if let Some(collecting) = &call.collecting {
            assert!(tenant.leg(collecting.leg).is_some_and(super::Leg::is_live), "keys of nobody are awaited after {after}");
        }
        if let Some(playback) = &call.playback {
            assert!(call.part(playback.agent).is_some(), "nobody listens after {after}");
        }
        let Some(conference) = call.conference.as_ref().filter(|conference| !conference.members.is_empty()) else { return };
        assert!(call.part(conference.chair).is_some(), "a conference without its chair after {after}");
        assert!(conference.members.len() <= usize::from(conference.size), "{after}");
        assert!(self.timers.contains_key(&TimerKey::Conference(id)), "a conference without end after {after}");
        for member in &conference.members {
            if let Reach::Agent(agent) = member.who {
                assert!(call.part(agent).is_some(), "{agent} is a member without a part after {after}");
            } else if let Some(leg) = member.leg {
                assert!(tenant.is_live_in(leg, id), "a member that has gone after {after}");
            }
        }
    }

    fn check_hearing(&self, leg: LegId, id: CallId, after: &str) {
        let tenant = &self.s.tenant;
        let heard = match tenant.hears(leg) {
            Some(Audio::Leg(one)) => vec![one],
            Some(Audio::Mix(legs)) => legs,
            _ => Vec::new(),
        };
        for other in heard {
            assert!(other != leg && tenant.is_live_in(other, id), "{leg} hears {other}, which is not in its call, after {after}");
            let mute =
                tenant.leg(other).and_then(|leg| leg.agent).and_then(|agent| tenant.call(id)?.part(agent)).is_some_and(|part| part.muted);
            assert!(!mute, "a muted agent is heard after {after}");
        }
    }

    // ---- what happens ---------------------------------------------------------------------------------------------

    fn step(&mut self) {
        match self.rng.random_range(0..1000) {
            0..440 => self.switch_reacts(),
            440..470 => self.offer(),
            470..880 => self.agent_wishes(),
            880..900 => self.tape_ends(),
            900..910 => self.collect(),
            910..997 => {
                let seconds = self.rng.random_range(0..20);
                self.pass(seconds);
            }
            997..999 => self.pass(1_000),
            _ => self.send(Command::NodeRestarted),
        }
    }

    fn offer(&mut self) {
        let leg = self.s.switch_ids.leg();
        let called = self.pick(&["700", "700", "701", "799", "600", "7101"]).into();
        let from = Endpoint::Trunk(trunk_name("a"));
        self.send(Command::LegOffered {
            leg,
            from,
            caller: "4711".into(),
            caller_name: None,
            called,
            dialog: dialog(5070),
            replaces: None,
        });
        if self.s.tenant.leg(leg).is_none() {
            self.legs.remove(&leg);
        }
    }

    fn switch_reacts(&mut self) {
        let legs: Vec<LegId> = self.legs.keys().copied().collect();
        if legs.is_empty() {
            return self.offer();
        }
        let leg = self.pick(&legs);
        let command = match (self.legs[&leg], self.rng.random_range(0..100)) {
            (SwitchLeg::Releasing, _) | (SwitchLeg::Offered, 90..) | (SwitchLeg::Up, 97..) => return self.leg_ends(leg, 200),
            (SwitchLeg::Offered, _) => return,
            (SwitchLeg::Dialled, 0..80) => {
                self.legs.insert(leg, SwitchLeg::Up);
                Command::LegAnswered { leg, dialog: dialog(1), media: media() }
            }
            (SwitchLeg::Dialled, 80..94) => Command::LegProgressed { leg, status: 180, early_media: false },
            (SwitchLeg::Dialled, _) => {
                let status = self.pick(&[486, 480, 503, 603]);
                return self.leg_ends(leg, status);
            }
            (SwitchLeg::Up, 0..30) => Command::LegDigit { leg, digit: self.pick(&['1', '#']), duration_ms: 80 },
            (SwitchLeg::Up, 30..60) => Command::PromptEnded { leg },
            (SwitchLeg::Up, 60..65) => Command::PromptFailed { leg, reason: "no such file".into() },
            (SwitchLeg::Up, 65..69) => Command::LegHeld { leg },
            (SwitchLeg::Up, _) => Command::LegResumed { leg },
        };
        self.send(command);
    }

    fn leg_ends(&mut self, leg: LegId, status: u16) {
        self.legs.remove(&leg);
        self.send(Command::LegEnded { leg, cause: Cause::sip(status, Party::Remote), stats: None });
    }

    fn tape_ends(&mut self) {
        let tapes: Vec<RecordingId> = self.tapes.keys().copied().collect();
        if tapes.is_empty() {
            return;
        }
        let recording = self.pick(&tapes);
        let command = match self.tapes[&recording] {
            Tape::Runs => {
                if self.chance(70) {
                    return;
                }
                Command::RecordingFailed { recording, reason: "disk full".into() }
            }
            Tape::Stopped => Command::RecordingEnded { recording, duration_ms: 1, bytes: 1, path: "a.wav".into() },
        };
        self.tapes.remove(&recording);
        self.send(command);
    }

    fn collect(&mut self) {
        let legs: Vec<LegId> = self.legs.keys().copied().collect();
        if legs.is_empty() {
            return;
        }
        let (leg, interrupt) = (self.pick(&legs), self.chance(50));
        let prompts = if self.chance(50) { vec!["menu".into()] } else { Vec::new() };
        let rules = CollectRules { max: 3, terminator: Some('#'), first_ms: 5_000, next_ms: 3_000, interrupt };
        self.send(Command::Collect { leg, prompts, rules });
    }

    fn agent_wishes(&mut self) {
        let agent = self.pick(&AGENTS);
        if self.s.tenant.session(work(agent)).is_none() {
            return self.signs_in(agent);
        }
        let part = self.part(agent);
        let wish = match part {
            Some((_, PartStage::Alerting)) if self.chance(70) => AgentWish::Answer { call: None },
            Some((PartRole::Supervisor(of), _)) if self.chance(30) => self.supervisor_wish(of),
            Some((PartRole::Member, _)) if self.chance(60) => self.member_wish(agent),
            Some((PartRole::Listener, _)) if self.chance(60) => self.listener_wish(),
            None if agent >= 104 && self.chance(70) => {
                let of = self.someone();
                self.supervisor_wish(of)
            }
            _ => self.wish(),
        };
        self.send(Command::Agent { agent: work(agent), wish });
    }

    fn part(&self, agent: u32) -> Option<(PartRole, PartStage)> {
        let call = *self.s.tenant.session(work(agent))?.calls.last()?;
        self.s.tenant.call(call)?.part(work(agent)).map(|part| (part.role, part.stage))
    }

    fn someone(&mut self) -> WorkNumber {
        work(self.pick(&AGENTS))
    }

    fn some_call(&mut self) -> CallId {
        let mut calls: Vec<CallId> = self.s.tenant.calls().map(|(id, _)| id).collect();
        calls.sort_unstable();
        if calls.is_empty() { CallId(1) } else { self.pick(&calls) }
    }

    fn supervisor_wish(&mut self, agent: WorkNumber) -> AgentWish {
        let mode = self.pick(&[SuperviseMode::Listen, SuperviseMode::Whisper, SuperviseMode::Join]);
        match self.rng.random_range(0..100) {
            0..60 => AgentWish::Supervise { agent, mode },
            60..68 => AgentWish::StopSupervising { agent },
            68..84 => AgentWish::Intercept { agent },
            84..90 => AgentWish::ForceMode { agent, mode: self.pick(&[Mode::Ready, Mode::NotReady { reason: 0 }]) },
            90..93 => AgentWish::ForceSignOut { agent },
            93..96 => AgentWish::ForceRelease { call: self.some_call() },
            _ => AgentWish::AdjustSkills { agent, skills: vec![queue_id(2)] },
        }
    }

    fn reach(&mut self) -> Reach {
        match self.rng.random_range(0..10) {
            0..6 => Reach::Agent(self.someone()),
            6 => Reach::Queue(queue_id(1)),
            _ => Reach::Number(self.pick(&["0123", "0456", "1002", "600"]).into()),
        }
    }

    fn wish(&mut self) -> AgentWish {
        match self.rng.random_range(0..100) {
            0..24 => AgentWish::Ready,
            24..26 => AgentWish::Reject { call: None, requeue: true },
            26..31 => AgentWish::Hold,
            31..38 => AgentWish::Retrieve { call: None },
            38..41 => AgentWish::Mute,
            41..44 => AgentWish::Unmute,
            44..52 => AgentWish::Consult { to: self.reach(), three_party: self.chance(40), data: "".into() },
            52..56 => AgentWish::Join { call: self.some_call(), data: None },
            56 => AgentWish::Connect { call: self.some_call() },
            57..61 => {
                let mode = self.pick(&[HandoverMode::Blind, HandoverMode::Success, HandoverMode::Talk, HandoverMode::ThreeParty]);
                AgentWish::HandOver { to: self.reach(), mode, caller: None, data: None }
            }
            61..66 => AgentWish::CallOut { to: "0123".into(), caller: None, queue: None, data: "".into() },
            66..70 => AgentWish::CallInside { to: Reach::Agent(self.someone()), data: "".into() },
            70..72 => AgentWish::Release,
            72 if self.chance(50) => AgentWish::HangUpPhone,
            72 => AgentWish::SignOut(SignOutReason::Asked),
            73..76 => AgentWish::StartRecording,
            76..78 => AgentWish::PauseRecording,
            78..80 => AgentWish::ResumeRecording,
            80 => AgentWish::StopRecording,
            81..88 => AgentWish::Play { path: "d/a.wav".into(), from_ms: 0, times: self.pick(&[1, 3]) },
            88..96 => AgentWish::BeginConference { members: self.pick(&[2, 4, 8]), minutes: self.pick(&[1, 5]) },
            _ => self.member_wish(101),
        }
    }

    fn listener_wish(&mut self) -> AgentWish {
        match self.rng.random_range(0..10) {
            0..3 => AgentWish::PausePlay,
            3..6 => AgentWish::ResumePlay,
            6..9 => AgentWish::JumpPlay(self.pick(&[-5_000, 0, 5_000])),
            _ => AgentWish::StopPlay,
        }
    }

    /// Somebody in the agent's conference, mostly.
    fn member(&mut self, agent: u32) -> Reach {
        let session = self.s.tenant.session(work(agent));
        let conference = session.and_then(|session| self.s.tenant.call(*session.calls.last()?)?.conference.as_ref());
        let members: Vec<Reach> =
            conference.iter().flat_map(|conference| conference.members.iter().map(|member| member.who.clone())).collect();
        if members.is_empty() || self.chance(20) { self.reach() } else { self.pick(&members.iter().collect::<Vec<_>>()).clone() }
    }

    fn member_wish(&mut self, agent: u32) -> AgentWish {
        match self.rng.random_range(0..30) {
            0..12 => AgentWish::Invite(vec![self.reach()]),
            12..14 => AgentWish::Expel(vec![self.member(agent), Reach::Number("0123".into())]),
            14..19 => AgentWish::HoldMember { member: self.member(agent), held: self.chance(60) },
            19 => AgentWish::LeaveConference,
            20 => AgentWish::EndConference,
            21..23 => AgentWish::HandChair(self.someone()),
            23 => AgentWish::Prolong(1),
            24 => AgentWish::Resize(self.pick(&[-1, 1])),
            25..27 => AgentWish::PlayToConference { member: None, prompt: "rules".into(), stop: self.chance(30) },
            27 => AgentWish::PlayToConference { member: Some(self.member(agent)), prompt: "rules".into(), stop: false },
            28 => AgentWish::Hold,
            _ => AgentWish::Release,
        }
    }

    fn pass(&mut self, seconds: u64) {
        let end = self.s.now + Duration::from_secs(seconds);
        while let Some((key, at)) = self.timers.iter().min_by_key(|(key, at)| (**at, (*key).clone())).map(|(key, at)| (key.clone(), *at)) {
            if at > end {
                break;
            }
            self.s.now = self.s.now.max(at);
            self.timers.remove(&key);
            // Phones keep their registrations: who signs in finds its phone.
            if matches!(key, TimerKey::Registration(..)) {
                continue;
            }
            if matches!(key, TimerKey::ReleaseGuard(_)) {
                self.legs.retain(|leg, _| TimerKey::ReleaseGuard(*leg) != key);
            }
            self.fired = Some(key.clone());
            self.send(Command::TimerFired(key));
            self.fired = None;
        }
        self.s.now = end;
    }

    /// Everybody goes home.
    fn end(&mut self) {
        for agent in AGENTS {
            self.send(Command::Agent { agent: work(agent), wish: AgentWish::SignOut(SignOutReason::Asked) });
        }
        while let Some(leg) = self.legs.keys().next().copied() {
            self.leg_ends(leg, 200);
        }
        assert_eq!(self.s.tenant.calls().len(), 0, "calls are left");
        assert_eq!(self.s.tenant.live_calls(), 0);
        for (recording, tape) in std::mem::take(&mut self.tapes) {
            assert_eq!(tape, Tape::Stopped, "a recording runs on without a call");
            self.send(Command::RecordingEnded { recording, duration_ms: 1, bytes: 1, path: "a.wav".into() });
        }
        assert!(self.s.tenant.state.contact.recordings.is_empty(), "recordings are left");
        assert!(!self.timers.keys().any(|key| matches!(key, TimerKey::Recording(_))), "timers of recordings are left");
    }
}

/// Timers of these subjects; others have tests of their own.
fn ours(key: &TimerKey) -> bool {
    matches!(key, TimerKey::Collect(_) | TimerKey::Voicemail(_) | TimerKey::Conference(_) | TimerKey::Recording(_))
}

struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this day is TANDEM_SEED={}", self.0);
        }
    }
}

#[test]
fn any_day_keeps_the_promises_of_seats_and_sounds() {
    let days = std::env::var("TANDEM_HISTORIES").map_or(DAYS, |count| count.parse().unwrap());
    let seeds = std::env::var("TANDEM_SEED").map_or((1..=days).collect(), |seed| vec![seed.parse().unwrap()]);
    let mut kinds: BTreeMap<&'static str, usize> = BTreeMap::new();
    for seed in &seeds {
        let _guard = Seed(*seed);
        let mut day = Day::new(*seed);
        for _ in 0..STEPS {
            day.step();
        }
        day.end();
        for (kind, count) in day.kinds {
            *kinds.entry(kind).or_default() += count;
        }
    }
    if seeds.len() > 1 {
        let subjects = ["recording.", "playback.", "conference.", "call.supervis", "call.intercepted", "call.collect", "call.voicemail"];
        let all = CallEvent::schemas();
        let of_subject = |kind: &&str| subjects.iter().any(|subject| kind.starts_with(subject));
        let missed: Vec<&str> = all.iter().map(|(kind, ..)| *kind).filter(of_subject).filter(|kind| !kinds.contains_key(kind)).collect();
        assert!(missed.is_empty(), "{missed:?} were not met in {kinds:?}");
    }
}
