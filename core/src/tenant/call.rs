//! A call's life: it arrives or is originated, rings, is answered, ends.

use smol_str::SmolStr;

use super::routing::{Dialler, Errand};
use super::state::{Attempt, Leg, Phase};
use super::{DONE, Desk, Outcome, Tenant, limits};
use crate::agent::PartEnd;
use crate::call::{DialogRecord, Endpoint, MediaRecord, MediaStats};
use crate::cause::{Cause, Party};
use crate::command::{Accepted, Rejection};
use crate::config::Destination;
use crate::effect::{Effect, TimerKey};
use crate::event::{self as fact, CallKind, Purpose};
use crate::id::{CallId, LegId, Number, UserName};
use crate::queue::Leaving;

/// An INVITE that begins a dialog.
pub(super) struct Offer {
    pub(super) leg: LegId,
    pub(super) from: Endpoint,
    pub(super) caller: SmolStr,
    pub(super) caller_name: Option<SmolStr>,
    pub(super) called: SmolStr,
    pub(super) dialog: DialogRecord,
}

impl Offer {
    pub(super) fn arrived(self) -> fact::CallArrived {
        let Offer { leg, from, caller, caller_name, called, dialog } = self;
        fact::CallArrived { leg, from, caller, caller_name, called, dialog }
    }
}

impl Tenant {
    // ---- arrival --------------------------------------------------------------------------------------------------

    pub(super) fn arrive(&mut self, desk: &mut Desk<'_>, offer: Offer) -> Outcome {
        let (id, leg) = (self.admit(desk, &offer)?, offer.leg);
        let dialler = Dialler { endpoint: &offer.from, flow: Some(offer.dialog.flow) };
        let verdict = self.check_room(&offer.from).and_then(|()| self.plan(desk.now, &offer.called, &dialler));
        self.emit_call(desk, id, offer.arrived());
        match verdict {
            Ok(plan) => self.pursue(desk, id, leg, plan),
            Err(cause) => self.release(desk, leg, cause),
        }
        Ok(Accepted { call: Some(id) })
    }

    /// Turns away without an event what can't be remembered.
    pub(super) fn admit(&self, desk: &mut Desk<'_>, offer: &Offer) -> Result<CallId, Rejection> {
        if self.leg(offer.leg).is_some() {
            return Err(Rejection::AlreadyExists { what: "leg", name: offer.leg.to_string() });
        }
        let most = self.max_calls().saturating_add(limits::REFUSED_CALLS);
        if self.state.calls.len() >= most {
            return Err(Rejection::LimitReached { what: "calls and refused calls", limit: most as u64 });
        }
        Ok(desk.ids.call())
    }

    fn max_calls(&self) -> usize {
        self.settings().map_or(0, |settings| settings.max_calls as usize)
    }

    fn check_room(&self, from: &Endpoint) -> Result<(), Cause> {
        let refuse = |sip, q850, text| Err(Cause { sip, q850, by: Party::System, text: Some(SmolStr::new_static(text)) });
        let known = match from {
            Endpoint::Phone(user) => self.phone(user).is_some(),
            Endpoint::Trunk(name) => self.trunk(name).is_some(),
        };
        if !known {
            return refuse(403, 21, "unknown caller");
        }
        if self.live_calls() as usize >= self.max_calls() {
            return refuse(503, 42, "too many calls");
        }
        match from {
            Endpoint::Trunk(name) if self.state.trunks.get(name).is_some_and(|entry| !self.trunk_has_room(entry)) => {
                refuse(503, 34, "too many calls on this trunk")
            }
            _ => Ok(()),
        }
    }

    pub(super) fn originate(&mut self, desk: &mut Desk<'_>, from: UserName, to: SmolStr) -> Outcome {
        if self.phone(&from).is_none() {
            return Err(Rejection::NotFound { what: "phone", name: from.to_string() });
        }
        if Number::new(&to).is_err() {
            return Err(Rejection::Invalid {
                field: "to",
                value: to.to_string(),
                rule: "1 to 64 characters of A-Z, a-z, 0-9 and `+*#-_.`",
            });
        }
        if self.live_calls() as usize >= self.max_calls() {
            return Err(Rejection::LimitReached { what: "calls", limit: self.max_calls() as u64 });
        }
        let endpoint = Endpoint::Phone(from.clone());
        let targets = self
            .contacts_to_call(desk.now, &from, &Dialler { endpoint: &endpoint, flow: None })
            .map_err(|_| Rejection::WrongState { action: "originate", state: format!("phone `{from}` is not registered") })?;
        let id = desk.ids.call();
        self.emit_call(
            desk,
            id,
            fact::CallOriginated { from: endpoint, called: to, kind: CallKind::Ordinary, agent: None, caller: None, reach: None },
        );
        let called = SmolStr::new(from.as_str());
        for target in targets {
            self.dial(desk, Errand { call: id, purpose: Purpose::Originate, behalf: None }, &called, target);
        }
        Ok(Accepted { call: Some(id) })
    }

