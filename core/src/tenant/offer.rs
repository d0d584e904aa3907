//! An agent's part in a call: offered, taken, refused, over.
//!
//! `call.offered` reserves the agent. Its phone is brought in ([`Tenant::ring_agent`]); once that is up the agent is
//! asked ([`Tenant::agent_up`]) and takes the call ([`Tenant::agent_takes`]). A part that ends before it was taken is
//! [`Tenant::part_failed`], after it [`Tenant::end_part`].

use std::time::Duration;

use super::contact::{Part, Stage};
use super::state::{Call, Phase};
use super::{DONE, Desk, Outcome, Tenant};
use crate::agent::{AgentRefusal, Mode, PartEnd, PartRole, WorkNumber};
use crate::cause::{Cause, Party};
use crate::effect::{Effect, TimerKey};
use crate::event::{AgentAlerting, AgentJoined, AgentLeft, AgentRetrieved, CallKind, CallOffered, LegRinging, LegsBridged, LegsParted};
use crate::id::{CallId, LegId};
use crate::queue::{Choice, ChoiceRule, Leaving, QueueId};
use crate::time::Timestamp;

/// Whom a call is offered to, and why.
pub(super) struct Offering {
    pub(super) agent: WorkNumber,
    pub(super) role: PartRole,
    pub(super) queue: Option<QueueId>,
    pub(super) choice: Option<Choice>,
    pub(super) until: Option<Timestamp>,
}

impl Tenant {
    // ---- offering -------------------------------------------------------------------------------------------------

    pub(super) fn offer(&mut self, desk: &mut Desk<'_>, call: CallId, it: Offering) {
        let Offering { agent, role, queue, choice, until } = it;
        self.emit_call(desk, call, CallOffered { agent, role, queue, choice, until });
        if let Some(until) = until {
            desk.set_timer(TimerKey::Offer(call, agent), until);
        }
        self.ring_agent(desk, call, agent);
    }

    /// Offers a call to an agent whom somebody asked for.
    pub(super) fn offer_asked(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber, role: PartRole) {
        self.offer_by(desk, call, agent, role, ChoiceRule::Asked);
    }

    /// Offers a call to one agent by a rule other than a queue's.
    pub(super) fn offer_by(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber, role: PartRole, rule: ChoiceRule) {
        let candidates = self.candidate(desk.now, None, agent).into_iter().collect();
        let choice = Some(Choice { rule, ready: 1, candidates, waited_ms: 0, waiting: 0 });
        let rings = self.settings().map_or(60, |settings| settings.ring_timeout_s);
        let until = Some(desk.now + Duration::from_secs(u64::from(rings)));
        self.offer(desk, call, Offering { agent, role, queue: None, choice, until });
    }

    /// A part that the agent itself begins: its phone is brought in without a time limit of its own.
    pub(super) fn begin_part(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber, role: PartRole, queue: Option<QueueId>) {
        self.offer(desk, call, Offering { agent, role, queue, choice: None, until: None });
    }

    /// Whether somebody may ask for this agent: signed in, in no call, ready or in wrap-up (cc-gateway.md §1.5: who is busy
    /// or rests takes no calls at all, who works takes internal ones).
    pub(super) fn may_be_asked(&self, agent: WorkNumber) -> Result<(), AgentRefusal> {
        if self.agent(agent).is_none() {
            return Err(AgentRefusal::NoSuchAgent(agent));
        }
        let session = self.need_session(agent)?;
        let mode = matches!(session.mode, Mode::Ready | Mode::WrapUp { .. });
        if session.is_free() && mode { Ok(()) } else { Err(AgentRefusal::WrongTargetState(agent)) }
    }

    /// A call that arrived at a number leading to an agent.
    pub(super) fn offer_direct(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId, agent: WorkNumber) {
        if self.may_be_asked(agent).is_err() {
            let cause = Cause { sip: 480, q850: 18, by: Party::System, text: Some("the agent takes no calls now".into()) };
            self.release_and_settle(desk, call, leg, cause);
            return;
        }
        if self.leg(leg).is_some_and(|leg| leg.phase == Phase::Calling) {
            self.emit_call(desk, call, LegRinging { leg, status: 180, early_media: false });
            desk.order(Effect::Ring { leg });
        }
        self.offer_asked(desk, call, agent, PartRole::Handler);
    }

    // ---- answering ------------------------------------------------------------------------------------------------

    /// The calls of an agent that wait for its answer: its phone is up.
    fn alerting(&self, agent: WorkNumber, call: Option<CallId>) -> Result<CallId, AgentRefusal> {
        let session = self.need_session(agent)?;
        if let Some(call) = call.filter(|call| !session.calls.contains(call)) {
            return Err(AgentRefusal::NotYourCall(call));
        }
        let waits = |id: &CallId| self.call(*id).and_then(|call| call.part(agent)).is_some_and(|part| part.stage == Stage::Alerting);
        let mut waiting = session.calls.iter().copied().filter(|id| call.is_none_or(|call| call == *id) && waits(id));
        match (waiting.next(), waiting.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(AgentRefusal::NothingToAnswer),
        }
    }

