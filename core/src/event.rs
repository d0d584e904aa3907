//! Events: facts in the past tense. The only thing that changes state, the only thing that is stored.
//!
//! One [`Envelope`] per fact, written once as JSON; the same bytes go to disk, to Kafka and to the event stream:
//!
//! ```json
//! {"tenant":"demo","seq":7,"time":"2026-11-22T17:42:00.123456Z","kind":"leg.ringing","version":1,
//!  "call":"03G8…","data":{"leg":"03G8…","status":180,"early_media":false}}
//! ```
//!
//! A schema only grows: fields are added with a default, a kind is never taken away, and `version` rises when the
//! meaning of a field changes.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use smol_str::SmolStr;

use crate::agent::{
    Absence, AbsenceCause, Agent, AgentGroup, HandoverMode, Mode, ModeBy, PartEnd, PartRole, Reach, SignIn, SignOutReason, SuperviseMode,
    WorkNumber,
};
use crate::call::{DialogRecord, Endpoint, MediaRecord, MediaStats};
use crate::cause::{Cause, Party};
use crate::command::{Audit, CollectRules};
use crate::config::{AccessNumber, Destination, Phone, Trunk, TrunkState};
use crate::id::{CallId, LegId, Number, RecordingId, TenantId, TrunkName, UserName};
use crate::queue::{Choice, Entry, Leaving, Queue, QueueId};
use crate::recording::{RecordingFormat, RecordingPurpose};
use crate::registration::{Binding, BindingEnd};
use crate::time::Timestamp;

/// One fact with its place in its tenant's history.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Whose history.
    pub tenant: TenantId,
    /// Place in the tenant's history: 1, 2, 3, … without gaps.
    pub seq: u64,
    /// When it was decided.
    pub time: Timestamp,
    /// The fact.
    pub event: Event,
}

/// A fact about a call, or about the tenant itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A fact about one call.
    Call(CallId, CallEvent),
    /// A fact about one agent's session.
    Agent(WorkNumber, AgentEvent),
    /// A fact about configuration, registrations or trunks.
    Config(ConfigEvent),
}

/// Why bytes are not an event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON, or a field is missing or of the wrong type.
    #[error("not an event: {0}")]
    Json(#[from] serde_json::Error),
    /// A kind that this version doesn't know: written by a newer one.
    #[error("unknown kind of event `{0}`: written by a newer version?")]
    UnknownKind(String),
    /// A call's fact without a call.
    #[error("event of kind `{0}` without `call`")]
    NoCall(String),
    /// An agent's fact without an agent.
    #[error("event of kind `{0}` without `agent`")]
    NoAgent(String),
}

macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($kind:literal v $version:literal => $variant:ident($body:ident),)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name {
            $(#[doc = concat!("`", $kind, "`, see [`", stringify!($body), "`].")] $variant($body),)*
        }

        impl $name {
            /// Every kind with its version and the JSON Schema of its `data`.
            pub fn schemas() -> Vec<(&'static str, u32, schemars::Schema)> {
                vec![$(($kind, $version, schemars::schema_for!($body)),)*]
            }

            /// The kind's stable name.
            pub fn kind(&self) -> &'static str {
                match self { $($name::$variant(_) => $kind,)* }
            }

            /// The version of the kind's schema.
            pub fn version(&self) -> u32 {
                match self { $($name::$variant(_) => $version,)* }
            }

            fn knows(kind: &str) -> bool {
                matches!(kind, $($kind)|*)
            }

            fn decode(kind: &str, data: &str) -> Result<Self, DecodeError> {
                match kind {
                    $($kind => Ok($name::$variant(serde_json::from_str::<$body>(data)?)),)*
                    other => Err(DecodeError::UnknownKind(other.to_owned())),
                }
            }

            fn serialize_data<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                match self { $($name::$variant(body) => map.serialize_entry("data", body),)* }
            }
        }

        $(impl From<$body> for $name {
            fn from(body: $body) -> Self { $name::$variant(body) }
        })*
    };
}

