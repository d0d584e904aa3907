//! Data attached to calls: opaque text that goes with a call from agent to agent.

use smol_str::SmolStr;

use super::{Desk, Outcome, Tenant};
use crate::agent::{AgentRefusal, WorkNumber};
use crate::command::Accepted;
use crate::id::CallId;

impl Tenant {
    /// Attaches data to a call: the given one, else the one where the agent's phone is, else the last one it was in, as
    /// long as that is not over (its history is closed then).
    pub(super) fn set_data(&mut self, desk: &mut Desk<'_>, agent: WorkNumber, call: Option<CallId>, data: SmolStr) -> Outcome {
        Self::check_data(&data)?;
        let session = self.need_session(agent)?;
        let id = match call {
            Some(id) if session.calls.contains(&id) || session.last_call == Some(id) => Some(id),
            Some(id) => return Err(AgentRefusal::NotYourCall(id).into()),
            None => {
                let here = self.device(agent).map(|(_, call)| call).filter(|call| session.calls.contains(call));
                here.or(session.calls.last().copied()).or(session.last_call)
            }
        };
        let id = id.filter(|id| self.call(*id).is_some()).ok_or(AgentRefusal::NoCall("attach data to"))?;
        self.attach(desk, id, agent, data);
        Ok(Accepted { call: Some(id) })
    }
}
