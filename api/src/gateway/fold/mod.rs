//! Committed events become the interface's events. No I/O: an event and the tenant before and after it in, events for agents out.
//!
//! What ends a thing is told from the tenant before the event ([`Fold::before`]), everything else from the tenant after it
//! ([`Fold::after`]). Little is remembered besides: who calls whom (a leg that is gone has no number any more), whose recordings run,
//! and agents that have just left a call. Those are told that they are ready only once it is known that no wrap-up begins: the mode
//! changes in the same decision, with an event of its own ([`Fold::overtaken`]).
//!
//! Not told, because nothing documented fits or tells when: AgentEvent_Incoming_CallInfo (the worked sequences don't have it),
//! AgentOther_All_Agent_Busy, the phone-linkage events of hard phones, AgentConf_Timeout.

mod call;
mod conference;
mod state;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use smol_str::SmolStr;
use tandem_core::agent::Mode;
use tandem_core::tenant::Tenant;
use tandem_core::{CallEvent, CallId, Envelope, Event, RecordingId, TenantId, Timestamp, WorkNumber};

use super::events::{GatewayEvent, LoginTime};

/// Events for agents.
pub(super) type Told = Vec<(WorkNumber, GatewayEvent)>;

/// What is remembered between events.
#[derive(Debug, Default)]
pub(super) struct Fold {
    /// Caller and called number of calls that are up.
    parties: HashMap<(TenantId, CallId), (SmolStr, SmolStr)>,
    /// Whose recordings run, and whether their end was told.
    recordings: HashMap<(TenantId, RecordingId), WorkNumber>,
    /// Calls that agents began and that reached nobody: told once.
    unreached: HashSet<(TenantId, CallId)>,
    /// Agents that are ready again, unless the same decision says otherwise.
    free: Vec<Free>,
}

#[derive(Debug, Clone, PartialEq)]
struct Free {
    tenant: TenantId,
    agent: WorkNumber,
    /// Time of the decision.
    at: Timestamp,
}

impl Fold {
    /// What a session's last event is.
    pub(super) fn shut_down(began_ms: i64) -> GatewayEvent {
        GatewayEvent::with("AgentOther_ShutdownService", LoginTime { at: began_ms.to_string() })
    }

    /// What was put off until now, because this event belongs to another decision.
    pub(super) fn overtaken(&mut self, envelope: &Envelope) -> Vec<(TenantId, Told)> {
        let same = |free: &Free| free.tenant == envelope.tenant && free.at == envelope.time;
        let (kept, due) = std::mem::take(&mut self.free).into_iter().partition(same);
        self.free = kept;
        tell_free(due)
    }

    /// What was put off, all of it.
    pub(super) fn all_late(&mut self) -> Vec<(TenantId, Told)> {
        tell_free(std::mem::take(&mut self.free))
    }

    /// What an event ends, told from the tenant as it was.
    pub(super) fn before(&mut self, envelope: &Envelope, tenant: &Tenant) -> Told {
        let mut told = Told::new();
        match &envelope.event {
            Event::Call(id, event) => {
                self.call_before(&envelope.tenant, *id, event, tenant, &mut told);
                conference::before(*id, event, tenant, &mut told);
            }
            Event::Agent(agent, event) => self.agent_before(envelope, *agent, event, tenant, &mut told),
            Event::Config(_) => {}
        }
        told
    }

    /// What an event begins or changes, told from the tenant as it is now.
    pub(super) fn after(&mut self, envelope: &Envelope, tenant: &Tenant) -> Told {
        let mut told = Told::new();
        match &envelope.event {
            Event::Call(id, event) => {
                self.remember(&envelope.tenant, *id, event);
                self.call_after(&envelope.tenant, *id, event, tenant, &mut told);
                conference::after(*id, event, tenant, &mut told);
                if let CallEvent::AgentLeft(it) = event {
                    self.note_free(envelope, it.agent, tenant);
                }
                if let CallEvent::Ended(_) = event {
                    let key = (envelope.tenant.clone(), *id);
                    self.parties.remove(&key);
                    self.unreached.remove(&key);
                }
            }
            Event::Agent(agent, event) => state::after(*agent, event, tenant, &mut told),
            Event::Config(_) => {}
        }
        told
    }

    /// An agent without calls that takes calls again hears that it is ready; in another mode, an event tells of that mode.
    fn note_free(&mut self, envelope: &Envelope, agent: WorkNumber, tenant: &Tenant) {
        let Some(session) = tenant.session(agent) else { return };
        if session.is_free() && session.mode == Mode::Ready && session.deferred.is_none() {
            let free = Free { tenant: envelope.tenant.clone(), agent, at: envelope.time };
            self.free.retain(|known| *known != free);
            self.free.push(free);
        }
    }

    /// The decision says what the agent does instead of being ready.
    fn not_free(&mut self, tenant: &TenantId, agent: WorkNumber) {
        self.free.retain(|free| free.agent != agent || free.tenant != *tenant);
    }

    fn remember(&mut self, of: &TenantId, id: CallId, event: &CallEvent) {
        let parties = match event {
            CallEvent::Arrived(it) => (it.caller.clone(), it.called.clone()),
            CallEvent::Originated(it) => {
                let caller = it.agent.map(|agent| SmolStr::new(agent.to_string()));
                let of_phone = || match &it.from {
                    tandem_core::Endpoint::Phone(user) => SmolStr::new(user.as_str()),
                    tandem_core::Endpoint::Trunk(_) => SmolStr::default(),
                };
                (caller.unwrap_or_else(of_phone), it.called.clone())
            }
            _ => return,
        };
        self.parties.insert((of.clone(), id), parties);
    }

    /// Caller and called number: as remembered, else as the tenant has them.
    fn parties(&self, of: &TenantId, id: CallId, tenant: &Tenant) -> (SmolStr, SmolStr) {
        let known = self.parties.get(&(of.clone(), id)).cloned();
        known.or_else(|| tenant.call(id).map(|call| super::render::parties(tenant, call))).unwrap_or_default()
    }
}

fn tell_free(free: Vec<Free>) -> Vec<(TenantId, Told)> {
    free.into_iter().map(|free| (free.tenant, vec![(free.agent, GatewayEvent::bare("AgentState_Ready"))])).collect()
}
