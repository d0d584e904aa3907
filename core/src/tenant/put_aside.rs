//! Hold, mute, keys, and leaving calls; what the phone does by itself.

use smol_str::SmolStr;

use super::company::wrong;
use super::contact::{Part, Stage};
use super::state::Call;
use super::{DONE, Desk, Outcome, Tenant, limits};
use crate::agent::{AgentRefusal, HandoverMode, PartEnd, PartRole, WorkNumber};
use crate::cause::{Cause, Party};
use crate::command::Accepted;
use crate::effect::Effect;
use crate::event::{AgentHeld, AgentMuted, AgentRetrieved, HandoverEnded};
use crate::id::{CallId, LegId};
use crate::queue::{Entry, Leaving};

impl Tenant {
    // ---- hold -----------------------------------------------------------------------------------------------------

    /// Puts the talking call on hold.
    pub(super) fn hold_call(&mut self, desk: &mut Desk<'_>, agent: WorkNumber) -> Outcome {
        let (id, _) = self.talking(agent, "hold")?;
        self.put_on_hold(desk, id, agent);
        Ok(Accepted { call: Some(id) })
    }

    fn put_on_hold(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber) {
        self.emit_call(desk, id, AgentHeld { agent });
        self.rebridge(desk, id);
    }

    /// Takes a held call back; the one the agent talks in meanwhile is put on hold.
    pub(super) fn retrieve_call(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, call: Option<CallId>) -> Outcome {
        const WISH: &str = "retrieve";
        let id = self.held_wish(agent, call)?;
        let Some((leg, at)) = self.device(agent) else {
            // Its phone has gone while the call was on hold: once it is up again they talk.
            self.may_ring(agent, WISH)?;
            if self.phone_targets(desk, agent).is_err() {
                return Err(wrong(WISH, "the agent's phone can't be reached").into());
            }
            self.ring_agent(desk, id, agent);
            return Ok(Accepted { call: Some(id) });
        };
        if self.leg(leg).is_some_and(|leg| leg.held_by_phone) {
            return Err(wrong(WISH, "the phone itself holds the call").into());
        }
        if at != id {
            match self.part(at, agent) {
                Some(part) if !part.converses() => return Err(wrong(WISH, "the agent sits in with a colleague").into()),
                Some(part) if part.is_coming() => return Err(wrong(WISH, "somebody is being called").into()),
                Some(part) if part.stage == Stage::Talking => self.put_on_hold(desk, at, agent),
                _ => {}
            }
            self.bring_device(desk, agent, id);
        }
        self.resume_talk(desk, id, agent);
        // Where the agent was alone with a service, nobody is left to hold.
        self.settle(desk, at, &Cause::normal(Party::System));
        Ok(Accepted { call: Some(id) })
    }

    fn resume_talk(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber) {
        self.end_suspension(desk, id, agent);
        self.emit_call(desk, id, AgentRetrieved { agent });
        self.rebridge(desk, id);
    }

    /// An agent that takes its call back from a service does not wait for the service's end.
    fn end_suspension(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber) {
        let suspended = |handover: &super::contact::Handover| handover.agent == agent && handover.mode == HandoverMode::Suspend;
        if self.call(id).and_then(|call| call.handover.as_ref()).is_some_and(suspended) {
            self.emit_call(desk, id, HandoverEnded { agent, failed: None });
        }
    }

    fn held_wish(&self, agent: WorkNumber, call: Option<CallId>) -> Result<CallId, AgentRefusal> {
        let held = self.held_calls(agent);
        match (call, held.as_slice()) {
            (Some(id), _) if held.contains(&id) => Ok(id),
            (Some(id), _) if self.part(id, agent).is_some() => Err(wrong("retrieve", "the call is not on hold")),
            (Some(_), _) | (None, []) => Err(AgentRefusal::NoHeldCall),
            (None, [one]) => Ok(*one),
            (None, _) => Err(wrong("retrieve", "several calls are on hold: say which")),
        }
    }

