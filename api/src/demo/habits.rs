//! What people do by chance, all of it from one seed: whom they call, how long they let it ring, how long they talk.

use std::ops::RangeInclusive;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Something that somebody does during a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Answers a ringing call.
    Answer,
    /// Refuses a ringing call with this status.
    Refuse(u16),
    /// Hangs up, if nobody answered so far.
    GiveUp,
    /// Hangs up.
    HangUp,
    /// Says something.
    Speak,
    /// Lets the other side speak.
    Listen,
    /// Puts the call on hold.
    Hold,
    /// Takes it up again.
    Resume,
    /// Presses a key.
    Press(char),
    /// Hands the call over to somebody else.
    HandOver,
}

/// How a call that comes in is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Welcome {
    /// It rings first; otherwise it is refused without.
    pub ring: bool,
    /// What is done in the end, and after how long. Nothing: nobody is there.
    pub then: Option<(Duration, Act)>,
}

/// Who talks: what they may do differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Placed the call, to a person.
    Caller,
    /// Placed the call, to a machine: it listens, and takes keys.
    Listener,
    /// A phone that was called.
    Called,
    /// Somebody outside who was called.
    Outsider,
    /// An agent's phone that was called.
    Agent,
}

/// The source of all chance.
#[derive(Debug)]
pub struct Habits {
    random: StdRng,
    tempo: f64,
}

/// Seconds of ringing until somebody answers.
const PICK_UP_S: RangeInclusive<f64> = 1.0..=5.0;
/// Seconds until somebody outside answers.
const PICK_UP_OUTSIDE_S: RangeInclusive<f64> = 1.0..=4.0;
/// Seconds a caller lets it ring.
const PATIENCE_S: RangeInclusive<f64> = 10.0..=18.0;
/// Seconds of a talk.
const TALK_S: RangeInclusive<f64> = 6.0..=40.0;
/// Mean of a talk's length beyond its least, in seconds.
const TALK_MEAN_S: f64 = 18.0;
/// Fewer calls than this and the next one comes soon: so one sees three at least, but for moments.
const LIVELY: usize = 4;

impl Habits {
    /// `tempo`: how much faster than life.
    pub fn new(seed: u64, tempo: f64) -> Self {
        let tempo = if tempo.is_finite() { tempo.clamp(0.1, 1000.0) } else { 1.0 };
        Habits { random: StdRng::seed_from_u64(seed), tempo }
    }

    fn seconds(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64((seconds / self.tempo).max(0.0))
    }

    /// Any time between these, in seconds of life.
    pub fn between(&mut self, seconds: RangeInclusive<f64>) -> Duration {
        let seconds = self.random.random_range(seconds);
        self.seconds(seconds)
    }

