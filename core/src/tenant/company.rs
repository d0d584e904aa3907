//! An agent's place in its calls: where it talks, what it holds, whom it may reach, and what a call still waits for.

use smol_str::{SmolStr, ToSmolStr, format_smolstr};

use super::contact::{Part, Session, Stage};
use super::routing::{Dialler, Plan};
use super::state::Call;
use super::{Desk, Tenant, limits};
use crate::agent::{AgentPhone, AgentRefusal, Mode, PartEnd, PartRole, Reach, WorkNumber};
use crate::call::Endpoint;
use crate::cause::{Cause, Party};
use crate::command::Rejection;
use crate::config::Destination;
use crate::event::{AgentJoined, CallDataSet, LegMoved, PartMoved};
use crate::id::{CallId, LegId, Number, UserName};
use crate::queue::QueueId;
use crate::time::Timestamp;

/// Where a wish to reach somebody leads right now.
pub(super) enum Whom {
    /// A colleague who may be asked.
    Agent(WorkNumber),
    /// Whoever serves a queue.
    Queue(QueueId),
    /// The voicemail of a queue.
    Voicemail(QueueId),
    /// By the dial plan: a phone, the network, or a service of the switch.
    Plan(Plan),
}

pub(super) fn wrong(wish: &'static str, state: &str) -> AgentRefusal {
    AgentRefusal::WrongCallState { wish, state: state.to_owned() }
}

fn unreachable(target: impl ToSmolStr, why: impl Into<String>) -> AgentRefusal {
    AgentRefusal::Unreachable { target: target.to_smolstr(), why: why.into() }
}

/// The cause of a failure as it is told to who waited for this part.
pub(super) fn cause_of(end: &PartEnd) -> Cause {
    let (sip, q850, text) = match end {
        PartEnd::NoAnswer => (480, 19, "no answer"),
        PartEnd::Rejected => (603, 21, "rejected"),
        PartEnd::PhoneFailed => (480, 20, "the phone can't be reached"),
        PartEnd::SignedOut => (480, 20, "signed out"),
        _ => (480, 18, "not reached"),
    };
    Cause { sip, q850, by: Party::System, text: Some(SmolStr::new_static(text)) }
}

/// A wish as people would write it: the number of an agent or queue, or the number.
pub(super) fn reach_text(reach: &Reach) -> SmolStr {
    match reach {
        Reach::Agent(agent) => format_smolstr!("{agent}"),
        Reach::Queue(queue) => format_smolstr!("{queue}"),
        Reach::Number(number) => number.clone(),
    }
}

impl Part {
    /// It takes part with its voice, as opposed to sitting in, listening to a recording or being in a conference.
    pub(super) fn converses(&self) -> bool {
        matches!(self.role, PartRole::Handler | PartRole::Caller | PartRole::Helper)
    }

    /// It has not taken the call yet.
    pub(super) fn is_coming(&self) -> bool {
        self.stage < Stage::Talking
    }
}

impl Tenant {
    // ---- where an agent is ----------------------------------------------------------------------------------------

    /// The agent's phone and the call in which it talks, or why there is none for this wish.
    pub(super) fn talking(&self, agent: WorkNumber, wish: &'static str) -> Result<(CallId, LegId), AgentRefusal> {
        let none = || AgentRefusal::NoCall(wish);
        let (leg, id) = self.device(agent).ok_or_else(none)?;
        let part = self.call(id).and_then(|call| call.part(agent)).ok_or_else(none)?;
        match part.stage {
            Stage::Talking if part.converses() => Ok((id, leg)),
            Stage::Talking => Err(wrong(wish, "the agent only sits in")),
            Stage::Held => Err(wrong(wish, "the call is on hold")),
            Stage::Reserved | Stage::Alerting => Err(wrong(wish, "nobody has answered yet")),
        }
    }

    /// Calls that the agent has put aside.
    pub(super) fn held_calls(&self, agent: WorkNumber) -> Vec<CallId> {
        let calls = self.session(agent).map(|session| session.calls.as_slice()).unwrap_or_default();
        let held = |id: &&CallId| self.part(**id, agent).is_some_and(|part| part.stage == Stage::Held);
        calls.iter().filter(held).copied().collect()
    }

