//! Agents: people at positions, and what they wish.
//!
//! An agent is configuration ([`Agent`]); signed in, it has a session with a phone, a [`Mode`] and parts in calls. The
//! words of the published interfaces are mapped at the adapters' edge.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::id::{CallId, IdError, Number, UserName};
use crate::queue::QueueId;
use crate::time::Timestamp;

/// An agent's number within its tenant: 101 to 999999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32")]
pub struct WorkNumber(u32);

impl WorkNumber {
    /// The lowest number.
    pub const FIRST: u32 = 101;
    /// The highest number.
    pub const LAST: u32 = 999_999;

    /// Checks the range.
    pub fn new(number: u32) -> Result<Self, IdError> {
        if (Self::FIRST..=Self::LAST).contains(&number) {
            return Ok(WorkNumber(number));
        }
        Err(IdError::NotAName { what: "work number", rule: "101 to 999999", text: number.to_string() })
    }

    /// The plain number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for WorkNumber {
    type Error = IdError;
    fn try_from(number: u32) -> Result<Self, IdError> {
        Self::new(number)
    }
}

impl FromStr for WorkNumber {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::NotAName { what: "work number", rule: "101 to 999999", text: text.chars().take(80).collect() };
        Self::new(text.parse().map_err(|_| wrong())?).map_err(|_| wrong())
    }
}

impl fmt::Display for WorkNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentRole {
    /// Takes and makes calls.
    #[default]
    Agent,
    /// Listens, whispers, joins, takes over and forces states as well.
    Supervisor,
}

/// A queue that an agent can serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Skill {
    /// The queue.
    pub queue: QueueId,
    /// How well, 1 (best) to 100.
    pub level: u8,
}

/// A person at a position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Agent {
    /// Its number.
    pub number: WorkNumber,
    /// Name for people.
    #[schemars(with = "String")]
    pub name: SmolStr,
    /// What it may do.
    #[serde(default)]
    pub role: AgentRole,
    /// Name for signing in instead of the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub account: Option<SmolStr>,
    /// Its softphone, which it uses unless it says otherwise at sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<UserName>,
    /// Queues it may serve.
    #[serde(default)]
    pub skills: Vec<Skill>,
    /// The group it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<u16>,
    /// Chats at once; voice and video are one at a time.
    #[serde(default)]
    pub chats: u8,
    /// May pick up calls that ring at colleagues.
    #[serde(default = "yes")]
    pub may_pick_up: bool,
}

fn yes() -> bool {
    true
}

/// A team with its supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentGroup {
    /// Number, 1 to 2000.
    pub id: u16,
    /// Name for people.
    #[schemars(with = "String")]
    pub name: SmolStr,
    /// Who supervises it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervisor: Option<WorkNumber>,
}

/// A cause for a rest (1 to 255) or for being busy (200 to 250), as the tenant words it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AbsenceCause {
    /// For which of both.
    pub kind: Absence,
    /// Its code.
    pub code: u8,
    /// Text for people.
    #[schemars(with = "String")]
    pub text: SmolStr,
    /// Usual length in seconds, for a rest; 0 for none.
    #[serde(default)]
    pub seconds: u32,
}

/// Which kind of not being available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// Rest: has a cause and a length.
    Rest,
    /// Busy: not ready, may call out.
    Busy,
}

/// The phone an agent works with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentPhone {
    /// A registered phone of the tenant.
    Softphone(UserName),
    /// An outside number that we dial.
    Outside(Number),
}

/// What an agent is doing between calls. Whether it is in a call follows from its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Takes calls.
    Ready,
    /// Takes none, may call out. Reasons: see [`busy`].
    NotReady {
        /// Why.
        reason: u8,
    },
    /// Away for a while.
    Rest {
        /// Code of the cause, 0 for none.
        cause: u8,
        /// When it should be over.
        until: Timestamp,
    },
    /// After-call work.
    WrapUp {
        /// When it ends by itself; `None` if only the agent ends it.
        until: Option<Timestamp>,
    },
}

/// Reasons for being busy (cc-gateway.md §1.5); 200 to 250 are the tenant's own.
pub mod busy {
    /// None given.
    pub const NONE: u8 = 0;
    /// Long no answer.
    pub const NO_ANSWER: u8 = 2;
    /// Forced by a supervisor.
    pub const FORCED: u8 = 3;
    /// The phone can't be reached.
    pub const PHONE_UNAVAILABLE: u8 = 5;
    /// Rejected a call.
    pub const REJECTED: u8 = 7;
    /// The tenant's own reasons.
    pub const OWN: std::ops::RangeInclusive<u8> = 200..=250;
}

