//! Commands: wishes in the imperative. What the switch saw, what a person or program wants, what a timer says.

use smol_str::SmolStr;

use crate::agent::{Absence, AbsenceCause, Agent, AgentGroup, AgentRefusal, AgentWish, WorkNumber};
use crate::call::{DialogRecord, Endpoint, Flow, MediaRecord, MediaStats};
use crate::cause::Cause;
use crate::config::{AccessNumber, Phone, Trunk, TrunkState};
use crate::effect::TimerKey;
use crate::event::TenantSettings;
use crate::id::{CallId, LegId, Number, RecordingId, RequestId, TrunkName, UserName};
use crate::queue::{Queue, QueueId};
use crate::registration::RegisterRequest;

/// A wish, addressed to one tenant.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    // ---- administration -------------------------------------------------------------------------------------------
    /// Begin this tenant.
    CreateTenant(TenantSettings),
    /// Change its settings.
    ChangeTenant(TenantSettings),
    /// Close it: ends its calls and registrations.
    RemoveTenant,
    /// Set up a phone; rejected if there is one of that name.
    AddPhone(Phone),
    /// Change a phone; no event if nothing differs.
    ChangePhone(Phone),
    /// Remove a phone and its registrations; its calls go on.
    RemovePhone(UserName),
    /// Set up a trunk.
    AddTrunk(Trunk),
    /// Change a trunk.
    ChangeTrunk(Trunk),
    /// Remove a trunk; its calls go on.
    RemoveTrunk(TrunkName),
    /// Set up an access number.
    AddNumber(AccessNumber),
    /// Change where an access number leads.
    ChangeNumber(AccessNumber),
    /// Remove an access number.
    RemoveNumber(Number),

    /// Set up an agent; rejected if there is one of that number.
    AddAgent(Agent),
    /// Change an agent.
    ChangeAgent(Agent),
    /// Remove an agent: ends its session.
    RemoveAgent(WorkNumber),
    /// Set up a queue.
    AddQueue(Queue),
    /// Change a queue.
    ChangeQueue(Queue),
    /// Remove a queue: refused while calls wait in it or a number leads to it.
    RemoveQueue(QueueId),
    /// Set up or change a group of agents.
    SetGroup(AgentGroup),
    /// Remove a group.
    RemoveGroup(u16),
    /// Set up or change a cause for rests or for being busy.
    SetAbsenceCause(AbsenceCause),
    /// Remove one.
    RemoveAbsenceCause(Absence, u8),
    /// Note who did what to the configuration, for the audit trail.
    Audit(Audit),

    // ---- what the switch saw --------------------------------------------------------------------------------------
    /// An authenticated REGISTER; answered by [`crate::Effect::Registered`] or [`crate::Effect::RegisterRefused`].
    Register {
        /// The phone.
        user: UserName,
        /// What to name in the answer.
        request: RequestId,
        /// What it says.
        register: RegisterRequest,
    },
    /// The connection that a phone registered over is closed.
    ConnectionLost {
        /// The phone.
        user: UserName,
        /// The connection.
        flow: Flow,
    },
    /// A trunk answered, stopped answering, registered or was refused.
    TrunkSeen {
        /// The trunk.
        name: TrunkName,
        /// Its state now.
        state: TrunkState,
        /// What was seen.
        reason: SmolStr,
    },
    /// An INVITE that begins a dialog, authenticated or from a known trunk.
    LegOffered {
        /// The new leg, named by the switch.
        leg: LegId,
        /// Where it comes from.
        from: Endpoint,
        /// Caller number.
        caller: SmolStr,
        /// Caller's display name.
        caller_name: Option<SmolStr>,
        /// What was dialled.
        called: SmolStr,
        /// Its dialog.
        dialog: DialogRecord,
        /// The leg whose place it takes (Replaces, RFC 3891).
        replaces: Option<LegId>,
    },
    /// A dialled leg rings.
    LegProgressed {
        /// The leg.
        leg: LegId,
        /// 180 to 189.
        status: u16,
        /// It already sends audio.
        early_media: bool,
    },
    /// A dialled leg answered.
    LegAnswered {
        /// The leg.
        leg: LegId,
        /// Its dialog.
        dialog: DialogRecord,
        /// Its media.
        media: MediaRecord,
    },
    /// A leg's media was negotiated (a caller's first answer, or any later change).
    LegMediaChanged {
        /// The leg.
        leg: LegId,
        /// Its dialog now.
        dialog: Option<DialogRecord>,
        /// Its media now.
        media: MediaRecord,
    },
    /// The phone pressed hold.
    LegHeld {
        /// The leg.
        leg: LegId,
    },
    /// The phone took the call back.
    LegResumed {
        /// The leg.
        leg: LegId,
    },
    /// The far end pressed a key.
    LegDigit {
        /// The leg.
        leg: LegId,
        /// 0-9, `*`, `#`, A-D.
        digit: char,
        /// How long, in milliseconds.
        duration_ms: u32,
    },
    /// A prompt, sequence or recording could not be played.
    PromptFailed {
        /// The leg that was to hear it.
        leg: LegId,
        /// Why.
        reason: SmolStr,
    },
    /// A recording has begun.
    RecordingStarted {
        /// Which.
        recording: RecordingId,
    },
    /// A recording could not begin, or broke off.
    RecordingFailed {
        /// Which.
        recording: RecordingId,
        /// Why.
        reason: SmolStr,
    },
    /// A recording is complete on disk; also sent after a restart for one that a crash cut off and that was repaired.
    RecordingEnded {
        /// Which.
        recording: RecordingId,
        /// Recorded time in milliseconds, without gaps.
        duration_ms: u64,
        /// Size of the file.
        bytes: u64,
        /// Where, below the tenant's recordings, with extension.
        path: SmolStr,
    },
    /// A prompt without repeat has been played to its end.
    PromptEnded {
        /// The leg that heard it.
        leg: LegId,
    },
    /// The phone asks for a transfer (REFER, RFC 3515); answered by [`crate::Effect::TransferAnswered`].
    TransferAsked {
        /// The party that hands over.
        leg: LegId,
        /// To whom.
        target: TransferTarget,
    },
    /// A leg is over: the far end hung up, refused, or our own release is through. Comes exactly once per leg.
    LegEnded {
        /// The leg.
        leg: LegId,
        /// Why.
        cause: Cause,
        /// What its media was like.
        stats: Option<MediaStats>,
    },

    // ---- call control by a person or program ----------------------------------------------------------------------
    /// Call a phone, and when it answers, call `to` on its behalf.
    Originate {
        /// The phone that rings first.
        from: UserName,
        /// The number to call then.
        to: SmolStr,
    },
    /// Put a leg on hold: its peer hears the hold tone.
    Hold {
        /// The leg.
        leg: LegId,
    },
    /// End a hold.
    Resume {
        /// The leg.
        leg: LegId,
    },
    /// Hand the peer of `leg` to somebody else, then release `leg`.
    Transfer {
        /// The party that hands over.
        leg: LegId,
        /// To whom.
        target: TransferTarget,
    },
    /// Call a further party into a call: three-way and more.
    AddParty {
        /// The call.
        call: CallId,
        /// Whom to add.
        number: SmolStr,
    },
    /// Move the legs of `other` into `call`: all hear each other.
    Merge {
        /// The call that stays.
        call: CallId,
        /// The call that goes.
        other: CallId,
    },
    /// Hang up one leg.
    ReleaseLeg {
        /// The leg.
        leg: LegId,
    },
    /// Play prompts to a leg and collect the keys it presses: an operator's wish today, a flow's later. Ends with the event
    /// `call.collected`.
    Collect {
        /// The leg, up and in no bridge.
        leg: LegId,
        /// What it hears; may be empty.
        prompts: Vec<SmolStr>,
        /// Rules of the collection.
        rules: CollectRules,
    },
    /// An agent's or supervisor's wish.
    Agent {
        /// Who wishes.
        agent: WorkNumber,
        /// What.
        wish: AgentWish,
    },
    /// Hang up all legs of a call.
    ReleaseCall {
        /// The call.
        call: CallId,
    },

    // ---- the engine -----------------------------------------------------------------------------------------------
    /// A timer that an effect had set is due.
    TimerFired(TimerKey),
    /// The node starts again: no call of before is up any more, timers are gone.
    NodeRestarted,
}

