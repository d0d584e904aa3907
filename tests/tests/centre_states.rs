//! What an agent is and does between calls and around them: states, automatic answering, calls that are not taken, calls out.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use serde_json::{Value, json};
use tandem_tests::centre::{Centre, SUPPORT, queue};
use tandem_tests::or_skip;
use tandem_tests::wait::secs;

fn one_queue(more: Value) -> [Value; 1] {
    [queue(1, "support", more)]
}

#[track_caller]
fn expect_state(centre: &mut Centre, agent: u32, state: u32) {
    let status = centre.client.act(agent, "agentstatus", json!({}));
    assert_eq!(status["agentState"].as_u64(), Some(u64::from(state)), "{status}");
    assert!(status["isWorking"].is_boolean(), "{status}");
}

#[test]
fn states_change_as_the_table_says() {
    let mut centre = or_skip!(Centre::open_secure(&one_queue(json!({}))));
    let agent = centre.agent(440.0, &[1]);
    centre.client.act(agent, "sign_in", json!({ "status": 3 }));
    centre.client.expect(agent, json!(["@SIGNED_IN_BUSY"]));
    expect_state(&mut centre, agent, 3);
    centre.client.act(agent, "sign_in", json!({ "retcode": "100-002" }));
    let scene: [(&str, Value, Value, u32); 8] = [
        ("cancelbusy", json!({}), json!(["AgentState_CancelNotReady_Success", "AgentState_Ready"]), 4),
        ("saybusy", json!({ "reason": 200 }), json!([{ "event": "AgentState_SetNotReady_Success", "content": { "reason": "200" } }]), 3),
        ("cancelbusy", json!({}), json!(["AgentState_CancelNotReady_Success", "AgentState_Ready"]), 4),
        ("rest", json!({ "time": 1, "restcause": 1 }), json!(["AgentState_SetRest_Success", "AgentState_Rest_Timeout"]), 8),
        ("cancelrest", json!({}), json!(["AgentState_CancelRest_Success"]), 4),
        ("work", json!({}), json!(["AgentState_SetWork_Success"]), 5),
        ("cancelwork", json!({}), json!(["AgentState_CancelWork_Success"]), 4),
        ("saybusy", json!({}), json!([{ "event": "AgentState_SetNotReady_Success", "content": { "reason": "0" } }]), 3),
    ];
    for (operation, fields, events, state) in scene {
        centre.client.act(agent, operation, fields);
        centre.client.expect(agent, events);
        expect_state(&mut centre, agent, state);
    }
    for (operation, code) in
        [("answer", "200-002"), ("hold", "200-013"), ("gethold", "200-015"), ("beginmute", "200-003"), ("release", "200-017")]
    {
        centre.client.act(agent, operation, json!({ "retcode": code }));
    }
    // An hour of nothing is an empty answer each 10 s: one of them, byte for byte.
    centre.client.step(&json!({ "agent": agent.to_string(), "quiet": 11 }));
    centre.client.act(agent, "force_sign_in", json!({ "status": 5 }));
    centre.client.expect_among(agent, json!(["@SIGNED_IN_WORK"]));
    centre.client.act(agent, "logout", json!({}));
    centre.client.step(&json!({ "agent": agent.to_string(), "ended": "100-006" }));
    centre.client.finish();
}

#[test]
fn a_call_is_answered_automatically() {
    let mut centre = or_skip!(Centre::open(&one_queue(json!({}))));
    let agent = centre.agent(440.0, &[1]);
    centre.sign_in_as(agent, json!({ "autoanswer": true, "autoenteridle": true }));
    let caller = centre.caller(1000.0, SUPPORT);
    centre.client.expect(agent, json!(["AgentState_Busy", "AgentOther_PhoneAlerting", "AgentOther_PhoneOffhook"]));
    centre.client.expect(agent, json!(["AgentEvent_Auto_Answer", "@ANSWERED"]));
    let ear = centre.ear(agent);
    let since = centre.talk();
    caller.heard(since).expect_tone("the caller", 440.0);
    centre.heard(ear, since).expect_tone("the agent", 1000.0);
    centre.client.act(agent, "release", json!({}));
    centre.client.expect(agent, json!(["@RELEASED_TO_IDLE"]));
    caller.ended(secs(5));
    centre.client.finish();
}