/// What an agent says when it signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignIn {
    /// Its phone.
    pub phone: AgentPhone,
    /// Calls are taken without asking once the phone is up.
    pub auto_answer: bool,
    /// Ready after a call; else wrap-up until it says so.
    pub auto_ready: bool,
    /// The phone stays connected between calls.
    pub keep_phone: bool,
    /// How it begins: ready, not ready or in wrap-up.
    pub mode: Mode,
    /// Queues it serves; `None` means all it may serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skills: Option<Vec<QueueId>>,
    /// A supervisor that wants to hear of sign-ins and sign-outs.
    #[serde(default)]
    pub watches: bool,
    /// Ends a session that is there already, instead of being refused.
    #[serde(default)]
    pub force: bool,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignOutReason {
    /// The agent said so.
    Asked,
    /// The agent said so with a reason of its own.
    Coded(u16),
    /// A supervisor did it.
    Forced(WorkNumber),
    /// A newer sign-in took its place.
    Replaced,
    /// Its program was silent for too long.
    Silent,
    /// The agent was removed, or the tenant.
    Removed,
}

/// Who changed a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModeBy {
    /// The agent.
    Agent,
    /// A supervisor.
    Supervisor(WorkNumber),
    /// A rule: wrap-up began or ended, no answer, …
    System,
}

/// What an agent has to do with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartRole {
    /// Serves the call: it came from a queue, a transfer, or the agent was called directly.
    Handler,
    /// Began the call: called out, or called a colleague.
    Caller,
    /// Was called to help by a colleague.
    Helper,
    /// Sits in the call of this agent: listens, whispers or joins (see [`SuperviseMode`]).
    Supervisor(WorkNumber),
    /// Takes part in a conference.
    Member,
    /// Listens to a recording.
    Listener,
}

/// How a supervisor sits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuperviseMode {
    /// Hears all, heard by nobody.
    Listen,
    /// Hears all, heard by the agent only.
    Whisper,
    /// Hears all, heard by all.
    Join,
}

/// Why an agent's part in a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartEnd {
    /// The agent hung up, by wish or on the phone.
    Released,
    /// It did not answer in time.
    NoAnswer,
    /// It rejected the call.
    Rejected,
    /// Its phone could not be reached, or refused.
    PhoneFailed,
    /// The other side went first.
    OtherGone,
    /// It handed the call over.
    Transferred,
    /// A supervisor took over.
    Intercepted(WorkNumber),
    /// A supervisor, another party or an operator put it out.
    Dropped,
    /// Somebody else took the call while it rang here.
    TakenElsewhere,
    /// Its session ended.
    SignedOut,
    /// What it was there for is over: supervision, playback, conference, cancelled transfer.
    Over,
    /// The node started again.
    NodeRestarted,
}

/// Whom an agent wants to reach.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// A colleague.
    Agent(WorkNumber),
    /// Whoever serves a queue.
    Queue(QueueId),
    /// A number of the outside world or an access number of the tenant.
    Number(#[schemars(with = "String")] SmolStr),
}

/// How a call is handed over (cc-gateway.md §1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HandoverMode {
    /// The agent is released whatever happens.
    Blind,
    /// The agent is released when the target answers, else it keeps the customer.
    Success,
    /// The target answers and talks with the agent first; the agent's release completes it.
    Talk,
    /// All three talk, then the agent leaves.
    ThreeParty,
    /// The call goes to a service and comes back to the agent after it.
    Suspend,
    /// To an agent's private queue: the agent is released, and the call waits until that agent is free.
    Private,
}

/// What an agent (or a supervisor, acting on `agent` fields) wishes. Every wish but `SignIn` needs a session.
#[derive(Debug, Clone, PartialEq)]
pub enum AgentWish {
    // ---- session and mode ---------------------------------------------------------------------------------------
    /// Begin a session.
    SignIn(SignIn),
    /// End it; `Asked`, `Coded` or `Silent`. Calls it is in are released.
    SignOut(SignOutReason),
    /// Serve these queues from now on (those it may serve); `None` means all.
    ChooseSkills(Option<Vec<QueueId>>),
    /// Switch automatic answering.
    SetAutoAnswer(bool),
    /// Switch being ready after a call.
    SetAutoReady(bool),
    /// Be ready: from busy, rest or wrap-up.
    Ready,
    /// Be busy; during a call it takes effect after it.
    NotReady {
        /// 0 for none, else 200 to 250.
        reason: u8,
    },
    /// End being busy; refused in another mode.
    EndNotReady,
    /// Rest; during a call it takes effect after it.
    Rest {
        /// Code of the cause, 0 for none.
        cause: u8,
        /// How long, 1 to 86399 s.
        seconds: u32,
    },
    /// End the rest.
    EndRest,
    /// After-call work of one's own accord.
    WrapUp,
    /// End it.
    EndWrapUp,
    /// Send a note to colleagues, or a bulletin to all of a group, a queue or the tenant (as the adapter has worked out).
    Note {
        /// Receivers; at most 1000.
        to: Vec<WorkNumber>,
        /// The text.
        text: SmolStr,
        /// A bulletin, not a note.
        bulletin: bool,
    },

