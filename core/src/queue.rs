//! Queues: where callers wait, and how agents are found for them.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::agent::WorkNumber;
use crate::id::{IdError, Number};
use crate::spoken::Language;

/// A queue's number within its tenant: 1 to 5000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u16")]
pub struct QueueId(u16);

impl QueueId {
    /// The highest number.
    pub const LAST: u16 = 5000;

    /// Checks the range.
    pub fn new(number: u16) -> Result<Self, IdError> {
        if (1..=Self::LAST).contains(&number) {
            return Ok(QueueId(number));
        }
        Err(IdError::NotAName { what: "queue number", rule: "1 to 5000", text: number.to_string() })
    }

    /// The plain number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for QueueId {
    type Error = IdError;
    fn try_from(number: u16) -> Result<Self, IdError> {
        Self::new(number)
    }
}

impl FromStr for QueueId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::NotAName { what: "queue number", rule: "1 to 5000", text: text.chars().take(80).collect() };
        Self::new(text.parse().map_err(|_| wrong())?).map_err(|_| wrong())
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What is waited with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    /// A voice call.
    #[default]
    Voice,
    /// A video call.
    Video,
    /// A text chat.
    Chat,
}

/// How the next agent is chosen among those who are ready. Ties go to the lower work number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Who has been ready for longest.
    #[default]
    LongestIdle,
    /// Who took the fewest calls in this session.
    FewestCalls,
    /// One after the other by work number, after whoever was chosen last.
    RoundRobin,
    /// The best level of skill; among equals, who has been ready for longest.
    SkillLevel,
    /// All at once; the first to answer takes it.
    RingAll,
}

/// Where a call goes that can't or won't wait any more.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// It goes on waiting (for a full queue: it is released).
    #[default]
    Stay,
    /// To another queue; its time of waiting is kept.
    Queue(QueueId),
    /// To an access number or a number of the network.
    Number(Number),
    /// To the voicemail of the queue.
    Voicemail,
    /// It is released, after this prompt if there is one.
    Release(#[schemars(with = "Option<String>")] Option<SmolStr>),
}

/// What is said to callers who wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Announcements {
    /// Said once before the music.
    #[schemars(with = "Option<String>")]
    pub greeting: Option<SmolStr>,
    /// Seconds between announcements; 0 makes none.
    pub every_s: u16,
    /// Say the position.
    pub position: bool,
    /// Say the estimated wait.
    pub estimated_wait: bool,
    /// In which language.
    pub language: Language,
    /// Say the agent's number to the caller when it answers.
    pub agent_number: bool,
}

impl Default for Announcements {
    fn default() -> Self {
        Announcements { greeting: None, every_s: 30, position: true, estimated_wait: false, language: Language::En, agent_number: false }
    }
}

/// Where callers wait. Times in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Queue {
    /// Its number.
    pub id: QueueId,
    /// Name for people, unique in the tenant.
    #[schemars(with = "String")]
    pub name: SmolStr,
    /// What is waited with.
    #[serde(default)]
    pub medium: Medium,
    /// How agents are chosen.
    #[serde(default)]
    pub strategy: Strategy,
    /// Priority of calls that enter without one of their own, 1 to 254; higher goes first.
    #[serde(default = "Queue::default_priority")]
    pub priority: u8,
    /// One step of priority is worth this many seconds of waiting; 0 makes priority strict.
    #[serde(default)]
    pub ageing_s: u16,
    /// A caller who comes back within this many seconds waits this queue's `sticky_wait_s` for its last agent; 0 forgets.
    #[serde(default)]
    pub sticky_s: u32,
    /// How long a returning caller waits for its last agent alone while that one is signed in and serves the queue.
    #[serde(default = "Queue::default_sticky_wait")]
    pub sticky_wait_s: u16,
    /// Most calls that wait, 0 to 10000.
    #[serde(default = "Queue::default_max_waiting")]
    pub max_waiting: u32,
    /// Longest wait, 1 to 60000.
    #[serde(default = "Queue::default_max_wait")]
    pub max_wait_s: u32,
    /// How long an agent may take to answer, 5 to 120.
    #[serde(default = "Queue::default_answer")]
    pub answer_s: u16,
    /// After-call work, 0 to 3600; 0 for none. Agents that are not ready by themselves end it themselves.
    #[serde(default = "Queue::default_wrap_up")]
    pub wrap_up_s: u16,
    /// When it is full.
    #[serde(default)]
    pub when_full: Overflow,
    /// When no agent who serves it is signed in.
    #[serde(default)]
    pub when_no_agent: Overflow,
    /// When the longest wait is over.
    #[serde(default)]
    pub when_late: Overflow,
    /// Music while waiting and on hold; the built-in one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub music: Option<SmolStr>,
    /// What is said.
    #[serde(default)]
    pub announcements: Announcements,
    /// Calls with agents are recorded.
    #[serde(default)]
    pub record: bool,
    /// Answered within this time counts for the service level.
    #[serde(default = "Queue::default_service_level")]
    pub service_level_s: u16,
}

