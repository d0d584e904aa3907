//! Conferences of agents and outside parties with a chair.
//!
//! The chair begins alone and calls the others in. If the chair goes, the agent that has been in longest after it becomes
//! chair: a talk should not break off because its host's phone does. Without another agent nobody could end it, and it
//! ends. A conference is bounded by [`limits::PARTIES`], those who are being called counted.

use std::time::Duration;

use smol_str::SmolStr;

use super::collect::check_prompt;
use super::contact::{Conference, Member, Part, Stage};
use super::routing::{Dialler, Errand};
use super::state::Leg;
use super::{DONE, Desk, Outcome, Tenant, limits};
use crate::agent::{AgentRefusal, PartEnd, PartRole, Reach, WorkNumber};
use crate::call::Endpoint;
use crate::cause::{Cause, Party};
use crate::command::Accepted;
use crate::effect::{DialTarget, TimerKey};
use crate::event::{
    AgentAlerting, AgentJoined, CallKind, ConferenceBegan, ConferenceChanged, ConferenceHeld, ConferenceInvited, ConferenceJoined,
    ConferenceLeft, ConferenceNearlyOver, ConferencePlaying, Purpose,
};
use crate::id::{CallId, LegId};
use crate::time::Timestamp;

fn shown(member: &Reach) -> SmolStr {
    match member {
        Reach::Agent(agent) => SmolStr::new(agent.to_string()),
        Reach::Queue(queue) => SmolStr::new(queue.to_string()),
        Reach::Number(number) => number.clone(),
    }
}

fn minutes(count: u32) -> Duration {
    Duration::from_secs(u64::from(count) * 60)
}

fn invalid(field: &'static str, value: impl ToString, rule: &'static str) -> AgentRefusal {
    AgentRefusal::Invalid { field, value: value.to_string(), rule }
}

/// When a conference is looked at next: shortly before its end, then at its end.
fn next_look(conference: &Conference, now: Timestamp) -> Timestamp {
    let warning = conference.until - limits::CONFERENCE_WARNING;
    if !conference.warned && warning > now { warning } else { conference.until }
}

impl Tenant {
    // ---- whose ----------------------------------------------------------------------------------------------------

    /// The conference that an agent is in, or is called into.
    fn conference_of(&self, agent: WorkNumber) -> Result<(CallId, &Conference), AgentRefusal> {
        let calls = &self.need_session(agent)?.calls;
        let mut own = calls.iter().filter_map(|id| Some((*id, self.call(*id)?.conference.as_ref()?)));
        own.next().ok_or(AgentRefusal::NoConference)
    }

    fn chaired_by(&self, agent: WorkNumber) -> Result<(CallId, &Conference), AgentRefusal> {
        self.conference_of(agent).and_then(|own| if own.1.chair == agent { Ok(own) } else { Err(AgentRefusal::NotChair) })
    }

    fn member(&self, id: CallId, who: &Reach) -> Option<&Member> {
        self.call(id)?.conference.as_ref()?.members.iter().find(|member| member.who == *who)
    }

    // ---- begin and end --------------------------------------------------------------------------------------------

    /// Begins a conference with oneself as chair.
    pub(super) fn begin_conference(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, members: u16, length: u32) -> Outcome {
        if self.conference_of(agent).is_ok() {
            return Err(AgentRefusal::InConference.into());
        }
        if !self.need_session(agent)?.is_free() {
            let state = "the agent is in a call".into();
            return Err(AgentRefusal::WrongCallState { wish: "begin a conference", state }.into());
        }
        if !(2..=limits::PARTIES).contains(&usize::from(members)) {
            return Err(invalid("members", members, "2 to 32, the chair counted").into());
        }
        if !limits::CONFERENCE_MINUTES.contains(&length) {
            return Err(invalid("minutes", length, "1 to 1440").into());
        }
        let call = self.begin_agent_call(desk, agent, CallKind::Conference, shown(&Reach::Agent(agent)), PartRole::Member)?;
        let until = desk.now + minutes(length);
        self.emit_call(desk, call, ConferenceBegan { chair: agent, members, until });
        self.emit_call(desk, call, ConferenceInvited { member: Reach::Agent(agent) });
        self.watch_conference(desk, call);
        self.ring_agent(desk, call, agent);
        Ok(Accepted { call: Some(call) })
    }

