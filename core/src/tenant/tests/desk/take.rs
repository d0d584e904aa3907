use super::*;

#[test]
fn a_colleagues_ringing_call_is_picked_up() {
    let mut s = Stage::office(&[101, 102, 104]);
    let customer = s.offer("a", "95588");
    let rings = s.dialled();
    s.rings(rings);
    assert!(matches!(s.refusal(104, AgentWish::PickUp { agent: work(101) }), AgentRefusal::NotAllowed(_)));
    assert_eq!(s.refusal(102, AgentWish::PickUp { agent: work(104) }), AgentRefusal::WrongTargetState(work(104)));
    assert_eq!(s.refusal(102, AgentWish::PickUp { agent: work(103) }), AgentRefusal::NotSignedIn(work(103)));
    s.wish(102, AgentWish::PickUp { agent: work(101) });
    assert_eq!(s.story(), ["offered 102 as handler", "leg.dialled C"]);
    let taken = s.dialled();
    s.answers(taken);
    let story = s.story();
    assert!(story.contains(&"joined 102".into()) && story.contains(&"left 101 taken_elsewhere".into()), "{story:?}");
    s.talk_together(customer, taken);
    s.ends(rings, 487);
    assert!(s.tenant.session(work(101)).unwrap().is_available());
}

#[test]
fn a_direct_call_that_rings_is_picked_up() {
    let mut s = Stage::office(&[101, 102]);
    s.does(Command::AddNumber(number("610", Destination::Agent(work(101)))));
    let customer = s.offer("a", "610");
    let rings = s.dialled();
    s.wish(102, AgentWish::PickUp { agent: work(101) });
    let taken = s.dialled();
    s.answers(taken);
    s.talk_together(customer, taken);
    s.ends(rings, 487);
    assert!(s.tenant.session(work(101)).unwrap().calls.is_empty());
}

#[test]
fn the_owner_may_still_answer_first() {
    let mut s = Stage::office(&[101, 102]);
    let customer = s.offer("a", "95588");
    let rings = s.dialled();
    s.wish(102, AgentWish::PickUp { agent: work(101) });
    let taken = s.dialled();
    s.takes(101, rings);
    s.talk_together(customer, rings);
    s.ends(taken, 487);
    assert!(s.tenant.session(work(102)).unwrap().is_available());
}

#[test]
fn a_waiting_call_is_taken_out_of_its_queue() {
    let mut s = Stage::office(&[101]);
    s.wish(101, AgentWish::NotReady { reason: 0 });
    let customer = s.offer("a", "95588");
    let call = s.call_of(customer);
    assert!(matches!(s.refusal(101, AgentWish::TakeWaiting { call: CallId(7) }), AgentRefusal::NoCall(_)));
    s.wish(101, AgentWish::TakeWaiting { call });
    let device = s.dialled();
    s.answers(device);
    assert!(s.story().contains(&"dequeued".into()), "{:?}", s.story());
    s.talk_together(customer, device);
    assert!(matches!(s.refusal(101, AgentWish::TakeWaiting { call }), AgentRefusal::WrongCallState { .. }));
}

#[test]
fn a_taker_whose_phone_fails_leaves_the_call_where_it_was() {
    let mut s = Stage::office(&[101]);
    s.wish(101, AgentWish::NotReady { reason: 0 });
    let customer = s.offer("a", "95588");
    let call = s.call_of(customer);
    s.wish(101, AgentWish::TakeWaiting { call });
    let device = s.dialled();
    s.ends(device, 486);
    s.hears_music(customer);
    assert!(s.tenant.call(call).unwrap().waiting.is_some());
}
