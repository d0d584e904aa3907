use super::centre::*;
use super::*;
use crate::agent::{AgentRole, AgentWish, Mode, Reach, SuperviseMode};

use SuperviseMode::{Join, Listen, Whisper};

/// Agents 101 and 102; 103 supervises. A customer (A) talks with 101 (B).
fn talking() -> (Stage, LegId, LegId) {
    let mut s = Stage::centre();
    s.does(Command::ChangeAgent(crate::agent::Agent { role: AgentRole::Supervisor, skills: Vec::new(), ..agent(103, &[]) }));
    s.signs_in(&[101]);
    let (caller, device, _) = s.served("700");
    s.signs_in(&[102, 103]);
    (s, caller, device)
}

fn supervise(mode: SuperviseMode) -> AgentWish {
    AgentWish::Supervise { agent: work(101), mode }
}

/// And 103 sits in (C).
fn sitting_in(mode: SuperviseMode) -> (Stage, LegId, LegId, LegId) {
    let (mut s, caller, device) = talking();
    s.wishes(103, supervise(mode));
    let leg = s.dialled();
    s.answers(leg);
    (s, caller, device, leg)
}

/// cc-gateway.md §4.3.
#[test]
fn a_supervisor_listens_joins_and_leaves() {
    let (mut s, _, _) = talking();
    s.wishes(103, supervise(Listen));
    assert_eq!(s.events(), ["call.offered 103", "call.supervision_asked", "leg.dialled C"]);
    let leg = s.dialled();
    s.rings(leg);
    assert_eq!(s.events(), ["leg.ringing C", "agent.phone 103 Alerting"]);
    s.answers(leg);
    assert_eq!(s.events(), ["leg.answered C", "agent.phone 103 OffHook", "call.agent_joined 103", "call.supervised"]);
    assert_eq!(s.orders(), ["C hears AB"], "and nobody hears it");
    s.wishes(103, supervise(Join));
    assert_eq!(s.events(), ["call.supervised"]);
    assert_eq!(s.orders(), ["A hears BC", "B hears AC"]);
    s.wishes(103, supervise(Whisper));
    assert_eq!(s.orders(), ["A hears B"], "the agent alone hears it now");
    s.wishes(103, supervise(Whisper));
    assert!(s.events().is_empty(), "it is so already");
    s.wishes(103, AgentWish::StopSupervising { agent: work(101) });
    assert_eq!(
        s.events(),
        ["call.agent_left 103 Over", "leg.releasing C 200", "agent.phone 103 OnHook", "agent.mode 103 ready", "call.supervision_ended"]
    );
    assert_eq!(s.orders(), ["release C 200", "B hears A"]);
}

#[test]
fn the_mode_may_change_while_the_phone_still_rings() {
    let (mut s, caller, device) = talking();
    s.wishes(103, supervise(Listen));
    let leg = s.dialled();
    s.wishes(103, supervise(Join));
    assert_eq!(s.events(), ["call.supervision_asked"]);
    s.answers(leg);
    assert_eq!(s.hears(caller), Audio::Mix(vec![device, leg]));
}

#[test]
fn supervision_ends_with_the_agents_part() {
    let (mut s, caller, device, _) = sitting_in(Listen);
    s.ends(caller, 200);
    assert_eq!(
        s.events(),
        [
            "leg.ended A 200",
            "legs.parted AB",
            "call.agent_left 101 OtherGone",
            "leg.releasing B 200",
            "agent.phone 101 OnHook",
            "agent.mode 101 ready",
            "call.agent_left 103 Over",
            "leg.releasing C 200",
            "agent.phone 103 OnHook",
            "agent.mode 103 ready",
            "call.supervision_ended"
        ]
    );
    s.ends(device, 200);
    assert!(s.tenant.session(work(103)).unwrap().is_free());
}

#[test]
fn a_supervisor_that_hangs_up_leaves_the_talk_as_it_was() {
    let (mut s, _, _, leg) = sitting_in(Join);
    s.ends(leg, 200);
    assert_eq!(
        s.events(),
        ["leg.ended C 200", "call.agent_left 103 Released", "agent.phone 103 OnHook", "agent.mode 103 ready", "call.supervision_ended"]
    );
    assert_eq!(s.orders(), ["A hears B", "B hears A"]);
}

#[test]
fn a_supervisor_whose_phone_does_not_come_was_never_there() {
    let (mut s, _, _) = talking();
    s.wishes(103, supervise(Listen));
    let leg = s.dialled();
    s.ends(leg, 486);
    assert_eq!(s.events(), ["leg.ended C 486", "agent.phone 103 Busy", "call.agent_left 103 Rejected", "agent.mode 103 ready"]);
    s.wishes(103, supervise(Listen));
    let leg = s.dialled();
    s.wishes(103, AgentWish::StopSupervising { agent: work(101) });
    assert_eq!(s.events()[..2], ["call.agent_left 103 Over", "leg.releasing D 487"]);
    s.ends(leg, 487);
    assert!(s.tenant.session(work(103)).unwrap().is_free());
}