    fn watch_conference(&self, desk: &mut Desk<'_>, id: CallId) {
        if let Some(conference) = self.call(id).and_then(|call| call.conference.as_ref()) {
            desk.set_timer(TimerKey::Conference(id), next_look(conference, desk.now));
        }
    }

    /// Ends it.
    pub(super) fn end_conference(&mut self, desk: &mut Desk<'_>, agent: WorkNumber) -> Outcome {
        let (call, _) = self.chaired_by(agent)?;
        self.close_conference(desk, call);
        DONE
    }

    /// A conference's time is nearly over, or over.
    pub(super) fn conference_due(&mut self, desk: &mut Desk<'_>, call: CallId) {
        let Some(conference) = self.call(call).and_then(|call| call.conference.as_ref()) else { return };
        let until = conference.until;
        if until <= desk.now {
            self.close_conference(desk, call);
        } else if !conference.warned {
            self.emit_call(desk, call, ConferenceNearlyOver { until });
            self.watch_conference(desk, call);
        }
    }

    /// All leave. A conference without members is closed already.
    fn close_conference(&mut self, desk: &mut Desk<'_>, id: CallId) {
        let Some(conference) = self.call(id).and_then(|call| call.conference.as_ref()).filter(|it| !it.members.is_empty()) else { return };
        let members = conference.members.clone();
        if conference.until > desk.now {
            desk.cancel_timer(TimerKey::Conference(id));
        }
        for member in &members {
            self.emit_call(desk, id, ConferenceLeft { member: member.who.clone(), end: PartEnd::Over });
        }
        for member in members {
            self.put_out(desk, id, &member, PartEnd::Over);
        }
        self.settle(desk, id, &Cause::normal(Party::System).because("the conference is over"));
    }

    /// Ends what a member has in the call; that it left is said already.
    fn put_out(&mut self, desk: &mut Desk<'_>, id: CallId, member: &Member, end: PartEnd) {
        if let Reach::Agent(agent) = member.who {
            let joined = self.call(id).and_then(|call| call.part(agent)).map(|part| part.stage >= Stage::Talking);
            match joined {
                Some(true) => self.end_part(desk, id, agent, end),
                Some(false) => self.part_failed(desk, id, agent, end),
                None => {}
            }
        }
        for leg in member.ringing.iter().chain(&member.leg) {
            if self.leg(*leg).is_some_and(|leg| leg.call == id && leg.purpose == Some(Purpose::Member)) {
                self.release(desk, *leg, Cause::normal(Party::System));
            }
        }
    }

    // ---- coming ---------------------------------------------------------------------------------------------------

    /// Calls these into it. What can't be (unknown agents, numbers that lead nowhere, too many) is refused as a whole; an
    /// agent that is not free right now is invited in vain, so that one does not keep the others out.
    pub(super) fn invite(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, members: Vec<Reach>) -> Outcome {
        let (id, conference) = self.chaired_by(agent)?;
        let size = usize::from(conference.size);
        if members.is_empty() || conference.members.len() + members.len() > size {
            return Err(invalid("members", members.len(), "at least one, and no more than the conference has room for").into());
        }
        for (place, member) in members.iter().enumerate() {
            let again = members.iter().take(place).any(|other| other == member) || self.member(id, member).is_some();
            if again {
                return Err(invalid("member", shown(member), "each once, and not in the conference already").into());
            }
            self.check_invited(desk, agent, member)?;
        }
        for member in members {
            self.emit_call(desk, id, ConferenceInvited { member: member.clone() });
            match member {
                Reach::Agent(other) => self.invite_agent(desk, id, other),
                Reach::Number(number) => self.invite_number(desk, id, agent, &number),
                Reach::Queue(_) => {}
            }
        }
        Ok(Accepted { call: Some(id) })
    }

    fn check_invited(&self, desk: &Desk<'_>, chair: WorkNumber, member: &Reach) -> Result<(), AgentRefusal> {
        match member {
            Reach::Agent(other) => self.agent(*other).map(drop).ok_or(AgentRefusal::NoSuchAgent(*other)),
            Reach::Queue(_) => Err(invalid("member", shown(member), "an agent or a number")),
            Reach::Number(number) => self.member_targets(desk, chair, number).map(drop),
        }
    }

