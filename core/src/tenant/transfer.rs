//! Transfer: a party hands its peer to somebody else, blind (to a number) or attended (to the peer of its other leg).

use smol_str::SmolStr;

use super::routing::{Dialler, Errand, Plan};
use super::state::{Call, Leg, Phase};
use super::{DONE, Desk, Outcome, Tenant};
use crate::agent::AgentRefusal;
use crate::cause::{Cause, Party};
use crate::command::{Rejection, TransferTarget};
use crate::effect::Effect;
use crate::event::{self as fact, Purpose};
use crate::id::{CallId, LegId};

const ACTION: &str = "transfer";

fn wrong(state: impl Into<String>) -> Rejection {
    Rejection::WrongState { action: ACTION, state: state.into() }
}

impl Tenant {
    /// A phone waits for an answer to its REFER in any case; an operator learns by the rejection what is wrong.
    pub(super) fn transfer(&mut self, desk: &mut Desk<'_>, leg: LegId, target: TransferTarget, by: Party) -> Outcome {
        let agent = self.leg(leg).and_then(|leg| leg.agent);
        let outcome = match target {
            target if agent.is_some() => agent.map_or(DONE, |agent| self.phone_hands_over(desk, agent, leg, target, by)),
            TransferTarget::Number(number) => self.transfer_blind(desk, leg, &number, by),
            TransferTarget::Leg(other) => self.transfer_attended(desk, leg, other, by),
        };
        match outcome {
            Err(rejection) if by == Party::Remote && self.is_live(leg) => {
                let status = match rejection {
                    Rejection::NoSuchLeg(_) => 481,
                    Rejection::WrongState { .. } | Rejection::Agent(AgentRefusal::WrongCallState { .. } | AgentRefusal::NoCall(_)) => 491,
                    _ => 404,
                };
                desk.order(Effect::TransferAnswered { leg, status });
                DONE
            }
            outcome => outcome,
        }
    }

    /// The call of a leg that can hand over, and its peer: both up, alone with each other, nobody being called.
    fn pair(&self, id: LegId) -> Result<(CallId, &Call, LegId), Rejection> {
        let leg = self.leg(id).ok_or(Rejection::NoSuchLeg(id))?;
        let call = self.call(leg.call).ok_or(Rejection::NoSuchCall(leg.call))?;
        if call.transfer.is_some() {
            return Err(wrong(format!("a transfer of call {} is under way", leg.call)));
        }
        if call.handover.is_some() || self.awaits_somebody(call) {
            return Err(wrong(format!("somebody is being called in call {}, or it is being handed over", leg.call)));
        }
        match call.bridge.as_slice() {
            [one, two] if *one == id => Ok((leg.call, call, *two)),
            [one, two] if *two == id => Ok((leg.call, call, *one)),
            _ => Err(wrong(format!("leg {id} does not talk with one party"))),
        }
    }

    // ---- blind ----------------------------------------------------------------------------------------------------

    fn transfer_blind(&mut self, desk: &mut Desk<'_>, leg: LegId, number: &SmolStr, by: Party) -> Outcome {
        let (id, call, transferee) = self.pair(leg)?;
        let legs = call.bridge.clone();
        let endpoint = self.leg(leg).ok_or(Rejection::NoSuchLeg(leg))?.endpoint.clone();
        let plan = self.plan(desk.now, number, &Dialler { endpoint: &endpoint, flow: None });
        if let (Err(cause), Party::Operator) = (&plan, by) {
            return Err(wrong(format!("`{number}` can't be called: {}", cause.text.as_deref().unwrap_or("no route"))));
        }
        self.emit_call(desk, id, fact::TransferRequested { leg, target: number.clone(), with: None, by });
        match plan {
            Err(cause) => self.fail_transfer(desk, id, cause),
            Ok(plan) => {
                self.emit_call(desk, id, fact::LegsParted { legs });
                self.pursue_transfer(desk, id, transferee, plan);
            }
        }
        DONE
    }

    fn pursue_transfer(&mut self, desk: &mut Desk<'_>, id: CallId, transferee: LegId, plan: Plan) {
        let (service, inside) = (plan.is_service(), plan.inside());
        if !service {
            self.answer_transferor(desk, id, 100);
        }
        self.follow(desk, Errand { call: id, purpose: Purpose::Transfer, behalf: Some(transferee) }, plan);
        if service || inside.is_some() {
            self.complete_transfer(desk, id, None);
        }
        if let Some(destination) = inside {
            self.lead_inside(desk, id, transferee, &destination);
        }
    }

    /// The transferee has got its new peer (or a tone, a prompt): the transferor may go.
    pub(super) fn complete_transfer(&mut self, desk: &mut Desk<'_>, id: CallId, target: Option<LegId>) {
        let Some(transfer) = self.call(id).and_then(|call| call.transfer.clone()) else {
            if let Some(target) = target {
                self.release(desk, target, Cause::normal(Party::Peer));
            }
            return;
        };
        self.answer_transferor(desk, id, 200);
        self.release(desk, transfer.by, Cause::normal(Party::System));
        if let Some(target) = target {
            self.emit_call(desk, id, fact::LegsBridged { legs: vec![transfer.transferee, target] });
        }
        self.emit_call(desk, id, fact::TransferCompleted { leg: transfer.by });
    }

