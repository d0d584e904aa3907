//! Data attached to calls.

use smol_str::SmolStr;

use super::{Desk, Outcome, Tenant, not_built};
use crate::agent::WorkNumber;
use crate::id::CallId;

impl Tenant {
    /// Attaches data to a call.
    pub(super) fn set_data(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _call: Option<CallId>, _data: SmolStr) -> Outcome {
        not_built("set_data")
    }
}