    /// The agent's phone itself pressed hold, or let go: its part follows, so that the customer hears music and everybody
    /// sees the call on hold. What the agent had put aside by wish stays so.
    pub(super) fn phone_held(&mut self, desk: &mut Desk<'_>, leg: LegId, hold: bool) {
        let Some((agent, id)) = self.leg(leg).and_then(|leg| leg.agent.map(|agent| (agent, leg.call))) else { return };
        match self.part(id, agent) {
            Some(part) if part.converses() && part.stage == Stage::Talking && hold => self.put_on_hold(desk, id, agent),
            Some(part) if part.stage == Stage::Held && !hold => self.resume_talk(desk, id, agent),
            _ => {}
        }
    }

    // ---- mute, keys -----------------------------------------------------------------------------------------------

    /// Others don't hear the agent, or do again. What is so already makes no event.
    pub(super) fn mute(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, muted: bool) -> Outcome {
        let (id, _) = self.talking(agent, if muted { "mute" } else { "unmute" })?;
        if self.part(id, agent).is_some_and(|part| part.muted != muted) {
            self.emit_call(desk, id, AgentMuted { agent, muted });
        }
        DONE
    }

    /// Sends keys into the talking call.
    pub(super) fn send_digits(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, digits: SmolStr) -> Outcome {
        let known = |digit: char| matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D' | ',');
        if digits.is_empty() || digits.len() > limits::DIGITS || !digits.chars().all(known) {
            let value = digits.chars().take(80).collect();
            return Err(AgentRefusal::Invalid { field: "digits", value, rule: "1 to 64 of 0-9, `*`, `#`, A-D and `,`" }.into());
        }
        let (id, own) = self.talking(agent, "send keys")?;
        let others: Vec<LegId> = self.call(id).map(|call| call.bridge.clone()).unwrap_or_default();
        for leg in others.into_iter().filter(|leg| *leg != own) {
            desk.order(Effect::SendDigits { leg, digits: digits.clone() });
        }
        DONE
    }

    // ---- leaving --------------------------------------------------------------------------------------------------

    /// Leaves the call where the agent's phone is, or the one that rings.
    pub(super) fn release_wish(&mut self, desk: &mut Desk<'_>, agent: WorkNumber) -> Outcome {
        let none = AgentRefusal::NoCall("release");
        let session = self.need_session(agent)?;
        let here = self.device(agent).map(|(_, call)| call).filter(|call| session.calls.contains(call));
        let comes = || session.calls.iter().copied().find(|call| self.part(*call, agent).is_some_and(Part::is_coming));
        let id = here.or_else(comes).ok_or(none)?;
        self.leave(desk, id, agent);
        Ok(Accepted { call: Some(id) })
    }

    /// An agent goes. Whom it asked for help takes the customer over; a call that only it was waited for in ends.
    pub(super) fn leave(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber) {
        if let Some(about) = self.answered_consultation(id, agent) {
            self.connect_and_leave(desk, agent, about, id);
            return;
        }
        self.go(desk, id, agent);
    }

    /// An agent goes, and what only it wanted ends with it: nobody comes to help an agent that has gone, and a
    /// consultation about a customer gives the customer back.
    fn go(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber) {
        let Some(call) = self.call(id) else { return };
        let asked_here = call.consultation.as_ref().is_some_and(|it| it.agent == agent && it.about == id);
        if asked_here && call.handover.is_none() {
            self.recall(desk, id);
        }
        if call_waits_for(self.call(id), agent) {
            self.leave_queue(desk, id, Leaving::Cancelled);
        }
        self.return_to_customer(desk, id, agent);
        self.end_part(desk, id, agent, PartEnd::Released);
    }

