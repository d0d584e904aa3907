//! Events about agents' states (cc-gateway.md §1.5, §3.1), and notes.

use smol_str::SmolStr;
use tandem_core::agent::{Mode, ModeBy};
use tandem_core::event::PhoneState;
use tandem_core::tenant::Tenant;
use tandem_core::{AgentEvent, Envelope, WorkNumber};

use super::{Fold, Told};
use crate::gateway::events::{GatewayEvent, Note, Reason, StateNotice};

impl Fold {
    pub(super) fn agent_before(&mut self, envelope: &Envelope, agent: WorkNumber, event: &AgentEvent, tenant: &Tenant, told: &mut Told) {
        match event {
            AgentEvent::ModeChanged(it) => {
                self.not_free(&envelope.tenant, agent);
                let before = tenant.session(agent).map(|session| session.mode);
                told.extend(mode(before, it.mode, it.by).into_iter().map(|event| (agent, event)));
            }
            AgentEvent::SignedOut(_) => {
                self.not_free(&envelope.tenant, agent);
                watchers(tenant, agent, "QC_AgentState_Logout", told);
            }
            AgentEvent::Noted(it) => {
                let name = tenant.agent(it.from).map_or_else(SmolStr::default, |entry| entry.agent.name.clone());
                let note = Note {
                    from: it.from.to_string(),
                    name,
                    at: (envelope.time.as_micros() / 1000).to_string(),
                    text_time: envelope.time.to_string(),
                    text: it.text.clone(),
                };
                told.push((agent, GatewayEvent::with(if it.bulletin { "AgentOther_Bulletin" } else { "AgentOther_Note" }, note)));
            }
            _ => {}
        }
    }
}

pub(super) fn after(agent: WorkNumber, event: &AgentEvent, tenant: &Tenant, told: &mut Told) {
    let mut tell = |kind| told.push((agent, GatewayEvent::bare(kind)));
    match event {
        AgentEvent::SignedIn(it) => {
            tell("AgentOther_InService");
            tell("AgentState_Ready");
            match it.session.mode {
                Mode::NotReady { reason } => told.push((agent, not_ready(reason))),
                Mode::WrapUp { .. } => tell("AgentState_Work"),
                Mode::Rest { cause, .. } => told.push((agent, rest(cause))),
                Mode::Ready => {}
            }
            watchers(tenant, agent, "QC_AgentState_Login", told);
        }
        AgentEvent::RestOverrun(_) => tell("AgentState_Rest_Timeout"),
        AgentEvent::PhoneChanged(it) => tell(match it.state {
            PhoneState::Alerting => "AgentOther_PhoneAlerting",
            PhoneState::OffHook => "AgentOther_PhoneOffhook",
            PhoneState::OnHook => "AgentOther_PhoneRelease",
            PhoneState::Busy => "AgentOther_PhoneBusy",
            PhoneState::Unknown => "AgentOther_PhoneUnknow",
        }),
        _ => {}
    }
}

/// What a change of mode is called: it depends on where it came from and on who wanted it.
fn mode(before: Option<Mode>, now: Mode, by: ModeBy) -> Vec<GatewayEvent> {
    let bare = |kinds: &[&'static str]| kinds.iter().map(|kind| GatewayEvent::bare(kind)).collect();
    match (now, by) {
        (Mode::Ready, ModeBy::Supervisor(_)) => bare(&["AgentState_Force_Ready"]),
        (Mode::Ready, _) => match before {
            Some(Mode::NotReady { .. }) => bare(&["AgentState_CancelNotReady_Success", "AgentState_Ready"]),
            Some(Mode::Rest { .. }) => bare(&["AgentState_CancelRest_Success"]),
            Some(Mode::WrapUp { .. }) => bare(&["AgentState_CancelWork_Success"]),
            Some(Mode::Ready) | None => bare(&["AgentState_Ready"]),
        },
        (Mode::NotReady { .. }, ModeBy::Supervisor(_)) => bare(&["AgentState_Force_SetNotReady"]),
        (Mode::NotReady { reason }, _) => vec![not_ready(reason)],
        (Mode::Rest { cause, .. }, _) => vec![rest(cause)],
        (Mode::WrapUp { .. }, ModeBy::Agent) => bare(&["AgentState_SetWork_Success"]),
        (Mode::WrapUp { .. }, _) => bare(&["AgentState_Work"]),
    }
}

fn not_ready(reason: u8) -> GatewayEvent {
    GatewayEvent::with("AgentState_SetNotReady_Success", Reason { reason: reason.to_string() })
}

fn rest(cause: u8) -> GatewayEvent {
    GatewayEvent::with("AgentState_SetRest_Success", Reason { reason: cause.to_string() })
}

/// Supervisors that asked to hear of sign-ins and sign-outs.
fn watchers(tenant: &Tenant, agent: WorkNumber, subtype: &'static str, told: &mut Told) {
    let name = tenant.agent(agent).map_or_else(SmolStr::default, |entry| entry.agent.name.clone());
    for entry in tenant.agents() {
        if entry.agent.number != agent && entry.session.as_ref().is_some_and(|session| session.watches) {
            let notice = StateNotice { subtype, agent: agent.to_string(), name: name.clone(), server: "CtiServer" };
            told.push((entry.agent.number, GatewayEvent::with("QC_AgentState_Notify", notice)));
        }
    }
}
