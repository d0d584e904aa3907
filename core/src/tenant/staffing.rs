//! Agents, queues, groups, causes and the audit trail, as administrators set them up.

use super::{Desk, Outcome, Tenant, not_built};
use crate::agent::{Absence, AbsenceCause, Agent, AgentGroup, WorkNumber};
use crate::command::Audit;
use crate::queue::{Queue, QueueId};

impl Tenant {
    pub(super) fn add_agent(&mut self, _desk: &mut Desk<'_>, _agent: Agent) -> Outcome {
        not_built("agents")
    }
    pub(super) fn change_agent(&mut self, _desk: &mut Desk<'_>, _agent: Agent) -> Outcome {
        not_built("agents")
    }
    pub(super) fn remove_agent(&mut self, _desk: &mut Desk<'_>, _agent: WorkNumber) -> Outcome {
        not_built("agents")
    }
    pub(super) fn add_queue(&mut self, _desk: &mut Desk<'_>, _queue: Queue) -> Outcome {
        not_built("queues")
    }
    pub(super) fn change_queue(&mut self, _desk: &mut Desk<'_>, _queue: Queue) -> Outcome {
        not_built("queues")
    }
    pub(super) fn remove_queue(&mut self, _desk: &mut Desk<'_>, _queue: QueueId) -> Outcome {
        not_built("queues")
    }
    pub(super) fn set_group(&mut self, _desk: &mut Desk<'_>, _group: AgentGroup) -> Outcome {
        not_built("groups")
    }
    pub(super) fn remove_group(&mut self, _desk: &mut Desk<'_>, _group: u16) -> Outcome {
        not_built("groups")
    }
    pub(super) fn set_cause(&mut self, _desk: &mut Desk<'_>, _cause: AbsenceCause) -> Outcome {
        not_built("causes")
    }
    pub(super) fn remove_cause(&mut self, _desk: &mut Desk<'_>, _kind: Absence, _code: u8) -> Outcome {
        not_built("causes")
    }
    pub(super) fn note_audit(&mut self, _desk: &mut Desk<'_>, _audit: Audit) -> Outcome {
        not_built("audit")
    }
}
