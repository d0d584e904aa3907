//! Offering a call to one agent, and agents who take a call themselves: one that rings at a colleague, or one that waits.

use std::time::Duration;

use super::company::wrong;
use super::contact::Part;
use super::offer::Offering;
use super::{Desk, Outcome, Tenant, limits};
use crate::agent::{AgentRefusal, PartEnd, PartRole, WorkNumber};
use crate::command::Accepted;
use crate::id::CallId;
use crate::queue::{Choice, ChoiceRule};

impl Tenant {
    /// Offers a call to the one agent that somebody asked for, or that takes it itself.
    pub(super) fn offer_to(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber, role: PartRole, rule: ChoiceRule) {
        let Some(call) = self.call(id) else { return };
        let queue = call.waiting.as_ref().map(|waiting| waiting.queue).or(call.last_queue);
        let seconds = queue.and_then(|queue| self.queue(queue)).map_or(limits::DIRECT_ANSWER_S, |entry| entry.queue.answer_s);
        let until = desk.now + Duration::from_secs(u64::from(seconds));
        let waited_ms = call.waiting.as_ref().map_or(0, |waiting| super::assign::millis(desk.now, waiting.since));
        let waits = call.waiting.as_ref().and_then(|waiting| self.queue(waiting.queue)).map_or(0, |entry| entry.waiting.len());
        let candidates = self.candidate(desk.now, queue, agent).into_iter().collect();
        let waiting = u32::try_from(waits).unwrap_or(u32::MAX);
        let choice = Some(Choice { rule, ready: 1, candidates, waited_ms, waiting });
        self.offer(desk, id, Offering { agent, role, queue, choice, until: Some(until) });
    }

    /// Takes a call that rings at a colleague. It goes on ringing there until this agent has it.
    pub(super) fn pick_up(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, from: WorkNumber) -> Outcome {
        if !self.agent(agent).is_some_and(|entry| entry.agent.may_pick_up) {
            return Err(AgentRefusal::NotAllowed("pick up this agent's calls").into());
        }
        self.may_take(agent, "pick up")?;
        if self.agent(from).is_none() {
            return Err(AgentRefusal::NoSuchAgent(from).into());
        }
        let rings = |id: &CallId| self.part(*id, from).is_some_and(|part| part.is_coming() && part.role == PartRole::Handler);
        let calls = self.session(from).ok_or(AgentRefusal::NotSignedIn(from))?.calls.as_slice();
        let id = calls.iter().copied().find(rings).ok_or(AgentRefusal::WrongTargetState(from))?;
        if self.call(id).is_some_and(|call| call.parts.iter().any(|part| part.agent == agent)) {
            return Err(wrong("pick up", "the agent is in this call").into());
        }
        self.offer_to(desk, id, agent, PartRole::Handler, ChoiceRule::Taken);
        Ok(Accepted { call: Some(id) })
    }

    /// Takes a waiting call out of a queue that the agent may serve.
    pub(super) fn take_waiting(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, id: CallId) -> Outcome {
        self.may_take(agent, "take a waiting call")?;
        let call = self.call(id).ok_or(AgentRefusal::NoCall("take"))?;
        let queue = call.waiting.as_ref().ok_or_else(|| wrong("take a waiting call", "it does not wait"))?.queue;
        if !self.agent(agent).is_some_and(|entry| entry.agent.skills.iter().any(|skill| skill.queue == queue)) {
            return Err(AgentRefusal::NoSuchQueue(queue).into());
        }
        let role = self.role_from_queue(id);
        self.offer_to(desk, id, agent, role, ChoiceRule::Taken);
        Ok(Accepted { call: Some(id) })
    }

    /// As what an agent that a queue finds takes part: who was asked for by a colleague in a talk is a helper.
    pub(super) fn role_from_queue(&self, id: CallId) -> PartRole {
        let Some(call) = self.call(id) else { return PartRole::Handler };
        let asked = call.waiting.as_ref().is_some_and(|waiting| matches!(waiting.entry, crate::queue::Entry::AskedBy(_)));
        if asked && call.consultation.is_some() { PartRole::Helper } else { PartRole::Handler }
    }

    /// Somebody has taken the call: it rings nowhere else.
    pub(super) fn end_other_offers(&mut self, desk: &mut Desk<'_>, id: CallId, taken_by: WorkNumber) {
        let Some(call) = self.call(id) else { return };
        let rings = |part: &&Part| part.agent != taken_by && part.is_coming() && part.role == PartRole::Handler;
        let others: Vec<WorkNumber> = call.parts.iter().filter(rings).map(|part| part.agent).collect();
        for other in others {
            self.end_part(desk, id, other, PartEnd::TakenElsewhere);
        }
    }

    /// Only an agent in no call at all takes one.
    fn may_take(&self, agent: WorkNumber, wish: &'static str) -> Result<(), crate::command::Rejection> {
        self.may_begin(agent, wish)?;
        let free = self.session(agent).is_some_and(super::contact::Session::is_free);
        if free { Ok(()) } else { Err(wrong(wish, "a call is on hold").into()) }
    }
}
