//! Handing a call over.

use smol_str::SmolStr;

use super::{Desk, Outcome, Tenant, not_built};
use crate::agent::{HandoverMode, PartEnd, Reach, WorkNumber};
use crate::id::{CallId, Number};

/// To whom and how a call is handed over.
pub(super) struct HandOverWish {
    pub(super) to: Reach,
    pub(super) mode: HandoverMode,
    pub(super) caller: Option<Number>,
    pub(super) data: Option<SmolStr>,
}

impl Tenant {
    /// Hands the talking call over.
    pub(super) fn hand_over(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _wish: HandOverWish) -> Outcome {
        not_built("hand_over")
    }

    /// Takes back a handover or a consultation that still rings.
    pub(super) fn cancel_hand_over(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber) -> Outcome {
        not_built("cancel_hand_over")
    }

    /// The target of a handover has taken the call.
    pub(super) fn handover_answered(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber) {}

    /// The agent that was to take a handed-over call does not.
    pub(super) fn handover_failed(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber, _end: PartEnd) {}
}
