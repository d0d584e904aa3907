//! An agent's phone: bringing it into a call, and what becomes of it when it rings, is up, or goes.
//!
//! An agent works with one phone. Its legs have [`Purpose::Agent`] and name the agent; they are never part of the party
//! that a call tries to reach. A leg that is up is in one call, and moves from call to call with the agent.

use smol_str::SmolStr;

use super::contact::{Part, Stage};
use super::routing::{Dialler, Errand};
use super::state::{Call, Leg, Phase};
use super::{Desk, Tenant};
use crate::agent::{AgentPhone, PartEnd, WorkNumber};
use crate::call::Endpoint;
use crate::cause::{Cause, Party};
use crate::effect::DialTarget;
use crate::event::{AgentPhoneChanged, AgentRetrieved, CallKind, CallOriginated, LegMoved, PhoneState, Purpose};
use crate::id::{CallId, LegId};

impl Tenant {
    /// Brings the agent's phone into a call where it has a part: an up device leg is moved, else the phone is dialled.
    /// Ends in [`Tenant::agent_up`] (at once or when the phone answers) or in [`Tenant::part_failed`].
    pub(super) fn ring_agent(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber) {
        if let Some((leg, from)) = self.device(agent) {
            if from != call {
                self.move_device(desk, leg, from, call);
            }
            self.agent_up(desk, call, agent);
            return;
        }
        match self.phone_targets(desk, agent) {
            Ok((called, targets)) => {
                // The customer's codecs are offered, and the agent sees the customer's number.
                let behalf = self.call(call).and_then(|call| self.customers(call).next());
                for target in targets {
                    let errand = Errand { call, purpose: Purpose::Agent, behalf };
                    self.dial_for(desk, errand, Some(agent), &called, target);
                }
            }
            Err(_) => {
                self.emit_agent(desk, agent, AgentPhoneChanged { state: PhoneState::Unknown, call });
                self.part_failed(desk, call, agent, PartEnd::PhoneFailed);
            }
        }
    }

    pub(super) fn phone_targets(&self, desk: &Desk<'_>, agent: WorkNumber) -> Result<(SmolStr, Vec<DialTarget>), Cause> {
        let gone = || Cause::sip(480, Party::System);
        match &self.session(agent).ok_or_else(gone)?.phone {
            AgentPhone::Softphone(user) => {
                let endpoint = Endpoint::Phone(user.clone());
                let targets = self.contacts_to_call(desk.now, user, &Dialler { endpoint: &endpoint, flow: None })?;
                Ok((user.as_str().into(), targets))
            }
            AgentPhone::Outside(number) => {
                let number: SmolStr = number.as_str().into();
                let trunk = self.trunks_for(&number)?.into_iter().next().ok_or_else(gone)?;
                Ok((number.clone(), vec![DialTarget::Trunk { name: trunk, number }]))
            }
        }
    }

    /// Legs of a call that are nobody's device and not on their way out.
    pub(super) fn customers<'a>(&'a self, call: &'a Call) -> impl Iterator<Item = LegId> + 'a {
        call.legs.iter().copied().filter(|leg| self.leg(*leg).is_some_and(|leg| leg.is_live() && leg.agent.is_none()))
    }

    /// Legs of an agent's phone in a call that are not on their way out.
    fn devices_in(&self, agent: WorkNumber, call: CallId) -> Vec<LegId> {
        let legs = self.session(agent).map(|session| session.legs.as_slice()).unwrap_or_default();
        legs.iter().copied().filter(|leg| self.is_live_in(*leg, call)).collect()
    }

    /// Whether the agent's phone may still come up in this call, or is up in it.
    pub(super) fn has_device_in(&self, agent: WorkNumber, call: CallId) -> bool {
        !self.devices_in(agent, call).is_empty()
    }

    pub(super) fn move_device(&mut self, desk: &mut Desk<'_>, leg: LegId, from: CallId, to: CallId) {
        self.emit_call(desk, to, LegMoved { leg, from });
        self.settle(desk, from, &Cause::normal(Party::System));
    }

    // ---- what the phone does ---------------------------------------------------------------------------------------

    pub(super) fn device_rings(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber) {
        self.phone_changed(desk, call, agent, PhoneState::Alerting);
    }

    /// The first contact that answers is the phone; whoever else rings is released.
    pub(super) fn device_up(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId, agent: WorkNumber) {
        for other in self.devices_in(agent, call).into_iter().filter(|other| *other != leg) {
            let elsewhere = Cause { sip: 487, q850: 26, by: Party::System, text: Some("answered elsewhere".into()) };
            self.release(desk, other, elsewhere);
        }
        if self.call(call).and_then(|call| call.part(agent)).is_none() {
            self.release(desk, leg, Cause::normal(Party::System));
            return;
        }
        self.phone_changed(desk, call, agent, PhoneState::OffHook);
        self.agent_up(desk, call, agent);
    }

    /// A leg of an outside phone failed for a reason of the trunk: the next trunk is tried. Says whether there was one.
    pub(super) fn redial_device(&mut self, desk: &mut Desk<'_>, call: CallId, leg: &Leg) -> bool {
        let (Some(agent), Endpoint::Trunk(tried)) = (leg.agent, &leg.endpoint) else { return false };
        if self.call(call).and_then(|call| call.part(agent)).is_none_or(|part| part.stage != Stage::Reserved) {
            return false;
        }
        let Some(AgentPhone::Outside(number)) = self.session(agent).map(|session| session.phone.clone()) else { return false };
        let number: SmolStr = number.as_str().into();
        let order = self.trunks_for(&number).unwrap_or_default();
        let place = order.iter().position(|name| name == tried).map_or(order.len(), |place| place + 1);
        let Some(name) = order.into_iter().nth(place) else { return false };
        let behalf = self.call(call).and_then(|call| self.customers(call).next());
        let errand = Errand { call, purpose: Purpose::Agent, behalf };
        self.dial_for(desk, errand, Some(agent), &number.clone(), DialTarget::Trunk { name, number });
        true
    }