kinds! {
    /// Facts about a call.
    CallEvent {
        "call.arrived" v 1 => Arrived(CallArrived),
        "call.originated" v 1 => Originated(CallOriginated),
        "call.routed" v 1 => Routed(CallRouted),
        "leg.dialled" v 1 => Dialled(LegDialled),
        "leg.ringing" v 1 => Ringing(LegRinging),
        "leg.answered" v 1 => Answered(LegAnswered),
        "leg.media" v 1 => Media(LegMedia),
        "leg.held" v 1 => Held(LegHeld),
        "leg.resumed" v 1 => Resumed(LegResumed),
        "leg.digit" v 1 => Digit(LegDigit),
        "leg.moved" v 1 => Moved(LegMoved),
        "legs.bridged" v 1 => Bridged(LegsBridged),
        "legs.parted" v 1 => Parted(LegsParted),
        "transfer.requested" v 1 => TransferRequested(TransferRequested),
        "transfer.completed" v 1 => TransferCompleted(TransferCompleted),
        "transfer.failed" v 1 => TransferFailed(TransferFailed),
        "leg.releasing" v 1 => Releasing(LegReleasing),
        "leg.ended" v 1 => LegEnded(LegEnded),
        "call.queued" v 1 => Queued(CallQueued),
        "call.dequeued" v 1 => Dequeued(CallDequeued),
        "call.sticky_ended" v 1 => StickyEnded(CallStickyEnded),
        "call.offered" v 1 => Offered(CallOffered),
        "call.agent_alerting" v 1 => AgentAlerting(AgentAlerting),
        "call.agent_joined" v 1 => AgentJoined(AgentJoined),
        "call.agent_held" v 1 => AgentHeld(AgentHeld),
        "call.agent_retrieved" v 1 => AgentRetrieved(AgentRetrieved),
        "call.agent_muted" v 1 => AgentMuted(AgentMuted),
        "call.agent_left" v 1 => AgentLeft(AgentLeft),
        "call.part_moved" v 1 => PartMoved(PartMoved),
        "call.unreached" v 1 => Unreached(CallUnreached),
        "call.conferenced" v 1 => Conferenced(CallConferenced),
        "call.consulting" v 1 => Consulting(CallConsulting),
        "call.handover_asked" v 1 => HandoverAsked(HandoverAsked),
        "call.handover_ended" v 1 => HandoverEnded(HandoverEnded),
        "call.data" v 1 => DataSet(CallDataSet),
        "call.announcing" v 1 => Announcing(CallAnnouncing),
        "call.announced" v 1 => Announced(CallAnnounced),
        "call.collecting" v 1 => Collecting(CallCollecting),
        "call.collected" v 1 => Collected(CallCollected),
        "call.voicemail" v 1 => Voicemail(CallVoicemail),
        "call.supervision_asked" v 1 => SupervisionAsked(SupervisionAsked),
        "call.supervised" v 1 => Supervised(CallSupervised),
        "call.supervision_ended" v 1 => SupervisionEnded(SupervisionEnded),
        "call.intercepted" v 1 => Intercepted(CallIntercepted),
        "recording.started" v 1 => RecordingStarted(RecordingStarted),
        "recording.paused" v 1 => RecordingPaused(RecordingPaused),
        "recording.resumed" v 1 => RecordingResumed(RecordingResumed),
        "recording.stopped" v 1 => RecordingStopped(RecordingStopped),
        "recording.ended" v 1 => RecordingEnded(RecordingEnded),
        "playback.asked" v 1 => PlaybackAsked(PlaybackAsked),
        "playback.started" v 1 => PlaybackStarted(PlaybackStarted),
        "playback.moved" v 1 => PlaybackMoved(PlaybackMoved),
        "playback.ended" v 1 => PlaybackEnded(PlaybackEnded),
        "conference.began" v 1 => ConferenceBegan(ConferenceBegan),
        "conference.changed" v 1 => ConferenceChanged(ConferenceChanged),
        "conference.invited" v 1 => ConferenceInvited(ConferenceInvited),
        "conference.joined" v 1 => ConferenceJoined(ConferenceJoined),
        "conference.left" v 1 => ConferenceLeft(ConferenceLeft),
        "conference.held" v 1 => ConferenceHeld(ConferenceHeld),
        "conference.playing" v 1 => ConferencePlaying(ConferencePlaying),
        "conference.nearly_over" v 1 => ConferenceNearlyOver(ConferenceNearlyOver),
        "call.ended" v 1 => Ended(CallEnded),
    }
}

kinds! {
    /// Facts about a signed-in agent.
    AgentEvent {
        "agent.signed_in" v 1 => SignedIn(AgentSignedIn),
        "agent.signed_out" v 1 => SignedOut(AgentSignedOut),
        "agent.skills" v 1 => SkillsChosen(AgentSkillsChosen),
        "agent.settings" v 1 => SettingsChanged(AgentSettingsChanged),
        "agent.mode" v 1 => ModeChanged(AgentModeChanged),
        "agent.mode_deferred" v 1 => ModeDeferred(AgentModeDeferred),
        "agent.rest_overrun" v 1 => RestOverrun(AgentRestOverrun),
        "agent.phone" v 1 => PhoneChanged(AgentPhoneChanged),
        "agent.note" v 1 => Noted(AgentNoted),
    }
}

