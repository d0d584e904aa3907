use super::*;

#[test]
fn a_held_customer_hears_music_and_the_agent_nothing() {
    let mut s = Stage::office(&[101]);
    let (customer, device, _) = s.at_desk();
    s.wish(101, AgentWish::Hold);
    assert_eq!(s.story(), ["held 101", "legs.parted AB"]);
    assert_eq!(s.orders(), ["A hears music @music", "B hears silence"]);
    assert!(matches!(s.refusal(101, AgentWish::Hold), AgentRefusal::WrongCallState { wish: "hold", .. }));
    s.wish(101, AgentWish::Retrieve { call: None });
    assert_eq!(s.story(), ["retrieved 101", "legs.bridged AB"]);
    s.talk_together(customer, device);
    assert_eq!(s.refusal(101, AgentWish::Retrieve { call: None }), AgentRefusal::NoHeldCall);
}

#[test]
fn a_held_customer_that_hangs_up_frees_the_agent() {
    let mut s = Stage::office(&[101]);
    let (customer, _, _) = s.at_desk();
    s.wish(101, AgentWish::Hold);
    s.ends(customer, 200);
    assert_eq!(s.story()[..2], ["leg.ended A 200", "left 101 other_gone"]);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn a_muted_agent_hears_and_is_not_heard() {
    let mut s = Stage::office(&[101]);
    let (customer, device, _) = s.at_desk();
    s.wish(101, AgentWish::Mute);
    assert_eq!((s.story(), s.orders()), (vec!["muted 101 true".to_owned()], vec!["A hears silence".to_owned()]));
    assert_eq!(s.hears(device), Audio::Leg(customer));
    s.wish(101, AgentWish::Mute);
    assert!(s.story().is_empty(), "it is muted already");
    s.wish(101, AgentWish::Unmute);
    s.talk_together(customer, device);
    s.wish(101, AgentWish::Hold);
    assert!(matches!(s.refusal(101, AgentWish::Mute), AgentRefusal::WrongCallState { wish: "mute", .. }));
}

#[test]
fn keys_go_to_the_customer() {
    let mut s = Stage::office(&[101]);
    assert_eq!(s.refusal(101, AgentWish::SendDigits("1".into())), AgentRefusal::NoCall("send keys"));
    s.at_desk();
    s.wish(101, AgentWish::SendDigits("12*#".into()));
    assert_eq!(s.orders(), ["keys A 12*#"]);
    assert!(matches!(s.refusal(101, AgentWish::SendDigits("x".into())), AgentRefusal::Invalid { field: "digits", .. }));
    assert!(matches!(s.refusal(101, AgentWish::SendDigits("1".repeat(65).into())), AgentRefusal::Invalid { .. }));
}

#[test]
fn release_ends_a_call_of_two() {
    let mut s = Stage::office(&[101]);
    assert_eq!(s.refusal(101, AgentWish::Release), AgentRefusal::NoCall("release"));
    s.at_desk();
    s.wish(101, AgentWish::Release);
    let story = s.story();
    assert_eq!(story[0], "left 101 released");
    assert!(story.contains(&"leg.releasing A 200".into()) && story.contains(&"leg.releasing B 200".into()), "{story:?}");
    s.confirm_releases();
    s.all_over();
}

#[test]
fn a_given_call_is_dropped() {
    let mut s = Stage::office(&[101]);
    let (customer, device, first) = s.at_desk();
    s.wish(101, AgentWish::Hold);
    let out = AgentWish::CallOut { to: "0123".into(), caller: None, queue: None, data: SmolStr::default() };
    s.wish(101, out);
    let second = s.dialled();
    s.answers(second);
    assert_eq!(s.refusal(101, AgentWish::Drop { call: CallId(7) }), AgentRefusal::NotYourCall(CallId(7)));
    s.wish(101, AgentWish::Drop { call: first });
    assert!(s.orders().contains(&"release A 200".into()));
    s.talk_together(device, second);
    s.ends(customer, 200);
    let other = s.call_of(second);
    s.wish(101, AgentWish::Drop { call: other });
    s.confirm_releases();
    s.all_over();
}

#[test]
fn a_party_is_put_out_by_its_number() {
    let mut s = Stage::office(&[101]);
    let (_, _, _) = s.at_desk();
    assert_eq!(s.refusal(101, AgentWish::Disconnect { party: "0999".into() }), AgentRefusal::NoSuchParty("0999".into()));
    s.wish(101, AgentWish::Disconnect { party: "a".into() });
    assert!(s.orders().contains(&"release A 200".into()), "{:?}", s.orders());
    s.confirm_releases();
    s.all_over();
    let (_, _, _) = s.at_desk();
    s.wish(101, AgentWish::Disconnect { party: "1001".into() });
    assert_eq!(s.story()[0], "left 101 released", "its own number is itself");
}

#[test]
fn two_calls_are_talked_in_by_turns() {
    let mut s = Stage::office(&[101]);
    let (customer, device, first) = s.at_desk();
    s.wish(101, AgentWish::Hold);
    let out = AgentWish::CallOut { to: "0123".into(), caller: None, queue: None, data: SmolStr::default() };
    s.wish(101, out);
    let second = s.dialled();
    assert!(matches!(s.refusal(101, AgentWish::Retrieve { call: None }), AgentRefusal::WrongCallState { .. }), "it rings");
    s.answers(second);
    s.wish(101, AgentWish::Retrieve { call: Some(first) });
    s.talk_together(customer, device);
    s.hears_music(second);
    s.wish(101, AgentWish::Retrieve { call: None });
    s.talk_together(second, device);
    s.hears_music(customer);
    s.wish(101, AgentWish::Hold);
    assert!(matches!(s.refusal(101, AgentWish::Retrieve { call: None }), AgentRefusal::WrongCallState { .. }), "which?");
}

#[test]
fn data_is_attached_and_bounded() {
    let mut s = Stage::office(&[101, 102]);
    let set = |call: Option<CallId>, data: &str| AgentWish::SetData { call, data: data.into() };
    assert_eq!(s.refusal(101, set(None, "x")), AgentRefusal::NoCall("attach data to"));
    let (_, _, call) = s.at_desk();
    s.wish(101, set(None, "order 7"));
    assert_eq!(s.story(), ["data order 7"]);
    s.wish(101, set(Some(call), "order 7"));
    assert!(s.story().is_empty(), "nothing new");
    assert_eq!(s.refusal(102, set(Some(call), "mine")), AgentRefusal::NotYourCall(call));
    assert!(matches!(s.refusal(101, set(None, &"x".repeat(16 * 1024 + 1))), AgentRefusal::Invalid { field: "data", .. }));
    s.wish(101, set(None, &"x".repeat(16 * 1024)));
}
