//! After a leg has gone: what becomes of the rest of its call.
//!
//! Handlers end the legs they mean to end; everything that follows from it is decided here from the state alone, so no
//! order of hanging up, refusing and transferring can leave a leg that waits for nobody.

use super::{Desk, Tenant};
use crate::cause::{Cause, Party};
use crate::event::{CallEnded, LegsBridged, LegsParted, Purpose};
use crate::id::{CallId, LegId};

impl Tenant {
    /// After a leg has gone: puts the rest of its call in order. Every leg that stays has a reason to; a call without
    /// legs ends. `why` is passed on to whom the going concerns.
    pub(super) fn settle(&mut self, desk: &mut Desk<'_>, id: CallId, why: &Cause) {
        self.settle_seats(desk, id);
        self.settle_bridge(desk, id);
        self.settle_transfer(desk, id, why);
        self.settle_attempt(desk, id);
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
            Purpose::Transfer => call.transfer.as_ref().is_some_and(|transfer| self.is_live_in(transfer.transferee, id)),
            Purpose::Party => !self.up_legs(call).is_empty(),
            Purpose::Agent | Purpose::Member => false,
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
            || call.bridge.contains(&id)
            || self.is_seated(id, call_id, call)
            || call.service.as_ref().is_some_and(|service| service.leg == id)
            || call.transfer.as_ref().is_some_and(|transfer| transfer.by == id || transfer.transferee == id)
    }

    fn end_if_empty(&mut self, desk: &mut Desk<'_>, id: CallId, why: &Cause) {
        let Some(call) = self.call(id).filter(|call| call.legs.is_empty()) else { return };
        let cause = call.cause.clone().unwrap_or_else(|| why.clone());
        let answered = call.answered;
        self.emit_call(desk, id, CallEnded { cause, answered });
    }
}
