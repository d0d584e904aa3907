//! What is up now: registrations, trunks with their state, calls with their legs; and the configuration.
//!
//! A plain fold without clock or thread: the same events give the same view.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tandem_core::config::TrunkState;
use tandem_core::event::{Holder, Purpose, Route, TenantSettings};
use tandem_core::registration::Binding;
use tandem_core::{
    AccessNumber, CallEvent, CallId, ConfigEvent, Endpoint, Envelope, Event, LegId, Number, Phone, TenantId, Timestamp, Trunk, TrunkName,
    UserName,
};
use utoipa::ToSchema;

/// All tenants.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Offset of the next event to fold.
    pub position: u64,
    /// Every tenant that is not removed.
    pub tenants: BTreeMap<TenantId, TenantLive>,
}

/// One tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TenantLive {
    /// Settings.
    pub settings: TenantSettings,
    /// `seq` of the last event.
    pub seq: u64,
    /// Phones by user name.
    pub phones: BTreeMap<UserName, Phone>,
    /// Trunks by name.
    pub trunks: BTreeMap<TrunkName, LiveTrunk>,
    /// Access numbers.
    pub numbers: BTreeMap<Number, AccessNumber>,
    /// Where phones can be reached.
    pub registrations: BTreeMap<UserName, Vec<Binding>>,
    /// Calls that are not over.
    pub calls: BTreeMap<CallId, LiveCall>,
    /// The call that each leg belongs to.
    pub legs: BTreeMap<LegId, CallId>,
}

/// A trunk and its condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveTrunk {
    /// Its settings.
    pub trunk: Trunk,
    /// Its condition.
    pub state: TrunkState,
    /// What was seen last.
    pub reason: String,
    /// Since when it is in that condition.
    pub since: Timestamp,
}

/// A call that is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LiveCall {
    /// Its id.
    #[schema(value_type = String, example = "03G8Z5S1V0000")]
    pub call: CallId,
    /// Caller number as shown, or the phone that an originated call begins with.
    pub caller: String,
    /// Caller's display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_name: Option<String>,
    /// What was dialled.
    pub called: String,
    /// Where it came from.
    #[schema(value_type = Object)]
    pub from: Endpoint,
    /// Where it leads, once decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub route: Option<Route>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// When somebody or something answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answered: Option<Timestamp>,
    /// Its legs, the oldest first.
    pub legs: Vec<LiveLeg>,
}

/// What a leg is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LegState {
    /// The caller waits, or an INVITE is out.
    Trying,
    /// It rings.
    Ringing,
    /// It is up.
    Up,
    /// It is being ended.
    Releasing,
}

/// A leg that is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LiveLeg {
    /// Its id.
    #[schema(value_type = String)]
    pub leg: LegId,
    /// Who is at the far end.
    #[schema(value_type = Object)]
    pub endpoint: Endpoint,
    /// `caller`, or why we dialled it: `call`, `originate`, `transfer`, `party`.
    pub role: String,
    /// The number shown or dialled.
    pub number: String,
    /// What it is doing.
    pub state: LegState,
    /// Who put it on hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub held_by: Vec<Holder>,
    /// Whether it hears other legs.
    pub bridged: bool,
    /// Codec in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// When it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answered: Option<Timestamp>,
}

impl TenantLive {
    fn new(settings: TenantSettings) -> Self {
        TenantLive {
            settings,
            seq: 0,
            phones: BTreeMap::new(),
            trunks: BTreeMap::new(),
            numbers: BTreeMap::new(),
            registrations: BTreeMap::new(),
            calls: BTreeMap::new(),
            legs: BTreeMap::new(),
        }
    }
}

impl Live {
    /// Takes one committed event.
    pub fn apply(&mut self, envelope: &Envelope) {
        match &envelope.event {
            Event::Config(ConfigEvent::TenantCreated(body)) => {
                self.tenants.insert(envelope.tenant.clone(), TenantLive::new(body.settings.clone()));
            }
            Event::Config(ConfigEvent::TenantRemoved(_)) => {
                self.tenants.remove(&envelope.tenant);
                return;
            }
            _ => {}
        }
        let Some(tenant) = self.tenants.get_mut(&envelope.tenant) else { return };
        tenant.seq = envelope.seq;
        match &envelope.event {
            Event::Config(event) => tenant.config(envelope.time, event),
            Event::Call(call, event) => tenant.call(envelope.time, *call, event),
            // Agents are seen in the mirror.
            Event::Agent(..) => {}
        }
    }
}

