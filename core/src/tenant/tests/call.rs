use super::*;

#[test]
fn a_call_from_phone_to_phone_from_beginning_to_end() {
    let mut s = Stage::new();
    let caller = s.offer("1001", "1002");
    assert_eq!(s.events(), ["call.arrived A", "call.routed", "leg.dialled B"]);
    let callee = s.dialled();
    s.rings(callee);
    assert_eq!(s.events(), ["leg.ringing B", "leg.ringing A"]);
    assert_eq!(s.orders(), ["ring A"]);
    s.answers(callee);
    assert_eq!(s.events(), ["leg.answered B", "leg.answered A", "legs.bridged AB"]);
    assert_eq!(s.orders(), ["answer A with B", "A hears B", "B hears A"]);
    assert_eq!(s.timers(), ["-no-answer B"]);
    s.does(Command::LegMediaChanged { leg: caller, dialog: None, media: media() });
    assert_eq!(s.events(), ["leg.media"]);
    s.does(Command::LegDigit { leg: caller, digit: '5', duration_ms: 100 });
    assert_eq!(s.events(), ["leg.digit"]);
    s.ends(caller, 200);
    assert_eq!(s.events(), ["leg.ended A 200", "legs.parted AB", "leg.releasing B 200"]);
    assert_eq!((s.orders(), s.timers()), (vec!["release B 200".to_owned()], vec!["+guard B 40".to_owned()]));
    assert_eq!(s.last_cause().by, Party::Peer);
    s.ends(callee, 200);
    assert_eq!(s.events(), ["leg.ended B 200", "call.ended 200"]);
    assert_eq!((s.timers(), s.last_cause().by), (vec!["-guard B".to_owned()], Party::Remote));
    assert_eq!((s.tenant.calls().len(), s.tenant.legs().len(), s.tenant.live_calls()), (0, 0, 0));
}

#[test]
fn a_leg_ends_once() {
    let mut s = Stage::new();
    let caller = s.offer("1001", "1009x");
    s.ends(caller, 404);
    let again = s.tell(Command::LegEnded { leg: caller, cause: Cause::normal(Party::Remote), stats: None });
    assert_eq!(again, Err(Rejection::NoSuchLeg(caller)));
}

#[test]
fn a_caller_is_told_once_that_it_rings() {
    let mut s = Stage::new();
    s.register("1002", vec![contact("sip:1002@desk")], 9);
    s.offer("1001", "1002");
    let (one, two) = (s.legs[1], s.legs[2]);
    s.rings(one);
    assert_eq!(s.orders(), ["ring A"]);
    s.rings(one);
    assert!(s.out.events.is_empty(), "a repeated 180 is no news");
    s.rings(two);
    assert_eq!((s.events(), s.orders().len()), (vec!["leg.ringing C".to_owned()], 0));
}

#[test]
fn early_audio_reaches_the_caller_when_there_is_one_source() {
    let mut s = Stage::new();
    s.offer("1001", "0123");
    let callee = s.dialled();
    s.does(Command::LegProgressed { leg: callee, status: 183, early_media: true });
    assert_eq!(s.events(), ["leg.ringing B", "leg.ringing A"]);
    assert_eq!(s.orders(), ["early A with B", "A hears B", "B hears A"]);
    s.answers(callee);
    assert_eq!(s.orders(), ["answer A with B"], "they hear each other already");
}

#[test]
fn early_audio_of_one_of_several_phones_only_rings() {
    let mut s = Stage::new();
    s.register("1002", vec![contact("sip:1002@desk")], 9);
    s.offer("1001", "1002");
    s.does(Command::LegProgressed { leg: s.legs[1], status: 183, early_media: true });
    assert_eq!(s.orders(), ["ring A"]);
}

#[test]
fn after_the_early_audio_of_a_failed_trunk_there_is_silence() {
    let mut s = Stage::new();
    s.offer("1001", "0123");
    let first = s.dialled();
    s.does(Command::LegProgressed { leg: first, status: 183, early_media: true });
    s.ends(first, 503);
    assert_eq!(s.orders(), ["dial C", "A hears silence"]);
    let second = s.dialled();
    s.rings(second);
    assert_eq!(s.orders(), ["A hears Ringback"]);
}

#[test]
fn the_first_answer_wins_and_the_others_stop_ringing() {
    let mut s = Stage::new();
    s.register("1002", vec![contact("sip:1002@desk")], 9);
    s.offer("1001", "1002");
    let (loser, winner) = (s.legs[1], s.legs[2]);
    s.answers(winner);
    assert_eq!(s.events(), ["leg.answered C", "leg.releasing B 487", "leg.answered A", "legs.bridged AC"]);
    assert_eq!(s.timers(), ["-no-answer C", "-no-answer B", "+guard B 40"]);
    let elsewhere = s.tenant.leg(loser).unwrap().releasing.clone().unwrap();
    assert_eq!((elsewhere.q850, elsewhere.by), (26, Party::System));
    s.answers(loser);
    assert_eq!((s.out.events.len(), s.orders()), (0, vec!["release B 487".to_owned()]), "its 200 crossed our CANCEL");
    s.ends(loser, 487);
    assert_eq!(s.events(), ["leg.ended B 487"]);
    assert_eq!(s.tenant.call(s.call_of(winner)).unwrap().bridge.len(), 2);
}

