use super::*;

/// Three talk: 1001, 1002, and 1003 called in.
fn three(s: &mut Stage) -> (LegId, LegId, LegId) {
    let (caller, callee) = s.talk("1001", "1002");
    s.does(Command::AddParty { call: s.call_of(caller), number: "1003".into() });
    let third = s.dialled();
    s.answers(third);
    (caller, callee, third)
}

#[test]
fn a_third_party_is_called_in_and_all_hear_each_other() {
    let mut s = Stage::new();
    let (caller, _) = s.talk("1001", "1002");
    s.does(Command::AddParty { call: s.call_of(caller), number: "1003".into() });
    assert_eq!((s.events(), s.orders()), (vec!["call.routed".into(), "leg.dialled C".to_owned()], vec!["dial C".to_owned()]));
    let third = s.dialled();
    s.answers(third);
    assert_eq!(s.events(), ["leg.answered C", "legs.bridged ABC"]);
    assert_eq!(s.orders(), ["A hears BC", "B hears AC", "C hears AB"]);
}

#[test]
fn three_shrink_to_two_and_two_to_none() {
    let mut s = Stage::new();
    let (caller, callee, third) = three(&mut s);
    s.ends(callee, 200);
    assert_eq!(s.events(), ["leg.ended B 200", "legs.bridged AC"]);
    assert_eq!(s.orders(), ["A hears C", "C hears A"]);
    s.does(Command::ReleaseLeg { leg: third });
    assert_eq!(s.events(), ["leg.releasing C 200", "legs.parted AC", "leg.releasing A 200"]);
    s.ends(third, 200);
    s.ends(caller, 200);
    assert_eq!((s.events(), s.last_cause().by), (vec!["leg.ended A 200".into(), "call.ended 200".to_owned()], Party::Operator));
}

#[test]
fn a_party_that_does_not_come_changes_nothing() {
    let mut s = Stage::new();
    let (caller, callee) = s.talk("1001", "1002");
    s.does(Command::AddParty { call: s.call_of(caller), number: "1003".into() });
    let third = s.dialled();
    s.ends(third, 486);
    assert_eq!((s.events(), s.orders().len()), (vec!["leg.ended C 486".to_owned()], 0));
    s.ends(callee, 200);
    assert_eq!(s.events(), ["leg.ended B 200", "legs.parted AB", "leg.releasing A 200"], "not the old 486");
}

#[test]
fn who_is_left_alone_waits_for_the_party_that_is_called() {
    let mut s = Stage::new();
    let (caller, callee) = s.talk("1001", "1002");
    s.does(Command::AddParty { call: s.call_of(caller), number: "1003".into() });
    let third = s.dialled();
    s.ends(callee, 200);
    assert_eq!(s.events(), ["leg.ended B 200", "legs.parted AB"]);
    s.answers(third);
    assert_eq!(s.events(), ["leg.answered C", "legs.bridged AC"]);
}

#[test]
fn a_party_is_not_called_for_nobody() {
    let mut s = Stage::new();
    let (caller, callee) = s.talk("1001", "1002");
    s.does(Command::AddParty { call: s.call_of(caller), number: "1003".into() });
    s.ends(callee, 200);
    s.ends(caller, 200);
    assert_eq!(s.events(), ["leg.ended A 200", "leg.releasing C 487"]);
}

#[test]
fn a_listener_of_a_service_can_be_joined() {
    let mut s = Stage::new();
    let listener = s.offer("1001", "600");
    s.does(Command::AddParty { call: s.call_of(listener), number: "1003".into() });
    let third = s.dialled();
    s.answers(third);
    assert_eq!(s.orders(), ["A hears B", "B hears A"]);
}

#[test]
fn a_party_of_an_outside_caller_is_called_on_the_phones_account() {
    let mut s = Stage::new();
    let (outside, _) = s.talk("a", "95500");
    s.does(Command::AddParty { call: s.call_of(outside), number: "0123".into() });
    let caller = s.out.effects.iter().find_map(|effect| if let Effect::Dial { caller, .. } = effect { Some(caller.clone()) } else { None });
    assert_eq!(caller.unwrap(), "1002");
}

#[test]
fn what_cannot_be_added_is_refused() {
    let mut s = Stage::new();
    let ringing = s.offer("1001", "1002");
    let add = |s: &Stage, leg, number: &str| Command::AddParty { call: s.call_of(leg), number: number.into() };
    let wish = add(&s, ringing, "1003");
    assert!(matches!(s.tell(wish), Err(Rejection::WrongState { .. })), "nobody is up");
    let (caller, _) = s.talk("1001", "1002");
    let wish = add(&s, caller, "600");
    assert!(matches!(s.tell(wish), Err(Rejection::Invalid { .. })), "a service is no party");
    let wish = add(&s, caller, "1003");
    s.does(wish.clone());
    assert!(matches!(s.tell(wish), Err(Rejection::WrongState { .. })), "one at a time");
    assert_eq!(s.tell(Command::AddParty { call: CallId(9), number: "1003".into() }), Err(Rejection::NoSuchCall(CallId(9))));
}

#[test]
fn two_calls_become_one() {
    let mut s = Stage::new();
    let (one, _) = s.talk("1001", "1002");
    let (two, _) = s.talk("1001", "1003");
    let (call, other) = (s.call_of(one), s.call_of(two));
    s.does(Command::Merge { call, other });
    assert_eq!(s.events(), ["legs.parted CD", "leg.moved C", "leg.moved D", "legs.bridged ABCD", "call.ended 200"]);
    assert_eq!(s.orders(), ["A hears BCD", "B hears ACD", "C hears ABD", "D hears ABC"]);
    assert_eq!((s.tenant.calls().len(), s.tenant.live_calls()), (1, 1));
    assert_eq!(s.tell(Command::Merge { call, other }), Err(Rejection::NoSuchCall(other)));
    assert!(matches!(s.tell(Command::Merge { call, other: call }), Err(Rejection::WrongState { .. })));
}

#[test]
fn who_rings_for_a_merged_call_is_released_with_it() {
    let mut s = Stage::new();
    let (one, _) = s.talk("1001", "1002");
    s.does(Command::Originate { from: user("1003"), to: "0123".into() });
    let originator = s.dialled();
    s.answers(originator);
    let ringing = s.dialled();
    let (call, other) = (s.call_of(one), s.call_of(originator));
    s.does(Command::Merge { call, other });
    assert_eq!(s.events(), ["leg.moved C", "legs.bridged ABC", "leg.releasing D 487"]);
    s.ends(ringing, 487);
    assert_eq!(s.events(), ["leg.ended D 487", "call.ended 200"]);
}

#[test]
fn the_most_parties_are_not_exceeded() {
    let mut s = Stage::new();
    s.does(Command::ChangeTenant(TenantSettings { max_calls: 100, ..TenantSettings::named("Demo") }));
    let (one, _) = s.talk("1001", "1002");
    let call = s.call_of(one);
    for _ in 0..(limits::PARTIES / 2 - 1) {
        let (two, _) = s.talk("1001", "1003");
        s.does(Command::Merge { call, other: s.call_of(two) });
    }
    assert!(matches!(s.tell(Command::AddParty { call, number: "1003".into() }), Err(Rejection::LimitReached { limit: 32, .. })));
}