impl TenantLive {
    fn config(&mut self, time: Timestamp, event: &ConfigEvent) {
        match event {
            ConfigEvent::TenantCreated(_) | ConfigEvent::TenantRemoved(_) => {}
            ConfigEvent::TenantChanged(body) => self.settings = body.settings.clone(),
            ConfigEvent::PhoneAdded(body) => {
                self.phones.insert(body.phone.user.clone(), body.phone.clone());
            }
            ConfigEvent::PhoneChanged(body) => {
                self.phones.insert(body.phone.user.clone(), body.phone.clone());
            }
            ConfigEvent::PhoneRemoved(body) => {
                self.phones.remove(&body.user);
            }
            ConfigEvent::TrunkAdded(body) => {
                let trunk = LiveTrunk { trunk: body.trunk.clone(), state: TrunkState::Unknown, reason: String::new(), since: time };
                self.trunks.insert(body.trunk.name.clone(), trunk);
            }
            ConfigEvent::TrunkChanged(body) => {
                if let Some(known) = self.trunks.get_mut(&body.trunk.name) {
                    known.trunk = body.trunk.clone();
                }
            }
            ConfigEvent::TrunkRemoved(body) => {
                self.trunks.remove(&body.name);
            }
            ConfigEvent::TrunkStateChanged(body) => {
                if let Some(known) = self.trunks.get_mut(&body.name) {
                    (known.state, known.reason, known.since) = (body.state, body.reason.to_string(), time);
                }
            }
            ConfigEvent::NumberAdded(body) => {
                self.numbers.insert(body.number.number.clone(), body.number.clone());
            }
            ConfigEvent::NumberChanged(body) => {
                self.numbers.insert(body.number.number.clone(), body.number.clone());
            }
            ConfigEvent::NumberRemoved(body) => {
                self.numbers.remove(&body.number);
            }
            ConfigEvent::RegistrationAdded(body) => self.bind(&body.user, &body.binding),
            ConfigEvent::RegistrationRefreshed(body) => self.bind(&body.user, &body.binding),
            ConfigEvent::RegistrationRemoved(body) => {
                if let Some(bindings) = self.registrations.get_mut(&body.user) {
                    bindings.retain(|binding| binding.contact != body.contact);
                    if bindings.is_empty() {
                        self.registrations.remove(&body.user);
                    }
                }
            }
            // Agents and queues are seen in the mirror.
            _ => {}
        }
    }

    fn bind(&mut self, user: &UserName, binding: &Binding) {
        let bindings = self.registrations.entry(user.clone()).or_default();
        match bindings.iter_mut().find(|known| known.contact == binding.contact) {
            Some(known) => *known = binding.clone(),
            None => bindings.push(binding.clone()),
        }
    }

