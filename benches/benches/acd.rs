//! What does one decision of the ACD cost with 1,000 agents and 10,000 waiting calls, and is it flat in the number of
//! waiting calls?
//!
//! Three cycles through [`Tenant::handle`], events and their application included, no log, no threads:
//!
//! * *an agent becomes ready*: the most urgent of the waiting calls is found and offered, its phone is dialled; the agent
//!   rejects, the call goes back to its place, nobody else is free (2 commands and the end of a leg);
//! * *a caller enters and gives up*: it gets a place behind all who wait, and leaves it (3 commands);
//! * *a caller meets 1,000 ready agents*: the one in turn is found and offered; the caller gives up (4 commands).
//!
//! The aim is 20 µs for a decision.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use tandem_core::agent::{Agent, AgentPhone, AgentRole, AgentWish, Mode, SignIn, Skill};
use tandem_core::call::{DialogRecord, Flow, Transport};
use tandem_core::config::{AccessNumber, Destination, Phone};
use tandem_core::event::TenantSettings;
use tandem_core::queue::{Queue, Strategy};
use tandem_core::registration::{ContactUpdate, RegisterRequest};
use tandem_core::tenant::{Decision, Tenant};
use tandem_core::{
    Cause, Command, Effect, Endpoint, Ids, LegId, Number, Party, QueueId, RequestId, TenantId, Timestamp, UserName, WorkNumber,
};

const AGENTS: u32 = 1_000;

struct Centre {
    tenant: Tenant,
    now: Timestamp,
    ids: Ids,
    switch_ids: Ids,
    out: Decision,
}

fn flow() -> Flow {
    Flow { transport: Transport::Udp, local: ([192, 0, 2, 1], 5060).into(), remote: ([198, 51, 100, 7], 5060).into() }
}

fn user(number: u32) -> UserName {
    UserName::new(format!("p{number}")).unwrap()
}

fn work(number: u32) -> WorkNumber {
    WorkNumber::new(1_000 + number).unwrap()
}

impl Centre {
    /// So many agents signed in to one queue in this mode, and so many calls that wait.
    fn new(waiting: u32, mode: Mode, strategy: Strategy) -> Self {
        let mut centre = Centre {
            tenant: Tenant::new(TenantId::new("bench").unwrap()),
            now: Timestamp::from_micros(1_795_000_000_000_000),
            ids: Ids::new(1, 0),
            switch_ids: Ids::new(1, 40),
            out: Decision::default(),
        };
        centre.tell(Command::CreateTenant(TenantSettings { max_calls: 20_000, ..TenantSettings::named("Bench") }));
        let id = QueueId::new(1).unwrap();
        let mut queue = Queue { strategy, max_waiting: 10_000, sticky_s: 3600, ..Queue::named(id, "Bench") };
        queue.announcements.every_s = 0;
        centre.tell(Command::AddQueue(queue));
        centre.tell(Command::AddNumber(AccessNumber { number: Number::new("700").unwrap(), destination: Destination::Queue(id) }));
        centre.tell(Command::AddPhone(Phone::named(user(0))));
        for number in 1..=AGENTS {
            centre.add_agent(number, id);
        }
        for _ in 0..waiting {
            centre.calls();
        }
        for number in 1..=AGENTS {
            centre.sign_in(number, mode);
        }
        centre
    }

    fn tell(&mut self, command: Command) {
        self.out.events.clear();
        self.out.effects.clear();
        self.now = self.now + Duration::from_millis(1);
        self.tenant.handle(self.now, &mut self.ids, command, &mut self.out).unwrap();
    }

