//! Asking a colleague while the customer waits; joining and connecting calls.
//!
//! A two-party consultation is a call of its own ([`Consultation`](super::contact::Consultation)): the customer's call is
//! put aside, the agent's phone moves. In a three-party one the helper is called into the customer's call.

use smol_str::SmolStr;

use super::company::{Whom, cause_of, reach_text, wrong};
use super::contact::{Part, Stage};
use super::queue::Entering;
use super::state::Call;
use super::{DONE, Desk, Outcome, Tenant};
use crate::agent::{AgentRefusal, PartEnd, PartRole, Reach, WorkNumber};
use crate::cause::{Cause, Party};
use crate::command::{Accepted, Rejection};
use crate::event::{
    AgentHeld, AgentRetrieved, CallConferenced, CallConsulting, CallKind, CallOriginated, CallUnreached, HandoverEnded, LegMoved,
    LegsParted, PartMoved,
};
use crate::id::{CallId, LegId};
use crate::queue::{ChoiceRule, Entry};

impl Tenant {
    /// Asks a colleague while the customer waits.
    pub(super) fn consult(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, to: Reach, three_party: bool, data: SmolStr) -> Outcome {
        const WISH: &str = "ask for help";
        let (id, leg) = self.talking(agent, WISH)?;
        self.may_change_partners(id, WISH)?;
        Self::check_data(&data)?;
        if let Reach::Number(number) = &to {
            return Err(AgentRefusal::Invalid { field: "target", value: number.to_string(), rule: "an agent or a queue" }.into());
        }
        let whom = self.whom(desk.now, agent, &to)?;
        if !three_party {
            return self.consult_apart(desk, agent, id, to, None, data);
        }
        let waits = self.call(id).and_then(|call| self.party_legs(call).first().copied()).unwrap_or(leg);
        let target = to;
        self.emit_call(desk, id, CallConsulting { agent, about: id, target, three_party });
        if !data.is_empty() {
            self.attach(desk, id, agent, data);
        }
        match whom {
            Whom::Agent(other) => self.offer_to(desk, id, other, PartRole::Helper, ChoiceRule::Asked),
            Whom::Queue(queue) => {
                let entry = Entry::AskedBy(agent);
                self.enter_queue(desk, id, Entering { queue, leg: waits, entry, priority: None, since: None, kept_by: Some(agent) });
            }
            Whom::Plan(_) | Whom::Voicemail(_) => {}
        }
        Ok(Accepted { call: Some(id) })
    }

    /// The talking call is put aside, and the agent's phone goes to a call of its own with whom it wants.
    pub(super) fn consult_apart(
        &mut self,
        desk: &mut Desk<'_>,
        agent: WorkNumber,
        about: CallId,
        to: Reach,
        caller: Option<SmolStr>,
        data: SmolStr,
    ) -> Outcome {
        self.may_have_more(agent)?;
        let from = self.agent_endpoint(agent)?;
        let id = desk.ids.call();
        let data = if data.is_empty() { self.call(about).map(|call| call.data.clone()).unwrap_or_default() } else { data };
        let (called, kind, target) = (reach_text(&to), CallKind::Consultation, to.clone());
        self.emit_call(desk, id, CallOriginated { from, called, kind, agent: Some(agent), caller, reach: Some(to) });
        self.emit_call(desk, id, CallConsulting { agent, about, target, three_party: false });
        self.attach(desk, id, agent, data);
        self.emit_call(desk, about, AgentHeld { agent });
        self.rebridge(desk, about);
        self.begin_part(desk, id, agent, PartRole::Caller, None);
        Ok(Accepted { call: Some(id) })
    }

    /// One thing at a time: nobody else is handed the call or called into it.
    pub(super) fn may_change_partners(&self, id: CallId, wish: &'static str) -> Result<(), Rejection> {
        let call = self.call(id).ok_or(AgentRefusal::NoCall(wish))?;
        if call.handover.is_some() || call.transfer.is_some() {
            return Err(wrong(wish, "the call is being handed over").into());
        }
        if self.awaits_somebody(call) {
            return Err(wrong(wish, "somebody is being called into it").into());
        }
        Ok(())
    }