    /// Whom a number reaches, on the chair's account.
    fn member_targets(&self, desk: &Desk<'_>, chair: WorkNumber, number: &str) -> Result<Vec<DialTarget>, AgentRefusal> {
        let unreachable = |why: &str| AgentRefusal::Unreachable { target: number.into(), why: why.to_owned() };
        let endpoint = self.account(chair).ok_or(AgentRefusal::NotSignedIn(chair))?;
        let plan = self.plan(desk.now, number, &Dialler { endpoint: &endpoint, flow: None });
        let plan = plan.map_err(|cause| unreachable(cause.text.as_deref().unwrap_or("no route")))?;
        if plan.targets.is_empty() {
            return Err(unreachable("not a phone nor a number of the network"));
        }
        Ok(plan.targets)
    }

    fn invite_agent(&mut self, desk: &mut Desk<'_>, id: CallId, agent: WorkNumber) {
        if !self.session(agent).is_some_and(super::contact::Session::is_available) {
            self.emit_call(desk, id, ConferenceLeft { member: Reach::Agent(agent), end: PartEnd::PhoneFailed });
            return;
        }
        self.offer_asked(desk, id, agent, PartRole::Member);
    }

    fn invite_number(&mut self, desk: &mut Desk<'_>, id: CallId, chair: WorkNumber, number: &SmolStr) {
        for target in self.member_targets(desk, chair, number).unwrap_or_default() {
            self.dial(desk, Errand { call: id, purpose: Purpose::Member, behalf: None }, number, target);
        }
    }

    /// A member's phone is up. The chair is in at once, others are asked unless they answer without being asked.
    pub(super) fn member_up(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber) {
        let chair = self.call(call).and_then(|call| call.conference.as_ref()).is_some_and(|conference| conference.chair == agent);
        if chair || self.session(agent).is_some_and(|session| session.auto_answer) {
            self.member_takes(desk, call, agent, true);
        } else if let Some((leg, _)) = self.device(agent) {
            self.emit_call(desk, call, AgentAlerting { agent, leg });
        }
    }

    /// An agent is in the conference from now on.
    pub(super) fn member_takes(&mut self, desk: &mut Desk<'_>, call: CallId, agent: WorkNumber, auto: bool) {
        let Some((leg, _)) = self.device(agent).filter(|(_, at)| *at == call) else { return };
        let Some(part) = self.call(call).and_then(|call| call.part(agent)).cloned() else { return };
        self.emit_call(desk, call, AgentJoined { agent, leg, auto });
        if part.until.is_some() {
            desk.cancel_timer(TimerKey::Offer(call, agent));
        }
        self.emit_call(desk, call, ConferenceJoined { member: Reach::Agent(agent), leg });
        self.rebridge(desk, call);
    }

    /// A party that is no agent has answered; its other contacts stop ringing.
    pub(super) fn member_answered(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId) {
        let members = self.call(call).and_then(|call| call.conference.as_ref()).map(|conference| &conference.members);
        let Some(member) = members.and_then(|members| members.iter().find(|member| member.ringing.contains(&leg))).cloned() else {
            self.release(desk, leg, Cause::normal(Party::System));
            return;
        };
        for other in member.ringing.iter().filter(|other| **other != leg) {
            let elsewhere = Cause { sip: 487, q850: 26, by: Party::System, text: Some("answered elsewhere".into()) };
            self.release(desk, *other, elsewhere);
        }
        self.emit_call(desk, call, ConferenceJoined { member: member.who, leg });
        self.rebridge(desk, call);
    }

    /// A member's trunk has failed it: calls through the next one, and says whether there was one.
    pub(super) fn dial_member_again(&mut self, desk: &mut Desk<'_>, call: CallId, leg: &Leg) -> bool {
        let (Endpoint::Trunk(_), Some(Purpose::Member)) = (&leg.endpoint, leg.purpose) else { return false };
        let who = Reach::Number(leg.number.clone());
        let Some(member) = self.member(call, &who).filter(|member| member.leg.is_none()) else { return false };
        let order = self.trunks_for(&leg.number).unwrap_or_default();
        let Some(name) = order.into_iter().find(|name| !member.tried.contains(name)) else { return false };
        let target = DialTarget::Trunk { name, number: leg.number.clone() };
        self.dial(desk, Errand { call, purpose: Purpose::Member, behalf: None }, &leg.number, target);
        true
    }

