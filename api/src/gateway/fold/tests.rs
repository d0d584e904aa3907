//! The worked sequences of cc-gateway.md §4, event by event: facts in, events of the interface out, byte for byte.

use smol_str::SmolStr;
use tandem_core::agent::{
    Agent, AgentPhone, AgentRole, HandoverMode, Mode, ModeBy, PartEnd, PartRole, Reach, SignIn, SignOutReason, SuperviseMode,
};
use tandem_core::call::{DialogRecord, Flow, Transport};
use tandem_core::event::*;
use tandem_core::queue::{Entry, Queue};
use tandem_core::recording::{RecordingFormat, RecordingPurpose};
use tandem_core::tenant::Tenant;
use tandem_core::{
    AgentEvent, CallEvent, CallId, Cause, ConfigEvent, Endpoint, Envelope, Event, LegId, Party, QueueId, RecordingId, TenantId, Timestamp,
    TrunkName, UserName, WorkNumber,
};

use super::Fold;

/// A tenant fed with facts, as the mirror feeds it.
struct Scene {
    tenant: Tenant,
    fold: Fold,
    now: i64,
    told: Vec<String>,
}

fn agent(number: u32) -> WorkNumber {
    WorkNumber::new(number).unwrap()
}

fn queue() -> QueueId {
    QueueId::new(12).unwrap()
}

/// 1732290100-12 on the wire.
const CALL: CallId = CallId(((1_732_290_100 - 1_704_067_200) << 34) | 12);
const ON_WIRE: &str = "1732290100-12";
const CALLER: LegId = LegId(1);
const PHONE: LegId = LegId(2);

impl Scene {
    fn new() -> Scene {
        let id = TenantId::new("shop").unwrap();
        let mut scene = Scene { tenant: Tenant::new(id), fold: Fold::default(), now: 0, told: Vec::new() };
        let settings = TenantSettings { vdn: Some(7), ..TenantSettings::named("Shop") };
        scene.config(TenantCreated { settings });
        scene.config(QueueAdded { queue: Queue::named(queue(), "support") });
        for (number, role) in [(4977, AgentRole::Agent), (4978, AgentRole::Agent), (4001, AgentRole::Supervisor)] {
            let agent = Agent {
                number: agent(number),
                name: SmolStr::new("Ann"),
                role,
                account: None,
                phone: None,
                skills: Vec::new(),
                group: None,
                chats: 0,
                may_pick_up: true,
            };
            scene.config(AgentAdded { agent });
        }
        scene
    }

    /// A new decision begins: its facts have one time.
    fn later(&mut self) -> &mut Scene {
        self.now += 1_000_000;
        self
    }

    fn fact(&mut self, event: Event) {
        let time = Timestamp::from_micros(1_732_290_000_000_000 + self.now);
        let envelope = Envelope { tenant: self.tenant.id().clone(), seq: self.tenant.seq() + 1, time, event };
        for (_, late) in self.fold.overtaken(&envelope) {
            self.tell(late);
        }
        let told = self.fold.before(&envelope, &self.tenant);
        self.tell(told);
        self.tenant.apply(&envelope);
        let told = self.fold.after(&envelope, &self.tenant);
        self.tell(told);
    }

    fn tell(&mut self, told: super::Told) {
        self.told.extend(told.into_iter().map(|(agent, event)| event.render(agent)));
    }

    fn config(&mut self, event: impl Into<ConfigEvent>) {
        self.fact(Event::Config(event.into()));
    }

    fn of_agent(&mut self, number: u32, event: impl Into<AgentEvent>) {
        self.fact(Event::Agent(agent(number), event.into()));
    }

    fn call(&mut self, event: impl Into<CallEvent>) {
        self.fact(Event::Call(CALL, event.into()));
    }

    /// What agents were told since the last time, put off events included.
    fn heard(&mut self) -> Vec<String> {
        for (_, late) in self.fold.all_late() {
            self.tell(late);
        }
        std::mem::take(&mut self.told)
    }

