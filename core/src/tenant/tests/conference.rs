use super::centre::*;
use super::*;
use crate::agent::{AgentWish, PartEnd, Reach};

fn agents(numbers: &[u32]) -> Vec<Reach> {
    numbers.iter().map(|number| Reach::Agent(work(*number))).collect()
}

fn outside(number: &str) -> Reach {
    Reach::Number(number.into())
}

/// 101 (A) chairs a conference of at most five, for half an hour.
fn chaired() -> (Stage, LegId) {
    let mut s = Stage::centre();
    s.signs_in(&[101, 102, 103]);
    s.wishes(101, AgentWish::BeginConference { members: 5, minutes: 30 });
    let chair = s.dialled();
    s.answers(chair);
    (s, chair)
}

/// And 102 (B) and an outside party (C) are in it.
fn three() -> (Stage, LegId, LegId, LegId) {
    let (mut s, chair) = chaired();
    s.wishes(101, AgentWish::Invite(agents(&[102])));
    let colleague = s.dialled();
    s.answers(colleague);
    s.wishes(102, AgentWish::Answer { call: None });
    s.wishes(101, AgentWish::Invite(vec![outside("0123")]));
    let party = s.dialled();
    s.answers(party);
    (s, chair, colleague, party)
}

/// Who left how, in the last command.
fn left(s: &Stage) -> Vec<(Reach, PartEnd)> {
    let one = |envelope: &Envelope| match &envelope.event {
        Event::Call(_, CallEvent::ConferenceLeft(it)) => Some((it.member.clone(), it.end.clone())),
        _ => None,
    };
    s.out.events.iter().filter_map(one).collect()
}

fn all_free(s: &Stage) -> bool {
    [101, 102, 103].iter().all(|agent| s.tenant.session(work(*agent)).unwrap().is_free())
}

/// cc-gateway.md §2.12 requestAgentConf.
#[test]
fn a_conference_begins_with_its_chair_and_grows() {
    let mut s = Stage::centre();
    s.signs_in(&[101, 102]);
    s.wishes(101, AgentWish::BeginConference { members: 5, minutes: 30 });
    assert_eq!(s.events(), ["call.originated", "call.offered 101", "conference.began", "conference.invited", "leg.dialled A"]);
    assert!(s.timers().contains(&"+conference 1740".to_owned()), "{:?}", s.timers());
    let chair = s.dialled();
    s.answers(chair);
    assert_eq!(s.events(), ["leg.answered A", "agent.phone 101 OffHook", "call.agent_joined 101", "conference.joined"]);
    assert_eq!(s.hears(chair), Audio::Silence);

    s.wishes(101, AgentWish::Invite(agents(&[102])));
    assert_eq!(s.events(), ["conference.invited", "call.offered 102", "leg.dialled B"]);
    let colleague = s.dialled();
    s.answers(colleague);
    assert_eq!(s.events(), ["leg.answered B", "agent.phone 102 OffHook", "call.agent_alerting 102"]);
    s.wishes(102, AgentWish::Answer { call: None });
    assert_eq!(s.events(), ["call.agent_joined 102", "conference.joined", "legs.bridged AB"]);
    assert_eq!((s.orders(), s.timers()), (vec!["A hears B".to_owned(), "B hears A".to_owned()], vec!["-offer 102".to_owned()]));

    s.wishes(101, AgentWish::Invite(vec![outside("0123")]));
    assert_eq!(s.events(), ["conference.invited", "leg.dialled C"]);
    let party = s.dialled();
    s.answers(party);
    assert_eq!(s.events(), ["leg.answered C", "conference.joined", "legs.bridged ABC"]);
    assert_eq!(s.orders(), ["A hears BC", "B hears AC", "C hears AB"]);
}

#[test]
fn those_who_do_not_come_are_told_of() {
    let (mut s, _) = chaired();
    s.wishes(103, AgentWish::NotReady { reason: 0 });
    s.wishes(101, AgentWish::Invite(agents(&[102, 103])));
    assert_eq!(left(&s), [(Reach::Agent(work(103)), PartEnd::PhoneFailed)], "who is not free does not keep the others out");
    let colleague = s.dialled();
    s.answers(colleague);
    s.wishes(102, AgentWish::Reject { call: None, requeue: false });
    assert_eq!(left(&s), [(Reach::Agent(work(102)), PartEnd::Rejected)]);
    s.wishes(101, AgentWish::Invite(vec![outside("1003")]));
    let party = s.dialled();
    s.ends(party, 486);
    assert_eq!(left(&s), [(outside("1003"), PartEnd::NoAnswer)]);
    let call = s.tenant.session(work(101)).unwrap().calls[0];
    assert_eq!(s.tenant.call(call).unwrap().conference.as_ref().unwrap().members.len(), 1, "the chair alone");
}

