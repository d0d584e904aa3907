use super::centre::*;
use super::*;
use crate::agent::{AgentPhone, AgentWish, Mode, SignIn};

#[test]
fn an_agent_signs_in_once_unless_by_force() {
    let mut stage = Stage::centre();
    stage.signs_in(&[101]);
    assert_eq!(stage.tenant.signed_in(), 1);
    assert_eq!(stage.refused(101, AgentWish::SignIn(sign_in("1001"))), "agent 101 is already signed in");
    assert_eq!(stage.refused(102, AgentWish::SignIn(sign_in("1001"))), "phone 1001 is used by agent 101");
    assert!(stage.refused(102, AgentWish::SignIn(sign_in("1009"))).contains("`1009` is not a phone"));
    stage.wishes(101, AgentWish::SignIn(SignIn { force: true, ..sign_in("1001") }));
    assert_eq!(stage.events(), ["agent.signed_out 101", "agent.signed_in 101"]);
    assert_eq!(stage.mode(101), Mode::Ready);
}

#[test]
fn only_so_many_agents_may_be_signed_in() {
    let mut stage = Stage::centre();
    stage.does(Command::ChangeTenant(TenantSettings { max_agents: 1, ..TenantSettings::named("Demo") }));
    stage.signs_in(&[101]);
    assert_eq!(stage.refused(102, AgentWish::SignIn(sign_in("1002"))), "all 1 agents that this tenant may have are signed in");
    stage.wishes(101, AgentWish::SignIn(SignIn { force: true, ..sign_in("1001") }));
}

/// The table of cc-gateway.md §1.5: what each wish makes of each mode.
#[test]
fn modes_follow_the_published_table() {
    let rest = AgentWish::Rest { cause: 1, seconds: 600 };
    let busy = AgentWish::NotReady { reason: 200 };
    let wishes =
        [AgentWish::Ready, busy.clone(), AgentWish::EndNotReady, rest.clone(), AgentWish::EndRest, AgentWish::WrapUp, AgentWish::EndWrapUp];
    let table = [
        // From         ready       busy        end busy    rest      end rest    wrap-up    end wrap-up
        (None, ["ready", "busy 200", "-", "rest 1", "-", "wrap-up", "-"]),
        (Some(busy), ["ready", "busy 200", "ready", "rest 1", "-", "wrap-up", "-"]),
        (Some(rest), ["ready", "-", "-", "rest 1", "ready", "-", "-"]),
        (Some(AgentWish::WrapUp), ["ready", "busy 200", "-", "rest 1", "-", "wrap-up", "ready"]),
    ];
    for (from, row) in table {
        for (wish, expected) in wishes.iter().zip(row) {
            let mut stage = Stage::centre();
            stage.signs_in(&[101]);
            from.clone().into_iter().for_each(|wish| stage.wishes(101, wish));
            let outcome = stage.tell(Command::Agent { agent: work(101), wish: wish.clone() });
            let now = if outcome.is_ok() { mode_text(&stage.mode(101)) } else { "-".into() };
            assert_eq!(now, expected, "{wish:?} after {from:?}");
        }
    }
}

#[test]
fn a_wish_during_a_call_takes_effect_after_it_and_can_be_taken_back() {
    let mut stage = Stage::centre();
    stage.signs_in(&[101]);
    let (caller, ..) = stage.served("700");
    stage.wishes(101, AgentWish::NotReady { reason: 0 });
    stage.wishes(101, AgentWish::Rest { cause: 2, seconds: 60 });
    assert_eq!(stage.events(), ["agent.mode_deferred 101 rest 2"]);
    stage.passes(300);
    stage.ends(caller, 200);
    let Mode::Rest { cause: 2, until } = stage.mode(101) else { panic!("{:?}", stage.mode(101)) };
    assert_eq!(until.since(stage.now), std::time::Duration::from_secs(60), "the rest is as long as it was asked for");

    let mut stage = Stage::centre();
    stage.signs_in(&[101]);
    let (caller, ..) = stage.served("700");
    stage.wishes(101, AgentWish::Rest { cause: 2, seconds: 60 });
    stage.wishes(101, AgentWish::EndRest);
    stage.ends(caller, 200);
    assert_eq!(stage.mode(101), Mode::Ready);
}

#[test]
fn a_rest_that_runs_over_is_told_and_ends_only_if_the_tenant_says_so() {
    for (forced, expected) in [(false, "rest 1"), (true, "ready")] {
        let mut stage = Stage::centre();
        stage.does(Command::ChangeTenant(TenantSettings { force_rest_end: forced, ..TenantSettings::named("Demo") }));
        stage.signs_in(&[101]);
        stage.wishes(101, AgentWish::Rest { cause: 1, seconds: 60 });
        assert_eq!(stage.timers(), ["+mode 101 60"]);
        stage.passes(60);
        stage.fires(TimerKey::Mode(work(101)));
        assert_eq!(stage.events()[0], "agent.rest_overrun 101");
        assert_eq!(mode_text(&stage.mode(101)), expected);
    }
}

