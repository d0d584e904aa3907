use super::centre::*;
use super::*;
use crate::agent::{AgentWish, Mode, SignOutReason};
use crate::queue::{Announcements, Overflow, Strategy};
use crate::tenant::explain::Obstacle;

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

// ---- order ------------------------------------------------------------------------------------------------------------

fn chosen(stage: &Stage) -> u32 {
    let offered = |envelope: &Envelope| match &envelope.event {
        Event::Call(_, CallEvent::Offered(it)) => Some(it.agent.get()),
        _ => None,
    };
    stage.out.events.iter().find_map(offered).expect("nobody was asked")
}

#[test]
fn the_longest_idle_is_asked_first() {
    let mut stage = Stage::centre();
    for agent in [103, 101, 102] {
        stage.signs_in(&[agent]);
        stage.passes(1);
    }
    stage.offer("a", "700");
    assert_eq!(chosen(&stage), 103);
    stage.offer("a", "700");
    assert_eq!(chosen(&stage), 101);
}

#[test]
fn round_robin_goes_on_after_whoever_was_last() {
    let mut stage = Stage::centre();
    stage.changes_queue(1, |queue| queue.strategy = Strategy::RoundRobin);
    stage.signs_in(&[101, 102, 103]);
    let mut order = Vec::new();
    for _ in 0..4 {
        let caller = stage.offer("a", "700");
        order.push(chosen(&stage));
        stage.ends(caller, 487);
    }
    assert_eq!(order, [101, 102, 103, 101]);
}

#[test]
fn the_best_skill_is_asked_first_then_the_longest_idle() {
    let mut stage = Stage::centre();
    stage.changes_queue(1, |queue| queue.strategy = Strategy::SkillLevel);
    let mut better = agent(102, &[1]);
    better.skills[0].level = 1;
    stage.does(Command::ChangeAgent(better));
    stage.signs_in(&[101, 102, 103]);
    stage.offer("a", "700");
    assert_eq!(chosen(&stage), 102);
    stage.offer("a", "700");
    assert_eq!(chosen(&stage), 101, "among equals the lower number when idle for as long");
}

#[test]
fn who_took_the_fewest_calls_is_asked_first() {
    let mut stage = Stage::centre();
    stage.changes_queue(1, |queue| queue.strategy = Strategy::FewestCalls);
    stage.signs_in(&[101, 102]);
    let (caller, ..) = stage.served("700");
    stage.ends(caller, 200);
    stage.offer("a", "700");
    assert_eq!(chosen(&stage), 102);
}

#[test]
fn ring_all_asks_everybody_and_the_first_to_answer_takes_it() {
    let mut stage = Stage::centre();
    stage.changes_queue(1, |queue| queue.strategy = Strategy::RingAll);
    stage.signs_in(&[101, 102]);
    stage.offer("a", "700");
    assert_eq!(stage.tenant.session(work(102)).unwrap().calls.len(), 1);
    let device = stage.dialled();
    // Who becomes ready while it rings is asked, too.
    stage.signs_in(&[103]);
    assert_eq!(chosen(&stage), 103);
    stage.answers(device);
    stage.wishes(102, AgentWish::Answer { call: None });
    let left: Vec<String> = stage.events().into_iter().filter(|event| event.contains("agent_left")).collect();
    assert_eq!(left, ["call.agent_left 101 TakenElsewhere", "call.agent_left 103 TakenElsewhere"]);
    assert_eq!((stage.mode(101), stage.mode(103)), (Mode::Ready, Mode::Ready));
}

#[test]
fn priority_goes_first_and_ageing_lets_waiting_count() {
    let mut stage = Stage::centre();
    stage.changes_queue(2, |queue| queue.priority = 20);
    // Both overflow to queue 1 at once, with the priority of that queue: one place after the other.
    let low = stage.offer("a", "700");
    stage.passes(30);
    let high = stage.offer("a", "701");
    stage.does(Command::ChangeAgent(agent(101, &[1, 2])));
    stage.signs_in(&[101]);
    assert_eq!(stage.call_of(high), stage.tenant.session(work(101)).unwrap().calls[0], "strict priority across queues");
    stage.wishes(101, AgentWish::SignOut(SignOutReason::Asked));
    for queue in [1, 2] {
        stage.changes_queue(queue, |queue| queue.ageing_s = 2);
    }
    stage.signs_in(&[101]);
    assert_eq!(stage.call_of(low), stage.tenant.session(work(101)).unwrap().calls[0], "30 s are worth 15 steps, ten are between them");
}

// ---- who does not take it ----------------------------------------------------------------------------------------------

