//! Scenes at agents' desks. Agents 101 to 104 sit at the phones 1001 to 1004 and serve queue 1, which customers reach from
//! the trunk by 95588; 105 works at home, on the outside number 0555.

use smol_str::{SmolStr, format_smolstr};

use super::*;
use crate::agent::{Agent, AgentPhone, AgentRefusal, AgentRole, AgentWish, HandoverMode, Mode, Reach, SignIn, Skill};
use crate::queue::{Announcements, Queue};

mod call_out;
mod chance;
mod consult;
mod handover;
mod linkage;
mod put_aside;
mod take;

pub(super) fn work(number: u32) -> WorkNumber {
    WorkNumber::new(number).unwrap()
}

pub(super) fn queue_id() -> QueueId {
    QueueId::new(1).unwrap()
}

pub(super) fn agent(number: u32) -> Reach {
    Reach::Agent(work(number))
}

pub(super) fn outside(number: &str) -> Reach {
    Reach::Number(number.into())
}

fn sign_in(number: u32) -> SignIn {
    let phone = match number {
        105 => AgentPhone::Outside(Number::new("0555").unwrap()),
        _ => AgentPhone::Softphone(user(&format!("1{:03}", number - 100))),
    };
    SignIn { phone, auto_answer: false, auto_ready: true, keep_phone: false, mode: Mode::Ready, skills: None, watches: false, force: false }
}

impl Stage {
    /// The house with everybody still at home.
    pub(super) fn house() -> Self {
        let mut s = Stage::new();
        s.does(Command::AddPhone(phone("1004")));
        s.register("1004", vec![contact("sip:1004@phone")], 1004);
        let announcements = Announcements { every_s: 0, ..Announcements::default() };
        s.does(Command::AddQueue(Queue { announcements, wrap_up_s: 0, ..Queue::named(queue_id(), "support") }));
        s.does(Command::AddNumber(number("95588", Destination::Queue(queue_id()))));
        for number in 101..=105 {
            s.does(Command::AddAgent(Agent {
                number: work(number),
                name: "Ann".into(),
                role: AgentRole::Agent,
                account: None,
                phone: None,
                skills: vec![Skill { queue: queue_id(), level: 1 }],
                group: None,
                chats: 0,
                may_pick_up: number != 104,
            }));
        }
        s
    }

    /// The house with these agents signed in.
    pub(super) fn office(agents: &[u32]) -> Self {
        let mut s = Stage::house();
        for number in agents {
            s.wish(*number, AgentWish::SignIn(sign_in(*number)));
        }
        s
    }

    pub(super) fn keeps_phone(&mut self, number: u32) {
        self.wish(number, AgentWish::SignIn(SignIn { keep_phone: true, auto_answer: true, ..sign_in(number) }));
    }

    pub(super) fn asks(&mut self, agent: u32, wish: AgentWish) -> Result<Accepted, Rejection> {
        self.tell(Command::Agent { agent: work(agent), wish })
    }

    #[track_caller]
    pub(super) fn wish(&mut self, agent: u32, wish: AgentWish) -> Accepted {
        self.asks(agent, wish).unwrap()
    }

