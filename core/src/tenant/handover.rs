//! Handing a call over: blind, on success, after talking, three-party, to a service and back, to one agent's private
//! queue (cc-gateway.md §1.6); and the same asked for by the agent's phone (REFER).
//!
//! What is under way is [`Handover`] on the customer's call. Who is being reached is in the call as for any other reason:
//! legs that are called, an offer, a place in a queue. A handover goes on when its agent hangs up, and fails when nobody
//! is being reached any more.

use smol_str::SmolStr;

use super::company::{Whom, cause_of, wrong};
use super::contact::{Handover, Part, Stage};
use super::queue::Entering;
use super::routing::Errand;
use super::state::Call;
use super::{DONE, Desk, Outcome, Tenant};
use crate::agent::{AgentRefusal, HandoverMode, PartEnd, PartRole, Reach, WorkNumber};
use crate::cause::{Cause, Party};
use crate::command::{Accepted, Rejection, TransferTarget};
use crate::effect::Effect;
use crate::event::{AgentHeld, AgentRetrieved, CallConsulting, HandoverAsked, HandoverEnded, Purpose};
use crate::id::{CallId, LegId, Number, UserName};
use crate::queue::{ChoiceRule, Entry, QueueId};

const WISH: &str = "hand over";

/// To whom and how a call is handed over.
pub(super) struct HandOverWish {
    pub(super) to: Reach,
    pub(super) mode: HandoverMode,
    pub(super) caller: Option<Number>,
    pub(super) data: Option<SmolStr>,
}

/// A handover that is about to begin.
struct Handing {
    call: CallId,
    agent: WorkNumber,
    customer: LegId,
    to: Reach,
    mode: HandoverMode,
    caller: Option<SmolStr>,
    refer: Option<LegId>,
}

impl Call {
    /// The agent in whose private queue the call waits.
    pub(super) fn private_to(&self) -> Option<WorkNumber> {
        match self.handover.as_ref()? {
            Handover { mode: HandoverMode::Private, target: Reach::Agent(agent), .. } => Some(*agent),
            _ => None,
        }
    }
}

impl Tenant {
    /// Hands the talking call over.
    pub(super) fn hand_over(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, wish: HandOverWish) -> Outcome {
        let (call, _) = self.talking(agent, WISH)?;
        Self::check_data(wish.data.as_deref().unwrap_or_default())?;
        let HandOverWish { to, mode, caller, data } = wish;
        let caller = self.may_show(caller)?;
        let customer = self.customer(call, agent)?;
        self.begin_handover(desk, Handing { call, agent, customer, to, mode, caller, refer: None }, data)
    }

    /// The one party that the agent has to hand over.
    fn customer(&self, id: CallId, agent: WorkNumber) -> Result<LegId, Rejection> {
        self.may_change_partners(id, WISH)?;
        let call = self.call(id).ok_or(AgentRefusal::NoCall(WISH))?;
        let alone = !call.parts.iter().any(|part| part.agent != agent && part.converses());
        match self.party_legs(call).as_slice() {
            [one] if alone && self.leg(*one).is_some_and(super::state::Leg::is_up) => Ok(*one),
            [] => Err(wrong(WISH, "there is no customer in the call").into()),
            _ => Err(wrong(WISH, "several parties talk").into()),
        }
    }

    fn begin_handover(&mut self, desk: &mut Desk<'_>, it: Handing, data: Option<SmolStr>) -> Outcome {
        let whom = match (&it.to, it.mode) {
            (Reach::Agent(other), HandoverMode::Private) => {
                self.queue_of(*other, it.call)?;
                Whom::Agent(*other)
            }
            _ => self.whom(desk.now, it.agent, &it.to)?,
        };
        Self::check_mode(it.mode, &whom)?;
        if it.mode == HandoverMode::Talk {
            self.may_have_more(it.agent)?;
        }
        if let Some(data) = data {
            self.attach(desk, it.call, it.agent, data);
        }
        let (agent, target, mode, caller) = (it.agent, it.to.clone(), it.mode, it.caller.clone());
        self.emit_call(desk, it.call, HandoverAsked { agent, target, mode, caller, refer: it.refer });
        self.answer_refer(desk, it.call, 100);
        match it.mode {
            HandoverMode::Talk => return self.consult_apart(desk, it.agent, it.call, it.to, it.caller, SmolStr::default()),
            HandoverMode::ThreeParty => self.call_third(desk, &it, whom),
            HandoverMode::Suspend => self.suspend(desk, &it, whom),
            HandoverMode::Private => self.wait_for_agent(desk, &it),
            HandoverMode::Blind | HandoverMode::Success => self.pursue_handover(desk, &it, whom),
        }
        Ok(Accepted { call: Some(it.call) })
    }