    /// A phone that was not released by us is gone: the last of its contacts refused or failed, or it hung up on its line.
    /// Of a phone that hangs up in a talk, the end of its part tells.
    pub(super) fn device_over(&mut self, desk: &mut Desk<'_>, id: CallId, leg: &Leg, cause: &Cause) {
        let Some(agent) = leg.agent.filter(|agent| !self.has_device_in(*agent, id)) else { return };
        let line = self.call(id).is_some_and(|call| call.kind == CallKind::Line);
        match (leg.phase, cause.sip) {
            (Phase::Up, _) if line => self.phone_changed(desk, id, agent, PhoneState::OnHook),
            (Phase::Up, _) => {}
            (_, 486 | 600 | 603) => self.phone_changed(desk, id, agent, PhoneState::Busy),
            (Phase::Ringing, _) => self.phone_changed(desk, id, agent, PhoneState::OnHook),
            (Phase::Calling, _) => self.phone_changed(desk, id, agent, PhoneState::Unknown),
        }
    }

    pub(super) fn phone_changed(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber, state: PhoneState) {
        if self.session(agent).is_some() {
            self.emit_agent(desk, agent, AgentPhoneChanged { state, call });
        }
    }

    // ---- what becomes of it ----------------------------------------------------------------------------------------

    /// The agent's part in `call` is over: its phone goes to a call it holds, waits on a line of its own, or is released.
    /// The call it leaves is settled by whoever ended the part, once all that hangs on it is told.
    pub(super) fn free_device(&mut self, desk: &mut Desk<'_>, call: CallId, part: &Part, end: &PartEnd) {
        let agent = part.agent;
        let up = self.device(agent).filter(|(_, at)| *at == call).map(|(leg, _)| leg);
        if let (Some(leg), false) = (up, *end == PartEnd::SignedOut) {
            let asked = self.asked_about(call, agent);
            if let Some(held) = asked.or_else(|| self.held_call(agent)) {
                self.emit_call(desk, held, LegMoved { leg, from: call });
                if asked.is_some() && *end != PartEnd::Released {
                    self.resume_after(desk, held, agent);
                }
                return;
            }
            if self.session(agent).is_some_and(|session| session.keep_phone) {
                self.keep_line(desk, leg, call, agent);
                return;
            }
        }
        let rang = self.devices_in(agent, call);
        let told = part.stage >= Stage::Alerting || rang.iter().any(|leg| self.leg(*leg).is_some_and(|leg| leg.phase >= Phase::Ringing));
        for leg in rang {
            self.release(desk, leg, Cause::normal(Party::System));
        }
        if told && part.stage != Stage::Held && self.device(agent).is_none() {
            self.phone_changed(desk, call, agent, PhoneState::OnHook);
        }
    }

    /// The call about which the agent asks somebody in this one, while it has it on hold.
    fn asked_about(&self, call: CallId, agent: WorkNumber) -> Option<CallId> {
        let about = self.call(call)?.consultation.as_ref().filter(|asked| asked.agent == agent && asked.about != call)?.about;
        self.call(about)?.part(agent).filter(|part| part.stage == Stage::Held).map(|_| about)
    }

    /// The first call that the agent has put aside.
    pub(super) fn held_call(&self, agent: WorkNumber) -> Option<CallId> {
        let held = |id: &CallId| self.call(*id).and_then(|call| call.part(agent)).is_some_and(|part| part.stage == Stage::Held);
        self.session(agent)?.calls.iter().copied().find(held)
    }

    /// Whoever was asked has gone: the agent talks with the customer again. Who hung up itself finds the call on hold.
    fn resume_after(&mut self, desk: &mut Desk<'_>, held: CallId, agent: WorkNumber) {
        self.emit_call(desk, held, AgentRetrieved { agent });
        self.rebridge(desk, held);
        self.settle(desk, held, &Cause::normal(Party::System));
    }

    /// A phone that stays connected waits in a call of its own, which is no conversation.
    fn keep_line(&mut self, desk: &mut Desk<'_>, leg: LegId, from: CallId, agent: WorkNumber) {
        let Some(endpoint) = self.leg(leg).map(|leg| leg.endpoint.clone()) else { return };
        let line = desk.ids.call();
        let called = SmolStr::new(agent.to_string());
        self.emit_call(
            desk,
            line,
            CallOriginated { from: endpoint, called, kind: CallKind::Line, agent: Some(agent), caller: None, reach: None },
        );
        self.emit_call(desk, line, LegMoved { leg, from });
    }

    /// The phone of an agent that signs out: whatever is left of it is released.
    pub(super) fn release_devices(&mut self, desk: &mut Desk<'_>, agent: WorkNumber) {
        let legs = self.session(agent).map(|session| session.legs.clone()).unwrap_or_default();
        for leg in legs {
            let Some(call) = self.leg(leg).filter(|leg| leg.is_live()).map(|leg| leg.call) else { continue };
            self.release(desk, leg, Cause::normal(Party::System));
            self.phone_changed(desk, call, agent, PhoneState::OnHook);
        }
    }
}
