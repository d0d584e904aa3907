//! Days of a contact centre as events, made without the engine: from a seed, in the order in which the core would decide them.
//! For whoever folds events, and for who counts them again.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tandem_core::agent::{
    Agent, AgentPhone, AgentRole, HandoverMode, Mode, ModeBy, PartEnd, PartRole, Reach, SignIn, SignOutReason, Skill, SuperviseMode,
    WorkNumber, busy,
};
use tandem_core::event::*;
use tandem_core::queue::{Choice, ChoiceRule, Entry, Leaving, Overflow, OverflowRule, Queue, QueueId, Strategy};
use tandem_core::recording::{RecordingFormat, RecordingPurpose};
use tandem_core::{
    AccessNumber, CallEvent, CallId, Cause, Destination, DialogRecord, Endpoint, Envelope, Event, Flow, Ids, LegId, Number, Party,
    RecordingId, TenantId, Timestamp, Transport, TrunkName, UserName,
};

/// The agents' numbers.
pub(crate) const AGENTS: std::ops::RangeInclusive<u32> = 101..=108;
/// The queues' numbers.
pub(crate) const QUEUES: std::ops::RangeInclusive<u16> = 1..=2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Out,
    Free,
    Away,
    WrapUp(CallId),
    Rings(usize),
    Talks(usize),
}

#[derive(Debug, Clone)]
struct Live {
    id: CallId,
    customer: LegId,
    queue: QueueId,
    since: Timestamp,
    waits: bool,
    agent_leg: Option<LegId>,
    held: bool,
    recording: Option<RecordingId>,
    supervisor: Option<WorkNumber>,
}

/// The centre.
pub(crate) struct Centre {
    tenant: TenantId,
    rng: StdRng,
    ids: Ids,
    now: Timestamp,
    seq: u64,
    agents: Vec<(WorkNumber, Doing)>,
    calls: Vec<Option<Live>>,
    recordings: u64,
    /// What happened.
    pub(crate) events: Vec<Envelope>,
}

fn number(agent: u32) -> WorkNumber {
    WorkNumber::new(agent).unwrap()
}

fn queue(id: u16) -> QueueId {
    QueueId::new(id).unwrap()
}

fn dialog() -> DialogRecord {
    let addr = "127.0.0.1:5060".parse().unwrap();
    DialogRecord {
        call_id: "c@trunk".into(),
        local_tag: "l".into(),
        remote_tag: Some("r".into()),
        local_uri: "sip:600@t".into(),
        remote_uri: "sip:c@t".into(),
        remote_target: "sip:c@127.0.0.1".into(),
        route_set: Vec::new(),
        local_cseq: 1,
        remote_cseq: Some(1),
        flow: Flow { transport: Transport::Udp, local: addr, remote: addr },
    }
}

impl Centre {
    /// A centre with agents and queues that begins at a time.
    pub(crate) fn new(tenant: &str, seed: u64, now: Timestamp) -> Centre {
        let mut centre = Centre {
            tenant: TenantId::new(tenant).unwrap(),
            rng: StdRng::seed_from_u64(seed),
            ids: Ids::new(1 + u32::try_from(seed % 1000).unwrap(), 40),
            now,
            seq: 0,
            agents: Vec::new(),
            calls: Vec::new(),
            recordings: 0,
            events: Vec::new(),
        };
        let settings = TenantSettings { vdn: Some(7), ..TenantSettings::named("Centre") };
        centre.config(TenantCreated { settings });
        for id in QUEUES {
            centre.config(QueueAdded { queue: Queue::named(queue(id), format!("queue {id}")) });
        }
        let destination = Destination::Queue(queue(1));
        centre.config(NumberAdded { number: AccessNumber { number: Number::new("600").unwrap(), destination } });
        for agent in AGENTS {
            let agent = Agent {
                number: number(agent),
                name: format!("Agent {agent}").into(),
                role: if agent == 108 { AgentRole::Supervisor } else { AgentRole::Agent },
                account: None,
                phone: Some(UserName::new(agent.to_string()).unwrap()),
                skills: QUEUES.map(|id| Skill { queue: queue(id), level: 1 }).collect(),
                group: None,
                chats: 0,
                may_pick_up: true,
            };
            centre.agents.push((agent.number, Doing::Out));
            centre.config(AgentAdded { agent });
        }
        centre
    }

