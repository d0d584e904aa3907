//! Hold, mute, keys, and leaving calls.

use smol_str::SmolStr;

use super::{Desk, Outcome, Tenant, not_built};
use crate::agent::WorkNumber;
use crate::id::CallId;

impl Tenant {
    /// Puts the talking call on hold.
    pub(super) fn hold_call(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber) -> Outcome {
        not_built("hold_call")
    }

    /// Takes a held call back.
    pub(super) fn retrieve_call(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _call: Option<CallId>) -> Outcome {
        not_built("retrieve_call")
    }

    /// Others don't hear the agent, or do again.
    pub(super) fn mute(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _muted: bool) -> Outcome {
        not_built("mute")
    }

    /// Sends keys into the talking call.
    pub(super) fn send_digits(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _digits: SmolStr) -> Outcome {
        not_built("send_digits")
    }

    /// Leaves the talking (or ringing) call.
    pub(super) fn release_wish(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber) -> Outcome {
        not_built("release_wish")
    }

    /// Ends one given call of the agent.
    pub(super) fn drop_call(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _call: CallId) -> Outcome {
        not_built("drop_call")
    }

    /// Puts one party out of the talking call.
    pub(super) fn disconnect(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _party: SmolStr) -> Outcome {
        not_built("disconnect")
    }

    /// Puts the phone on-hook.
    pub(super) fn hang_up_phone(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber) -> Outcome {
        not_built("hang_up_phone")
    }
}
