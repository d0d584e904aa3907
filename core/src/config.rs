//! What administrators set up: phones, trunks, access numbers. Configuration is events like everything else.
//!
//! Secrets are not in here: passwords and their hashes live in the credential store of the program, keyed by tenant and
//! name, and never reach a log or a topic.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::agent::WorkNumber;
use crate::call::{Tone, Transport};
use crate::id::{Number, TrunkName, UserName};
use crate::queue::QueueId;

/// Whether media is encrypted (SRTP, RFC 3711), with keys in the session description (RFC 4568). Those are as secret as the way
/// that signalling takes: use TLS there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SrtpPolicy {
    /// Never; an offer of encrypted media alone is refused.
    #[default]
    Off,
    /// If the other side can; else in the clear.
    Preferred,
    /// Always; a call without it fails.
    Required,
}

impl SrtpPolicy {
    /// Never.
    pub fn is_off(&self) -> bool {
        *self == SrtpPolicy::Off
    }
}

/// A phone that may register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Phone {
    /// User part of its address, and its digest user name.
    pub user: UserName,
    /// Name shown to the called party.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub display_name: Option<SmolStr>,
    /// Most contacts at once, 1 to 20; the oldest gives way to a new one.
    #[serde(default = "Phone::default_max_contacts")]
    pub max_contacts: u8,
    /// Whether its media is encrypted.
    #[serde(default, skip_serializing_if = "SrtpPolicy::is_off")]
    pub srtp: SrtpPolicy,
}

impl Phone {
    /// Contacts a phone may have unless it says otherwise.
    pub const DEFAULT_MAX_CONTACTS: u8 = 5;

    /// A phone with usual values.
    pub fn named(user: UserName) -> Self {
        Phone { user, display_name: None, max_contacts: Self::DEFAULT_MAX_CONTACTS, srtp: SrtpPolicy::default() }
    }

    fn default_max_contacts() -> u8 {
        Self::DEFAULT_MAX_CONTACTS
    }
}

/// How a trunk and we trust each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkAuth {
    /// The carrier knows our address and we know its addresses; nobody sends passwords.
    Address,
    /// We register at the carrier under this user name; its password is in the credential store.
    Register {
        /// Digest user name at the carrier.
        #[schemars(with = "String")]
        user: SmolStr,
        /// Seconds between registrations that we ask for.
        expires_s: u32,
    },
}

/// A SIP trunk to the telephone network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trunk {
    /// Its name.
    pub name: TrunkName,
    /// Host name or address of the carrier.
    #[schemars(with = "String")]
    pub host: SmolStr,
    /// Port; absent means by DNS (RFC 3263), else 5060.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Transport.
    pub transport: Transport,
    /// How we trust each other.
    pub auth: TrunkAuth,
    /// Further addresses that calls of this trunk may come from, besides `host`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub sources: Vec<IpAddr>,
    /// Lower is tried first.
    #[serde(default)]
    pub priority: u16,
    /// Called numbers it takes: by prefix, the longest match wins before priority is looked at. Empty takes all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub prefixes: Vec<SmolStr>,
    /// Caller number shown to the carrier instead of the phone's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_number: Option<Number>,
    /// Most calls at once, both ways.
    #[serde(default = "Trunk::default_max_calls")]
    pub max_calls: u32,
    /// Seconds between OPTIONS pings; 0 sends none and takes the trunk for healthy.
    #[serde(default = "Trunk::default_options_interval")]
    pub options_interval_s: u32,
    /// Whether its media is encrypted.
    #[serde(default, skip_serializing_if = "SrtpPolicy::is_off")]
    pub srtp: SrtpPolicy,
}

impl Trunk {
    fn default_max_calls() -> u32 {
        1000
    }
    fn default_options_interval() -> u32 {
        30
    }
}

/// Where an access number leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// A phone.
    Phone(UserName),
    /// The caller hears its own voice.
    Echo,
    /// The caller hears a tone.
    Tone(Tone),
    /// The caller waits in a queue.
    Queue(QueueId),
    /// An agent, wherever it is signed in.
    Agent(WorkNumber),
    /// The voicemail of a queue.
    Voicemail(QueueId),
    /// The caller hears a prompt, then the call ends.
    #[schemars(with = "String")]
    Prompt(#[schemars(with = "String")] SmolStr),
}

/// A dialled number and where it leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessNumber {
    /// The number as the trunk or the phone dials it.
    pub number: Number,
    /// Where it leads.
    pub destination: Destination,
}

/// A trunk's condition as signalling sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkState {
    /// Not known yet: calls are tried.
    #[default]
    Unknown,
    /// Answers (and registered, if it is to register).
    Up,
    /// Does not answer or refuses: tried last.
    Down,
}