    pub(super) fn part(&self, call: CallId, agent: WorkNumber) -> Option<&Part> {
        self.call(call)?.part(agent)
    }

    /// Legs of customers and other outside parties that are not on their way out.
    pub(super) fn party_legs(&self, call: &Call) -> Vec<LegId> {
        call.legs.iter().copied().filter(|leg| self.leg(*leg).is_some_and(|leg| leg.is_live() && leg.agent.is_none())).collect()
    }

    /// Somebody may still come: is being called, is offered the call, or is waited for.
    pub(super) fn awaits_somebody(&self, call: &Call) -> bool {
        let offered = |part: &Part| part.is_coming() && matches!(part.role, PartRole::Handler | PartRole::Helper);
        self.is_calling(call) || call.waiting.is_some() || call.parts.iter().any(offered)
    }

    /// The agent may begin another call: it is in none that it has not put aside.
    pub(super) fn may_begin(&self, agent: WorkNumber, wish: &'static str) -> Result<(), Rejection> {
        let session = self.need_session(agent)?;
        if let Mode::Rest { .. } = session.mode {
            return Err(AgentRefusal::WrongMode("resting").into());
        }
        if session.calls.iter().any(|id| self.part(*id, agent).is_some_and(|part| part.stage != Stage::Held)) {
            return Err(wrong(wish, "the agent is in a call").into());
        }
        self.may_ring(agent, wish)?;
        self.may_have_more(agent)
    }

    /// Nothing rings at the agent already.
    pub(super) fn may_ring(&self, agent: WorkNumber, wish: &'static str) -> Result<(), AgentRefusal> {
        let rings = |session: &Session| session.legs.iter().any(|leg| self.leg(*leg).is_some_and(|leg| leg.is_live() && !leg.is_up()));
        if self.session(agent).is_some_and(rings) {
            return Err(wrong(wish, "the agent's phone rings"));
        }
        Ok(())
    }

    /// Bounds of calls, of the agent and of the tenant.
    pub(super) fn may_have_more(&self, agent: WorkNumber) -> Result<(), Rejection> {
        if self.need_session(agent)?.calls.len() >= limits::AGENT_CALLS {
            return Err(Rejection::LimitReached { what: "calls of an agent", limit: limits::AGENT_CALLS as u64 });
        }
        let most = self.settings().map_or(0, |settings| settings.max_calls);
        if self.live_calls() >= most {
            return Err(Rejection::LimitReached { what: "calls", limit: u64::from(most) });
        }
        Ok(())
    }

    // ---- whom it may reach ----------------------------------------------------------------------------------------

    /// Where a wish leads, on the agent's account.
    pub(super) fn whom(&self, now: Timestamp, agent: WorkNumber, reach: &Reach) -> Result<Whom, AgentRefusal> {
        match reach {
            Reach::Agent(other) => self.may_ask(agent, *other).map(|()| Whom::Agent(*other)),
            Reach::Queue(queue) => self.queue(*queue).map(|_| Whom::Queue(*queue)).ok_or(AgentRefusal::NoSuchQueue(*queue)),
            Reach::Number(number) => {
                let account = self.account(agent).ok_or_else(|| unreachable(number, "the agent has no phone"))?;
                let plan = self.plan(now, number, &Dialler { endpoint: &account, flow: None }).map_err(|cause| {
                    let why = cause.text.as_deref().unwrap_or("no route");
                    unreachable(number, why)
                })?;
                match plan.route {
                    crate::event::Route::Number(Destination::Queue(queue)) => self.whom(now, agent, &Reach::Queue(queue)),
                    crate::event::Route::Number(Destination::Agent(other)) => self.whom(now, agent, &Reach::Agent(other)),
                    crate::event::Route::Number(Destination::Voicemail(queue)) => Ok(Whom::Voicemail(queue)),
                    _ => Ok(Whom::Plan(plan)),
                }
            }
        }
    }