kinds! {
    /// Facts about a tenant's configuration, registrations and trunks.
    ConfigEvent {
        "tenant.created" v 1 => TenantCreated(TenantCreated),
        "tenant.changed" v 1 => TenantChanged(TenantChanged),
        "tenant.removed" v 1 => TenantRemoved(TenantRemoved),
        "phone.added" v 1 => PhoneAdded(PhoneAdded),
        "phone.changed" v 1 => PhoneChanged(PhoneChanged),
        "phone.removed" v 1 => PhoneRemoved(PhoneRemoved),
        "trunk.added" v 1 => TrunkAdded(TrunkAdded),
        "trunk.changed" v 1 => TrunkChanged(TrunkChanged),
        "trunk.removed" v 1 => TrunkRemoved(TrunkRemoved),
        "trunk.state" v 1 => TrunkStateChanged(TrunkStateChanged),
        "number.added" v 1 => NumberAdded(NumberAdded),
        "number.changed" v 1 => NumberChanged(NumberChanged),
        "number.removed" v 1 => NumberRemoved(NumberRemoved),
        "agent.added" v 1 => AgentAdded(AgentAdded),
        "agent.changed" v 1 => AgentChanged(AgentChanged),
        "agent.removed" v 1 => AgentRemoved(AgentRemoved),
        "queue.added" v 1 => QueueAdded(QueueAdded),
        "queue.changed" v 1 => QueueChanged(QueueChanged),
        "queue.removed" v 1 => QueueRemoved(QueueRemoved),
        "group.set" v 1 => GroupSet(GroupSet),
        "group.removed" v 1 => GroupRemoved(GroupRemoved),
        "absence_cause.set" v 1 => AbsenceCauseSet(AbsenceCauseSet),
        "absence_cause.removed" v 1 => AbsenceCauseRemoved(AbsenceCauseRemoved),
        "audit.noted" v 1 => Audited(Audited),
        "registration.added" v 1 => RegistrationAdded(RegistrationAdded),
        "registration.refreshed" v 1 => RegistrationRefreshed(RegistrationRefreshed),
        "registration.removed" v 1 => RegistrationRemoved(RegistrationRemoved),
    }
}

macro_rules! body {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
            pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
        )*
    };
}