    fn call(&mut self, time: Timestamp, id: CallId, event: &CallEvent) {
        match event {
            CallEvent::Arrived(body) => {
                let leg = LiveLeg::new(body.leg, body.from.clone(), "caller", body.caller.as_str(), time);
                let call = LiveCall {
                    call: id,
                    caller: body.caller.to_string(),
                    caller_name: body.caller_name.as_ref().map(ToString::to_string),
                    called: body.called.to_string(),
                    from: body.from.clone(),
                    route: None,
                    started: time,
                    answered: None,
                    legs: vec![leg],
                };
                self.legs.insert(body.leg, id);
                self.calls.insert(id, call);
            }
            CallEvent::Originated(body) => {
                let caller = match &body.from {
                    Endpoint::Phone(user) => user.to_string(),
                    Endpoint::Trunk(name) => name.to_string(),
                };
                let call = LiveCall {
                    call: id,
                    caller,
                    caller_name: None,
                    called: body.called.to_string(),
                    from: body.from.clone(),
                    route: None,
                    started: time,
                    answered: None,
                    legs: Vec::new(),
                };
                self.calls.insert(id, call);
            }
            CallEvent::Moved(body) => self.move_leg(body.leg, body.from, id),
            CallEvent::Ended(_) => {
                if let Some(call) = self.calls.remove(&id) {
                    for leg in call.legs {
                        self.legs.remove(&leg.leg);
                    }
                }
            }
            CallEvent::LegEnded(body) => {
                self.legs.remove(&body.leg);
                if let Some(call) = self.calls.get_mut(&id) {
                    call.legs.retain(|leg| leg.leg != body.leg);
                }
            }
            CallEvent::Dialled(body) => {
                let Some(call) = self.calls.get_mut(&id) else { return };
                call.legs.push(LiveLeg::new(body.leg, body.to.clone(), role(body.purpose), body.called.as_str(), time));
                self.legs.insert(body.leg, id);
            }
            _ => {
                if let Some(call) = self.calls.get_mut(&id) {
                    call.progress(time, event);
                }
            }
        }
    }

    fn move_leg(&mut self, leg: LegId, from: CallId, to: CallId) {
        let Some(old) = self.calls.get_mut(&from) else { return };
        let Some(place) = old.legs.iter().position(|known| known.leg == leg) else { return };
        let moved = old.legs.remove(place);
        if let Some(new) = self.calls.get_mut(&to) {
            new.legs.push(moved);
            self.legs.insert(leg, to);
        }
    }
}

/// The word for why a leg was dialled.
pub fn role(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Call => "call",
        Purpose::Originate => "originate",
        Purpose::Transfer => "transfer",
        Purpose::Party => "party",
        Purpose::Agent => "agent",
        Purpose::Member => "member",
    }
}

impl LiveLeg {
    fn new(leg: LegId, endpoint: Endpoint, role: &str, number: &str, since: Timestamp) -> Self {
        LiveLeg {
            leg,
            endpoint,
            role: role.to_owned(),
            number: number.to_owned(),
            state: LegState::Trying,
            held_by: Vec::new(),
            bridged: false,
            codec: None,
            since,
            answered: None,
        }
    }
}

impl LiveCall {
    fn leg(&mut self, leg: LegId, change: impl FnOnce(&mut LiveLeg)) {
        if let Some(leg) = self.legs.iter_mut().find(|known| known.leg == leg) {
            change(leg);
        }
    }

    fn progress(&mut self, time: Timestamp, event: &CallEvent) {
        match event {
            // Later routes are those of transfers and further parties: their legs tell of them.
            CallEvent::Routed(body) => {
                self.route.get_or_insert_with(|| body.route.clone());
            }
            CallEvent::Ringing(body) => self.leg(body.leg, |leg| {
                if leg.state == LegState::Trying {
                    leg.state = LegState::Ringing;
                }
            }),
            CallEvent::Answered(body) => {
                self.leg(body.leg, |leg| {
                    leg.state = LegState::Up;
                    leg.answered = Some(time);
                    if let Some(media) = &body.media {
                        leg.codec = Some(media.codec.name.to_string());
                    }
                });
                self.answered.get_or_insert(time);
            }
            CallEvent::Media(body) => self.leg(body.leg, |leg| leg.codec = Some(body.media.codec.name.to_string())),
            CallEvent::Held(body) => self.leg(body.leg, |leg| {
                if !leg.held_by.contains(&body.by) {
                    leg.held_by.push(body.by);
                }
            }),
            CallEvent::Resumed(body) => self.leg(body.leg, |leg| leg.held_by.retain(|by| *by != body.by)),
            CallEvent::Bridged(body) => body.legs.iter().for_each(|leg| self.leg(*leg, |leg| leg.bridged = true)),
            CallEvent::Parted(body) => body.legs.iter().for_each(|leg| self.leg(*leg, |leg| leg.bridged = false)),
            CallEvent::Releasing(body) => self.leg(body.leg, |leg| leg.state = LegState::Releasing),
            _ => {}
        }
    }
}