    /// A colleague may be asked while it is in no call: ready or in wrap-up, but not busy or resting (cc-gateway.md §1.5:
    /// "working" takes internal calls, "busy" takes none).
    pub(super) fn may_ask(&self, agent: WorkNumber, other: WorkNumber) -> Result<(), AgentRefusal> {
        if other == agent {
            return Err(unreachable(other, "that is the agent itself"));
        }
        if self.agent(other).is_none() {
            return Err(AgentRefusal::NoSuchAgent(other));
        }
        let Some(session) = self.session(other) else { return Err(unreachable(other, "not signed in")) };
        match session.mode {
            _ if !session.is_free() => Err(unreachable(other, "in a call")),
            Mode::Ready | Mode::WrapUp { .. } => Ok(()),
            Mode::NotReady { .. } => Err(unreachable(other, "busy")),
            Mode::Rest { .. } => Err(unreachable(other, "resting")),
        }
    }

    /// On whose account an agent dials: as a phone of the tenant, also when its own phone is an outside number, for it is
    /// the agent that is allowed to.
    pub(super) fn account(&self, agent: WorkNumber) -> Option<Endpoint> {
        let user = match &self.session(agent)?.phone {
            AgentPhone::Softphone(user) => user.clone(),
            AgentPhone::Outside(_) => UserName::new(agent.to_string()).ok()?,
        };
        Some(Endpoint::Phone(user))
    }

    /// What stands as the beginner of a call of this agent.
    pub(super) fn agent_endpoint(&self, agent: WorkNumber) -> Result<Endpoint, AgentRefusal> {
        if let Some(leg) = self.device(agent).and_then(|(leg, _)| self.leg(leg)) {
            return Ok(leg.endpoint.clone());
        }
        self.account(agent).ok_or(AgentRefusal::NotSignedIn(agent))
    }

    /// A number may be shown if it is one of the tenant's own: anything else would be a false sender.
    pub(super) fn may_show(&self, caller: Option<Number>) -> Result<Option<SmolStr>, AgentRefusal> {
        let Some(number) = caller else { return Ok(None) };
        let of_trunk = || self.state.trunks.values().any(|entry| entry.trunk.caller_number.as_ref() == Some(&number));
        if self.state.numbers.contains_key(&number) || of_trunk() {
            return Ok(Some(number.as_str().into()));
        }
        let rule = "an access number of the tenant or the caller number of one of its trunks";
        Err(AgentRefusal::Invalid { field: "caller", value: number.to_string(), rule })
    }

    /// Call data is bounded: it is in the state and in every answer.
    pub(super) fn check_data(data: &str) -> Result<(), AgentRefusal> {
        if data.len() <= limits::CALL_DATA_BYTES {
            return Ok(());
        }
        Err(AgentRefusal::Invalid { field: "data", value: format!("{} bytes", data.len()), rule: "at most 16384 bytes" })
    }

    // ---- small steps that several wishes share --------------------------------------------------------------------

    /// Attaches data, unless it says what is there already.
    pub(super) fn attach(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber, data: SmolStr) {
        if self.call(call).is_some_and(|call| call.data != data) {
            self.emit_call(desk, call, CallDataSet { data, by: Some(agent) });
        }
    }

    /// The agent that began the call talks from now on.
    pub(super) fn caller_joins(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber) {
        let Some((leg, at)) = self.device(agent) else { return };
        if at == call && self.part(call, agent).is_some_and(Part::is_coming) {
            self.emit_call(desk, call, AgentJoined { agent, leg, auto: false });
        }
    }

    /// Takes a leg into another call; an agent's phone with the agent's part.
    pub(super) fn bring_leg(&mut self, desk: &mut Desk<'_>, leg: LegId, from: CallId, to: CallId) {
        let agent = self.leg(leg).and_then(|leg| leg.agent);
        if let Some(part) = agent.and_then(|agent| self.part(from, agent)) {
            let (agent, role) = (part.agent, part.role);
            self.emit_call(desk, to, PartMoved { agent, from, role });
        }
        self.emit_call(desk, to, LegMoved { leg, from });
    }

    /// Takes the agent's phone from where it is into `to`.
    pub(super) fn bring_device(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, to: CallId) {
        if let Some((leg, from)) = self.device(agent).filter(|(_, from)| *from != to) {
            self.emit_call(desk, to, LegMoved { leg, from });
            self.rebridge(desk, from);
        }
    }
}