#[test]
fn of_several_failures_the_caller_gets_the_best() {
    for (first, second, best) in [(480, 486, 486), (486, 480, 486), (603, 486, 603), (503, 404, 404), (500, 503, 500)] {
        let mut s = Stage::new();
        s.register("1002", vec![contact("sip:1002@desk")], 9);
        s.offer("1001", "1002");
        let (one, two) = (s.legs[1], s.legs[2]);
        s.ends(one, first);
        assert_eq!(s.events(), [format!("leg.ended B {first}")]);
        s.ends(two, second);
        assert_eq!(s.events(), [format!("leg.ended C {second}"), format!("leg.releasing A {best}")]);
    }
}

#[test]
fn a_phone_that_nobody_takes_is_given_up() {
    let mut s = Stage::new();
    let caller = s.offer("1001", "1002");
    let callee = s.dialled();
    s.passes(60);
    s.does(Command::TimerFired(TimerKey::NoAnswer(callee)));
    assert_eq!(s.events(), ["leg.releasing B 480", "leg.releasing A 480"]);
    assert_eq!(s.last_cause().q850, 19);
    s.ends(caller, 480);
    s.ends(callee, 487);
    assert_eq!(s.events(), ["leg.ended B 480", "call.ended 480"]);
    s.does(Command::TimerFired(TimerKey::NoAnswer(callee)));
    assert!(s.out.events.is_empty(), "a timer that comes late is nothing");
}

#[test]
fn a_caller_that_gives_up_stops_the_ringing() {
    let mut s = Stage::new();
    let caller = s.offer("1001", "1002");
    let callee = s.dialled();
    s.ends(caller, 487);
    assert_eq!(s.events(), ["leg.ended A 487", "leg.releasing B 487"]);
    s.answers(callee);
    assert_eq!(s.orders(), ["release B 487"]);
    s.ends(callee, 200);
    assert_eq!(s.events(), ["leg.ended B 487", "call.ended 487"]);
    assert_eq!(s.last_cause().by, Party::Remote);
}

#[test]
fn a_leg_that_never_confirms_its_release_is_taken_for_ended() {
    let mut s = Stage::new();
    let (caller, callee) = s.talk("1001", "1002");
    s.ends(caller, 200);
    s.passes(40);
    s.does(Command::TimerFired(TimerKey::ReleaseGuard(callee)));
    assert_eq!(s.events(), ["leg.ended B 408", "call.ended 200"]);
    assert!(s.tell(Command::LegEnded { leg: callee, cause: Cause::normal(Party::Remote), stats: None }).is_err());
}

#[test]
fn services_answer_at_once() {
    for (called, hears) in [("600", "A hears echo"), ("601", "A hears Sine(440)"), ("602", "A hears prompt welcome")] {
        let mut s = Stage::new();
        s.offer("1001", called);
        assert_eq!(s.events(), ["call.arrived A", "call.routed", "leg.answered A"]);
        assert_eq!(s.orders(), ["answer A", hears]);
    }
}

#[test]
fn a_prompt_ends_the_call_and_an_echo_does_not() {
    let mut s = Stage::new();
    let echo = s.offer("1001", "600");
    s.does(Command::PromptEnded { leg: echo });
    assert!(s.out.events.is_empty());
    let prompt = s.offer("1001", "602");
    s.does(Command::PromptEnded { leg: prompt });
    assert_eq!(s.events(), ["leg.releasing B 200"]);
    s.ends(prompt, 200);
    assert_eq!(s.events(), ["leg.ended B 200", "call.ended 200"]);
}

#[test]
fn one_call_too_many_is_refused_and_refused_calls_do_not_count() {
    let mut s = Stage::new();
    s.does(Command::ChangeTenant(TenantSettings { max_calls: 1, ..TenantSettings::named("Demo") }));
    let first = s.offer("1001", "600");
    for name in ["B", "C"] {
        s.offer("1002", "600");
        assert_eq!(s.events(), [format!("call.arrived {name}"), format!("leg.releasing {name} 503")]);
        assert_eq!((s.last_cause().q850, s.tenant.live_calls()), (42, 1));
    }
    s.ends(first, 200);
    s.offer("1002", "600");
    assert_eq!(s.events().len(), 3);
}

#[test]
fn a_full_trunk_refuses_what_comes_in() {
    let mut s = Stage::new();
    s.does(Command::ChangeTrunk(Trunk { max_calls: 1, ..trunk("a", 1) }));
    s.offer("a", "600");
    s.offer("a", "600");
    assert_eq!((s.events()[1].as_str(), s.last_cause().q850), ("leg.releasing B 503", 34));
}

