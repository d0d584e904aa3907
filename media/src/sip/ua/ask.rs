//! What a phone asks of its peer in a call: to call somebody else (REFER), to take a key (INFO).

use tandem_core::{LegId, Timestamp};

use super::UserAgent;
use super::event::ActionError;
use super::info::RELAY;
use super::leg::{Leg, Stage};
use super::send::InDialog;
use crate::sip::header::{Method, Name, NameAddr};
use crate::sip::uri::Uri;

/// Keys that INFO carries.
fn is_key(digit: char) -> bool {
    matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D')
}

impl UserAgent {
    /// Hands the call over: asks the peer to call `target` in our place (RFC 3515). No subscription is made (RFC 4488), so
    /// nothing is told of how it goes: a peer that succeeds hangs up.
    pub fn refer(&mut self, now: Timestamp, leg: LegId, target: &str) -> Result<(), ActionError> {
        let target = NameAddr::new(Uri::parse(target).map_err(|_| ActionError::Text(target.to_owned()))?);
        self.act(now, leg, |ua, leg| {
            let refer = InDialog::new(Some(leg.id), Method::Refer)
                .with(Name::Contact, leg.contact.clone())
                .with(Name::ReferTo, target.to_string())
                .with(Name::ReferSub, "false")
                .with(Name::Supported, "norefersub");
            ua.ask(now, leg, refer, "refer")
        })
    }

    /// Presses a key by INFO, for calls without RFC 4733.
    pub fn press(&mut self, now: Timestamp, leg: LegId, digit: char, duration_ms: u32) -> Result<(), ActionError> {
        if !is_key(digit) {
            return Err(ActionError::Text(digit.to_string()));
        }
        self.act(now, leg, |ua, leg| {
            let mut info = InDialog::new(Some(leg.id), Method::Info);
            info.body = Some((RELAY, format!("Signal={digit}\r\nDuration={duration_ms}\r\n").into()));
            ua.ask(now, leg, info, "press")
        })
    }

    fn ask(&mut self, now: Timestamp, leg: &mut Leg, request: InDialog, action: &'static str) -> Result<(), ActionError> {
        if !matches!(leg.stage, Stage::Standing) || leg.release.is_some() {
            return Err(leg.wrong(action, "its dialog does not stand"));
        }
        let sent = self.send_in_dialog(now, &mut leg.dialog, request);
        sent.map(|_| ()).ok_or(ActionError::Full(self.config.transactions))
    }
}
