//! What an agent does with a call, on real phones: hold, mute, help, three-party, and every kind of handover; events in order and
//! voices by tone.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::net::SocketAddr;

use serde_json::{Value, json};
use tandem_tests::caller::Caller;
use tandem_tests::centre::{Centre, SALES, SUPPORT, queue};
use tandem_tests::or_skip;
use tandem_tests::tone::Audio;
use tandem_tests::wait::secs;

const CALLER: f64 = 1000.0;
const ONE: f64 = 440.0;
const OTHER: f64 = 620.0;
/// Root mean square below which a tone is not there: -40 dB.
const NOTHING: f64 = 0.01;
/// Half of the level at which phones speak, and less than a mix of two takes away.
const SOMETHING: f64 = 0.12;

#[track_caller]
fn expect(who: &str, audio: &Audio, wanted: &[f64]) {
    for tone in [CALLER, ONE, OTHER] {
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
    one: u32,
    other: u32,
    caller: Caller,
    ear: SocketAddr,
}

/// Two agents; the first, of `support`, talks with a caller, the second, of `sales`, is idle.
fn scene(mut centre: Centre) -> Scene {
    let one = centre.agent(ONE, &[1]);
    let other = centre.agent(OTHER, &[2]);
    centre.sign_in(one);
    centre.sign_in(other);
    let caller = centre.caller(CALLER, SUPPORT);
    centre.client.step(&json!({ "agent": one.to_string(), "expect": ["@OFFERED"], "save": { "call": "AgentEvent_Ringing.callid" } }));
    let ear = centre.ear(one);
    centre.client.act(one, "answer", json!({}));
    centre.client.expect(one, json!(["@ANSWERED"]));
    Scene { centre, one, other, caller, ear }
}

fn queues() -> [Value; 2] {
    [queue(1, "support", json!({})), queue(2, "sales", json!({}))]
}

#[test]
fn a_held_caller_hears_music_and_a_muted_agent_is_not_heard() {
    let Scene { mut centre, one, caller, ear, .. } = scene(or_skip!(Centre::open(&queues())));
    centre.client.act(one, "hold", json!({}));
    centre.client.expect(one, json!([{ "event": "AgentEvent_Hold", "content": "$call" }]));
    let held = centre.client.act(one, "holdlist", json!({}));
    assert_eq!((&held[0]["called"], held[0]["callfeature"].as_u64()), (&json!(SUPPORT), Some(0)), "{held}");
    let since = centre.talk();
    let music = caller.heard(since);
    expect("the held caller", &music, &[]);
    assert!(music.level() > NOTHING, "the held caller hears no music: {}", music.level());
    expect("the agent who holds", &centre.heard(ear, since), &[]);
    centre.client.act(one, "gethold", json!({ "callid": "$call" }));
    centre.client.expect(one, json!(["AgentEvent_Talking"]));
    let since = centre.talk();
    expect("the caller, retrieved,", &caller.heard(since), &[ONE]);

    centre.client.act(one, "beginmute", json!({}));
    let since = centre.talk();
    expect("the caller of a muted agent", &caller.heard(since), &[]);
    expect("the muted agent", &centre.heard(ear, since), &[CALLER]);
    centre.client.act(one, "endmute", json!({}));
    let since = centre.talk();
    expect("the caller of an agent no longer muted", &caller.heard(since), &[ONE]);
    caller.hang_up();
    centre.client.expect_among(one, json!(["AgentEvent_Customer_Release", "AgentState_Work"]));
    centre.client.finish();
}

#[test]
fn help_of_two_then_three() {
    let Scene { mut centre, one, other, caller, ear } = scene(or_skip!(Centre::open(&queues())));
    let help = json!({ "dstaddress": other.to_string(), "devicetype": 2, "mode": 1, "save": { "help": "result" } });
    centre.client.act(one, "innerhelp", help);
    centre.client.expect(other, json!(["@OFFERED"]));
    let others_ear = centre.ear(other);
    centre.client.act(other, "answer", json!({}));
    centre.client.expect_among(other, json!(["AgentEvent_Talking"]));
    centre.client.expect_among(one, json!(["@HELP"]));
    let since = centre.talk();
    expect("the caller, while help is asked,", &caller.heard(since), &[]);
    expect("the agent who asks for help", &centre.heard(ear, since), &[OTHER]);
    expect("the helper", &centre.heard(others_ear, since), &[ONE]);

    centre.client.act(one, "confjoin", json!({ "callid": "$call" }));
    centre.client.expect_among(one, json!(["AgentEvent_Conference"]));
    let since = centre.talk();
    expect("the caller of three", &caller.heard(since), &[ONE, OTHER]);
    expect("the agent of three", &centre.heard(ear, since), &[CALLER, OTHER]);
    expect("the helper of three", &centre.heard(others_ear, since), &[CALLER, ONE]);

    // The helped agent leaves: helper and customer talk.
    centre.client.act(one, "release", json!({}));
    centre.client.expect_among(one, json!(["AgentEvent_Call_Release", "AgentOther_PhoneRelease", "AgentState_Work"]));
    let since = centre.talk();
    expect("the caller who stays with the helper", &caller.heard(since), &[OTHER]);
    expect("the helper who stays with the caller", &centre.heard(others_ear, since), &[CALLER]);
    centre.client.act(other, "release", json!({}));
    caller.ended(secs(5));
    centre.client.finish();
}

/// Hands the call over and gives what follows: events of the first agent, then the second has it.
fn hand_over(mut scene: Scene, fields: Value, first: Value) {
    let centre = &mut scene.centre;
    centre.client.act(scene.one, "setcalldataex", json!({ "calldata": "order=4711" }));
    centre.client.act(scene.one, "transfer", fields);
    centre.client.expect(scene.other, json!(["@OFFERED"]));
    let ear = centre.ear(scene.other);
    // Whatever is attached to the call goes with it.
    centre.client.act(scene.other, "appdata", json!({ "result": "order=4711" }));
    centre.client.act(scene.other, "answer", json!({}));
    centre.client.expect_among(scene.other, json!(["AgentEvent_Talking"]));
    centre.client.expect_among(scene.one, first);
    let since = centre.talk();
    expect("the caller, handed over,", &scene.caller.heard(since), &[OTHER]);
    expect("who took it over", &centre.heard(ear, since), &[CALLER]);
    centre.client.act(scene.other, "release", json!({}));
    scene.caller.ended(secs(5));
    centre.client.expect_among(scene.other, json!(["AgentEvent_Call_Release", "AgentOther_PhoneRelease", "AgentState_Work"]));
    scene.centre.client.finish();
}

#[test]
fn a_handover_to_an_agent_that_must_succeed() {
    let scene = scene(or_skip!(Centre::open(&queues())));
    let fields = json!({ "devicetype": 2, "mode": 2, "address": scene.other.to_string() });
    hand_over(scene, fields, json!(["@TRANSFERRED", "AgentState_Work"]));
}

#[test]
fn a_blind_handover_to_an_agent() {
    let scene = scene(or_skip!(Centre::open(&queues())));
    let fields = json!({ "devicetype": 2, "mode": 0, "address": scene.other.to_string() });
    hand_over(scene, fields, json!(["AgentEvent_Call_Release", "AgentOther_PhoneRelease", "AgentState_Work"]));
}

#[test]
fn a_blind_handover_to_a_queue() {
    let scene = scene(or_skip!(Centre::open(&queues())));
    hand_over(scene, json!({ "devicetype": 1, "mode": 0, "address": "2" }), json!(["AgentEvent_Call_Release", "AgentState_Work"]));
}

#[test]
fn a_handover_to_a_queue_that_must_succeed() {
    let scene = scene(or_skip!(Centre::open(&queues())));
    hand_over(scene, json!({ "devicetype": 1, "mode": 2, "address": "2" }), json!(["@TRANSFERRED", "AgentState_Work"]));
}

#[test]
fn a_handover_to_an_access_number() {
    let scene = scene(or_skip!(Centre::open(&queues())));
    hand_over(scene, json!({ "devicetype": 4, "mode": 0, "address": SALES }), json!(["AgentEvent_Call_Release", "AgentState_Work"]));
}

#[test]
fn a_handover_to_a_number_of_the_network() {
    let Scene { mut centre, one, caller, .. } = scene(or_skip!(Centre::open(&queues())));
    let carrier = centre.world.sipp("carrier_answers").start().unwrap();
    centre.client.act(one, "transfer", json!({ "devicetype": 5, "mode": 2, "address": "15557777" }));
    centre.client.expect_among(one, json!(["@TRANSFERRED", "AgentState_Work"]));
    caller.hang_up();
    carrier.finish().unwrap().expect(1);
    centre.client.finish();
}

/// A handover to a number of the network that leaves the agent in the call or not; the agent then leaves by itself if it has to.
fn to_the_network(mode: u32, events: Value, leaves: bool) {
    let Scene { mut centre, one, caller, .. } = scene(or_skip!(Centre::open(&queues())));
    let carrier = centre.world.sipp("carrier_answers").start().unwrap();
    centre.client.act(one, "transfer", json!({ "devicetype": 5, "mode": mode, "address": "15557777" }));
    centre.client.expect_among(one, events);
    if leaves {
        centre.client.act(one, "release", json!({}));
        centre.client.expect_among(one, json!(["AgentEvent_Call_Release", "AgentState_Work"]));
    }
    centre.talk();
    assert!(!caller.is_over(), "the caller talks with whom it was handed to");
    caller.hang_up();
    carrier.finish().unwrap().expect(1);
    centre.client.finish();
}

#[test]
fn a_blind_handover_to_a_number_of_the_network() {
    to_the_network(1, json!(["AgentEvent_Call_Release", "AgentOther_PhoneRelease", "AgentState_Work"]), false);
}

#[test]
fn a_handover_of_three_to_a_number_of_the_network() {
    to_the_network(4, json!(["AgentEvent_Customer_Alerting", "AgentEvent_Conference"]), true);
}

#[test]
fn a_handover_with_a_talk_before_to_a_number_of_the_network() {
    to_the_network(3, json!(["AgentEvent_Customer_Alerting", "AgentEvent_Talking"]), true);
}

#[test]
fn a_handover_to_an_access_number_that_must_succeed() {
    let scene = scene(or_skip!(Centre::open(&queues())));
    hand_over(scene, json!({ "devicetype": 4, "mode": 2, "address": SALES }), json!(["@TRANSFERRED", "AgentState_Work"]));
}

/// The second agent helps the first: its ear.
fn helped(scene: &mut Scene, mode: u32) -> SocketAddr {
    let centre = &mut scene.centre;
    let help = json!({ "dstaddress": scene.other.to_string(), "devicetype": 2, "mode": mode });
    centre.client.act(scene.one, "innerhelp", help);
    centre.client.expect(scene.other, json!(["@OFFERED"]));
    let ear = centre.ear(scene.other);
    centre.client.act(scene.other, "answer", json!({}));
    ear
}

#[test]
fn help_of_three_joins_all_at_once() {
    let mut scene = scene(or_skip!(Centre::open(&queues())));
    let others_ear = helped(&mut scene, 2);
    let Scene { mut centre, one, other, caller, ear } = scene;
    centre.client.expect_among(one, json!(["@HELP_THREE"]));
    let since = centre.talk();
    expect("the caller of three", &caller.heard(since), &[ONE, OTHER]);
    expect("the agent of three", &centre.heard(ear, since), &[CALLER, OTHER]);
    expect("the helper of three", &centre.heard(others_ear, since), &[CALLER, ONE]);
    // To drop the helper, its number is used; agent and customer go on.
    centre.client.act(one, "disconnect", json!({ "number": other.to_string() }));
    centre.client.expect_among(other, json!(["AgentEvent_Call_Release", "AgentOther_PhoneRelease"]));
    let since = centre.talk();
    expect("the caller, of two again,", &caller.heard(since), &[ONE]);
    centre.client.act(one, "release", json!({}));
    caller.ended(secs(5));
    centre.client.finish();
}

#[test]
fn a_held_caller_is_connected_with_the_helper() {
    let mut scene = scene(or_skip!(Centre::open(&queues())));
    let others_ear = helped(&mut scene, 1);
    let Scene { mut centre, one, other, caller, .. } = scene;
    centre.client.expect_among(one, json!(["@HELP"]));
    centre.client.act(one, "connecthold", json!({ "callid": "$call" }));
    centre.client.expect_among(one, json!(["AgentEvent_Call_Release", "AgentOther_PhoneRelease", "AgentState_Work"]));
    let since = centre.talk();
    expect("the caller", &caller.heard(since), &[OTHER]);
    expect("the former helper", &centre.heard(others_ear, since), &[CALLER]);
    centre.client.act(other, "release", json!({}));
    caller.ended(secs(5));
    centre.client.finish();
}

#[test]
fn help_that_still_rings_is_called_off() {
    let Scene { mut centre, one, other, caller, .. } = scene(or_skip!(Centre::open(&queues())));
    centre.client.act(one, "innerhelp", json!({ "dstaddress": other.to_string(), "devicetype": 2, "mode": 1 }));
    centre.client.expect(other, json!(["@OFFERED"]));
    centre.client.act(one, "canceltransfer", json!({}));
    centre.client.expect_among(other, json!(["AgentOther_PhoneRelease", "AgentState_Ready"]));
    // Agent and customer talk again.
    centre.client.expect_among(one, json!(["AgentEvent_Hold", "AgentEvent_Talking"]));
    let since = centre.talk();
    expect("the caller", &caller.heard(since), &[ONE]);
    caller.hang_up();
    centre.client.expect_among(one, json!(["AgentEvent_Customer_Release", "AgentState_Work"]));
    centre.client.finish();
}
