//! How each fact changes the state. Total: whatever doesn't fit is passed over.

use super::Tenant;
use super::state::{Attempt, Call, Leg, Phase, PhoneEntry, Service, State, Transfer, TrunkEntry};
use crate::call::Endpoint;
use crate::cause::{Cause, Party};
use crate::config::{Destination, TrunkState};
use crate::event::{self as fact, CallEvent, CallKind, ConfigEvent, Envelope, Event, Holder, Purpose, Route};
use crate::id::{CallId, LegId, UserName};
use crate::registration::Binding;
use crate::time::Timestamp;

impl Tenant {
    /// Takes one recorded fact into the state. Total: an event that doesn't fit changes nothing but `seq`.
    pub fn apply(&mut self, envelope: &Envelope) {
        self.seq = envelope.seq;
        match &envelope.event {
            Event::Call(call, event) => self.state.apply_call(envelope.time, *call, event),
            Event::Agent(agent, event) => self.state.apply_agent(envelope.time, *agent, event),
            Event::Config(event) => self.state.apply_config(event),
        }
    }
}

impl State {
    fn apply_call(&mut self, time: Timestamp, id: CallId, event: &CallEvent) {
        match event {
            CallEvent::Arrived(it) => self.arrived(time, id, it),
            CallEvent::Originated(it) => self.originated(time, id, it),
            CallEvent::Routed(it) => self.routed(id, it),
            CallEvent::Dialled(it) => self.dialled(id, it),
            CallEvent::Ringing(it) => self.ringing(it),
            CallEvent::Answered(it) => self.answered(id, it.leg),
            CallEvent::Media(_) => {}
            CallEvent::Held(it) => self.set_held(it.leg, it.by, true),
            CallEvent::Resumed(it) => self.set_held(it.leg, it.by, false),
            CallEvent::Moved(it) => self.moved(id, it),
            CallEvent::Bridged(it) => self.bridged(id, &it.legs),
            CallEvent::Parted(_) => self.with_call(id, |call| call.bridge.clear()),
            CallEvent::TransferRequested(it) => self.transfer_requested(id, it),
            CallEvent::TransferCompleted(_) | CallEvent::TransferFailed(_) => self.transfer_over(id),
            CallEvent::Releasing(it) => self.releasing(id, it),
            CallEvent::LegEnded(it) => self.leg_ended(id, it),
            CallEvent::Ended(_) => self.ended(id),
            other => self.apply_contact(time, id, other),
        }
    }

    fn with_call(&mut self, id: CallId, change: impl FnOnce(&mut Call)) {
        if let Some(call) = self.calls.get_mut(&id) {
            change(call);
        }
    }

    // ---- a call's begin -------------------------------------------------------------------------------------------

    fn arrived(&mut self, time: Timestamp, id: CallId, it: &fact::CallArrived) {
        if self.calls.contains_key(&id) || self.legs.contains_key(&it.leg) {
            return;
        }
        self.begin(time, id, it.from.clone(), it.called.clone(), CallKind::Ordinary);
        self.with_call(id, |call| call.caller = it.caller.clone());
        let leg = Leg {
            call: id,
            endpoint: it.from.clone(),
            purpose: None,
            phase: Phase::Calling,
            early_media: false,
            held_by_phone: false,
            held_by_operator: false,
            number: it.caller.clone(),
            name: it.caller_name.clone(),
            agent: None,
            releasing: None,
        };
        self.join(it.leg, leg);
    }

    fn originated(&mut self, time: Timestamp, id: CallId, it: &fact::CallOriginated) {
        if self.calls.contains_key(&id) {
            return;
        }
        self.begin(time, id, it.from.clone(), it.called.clone(), it.kind);
        self.with_call(id, |call| (call.shown, call.reach) = (it.caller.clone(), it.reach.clone()));
        if let (Endpoint::Phone(user), CallKind::Ordinary) = (&it.from, it.kind) {
            let attempt = new_attempt(it.called.clone(), Route::Phone(user.clone()), Purpose::Originate);
            self.with_call(id, |call| call.attempt = Some(attempt));
        }
    }

    fn begin(&mut self, began: Timestamp, id: CallId, from: Endpoint, called: smol_str::SmolStr, kind: CallKind) {
        let call = Call {
            began,
            from,
            called,
            legs: Vec::new(),
            bridge: Vec::new(),
            attempt: None,
            transfer: None,
            consulted_by: None,
            service: None,
            answered: false,
            closing: false,
            cause: None,
            kind,
            reach: None,
            shown: None,
            parts: Vec::new(),
            waiting: None,
            handover: None,
            consultation: None,
            announcing: None,
            collecting: None,
            voicemail: None,
            recordings: Vec::new(),
            playback: None,
            conference: None,
            last_queue: None,
            data: smol_str::SmolStr::default(),
            caller: smol_str::SmolStr::default(),
            hops: 0,
        };
        self.calls.insert(id, call);
        self.live_calls = self.live_calls.saturating_add(1);
    }

