//! Callers leave messages.

use smol_str::SmolStr;

use super::{Desk, Tenant};
use crate::id::{CallId, LegId};
use crate::queue::QueueId;

impl Tenant {
    /// Lets this caller leave a message in a queue's voicemail.
    pub(super) fn begin_voicemail(&mut self, _desk: &mut Desk<'_>, _call: CallId, _leg: LegId, _queue: QueueId) {}

    /// What is said before the beep is at its end.
    pub(super) fn voicemail_prompt_over(&mut self, _desk: &mut Desk<'_>, _call: CallId, _leg: LegId, _failed: Option<SmolStr>) {}

    /// A message is long enough.
    pub(super) fn voicemail_due(&mut self, _desk: &mut Desk<'_>, _call: CallId) {}
}
