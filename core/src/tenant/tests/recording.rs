use super::*;
use crate::agent::AgentWish;
use crate::id::RecordingId;

/// A customer (A) talks with 101 (B), whose queue wants calls recorded.
fn recorded() -> (Stage, LegId, LegId, RecordingId) {
    let mut s = Stage::centre();
    s.changes_queue(1, |queue| queue.record = true);
    s.signs_in(&[101]);
    let (caller, device, _) = s.served("700");
    let recording = started(&s);
    s.does(Command::RecordingStarted { recording });
    (s, caller, device, recording)
}

fn started(s: &Stage) -> RecordingId {
    let order = |effect: &Effect| if let Effect::StartRecording { recording, .. } = effect { Some(*recording) } else { None };
    s.out.effects.iter().find_map(order).expect("a recording was ordered")
}

fn on_disk(recording: RecordingId) -> Command {
    Command::RecordingEnded { recording, duration_ms: 61_000, bytes: 488_044, path: "day/101/a.wav".into() }
}

fn recording_orders(s: &Stage) -> Vec<String> {
    s.orders().into_iter().filter(|order| order.contains("record")).collect()
}

#[test]
fn a_queue_that_wants_it_has_calls_recorded_from_the_answer_to_the_end() {
    let mut s = Stage::centre();
    s.changes_queue(1, |queue| queue.record = true);
    s.signs_in(&[101]);
    let (caller, _, _) = s.served("700");
    assert_eq!(s.events().last().unwrap(), "recording.started");
    assert_eq!(recording_orders(&s), ["record A | B"]);
    let recording = started(&s);
    let path = s.tenant.call(s.call_of(caller)).unwrap().recordings[0].path.clone();
    assert!(path.contains("/101/") && path.ends_with(&recording.to_string()), "{path}");
    s.ends(caller, 200);
    assert!(s.events().contains(&"recording.stopped".to_owned()));
    assert_eq!(recording_orders(&s), ["stop recording"]);
    assert!(s.timers().contains(&"+recording 3600".to_owned()));
}

#[test]
fn what_reaches_the_disk_after_the_call_is_told_once() {
    let (mut s, caller, device, recording) = recorded();
    let call = s.call_of(caller);
    s.ends(caller, 200);
    s.ends(device, 200);
    assert!(s.tenant.call(call).is_none());
    s.does(on_disk(recording));
    assert_eq!((s.events(), s.timers()), (vec!["recording.ended".to_owned()], vec!["-recording".to_owned()]));
    assert_eq!(s.out.events[0].event.call(), Some(call), "and of which call it is");
    s.does(on_disk(recording));
    assert!(s.events().is_empty(), "once");
    s.fires(TimerKey::Recording(recording));
    assert!(s.events().is_empty());
}

#[test]
fn a_recording_that_is_never_heard_of_again_counts_as_lost() {
    let (mut s, caller, _, recording) = recorded();
    s.ends(caller, 200);
    s.passes(3600);
    s.fires(TimerKey::Recording(recording));
    assert_eq!(s.events(), ["recording.ended"]);
    s.does(on_disk(recording));
    assert!(s.events().is_empty());
}

#[test]
fn a_recording_that_cannot_begin_leaves_the_call_alone() {
    let (mut s, _, _, recording) = recorded();
    s.does(Command::RecordingFailed { recording, reason: "disk full".into() });
    assert_eq!(s.events(), ["recording.ended"]);
    assert!(s.out.effects.is_empty());
    s.wishes(101, AgentWish::StartRecording);
    assert_eq!(recording_orders(&s), ["record A | B"], "and another may be asked for");
}

#[test]
fn a_repaired_recording_is_told_after_a_restart() {
    let (mut s, _, _, recording) = recorded();
    s.does(Command::NodeRestarted);
    assert!(s.timers().contains(&"+recording 3600".to_owned()), "{:?}", s.timers());
    s.does(on_disk(recording));
    assert_eq!(s.events(), ["recording.ended"]);
}

#[test]
fn a_removed_tenant_still_sees_its_recordings_to_the_disk() {
    let (mut s, caller, device, recording) = recorded();
    s.does(Command::RemoveTenant);
    s.ends(caller, 200);
    assert_eq!(recording_orders(&s), ["stop recording"]);
    s.ends(device, 200);
    s.does(on_disk(recording));
    assert_eq!(s.events(), ["recording.ended"]);
}

#[test]
fn held_and_muted_do_not_speak_in_it() {
    let (mut s, ..) = recorded();
    s.wishes(101, AgentWish::Mute);
    assert_eq!(recording_orders(&s), ["record from A | "]);
    s.wishes(101, AgentWish::Unmute);
    assert_eq!(recording_orders(&s), ["record from A | B"]);
    s.wishes(101, AgentWish::Hold);
    assert_eq!(recording_orders(&s), ["record from  | "]);
    s.wishes(101, AgentWish::Retrieve { call: None });
    assert_eq!(recording_orders(&s), ["record from A | B"]);
}

#[test]
fn it_pauses_resumes_and_stops_by_wish() {
    let (mut s, ..) = recorded();
    assert_eq!(s.refused(101, AgentWish::ResumeRecording), "can't resume recording now");
    assert_eq!(s.refused(101, AgentWish::StartRecording), "can't start recording now");
    s.wishes(101, AgentWish::PauseRecording);
    assert_eq!((s.events(), s.orders()), (vec!["recording.paused".to_owned()], vec!["pause recording".to_owned()]));
    assert_eq!(s.refused(101, AgentWish::PauseRecording), "can't pause recording now");
    s.wishes(101, AgentWish::ResumeRecording);
    assert_eq!((s.events(), s.orders()), (vec!["recording.resumed".to_owned()], vec!["resume recording".to_owned()]));
    s.wishes(101, AgentWish::StopRecording);
    assert_eq!((s.events(), s.orders()), (vec!["recording.stopped".to_owned()], vec!["stop recording".to_owned()]));
    assert_eq!(s.refused(101, AgentWish::StopRecording), "can't stop recording now");
}

#[test]
fn who_is_in_no_call_has_nothing_to_record() {
    let mut s = Stage::centre();
    s.signs_in(&[101]);
    assert_eq!(s.refused(101, AgentWish::StartRecording), "no call to record");
    s.served("700");
    s.wishes(101, AgentWish::StartRecording);
    assert_eq!((s.events(), s.orders()), (vec!["recording.started".to_owned()], vec!["record A | B".to_owned()]));
}