    /// Which ways lead to which targets.
    fn check_mode(mode: HandoverMode, whom: &Whom) -> Result<(), AgentRefusal> {
        let service = matches!(whom, Whom::Plan(plan) if plan.is_service());
        let fits = match mode {
            HandoverMode::Blind | HandoverMode::Success => true,
            HandoverMode::Talk | HandoverMode::ThreeParty => !service && !matches!(whom, Whom::Voicemail(_)),
            HandoverMode::Suspend => service,
            HandoverMode::Private => matches!(whom, Whom::Agent(_)),
        };
        if fits { Ok(()) } else { Err(wrong(WISH, "not in this way to this target")) }
    }

    // ---- the ways -------------------------------------------------------------------------------------------------

    /// Blind and on success differ in one thing: when the agent leaves.
    fn pursue_handover(&mut self, desk: &mut Desk<'_>, it: &Handing, whom: Whom) {
        let blind = it.mode == HandoverMode::Blind;
        let through = match whom {
            Whom::Agent(other) => {
                self.offer_to(desk, it.call, other, PartRole::Handler, ChoiceRule::Asked);
                false
            }
            Whom::Queue(queue) => {
                let kept_by = (!blind).then_some(it.agent);
                let entry = Entry::HandedOver(it.agent);
                self.enter_queue(desk, it.call, Entering { queue, leg: it.customer, entry, priority: None, since: None, kept_by });
                blind
            }
            Whom::Voicemail(queue) => {
                self.begin_voicemail(desk, it.call, it.customer, queue);
                true
            }
            Whom::Plan(plan) => {
                let service = plan.is_service();
                self.follow(desk, Errand { call: it.call, purpose: Purpose::Transfer, behalf: Some(it.customer) }, plan);
                service
            }
        };
        if through {
            self.handover_through(desk, it.call);
        } else if blind {
            self.end_part(desk, it.call, it.agent, PartEnd::Transferred);
        }
    }

    /// The target talks with the customer (or the customer is where it was to go): the agent may go.
    fn handover_through(&mut self, desk: &mut Desk<'_>, id: CallId) {
        let Some(handover) = self.call(id).and_then(|call| call.handover.clone()) else { return };
        self.answer_refer(desk, id, 200);
        self.emit_call(desk, id, HandoverEnded { agent: handover.agent, failed: None });
        if self.part(id, handover.agent).is_some() {
            self.end_part(desk, id, handover.agent, PartEnd::Transferred);
        }
    }

    /// A third party is called while agent and customer talk.
    fn call_third(&mut self, desk: &mut Desk<'_>, it: &Handing, whom: Whom) {
        let (agent, about, target, three_party) = (it.agent, it.call, it.to.clone(), true);
        match whom {
            Whom::Plan(plan) => self.follow(desk, Errand { call: it.call, purpose: Purpose::Party, behalf: Some(it.customer) }, plan),
            Whom::Agent(other) => {
                self.emit_call(desk, it.call, CallConsulting { agent, about, target, three_party });
                self.offer_to(desk, it.call, other, PartRole::Helper, ChoiceRule::Asked);
            }
            Whom::Queue(queue) => {
                self.emit_call(desk, it.call, CallConsulting { agent, about, target, three_party });
                let entry = Entry::AskedBy(agent);
                let kept_by = Some(agent);
                self.enter_queue(desk, it.call, Entering { queue, leg: it.customer, entry, priority: None, since: None, kept_by });
            }
            Whom::Voicemail(_) => {}
        }
    }

    /// The customer goes to a service of the switch; the agent waits for its end.
    fn suspend(&mut self, desk: &mut Desk<'_>, it: &Handing, whom: Whom) {
        let Whom::Plan(plan) = whom else { return };
        self.emit_call(desk, it.call, AgentHeld { agent: it.agent });
        self.rebridge(desk, it.call);
        self.follow(desk, Errand { call: it.call, purpose: Purpose::Transfer, behalf: Some(it.customer) }, plan);
    }

