//! After a leg has gone: what becomes of the rest of its call.
//!
//! Handlers end the legs they mean to end; everything that follows from it is decided here from the state alone, so no
//! order of hanging up, refusing and transferring can leave a leg that waits for nobody.

use super::contact::{Part, Stage};
use super::state::{Call, Leg};
use super::{Desk, Tenant};
use crate::agent::{PartEnd, PartRole, WorkNumber};
use crate::cause::{Cause, Party};
use crate::event::{CallEnded, CallKind, LegsBridged, LegsParted, Purpose};
use crate::id::{CallId, LegId};
use crate::queue::Leaving;

impl Tenant {
    /// After a leg has gone: puts the rest of its call in order. Every leg that stays has a reason to; a call without
    /// legs ends. `why` is passed on to whom the going concerns.
    pub(super) fn settle(&mut self, desk: &mut Desk<'_>, id: CallId, why: &Cause) {
        self.settle_seats(desk, id);
        self.settle_bridge(desk, id);
        self.settle_transfer(desk, id, why);
        self.settle_attempt(desk, id);
        self.settle_waiting(desk, id, why);
        self.settle_handover(desk, id, why);
        self.settle_callers(desk, id, why);
        self.settle_parts(desk, id, why);
        self.release_idle(desk, id, why);
        let consulted_by = self.call(id).and_then(|call| call.consulted_by);
        self.end_if_empty(desk, id, why);
        if let Some(transferring) = consulted_by {
            self.settle_transfer(desk, transferring, why);
            self.release_idle(desk, transferring, why);
        }
    }

    fn settle_bridge(&mut self, desk: &mut Desk<'_>, id: CallId) {
        let Some(call) = self.call(id).filter(|call| !call.bridge.is_empty()) else { return };
        let staying: Vec<LegId> = call.bridge.iter().copied().filter(|leg| self.is_live_in(*leg, id)).collect();
        if staying.len() == call.bridge.len() && staying.len() > 1 {
            return;
        }
        if staying.len() > 1 {
            self.emit_call(desk, id, LegsBridged { legs: staying });
        } else {
            let legs = call.bridge.clone();
            self.emit_call(desk, id, LegsParted { legs });
        }
    }

    /// Ends the attempt when the party it was for has gone.
    fn settle_attempt(&mut self, desk: &mut Desk<'_>, id: CallId) {
        if self.attempt_is_wanted(id) {
            return;
        }
        let coming: Vec<LegId> = self.call(id).map(|call| self.coming(call).collect()).unwrap_or_default();
        for leg in coming {
            self.release(desk, leg, Cause::sip(487, Party::Peer));
        }
    }

    /// Whether somebody still waits for the party that is being called.
    fn attempt_is_wanted(&self, id: CallId) -> bool {
        let Some(call) = self.call(id) else { return false };
        let Some(attempt) = &call.attempt else { return false };
        match attempt.purpose {
            Purpose::Originate => true,
            Purpose::Call => attempt.behalf.is_some_and(|behalf| self.is_live_in(behalf, id)),
            Purpose::Transfer if call.handover.is_some() => attempt.behalf.is_some_and(|behalf| self.is_live_in(behalf, id)),
            Purpose::Transfer => call.transfer.as_ref().is_some_and(|transfer| self.is_live_in(transfer.transferee, id)),
            Purpose::Party => !self.up_legs(call).is_empty(),
            Purpose::Agent | Purpose::Member => false,
        }
    }

    /// Who hung up waits no longer.
    fn settle_waiting(&mut self, desk: &mut Desk<'_>, id: CallId, why: &Cause) {
        let Some(waiting) = self.call(id).and_then(|call| call.waiting.as_ref()) else { return };
        if !self.is_live_in(waiting.leg, id) {
            let system = matches!(why.by, Party::System | Party::Operator);
            self.leave_queue(desk, id, if system { Leaving::Ended } else { Leaving::Abandoned });
        }
    }

    /// A part stands while the agent's phone is where it has to be, and while there is somebody to talk with.
    fn settle_parts(&mut self, desk: &mut Desk<'_>, id: CallId, why: &Cause) {
        while let Some((agent, end, taken)) = self.part_to_end(id, why) {
            let about = self.answered_consultation(id, agent).filter(|_| matches!(end, PartEnd::Released | PartEnd::Dropped));
            if let Some(about) = about {
                self.connect_and_leave(desk, agent, about, id);
            } else if taken {
                self.end_part(desk, id, agent, end);
            } else {
                self.part_failed(desk, id, agent, end);
            }
        }
    }

