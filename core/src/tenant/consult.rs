//! Asking a colleague while the customer waits; joining and connecting calls.

use smol_str::SmolStr;

use super::{Desk, Outcome, Tenant, not_built};
use crate::agent::{PartEnd, Reach, WorkNumber};
use crate::id::CallId;

impl Tenant {
    /// Asks a colleague while the customer waits.
    pub(super) fn consult(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _to: Reach, _three_party: bool, _data: SmolStr) -> Outcome {
        not_built("consult")
    }

    /// Joins a held call with the talking one.
    pub(super) fn join_calls(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _call: CallId, _data: Option<SmolStr>) -> Outcome {
        not_built("join_calls")
    }

    /// Connects the held call's party with the talking one's and leaves both.
    pub(super) fn connect_calls(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _call: CallId) -> Outcome {
        not_built("connect_calls")
    }

    /// A colleague that was asked has taken the call.
    pub(super) fn helper_joined(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber) {}

    /// A colleague that was asked does not come.
    pub(super) fn helper_failed(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber, _end: PartEnd) {}
}
