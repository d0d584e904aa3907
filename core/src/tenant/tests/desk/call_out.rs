use super::*;

fn call_out(to: &str) -> AgentWish {
    AgentWish::CallOut { to: to.into(), caller: None, queue: None, data: SmolStr::default() }
}

fn call_inside(to: Reach) -> AgentWish {
    AgentWish::CallInside { to, data: SmolStr::default() }
}

#[test]
fn the_agents_phone_comes_first_then_the_number() {
    let mut s = Stage::office(&[101]);
    s.wish(101, call_out("0123"));
    assert_eq!(s.story(), ["call.originated", "offered 101 as caller", "leg.dialled A"]);
    let device = s.dialled();
    s.answers(device);
    assert_eq!(s.story(), ["leg.answered A", "101 phone off_hook", "call.routed", "leg.dialled B"]);
    let customer = s.dialled();
    s.rings(customer);
    assert_eq!(s.orders(), ["A hears Ringback"]);
    s.answers(customer);
    assert_eq!(s.story(), ["leg.answered B", "joined 101", "legs.bridged AB"]);
    s.talk_together(device, customer);
    s.ends(customer, 200);
    assert_eq!(
        s.story(),
        ["leg.ended B 200", "legs.parted AB", "left 101 other_gone", "leg.releasing A 200", "101 phone on_hook", "101 is ready"]
    );
    s.confirm_releases();
    s.all_over();
}

