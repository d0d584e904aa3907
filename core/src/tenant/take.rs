//! Taking a call that rings at a colleague, or one that waits.

use super::{Desk, Outcome, Tenant, not_built};
use crate::agent::WorkNumber;
use crate::id::CallId;

impl Tenant {
    /// Takes a call that rings at a colleague.
    pub(super) fn pick_up(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _from: WorkNumber) -> Outcome {
        not_built("pick_up")
    }

    /// Takes a waiting call out of its queue.
    pub(super) fn take_waiting(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _call: CallId) -> Outcome {
        not_built("take_waiting")
    }
}