    pub(super) fn answer_wish(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, call: Option<CallId>) -> Outcome {
        let call = self.alerting(agent, call)?;
        self.agent_takes(desk, call, agent, false);
        DONE
    }

    /// Refuses a call that rings or waits for the answer.
    pub(super) fn reject_wish(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, call: Option<CallId>, requeue: bool) -> Outcome {
        let session = self.need_session(agent)?;
        let offered = |id: &CallId| {
            let part = self.call(*id).and_then(|call| call.part(agent));
            part.is_some_and(|part| part.stage < Stage::Talking && part.until.is_some())
        };
        let id = session.calls.iter().copied().find(|id| call.is_none_or(|call| call == *id) && offered(id));
        let id = id.ok_or(AgentRefusal::NothingToAnswer)?;
        if requeue {
            self.part_failed(desk, id, agent, PartEnd::Rejected);
            return DONE;
        }
        let Some(part) = self.drop_part(desk, id, agent, &PartEnd::Rejected) else { return DONE };
        self.mode_after(desk, &part, id, &PartEnd::Over);
        let cause = Cause { sip: 603, q850: 21, by: Party::Peer, text: Some("rejected".into()) };
        match self.call(id).map(|call| call.kind) {
            Some(CallKind::Ordinary) if self.call(id).is_some_and(|call| call.handover.is_none()) => {
                self.leave_queue(desk, id, Leaving::Ended);
                self.release_all(desk, id, &cause);
            }
            _ => self.offer_failed(desk, id, &part, PartEnd::Rejected),
        }
        DONE
    }

    /// An offer was not answered in time.
    pub(super) fn offer_due(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber) {
        let part = self.call(call).and_then(|call| call.part(agent));
        let due = |part: &Part| part.stage < Stage::Talking && part.until.is_some_and(|until| until <= desk.now);
        if part.is_some_and(due) {
            self.part_failed(desk, call, agent, PartEnd::NoAnswer);
        }
    }

    /// The agent's phone is up in a call where it has a part.
    pub(super) fn agent_up(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber) {
        let Some(part) = self.call(call).and_then(|call| call.part(agent)).cloned() else { return };
        if part.stage == Stage::Held {
            self.emit_call(desk, call, AgentRetrieved { agent });
            self.rebridge(desk, call);
            return;
        }
        if part.stage > Stage::Reserved {
            return;
        }
        match part.role {
            // Who took the call itself is not asked again.
            PartRole::Handler | PartRole::Helper if part.taken => self.agent_takes(desk, call, agent, false),
            PartRole::Handler | PartRole::Helper if self.session(agent).is_some_and(|session| session.auto_answer) => {
                self.agent_takes(desk, call, agent, true);
            }
            PartRole::Handler | PartRole::Helper => {
                let Some((leg, _)) = self.device(agent) else { return };
                self.emit_call(desk, call, AgentAlerting { agent, leg });
            }
            PartRole::Caller => self.caller_up(desk, call, agent),
            PartRole::Supervisor(_) => self.supervisor_up(desk, call, agent),
            PartRole::Member => self.member_up(desk, call, agent),
            PartRole::Listener => self.listener_up(desk, call, agent),
        }
    }

    /// The agent talks in this call from now on. A handover is completed before the bridge is made, so that who hands over
    /// is out of it by then; all else follows the bridge.
    pub(super) fn agent_takes(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber, auto: bool) {
        let Some((leg, at)) = self.device(agent) else { return };
        let Some(part) = self.call(call).and_then(|call| call.part(agent)).filter(|_| at == call).cloned() else { return };
        if part.role == PartRole::Member {
            return self.member_takes(desk, call, agent, auto);
        }
        self.emit_call(desk, call, AgentJoined { agent, leg, auto });
        if part.until.is_some() {
            desk.cancel_timer(TimerKey::Offer(call, agent));
        }
        self.leave_queue(desk, call, Leaving::Answered(agent));
        self.end_other_offers(desk, call, agent);
        self.answer_customers(desk, call, leg);
        if self.call(call).is_some_and(|call| call.handover.is_some()) {
            self.handover_answered(desk, call, agent);
        }
        self.rebridge(desk, call);
        match (part.role, self.call(call).map(|call| call.kind)) {
            (PartRole::Helper, _) => self.helper_joined(desk, call, agent),
            (PartRole::Handler, Some(CallKind::Inside)) => self.inside_answered(desk, call, agent),
            _ => {}
        }
        self.record_by_rule(desk, call, agent);
        self.announce_agent(desk, call, &part);
    }

