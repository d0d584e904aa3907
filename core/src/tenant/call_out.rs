//! An agent calls out, or calls a colleague: its own phone first, then whom it wants.

use smol_str::SmolStr;

use super::company::{Whom, cause_of, reach_text};
use super::contact::Stage;
use super::queue::Entering;
use super::routing::Errand;
use super::{Desk, Outcome, Tenant};
use crate::agent::{AgentRefusal, PartEnd, PartRole, Reach, WorkNumber};
use crate::cause::{Cause, Party};
use crate::command::Accepted;
use crate::event::{CallKind, CallOriginated, CallUnreached, Purpose};
use crate::id::{CallId, LegId, Number};
use crate::queue::{ChoiceRule, Entry, QueueId};

/// What an agent wants to call.
pub(super) struct OutCall {
    pub(super) to: SmolStr,
    pub(super) caller: Option<Number>,
    pub(super) queue: Option<QueueId>,
    pub(super) data: SmolStr,
}

/// A call that an agent begins.
pub(super) struct Begin {
    pub(super) kind: CallKind,
    pub(super) reach: Reach,
    pub(super) caller: Option<SmolStr>,
    pub(super) queue: Option<QueueId>,
    pub(super) data: SmolStr,
}

impl Tenant {
    /// Calls a number.
    pub(super) fn call_out(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, wish: OutCall) -> Outcome {
        self.may_begin(agent, "call out")?;
        Self::check_data(&wish.data)?;
        if Number::new(&wish.to).is_err() {
            let rule = "1 to 64 characters of A-Z, a-z, 0-9 and `+*#-_.`";
            return Err(AgentRefusal::Invalid { field: "called", value: wish.to.to_string(), rule }.into());
        }
        let caller = self.may_show(wish.caller)?;
        if let Some(queue) = wish.queue
            && !self.agent(agent).is_some_and(|entry| entry.agent.skills.iter().any(|skill| skill.queue == queue))
        {
            return Err(AgentRefusal::NoSuchQueue(queue).into());
        }
        let reach = Reach::Number(wish.to);
        self.check_reach(desk, agent, &reach)?;
        let kind = CallKind::Outbound;
        self.begin_call(desk, agent, Begin { kind, reach, caller, queue: wish.queue, data: wish.data })
    }

    /// Calls a colleague or whoever is free in a queue.
    pub(super) fn call_inside(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, to: Reach, data: SmolStr) -> Outcome {
        self.may_begin(agent, "call inside")?;
        Self::check_data(&data)?;
        if let Reach::Number(number) = &to {
            let rule = "an agent or a queue";
            return Err(AgentRefusal::Invalid { field: "called", value: number.to_string(), rule }.into());
        }
        self.check_reach(desk, agent, &to)?;
        self.begin_call(desk, agent, Begin { kind: CallKind::Inside, reach: to, caller: None, queue: None, data })
    }

    /// Whether the one who is wanted can be reached now; an inside call to a queue needs somebody who is free there
    /// (cc-gateway.md §2.3 callinnerskill).
    fn check_reach(&self, desk: &Desk<'_>, agent: WorkNumber, reach: &Reach) -> Result<(), AgentRefusal> {
        let refuse = |why: &str| Err(AgentRefusal::Unreachable { target: reach_text(reach), why: why.to_owned() });
        match self.whom(desk.now, agent, reach)? {
            Whom::Queue(queue) if !self.somebody_free(queue, agent) => refuse("nobody is free in the queue"),
            Whom::Voicemail(_) => refuse("it is a voicemail"),
            _ => Ok(()),
        }
    }

    pub(super) fn somebody_free(&self, queue: QueueId, but: WorkNumber) -> bool {
        let free = |agent: &WorkNumber| *agent != but && self.session(*agent).is_some_and(super::contact::Session::is_available);
        self.queue(queue).is_some_and(|entry| entry.serving.iter().any(free))
    }

