use super::*;

#[test]
fn a_new_leg_takes_the_place_of_one_that_talks() {
    let mut s = Stage::new();
    let (caller, callee) = s.talk("1001", "1002");
    let new = s.offer_replacing("1003", "1002", Some(callee));
    assert_eq!(
        s.events(),
        ["call.arrived C", "call.routed", "leg.answered C", "leg.moved C", "leg.releasing B 200", "legs.bridged AC", "call.ended 200"]
    );
    assert_eq!(s.orders(), ["answer C with A", "release B 200", "A hears C", "C hears A"]);
    assert_eq!(s.call_of(new), s.call_of(caller));
    s.ends(caller, 200);
    assert_eq!(s.events(), ["leg.ended A 200", "legs.parted AC", "leg.releasing C 200"]);
}

#[test]
fn a_ringing_call_is_picked_up() {
    let mut s = Stage::new();
    let caller = s.offer("1001", "1002");
    let ringing = s.dialled();
    s.offer_replacing("1003", "1002", Some(ringing));
    assert_eq!(
        s.events(),
        [
            "call.arrived C",
            "call.routed",
            "leg.answered C",
            "leg.moved C",
            "leg.releasing B 487",
            "leg.answered A",
            "legs.bridged AC",
            "call.ended 200"
        ]
    );
    assert_eq!(s.orders(), ["answer C with A", "release B 487", "answer A with C", "A hears C", "C hears A"]);
    s.ends(ringing, 487);
    assert_eq!(s.events(), ["leg.ended B 487"]);
    assert!(s.tenant.leg(caller).unwrap().is_up());
}

#[test]
fn what_cannot_be_replaced_is_refused() {
    let mut s = Stage::new();
    s.offer_replacing("1003", "1002", Some(LegId(5)));
    assert_eq!(s.events(), ["call.arrived A", "leg.releasing A 481"]);
    let caller = s.offer("1001", "1002");
    s.offer_replacing("1003", "1002", Some(caller));
    assert_eq!(s.events(), ["call.arrived D", "leg.releasing D 481"], "an early dialog that the peer began (RFC 3891 §3)");
    s.does(Command::ReleaseLeg { leg: caller });
    s.offer_replacing("1003", "1002", Some(caller));
    assert_eq!(s.events(), ["call.arrived E", "leg.releasing E 603"], "one that is over");
}

#[test]
fn a_trunk_may_replace_only_its_own() {
    let mut s = Stage::new();
    let (outside, inside) = s.talk("a", "95500");
    s.offer_replacing("b", "95500", Some(outside));
    assert_eq!(s.events()[1], "leg.releasing C 481");
    s.offer_replacing("a", "95500", Some(inside));
    assert_eq!(s.events()[1], "leg.releasing D 481");
    s.offer_replacing("a", "95500", Some(outside));
    assert_eq!(s.events()[5], "legs.bridged EB");
}