    /// The same, as `agent event` with content left out.
    fn names(&mut self) -> Vec<String> {
        let short = |text: String| {
            let event: serde_json::Value = serde_json::from_str(&text).unwrap();
            format!("{} {}", event["workNo"].as_str().unwrap(), event["eventType"].as_str().unwrap())
        };
        self.heard().into_iter().map(short).collect()
    }

    fn sign_in(&mut self, number: u32, mode: Mode) {
        let phone = AgentPhone::Softphone(UserName::new("70004").unwrap());
        let skills = Some(vec![queue()]);
        let session =
            SignIn { phone, auto_answer: false, auto_ready: false, keep_phone: false, mode, skills, watches: number == 4001, force: false };
        self.later().of_agent(number, AgentSignedIn { session });
    }

    fn phone(&mut self, number: u32, state: PhoneState) {
        self.of_agent(number, AgentPhoneChanged { state, call: CALL });
    }

    fn caller_arrives(&mut self) {
        let flow = Flow { transport: Transport::Udp, local: "127.0.0.1:5060".parse().unwrap(), remote: "127.0.0.1:5070".parse().unwrap() };
        let dialog = DialogRecord {
            call_id: "x".into(),
            local_tag: "a".into(),
            remote_tag: None,
            local_uri: "sip:60015@x".into(),
            remote_uri: "sip:13800000001@x".into(),
            remote_target: "sip:13800000001@x".into(),
            route_set: Vec::new(),
            local_cseq: 1,
            remote_cseq: None,
            flow,
        };
        let from = Endpoint::Trunk(TrunkName::new("carrier").unwrap());
        self.later().call(CallArrived {
            leg: CALLER,
            from,
            caller: "13800000001".into(),
            caller_name: None,
            called: "60015".into(),
            dialog,
        });
        let (entry, since) = (Entry::Arrived, Timestamp::from_micros(0));
        self.call(CallQueued { queue: queue(), leg: CALLER, entry, priority: 10, since, position: 1, sticky: None, kept_by: None });
    }

    fn offered(&mut self) {
        self.later().call(CallOffered { agent: agent(4977), role: PartRole::Handler, queue: Some(queue()), choice: None, until: None });
        let to = Endpoint::Phone(UserName::new("70004").unwrap());
        self.call(LegDialled {
            leg: PHONE,
            to,
            target: "sip:70004@x".into(),
            purpose: Purpose::Agent,
            on_behalf_of: Some(CALLER),
            called: "4977".into(),
            agent: Some(agent(4977)),
            gives_up: Timestamp::from_micros(0),
        });
        self.later().call(LegRinging { leg: PHONE, status: 180, early_media: false });
        self.phone(4977, PhoneState::Alerting);
        self.later().call(LegAnswered { leg: PHONE, dialog: None, media: None });
        self.phone(4977, PhoneState::OffHook);
        self.call(AgentAlerting { agent: agent(4977), leg: PHONE });
    }

    fn talks(&mut self) {
        self.later().call(AgentJoined { agent: agent(4977), leg: PHONE, auto: false });
        self.call(RecordingStarted {
            recording: RecordingId(41),
            purpose: RecordingPurpose::Rule,
            agent: Some(agent(4977)),
            path: "20241122/4977/1541400".into(),
            format: RecordingFormat::Wav,
        });
    }
}