#[test]
fn an_outside_party_is_tried_through_each_trunk_once() {
    let (mut s, _) = chaired();
    s.wishes(101, AgentWish::Invite(vec![outside("0123")]));
    let first = s.dialled();
    s.ends(first, 503);
    assert_eq!(s.events(), ["leg.ended B 503", "leg.dialled C"]);
    let second = s.dialled();
    s.ends(second, 503);
    assert_eq!(s.events(), ["leg.ended C 503", "conference.left"]);
}

#[test]
fn a_member_leaves_and_the_others_go_on() {
    let (mut s, _, colleague, party) = three();
    s.wishes(102, AgentWish::LeaveConference);
    assert_eq!(left(&s), [(Reach::Agent(work(102)), PartEnd::Released)]);
    assert_eq!(s.orders(), ["release B 200", "A hears C", "C hears A"]);
    s.ends(colleague, 200);
    s.ends(party, 200);
    assert_eq!(left(&s), [(outside("0123"), PartEnd::Released)]);
    assert_eq!(s.orders(), ["A hears silence"]);
}

#[test]
fn the_chair_puts_members_out() {
    let (mut s, ..) = three();
    assert_eq!(s.refused(102, AgentWish::Expel(agents(&[101]))), "only the chair may do that");
    assert_eq!(s.refused(101, AgentWish::Expel(agents(&[101]))), "the chair can't put itself out");
    assert_eq!(s.refused(101, AgentWish::Expel(agents(&[103]))), "`103` is not in the call");
    s.wishes(101, AgentWish::Expel(vec![Reach::Agent(work(102)), outside("0123"), Reach::Agent(work(103))]));
    assert_eq!(left(&s), [(Reach::Agent(work(102)), PartEnd::Dropped), (outside("0123"), PartEnd::Dropped)]);
    assert!(s.tenant.session(work(102)).unwrap().is_free());
}

#[test]
fn a_held_member_neither_hears_nor_is_heard() {
    let (mut s, chair, colleague, party) = three();
    s.wishes(101, AgentWish::HoldMember { member: outside("0123"), held: true });
    assert_eq!(
        (s.events(), s.orders()),
        (vec!["conference.held".to_owned()], vec!["A hears B".to_owned(), "B hears A".to_owned(), "C hears silence".to_owned()])
    );
    s.wishes(101, AgentWish::HoldMember { member: Reach::Agent(work(102)), held: true });
    assert_eq!(s.orders(), ["A hears silence", "B hears silence"]);
    s.wishes(101, AgentWish::HoldMember { member: outside("0123"), held: false });
    assert_eq!((s.hears(party), s.hears(colleague)), (Audio::Leg(chair), Audio::Silence));
    assert_eq!(s.refused(101, AgentWish::HoldMember { member: outside("9"), held: true }), "`9` is not in the call");
}

#[test]
fn the_chair_is_handed_over() {
    let (mut s, ..) = three();
    assert_eq!(s.refused(101, AgentWish::LeaveConference), "the chair can't leave the conference");
    assert_eq!(s.refused(101, AgentWish::HandChair(work(101))), "the chair can't hand over to itself");
    assert_eq!(s.refused(101, AgentWish::HandChair(work(103))), "`103` is not in the call");
    assert_eq!(s.refused(102, AgentWish::HandChair(work(102))), "only the chair may do that");
    s.wishes(101, AgentWish::HandChair(work(102)));
    assert_eq!(s.events(), ["conference.changed"]);
    s.wishes(101, AgentWish::LeaveConference);
    s.wishes(102, AgentWish::EndConference);
    assert!(all_free(&s));
}

#[test]
fn a_chair_that_hangs_up_is_followed_by_the_next_agent() {
    let (mut s, chair, colleague, party) = three();
    s.ends(chair, 200);
    let events = s.events();
    assert!(events.contains(&"conference.changed".to_owned()), "{events:?}");
    assert_eq!((s.hears(colleague), s.hears(party)), (Audio::Leg(party), Audio::Leg(colleague)));
    s.ends(colleague, 200);
    assert!(s.events().contains(&"leg.releasing C 200".to_owned()), "without an agent it ends: {:?}", s.events());
    s.ends(party, 200);
    assert!(all_free(&s));
    assert_eq!(s.tenant.calls().len(), 0);
}

#[test]
fn the_chair_ends_it_for_all() {
    let (mut s, chair, colleague, party) = three();
    assert_eq!(s.refused(102, AgentWish::EndConference), "only the chair may do that");
    s.wishes(101, AgentWish::EndConference);
    assert_eq!(left(&s).len(), 3);
    assert!(left(&s).iter().all(|(_, end)| *end == PartEnd::Over));
    assert!(s.timers().contains(&"-conference".to_owned()));
    for leg in [chair, colleague, party] {
        assert!(!s.tenant.leg(leg).unwrap().is_live());
        s.ends(leg, 200);
    }
    assert!(all_free(&s));
    assert_eq!(s.tenant.calls().len(), 0);
}

