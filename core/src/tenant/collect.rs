//! Playing prompts and collecting the keys a caller presses.

use smol_str::SmolStr;

use super::{Desk, Outcome, Tenant, not_built};
use crate::command::CollectRules;
use crate::id::{CallId, LegId};

impl Tenant {
    /// An operator's wish to collect keys.
    pub(super) fn collect(&mut self, _desk: &mut Desk<'_>, _leg: LegId, _prompts: Vec<SmolStr>, _rules: CollectRules) -> Outcome {
        not_built("collect")
    }

    /// A key was pressed; the event is applied.
    pub(super) fn digit_collected(&mut self, _desk: &mut Desk<'_>, _call: CallId, _leg: LegId, _digit: char) {}

    /// The prompts before the keys are at their end.
    pub(super) fn collect_prompts_over(&mut self, _desk: &mut Desk<'_>, _call: CallId, _leg: LegId, _failed: Option<SmolStr>) {}

    /// Keys are awaited no longer.
    pub(super) fn collect_due(&mut self, _desk: &mut Desk<'_>, _leg: LegId) {}
}