    // ---- the answer -----------------------------------------------------------------------------------------------

    /// A colleague that was asked has taken the call.
    pub(super) fn helper_joined(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber) {
        let Some(call) = self.call(id) else { return };
        match call.consultation.as_ref().map(|consultation| (consultation.agent, consultation.about == id)) {
            Some((asking, false)) => {
                self.caller_joins(desk, id, asking);
                self.rebridge(desk, id);
            }
            _ => {
                self.rebridge(desk, id);
                self.conferenced(desk, id, agent);
            }
        }
    }

    pub(super) fn conferenced(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber) {
        let Some(call) = self.call(id) else { return };
        let parties = call.bridge.iter().filter_map(|leg| self.party_text(*leg)).collect();
        self.emit_call(desk, id, CallConferenced { agent, parties });
    }

    /// A party as others are shown it.
    fn party_text(&self, leg: LegId) -> Option<SmolStr> {
        let leg = self.leg(leg)?;
        Some(leg.agent.map_or_else(|| leg.number.clone(), |agent| reach_text(&Reach::Agent(agent))))
    }

    /// A colleague that was asked does not come.
    pub(super) fn helper_failed(&mut self, desk: &mut Desk<'_>, id: CallId, _agent: WorkNumber, end: PartEnd) {
        let Some(consultation) = self.call(id).and_then(|call| call.consultation.clone()) else { return };
        if consultation.about == id {
            self.emit_call(desk, id, CallUnreached { agent: consultation.agent, cause: cause_of(&end) });
        } else {
            self.unreached(desk, id, consultation.agent, cause_of(&end));
        }
    }

    /// A consultation is over for who asked: its phone goes back to the customer, and they talk again.
    pub(super) fn return_to_customer(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber) {
        let Some(consultation) = self.call(id).and_then(|call| call.consultation.clone()) else { return };
        let about = consultation.about;
        let waits = self.part(about, agent).is_some_and(|part| part.stage == Stage::Held);
        if consultation.agent != agent || about == id || !waits || self.device(agent).is_none_or(|(_, at)| at != id) {
            return;
        }
        self.bring_device(desk, agent, about);
        self.emit_call(desk, about, AgentRetrieved { agent });
        self.rebridge(desk, about);
    }

    // ---- joining --------------------------------------------------------------------------------------------------

    /// The talking call and the held one, both ready to be joined.
    fn both(&self, agent: WorkNumber, held: CallId, wish: &'static str) -> Result<CallId, Rejection> {
        let (talking, _) = self.talking(agent, wish)?;
        if !self.held_calls(agent).contains(&held) {
            return Err(AgentRefusal::NoHeldCall.into());
        }
        // A handover by talking first waits for nothing but this.
        let ready = |id: CallId| {
            let call = self.call(id).ok_or(AgentRefusal::NoHeldCall)?;
            let free = !self.awaits_somebody(call) && call.transfer.is_none() && call.service.is_none();
            if free { Ok(()) } else { Err(wrong(wish, "somebody is being called")) }
        };
        ready(talking)?;
        ready(held)?;
        Ok(talking)
    }

    /// Joins a held call with the talking one: all talk in the held call, which is the customer's.
    pub(super) fn join_calls(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, call: CallId, data: Option<SmolStr>) -> Outcome {
        const WISH: &str = "join calls";
        let from = self.both(agent, call, WISH)?;
        Self::check_data(data.as_deref().unwrap_or_default())?;
        self.room_together(call, from)?;
        if let Some(data) = data {
            self.attach(desk, call, agent, data);
        }
        self.bring_over(desk, from, call, agent, PartRole::Helper);
        self.bring_device(desk, agent, call);
        self.emit_call(desk, call, AgentRetrieved { agent });
        self.rebridge(desk, call);
        self.conferenced(desk, call, agent);
        self.end_consulted_handover(desk, call, agent);
        self.end_part(desk, from, agent, PartEnd::Over);
        self.settle(desk, from, &Cause::normal(Party::System).because("joined"));
        Ok(Accepted { call: Some(call) })
    }

