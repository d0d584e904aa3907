//! Finding agents for waiting calls, and calls for agents who are ready.

use super::{Desk, Tenant};
use crate::agent::WorkNumber;
use crate::queue::QueueId;

impl Tenant {
    /// Offers calls of a queue to agents as long as both are there.
    pub(super) fn match_queue(&mut self, _desk: &mut Desk<'_>, _queue: QueueId) {}

    /// An agent has become free: the best of the calls it may serve.
    pub(super) fn match_agent(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber) {}
}
