//! An INVITE that takes another leg's place (Replaces, RFC 3891): attended transfer done by the phones, call pickup.

use smol_str::SmolStr;

use super::call::Offer;
use super::state::Phase;
use super::{Desk, Outcome, Tenant};
use crate::call::Endpoint;
use crate::cause::{Cause, Party};
use crate::command::Accepted;
use crate::event::{CallRouted, LegMoved, LegsBridged, Purpose, Route};
use crate::id::{CallId, LegId};

/// What the new leg steps into.
enum Place {
    /// The replaced leg's place in a bridge.
    Bridge(CallId),
    /// The answer to a call that rings at the replaced leg.
    Answer(CallId),
}

fn refuse<T>(sip: u16, text: &'static str) -> Result<T, Cause> {
    Err(Cause::sip(sip, Party::System).because(text))
}

impl Tenant {
    pub(super) fn arrive_replacing(&mut self, desk: &mut Desk<'_>, offer: Offer, replaced: LegId) -> Outcome {
        let (id, leg, called) = (self.admit(desk, &offer)?, offer.leg, offer.called.clone());
        let place = self.place_of(replaced, &offer.from);
        self.emit_call(desk, id, offer.arrived());
        match place {
            Err(cause) => self.release(desk, leg, cause),
            Ok(place) => self.step_in(desk, id, leg, called, replaced, place),
        }
        Ok(Accepted { call: Some(id) })
    }

    /// RFC 3891 §3: 603 for a dialog that is over, 481 for one that can't be replaced. Any phone of the tenant may; a
    /// trunk only its own legs, and others it is not even told of.
    fn place_of(&self, id: LegId, from: &Endpoint) -> Result<Place, Cause> {
        let Some(leg) = self.leg(id) else { return refuse(481, "no such dialog") };
        let allowed = match from {
            Endpoint::Phone(user) => self.phone(user).is_some(),
            Endpoint::Trunk(_) => *from == leg.endpoint,
        };
        let Some(call) = self.call(leg.call).filter(|_| allowed) else { return refuse(481, "no such dialog") };
        if !leg.is_live() {
            return refuse(603, "the dialog is over");
        }
        if leg.phase == Phase::Up {
            return if call.bridge.contains(&id) { Ok(Place::Bridge(leg.call)) } else { refuse(481, "it talks with nobody") };
        }
        // An early dialog can be replaced only where we are the caller in it.
        match call.attempt.as_ref().filter(|attempt| attempt.legs.contains(&id)).map(|attempt| attempt.purpose) {
            Some(Purpose::Call | Purpose::Transfer | Purpose::Party) => Ok(Place::Answer(leg.call)),
            _ => refuse(481, "an early dialog"),
        }
    }

    fn step_in(&mut self, desk: &mut Desk<'_>, from: CallId, leg: LegId, called: SmolStr, replaced: LegId, place: Place) {
        let (Place::Bridge(id) | Place::Answer(id)) = place;
        let Some(call) = self.call(id) else { return };
        let (bridge, attempt) = (call.bridge.clone(), call.attempt.clone());
        let peer = match place {
            Place::Bridge(_) => bridge.iter().copied().find(|other| *other != replaced),
            Place::Answer(_) => attempt.as_ref().and_then(|attempt| attempt.behalf),
        };
        self.emit_call(desk, from, CallRouted { called, route: Route::Replaces(replaced) });
        self.answer_caller(desk, from, leg, peer);
        self.emit_call(desk, id, LegMoved { leg, from });
        match (place, attempt) {
            (Place::Answer(_), Some(attempt)) => self.conclude(desk, id, leg, &attempt),
            _ => {
                self.release(desk, replaced, Cause::normal(Party::System).because("replaced"));
                let legs = bridge.into_iter().map(|other| if other == replaced { leg } else { other }).collect();
                self.emit_call(desk, id, LegsBridged { legs });
            }
        }
        self.settle(desk, from, &Cause::normal(Party::System));
        self.settle(desk, id, &Cause::normal(Party::System));
    }
}
