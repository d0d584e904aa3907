//! What a tenant knows of its agents and queues, and what a call has to do with them.
//!
//! An agent works with one phone: one *device leg*, which is in exactly one call at a time. Holding a call to ask a
//! colleague moves the device leg to the other call; the held call stays with the agent as a [`Part`].

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use smol_str::SmolStr;

use super::Tenant;
use super::state::Call;
use crate::agent::{Absence, AbsenceCause, Agent, AgentGroup, AgentPhone, HandoverMode, Mode, PartRole, Reach, SuperviseMode, WorkNumber};
use crate::command::CollectRules;
use crate::id::{CallId, LegId, RecordingId, TrunkName};
use crate::queue::{Entry, Medium, Queue, QueueId};
use crate::recording::{RecordingFormat, RecordingPurpose};
use crate::time::Timestamp;

/// An agent that is signed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// When it signed in.
    pub since: Timestamp,
    /// Its phone.
    pub phone: AgentPhone,
    /// Calls are taken without asking once the phone is up.
    pub auto_answer: bool,
    /// Ready after a call.
    pub auto_ready: bool,
    /// The phone stays connected between calls.
    pub keep_phone: bool,
    /// Hears of sign-ins and sign-outs.
    pub watches: bool,
    /// Queues it serves.
    pub queues: BTreeSet<QueueId>,
    /// What it does between calls.
    pub mode: Mode,
    /// Since when.
    pub mode_since: Timestamp,
    /// What it did before, and since when.
    pub before: Option<(Mode, Timestamp)>,
    /// What it will do after its calls.
    pub deferred: Option<Mode>,
    /// When that was asked for: the length of a rest counts from its begin.
    #[serde(default)]
    pub deferred_since: Timestamp,
    /// Legs to its phone that are not over: several while its contacts ring, one once it is up.
    pub legs: Vec<LegId>,
    /// Calls it has a part in, in the order in which they came.
    pub calls: Vec<CallId>,
    /// Calls it took in this session.
    pub calls_taken: u32,
    /// When it was last free of calls and ready.
    pub idle_since: Timestamp,
    /// The call it was in last.
    pub last_call: Option<CallId>,
}

/// An agent and its session, if it has one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentEntry {
    /// Who.
    pub agent: Agent,
    /// Its session.
    pub session: Option<Session>,
    /// Where it stands among the agents who are ready, per queue; empty unless it is available.
    #[serde(default)]
    pub listed: SmallVec<[(QueueId, ReadyKey); 4]>,
}

/// The order of agents who are ready in a queue: less goes first. Depends on the queue's strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReadyKey {
    /// Calls taken, or the level of the skill.
    pub first: u32,
    /// Since when it is ready.
    pub since: Timestamp,
    /// Among equals, the lower number.
    pub agent: WorkNumber,
}

/// How far an agent's part in a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Reserved: its phone is being connected.
    Reserved,
    /// Its phone is up; it is asked to take the call.
    Alerting,
    /// It talks (or listens, as a supervisor).
    Talking,
    /// It has put the call aside.
    Held,
}

/// What an agent has to do with a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Who.
    pub agent: WorkNumber,
    /// As what.
    pub role: PartRole,
    /// The queue it came from.
    pub queue: Option<QueueId>,
    /// How far it has come.
    pub stage: Stage,
    /// Others don't hear it.
    pub muted: bool,
    /// When it was reserved.
    pub since: Timestamp,
    /// When it joined.
    pub joined: Option<Timestamp>,
    /// How it sits in, for a supervisor.
    pub supervise: Option<SuperviseMode>,
    /// When the offer ends; `None` when the agent began the call itself.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// The agent took the call itself (picked up, out of the queue): it is not asked again when its phone is up.
    #[serde(default)]
    pub taken: bool,
}

/// A call that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// Where.
    pub queue: QueueId,
    /// Which leg.
    pub leg: LegId,
    /// Why.
    pub entry: Entry,
    /// 1 to 254, higher goes first.
    pub priority: u8,
    /// Since when.
    pub since: Timestamp,
    /// The caller's last agent, while it is waited for alone.
    pub sticky: Option<WorkNumber>,
    /// The agent that still talks with the caller.
    pub kept_by: Option<WorkNumber>,
    /// Agents it is offered to.
    pub offers: Vec<WorkNumber>,
    /// When it came into this queue: the longest wait counts from here, its place from `since`.
    #[serde(default)]
    pub entered: Timestamp,
    /// Agents that did not take it, or handed it over: others go first. The oldest are forgotten.
    #[serde(default)]
    pub refused: Vec<WorkNumber>,
}

/// A handover under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Handover {
    /// Who wants it.
    pub agent: WorkNumber,
    /// To whom.
    pub target: Reach,
    /// How.
    pub mode: HandoverMode,
    /// Number to show to the target.
    #[serde(default)]
    pub caller: Option<SmolStr>,
    /// The agent's leg, if its phone waits for an answer to its REFER.
    #[serde(default)]
    pub refer: Option<LegId>,
}