    fn add_agent(&mut self, number: u32, queue: QueueId) {
        self.tell(Command::AddPhone(Phone::named(user(number))));
        let contact = format!("sip:{number}@192.0.2.9");
        let register = RegisterRequest {
            contacts: vec![ContactUpdate { contact, expires: Duration::from_secs(1_000_000), q: 1000, instance: None }],
            remove_all: false,
            call_id: "r".into(),
            cseq: 1,
            path: Vec::new(),
            flow: flow(),
            user_agent: None,
        };
        self.tell(Command::Register { user: user(number), request: RequestId(1), register });
        let skills = vec![Skill { queue, level: u8::try_from(number % 10 + 1).unwrap() }];
        let (number, name) = (work(number), format!("Agent {number}").into());
        self.tell(Command::AddAgent(Agent {
            number,
            name,
            role: AgentRole::Agent,
            account: None,
            phone: None,
            skills,
            group: None,
            chats: 0,
            may_pick_up: true,
        }));
    }

    fn sign_in(&mut self, number: u32, mode: Mode) {
        let wish = SignIn {
            phone: AgentPhone::Softphone(user(number)),
            auto_answer: false,
            auto_ready: true,
            keep_phone: false,
            mode,
            skills: None,
            watches: false,
            force: false,
        };
        self.tell(Command::Agent { agent: work(number), wish: AgentWish::SignIn(wish) });
    }

    fn calls(&mut self) -> LegId {
        let leg = self.switch_ids.leg();
        let dialog = DialogRecord {
            call_id: "c".into(),
            local_tag: "l".into(),
            remote_tag: Some("r".into()),
            local_uri: "sip:700@192.0.2.1".into(),
            remote_uri: "sip:p0@192.0.2.1".into(),
            remote_target: "sip:p0@198.51.100.7".into(),
            route_set: Vec::new(),
            local_cseq: 1,
            remote_cseq: Some(1),
            flow: flow(),
        };
        let (from, caller) = (Endpoint::Phone(user(0)), "13800000001".into());
        self.tell(Command::LegOffered { leg, from, caller, caller_name: None, called: "700".into(), dialog, replaces: None });
        leg
    }

    fn ends(&mut self, leg: LegId) {
        self.tell(Command::LegEnded { leg, cause: Cause::normal(Party::Remote), stats: None });
    }

    fn dialled(&self) -> LegId {
        let dial = self.out.effects.iter().find_map(|effect| if let Effect::Dial { leg, .. } = effect { Some(*leg) } else { None });
        dial.expect("somebody was dialled")
    }

    fn ready_and_reject(&mut self, number: u32) {
        let agent = work(number);
        self.tell(Command::Agent { agent, wish: AgentWish::Ready });
        let device = self.dialled();
        self.tell(Command::Agent { agent, wish: AgentWish::Reject { call: None, requeue: true } });
        self.ends(device);
    }

    fn enter_and_give_up(&mut self) {
        let leg = self.calls();
        self.ends(leg);
    }

    fn meet_and_give_up(&mut self) {
        let leg = self.calls();
        let device = self.dialled();
        self.ends(leg);
        self.ends(device);
    }
}

fn acd(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("acd");
    for waiting in [100, 1_000, 9_900] {
        let mut centre = Centre::new(waiting, Mode::NotReady { reason: 0 }, Strategy::LongestIdle);
        let mut number = 0;
        group.bench_function(format!("an agent becomes ready, {waiting} wait"), |bencher| {
            bencher.iter(|| {
                number = number % AGENTS + 1;
                centre.ready_and_reject(number);
            });
        });
        group.bench_function(format!("a caller enters and gives up, {waiting} wait"), |bencher| {
            bencher.iter(|| centre.enter_and_give_up());
        });
    }
    for strategy in [Strategy::LongestIdle, Strategy::FewestCalls, Strategy::RoundRobin, Strategy::SkillLevel] {
        let mut centre = Centre::new(0, Mode::Ready, strategy);
        group.bench_function(format!("a caller meets {AGENTS} ready agents, {strategy:?}"), |bencher| {
            bencher.iter(|| centre.meet_and_give_up());
        });
    }
    group.finish();
}

criterion_group!(benches, acd);
criterion_main!(benches);
