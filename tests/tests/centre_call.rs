//! An agent signs in by the CC-Gateway interface, a caller comes through a queue, they talk, the agent hangs up: the reference's
//! worked sequence 4.1, event by event, and both voices measured.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use serde_json::json;
use tandem_tests::centre::{Centre, SUPPORT, queue};
use tandem_tests::or_skip;
use tandem_tests::wait::secs;

#[test]
fn a_call_goes_as_the_worked_sequence_says() {
    let mut centre = or_skip!(Centre::open(&[queue(1, "support", json!({}))]));
    let agent = centre.agent(440.0, &[1]);
    centre.sign_in(agent);
    let caller = centre.caller(1000.0, SUPPORT);
    let offered = json!({ "agent": agent.to_string(), "expect": ["@OFFERED"], "save": { "call": "AgentEvent_Ringing.callid" } });
    centre.client.step(&offered);
    let ear = centre.ear(agent);
    centre.client.act(agent, "answer", json!({}));
    let talking = json!({ "event": "AgentEvent_Talking", "content": { "called": SUPPORT, "caller": caller.number, "callid": "$call", "feature": "0" } });
    centre.client.expect(agent, json!([talking, { "event": "AgentMediaEvent_Record", "content": { "callId": "$call" } }]));
    let since = centre.talk();
    caller.heard(since).expect_tone("the caller", 440.0);
    centre.heard(ear, since).expect_tone("the agent", 1000.0);

    centre.client.act(agent, "release", json!({}));
    centre.client.expect(agent, json!(["@RELEASED_TO_WORK"]));
    caller.ended(secs(5));
    centre.client.act(agent, "cancelwork", json!({}));
    centre.client.expect(agent, json!(["AgentState_CancelWork_Success"]));
    centre.client.act(agent, "logout", json!({}));
    centre.client.step(&json!({ "agent": agent.to_string(), "ended": "100-006" }));
    centre.world.ended(1, secs(5));
    centre.client.finish();
}