#[test]
fn no_answer_makes_busy_and_the_caller_stays_first() {
    let mut stage = Stage::centre();
    stage.signs_in(&[101]);
    let first = stage.offer("a", "700");
    stage.passes(1);
    stage.offer("a", "700");
    let call = stage.call_of(first);
    stage.passes(19);
    stage.fires(TimerKey::Offer(call, work(101)));
    assert_eq!(stage.events()[0], "call.agent_left 101 NoAnswer");
    assert_eq!(stage.mode(101), Mode::NotReady { reason: 2 });
    stage.signs_in(&[102]);
    assert_eq!(stage.tenant.session(work(102)).unwrap().calls, [call], "it has kept its place");
}

#[test]
fn a_phone_that_is_not_there_makes_busy_and_the_next_agent_is_asked() {
    let mut stage = Stage::centre();
    stage.signs_in(&[101, 102]);
    stage.does(Command::ConnectionLost { user: user("1001"), flow: flow(1001) });
    stage.offer("a", "700");
    let events = stage.events();
    assert_eq!(
        events[4..],
        [
            "call.offered 101",
            "agent.phone 101 Unknown",
            "call.agent_left 101 PhoneFailed",
            "agent.mode 101 busy 5",
            "call.offered 102",
            "leg.dialled B"
        ]
    );
}

#[test]
fn a_rejected_call_goes_back_or_is_released() {
    let mut stage = Stage::centre();
    stage.signs_in(&[101]);
    let caller = stage.offer("a", "700");
    let device = stage.dialled();
    stage.wishes(101, AgentWish::Reject { call: None, requeue: true });
    assert_eq!(stage.mode(101), Mode::NotReady { reason: 7 });
    assert!(stage.tenant.call(stage.call_of(caller)).unwrap().waiting.is_some());
    stage.ends(device, 487);
    stage.wishes(101, AgentWish::Ready);
    stage.wishes(101, AgentWish::Reject { call: None, requeue: false });
    assert!(stage.events().contains(&"leg.releasing A 603".to_owned()), "{:?}", stage.events());
    assert_eq!(stage.mode(101), Mode::Ready);
    assert_eq!(stage.refused(101, AgentWish::Reject { call: None, requeue: true }), "no call waits for an answer");
}

#[test]
fn what_a_phone_does_is_told() {
    let mut stage = Stage::centre();
    stage.signs_in(&[101]);
    for (rings, status, expected) in [(true, 486, "Busy"), (true, 480, "OnHook"), (false, 404, "Unknown")] {
        stage.wishes(101, AgentWish::Ready);
        let caller = stage.offer("a", "700");
        let device = stage.dialled();
        if rings {
            stage.rings(device);
        }
        stage.ends(device, status);
        assert_eq!(stage.events()[1], format!("agent.phone 101 {expected}"));
        stage.ends(caller, 487);
    }
    stage.wishes(101, AgentWish::Ready);
    stage.offer("a", "700");
    let device = stage.dialled();
    stage.rings(device);
    stage.fires(TimerKey::NoAnswer(device));
    assert_eq!(
        stage.events()[..3],
        ["call.agent_left 101 NoAnswer".to_owned(), stage.events()[1].clone(), "agent.phone 101 OnHook".to_owned()]
    );
}

// ---- overflow ----------------------------------------------------------------------------------------------------------

#[test]
fn a_full_queue_sends_on_and_two_full_queues_do_not_play_ball() {
    let mut stage = Stage::centre();
    stage.changes_queue(1, |queue| (queue.max_waiting, queue.when_full) = (1, Overflow::Queue(queue_id(2))));
    stage.changes_queue(2, |queue| (queue.max_waiting, queue.when_full) = (0, Overflow::Queue(queue_id(1))));
    stage.offer("a", "700");
    stage.offer("a", "700");
    let (events, last) = (stage.events(), stage.last_cause());
    assert_eq!(events.iter().filter(|event| event.starts_with("call.queued")).count(), 9, "eight hops: {events:?}");
    assert_eq!(last.text.as_deref(), Some("the queue is full"));
}

#[test]
fn a_caller_who_waited_too_long_goes_to_a_number_of_the_network() {
    let mut stage = Stage::centre();
    stage.changes_queue(1, |queue| (queue.max_wait_s, queue.when_late) = (60, Overflow::Number(Number::new("0301").unwrap())));
    let caller = stage.offer("a", "700");
    stage.passes(60);
    stage.fires(TimerKey::Waiting(stage.call_of(caller), queue_id(1)));
    let target = stage.dialled();
    stage.rings(target);
    assert_eq!(stage.hears(caller), Audio::Tone(Tone::Ringback));
    stage.answers(target);
    assert_eq!(stage.hears(caller), Audio::Leg(target));
}

