use super::*;

#[test]
fn the_peer_of_a_holding_phone_hears_a_tone() {
    let mut s = Stage::new();
    let (caller, _) = s.talk("1001", "1002");
    s.does(Command::LegHeld { leg: caller });
    assert_eq!(s.events(), ["leg.held A"]);
    assert_eq!(s.orders(), ["A hears silence", "B hears Hold"]);
    s.does(Command::LegHeld { leg: caller });
    assert!(s.out.events.is_empty() && s.out.effects.is_empty());
    s.does(Command::LegResumed { leg: caller });
    assert_eq!(s.orders(), ["A hears B", "B hears A"]);
}

#[test]
fn both_may_hold_and_each_lets_go_alone() {
    let mut s = Stage::new();
    let (caller, callee) = s.talk("1001", "1002");
    s.does(Command::LegHeld { leg: caller });
    s.does(Command::LegHeld { leg: callee });
    assert_eq!((s.hears(caller), s.hears(callee)), (Audio::Silence, Audio::Silence));
    s.does(Command::LegResumed { leg: caller });
    assert_eq!(s.orders(), ["A hears Hold"]);
    s.does(Command::LegResumed { leg: callee });
    assert_eq!(s.orders(), ["A hears B", "B hears A"]);
}

#[test]
fn phone_and_operator_hold_apart() {
    let mut s = Stage::new();
    let (caller, _) = s.talk("1001", "1002");
    s.does(Command::LegHeld { leg: caller });
    s.does(Command::Hold { leg: caller });
    assert_eq!((s.events(), s.orders().len()), (vec!["leg.held A".to_owned()], 0));
    s.does(Command::LegResumed { leg: caller });
    assert_eq!(s.hears(caller), Audio::Silence, "the operator still holds");
    s.does(Command::Resume { leg: caller });
    assert_eq!(s.orders(), ["A hears B", "B hears A"]);
}

#[test]
fn an_operator_cannot_hold_what_is_not_up() {
    let mut s = Stage::new();
    let caller = s.offer("1001", "1002");
    assert!(matches!(s.tell(Command::Hold { leg: caller }), Err(Rejection::WrongState { .. })));
    assert_eq!(s.tell(Command::Hold { leg: LegId(1) }), Err(Rejection::NoSuchLeg(LegId(1))));
}

#[test]
fn the_others_go_on_when_one_of_three_holds() {
    let mut s = Stage::new();
    let (caller, _) = s.talk("1001", "1002");
    s.does(Command::AddParty { call: s.call_of(caller), number: "1003".into() });
    let third = s.dialled();
    s.answers(third);
    s.does(Command::LegHeld { leg: caller });
    assert_eq!(s.orders(), ["A hears silence", "B hears C", "C hears B"]);
    s.does(Command::LegResumed { leg: caller });
    assert_eq!(s.orders(), ["A hears BC", "B hears AC", "C hears AB"]);
}
