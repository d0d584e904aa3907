//! What phones, trunks, administrators and operators may want next.

use std::time::Duration;

use rand::Rng;
use tandem_core::call::{Codec, DialogRecord, Direction, MediaRecord, Tone};
use tandem_core::command::TransferTarget;
use tandem_core::config::{TrunkAuth, TrunkState};
use tandem_core::event::TenantSettings;
use tandem_core::registration::{ContactUpdate, RegisterRequest};
use tandem_core::{
    AccessNumber, CallId, Cause, Command, Destination, Endpoint, Flow, LegId, Number, Party, Phone, Rejection, RequestId, TimerKey,
    Transport, Trunk, TrunkName, UserName,
};

use crate::world::{SwitchLeg, World};

const USERS: [&str; 6] = ["1001", "1002", "1003", "1004", "1005", "alice"];
const TRUNKS: [&str; 3] = ["a", "b", "c"];
const NUMBERS: [&str; 5] = ["600", "601", "602", "95500", "95501"];
const CALLED: [&str; 14] =
    ["1001", "1002", "1003", "1004", "1005", "alice", "600", "601", "602", "95500", "0123", "00441", "0999", "not a number"];

fn user(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

fn trunk_name(name: &str) -> TrunkName {
    TrunkName::new(name).unwrap()
}

fn flow(port: u16) -> Flow {
    let transport = if port.is_multiple_of(2) { Transport::Udp } else { Transport::Tcp };
    Flow { transport, local: "192.0.2.1:5060".parse().unwrap(), remote: ([198, 51, 100, 7], port).into() }
}

fn dialog(port: u16) -> DialogRecord {
    DialogRecord {
        call_id: format!("{port}@phone"),
        local_tag: "l".into(),
        remote_tag: Some("r".into()),
        local_uri: "sip:us@192.0.2.1".into(),
        remote_uri: "sip:them@198.51.100.7".into(),
        remote_target: "sip:them@198.51.100.7".into(),
        route_set: Vec::new(),
        local_cseq: 1,
        remote_cseq: Some(1),
        flow: flow(port),
    }
}

fn media() -> MediaRecord {
    MediaRecord {
        local: "192.0.2.1:20000".parse().unwrap(),
        remote: "198.51.100.7:30000".parse().unwrap(),
        codec: Codec { name: "PCMA".into(), payload_type: 8, clock_rate: 8000, fmtp: None },
        dtmf: Some(101),
        direction: Direction::SendRecv,
        sdp_session: 1,
        sdp_version: 1,
    }
}

fn settings() -> TenantSettings {
    TenantSettings { max_calls: 14, ring_timeout_s: 20, ..TenantSettings::named("Random") }
}

fn cause(status: u16) -> Cause {
    Cause::sip(status, Party::Remote)
}

impl World {
    pub(crate) fn set_up(&mut self) {
        self.send(Command::CreateTenant(settings())).unwrap();
        for name in USERS {
            let _ = self.send(Command::AddPhone(Phone { user: user(name), display_name: None, max_contacts: 3, srtp: Default::default() }));
            self.register_one(name);
        }
        for name in TRUNKS {
            let trunk = self.trunk(name);
            let _ = self.send(Command::AddTrunk(trunk));
        }
        for number in NUMBERS {
            let number = self.number(number);
            let _ = self.send(Command::AddNumber(number));
        }
    }

    /// One thing happens.
    pub(crate) fn step(&mut self) {
        match self.rng.random_range(0..1000) {
            0..450 => self.switch_reacts(),
            450..620 => self.offer(),
            620..720 => self.register(),
            720..830 => self.operator(),
            830..900 => self.configure(),
            900..930 => self.bogus(),
            930..996 => {
                let span = self.rng.random_range(0..12_000);
                self.pass(Duration::from_millis(span));
            }
            996..998 => drop(self.send(Command::NodeRestarted)),
            998 => {
                let _ = self.send(Command::RemoveTenant);
                // Nothing but the end of its legs reaches a tenant that is gone.
                assert!(matches!(self.send(Command::RemoveTenant), Err(Rejection::NoSuchTenant(_))));
                self.switch_reacts();
                self.set_up();
            }
            _ => self.pass(Duration::from_secs(300)),
        }
    }

    // ---- the switch -----------------------------------------------------------------------------------------------

    fn some_leg(&mut self) -> LegId {
        let legs: Vec<LegId> = self.legs.keys().copied().collect();
        if legs.is_empty() || self.chance(3) { LegId(self.rng.random()) } else { self.pick(&legs) }
    }

    fn some_call(&mut self) -> CallId {
        let mut calls: Vec<CallId> = self.tenant.calls().map(|(id, _)| id).collect();
        calls.sort_unstable();
        if calls.is_empty() || self.chance(3) { CallId(self.rng.random()) } else { self.pick(&calls) }
    }

    fn switch_reacts(&mut self) {
        let legs: Vec<(LegId, SwitchLeg)> = self.legs.iter().map(|(leg, state)| (*leg, *state)).collect();
        if legs.is_empty() {
            return self.offer();
        }
        let (leg, state) = self.pick(&legs);
        let dice = self.rng.random_range(0..100);
        let end = |status| Command::LegEnded { leg, cause: cause(status), stats: None };
        let answer = Command::LegAnswered { leg, dialog: dialog(7), media: media() };
        let command = match (state, dice) {
            (SwitchLeg::Dialled, 0..30) => {
                let status = self.rng.random_range(180..184);
                Command::LegProgressed { leg, status, early_media: dice < 10 }
            }
            (SwitchLeg::Dialled, 30..75) => {
                self.legs.insert(leg, SwitchLeg::Up);
                answer
            }
            (SwitchLeg::Dialled, _) => end(self.pick(&[486, 480, 404, 408, 500, 503, 503, 603, 401, 302, 200])),
            (SwitchLeg::Offered, 0..20) => end(487),
            (SwitchLeg::Offered, 20..30) => Command::LegHeld { leg },
            (SwitchLeg::Offered, 30..60) => Command::LegMediaChanged { leg, dialog: None, media: media() },
            (SwitchLeg::Offered, _) => return,
            (SwitchLeg::Up, _) => return self.party_acts(leg, dice),
            (SwitchLeg::Releasing { .. }, 0..10) => answer,
            (SwitchLeg::Releasing { .. }, 10..13) => Command::LegProgressed { leg, status: 180, early_media: false },
            (SwitchLeg::Releasing { .. }, 13..16) => Command::LegHeld { leg },
            (SwitchLeg::Releasing { deaf: true }, _) => return,
            (SwitchLeg::Releasing { .. }, _) => end(487),
        };
        let _ = self.send(command);
    }

    /// The party of a leg that is up does something with its phone.
    fn party_acts(&mut self, leg: LegId, dice: u32) {
        let command = match dice {
            0..22 => Command::LegEnded { leg, cause: Cause::normal(Party::Remote), stats: Some(Default::default()) },
            22..38 => Command::LegHeld { leg },
            38..52 => Command::LegResumed { leg },
            52..58 => Command::LegDigit { leg, digit: self.pick(&['1', '#', 'D']), duration_ms: 120 },
            58..62 => Command::LegMediaChanged { leg, dialog: Some(dialog(9)), media: media() },
            62..72 => Command::PromptEnded { leg },
            _ => Command::TransferAsked { leg, target: self.target(leg) },
        };
        let _ = self.send(command);
    }

    /// A number, or another leg, most often one of the same phone.
    fn target(&mut self, leg: LegId) -> TransferTarget {
        if self.chance(40) {
            return TransferTarget::Number(self.pick(&CALLED).into());
        }
        let endpoint = self.tenant.leg(leg).map(|leg| leg.endpoint.clone());
        let mut own: Vec<LegId> =
            self.tenant.legs().filter(|(id, other)| *id != leg && Some(&other.endpoint) == endpoint.as_ref()).map(|(id, _)| id).collect();
        own.sort_unstable();
        TransferTarget::Leg(if own.is_empty() { self.some_leg() } else { self.pick(&own) })
    }

    fn offer(&mut self) {
        let leg = self.switch_ids.leg();
        let from = if self.chance(70) {
            Endpoint::Phone(user(self.pick(&USERS)))
        } else {
            let name = self.pick(&TRUNKS);
            Endpoint::Trunk(trunk_name(name))
        };
        let replaces = self.chance(12).then(|| self.some_leg());
        let called = self.pick(&CALLED).into();
        let port = self.rng.random_range(1..8);
        let offered = Command::LegOffered { leg, from, caller: "4711".into(), caller_name: None, called, dialog: dialog(port), replaces };
        let _ = self.send(offered);
    }

    fn register_one(&mut self, name: &str) {
        let contact = ContactUpdate { contact: format!("sip:{name}@h1"), expires: Duration::from_secs(3600), q: 1000, instance: None };
        self.send_register(user(name), vec![contact], false, 2);
    }

    fn register(&mut self) {
        if self.chance(10) {
            let (name, port) = (self.pick(&USERS), self.rng.random_range(1..8));
            return drop(self.send(Command::ConnectionLost { user: user(name), flow: flow(port) }));
        }
        let name = if self.chance(5) { "nobody" } else { self.pick(&USERS) };
        let remove_all = self.chance(3);
        let count = if remove_all { 0 } else { self.rng.random_range(0..4) };
        let contacts = (0..count).map(|_| self.contact(name)).collect();
        let port = self.rng.random_range(1..8);
        self.send_register(user(name), contacts, remove_all, port);
    }

    fn contact(&mut self, name: &str) -> ContactUpdate {
        let expires = self.pick(&[0, 60, 600, 3600, 3600]);
        let instance = self.chance(30).then(|| format!("<urn:uuid:{name}>"));
        let contact = format!("sip:{name}@h{}", self.rng.random_range(0..6));
        ContactUpdate { contact, expires: Duration::from_secs(expires), q: self.pick(&[1000, 500]), instance }
    }

    fn send_register(&mut self, user: UserName, contacts: Vec<ContactUpdate>, remove_all: bool, port: u16) {
        self.next_request += 1;
        let request = RequestId(self.next_request);
        let cseq = if self.chance(5) { 1 } else { self.next_request as u32 + 10 };
        let call_id = format!("reg-{user}");
        let register = RegisterRequest { contacts, remove_all, call_id, cseq, path: Vec::new(), flow: flow(port), user_agent: None };
        self.waiting.insert(request.0);
        self.send(Command::Register { user, request, register }).unwrap();
    }

    // ---- people and programs --------------------------------------------------------------------------------------

    fn operator(&mut self) {
        let leg = self.some_leg();
        let call = self.some_call();
        let command = match self.rng.random_range(0..100) {
            0..10 => Command::Hold { leg },
            10..20 => Command::Resume { leg },
            20..35 => Command::Transfer { leg, target: self.target(leg) },
            35..55 => {
                let to = if self.chance(20) { "600" } else { self.pick(&CALLED) };
                Command::Originate { from: user(self.pick(&USERS)), to: to.into() }
            }
            55..75 => Command::AddParty { call, number: self.pick(&CALLED).into() },
            75..90 => Command::Merge { call, other: self.some_call() },
            90..96 => Command::ReleaseLeg { leg },
            _ => Command::ReleaseCall { call },
        };
        let _ = self.send(command);
    }

    fn trunk(&mut self, name: &str) -> Trunk {
        let prefixes = match self.rng.random_range(0..4) {
            0 => vec!["00".into(), "0".into()],
            1 => vec!["0".into()],
            _ => Vec::new(),
        };
        Trunk {
            name: trunk_name(name),
            host: "carrier.example".into(),
            port: None,
            transport: Transport::Udp,
            auth: TrunkAuth::Address,
            sources: Vec::new(),
            priority: self.rng.random_range(0..3),
            prefixes,
            caller_number: self.chance(50).then(|| Number::new("+49301").unwrap()),
            max_calls: self.rng.random_range(1..5),
            options_interval_s: 0,
            srtp: Default::default(),
        }
    }

    fn number(&mut self, number: &str) -> AccessNumber {
        let destination = match self.rng.random_range(0..4) {
            0 => Destination::Echo,
            1 => Destination::Tone(Tone::Sine(1000)),
            2 => Destination::Prompt("welcome".into()),
            _ => Destination::Phone(user(self.pick(&USERS))),
        };
        AccessNumber { number: Number::new(number).unwrap(), destination }
    }

    fn configure(&mut self) {
        let name = self.pick(&USERS);
        let phone = Phone { user: user(name), display_name: None, max_contacts: self.rng.random_range(1..4), srtp: Default::default() };
        let trunk = self.pick(&TRUNKS);
        let number = self.pick(&NUMBERS);
        let command = match self.rng.random_range(0..100) {
            0..16 => Command::AddPhone(phone),
            16..32 => Command::ChangePhone(phone),
            32..36 => Command::RemovePhone(user(name)),
            36..46 => Command::AddTrunk(self.trunk(trunk)),
            46..56 => Command::ChangeTrunk(self.trunk(trunk)),
            56..60 => Command::RemoveTrunk(trunk_name(trunk)),
            60..68 => Command::AddNumber(self.number(number)),
            68..76 => Command::ChangeNumber(self.number(number)),
            76..80 => Command::RemoveNumber(Number::new(number).unwrap()),
            80..94 => {
                let state = self.pick(&[TrunkState::Up, TrunkState::Down, TrunkState::Unknown]);
                Command::TrunkSeen { name: trunk_name(trunk), state, reason: "ping".into() }
            }
            94..97 => Command::ChangeTenant(settings()),
            _ => {
                let max_calls = self.rng.random_range(10..16);
                Command::ChangeTenant(TenantSettings { max_calls, ..settings() })
            }
        };
        let _ = self.send(command);
        // A phone that is set up again registers soon.
        if self.tenant.bindings(&user(name)).is_empty() && self.chance(70) {
            self.register_one(name);
        }
    }

    /// About legs and timers that are over or never were.
    fn bogus(&mut self) {
        let leg = LegId(self.rng.random());
        let known = self.legs.keys().next().copied().unwrap_or(leg);
        let _ = match self.rng.random_range(0..6) {
            0 => self.send(Command::TimerFired(TimerKey::NoAnswer(leg))),
            1 => self.send(Command::TimerFired(TimerKey::ReleaseGuard(leg))),
            2 => self.send(Command::TimerFired(TimerKey::Registration(user("1001"), "sip:nowhere".into()))),
            3 => self.send(Command::LegDigit { leg: known, digit: 'x', duration_ms: 1 }),
            4 => self.send(Command::LegProgressed { leg: known, status: 180, early_media: true }),
            _ => {
                let ended = self.send(Command::LegEnded { leg, cause: cause(200), stats: None });
                assert_eq!(ended, Err(Rejection::NoSuchLeg(leg)));
                ended
            }
        };
    }
}
