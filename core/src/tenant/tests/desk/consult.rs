use super::*;

fn three_party(to: Reach) -> AgentWish {
    AgentWish::Consult { to, three_party: true, data: SmolStr::default() }
}

/// The customer waits, agent and helper talk: customer, agent, helper.
fn consulting(s: &mut Stage) -> (LegId, LegId, LegId) {
    let (customer, device, _) = s.at_desk();
    let helper = s.consults(101, agent(102));
    s.takes(102, helper);
    s.talk_together(device, helper);
    s.hears_music(customer);
    (customer, device, helper)
}

#[test]
fn a_colleague_is_asked_while_the_customer_hears_music() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, call) = s.at_desk();
    s.wish(101, AgentWish::SetData { call: None, data: "order 7".into() });
    let helper = s.consults(101, agent(102));
    assert_eq!(
        s.story(),
        [
            "call.originated",
            "consulting 101",
            "data order 7",
            "held 101",
            "legs.parted AB",
            "offered 101 as caller",
            "leg.moved B",
            "offered 102 as helper",
            "leg.dialled C"
        ]
    );
    s.hears_music(customer);
    assert_eq!(s.hears(device), Audio::Tone(Tone::Ringback));
    s.answers(helper);
    s.wish(102, AgentWish::Answer { call: None });
    assert_eq!(s.story(), ["joined 102", "joined 101", "legs.bridged BC"]);
    assert_ne!(s.call_of(helper), call);
}

#[test]
fn a_helper_that_leaves_brings_agent_and_customer_together() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, helper) = consulting(&mut s);
    s.wish(102, AgentWish::Release);
    assert_eq!(s.story()[0], "left 102 released");
    assert!(s.story().contains(&"retrieved 101".into()), "{:?}", s.story());
    s.talk_together(customer, device);
    s.ends(helper, 200);
    s.wish(101, AgentWish::Release);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn an_agent_that_leaves_leaves_helper_and_customer_together() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, helper) = consulting(&mut s);
    s.wish(101, AgentWish::Release);
    let story = s.story();
    assert_eq!(story[..3], ["legs.parted BC", "moved 102 as handler", "leg.moved C"]);
    assert_eq!(story.iter().filter(|told| *told == "left 101 transferred").count(), 2, "{story:?}");
    s.talk_together(customer, helper);
    s.ends(device, 200);
    s.wish(102, AgentWish::Release);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn an_agents_phone_that_hangs_up_leaves_helper_and_customer_together() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, helper) = consulting(&mut s);
    s.ends(device, 200);
    s.talk_together(customer, helper);
    s.ends(helper, 200);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn a_helpers_phone_that_dies_brings_agent_and_customer_together() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, helper) = consulting(&mut s);
    s.ends(helper, 408);
    s.talk_together(customer, device);
}

#[test]
fn a_customer_that_hangs_up_leaves_agent_and_helper_talking() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, helper) = consulting(&mut s);
    s.ends(customer, 200);
    assert_eq!(s.story()[..2], ["leg.ended A 200", "left 101 other_gone"]);
    s.talk_together(device, helper);
    s.wish(102, AgentWish::Release);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn a_helper_that_does_not_come_brings_agent_and_customer_together() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, _) = s.at_desk();
    let helper = s.consults(101, agent(102));
    s.ends(helper, 480);
    assert!(s.story().contains(&"unreached 101 20".into()), "{:?}", s.story());
    s.talk_together(customer, device);
    s.wish(102, AgentWish::Ready);
    let helper = s.consults(101, Reach::Queue(queue_id()));
    s.ends(helper, 480);
    assert!(s.tenant.session(work(101)).is_some_and(|session| session.calls.len() == 2), "it waits for the next of the queue");
    s.wish(101, AgentWish::CancelHandOver);
    s.talk_together(customer, device);
    assert_eq!(s.refusal(101, AgentWish::CancelHandOver), AgentRefusal::NoCall("take back"));
}

#[test]
fn a_consultation_that_rings_is_taken_back() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, _) = s.at_desk();
    let helper = s.consults(101, agent(102));
    assert!(matches!(s.refusal(101, AgentWish::Hold), AgentRefusal::WrongCallState { .. }));
    s.wish(101, AgentWish::CancelHandOver);
    s.talk_together(customer, device);
    assert!(s.orders().contains(&"release C 487".into()), "{:?}", s.orders());
    s.ends(helper, 487);
    s.consults(101, agent(102));
    s.wish(101, AgentWish::Release);
    s.talk_together(customer, device);
}