    /// Connects the held call's party with the talking call's, and leaves both.
    pub(super) fn connect_calls(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, call: CallId) -> Outcome {
        let from = self.both(agent, call, "connect calls")?;
        self.room_together(call, from)?;
        self.connect_and_leave(desk, agent, call, from);
        DONE
    }

    /// Whoever is with the agent in `from` goes to the party of `call`, and the agent leaves both.
    pub(super) fn connect_and_leave(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, call: CallId, from: CallId) {
        let helpers = self.bring_over(desk, from, call, agent, PartRole::Handler);
        self.rebridge(desk, call);
        self.end_consulted_handover(desk, call, agent);
        self.end_part(desk, call, agent, PartEnd::Transferred);
        self.end_part(desk, from, agent, PartEnd::Transferred);
        for helper in helpers {
            self.record_by_rule(desk, call, helper);
        }
        let why = Cause::normal(Party::System).because("connected");
        self.settle(desk, from, &why);
        self.settle(desk, call, &why);
    }

    /// A handover by talking first is through as soon as the parties are together.
    fn end_consulted_handover(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber) {
        if self.call(id).is_some_and(|call| call.handover.is_some()) {
            self.emit_call(desk, id, HandoverEnded { agent, failed: None });
        }
    }

    /// Moves everybody but the agent itself from one call to another. Says which agents came.
    fn bring_over(&mut self, desk: &mut Desk<'_>, from: CallId, to: CallId, but: WorkNumber, role: PartRole) -> Vec<WorkNumber> {
        let Some(call) = self.call(from) else { return Vec::new() };
        let comes = |part: &&Part| part.agent != but && part.converses() && part.stage >= Stage::Talking;
        let agents: Vec<WorkNumber> = call.parts.iter().filter(comes).map(|part| part.agent).collect();
        let legs: Vec<LegId> = call.legs.iter().copied().filter(|leg| self.comes_along(*leg, &agents)).collect();
        let parted = call.bridge.clone();
        if !parted.is_empty() {
            self.emit_call(desk, from, LegsParted { legs: parted });
        }
        for agent in &agents {
            self.emit_call(desk, to, PartMoved { agent: *agent, from, role });
        }
        for leg in legs {
            self.emit_call(desk, to, LegMoved { leg, from });
        }
        agents
    }

    fn comes_along(&self, leg: LegId, agents: &[WorkNumber]) -> bool {
        self.leg(leg).is_some_and(|leg| leg.is_up() && leg.agent.is_none_or(|agent| agents.contains(&agent)))
    }

    fn room_together(&self, one: CallId, other: CallId) -> Result<(), Rejection> {
        let legs = |id: CallId| self.call(id).map_or(0, |call: &Call| call.legs.len());
        super::party::room(legs(one).saturating_add(legs(other)))
    }

    /// The consultation about a held call that this agent has in `id`, once somebody has answered it.
    pub(super) fn answered_consultation(&self, id: CallId, agent: WorkNumber) -> Option<CallId> {
        let call = self.call(id)?;
        let consultation = call.consultation.as_ref().filter(|it| it.agent == agent && it.about != id)?;
        let about = self.call(consultation.about)?;
        let held = about.part(agent).is_some_and(|part| part.stage == Stage::Held);
        let joined = call.part(agent).is_some_and(|part| part.stage >= Stage::Talking);
        let someone = call.parts.iter().any(|part| part.agent != agent && part.converses() && part.stage >= Stage::Talking)
            || !self.party_legs(call).is_empty();
        let waits = !self.party_legs(about).is_empty() || about.parts.iter().any(|part| part.agent != agent && part.converses());
        (held && joined && someone && waits).then_some(consultation.about)
    }
}
