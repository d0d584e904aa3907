//! What a tenant knows: calls, legs, configuration. Changed by `apply` alone, read by everyone.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::Tenant;
use super::contact::{Announcing, Collecting, Conference, Consultation, ContactState, Handover, Part, Playback, Recording, Waiting};
use crate::agent::{Reach, WorkNumber};
use crate::call::Endpoint;
use crate::cause::Cause;
use crate::config::{AccessNumber, Destination, Phone, Trunk, TrunkState};
use crate::event::{CallKind, Purpose, Route, TenantSettings};
use crate::id::{CallId, LegId, Number, TrunkName, UserName};
use crate::queue::QueueId;
use crate::registration::Binding;
use crate::time::Timestamp;

/// How far a leg has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The INVITE is out, or has come in.
    Calling,
    /// It rings, or the caller was told so.
    Ringing,
    /// Answered.
    Up,
}

/// One endpoint's part in a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// The call it belongs to now.
    pub call: CallId,
    /// Who is at its far end.
    pub endpoint: Endpoint,
    /// Why we dialled it; `None` if it called us.
    pub purpose: Option<Purpose>,
    /// How far it has come.
    pub phase: Phase,
    /// Audio flows before the answer.
    pub early_media: bool,
    /// The phone pressed hold.
    pub held_by_phone: bool,
    /// An operator put it on hold.
    pub held_by_operator: bool,
    /// Its party's number as others are shown it.
    pub number: SmolStr,
    /// Its party's name, if it called us and said one.
    pub name: Option<SmolStr>,
    /// The agent whose phone it is, if it was dialled for one's part in a call.
    #[serde(default)]
    pub agent: Option<WorkNumber>,
    /// Set once we end it; it then only waits for its end.
    pub releasing: Option<Cause>,
}

impl Leg {
    /// Neither over nor on its way out.
    pub fn is_live(&self) -> bool {
        self.releasing.is_none()
    }

    /// Answered and not on its way out.
    pub fn is_up(&self) -> bool {
        self.phase == Phase::Up && self.is_live()
    }

    /// On hold, by whomever.
    pub fn is_held(&self) -> bool {
        self.held_by_phone || self.held_by_operator
    }

    /// It called us, we did not dial it.
    pub fn is_caller(&self) -> bool {
        self.purpose.is_none()
    }
}

/// A party is being called: one leg for each contact of a phone, or one trunk after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// What was dialled.
    pub called: SmolStr,
    /// Where that leads.
    pub route: Route,
    /// Why we call.
    pub purpose: Purpose,
    /// The leg on whose behalf.
    pub behalf: Option<LegId>,
    /// Legs that are not over; the attempt is over once none of them is live.
    pub legs: Vec<LegId>,
    /// The trunk dialled last.
    pub trunk: Option<TrunkName>,
    /// The best reason for failure so far (RFC 3261 §16.7).
    pub best: Option<Cause>,
}

/// A transfer under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// The party that hands over.
    pub by: LegId,
    /// The party that is handed over.
    pub transferee: LegId,
    /// The other leg of `by` and its call, for an attended transfer.
    pub with: Option<(LegId, CallId)>,
    /// Asked by REFER: the phone waits for an answer.
    pub refer: bool,
}

/// What the switch itself plays to a leg.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Who hears it.
    pub leg: LegId,
    /// What: never a phone.
    pub destination: Destination,
}

/// One call that is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// When it began.
    pub began: Timestamp,
    /// Who began it.
    pub from: Endpoint,
    /// What was dialled first.
    pub called: SmolStr,
    /// Legs that are not over, in the order in which they joined.
    pub legs: Vec<LegId>,
    /// Legs that hear each other: none, or two and more.
    pub bridge: Vec<LegId>,
    /// The party that is being called, or was called last.
    pub attempt: Option<Attempt>,
    /// The transfer under way.
    pub transfer: Option<Transfer>,
    /// The call whose transfer waits for this call's called party to answer.
    pub consulted_by: Option<CallId>,
    /// What the switch plays.
    pub service: Option<Service>,
    /// Somebody or something has answered.
    pub answered: bool,
    /// No leg is live any more: it doesn't count for the limit.
    pub closing: bool,
    /// What brought it down, once something has.
    pub cause: Option<Cause>,
    /// What it is for.
    #[serde(default)]
    pub kind: CallKind,
    /// Whom the agent that began it wants to reach.
    #[serde(default)]
    pub reach: Option<Reach>,
    /// Number to show to whom it calls, if not the usual one.
    #[serde(default)]
    pub shown: Option<SmolStr>,
    /// Agents that take part or are about to.
    #[serde(default)]
    pub parts: Vec<Part>,
    /// It waits in a queue.
    #[serde(default)]
    pub waiting: Option<Waiting>,
    /// An agent hands it over.
    #[serde(default)]
    pub handover: Option<Handover>,
    /// It asks about another call.
    #[serde(default)]
    pub consultation: Option<Consultation>,
    /// A leg is told something.
    #[serde(default)]
    pub announcing: Option<Announcing>,
    /// Keys are awaited.
    #[serde(default)]
    pub collecting: Option<Collecting>,
    /// Its caller leaves a message for this queue.
    #[serde(default)]
    pub voicemail: Option<(LegId, QueueId)>,
    /// Recordings that run.
    #[serde(default)]
    pub recordings: Vec<Recording>,
    /// An agent listens to a recording.
    #[serde(default)]
    pub playback: Option<Playback>,
    /// It is a conference.
    #[serde(default)]
    pub conference: Option<Conference>,
    /// The queue it entered last, for music and counting.
    #[serde(default)]
    pub last_queue: Option<QueueId>,
    /// Data that agents and programs attached.
    #[serde(default)]
    pub data: SmolStr,
    /// Caller number as shown; empty for a call that we began.
    #[serde(default)]
    pub caller: SmolStr,
    /// How often it has overflowed.
    #[serde(default)]
    pub hops: u8,
}