    /// Only who asked by REFER is told, and only while it is there.
    fn answer_transferor(&self, desk: &mut Desk<'_>, id: CallId, status: u16) {
        if let Some(transfer) = self.call(id).and_then(|call| call.transfer.as_ref())
            && transfer.refer
            && self.is_live(transfer.by)
        {
            desk.order(Effect::TransferAnswered { leg: transfer.by, status });
        }
    }

    /// The parties talk again, as far as they are still there.
    fn fail_transfer(&mut self, desk: &mut Desk<'_>, id: CallId, cause: Cause) {
        let Some(call) = self.call(id) else { return };
        let Some(transfer) = call.transfer.clone() else { return };
        let parted = call.bridge.is_empty();
        self.answer_transferor(desk, id, if (400..=699).contains(&cause.sip) { cause.sip } else { 487 });
        self.emit_call(desk, id, fact::TransferFailed { leg: transfer.by, cause });
        if parted && self.is_live_in(transfer.by, id) && self.is_live_in(transfer.transferee, id) {
            self.emit_call(desk, id, fact::LegsBridged { legs: vec![transfer.by, transfer.transferee] });
        }
    }

    /// A transfer goes on without its transferor, but not without the transferee or when nobody can answer any more.
    pub(super) fn settle_transfer(&mut self, desk: &mut Desk<'_>, id: CallId, why: &Cause) {
        let Some(call) = self.call(id) else { return };
        let Some(transfer) = &call.transfer else { return };
        let target_comes = match transfer.with {
            None => self.is_calling(call),
            Some((leg, other)) => self.is_consulting(leg, other),
        };
        if !target_comes || !self.is_live_in(transfer.transferee, id) {
            self.fail_transfer(desk, id, why.clone());
        }
    }

    // ---- attended -------------------------------------------------------------------------------------------------

    fn transfer_attended(&mut self, desk: &mut Desk<'_>, leg: LegId, other: LegId, by: Party) -> Outcome {
        let (id, call, _) = self.pair(leg)?;
        let legs = call.bridge.clone();
        if call.consulted_by.is_some() {
            return Err(wrong(format!("call {id} waits for a transfer")));
        }
        let (one, two) = (self.leg(leg).ok_or(Rejection::NoSuchLeg(leg))?, self.leg(other).ok_or(Rejection::NoSuchLeg(other))?);
        if one.endpoint != two.endpoint {
            return Err(wrong(format!("legs {leg} and {other} are not of the same phone")));
        }
        let other_id = two.call;
        if other_id == id || self.call(other_id).is_some_and(|call| call.consulted_by.is_some()) {
            return Err(wrong(format!("call {other_id} is the same or waits for a transfer")));
        }
        if self.is_consulting(other, other_id) {
            let target = self.call(other_id).map(|call| call.called.clone()).unwrap_or_default();
            self.emit_call(desk, id, fact::TransferRequested { leg, target, with: Some(other), by });
            self.emit_call(desk, id, fact::LegsParted { legs });
            self.answer_transferor(desk, id, 100);
            return DONE;
        }
        let (_, other_call, target) = self.pair(other)?;
        let other_legs = other_call.bridge.clone();
        let number = self.leg(target).map(|leg| leg.number.clone()).unwrap_or_default();
        self.emit_call(desk, id, fact::TransferRequested { leg, target: number, with: Some(other), by });
        self.emit_call(desk, id, fact::LegsParted { legs });
        self.emit_call(desk, other_id, fact::LegsParted { legs: other_legs });
        self.bring_leg(desk, target, other_id, id);
        self.complete_transfer(desk, id, Some(target));
        self.release(desk, other, Cause::normal(Party::System));
        self.settle(desk, other_id, &Cause::normal(Party::System));
        DONE
    }

    /// Whether `leg` has called somebody who has not answered yet.
    fn is_consulting(&self, leg: LegId, id: CallId) -> bool {
        let waiting = |leg: &Leg| leg.is_live() && leg.call == id && leg.phase != Phase::Up && leg.is_caller();
        let (Some(call), true) = (self.call(id), self.leg(leg).is_some_and(waiting)) else { return false };
        self.is_calling(call) && call.attempt.as_ref().is_some_and(|attempt| attempt.behalf == Some(leg))
    }

    /// The party that `caller` rang to ask has answered, after `caller` had already handed over: it meets the
    /// transferee, `caller` hears no more.
    pub(super) fn complete_consultation(&mut self, desk: &mut Desk<'_>, id: CallId, other: CallId, caller: LegId, answered: LegId) {
        self.bring_leg(desk, answered, other, id);
        self.complete_transfer(desk, id, Some(answered));
        self.release(desk, caller, Cause { sip: 487, q850: 16, by: Party::System, text: Some("transferred".into()) });
    }
}
