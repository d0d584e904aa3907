//! The server's INVITE transaction: RFC 3261 §17.2.1 with the Accepted state of RFC 6026 §7.1.

use std::time::Duration;

use super::machine::{Action, Actions, Timer, TimerConfig, actions};

/// States of RFC 6026 figure 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No final response yet.
    Proceeding,
    /// A final response above 299 was sent; it is repeated until the ACK.
    Completed,
    /// The ACK came; further ACKs are absorbed.
    Confirmed,
    /// A 2xx was sent: the user repeats it; repeated INVITEs are absorbed here.
    Accepted,
    /// Over.
    Terminated,
}

/// The machine.
#[derive(Debug)]
pub struct ServerInvite {
    state: State,
    reliable: bool,
    timers: TimerConfig,
    interval: Duration,
}

impl ServerInvite {
    /// An INVITE has come. Unless the user answers within 200 ms, a 100 goes out (§17.2.1).
    pub fn new(timers: TimerConfig, reliable: bool) -> (Self, Actions) {
        let first = actions([Action::Start(Timer::Trying, TimerConfig::TRYING)]);
        (ServerInvite { state: State::Proceeding, reliable, timers, interval: timers.t1 }, first)
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// The INVITE came again.
    pub fn repeated(&mut self) -> Actions {
        match self.state {
            State::Proceeding | State::Completed => actions([Action::Resend]),
            State::Confirmed | State::Accepted | State::Terminated => Actions::new(),
        }
    }

    /// The user sends a response with this status. Empty: not possible any more.
    pub fn respond(&mut self, status: u16) -> Actions {
        match (self.state, status) {
            (State::Proceeding, 100..=199) => actions([Action::Stop(Timer::Trying), Action::Resend]),
            (State::Proceeding, 200..=299) => {
                self.state = State::Accepted;
                actions([Action::Stop(Timer::Trying), Action::Resend, Action::Start(Timer::L, self.timers.t1_64())])
            }
            (State::Proceeding, 300..=699) => {
                self.state = State::Completed;
                let mut steps = actions([Action::Stop(Timer::Trying), Action::Resend, Action::Start(Timer::H, self.timers.t1_64())]);
                if !self.reliable {
                    steps.push(Action::Start(Timer::G, self.timers.t1));
                }
                steps
            }
            _ => Actions::new(),
        }
    }

    /// An ACK of this transaction came.
    pub fn ack(&mut self) -> Actions {
        match self.state {
            State::Completed => {
                let mut steps = actions([Action::Stop(Timer::G), Action::Stop(Timer::H)]);
                if self.reliable {
                    self.state = State::Terminated;
                    steps.push(Action::Over);
                } else {
                    self.state = State::Confirmed;
                    steps.push(Action::Start(Timer::I, self.timers.t4));
                }
                steps
            }
            State::Accepted => actions([Action::Deliver]),
            State::Proceeding | State::Confirmed | State::Terminated => Actions::new(),
        }
    }

    /// A timer of this machine is due.
    pub fn timer(&mut self, timer: Timer) -> Actions {
        match (self.state, timer) {
            (State::Proceeding, Timer::Trying) => actions([Action::SendTrying]),
            (State::Completed, Timer::G) => {
                self.interval = self.interval.saturating_mul(2).min(self.timers.t2);
                actions([Action::Resend, Action::Start(Timer::G, self.interval)])
            }
            (State::Completed, Timer::H) => {
                self.state = State::Terminated;
                actions([Action::Stop(Timer::G), Action::TimedOut, Action::Over])
            }
            (State::Confirmed, Timer::I) | (State::Accepted, Timer::L) => {
                self.state = State::Terminated;
                actions([Action::Over])
            }
            _ => Actions::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: TimerConfig = TimerConfig::RFC;

    #[test]
    fn a_refusal_is_repeated_until_the_ack() {
        let (mut machine, _) = ServerInvite::new(T, false);
        assert!(machine.respond(486).contains(&Action::Start(Timer::G, T.t1)));
        assert_eq!(machine.timer(Timer::G).as_slice(), [Action::Resend, Action::Start(Timer::G, T.t1 * 2)]);
        assert_eq!(machine.repeated().as_slice(), [Action::Resend]);
        assert!(machine.ack().contains(&Action::Start(Timer::I, T.t4)));
        assert!(machine.repeated().is_empty() && machine.timer(Timer::G).is_empty());
        assert_eq!(machine.timer(Timer::I).as_slice(), [Action::Over]);
    }

    #[test]
    fn a_refusal_that_nobody_acknowledges_ends_at_timer_h() {
        let (mut machine, _) = ServerInvite::new(T, false);
        machine.respond(404);
        assert!(machine.timer(Timer::H).contains(&Action::TimedOut));
        assert_eq!(machine.state(), State::Terminated);
    }

    #[test]
    fn a_2xx_leaves_repeating_to_the_user_and_absorbs_invites_until_timer_l() {
        let (mut machine, _) = ServerInvite::new(T, false);
        assert!(machine.respond(200).contains(&Action::Start(Timer::L, T.t1 * 64)));
        assert!(machine.repeated().is_empty());
        assert_eq!(machine.ack().as_slice(), [Action::Deliver]);
        assert!(machine.respond(486).is_empty(), "one final response only");
        assert_eq!(machine.timer(Timer::L).as_slice(), [Action::Over]);
    }

    #[test]
    fn a_reliable_transport_repeats_nothing_but_still_waits_for_the_ack() {
        let (mut machine, _) = ServerInvite::new(T, true);
        let steps = machine.respond(404);
        assert!(!steps.iter().any(|a| matches!(a, Action::Start(Timer::G, _))) && steps.contains(&Action::Start(Timer::H, T.t1 * 64)));
        assert!(machine.ack().contains(&Action::Over));
    }
}