#[test]
fn a_flood_is_turned_away_without_a_trace() {
    let mut s = Stage::new();
    s.does(Command::ChangeTenant(TenantSettings { max_calls: 0, ..TenantSettings::named("Demo") }));
    for _ in 0..limits::REFUSED_CALLS {
        s.tell(offer(s.tenant.seq())).unwrap();
    }
    let seq = s.tenant.seq();
    assert!(matches!(s.tell(offer(seq)), Err(Rejection::LimitReached { .. })));
    assert_eq!(s.tenant.seq(), seq);
}

fn offer(unique: u64) -> Command {
    let from = Endpoint::Phone(user("1001"));
    let (caller, called) = ("1001".into(), "600".into());
    Command::LegOffered { leg: LegId(unique + (1 << 40)), from, caller, caller_name: None, called, dialog: dialog(1), replaces: None }
}

#[test]
fn the_same_leg_cannot_be_offered_twice() {
    let mut s = Stage::new();
    s.tell(offer(0)).unwrap();
    assert!(matches!(s.tell(offer(0)), Err(Rejection::AlreadyExists { what: "leg", .. })));
}

#[test]
fn an_operator_hangs_up_a_leg_or_a_call() {
    let mut s = Stage::new();
    let (caller, _) = s.talk("1001", "1002");
    s.does(Command::ReleaseLeg { leg: caller });
    assert_eq!(s.events(), ["leg.releasing A 200", "legs.parted AB", "leg.releasing B 200"]);
    let ringing = s.offer("1001", "1003");
    s.does(Command::ReleaseCall { call: s.call_of(ringing) });
    assert_eq!(s.events(), ["leg.releasing C 603", "leg.releasing D 487"]);
    assert_eq!(s.tell(Command::ReleaseCall { call: CallId(9) }), Err(Rejection::NoSuchCall(CallId(9))));
}

#[test]
fn an_originated_call_rings_its_phone_first() {
    let mut s = Stage::new();
    let accepted = s.does(Command::Originate { from: user("1001"), to: "1002".into() });
    assert_eq!(s.events(), ["call.originated", "leg.dialled A"]);
    let first = s.dialled();
    assert_eq!(accepted.call, Some(s.call_of(first)));
    s.answers(first);
    assert_eq!(s.events(), ["leg.answered A", "call.routed", "leg.dialled B"]);
    let second = s.dialled();
    s.rings(second);
    assert_eq!(s.orders(), ["A hears Ringback"]);
    s.answers(second);
    assert_eq!(s.events(), ["leg.answered B", "legs.bridged AB"]);
    assert_eq!(s.orders(), ["A hears B", "B hears A"]);
}

#[test]
fn an_originated_call_ends_with_the_reason_of_its_failure() {
    let mut s = Stage::new();
    s.does(Command::Originate { from: user("1001"), to: "1002".into() });
    let first = s.dialled();
    s.ends(first, 486);
    assert_eq!(s.events(), ["leg.ended A 486", "call.ended 486"]);
    s.does(Command::Originate { from: user("1001"), to: "1002".into() });
    let first = s.dialled();
    s.answers(first);
    let second = s.dialled();
    s.ends(second, 603);
    assert_eq!(s.events(), ["leg.ended C 603", "leg.releasing B 603"]);
}

#[test]
fn an_originated_call_may_lead_to_a_service_or_nowhere() {
    let mut s = Stage::new();
    s.register("1001", vec![contact("sip:1001@desk")], 9);
    s.does(Command::Originate { from: user("1001"), to: "600".into() });
    let winner = s.dialled();
    s.answers(winner);
    assert_eq!(s.events(), ["leg.answered B", "leg.releasing A 487", "call.routed"]);
    assert_eq!(s.hears(winner), Audio::Echo);
    s.does(Command::ChangePhone(Phone { max_contacts: 1, ..phone("1003") }));
    s.does(Command::Originate { from: user("1003"), to: "nobody-x*".into() });
    s.does(Command::RemoveTrunk(trunk_name("a")));
    s.does(Command::RemoveTrunk(trunk_name("b")));
    let leg = s.legs[2];
    s.answers(leg);
    assert_eq!(s.events(), ["leg.answered C", "leg.releasing C 404"]);
}

#[test]
fn what_cannot_be_originated_is_refused() {
    let mut s = Stage::new();
    let from = |name: &str, to: &str| Command::Originate { from: user(name), to: to.into() };
    assert!(matches!(s.tell(from("1009", "1002")), Err(Rejection::NotFound { .. })));
    assert!(matches!(s.tell(from("1001", "no number")), Err(Rejection::Invalid { .. })));
    s.does(Command::ConnectionLost { user: user("1001"), flow: flow(1001) });
    assert!(matches!(s.tell(from("1001", "1002")), Err(Rejection::WrongState { .. })));
}

#[test]
fn an_impossible_digit_is_refused() {
    let mut s = Stage::new();
    let leg = s.offer("1001", "600");
    assert!(matches!(s.tell(Command::LegDigit { leg, digit: 'x', duration_ms: 1 }), Err(Rejection::Invalid { .. })));
}
