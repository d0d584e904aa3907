//! What callers, agents, supervisors, phones and administrators may want next.

use std::time::Duration;

use rand::Rng;
use tandem_core::agent::{Agent, AgentPhone, AgentRole, HandoverMode, Mode, Reach, SignIn, SignOutReason, Skill, SuperviseMode};
use tandem_core::call::{Codec, DialogRecord, Direction, MediaRecord};
use tandem_core::config::{Trunk, TrunkAuth};
use tandem_core::event::TenantSettings;
use tandem_core::queue::{Announcements, Overflow, Strategy};
use tandem_core::registration::{ContactUpdate, RegisterRequest};
use tandem_core::tenant::contact::Stage;
use tandem_core::{
    AccessNumber, AgentWish, CallId, Cause, Command, Destination, Endpoint, Flow, LegId, Number, Party, Phone, Queue, QueueId, RequestId,
    Transport, TrunkName, UserName, WorkNumber,
};

use crate::world::{SwitchLeg, World};

const AGENTS: [u32; 8] = [101, 102, 103, 104, 105, 106, 107, 108];
const QUEUES: [u16; 6] = [1, 2, 3, 4, 5, 6];
/// Each queue, two agents, a voicemail, and what is not there.
const CALLED: [&str; 12] = ["701", "702", "703", "704", "705", "706", "701", "702", "7101", "7102", "790", "0999"];