    // ---- ringing --------------------------------------------------------------------------------------------------

    pub(super) fn progress(&mut self, desk: &mut Desk<'_>, id: LegId, status: u16, early_media: bool) -> Outcome {
        let leg = self.leg(id).ok_or(Rejection::NoSuchLeg(id))?;
        if leg.is_caller() {
            return Err(Rejection::WrongState { action: "ring", state: format!("leg {id} is a caller's") });
        }
        // A 18x may overtake nothing but can be overtaken by an answer; a repeated one says nothing new.
        let news = leg.phase == Phase::Calling || (early_media && !leg.early_media);
        if !leg.is_live() || leg.phase == Phase::Up || !news {
            return DONE;
        }
        let (call, agent) = (leg.call, leg.agent.filter(|_| leg.phase == Phase::Calling));
        self.emit_call(desk, call, fact::LegRinging { leg: id, status, early_media });
        match agent {
            Some(agent) => self.device_rings(desk, call, agent),
            None => self.tell_caller(desk, call, id, early_media),
        }
        DONE
    }

    /// The caller is told once that it rings. Early audio reaches it only when there is one source: of several phones
    /// that ring, none is the right one.
    fn tell_caller(&mut self, desk: &mut Desk<'_>, call_id: CallId, ringing: LegId, early_media: bool) {
        let Some(call) = self.call(call_id) else { return };
        let Some(Attempt { purpose: Purpose::Call, behalf: Some(caller_id), .. }) = call.attempt else { return };
        let Some(caller) = self.leg(caller_id).filter(|leg| leg.is_live() && leg.phase != Phase::Up) else { return };
        let alone = self.coming(call).count() == 1;
        if early_media && alone && !caller.early_media {
            self.emit_call(desk, call_id, fact::LegRinging { leg: caller_id, status: 183, early_media: true });
            desk.order(Effect::EarlyMedia { leg: caller_id, with: ringing });
        } else if caller.phase == Phase::Calling {
            self.emit_call(desk, call_id, fact::LegRinging { leg: caller_id, status: 180, early_media: false });
            desk.order(Effect::Ring { leg: caller_id });
        }
    }

    pub(super) fn no_answer(&mut self, desk: &mut Desk<'_>, id: LegId) -> Outcome {
        if let Some(leg) = self.leg(id).filter(|leg| leg.is_live() && !leg.is_caller() && leg.phase != Phase::Up) {
            let (call, agent) = (leg.call, leg.agent);
            let cause = Cause { sip: 480, q850: 19, by: Party::System, text: Some("no answer".into()) };
            match agent {
                Some(agent) if self.call(call).is_some_and(|call| call.part(agent).is_some()) => {
                    self.part_failed(desk, call, agent, PartEnd::NoAnswer);
                }
                _ => self.release_and_settle(desk, call, id, cause),
            }
        }
        DONE
    }

    // ---- answer ---------------------------------------------------------------------------------------------------

    pub(super) fn answer(&mut self, desk: &mut Desk<'_>, id: LegId, dialog: DialogRecord, media: MediaRecord) -> Outcome {
        let leg = self.leg(id).ok_or(Rejection::NoSuchLeg(id))?;
        if let Some(cause) = &leg.releasing {
            // The 200 crossed our CANCEL (RFC 3261 §9.1): it is ended all the same.
            desk.order(Effect::Release { leg: id, cause: cause.clone() });
            return DONE;
        }
        if leg.is_caller() || leg.phase == Phase::Up {
            return Err(Rejection::WrongState { action: "answer", state: format!("leg {id} is a caller's or up already") });
        }
        let (call, agent, purpose) = (leg.call, leg.agent, leg.purpose);
        let attempt = self.call(call).and_then(|call| call.attempt.clone()).filter(|attempt| attempt.legs.contains(&id));
        self.emit_call(desk, call, fact::LegAnswered { leg: id, dialog: Some(dialog), media: Some(media) });
        desk.cancel_timer(TimerKey::NoAnswer(id));
        match (agent, attempt) {
            (Some(agent), _) => self.device_up(desk, call, id, agent),
            (None, Some(attempt)) => self.conclude(desk, call, id, &attempt),
            (None, None) if purpose == Some(Purpose::Member) => self.member_answered(desk, call, id),
            (None, None) => self.release(desk, id, Cause::normal(Party::System)),
        }
        self.settle(desk, call, &Cause::normal(Party::System));
        DONE
    }