    /// The service is at its end: a suspended call comes back to its agent. Says whether it was one.
    pub(super) fn back_from_service(&mut self, desk: &mut Desk<'_>, id: CallId) -> bool {
        let suspended = |handover: &&Handover| handover.mode == HandoverMode::Suspend;
        let Some(agent) = self.call(id).and_then(|call| call.handover.as_ref()).filter(suspended).map(|it| it.agent) else { return false };
        self.emit_call(desk, id, HandoverEnded { agent, failed: None });
        if self.device(agent).is_some_and(|(_, at)| at == id) && self.part(id, agent).is_some_and(|part| part.stage == Stage::Held) {
            self.emit_call(desk, id, AgentRetrieved { agent });
        }
        self.rebridge(desk, id);
        self.settle(desk, id, &Cause::normal(Party::System));
        true
    }

    /// One agent's private queue is a queue that it serves, in which the call waits for this agent alone.
    fn wait_for_agent(&mut self, desk: &mut Desk<'_>, it: &Handing) {
        let Reach::Agent(other) = it.to else { return };
        let Ok(queue) = self.queue_of(other, it.call) else { return };
        let (leg, entry) = (it.customer, Entry::HandedOver(it.agent));
        self.enter_queue(desk, it.call, Entering { queue, leg, entry, priority: None, since: None, kept_by: None });
        self.end_part(desk, it.call, it.agent, PartEnd::Transferred);
    }

    /// The queue in which a call waits for one agent: the call's own if the agent serves it, else the agent's first.
    fn queue_of(&self, other: WorkNumber, id: CallId) -> Result<QueueId, AgentRefusal> {
        let session = self.session(other).ok_or(AgentRefusal::NotSignedIn(other))?;
        let own = self.call(id).and_then(|call| call.last_queue).filter(|queue| session.queues.contains(queue));
        own.or_else(|| session.queues.first().copied()).ok_or_else(|| wrong(WISH, "the agent serves no queue"))
    }

    // ---- the answer -----------------------------------------------------------------------------------------------

    /// An agent has taken the call while it was being handed over.
    pub(super) fn handover_answered(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber) {
        let Some(handover) = self.call(id).and_then(|call| call.handover.clone()) else { return };
        if handover.agent == agent {
            return;
        }
        self.rebridge(desk, id);
        match handover.mode {
            HandoverMode::ThreeParty => self.third_is_in(desk, id, handover.agent),
            HandoverMode::Talk | HandoverMode::Suspend => {}
            HandoverMode::Blind | HandoverMode::Success | HandoverMode::Private => self.handover_through(desk, id),
        }
    }

    /// Three talk: the agent leaves when it likes.
    fn third_is_in(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber) {
        self.answer_refer(desk, id, 200);
        self.emit_call(desk, id, HandoverEnded { agent, failed: None });
    }

    /// The number that a call is handed over to has answered.
    pub(super) fn handover_reached(&mut self, desk: &mut Desk<'_>, id: CallId, winner: LegId) {
        let customers = self.call(id).map(|call| self.party_legs(call)).unwrap_or_default();
        if customers.iter().all(|leg| *leg == winner) {
            self.release(desk, winner, Cause::normal(Party::Peer));
            return;
        }
        self.rebridge(desk, id);
        self.handover_through(desk, id);
        self.rebridge(desk, id);
    }

    /// The third party that was called has answered and is in the bridge.
    pub(super) fn third_reached(&mut self, desk: &mut Desk<'_>, id: CallId) {
        let asked = |handover: &&Handover| handover.mode == HandoverMode::ThreeParty;
        if let Some(agent) = self.call(id).and_then(|call| call.handover.as_ref()).filter(asked).map(|it| it.agent) {
            self.conferenced(desk, id, agent);
            self.third_is_in(desk, id, agent);
        }
    }

    // ---- failure --------------------------------------------------------------------------------------------------

    /// The agent that was to take a handed-over call does not.
    pub(super) fn handover_failed(&mut self, desk: &mut Desk<'_>, id: CallId, _agent: WorkNumber, end: PartEnd) {
        let Some(call) = self.call(id) else { return };
        if !self.awaits_somebody(call) {
            self.fail_handover(desk, id, cause_of(&end));
        }
    }

