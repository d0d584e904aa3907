//! The client's transaction for everything but INVITE: RFC 3261 §17.1.2.

use std::time::Duration;

use super::machine::{Action, Actions, Timer, TimerConfig, actions};

/// States of RFC 3261 figure 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Sent, nothing heard.
    Trying,
    /// A provisional response came.
    Proceeding,
    /// A final response came; its repetitions are absorbed.
    Completed,
    /// Over.
    Terminated,
}

/// The machine.
#[derive(Debug)]
pub struct Client {
    state: State,
    reliable: bool,
    timers: TimerConfig,
    interval: Duration,
}

impl Client {
    /// The request has just been sent.
    pub fn new(timers: TimerConfig, reliable: bool) -> (Self, Actions) {
        let mut first = actions([Action::Start(Timer::F, timers.t1_64())]);
        if !reliable {
            first.push(Action::Start(Timer::E, timers.t1));
        }
        (Client { state: State::Trying, reliable, timers, interval: timers.t1 }, first)
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// A response with this status came.
    pub fn response(&mut self, status: u16) -> Actions {
        match (self.state, status) {
            (State::Trying | State::Proceeding, 100..=199) => {
                self.state = State::Proceeding;
                actions([Action::Deliver])
            }
            (State::Trying | State::Proceeding, 200..=699) => {
                let mut steps = actions([Action::Stop(Timer::E), Action::Stop(Timer::F), Action::Deliver]);
                if self.reliable {
                    self.state = State::Terminated;
                    steps.push(Action::Over);
                } else {
                    self.state = State::Completed;
                    steps.push(Action::Start(Timer::K, self.timers.t4));
                }
                steps
            }
            _ => Actions::new(),
        }
    }

    /// A timer of this machine is due.
    pub fn timer(&mut self, timer: Timer) -> Actions {
        match (self.state, timer) {
            (State::Trying, Timer::E) => {
                self.interval = self.interval.saturating_mul(2).min(self.timers.t2);
                actions([Action::Resend, Action::Start(Timer::E, self.interval)])
            }
            (State::Proceeding, Timer::E) => actions([Action::Resend, Action::Start(Timer::E, self.timers.t2)]),
            (State::Trying | State::Proceeding, Timer::F) => {
                self.state = State::Terminated;
                actions([Action::Stop(Timer::E), Action::TimedOut, Action::Over])
            }
            (State::Completed, Timer::K) => {
                self.state = State::Terminated;
                actions([Action::Over])
            }
            _ => Actions::new(),
        }
    }

    /// The transport could not send, or the connection is gone.
    pub fn transport_failed(&mut self) -> Actions {
        match self.state {
            State::Trying | State::Proceeding => {
                self.state = State::Terminated;
                actions([Action::Stop(Timer::E), Action::Stop(Timer::F), Action::TransportFailed, Action::Over])
            }
            State::Completed | State::Terminated => Actions::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: TimerConfig = TimerConfig::RFC;

    #[test]
    fn trying_repeats_up_to_t2_and_gives_up_at_timer_f() {
        let (mut machine, _) = Client::new(T, false);
        let mut intervals = vec![];
        for _ in 0..5 {
            match machine.timer(Timer::E).as_slice() {
                [Action::Resend, Action::Start(Timer::E, next)] => intervals.push(next.as_millis()),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(intervals, [1000, 2000, 4000, 4000, 4000]);
        assert!(machine.timer(Timer::F).contains(&Action::TimedOut));
    }

    #[test]
    fn proceeding_repeats_every_t2() {
        let (mut machine, _) = Client::new(T, false);
        machine.response(100);
        assert_eq!(machine.timer(Timer::E).as_slice(), [Action::Resend, Action::Start(Timer::E, T.t2)]);
        assert!(machine.timer(Timer::F).contains(&Action::TimedOut), "timer F also ends Proceeding");
    }

    #[test]
    fn a_final_response_is_told_once_and_repetitions_absorbed_for_t4() {
        let (mut machine, _) = Client::new(T, false);
        assert!(machine.response(200).contains(&Action::Start(Timer::K, T.t4)));
        assert!(machine.response(200).is_empty());
        assert_eq!(machine.timer(Timer::K).as_slice(), [Action::Over]);
    }
}