fn bare(kind: &str) -> String {
    format!(r#"{{"eventType":"{kind}","workNo":"4977","content":null}}"#)
}

#[test]
fn an_inbound_call_from_sign_in_to_sign_out() {
    let mut scene = Scene::new();
    scene.sign_in(4977, Mode::Ready);
    assert_eq!(scene.heard(), [bare("AgentOther_InService"), bare("AgentState_Ready")]);
    scene.caller_arrives();
    scene.offered();
    assert_eq!(
        scene.heard(),
        [
            bare("AgentState_Busy"),
            bare("AgentOther_PhoneAlerting"),
            bare("AgentOther_PhoneOffhook"),
            r#"{"eventType":"AgentEvent_Ringing","workNo":"4977","content":{"caller":"13800000001","called":"60015","callid":"1732290100-12","type":"main","feature":"0","mediaAbility":"1","mediaType":"5","transfer":"no","transfrom":""}}"#.to_owned(),
        ]
    );
    scene.talks();
    let talking = r#"{"eventType":"AgentEvent_Talking","workNo":"4977","content":{"caller":"13800000001","called":"60015","callid":"1732290100-12","feature":"0","type":"main","mediaAbility":"1"}}"#;
    let record = format!(
        r#"{{"eventType":"AgentMediaEvent_Record","workNo":"4977","content":{{"taskId":41,"caller":"13800000001","called":"60015","recordID":"{}","locationId":"65535","fileName":"Y:/7/0/20241122/4977/1541400.V3","callId":"1732290100-12","fileMediaType":"1"}}}}"#,
        RecordingId(41)
    );
    assert_eq!(scene.heard(), [talking.to_owned(), record]);
    scene.later().call(AgentHeld { agent: agent(4977) });
    assert_eq!(scene.heard(), [format!(r#"{{"eventType":"AgentEvent_Hold","workNo":"4977","content":"{ON_WIRE}"}}"#)]);
    scene.later().call(AgentRetrieved { agent: agent(4977) });
    assert_eq!(scene.heard(), [talking]);

    let target = Reach::Agent(agent(4978));
    scene.later().call(HandoverAsked { agent: agent(4977), target, mode: HandoverMode::Success, caller: None, refer: None });
    scene.later().call(HandoverEnded { agent: agent(4977), failed: None });
    scene.call(AgentLeft { agent: agent(4977), end: PartEnd::Transferred });
    scene.phone(4977, PhoneState::OnHook);
    let wrap_up = Mode::WrapUp { until: None };
    scene.of_agent(4977, AgentModeChanged { mode: wrap_up, by: ModeBy::System, call: Some(CALL) });
    let release = format!(r#"{{"eventType":"AgentEvent_Call_Release","workNo":"4977","content":{{"callid":"{ON_WIRE}"}}}}"#);
    assert_eq!(
        scene.heard(),
        [
            format!(r#"{{"eventType":"AgentEvent_SuccTransResult","workNo":"4977","content":{{"callId":"{ON_WIRE}","result":0}}}}"#),
            bare("AgentMediaEvent_StopRecordDone"),
            release,
            bare("AgentOther_PhoneRelease"),
            bare("AgentState_Work"),
        ],
        "no AgentState_Ready in between"
    );
    // That the file is complete is not told again.
    scene.call(RecordingEnded {
        recording: RecordingId(41),
        path: "20241122/4977/1541400.wav".into(),
        duration_ms: 1,
        bytes: 1,
        failed: None,
    });
    assert_eq!(scene.heard(), [""; 0]);
    scene.later().of_agent(4977, AgentModeChanged { mode: Mode::Ready, by: ModeBy::Agent, call: None });
    assert_eq!(scene.heard(), [bare("AgentState_CancelWork_Success")]);
}

#[test]
fn without_wrap_up_the_agent_hears_that_it_is_ready_again() {
    let mut scene = Scene::new();
    scene.sign_in(4977, Mode::Ready);
    scene.caller_arrives();
    scene.offered();
    scene.talks();
    scene.heard();
    scene.later().call(AgentLeft { agent: agent(4977), end: PartEnd::OtherGone });
    scene.phone(4977, PhoneState::OnHook);
    assert_eq!(
        scene.names(),
        [
            "4977 AgentMediaEvent_StopRecordDone",
            "4977 AgentEvent_Customer_Release",
            "4977 AgentEvent_Call_Release",
            "4977 AgentOther_PhoneRelease",
            "4977 AgentState_Ready",
        ]
    );
}

#[test]
fn ready_after_a_call_is_told_when_the_next_decision_comes() {
    let mut scene = Scene::new();
    scene.sign_in(4977, Mode::Ready);
    scene.caller_arrives();
    scene.offered();
    scene.heard();
    scene.later().call(AgentLeft { agent: agent(4977), end: PartEnd::OtherGone });
    scene.later().sign_in(4978, Mode::Ready);
    assert_eq!(
        scene.names(),
        ["4977 AgentEvent_AbandonCall", "4977 AgentState_Ready", "4978 AgentOther_InService", "4978 AgentState_Ready"]
    );
}

#[test]
fn an_agent_that_does_not_answer_becomes_busy_with_reason_2() {
    let mut scene = Scene::new();
    scene.sign_in(4977, Mode::Ready);
    scene.caller_arrives();
    scene.offered();
    scene.heard();
    scene.later().call(AgentLeft { agent: agent(4977), end: PartEnd::NoAnswer });
    scene.phone(4977, PhoneState::OnHook);
    scene.of_agent(4977, AgentModeChanged { mode: Mode::NotReady { reason: 2 }, by: ModeBy::System, call: Some(CALL) });
    let mut heard = scene.heard();
    assert_eq!(heard.remove(0), format!(r#"{{"eventType":"AgentEvent_No_Answer","workNo":"4977","content":"{ON_WIRE}"}}"#));
    assert_eq!(heard.pop().unwrap(), r#"{"eventType":"AgentState_SetNotReady_Success","workNo":"4977","content":{"reason":"2"}}"#);
    assert_eq!(heard, [bare("AgentOther_PhoneRelease")]);
}

#[test]
fn automatic_answering_is_told_before_talking() {
    let mut scene = Scene::new();
    scene.sign_in(4977, Mode::Ready);
    scene.caller_arrives();
    scene.offered();
    scene.heard();
    scene.later().call(AgentJoined { agent: agent(4977), leg: PHONE, auto: true });
    assert_eq!(scene.names(), ["4977 AgentEvent_Auto_Answer", "4977 AgentEvent_Talking"]);
}

#[test]
fn an_inspector_listens_and_leaves() {
    let mut scene = Scene::new();
    scene.sign_in(4001, Mode::Ready);
    scene.sign_in(4977, Mode::Ready);
    assert_eq!(scene.names().last().unwrap(), "4001 QC_AgentState_Notify", "it wanted to hear of sign-ins");
    scene.caller_arrives();
    scene.offered();
    scene.talks();
    scene.heard();
    let role = PartRole::Supervisor(agent(4977));
    scene.later().call(CallOffered { agent: agent(4001), role, queue: None, choice: None, until: None });
    scene.phone(4001, PhoneState::Alerting);
    scene.phone(4001, PhoneState::OffHook);
    scene.call(AgentJoined { agent: agent(4001), leg: LegId(3), auto: true });
    scene.call(CallSupervised { supervisor: agent(4001), agent: agent(4977), mode: SuperviseMode::Listen });
    let mut heard = scene.heard();
    assert_eq!(heard.pop().unwrap(), r#"{"eventType":"AgentOther_BeQcStart","workNo":"4977","content":{"qcType":8,"qcAgentId":4001}}"#);
    let kinds = ["AgentState_Busy", "AgentOther_PhoneAlerting", "AgentOther_PhoneOffhook"];
    assert_eq!(heard, kinds.map(|kind| bare(kind).replace("4977", "4001")));
    scene.later().call(CallSupervised { supervisor: agent(4001), agent: agent(4977), mode: SuperviseMode::Join });
    assert_eq!(scene.heard(), [r#"{"eventType":"AgentOther_BeQcStart","workNo":"4977","content":{"qcType":9,"qcAgentId":4001}}"#]);
    scene.later().call(SupervisionEnded { supervisor: agent(4001), agent: agent(4977) });
    scene.call(AgentLeft { agent: agent(4001), end: PartEnd::Over });
    assert_eq!(scene.names(), ["4977 AgentOther_BeQcStop", "4001 AgentState_Ready"]);
}

/// §4.3: first the inspector talks, then its recording begins.
#[test]
fn an_inspector_that_takes_over_talks() {
    let mut scene = Scene::new();
    scene.sign_in(4001, Mode::Ready);
    scene.sign_in(4977, Mode::Ready);
    scene.caller_arrives();
    scene.offered();
    scene.talks();
    let role = PartRole::Supervisor(agent(4977));
    scene.later().call(CallOffered { agent: agent(4001), role, queue: None, choice: None, until: None });
    scene.call(AgentJoined { agent: agent(4001), leg: LegId(3), auto: true });
    scene.call(CallSupervised { supervisor: agent(4001), agent: agent(4977), mode: SuperviseMode::Listen });
    scene.heard();
    scene.later().call(SupervisionEnded { supervisor: agent(4001), agent: agent(4977) });
    scene.call(CallIntercepted { supervisor: agent(4001), agent: agent(4977) });
    assert_eq!(scene.names(), ["4977 AgentOther_BeQcStop", "4001 AgentEvent_Talking"]);
}

#[test]
fn states_have_their_events() {
    let mut scene = Scene::new();
    scene.sign_in(4977, Mode::NotReady { reason: 0 });
    assert_eq!(scene.names(), ["4977 AgentOther_InService", "4977 AgentState_Ready", "4977 AgentState_SetNotReady_Success"]);
    let until = Timestamp::from_micros(0);
    let by = ModeBy::Agent;
    for (mode, by, expected) in [
        (Mode::Ready, by, vec!["AgentState_CancelNotReady_Success", "AgentState_Ready"]),
        (Mode::Rest { cause: 1, until }, by, vec!["AgentState_SetRest_Success"]),
        (Mode::Ready, by, vec!["AgentState_CancelRest_Success"]),
        (Mode::WrapUp { until: None }, by, vec!["AgentState_SetWork_Success"]),
        (Mode::Ready, ModeBy::System, vec!["AgentState_CancelWork_Success"]),
        (Mode::NotReady { reason: 3 }, ModeBy::Supervisor(agent(4001)), vec!["AgentState_Force_SetNotReady"]),
        (Mode::Ready, ModeBy::Supervisor(agent(4001)), vec!["AgentState_Force_Ready"]),
    ] {
        scene.later().of_agent(4977, AgentModeChanged { mode, by, call: None });
        assert_eq!(scene.names(), expected.into_iter().map(|kind| format!("4977 {kind}")).collect::<Vec<_>>());
    }
    scene.later().of_agent(4977, AgentRestOverrun {});
    scene.of_agent(4977, AgentSignedOut { reason: SignOutReason::Asked });
    assert_eq!(scene.names(), ["4977 AgentState_Rest_Timeout"]);
}

#[test]
fn a_call_out_that_fails_names_its_cause() {
    let mut scene = Scene::new();
    scene.sign_in(4977, Mode::Ready);
    scene.heard();
    let from = Endpoint::Phone(UserName::new("70004").unwrap());
    let reach = Some(Reach::Number("13900000002".into()));
    let kind = CallKind::Outbound;
    scene.later().call(CallOriginated { from, called: "13900000002".into(), kind, agent: Some(agent(4977)), caller: None, reach });
    scene.call(CallOffered { agent: agent(4977), role: PartRole::Caller, queue: None, choice: None, until: None });
    scene.later();
    let to = Endpoint::Trunk(TrunkName::new("carrier").unwrap());
    scene.call(LegDialled {
        leg: LegId(9),
        to,
        target: "sip:13900000002@x".into(),
        purpose: Purpose::Call,
        on_behalf_of: None,
        called: "13900000002".into(),
        agent: None,
        gives_up: Timestamp::from_micros(0),
    });
    scene.call(LegRinging { leg: LegId(9), status: 180, early_media: false });
    scene.call(LegRinging { leg: LegId(9), status: 183, early_media: true });
    assert_eq!(
        scene.heard(),
        [
            bare("AgentState_Busy"),
            format!(
                r#"{{"eventType":"AgentEvent_Customer_Alerting","workNo":"4977","content":{{"callid":"{ON_WIRE}","otherPhone":"13900000002","otherPhoneWorkno":"","type":"main"}}}}"#
            ),
        ]
    );
    scene.later().call(CallUnreached { agent: agent(4977), cause: Cause::sip(486, Party::Remote) });
    scene.call(AgentLeft { agent: agent(4977), end: PartEnd::OtherGone });
    let detect =
        format!(r#"{{"eventType":"OUTBOUND_DETECT_EVENT","workNo":"4977","content":{{"callId":"{ON_WIRE}","detect":17,"desc":""}}}}"#);
    let failed = format!(r#"{{"eventType":"AgentEvent_Call_Out_Fail","workNo":"4977","content":"{ON_WIRE}"}}"#);
    assert_eq!(scene.heard(), [failed, detect, bare("AgentState_Ready")]);
}