/// A call that asks about another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Consultation {
    /// Who asks.
    pub agent: WorkNumber,
    /// About which call.
    pub about: CallId,
    /// Whom.
    pub target: Reach,
    /// All talk as soon as there is an answer.
    pub three_party: bool,
}

/// A leg that is told something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Announcing {
    /// Who.
    pub leg: LegId,
    /// What.
    pub prompts: Vec<SmolStr>,
}

/// Keys that are awaited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Collecting {
    /// From whom.
    pub leg: LegId,
    /// What it hears until it presses a key or the prompts end.
    pub prompts: Vec<SmolStr>,
    /// Rules.
    pub rules: CollectRules,
    /// What was pressed.
    pub digits: SmolStr,
    /// The prompts still play.
    pub playing: bool,
}

/// A recording that runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Its name.
    pub id: RecordingId,
    /// Why.
    pub purpose: RecordingPurpose,
    /// Whose talk.
    pub agent: Option<WorkNumber>,
    /// Where, without extension.
    pub path: SmolStr,
    /// As what.
    pub format: RecordingFormat,
    /// It leaves a gap now.
    pub paused: bool,
    /// When it was ordered.
    pub since: Timestamp,
}

/// A recording that an agent listens to, or wants to once its phone is up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Playback {
    /// Who.
    pub agent: WorkNumber,
    /// Which.
    pub path: SmolStr,
    /// Where it was at `since`, in milliseconds.
    pub at_ms: u64,
    /// When it was there.
    pub since: Timestamp,
    /// The phone is up and it has begun.
    #[serde(default)]
    pub begun: bool,
    /// It plays.
    pub playing: bool,
    /// How often more after this time.
    pub again: u16,
}

/// Somebody in a conference, or called into it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub who: Reach,
    /// Its leg, once it is in.
    pub leg: Option<LegId>,
    /// Legs that ring for it, if it is no agent.
    #[serde(default)]
    pub ringing: Vec<LegId>,
    /// Trunks that were tried for it.
    #[serde(default)]
    pub tried: Vec<TrunkName>,
    /// It neither hears nor is heard.
    pub held: bool,
}

/// A conference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conference {
    /// Its chair.
    pub chair: WorkNumber,
    /// Most members, the chair counted.
    pub size: u16,
    /// When it began.
    pub since: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// Who is in it or called into it, the chair among them.
    pub members: Vec<Member>,
    /// What all (or one) hear.
    pub playing: Option<(Option<Reach>, SmolStr)>,
    /// It was told that its time is nearly over.
    #[serde(default)]
    pub warned: bool,
}

/// A queue, who serves it and which calls wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueEntry {
    /// Its settings.
    pub queue: Queue,
    /// Agents signed in to it.
    pub serving: BTreeSet<WorkNumber>,
    /// Calls that wait, by order: the first goes first.
    pub waiting: BTreeMap<WaitKey, CallId>,
    /// Whom round robin chose last.
    pub last_chosen: Option<WorkNumber>,
    /// Agents who serve it and are available, in the order of the strategy.
    #[serde(default)]
    pub ready: BTreeSet<ReadyKey>,
    /// Waiting calls that an agent may be looked for: not offered (or everybody rings), not waiting for one agent.
    #[serde(default)]
    pub open: BTreeSet<WaitKey>,
    /// Waiting calls that wait for their last agent alone.
    #[serde(default)]
    pub sticky: BTreeSet<(WorkNumber, WaitKey)>,
    /// Who served which caller last.
    #[serde(default)]
    pub memory: Memory,
    /// How fast it moves.
    #[serde(default)]
    pub pace: Pace,
}

/// Who served which caller last, bounded: the oldest is forgotten first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Memory {
    callers: BTreeMap<SmolStr, (Timestamp, WorkNumber)>,
    by_age: BTreeSet<(Timestamp, SmolStr)>,
}

impl Memory {
    /// Notes that `agent` served `caller`.
    pub(super) fn keep(&mut self, caller: &SmolStr, agent: WorkNumber, time: Timestamp) {
        if let Some((old, _)) = self.callers.insert(caller.clone(), (time, agent)) {
            self.by_age.remove(&(old, caller.clone()));
        }
        self.by_age.insert((time, caller.clone()));
        while self.callers.len() > super::limits::REMEMBERED_CALLERS {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.callers.remove(&oldest);
        }
    }

    /// Who served a caller last, and when.
    pub fn last(&self, caller: &str) -> Option<(Timestamp, WorkNumber)> {
        self.callers.get(caller).copied()
    }

    pub(super) fn forget_all(&mut self) {
        self.callers.clear();
        self.by_age.clear();
    }
}

/// How fast a queue moves: the time between two calls that agents take from it, averaged.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Pace {
    /// When an agent took a call last.
    pub last: Option<Timestamp>,
    /// Average milliseconds between two.
    pub gap_ms: Option<u64>,
}