    /// Why a wish is refused.
    #[track_caller]
    pub(super) fn refusal(&mut self, agent: u32, wish: AgentWish) -> AgentRefusal {
        match self.asks(agent, wish) {
            Err(Rejection::Agent(refusal)) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// A customer's call is up with an agent: the customer's leg, the agent's, the call.
    #[track_caller]
    pub(super) fn at_desk(&mut self) -> (LegId, LegId, CallId) {
        let customer = self.offer("a", "95588");
        let device = self.dialled();
        self.answers(device);
        let agent = self.tenant.leg(device).unwrap().agent.unwrap();
        self.wish(agent.get(), AgentWish::Answer { call: None });
        assert_eq!(self.hears(customer), Audio::Leg(device));
        assert_eq!(self.hears(device), Audio::Leg(customer));
        (customer, device, self.call_of(customer))
    }

    /// The phone of an agent that was called is picked up and the agent takes the call.
    #[track_caller]
    pub(super) fn takes(&mut self, agent: u32, device: LegId) {
        self.answers(device);
        self.wish(agent, AgentWish::Answer { call: None });
    }

    #[track_caller]
    pub(super) fn consults(&mut self, agent: u32, to: Reach) -> LegId {
        self.wish(agent, AgentWish::Consult { to, three_party: false, data: SmolStr::default() });
        self.dialled()
    }

    #[track_caller]
    pub(super) fn hands(&mut self, agent: u32, to: Reach, mode: HandoverMode) {
        self.wish(agent, AgentWish::HandOver { to, mode, caller: None, data: None });
    }

    /// Two hear each other and nobody else.
    #[track_caller]
    pub(super) fn talk_together(&self, one: LegId, two: LegId) {
        assert_eq!((self.hears(one), self.hears(two)), (Audio::Leg(two), Audio::Leg(one)));
    }

    #[track_caller]
    pub(super) fn hears_music(&self, leg: LegId) {
        assert_eq!(self.hears(leg), Audio::Music { name: "@music".into() });
    }

    /// Nothing is left of anything.
    #[track_caller]
    pub(super) fn all_over(&self) {
        assert_eq!(self.tenant.calls().len(), 0, "{:?}", self.tenant.calls().collect::<Vec<_>>());
        for entry in self.tenant.agents() {
            let Some(session) = &entry.session else { continue };
            assert!(session.calls.is_empty() && session.legs.is_empty(), "{session:?}");
        }
    }

    /// Ends whatever leg is on its way out, so that calls can end.
    pub(super) fn confirm_releases(&mut self) {
        let mut going: Vec<LegId> = self.tenant.legs().filter(|(_, leg)| !leg.is_live()).map(|(id, _)| id).collect();
        going.sort_unstable();
        for leg in going {
            self.ends(leg, 200);
        }
    }

    /// The last command's events, with agents by number.
    pub(super) fn story(&self) -> Vec<String> {
        self.out.events.iter().map(|envelope| self.told(&envelope.event)).collect()
    }

    fn told(&self, event: &Event) -> String {
        match event {
            Event::Call(_, event) => self.told_of_call(event).unwrap_or_else(|| self.event_text(&Event::Call(CallId(0), event.clone()))),
            Event::Agent(agent, AgentEvent::PhoneChanged(it)) => format!("{agent} phone {}", word(&it.state)),
            Event::Agent(agent, AgentEvent::ModeChanged(it)) => format!("{agent} is {}", word(&it.mode)),
            other => other.kind().into(),
        }
    }

    fn told_of_call(&self, event: &CallEvent) -> Option<String> {
        Some(match event {
            CallEvent::Offered(it) => format!("offered {} as {}", it.agent, word(&it.role)),
            CallEvent::AgentAlerting(it) => format!("alerting {}", it.agent),
            CallEvent::AgentJoined(it) => format!("joined {}", it.agent),
            CallEvent::AgentHeld(it) => format!("held {}", it.agent),
            CallEvent::AgentRetrieved(it) => format!("retrieved {}", it.agent),
            CallEvent::AgentMuted(it) => format!("muted {} {}", it.agent, it.muted),
            CallEvent::AgentLeft(it) => format!("left {} {}", it.agent, word(&it.end)),
            CallEvent::PartMoved(it) => format!("moved {} as {}", it.agent, word(&it.role)),
            CallEvent::Unreached(it) => format!("unreached {} {}", it.agent, it.cause.q850),
            CallEvent::Conferenced(it) => format!("conferenced {} {}", it.agent, it.parties.join("+")),
            CallEvent::Consulting(it) => format!("consulting {}", it.agent),
            CallEvent::HandoverAsked(it) => format!("handover {} {}", it.agent, word(&it.mode)),
            CallEvent::HandoverEnded(it) => match &it.failed {
                None => format!("handed over {}", it.agent),
                Some(cause) => format!("not handed over {} {}", it.agent, cause.q850),
            },
            CallEvent::DataSet(it) => format!("data {}", it.data),
            CallEvent::Queued(it) => format!("queued {}", it.queue),
            CallEvent::Dequeued(_) => "dequeued".into(),
            _ => return None,
        })
    }
}

/// The stable name of a value, without its contents.
fn word(value: &impl serde::Serialize) -> SmolStr {
    match serde_json::to_value(value).unwrap() {
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Object(map) => map.keys().next().map_or_else(SmolStr::default, |key| format_smolstr!("{key}")),
        other => format_smolstr!("{other}"),
    }
}