    // ---- calls ---------------------------------------------------------------------------------------------------
    /// Take a call that waits for the answer; `None` if only one does.
    Answer {
        /// Which.
        call: Option<CallId>,
    },
    /// Refuse a call that waits for the answer.
    Reject {
        /// Which.
        call: Option<CallId>,
        /// Back to its queue and busy; else the call is released and the agent ready.
        requeue: bool,
    },
    /// Call a number.
    CallOut {
        /// The number.
        to: SmolStr,
        /// Number to show instead of the usual one.
        caller: Option<Number>,
        /// Counted for this queue.
        queue: Option<QueueId>,
        /// Call data.
        data: SmolStr,
    },
    /// Call a colleague or whoever is free in a queue.
    CallInside {
        /// Agent or queue.
        to: Reach,
        /// Call data.
        data: SmolStr,
    },
    /// Put the talking call on hold: the other side hears music.
    Hold,
    /// Take a held call back; `None` if only one is held.
    Retrieve {
        /// Which.
        call: Option<CallId>,
    },
    /// Others don't hear the agent.
    Mute,
    /// They do again.
    Unmute,
    /// Ask a colleague while the customer waits.
    Consult {
        /// Agent or queue.
        to: Reach,
        /// All three talk at once when the helper answers.
        three_party: bool,
        /// Call data.
        data: SmolStr,
    },
    /// Three-party: join this held call with the talking one.
    Join {
        /// The held call.
        call: CallId,
        /// Call data, if it is to change.
        data: Option<SmolStr>,
    },
    /// Connect the held call's party with the talking call's party and leave both.
    Connect {
        /// The held call.
        call: CallId,
    },
    /// Hand the talking call over.
    HandOver {
        /// To whom.
        to: Reach,
        /// How.
        mode: HandoverMode,
        /// Number to show to an outside target.
        caller: Option<Number>,
        /// Call data, if it is to change.
        data: Option<SmolStr>,
    },
    /// Take back a handover or a consultation that is still ringing.
    CancelHandOver,
    /// Send keys into the call.
    SendDigits(SmolStr),
    /// Leave the talking (or ringing) call; a call of two ends.
    Release,
    /// End one given call of the agent.
    Drop {
        /// Which.
        call: CallId,
    },
    /// Put one party out of the talking call.
    Disconnect {
        /// Work number of an agent, or the number of an outside party, as the call shows it.
        party: SmolStr,
    },
    /// Put the phone on-hook: a ringing call counts as not answered, a kept connection ends.
    HangUpPhone,
    /// Take a call that rings at a colleague.
    PickUp {
        /// The colleague.
        agent: WorkNumber,
    },
    /// Take this waiting call out of its queue.
    TakeWaiting {
        /// The call.
        call: CallId,
    },
    /// Attach data to a call; `None` means the talking one, else the last one.
    SetData {
        /// Which.
        call: Option<CallId>,
        /// At most 16 KiB.
        data: SmolStr,
    },

    // ---- supervision ----------------------------------------------------------------------------------------------
    /// Sit in on an agent's call, or change how.
    Supervise {
        /// Whom.
        agent: WorkNumber,
        /// How.
        mode: SuperviseMode,
    },
    /// Leave that call.
    StopSupervising {
        /// Whom.
        agent: WorkNumber,
    },
    /// Take the customer over from the agent one sits in with.
    Intercept {
        /// From whom.
        agent: WorkNumber,
    },
    /// Force a mode on an agent: ready, busy or rest.
    ForceMode {
        /// Whom.
        agent: WorkNumber,
        /// Which.
        mode: Mode,
    },
    /// Force an agent out.
    ForceSignOut {
        /// Whom.
        agent: WorkNumber,
    },
    /// Force a call's release.
    ForceRelease {
        /// Which.
        call: CallId,
    },
    /// Change which queues an agent serves in this session.
    AdjustSkills {
        /// Whom.
        agent: WorkNumber,
        /// Queues; must be among those it may serve.
        skills: Vec<QueueId>,
    },

