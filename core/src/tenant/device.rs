//! An agent's phone: bringing it into a call, and what becomes of it when it rings, is up, or goes.

use super::{Desk, Tenant};
use crate::agent::WorkNumber;
use crate::id::CallId;

impl Tenant {
    /// Brings the agent's phone into a call where it has a part: an up device leg is moved, else the phone is dialled.
    /// Ends in [`Tenant::agent_up`] (at once or when the phone answers) or in [`Tenant::part_failed`].
    pub(super) fn ring_agent(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber) {}

    /// The agent's device leg is no longer needed in `call`: it goes to a held call, waits on a line of its own, or is released.
    pub(super) fn free_device(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber) {}
}