body! {
    /// Somebody calls: the call begins with this leg.
    CallArrived {
        /// The caller's leg.
        leg: LegId,
        /// Where it came from.
        from: Endpoint,
        /// Caller number as shown, `anonymous` if withheld.
        #[schemars(with = "String")]
        caller: SmolStr,
        /// Caller's display name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        caller_name: Option<SmolStr>,
        /// What was dialled.
        #[schemars(with = "String")]
        called: SmolStr,
        /// The caller's dialog.
        dialog: DialogRecord,
    }
    /// A person or program asked us to call `from` first and then `called`.
    CallOriginated {
        /// Whose phone rings first.
        from: Endpoint,
        /// Who is called then.
        #[schemars(with = "String")]
        called: SmolStr,
        /// What for.
        #[serde(default, skip_serializing_if = "CallKind::is_ordinary")]
        kind: CallKind,
        /// The agent that began it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<WorkNumber>,
        /// Number to show instead of the usual one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        caller: Option<SmolStr>,
        /// Whom the agent wants to reach, once its own phone is up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reach: Option<Reach>,
    }
    /// It was decided where the call goes.
    CallRouted {
        /// What was dialled.
        #[schemars(with = "String")]
        called: SmolStr,
        /// Where it leads.
        route: Route,
    }
    /// An INVITE goes out.
    LegDialled {
        /// The new leg.
        leg: LegId,
        /// Whom we call.
        to: Endpoint,
        /// The URI we call.
        target: String,
        /// Why we call.
        purpose: Purpose,
        /// The leg on whose behalf, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on_behalf_of: Option<LegId>,
        /// Number that is called.
        #[schemars(with = "String")]
        called: SmolStr,
        /// The agent whose phone it is, for a part of that agent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<WorkNumber>,
        /// When we give up.
        gives_up: Timestamp,
    }
    /// A called leg rings, or a caller was told so.
    LegRinging {
        /// The leg.
        leg: LegId,
        /// SIP status: 180 to 189.
        status: u16,
        /// The far end already sends audio.
        early_media: bool,
    }
    /// A leg is up.
    LegAnswered {
        /// The leg.
        leg: LegId,
        /// Its dialog, if we called (a caller's is in `call.arrived`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dialog: Option<DialogRecord>,
        /// Its media, if we called (a caller's follows in `leg.media`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media: Option<MediaRecord>,
    }
    /// A leg's media was negotiated, the first time or anew.
    LegMedia {
        /// The leg.
        leg: LegId,
        /// Its dialog now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dialog: Option<DialogRecord>,
        /// Its media now.
        media: MediaRecord,
    }
    /// A leg was put on hold.
    LegHeld {
        /// The leg that pressed hold, or that is held by an operator: it neither speaks nor hears.
        leg: LegId,
        /// Who did it.
        by: Holder,
    }
    /// A hold ended.
    LegResumed {
        /// The leg.
        leg: LegId,
        /// Who did it.
        by: Holder,
    }
    /// Somebody pressed a key.
    LegDigit {
        /// The leg it came from.
        leg: LegId,
        /// 0-9, `*`, `#`, A-D.
        digit: char,
        /// How long, in milliseconds.
        duration_ms: u32,
    }
    /// A leg left another call and joined this one.
    LegMoved {
        /// The leg.
        leg: LegId,
        /// The call it left.
        from: CallId,
    }
    /// These legs hear each other from now on.
    LegsBridged {
        /// Two or more.
        legs: Vec<LegId>,
    }
    /// The bridge is gone.
    LegsParted {
        /// Those who were in it.
        legs: Vec<LegId>,
    }
    /// A party wants to hand its peer to somebody else.
    TransferRequested {
        /// The party that hands over.
        leg: LegId,
        /// To whom, as it was dialled.
        #[schemars(with = "String")]
        target: SmolStr,
        /// Its other leg, for an attended transfer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        with: Option<LegId>,
        /// Who asked: the phone itself (REFER, it waits for an answer) or an operator.
        by: Party,
    }
    /// The transfer is done.
    TransferCompleted {
        /// The party that handed over.
        leg: LegId,
    }
    /// The transfer failed; the parties talk again.
    TransferFailed {
        /// The party that wanted to hand over.
        leg: LegId,
        /// Why.
        cause: Cause,
    }
    /// We end this leg (CANCEL, BYE or a refusal goes out).
    LegReleasing {
        /// The leg.
        leg: LegId,
        /// Why.
        cause: Cause,
    }
    /// A leg is over.
    LegEnded {
        /// The leg.
        leg: LegId,
        /// Why.
        cause: Cause,
        /// What its media was like.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stats: Option<MediaStats>,
    }
    /// A call waits in a queue from now on.
    CallQueued {
        /// The queue.
        queue: QueueId,
        /// The leg that waits.
        leg: LegId,
        /// Why it came.
        entry: Entry,
        /// 1 to 254, higher goes first.
        priority: u8,
        /// When its waiting began: earlier than the event for a call that kept its place.
        since: Timestamp,
        /// Its place, 1 for the next.
        position: u32,
        /// Its caller's last agent, whom it waits for alone at first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sticky: Option<WorkNumber>,
        /// The agent that still talks with the caller until another answers (handover with `success`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept_by: Option<WorkNumber>,
    }
    /// A call waits no longer.
    CallDequeued {
        /// The queue.
        queue: QueueId,
        /// How it left.
        leaving: Leaving,
        /// How long it waited, in milliseconds.
        waited_ms: u64,
    }
    /// A waiting call no longer waits for its caller's last agent alone: any agent of the queue may take it.
    CallStickyEnded {
        /// The queue.
        queue: QueueId,
        /// Whom it waited for.
        agent: WorkNumber,
    }
    /// A call is offered to an agent: the agent is reserved for it.
    CallOffered {
        /// Who.
        agent: WorkNumber,
        /// As what.
        role: PartRole,
        /// From which queue, if from one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queue: Option<QueueId>,
        /// Why this agent; absent when the agent itself began the call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        choice: Option<Choice>,
        /// When the offer ends unless answered; absent when the agent began the call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    }
    /// An agent's phone is up; the agent is asked to take the call.
    AgentAlerting {
        /// Who.
        agent: WorkNumber,
        /// Its leg.
        leg: LegId,
    }
    /// An agent takes part with its voice from now on.
    AgentJoined {
        /// Who.
        agent: WorkNumber,
        /// Its leg.
        leg: LegId,
        /// Without being asked (automatic answering).
        auto: bool,
    }
    /// An agent has put this call aside: the other side hears music.
    AgentHeld {
        /// Who.
        agent: WorkNumber,
    }
    /// An agent has taken this call back.
    AgentRetrieved {
        /// Who.
        agent: WorkNumber,
    }
    /// Others no longer hear an agent, or do again.
    AgentMuted {
        /// Who.
        agent: WorkNumber,
        /// Whether it is muted.
        muted: bool,
    }
    /// An agent's part in the call is over.
    AgentLeft {
        /// Who.
        agent: WorkNumber,
        /// Why.
        end: PartEnd,
    }
    /// An agent's part came over from another call together with its leg: calls were joined, or a helper took over.
    PartMoved {
        /// Who.
        agent: WorkNumber,
        /// The call it was in.
        from: CallId,
        /// As what it takes part here.
        role: PartRole,
    }
    /// Whom an agent wanted to reach (called out, called inside, asked for help) could not be reached.
    CallUnreached {
        /// Who wanted it.
        agent: WorkNumber,
        /// Why not.
        cause: Cause,
    }
    /// Three or more talk from now on, by an agent's wish.
    CallConferenced {
        /// Who joined them.
        agent: WorkNumber,
        /// All parties as shown: work numbers and numbers.
        #[schemars(with = "Vec<String>")]
        parties: Vec<SmolStr>,
    }
    /// This call asks somebody about another call.
    CallConsulting {
        /// Who asks.
        agent: WorkNumber,
        /// The call it is about.
        about: CallId,
        /// Whom.
        target: Reach,
        /// All three talk as soon as there is an answer.
        three_party: bool,
    }
    /// An agent wants to hand the call over.
    HandoverAsked {
        /// Who.
        agent: WorkNumber,
        /// To whom.
        target: Reach,
        /// How.
        mode: HandoverMode,
        /// Number to show to the target instead of the usual one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        caller: Option<SmolStr>,
        /// The agent's leg, if its phone asked for it (REFER) and waits for an answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refer: Option<LegId>,
    }
    /// A handover is through, or has failed and the agent keeps the call (unless it was blind).
    HandoverEnded {
        /// Who wanted it.
        agent: WorkNumber,
        /// Why it failed, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<Cause>,
    }
    /// Data was attached to the call.
    CallDataSet {
        /// All of it now, at most 16 KiB.
        #[schemars(with = "String")]
        data: SmolStr,
        /// Who did it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<WorkNumber>,
    }
    /// A party is told something.
    CallAnnouncing {
        /// Who hears it.
        leg: LegId,
        /// Prompts one after the other.
        #[schemars(with = "Vec<String>")]
        prompts: Vec<SmolStr>,
    }
    /// It has heard it, or was interrupted.
    CallAnnounced {
        /// Who.
        leg: LegId,
        /// Why not, if it could not be played.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        failed: Option<SmolStr>,
    }
    /// Keys are awaited.
    CallCollecting {
        /// From whom.
        leg: LegId,
        /// What is said first.
        #[schemars(with = "Vec<String>")]
        prompts: Vec<SmolStr>,
        /// Rules.
        rules: CollectRules,
    }
    /// Keys were collected.
    CallCollected {
        /// From whom.
        leg: LegId,
        /// Which.
        #[schemars(with = "String")]
        digits: SmolStr,
        /// No key came in time (and fewer than wanted).
        timed_out: bool,
    }
    /// A caller may leave a message.
    CallVoicemail {
        /// Who.
        leg: LegId,
        /// In whose voicemail.
        queue: QueueId,
    }
    /// A supervisor wants to sit in: its phone is being connected.
    SupervisionAsked {
        /// The supervisor.
        supervisor: WorkNumber,
        /// Whose call it is.
        agent: WorkNumber,
        /// How.
        mode: SuperviseMode,
    }
    /// A supervisor sits in, or changes how.
    CallSupervised {
        /// The supervisor.
        supervisor: WorkNumber,
        /// Whose call it is.
        agent: WorkNumber,
        /// How.
        mode: SuperviseMode,
    }
    /// A supervisor has left.
    SupervisionEnded {
        /// The supervisor.
        supervisor: WorkNumber,
        /// Whose call it was.
        agent: WorkNumber,
    }
    /// A supervisor that sat in serves the call from now on; the agent's part ends next.
    CallIntercepted {
        /// The supervisor.
        supervisor: WorkNumber,
        /// Whose call it was.
        agent: WorkNumber,
    }
    /// A recording was ordered.
    RecordingStarted {
        /// Its name.
        recording: RecordingId,
        /// Why.
        purpose: RecordingPurpose,
        /// Whose talk, if an agent's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<WorkNumber>,
        /// Where, below the tenant's recordings, without extension.
        #[schemars(with = "String")]
        path: SmolStr,
        /// As what.
        format: RecordingFormat,
    }
    /// A recording leaves a gap.
    RecordingPaused {
        /// Which.
        recording: RecordingId,
    }
    /// It goes on.
    RecordingResumed {
        /// Which.
        recording: RecordingId,
    }
    /// It was ordered to end; `recording.ended` follows once it is complete.
    RecordingStopped {
        /// Which.
        recording: RecordingId,
    }
    /// A recording is complete, or failed.
    RecordingEnded {
        /// Which.
        recording: RecordingId,
        /// Where, below the tenant's recordings, with extension.
        #[schemars(with = "String")]
        path: SmolStr,
        /// Recorded time in milliseconds, without gaps.
        duration_ms: u64,
        /// Size of the file.
        bytes: u64,
        /// Why it failed, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        failed: Option<SmolStr>,
    }
    /// An agent wants to listen to a recording: its phone is being connected.
    PlaybackAsked {
        /// Who.
        agent: WorkNumber,
        /// Which, below the tenant's recordings.
        #[schemars(with = "String")]
        path: SmolStr,
        /// From where, in milliseconds.
        from_ms: u64,
        /// How often in all.
        times: u16,
    }
    /// An agent listens to a recording.
    PlaybackStarted {
        /// Who.
        agent: WorkNumber,
        /// Which, below the tenant's recordings.
        #[schemars(with = "String")]
        path: SmolStr,
        /// From where, in milliseconds.
        from_ms: u64,
        /// How often in all.
        times: u16,
    }
    /// Paused, or playing from another position.
    PlaybackMoved {
        /// Who.
        agent: WorkNumber,
        /// Where it is now, in milliseconds.
        at_ms: u64,
        /// Whether it plays.
        playing: bool,
        /// It jumped: not only paused or resumed.
        jumped: bool,
        /// How often more after this time.
        #[serde(default)]
        again: u16,
    }
    /// At its end, or stopped.
    PlaybackEnded {
        /// Who.
        agent: WorkNumber,
        /// Why it could not be played, if so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        failed: Option<SmolStr>,
    }
    /// A conference begins.
    ConferenceBegan {
        /// Its chair.
        chair: WorkNumber,
        /// Most members, the chair counted.
        members: u16,
        /// When it ends.
        until: Timestamp,
    }
    /// Its chair, size or end changed.
    ConferenceChanged {
        /// Its chair.
        chair: WorkNumber,
        /// Most members.
        members: u16,
        /// When it ends.
        until: Timestamp,
    }
    /// Somebody is called into it.
    ConferenceInvited {
        /// Who.
        member: Reach,
    }
    /// Somebody is in it.
    ConferenceJoined {
        /// Who.
        member: Reach,
        /// Its leg.
        leg: LegId,
    }
    /// Somebody has left it, or did not come.
    ConferenceLeft {
        /// Who.
        member: Reach,
        /// Why.
        end: PartEnd,
    }
    /// A member is held or taken back.
    ConferenceHeld {
        /// Who.
        member: Reach,
        /// Whether.
        held: bool,
    }
    /// All (or one) hear a prompt, or it stopped.
    ConferencePlaying {
        /// One only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        member: Option<Reach>,
        /// What; absent when it stopped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        prompt: Option<SmolStr>,
    }
    /// A conference ends soon.
    ConferenceNearlyOver {
        /// When.
        until: Timestamp,
    }
    /// The call is over; its last leg has ended.
    CallEnded {
        /// Why.
        cause: Cause,
        /// Whether anybody or anything ever answered.
        answered: bool,
    }

    /// A session begins.
    AgentSignedIn {
        /// As it was wished, with the skills worked out.
        session: SignIn,
    }
    /// A session is over.
    AgentSignedOut {
        /// Why.
        reason: SignOutReason,
    }
    /// Which queues it serves now.
    AgentSkillsChosen {
        /// Queues.
        queues: Vec<QueueId>,
        /// Who chose, if not the agent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<WorkNumber>,
    }
    /// Automatic answering or being ready after a call was switched.
    AgentSettingsChanged {
        /// Automatic answering.
        auto_answer: bool,
        /// Ready after a call.
        auto_ready: bool,
    }
    /// What it does between calls changed.
    AgentModeChanged {
        /// Now.
        mode: Mode,
        /// By whom.
        by: ModeBy,
        /// After which call, for wrap-up and for what follows a call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<CallId>,
    }
    /// What it will do after its calls.
    AgentModeDeferred {
        /// Then; absent when it was taken back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<Mode>,
        /// By whom.
        by: ModeBy,
    }
    /// Its rest has lasted longer than asked for.
    AgentRestOverrun {}
    /// Its phone rings, is up, is on-hook or can't be reached.
    AgentPhoneChanged {
        /// Its state now.
        state: PhoneState,
        /// In which call.
        call: CallId,
    }
    /// It got a note.
    AgentNoted {
        /// From whom.
        from: WorkNumber,
        /// The text.
        #[schemars(with = "String")]
        text: SmolStr,
        /// A bulletin, not a note.
        bulletin: bool,
    }

    /// An agent was set up.
    AgentAdded {
        /// The agent.
        agent: Agent,
    }
    /// An agent's settings changed.
    AgentChanged {
        /// The agent now.
        agent: Agent,
    }
    /// An agent was removed.
    AgentRemoved {
        /// Its number.
        number: WorkNumber,
    }
    /// A queue was set up.
    QueueAdded {
        /// The queue.
        queue: Queue,
    }
    /// A queue's settings changed.
    QueueChanged {
        /// The queue now.
        queue: Queue,
    }
    /// A queue was removed.
    QueueRemoved {
        /// Its number.
        queue: QueueId,
    }
    /// A group of agents was set up or changed.
    GroupSet {
        /// The group now.
        group: AgentGroup,
    }
    /// A group was removed.
    GroupRemoved {
        /// Its number.
        id: u16,
    }
    /// A cause for rests or being busy was set up or changed.
    AbsenceCauseSet {
        /// The cause now.
        cause: AbsenceCause,
    }
    /// One was removed.
    AbsenceCauseRemoved {
        /// For which.
        kind: Absence,
        /// Its code.
        code: u8,
    }
    /// Somebody changed the configuration, or tried to.
    Audited {
        /// Who did what.
        audit: Audit,
    }

    /// A tenant begins.
    TenantCreated {
        /// Its settings.
        settings: TenantSettings,
    }
    /// A tenant's settings changed.
    TenantChanged {
        /// The settings now.
        settings: TenantSettings,
    }
    /// A tenant is gone; its history stays.
    TenantRemoved {}
    /// A phone was set up.
    PhoneAdded {
        /// The phone.
        phone: Phone,
    }
    /// A phone's settings changed.
    PhoneChanged {
        /// The phone now.
        phone: Phone,
    }
    /// A phone was removed.
    PhoneRemoved {
        /// Its user name.
        user: UserName,
    }
    /// A trunk was set up.
    TrunkAdded {
        /// The trunk.
        trunk: Trunk,
    }
    /// A trunk's settings changed.
    TrunkChanged {
        /// The trunk now.
        trunk: Trunk,
    }
    /// A trunk was removed.
    TrunkRemoved {
        /// Its name.
        name: TrunkName,
    }
    /// A trunk came up or went down.
    TrunkStateChanged {
        /// The trunk.
        name: TrunkName,
        /// Its state now.
        state: TrunkState,
        /// What was seen.
        #[schemars(with = "String")]
        reason: SmolStr,
    }
    /// An access number was set up.
    NumberAdded {
        /// The number and where it leads.
        number: AccessNumber,
    }
    /// An access number leads elsewhere.
    NumberChanged {
        /// The number and where it leads now.
        number: AccessNumber,
    }
    /// An access number was removed.
    NumberRemoved {
        /// The number.
        number: Number,
    }
    /// A phone can be reached at a new contact.
    RegistrationAdded {
        /// The phone.
        user: UserName,
        /// Where.
        binding: Binding,
    }
    /// A contact was refreshed, or came by another path.
    RegistrationRefreshed {
        /// The phone.
        user: UserName,
        /// The binding now.
        binding: Binding,
    }
    /// A contact is gone.
    RegistrationRemoved {
        /// The phone.
        user: UserName,
        /// The contact URI.
        contact: String,
        /// Why.
        end: BindingEnd,
    }
}

/// A tenant's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TenantSettings {
    /// Name for people.
    #[schemars(with = "String")]
    pub name: SmolStr,
    /// SIP domains in lower case: the host part of its phones' addresses.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub domains: Vec<SmolStr>,
    /// Most calls at once.
    pub max_calls: u32,
    /// Seconds a called phone or trunk may ring.
    pub ring_timeout_s: u32,
    /// Most agents signed in at once.
    #[serde(default = "TenantSettings::default_max_agents")]
    pub max_agents: u32,
    /// Its number in the published interfaces (VDN), 1 to 5000, unique on the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vdn: Option<u16>,
    /// As what calls are recorded.
    #[serde(default)]
    pub recording_format: RecordingFormat,
    /// An agent that does not answer becomes busy; else it stays ready.
    #[serde(default = "TenantSettings::default_busy_after_no_answer")]
    pub busy_after_no_answer: bool,
    /// A rest that has run over ends by force.
    #[serde(default)]
    pub force_rest_end: bool,
}