#[test]
fn a_phone_that_stays_connected_is_moved_from_call_to_call() {
    let mut stage = Stage::centre();
    stage.wishes(101, AgentWish::SignIn(SignIn { keep_phone: true, auto_answer: true, ..sign_in("1001") }));
    let caller = stage.offer("a", "700");
    let device = stage.dialled();
    stage.answers(device);
    assert_eq!(stage.hears(caller), Audio::Leg(device));
    stage.ends(caller, 200);
    assert_eq!(stage.hears(device), Audio::Silence);
    assert!(stage.orders().iter().all(|order| !order.starts_with("release B")), "{:?}", stage.orders());
    let next = stage.offer("a", "700");
    assert_eq!(stage.hears(next), Audio::Leg(device), "no ringing");
    stage.wishes(101, AgentWish::SignOut(crate::agent::SignOutReason::Asked));
    assert!(stage.events().contains(&"leg.releasing B 200".to_owned()), "{:?}", stage.events());
    assert!(stage.events().contains(&"leg.releasing C 200".to_owned()), "its caller goes with it");
}

#[test]
fn an_agent_at_an_outside_number_is_called_through_a_trunk() {
    let mut stage = Stage::centre();
    let phone = AgentPhone::Outside(Number::new("0155501").unwrap());
    stage.wishes(101, AgentWish::SignIn(SignIn { phone, ..sign_in("1001") }));
    stage.offer("a", "700");
    let first = stage.dialled();
    stage.ends(first, 503);
    let second = stage.dialled();
    assert_eq!(stage.tenant.leg(second).unwrap().endpoint, Endpoint::Trunk(trunk_name("b")), "the next trunk is tried");
    stage.answers(second);
    assert!(stage.events().contains(&"call.agent_alerting 101".to_owned()));
}

#[test]
fn sessions_outlive_a_restart_and_their_calls_do_not() {
    let mut stage = Stage::centre();
    stage.signs_in(&[101, 102]);
    stage.wishes(102, AgentWish::Rest { cause: 0, seconds: 100 });
    stage.served("700");
    stage.offer("a", "700");
    stage.passes(10);
    stage.does(Command::NodeRestarted);
    let events = stage.events();
    assert!(events.contains(&"call.agent_left 101 NodeRestarted".to_owned()), "{events:?}");
    assert!(events.contains(&"call.dequeued 1 Ended".to_owned()), "{events:?}");
    assert_eq!((stage.tenant.signed_in(), stage.tenant.calls().len()), (2, 0));
    assert_eq!((stage.mode(101), mode_text(&stage.mode(102))), (Mode::Ready, "rest 0".to_owned()));
    assert!(stage.timers().contains(&"+mode 102 90".to_owned()), "{:?}", stage.timers());
}

#[test]
fn what_is_in_use_is_not_removed_and_a_removed_agent_leaves_nothing_behind() {
    let mut stage = Stage::centre();
    stage.signs_in(&[101]);
    stage.served("700");
    let waiting = stage.offer("a", "701");
    assert!(stage.tell(Command::RemoveQueue(queue_id(2))).unwrap_err().to_string().contains("1 calls wait in it"));
    stage.ends(waiting, 200);
    assert!(stage.tell(Command::RemoveQueue(queue_id(2))).unwrap_err().to_string().contains("number `701` leads to it"));
    assert!(stage.tell(Command::RemoveAgent(work(101))).unwrap_err().to_string().contains("number `7101` leads to agent 101"));
    stage.does(Command::RemoveNumber(Number::new("7101").unwrap()));
    stage.does(Command::RemoveAgent(work(101)));
    assert_eq!(stage.tenant.signed_in(), 0);
    assert!(stage.tenant.queue(queue_id(1)).unwrap().serving.is_empty());
    assert!(stage.events().contains(&"leg.releasing A 200".to_owned()), "{:?}", stage.events());
}

#[test]
fn a_call_to_an_agents_number_rings_there_and_nowhere_else() {
    let mut stage = Stage::centre();
    let early = stage.offer("a", "7101");
    assert_eq!(stage.last_cause().sip, 480, "not signed in");
    stage.ends(early, 487);
    stage.signs_in(&[101, 102]);
    let caller = stage.offer("a", "7101");
    assert!(stage.orders().contains(&"ring B".to_owned()));
    let device = stage.dialled();
    stage.answers(device);
    stage.wishes(101, AgentWish::Answer { call: None });
    assert!(stage.orders().contains(&"answer B with C".to_owned()), "{:?}", stage.orders());
    assert_eq!(stage.hears(caller), Audio::Leg(device));
}
