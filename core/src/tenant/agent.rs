//! Agents: signing in and out, modes, and where each of their wishes is carried out.

use super::call_out::OutCall;
use super::contact::Session;
use super::handover::HandOverWish;
use super::{Desk, Outcome, Tenant, not_built};
use crate::agent::{AgentRefusal, AgentWish, SignIn, SignOutReason, WorkNumber};

impl Tenant {
    /// Every wish but signing in needs a session.
    pub(super) fn agent_wish(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, wish: AgentWish) -> Outcome {
        if self.agent(agent).is_none() {
            return Err(AgentRefusal::NoSuchAgent(agent).into());
        }
        if let AgentWish::SignIn(sign_in) = wish {
            return self.sign_in(desk, agent, sign_in);
        }
        self.need_session(agent)?;
        match wish {
            AgentWish::SignIn(_)
            | AgentWish::SignOut(_)
            | AgentWish::ChooseSkills(_)
            | AgentWish::SetAutoAnswer(_)
            | AgentWish::SetAutoReady(_)
            | AgentWish::Ready
            | AgentWish::NotReady { .. }
            | AgentWish::EndNotReady
            | AgentWish::Rest { .. }
            | AgentWish::EndRest
            | AgentWish::WrapUp
            | AgentWish::EndWrapUp
            | AgentWish::Note { .. } => self.session_wish(desk, agent, wish),
            AgentWish::Answer { call } => self.answer_wish(desk, agent, call),
            AgentWish::Reject { call, requeue } => self.reject_wish(desk, agent, call, requeue),
            AgentWish::CallOut { to, caller, queue, data } => self.call_out(desk, agent, OutCall { to, caller, queue, data }),
            AgentWish::CallInside { to, data } => self.call_inside(desk, agent, to, data),
            AgentWish::Hold => self.hold_call(desk, agent),
            AgentWish::Retrieve { call } => self.retrieve_call(desk, agent, call),
            AgentWish::Mute => self.mute(desk, agent, true),
            AgentWish::Unmute => self.mute(desk, agent, false),
            AgentWish::Consult { to, three_party, data } => self.consult(desk, agent, to, three_party, data),
            AgentWish::Join { call, data } => self.join_calls(desk, agent, call, data),
            AgentWish::Connect { call } => self.connect_calls(desk, agent, call),
            AgentWish::HandOver { to, mode, caller, data } => self.hand_over(desk, agent, HandOverWish { to, mode, caller, data }),
            AgentWish::CancelHandOver => self.cancel_hand_over(desk, agent),
            AgentWish::SendDigits(digits) => self.send_digits(desk, agent, digits),
            AgentWish::Release => self.release_wish(desk, agent),
            AgentWish::Drop { call } => self.drop_call(desk, agent, call),
            AgentWish::Disconnect { party } => self.disconnect(desk, agent, party),
            AgentWish::HangUpPhone => self.hang_up_phone(desk, agent),
            AgentWish::PickUp { agent: from } => self.pick_up(desk, agent, from),
            AgentWish::TakeWaiting { call } => self.take_waiting(desk, agent, call),
            AgentWish::SetData { call, data } => self.set_data(desk, agent, call, data),
            other => self.supervisor_wish(desk, agent, other),
        }
    }

    fn supervisor_wish(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, wish: AgentWish) -> Outcome {
        match wish {
            AgentWish::Supervise { agent: target, mode } => self.supervise(desk, agent, target, mode),
            AgentWish::StopSupervising { agent: target } => self.stop_supervising(desk, agent, target),
            AgentWish::Intercept { agent: target } => self.intercept(desk, agent, target),
            AgentWish::ForceMode { agent: target, mode } => self.force_mode(desk, agent, target, mode),
            AgentWish::ForceSignOut { agent: target } => self.force_sign_out(desk, agent, target),
            AgentWish::ForceRelease { call } => self.force_release(desk, agent, call),
            AgentWish::AdjustSkills { agent: target, skills } => self.adjust_skills(desk, agent, target, skills),
            AgentWish::StartRecording => self.start_recording(desk, agent),
            AgentWish::PauseRecording => self.pause_recording(desk, agent),
            AgentWish::ResumeRecording => self.resume_recording(desk, agent),
            AgentWish::StopRecording => self.stop_recording(desk, agent),
            AgentWish::Play { path, from_ms, times } => self.play(desk, agent, path, from_ms, times),
            AgentWish::PausePlay => self.pause_play(desk, agent),
            AgentWish::ResumePlay => self.resume_play(desk, agent),
            AgentWish::JumpPlay(by_ms) => self.jump_play(desk, agent, by_ms),
            AgentWish::StopPlay => self.stop_play(desk, agent),
            AgentWish::BeginConference { members, minutes } => self.begin_conference(desk, agent, members, minutes),
            AgentWish::Invite(members) => self.invite(desk, agent, members),
            AgentWish::Expel(members) => self.expel(desk, agent, members),
            AgentWish::HoldMember { member, held } => self.hold_member(desk, agent, member, held),
            AgentWish::LeaveConference => self.leave_conference(desk, agent),
            AgentWish::EndConference => self.end_conference(desk, agent),
            AgentWish::HandChair(to) => self.hand_chair(desk, agent, to),
            AgentWish::Prolong(minutes) => self.prolong(desk, agent, minutes),
            AgentWish::Resize(by) => self.resize(desk, agent, by),
            AgentWish::PlayToConference { member, prompt, stop } => self.play_to_conference(desk, agent, member, prompt, stop),
            // Every other wish was carried out in `agent_wish`.
            _ => Err(AgentRefusal::WrongMode("this wish has no place").into()),
        }
    }

    /// The agent's session.
    pub(super) fn need_session(&self, agent: WorkNumber) -> Result<&Session, AgentRefusal> {
        self.session(agent).ok_or(AgentRefusal::NotSignedIn(agent))
    }

    fn sign_in(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _wish: SignIn) -> Outcome {
        not_built("sign in")
    }

    fn session_wish(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _wish: AgentWish) -> Outcome {
        not_built("modes")
    }

    /// Ends a session and every part the agent has in calls. `reason` goes into the event.
    pub(super) fn end_session(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _reason: SignOutReason) {}

    /// The time of a wrap-up or a rest is over.
    pub(super) fn mode_due(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber) {}
}