    /// Customers that called us and still ring are answered now.
    fn answer_customers(&mut self, desk: &mut Desk<'_>, id: CallId, with: LegId) {
        let Some(call) = self.call(id) else { return };
        let calling = |leg: &LegId| self.leg(*leg).is_some_and(|leg| leg.is_caller() && leg.phase != Phase::Up);
        let ringing: Vec<LegId> = self.customers(call).filter(calling).collect();
        for leg in ringing {
            self.answer_caller(desk, id, leg, Some(with));
        }
    }

    /// Puts exactly those in the bridge who talk: customers that are up, and the phones of agents who take part with their
    /// voice. Supervisors are never in it: what they hear and say is worked out in `hearing`.
    pub(super) fn rebridge(&mut self, desk: &mut Desk<'_>, id: CallId) {
        let Some(call) = self.call(id) else { return };
        let legs: Vec<LegId> = call.legs.iter().copied().filter(|leg| self.talks(*leg, call)).collect();
        if legs.len() < 2 {
            let parted = call.bridge.clone();
            if !parted.is_empty() {
                self.emit_call(desk, id, LegsParted { legs: parted });
            }
        } else if legs != call.bridge {
            self.emit_call(desk, id, LegsBridged { legs });
        }
    }

    fn talks(&self, id: LegId, call: &Call) -> bool {
        let Some(leg) = self.leg(id).filter(|leg| leg.is_up()) else { return false };
        let Some(agent) = leg.agent else { return true };
        call.part(agent)
            .is_some_and(|part| part.stage == Stage::Talking && !matches!(part.role, PartRole::Supervisor(_) | PartRole::Listener))
    }

    // ---- the end of a part ----------------------------------------------------------------------------------------

    /// The agent's part is over: its phone goes elsewhere or is released, its mode follows, the rest of the call is settled.
    pub(super) fn end_part(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber, end: PartEnd) {
        let Some(part) = self.drop_part(desk, call, agent, &end) else { return };
        self.mode_after(desk, &part, call, &end);
        self.part_gone(desk, call, &part, &end);
        let by = if end == PartEnd::Released { Party::Peer } else { Party::System };
        self.settle(desk, call, &Cause::normal(by));
    }

    /// A part came to nothing before the agent took the call.
    pub(super) fn part_failed(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber, end: PartEnd) {
        let Some(part) = self.drop_part(desk, call, agent, &end) else { return };
        self.mode_after(desk, &part, call, &end);
        self.offer_failed(desk, call, &part, end);
    }

    /// Takes the part out of the call and the phone with it.
    fn drop_part(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber, end: &PartEnd) -> Option<Part> {
        let part = self.call(call)?.part(agent)?.clone();
        if part.stage < Stage::Talking && part.until.is_some() {
            desk.cancel_timer(TimerKey::Offer(call, agent));
        }
        self.emit_call(desk, call, AgentLeft { agent, end: end.clone() });
        self.free_device(desk, call, &part, end);
        Some(part)
    }

    /// Who sat in with the agent leaves; a seat of its own is given back.
    fn part_gone(&mut self, desk: &mut Desk<'_>, call: CallId, part: &Part, end: &PartEnd) {
        match part.role {
            PartRole::Handler | PartRole::Caller | PartRole::Helper => self.supervision_over(desk, call, part.agent),
            PartRole::Supervisor(_) | PartRole::Member | PartRole::Listener => self.seat_lost(desk, call, part, end),
        }
    }

    /// What becomes of the call that the agent did not take.
    fn offer_failed(&mut self, desk: &mut Desk<'_>, id: CallId, part: &Part, end: PartEnd) {
        self.part_gone(desk, id, part, &end);
        let why = self.why_failed(part, &end);
        let Some(call) = self.call(id) else { return };
        let waits = call.waiting.is_some();
        match part.role {
            // It has kept its place; matching goes on by itself.
            PartRole::Handler | PartRole::Helper if waits => self.end_sticky(desk, id, part.agent),
            PartRole::Handler if call.handover.is_some() => self.handover_failed(desk, id, part.agent, end),
            PartRole::Handler if call.kind == CallKind::Inside => self.call_out_failed(desk, id, part.agent, end),
            PartRole::Helper => self.helper_failed(desk, id, part.agent, end),
            PartRole::Caller => self.call_out_failed(desk, id, part.agent, end),
            _ => {}
        }
        self.settle(desk, id, &why);
    }

    /// What a caller is told for whom nobody else is looked for.
    #[allow(clippy::unused_self)]
    fn why_failed(&self, part: &Part, end: &PartEnd) -> Cause {
        let told = |sip, q850, text: &'static str| Cause { sip, q850, by: Party::System, text: Some(text.into()) };
        match end {
            PartEnd::NoAnswer => told(480, 19, "no answer"),
            PartEnd::Rejected => told(486, 17, "rejected"),
            PartEnd::PhoneFailed => told(480, 20, "the agent's phone can't be reached"),
            _ if part.joined.is_some() => Cause::normal(Party::Peer),
            _ => told(480, 18, "the agent has gone"),
        }
    }
}
