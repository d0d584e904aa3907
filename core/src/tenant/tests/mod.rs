//! A small stage for scenes: phones 1001 to 1003, trunks a and b, access numbers; legs are named A, B, C, … in the order
//! in which they appear, so that a scene reads like a script.

use std::time::Duration;

use super::*;
use crate::call::{Codec, DialogRecord, Direction, Endpoint, Flow, MediaRecord, Tone, Transport};
use crate::command::TransferTarget;
use crate::config::{AccessNumber, Destination, Phone, Trunk, TrunkAuth};
use crate::event::TenantSettings;
use crate::id::{Number, RequestId, TrunkName, UserName};
use crate::registration::{ContactUpdate, RegisterRequest};

mod agent;
mod call;
mod centre;
mod collect;
mod conference;
mod config;
mod desk;
mod hearing;
mod hold;
mod party;
mod playback;
mod queue;
mod recording;
mod registration;
mod replace;
mod routing;
mod seats;
mod supervise;
mod transfer;
mod voicemail;

pub(super) struct Stage {
    pub(super) tenant: Tenant,
    pub(super) now: Timestamp,
    pub(super) out: Decision,
    ids: Ids,
    switch_ids: Ids,
    legs: Vec<LegId>,
    cseq: u32,
}

pub(super) fn user(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

pub(super) fn trunk_name(name: &str) -> TrunkName {
    TrunkName::new(name).unwrap()
}

pub(super) fn flow(port: u16) -> Flow {
    Flow { transport: Transport::Udp, local: "192.0.2.1:5060".parse().unwrap(), remote: ([198, 51, 100, 7], port).into() }
}

pub(super) fn dialog(port: u16) -> DialogRecord {
    DialogRecord {
        call_id: "c".into(),
        local_tag: "l".into(),
        remote_tag: None,
        local_uri: "sip:us@192.0.2.1".into(),
        remote_uri: "sip:them@198.51.100.7".into(),
        remote_target: "sip:them@198.51.100.7".into(),
        route_set: Vec::new(),
        local_cseq: 1,
        remote_cseq: None,
        flow: flow(port),
    }
}

pub(super) fn media() -> MediaRecord {
    MediaRecord {
        local: "192.0.2.1:20000".parse().unwrap(),
        remote: "198.51.100.7:30000".parse().unwrap(),
        codec: Codec { name: "PCMA".into(), payload_type: 8, clock_rate: 8000, fmtp: None },
        dtmf: None,
        direction: Direction::SendRecv,
        sdp_session: 1,
        sdp_version: 1,
    }
}

pub(super) fn phone(name: &str) -> Phone {
    Phone { user: user(name), display_name: None, max_contacts: 2, srtp: Default::default() }
}

pub(super) fn trunk(name: &str, priority: u16) -> Trunk {
    Trunk {
        name: trunk_name(name),
        host: "carrier.example".into(),
        port: Some(5070),
        transport: Transport::Udp,
        auth: TrunkAuth::Address,
        sources: Vec::new(),
        priority,
        prefixes: Vec::new(),
        caller_number: None,
        max_calls: 10,
        options_interval_s: 0,
        srtp: Default::default(),
    }
}

pub(super) fn number(number: &str, destination: Destination) -> AccessNumber {
    AccessNumber { number: Number::new(number).unwrap(), destination }
}

pub(super) fn contact(uri: &str) -> ContactUpdate {
    ContactUpdate { contact: uri.into(), expires: Duration::from_secs(3600), q: 1000, instance: None }
}

impl Stage {
    /// An open tenant without anything.
    pub(super) fn empty() -> Self {
        let mut stage = Stage {
            tenant: Tenant::new(TenantId::new("demo").unwrap()),
            now: Timestamp::from_micros(1_795_000_000_000_000),
            out: Decision::default(),
            ids: Ids::new(1, 0),
            switch_ids: Ids::new(1, 40),
            legs: Vec::new(),
            cseq: 0,
        };
        stage.does(Command::CreateTenant(TenantSettings { max_calls: 10, ..TenantSettings::named("Demo") }));
        stage
    }

    /// With phones that are registered (flow port = their number), trunks and access numbers.
    pub(super) fn new() -> Self {
        let mut stage = Stage::empty();
        for name in ["1001", "1002", "1003"] {
            stage.does(Command::AddPhone(phone(name)));
            stage.register(name, vec![contact(&format!("sip:{name}@phone"))], name.parse().unwrap());
        }
        stage.does(Command::AddTrunk(trunk("a", 1)));
        stage.does(Command::AddTrunk(trunk("b", 2)));
        stage.does(Command::AddNumber(number("600", Destination::Echo)));
        stage.does(Command::AddNumber(number("601", Destination::Tone(Tone::Sine(440)))));
        stage.does(Command::AddNumber(number("602", Destination::Prompt("welcome".into()))));
        stage.does(Command::AddNumber(number("95500", Destination::Phone(user("1002")))));
        stage
    }

    // ---- what happens ---------------------------------------------------------------------------------------------

    pub(super) fn tell(&mut self, command: Command) -> Result<Accepted, Rejection> {
        self.out = Decision::default();
        let before = self.tenant.clone();
        let result = self.tenant.handle(self.now, &mut self.ids, command, &mut self.out);
        let mut replayed = before;
        for envelope in &self.out.events {
            replayed.apply(envelope);
            if let Event::Call(
                _,
                CallEvent::Arrived(crate::event::CallArrived { leg, .. }) | CallEvent::Dialled(crate::event::LegDialled { leg, .. }),
            ) = &envelope.event
            {
                self.legs.push(*leg);
            }
        }
        assert_eq!(replayed, self.tenant, "replay differs from life");
        result
    }

    #[track_caller]
    pub(super) fn does(&mut self, command: Command) -> Accepted {
        self.tell(command).unwrap()
    }

    pub(super) fn passes(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    pub(super) fn register(&mut self, name: &str, contacts: Vec<ContactUpdate>, port: u16) {
        self.cseq += 1;
        let register = RegisterRequest {
            contacts,
            remove_all: false,
            call_id: format!("reg-{name}"),
            cseq: self.cseq,
            path: Vec::new(),
            flow: flow(port),
            user_agent: None,
        };
        self.does(Command::Register { user: user(name), request: RequestId(1), register });
    }

    /// `from` is a phone, or a trunk if its name is a letter.
    pub(super) fn offer(&mut self, from: &str, called: &str) -> LegId {
        self.offer_replacing(from, called, None)
    }

    /// From a trunk, with this number.
    pub(super) fn offer_as(&mut self, from: &str, caller: &str, called: &str) -> LegId {
        let (leg, from) = (self.switch_ids.leg(), Endpoint::Trunk(trunk_name(from)));
        let (caller, called) = (caller.into(), called.into());
        self.does(Command::LegOffered { leg, from, caller, caller_name: None, called, dialog: dialog(5070), replaces: None });
        leg
    }

    pub(super) fn offer_replacing(&mut self, from: &str, called: &str, replaces: Option<LegId>) -> LegId {
        let leg = self.switch_ids.leg();
        let (endpoint, port) = match from.parse::<u16>() {
            Ok(port) => (Endpoint::Phone(user(from)), port),
            Err(_) => (Endpoint::Trunk(trunk_name(from)), 5070),
        };
        self.does(Command::LegOffered {
            leg,
            from: endpoint,
            caller: from.into(),
            caller_name: None,
            called: called.into(),
            dialog: dialog(port),
            replaces,
        });
        leg
    }

    #[track_caller]
    pub(super) fn rings(&mut self, leg: LegId) {
        self.does(Command::LegProgressed { leg, status: 180, early_media: false });
    }

    #[track_caller]
    pub(super) fn answers(&mut self, leg: LegId) {
        self.does(Command::LegAnswered { leg, dialog: dialog(1), media: media() });
    }

    /// Ends with this status from the far end; 200 hangs up.
    #[track_caller]
    pub(super) fn ends(&mut self, leg: LegId, status: u16) {
        self.does(Command::LegEnded { leg, cause: Cause::sip(status, Party::Remote), stats: None });
    }

    #[track_caller]
    pub(super) fn transfers(&mut self, leg: LegId, number: &str) {
        self.does(Command::TransferAsked { leg, target: TransferTarget::Number(number.into()) });
    }

    /// Two talk: the caller's leg and the called one's.
    #[track_caller]
    pub(super) fn talk(&mut self, from: &str, called: &str) -> (LegId, LegId) {
        let caller = self.offer(from, called);
        let callee = self.dialled();
        self.answers(callee);
        (caller, callee)
    }

    // ---- what came of it ------------------------------------------------------------------------------------------

    /// The leg that was dialled last.
    #[track_caller]
    pub(super) fn dialled(&self) -> LegId {
        let dial = self.out.effects.iter().rev().find_map(|effect| if let Effect::Dial { leg, .. } = effect { Some(*leg) } else { None });
        dial.expect("nobody was dialled")
    }

    pub(super) fn call_of(&self, leg: LegId) -> CallId {
        self.tenant.leg(leg).unwrap().call
    }

    pub(super) fn hears(&self, leg: LegId) -> Audio {
        self.tenant.hears(leg).unwrap()
    }

    fn name(&self, leg: LegId) -> char {
        let place = self.legs.iter().position(|known| *known == leg).expect("a leg that never appeared");
        char::from(b'A' + u8::try_from(place).unwrap())
    }

    fn names(&self, legs: &[LegId]) -> String {
        legs.iter().map(|leg| self.name(*leg)).collect()
    }

    /// The last command's events: kind, leg, status of a cause.
    pub(super) fn events(&self) -> Vec<String> {
        self.out.events.iter().map(|envelope| self.event_text(&envelope.event)).collect()
    }

    fn event_text(&self, event: &Event) -> String {
        let kind = event.kind();
        let event = match event {
            Event::Call(_, event) => event,
            other => return self.contact_text(other),
        };
        match event {
            CallEvent::Arrived(it) => format!("{kind} {}", self.name(it.leg)),
            CallEvent::Dialled(it) => format!("{kind} {}", self.name(it.leg)),
            CallEvent::Ringing(it) => format!("{kind} {}", self.name(it.leg)),
            CallEvent::Answered(it) => format!("{kind} {}", self.name(it.leg)),
            CallEvent::Held(it) => format!("{kind} {}", self.name(it.leg)),
            CallEvent::Resumed(it) => format!("{kind} {}", self.name(it.leg)),
            CallEvent::Moved(it) => format!("{kind} {}", self.name(it.leg)),
            CallEvent::Bridged(it) => format!("{kind} {}", self.names(&it.legs)),
            CallEvent::Parted(it) => format!("{kind} {}", self.names(&it.legs)),
            CallEvent::TransferRequested(it) => format!("{kind} {}", self.name(it.leg)),
            CallEvent::TransferCompleted(it) => format!("{kind} {}", self.name(it.leg)),
            CallEvent::TransferFailed(it) => format!("{kind} {} {}", self.name(it.leg), it.cause.sip),
            CallEvent::Releasing(it) => format!("{kind} {} {}", self.name(it.leg), it.cause.sip),
            CallEvent::LegEnded(it) => format!("{kind} {} {}", self.name(it.leg), it.cause.sip),
            CallEvent::Ended(it) => format!("{kind} {}", it.cause.sip),
            other => self.part_text(other),
        }
    }

    /// The last command's orders to the switch, without timers.
    pub(super) fn orders(&self) -> Vec<String> {
        self.out.effects.iter().filter_map(|effect| self.order_text(effect)).collect()
    }

    fn order_text(&self, effect: &Effect) -> Option<String> {
        Some(match effect {
            Effect::Ring { leg } => format!("ring {}", self.name(*leg)),
            Effect::EarlyMedia { leg, with } => format!("early {} with {}", self.name(*leg), self.name(*with)),
            Effect::Answer { leg, with: None } => format!("answer {}", self.name(*leg)),
            Effect::Answer { leg, with: Some(with) } => format!("answer {} with {}", self.name(*leg), self.name(*with)),
            Effect::Dial { leg, .. } => format!("dial {}", self.name(*leg)),
            Effect::Release { leg, cause } => format!("release {} {}", self.name(*leg), cause.sip),
            Effect::Hear { leg, audio } => format!("{} hears {}", self.name(*leg), self.audio_text(audio)),
            Effect::TransferAnswered { leg, status } => format!("notify {} {status}", self.name(*leg)),
            Effect::Registered { bindings, .. } => {
                let contacts: Vec<&str> = bindings.iter().map(|binding| binding.contact.as_str()).collect();
                format!("registered {}", contacts.join(" "))
            }
            Effect::RegisterRefused { status, .. } => format!("register refused {status}"),
            Effect::SendDigits { leg, digits } => format!("keys {} {digits}", self.name(*leg)),
            Effect::StartRecording { left, right, .. } => format!("record {} | {}", self.names(left), self.names(right)),
            Effect::RecordSources { left, right, .. } => format!("record from {} | {}", self.names(left), self.names(right)),
            Effect::PauseRecording { .. } => "pause recording".into(),
            Effect::ResumeRecording { .. } => "resume recording".into(),
            Effect::StopRecording { .. } => "stop recording".into(),
            Effect::SetTimer { .. } | Effect::CancelTimer { .. } => return None,
        })
    }

    fn audio_text(&self, audio: &Audio) -> String {
        match audio {
            Audio::Silence => "silence".into(),
            Audio::Leg(leg) => self.name(*leg).into(),
            Audio::Mix(legs) => self.names(legs),
            Audio::Tone(tone) => format!("{tone:?}"),
            Audio::Prompt { name, .. } => format!("prompt {name}"),
            Audio::Sequence { names, .. } => format!("sequence {}", names.join(" ")),
            Audio::Music { name } => format!("music {name}"),
            Audio::Recording { path, from_ms } => format!("recording {path} {from_ms}"),
            Audio::Echo => "echo".into(),
        }
    }

    /// The last command's timers: `+` set, `-` cancelled.
    pub(super) fn timers(&self) -> Vec<String> {
        let text = |key: &TimerKey| match key {
            TimerKey::NoAnswer(leg) => format!("no-answer {}", self.name(*leg)),
            TimerKey::ReleaseGuard(leg) => format!("guard {}", self.name(*leg)),
            TimerKey::Registration(user, contact) => format!("{user} {contact}"),
            TimerKey::Offer(_, agent) => format!("offer {agent}"),
            TimerKey::Mode(agent) => format!("mode {agent}"),
            TimerKey::Waiting(_, queue) => format!("waiting {queue}"),
            TimerKey::Announce(_) => "announce".into(),
            TimerKey::Collect(leg) => format!("collect {}", self.name(*leg)),
            TimerKey::Voicemail(_) => "voicemail".into(),
            TimerKey::Conference(_) => "conference".into(),
            TimerKey::Recording(_) => "recording".into(),
        };
        let one = |effect: &Effect| match effect {
            Effect::SetTimer { key, at } => Some(format!("+{} {}", text(key), at.since(self.now).as_secs())),
            Effect::CancelTimer { key } => Some(format!("-{}", text(key))),
            _ => None,
        };
        self.out.effects.iter().filter_map(one).collect()
    }

    /// The cause of the last event that has one.
    #[track_caller]
    pub(super) fn last_cause(&self) -> Cause {
        let cause = |envelope: &Envelope| match &envelope.event {
            Event::Call(_, CallEvent::Releasing(it)) => Some(it.cause.clone()),
            Event::Call(_, CallEvent::LegEnded(it)) => Some(it.cause.clone()),
            Event::Call(_, CallEvent::Ended(it)) => Some(it.cause.clone()),
            _ => None,
        };
        self.out.events.iter().rev().find_map(cause).expect("no event with a cause")
    }
}