    /// The call begins with the agent itself: its phone is brought in, and what follows comes with [`Tenant::caller_up`].
    pub(super) fn begin_call(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, begin: Begin) -> Outcome {
        let from = self.agent_endpoint(agent)?;
        let id = desk.ids.call();
        let Begin { kind, reach, caller, queue, data } = begin;
        let called = reach_text(&reach);
        self.emit_call(desk, id, CallOriginated { from, called, kind, agent: Some(agent), caller, reach: Some(reach) });
        self.attach(desk, id, agent, data);
        self.begin_part(desk, id, agent, PartRole::Caller, queue);
        Ok(Accepted { call: Some(id) })
    }

    /// The phone of an agent that began this call is up: now whom it wants.
    pub(super) fn caller_up(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber) {
        let Some(reach) = self.call(id).and_then(|call| call.reach.clone()) else { return };
        let Some((leg, _)) = self.device(agent).filter(|(_, call)| *call == id) else { return };
        let role = if self.call(id).is_some_and(|call| call.consultation.is_some()) { PartRole::Helper } else { PartRole::Handler };
        match self.whom(desk.now, agent, &reach) {
            Ok(Whom::Agent(other)) => self.offer_to(desk, id, other, role, ChoiceRule::Asked),
            Ok(Whom::Queue(queue)) => {
                let entry = Entry::AskedBy(agent);
                self.enter_queue(desk, id, Entering { queue, leg, entry, priority: None, since: None, kept_by: None });
            }
            Ok(Whom::Plan(plan)) => {
                let service = plan.is_service();
                self.follow(desk, Errand { call: id, purpose: Purpose::Call, behalf: Some(leg) }, plan);
                if service {
                    self.caller_joins(desk, id, agent);
                }
            }
            Ok(Whom::Voicemail(_)) => self.unreached(desk, id, agent, Cause::sip(480, Party::System).because("it is a voicemail")),
            Err(refusal) => self.unreached(desk, id, agent, Cause::sip(480, Party::System).because(refusal.to_string())),
        }
    }

    /// The number that an agent called has answered.
    pub(super) fn out_answered(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber, winner: LegId) {
        if self.part(id, agent).is_none() {
            self.release(desk, winner, Cause::normal(Party::Peer));
            return;
        }
        self.caller_joins(desk, id, agent);
        self.rebridge(desk, id);
        self.record_by_rule(desk, id, agent);
    }

    /// Whom the agent wanted does not come: the agent is told why, and leaves the call.
    pub(super) fn unreached(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber, cause: Cause) {
        self.emit_call(desk, id, CallUnreached { agent, cause });
        self.return_to_customer(desk, id, agent);
        self.end_part(desk, id, agent, PartEnd::OtherGone);
    }

    /// A call that an agent began came to nothing: its own phone could not be brought in (its part is over then), or
    /// whom it wanted does not come.
    pub(super) fn call_out_failed(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber, end: PartEnd) {
        let cause = cause_of(&end);
        match self.began_by(id) {
            Some(caller) => self.unreached(desk, id, caller, cause),
            None => self.emit_call(desk, id, CallUnreached { agent, cause }),
        }
    }

    /// The agent that began a call, while it is in it.
    fn began_by(&self, id: CallId) -> Option<WorkNumber> {
        self.call(id)?.parts.iter().find(|part| part.role == PartRole::Caller).map(|part| part.agent)
    }

    /// Somebody took an inside call.
    pub(super) fn inside_answered(&mut self, desk: &mut Desk<'_>, id: CallId, _agent: WorkNumber) {
        if let Some(caller) = self.began_by(id) {
            self.caller_joins(desk, id, caller);
            self.rebridge(desk, id);
        }
    }

    /// Nobody is called, offered or waited for any more in a call whose agent still wants somebody.
    pub(super) fn settle_callers(&mut self, desk: &mut Desk<'_>, id: CallId, why: &Cause) {
        let Some(call) = self.call(id) else { return };
        if self.awaits_somebody(call) || call.service.is_some() || !self.party_legs(call).is_empty() {
            return;
        }
        let waits = |part: &&super::contact::Part| part.role == PartRole::Caller && part.stage == Stage::Reserved;
        let Some(agent) = call.parts.iter().find(waits).map(|part| part.agent) else { return };
        // Its phone is up here, so it is no longer its own phone that is waited for.
        if self.device(agent).is_some_and(|(_, at)| at == id) {
            self.unreached(desk, id, agent, why.clone());
        }
    }
}