fn user(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

fn work(number: u32) -> WorkNumber {
    WorkNumber::new(number).unwrap()
}

fn queue_id(number: u16) -> QueueId {
    QueueId::new(number).unwrap()
}

fn trunk_name() -> TrunkName {
    TrunkName::new("out").unwrap()
}

fn flow(port: u16) -> Flow {
    Flow { transport: Transport::Udp, local: "192.0.2.1:5060".parse().unwrap(), remote: ([198, 51, 100, 7], port).into() }
}

fn dialog() -> DialogRecord {
    DialogRecord {
        call_id: "c@phone".into(),
        local_tag: "l".into(),
        remote_tag: Some("r".into()),
        local_uri: "sip:us@192.0.2.1".into(),
        remote_uri: "sip:them@198.51.100.7".into(),
        remote_target: "sip:them@198.51.100.7".into(),
        route_set: Vec::new(),
        local_cseq: 1,
        remote_cseq: Some(1),
        flow: flow(1),
    }
}

fn media() -> MediaRecord {
    MediaRecord {
        local: "192.0.2.1:20000".parse().unwrap(),
        remote: "198.51.100.7:30000".parse().unwrap(),
        codec: Codec { name: "PCMA".into(), payload_type: 8, clock_rate: 8000, fmtp: None },
        dtmf: Some(101),
        direction: Direction::SendRecv,
        sdp_session: 1,
        sdp_version: 1,
    }
}

fn access(number: &str, destination: Destination) -> AccessNumber {
    AccessNumber { number: Number::new(number).unwrap(), destination }
}

/// Seven in the morning: the queues are all different.
fn queue(number: u16) -> Queue {
    let mut queue = Queue::named(queue_id(number), format!("Queue {number}"));
    queue.max_waiting = 6;
    queue.max_wait_s = 60;
    queue.announcements = Announcements {
        greeting: Some("welcome".into()),
        every_s: 20,
        estimated_wait: true,
        agent_number: number == 2,
        ..Default::default()
    };
    match number {
        1 => queue.sticky_s = 3600,
        2 => {
            queue.strategy = Strategy::FewestCalls;
            queue.record = true;
            queue.when_late = Overflow::Queue(queue_id(3));
        }
        3 => {
            queue.strategy = Strategy::RoundRobin;
            queue.priority = 50;
            queue.when_late = Overflow::Queue(queue_id(2));
            queue.when_no_agent = Overflow::Queue(queue_id(2));
        }
        4 => {
            queue.strategy = Strategy::SkillLevel;
            queue.ageing_s = 5;
            queue.when_full = Overflow::Number(Number::new("0123").unwrap());
        }
        5 => {
            queue.strategy = Strategy::RingAll;
            queue.when_late = Overflow::Voicemail;
        }
        _ => {
            queue.max_waiting = 2;
            queue.max_wait_s = 20;
            queue.when_full = Overflow::Queue(queue_id(1));
            queue.when_no_agent = Overflow::Release(Some("closed".into()));
            queue.when_late = Overflow::Release(None);
        }
    }
    queue
}

impl World {
    pub(crate) fn open(&mut self) {
        let settings = TenantSettings {
            max_calls: 25,
            max_agents: 7,
            ring_timeout_s: 40,
            busy_after_no_answer: self.chance(50),
            force_rest_end: self.chance(50),
            ..TenantSettings::named("Random")
        };
        self.does(Command::CreateTenant(settings));
        let trunk = Trunk {
            name: trunk_name(),
            host: "carrier.example".into(),
            port: Some(5070),
            transport: Transport::Udp,
            auth: TrunkAuth::Address,
            sources: Vec::new(),
            priority: 1,
            prefixes: vec!["0".into()],
            caller_number: None,
            max_calls: 30,
            options_interval_s: 0,
            srtp: Default::default(),
        };
        self.does(Command::AddTrunk(trunk));
        for number in [6, 5, 4, 3, 2, 1] {
            // Those that overflow to each other come first without it.
            self.does(Command::AddQueue(Queue {
                when_full: Overflow::Stay,
                when_no_agent: Overflow::Stay,
                when_late: Overflow::Stay,
                ..queue(number)
            }));
        }
        for number in QUEUES {
            let _ = self.send(Command::ChangeQueue(queue(number)));
            self.does(Command::AddNumber(access(&format!("70{number}"), Destination::Queue(queue_id(number)))));
        }
        self.does(Command::AddNumber(access("790", Destination::Voicemail(queue_id(1)))));
        for agent in AGENTS {
            let name = (agent + 900).to_string();
            self.does(Command::AddPhone(Phone { max_contacts: 3, ..Phone::named(user(&name)) }));
            self.register(&name);
            let mut skills: Vec<Skill> = Vec::new();
            for queue in QUEUES {
                if self.chance(50) {
                    let level = self.rng.random_range(1..4);
                    skills.push(Skill { queue: queue_id(queue), level });
                }
            }
            let role = if agent > 106 { AgentRole::Supervisor } else { AgentRole::Agent };
            let (number, name, phone) = (work(agent), format!("Agent {agent}").into(), Some(user(&name)));
            self.does(Command::AddAgent(Agent {
                number,
                name,
                role,
                account: None,
                phone,
                skills,
                group: None,
                chats: 0,
                may_pick_up: true,
            }));
        }
        for agent in [101, 102] {
            self.does(Command::AddNumber(access(&format!("7{agent}"), Destination::Agent(work(agent)))));
        }
        for agent in AGENTS {
            if self.chance(60) {
                self.sign_in(agent);
            }
        }
    }

    fn does(&mut self, command: Command) {
        self.send(command).unwrap();
    }

    /// One thing happens.
    pub(crate) fn step(&mut self) {
        match self.rng.random_range(0..1000) {
            0..400 => self.switch_reacts(),
            400..480 => self.calls_in(),
            480..820 => self.agent_wishes(),
            820..850 => self.phone_matters(),
            850..875 => self.administer(),
            875..900 => self.recorder_reacts(),
            900..975 => {
                let span = self.rng.random_range(0..15_000);
                self.pass(Duration::from_millis(span));
            }
            975..995 => self.pass(Duration::from_secs(90)),
            _ => self.does(Command::NodeRestarted),
        }
    }

    // ---- the switch -----------------------------------------------------------------------------------------------

    fn switch_reacts(&mut self) {
        if let Some(leg) = self.told.iter().next().copied().filter(|_| self.rng.random_bool(0.2)) {
            self.told.remove(&leg);
            let failed = self.chance(5);
            let command =
                if failed { Command::PromptFailed { leg, reason: "no such prompt".into() } } else { Command::PromptEnded { leg } };
            return self.does(command);
        }
        let legs: Vec<(LegId, SwitchLeg)> = self.legs.iter().map(|(leg, state)| (*leg, *state)).collect();
        if legs.is_empty() {
            return self.calls_in();
        }
        // What rings comes to something sooner than talks come to an end.
        let ringing: Vec<_> = legs.iter().copied().filter(|(_, state)| *state == SwitchLeg::Dialled).collect();
        let (leg, state) = if !ringing.is_empty() && self.chance(50) { self.pick(&ringing) } else { self.pick(&legs) };
        let dice = self.rng.random_range(0..100);
        let end = |status| Command::LegEnded { leg, cause: Cause::sip(status, Party::Remote), stats: None };
        let command = match (state, dice) {
            (SwitchLeg::Dialled, 0..25) => Command::LegProgressed { leg, status: 180, early_media: dice < 5 },
            (SwitchLeg::Dialled, 25..90) => {
                self.legs.insert(leg, SwitchLeg::Up);
                Command::LegAnswered { leg, dialog: dialog(), media: media() }
            }
            (SwitchLeg::Dialled, _) => end(self.pick(&[486, 480, 404, 408, 503, 603])),
            (SwitchLeg::Offered, 0..15) => end(487),
            (SwitchLeg::Offered, _) => return,
            (SwitchLeg::Up, 0..8) => Command::LegEnded { leg, cause: Cause::normal(Party::Remote), stats: None },
            (SwitchLeg::Up, 25..32) => Command::LegDigit { leg, digit: self.pick(&['1', '#']), duration_ms: 100 },
            (SwitchLeg::Up, 35..40) => Command::LegHeld { leg },
            (SwitchLeg::Up, 40..46) => Command::LegResumed { leg },
            (SwitchLeg::Up, _) => return,
            (SwitchLeg::Releasing { .. }, 0..5) => Command::LegAnswered { leg, dialog: dialog(), media: media() },
            (SwitchLeg::Releasing { deaf: true }, _) => return,
            (SwitchLeg::Releasing { .. }, _) => end(487),
        };
        let _ = self.send(command);
    }

    fn calls_in(&mut self) {
        let leg = self.switch_ids.leg();
        let from =
            if self.chance(85) { Endpoint::Trunk(trunk_name()) } else { Endpoint::Phone(user(&(self.pick(&AGENTS) + 900).to_string())) };
        let (caller, called) = (format!("138{}", self.rng.random_range(0..4)).into(), self.pick(&CALLED).into());
        let _ = self.send(Command::LegOffered { leg, from, caller, caller_name: None, called, dialog: dialog(), replaces: None });
    }

    // ---- phones ---------------------------------------------------------------------------------------------------

    fn register(&mut self, name: &str) {
        self.cseq += 1;
        let contact = ContactUpdate {
            contact: format!("sip:{name}@h{}", self.cseq % 3),
            expires: Duration::from_secs(36_000),
            q: 1000,
            instance: None,
        };
        let register = RegisterRequest {
            contacts: vec![contact],
            remove_all: false,
            call_id: format!("r{name}"),
            cseq: self.cseq,
            path: Vec::new(),
            flow: flow(name.parse().unwrap_or(1)),
            user_agent: None,
        };
        self.does(Command::Register { user: user(name), request: RequestId(1), register });
    }

    /// Phones come and go.
    fn phone_matters(&mut self) {
        let name = (self.pick(&AGENTS) + 900).to_string();
        if self.chance(60) {
            return self.register(&name);
        }
        self.does(Command::ConnectionLost { user: user(&name), flow: flow(name.parse().unwrap()) });
    }

    // ---- administrators -------------------------------------------------------------------------------------------

    fn administer(&mut self) {
        let (agent, number) = (self.pick(&AGENTS), self.pick(&QUEUES));
        let command = match self.rng.random_range(0..8) {
            0 => Command::ChangeQueue(Queue {
                strategy: self.pick(&[Strategy::LongestIdle, Strategy::RingAll, Strategy::SkillLevel]),
                ..queue(number)
            }),
            1 => Command::ChangeQueue(Queue { ageing_s: self.pick(&[0, 3]), ..queue(number) }),
            2 => Command::RemoveQueue(queue_id(number)),
            3 => Command::RemoveAgent(work(agent)),
            4 => {
                let Some(mut it) = self.tenant.agent(work(agent)).map(|entry| entry.agent.clone()) else { return };
                let place = self.rng.random_range(0..it.skills.len().max(1));
                if place < it.skills.len() {
                    it.skills.remove(place);
                }
                Command::ChangeAgent(it)
            }
            5 => Command::ReleaseCall { call: self.some_call() },
            6 => {
                let legs: Vec<LegId> = self.legs.keys().copied().collect();
                if legs.is_empty() {
                    return;
                }
                Command::ReleaseLeg { leg: self.pick(&legs) }
            }
            _ => Command::ChangeQueue(queue(number)),
        };
        let _ = self.send(command);
    }

    fn some_call(&mut self) -> CallId {
        let mut calls: Vec<CallId> = self.tenant.calls().map(|(id, _)| id).collect();
        calls.sort_unstable();
        if calls.is_empty() || self.chance(3) { CallId(self.rng.random()) } else { self.pick(&calls) }
    }

    // ---- agents ---------------------------------------------------------------------------------------------------

    fn sign_in(&mut self, agent: u32) {
        let phone = if self.chance(80) {
            AgentPhone::Softphone(user(&(agent + 900).to_string()))
        } else {
            AgentPhone::Outside(Number::new(format!("05{agent}")).unwrap())
        };
        let wish = SignIn {
            phone,
            auto_answer: self.chance(40),
            auto_ready: self.chance(60),
            keep_phone: self.chance(40),
            mode: self.pick(&[Mode::Ready, Mode::Ready, Mode::NotReady { reason: 0 }, Mode::WrapUp { until: None }]),
            skills: None,
            watches: false,
            force: self.chance(20),
        };
        self.wish(agent, AgentWish::SignIn(wish));
    }

    fn wish(&mut self, agent: u32, wish: AgentWish) {
        let _ = self.send(Command::Agent { agent: work(agent), wish });
    }

    fn agent_wishes(&mut self) {
        let asked = |agent: &u32| self.tenant.session(work(*agent)).is_some_and(|session| !session.calls.is_empty());
        let asked: Vec<u32> = AGENTS.into_iter().filter(asked).collect();
        let agent = if !asked.is_empty() && self.chance(50) { self.pick(&asked) } else { self.pick(&AGENTS) };
        let Some(session) = self.tenant.session(work(agent)) else { return self.sign_in(agent) };
        let stage = |stage: Stage| {
            session
                .calls
                .iter()
                .any(|id| self.tenant.call(*id).and_then(|call| call.part(work(agent))).is_some_and(|part| part.stage == stage))
        };
        let (alerting, talking, supervisor) = (stage(Stage::Alerting), stage(Stage::Talking), agent > 106);
        if alerting && self.chance(60) {
            return self.wish(agent, AgentWish::Answer { call: None });
        }
        if talking && self.chance(70) {
            let wish = self.call_control();
            return self.wish(agent, wish);
        }
        if supervisor && self.chance(50) {
            let wish = self.supervision();
            return self.wish(agent, wish);
        }
        let wish = match self.rng.random_range(0..100) {
            0..20 => AgentWish::Ready,
            20..30 => AgentWish::EndWrapUp,
            30..36 => AgentWish::Reject { call: None, requeue: self.chance(60) },
            36..40 => AgentWish::NotReady { reason: self.pick(&[0, 200, 3]) },
            40..44 => AgentWish::Rest { cause: 1, seconds: self.pick(&[0, 10, 600]) },
            44..47 => AgentWish::WrapUp,
            47..50 => AgentWish::EndNotReady,
            50..53 => AgentWish::EndRest,
            53..55 => AgentWish::SignOut(SignOutReason::Asked),
            55..58 => AgentWish::SetAutoAnswer(self.chance(50)),
            58..60 => AgentWish::SetAutoReady(self.chance(50)),
            60..63 => {
                let some = self.pick(&QUEUES);
                AgentWish::ChooseSkills(self.chance(50).then(|| vec![queue_id(some), queue_id(1)]))
            }
            63..65 => return self.sign_in(agent),
            65..90 => self.call_control(),
            _ => self.supervision(),
        };
        self.wish(agent, wish);
    }

    fn reach(&mut self) -> Reach {
        match self.rng.random_range(0..4) {
            0 | 1 => Reach::Agent(work(self.pick(&AGENTS))),
            2 => Reach::Queue(queue_id(self.pick(&QUEUES))),
            _ => Reach::Number(self.pick(&["0123", "701", "1002", "x y"]).into()),
        }
    }

    fn call_control(&mut self) -> AgentWish {
        match self.rng.random_range(0..22) {
            0 | 1 => AgentWish::CallOut { to: self.pick(&["0123", "701", "1001"]).into(), caller: None, queue: None, data: "".into() },
            2 => AgentWish::CallInside { to: self.reach(), data: "".into() },
            3 | 4 => AgentWish::Hold,
            5 | 6 => AgentWish::Retrieve { call: None },
            7 => self.pick(&[AgentWish::Mute, AgentWish::Unmute]),
            8 | 9 => AgentWish::Consult { to: self.reach(), three_party: self.chance(30), data: "".into() },
            10 | 11 => {
                let mode = self.pick(&[
                    HandoverMode::Blind,
                    HandoverMode::Success,
                    HandoverMode::Talk,
                    HandoverMode::ThreeParty,
                    HandoverMode::Suspend,
                    HandoverMode::Private,
                ]);
                AgentWish::HandOver { to: self.reach(), mode, caller: None, data: None }
            }
            12 => AgentWish::CancelHandOver,
            13 => AgentWish::Join { call: self.some_call(), data: None },
            14 => AgentWish::Connect { call: self.some_call() },
            15 => self.pick(&[AgentWish::Release, AgentWish::HangUpPhone]),
            16 => AgentWish::PickUp { agent: work(self.pick(&AGENTS)) },
            17 => AgentWish::TakeWaiting { call: self.some_call() },
            18 => AgentWish::Drop { call: self.some_call() },
            19 => AgentWish::Disconnect { party: self.pick(&["101", "102", "1001", "0123", "0777"]).into() },
            20 => AgentWish::SendDigits(self.pick(&["1", "12*#", "x"]).into()),
            _ => AgentWish::SetData { call: None, data: self.pick(&["", "order 7"]).into() },
        }
    }

    fn supervision(&mut self) -> AgentWish {
        let talks = |agent: &u32| self.tenant.session(work(*agent)).is_some_and(|session| !session.calls.is_empty());
        let talking: Vec<u32> = AGENTS.into_iter().filter(talks).collect();
        let agent = work(if !talking.is_empty() && self.chance(80) { self.pick(&talking) } else { self.pick(&AGENTS) });
        match self.rng.random_range(0..12) {
            0..4 => AgentWish::Supervise { agent, mode: self.pick(&[SuperviseMode::Listen, SuperviseMode::Whisper, SuperviseMode::Join]) },
            4 => AgentWish::StopSupervising { agent },
            5 => AgentWish::Intercept { agent },
            6 => AgentWish::ForceMode { agent, mode: self.pick(&[Mode::Ready, Mode::NotReady { reason: 3 }]) },
            7 => AgentWish::ForceSignOut { agent },
            8 => AgentWish::BeginConference { members: 4, minutes: 5 },
            9 => AgentWish::Invite(vec![self.reach()]),
            10 => AgentWish::Play { path: "20261122/101/120000-x.wav".into(), from_ms: 0, times: 1 },
            _ => self.pick(&[AgentWish::StartRecording, AgentWish::StopRecording, AgentWish::EndConference, AgentWish::StopPlay]),
        }
    }
}