#[test]
fn without_agents_the_caller_is_told_so_and_the_last_to_sign_out_sends_the_others_away() {
    let mut stage = Stage::centre();
    stage.signs_in(&[101, 102]);
    stage.changes_queue(1, |queue| queue.when_no_agent = Overflow::Release(Some("closed".into())));
    stage.wishes(101, AgentWish::NotReady { reason: 0 });
    stage.wishes(102, AgentWish::NotReady { reason: 0 });
    let waiting = stage.offer("a", "700");
    stage.wishes(101, AgentWish::SignOut(SignOutReason::Asked));
    assert_eq!(stage.hears(waiting), Audio::Music { name: "@music".into() });
    stage.wishes(102, AgentWish::SignOut(SignOutReason::Asked));
    assert_eq!(stage.hears(waiting), Audio::Prompt { name: "closed".into(), repeat: false });
    let late = stage.offer("a", "700");
    assert_eq!(stage.hears(late), Audio::Prompt { name: "closed".into(), repeat: false });
    stage.does(Command::PromptEnded { leg: late });
    assert!(stage.events().contains(&"leg.releasing B 200".to_owned()), "{:?}", stage.events());
}

// ---- the last agent ----------------------------------------------------------------------------------------------------

#[test]
fn a_returning_caller_waits_for_its_last_agent_for_a_while() {
    let mut stage = Stage::centre();
    stage.changes_queue(1, |queue| (queue.sticky_s, queue.sticky_wait_s) = (600, 20));
    stage.signs_in(&[101]);
    let caller = stage.offer_as("a", "13800000001", "700");
    let device = stage.dialled();
    stage.answers(device);
    stage.wishes(101, AgentWish::Answer { call: None });
    stage.ends(caller, 200);
    stage.ends(device, 200);
    stage.wishes(101, AgentWish::NotReady { reason: 0 });
    stage.signs_in(&[102]);

    let again = stage.offer_as("a", "13800000001", "700");
    let call = stage.call_of(again);
    assert_eq!(stage.tenant.call(call).unwrap().waiting.as_ref().unwrap().sticky, Some(work(101)), "102 is free, 101 is waited for");
    stage.passes(20);
    stage.fires(TimerKey::Waiting(call, queue_id(1)));
    assert_eq!(stage.events()[..2], ["call.sticky_ended 101", "call.offered 102"]);

    let third = stage.offer_as("a", "13800000001", "700");
    stage.wishes(101, AgentWish::Ready);
    assert_eq!(stage.tenant.session(work(101)).unwrap().calls, [stage.call_of(third)]);
}

// ---- what callers hear -------------------------------------------------------------------------------------------------

#[test]
fn a_waiting_caller_is_greeted_told_its_place_and_then_its_agent() {
    let mut stage = Stage::centre();
    stage.changes_queue(1, |queue| {
        queue.announcements = Announcements { greeting: Some("hello".into()), every_s: 30, agent_number: true, ..Default::default() };
    });
    stage.offer("a", "700");
    let caller = stage.offer("a", "700");
    let call = stage.call_of(caller);
    assert_eq!(stage.hears(caller), Audio::Sequence { names: vec!["hello".into()], repeat: false });
    stage.does(Command::PromptEnded { leg: caller });
    assert_eq!(stage.hears(caller), Audio::Music { name: "@music".into() });
    stage.passes(30);
    stage.fires(TimerKey::Announce(call));
    assert_eq!(stage.hears(caller), Audio::Sequence { names: crate::spoken::position(Default::default(), 2), repeat: false });
    assert!(stage.timers().contains(&"+announce 30".to_owned()));

    stage.signs_in(&[101, 102]);
    let device = stage.dialled();
    stage.answers(device);
    stage.wishes(102, AgentWish::Answer { call: None });
    assert_eq!(stage.hears(caller), Audio::Sequence { names: crate::spoken::agent_number(Default::default(), "102"), repeat: false });
    stage.does(Command::PromptEnded { leg: caller });
    assert_eq!(stage.hears(caller), Audio::Leg(device));
}

#[test]
fn who_waits_is_explained() {
    let mut stage = Stage::centre();
    stage.signs_in(&[101, 102]);
    stage.wishes(102, AgentWish::NotReady { reason: 201 });
    stage.served("700");
    let waiting = stage.offer("a", "700");
    stage.passes(3);
    let why = stage.tenant.explain_waiting(stage.now, stage.call_of(waiting)).unwrap();
    assert_eq!((why.position, why.waiting, why.waited_ms), (1, 1, 3000));
    let obstacles: Vec<_> = why.agents.into_iter().map(|not| (not.agent.get(), not.obstacle)).collect();
    let talking = stage.tenant.session(work(101)).unwrap().calls.clone();
    assert_eq!(
        obstacles,
        [(101, Obstacle::InCalls(talking)), (102, Obstacle::Mode(Mode::NotReady { reason: 201 })), (103, Obstacle::SignedOut)]
    );
}
