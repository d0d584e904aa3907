use super::centre::*;
use super::*;
use crate::agent::{AgentWish, SignIn};

fn play(from_ms: u64, times: u16) -> AgentWish {
    AgentWish::Play { path: "day/101/a.wav".into(), from_ms, times }
}

fn listening(times: u16) -> (Stage, LegId) {
    let mut s = Stage::centre();
    s.signs_in(&[101]);
    s.wishes(101, play(1_000, times));
    let leg = s.dialled();
    s.answers(leg);
    (s, leg)
}

/// cc-gateway.md §2.8 beginPlay.
#[test]
fn a_recording_is_played_to_the_agents_phone() {
    let mut s = Stage::centre();
    s.signs_in(&[101]);
    s.wishes(101, play(1_000, 1));
    assert_eq!(s.events(), ["call.originated", "call.offered 101", "playback.asked", "leg.dialled A"]);
    let leg = s.dialled();
    s.answers(leg);
    assert_eq!(s.events(), ["leg.answered A", "agent.phone 101 OffHook", "call.agent_joined 101", "playback.started"]);
    assert_eq!(s.orders(), ["A hears recording day/101/a.wav 1000"]);
    let waiting = s.offer("a", "700");
    assert!(!s.events().iter().any(|event| event.starts_with("call.offered")), "the agent is occupied");
    s.ends(waiting, 200);
    s.does(Command::PromptEnded { leg });
    assert_eq!(
        s.events(),
        ["playback.ended", "call.agent_left 101 Over", "leg.releasing A 200", "agent.phone 101 OnHook", "agent.mode 101 ready"]
    );
    s.ends(leg, 200);
    assert_eq!(s.tenant.calls().len(), 0);
}

#[test]
fn where_it_is_follows_the_clock() {
    let (mut s, _) = listening(1);
    s.passes(4);
    s.wishes(101, AgentWish::PausePlay);
    assert_eq!((s.events(), s.orders()), (vec!["playback.moved".to_owned()], vec!["A hears silence".to_owned()]));
    s.passes(60);
    s.wishes(101, AgentWish::ResumePlay);
    assert_eq!(s.orders(), ["A hears recording day/101/a.wav 5000"]);
    s.passes(1);
    s.wishes(101, AgentWish::JumpPlay(10_000));
    assert_eq!(s.orders(), ["A hears recording day/101/a.wav 16000"]);
    s.passes(1);
    s.wishes(101, AgentWish::JumpPlay(-60_000));
    assert_eq!(s.orders(), ["A hears recording day/101/a.wav 0"]);
    s.wishes(101, AgentWish::JumpPlay(0));
    assert_eq!(s.orders(), ["A hears recording day/101/a.wav 0"], "the same place again is an order of its own");
    s.wishes(101, AgentWish::PausePlay);
    s.wishes(101, AgentWish::JumpPlay(3_000));
    assert!(s.orders().is_empty(), "paused stays paused");
    s.wishes(101, AgentWish::ResumePlay);
    assert_eq!(s.orders(), ["A hears recording day/101/a.wav 3000"]);
}

#[test]
fn each_time_but_the_first_plays_from_the_begin() {
    let (mut s, leg) = listening(3);
    for _ in 0..2 {
        s.does(Command::PromptEnded { leg });
        assert_eq!((s.events(), s.orders()), (vec!["playback.moved".to_owned()], vec!["A hears recording day/101/a.wav 0".to_owned()]));
    }
    s.does(Command::PromptEnded { leg });
    assert_eq!(s.events()[0], "playback.ended");
}

#[test]
fn what_cannot_be_played_is_over_with_the_reason() {
    let (mut s, leg) = listening(5);
    s.does(Command::PromptFailed { leg, reason: "no such file".into() });
    let failed = s.out.events.iter().find_map(|envelope| match &envelope.event {
        Event::Call(_, CallEvent::PlaybackEnded(it)) => it.failed.clone(),
        _ => None,
    });
    assert_eq!(failed.unwrap(), "no such file");
    assert!(s.tenant.session(work(101)).unwrap().is_free());
}

#[test]
fn an_agent_stops_it_or_hangs_up() {
    let (mut s, _) = listening(1);
    s.wishes(101, AgentWish::StopPlay);
    assert_eq!(s.events()[..2], ["playback.ended", "call.agent_left 101 Over"]);
    let (mut s, leg) = listening(1);
    s.ends(leg, 200);
    assert_eq!(
        s.events(),
        [
            "leg.ended A 200",
            "call.agent_left 101 Released",
            "agent.phone 101 OnHook",
            "agent.mode 101 ready",
            "playback.ended",
            "call.ended 200"
        ]
    );
}

#[test]
fn a_phone_that_does_not_come_ends_it() {
    let mut s = Stage::centre();
    s.signs_in(&[101]);
    s.wishes(101, play(0, 1));
    let leg = s.dialled();
    s.ends(leg, 486);
    assert!(s.events().contains(&"playback.ended".to_owned()), "{:?}", s.events());
    assert_eq!(s.tenant.calls().len(), 0);
    assert_eq!(s.mode(101), crate::agent::Mode::Ready);
}

#[test]
fn a_phone_that_stays_connected_goes_back_to_its_line() {
    let mut s = Stage::centre();
    s.wishes(101, AgentWish::SignIn(SignIn { keep_phone: true, ..sign_in("1001") }));
    s.wishes(101, play(0, 1));
    let leg = s.dialled();
    s.answers(leg);
    s.does(Command::PromptEnded { leg });
    assert!(s.tenant.leg(leg).unwrap().is_up());
    s.wishes(101, play(0, 1));
    assert!(s.events().contains(&"playback.started".to_owned()), "at once: {:?}", s.events());
    assert_eq!(s.orders(), ["A hears recording day/101/a.wav 0"]);
}

#[test]
fn playing_is_refused_with_what_is_wrong() {
    let (mut s, _) = listening(1);
    assert_eq!(s.refused(101, play(0, 1)), "can't start playback now");
    assert_eq!(s.refused(101, AgentWish::ResumePlay), "can't resume playback now");
    s.wishes(101, AgentWish::StopPlay);
    for (wish, what) in [
        (AgentWish::PausePlay, "pause"),
        (AgentWish::ResumePlay, "resume"),
        (AgentWish::JumpPlay(1), "forward"),
        (AgentWish::JumpPlay(-1), "rewind"),
        (AgentWish::StopPlay, "stop"),
    ] {
        assert_eq!(s.refused(101, wish), format!("can't {what} playback now"));
    }
    assert!(s.refused(101, play(0, 0)).contains("1 to 100"));
    let path = "../../etc/passwd".into();
    assert!(s.refused(101, AgentWish::Play { path, from_ms: 0, times: 1 }).contains("below the tenant's recordings"));
}
