//! A contact centre for scenes: queue 1 behind number 700, queue 2 behind 701, agents 101 to 103 at phones 1001 to 1003.

use super::*;
use crate::agent::{Agent, AgentPhone, AgentRole, AgentWish, Mode, SignIn, Skill, WorkNumber};
use crate::queue::{Queue, QueueId};

pub(super) fn work(number: u32) -> WorkNumber {
    WorkNumber::new(number).unwrap()
}

pub(super) fn queue_id(number: u16) -> QueueId {
    QueueId::new(number).unwrap()
}

pub(super) fn agent(number: u32, queues: &[u16]) -> Agent {
    let skills = queues.iter().map(|queue| Skill { queue: queue_id(*queue), level: 10 }).collect();
    let (name, number) = (format!("Agent {number}").into(), work(number));
    Agent { number, name, role: AgentRole::Agent, account: None, phone: None, skills, group: None, chats: 0, may_pick_up: true }
}

pub(super) fn sign_in(phone: &str) -> SignIn {
    SignIn {
        phone: AgentPhone::Softphone(user(phone)),
        auto_answer: false,
        auto_ready: true,
        keep_phone: false,
        mode: Mode::Ready,
        skills: None,
        watches: false,
        force: false,
    }
}

/// A queue without words, so that scenes show what they are about.
pub(super) fn plain_queue(number: u16) -> Queue {
    let mut queue = Queue::named(queue_id(number), format!("Queue {number}"));
    queue.announcements.every_s = 0;
    queue
}

impl Stage {
    pub(super) fn centre() -> Self {
        let mut stage = Stage::new();
        for number in [1, 2] {
            stage.does(Command::AddQueue(plain_queue(number)));
            stage.does(Command::AddNumber(super::number(&format!("70{}", number - 1), Destination::Queue(queue_id(number)))));
        }
        for number in [101, 102, 103] {
            stage.does(Command::AddAgent(agent(number, &[1, 2])));
        }
        stage.does(Command::AddNumber(super::number("7101", Destination::Agent(work(101)))));
        stage
    }

    #[track_caller]
    pub(super) fn wishes(&mut self, agent: u32, wish: AgentWish) {
        self.does(Command::Agent { agent: work(agent), wish });
    }

    #[track_caller]
    pub(super) fn refused(&mut self, agent: u32, wish: AgentWish) -> String {
        self.tell(Command::Agent { agent: work(agent), wish }).unwrap_err().to_string()
    }

    /// Agents sign in at their own phones and are ready.
    pub(super) fn signs_in(&mut self, agents: &[u32]) {
        for agent in agents {
            self.wishes(*agent, AgentWish::SignIn(sign_in(&(agent + 900).to_string())));
        }
    }

    #[track_caller]
    pub(super) fn changes_queue(&mut self, number: u16, change: impl FnOnce(&mut Queue)) {
        let mut queue = self.tenant.queue(queue_id(number)).unwrap().queue.clone();
        change(&mut queue);
        self.does(Command::ChangeQueue(queue));
    }

    pub(super) fn mode(&self, agent: u32) -> Mode {
        self.tenant.session(work(agent)).unwrap().mode
    }

    /// Lets a timer fire now.
    #[track_caller]
    pub(super) fn fires(&mut self, key: TimerKey) {
        self.does(Command::TimerFired(key));
    }

    /// A customer calls a queue's number and talks with whoever it is offered to; auto-answering is not needed.
    #[track_caller]
    pub(super) fn served(&mut self, called: &str) -> (LegId, LegId, u32) {
        let caller = self.offer("a", called);
        let device = self.dialled();
        let agent = self.tenant.leg(device).unwrap().agent.unwrap().get();
        self.answers(device);
        self.wishes(agent, AgentWish::Answer { call: None });
        (caller, device, agent)
    }

    pub(super) fn contact_text(&self, event: &Event) -> String {
        let kind = event.kind();
        let Event::Agent(agent, event) = event else { return kind.into() };
        match event {
            AgentEvent::ModeChanged(it) => format!("{kind} {agent} {}", mode_text(&it.mode)),
            AgentEvent::ModeDeferred(it) => format!("{kind} {agent} {}", it.mode.as_ref().map_or("none".into(), mode_text)),
            AgentEvent::PhoneChanged(it) => format!("{kind} {agent} {:?}", it.state),
            _ => format!("{kind} {agent}"),
        }
    }

    pub(super) fn part_text(&self, event: &CallEvent) -> String {
        let kind = event.kind();
        match event {
            CallEvent::Queued(it) => format!("{kind} {} place {}", it.queue, it.position),
            CallEvent::Dequeued(it) => format!("{kind} {} {:?}", it.queue, it.leaving),
            CallEvent::StickyEnded(it) => format!("{kind} {}", it.agent),
            CallEvent::Offered(it) => format!("{kind} {}", it.agent),
            CallEvent::AgentAlerting(it) => format!("{kind} {}", it.agent),
            CallEvent::AgentJoined(it) => format!("{kind} {}", it.agent),
            CallEvent::AgentHeld(it) => format!("{kind} {}", it.agent),
            CallEvent::AgentRetrieved(it) => format!("{kind} {}", it.agent),
            CallEvent::AgentLeft(it) => format!("{kind} {} {:?}", it.agent, it.end),
            CallEvent::Announcing(it) => format!("{kind} {}", it.prompts.join(" ")),
            _ => kind.into(),
        }
    }
}

pub(super) fn mode_text(mode: &Mode) -> String {
    match mode {
        Mode::Ready => "ready".into(),
        Mode::NotReady { reason } => format!("busy {reason}"),
        Mode::Rest { cause, .. } => format!("rest {cause}"),
        Mode::WrapUp { until: Some(_) } => "wrap-up for a while".into(),
        Mode::WrapUp { until: None } => "wrap-up".into(),
    }
}
