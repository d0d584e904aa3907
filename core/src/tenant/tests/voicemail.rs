use super::centre::*;
use super::*;
use crate::id::RecordingId;

fn called() -> (Stage, LegId) {
    let mut s = Stage::centre();
    s.does(Command::AddNumber(number("799", Destination::Voicemail(queue_id(1)))));
    let caller = s.offer("a", "799");
    (s, caller)
}

fn speaking() -> (Stage, LegId) {
    let (mut s, caller) = called();
    s.does(Command::PromptEnded { leg: caller });
    (s, caller)
}

fn recording(s: &Stage, leg: LegId) -> RecordingId {
    s.tenant.call(s.call_of(leg)).unwrap().recordings[0].id
}

#[test]
fn greeting_beep_message_and_the_end_key() {
    let (mut s, caller) = called();
    assert_eq!(s.events(), ["call.arrived A", "call.routed", "leg.answered A", "call.voicemail"]);
    assert_eq!(s.orders(), ["answer A", "A hears sequence @en/leave_a_message"]);
    s.does(Command::PromptEnded { leg: caller });
    assert_eq!(s.events(), ["recording.started"]);
    assert_eq!((s.orders(), s.timers()), (vec!["record A | ".to_owned(), "A hears Beep".to_owned()], vec!["+voicemail 180".to_owned()]));
    s.does(Command::PromptEnded { leg: caller });
    assert!(s.events().is_empty(), "the beep's end");
    let name = recording(&s, caller);
    s.does(Command::LegDigit { leg: caller, digit: '5', duration_ms: 80 });
    assert_eq!(s.events(), ["leg.digit"]);
    s.does(Command::LegDigit { leg: caller, digit: '#', duration_ms: 80 });
    assert_eq!(s.events(), ["leg.digit", "leg.releasing A 200", "recording.stopped"]);
    assert_eq!(s.orders(), ["release A 200", "stop recording"]);
    assert!(s.timers().contains(&"-voicemail".to_owned()));
    s.ends(caller, 200);
    s.does(Command::RecordingEnded { recording: name, duration_ms: 9_000, bytes: 1, path: "d/voicemail-1/x.wav".into() });
    assert_eq!(s.events(), ["recording.ended"]);
}

#[test]
fn who_is_in_a_hurry_skips_the_greeting() {
    let (mut s, caller) = called();
    s.does(Command::LegDigit { leg: caller, digit: '#', duration_ms: 80 });
    assert_eq!(s.events(), ["leg.digit", "recording.started"]);
}

#[test]
fn without_a_greeting_there_is_the_beep() {
    let (mut s, caller) = called();
    s.does(Command::PromptFailed { leg: caller, reason: "no such file".into() });
    assert_eq!(s.events(), ["recording.started"]);
}

#[test]
fn a_caller_that_hangs_up_has_left_its_message() {
    let (mut s, caller) = speaking();
    s.ends(caller, 200);
    assert_eq!(s.events(), ["leg.ended A 200", "recording.stopped", "call.ended 200"]);
    assert_eq!(s.orders(), ["stop recording"]);
    let (mut s, caller) = called();
    s.ends(caller, 200);
    assert_eq!((s.events(), s.orders().len()), (vec!["leg.ended A 200".to_owned(), "call.ended 200".to_owned()], 0));
}

#[test]
fn a_message_has_an_end() {
    let (mut s, caller) = speaking();
    s.passes(180);
    s.fires(TimerKey::Voicemail(s.call_of(caller)));
    assert_eq!(s.events(), ["leg.releasing A 200", "recording.stopped"]);
    s.fires(TimerKey::Voicemail(s.call_of(caller)));
    assert!(s.events().is_empty());
}

#[test]
fn nobody_talks_into_nothing() {
    let (mut s, caller) = speaking();
    let recording = recording(&s, caller);
    s.does(Command::RecordingFailed { recording, reason: "disk full".into() });
    assert_eq!(s.events(), ["recording.ended", "leg.releasing A 500"]);
    assert_eq!(s.timers()[0], "-voicemail");
}

#[test]
fn a_queue_without_agents_may_lead_to_its_voicemail() {
    let mut s = Stage::centre();
    s.changes_queue(1, |queue| queue.when_no_agent = crate::queue::Overflow::Voicemail);
    let caller = s.offer("a", "700");
    assert_eq!(s.hears(caller), Audio::Sequence { names: vec!["@en/leave_a_message".into()], repeat: false });
    s.does(Command::PromptEnded { leg: caller });
    assert!(s.events().contains(&"recording.started".to_owned()));
}