    // ---- going ----------------------------------------------------------------------------------------------------

    /// Puts these out of it; who is not in it is passed over, unless nobody of them is.
    pub(super) fn expel(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, members: Vec<Reach>) -> Outcome {
        let (id, conference) = self.chaired_by(agent)?;
        if members.contains(&Reach::Agent(agent)) {
            return Err(AgentRefusal::IsChair("put itself out").into());
        }
        let there: Vec<Member> = conference.members.iter().filter(|member| members.contains(&member.who)).cloned().collect();
        if there.is_empty() {
            return Err(AgentRefusal::NoSuchParty(members.first().map(shown).unwrap_or_default()).into());
        }
        for member in there {
            self.emit_call(desk, id, ConferenceLeft { member: member.who.clone(), end: PartEnd::Dropped });
            self.put_out(desk, id, &member, PartEnd::Dropped);
        }
        self.settle(desk, id, &Cause::normal(Party::Operator));
        DONE
    }

    /// Leaves it.
    pub(super) fn leave_conference(&mut self, desk: &mut Desk<'_>, agent: WorkNumber) -> Outcome {
        let (id, conference) = self.conference_of(agent)?;
        if conference.chair == agent {
            return Err(AgentRefusal::IsChair("leave the conference").into());
        }
        let who = Reach::Agent(agent);
        if let Some(member) = self.member(id, &who).cloned() {
            self.emit_call(desk, id, ConferenceLeft { member: who, end: PartEnd::Released });
            self.put_out(desk, id, &member, PartEnd::Released);
        }
        DONE
    }

    /// An agent's part is over, however that came.
    pub(super) fn member_gone(&mut self, desk: &mut Desk<'_>, id: CallId, part: &Part, end: &PartEnd) {
        let member = Reach::Agent(part.agent);
        if self.member(id, &member).is_some() {
            self.emit_call(desk, id, ConferenceLeft { member, end: end.clone() });
        }
        self.settle_conference(desk, id);
    }

    /// Parties whose legs have gone have left; a chair that has gone is followed by another, or by the end.
    pub(super) fn settle_conference(&mut self, desk: &mut Desk<'_>, id: CallId) {
        let Some(call) = self.call(id) else { return };
        let Some(conference) = &call.conference else { return };
        let here = |leg: &LegId| self.is_live_in(*leg, id);
        let gone = |member: &&Member| match member.who {
            Reach::Agent(agent) => call.part(agent).is_none(),
            _ => !member.leg.iter().chain(&member.ringing).any(here),
        };
        let gone: Vec<(Reach, PartEnd)> = conference
            .members
            .iter()
            .filter(gone)
            .map(|member| (member.who.clone(), if member.leg.is_some() { PartEnd::Released } else { PartEnd::NoAnswer }))
            .collect();
        for (member, end) in gone {
            self.emit_call(desk, id, ConferenceLeft { member, end });
        }
        self.settle_conference_prompt(desk, id);
        self.settle_chair(desk, id);
    }

    /// A prompt for one ends when that one leaves.
    fn settle_conference_prompt(&mut self, desk: &mut Desk<'_>, id: CallId) {
        let Some((Some(to), _)) = self.call(id).and_then(|call| call.conference.as_ref()).and_then(|it| it.playing.clone()) else { return };
        if self.member(id, &to).is_none() {
            self.emit_call(desk, id, ConferencePlaying { member: Some(to), prompt: None });
        }
    }

    fn settle_chair(&mut self, desk: &mut Desk<'_>, id: CallId) {
        let Some(call) = self.call(id) else { return };
        let Some(conference) = call.conference.as_ref().filter(|conference| call.part(conference.chair).is_none()) else { return };
        let (members, until) = (conference.size, conference.until);
        let next = conference.members.iter().find_map(|member| match member.who {
            Reach::Agent(agent) if member.leg.is_some() && call.part(agent).is_some() => Some(agent),
            _ => None,
        });
        match next {
            Some(chair) => self.emit_call(desk, id, ConferenceChanged { chair, members, until }),
            None => self.close_conference(desk, id),
        }
    }

