//! Supervisors: sitting in, taking over, forcing states.

use super::{Desk, Outcome, Tenant, not_built};
use crate::agent::{Mode, SuperviseMode, WorkNumber};
use crate::id::CallId;
use crate::queue::QueueId;

impl Tenant {
    /// Sits in on an agent's call, or changes how.
    pub(super) fn supervise(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _target: WorkNumber, _mode: SuperviseMode) -> Outcome {
        not_built("supervise")
    }

    /// Leaves that call.
    pub(super) fn stop_supervising(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _target: WorkNumber) -> Outcome {
        not_built("stop_supervising")
    }

    /// Takes the customer over.
    pub(super) fn intercept(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _target: WorkNumber) -> Outcome {
        not_built("intercept")
    }

    /// Forces a mode on an agent.
    pub(super) fn force_mode(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _target: WorkNumber, _mode: Mode) -> Outcome {
        not_built("force_mode")
    }

    /// Forces an agent out.
    pub(super) fn force_sign_out(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _target: WorkNumber) -> Outcome {
        not_built("force_sign_out")
    }

    /// Forces a call's release.
    pub(super) fn force_release(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber, _call: CallId) -> Outcome {
        not_built("force_release")
    }

    /// Changes which queues an agent serves.
    pub(super) fn adjust_skills(
        &mut self,
        _desk: &mut Desk<'_>,
        _agent: WorkNumber,
        _target: WorkNumber,
        _skills: Vec<QueueId>,
    ) -> Outcome {
        not_built("adjust_skills")
    }

    /// A supervisor's phone is up in the call of the agent it sits in with.
    pub(super) fn supervisor_up(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber) {}

    /// This agent's part in the call is over: whoever sits in with it leaves, or follows.
    pub(super) fn supervision_over(&mut self, _desk: &mut Desk<'_>, _call: CallId, _agent: WorkNumber) {}
}
