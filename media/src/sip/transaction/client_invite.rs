//! The client's INVITE transaction: RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2.

use std::time::Duration;

use super::machine::{Action, Actions, Timer, TimerConfig, actions};

/// States of RFC 6026 figure 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Sent, nothing heard.
    Calling,
    /// A provisional response came.
    Proceeding,
    /// A final response above 299 came and is acknowledged; its repetitions are too.
    Completed,
    /// A 2xx came; further 2xx (repetitions, forks) go to the user.
    Accepted,
    /// Over.
    Terminated,
}

/// The machine. It holds no message: its table does.
#[derive(Debug)]
pub struct ClientInvite {
    state: State,
    reliable: bool,
    timers: TimerConfig,
    interval: Duration,
    forsaken: bool,
}

impl ClientInvite {
    /// The INVITE has just been sent.
    pub fn new(timers: TimerConfig, reliable: bool) -> (Self, Actions) {
        let mut first = actions([Action::Start(Timer::B, timers.t1_64())]);
        if !reliable {
            first.push(Action::Start(Timer::A, timers.t1));
        }
        (ClientInvite { state: State::Calling, reliable, timers, interval: timers.t1, forsaken: false }, first)
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// A response with this status came.
    pub fn response(&mut self, status: u16) -> Actions {
        match (self.state, status) {
            (State::Calling, 100..=199) => {
                self.state = State::Proceeding;
                let mut steps = actions([Action::Stop(Timer::A), Action::Stop(Timer::B), Action::Deliver]);
                if self.forsaken {
                    steps.push(Action::Start(Timer::Forsaken, self.timers.t1_64()));
                }
                steps
            }
            (State::Proceeding, 100..=199) | (State::Accepted, 200..=299) => actions([Action::Deliver]),
            (State::Calling | State::Proceeding, 200..=299) => {
                self.state = State::Accepted;
                actions([Action::Stop(Timer::A), Action::Stop(Timer::B), Action::Start(Timer::M, self.timers.t1_64()), Action::Deliver])
            }
            (State::Calling | State::Proceeding, 300..=699) => self.complete(),
            (State::Completed, 300..=699) => actions([Action::Acknowledge]),
            _ => Actions::new(),
        }
    }

    fn complete(&mut self) -> Actions {
        let mut steps = actions([Action::Stop(Timer::A), Action::Stop(Timer::B), Action::Acknowledge, Action::Deliver]);
        if self.reliable {
            self.state = State::Terminated;
            steps.push(Action::Over);
        } else {
            self.state = State::Completed;
            // Timer D: at least 32 s whatever T1 is, as the server's timer H is not ours to know (§17.1.1.2).
            steps.push(Action::Start(Timer::D, self.timers.t1_64().max(TimerConfig::LEAST_D)));
        }
        steps
    }

    /// The user is gone. A final response is still acknowledged if it comes within 64 * T1; without this a transaction in
    /// Proceeding would stay for ever when the peer is gone too.
    pub fn forsake(&mut self) -> Actions {
        let first_time = !std::mem::replace(&mut self.forsaken, true);
        match self.state {
            State::Proceeding if first_time => actions([Action::Start(Timer::Forsaken, self.timers.t1_64())]),
            _ => Actions::new(),
        }
    }

    /// A timer of this machine is due.
    pub fn timer(&mut self, timer: Timer) -> Actions {
        match (self.state, timer) {
            (State::Calling, Timer::A) => {
                self.interval = self.interval.saturating_mul(2);
                actions([Action::Resend, Action::Start(Timer::A, self.interval)])
            }
            (State::Calling, Timer::B) => {
                self.state = State::Terminated;
                actions([Action::Stop(Timer::A), Action::TimedOut, Action::Over])
            }
            (State::Completed, Timer::D) | (State::Accepted, Timer::M) | (State::Proceeding, Timer::Forsaken) => {
                self.state = State::Terminated;
                actions([Action::Over])
            }
            _ => Actions::new(),
        }
    }

    /// The transport could not send, or the connection is gone.
    pub fn transport_failed(&mut self) -> Actions {
        match self.state {
            State::Calling | State::Proceeding => {
                self.state = State::Terminated;
                actions([Action::Stop(Timer::A), Action::Stop(Timer::B), Action::TransportFailed, Action::Over])
            }
            State::Completed => {
                self.state = State::Terminated;
                actions([Action::Stop(Timer::D), Action::Over])
            }
            State::Accepted | State::Terminated => Actions::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: TimerConfig = TimerConfig::RFC;

    #[test]
    fn calling_repeats_at_doubling_intervals_until_timer_b() {
        let (mut machine, first) = ClientInvite::new(T, false);
        assert!(first.contains(&Action::Start(Timer::A, T.t1)) && first.contains(&Action::Start(Timer::B, T.t1 * 64)));
        let mut sent_at = vec![];
        let mut clock = T.t1;
        let mut next = T.t1;
        while clock < T.t1 * 64 {
            sent_at.push(clock.as_millis());
            let steps = machine.timer(Timer::A);
            assert_eq!(steps.first(), Some(&Action::Resend));
            next *= 2;
            assert_eq!(steps.get(1), Some(&Action::Start(Timer::A, next)));
            clock += next;
        }
        assert_eq!(sent_at, [500, 1500, 3500, 7500, 15500, 31500], "six repetitions, §17.1.1.2");
        assert!(machine.timer(Timer::B).contains(&Action::TimedOut));
        assert_eq!(machine.state(), State::Terminated);
    }

    #[test]
    fn a_provisional_stops_repeating_and_timer_b() {
        let (mut machine, _) = ClientInvite::new(T, false);
        let steps = machine.response(180);
        assert!(steps.contains(&Action::Stop(Timer::A)) && steps.contains(&Action::Stop(Timer::B)));
        assert!(machine.timer(Timer::B).is_empty(), "ringing may last");
    }

    #[test]
    fn a_refusal_is_acknowledged_each_time_and_told_once() {
        let (mut machine, _) = ClientInvite::new(T, false);
        let steps = machine.response(486);
        assert!(steps.contains(&Action::Acknowledge) && steps.contains(&Action::Deliver));
        assert_eq!(machine.response(486).as_slice(), [Action::Acknowledge]);
        assert!(machine.response(200).is_empty(), "too late");
        assert_eq!(machine.timer(Timer::D).as_slice(), [Action::Over]);
    }

    #[test]
    fn every_2xx_reaches_the_user_while_accepted() {
        let (mut machine, _) = ClientInvite::new(T, false);
        machine.response(200);
        assert_eq!(machine.state(), State::Accepted);
        assert_eq!(machine.response(200).as_slice(), [Action::Deliver]);
        assert!(machine.response(180).is_empty());
        assert_eq!(machine.timer(Timer::M).as_slice(), [Action::Over]);
    }

    #[test]
    fn a_forsaken_invite_ends_whether_it_had_a_provisional_or_not() {
        let start = Action::Start(Timer::Forsaken, T.t1 * 64);
        let (mut machine, _) = ClientInvite::new(T, false);
        assert!(machine.forsake().is_empty(), "timer B still runs");
        assert!(machine.response(180).contains(&start));
        let (mut machine, _) = ClientInvite::new(T, false);
        machine.response(180);
        assert_eq!(machine.forsake().as_slice(), [start]);
        assert!(machine.forsake().is_empty());
        assert_eq!(machine.timer(Timer::Forsaken).as_slice(), [Action::Over]);
    }

    #[test]
    fn a_reliable_transport_neither_repeats_nor_lingers() {
        let (mut machine, first) = ClientInvite::new(T, true);
        assert_eq!(first.as_slice(), [Action::Start(Timer::B, T.t1 * 64)]);
        assert!(machine.response(404).contains(&Action::Over), "timer D is zero");
    }
}