#[test]
fn held_and_muted_are_heard_by_no_supervisor_either() {
    let (mut s, caller, device, leg) = sitting_in(Listen);
    s.wishes(101, AgentWish::Mute);
    assert_eq!(s.hears(leg), Audio::Leg(caller));
    s.wishes(101, AgentWish::Unmute);
    s.wishes(101, AgentWish::Hold);
    assert_eq!((s.hears(leg), s.hears(device)), (Audio::Silence, Audio::Silence));
    s.wishes(101, AgentWish::Retrieve { call: None });
    assert_eq!(s.hears(leg), Audio::Mix(vec![caller, device]));
}

#[test]
fn a_supervisor_follows_its_agent_into_a_consultation_and_back() {
    let (mut s, caller, device, leg) = sitting_in(Listen);
    let call = s.call_of(caller);
    s.wishes(101, AgentWish::Consult { to: Reach::Agent(work(102)), three_party: false, data: "".into() });
    let helper = s.dialled();
    assert_eq!((s.call_of(device), s.call_of(leg)), (s.call_of(helper), s.call_of(helper)));
    s.answers(helper);
    s.wishes(102, AgentWish::Answer { call: None });
    assert_eq!(s.hears(leg), Audio::Mix(vec![device, helper]));
    assert!(matches!(s.hears(caller), Audio::Music { .. }));
    s.ends(helper, 200);
    assert_eq!((s.call_of(device), s.call_of(leg)), (call, call));
    assert_eq!(s.hears(leg), Audio::Mix(vec![caller, device]));
    assert!(!s.events().iter().any(|event| event.contains("supervision_ended")), "{:?}", s.events());
}

#[test]
fn a_supervisor_takes_the_customer_over() {
    let (mut s, caller, _, leg) = sitting_in(Listen);
    s.wishes(103, AgentWish::Intercept { agent: work(101) });
    assert_eq!(
        s.events(),
        [
            "call.supervision_ended",
            "call.intercepted",
            "legs.bridged ABC",
            "call.agent_left 101 Intercepted(WorkNumber(103))",
            "leg.releasing B 200",
            "agent.phone 101 OnHook",
            "agent.mode 101 ready",
            "legs.bridged AC"
        ]
    );
    assert_eq!(s.orders(), ["release B 200", "A hears C", "C hears A"]);
    assert_eq!(s.tenant.session(work(103)).unwrap().calls, [s.call_of(leg)]);
    s.ends(caller, 200);
    assert!(s.events().contains(&"call.agent_left 103 OtherGone".to_owned()));
}

/// cc-gateway.md §2.7: the agent becomes idle.
#[test]
fn who_loses_its_customer_to_a_supervisor_has_nothing_to_wrap_up() {
    let (mut s, ..) = sitting_in(Listen);
    s.wishes(101, AgentWish::SetAutoReady(false));
    s.wishes(103, AgentWish::Intercept { agent: work(101) });
    assert!(s.events().contains(&"agent.mode 101 ready".to_owned()));
}

#[test]
fn a_customer_on_hold_can_be_taken_over() {
    let (mut s, caller, _, leg) = sitting_in(Listen);
    s.wishes(101, AgentWish::Hold);
    s.wishes(103, AgentWish::Intercept { agent: work(101) });
    assert_eq!((s.hears(caller), s.hears(leg)), (Audio::Leg(leg), Audio::Leg(caller)));
}

#[test]
fn two_supervisors_may_sit_in() {
    let (mut s, caller, device, first) = sitting_in(Listen);
    s.does(Command::ChangeAgent(crate::agent::Agent { role: AgentRole::Supervisor, ..agent(102, &[]) }));
    s.wishes(102, supervise(Join));
    let second = s.dialled();
    s.answers(second);
    assert_eq!(s.hears(first), Audio::Mix(vec![caller, device, second]));
    assert_eq!(s.hears(second), Audio::Mix(vec![caller, device]));
    s.ends(caller, 200);
    for agent in [101, 102, 103] {
        assert!(s.tenant.session(work(agent)).unwrap().is_free(), "{agent}");
    }
}