#[test]
fn customer_and_agent_phone_gone_while_it_rings() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, _) = s.at_desk();
    let helper = s.consults(101, agent(102));
    s.ends(customer, 200);
    s.ends(device, 200);
    s.ends(helper, 487);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn three_talk_when_the_calls_are_joined() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, helper) = consulting(&mut s);
    let call = s.call_of(customer);
    assert_eq!(s.refusal(101, AgentWish::Join { call: CallId(7), data: None }), AgentRefusal::NoHeldCall);
    s.wish(101, AgentWish::Join { call, data: Some("three".into()) });
    let story = s.story();
    assert_eq!(story[..3], ["data three", "legs.parted BC", "moved 102 as helper"]);
    assert!(story.contains(&"conferenced 101 a+101+102".into()) || story.contains(&"conferenced 101 a+102+101".into()), "{story:?}");
    assert_eq!(s.hears(customer), Audio::Mix(vec![helper, device]));
    assert_eq!(s.tenant.session(work(101)).unwrap().calls, [call]);
    s.wish(101, AgentWish::Release);
    s.talk_together(customer, helper);
    s.wish(102, AgentWish::Release);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn a_third_party_is_put_out_again() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, _) = consulting(&mut s);
    let call = s.call_of(customer);
    s.wish(101, AgentWish::Join { call, data: None });
    let out = |party: &str| AgentWish::Disconnect { party: party.into() };
    assert!(matches!(s.refusal(102, out("a")), AgentRefusal::WrongCallState { .. }), "a helper may only leave itself");
    s.wish(101, out("102"));
    assert_eq!(s.story()[0], "left 102 dropped");
    s.talk_together(customer, device);
}

#[test]
fn three_talk_as_soon_as_the_helper_answers() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, call) = s.at_desk();
    s.wish(101, three_party(agent(102)));
    assert_eq!(s.story(), ["consulting 101", "offered 102 as helper", "leg.dialled C"]);
    s.talk_together(customer, device);
    let helper = s.dialled();
    s.takes(102, helper);
    assert_eq!(s.story(), ["joined 102", "legs.bridged ABC", "conferenced 102 a+101+102"]);
    assert_eq!(s.hears(customer), Audio::Mix(vec![device, helper]));
    assert_eq!(s.call_of(helper), call);
    s.ends(customer, 200);
    s.talk_together(device, helper);
    s.ends(device, 200);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn a_three_party_helper_that_does_not_come_disturbs_nobody() {
    let mut s = Stage::office(&[101, 102]);
    let (customer, device, _) = s.at_desk();
    s.wish(101, three_party(agent(102)));
    let helper = s.dialled();
    s.ends(helper, 480);
    assert!(s.story().contains(&"unreached 101 20".into()), "{:?}", s.story());
    s.talk_together(customer, device);
    s.wish(101, three_party(Reach::Queue(queue_id())));
    s.talk_together(customer, device);
    s.wish(101, AgentWish::CancelHandOver);
    s.talk_together(customer, device);
    assert!(s.tenant.call(s.call_of(customer)).unwrap().waiting.is_none());
}

#[test]
fn held_and_talking_parties_are_connected() {
    let mut s = Stage::office(&[101]);
    let (customer, _, first) = s.at_desk();
    s.wish(101, AgentWish::Hold);
    s.wish(101, AgentWish::CallOut { to: "0123".into(), caller: None, queue: None, data: SmolStr::default() });
    let second = s.dialled();
    assert!(matches!(s.refusal(101, AgentWish::Connect { call: first }), AgentRefusal::WrongCallState { .. }), "it rings");
    s.answers(second);
    s.wish(101, AgentWish::Connect { call: first });
    s.talk_together(customer, second);
    assert!(s.tenant.session(work(101)).unwrap().calls.is_empty());
    s.ends(second, 200);
    s.confirm_releases();
    s.all_over();
}

#[test]
fn what_stands_against_asking() {
    let mut s = Stage::office(&[101, 102]);
    let ask = |to: Reach| AgentWish::Consult { to, three_party: false, data: SmolStr::default() };
    assert_eq!(s.refusal(101, ask(agent(102))), AgentRefusal::NoCall("ask for help"));
    s.at_desk();
    assert!(matches!(s.refusal(101, ask(agent(101))), AgentRefusal::Unreachable { .. }));
    assert!(matches!(s.refusal(101, ask(outside("0123"))), AgentRefusal::Invalid { field: "target", .. }));
    s.wish(102, AgentWish::NotReady { reason: 0 });
    assert!(matches!(s.refusal(101, ask(agent(102))), AgentRefusal::Unreachable { .. }), "busy");
    s.wish(101, AgentWish::Hold);
    assert!(matches!(s.refusal(101, ask(agent(102))), AgentRefusal::WrongCallState { .. }), "on hold");
    s.wish(101, AgentWish::Retrieve { call: None });
    s.wish(102, AgentWish::Ready);
    s.wish(101, three_party(agent(102)));
    assert!(matches!(s.refusal(101, ask(agent(102))), AgentRefusal::WrongCallState { .. }), "one at a time");
}

#[test]
fn signing_out_in_a_consultation_ends_it_all() {
    let mut s = Stage::office(&[101, 102]);
    consulting(&mut s);
    s.wish(101, AgentWish::SignOut(crate::agent::SignOutReason::Asked));
    s.confirm_releases();
    s.all_over();
    assert!(s.tenant.session(work(101)).is_none());
}