    /// The first part that can't stand, why, and whether the agent had taken the call.
    fn part_to_end(&self, id: CallId, why: &Cause) -> Option<(WorkNumber, PartEnd, bool)> {
        let call = self.call(id)?;
        call.parts.iter().find_map(|part| {
            let taken = part.stage >= Stage::Talking;
            let here = self.has_device_in(part.agent, id);
            let end = match part.stage {
                Stage::Reserved if !here => Some(phone_end(why)),
                Stage::Alerting if !here => Some(PartEnd::NoAnswer),
                Stage::Talking if !here => Some(if why.by == Party::Operator { PartEnd::Dropped } else { PartEnd::Released }),
                _ => None,
            };
            let end = end.or_else(|| (!self.has_company(id, call, part)).then_some(PartEnd::OtherGone))?;
            Some((part.agent, end, taken))
        })
    }

    /// Whether an agent's part has a reason: somebody is there, is being called, or waits.
    fn has_company(&self, id: CallId, call: &Call, part: &Part) -> bool {
        let seat = |role: &PartRole| matches!(role, PartRole::Supervisor(_) | PartRole::Listener);
        match part.role {
            // It follows its agent or ends, once it is sure where that one has gone (`follow_up`).
            PartRole::Supervisor(_) => true,
            PartRole::Member => call.conference.is_some(),
            PartRole::Listener => part.stage == Stage::Reserved || call.playback.is_some(),
            PartRole::Caller if part.stage < Stage::Talking => true,
            PartRole::Handler | PartRole::Caller | PartRole::Helper => {
                let waits = call.waiting.as_ref().is_some_and(|waiting| self.is_live_in(waiting.leg, id));
                // Who has not taken the call is no company for another who has not.
                let counts = |other: &Part| !part.is_coming() || !other.is_coming() || other.role == PartRole::Caller;
                let others = call.parts.iter().any(|other| other.agent != part.agent && !seat(&other.role) && counts(other));
                others || waits || call.service.is_some() || self.is_calling(call) || self.customers(call).next().is_some()
            }
        }
    }

    fn release_idle(&mut self, desk: &mut Desk<'_>, id: CallId, why: &Cause) {
        let Some(call) = self.call(id) else { return };
        let idle: Vec<LegId> = call.legs.iter().copied().filter(|leg| !self.has_reason_to_stay(*leg, id)).collect();
        for leg in idle {
            self.release(desk, leg, why.clone().by(Party::Peer));
        }
    }

    fn has_reason_to_stay(&self, id: LegId, call_id: CallId) -> bool {
        let (Some(leg), Some(call)) = (self.leg(id), self.call(call_id)) else { return false };
        let in_attempt = call.attempt.as_ref().is_some_and(|attempt| {
            attempt.legs.contains(&id)
                || (self.is_calling(call) && (attempt.behalf == Some(id) || (attempt.purpose == Purpose::Party && leg.is_up())))
        });
        in_attempt
            || self.is_wanted(id, leg, call)
            || call.bridge.contains(&id)
            || self.is_seated(id, call_id, call)
            || call.service.as_ref().is_some_and(|service| service.leg == id)
            || call.transfer.as_ref().is_some_and(|transfer| transfer.by == id || transfer.transferee == id)
    }

    /// Whether agents or queues have a use for a leg.
    fn is_wanted(&self, id: LegId, leg: &Leg, call: &Call) -> bool {
        if let Some(agent) = leg.agent {
            return call.part(agent).is_some() || (call.kind == CallKind::Line && self.session(agent).is_some());
        }
        let serves = |part: &Part| !matches!(part.role, PartRole::Supervisor(_) | PartRole::Listener);
        call.waiting.as_ref().is_some_and(|waiting| waiting.leg == id)
            || call.announcing.as_ref().is_some_and(|told| told.leg == id)
            || call.collecting.as_ref().is_some_and(|asked| asked.leg == id)
            || call.voicemail.as_ref().is_some_and(|(speaker, _)| *speaker == id)
            || call.parts.iter().any(serves)
    }

    fn end_if_empty(&mut self, desk: &mut Desk<'_>, id: CallId, why: &Cause) {
        let Some(call) = self.call(id).filter(|call| call.legs.is_empty() && call.parts.is_empty()) else { return };
        let cause = call.cause.clone().unwrap_or_else(|| why.clone());
        let answered = call.answered;
        self.emit_call(desk, id, CallEnded { cause, answered });
    }
}

/// What a phone that could not be brought in means for the part.
fn phone_end(why: &Cause) -> PartEnd {
    match (why.sip, why.q850) {
        (408, _) | (480, 19) => PartEnd::NoAnswer,
        (486 | 600 | 603, _) => PartEnd::Rejected,
        _ => PartEnd::PhoneFailed,
    }
}