    /// Without a customer, or without anybody who may still come, a handover is over.
    pub(super) fn settle_handover(&mut self, desk: &mut Desk<'_>, id: CallId, why: &Cause) {
        let Some(call) = self.call(id) else { return };
        let Some(handover) = &call.handover else { return };
        let pending = match handover.mode {
            HandoverMode::Talk => call.part(handover.agent).is_some() && self.consultation_about(handover.agent, id).is_some(),
            HandoverMode::Suspend => call.service.is_some(),
            _ => self.awaits_somebody(call) || call.voicemail.is_some(),
        };
        let deserted = self.party_legs(call).is_empty();
        if !pending || deserted {
            self.fail_handover(desk, id, why.clone());
        }
        if deserted {
            self.recall(desk, id);
        }
    }

    /// The agent keeps the customer. If it has gone already, because it relied on the handover, the customer goes back to the
    /// queue it came from.
    fn fail_handover(&mut self, desk: &mut Desk<'_>, id: CallId, cause: Cause) {
        let Some(call) = self.call(id) else { return };
        let Some(handover) = call.handover.clone() else { return };
        let customer = self.party_legs(call).first().copied().filter(|leg| self.is_left_over(*leg, call));
        let relied = matches!(handover.mode, HandoverMode::Blind | HandoverMode::Success | HandoverMode::Private);
        let back_to = call.last_queue.filter(|queue| relied && self.queue(*queue).is_some());
        self.answer_refer(desk, id, if (400..=699).contains(&cause.sip) { cause.sip } else { 487 });
        self.emit_call(desk, id, HandoverEnded { agent: handover.agent, failed: Some(cause) });
        if let (None, Some(leg), Some(queue)) = (self.part(id, handover.agent), customer, back_to) {
            let entry = Entry::HandedOver(handover.agent);
            self.enter_queue(desk, id, Entering { queue, leg, entry, priority: None, since: None, kept_by: None });
        }
    }

    /// It talks with nobody, is played nothing, waits nowhere.
    fn is_left_over(&self, leg: LegId, call: &Call) -> bool {
        let played = call.service.is_some() || call.voicemail.is_some();
        !call.bridge.contains(&leg) && !played && !self.awaits_somebody(call)
    }

    /// The call in which the agent talks first with whom it hands this one to.
    fn consultation_about(&self, agent: WorkNumber, id: CallId) -> Option<CallId> {
        let about = |other: &&CallId| {
            let consultation = self.call(**other).and_then(|call| call.consultation.as_ref());
            **other != id && consultation.is_some_and(|it| it.agent == agent && it.about == id)
        };
        self.session(agent)?.calls.iter().find(about).copied()
    }

    /// Takes back a handover or a consultation that still rings.
    pub(super) fn cancel_hand_over(&mut self, desk: &mut Desk<'_>, agent: WorkNumber) -> Outcome {
        let calls = self.need_session(agent)?.calls.clone();
        let own = |id: &CallId| self.call(*id).is_some_and(|call| call.handover.as_ref().is_some_and(|it| it.agent == agent));
        if let Some(id) = calls.iter().copied().find(own) {
            return self.cancel_handover_of(desk, id, agent);
        }
        let rings = |id: &CallId| self.rings_for(*id, agent);
        let id = calls.iter().copied().find(rings).ok_or(AgentRefusal::NoCall("take back"))?;
        self.cancel_consultation(desk, id, agent);
        Ok(Accepted { call: Some(id) })
    }

    /// Whether somebody whom the agent asked for help has not answered yet.
    fn rings_for(&self, id: CallId, agent: WorkNumber) -> bool {
        let Some(call) = self.call(id) else { return false };
        let asked = call.consultation.as_ref().is_some_and(|it| it.agent == agent);
        asked && (self.awaits_somebody(call) || call.part(agent).is_some_and(Part::is_coming))
    }

    fn cancel_consultation(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber) {
        if self.call(id).and_then(|call| call.consultation.as_ref()).is_some_and(|it| it.about == id) {
            self.recall(desk, id);
        } else {
            self.return_to_customer(desk, id, agent);
            self.end_part(desk, id, agent, PartEnd::Over);
        }
    }

