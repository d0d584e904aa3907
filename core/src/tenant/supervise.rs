//! Supervisors: sitting in, taking over, forcing states.
//!
//! A supervisor's part is in the call where the phone of the agent is that it sits in with. It follows that phone into a
//! consultation and back, and ends when the agent has no such part any more. No handler moves it: [`Tenant::follow_up`]
//! looks after each command at the calls that were touched.

use smallvec::{SmallVec, smallvec};

use super::contact::{Part, Stage};
use super::{DONE, Desk, Outcome, Tenant, limits};
use crate::agent::{AgentRefusal, AgentRole, Mode, ModeBy, PartEnd, PartRole, SignOutReason, SuperviseMode, WorkNumber, busy};
use crate::cause::{Cause, Party};
use crate::command::{Accepted, Rejection};
use crate::event::{AgentJoined, CallIntercepted, CallOffered, CallSupervised, LegMoved, PartMoved, SupervisionAsked, SupervisionEnded};
use crate::id::{CallId, LegId};
use crate::queue::{Leaving, QueueId};

impl Tenant {
    // ---- who may --------------------------------------------------------------------------------------------------

    fn need_supervisor(&self, agent: WorkNumber, wish: &'static str) -> Result<(), AgentRefusal> {
        let is = self.agent(agent).is_some_and(|entry| entry.agent.role == AgentRole::Supervisor);
        if is { Ok(()) } else { Err(AgentRefusal::NotAllowed(wish)) }
    }

    /// Any other agent of the tenant that is signed in.
    fn need_target(&self, agent: WorkNumber, target: WorkNumber) -> Result<(), AgentRefusal> {
        if agent == target {
            return Err(AgentRefusal::OwnSelf);
        }
        self.agent(target).ok_or(AgentRefusal::NoSuchAgent(target))?;
        self.need_session(target).map(drop)
    }

    /// The call where an agent's phone is up, if one can sit in there: it talks, or calls somebody.
    pub(super) fn supervisable(&self, target: WorkNumber) -> Option<CallId> {
        let (_, id) = self.device(target)?;
        let part = self.call(id)?.part(target)?;
        let talks = match part.role {
            PartRole::Supervisor(_) | PartRole::Listener => false,
            PartRole::Caller => true,
            PartRole::Handler | PartRole::Helper | PartRole::Member => part.stage >= Stage::Talking,
        };
        talks.then_some(id)
    }

    /// The supervisor's part with this agent, and the call it is in.
    fn seat_with(&self, agent: WorkNumber, target: WorkNumber) -> Option<(CallId, &Part)> {
        let calls = &self.session(agent)?.calls;
        let mut own = calls.iter().filter_map(|id| Some((*id, self.call(*id)?.part(agent)?)));
        own.find(|(_, part)| part.role == PartRole::Supervisor(target))
    }

    // ---- sitting in -----------------------------------------------------------------------------------------------

    /// Sits in on an agent's call, or changes how. To begin, the supervisor must be idle (cc-gateway.md §2.7).
    pub(super) fn supervise(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, target: WorkNumber, mode: SuperviseMode) -> Outcome {
        self.need_supervisor(agent, "sit in")?;
        self.need_target(agent, target)?;
        if let Some((id, part)) = self.seat_with(agent, target) {
            let (stage, now) = (part.stage, part.supervise);
            match stage {
                _ if now == Some(mode) => {}
                Stage::Reserved | Stage::Alerting => {
                    self.emit_call(desk, id, SupervisionAsked { supervisor: agent, agent: target, mode });
                }
                Stage::Talking | Stage::Held => self.emit_call(desk, id, CallSupervised { supervisor: agent, agent: target, mode }),
            }
            return Ok(Accepted { call: Some(id) });
        }
        if !self.need_session(agent)?.is_available() {
            return Err(AgentRefusal::WrongMode("not idle").into());
        }
        let id = self.supervisable(target).ok_or(AgentRefusal::WrongTargetState(target))?;
        if self.call(id).is_some_and(|call| call.legs.len() >= limits::PARTIES) {
            return Err(Rejection::LimitReached { what: "parties in a call", limit: limits::PARTIES as u64 });
        }
        let role = PartRole::Supervisor(target);
        self.emit_call(desk, id, CallOffered { agent, role, queue: None, choice: None, until: None });
        self.emit_call(desk, id, SupervisionAsked { supervisor: agent, agent: target, mode });
        self.ring_agent(desk, id, agent);
        Ok(Accepted { call: Some(id) })
    }

