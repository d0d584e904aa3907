//! Conferences of agents and outside parties with a chair.

use smol_str::SmolStr;

use super::{Desk, Outcome, Tenant, not_built};
use crate::agent::{Reach, WorkNumber};
use crate::id::{CallId, LegId};

impl Tenant {
    /// Begins a conference with oneself as chair.
    pub(super) fn begin_conference(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _members: u16, _minutes: u32) -> Outcome {
        not_built("begin_conference")
    }

    /// Calls these into it.
    pub(super) fn invite(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _members: Vec<Reach>) -> Outcome {
        not_built("invite")
    }

    /// Puts these out of it.
    pub(super) fn expel(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _members: Vec<Reach>) -> Outcome {
        not_built("expel")
    }

    /// Holds a member or takes it back.
    pub(super) fn hold_member(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _member: Reach, _held: bool) -> Outcome {
        not_built("hold_member")
    }

    /// Leaves it.
    pub(super) fn leave_conference(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber) -> Outcome {
        not_built("leave_conference")
    }

    /// Ends it.
    pub(super) fn end_conference(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber) -> Outcome {
        not_built("end_conference")
    }

    /// Makes another agent the chair.
    pub(super) fn hand_chair(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _to: WorkNumber) -> Outcome {
        not_built("hand_chair")
    }

    /// Lets it last longer.
    pub(super) fn prolong(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _minutes: u32) -> Outcome {
        not_built("prolong")
    }

    /// Changes how many may take part.
    pub(super) fn resize(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _by: i32) -> Outcome {
        not_built("resize")
    }

    /// Plays a prompt to all in it or to one, or stops it.
    pub(super) fn play_to_conference(
        &mut self,
        _desk: &mut Desk<'_>,
        _agent: WorkNumber,
        _member: Option<Reach>,
        _prompt: SmolStr,
        _stop: bool,
    ) -> Outcome {
        not_built("play_to_conference")
    }

    /// A member's phone is up.
    pub(super) fn member_up(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber) {}

    /// A conference's time is over.
    pub(super) fn conference_due(&mut self, _desk: &mut Desk<'_>, _call: CallId) {}

    /// What a conference hears is at its end, or could not be played.
    pub(super) fn conference_prompt_over(&mut self, _desk: &mut Desk<'_>, _call: CallId, _leg: LegId, _failed: Option<SmolStr>) {}
}