impl CallKind {
    fn is_ordinary(&self) -> bool {
        *self == CallKind::Ordinary
    }
}

impl TenantSettings {
    /// Settings with usual values: 10,000 calls, 60 s ringing, no domain.
    pub fn named(name: impl AsRef<str>) -> Self {
        TenantSettings {
            name: SmolStr::new(name.as_ref()),
            domains: Vec::new(),
            max_calls: 10_000,
            ring_timeout_s: 60,
            max_agents: Self::default_max_agents(),
            vdn: None,
            recording_format: RecordingFormat::default(),
            busy_after_no_answer: Self::default_busy_after_no_answer(),
            force_rest_end: false,
        }
    }

    fn default_max_agents() -> u32 {
        1000
    }
    fn default_busy_after_no_answer() -> bool {
        true
    }
}

/// Where a call leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// To a colleague's phone.
    Phone(UserName),
    /// By an access number.
    Number(Destination),
    /// To the telephone network: the trunks in the order in which they are tried.
    Trunks(Vec<TrunkName>),
    /// Takes the place of an existing leg (INVITE with Replaces, RFC 3891).
    Replaces(LegId),
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    /// Somebody called, or a program connected two parties.
    #[default]
    Ordinary,
    /// An agent calls out.
    Outbound,
    /// An agent calls a colleague or a queue.
    Inside,
    /// An agent asks a colleague about another call.
    Consultation,
    /// Holds the phone of an agent that stays connected between calls; not a conversation.
    Line,
    /// An agent listens to a recording.
    Playback,
    /// A conference.
    Conference,
}

