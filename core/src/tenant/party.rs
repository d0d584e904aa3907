//! Three and more parties: calling a further one in, and merging two calls.

use smol_str::SmolStr;

use super::routing::{Dialler, Errand};
use super::{DONE, Desk, Outcome, Tenant, limits};
use crate::call::Endpoint;
use crate::cause::{Cause, Party};
use crate::command::Rejection;
use crate::event::{CallKind, LegMoved, LegsBridged, LegsParted, Purpose};
use crate::id::{CallId, LegId};

impl Tenant {
    /// Dials on behalf of the first phone that takes part, for a phone may use trunks; else of whoever is up first.
    pub(super) fn add_party(&mut self, desk: &mut Desk<'_>, id: CallId, number: SmolStr) -> Outcome {
        let wrong = |state: String| Rejection::WrongState { action: "add a party", state };
        let call = self.call(id).ok_or(Rejection::NoSuchCall(id))?;
        if self.is_calling(call) || call.transfer.is_some() {
            return Err(wrong(format!("somebody is being called in call {id} already")));
        }
        if matches!(call.kind, CallKind::Line | CallKind::Playback | CallKind::Conference) {
            return Err(wrong(format!("call {id} is no conversation of customers")));
        }
        let up = self.up_legs(call);
        room(up.len() + 1)?;
        let phone = up.iter().copied().find(|leg| self.leg(*leg).is_some_and(|leg| matches!(leg.endpoint, Endpoint::Phone(_))));
        let behalf = phone.or(up.first().copied()).ok_or_else(|| wrong(format!("nobody is up in call {id}")))?;
        let endpoint = &self.leg(behalf).ok_or(Rejection::NoSuchLeg(behalf))?.endpoint;
        let plan = self
            .plan(desk.now, &number, &Dialler { endpoint, flow: None })
            .map_err(|cause| wrong(format!("`{number}` can't be called: {}", cause.text.as_deref().unwrap_or("no route"))))?;
        if plan.is_service() || plan.inside().is_some() {
            return Err(Rejection::Invalid { field: "number", value: number.to_string(), rule: "a phone or a number of the network" });
        }
        self.follow(desk, Errand { call: id, purpose: Purpose::Party, behalf: Some(behalf) }, plan);
        DONE
    }

    /// The further party has answered.
    pub(super) fn join_party(&mut self, desk: &mut Desk<'_>, id: CallId, winner: LegId) {
        let Some(call) = self.call(id) else { return };
        if !call.parts.is_empty() {
            // Agents may have put the call aside: who talks is theirs to say.
            self.rebridge(desk, id);
            return;
        }
        let mut legs = if call.bridge.is_empty() { self.up_legs(call) } else { call.bridge.clone() };
        legs.retain(|leg| *leg != winner && self.is_live_in(*leg, id));
        legs.push(winner);
        if legs.len() > 1 {
            self.emit_call(desk, id, LegsBridged { legs });
        } else {
            self.release(desk, winner, Cause::normal(Party::Peer));
        }
    }

    pub(super) fn merge(&mut self, desk: &mut Desk<'_>, id: CallId, other: CallId) -> Outcome {
        let wrong = |state: String| Rejection::WrongState { action: "merge", state };
        if id == other {
            return Err(wrong(format!("call {id} with itself")));
        }
        let staying = self.mergeable(id)?;
        let moving = self.mergeable(other)?;
        // A party that is being called may come on top.
        let coming = self.call(id).is_some_and(|call| self.is_calling(call));
        room(staying.len() + moving.len() + usize::from(coming))?;
        let parted = self.call(other).map(|call| call.bridge.clone()).unwrap_or_default();
        if !parted.is_empty() {
            self.emit_call(desk, other, LegsParted { legs: parted });
        }
        for leg in &moving {
            self.emit_call(desk, id, LegMoved { leg: *leg, from: other });
        }
        let legs = staying.into_iter().chain(moving).collect();
        self.emit_call(desk, id, LegsBridged { legs });
        self.settle(desk, other, &Cause::normal(Party::Operator).because("merged"));
        DONE
    }

    /// The legs of a call that can be joined with others.
    fn mergeable(&self, id: CallId) -> Result<Vec<LegId>, Rejection> {
        let call = self.call(id).ok_or(Rejection::NoSuchCall(id))?;
        let up = self.up_legs(call);
        // Agents join calls by wishes of their own.
        if !call.parts.is_empty() || call.waiting.is_some() || call.kind != CallKind::Ordinary {
            return Err(Rejection::WrongState { action: "merge", state: format!("agents take part in call {id}, or it waits for one") });
        }
        if up.is_empty() || call.transfer.is_some() || call.consulted_by.is_some() {
            return Err(Rejection::WrongState { action: "merge", state: format!("nobody is up in call {id}, or a transfer is under way") });
        }
        Ok(up)
    }
}

pub(super) fn room(parties: usize) -> Result<(), Rejection> {
    if parties <= limits::PARTIES {
        return Ok(());
    }
    Err(Rejection::LimitReached { what: "parties in a call", limit: limits::PARTIES as u64 })
}
