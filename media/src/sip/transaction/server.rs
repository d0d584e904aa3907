//! The server's transaction for everything but INVITE: RFC 3261 §17.2.2.

use super::machine::{Action, Actions, Timer, TimerConfig, actions};

/// States of RFC 3261 figure 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing sent yet.
    Trying,
    /// A provisional response was sent.
    Proceeding,
    /// A final response was sent; it is repeated when asked.
    Completed,
    /// Over.
    Terminated,
}

/// The machine.
#[derive(Debug)]
pub struct Server {
    state: State,
    reliable: bool,
    timers: TimerConfig,
}

impl Server {
    /// A request has come. RFC 3261 lets a transaction wait for its user for ever; ours ends when the client must have
    /// given up (its timer F), so that a user that forgets to answer leaks nothing.
    pub fn new(timers: TimerConfig, reliable: bool) -> (Self, Actions) {
        (Server { state: State::Trying, reliable, timers }, actions([Action::Start(Timer::Unanswered, timers.t1_64())]))
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// The request came again.
    pub fn repeated(&mut self) -> Actions {
        match self.state {
            State::Proceeding | State::Completed => actions([Action::Resend]),
            State::Trying | State::Terminated => Actions::new(),
        }
    }

    /// The user sends a response with this status. Empty: not possible any more.
    pub fn respond(&mut self, status: u16) -> Actions {
        match (self.state, status) {
            (State::Trying | State::Proceeding, 100..=199) => {
                self.state = State::Proceeding;
                actions([Action::Resend])
            }
            (State::Trying | State::Proceeding, 200..=699) => {
                let mut steps = actions([Action::Stop(Timer::Unanswered), Action::Resend]);
                if self.reliable {
                    self.state = State::Terminated;
                    steps.push(Action::Over);
                } else {
                    self.state = State::Completed;
                    steps.push(Action::Start(Timer::J, self.timers.t1_64()));
                }
                steps
            }
            _ => Actions::new(),
        }
    }

    /// A timer of this machine is due.
    pub fn timer(&mut self, timer: Timer) -> Actions {
        match (self.state, timer) {
            (State::Trying | State::Proceeding, Timer::Unanswered) | (State::Completed, Timer::J) => {
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
    fn a_repeated_request_gets_the_same_final_response_until_timer_j() {
        let (mut machine, _) = Server::new(T, false);
        assert!(machine.repeated().is_empty(), "nothing to repeat yet");
        assert!(machine.respond(200).contains(&Action::Start(Timer::J, T.t1 * 64)));
        assert_eq!(machine.repeated().as_slice(), [Action::Resend]);
        assert!(machine.respond(500).is_empty(), "one final response only");
        assert_eq!(machine.timer(Timer::J).as_slice(), [Action::Over]);
    }

    #[test]
    fn a_reliable_transport_ends_with_the_final_response() {
        let (mut machine, _) = Server::new(T, true);
        assert!(machine.respond(200).contains(&Action::Over));
    }

    #[test]
    fn a_request_that_the_user_forgets_ends_when_the_client_has_given_up() {
        let (mut machine, _) = Server::new(T, false);
        assert_eq!(machine.timer(Timer::Unanswered).as_slice(), [Action::Over]);
    }
}
