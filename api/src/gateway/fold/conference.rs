//! Events of agent conferences (cc-gateway.md §3.8).

use tandem_core::agent::{PartEnd, Reach};
use tandem_core::tenant::Tenant;
use tandem_core::tenant::contact::Conference;
use tandem_core::{CallEvent, CallId, WorkNumber};

use super::Told;
use crate::gateway::events::{ConfId, GatewayEvent, Participant, ResultOnly};
use crate::gateway::render;

/// `changeType`.
mod change {
    pub(super) const JOINED: u8 = 0;
    pub(super) const LEFT: u8 = 1;
    pub(super) const CHAIR: u8 = 2;
    pub(super) const HELD: u8 = 5;
    pub(super) const TAKEN_BACK: u8 = 6;
}

/// `changeReason` where there is none.
const NO_REASON: u8 = 255;

pub(super) fn before(id: CallId, event: &CallEvent, tenant: &Tenant, told: &mut Told) {
    let Some(conference) = tenant.call(id).and_then(|call| call.conference.as_ref()) else { return };
    match event {
        CallEvent::ConferenceLeft(it) => {
            participant(id, conference, &it.member, change::LEFT, reason(&it.end), told);
            if let Reach::Agent(agent) = it.member {
                told.push((agent, about("AgentConf_SelfLeaveResult", id)));
            }
        }
        CallEvent::AgentLeft(it) if it.agent == conference.chair => {
            told.push((it.agent, about("AgentConf_SelfLeaveResult", id)));
        }
        CallEvent::ConferenceChanged(it) if it.chair != conference.chair => {
            told.push((it.chair, about("AgentConf_PresidentChanged", id)));
            participant(id, conference, &Reach::Agent(it.chair), change::CHAIR, NO_REASON, told);
        }
        CallEvent::ConferencePlaying(it) if it.prompt.is_none() && matches!(conference.playing, Some((Some(_), _))) => {
            told.push((conference.chair, GatewayEvent::with("AgentConf_StopParticipantVoice", ResultOnly { result: 0 })));
        }
        _ => {}
    }
}

pub(super) fn after(id: CallId, event: &CallEvent, tenant: &Tenant, told: &mut Told) {
    let Some(conference) = tenant.call(id).and_then(|call| call.conference.as_ref()) else { return };
    match event {
        CallEvent::ConferenceBegan(it) => {
            told.push((it.chair, about("AgentConf_SelfJoinResult", id)));
            told.push((it.chair, about("AgentConf_RequestSuccess", id)));
        }
        CallEvent::AgentAlerting(it) if it.agent != conference.chair => told.push((it.agent, about("AgentConf_Ringing", id))),
        CallEvent::ConferenceJoined(it) => {
            if let Reach::Agent(agent) = it.member {
                told.push((agent, about("AgentConf_SelfJoinResult", id)));
            }
            participant(id, conference, &it.member, change::JOINED, NO_REASON, told);
        }
        CallEvent::ConferenceHeld(it) => {
            let change = if it.held { change::HELD } else { change::TAKEN_BACK };
            participant(id, conference, &it.member, change, NO_REASON, told);
        }
        _ => {}
    }
}

fn about(kind: &'static str, id: CallId) -> GatewayEvent {
    GatewayEvent::with(kind, ConfId { conference: render::conference(id) })
}

/// The chair and the agents in the conference hear of a participant, except of themselves.
fn participant(id: CallId, conference: &Conference, who: &Reach, change: u8, reason: u8, told: &mut Told) {
    let (kind, device) = match who {
        Reach::Agent(_) => (9, 6),
        Reach::Queue(_) | Reach::Number(_) => (6, 1),
    };
    let content =
        Participant { result: 0, change, reason, conference: render::conference(id), who: render::reach(who), kind, call_kind: 0, device };
    let members = conference.members.iter().filter(|member| member.leg.is_some()).filter_map(|member| match member.who {
        Reach::Agent(agent) => Some(agent),
        _ => None,
    });
    let hearers: Vec<WorkNumber> = std::iter::once(conference.chair).chain(members).filter(|agent| *who != Reach::Agent(*agent)).collect();
    for agent in hearers {
        told.push((agent, GatewayEvent::with("AgentConf_ParticipantChanged", content.clone())));
    }
}

fn reason(end: &PartEnd) -> u8 {
    match end {
        PartEnd::Released => 0,
        PartEnd::Dropped => 1,
        PartEnd::OtherGone => 2,
        PartEnd::Over => 3,
        PartEnd::SignedOut => 4,
        _ => 6,
    }
}
