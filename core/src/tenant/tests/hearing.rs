//! Who hears whom, leg by leg, in every combination of a customer, an agent, a helper and a supervisor.
//!
//! The state is made by facts alone, so that nothing but the rule is looked at.

use super::*;
use crate::agent::{Agent, AgentPhone, AgentRole, Mode, PartRole, SignIn, SuperviseMode};
use crate::event as fact;
use crate::event::Purpose;
use crate::recording::{RecordingFormat, RecordingPurpose};

const CUSTOMER: LegId = LegId(1);
const AGENT: LegId = LegId(2);
const HELPER: LegId = LegId(3);
const SUPERVISOR: LegId = LegId(4);
const CALL: CallId = CallId(9);

fn work(leg: LegId) -> WorkNumber {
    WorkNumber::new(100 + u32::try_from(leg.0).unwrap()).unwrap()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Absent,
    Talks,
    Muted,
    /// By wish: its part is put aside.
    Aside,
    /// On the phone itself.
    HoldsPhone,
}

/// One call and who is in it.
struct Scene {
    tenant: Tenant,
}

impl Scene {
    fn takes(&mut self, event: Event) {
        let (tenant, seq) = (self.tenant.id().clone(), self.tenant.seq() + 1);
        let time = Timestamp::from_micros(1_795_000_000_000_000);
        self.tenant.apply(&Envelope { tenant, seq, time, event });
    }

    fn call(&mut self, event: impl Into<CallEvent>) {
        self.takes(Event::Call(CALL, event.into()));
    }

    fn with_customer() -> Self {
        let mut scene = Scene { tenant: Tenant::new(TenantId::new("demo").unwrap()) };
        let from = Endpoint::Trunk(trunk_name("a"));
        scene.takes(Event::Config(fact::TenantCreated { settings: TenantSettings::named("Demo") }.into()));
        let (caller, called) = ("4711".into(), "95500".into());
        scene.call(fact::CallArrived { leg: CUSTOMER, from, caller, caller_name: None, called, dialog: dialog(1) });
        scene.call(fact::LegAnswered { leg: CUSTOMER, dialog: None, media: None });
        scene
    }

    fn agent(&mut self, leg: LegId, role: PartRole) {
        let (number, phone) = (work(leg), AgentPhone::Softphone(user("1001")));
        let agent = Agent {
            number,
            name: "A".into(),
            role: AgentRole::Supervisor,
            account: None,
            phone: None,
            skills: Vec::new(),
            group: None,
            chats: 0,
            may_pick_up: true,
        };
        let session = SignIn {
            phone,
            auto_answer: true,
            auto_ready: true,
            keep_phone: false,
            mode: Mode::Ready,
            skills: None,
            watches: false,
            force: false,
        };
        self.takes(Event::Config(fact::AgentAdded { agent }.into()));
        self.takes(Event::Agent(number, fact::AgentSignedIn { session }.into()));
        self.call(fact::CallOffered { agent: number, role, queue: None, choice: None, until: None });
        self.call(fact::LegDialled {
            leg,
            to: Endpoint::Phone(user("1001")),
            target: String::new(),
            purpose: Purpose::Agent,
            on_behalf_of: None,
            called: "1001".into(),
            agent: Some(number),
            gives_up: Timestamp::default(),
        });
        self.call(fact::LegAnswered { leg, dialog: None, media: None });
        self.call(fact::AgentJoined { agent: number, leg, auto: true });
    }

    fn set(&mut self, leg: LegId, how: How) {
        match how {
            How::Absent | How::Talks => {}
            How::Muted => self.call(fact::AgentMuted { agent: work(leg), muted: true }),
            How::Aside => self.call(fact::AgentHeld { agent: work(leg) }),
            How::HoldsPhone => self.call(fact::LegHeld { leg, by: Holder::Phone }),
        }
    }

    /// As the handlers do it: up customers and agents whose part talks.
    fn bridge(&mut self, legs: &[(LegId, How)]) {
        let talks = |how: How| matches!(how, How::Talks | How::Muted | How::HoldsPhone);
        let legs: Vec<LegId> = legs.iter().filter(|(_, how)| talks(*how)).map(|(leg, _)| *leg).collect();
        if legs.len() > 1 {
            self.call(fact::LegsBridged { legs });
        }
    }

    fn supervisor(&mut self, mode: SuperviseMode) {
        self.agent(SUPERVISOR, PartRole::Supervisor(work(AGENT)));
        self.call(fact::CallSupervised { supervisor: work(SUPERVISOR), agent: work(AGENT), mode });
    }