#[test]
fn its_time_is_nearly_over_and_then_over_unless_it_is_prolonged() {
    let (mut s, ..) = three();
    let call = s.tenant.session(work(101)).unwrap().calls[0];
    s.passes(29 * 60);
    s.fires(TimerKey::Conference(call));
    assert_eq!((s.events(), s.timers()), (vec!["conference.nearly_over".to_owned()], vec!["+conference 60".to_owned()]));
    s.wishes(101, AgentWish::Prolong(10));
    assert_eq!((s.events(), s.timers()), (vec!["conference.changed".to_owned()], vec!["+conference 600".to_owned()]));
    s.passes(600);
    s.fires(TimerKey::Conference(call));
    assert_eq!(s.events(), ["conference.nearly_over"]);
    s.passes(60);
    s.fires(TimerKey::Conference(call));
    assert!(all_free(&s));
    assert!(!s.timers().contains(&"-conference".to_owned()));
}

#[test]
fn its_size_bounds_those_who_are_called_too() {
    let (mut s, ..) = three();
    let more = || AgentWish::Invite(vec![outside("1"), outside("2"), outside("3")]);
    assert!(s.refused(101, more()).contains("has room for"));
    assert!(s.refused(101, AgentWish::Invite(vec![outside("0123")])).contains("not in the conference already"));
    s.wishes(101, AgentWish::Resize(1));
    s.wishes(101, more());
    assert!(s.refused(101, AgentWish::Resize(-1)).contains("room for all"));
    assert!(s.refused(101, AgentWish::Resize(27)).contains("2 to 32"));
    assert!(s.refused(102, AgentWish::Resize(1)).contains("only the chair"));
}

#[test]
fn a_prompt_is_played_to_all_or_to_one() {
    let (mut s, chair, colleague, party) = three();
    let prompt = Audio::Prompt { name: "rules".into(), repeat: false };
    s.wishes(101, AgentWish::PlayToConference { member: None, prompt: "rules".into(), stop: false });
    for leg in [chair, colleague, party] {
        assert_eq!(s.hears(leg), prompt);
    }
    assert_eq!(
        s.refused(101, AgentWish::PlayToConference { member: None, prompt: "more".into(), stop: false }),
        "can't start playback now"
    );
    s.does(Command::PromptEnded { leg: colleague });
    assert_eq!(s.events(), ["conference.playing"]);
    s.does(Command::PromptEnded { leg: party });
    assert!(s.events().is_empty(), "one speaks for all");
    s.wishes(101, AgentWish::PlayToConference { member: Some(outside("0123")), prompt: "rules".into(), stop: false });
    assert_eq!((s.hears(party), s.hears(chair)), (prompt, Audio::Mix(vec![colleague, party])));
    s.wishes(101, AgentWish::PlayToConference { member: None, prompt: "".into(), stop: true });
    assert_eq!(s.hears(party), Audio::Mix(vec![chair, colleague]));
    s.wishes(101, AgentWish::PlayToConference { member: Some(outside("0123")), prompt: "rules".into(), stop: false });
    s.ends(party, 200);
    assert!(s.events().contains(&"conference.playing".to_owned()), "who heard it has gone");
    assert!(s.refused(101, AgentWish::PlayToConference { member: None, prompt: "".into(), stop: true }).contains("can't stop"));
}

#[test]
fn what_cannot_be_is_refused() {
    let (mut s, _) = chaired();
    assert_eq!(s.refused(101, AgentWish::BeginConference { members: 5, minutes: 5 }), "already in a conference");
    assert_eq!(s.refused(102, AgentWish::Invite(agents(&[103]))), "not in a conference");
    assert_eq!(s.refused(102, AgentWish::LeaveConference), "not in a conference");
    for (members, minutes) in [(1, 5), (33, 5), (5, 0), (5, 1441)] {
        assert!(matches!(
            s.tell(Command::Agent { agent: work(102), wish: AgentWish::BeginConference { members, minutes } }),
            Err(Rejection::Agent(crate::agent::AgentRefusal::Invalid { .. }))
        ));
    }
    assert_eq!(s.refused(101, AgentWish::Invite(agents(&[999]))), "there is no agent 999");
    assert!(s.refused(101, AgentWish::Invite(vec![outside("not a number")])).contains("can't be reached"));
    assert!(s.refused(101, AgentWish::Invite(vec![outside("600")])).contains("can't be reached"));
    assert!(s.refused(101, AgentWish::Invite(vec![Reach::Queue(queue_id(1))])).contains("an agent or a number"));
    assert!(s.refused(101, AgentWish::Prolong(1440)).contains("no more than 1440"));
    let (caller, _, agent) = s.served("700");
    assert!(s.refused(agent, AgentWish::BeginConference { members: 5, minutes: 5 }).contains("in a call"));
    s.ends(caller, 200);
}