    /// A supervisor's phone is up in the call of the agent it sits in with.
    pub(super) fn supervisor_up(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber) {
        let Some((leg, _)) = self.device(agent).filter(|(_, at)| *at == call) else { return };
        let Some(part) = self.call(call).and_then(|call| call.part(agent)) else { return };
        let (PartRole::Supervisor(target), Some(mode)) = (part.role, part.supervise) else { return };
        self.emit_call(desk, call, AgentJoined { agent, leg, auto: true });
        self.emit_call(desk, call, CallSupervised { supervisor: agent, agent: target, mode });
    }

    /// Leaves that call.
    pub(super) fn stop_supervising(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, target: WorkNumber) -> Outcome {
        self.need_supervisor(agent, "sit in")?;
        let seat = self.seat_with(agent, target).map(|(call, part)| (call, part.stage));
        let (call, stage) = seat.ok_or(AgentRefusal::WrongTargetState(target))?;
        self.leave_seat(desk, call, agent, stage);
        Ok(Accepted { call: Some(call) })
    }

    fn leave_seat(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber, stage: Stage) {
        if stage >= Stage::Talking {
            self.end_part(desk, call, agent, PartEnd::Over);
        } else {
            self.part_failed(desk, call, agent, PartEnd::Over);
        }
    }

    /// A supervisor's part is over, however that came.
    pub(super) fn supervisor_gone(&mut self, desk: &mut Desk<'_>, call: CallId, part: &Part) {
        if let (PartRole::Supervisor(agent), true) = (part.role, part.stage >= Stage::Talking && part.supervise.is_some()) {
            self.emit_call(desk, call, SupervisionEnded { supervisor: part.agent, agent });
        }
    }

    /// This agent's part in the call is over. Whoever sits in with it leaves or follows once the command is through: only
    /// then it is sure where the agent's phone has gone.
    #[allow(clippy::unused_self)]
    pub(super) fn supervision_over(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber) {}

    /// Once a command is through, in every call that it touched: supervisors are where their agents are, recordings end
    /// with what they are of, and what nobody waits for any more is over.
    pub(super) fn follow_up(&mut self, desk: &mut Desk<'_>) {
        let mut place = 0;
        // Each look may touch further calls; each ends or moves something, so that there is an end.
        while let Some(id) = desk.touched.get(place).copied() {
            place += 1;
            for other in self.calls_of_parts(id) {
                self.follow_supervised(desk, other);
            }
            self.settle_seats(desk, id);
            self.settle_recordings(desk, id);
        }
    }

    /// A call and the other calls of those who take part in it: a phone that comes up here is followed from there.
    fn calls_of_parts(&self, id: CallId) -> SmallVec<[CallId; 2]> {
        let mut calls = smallvec![id];
        for part in self.call(id).map(|call| call.parts.as_slice()).unwrap_or_default() {
            let others = self.session(part.agent).map(|session| session.calls.as_slice()).unwrap_or_default();
            calls.extend(others.iter().copied().filter(|other| *other != id));
        }
        calls
    }

    fn follow_supervised(&mut self, desk: &mut Desk<'_>, id: CallId) {
        let Some(call) = self.call(id) else { return };
        let sits_in =
            |part: &Part| if let PartRole::Supervisor(target) = part.role { Some((part.agent, target, part.stage)) } else { None };
        let seats: Vec<(WorkNumber, WorkNumber, Stage)> = call.parts.iter().filter_map(sits_in).collect();
        for (agent, target, stage) in seats {
            match self.supervisable(target) {
                Some(there) if there == id => {}
                Some(there) => self.move_seat(desk, id, there, agent, target),
                None if self.call(id).is_some_and(|call| call.part(target).is_some()) => {}
                None => self.leave_seat(desk, id, agent, stage),
            }
        }
    }

    fn move_seat(&mut self, desk: &mut Desk<'_>, from: CallId, to: CallId, agent: WorkNumber, target: WorkNumber) {
        self.emit_call(desk, to, PartMoved { agent, from, role: PartRole::Supervisor(target) });
        let legs = self.session(agent).map(|session| session.legs.as_slice()).unwrap_or_default();
        let legs: Vec<LegId> = legs.iter().copied().filter(|leg| self.is_live_in(*leg, from)).collect();
        for leg in legs {
            self.emit_call(desk, to, LegMoved { leg, from });
        }
        self.settle(desk, from, &Cause::normal(Party::System));
    }