/// A phone and where it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PhoneEntry {
    pub(super) phone: Phone,
    /// The contact that was registered or refreshed last stands last.
    pub(super) bindings: Vec<Binding>,
}

/// A trunk and how it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct TrunkEntry {
    pub(super) trunk: Trunk,
    pub(super) state: TrunkState,
}

/// Everything but name and place in history.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) settings: Option<TenantSettings>,
    pub(super) phones: BTreeMap<UserName, PhoneEntry>,
    pub(super) trunks: BTreeMap<TrunkName, TrunkEntry>,
    pub(super) numbers: BTreeMap<Number, AccessNumber>,
    pub(super) calls: FxHashMap<CallId, Call>,
    pub(super) legs: FxHashMap<LegId, Leg>,
    /// Calls that are not closing.
    pub(super) live_calls: u32,
    /// Live legs per trunk; kept apart from the trunks, whose calls outlive their removal. No entry means none.
    pub(super) trunk_legs: BTreeMap<TrunkName, u32>,
    /// Agents and queues.
    #[serde(default)]
    pub(super) contact: ContactState,
}

impl Tenant {
    /// Whether it exists: created and not removed.
    pub fn is_open(&self) -> bool {
        self.state.settings.is_some()
    }

    /// Its settings, if it is open.
    pub fn settings(&self) -> Option<&TenantSettings> {
        self.state.settings.as_ref()
    }

    /// Its phones by name.
    pub fn phones(&self) -> impl ExactSizeIterator<Item = &Phone> {
        self.state.phones.values().map(|entry| &entry.phone)
    }

    /// One phone.
    pub fn phone(&self, user: &UserName) -> Option<&Phone> {
        self.state.phones.get(user).map(|entry| &entry.phone)
    }

    /// Its trunks by name, with their states.
    pub fn trunks(&self) -> impl ExactSizeIterator<Item = (&Trunk, TrunkState)> {
        self.state.trunks.values().map(|entry| (&entry.trunk, entry.state))
    }

    /// One trunk with its state.
    pub fn trunk(&self, name: &TrunkName) -> Option<(&Trunk, TrunkState)> {
        self.state.trunks.get(name).map(|entry| (&entry.trunk, entry.state))
    }

    /// Its access numbers in order.
    pub fn numbers(&self) -> impl ExactSizeIterator<Item = &AccessNumber> {
        self.state.numbers.values()
    }

    /// Where a phone is, the newest contact last; empty for an unknown phone.
    pub fn bindings(&self, user: &UserName) -> &[Binding] {
        self.state.phones.get(user).map_or(&[], |entry| &entry.bindings)
    }

    /// Its calls, in no order.
    pub fn calls(&self) -> impl ExactSizeIterator<Item = (CallId, &Call)> {
        self.state.calls.iter().map(|(id, call)| (*id, call))
    }

    /// One call.
    pub fn call(&self, id: CallId) -> Option<&Call> {
        self.state.calls.get(&id)
    }

    /// One leg.
    pub fn leg(&self, id: LegId) -> Option<&Leg> {
        self.state.legs.get(&id)
    }

    /// Legs that are not over, in no order.
    pub fn legs(&self) -> impl ExactSizeIterator<Item = (LegId, &Leg)> {
        self.state.legs.iter().map(|(id, leg)| (*id, leg))
    }

    /// Calls that count for the tenant's limit: those with a leg that is not on its way out.
    pub fn live_calls(&self) -> u32 {
        self.state.live_calls
    }

    /// Live legs through a trunk.
    pub fn trunk_legs(&self, name: &TrunkName) -> u32 {
        self.state.trunk_legs.get(name).copied().unwrap_or(0)
    }

    pub(super) fn is_live(&self, leg: LegId) -> bool {
        self.leg(leg).is_some_and(Leg::is_live)
    }

    pub(super) fn is_live_in(&self, leg: LegId, call: CallId) -> bool {
        self.leg(leg).is_some_and(|leg| leg.is_live() && leg.call == call)
    }

    /// The legs of a call that are up, in the order in which they joined.
    pub(super) fn up_legs(&self, call: &Call) -> Vec<LegId> {
        call.legs.iter().copied().filter(|leg| self.leg(*leg).is_some_and(Leg::is_up)).collect()
    }

    /// The legs of an attempt that may still answer.
    pub(super) fn coming<'a>(&'a self, call: &'a Call) -> impl Iterator<Item = LegId> + 'a {
        call.attempt.iter().flat_map(|attempt| attempt.legs.iter().copied()).filter(|leg| self.is_live(*leg))
    }

    /// Whether somebody is being called.
    pub(super) fn is_calling(&self, call: &Call) -> bool {
        self.coming(call).next().is_some()
    }
}