impl Queue {
    /// A voice queue with usual values.
    pub fn named(id: QueueId, name: impl AsRef<str>) -> Self {
        Queue {
            id,
            name: SmolStr::new(name.as_ref()),
            medium: Medium::Voice,
            strategy: Strategy::LongestIdle,
            priority: Self::default_priority(),
            ageing_s: 0,
            sticky_s: 0,
            sticky_wait_s: Self::default_sticky_wait(),
            max_waiting: Self::default_max_waiting(),
            max_wait_s: Self::default_max_wait(),
            answer_s: Self::default_answer(),
            wrap_up_s: Self::default_wrap_up(),
            when_full: Overflow::Stay,
            when_no_agent: Overflow::Stay,
            when_late: Overflow::Stay,
            music: None,
            announcements: Announcements::default(),
            record: false,
            service_level_s: Self::default_service_level(),
        }
    }

    fn default_priority() -> u8 {
        10
    }
    fn default_sticky_wait() -> u16 {
        20
    }
    fn default_max_waiting() -> u32 {
        1000
    }
    fn default_max_wait() -> u32 {
        3600
    }
    fn default_answer() -> u16 {
        20
    }
    fn default_wrap_up() -> u16 {
        5
    }
    fn default_service_level() -> u16 {
        20
    }
}

/// Why a call entered a queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// It arrived at a number that leads there.
    Arrived,
    /// An agent handed it over.
    HandedOver(WorkNumber),
    /// It overflowed from this queue.
    Overflowed(QueueId),
    /// An agent wants somebody of the queue.
    AskedBy(WorkNumber),
    /// A supervisor or an operator put it there.
    Put,
}

/// How a call left a queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// An agent took it.
    Answered(WorkNumber),
    /// The caller gave up.
    Abandoned,
    /// It overflowed by this rule.
    Overflowed {
        /// Which rule.
        rule: OverflowRule,
        /// Where to.
        to: Overflow,
    },
    /// Whoever asked for it took the wish back.
    Cancelled,
    /// The system ended it: tenant removed, node restarted, no room.
    Ended,
}

/// Which rule made a call overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverflowRule {
    /// The queue was full.
    Full,
    /// No agent who serves it is signed in.
    NoAgent,
    /// The longest wait is over.
    Late,
}

/// Why this agent: written into `call.offered`, so that every decision can be explained later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// The rule that decided.
    pub rule: ChoiceRule,
    /// How many agents were ready for it.
    pub ready: u32,
    /// The best of them in order, the chosen one first; at most [`Choice::SHOWN`].
    pub candidates: Vec<Candidate>,
    /// How long the call had waited, in milliseconds.
    pub waited_ms: u64,
    /// Calls that waited in the queue at that moment, this one included.
    pub waiting: u32,
}

impl Choice {
    /// Candidates that an event names.
    pub const SHOWN: usize = 5;
}

/// The rule that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChoiceRule {
    /// The queue's strategy.
    Strategy(Strategy),
    /// The caller's last agent.
    Sticky,
    /// Somebody asked for this agent.
    Asked,
    /// The agent took it itself: picked up, or out of the queue.
    Taken,
}

/// One agent that was looked at, with what the strategy compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// Who.
    pub agent: WorkNumber,
    /// Level of its skill.
    pub level: u8,
    /// How long it had been ready, in milliseconds.
    pub idle_ms: u64,
    /// Calls it took in this session.
    pub calls: u32,
}