/// Why a leg was dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The called party of a call.
    Call,
    /// The first party of a call that we originate.
    Originate,
    /// The target of a blind transfer.
    Transfer,
    /// A further party.
    Party,
    /// An agent's phone, for a part of the agent in the call.
    Agent,
    /// A member of a conference that is no agent.
    Member,
}

/// What an agent's phone does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhoneState {
    /// It rings.
    Alerting,
    /// It is up.
    OffHook,
    /// It is on-hook again.
    OnHook,
    /// It is busy or refused.
    Busy,
    /// It can't be reached.
    Unknown,
}

/// Who holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// The phone itself (re-INVITE, RFC 3264 §8.4).
    Phone,
    /// A person or program through the API.
    Operator,
}

impl Event {
    /// The kind's stable name, `leg.answered` for example.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Call(_, event) => event.kind(),
            Event::Agent(_, event) => event.kind(),
            Event::Config(event) => event.kind(),
        }
    }

    /// The version of the kind's schema.
    pub fn version(&self) -> u32 {
        match self {
            Event::Call(_, event) => event.version(),
            Event::Agent(_, event) => event.version(),
            Event::Config(event) => event.version(),
        }
    }

    /// The call it is about.
    pub fn call(&self) -> Option<CallId> {
        match self {
            Event::Call(call, _) => Some(*call),
            Event::Agent(..) | Event::Config(_) => None,
        }
    }

    /// The agent whose session it is about.
    pub fn agent(&self) -> Option<WorkNumber> {
        match self {
            Event::Agent(agent, _) => Some(*agent),
            Event::Call(..) | Event::Config(_) => None,
        }
    }
}

impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("tenant", &self.tenant)?;
        map.serialize_entry("seq", &self.seq)?;
        map.serialize_entry("time", &self.time)?;
        map.serialize_entry("kind", self.event.kind())?;
        map.serialize_entry("version", &self.event.version())?;
        match &self.event {
            Event::Call(call, event) => {
                map.serialize_entry("call", call)?;
                event.serialize_data(&mut map)?;
            }
            Event::Agent(agent, event) => {
                map.serialize_entry("agent", agent)?;
                event.serialize_data(&mut map)?;
            }
            Event::Config(event) => event.serialize_data(&mut map)?,
        }
        map.end()
    }
}

impl Envelope {
    /// Appends the JSON form, without a line end.
    pub fn encode(&self, out: &mut Vec<u8>) {
        // Writing to a Vec can't fail, and no map key here is anything but a string.
        let _ = serde_json::to_writer(out, self);
    }

    /// Reads the JSON form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct Raw<'a> {
            tenant: TenantId,
            seq: u64,
            time: Timestamp,
            #[serde(borrow)]
            kind: Cow<'a, str>,
            call: Option<CallId>,
            agent: Option<WorkNumber>,
            #[serde(borrow)]
            data: &'a RawValue,
        }
        let raw: Raw<'_> = serde_json::from_slice(bytes)?;
        let event = if CallEvent::knows(&raw.kind) {
            let call = raw.call.ok_or_else(|| DecodeError::NoCall(raw.kind.to_string()))?;
            Event::Call(call, CallEvent::decode(&raw.kind, raw.data.get())?)
        } else if AgentEvent::knows(&raw.kind) {
            let agent = raw.agent.ok_or_else(|| DecodeError::NoAgent(raw.kind.to_string()))?;
            Event::Agent(agent, AgentEvent::decode(&raw.kind, raw.data.get())?)
        } else if ConfigEvent::knows(&raw.kind) {
            Event::Config(ConfigEvent::decode(&raw.kind, raw.data.get())?)
        } else {
            return Err(DecodeError::UnknownKind(raw.kind.into_owned()));
        };
        Ok(Envelope { tenant: raw.tenant, seq: raw.seq, time: raw.time, event })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_survives_its_json() {
        let envelope = Envelope {
            tenant: TenantId::new("demo").unwrap(),
            seq: 7,
            time: Timestamp::from_micros(1_795_369_320_000_000),
            event: Event::Call(
                CallId(12),
                LegEnded {
                    leg: LegId(13),
                    cause: Cause::normal(Party::Remote),
                    stats: Some(MediaStats { jitter_ms: 0.5, ..Default::default() }),
                }
                .into(),
            ),
        };
        let mut bytes = Vec::new();
        envelope.encode(&mut bytes);
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(
            text.starts_with(r#"{"tenant":"demo","seq":7,"time":"2026-11-22T17:42:00.000000Z","kind":"leg.ended","version":1,"call":"#),
            "{text}"
        );
        assert_eq!(Envelope::decode(&bytes).unwrap(), envelope);
    }

    #[test]
    fn an_unknown_kind_is_named() {
        let error = Envelope::decode(br#"{"tenant":"t","seq":1,"time":"2026-11-22T17:42:00Z","kind":"tea.served","version":1,"data":{}}"#);
        assert!(error.unwrap_err().to_string().contains("tea.served"));
    }
}
