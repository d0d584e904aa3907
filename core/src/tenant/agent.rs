//! Agents: signing in and out, their settings, and where each of their wishes is carried out. Modes: see `mode`.

use smol_str::SmolStr;

use super::call_out::OutCall;
use super::contact::{AgentEntry, Session, Stage};
use super::handover::HandOverWish;
use super::{DONE, Desk, Outcome, Tenant, limits};
use crate::agent::{AgentPhone, AgentRefusal, AgentWish, Mode, PartEnd, SignIn, SignOutReason, WorkNumber, busy};
use crate::command::Rejection;
use crate::event::{AgentNoted, AgentSettingsChanged, AgentSignedIn, AgentSignedOut, AgentSkillsChosen};
use crate::id::UserName;
use crate::queue::QueueId;

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

    // ---- signing in and out ---------------------------------------------------------------------------------------

    fn sign_in(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, wish: SignIn) -> Outcome {
        let signed_in = self.session(agent).is_some();
        if signed_in && !wish.force {
            return Err(AgentRefusal::AlreadySignedIn(agent).into());
        }
        self.check_phone_of(agent, &wish.phone)?;
        let others = self.signed_in() - u32::from(signed_in);
        let most = self.settings().map_or(0, |settings| settings.max_agents);
        if others >= most {
            return Err(AgentRefusal::TooManyAgents(most).into());
        }
        match wish.mode {
            Mode::NotReady { reason } => check_reason(reason)?,
            Mode::Rest { .. } => return Err(AgentRefusal::WrongMode("signing in: nobody begins with a rest").into()),
            Mode::Ready | Mode::WrapUp { .. } => {}
        }
        if signed_in {
            self.end_session(desk, agent, SignOutReason::Replaced);
        }
        let (mode, skills) = (wish.mode, Some(self.skills_for(agent, wish.skills.as_deref())));
        self.emit_agent(desk, agent, AgentSignedIn { session: SignIn { skills, ..wish } });
        self.watch_mode(desk, agent, mode);
        DONE
    }

    /// The phone exists, or is a number that some trunk takes, and nobody else works with it.
    fn check_phone_of(&self, agent: WorkNumber, phone: &AgentPhone) -> Result<(), AgentRefusal> {
        let (name, known) = match phone {
            AgentPhone::Softphone(user) => (user.as_str(), self.phone(user).is_some()),
            AgentPhone::Outside(number) => {
                let ours = UserName::new(number.as_str()).is_ok_and(|user| self.phone(&user).is_some());
                let unreachable = matches!(self.trunks_for(number.as_str()), Err(cause) if cause.sip == 404);
                (number.as_str(), !ours && !self.state.numbers.contains_key(number) && !unreachable)
            }
        };
        if !known {
            return Err(AgentRefusal::NoSuchPhone(name.into()));
        }
        let has_it =
            |entry: &&AgentEntry| entry.agent.number != agent && entry.session.as_ref().is_some_and(|session| session.phone == *phone);
        match self.agents().find(has_it) {
            Some(other) => Err(AgentRefusal::PhoneTaken { phone: name.into(), agent: other.agent.number }),
            None => Ok(()),
        }
    }

    /// Those of the wanted queues that the agent may serve (cc-gateway.md: the effective set is the intersection).
    pub(super) fn skills_for(&self, agent: WorkNumber, wanted: Option<&[QueueId]>) -> Vec<QueueId> {
        let mut skills: Vec<QueueId> =
            self.agent(agent).map(|entry| entry.agent.skills.iter().map(|skill| skill.queue).collect()).unwrap_or_default();
        skills.retain(|queue| wanted.is_none_or(|wanted| wanted.contains(queue)) && self.queue(*queue).is_some());
        skills.sort_unstable();
        skills.dedup();
        skills
    }

    /// Ends a session and every part the agent has in calls. `reason` goes into the event.
    pub(super) fn end_session(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, reason: SignOutReason) {
        let Some(session) = self.session(agent) else { return };
        let (calls, mode) = (session.calls.clone(), session.mode);
        for call in calls {
            match self.call(call).and_then(|call| call.part(agent)).map(|part| part.stage) {
                Some(Stage::Reserved | Stage::Alerting) => self.part_failed(desk, call, agent, PartEnd::SignedOut),
                Some(Stage::Talking | Stage::Held) => self.end_part(desk, call, agent, PartEnd::SignedOut),
                None => {}
            }
        }
        self.release_devices(desk, agent);
        self.unwatch_mode(desk, agent, mode);
        let queues: Vec<QueueId> = self.session(agent).map(|session| session.queues.iter().copied().collect()).unwrap_or_default();
        self.emit_agent(desk, agent, AgentSignedOut { reason });
        for queue in queues {
            self.end_stickies(desk, queue, agent);
        }
    }

    /// Agents with a session, by number.
    pub(super) fn agents_signed_in(&self) -> Vec<WorkNumber> {
        self.agents().filter(|entry| entry.session.is_some()).map(|entry| entry.agent.number).collect()
    }

    // ---- wishes about the session ---------------------------------------------------------------------------------

    fn session_wish(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, wish: AgentWish) -> Outcome {
        let session = self.need_session(agent)?;
        let (auto_answer, auto_ready) = (session.auto_answer, session.auto_ready);
        match wish {
            AgentWish::SignOut(reason) => self.end_session(desk, agent, reason),
            AgentWish::ChooseSkills(wanted) => {
                let queues = self.skills_for(agent, wanted.as_deref());
                self.choose_skills(desk, agent, queues, None);
            }
            AgentWish::SetAutoAnswer(auto_answer) => self.change_settings(desk, agent, AgentSettingsChanged { auto_answer, auto_ready }),
            AgentWish::SetAutoReady(auto_ready) => self.change_settings(desk, agent, AgentSettingsChanged { auto_answer, auto_ready }),
            AgentWish::Note { to, text, bulletin } => return self.send_note(desk, agent, &to, &text, bulletin),
            mode => return self.mode_wish(desk, agent, &mode),
        }
        DONE
    }

    /// Serves these queues from now on. Calls that wait for this agent alone in a queue it leaves wait for anybody.
    pub(super) fn choose_skills(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, queues: Vec<QueueId>, by: Option<WorkNumber>) {
        let Some(session) = self.session(agent) else { return };
        let left: Vec<QueueId> = session.queues.iter().copied().filter(|queue| !queues.contains(queue)).collect();
        if left.is_empty() && session.queues.len() == queues.len() {
            return;
        }
        self.emit_agent(desk, agent, AgentSkillsChosen { queues, by });
        for queue in left {
            self.end_stickies(desk, queue, agent);
        }
    }

    fn change_settings(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, now: AgentSettingsChanged) {
        let differs = |session: &Session| (session.auto_answer, session.auto_ready) != (now.auto_answer, now.auto_ready);
        if self.session(agent).is_some_and(differs) {
            self.emit_agent(desk, agent, now);
        }
    }

    /// Only who is signed in gets a note; the others are passed over.
    fn send_note(&mut self, desk: &mut Desk<'_>, from: WorkNumber, to: &[WorkNumber], text: &SmolStr, bulletin: bool) -> Outcome {
        if to.len() > limits::NOTE_RECEIVERS {
            return Err(invalid("to", to.len(), "at most 1000 receivers"));
        }
        if text.is_empty() || text.len() > limits::NOTE_BYTES {
            return Err(invalid("text", text.len(), "1 to 4000 bytes"));
        }
        for agent in to {
            if self.session(*agent).is_some() {
                self.emit_agent(desk, *agent, AgentNoted { from, text: text.clone(), bulletin });
            }
        }
        DONE
    }
}

fn invalid(field: &'static str, value: usize, rule: &'static str) -> Rejection {
    AgentRefusal::Invalid { field, value: value.to_string(), rule }.into()
}

/// Reasons an agent may give for being busy: none, or one of the tenant's own.
pub(super) fn check_reason(reason: u8) -> Result<(), AgentRefusal> {
    if reason == busy::NONE || busy::OWN.contains(&reason) {
        return Ok(());
    }
    Err(AgentRefusal::Invalid { field: "reason", value: reason.to_string(), rule: "0, or 200 to 250" })
}
