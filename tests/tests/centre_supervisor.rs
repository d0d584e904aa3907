//! A supervisor listens, whispers, joins, takes the customer over, and forces states: the reference's worked sequence 4.3, and who
//! hears whom at every step, measured by tone.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::net::SocketAddr;

use serde_json::json;
use tandem_tests::caller::Caller;
use tandem_tests::centre::{Centre, SUPPORT, queue};
use tandem_tests::or_skip;
use tandem_tests::tone::Audio;
use tandem_tests::wait::secs;

const CALLER: f64 = 1000.0;
const AGENT: f64 = 440.0;
const SUPERVISOR: f64 = 1750.0;
/// Root mean square below which a tone is not there: -40 dB.
const NOTHING: f64 = 0.01;
/// Half of the level at which phones speak, and less than a mix of two takes away.
const SOMETHING: f64 = 0.12;

/// Who hears which tones, and no other of the three.
#[track_caller]
fn expect(who: &str, audio: &Audio, wanted: &[f64]) {
    for tone in [CALLER, AGENT, SUPERVISOR] {
        let level = audio.level_at(tone);
        if wanted.contains(&tone) {
            assert!(level > SOMETHING, "{who} does not hear {tone} Hz: {level:.4}");
        } else {
            assert!(level < NOTHING, "{who} hears {tone} Hz: {level:.4}");
        }
    }
}

struct Scene {
    centre: Centre,
    agent: u32,
    supervisor: u32,
    caller: Caller,
    ear: SocketAddr,
}

/// A supervisor is idle, an agent talks with a caller.
fn scene(mut centre: Centre) -> Scene {
    let agent = centre.agent(AGENT, &[1]);
    let supervisor = centre.supervisor(SUPERVISOR);
    centre.sign_in(agent);
    centre.sign_in_as(supervisor, json!({ "autoenteridle": true }));
    let caller = centre.caller(CALLER, SUPPORT);
    centre.client.expect(agent, json!(["@OFFERED"]));
    let ear = centre.ear(agent);
    centre.client.act(agent, "answer", json!({}));
    centre.client.expect(agent, json!(["@ANSWERED"]));
    Scene { centre, agent, supervisor, caller, ear }
}

#[test]
fn a_supervisor_listens_whispers_joins_and_takes_over() {
    let Scene { mut centre, agent, supervisor, caller, ear } = scene(or_skip!(Centre::open(&[queue(1, "support", json!({}))])));
    let inspected = |kind: u32| json!([{ "event": "AgentOther_BeQcStart", "content": { "qcType": kind, "qcAgentId": supervisor } }]);

    centre.client.act(supervisor, "addsupervise", json!({ "workNo": agent.to_string() }));
    centre.client.expect(supervisor, json!(["@INSPECTING"]));
    centre.client.expect(agent, inspected(8));
    let supervisors_ear = centre.ear(supervisor);
    let since = centre.talk();
    expect("the listener", &centre.heard(supervisors_ear, since), &[CALLER, AGENT]);
    expect("the caller, listened to,", &caller.heard(since), &[AGENT]);
    expect("the agent, listened to,", &centre.heard(ear, since), &[CALLER]);

    centre.client.act(supervisor, "switchinspect", json!({ "whisperagentid": agent.to_string(), "switchtype": 2 }));
    let whispered = centre.client.expect(agent, json!(["AgentOther_BeQcStart"]));
    let kind = whispered[0]["content"]["qcType"].as_u64().unwrap();
    assert!([20172, 20173].contains(&kind), "{whispered}");
    let since = centre.talk();
    expect("the agent, whispered to,", &centre.heard(ear, since), &[CALLER, SUPERVISOR]);
    expect("the caller, while somebody whispers,", &caller.heard(since), &[AGENT]);

    let insert = json!({ "whisperagentid": agent.to_string(), "switchtype": 1 });
    centre.client.act(supervisor, "switchinspect", insert);
    centre.client.expect(agent, inspected(9));
    let since = centre.talk();
    expect("the agent of three", &centre.heard(ear, since), &[CALLER, SUPERVISOR]);
    expect("the caller of three", &caller.heard(since), &[AGENT, SUPERVISOR]);
    expect("the supervisor of three", &centre.heard(supervisors_ear, since), &[CALLER, AGENT]);

    centre.client.act(supervisor, "intercept", json!({ "workNo": agent.to_string() }));
    centre.client.expect(supervisor, json!(["@INTERCEPTED"]));
    centre.client.expect_among(agent, json!(["AgentOther_BeQcStop", "AgentState_Ready"]));
    let since = centre.talk();
    expect("the caller who was taken over", &caller.heard(since), &[SUPERVISOR]);
    expect("the supervisor who took over", &centre.heard(supervisors_ear, since), &[CALLER]);
    centre.client.act(supervisor, "release", json!({}));
    caller.ended(secs(5));
    centre.client.expect_among(supervisor, json!(["AgentEvent_Call_Release", "AgentOther_PhoneRelease", "AgentState_Ready"]));
    centre.client.finish();
}

#[test]
fn a_supervisor_stops_listening_and_forces_states() {
    let Scene { mut centre, agent, supervisor, caller, .. } = scene(or_skip!(Centre::open(&[queue(1, "support", json!({}))])));
    let workno = json!({ "workNo": agent.to_string() });
    centre.client.act(supervisor, "addsupervise", workno.clone());
    centre.client.expect(supervisor, json!(["@INSPECTING"]));
    centre.client.expect(agent, json!(["AgentOther_BeQcStart"]));
    // A second one is refused: the supervisor is not idle.
    centre.client.act(supervisor, "addsupervise", json!({ "workNo": agent.to_string(), "retcode": "900-005" }));
    centre.client.act(supervisor, "stopsupervise", workno.clone());
    centre.client.expect(agent, json!([{ "event": "AgentOther_BeQcStop", "content": { "qcAgentId": supervisor } }]));
    centre.client.expect_among(supervisor, json!(["AgentOther_PhoneRelease", "AgentState_Ready"]));

    // An agent may not do what a supervisor may, and nobody inspects whom there is not.
    centre.client.act(agent, "forcebusy", json!({ "workNo": supervisor.to_string(), "retcode": "900-002" }));
    centre.client.act(supervisor, "addsupervise", json!({ "workNo": "999", "retcode": "900-004" }));

    caller.hang_up();
    centre.client.expect_among(agent, json!(["AgentEvent_Customer_Release", "AgentState_Work"]));
    centre.client.act(agent, "cancelwork", json!({}));
    centre.client.expect(agent, json!(["AgentState_CancelWork_Success"]));
    centre.client.act(supervisor, "forcebusy", workno.clone());
    centre.client.expect_among(agent, json!(["AgentState_Force_SetNotReady"]));
    centre.client.act(supervisor, "forceidle", workno.clone());
    centre.client.expect_among(agent, json!(["AgentState_Force_Ready"]));
    centre.client.act(supervisor, "forcerest", json!({ "workNo": agent.to_string(), "time": 60, "reason": 1 }));
    centre.client.expect_among(agent, json!(["AgentState_SetRest_Success"]));
    centre.client.act(agent, "cancelrest", json!({}));
    centre.client.expect_among(agent, json!(["AgentState_CancelRest_Success"]));
    centre.client.act(supervisor, "forcelogout", workno);
    centre.client.step(&json!({ "agent": agent.to_string(), "ended": "100-006" }));
    centre.client.finish();
}
