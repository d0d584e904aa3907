use super::*;
use crate::config::TrunkState;
use crate::event::Route;

fn route(s: &Stage) -> Route {
    let routed =
        |envelope: &Envelope| if let Event::Call(_, CallEvent::Routed(it)) = &envelope.event { Some(it.route.clone()) } else { None };
    s.out.events.iter().find_map(routed).expect("no route")
}

fn trunks(s: &Stage) -> Vec<String> {
    let Route::Trunks(names) = route(s) else { panic!("{:?}", route(s)) };
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn an_access_number_comes_before_a_phone_of_that_name() {
    let mut s = Stage::new();
    s.does(Command::AddNumber(number("1003", Destination::Echo)));
    s.offer("1001", "1003");
    assert_eq!(route(&s), Route::Number(Destination::Echo));
}

#[test]
fn an_access_number_may_lead_to_a_phone_also_from_a_trunk() {
    let mut s = Stage::new();
    s.offer("a", "95500");
    assert_eq!(s.events(), ["call.arrived A", "call.routed", "leg.dialled B"]);
    assert_eq!(s.tenant.leg(s.dialled()).unwrap().endpoint, Endpoint::Phone(user("1002")));
}

#[test]
fn all_contacts_of_a_phone_are_called_at_once() {
    let mut s = Stage::new();
    s.register("1002", vec![contact("sip:1002@desk")], 9);
    s.offer("1001", "1002");
    assert_eq!(s.events(), ["call.arrived A", "call.routed", "leg.dialled B", "leg.dialled C"]);
    assert_eq!(s.orders(), ["dial B", "dial C"]);
    assert_eq!(s.timers(), ["+no-answer B 60", "+no-answer C 60"]);
}

#[test]
fn a_phone_without_a_contact_is_unavailable() {
    let mut s = Stage::new();
    s.passes(3600);
    s.offer("1001", "1002");
    assert_eq!(s.events(), ["call.arrived A", "leg.releasing A 480"]);
}

#[test]
fn a_phone_that_calls_itself_rings_only_elsewhere() {
    let mut s = Stage::new();
    s.offer("1001", "1001");
    assert_eq!(s.events(), ["call.arrived A", "leg.releasing A 480"]);
    s.register("1001", vec![contact("sip:1001@desk")], 9);
    s.offer("1001", "1001");
    assert_eq!(s.orders(), ["dial C"]);
}

#[test]
fn two_phones_behind_one_address_can_call_each_other() {
    let mut s = Stage::new();
    s.register("1002", vec![contact("sip:1002@phone")], 1001);
    s.offer("1001", "1002");
    assert_eq!(s.orders(), ["dial B"]);
}

#[test]
fn a_stranger_never_gets_from_trunk_to_trunk() {
    let mut s = Stage::new();
    s.offer("a", "0123");
    assert_eq!(s.events(), ["call.arrived A", "leg.releasing A 404"]);
    assert_eq!(s.orders(), ["release A 404"]);
}

#[test]
fn trunks_are_tried_by_prefix_then_state_then_priority_then_name() {
    let mut s = Stage::new();
    s.does(Command::AddTrunk(Trunk { prefixes: vec!["00".into(), "0044".into()], ..trunk("long", 9) }));
    s.does(Command::AddTrunk(Trunk { prefixes: vec!["00".into()], ..trunk("short", 0) }));
    s.does(Command::AddTrunk(trunk("aa", 1)));
    s.does(Command::AddTrunk(Trunk { prefixes: vec!["0049".into()], ..trunk("other", 0) }));
    s.offer("1001", "00441");
    assert_eq!(trunks(&s), ["long", "short", "a", "aa", "b"]);
    s.does(Command::TrunkSeen { name: trunk_name("a"), state: TrunkState::Down, reason: "".into() });
    s.offer("1001", "00441");
    assert_eq!(trunks(&s), ["long", "short", "aa", "b", "a"]);
}

#[test]
fn a_full_trunk_is_passed_over_and_when_all_are_full_the_caller_is_told() {
    let mut s = Stage::new();
    s.does(Command::ChangeTrunk(Trunk { max_calls: 1, ..trunk("a", 1) }));
    s.does(Command::ChangeTrunk(Trunk { max_calls: 1, ..trunk("b", 2) }));
    s.offer("1001", "0123");
    let first = s.dialled();
    s.offer("1001", "0123");
    assert_eq!(trunks(&s), ["b"]);
    s.offer("1001", "0123");
    assert_eq!(s.events(), ["call.arrived E", "leg.releasing E 503"]);
    assert_eq!(s.last_cause().q850, 34);
    s.ends(first, 486);
    s.offer("1001", "0123");
    assert_eq!(trunks(&s), ["a"]);
}

#[test]
fn without_a_trunk_a_number_does_not_exist() {
    let mut s = Stage::empty();
    s.does(Command::AddPhone(phone("1001")));
    s.offer("1001", "0123");
    assert_eq!(s.events(), ["call.arrived A", "leg.releasing A 404"]);
    s.offer("1001", "what is this?");
    assert_eq!(s.events(), ["call.arrived B", "leg.releasing B 404"]);
}

#[test]
fn the_next_trunk_is_tried_when_one_is_in_trouble() {
    let mut s = Stage::new();
    s.offer("1001", "0123");
    let first = s.dialled();
    s.ends(first, 503);
    assert_eq!(s.events(), ["leg.ended B 503", "leg.dialled C"]);
    assert_eq!(s.timers(), ["-no-answer B", "+no-answer C 60"]);
    let second = s.dialled();
    assert_eq!(s.tenant.leg(second).unwrap().endpoint, Endpoint::Trunk(trunk_name("b")));
    s.ends(second, 408);
    assert_eq!(s.events(), ["leg.ended C 408", "leg.releasing A 408"], "of both, the lower class");
}

#[test]
fn a_refusal_by_the_called_party_is_final() {
    for status in [486, 404, 603] {
        let mut s = Stage::new();
        s.offer("1001", "0123");
        let first = s.dialled();
        s.ends(first, status);
        assert_eq!(s.events(), ["leg.ended B ".to_owned() + &status.to_string(), format!("leg.releasing A {status}")]);
    }
}

#[test]
fn a_trunk_that_is_gone_is_not_tried() {
    let mut s = Stage::new();
    s.offer("1001", "0123");
    let first = s.dialled();
    s.does(Command::RemoveTrunk(trunk_name("b")));
    s.ends(first, 500);
    assert_eq!(s.events(), ["leg.ended B 500", "leg.releasing A 500"]);
}

#[test]
fn a_challenge_of_a_trunk_is_not_passed_on() {
    let mut s = Stage::new();
    s.offer("1001", "0123");
    let first = s.dialled();
    s.ends(first, 401);
    assert_eq!(s.events(), ["leg.ended B 401", "leg.releasing A 403"]);
}

#[test]
fn the_called_party_sees_the_caller_or_the_trunks_number() {
    let mut s = Stage::new();
    s.does(Command::ChangePhone(Phone { display_name: Some("Ann".into()), ..phone("1001") }));
    s.does(Command::ChangeTrunk(Trunk { caller_number: Some(Number::new("+4930").unwrap()), ..trunk("a", 1) }));
    let shown = |s: &Stage| match s.out.effects.iter().find(|effect| matches!(effect, Effect::Dial { .. })) {
        Some(Effect::Dial { caller, caller_name, .. }) => (caller.to_string(), caller_name.as_ref().map(ToString::to_string)),
        _ => panic!("nobody was dialled"),
    };
    s.offer("1001", "1002");
    assert_eq!(shown(&s), ("1001".into(), Some("Ann".into())));
    s.offer("1001", "0123");
    assert_eq!(shown(&s), ("+4930".into(), None));
}
