//! Keys by INFO: `application/dtmf-relay` and `application/dtmf`, as phones without RFC 4733 send them.

use tandem_core::Timestamp;

use super::event::UaEvent;
use super::leg::Leg;
use super::{UserAgent, limits};
use crate::sip::header::Name;
use crate::sip::message::Message;
use crate::sip::transaction::ServerId;

pub(crate) const RELAY: &str = "application/dtmf-relay";
const PLAIN: &str = "application/dtmf";
/// Length of a key that comes without one, in milliseconds.
const DEFAULT_MS: u32 = 160;

/// A key as its sign: some phones write its event number (RFC 4733 §3.2).
fn key(text: &str) -> Option<char> {
    match text {
        "10" => return Some('*'),
        "11" => return Some('#'),
        "12" | "13" | "14" | "15" => return text.parse::<u8>().ok().map(|event| char::from(b'A' + event - 12)),
        _ => {}
    }
    let mut chars = text.chars();
    let sign = chars.next()?.to_ascii_uppercase();
    (chars.next().is_none() && matches!(sign, '0'..='9' | '*' | '#' | 'A'..='D')).then_some(sign)
}

fn relay(body: &str) -> Option<(char, u32)> {
    let (mut sign, mut duration) = (None, DEFAULT_MS);
    for (name, value) in body.lines().filter_map(|line| line.split_once('=')) {
        let (name, value) = (name.trim(), value.trim());
        if name.eq_ignore_ascii_case("Signal") {
            sign = key(value);
        } else if name.eq_ignore_ascii_case("Duration") {
            duration = value.parse().unwrap_or(DEFAULT_MS);
        }
    }
    Some((sign?, duration.min(60_000)))
}

impl UserAgent {
    /// An INFO in a dialog.
    pub(crate) fn info_came(&mut self, now: Timestamp, id: ServerId, leg: &Leg, message: &Message) {
        let kind = message.content_type().unwrap_or_default().to_ascii_lowercase();
        let body = String::from_utf8_lossy(message.body());
        let keys: Option<Vec<(char, u32)>> = match kind.as_str() {
            RELAY => relay(&body).map(|pressed| vec![pressed]),
            PLAIN => match key(body.trim()) {
                Some(sign) => Some(vec![(sign, DEFAULT_MS)]),
                None => body.trim().chars().take(limits::INFO_DIGITS).map(|c| key(&c.to_string()).map(|sign| (sign, DEFAULT_MS))).collect(),
            },
            // Without a body it only asks whether the dialog is alive.
            "" if message.body().is_empty() => Some(Vec::new()),
            _ => {
                self.reply_with(now, id, message, 415, None, &[(Name::Accept, "application/dtmf-relay, application/dtmf")]);
                return;
            }
        };
        let Some(keys) = keys else {
            self.reply(now, id, message, 400, None);
            return;
        };
        self.reply(now, id, message, 200, None);
        for (digit, duration_ms) in keys {
            self.events.push_back(UaEvent::Digit { leg: leg.id, digit, duration_ms });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_signs_and_as_event_numbers() {
        assert_eq!(relay("Signal=5\r\nDuration=250\r\n"), Some(('5', 250)));
        assert_eq!(relay("signal = 11\nduration = x"), Some(('#', DEFAULT_MS)));
        assert_eq!(relay("Signal=a"), Some(('A', DEFAULT_MS)));
        assert_eq!(relay("Signal=15"), Some(('D', DEFAULT_MS)));
        assert_eq!(relay("Signal=16"), None);
        assert_eq!(relay("Signal=é"), None);
        assert_eq!(relay(""), None);
    }
}
