use super::*;

fn blind(s: &mut Stage, to: Reach) {
    s.hands(101, to, HandoverMode::Blind);
}

#[test]
fn blind_to_an_agent_releases_at_once() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, _) = s.at_desk();
    blind(&mut s, agent(102));
    let story = s.story();
    assert_eq!(story[..4], ["handover 101 blind", "offered 102 as handler", "leg.dialled C", "left 101 transferred"]);
    assert_eq!(s.hears(customer), Audio::Tone(Tone::Ringback));
    let target = s.dialled();
    s.ends(device, 200);
    s.takes(102, target);
    assert_eq!(s.story()[..2], ["joined 102", "legs.bridged AC"]);
    assert!(s.story().contains(&"handed over 101".into()));
    s.talk_together(customer, target);
    s.ends(customer, 200);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn blind_without_an_answer_goes_back_to_the_queue_it_came_from() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, _, _) = s.at_desk();
    s.wish(101, AgentWish::NotReady { reason: 0 });
    blind(&mut s, agent(102));
    let target = s.dialled();
    s.ends(target, 480);
    let story = s.story();
    assert!(story.contains(&"not handed over 101 20".into()) && story.contains(&"queued 1".into()), "{story:?}");
    s.hears_music(customer);
    s.ends(customer, 200);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn on_success_the_agent_talks_until_the_colleague_takes_the_call() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, _) = s.at_desk();
    s.hands(101, agent(102), HandoverMode::Success);
    assert_eq!(s.story(), ["handover 101 success", "offered 102 as handler", "leg.dialled C"]);
    s.talk_together(customer, device);
    let target = s.dialled();
    s.takes(102, target);
    let story = s.story();
    let place = |told: &str| story.iter().position(|it| it == told).unwrap_or_else(|| panic!("no {told}: {story:?}"));
    assert!(place("joined 102") < place("handed over 101") && place("handed over 101") < place("left 101 transferred"));
    s.talk_together(customer, target);
    s.ends(device, 200);
    s.wish(102, AgentWish::Release);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn on_failure_the_agent_keeps_the_customer() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, _) = s.at_desk();
    s.hands(101, agent(102), HandoverMode::Success);
    let target = s.dialled();
    s.ends(target, 480);
    assert!(s.story().contains(&"not handed over 101 20".into()), "{:?}", s.story());
    s.talk_together(customer, device);
    s.hands(101, outside("0123"), HandoverMode::Success);
    let target = s.dialled();
    s.ends(target, 486);
    assert_eq!(s.story(), ["leg.ended D 486", "not handed over 101 17"]);
    s.talk_together(customer, device);
}

#[test]
fn an_agent_that_hangs_up_meanwhile_leaves_the_handover_under_way() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, _) = s.at_desk();
    s.hands(101, agent(102), HandoverMode::Success);
    let target = s.dialled();
    s.ends(device, 200);
    assert!(s.tenant.leg(customer).unwrap().is_live(), "{:?}", s.story());
    s.takes(102, target);
    s.talk_together(customer, target);
    s.ends(target, 200);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn a_customer_that_hangs_up_meanwhile_ends_the_handover() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, _, _) = s.at_desk();
    s.hands(101, agent(102), HandoverMode::Success);
    let target = s.dialled();
    s.ends(customer, 200);
    s.ends(target, 487);
    s.confirm_releases();
    s.all_over();
    assert!(s.tenant.session(work(102)).unwrap().is_available());
}

#[test]
fn to_a_queue_blind_and_on_success() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, _) = s.at_desk();
    s.hands(101, Reach::Queue(queue_id()), HandoverMode::Success);
    assert_eq!(s.story(), ["handover 101 success", "queued 1", "offered 102 as handler", "leg.dialled C"]);
    s.talk_together(customer, device);
    let target = s.dialled();
    s.takes(102, target);
    s.talk_together(customer, target);
    s.ends(device, 200);
    s.hands(102, Reach::Queue(queue_id()), HandoverMode::Blind);
    let story = s.story();
    assert_eq!(story[..4], ["handover 102 blind", "queued 1", "handed over 102", "left 102 transferred"]);
    let back = s.dialled();
    s.takes(101, back);
    s.talk_together(customer, back);
}