#[test]
fn a_failure_keeps_its_cause() {
    let mut s = Stage::office(&[101]);
    s.wish(101, call_out("0123"));
    let device = s.dialled();
    s.answers(device);
    let customer = s.dialled();
    s.ends(customer, 486);
    assert_eq!(s.story()[..3], ["leg.ended B 486", "unreached 101 17", "left 101 other_gone"]);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn an_agents_phone_that_does_not_come_fails_the_call() {
    let mut s = Stage::office(&[101]);
    s.wish(101, call_out("0123"));
    let device = s.dialled();
    s.ends(device, 480);
    assert!(s.story().contains(&"left 101 phone_failed".into()), "{:?}", s.story());
    assert!(s.story().contains(&"unreached 101 20".into()), "{:?}", s.story());
    s.all_over();
}

#[test]
fn a_kept_phone_is_not_rung_again() {
    let mut s = Stage::house();
    s.keeps_phone(101);
    s.wish(101, call_out("0123"));
    let device = s.dialled();
    s.answers(device);
    let customer = s.dialled();
    s.answers(customer);
    s.ends(customer, 200);
    assert_eq!(s.tenant.device(work(101)).map(|(leg, _)| leg), Some(device), "it waits on its line");
    s.wish(101, call_out("0124"));
    assert_eq!(s.orders(), ["dial C"]);
    let customer = s.dialled();
    s.answers(customer);
    s.talk_together(device, customer);
    s.ends(device, 200);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn an_outside_phone_calls_out_on_the_agents_account() {
    let mut s = Stage::office(&[105]);
    s.wish(105, call_out("0123"));
    let device = s.dialled();
    s.answers(device);
    let shown = s.out.effects.iter().find_map(|effect| if let Effect::Dial { caller, .. } = effect { Some(caller.clone()) } else { None });
    assert_eq!(shown.unwrap(), "105", "not its private number");
    let customer = s.dialled();
    s.answers(customer);
    s.talk_together(device, customer);
}

#[test]
fn only_numbers_of_the_tenant_may_be_shown() {
    let mut s = Stage::office(&[101]);
    let with = |number: &str| AgentWish::CallOut {
        to: "0123".into(),
        caller: Some(Number::new(number).unwrap()),
        queue: None,
        data: SmolStr::default(),
    };
    assert!(matches!(s.refusal(101, with("0999")), AgentRefusal::Invalid { field: "caller", .. }));
    s.wish(101, with("95588"));
    let device = s.dialled();
    s.answers(device);
    let shown = s.out.effects.iter().find_map(|effect| if let Effect::Dial { caller, .. } = effect { Some(caller.clone()) } else { None });
    assert_eq!(shown.unwrap(), "95588");
}

#[test]
fn what_stands_against_calling_out() {
    let mut s = Stage::office(&[101, 102]);
    assert!(matches!(s.refusal(101, call_out("no number")), AgentRefusal::Invalid { field: "called", .. }));
    assert!(matches!(s.refusal(101, call_inside(agent(101))), AgentRefusal::Unreachable { .. }));
    assert!(matches!(s.refusal(101, call_inside(agent(103))), AgentRefusal::Unreachable { .. }), "not signed in");
    assert_eq!(s.refusal(101, call_inside(agent(199))), AgentRefusal::NoSuchAgent(work(199)));
    let strange = QueueId::new(9).unwrap();
    assert_eq!(s.refusal(101, call_inside(Reach::Queue(strange))), AgentRefusal::NoSuchQueue(strange));
    let counted = AgentWish::CallOut { to: "0123".into(), caller: None, queue: Some(strange), data: SmolStr::default() };
    assert_eq!(s.refusal(101, counted), AgentRefusal::NoSuchQueue(strange));
    let long = AgentWish::CallOut { to: "0123".into(), caller: None, queue: None, data: "x".repeat(16 * 1024 + 1).into() };
    assert!(matches!(s.refusal(101, long), AgentRefusal::Invalid { field: "data", .. }));
    s.at_desk();
    assert!(matches!(s.refusal(101, call_out("0123")), AgentRefusal::WrongCallState { .. }), "it is in a call");
    s.wish(102, AgentWish::Rest { cause: 0, seconds: 60 });
    assert_eq!(s.refusal(102, call_out("0123")), AgentRefusal::WrongMode("resting"));
    assert!(matches!(s.refusal(103, call_out("0123")), AgentRefusal::NotSignedIn(_)));
}

#[test]
fn who_is_busy_may_call_out() {
    let mut s = Stage::office(&[101]);
    s.wish(101, AgentWish::NotReady { reason: 0 });
    s.wish(101, call_out("0123"));
    let device = s.dialled();
    s.answers(device);
    assert_eq!(s.orders(), ["dial B"]);
}

#[test]
fn a_second_call_while_the_first_is_on_hold() {
    let mut s = Stage::office(&[101]);
    let (customer, device, first) = s.at_desk();
    s.wish(101, AgentWish::Hold);
    s.wish(101, call_out("0123"));
    assert_eq!(s.story(), ["call.originated", "offered 101 as caller", "leg.moved B", "call.routed", "leg.dialled C"]);
    let second = s.dialled();
    s.answers(second);
    s.talk_together(device, second);
    s.hears_music(customer);
    s.ends(second, 200);
    assert_eq!(s.call_of(device), first);
    s.hears_music(customer);
    s.wish(101, AgentWish::Retrieve { call: None });
    s.talk_together(customer, device);
}

#[test]
fn giving_up_while_it_rings_ends_it() {
    let mut s = Stage::office(&[101]);
    s.wish(101, call_out("0123"));
    let device = s.dialled();
    s.answers(device);
    let customer = s.dialled();
    s.wish(101, AgentWish::Release);
    assert!(s.orders().contains(&"release B 487".into()), "{:?}", s.orders());
    assert!(s.story().contains(&"left 101 released".into()), "{:?}", s.story());
    assert!(!s.story().iter().any(|told| told.starts_with("unreached")), "its own wish is no failure");
    s.ends(customer, 487);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn an_access_number_that_plays_something_is_heard_by_the_agent() {
    let mut s = Stage::office(&[101]);
    s.wish(101, call_out("600"));
    let device = s.dialled();
    s.answers(device);
    assert_eq!(s.hears(device), Audio::Echo);
    s.wish(101, AgentWish::Release);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn a_colleague_is_called() {
    let mut s = Stage::office(&[101, 102]);
    s.wish(101, call_inside(agent(102)));
    let first = s.dialled();
    s.answers(first);
    assert_eq!(s.story(), ["leg.answered A", "101 phone off_hook", "offered 102 as handler", "leg.dialled B"]);
    let second = s.dialled();
    assert_eq!(s.hears(first), Audio::Tone(Tone::Ringback));
    s.answers(second);
    s.wish(102, AgentWish::Answer { call: None });
    assert_eq!(s.story(), ["joined 102", "joined 101", "legs.bridged AB"]);
    s.talk_together(first, second);
    s.ends(second, 200);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn a_colleague_that_does_not_answer_fails_the_call() {
    let mut s = Stage::office(&[101, 102]);
    s.wish(101, call_inside(agent(102)));
    let first = s.dialled();
    s.answers(first);
    let second = s.dialled();
    s.ends(second, 480);
    let story = s.story();
    assert!(story.contains(&"left 102 phone_failed".into()) && story.contains(&"left 101 other_gone".into()), "{story:?}");
    assert!(story.contains(&"unreached 101 20".into()), "{story:?}");
    s.confirm_releases();
    s.all_over();
}

#[test]
fn somebody_free_of_a_queue_is_called() {
    let mut s = Stage::office(&[101]);
    let to_queue = || call_inside(Reach::Queue(queue_id()));
    assert!(matches!(s.refusal(101, to_queue()), AgentRefusal::Unreachable { .. }), "nobody else is there");
    s.wish(102, AgentWish::SignIn(sign_in(102)));
    s.wish(101, to_queue());
    let first = s.dialled();
    s.answers(first);
    let second = s.dialled();
    s.takes(102, second);
    s.talk_together(first, second);
    s.wish(101, AgentWish::Release);
    s.confirm_releases();
    s.all_over();
}
