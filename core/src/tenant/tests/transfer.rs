use super::*;

fn attended(leg: LegId, other: LegId) -> Command {
    Command::TransferAsked { leg, target: TransferTarget::Leg(other) }
}

#[test]
fn a_blind_transfer_from_request_to_completion() {
    let mut s = Stage::new();
    let (caller, callee) = s.talk("1001", "1002");
    s.transfers(callee, "1003");
    assert_eq!(s.events(), ["transfer.requested B", "legs.parted AB", "call.routed", "leg.dialled C"]);
    assert_eq!(s.orders(), ["notify B 100", "dial C", "A hears Ringback", "B hears silence"]);
    let target = s.dialled();
    s.answers(target);
    assert_eq!(s.events(), ["leg.answered C", "leg.releasing B 200", "legs.bridged AC", "transfer.completed B"]);
    assert_eq!(s.orders(), ["notify B 200", "release B 200", "A hears C", "C hears A"]);
    s.ends(callee, 200);
    s.ends(target, 200);
    s.ends(caller, 200);
    assert_eq!(s.events(), ["leg.ended A 200", "call.ended 200"]);
}

#[test]
fn a_failed_transfer_brings_the_parties_together_again() {
    let mut s = Stage::new();
    let (_, callee) = s.talk("1001", "1002");
    s.does(Command::LegHeld { leg: callee });
    s.transfers(callee, "1003");
    let target = s.dialled();
    s.ends(target, 486);
    assert_eq!(s.events(), ["leg.ended C 486", "transfer.failed B 486", "legs.bridged BA"]);
    assert_eq!(s.orders(), ["notify B 486", "A hears Hold"], "the transferor still holds");
}

#[test]
fn an_impossible_target_fails_the_transfer_at_once() {
    let mut s = Stage::new();
    let (_, callee) = s.talk("a", "95500");
    s.does(Command::RemoveTrunk(trunk_name("a")));
    s.does(Command::RemoveTrunk(trunk_name("b")));
    s.transfers(callee, "0123");
    assert_eq!(s.events(), ["transfer.requested B", "transfer.failed B 404"]);
    assert_eq!(s.orders(), ["notify B 404"]);
}

#[test]
fn a_transfer_goes_on_when_the_transferor_hangs_up() {
    let mut s = Stage::new();
    let (caller, callee) = s.talk("1001", "1002");
    s.transfers(callee, "1003");
    let target = s.dialled();
    s.ends(callee, 200);
    assert_eq!(s.events(), ["leg.ended B 200"]);
    s.answers(target);
    assert_eq!(s.events(), ["leg.answered C", "legs.bridged AC", "transfer.completed B"]);
    assert_eq!(s.hears(caller), Audio::Leg(target));
    s.ends(target, 200);
    assert_eq!(s.events()[1..], ["legs.parted AC", "leg.releasing A 200"]);
}

#[test]
fn a_transferee_without_anybody_left_is_released() {
    let mut s = Stage::new();
    let (caller, callee) = s.talk("1001", "1002");
    s.transfers(callee, "1003");
    let target = s.dialled();
    s.ends(callee, 200);
    s.ends(target, 486);
    assert_eq!(s.events(), ["leg.ended C 486", "transfer.failed B 486", "leg.releasing A 486"]);
    s.ends(caller, 200);
    assert_eq!(s.events(), ["leg.ended A 486", "call.ended 486"]);
}

#[test]
fn a_transferee_that_hangs_up_ends_the_transfer() {
    let mut s = Stage::new();
    let (caller, callee) = s.talk("1001", "1002");
    s.transfers(callee, "1003");
    s.ends(caller, 200);
    assert_eq!(s.events(), ["leg.ended A 200", "transfer.failed B 200", "leg.releasing C 487", "leg.releasing B 200"]);
    assert_eq!(s.orders(), ["notify B 487", "release C 487", "release B 200"]);
}

#[test]
fn a_transfer_to_a_service_is_done_at_once() {
    let mut s = Stage::new();
    let (caller, callee) = s.talk("1001", "1002");
    s.transfers(callee, "602");
    assert_eq!(s.events(), ["transfer.requested B", "legs.parted AB", "call.routed", "leg.releasing B 200", "transfer.completed B"]);
    assert_eq!(s.orders(), ["notify B 200", "release B 200", "A hears prompt welcome"]);
    s.does(Command::PromptEnded { leg: caller });
    assert_eq!(s.events(), ["leg.releasing A 200"]);
}

#[test]
fn an_operators_transfer_needs_no_notice() {
    let mut s = Stage::new();
    let (caller, _) = s.talk("1001", "1002");
    s.does(Command::Transfer { leg: caller, target: TransferTarget::Number("1003".into()) });
    assert_eq!(s.orders(), ["dial C", "A hears silence", "B hears Ringback"]);
    let target = s.dialled();
    s.answers(target);
    assert_eq!(s.orders(), ["release A 200", "B hears C", "C hears B"]);
}

#[test]
fn only_a_phone_may_hand_over_to_the_network() {
    let mut s = Stage::new();
    let (outside, inside) = s.talk("a", "95500");
    s.transfers(outside, "0123");
    assert_eq!(s.orders(), ["notify A 404"]);
    s.transfers(inside, "0123");
    assert_eq!(s.orders()[..2], ["notify B 100", "dial C"]);
}