#[test]
fn to_an_outside_number_blind_and_on_success() {
    let mut s = Stage::office(&[101]);
    let (customer, device, _) = s.at_desk();
    s.hands(101, outside("0123"), HandoverMode::Success);
    let target = s.dialled();
    s.talk_together(customer, device);
    s.answers(target);
    s.talk_together(customer, target);
    s.ends(device, 200);
    s.ends(target, 200);
    s.confirm_releases();
    s.all_over();

    let (customer, _, _) = s.at_desk();
    blind(&mut s, outside("0123"));
    let target = s.dialled();
    s.rings(target);
    assert_eq!(s.hears(customer), Audio::Tone(Tone::Ringback));
    s.answers(target);
    s.talk_together(customer, target);
    s.ends(customer, 200);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn the_number_shown_to_an_outside_target_must_be_ones_own() {
    let mut s = Stage::office(&[101]);
    s.at_desk();
    let showing = |number: &str| AgentWish::HandOver {
        to: outside("0123"),
        mode: HandoverMode::Success,
        caller: Some(Number::new(number).unwrap()),
        data: None,
    };
    assert!(matches!(s.refusal(101, showing("0999")), AgentRefusal::Invalid { field: "caller", .. }));
    s.wish(101, showing("95588"));
    let dial = s.out.effects.iter().find_map(|effect| if let Effect::Dial { caller, .. } = effect { Some(caller.clone()) } else { None });
    assert_eq!(dial.unwrap(), "95588");
}

#[test]
fn to_access_numbers_of_every_kind() {
    let mut s = Stage::office(&[101, 102]);
    s.does(Command::AddNumber(number("610", Destination::Agent(work(102)))));
    let (customer, _, _) = s.at_desk();
    blind(&mut s, outside("610"));
    let target = s.dialled();
    s.takes(102, target);
    s.talk_together(customer, target);
    s.hands(102, outside("602"), HandoverMode::Blind);
    assert_eq!(s.story()[..4], ["handover 102 blind", "call.routed", "handed over 102", "left 102 transferred"]);
    assert_eq!(s.hears(customer), Audio::Prompt { name: "welcome".into(), repeat: false });
    s.does(Command::PromptEnded { leg: customer });
    s.confirm_releases();
    s.all_over();
}

#[test]
fn talking_first_and_then_leaving_completes_it() {
    let mut s = Stage::office(&[101]);
    let (customer, device, _) = s.at_desk();
    s.hands(101, outside("0123"), HandoverMode::Talk);
    s.hears_music(customer);
    let target = s.dialled();
    s.answers(target);
    s.talk_together(device, target);
    assert!(matches!(s.refusal(101, AgentWish::CancelHandOver), AgentRefusal::WrongCallState { .. }));
    s.wish(101, AgentWish::Release);
    assert!(s.story().contains(&"handed over 101".into()), "{:?}", s.story());
    s.talk_together(customer, target);
    s.ends(device, 200);
    s.ends(customer, 200);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn talking_first_with_a_target_that_leaves_fails_it() {
    let mut s = Stage::office(&[101]);
    let (customer, device, _) = s.at_desk();
    s.hands(101, outside("0123"), HandoverMode::Talk);
    let target = s.dialled();
    s.answers(target);
    s.ends(target, 200);
    assert!(s.story().iter().any(|told| told.starts_with("not handed over 101")), "{:?}", s.story());
    s.talk_together(customer, device);
}

#[test]
fn three_talk_then_the_agent_leaves() {
    let mut s = Stage::office(&[101]);
    let (customer, device, _) = s.at_desk();
    s.hands(101, outside("0123"), HandoverMode::ThreeParty);
    s.talk_together(customer, device);
    let target = s.dialled();
    s.answers(target);
    assert_eq!(s.story()[1..], ["legs.bridged ABC", "conferenced 101 a+101+0123", "handed over 101"]);
    assert_eq!(s.hears(target), Audio::Mix(vec![customer, device]));
    s.wish(101, AgentWish::Release);
    s.talk_together(customer, target);
    s.ends(target, 200);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn a_third_party_that_does_not_answer_disturbs_nobody() {
    let mut s = Stage::office(&[101]);
    let (customer, device, _) = s.at_desk();
    s.hands(101, outside("0123"), HandoverMode::ThreeParty);
    let target = s.dialled();
    s.ends(target, 486);
    assert_eq!(s.story(), ["leg.ended C 486", "not handed over 101 17"]);
    s.talk_together(customer, device);
}

#[test]
fn a_suspended_call_comes_back_from_the_service() {
    let mut s = Stage::office(&[101]);
    let (customer, device, _) = s.at_desk();
    s.hands(101, outside("602"), HandoverMode::Suspend);
    assert_eq!(s.story(), ["handover 101 suspend", "held 101", "legs.parted AB", "call.routed"]);
    assert_eq!(s.hears(customer), Audio::Prompt { name: "welcome".into(), repeat: false });
    assert_eq!(s.hears(device), Audio::Silence);
    s.does(Command::PromptEnded { leg: customer });
    assert_eq!(s.story(), ["handed over 101", "retrieved 101", "legs.bridged AB"]);
    s.talk_together(customer, device);
    s.hands(101, outside("600"), HandoverMode::Suspend);
    assert_eq!(s.hears(customer), Audio::Echo);
    s.wish(101, AgentWish::CancelHandOver);
    s.talk_together(customer, device);
    s.hands(101, outside("600"), HandoverMode::Suspend);
    s.wish(101, AgentWish::Retrieve { call: None });
    s.talk_together(customer, device);
    assert!(matches!(
        s.refusal(101, AgentWish::HandOver { to: outside("0123"), mode: HandoverMode::Suspend, caller: None, data: None }),
        AgentRefusal::WrongCallState { .. }
    ));
}

#[test]
fn an_agent_that_leaves_a_suspended_call_leaves_the_customer_to_the_service() {
    let mut s = Stage::office(&[101]);
    let (customer, device, _) = s.at_desk();
    s.hands(101, outside("602"), HandoverMode::Suspend);
    s.wish(101, AgentWish::Release);
    s.ends(device, 200);
    assert_eq!(s.hears(customer), Audio::Prompt { name: "welcome".into(), repeat: false });
    s.does(Command::PromptEnded { leg: customer });
    s.confirm_releases();
    s.all_over();
}

#[test]
fn a_private_queue_waits_for_one_agent() {
    let mut s = Stage::office(&[101, 102, 103]);
    let (customer, _, _) = s.at_desk();
    let second = s.offer("a", "95588");
    let busy = s.dialled();
    s.takes(102, busy);
    s.hands(101, agent(102), HandoverMode::Private);
    s.confirm_releases();
    s.hears_music(customer);
    assert!(s.tenant.session(work(103)).unwrap().is_available(), "it is not for 103");
    s.passes(100);
    let queue = queue_id();
    let call = s.call_of(customer);
    s.tell(Command::TimerFired(TimerKey::Waiting(call, queue))).unwrap();
    s.hears_music(customer);
    s.ends(second, 200);
    assert!(s.story().contains(&"offered 102 as handler".into()), "{:?}", s.story());
}

#[test]
fn a_handover_is_taken_back() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, call) = s.at_desk();
    for to in [agent(102), outside("0123"), Reach::Queue(queue_id())] {
        s.hands(101, to, HandoverMode::Success);
        s.wish(101, AgentWish::CancelHandOver);
        assert!(s.story().iter().any(|told| told.starts_with("not handed over 101 16")), "{:?}", s.story());
        s.confirm_releases();
        s.talk_together(customer, device);
        let call = s.tenant.call(call).unwrap();
        assert!(call.waiting.is_none() && call.handover.is_none() && call.parts.len() == 1);
    }
}

#[test]
fn what_stands_against_handing_over() {
    let mut s = Stage::office(&[101, 102]);
    let hand = |to: Reach, mode| AgentWish::HandOver { to, mode, caller: None, data: None };
    assert_eq!(s.refusal(101, hand(agent(102), HandoverMode::Blind)), AgentRefusal::NoCall("hand over"));
    s.at_desk();
    s.wish(102, AgentWish::NotReady { reason: 0 });
    assert!(matches!(s.refusal(101, hand(agent(102), HandoverMode::Blind)), AgentRefusal::Unreachable { .. }));
    assert!(matches!(s.refusal(101, hand(outside("602"), HandoverMode::Talk)), AgentRefusal::WrongCallState { .. }));
    assert!(matches!(s.refusal(101, hand(outside("no number"), HandoverMode::Blind)), AgentRefusal::Unreachable { .. }));
    s.hands(101, outside("0123"), HandoverMode::Success);
    assert!(matches!(s.refusal(101, hand(outside("0124"), HandoverMode::Success)), AgentRefusal::WrongCallState { .. }), "one at a time");
    s.wish(101, AgentWish::CancelHandOver);
    s.wish(101, AgentWish::Hold);
    assert!(matches!(s.refusal(101, hand(outside("0124"), HandoverMode::Success)), AgentRefusal::WrongCallState { .. }), "on hold");
}

#[test]
fn call_data_goes_with_the_call() {
    let mut s = Stage::office(&[101, 102]);
    let (_, _, call) = s.at_desk();
    s.wish(101, AgentWish::HandOver { to: agent(102), mode: HandoverMode::Success, caller: None, data: Some("order 7".into()) });
    assert_eq!(s.story()[0], "data order 7");
    assert_eq!(s.tenant.call(call).unwrap().data, "order 7");
}

#[test]
fn an_agent_that_signs_out_while_it_hands_over() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, _, _) = s.at_desk();
    s.hands(101, agent(102), HandoverMode::Success);
    let target = s.dialled();
    s.wish(101, AgentWish::SignOut(crate::agent::SignOutReason::Asked));
    s.takes(102, target);
    s.talk_together(customer, target);
}