    // ---- taking over ----------------------------------------------------------------------------------------------

    /// Takes the customer over from the agent one sits in with. Where there is no customer, or it is being handed over,
    /// there is nobody to take over.
    pub(super) fn intercept(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, target: WorkNumber) -> Outcome {
        self.need_supervisor(agent, "take over")?;
        self.need_target(agent, target)?;
        let wrong = AgentRefusal::WrongTargetState(target);
        let seat = self.seat_with(agent, target).filter(|(_, part)| part.stage == Stage::Talking);
        let id = seat.map(|(id, _)| id).ok_or(wrong.clone())?;
        let Some(call) = self.call(id) else { return Err(wrong.into()) };
        let outside = |leg: &LegId| self.leg(*leg).is_some_and(|leg| leg.is_up() && leg.agent.is_none());
        let busy = call.handover.is_some() || call.transfer.is_some() || call.waiting.is_some() || call.conference.is_some();
        if busy || call.part(target).is_none() || !call.legs.iter().any(outside) {
            return Err(wrong.into());
        }
        self.emit_call(desk, id, SupervisionEnded { supervisor: agent, agent: target });
        self.emit_call(desk, id, CallIntercepted { supervisor: agent, agent: target });
        self.rebridge(desk, id);
        self.end_part(desk, id, target, PartEnd::Intercepted(agent));
        self.record_by_rule(desk, id, agent);
        Ok(Accepted { call: Some(id) })
    }

    // ---- forcing --------------------------------------------------------------------------------------------------

    /// Forces a mode on an agent: ready, busy or rest. During a call it takes effect after it.
    pub(super) fn force_mode(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, target: WorkNumber, mode: Mode) -> Outcome {
        self.need_supervisor(agent, "force a mode")?;
        self.need_target(agent, target)?;
        let invalid = |field, value: String, rule| Err(AgentRefusal::Invalid { field, value, rule }.into());
        let mode = match mode {
            Mode::Ready => mode,
            Mode::NotReady { .. } => Mode::NotReady { reason: busy::FORCED },
            Mode::Rest { until, .. } => {
                let seconds = until.since(desk.now).as_secs();
                if !u32::try_from(seconds).is_ok_and(|seconds| limits::REST_S.contains(&seconds)) {
                    return invalid("seconds", seconds.to_string(), "1 to 86399");
                }
                mode
            }
            Mode::WrapUp { .. } => return invalid("mode", "wrap_up".into(), "ready, busy or rest"),
        };
        self.wish_mode(desk, target, mode, ModeBy::Supervisor(agent));
        DONE
    }

    /// Forces an agent out.
    pub(super) fn force_sign_out(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, target: WorkNumber) -> Outcome {
        self.need_supervisor(agent, "sign others out")?;
        self.need_target(agent, target)?;
        self.end_session(desk, target, SignOutReason::Forced(agent));
        DONE
    }

    /// Forces a call's release: nobody stays in it.
    pub(super) fn force_release(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, call: CallId) -> Outcome {
        self.need_supervisor(agent, "release others' calls")?;
        let its = self.call(call).ok_or(AgentRefusal::NotYourCall(call))?;
        let parts: Vec<(WorkNumber, Stage)> = its.parts.iter().map(|part| (part.agent, part.stage)).collect();
        if its.waiting.is_some() {
            self.leave_queue(desk, call, Leaving::Ended);
        }
        for (agent, stage) in parts {
            if stage >= Stage::Talking {
                self.end_part(desk, call, agent, PartEnd::Dropped);
            } else {
                self.part_failed(desk, call, agent, PartEnd::Dropped);
            }
        }
        self.release_all(desk, call, &Cause::normal(Party::Operator));
        Ok(Accepted { call: Some(call) })
    }

    /// Changes which queues an agent serves in this session: of those it may serve at all.
    pub(super) fn adjust_skills(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, target: WorkNumber, skills: Vec<QueueId>) -> Outcome {
        self.need_supervisor(agent, "adjust skills")?;
        let entry = self.agent(target).ok_or(AgentRefusal::NoSuchAgent(target))?;
        if let Some(unknown) = skills.iter().find(|queue| !entry.agent.skills.iter().any(|skill| skill.queue == **queue)) {
            return Err(AgentRefusal::NoSuchQueue(*unknown).into());
        }
        self.need_session(target)?;
        let mut queues = skills;
        queues.sort_unstable();
        queues.dedup();
        self.choose_skills(desk, target, queues, Some(agent));
        DONE
    }
}
