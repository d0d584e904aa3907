//! Listening to recordings on one's own phone.

use smol_str::SmolStr;

use super::{Desk, Outcome, Tenant, not_built};
use crate::agent::WorkNumber;
use crate::id::{CallId, LegId};

impl Tenant {
    /// Plays a recording to the agent's phone.
    pub(super) fn play(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _path: SmolStr, _from_ms: u64, _times: u16) -> Outcome {
        not_built("play")
    }

    /// Pauses it.
    pub(super) fn pause_play(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber) -> Outcome {
        not_built("pause_play")
    }

    /// Goes on.
    pub(super) fn resume_play(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber) -> Outcome {
        not_built("resume_play")
    }

    /// Jumps, in milliseconds.
    pub(super) fn jump_play(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _by_ms: i64) -> Outcome {
        not_built("jump_play")
    }

    /// Ends it.
    pub(super) fn stop_play(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber) -> Outcome {
        not_built("stop_play")
    }

    /// The listener's phone is up.
    pub(super) fn listener_up(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber) {}

    /// The recording is at its end, or could not be played.
    pub(super) fn playback_over(&mut self, _desk: &mut Desk<'_>, _call: CallId, _leg: LegId, _failed: Option<SmolStr>) {}
}