    // ---- recording, playback ---------------------------------------------------------------------------------------
    /// Record the talking call (when its queue does not already).
    StartRecording,
    /// Leave a gap.
    PauseRecording,
    /// Go on.
    ResumeRecording,
    /// End it.
    StopRecording,
    /// Play a recording to one's own phone.
    Play {
        /// Its path.
        path: SmolStr,
        /// From where, in milliseconds.
        from_ms: u64,
        /// How often, 1 and up.
        times: u16,
    },
    /// Pause it.
    PausePlay,
    /// Go on.
    ResumePlay,
    /// Forward (positive) or back, in milliseconds.
    JumpPlay(i64),
    /// End it.
    StopPlay,

    // ---- conference -------------------------------------------------------------------------------------------------
    /// Begin a conference with oneself as chair.
    BeginConference {
        /// Most members, 2 to the tenant's limit.
        members: u16,
        /// Minutes it may last.
        minutes: u32,
    },
    /// Call these into it (chair only).
    Invite(Vec<Reach>),
    /// Put these out of it (chair only).
    Expel(Vec<Reach>),
    /// Hold a member or take it back (chair only): it neither hears nor is heard.
    HoldMember {
        /// Who.
        member: Reach,
        /// Whether.
        held: bool,
    },
    /// Leave it (not the chair).
    LeaveConference,
    /// End it (chair only).
    EndConference,
    /// Make another agent in it the chair.
    HandChair(WorkNumber),
    /// Let it last longer, in minutes.
    Prolong(u32),
    /// Change how many may take part (chair only), by this many.
    Resize(i32),
    /// Play a prompt to all in it, or to one member.
    PlayToConference {
        /// To one member only.
        member: Option<Reach>,
        /// The prompt.
        prompt: SmolStr,
        /// Stop instead.
        stop: bool,
    },
}

/// Why an agent's wish was not carried out. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentRefusal {
    /// No agent of that number.
    #[error("there is no agent {0}")]
    NoSuchAgent(WorkNumber),
    /// It has no session.
    #[error("agent {0} is not signed in")]
    NotSignedIn(WorkNumber),
    /// It has one already.
    #[error("agent {0} is already signed in")]
    AlreadySignedIn(WorkNumber),
    /// Somebody else is signed in with that phone.
    #[error("phone {phone} is used by agent {agent}")]
    PhoneTaken {
        /// The phone.
        phone: SmolStr,
        /// Who has it.
        agent: WorkNumber,
    },
    /// No phone of that name, or not a number that can be dialled.
    #[error("phone `{0}` is not a phone of this tenant nor a number that can be dialled")]
    NoSuchPhone(SmolStr),
    /// The tenant's number of agents is signed in.
    #[error("all {0} agents that this tenant may have are signed in")]
    TooManyAgents(u32),
    /// Not in this mode.
    #[error("not possible while {0}")]
    WrongMode(&'static str),
    /// No call that waits for an answer.
    #[error("no call waits for an answer")]
    NothingToAnswer,
    /// No talking call.
    #[error("no call to {0}")]
    NoCall(&'static str),
    /// No held call, or not that one.
    #[error("no held call")]
    NoHeldCall,
    /// The call's state does not allow it.
    #[error("can't {wish}: {state}")]
    WrongCallState {
        /// What was wished.
        wish: &'static str,
        /// What stands against it.
        state: String,
    },
    /// No call of that id among the agent's.
    #[error("call {0} is not one of this agent's")]
    NotYourCall(CallId),
    /// The party is not in the call.
    #[error("`{0}` is not in the call")]
    NoSuchParty(SmolStr),
    /// The target can't be reached.
    #[error("`{target}` can't be reached: {why}")]
    Unreachable {
        /// The target.
        target: SmolStr,
        /// Why.
        why: String,
    },
    /// No queue of that number, or the agent may not serve it.
    #[error("queue {0} is not known, or not one this agent may serve")]
    NoSuchQueue(QueueId),
    /// Only supervisors may.
    #[error("only a supervisor may {0}")]
    NotAllowed(&'static str),
    /// The target of a supervision is oneself.
    #[error("an agent can't supervise itself")]
    OwnSelf,
    /// The supervised agent is in no call, or not supervised by this one.
    #[error("agent {0} is not in a state for that")]
    WrongTargetState(WorkNumber),
    /// In no conference.
    #[error("not in a conference")]
    NoConference,
    /// In a conference already.
    #[error("already in a conference")]
    InConference,
    /// Only the chair may.
    #[error("only the chair may do that")]
    NotChair,
    /// The chair can't leave, put itself out or hand over to itself.
    #[error("the chair can't {0}")]
    IsChair(&'static str),
    /// Playback is not in that state.
    #[error("can't {0} playback now")]
    WrongPlayState(&'static str),
    /// Recording is not in that state.
    #[error("can't {0} recording now")]
    WrongRecordingState(&'static str),
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