    /// Somebody has answered: ends whoever else rings, and does what the call was for.
    pub(super) fn conclude(&mut self, desk: &mut Desk<'_>, call: CallId, winner: LegId, attempt: &Attempt) {
        for loser in attempt.legs.iter().copied().filter(|leg| *leg != winner) {
            let elsewhere = Cause { sip: 487, q850: 26, by: Party::System, text: Some("answered elsewhere".into()) };
            self.release(desk, loser, elsewhere);
        }
        match (attempt.purpose, attempt.behalf) {
            (Purpose::Call, Some(caller)) => match self.leg(caller).and_then(|leg| leg.agent) {
                Some(agent) => self.out_answered(desk, call, agent, winner),
                None => self.connect(desk, call, caller, winner),
            },
            (Purpose::Originate, _) => self.call_on_behalf(desk, call, winner),
            (Purpose::Transfer, _) if self.call(call).is_some_and(|call| call.handover.is_some()) => {
                self.handover_reached(desk, call, winner)
            }
            (Purpose::Transfer, _) => self.complete_transfer(desk, call, Some(winner)),
            (Purpose::Party, _) => {
                self.join_party(desk, call, winner);
                self.third_reached(desk, call);
            }
            (Purpose::Call, None) | (Purpose::Agent | Purpose::Member, _) => self.release(desk, winner, Cause::normal(Party::System)),
        }
    }

    fn connect(&mut self, desk: &mut Desk<'_>, call: CallId, caller: LegId, winner: LegId) {
        if let Some(transferring) = self.call(call).and_then(|call| call.consulted_by) {
            self.complete_consultation(desk, transferring, call, caller, winner);
            return;
        }
        let Some(leg) = self.leg(caller).filter(|leg| leg.is_live() && leg.call == call) else {
            self.release(desk, winner, Cause::normal(Party::Peer));
            return;
        };
        if leg.phase != Phase::Up {
            self.answer_caller(desk, call, caller, Some(winner));
        }
        // An originated call may have been merged into a conference while it rang.
        let mut legs = self.call(call).map(|call| call.bridge.clone()).filter(|bridge| bridge.contains(&caller)).unwrap_or(vec![caller]);
        legs.push(winner);
        self.emit_call(desk, call, fact::LegsBridged { legs });
    }

    /// The originating phone has answered: now its wish.
    fn call_on_behalf(&mut self, desk: &mut Desk<'_>, id: CallId, caller: LegId) {
        let Some(call) = self.call(id) else { return };
        let plan = self.plan(desk.now, &call.called, &Dialler { endpoint: &call.from, flow: None });
        match plan {
            Ok(plan) => self.pursue(desk, id, caller, plan),
            Err(cause) => self.release(desk, caller, cause),
        }
    }

    pub(super) fn answer_caller(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId, with: Option<LegId>) {
        self.emit_call(desk, call, fact::LegAnswered { leg, dialog: None, media: None });
        desk.order(Effect::Answer { leg, with });
    }

    // ---- while it is up -------------------------------------------------------------------------------------------

    pub(super) fn media_changed(&mut self, desk: &mut Desk<'_>, id: LegId, dialog: Option<DialogRecord>, media: MediaRecord) -> Outcome {
        let leg = self.leg(id).ok_or(Rejection::NoSuchLeg(id))?;
        if leg.is_live() {
            let call = leg.call;
            self.emit_call(desk, call, fact::LegMedia { leg: id, dialog, media });
        }
        DONE
    }