    /// Takes a new leg in.
    fn join(&mut self, id: LegId, leg: Leg) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        call.legs.push(id);
        if std::mem::take(&mut call.closing) {
            self.live_calls = self.live_calls.saturating_add(1);
        }
        if let Endpoint::Trunk(name) = &leg.endpoint {
            let count = self.trunk_legs.entry(name.clone()).or_default();
            *count = count.saturating_add(1);
        }
        self.legs.insert(id, leg);
    }

    fn routed(&mut self, id: CallId, it: &fact::CallRouted) {
        let first = |of: fn(&Leg) -> bool| self.calls.get(&id)?.legs.iter().copied().find(|leg| self.legs.get(leg).is_some_and(of));
        let (first_live, first_party) = (first(Leg::is_live), first(|leg| leg.is_live() && leg.agent.is_none()));
        let Some(call) = self.calls.get_mut(&id) else { return };
        match &it.route {
            Route::Number(destination @ (Destination::Echo | Destination::Tone(_) | Destination::Prompt(_))) => {
                let customer = call.handover.as_ref().and(first_party);
                let listener = call.transfer.as_ref().map(|transfer| transfer.transferee).or(customer).or(first_live);
                call.service = listener.map(|leg| Service { leg, destination: destination.clone() });
                call.attempt = None;
            }
            Route::Number(Destination::Queue(_) | Destination::Agent(_) | Destination::Voicemail(_)) => call.attempt = None,
            Route::Phone(_) | Route::Number(Destination::Phone(_)) | Route::Trunks(_) => {
                call.attempt = Some(new_attempt(it.called.clone(), it.route.clone(), Purpose::Call));
            }
            Route::Replaces(_) => {}
        }
    }

    fn dialled(&mut self, id: CallId, it: &fact::LegDialled) {
        if self.legs.contains_key(&it.leg) {
            return;
        }
        let Some(call) = self.calls.get_mut(&id) else { return };
        let number = match &it.to {
            Endpoint::Phone(user) => user.as_str().into(),
            Endpoint::Trunk(_) => it.called.clone(),
        };
        if it.purpose == Purpose::Member {
            let who = crate::agent::Reach::Number(it.called.clone());
            if let Some(member) =
                call.conference.as_mut().and_then(|conference| conference.members.iter_mut().find(|member| member.who == who))
            {
                member.ringing.push(it.leg);
                if let Endpoint::Trunk(name) = &it.to {
                    member.tried.push(name.clone());
                }
            }
        } else if it.purpose == Purpose::Agent {
            // An agent's phone belongs to the agent, not to the party that the call tries to reach.
            if let Some(agent) = it.agent {
                self.with_session(agent, |session| session.legs.push(it.leg));
            }
        } else if let Some(attempt) = &mut call.attempt {
            attempt.purpose = it.purpose;
            attempt.behalf = it.on_behalf_of;
            attempt.legs.push(it.leg);
            if let Endpoint::Trunk(name) = &it.to {
                attempt.trunk = Some(name.clone());
            }
        }
        let leg = Leg {
            call: id,
            endpoint: it.to.clone(),
            purpose: Some(it.purpose),
            phase: Phase::Calling,
            early_media: false,
            held_by_phone: false,
            held_by_operator: false,
            number,
            name: None,
            agent: it.agent,
            releasing: None,
        };
        self.join(it.leg, leg);
    }

    // ---- a leg's life ---------------------------------------------------------------------------------------------

    fn ringing(&mut self, it: &fact::LegRinging) {
        if let Some(leg) = self.legs.get_mut(&it.leg) {
            leg.phase = leg.phase.max(Phase::Ringing);
            leg.early_media |= it.early_media;
        }
    }

    fn answered(&mut self, id: CallId, leg_id: LegId) {
        if let Some(leg) = self.legs.get_mut(&leg_id) {
            leg.phase = Phase::Up;
        }
        self.with_call(id, |call| {
            call.answered = true;
            // The first answer decides an attempt; whoever else rings is released next.
            if call.attempt.as_ref().is_some_and(|attempt| attempt.legs.contains(&leg_id)) {
                call.attempt = None;
            }
        });
    }

    fn set_held(&mut self, leg: LegId, by: Holder, held: bool) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            match by {
                Holder::Phone => leg.held_by_phone = held,
                Holder::Operator => leg.held_by_operator = held,
            }
        }
    }

    fn moved(&mut self, id: CallId, it: &fact::LegMoved) {
        if !self.calls.contains_key(&id) || id == it.from {
            return;
        }
        let Some(leg) = self.legs.get_mut(&it.leg).filter(|leg| leg.call == it.from) else { return };
        leg.call = id;
        let up = leg.phase == Phase::Up;
        self.with_call(it.from, |call| {
            forget_leg(call, it.leg);
            // Handed on, not failed, whatever becomes of those who rang in it.
            call.cause.get_or_insert(Cause::normal(Party::System));
        });
        self.note_closing(it.from);
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.legs.push(it.leg);
        call.answered |= up;
        call.cause = None;
        if std::mem::take(&mut call.closing) {
            self.live_calls = self.live_calls.saturating_add(1);
        }
    }

    fn bridged(&mut self, id: CallId, legs: &[LegId]) {
        self.with_call(id, |call| {
            call.bridge = legs.to_vec();
            if call.service.as_ref().is_some_and(|service| legs.contains(&service.leg)) {
                call.service = None;
            }
            // The call goes on: whoever left before did not bring it down.
            call.cause = None;
        });
    }

    // ---- transfer -------------------------------------------------------------------------------------------------

    fn transfer_requested(&mut self, id: CallId, it: &fact::TransferRequested) {
        let with = it.with.and_then(|leg| self.legs.get(&leg).map(|other| (leg, other.call)));
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(transferee) = call.bridge.iter().copied().find(|leg| *leg != it.leg) else { return };
        call.transfer = Some(Transfer { by: it.leg, transferee, with, refer: it.by == Party::Remote });
        if let Some((_, other)) = with {
            self.with_call(other, |call| call.consulted_by = Some(id));
        }
    }

    fn transfer_over(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.cause = None;
        if let Some(Transfer { with: Some((_, other)), .. }) = call.transfer.take() {
            self.with_call(other, |call| call.consulted_by = None);
        }
    }

    // ---- the end --------------------------------------------------------------------------------------------------

    fn releasing(&mut self, id: CallId, it: &fact::LegReleasing) {
        let Some(leg) = self.legs.get_mut(&it.leg).filter(|leg| leg.is_live()) else { return };
        leg.releasing = Some(it.cause.clone());
        self.note_going(id, it.leg, &it.cause);
    }

    fn leg_ended(&mut self, id: CallId, it: &fact::LegEnded) {
        if self.leg_live(it.leg) {
            self.note_going(id, it.leg, &it.cause);
        }
        if let Some(agent) = self.legs.remove(&it.leg).and_then(|leg| leg.agent) {
            self.with_session(agent, |session| session.legs.retain(|leg| *leg != it.leg));
        }
        self.with_call(id, |call| {
            call.legs.retain(|leg| *leg != it.leg);
            if let Some(attempt) = &mut call.attempt {
                attempt.legs.retain(|leg| *leg != it.leg);
            }
            if call.service.as_ref().is_some_and(|service| service.leg == it.leg) {
                call.service = None;
            }
            for member in call.conference.iter_mut().flat_map(|conference| &mut conference.members) {
                member.ringing.retain(|leg| *leg != it.leg);
            }
        });
        self.note_closing(id);
    }

    fn leg_live(&self, leg: LegId) -> bool {
        self.legs.get(&leg).is_some_and(Leg::is_live)
    }

    /// A live leg is on its way out: frees its trunk and keeps the reason.
    fn note_going(&mut self, id: CallId, leg_id: LegId, cause: &Cause) {
        let Some(leg) = self.legs.get(&leg_id) else { return };
        if let Endpoint::Trunk(name) = &leg.endpoint
            && let Some(count) = self.trunk_legs.get_mut(name)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.trunk_legs.remove(name);
            }
        }
        // A called leg that fails does not decide how the call ends: another contact or trunk may answer.
        let decides = leg.is_caller() || leg.phase == Phase::Up;
        self.with_call(id, |call| {
            if let Some(attempt) = call.attempt.as_mut().filter(|attempt| attempt.legs.contains(&leg_id))
                && attempt.best.as_ref().is_none_or(|best| rank(cause) < rank(best))
            {
                attempt.best = Some(cause.clone());
            }
            if decides && call.cause.is_none() {
                call.cause = Some(cause.clone());
            }
        });
        self.note_closing(id);
    }

    fn note_closing(&mut self, id: CallId) {
        let Some(call) = self.calls.get(&id) else { return };
        if !call.closing && !call.legs.iter().any(|leg| self.leg_live(*leg)) {
            self.live_calls = self.live_calls.saturating_sub(1);
            self.with_call(id, |call| call.closing = true);
        }
    }

    fn ended(&mut self, id: CallId) {
        self.forget_waiting(id);
        let Some(call) = self.calls.remove(&id) else { return };
        if !call.closing {
            self.live_calls = self.live_calls.saturating_sub(1);
        }
        for leg in call.legs {
            if let Some(agent) = self.legs.remove(&leg).and_then(|gone| gone.agent) {
                self.with_session(agent, |session| session.legs.retain(|own| *own != leg));
            }
        }
        for part in call.parts {
            self.with_session(part.agent, |session| session.calls.retain(|own| *own != id));
        }
    }

    // ---- configuration --------------------------------------------------------------------------------------------

    fn apply_config(&mut self, event: &ConfigEvent) {
        match event {
            ConfigEvent::TenantCreated(it) => self.settings = Some(it.settings.clone()),
            ConfigEvent::TenantChanged(it) => self.settings = Some(it.settings.clone()),
            ConfigEvent::TenantRemoved(_) => {
                self.settings = None;
                self.phones.clear();
                self.trunks.clear();
                self.numbers.clear();
                let recordings = std::mem::take(&mut self.contact.recordings);
                self.contact = super::contact::ContactState { recordings, ..Default::default() };
            }
            ConfigEvent::PhoneAdded(it) => {
                self.phones.insert(it.phone.user.clone(), PhoneEntry { phone: it.phone.clone(), bindings: Vec::new() });
            }
            ConfigEvent::PhoneChanged(it) => {
                if let Some(entry) = self.phones.get_mut(&it.phone.user) {
                    entry.phone = it.phone.clone();
                }
            }
            ConfigEvent::PhoneRemoved(it) => drop(self.phones.remove(&it.user)),
            ConfigEvent::TrunkAdded(it) => {
                self.trunks.insert(it.trunk.name.clone(), TrunkEntry { trunk: it.trunk.clone(), state: TrunkState::Unknown });
            }
            ConfigEvent::TrunkChanged(it) => {
                if let Some(entry) = self.trunks.get_mut(&it.trunk.name) {
                    entry.trunk = it.trunk.clone();
                }
            }
            ConfigEvent::TrunkRemoved(it) => drop(self.trunks.remove(&it.name)),
            ConfigEvent::TrunkStateChanged(it) => {
                if let Some(entry) = self.trunks.get_mut(&it.name) {
                    entry.state = it.state;
                }
            }
            ConfigEvent::NumberAdded(it) => drop(self.numbers.insert(it.number.number.clone(), it.number.clone())),
            ConfigEvent::NumberChanged(it) => drop(self.numbers.insert(it.number.number.clone(), it.number.clone())),
            ConfigEvent::NumberRemoved(it) => drop(self.numbers.remove(&it.number)),
            ConfigEvent::Audited(_) => {}
            ConfigEvent::RegistrationAdded(it) => self.bind(&it.user, &it.binding),
            ConfigEvent::RegistrationRefreshed(it) => self.bind(&it.user, &it.binding),
            ConfigEvent::RegistrationRemoved(it) => {
                if let Some(entry) = self.phones.get_mut(&it.user) {
                    entry.bindings.retain(|binding| binding.contact != it.contact);
                }
            }
            other => self.apply_staffing(other),
        }
    }

    fn bind(&mut self, user: &UserName, binding: &Binding) {
        if let Some(entry) = self.phones.get_mut(user) {
            entry.bindings.retain(|old| old.contact != binding.contact);
            entry.bindings.push(binding.clone());
        }
    }
}

fn new_attempt(called: smol_str::SmolStr, route: Route, purpose: Purpose) -> Attempt {
    Attempt { called, route, purpose, behalf: None, legs: Vec::new(), trunk: None, best: None }
}

fn forget_leg(call: &mut Call, leg: LegId) {
    call.legs.retain(|id| *id != leg);
    call.bridge.retain(|id| *id != leg);
    if let Some(attempt) = &mut call.attempt {
        attempt.legs.retain(|id| *id != leg);
    }
    if call.service.as_ref().is_some_and(|service| service.leg == leg) {
        call.service = None;
    }
}

/// Which failure of a forked call the caller is told (RFC 3261 §16.7 step 6): a refusal by the person first, then busy,
/// then the lowest class. Less is better.
fn rank(cause: &Cause) -> (u8, u16) {
    let class = match cause.sip {
        600..=699 => 0,
        486 => 1,
        400..=499 => 2,
        500..=599 => 3,
        _ => 4,
    };
    (class, cause.sip)
}
