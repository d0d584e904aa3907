//! One call between two phones, as commands: what `decisions` and `events` measure.

#![allow(dead_code, unreachable_pub)] // each bench uses its part, and none is a library

use std::time::Duration;

use tandem_core::config::TrunkAuth;
use tandem_core::event::TenantSettings;
use tandem_core::registration::{ContactUpdate, RegisterRequest};
use tandem_core::tenant::{Decision, Tenant};
use tandem_core::{
    Cause, Codec, Command, DialogRecord, Direction, Effect, Endpoint, Envelope, Flow, Ids, LegId, MediaRecord, MediaStats, Party, Phone,
    RequestId, TenantId, Timestamp, Transport, Trunk, TrunkName, UserName,
};

/// Commands of [`Scene::whole_call`].
pub const COMMANDS: u64 = 20;

/// A tenant with two registered phones and a trunk.
pub struct Scene {
    tenant: Tenant,
    ids: Ids,
    switch_ids: Ids,
    out: Decision,
    now: Timestamp,
    setting_up: bool,
    /// The events of the set-up.
    pub setup: Vec<Envelope>,
}

fn user(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

fn flow() -> Flow {
    Flow { transport: Transport::Udp, local: "192.0.2.1:5060".parse().unwrap(), remote: "198.51.100.7:5060".parse().unwrap() }
}

fn dialog() -> DialogRecord {
    DialogRecord {
        call_id: "f81d4fae7dec11d0a76500a0c91e6bf6@198.51.100.7".into(),
        local_tag: "314159265358979a".into(),
        remote_tag: Some("27182818284590ab".into()),
        local_uri: "\"Alice\" <sip:1001@demo.example.com>".into(),
        remote_uri: "<sip:1002@demo.example.com>".into(),
        remote_target: "sip:1002@198.51.100.7:5060;transport=udp".into(),
        route_set: Vec::new(),
        local_cseq: 1,
        remote_cseq: Some(1),
        flow: flow(),
    }
}

fn media() -> MediaRecord {
    MediaRecord {
        local: "192.0.2.1:20000".parse().unwrap(),
        remote: "198.51.100.7:30000".parse().unwrap(),
        codec: Codec { name: "PCMA".into(), payload_type: 8, clock_rate: 8000, fmtp: None },
        dtmf: Some(101),
        direction: Direction::SendRecv,
        sdp_session: 3_978_123_456,
        sdp_version: 1,
    }
}

fn stats() -> MediaStats {
    MediaStats { packets_received: 3000, packets_sent: 2990, jitter_ms: 1.25, mos: Some(4.3), ..MediaStats::default() }
}

impl Scene {
    /// Set up and registered.
    pub fn new() -> Self {
        let mut scene = Scene {
            tenant: Tenant::new(TenantId::new("demo").unwrap()),
            ids: Ids::new(1, 0),
            switch_ids: Ids::new(1, 40),
            out: Decision::default(),
            now: Timestamp::from_micros(1_795_000_000_000_000),
            setting_up: true,
            setup: Vec::new(),
        };
        scene.does(Command::CreateTenant(TenantSettings::named("Demo")));
        for (name, cseq) in [("1001", 1), ("1002", 2)] {
            scene.does(Command::AddPhone(Phone { user: user(name), display_name: None, max_contacts: 2, srtp: Default::default() }));
            let contact =
                ContactUpdate { contact: format!("sip:{name}@198.51.100.7"), expires: Duration::from_secs(3600), q: 1000, instance: None };
            let register = RegisterRequest {
                contacts: vec![contact],
                remove_all: false,
                call_id: format!("reg-{name}"),
                cseq,
                path: Vec::new(),
                flow: flow(),
                user_agent: None,
            };
            scene.does(Command::Register { user: user(name), request: RequestId(1), register });
        }
        scene.does(Command::AddTrunk(Trunk {
            name: TrunkName::new("carrier").unwrap(),
            host: "carrier.example".into(),
            port: Some(5060),
            transport: Transport::Udp,
            auth: TrunkAuth::Address,
            sources: Vec::new(),
            priority: 0,
            prefixes: Vec::new(),
            caller_number: None,
            max_calls: 100_000,
            options_interval_s: 0,
            srtp: Default::default(),
        }));
        scene.setting_up = false;
        scene
    }

    fn does(&mut self, command: Command) -> &Decision {
        self.out.events.clear();
        self.out.effects.clear();
        self.tenant.handle(self.now, &mut self.ids, command, &mut self.out).unwrap();
        if self.setting_up {
            self.setup.extend(self.out.events.iter().cloned());
        }
        &self.out
    }

    /// A call that rings, is answered and stays: caller's and called leg.
    pub fn begin_call(&mut self) -> (LegId, LegId) {
        self.offer(&mut |_| {})
    }

    fn offer(&mut self, seen: &mut impl FnMut(&Decision)) -> (LegId, LegId) {
        let caller = self.switch_ids.leg();
        let offered = Command::LegOffered {
            leg: caller,
            from: Endpoint::Phone(user("1001")),
            caller: "1001".into(),
            caller_name: Some("Alice".into()),
            called: "1002".into(),
            dialog: dialog(),
            replaces: None,
        };
        let decision = self.does(offered);
        seen(decision);
        let dial = decision.effects.iter().find_map(|effect| if let Effect::Dial { leg, .. } = effect { Some(*leg) } else { None });
        let called = dial.expect("the phone is dialled");
        seen(self.does(Command::LegProgressed { leg: called, status: 180, early_media: false }));
        seen(self.does(Command::LegAnswered { leg: called, dialog: dialog(), media: media() }));
        seen(self.does(Command::LegMediaChanged { leg: caller, dialog: None, media: media() }));
        (caller, called)
    }

    /// From the INVITE to the end of both legs: 20 commands, each decision shown to `seen`.
    pub fn whole_call(&mut self, mut seen: impl FnMut(&Decision)) {
        let (caller, called) = self.offer(&mut seen);
        for digit in "123456789#".chars() {
            seen(self.does(Command::LegDigit { leg: caller, digit, duration_ms: 100 }));
        }
        seen(self.does(Command::LegHeld { leg: called }));
        seen(self.does(Command::LegMediaChanged { leg: called, dialog: None, media: media() }));
        seen(self.does(Command::LegResumed { leg: called }));
        seen(self.does(Command::LegMediaChanged { leg: called, dialog: None, media: media() }));
        seen(self.does(Command::LegEnded { leg: caller, cause: Cause::normal(Party::Remote), stats: Some(stats()) }));
        seen(self.does(Command::LegEnded { leg: called, cause: Cause::normal(Party::Peer), stats: Some(stats()) }));
    }
}
