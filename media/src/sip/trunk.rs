//! A trunk's registration and health as one sans-I/O machine: asks for requests, is told their results, says when the
//! trunk's state changes.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use smol_str::{SmolStr, format_smolstr};
use tandem_core::Timestamp;
use tandem_core::config::TrunkState;

use super::header::Contacts;
use super::message::Message;

/// How a trunk is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkConfig {
    /// Register, and ask for this many seconds.
    pub register: Option<Duration>,
    /// Time between OPTIONS; none sends none.
    pub options: Option<Duration>,
    /// OPTIONS in a row without an answer until the trunk counts as down.
    pub misses: u32,
    /// First wait after a failed registration; doubles up to `longest_wait`, with up to half of it more by chance
    /// (RFC 5626 §4.5 in spirit), so that a carrier that comes back isn't met by all at once.
    pub first_wait: Duration,
    /// Longest wait after a failed registration.
    pub longest_wait: Duration,
}

impl Default for TrunkConfig {
    fn default() -> Self {
        TrunkConfig {
            register: None,
            options: Some(Duration::from_secs(30)),
            misses: 2,
            first_wait: Duration::from_secs(5),
            longest_wait: Duration::from_secs(600),
        }
    }
}

/// What the machine wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrunkOutput {
    /// Send REGISTER with this Expires and CSeq, always with the same Call-ID; zero removes the binding.
    Register {
        /// Seconds.
        expires: u32,
        /// CSeq number of the first try; two more may be used by challenges.
        cseq: u32,
    },
    /// Send OPTIONS.
    Options,
    /// The state has changed.
    State {
        /// Now.
        state: TrunkState,
        /// What was seen.
        reason: SmolStr,
    },
    /// The binding is removed, or the carrier did not answer: the machine may go.
    Removed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Registration {
    None,
    /// A REGISTER is under way.
    Asking,
    /// Granted; the next at `due`.
    Granted,
    /// Refused or unanswered.
    Failed,
    /// The removal is under way.
    Leaving,
    Gone,
}

/// The machine of one trunk.
#[derive(Debug)]
pub struct TrunkMachine {
    config: TrunkConfig,
    registration: Registration,
    /// What the carrier wants at least (423).
    least: Duration,
    wait: Duration,
    cseq: u32,
    register_at: Option<Timestamp>,
    options_at: Option<Timestamp>,
    asked_options: bool,
    missed: u32,
    reachable: Option<bool>,
    state: TrunkState,
    reason: SmolStr,
    out: VecDeque<TrunkOutput>,
}

/// The binding is refreshed at nine tenths of its time.
const REFRESH_TENTHS: u32 = 9;
/// But this long before its end at least.
const REFRESH_BEFORE: Duration = Duration::from_secs(5);
/// No refresh sooner than this, whatever the carrier grants.
const LEAST_REFRESH: Duration = Duration::from_secs(10);

impl TrunkMachine {
    /// Starts at `now`; the first requests are due within a second, spread by chance.
    pub fn new(now: Timestamp, config: TrunkConfig, random: &mut StdRng) -> Self {
        let spread = Duration::from_millis(random.random_range(0..1000));
        TrunkMachine {
            registration: if config.register.is_some() { Registration::Failed } else { Registration::None },
            least: Duration::ZERO,
            wait: config.first_wait,
            cseq: random.random_range(1..=0xffff),
            register_at: config.register.map(|_| now + spread),
            options_at: config.options.map(|_| now + spread),
            asked_options: false,
            missed: 0,
            reachable: None,
            state: TrunkState::Unknown,
            reason: SmolStr::default(),
            out: VecDeque::new(),
            config,
        }
    }

    /// Its state.
    pub fn state(&self) -> TrunkState {
        self.state
    }

    /// When [`TrunkMachine::handle_timeout`] is next needed.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        match (self.register_at, self.options_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The next wish.
    pub fn poll_output(&mut self) -> Option<TrunkOutput> {
        self.out.pop_front()
    }