#[test]
fn a_transfer_tries_the_next_trunk_too() {
    let mut s = Stage::new();
    let (_, callee) = s.talk("1001", "1002");
    s.transfers(callee, "0123");
    let first = s.dialled();
    s.ends(first, 503);
    assert_eq!(s.events(), ["leg.ended C 503", "leg.dialled D"]);
    let second = s.dialled();
    s.answers(second);
    assert_eq!(s.events().last().unwrap(), "transfer.completed B");
}

#[test]
fn who_does_not_talk_with_one_party_cannot_hand_over() {
    let mut s = Stage::new();
    let alone = s.offer("1001", "600");
    s.transfers(alone, "1002");
    assert_eq!((s.events().len(), s.orders()), (0, vec!["notify A 491".to_owned()]));
    let wish = Command::Transfer { leg: alone, target: TransferTarget::Number("1002".into()) };
    assert!(matches!(s.tell(wish), Err(Rejection::WrongState { .. })));
    let (_, callee) = s.talk("1001", "1002");
    s.transfers(callee, "1003");
    s.transfers(callee, "1003");
    assert_eq!((s.events().len(), s.orders()), (0, vec!["notify C 491".to_owned()]), "one at a time");
}

#[test]
fn an_attended_transfer_joins_the_peers_of_both_calls() {
    let mut s = Stage::new();
    let (first, held) = s.talk("1001", "1002");
    s.does(Command::LegHeld { leg: first });
    let (second, consulted) = s.talk("1001", "1003");
    let other = s.call_of(second);
    s.does(attended(first, second));
    assert_eq!(
        s.events(),
        [
            "transfer.requested A",
            "legs.parted AB",
            "legs.parted CD",
            "leg.moved D",
            "leg.releasing A 200",
            "legs.bridged BD",
            "transfer.completed A",
            "leg.releasing C 200"
        ]
    );
    assert_eq!(s.orders(), ["notify A 200", "release A 200", "release C 200", "B hears D", "D hears B"]);
    assert_eq!(s.call_of(consulted), s.call_of(held));
    s.ends(second, 200);
    assert_eq!(s.events(), ["leg.ended C 200", "call.ended 200"]);
    assert!(s.tenant.call(other).is_none());
    s.ends(first, 200);
    s.ends(held, 200);
    assert_eq!(s.events(), ["leg.ended B 200", "legs.parted BD", "leg.releasing D 200"]);
}

#[test]
fn an_attended_transfer_may_come_before_the_answer() {
    let mut s = Stage::new();
    let (first, held) = s.talk("1001", "1002");
    let second = s.offer("1001", "1003");
    let consulted = s.dialled();
    s.rings(consulted);
    s.does(attended(first, second));
    assert_eq!(s.events(), ["transfer.requested A", "legs.parted AB"]);
    assert_eq!(s.orders(), ["notify A 100", "A hears silence", "B hears Ringback"]);
    s.answers(consulted);
    assert_eq!(
        s.events(),
        ["leg.answered D", "leg.moved D", "leg.releasing A 200", "legs.bridged BD", "transfer.completed A", "leg.releasing C 487"]
    );
    assert_eq!(s.hears(held), Audio::Leg(consulted));
    s.ends(second, 487);
    assert_eq!(s.events(), ["leg.ended C 487", "call.ended 200"], "it was handed on");
}

#[test]
fn an_attended_transfer_fails_with_the_call_it_waits_for() {
    let mut s = Stage::new();
    let (first, _) = s.talk("1001", "1002");
    let second = s.offer("1001", "1003");
    let consulted = s.dialled();
    s.does(attended(first, second));
    s.ends(consulted, 486);
    assert_eq!(s.events(), ["leg.ended D 486", "leg.releasing C 486", "transfer.failed A 486", "legs.bridged AB"]);
    assert_eq!(s.orders(), ["release C 486", "notify A 486", "A hears B", "B hears A"]);
}

#[test]
fn a_consultation_that_is_given_up_fails_the_transfer() {
    let mut s = Stage::new();
    let (first, held) = s.talk("1001", "1002");
    let second = s.offer("1001", "1003");
    s.does(attended(first, second));
    s.ends(second, 487);
    assert_eq!(s.events(), ["leg.ended C 487", "leg.releasing D 487", "transfer.failed A 487", "legs.bridged AB"]);
    assert_eq!(s.hears(held), Audio::Leg(first));
}

#[test]
fn a_transferee_that_leaves_gives_the_consultation_back() {
    let mut s = Stage::new();
    let (first, held) = s.talk("1001", "1002");
    let second = s.offer("1001", "1003");
    let consulted = s.dialled();
    s.does(attended(first, second));
    s.ends(held, 200);
    assert_eq!(s.events(), ["leg.ended B 200", "transfer.failed A 200", "leg.releasing A 200"]);
    s.answers(consulted);
    assert_eq!(s.events(), ["leg.answered D", "leg.answered C", "legs.bridged CD"]);
}

#[test]
fn legs_of_different_phones_cannot_be_joined_by_one_of_them() {
    let mut s = Stage::new();
    let (first, _) = s.talk("1001", "1002");
    let (other, _) = s.talk("1003", "0123");
    s.does(attended(first, other));
    assert_eq!((s.events().len(), s.orders()), (0, vec!["notify A 491".to_owned()]));
    s.does(attended(first, LegId(77)));
    assert_eq!(s.orders(), ["notify A 481"]);
    assert_eq!(s.tell(attended(LegId(77), first)), Err(Rejection::NoSuchLeg(LegId(77))));
}