    fn of(customer: How, agent: How, helper: How, supervisor: Option<(SuperviseMode, How)>) -> Self {
        let mut scene = Scene::with_customer();
        scene.agent(AGENT, PartRole::Handler);
        if helper != How::Absent {
            scene.agent(HELPER, PartRole::Helper);
        }
        scene.bridge(&[(CUSTOMER, customer), (AGENT, agent), (HELPER, helper)]);
        for (leg, how) in [(CUSTOMER, customer), (AGENT, agent), (HELPER, helper)] {
            scene.set(leg, how);
        }
        if let Some((mode, how)) = supervisor {
            scene.supervisor(mode);
            scene.set(SUPERVISOR, how);
        }
        scene
    }

    /// `C` customer, `A` agent, `H` helper, `S` supervisor; `music`, `tone` and `-` for nothing.
    fn heard(&self, leg: LegId) -> String {
        let name = |leg: &LegId| char::from(b" CAHS"[usize::try_from(leg.0).unwrap()]);
        match self.tenant.hears(leg).unwrap() {
            Audio::Silence => "-".into(),
            Audio::Leg(one) => name(&one).into(),
            Audio::Mix(legs) => legs.iter().map(name).collect(),
            Audio::Music { .. } => "music".into(),
            Audio::Tone(Tone::Hold) => "tone".into(),
            other => format!("{other:?}"),
        }
    }

    fn all_hear(&self) -> String {
        let here = |leg: &LegId| self.tenant.leg(*leg).is_some();
        let legs = [CUSTOMER, AGENT, HELPER, SUPERVISOR];
        legs.iter().filter(|leg| here(leg)).map(|leg| self.heard(*leg)).collect::<Vec<_>>().join(" ")
    }

    /// What a recording of the agent's talk takes: left, right.
    fn recorded(&mut self, leg: LegId) -> String {
        let recording = crate::id::RecordingId(5);
        let (purpose, format, path) = (RecordingPurpose::Rule, RecordingFormat::Wav, "p".into());
        self.call(fact::RecordingStarted { recording, purpose, agent: Some(work(leg)), path, format });
        let call = self.tenant.call(CALL).unwrap();
        let talk = self.tenant.conversation(CALL, call);
        let (left, right) = self.tenant.recorded(call, &talk, &call.recordings[0]);
        let names = |legs: &[LegId]| legs.iter().map(|leg| char::from(b" CAHS"[usize::try_from(leg.0).unwrap()])).collect::<String>();
        format!("{}|{}", names(&left), names(&right))
    }
}

use How::{Absent, Aside, HoldsPhone, Muted, Talks};
use SuperviseMode::{Join, Listen, Whisper};

/// Customer, agent, helper, supervisor; then what each hears in this order.
#[test]
fn the_table_of_who_hears_whom() {
    let rows = [
        ((Talks, Talks, Absent, None), "A C"),
        ((Talks, Muted, Absent, None), "- C"),
        ((Talks, Aside, Absent, None), "music -"),
        ((Talks, HoldsPhone, Absent, None), "music -"),
        ((HoldsPhone, Talks, Absent, None), "- tone"),
        ((Talks, Talks, Talks, None), "AH CH CA"),
        ((Talks, Aside, Talks, None), "H - C"),
        ((Talks, Muted, Talks, None), "H CH C"),
        ((Talks, Aside, Aside, None), "music - -"),
        ((HoldsPhone, Talks, Talks, None), "- H A"),
        ((Talks, Talks, Absent, Some((Listen, Talks))), "A C CA"),
        ((Talks, Talks, Absent, Some((Whisper, Talks))), "A CS CA"),
        ((Talks, Talks, Absent, Some((Join, Talks))), "AS CS CA"),
        ((Talks, Talks, Talks, Some((Whisper, Talks))), "AH CHS CA CAH"),
        ((Talks, Talks, Talks, Some((Join, Talks))), "AHS CHS CAS CAH"),
        ((Talks, Talks, Absent, Some((Join, Muted))), "A C CA"),
        ((Talks, Talks, Absent, Some((Join, HoldsPhone))), "A C -"),
        ((Talks, Muted, Absent, Some((Listen, Talks))), "- C C"),
        ((Talks, Aside, Absent, Some((Listen, Talks))), "music - -"),
        ((Talks, Aside, Absent, Some((Whisper, Talks))), "music - -"),
        ((Talks, Aside, Absent, Some((Join, Talks))), "S - C"),
        ((HoldsPhone, Talks, Absent, Some((Whisper, Talks))), "- S A"),
    ];
    for ((customer, agent, helper, supervisor), expected) in rows {
        let scene = Scene::of(customer, agent, helper, supervisor);
        assert_eq!(scene.all_hear(), expected, "{customer:?} {agent:?} {helper:?} {supervisor:?}");
    }
}

