use super::centre::*;
use super::*;
use crate::agent::AgentWish;

/// cc-gateway.md §4.1, from the call to wrap-up.
#[test]
fn a_caller_waits_is_offered_answered_and_leaves() {
    let mut stage = Stage::centre();
    let caller = stage.offer("a", "700");
    assert_eq!(stage.events(), ["call.arrived A", "call.routed", "call.queued 1 place 1", "leg.answered A"]);
    assert_eq!(stage.orders(), ["answer A", "A hears music @music"]);
    assert_eq!(stage.timers(), ["+waiting 1 3600"]);

    let mut wish = sign_in("1001");
    wish.auto_ready = false;
    stage.wishes(101, AgentWish::SignIn(wish));
    assert_eq!(stage.events(), ["agent.signed_in 101", "call.offered 101", "leg.dialled B"]);
    let device = stage.dialled();
    stage.rings(device);
    assert_eq!(stage.events(), ["leg.ringing B", "agent.phone 101 Alerting"]);
    stage.answers(device);
    assert_eq!(stage.events(), ["leg.answered B", "agent.phone 101 OffHook", "call.agent_alerting 101"]);
    assert_eq!(stage.hears(caller), Audio::Music { name: "@music".into() });

    stage.wishes(101, AgentWish::Answer { call: None });
    assert_eq!(stage.events(), ["call.agent_joined 101", "call.dequeued 1 Answered(WorkNumber(101))", "legs.bridged AB"]);
    assert_eq!(stage.orders(), ["A hears B", "B hears A"]);
    assert_eq!(stage.timers(), ["-offer 101", "-waiting 1", "-announce"]);

    stage.ends(caller, 200);
    assert_eq!(
        stage.events(),
        [
            "leg.ended A 200",
            "legs.parted AB",
            "call.agent_left 101 OtherGone",
            "leg.releasing B 200",
            "agent.phone 101 OnHook",
            "agent.mode 101 wrap-up for a while"
        ]
    );
    stage.ends(device, 200);
    assert_eq!(stage.events(), ["leg.ended B 200", "call.ended 200"]);
    stage.passes(5);
    stage.fires(TimerKey::Mode(work(101)));
    assert_eq!(stage.events(), ["agent.mode 101 ready"]);
}

#[test]
fn an_agent_that_hangs_up_frees_the_caller_and_is_offered_the_next() {
    let mut stage = Stage::centre();
    stage.signs_in(&[101]);
    let (_, device, _) = stage.served("700");
    stage.offer("a", "700");
    stage.ends(device, 200);
    let events = stage.events();
    assert_eq!(
        events,
        [
            "leg.ended B 200",
            "legs.parted AB",
            "call.agent_left 101 Released",
            "agent.phone 101 OnHook",
            "agent.mode 101 ready",
            "leg.releasing A 200",
            "call.offered 101",
            "leg.dialled D"
        ]
    );
}