/// When collecting keys ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct CollectRules {
    /// Most keys, 1 to 64.
    pub max: u8,
    /// The key that ends it, if one does; it is not part of the result.
    pub terminator: Option<char>,
    /// Time for the first key after the prompts, in milliseconds.
    pub first_ms: u32,
    /// Time for each further key, in milliseconds.
    pub next_ms: u32,
    /// A key stops the prompts.
    pub interrupt: bool,
}

/// Who did what to the configuration.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Audit {
    /// Who: `admin`, an access key, `agent 101`.
    #[schemars(with = "String")]
    pub actor: SmolStr,
    /// From which address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub address: Option<SmolStr>,
    /// What: `agent.add`, `password.reset`, …
    #[schemars(with = "String")]
    pub action: SmolStr,
    /// To what: `agent 101`.
    #[schemars(with = "String")]
    pub subject: SmolStr,
    /// Whether it was done, or why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub refused: Option<SmolStr>,
}

/// To whom a call is handed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferTarget {
    /// Blind: to this number.
    Number(SmolStr),
    /// Attended: to the peer of this other leg of the same phone.
    Leg(LegId),
}

/// What an accepted command made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accepted {
    /// The call that began, or that the wish was about.
    pub call: Option<CallId>,
}

/// Why a command was not carried out. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is no such tenant.
    #[error("there is no tenant `{0}`")]
    NoSuchTenant(String),
    /// There is no such call, or it is over.
    #[error("there is no call {0}, or it is over")]
    NoSuchCall(CallId),
    /// There is no such leg, or it is over.
    #[error("there is no leg {0}, or it is over")]
    NoSuchLeg(LegId),
    /// There is no such thing in the configuration.
    #[error("there is no {what} `{name}`")]
    NotFound {
        /// phone, trunk, number
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The name is taken.
    #[error("there is already a {what} `{name}`")]
    AlreadyExists {
        /// tenant, phone, trunk, number
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Not possible in this state.
    #[error("can't {action}: {state}")]
    WrongState {
        /// What was wanted.
        action: &'static str,
        /// What stands against it.
        state: String,
    },
    /// An agent's wish was refused.
    #[error(transparent)]
    Agent(#[from] AgentRefusal),
    /// A limit of the tenant is reached.
    #[error("the tenant's limit of {limit} {what} is reached")]
    LimitReached {
        /// What is limited.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// A value can't be used.
    #[error("{field} `{value}`: {rule}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What would be allowed.
        rule: &'static str,
    },
}