    /// Does what is due by now.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        if self.register_at.is_some_and(|at| at <= now) {
            self.register_at = None;
            self.registration = Registration::Asking;
            let asked = self.config.register.unwrap_or_default().max(self.least);
            self.ask(asked);
        }
        if self.options_at.is_some_and(|at| at <= now) {
            self.options_at = self.config.options.map(|every| now + every);
            // One at a time: an answer may take as long as timer F.
            if !std::mem::replace(&mut self.asked_options, true) {
                self.out.push_back(TrunkOutput::Options);
            }
        }
    }

    fn ask(&mut self, expires: Duration) {
        let cseq = self.cseq;
        // Room for the tries with credentials.
        self.cseq = if self.cseq > 0x7fff_0000 { 1 } else { self.cseq + 8 };
        self.out.push_back(TrunkOutput::Register { expires: u32::try_from(expires.as_secs()).unwrap_or(u32::MAX), cseq });
    }

    /// The REGISTER has its final answer: 408 without one, 503 when the transport failed. `contact` is the Contact URI that
    /// it carried.
    pub fn registered(&mut self, now: Timestamp, status: u16, response: Option<&Message>, contact: &str, random: &mut StdRng) {
        match (self.registration, status) {
            (Registration::Leaving, _) => {
                self.registration = Registration::Gone;
                self.out.push_back(TrunkOutput::Removed);
            }
            (Registration::Asking, 200..=299) => {
                let granted = response.map_or(Duration::ZERO, |response| granted(response, contact));
                let asked = self.config.register.unwrap_or_default().max(self.least);
                let granted = if granted.is_zero() { asked } else { granted };
                self.registration = Registration::Granted;
                self.wait = self.config.first_wait;
                self.register_at = Some(now + refresh_after(granted));
                self.judge("registered");
            }
            (Registration::Asking, 423) if response.and_then(Message::min_expires).is_some_and(|least| self.raise(least)) => {
                self.register_at = Some(now);
            }
            (Registration::Asking, _) => {
                self.registration = Registration::Failed;
                let told = response.and_then(Message::retry_after).map(|seconds| Duration::from_secs(u64::from(seconds)));
                let wait = self.wait.max(told.unwrap_or_default()).min(self.config.longest_wait.max(self.config.first_wait));
                let spread = Duration::from_millis(random.random_range(0..=u64::try_from(wait.as_millis() / 2).unwrap_or(0)));
                self.register_at = Some(now + wait + spread);
                self.wait = self.wait.saturating_mul(2).min(self.config.longest_wait);
                self.judge(&format_smolstr!("registration failed: {status}"));
            }
            _ => {}
        }
    }

    /// Takes the carrier's least expiry; false if it brings nothing new, so that 423 can't go round in circles.
    fn raise(&mut self, least: u32) -> bool {
        let least = Duration::from_secs(u64::from(least));
        let grows = least > self.config.register.unwrap_or_default().max(self.least);
        self.least = self.least.max(least);
        grows
    }

    /// The OPTIONS has its final answer: 408 without one, 503 when the transport failed. Any other answer, refusals too,
    /// says that somebody is there.
    pub fn options_answered(&mut self, status: u16) {
        self.asked_options = false;
        if matches!(status, 408 | 503) {
            self.missed = self.missed.saturating_add(1);
            if self.missed >= self.config.misses.max(1) {
                self.reachable = Some(false);
                self.judge(&format_smolstr!("no answer to OPTIONS: {status}"));
            }
        } else {
            self.missed = 0;
            self.reachable = Some(true);
            self.judge(&format_smolstr!("OPTIONS answered: {status}"));
        }
    }

    /// The trunk is taken out of use: removes the binding, then says `Removed`.
    pub fn remove(&mut self) {
        (self.register_at, self.options_at) = (None, None);
        match self.registration {
            Registration::Granted | Registration::Asking => {
                self.registration = Registration::Leaving;
                self.ask(Duration::ZERO);
            }
            Registration::Leaving | Registration::Gone => {}
            Registration::None | Registration::Failed => {
                self.registration = Registration::Gone;
                self.out.push_back(TrunkOutput::Removed);
            }
        }
    }

    /// Up if everything that is known says so, down if anything says no.
    fn judge(&mut self, reason: &str) {
        let registered = match self.registration {
            Registration::None => None,
            Registration::Granted => Some(true),
            Registration::Failed => Some(false),
            // A refresh under way changes nothing.
            _ => Some(self.state != TrunkState::Down),
        };
        let state = match (registered, self.reachable) {
            (Some(false), _) | (_, Some(false)) => TrunkState::Down,
            (None, None) => TrunkState::Unknown,
            _ => TrunkState::Up,
        };
        if state != self.state {
            self.state = state;
            self.reason = SmolStr::new(reason);
            self.out.push_back(TrunkOutput::State { state, reason: self.reason.clone() });
        }
    }
}

/// When to refresh a binding of this length.
fn refresh_after(granted: Duration) -> Duration {
    (granted * REFRESH_TENTHS / 10).min(granted.saturating_sub(REFRESH_BEFORE)).max(LEAST_REFRESH.min(granted))
}

/// What the carrier granted our contact: its own `expires`, else that of the response (RFC 3261 §10.2.4).
fn granted(response: &Message, contact: &str) -> Duration {
    let own = match response.contacts() {
        Ok(Contacts::List(list)) => {
            let user_host = |text: &str| text.split(';').next().unwrap_or_default().to_ascii_lowercase();
            let ours = list.iter().find(|listed| user_host(listed.address.uri.as_str()) == user_host(contact));
            ours.or(list.first().filter(|_| list.len() == 1)).and_then(|listed| listed.expires)
        }
        _ => None,
    };
    Duration::from_secs(u64::from(own.or(response.expires()).unwrap_or(0)))
}