    pub(super) fn digit(&mut self, desk: &mut Desk<'_>, id: LegId, digit: char, duration_ms: u32) -> Outcome {
        let leg = self.leg(id).ok_or(Rejection::NoSuchLeg(id))?;
        if !matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D') {
            return Err(Rejection::Invalid { field: "digit", value: digit.to_string(), rule: "0-9, `*`, `#` or A-D" });
        }
        if leg.is_live() {
            let call = leg.call;
            self.emit_call(desk, call, fact::LegDigit { leg: id, digit, duration_ms });
            self.digit_collected(desk, call, id, digit);
        }
        DONE
    }

    /// What a leg was played is at its end, or could not be played. One thing plays at a time; the order here is that of
    /// `hearing`.
    pub(super) fn prompt_over(&mut self, desk: &mut Desk<'_>, id: LegId, failed: Option<SmolStr>) -> Outcome {
        let leg = self.leg(id).ok_or(Rejection::NoSuchLeg(id))?;
        let (call_id, up) = (leg.call, leg.is_up());
        let Some(call) = self.call(call_id).filter(|_| up) else { return DONE };
        if call.announcing.as_ref().is_some_and(|announcing| announcing.leg == id) {
            self.announced(desk, call_id, id, failed);
        } else if call.collecting.as_ref().is_some_and(|collecting| collecting.leg == id && collecting.playing) {
            self.collect_prompts_over(desk, call_id, id, failed);
        } else if call.voicemail.as_ref().is_some_and(|(leg, _)| *leg == id) {
            self.voicemail_prompt_over(desk, call_id, id, failed);
        } else if call.playback.is_some() {
            self.playback_over(desk, call_id, id, failed);
        } else if call.conference.as_ref().is_some_and(|conference| conference.playing.is_some()) {
            self.conference_prompt_over(desk, call_id, id, failed);
        } else {
            self.service_prompt_over(desk, call_id, id);
        }
        DONE
    }

    /// After a prompt there is nothing more to hear.
    fn service_prompt_over(&mut self, desk: &mut Desk<'_>, call: CallId, id: LegId) {
        let service = self.call(call).and_then(|call| call.service.as_ref());
        let hears_it = service.is_some_and(|service| service.leg == id && matches!(service.destination, Destination::Prompt(_)));
        if hears_it && !self.back_from_service(desk, call) {
            self.release_and_settle(desk, call, id, Cause::normal(Party::System));
        }
    }

    // ---- the end --------------------------------------------------------------------------------------------------

    pub(super) fn end_leg(&mut self, desk: &mut Desk<'_>, id: LegId, cause: Cause, stats: Option<MediaStats>) -> Outcome {
        let leg = self.leg(id).ok_or(Rejection::NoSuchLeg(id))?.clone();
        // What we released ended for our reason, not for the 487 or 200 that confirms it.
        let cause = leg.releasing.clone().unwrap_or(cause);
        self.leg_over(desk, id, &leg, cause, stats);
        DONE
    }

    pub(super) fn release_guard(&mut self, desk: &mut Desk<'_>, id: LegId) -> Outcome {
        if let Some(leg) = self.leg(id).filter(|leg| !leg.is_live()).cloned() {
            let cause = Cause::sip(408, Party::System).because("release was not confirmed");
            self.leg_over(desk, id, &leg, cause, None);
        }
        DONE
    }

    fn leg_over(&mut self, desk: &mut Desk<'_>, id: LegId, leg: &Leg, cause: Cause, stats: Option<MediaStats>) {
        let call = leg.call;
        let called = self.call(call).and_then(|call| call.attempt.as_ref()).is_some_and(|attempt| attempt.legs.contains(&id));
        self.emit_call(desk, call, fact::LegEnded { leg: id, cause: cause.clone(), stats });
        if leg.releasing.is_some() {
            desk.cancel_timer(TimerKey::ReleaseGuard(id));
        } else if !leg.is_caller() && leg.phase != Phase::Up {
            desk.cancel_timer(TimerKey::NoAnswer(id));
        }
        let trunk_failed = called && leg.is_live() && matches!(leg.endpoint, Endpoint::Trunk(_)) && is_trunk_failure(&cause);
        if trunk_failed && self.dial_next_trunk(desk, call) {
            return;
        }
        if leg.is_live() && leg.phase != Phase::Up && is_trunk_failure(&cause) && self.dial_member_again(desk, call, leg) {
            return;
        }
        if leg.is_live() && leg.phase != Phase::Up && is_trunk_failure(&cause) && self.redial_device(desk, call, leg) {
            return;
        }
        if leg.is_live() {
            self.device_over(desk, call, leg, &cause);
        }
        let why = if called { self.best_cause(call).unwrap_or(cause) } else { cause };
        self.settle(desk, call, &why);
    }

    fn best_cause(&self, call: CallId) -> Option<Cause> {
        self.call(call)?.attempt.as_ref()?.best.clone()
    }

    pub(super) fn release_leg(&mut self, desk: &mut Desk<'_>, id: LegId) -> Outcome {
        let call = self.leg(id).ok_or(Rejection::NoSuchLeg(id))?.call;
        self.release_and_settle(desk, call, id, Cause::normal(Party::Operator));
        DONE
    }

    pub(super) fn release_call(&mut self, desk: &mut Desk<'_>, id: CallId) -> Outcome {
        if self.call(id).is_none() {
            return Err(Rejection::NoSuchCall(id));
        }
        self.release_all(desk, id, &Cause::normal(Party::Operator));
        DONE
    }

    pub(super) fn release_all(&mut self, desk: &mut Desk<'_>, id: CallId, cause: &Cause) {
        for leg in self.call(id).map(|call| call.legs.clone()).unwrap_or_default() {
            self.release(desk, leg, cause.clone());
        }
        self.settle(desk, id, cause);
    }

    pub(super) fn release_and_settle(&mut self, desk: &mut Desk<'_>, call: CallId, leg: LegId, cause: Cause) {
        let called = self.call(call).is_some_and(|call| self.coming(call).any(|coming| coming == leg));
        self.release(desk, leg, cause.clone());
        let why = if called { self.best_cause(call).unwrap_or(cause) } else { cause };
        self.settle(desk, call, &why);
    }

    /// Ends one leg; nothing if it is on its way out already. The consequences for others are for [`Tenant::settle`].
    pub(super) fn release(&mut self, desk: &mut Desk<'_>, id: LegId, cause: Cause) {
        let Some(leg) = self.leg(id).filter(|leg| leg.is_live()) else { return };
        let cause = fitting(cause, leg);
        let call = leg.call;
        if !leg.is_caller() && leg.phase != Phase::Up {
            desk.cancel_timer(TimerKey::NoAnswer(id));
        }
        self.emit_call(desk, call, fact::LegReleasing { leg: id, cause: cause.clone() });
        desk.order(Effect::Release { leg: id, cause });
        desk.set_timer(TimerKey::ReleaseGuard(id), desk.now + limits::RELEASE_GUARD);
    }

    /// Writes a call off without a word to the switch, which has forgotten it.
    pub(super) fn close_call(&mut self, desk: &mut Desk<'_>, id: CallId, cause: &Cause) {
        let Some(call) = self.call(id) else { return };
        let (answered, waiting) = (call.answered, call.waiting.clone());
        for part in call.parts.clone() {
            self.emit_call(desk, id, fact::AgentLeft { agent: part.agent, end: PartEnd::NodeRestarted });
            self.mode_after(desk, &part, id, &PartEnd::NodeRestarted);
        }
        if let Some(waiting) = waiting {
            let waited_ms = super::assign::millis(desk.now, waiting.since);
            self.emit_call(desk, id, fact::CallDequeued { queue: waiting.queue, leaving: Leaving::Ended, waited_ms });
        }
        for leg in self.call(id).map(|call| call.legs.clone()).unwrap_or_default() {
            self.emit_call(desk, id, fact::LegEnded { leg, cause: cause.clone(), stats: None });
        }
        self.emit_call(desk, id, fact::CallEnded { cause: cause.clone(), answered });
    }
}

/// The cause as it fits the state of the leg: an INVITE without an answer is refused or cancelled with a failure.
fn fitting(mut cause: Cause, leg: &Leg) -> Cause {
    if leg.phase == Phase::Up {
        return cause;
    }
    match (leg.is_caller(), cause.sip) {
        // A challenge of a trunk is not meant for our caller, and we don't redirect.
        (true, 401 | 407) => cause.sip = 403,
        (true, 400..=699) => {}
        (true, _) => cause.sip = if cause.by == Party::Operator { 603 } else { 480 },
        (false, 400..=699) => {}
        (false, _) => cause.sip = 487,
    }
    cause
}

/// Another trunk may do better: this one is silent or in trouble. A refusal of the called party is final.
fn is_trunk_failure(cause: &Cause) -> bool {
    matches!(cause.sip, 408 | 500..=599)
}