#[test]
fn a_call_that_is_not_answered_goes_to_the_next_agent() {
    let mut centre = or_skip!(Centre::open(&one_queue(json!({ "answer_s": 5 }))));
    let (lazy, keen) = (centre.agent(440.0, &[1]), centre.agent(620.0, &[1]));
    centre.sign_in(lazy);
    let caller = centre.caller(1000.0, SUPPORT);
    centre.client.expect(lazy, json!(["@OFFERED"]));
    centre.sign_in(keen);
    centre.client.expect_among(lazy, json!(["@NOT_ANSWERED"]));
    expect_state(&mut centre, lazy, 3);
    centre.client.expect(keen, json!(["@OFFERED"]));
    centre.client.act(keen, "answer", json!({}));
    centre.client.expect(keen, json!(["@ANSWERED"]));
    let since = centre.talk();
    caller.heard(since).expect_tone("the caller", 620.0);
    caller.hang_up();
    centre.client.expect_among(keen, json!(["AgentEvent_Customer_Release", "AgentEvent_Call_Release", "AgentState_Work"]));
    centre.client.finish();
}

#[test]
fn a_call_is_rejected_into_its_queue_and_away() {
    let mut centre = or_skip!(Centre::open(&one_queue(json!({}))));
    let agent = centre.agent(440.0, &[1]);
    centre.sign_in(agent);
    let caller = centre.caller(1000.0, SUPPORT);
    centre.client.expect(agent, json!(["@OFFERED"]));
    centre.client.act(agent, "reject", json!({ "mode": 1 }));
    centre.client.expect(agent, json!(["@REJECTED_TO_QUEUE"]));
    assert!(!caller.is_over(), "the caller goes on waiting");
    let waiting = centre.client.act(agent, "waitnum", json!({}));
    assert_eq!(waiting, 1);
    centre.client.act(agent, "cancelbusy", json!({}));
    centre.client.expect(agent, json!(["AgentState_CancelNotReady_Success", "AgentState_Ready", "@OFFERED"]));
    centre.client.act(agent, "reject", json!({ "mode": 2 }));
    centre.client.expect(agent, json!(["@REJECTED"]));
    caller.ended(secs(5));
    centre.client.finish();
}

#[test]
fn calls_out_and_inside() {
    let mut centre = or_skip!(Centre::open(&one_queue(json!({}))));
    let (one, other) = (centre.agent(440.0, &[1]), centre.agent(620.0, &[1]));
    centre.sign_in_as(one, json!({ "autoenteridle": true }));
    centre.sign_in_as(other, json!({ "autoenteridle": true }));
    let carrier = centre.world.sipp("carrier_answers").start().unwrap();
    centre.client.act(one, "callout", json!({ "called": "15557777" }));
    centre.client.expect(one, json!(["@CALLED_OUT"]));
    centre.client.act(one, "seconddialex", json!({ "number": "42" }));
    centre.client.act(one, "release", json!({}));
    carrier.finish().unwrap().expect(1);
    centre.client.expect_among(one, json!(["AgentEvent_Call_Release", "AgentOther_PhoneRelease", "AgentState_Ready"]));

    let refuses = centre.world.sipp("carrier_refuses").key("status", "486 Busy Here").key("cause", "17").start().unwrap();
    centre.client.act(one, "callout", json!({ "called": "15557778" }));
    centre.client.expect_among(one, json!(["AgentEvent_Call_Out_Fail", "OUTBOUND_DETECT_EVENT", "AgentState_Ready"]));
    drop(refuses);

    centre.client.act(one, "callinner", json!({ "called": other.to_string() }));
    centre.client.expect(other, json!(["@OFFERED"]));
    let ear = centre.ear(other);
    centre.client.act(other, "answer", json!({}));
    centre.client.expect_among(one, json!(["AgentEvent_Customer_Alerting", "AgentEvent_Talking"]));
    centre.client.expect_among(other, json!([{ "event": "AgentEvent_Talking", "content": { "feature": "6" } }]));
    let since = centre.talk();
    centre.heard(ear, since).expect_tone("the colleague", 440.0);
    centre.client.act(other, "release", json!({}));
    centre.client.expect_among(one, json!(["AgentEvent_Customer_Release", "AgentState_Ready"]));
    centre.client.finish();
}

#[test]
fn a_colleagues_ringing_call_is_picked_up() {
    let mut centre = or_skip!(Centre::open(&one_queue(json!({}))));
    let (one, other) = (centre.agent(440.0, &[1]), centre.agent(620.0, &[]));
    centre.sign_in(one);
    centre.sign_in(other);
    let caller = centre.caller(1000.0, SUPPORT);
    centre.client.expect(one, json!(["@OFFERED"]));
    centre.client.act(other, "snatchpickup", json!({ "destWorkNo": one.to_string() }));
    centre.client.expect_among(other, json!(["AgentEvent_Talking"]));
    let since = centre.talk();
    caller.heard(since).expect_tone("the caller", 620.0);
    centre.client.act(other, "release", json!({}));
    caller.ended(secs(5));
    centre.client.finish();
}
