//! Calls that wait: entering and leaving a queue, its limits, and what callers hear.

use smol_str::SmolStr;

use super::{Desk, Tenant};
use crate::agent::WorkNumber;
use crate::id::{CallId, LegId};
use crate::queue::{Entry, Leaving, QueueId};
use crate::time::Timestamp;

/// How a call comes into a queue.
pub(super) struct Entering {
    pub(super) queue: QueueId,
    /// The leg that waits: the customer's, or the agent's own for a call inside.
    pub(super) leg: LegId,
    pub(super) entry: Entry,
    /// `None`: the queue's own.
    pub(super) priority: Option<u8>,
    /// When its waiting began, for a call that keeps its place; `None`: now.
    pub(super) since: Option<Timestamp>,
    /// The agent that still talks with the caller until another answers.
    pub(super) kept_by: Option<WorkNumber>,
}

impl Tenant {
    /// Puts a call in a queue, or follows the queue's overflow at once, and looks for an agent.
    pub(super) fn enter_queue(&mut self, _desk: &mut Desk<'_>, _call: CallId, _entering: Entering) {}

    /// Takes a waiting call out of its queue: its offers end as `TakenElsewhere` (or `Over`), its timers go.
    pub(super) fn leave_queue(&mut self, _desk: &mut Desk<'_>, _call: CallId, _leaving: Leaving) {}

    /// A call has waited long enough for overflow, or for its last agent alone.
    pub(super) fn waiting_due(&mut self, _desk: &mut Desk<'_>, _call: CallId, _queue: QueueId) {}

    /// It is time to tell a waiting caller something.
    pub(super) fn announce_due(&mut self, _desk: &mut Desk<'_>, _call: CallId) {}

    /// An announcement is at its end, or could not be played.
    pub(super) fn announced(&mut self, _desk: &mut Desk<'_>, _call: CallId, _leg: LegId, _failed: Option<SmolStr>) {}
}
