//! Events about calls, recordings, playback and supervision (cc-gateway.md §3.2 to §3.5).

use tandem_core::agent::{HandoverMode, PartEnd, PartRole};
use tandem_core::event::CallKind;
use tandem_core::queue::Entry;
use tandem_core::tenant::contact::{Part, Stage};
use tandem_core::tenant::{Call, Phase, Tenant};
use tandem_core::{CallEvent, CallId, Cause, LegId, RecordingId, TenantId, WorkNumber};

use super::{Fold, Told};
use crate::gateway::events::{
    Abandoned, Alerting, CallIdOnly, ConferenceTalk, CustomerRelease, Detect, GatewayEvent, Inspection, Record, Ringing, Talking,
    TransferResult, inspection,
};
use crate::gateway::{callid, render};

const VOICE: &str = "1";

impl Fold {
    pub(super) fn call_before(&mut self, of: &TenantId, id: CallId, event: &CallEvent, tenant: &Tenant, told: &mut Told) {
        let Some(call) = tenant.call(id) else { return };
        match event {
            CallEvent::Ringing(it) => far_end_rings(id, it.leg, call, tenant, told),
            CallEvent::AgentJoined(it) => {
                let Some(part) = call.part(it.agent) else { return };
                // A part that talks already has been told.
                if part.stage < Stage::Talking || part.joined.is_none() {
                    if it.auto && part.role != PartRole::Caller && told_as_call(part, call) {
                        told.push((it.agent, GatewayEvent::with("AgentEvent_Auto_Answer", self.ringing(of, id, call, tenant))));
                    }
                    self.talking(of, id, call, part, tenant, told);
                }
            }
            CallEvent::AgentHeld(it) => told.push((it.agent, GatewayEvent::with("AgentEvent_Hold", callid::text(id)))),
            CallEvent::AgentRetrieved(it) => {
                if let Some(part) = call.part(it.agent) {
                    self.talking(of, id, call, part, tenant, told);
                }
            }
            CallEvent::AgentLeft(it) => {
                self.stop_records(of, call, it.agent, told);
                if let Some(part) = call.part(it.agent) {
                    self.left(of, id, call, part, &it.end, tenant, told);
                }
            }
            CallEvent::Unreached(it) => {
                self.unreached.insert((of.clone(), id));
                call_failed(id, call, it.agent, Some(&it.cause), told);
            }
            CallEvent::HandoverEnded(it) => handed_over(id, call, it.agent, it.failed.is_some(), told),
            CallEvent::SupervisionEnded(it) => {
                let how = call.part(it.supervisor).and_then(|part| part.supervise);
                let kind = how.map_or(8, inspection::kind);
                told.push((it.agent, GatewayEvent::with("AgentOther_BeQcStop", Inspection { kind, by: it.supervisor.get() })));
            }
            _ => {}
        }
    }

    pub(super) fn call_after(&mut self, of: &TenantId, id: CallId, event: &CallEvent, tenant: &Tenant, told: &mut Told) {
        match event {
            // Somebody who is in a call already is busy already.
            CallEvent::Offered(it) if tenant.session(it.agent).is_some_and(|session| session.calls.len() == 1) => {
                told.push((it.agent, GatewayEvent::bare("AgentState_Busy")));
            }
            CallEvent::AgentAlerting(it) => {
                let Some(call) = tenant.call(id) else { return };
                if call.part(it.agent).is_some_and(|part| told_as_call(part, call)) {
                    told.push((it.agent, GatewayEvent::with("AgentEvent_Ringing", self.ringing(of, id, call, tenant))));
                }
            }
            // A helper that took over, or who was brought along when calls were joined: it talks in another call now.
            CallEvent::PartMoved(it) => {
                let Some(call) = tenant.call(id) else { return };
                if let Some(part) = call.part(it.agent).filter(|part| part.role == PartRole::Handler && part.stage == Stage::Talking) {
                    self.talking(of, id, call, part, tenant, told);
                }
            }
            CallEvent::Conferenced(it) => {
                let Some(call) = tenant.call(id) else { return };
                for part in call.parts.iter().filter(|part| part.stage == Stage::Talking && part.supervise.is_none()) {
                    let own = part.agent.to_string();
                    let others: Vec<&str> = it.parties.iter().map(|party| party.as_str()).filter(|party| *party != own).collect();
                    let content = ConferenceTalk { call: callid::text(id), partner: others.join(",") };
                    told.push((part.agent, GatewayEvent::with("AgentEvent_Conference", content)));
                }
            }
            CallEvent::Supervised(it) => {
                let content = Inspection { kind: inspection::kind(it.mode), by: it.supervisor.get() };
                told.push((it.agent, GatewayEvent::with("AgentOther_BeQcStart", content)));
            }
            // The supervisor has the customer now (§4.3); its recording begins after that.
            CallEvent::Intercepted(it) => {
                let Some(call) = tenant.call(id) else { return };
                if let Some(part) = call.part(it.supervisor) {
                    self.talking(of, id, call, part, tenant, told);
                }
            }
            CallEvent::RecordingStarted(it) => {
                if let Some(agent) = it.agent {
                    self.recordings.insert((of.clone(), it.recording), agent);
                    told.push((agent, GatewayEvent::with("AgentMediaEvent_Record", self.record(of, id, it.recording, &it.path, tenant))));
                }
            }
            CallEvent::RecordingEnded(it) => {
                if let Some(agent) = self.recordings.remove(&(of.clone(), it.recording)) {
                    told.push((
                        agent,
                        if it.failed.is_some() && it.duration_ms == 0 {
                            let stem = it.path.rsplit_once('.').map_or(it.path.as_str(), |(stem, _)| stem);
                            GatewayEvent::with("AgentMediaEvent_Record_Fail", self.record(of, id, it.recording, stem, tenant))
                        } else {
                            GatewayEvent::bare("AgentMediaEvent_StopRecordDone")
                        },
                    ));
                }
            }
            CallEvent::PlaybackStarted(it) => {
                told.push((it.agent, GatewayEvent::bare("AgentMediaEvent_Play")));
                told.push((it.agent, GatewayEvent::bare("AgentMediaEvent_Play_Succ")));
            }
            // The event for going on is not known.
            CallEvent::PlaybackMoved(it) if it.jumped => told.push((it.agent, GatewayEvent::bare("AgentMediaEvent_JumpPlayDone"))),
            CallEvent::PlaybackMoved(it) if !it.playing => told.push((it.agent, GatewayEvent::bare("AgentMediaEvent_PausePlayDone"))),
            CallEvent::PlaybackEnded(it) => {
                let kind = if it.failed.is_some() { "AgentMediaEvent_Play_Fail" } else { "AgentMediaEvent_StopPlayDone" };
                told.push((it.agent, GatewayEvent::bare(kind)));
            }
            _ => {}
        }
    }

