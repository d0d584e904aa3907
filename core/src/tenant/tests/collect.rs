use super::*;
use crate::command::CollectRules;

fn rules() -> CollectRules {
    CollectRules { max: 3, terminator: Some('#'), first_ms: 5_000, next_ms: 2_000, interrupt: true }
}

fn wish(leg: LegId, prompts: &[&str], rules: CollectRules) -> Command {
    Command::Collect { leg, prompts: prompts.iter().map(|name| (*name).into()).collect(), rules }
}

#[track_caller]
fn presses(s: &mut Stage, leg: LegId, digit: char) {
    s.does(Command::LegDigit { leg, digit, duration_ms: 80 });
}

/// Digits and whether it timed out, if the last command ended a collection.
fn collected(s: &Stage) -> Option<(String, bool)> {
    s.out.events.iter().find_map(|envelope| match &envelope.event {
        Event::Call(_, CallEvent::Collected(it)) => Some((it.digits.to_string(), it.timed_out)),
        _ => None,
    })
}

fn asked(prompts: &[&str], rules: CollectRules) -> (Stage, LegId) {
    let mut s = Stage::new();
    let leg = s.offer("1001", "600");
    s.does(wish(leg, prompts, rules));
    (s, leg)
}

#[test]
fn prompts_then_keys_until_the_terminator() {
    let (mut s, leg) = asked(&["enter", "number"], rules());
    assert_eq!(s.events(), ["call.collecting"]);
    assert_eq!((s.orders(), s.timers()), (vec!["A hears sequence enter number".to_owned()], vec![]));
    s.does(Command::PromptEnded { leg });
    assert_eq!((s.events(), s.orders()), (vec!["call.announced".to_owned()], vec!["A hears silence".to_owned()]));
    assert_eq!(s.timers(), ["+collect A 5"]);
    presses(&mut s, leg, '4');
    assert_eq!((s.events(), s.timers()), (vec!["leg.digit".to_owned()], vec!["+collect A 2".to_owned()]));
    presses(&mut s, leg, '2');
    presses(&mut s, leg, '#');
    assert_eq!(s.events(), ["leg.digit", "call.collected"]);
    assert_eq!(collected(&s), Some(("42".into(), false)));
    assert_eq!((s.timers(), s.orders()), (vec!["-collect A".to_owned()], vec!["A hears echo".to_owned()]));
}

#[test]
fn the_last_key_that_fits_ends_it() {
    let (mut s, leg) = asked(&[], CollectRules { max: 2, terminator: None, ..rules() });
    assert_eq!(s.timers(), ["+collect A 5"]);
    presses(&mut s, leg, '1');
    presses(&mut s, leg, '#');
    assert_eq!(collected(&s), Some(("1#".into(), false)));
    assert_eq!(s.timers(), ["-collect A"]);
}

#[test]
fn a_key_interrupts_the_prompts_and_counts() {
    let (mut s, leg) = asked(&["menu"], CollectRules { max: 1, ..rules() });
    presses(&mut s, leg, '7');
    assert_eq!(collected(&s), Some(("7".into(), false)));
    assert!(s.timers().is_empty(), "none was set");
    assert_eq!(s.orders(), ["A hears echo"]);
}

#[test]
fn keys_during_prompts_that_must_be_heard_are_lost() {
    let (mut s, leg) = asked(&["law"], CollectRules { interrupt: false, ..rules() });
    presses(&mut s, leg, '7');
    assert!(s.orders().is_empty() && s.timers().is_empty());
    s.does(Command::PromptEnded { leg });
    presses(&mut s, leg, '8');
    presses(&mut s, leg, '#');
    assert_eq!(collected(&s), Some(("8".into(), false)));
}

#[test]
fn a_prompt_that_cannot_be_played_is_not_waited_for() {
    let (mut s, leg) = asked(&["missing"], rules());
    s.does(Command::PromptFailed { leg, reason: "no such file".into() });
    assert_eq!((s.events(), s.timers()), (vec!["call.announced".to_owned()], vec!["+collect A 5".to_owned()]));
}

#[test]
fn time_ends_it_with_what_there_is() {
    let (mut s, leg) = asked(&[], rules());
    presses(&mut s, leg, '9');
    s.passes(2);
    s.does(Command::TimerFired(TimerKey::Collect(leg)));
    assert_eq!(collected(&s), Some(("9".into(), true)));
    s.does(Command::TimerFired(TimerKey::Collect(leg)));
    assert!(s.out.events.is_empty(), "once");
}

#[test]
fn a_caller_that_hangs_up_ends_it() {
    let (mut s, leg) = asked(&[], rules());
    presses(&mut s, leg, '9');
    s.ends(leg, 200);
    assert_eq!(s.events(), ["leg.ended A 200", "call.collected", "call.ended 200"]);
    assert_eq!(s.timers(), ["-collect A"]);
    let (mut s, leg) = asked(&["menu"], rules());
    s.ends(leg, 200);
    assert_eq!(collected(&s), Some((String::new(), false)));
    assert!(s.timers().is_empty(), "prompts played: no timer ran");
}

#[test]
fn a_leg_that_is_brought_into_a_talk_is_asked_no_more() {
    let (mut s, leg) = asked(&[], rules());
    let (caller, _) = s.talk("1002", "1003");
    s.does(Command::Merge { call: s.call_of(caller), other: s.call_of(leg) });
    assert_eq!(collected(&s), Some((String::new(), false)));
    assert!(matches!(s.hears(leg), Audio::Mix(_)));
}

#[test]
fn what_cannot_be_collected_is_refused() {
    let mut s = Stage::new();
    let (talking, _) = s.talk("1001", "1002");
    assert!(matches!(s.tell(wish(talking, &[], rules())), Err(Rejection::WrongState { .. })));
    assert_eq!(s.tell(wish(LegId(77), &[], rules())), Err(Rejection::NoSuchLeg(LegId(77))));
    let (mut s, leg) = asked(&[], rules());
    assert!(matches!(s.tell(wish(leg, &[], rules())), Err(Rejection::WrongState { .. })), "one at a time");
    let mut s = Stage::new();
    let leg = s.offer("1001", "600");
    let wrong = [
        CollectRules { max: 0, ..rules() },
        CollectRules { max: 65, ..rules() },
        CollectRules { terminator: Some('x'), ..rules() },
        CollectRules { first_ms: 99, ..rules() },
        CollectRules { next_ms: 120_001, ..rules() },
    ];
    for rules in wrong {
        assert!(matches!(s.tell(wish(leg, &[], rules)), Err(Rejection::Invalid { .. })), "{rules:?}");
    }
    for name in ["", "../etc/passwd", "/etc/passwd", "a\nb"] {
        assert!(matches!(s.tell(wish(leg, &[name], rules())), Err(Rejection::Invalid { field: "prompt", .. })), "{name:?}");
    }
    assert!(matches!(s.tell(wish(leg, &["p"; 33], rules())), Err(Rejection::Invalid { field: "prompts", .. })));
}