/// The same rule said pair by pair, in all combinations.
#[test]
fn every_pair_in_every_combination() {
    let mut supervisors = vec![None];
    for mode in [Listen, Whisper, Join] {
        supervisors.extend([Talks, Muted, HoldsPhone].map(|how| Some((mode, how))));
    }
    let mut combinations = 0;
    for customer in [Talks, HoldsPhone] {
        for agent in [Talks, Muted, Aside, HoldsPhone] {
            for helper in [Absent, Talks, Muted, Aside, HoldsPhone] {
                for supervisor in &supervisors {
                    check_pairs(customer, agent, helper, *supervisor);
                    combinations += 1;
                }
            }
        }
    }
    assert_eq!(combinations, 400);
}

fn check_pairs(customer: How, agent: How, helper: How, supervisor: Option<(SuperviseMode, How)>) {
    let scene = Scene::of(customer, agent, helper, supervisor);
    let how = |leg: LegId| match leg {
        CUSTOMER => customer,
        AGENT => agent,
        HELPER => helper,
        _ => supervisor.map_or(Absent, |(_, how)| how),
    };
    let mode = supervisor.map(|(mode, _)| mode);
    let there = |leg: LegId| matches!(how(leg), Talks | Muted);
    let open = |leg: LegId| there(leg) && (leg != SUPERVISOR || mode == Some(Join));
    let legs = [CUSTOMER, AGENT, HELPER, SUPERVISOR];
    let company = legs.iter().filter(|leg| open(**leg)).count() > 1;
    for hearer in legs.into_iter().filter(|leg| how(*leg) != Absent) {
        let audible = |speaker: LegId| {
            let to_whom = match (speaker, hearer) {
                (SUPERVISOR, AGENT) => mode != Some(Listen),
                (SUPERVISOR, _) => mode == Some(Join),
                (CUSTOMER, SUPERVISOR) => company,
                _ => true,
            };
            speaker != hearer && to_whom && how(speaker) == Talks && there(hearer)
        };
        let expected: String = legs.into_iter().filter(|leg| audible(*leg)).map(|leg| char::from(b" CAHS"[leg.0 as usize])).collect();
        let heard = scene.heard(hearer);
        let voices = if matches!(heard.as_str(), "-" | "music" | "tone") { "" } else { heard.as_str() };
        assert_eq!(voices, expected, "{hearer} hears in {customer:?} {agent:?} {helper:?} {supervisor:?}");
        let alone = !legs.into_iter().any(|leg| leg != hearer && open(leg));
        if hearer != SUPERVISOR && there(hearer) && alone && expected.is_empty() {
            assert_ne!(heard, "-", "who is left alone is told so: {customer:?} {agent:?} {helper:?} {supervisor:?}");
        }
    }
}

#[test]
fn a_recording_takes_outside_parties_left_and_agents_right_and_nobody_who_is_held_or_muted() {
    let rows = [
        ((Talks, Talks, Absent, None), "C|A"),
        ((Talks, Muted, Absent, None), "C|"),
        ((Talks, Aside, Absent, None), "|"),
        ((Talks, HoldsPhone, Absent, None), "|"),
        ((HoldsPhone, Talks, Absent, None), "|"),
        ((Talks, Talks, Talks, None), "C|AH"),
        ((Talks, Aside, Talks, None), "|"),
        ((HoldsPhone, Talks, Talks, None), "H|A"),
        ((Talks, Talks, Absent, Some((Listen, Talks))), "C|A"),
        ((Talks, Talks, Absent, Some((Whisper, Talks))), "C|A"),
        ((Talks, Talks, Absent, Some((Join, Talks))), "C|AS"),
    ];
    for ((customer, agent, helper, supervisor), expected) in rows {
        let mut scene = Scene::of(customer, agent, helper, supervisor);
        assert_eq!(scene.recorded(AGENT), expected, "{customer:?} {agent:?} {helper:?} {supervisor:?}");
    }
    assert_eq!(Scene::of(Talks, Aside, Talks, None).recorded(HELPER), "C|H", "each agent's recording is its own");
}

#[test]
fn a_caller_that_waits_for_an_agent_hears_it_ring() {
    let mut scene = Scene::with_customer();
    let (agent, role) = (work(AGENT), PartRole::Handler);
    scene.call(fact::CallOffered { agent, role, queue: None, choice: None, until: None });
    assert_eq!(scene.tenant.hears(CUSTOMER), Some(Audio::Tone(Tone::Ringback)));
}

#[test]
fn an_announcement_goes_before_the_talk_for_who_is_told_it() {
    let mut scene = Scene::of(Talks, Talks, Absent, None);
    scene.call(fact::CallAnnouncing { leg: CUSTOMER, prompts: vec!["@en/1".into()] });
    assert_eq!(scene.tenant.hears(CUSTOMER), Some(Audio::Sequence { names: vec!["@en/1".into()], repeat: false }));
    assert_eq!(scene.heard(AGENT), "C", "the other goes on hearing");
    scene.call(fact::CallAnnounced { leg: CUSTOMER, failed: None });
    assert_eq!(scene.all_hear(), "A C");
}
