//! An agent calls out, or calls a colleague.

use smol_str::SmolStr;

use super::{Desk, Outcome, Tenant, not_built};
use crate::agent::{PartEnd, Reach, WorkNumber};
use crate::id::{CallId, Number};
use crate::queue::QueueId;

/// What an agent wants to call.
pub(super) struct OutCall {
    pub(super) to: SmolStr,
    pub(super) caller: Option<Number>,
    pub(super) queue: Option<QueueId>,
    pub(super) data: SmolStr,
}

impl Tenant {
    /// Calls a number.
    pub(super) fn call_out(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _wish: OutCall) -> Outcome {
        not_built("call_out")
    }

    /// Calls a colleague or whoever is free in a queue.
    pub(super) fn call_inside(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _to: Reach, _data: SmolStr) -> Outcome {
        not_built("call_inside")
    }

    /// The phone of an agent that began this call is up.
    pub(super) fn caller_up(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber) {}

    /// The phone of an agent that began this call could not be brought in.
    pub(super) fn call_out_failed(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber, _end: PartEnd) {}

    /// Somebody took an inside call.
    pub(super) fn inside_answered(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber) {}
}