    // ---- while it lasts -------------------------------------------------------------------------------------------

    /// Holds a member or takes it back.
    pub(super) fn hold_member(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, member: Reach, held: bool) -> Outcome {
        let (id, _) = self.chaired_by(agent)?;
        let there = self.member(id, &member).filter(|member| member.leg.is_some());
        let now = there.ok_or_else(|| AgentRefusal::NoSuchParty(shown(&member)))?.held;
        if now != held {
            self.emit_call(desk, id, ConferenceHeld { member, held });
        }
        DONE
    }

    /// Makes another agent the chair.
    pub(super) fn hand_chair(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, to: WorkNumber) -> Outcome {
        let (id, conference) = self.chaired_by(agent)?;
        if to == agent {
            return Err(AgentRefusal::IsChair("hand over to itself").into());
        }
        let (members, until) = (conference.size, conference.until);
        let there = self.member(id, &Reach::Agent(to)).filter(|member| member.leg.is_some());
        there.ok_or_else(|| AgentRefusal::NoSuchParty(shown(&Reach::Agent(to))))?;
        self.emit_call(desk, id, ConferenceChanged { chair: to, members, until });
        DONE
    }

    /// Lets it last longer.
    pub(super) fn prolong(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, by: u32) -> Outcome {
        let (id, conference) = self.chaired_by(agent)?;
        let (members, until) = (conference.size, conference.until + minutes(by));
        let most = minutes(*limits::CONFERENCE_MINUTES.end());
        if !limits::CONFERENCE_MINUTES.contains(&by) || until.since(conference.since) > most {
            return Err(invalid("minutes", by, "1 to 1440, in all no more than 1440").into());
        }
        self.emit_call(desk, id, ConferenceChanged { chair: agent, members, until });
        self.watch_conference(desk, id);
        DONE
    }

    /// Changes how many may take part.
    pub(super) fn resize(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, by: i32) -> Outcome {
        let (id, conference) = self.chaired_by(agent)?;
        let (now, until) = (conference.members.len(), conference.until);
        let size = i64::from(conference.size) + i64::from(by);
        let members = u16::try_from(size).ok().filter(|size| (now.max(2)..=limits::PARTIES).contains(&usize::from(*size)));
        let members = members.ok_or_else(|| invalid("members", size, "2 to 32, and room for all who are in it"))?;
        self.emit_call(desk, id, ConferenceChanged { chair: agent, members, until });
        DONE
    }

    /// Plays a prompt to all in it or to one, or stops it. Who hears it hears nothing else meanwhile.
    pub(super) fn play_to_conference(
        &mut self,
        desk: &mut Desk<'_>,
        agent: WorkNumber,
        member: Option<Reach>,
        prompt: SmolStr,
        stop: bool,
    ) -> Outcome {
        let (id, conference) = self.chaired_by(agent)?;
        if stop {
            let member = conference.playing.as_ref().ok_or(AgentRefusal::WrongPlayState("stop"))?.0.clone();
            self.emit_call(desk, id, ConferencePlaying { member, prompt: None });
            return DONE;
        }
        check_prompt(&prompt)?;
        if conference.playing.is_some() {
            return Err(AgentRefusal::WrongPlayState("start").into());
        }
        if let Some(one) = &member {
            let there = self.member(id, one).is_some_and(|member| member.leg.is_some());
            there.then_some(()).ok_or_else(|| AgentRefusal::NoSuchParty(shown(one)))?;
        }
        self.emit_call(desk, id, ConferencePlaying { member, prompt: Some(prompt) });
        DONE
    }

    /// What a conference hears is at its end, or could not be played: all heard it from the same moment, so that the first
    /// who is through speaks for all.
    pub(super) fn conference_prompt_over(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId, _failed: Option<SmolStr>) {
        let Some(conference) = self.call(call).and_then(|call| call.conference.as_ref()) else { return };
        let Some((to, _)) = &conference.playing else { return };
        let Some(member) = conference.members.iter().find(|member| member.leg == Some(leg)) else { return };
        if to.as_ref().is_none_or(|to| *to == member.who) {
            let member = to.clone();
            self.emit_call(desk, call, ConferencePlaying { member, prompt: None });
        }
    }
}