    fn ringing(&self, of: &TenantId, id: CallId, call: &Call, tenant: &Tenant) -> Ringing {
        let (caller, called) = self.parties(of, id, tenant);
        let from = match (&call.handover, call.waiting.as_ref().map(|waiting| &waiting.entry)) {
            (Some(handover), _) => Some(handover.agent),
            (None, Some(Entry::HandedOver(agent))) => Some(*agent),
            _ => None,
        };
        Ringing {
            caller,
            called,
            call: callid::text(id),
            role: render::role(call),
            feature: render::feature(call).to_string(),
            ability: VOICE,
            medium: "5",
            transfer: if from.is_some() { "yes" } else { "no" },
            from: from.map(|agent| agent.to_string()).unwrap_or_default(),
        }
    }

    fn talking(&self, of: &TenantId, id: CallId, call: &Call, part: &Part, tenant: &Tenant, told: &mut Told) {
        if !told_as_call(part, call) {
            return;
        }
        let (caller, called) = self.parties(of, id, tenant);
        let feature = render::feature(call).to_string();
        let content = Talking { caller, called, call: callid::text(id), feature, role: render::role(call), ability: VOICE };
        told.push((part.agent, GatewayEvent::with("AgentEvent_Talking", content)));
    }

    fn record(&self, of: &TenantId, id: CallId, recording: RecordingId, path: &str, tenant: &Tenant) -> Record {
        let (caller, called) = self.parties(of, id, tenant);
        Record {
            // The counter of the id: unique among recordings of a day's calls.
            task: (recording.0 & ((1 << 28) - 1)) as u32,
            caller,
            called,
            recording: recording.to_string(),
            location: "65535",
            file: render::file_name(tenant, path),
            call: callid::text(id),
            medium: "1",
        }
    }

    /// Recordings of an agent's talk stop when it leaves; that their file is complete comes later and is not told again.
    fn stop_records(&mut self, of: &TenantId, call: &Call, agent: WorkNumber, told: &mut Told) {
        for recording in call.recordings.iter().filter(|recording| recording.agent == Some(agent)) {
            if self.recordings.remove(&(of.clone(), recording.id)).is_some() {
                told.push((agent, GatewayEvent::bare("AgentMediaEvent_StopRecordDone")));
            }
        }
    }

