//! Calls that can't be taken: to another queue, to a voicemail; and what a recording holds.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tandem_tests::centre::{Centre, SUPPORT, queue};
use tandem_tests::or_skip;
use tandem_tests::tone::{Audio, RATE};
use tandem_tests::wait::{self, pass, secs};

/// The two channels of a WAV file.
fn channels(path: &Path) -> [Audio; 2] {
    let mut reader = hound::WavReader::open(path).unwrap();
    let spec = reader.spec();
    assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, RATE, 16));
    let samples: Vec<i16> = reader.samples::<i16>().map(Result::unwrap).collect();
    [0, 1].map(|channel| Audio { samples: samples.iter().skip(channel).step_by(2).copied().collect() })
}

#[test]
fn a_recording_has_the_caller_left_and_the_agent_right() {
    let mut centre = or_skip!(Centre::open(&[queue(1, "support", json!({}))]));
    let agent = centre.agent(440.0, &[1]);
    centre.sign_in(agent);
    let _caller = centre.caller(1000.0, SUPPORT);
    centre.client.expect(agent, json!(["@OFFERED"]));
    centre.client.act(agent, "answer", json!({}));
    let keep = json!({ "file": "AgentMediaEvent_Record.fileName" });
    centre.client.step(&json!({ "agent": agent.to_string(), "expect": ["@ANSWERED"], "save": keep }));
    pass(secs(4));
    centre.client.act(agent, "release", json!({}));
    centre.client.expect(agent, json!(["@RELEASED_TO_WORK"]));
    centre.world.tenant().wait_event("recording.ended", secs(10));

    let dir = tempfile::tempdir().unwrap();
    let (whole, part) = (dir.path().join("whole.wav"), dir.path().join("part"));
    let got = centre.client.step(&json!({ "agent": agent.to_string(), "download": "$file", "to": whole }));
    assert_eq!((&got["status"], &got["begins"]), (&json!(200), &json!("RIFF")), "{got}");
    let range = json!({ "agent": agent.to_string(), "download": "$file", "to": part, "first": 100, "last": 1099 });
    let got = centre.client.step(&range);
    assert_eq!((&got["status"], &got["bytes"]), (&json!(206), &json!(1000)), "{got}");
    assert_eq!(std::fs::read(&part).unwrap(), std::fs::read(&whole).unwrap()[100..1100]);
    let middle = |audio: &Audio| audio.part(audio.length() / 2 - Duration::from_secs(1), Duration::from_secs(2));
    let [left, right] = channels(&whole);
    assert!(left.length() > secs(3), "{:?} of audio", left.length());
    middle(&left).expect_tone("the left channel", 1000.0);
    middle(&right).expect_tone("the right channel", 440.0);

    // The agent listens to it: both voices, on its phone.
    centre.client.act(agent, "cancelwork", json!({}));
    centre.client.expect(agent, json!(["AgentState_CancelWork_Success"]));
    centre.ear(agent);
    centre.client.act(agent, "play", json!({ "voicepath": "$file" }));
    let rings = ["AgentState_Busy", "AgentOther_PhoneAlerting", "AgentOther_PhoneOffhook"];
    centre.client.expect(agent, json!([rings[0], rings[1], rings[2], "AgentMediaEvent_Play", "AgentMediaEvent_Play_Succ"]));
    let ear = centre.ear(agent);
    let since = centre.talk();
    let heard = centre.heard(ear, since);
    assert!(heard.level_at(1000.0) > 0.05 && heard.level_at(440.0) > 0.05, "played: {:?}", heard.strongest());
    centre.client.act(agent, "stopplay", json!({}));
    centre.client.expect_among(agent, json!(["AgentMediaEvent_StopPlayDone", "AgentOther_PhoneRelease", "AgentState_Ready"]));
    centre.client.finish();
}

#[test]
fn a_caller_who_waits_too_long_goes_to_the_other_queue() {
    let queues = [queue(2, "sales", json!({})), queue(1, "support", json!({ "max_wait_s": 2, "when_late": { "queue": 2 } }))];
    let mut centre = or_skip!(Centre::open(&queues));
    let agent = centre.agent(440.0, &[2]);
    centre.sign_in(agent);
    let caller = centre.caller(1000.0, SUPPORT);
    let since = centre.talk();
    let music = caller.heard(since);
    assert!(music.level() > 0.01 && music.level_at(440.0) < 0.01, "the caller hears music: {}", music.level());
    centre.client.expect(agent, json!(["@OFFERED"]));
    centre.client.act(agent, "answer", json!({}));
    centre.client.expect(agent, json!(["@ANSWERED"]));
    let info = centre.client.act(agent, "callinfo", json!({}));
    let wanted = (&json!("sales"), &json!(2), &json!(caller.number), &json!(SUPPORT));
    assert_eq!((&info["callskill"], &info["callskillid"], &info["caller"], &info["called"]), wanted, "{info}");
    let since = centre.talk();
    caller.heard(since).expect_tone("the caller", 440.0);
    caller.hang_up();
    centre.client.expect_among(agent, json!(["AgentEvent_Customer_Release", "AgentState_Work"]));
    centre.client.finish();
}

#[test]
fn a_caller_whom_nobody_serves_leaves_a_message() {
    let centre = or_skip!(Centre::open(&[queue(1, "support", json!({ "when_no_agent": "voicemail" }))]));
    let mut centre = centre;
    let caller = centre.caller(1000.0, SUPPORT);
    let begun = |event: &Value| event["data"]["purpose"] == "voicemail";
    wait::until_true("the message was recorded", secs(30), || {
        centre.world.tenant().events_of("recording.started").is_ok_and(|events| events.iter().any(begun))
    });
    pass(secs(3));
    caller.hang_up();
    caller.ended(secs(5));
    let ended = centre.world.tenant().wait_event("recording.ended", secs(10));
    assert!(ended["data"]["duration_ms"].as_u64() >= Some(2000), "{ended}");
    centre.client.finish();
}
