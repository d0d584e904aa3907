//! Session timers (RFC 4028): who refreshes, how often, and when a silent session is given up.

use std::time::Duration;

use crate::sip::header::SessionExpires;

/// Who sends the refreshes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresher {
    /// We do.
    Us,
    /// The peer does.
    Peer,
}

/// A session timer in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTimer {
    /// The session interval.
    pub interval: Duration,
    /// Who refreshes.
    pub refresher: Refresher,
}

impl SessionTimer {
    /// When to act, counted from the last refresh: we refresh at half the interval (RFC 4028 §7.2); a peer that has not
    /// done so by then is given up a third of the interval, at most 32 s, before the end (§10).
    pub fn act_after(&self) -> Duration {
        match self.refresher {
            Refresher::Us => self.interval / 2,
            Refresher::Peer => self.interval.saturating_sub((self.interval / 3).min(Duration::from_secs(32))),
        }
    }
}

/// What we answer as the server of an INVITE or UPDATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// The interval is below our least: refuse with 422 and Min-SE.
    TooSmall,
    /// No session timer.
    None,
    /// This one; the answer carries Session-Expires, and requires `timer` of a peer that knows it.
    Timer {
        /// The timer.
        timer: SessionTimer,
        /// The peer lists `timer` as supported.
        peer_supports: bool,
    },
}

/// The server's part (RFC 4028 §9).
pub fn agree(asked: Option<SessionExpires>, peer_supports: bool, least: Duration) -> Agreement {
    let Some(asked) = asked else { return Agreement::None };
    let interval = Duration::from_secs(u64::from(asked.seconds));
    if interval < least {
        // A peer that doesn't know session timers can't do anything with a 422 (§9): take the least instead.
        return if peer_supports {
            Agreement::TooSmall
        } else {
            Agreement::Timer { timer: SessionTimer { interval: least, refresher: Refresher::Us }, peer_supports }
        };
    }
    let refresher = match (peer_supports, asked.refresher_uac) {
        (false, _) | (true, Some(false)) => Refresher::Us,
        (true, _) => Refresher::Peer,
    };
    Agreement::Timer { timer: SessionTimer { interval, refresher }, peer_supports }
}

/// The client's part: what the 2xx to our request says (RFC 4028 §7.2).
pub fn agreed(answered: Option<SessionExpires>) -> Option<SessionTimer> {
    let answered = answered?;
    let refresher = if answered.refresher_uac == Some(false) { Refresher::Peer } else { Refresher::Us };
    // A peer that names less than RFC 4028's minimum would make us send without end.
    let interval = Duration::from_secs(u64::from(answered.seconds)).max(Duration::from_secs(90));
    Some(SessionTimer { interval, refresher })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: Duration = Duration::from_secs(90);

    fn asked(text: &str) -> Option<SessionExpires> {
        SessionExpires::parse(text).ok()
    }

    #[test]
    fn the_refresher_is_whom_the_caller_names_and_else_the_caller() {
        let refresher = |text, supports| match agree(asked(text), supports, LEAST) {
            Agreement::Timer { timer, .. } => timer.refresher,
            other => panic!("{other:?}"),
        };
        assert_eq!(refresher("1800;refresher=uac", true), Refresher::Peer);
        assert_eq!(refresher("1800 ; Refresher = UAS", true), Refresher::Us);
        assert_eq!(refresher("1800", true), Refresher::Peer);
        assert_eq!(refresher("1800", false), Refresher::Us, "a proxy asked for it");
    }

    #[test]
    fn too_small_an_interval_is_refused_only_to_those_who_understand() {
        assert_eq!(agree(asked("30"), true, LEAST), Agreement::TooSmall);
        assert!(matches!(agree(asked("30"), false, LEAST), Agreement::Timer { timer, .. } if timer.interval == LEAST));
        assert_eq!(agree(None, true, LEAST), Agreement::None);
    }

    #[test]
    fn a_silent_peer_is_given_up_shortly_before_the_end() {
        let timer = |seconds, refresher| SessionTimer { interval: Duration::from_secs(seconds), refresher };
        assert_eq!(timer(1800, Refresher::Us).act_after(), Duration::from_secs(900));
        assert_eq!(timer(1800, Refresher::Peer).act_after(), Duration::from_secs(1768));
        assert_eq!(timer(90, Refresher::Peer).act_after(), Duration::from_secs(60));
    }
}