    #[allow(clippy::too_many_arguments)] // One place, one decision: how a part's end is told.
    fn left(&self, of: &TenantId, id: CallId, call: &Call, part: &Part, end: &PartEnd, tenant: &Tenant, told: &mut Told) {
        if !told_as_call(part, call) {
            return;
        }
        let mut tell = |event| told.push((part.agent, event));
        let text = callid::text(id);
        let (caller, called) = self.parties(of, id, tenant);
        if part.joined.is_none() || (part.role == PartRole::Caller && !call.answered) {
            match (part.role, end) {
                (PartRole::Caller, PartEnd::Released | PartEnd::SignedOut) => {
                    tell(GatewayEvent::with("AgentEvent_Call_Release", CallIdOnly { call: text }));
                }
                // That it failed was told with its cause.
                (PartRole::Caller, _) if self.unreached.contains(&(of.clone(), id)) => {}
                (PartRole::Caller, _) => call_failed(id, call, part.agent, None, told),
                (_, PartEnd::OtherGone) => {
                    tell(GatewayEvent::with("AgentEvent_AbandonCall", Abandoned { caller, data: call.data.clone(), call: text }));
                }
                // Nothing was asked of the agent yet: its phone never came up.
                (_, PartEnd::Over | PartEnd::NodeRestarted | PartEnd::SignedOut) if part.stage == Stage::Reserved => {}
                _ => tell(GatewayEvent::with("AgentEvent_No_Answer", text)),
            }
            return;
        }
        if *end == PartEnd::OtherGone {
            let number = if part.role == PartRole::Caller { called } else { caller };
            tell(GatewayEvent::with("AgentEvent_Customer_Release", CustomerRelease { call: text.clone(), number }));
        }
        tell(GatewayEvent::with("AgentEvent_Call_Release", CallIdOnly { call: text }));
    }
}

/// Whether an agent hears of a part by the events of calls. Supervisors, listeners and members of conferences hear of theirs by others.
fn told_as_call(part: &Part, call: &Call) -> bool {
    let own = matches!(part.role, PartRole::Handler | PartRole::Caller | PartRole::Helper);
    own && !matches!(call.kind, CallKind::Line | CallKind::Playback | CallKind::Conference)
}

/// What an agent called does not answer, or can't be reached.
fn call_failed(id: CallId, call: &Call, agent: WorkNumber, cause: Option<&Cause>, told: &mut Told) {
    let kind = match call.kind {
        CallKind::Outbound => "AgentEvent_Call_Out_Fail",
        CallKind::Inside => "AgentEvent_Inside_Call_Fail",
        CallKind::Consultation => "AgentEvent_Consult_Fail",
        _ => "AgentEvent_Connect_Fail",
    };
    told.push((agent, GatewayEvent::with(kind, callid::text(id))));
    if let (CallKind::Outbound, Some(cause)) = (call.kind, cause) {
        let text = cause.text.as_ref().map(ToString::to_string).unwrap_or_default();
        told.push((agent, GatewayEvent::with("OUTBOUND_DETECT_EVENT", Detect { call: callid::text(id), cause: cause.q850, text })));
    }
}

/// The party that was called rings: who called it, or hands over to it, is told once.
fn far_end_rings(id: CallId, leg: LegId, call: &Call, tenant: &Tenant, told: &mut Told) {
    let Some(ringing) = tenant.leg(leg) else { return };
    // The caller's own leg, and one that rings already.
    if ringing.is_caller() || ringing.phase >= Phase::Ringing {
        return;
    }
    // Several contacts of one phone ring: the first one counts.
    let rings = |other: &LegId| tenant.leg(*other).is_some_and(|other| other.phase == Phase::Ringing && other.number == ringing.number);
    if call.legs.iter().any(rings) {
        return;
    }
    let agent = ringing.agent.map(|agent| agent.to_string()).unwrap_or_default();
    let caller = |part: &&Part| part.role == PartRole::Caller && ringing.agent != Some(part.agent);
    let waits = call.parts.iter().find(caller).map(|part| part.agent);
    // Help of three is asked for in the call itself: no part of its own calls the helper (§2.3).
    let helps = ringing.agent.and_then(|agent| call.part(agent)).is_some_and(|part| part.role == PartRole::Helper);
    let asked = || call.parts.iter().find(|part| helps && part.role == PartRole::Handler).map(|part| part.agent);
    let waits = waits
        .or_else(asked)
        .or_else(|| call.handover.as_ref().map(|handover| handover.agent).filter(|agent| ringing.agent != Some(*agent)));
    if let Some(waits) = waits {
        let content = Alerting { call: callid::text(id), phone: ringing.number.clone(), agent, role: render::role(call) };
        told.push((waits, GatewayEvent::with("AgentEvent_Customer_Alerting", content)));
    }
}

fn handed_over(id: CallId, call: &Call, agent: WorkNumber, failed: bool, told: &mut Told) {
    let mode = call.handover.as_ref().map(|handover| handover.mode);
    let text = callid::text(id);
    if failed {
        told.push((agent, GatewayEvent::with("AgentEvent_Connect_Fail", text.clone())));
    }
    match (mode, failed) {
        (Some(HandoverMode::Success), _) => {
            let content = TransferResult { call: text, result: u8::from(failed) };
            told.push((agent, GatewayEvent::with("AgentEvent_SuccTransResult", content)));
        }
        (Some(HandoverMode::Suspend), false) => told.push((agent, GatewayEvent::with("AgentEvent_ReturnFromIvr", text))),
        _ => {}
    }
}
