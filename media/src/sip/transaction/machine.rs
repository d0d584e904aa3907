//! What the four machines share: timers, durations and the steps they ask for.

use std::time::Duration;

use smallvec::SmallVec;

/// Round-trip estimate and what follows from it (RFC 3261 table 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerConfig {
    /// Round-trip time estimate.
    pub t1: Duration,
    /// Longest interval between repetitions, except of an INVITE.
    pub t2: Duration,
    /// Longest time a packet stays in the network.
    pub t4: Duration,
}

impl TimerConfig {
    /// The values of RFC 3261 §17.1.1.1 and table 4.
    pub const RFC: TimerConfig = TimerConfig { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) };
    /// Timer D is never less (§17.1.1.2).
    pub const LEAST_D: Duration = Duration::from_secs(32);
    /// After this long without an answer of the user a 100 goes out (§17.2.1).
    pub const TRYING: Duration = Duration::from_millis(200);

    /// 64 * T1: how long a client waits, a server repeats, and both remember.
    pub fn t1_64(&self) -> Duration {
        self.t1.saturating_mul(64)
    }
}

impl Default for TimerConfig {
    fn default() -> Self {
        Self::RFC
    }
}

/// Timers by their letters (RFC 3261 table 4, RFC 6026 §7.1), and two more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timer {
    /// INVITE is sent again.
    A,
    /// INVITE has failed.
    B,
    /// Repeated refusals are acknowledged until then.
    D,
    /// Request is sent again.
    E,
    /// Request has failed.
    F,
    /// Refusal of an INVITE is sent again.
    G,
    /// No ACK for a refusal.
    H,
    /// Repeated ACKs are absorbed until then.
    I,
    /// Repeated requests are answered until then.
    J,
    /// Repeated responses are absorbed until then.
    K,
    /// Repeated INVITEs are absorbed until then after a 2xx.
    L,
    /// Further 2xx are taken until then.
    M,
    /// A 100 is due.
    Trying,
    /// The user forgot to answer a request.
    Unanswered,
    /// An INVITE whose user is gone has had time enough for its final response.
    Forsaken,
}

impl Timer {
    /// Repeating timers and ending timers run side by side: at most one of each.
    pub(crate) fn slot(self) -> usize {
        match self {
            Timer::A | Timer::E | Timer::G | Timer::Trying => 0,
            _ => 1,
        }
    }
}

/// A step that a machine asks for. Steps are done in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send the request, or the last response.
    Resend,
    /// Send a 100 of the transaction's own making.
    SendTrying,
    /// Acknowledge a final response above 299.
    Acknowledge,
    /// Hand the message to the user.
    Deliver,
    /// Start a timer.
    Start(Timer, Duration),
    /// Stop a timer.
    Stop(Timer),
    /// Tell the user that no answer came in time.
    TimedOut,
    /// Tell the user that the transport failed.
    TransportFailed,
    /// Forget the transaction.
    Over,
}

/// Steps in order.
pub type Actions = SmallVec<[Action; 6]>;

pub(crate) fn actions<const N: usize>(steps: [Action; N]) -> Actions {
    steps.into_iter().collect()
}