    /// Exponential with this mean, in seconds.
    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.random.random::<f64>()).ln()
    }

    /// True so often of a hundred times.
    pub fn percent(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    /// Any of them.
    pub fn any<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() { None } else { of.get(self.random.random_range(0..of.len())) }
    }

    /// Time until the next call is placed, when so many of at most `most` are up: soon if it is quiet, later the more there
    /// are.
    pub fn gap(&mut self, up: usize, most: usize) -> Duration {
        let mean = match up {
            _ if up < LIVELY.min(most) => 0.6,
            _ if up * 4 < most * 3 => 3.0,
            _ => 6.0,
        };
        let seconds = self.exponential(mean).clamp(0.1, 12.0);
        self.seconds(seconds)
    }

    /// How long a caller lets it ring.
    pub fn patience(&mut self) -> Duration {
        self.between(PATIENCE_S)
    }

    /// How a phone meets a call.
    pub fn phone_welcome(&mut self) -> Welcome {
        let then = match self.random.random_range(0..100) {
            0..=84 => Some((self.between(PICK_UP_S), Act::Answer)),
            85..=90 => Some((self.between(PICK_UP_S), Act::Refuse(486))),
            91..=92 => Some((self.between(PICK_UP_S), Act::Refuse(603))),
            _ => None,
        };
        Welcome { ring: true, then }
    }

    /// How an agent's phone meets a call: nearly always soon.
    pub fn agent_welcome(&mut self) -> Welcome {
        let then = self.percent(97).then(|| (self.between(0.6..=3.0), Act::Answer));
        Welcome { ring: true, then }
    }

    /// How the world outside meets a call.
    pub fn carrier_welcome(&mut self) -> Welcome {
        let soon = self.between(0.2..=0.8);
        match self.random.random_range(0..100) {
            0..=71 => Welcome { ring: true, then: Some((self.between(PICK_UP_OUTSIDE_S), Act::Answer)) },
            72..=82 => Welcome { ring: false, then: Some((soon, Act::Refuse(486))) },
            83..=90 => Welcome { ring: false, then: Some((soon, Act::Refuse(404))) },
            _ => Welcome { ring: true, then: None },
        }
    }

    /// What somebody does from the answer on, in order of time from then. Always ends with hanging up.
    pub fn talk(&mut self, role: Role) -> Vec<(Duration, Act)> {
        let (least, most) = (*TALK_S.start(), *TALK_S.end());
        let mut length = (least + self.exponential(TALK_MEAN_S)).min(most);
        if matches!(role, Role::Called | Role::Outsider | Role::Agent) && !self.percent(35) {
            // Mostly it is the caller who ends the call; this is for calls that the caller forgets.
            length = most + 5.0;
        }
        let mut acts = vec![(self.between(0.1..=1.5), Act::Speak), (self.seconds(length), Act::HangUp)];
        let usual = length.min(most);
        match role {
            Role::Listener => self.keys(usual, &mut acts),
            Role::Called if self.percent(14) => acts.push((self.seconds(usual * 0.4), Act::HandOver)),
            Role::Caller | Role::Called if self.percent(20) => {
                acts.push((self.between(usual * 0.2..=usual * 0.4), Act::Hold));
                acts.push((self.between(usual * 0.5..=usual * 0.7), Act::Resume));
            }
            _ => {}
        }
        acts.sort_by_key(|(at, _)| *at);
        acts
    }

    fn keys(&mut self, length: f64, acts: &mut Vec<(Duration, Act)>) {
        if !self.percent(40) {
            return;
        }
        let pressed = self.random.random_range(1..=4);
        for place in 0..pressed {
            let key = self.any(&['1', '2', '3', '4', '5', '6', '7', '8', '9', '0', '*', '#']).copied().unwrap_or('1');
            acts.push((self.seconds(length * 0.3 + 0.5 * f64::from(place)), Act::Press(key)));
        }
    }

    /// How long one speaks in a row.
    pub fn utterance(&mut self) -> Duration {
        self.between(1.5..=4.0)
    }

    /// How long one listens in a row.
    pub fn pause(&mut self) -> Duration {
        self.between(0.8..=3.0)
    }

    /// A number outside, behind this prefix. They are numbers that regulators keep free for films, so that nobody is
    /// really reached should a trunk ever be real.
    pub fn number_outside(&mut self, prefix: &str) -> String {
        match self.random.random_range(0..3) {
            0 => format!("{prefix}3023125{:03}", self.random.random_range(0..1000)),
            1 => format!("{prefix}4066969{:03}", self.random.random_range(0..1000)),
            _ => format!("{prefix}015550{:04}", self.random.random_range(100..200)),
        }
    }

    /// Number of somebody outside who calls.
    pub fn caller_outside(&mut self) -> String {
        match self.random.random_range(0..2) {
            0 => format!("+493023125{:03}", self.random.random_range(0..1000)),
            _ => format!("+1555555{:04}", self.random.random_range(100..200)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_makes_one_mood() {
        let mood = |seed| {
            let mut habits = Habits::new(seed, 1.0);
            (0..50)
                .map(|n| (habits.gap(n % 9, 8), habits.phone_welcome(), habits.carrier_welcome(), habits.talk(Role::Called)))
                .collect::<Vec<_>>()
        };
        assert_eq!(mood(7), mood(7));
        assert_ne!(mood(7), mood(8));
    }

    #[test]
    fn every_talk_ends_and_nothing_comes_after() {
        let mut habits = Habits::new(3, 1.0);
        for role in [Role::Caller, Role::Listener, Role::Called, Role::Outsider] {
            for _ in 0..500 {
                let acts = habits.talk(role);
                let (end, last) = acts.last().unwrap();
                assert_eq!(*last, Act::HangUp, "{acts:?}");
                assert!((6.0..=45.0).contains(&end.as_secs_f64()), "{end:?}");
                let (held, resumed) = (acts.iter().any(|act| act.1 == Act::Hold), acts.iter().any(|act| act.1 == Act::Resume));
                assert_eq!(held, resumed);
                assert!(!(held && acts.iter().any(|act| act.1 == Act::HandOver)), "nobody hands over what is on hold");
            }
        }
    }

    #[test]
    fn the_quieter_it_is_the_sooner_comes_the_next_call() {
        let mut habits = Habits::new(5, 1.0);
        let mut mean = |up| (0..2000).map(|_| habits.gap(up, 8).as_secs_f64()).sum::<f64>() / 2000.0;
        let (quiet, usual, busy) = (mean(1), mean(4), mean(7));
        assert!(quiet < 1.0 && usual > 2.0 && usual < 4.0 && busy > 4.0, "{quiet} {usual} {busy}");
    }

    #[test]
    fn a_tempo_that_is_no_number_changes_nothing() {
        assert!(Habits::new(1, f64::NAN).patience() >= Duration::from_secs(10));
        assert!(Habits::new(1, 10.0).patience() < Duration::from_secs(2));
    }
}
