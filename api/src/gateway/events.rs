//! The interface's events (cc-gateway.md §3): names and contents, spelled and typed exactly as documented (`callid` and `callId` both
//! occur). The order of keys is that of the worked sequences.

use serde::Serialize;
use smol_str::SmolStr;
use tandem_core::WorkNumber;

use super::answer::json;

/// An event for one agent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GatewayEvent {
    /// `eventType`.
    pub(super) kind: &'static str,
    /// `content`.
    pub(super) content: Content,
}

impl GatewayEvent {
    /// An event without content.
    pub(super) fn bare(kind: &'static str) -> Self {
        GatewayEvent { kind, content: Content::Null }
    }

    /// An event with content.
    pub(super) fn with(kind: &'static str, content: impl Into<Content>) -> Self {
        GatewayEvent { kind, content: content.into() }
    }

    /// It tells of the agent's state: the last to be dropped.
    pub(super) fn is_state(&self) -> bool {
        self.kind.starts_with("AgentState_") || matches!(self.kind, "AgentOther_InService" | "AgentOther_ShutdownService")
    }

    /// As JSON, for this agent. `workNo` is a text (§5.3, 6).
    pub(super) fn render(&self, agent: WorkNumber) -> String {
        let content = match &self.content {
            Content::Null => "null".to_owned(),
            content => json(content),
        };
        format!(r#"{{"eventType":"{}","workNo":"{agent}","content":{content}}}"#, self.kind)
    }
}

/// What an event carries.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Content {
    Null,
    /// Often a bare call id.
    Text(String),
    Ringing(Ringing),
    Talking(Talking),
    CallId(CallIdOnly),
    Reason(Reason),
    LoginTime(LoginTime),
    Alerting(Alerting),
    Conference(ConferenceTalk),
    CustomerRelease(CustomerRelease),
    TransferResult(TransferResult),
    Abandoned(Abandoned),
    Detect(Detect),
    Record(Record),
    Inspection(Inspection),
    StateNotice(StateNotice),
    Note(Note),
    ConfId(ConfId),
    Participant(Participant),
    Result(ResultOnly),
}

macro_rules! contents {
    ($($(#[$doc:meta])* $variant:ident($name:ident) { $($field:ident $key:literal: $kind:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        pub(super) struct $name { $(#[serde(rename = $key)] pub(super) $field: $kind),* }

        impl From<$name> for Content {
            fn from(content: $name) -> Content { Content::$variant(content) }
        }
    )*};
}

contents! {
    /// `AgentEvent_Ringing`, `AgentEvent_Auto_Answer`.
    Ringing(Ringing) {
        caller "caller": SmolStr, called "called": SmolStr, call "callid": String, role "type": &'static str,
        feature "feature": String, ability "mediaAbility": &'static str, medium "mediaType": &'static str,
        transfer "transfer": &'static str, from "transfrom": String,
    }
    /// `AgentEvent_Talking`.
    Talking(Talking) {
        caller "caller": SmolStr, called "called": SmolStr, call "callid": String, feature "feature": String,
        role "type": &'static str, ability "mediaAbility": &'static str,
    }
    /// `AgentEvent_Call_Release`: what clients read of it.
    CallId(CallIdOnly) { call "callid": String }
    /// `AgentState_SetNotReady_Success`, `AgentState_SetRest_Success`.
    Reason(Reason) { reason "reason": String }
    /// `AgentOther_ShutdownService`.
    LoginTime(LoginTime) { at "loginTime": String }
    /// `AgentEvent_Customer_Alerting`.
    Alerting(Alerting) { call "callid": String, phone "otherPhone": SmolStr, agent "otherPhoneWorkno": String, role "type": &'static str }
    /// `AgentEvent_Conference`.
    Conference(ConferenceTalk) { call "callid": String, partner "partner": String }
    /// `AgentEvent_Customer_Release`.
    CustomerRelease(CustomerRelease) { call "callid": String, number "number": SmolStr }
    /// `AgentEvent_SuccTransResult`.
    TransferResult(TransferResult) { call "callId": String, result "result": u8 }
    /// `AgentEvent_AbandonCall`.
    Abandoned(Abandoned) { caller "caller": SmolStr, data "callData": SmolStr, call "callId": String }
    /// `OUTBOUND_DETECT_EVENT`. Its cause codes are not known; ours are those of Q.850.
    Detect(Detect) { call "callId": String, cause "detect": u8, text "desc": String }
    /// `AgentMediaEvent_Record` and its failure.
    Record(Record) {
        task "taskId": u32, caller "caller": SmolStr, called "called": SmolStr, recording "recordID": String,
        location "locationId": &'static str, file "fileName": String, call "callId": String, medium "fileMediaType": &'static str,
    }
    /// `AgentOther_BeQcStart`, `AgentOther_BeQcStop`.
    Inspection(Inspection) { kind "qcType": u32, by "qcAgentId": u32 }
    /// `QC_AgentState_Notify`.
    StateNotice(StateNotice) {
        subtype "subtype": &'static str, agent "monitoredagent": String, name "agentname": SmolStr, server "mediaserver": &'static str,
    }
    /// `AgentOther_Note`, `AgentOther_Bulletin`.
    Note(Note) {
        from "sender": String, name "sendername": SmolStr, at "receivetime": String, text_time "timestring": String, text "context": SmolStr,
    }
    /// Events of an agent conference.
    ConfId(ConfId) { conference "confId": u64 }
    /// `AgentConf_ParticipantChanged`.
    Participant(Participant) {
        result "result": u8, change "changeType": u8, reason "changeReason": u8, conference "confId": u64, who "participant": String,
        kind "participantType": u8, call_kind "deviceCallType": u8, device "deviceType": u8,
    }
    /// `AgentConf_StopParticipantVoice`.
    Result(ResultOnly) { result "result": u8 }
}

impl From<String> for Content {
    fn from(text: String) -> Content {
        Content::Text(text)
    }
}

/// `qcType` of how a supervisor sits in (§1.6).
pub(super) mod inspection {
    use tandem_core::agent::SuperviseMode;

    pub(in crate::gateway) fn kind(mode: SuperviseMode) -> u32 {
        match mode {
            SuperviseMode::Listen => 8,
            SuperviseMode::Join => 9,
            // 20172 and 20173 are both documented as whispering; nothing tells them apart.
            SuperviseMode::Whisper => 20172,
        }
    }
}
