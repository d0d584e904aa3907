//! An agent's part in a call: offered, taken, refused, over.

use super::{Desk, Outcome, Tenant, not_built};
use crate::agent::{PartEnd, WorkNumber};
use crate::id::CallId;

impl Tenant {
    pub(super) fn answer_wish(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _call: Option<CallId>) -> Outcome {
        not_built("answer")
    }

    pub(super) fn reject_wish(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _call: Option<CallId>, _requeue: bool) -> Outcome {
        not_built("reject")
    }

    /// An offer was not answered in time.
    pub(super) fn offer_due(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber) {}

    /// The agent's phone is up in a call where it has a part.
    pub(super) fn agent_up(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber) {}

    /// The agent talks in this call from now on.
    pub(super) fn agent_takes(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber, _auto: bool) {}

    /// The agent's part is over: its phone goes elsewhere or is released, its mode follows, the rest of the call is settled.
    pub(super) fn end_part(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber, _end: PartEnd) {}

    /// A part came to nothing before the agent took the call.
    pub(super) fn part_failed(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber, _end: PartEnd) {}

    /// Puts exactly those in the bridge who talk: up customer legs, and the phones of agents whose part is at `Talking`.
    pub(super) fn rebridge(&mut self, _desk: &mut Desk<'_>, _call: CallId) {}
}