    fn cancel_handover_of(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber) -> Outcome {
        let mode = self.call(id).and_then(|call| call.handover.as_ref()).map(|it| it.mode);
        let apart = self.consultation_about(agent, id);
        if apart.is_some_and(|apart| !self.rings_for(apart, agent)) {
            return Err(wrong("take back", "it was answered already").into());
        }
        self.answer_refer(desk, id, 487);
        let failed = Some(Cause { sip: 487, q850: 16, by: Party::Operator, text: Some("taken back".into()) });
        self.emit_call(desk, id, HandoverEnded { agent, failed });
        match (mode, apart) {
            (Some(HandoverMode::Suspend), _) => {
                if self.device(agent).is_some_and(|(_, at)| at == id) {
                    self.emit_call(desk, id, AgentRetrieved { agent });
                }
                self.rebridge(desk, id);
            }
            (_, Some(apart)) => self.cancel_consultation(desk, apart, agent),
            _ => self.recall(desk, id),
        }
        self.settle(desk, id, &Cause::normal(Party::Operator));
        Ok(Accepted { call: Some(id) })
    }

    // ---- asked for by the phone ------------------------------------------------------------------------------------

    /// The agent's phone asks for a transfer (REFER), or an operator does in its place: a handover on success.
    pub(super) fn phone_hands_over(
        &mut self,
        desk: &mut Desk<'_>,
        agent: WorkNumber,
        leg: LegId,
        target: TransferTarget,
        by: Party,
    ) -> Outcome {
        let id = self.leg(leg).ok_or(Rejection::NoSuchLeg(leg))?.call;
        let talks = self.part(id, agent).is_some_and(|part| part.converses() && !part.is_coming());
        if !talks {
            return Err(AgentRefusal::NoCall(WISH).into());
        }
        let refer = (by == Party::Remote).then_some(leg);
        match target {
            TransferTarget::Number(number) => {
                let customer = self.customer(id, agent)?;
                let to = self.dialled_reach(number);
                let mode = HandoverMode::Success;
                self.begin_handover(desk, Handing { call: id, agent, customer, to, mode, caller: None, refer }, None)
            }
            TransferTarget::Leg(other) => self.phone_connects(desk, agent, id, leg, other, refer),
        }
    }

    /// A number dialled on an agent's phone may be a colleague's: after access numbers and phones, before the network.
    fn dialled_reach(&self, number: SmolStr) -> Reach {
        let in_plan = Number::new(&number).is_ok_and(|number| self.state.numbers.contains_key(&number))
            || UserName::new(&number).is_ok_and(|user| self.phone(&user).is_some());
        match number.parse::<WorkNumber>() {
            Ok(agent) if !in_plan && self.agent(agent).is_some() => Reach::Agent(agent),
            _ => Reach::Number(number),
        }
    }

    /// The phone connects the customer with the peer of another call that it made itself.
    fn phone_connects(
        &mut self,
        desk: &mut Desk<'_>,
        agent: WorkNumber,
        id: CallId,
        leg: LegId,
        other: LegId,
        refer: Option<LegId>,
    ) -> Outcome {
        self.customer(id, agent)?;
        let second = self.leg(other).ok_or(Rejection::NoSuchLeg(other))?;
        let from = second.call;
        let same = self.leg(leg).is_some_and(|leg| leg.endpoint == second.endpoint);
        let talks = self.call(from).filter(|call| call.bridge.len() == 2 && call.bridge.contains(&other) && call.transfer.is_none());
        let (Some(call), true) = (talks, same && from != id && second.agent.is_none()) else {
            return Err(wrong(WISH, "the other call is not one of this phone, or nobody has answered it").into());
        };
        let Some(peer) = call.bridge.iter().copied().find(|peer| *peer != other) else { return DONE };
        let number = self.leg(peer).map(|leg| leg.number.clone()).unwrap_or_default();
        let legs = call.bridge.clone();
        let (target, mode) = (Reach::Number(number), HandoverMode::Talk);
        self.emit_call(desk, id, HandoverAsked { agent, target, mode, caller: None, refer });
        self.emit_call(desk, from, crate::event::LegsParted { legs });
        self.bring_leg(desk, peer, from, id);
        self.rebridge(desk, id);
        self.handover_through(desk, id);
        self.rebridge(desk, id);
        self.release(desk, other, Cause::normal(Party::System));
        self.settle(desk, from, &Cause::normal(Party::System));
        DONE
    }

    /// Only a phone that asked by REFER is told, and only while it is there.
    fn answer_refer(&self, desk: &mut Desk<'_>, id: CallId, status: u16) {
        let refer = self.call(id).and_then(|call| call.handover.as_ref()).and_then(|handover| handover.refer);
        if let Some(leg) = refer.filter(|leg| self.is_live(*leg)) {
            desk.order(Effect::TransferAnswered { leg, status });
        }
    }
}