#[test]
fn sitting_in_is_refused_with_what_is_wrong() {
    let (mut s, ..) = talking();
    let on = |agent: u32| AgentWish::Supervise { agent: work(agent), mode: Listen };
    assert_eq!(s.refused(102, on(101)), "only a supervisor may sit in");
    assert_eq!(s.refused(103, on(103)), "an agent can't supervise itself");
    assert_eq!(s.refused(103, on(999)), "there is no agent 999");
    assert_eq!(s.refused(103, on(102)), "agent 102 is not in a state for that");
    assert_eq!(s.refused(103, AgentWish::StopSupervising { agent: work(101) }), "agent 101 is not in a state for that");
    assert_eq!(s.refused(103, AgentWish::Intercept { agent: work(101) }), "agent 101 is not in a state for that");
    s.wishes(103, AgentWish::NotReady { reason: 0 });
    assert_eq!(s.refused(103, on(101)), "not possible while not idle");
    s.wishes(102, AgentWish::SignOut(crate::agent::SignOutReason::Asked));
    assert_eq!(s.refused(103, on(102)), "agent 102 is not signed in");
}

#[test]
fn modes_are_forced_at_once_or_after_the_call() {
    let (mut s, caller, _) = talking();
    let force = |agent: u32, mode: Mode| AgentWish::ForceMode { agent: work(agent), mode };
    s.wishes(103, force(102, Mode::NotReady { reason: 0 }));
    assert_eq!(s.events(), ["agent.mode 102 busy 3"]);
    s.wishes(103, force(102, Mode::Ready));
    assert_eq!(s.events(), ["agent.mode 102 ready"]);
    let until = s.now + Duration::from_secs(600);
    s.wishes(103, force(102, Mode::Rest { cause: 7, until }));
    assert_eq!((s.events(), s.timers()), (vec!["agent.mode 102 rest 7".to_owned()], vec!["+mode 102 600".to_owned()]));
    s.wishes(103, force(101, Mode::NotReady { reason: 0 }));
    assert_eq!(s.events(), ["agent.mode_deferred 101 busy 3"]);
    s.ends(caller, 200);
    assert_eq!(s.mode(101), Mode::NotReady { reason: 3 });
    let rest = Mode::Rest { cause: 1, until: s.now };
    assert!(s.refused(103, force(102, rest)).contains("1 to 86399"));
    assert!(s.refused(103, force(102, Mode::WrapUp { until: None })).contains("ready, busy or rest"));
    assert_eq!(s.refused(102, force(101, Mode::Ready)), "only a supervisor may force a mode");
    assert_eq!(s.refused(103, force(103, Mode::Ready)), "an agent can't supervise itself");
}

#[test]
fn an_agent_is_forced_out_and_its_call_with_it() {
    let (mut s, caller, device) = talking();
    assert_eq!(s.refused(102, AgentWish::ForceSignOut { agent: work(101) }), "only a supervisor may sign others out");
    s.wishes(103, AgentWish::ForceSignOut { agent: work(101) });
    assert!(s.tenant.session(work(101)).is_none());
    s.ends(device, 200);
    assert!(!s.tenant.leg(caller).unwrap().is_live());
}

#[test]
fn a_call_is_released_by_force() {
    let (mut s, caller, device) = talking();
    let call = s.call_of(caller);
    assert_eq!(s.refused(102, AgentWish::ForceRelease { call }), "only a supervisor may release others' calls");
    s.wishes(103, AgentWish::ForceRelease { call });
    assert!(s.events().contains(&"call.agent_left 101 Dropped".to_owned()), "{:?}", s.events());
    assert!(!s.tenant.leg(caller).unwrap().is_live() && !s.tenant.leg(device).unwrap().is_live());
    s.ends(caller, 200);
    s.ends(device, 200);
    assert_eq!(s.tenant.calls().len(), 0);
    assert!(s.refused(103, AgentWish::ForceRelease { call }).contains("not one of"));
    let waiting = s.offer("a", "701");
    s.wishes(103, AgentWish::ForceRelease { call: s.call_of(waiting) });
    assert!(!s.tenant.leg(waiting).unwrap().is_live());
}

#[test]
fn skills_are_adjusted_within_what_an_agent_may_serve() {
    let (mut s, ..) = talking();
    let adjust = |skills: &[u16]| AgentWish::AdjustSkills { agent: work(102), skills: skills.iter().map(|id| queue_id(*id)).collect() };
    s.wishes(103, adjust(&[2, 2]));
    assert_eq!(s.events(), ["agent.skills 102"]);
    assert_eq!(s.tenant.session(work(102)).unwrap().queues.iter().copied().collect::<Vec<_>>(), [queue_id(2)]);
    assert_eq!(s.refused(103, adjust(&[9])), "queue 9 is not known, or not one this agent may serve");
    assert_eq!(s.refused(101, adjust(&[1])), "only a supervisor may adjust skills");
}