impl Pace {
    /// An agent has taken a call, and more calls waited behind it. The last eight or so decide (weight 1/8).
    pub(super) fn answered(&mut self, time: Timestamp, busy: bool) {
        if let (Some(last), true) = (self.last, busy) {
            let gap = u64::try_from(time.since(last).as_millis()).unwrap_or(u64::MAX);
            self.gap_ms = Some(self.gap_ms.map_or(gap, |old| old.saturating_mul(7).saturating_add(gap) / 8));
        }
        self.last = Some(time);
    }
}

/// The order of waiting calls: less goes first. Worked out once when a call enters, see `queue`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WaitKey {
    /// Priority and waiting time weighed into one number.
    pub rank: i64,
    /// Among equals, who came first.
    pub since: Timestamp,
    /// Among those, the older call.
    pub call: CallId,
}

/// Agents, queues and their settings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ContactState {
    pub(super) agents: BTreeMap<WorkNumber, AgentEntry>,
    pub(super) queues: BTreeMap<QueueId, QueueEntry>,
    pub(super) groups: BTreeMap<u16, AgentGroup>,
    pub(super) causes: BTreeMap<(Absence, u8), AbsenceCause>,
    /// Sessions.
    pub(super) signed_in: u32,
    /// Recordings that were ordered and are not complete, with the call they belong to (which may be over) and their path
    /// without extension.
    pub(super) recordings: FxHashMap<RecordingId, (CallId, SmolStr)>,
}

impl Session {
    /// In no call.
    pub fn is_free(&self) -> bool {
        self.calls.is_empty()
    }

    /// May be given a call from a queue.
    pub fn is_available(&self) -> bool {
        self.is_available_for(Medium::Voice)
    }

    /// May be given something of this medium from a queue: voice and video one at a time. Chats will be counted apart.
    pub fn is_available_for(&self, medium: Medium) -> bool {
        let room = match medium {
            Medium::Voice | Medium::Video => self.is_free(),
            Medium::Chat => false,
        };
        room && self.mode == Mode::Ready && self.deferred.is_none()
    }
}

impl QueueEntry {
    /// A queue as it begins.
    pub(super) fn new(queue: Queue) -> Self {
        QueueEntry {
            queue,
            serving: BTreeSet::new(),
            waiting: BTreeMap::new(),
            last_chosen: None,
            ready: BTreeSet::new(),
            open: BTreeSet::new(),
            sticky: BTreeSet::new(),
            memory: Memory::default(),
            pace: Pace::default(),
        }
    }

    /// The place of a waiting call, 1 for the next. Counts from the nearer end, so that calls at both ends cost little.
    pub fn position(&self, key: &WaitKey) -> u32 {
        let mut before = self.waiting.range(..key);
        let mut after = self.waiting.range((std::ops::Bound::Excluded(key), std::ops::Bound::Unbounded));
        let mut steps = 0_usize;
        loop {
            if before.next().is_none() {
                return u32::try_from(steps + 1).unwrap_or(u32::MAX);
            }
            if after.next().is_none() {
                return u32::try_from(self.waiting.len().saturating_sub(steps)).unwrap_or(u32::MAX);
            }
            steps += 1;
        }
    }
}

impl Waiting {
    /// Its place in the order of its queue.
    pub fn key(&self, queue: &Queue, call: CallId) -> WaitKey {
        WaitKey::new(queue, self.priority, self.since, call)
    }
}

impl Call {
    /// An agent's part.
    pub fn part(&self, agent: WorkNumber) -> Option<&Part> {
        self.parts.iter().find(|part| part.agent == agent)
    }
}

impl Tenant {
    /// Its agents by number, with their sessions.
    pub fn agents(&self) -> impl ExactSizeIterator<Item = &AgentEntry> {
        self.state.contact.agents.values()
    }

    /// One agent.
    pub fn agent(&self, number: WorkNumber) -> Option<&AgentEntry> {
        self.state.contact.agents.get(&number)
    }

    /// An agent's session.
    pub fn session(&self, number: WorkNumber) -> Option<&Session> {
        self.agent(number)?.session.as_ref()
    }

    /// Agents signed in.
    pub fn signed_in(&self) -> u32 {
        self.state.contact.signed_in
    }

    /// Its queues by number.
    pub fn queues(&self) -> impl ExactSizeIterator<Item = &QueueEntry> {
        self.state.contact.queues.values()
    }

    /// One queue.
    pub fn queue(&self, id: QueueId) -> Option<&QueueEntry> {
        self.state.contact.queues.get(&id)
    }

    /// Its groups of agents.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &AgentGroup> {
        self.state.contact.groups.values()
    }

    /// Its causes for rests and for being busy.
    pub fn absence_causes(&self) -> impl ExactSizeIterator<Item = &AbsenceCause> {
        self.state.contact.causes.values()
    }

    /// The leg of an agent's phone that is up, and the call it is in.
    pub fn device(&self, number: WorkNumber) -> Option<(LegId, CallId)> {
        let session = self.session(number)?;
        session.legs.iter().find_map(|id| self.leg(*id).filter(|leg| leg.is_up()).map(|leg| (*id, leg.call)))
    }
}