    /// Lets so many things happen.
    pub(crate) fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            let pause = self.rng.random_range(100_000..9_000_000);
            self.now = Timestamp::from_micros(self.now.as_micros() + pause);
            match self.rng.random_range(0..10) {
                0 | 1 => self.arrive(),
                2 => self.internal_or_outbound(),
                3 => self.somebody_waits_no_longer(),
                _ => self.an_agent_acts(),
            }
            self.match_waiting();
        }
    }

    /// With offsets as in a log of its own.
    pub(crate) fn numbered(&self) -> Vec<(u64, Envelope)> {
        self.events.iter().cloned().enumerate().map(|(offset, envelope)| (offset as u64, envelope)).collect()
    }

    fn emit(&mut self, event: Event) {
        self.seq += 1;
        self.events.push(Envelope { tenant: self.tenant.clone(), seq: self.seq, time: self.now, event });
    }

    fn config(&mut self, event: impl Into<ConfigEvent>) {
        self.emit(Event::Config(event.into()));
    }

    fn call(&mut self, id: CallId, event: impl Into<CallEvent>) {
        self.emit(Event::Call(id, event.into()));
    }

    fn agent(&mut self, agent: WorkNumber, event: impl Into<AgentEvent>) {
        self.emit(Event::Agent(agent, event.into()));
    }

    fn mode(&mut self, agent: WorkNumber, mode: Mode, by: ModeBy, call: Option<CallId>) {
        self.agent(agent, AgentModeChanged { mode, by, call });
    }

    fn does(&mut self, agent: WorkNumber, doing: Doing) {
        self.agents.iter_mut().find(|(number, _)| *number == agent).unwrap().1 = doing;
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn arrive(&mut self) {
        let (id, leg) = (self.ids.call(), self.ids.leg());
        let caller = format!("0{}", self.rng.random_range(100..140));
        let from = Endpoint::Trunk(TrunkName::new("carrier").unwrap());
        self.call(id, CallArrived { leg, from, caller: caller.into(), caller_name: None, called: "600".into(), dialog: dialog() });
        let queue = queue(self.rng.random_range(QUEUES));
        self.call(id, CallRouted { called: "600".into(), route: Route::Number(Destination::Queue(queue)) });
        self.call(id, LegAnswered { leg, dialog: None, media: None });
        let priority = self.rng.random_range(5..15);
        let (entry, since) = (Entry::Arrived, self.now);
        self.call(id, CallQueued { queue, leg, entry, priority, since, position: 1, sticky: None, kept_by: None });
        let live = Live { id, customer: leg, queue, since, waits: true, agent_leg: None, held: false, recording: None, supervisor: None };
        self.calls.push(Some(live));
    }

    fn internal_or_outbound(&mut self) {
        let (id, leg) = (self.ids.call(), self.ids.leg());
        let free: Vec<WorkNumber> = self.agents.iter().filter(|(_, doing)| *doing == Doing::Free).map(|(number, _)| *number).collect();
        if self.chance(30) || free.is_empty() {
            // A phone calls another one: nobody's statistics.
            let from = Endpoint::Phone(UserName::new("2001").unwrap());
            self.call(id, CallArrived { leg, from, caller: "2001".into(), caller_name: None, called: "2002".into(), dialog: dialog() });
            self.call(id, CallRouted { called: "2002".into(), route: Route::Phone(UserName::new("2002").unwrap()) });
            self.over(id, leg, Party::Remote, 480);
            self.call(id, CallEnded { cause: Cause::sip(480, Party::System), answered: false });
            return;
        }
        let agent = free[self.rng.random_range(0..free.len())];
        let from = Endpoint::Phone(UserName::new(agent.to_string()).unwrap());
        let called = format!("0{}", self.rng.random_range(500..520));
        self.call(
            id,
            CallOriginated {
                from: from.clone(),
                called: called.as_str().into(),
                kind: CallKind::Outbound,
                agent: Some(agent),
                reach: None,
                caller: None,
            },
        );
        self.call(id, CallOffered { agent, role: PartRole::Caller, queue: None, choice: None, until: None });
        self.dial(id, leg, from, Purpose::Agent, Some(agent), agent.to_string());
        self.call(id, LegAnswered { leg, dialog: None, media: None });
        self.call(id, AgentJoined { agent, leg, auto: true });
        let trunk = TrunkName::new("carrier").unwrap();
        self.call(id, CallRouted { called: called.as_str().into(), route: Route::Trunks(vec![trunk.clone()]) });
        let customer = self.ids.leg();
        self.dial(id, customer, Endpoint::Trunk(trunk), Purpose::Call, None, called);
        let answered = self.chance(60);
        if answered {
            self.call(id, LegAnswered { leg: customer, dialog: None, media: None });
            self.now = Timestamp::from_micros(self.now.as_micros() + 20_000_000);
        }
        self.call(id, AgentLeft { agent, end: if answered { PartEnd::Released } else { PartEnd::OtherGone } });
        self.over(id, leg, Party::Operator, 200);
        self.over(id, customer, if answered { Party::Peer } else { Party::Remote }, if answered { 200 } else { 486 });
        self.call(id, CallEnded { cause: Cause::normal(Party::Remote), answered });
        self.wrap_up(agent, id);
    }

    fn dial(&mut self, id: CallId, leg: LegId, to: Endpoint, purpose: Purpose, agent: Option<WorkNumber>, called: String) {
        let gives_up = self.now;
        self.call(
            id,
            LegDialled { leg, to, target: "sip:x@y".into(), purpose, on_behalf_of: None, called: called.as_str().into(), agent, gives_up },
        );
    }

    fn over(&mut self, id: CallId, leg: LegId, by: Party, sip: u16) {
        self.call(id, LegEnded { leg, cause: Cause::sip(sip, by), stats: None });
    }

    fn waited(&self, live: &Live) -> u64 {
        self.now.since(live.since).as_millis() as u64
    }

    /// The caller gives up, or the queue does.
    fn somebody_waits_no_longer(&mut self) {
        let waiting: Vec<usize> = (0..self.calls.len()).filter(|n| self.calls[*n].as_ref().is_some_and(|live| live.waits)).collect();
        let Some(n) = waiting.first().copied() else { return };
        let rings = self.agents.iter().find(|(_, doing)| *doing == Doing::Rings(n)).map(|(number, _)| *number);
        let mut live = self.calls[n].clone().unwrap();
        let (id, queue_id, waited_ms) = (live.id, live.queue, self.waited(&live));
        if rings.is_none() && live.queue == queue(1) && self.chance(30) {
            let to = Overflow::Queue(queue(2));
            let rule = if self.chance(50) { OverflowRule::Late } else { OverflowRule::Full };
            self.call(id, CallDequeued { queue: queue_id, leaving: Leaving::Overflowed { rule, to }, waited_ms });
            let (entry, since, leg) = (Entry::Overflowed(queue_id), live.since, live.customer);
            self.call(id, CallQueued { queue: queue(2), leg, entry, priority: 10, since, position: 2, sticky: None, kept_by: None });
            live.queue = queue(2);
            self.calls[n] = Some(live);
            return;
        }
        let system = self.chance(25);
        let leaving = match system {
            true => Leaving::Overflowed { rule: OverflowRule::Late, to: Overflow::Release(None) },
            false => Leaving::Abandoned,
        };
        if let Some(agent) = rings {
            self.call(id, AgentLeft { agent, end: PartEnd::OtherGone });
            self.does(agent, Doing::Free);
        }
        self.call(id, CallDequeued { queue: queue_id, leaving, waited_ms });
        self.over(id, live.customer, if system { Party::System } else { Party::Remote }, 200);
        if let Some(leg) = live.agent_leg {
            self.over(id, leg, Party::Peer, 487);
        }
        self.call(id, CallEnded { cause: Cause::normal(Party::Remote), answered: true });
        self.calls[n] = None;
    }

    fn match_waiting(&mut self) {
        for n in 0..self.calls.len() {
            let Some(live) = self.calls[n].clone().filter(|live| live.waits) else { continue };
            if self.agents.iter().any(|(_, doing)| *doing == Doing::Rings(n)) {
                continue;
            }
            let Some(agent) = self.agents.iter().find(|(_, doing)| *doing == Doing::Free).map(|(number, _)| *number) else { return };
            let choice = Choice {
                rule: ChoiceRule::Strategy(Strategy::LongestIdle),
                ready: 1,
                candidates: Vec::new(),
                waited_ms: self.waited(&live),
                waiting: 1,
            };
            let until = Some(self.now);
            self.call(live.id, CallOffered { agent, role: PartRole::Handler, queue: Some(live.queue), choice: Some(choice), until });
            let leg = self.ids.leg();
            let to = Endpoint::Phone(UserName::new(agent.to_string()).unwrap());
            self.dial(live.id, leg, to, Purpose::Agent, Some(agent), agent.to_string());
            if let Some(live) = self.calls[n].as_mut() {
                live.agent_leg = Some(leg);
            }
            self.does(agent, Doing::Rings(n));
        }
    }

    fn an_agent_acts(&mut self) {
        let (agent, doing) = self.agents[self.rng.random_range(0..self.agents.len())];
        match doing {
            Doing::Out => {
                let session = SignIn {
                    phone: AgentPhone::Softphone(UserName::new(agent.to_string()).unwrap()),
                    auto_answer: false,
                    auto_ready: true,
                    keep_phone: false,
                    mode: Mode::Ready,
                    skills: Some(QUEUES.map(queue).collect()),
                    watches: false,
                    force: false,
                };
                self.agent(agent, AgentSignedIn { session });
                self.does(agent, Doing::Free);
            }
            Doing::Free => self.idle_agent_acts(agent),
            Doing::Away => {
                self.mode(agent, Mode::Ready, ModeBy::Agent, None);
                self.does(agent, Doing::Free);
            }
            Doing::WrapUp(call) => {
                self.mode(agent, Mode::Ready, ModeBy::System, Some(call));
                self.does(agent, Doing::Free);
            }
            Doing::Rings(n) => self.ringing_agent_acts(agent, n),
            Doing::Talks(n) => self.talking_agent_acts(agent, n),
        }
    }

    fn idle_agent_acts(&mut self, agent: WorkNumber) {
        let (until, by) = (self.now, ModeBy::Agent);
        match self.rng.random_range(0..10) {
            0 => self.mode(agent, Mode::Rest { cause: 3, until }, by, None),
            1 => self.mode(agent, Mode::NotReady { reason: 201 }, by, None),
            2 if agent != number(108) => self.mode(agent, Mode::NotReady { reason: busy::FORCED }, ModeBy::Supervisor(number(108)), None),
            3 if self.chance(30) => {
                self.agent(agent, AgentSignedOut { reason: SignOutReason::Asked });
                self.does(agent, Doing::Out);
                return;
            }
            _ => return,
        }
        self.does(agent, Doing::Away);
    }

    fn ringing_agent_acts(&mut self, agent: WorkNumber, n: usize) {
        let live = self.calls[n].clone().unwrap();
        let leg = live.agent_leg.unwrap();
        self.call(live.id, LegAnswered { leg, dialog: None, media: None });
        self.call(live.id, AgentAlerting { agent, leg });
        if self.chance(25) {
            let end = if self.chance(50) { PartEnd::NoAnswer } else { PartEnd::Rejected };
            let reason = if end == PartEnd::NoAnswer { busy::NO_ANSWER } else { busy::REJECTED };
            self.call(live.id, AgentLeft { agent, end });
            self.over(live.id, leg, Party::System, 487);
            self.calls[n] = Some(Live { agent_leg: None, ..live.clone() });
            self.mode(agent, Mode::NotReady { reason }, ModeBy::System, Some(live.id));
            self.does(agent, Doing::Away);
            return;
        }
        let waited_ms = self.waited(&live);
        self.call(live.id, AgentJoined { agent, leg, auto: false });
        self.call(live.id, CallDequeued { queue: live.queue, leaving: Leaving::Answered(agent), waited_ms });
        self.recordings += 1;
        let recording = RecordingId(self.recordings);
        let (purpose, format) = (RecordingPurpose::Rule, RecordingFormat::Wav);
        self.call(live.id, RecordingStarted { recording, purpose, agent: Some(agent), path: "p".into(), format });
        let mut live = live;
        (live.waits, live.recording) = (false, Some(recording));
        self.calls[n] = Some(live);
        self.does(agent, Doing::Talks(n));
    }

    fn talking_agent_acts(&mut self, agent: WorkNumber, n: usize) {
        let mut live = self.calls[n].clone().unwrap();
        match self.rng.random_range(0..8) {
            0 | 1 => {
                live.held = !live.held;
                match live.held {
                    true => self.call(live.id, AgentHeld { agent }),
                    false => self.call(live.id, AgentRetrieved { agent }),
                }
                self.calls[n] = Some(live);
            }
            2 => self.call(live.id, CallDataSet { data: "order=17".into(), by: Some(agent) }),
            3 if live.supervisor.is_none() && agent != number(108) && self.agents[7].1 == Doing::Away => {
                let supervisor = number(108);
                let (role, mode) = (PartRole::Supervisor(agent), SuperviseMode::Listen);
                self.call(live.id, CallOffered { agent: supervisor, role, queue: None, choice: None, until: None });
                self.call(live.id, CallSupervised { supervisor, agent, mode });
                live.supervisor = Some(supervisor);
                self.calls[n] = Some(live);
            }
            4 => {
                let (target, mode) = (Reach::Number("0999".into()), HandoverMode::Success);
                self.call(live.id, HandoverAsked { agent, target, mode, caller: None, refer: None });
                self.call(live.id, HandoverEnded { agent, failed: Some(Cause::sip(486, Party::Remote)) });
            }
            5 => self.hand_over(agent, n, &live),
            _ => self.hang_up(agent, n, &live),
        }
    }

    /// Blind to the other queue: the caller waits again.
    fn hand_over(&mut self, agent: WorkNumber, n: usize, live: &Live) {
        let target = if live.queue == queue(1) { queue(2) } else { queue(1) };
        self.call(live.id, HandoverAsked { agent, target: Reach::Queue(target), mode: HandoverMode::Blind, caller: None, refer: None });
        self.leave(live);
        self.call(live.id, AgentLeft { agent, end: PartEnd::Transferred });
        self.over(live.id, live.agent_leg.unwrap(), Party::Operator, 200);
        let (leg, entry, since) = (live.customer, Entry::HandedOver(agent), self.now);
        self.call(live.id, CallQueued { queue: target, leg, entry, priority: 10, since, position: 1, sticky: None, kept_by: None });
        self.call(live.id, HandoverEnded { agent, failed: None });
        let fresh =
            Live { queue: target, since, waits: true, agent_leg: None, held: false, recording: None, supervisor: None, ..live.clone() };
        self.calls[n] = Some(fresh);
        self.ended_recording(live);
        self.wrap_up(agent, live.id);
    }

    fn leave(&mut self, live: &Live) {
        if let Some(supervisor) = live.supervisor {
            let agent = self.agents.iter().find(|(_, doing)| matches!(doing, Doing::Talks(_))).map_or(supervisor, |(number, _)| *number);
            self.call(live.id, SupervisionEnded { supervisor, agent });
            self.call(live.id, AgentLeft { agent: supervisor, end: PartEnd::Over });
        }
    }

    fn hang_up(&mut self, agent: WorkNumber, n: usize, live: &Live) {
        let by_agent = self.chance(50);
        self.leave(live);
        self.call(live.id, AgentLeft { agent, end: if by_agent { PartEnd::Released } else { PartEnd::OtherGone } });
        let (agents, customers) = if by_agent { (Party::Operator, Party::Peer) } else { (Party::Peer, Party::Remote) };
        self.over(live.id, live.customer, customers, 200);
        self.over(live.id, live.agent_leg.unwrap(), agents, 200);
        self.call(live.id, CallEnded { cause: Cause::normal(Party::Remote), answered: true });
        self.calls[n] = None;
        self.wrap_up(agent, live.id);
        self.ended_recording(live);
    }

    fn ended_recording(&mut self, live: &Live) {
        if let Some(recording) = live.recording {
            self.call(live.id, RecordingEnded { recording, path: "p.wav".into(), duration_ms: 5000, bytes: 80_000, failed: None });
        }
    }

    fn wrap_up(&mut self, agent: WorkNumber, call: CallId) {
        self.mode(agent, Mode::WrapUp { until: Some(self.now) }, ModeBy::System, Some(call));
        self.does(agent, Doing::WrapUp(call));
    }
}