    /// Whoever is waited for, offered the call as a helper or being called need not come any more.
    pub(super) fn recall(&mut self, desk: &mut Desk<'_>, id: CallId) {
        if self.call(id).is_some_and(|call| call.waiting.is_some()) {
            self.leave_queue(desk, id, Leaving::Cancelled);
        }
        let Some(call) = self.call(id) else { return };
        let coming: Vec<LegId> = self.coming(call).collect();
        let comes = |part: &&Part| part.is_coming() && matches!(part.role, PartRole::Handler | PartRole::Helper);
        let offered: Vec<WorkNumber> = call.parts.iter().filter(comes).map(|part| part.agent).collect();
        for leg in coming {
            self.release(desk, leg, Cause::sip(487, Party::Operator).because("taken back"));
        }
        for agent in offered {
            self.end_part(desk, id, agent, PartEnd::Over);
        }
    }

    /// Ends one given call of the agent: what only it kept up ends with it.
    pub(super) fn drop_call(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, id: CallId) -> Outcome {
        if self.part(id, agent).is_none() {
            return Err(AgentRefusal::NotYourCall(id).into());
        }
        self.go(desk, id, agent);
        Ok(Accepted { call: Some(id) })
    }

    /// Puts one party out of the talking call. A helper may only leave itself (cc-gateway.md §2.3 disconnect).
    pub(super) fn disconnect(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, party: SmolStr) -> Outcome {
        const WISH: &str = "disconnect a party";
        let (id, own) = self.talking(agent, WISH)?;
        let own_number = self.leg(own).is_some_and(|leg| leg.number == party);
        let number: Option<WorkNumber> = party.parse().ok();
        if number == Some(agent) || own_number {
            self.leave(desk, id, agent);
            return Ok(Accepted { call: Some(id) });
        }
        let Some(call) = self.call(id) else { return Err(AgentRefusal::NoCall(WISH).into()) };
        let by_number = number.filter(|number| call.part(*number).is_some_and(Part::converses));
        let leg = call.legs.iter().copied().find(|leg| self.leg(*leg).is_some_and(|leg| leg.is_live() && leg.number == party));
        let other =
            by_number.or_else(|| leg.and_then(|leg| self.leg(leg)?.agent).filter(|other| call.part(*other).is_some_and(Part::converses)));
        if call.part(agent).is_some_and(|part| part.role == PartRole::Helper) {
            return Err(wrong(WISH, "who was asked for help may only leave itself").into());
        }
        match (other, leg.filter(|leg| self.leg(*leg).is_some_and(|leg| leg.agent.is_none()))) {
            (Some(other), _) => self.end_part(desk, id, other, PartEnd::Dropped),
            (None, Some(leg)) => self.release_and_settle(desk, id, leg, Cause::normal(Party::Operator)),
            (None, None) => return Err(AgentRefusal::NoSuchParty(party).into()),
        }
        Ok(Accepted { call: Some(id) })
    }

    /// Puts the phone on-hook: a ringing call counts as not answered, a kept connection ends.
    pub(super) fn hang_up_phone(&mut self, desk: &mut Desk<'_>, agent: WorkNumber) -> Outcome {
        let session = self.need_session(agent)?;
        if session.legs.iter().all(|leg| !self.is_live(*leg)) {
            return Err(AgentRefusal::NoCall("hang up").into());
        }
        let offered = |id: &CallId| self.part(*id, agent).is_some_and(|part| part.is_coming() && part.role != PartRole::Caller);
        if let Some(id) = session.calls.iter().copied().find(offered) {
            self.part_failed(desk, id, agent, PartEnd::NoAnswer);
        }
        for leg in self.session(agent).map(|session| session.legs.clone()).unwrap_or_default() {
            if let Some(call) = self.leg(leg).filter(|leg| leg.is_live()).map(|leg| leg.call) {
                self.release_and_settle(desk, call, leg, Cause::normal(Party::System).because("phone hung up by wish"));
            }
        }
        DONE
    }
}

/// The agent itself waits for somebody of a queue.
fn call_waits_for(call: Option<&Call>, agent: WorkNumber) -> bool {
    call.and_then(|call| call.waiting.as_ref()).is_some_and(|waiting| waiting.entry == Entry::AskedBy(agent))
}
