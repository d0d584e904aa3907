//! Transfers: REFER and what the peer hears of it (RFC 3515, RFC 4488).

use tandem_core::{LegId, Timestamp};

use super::event::{ActionError, ReferToken, UaEvent};
use super::leg::{Leg, Refer, Stage};
use super::receive::Head;
use super::send::InDialog;
use super::{UserAgent, limits};
use crate::sip::build::reason_phrase;
use crate::sip::header::{Method, Name};
use crate::sip::message::Message;
use crate::sip::transaction::ServerId;

impl UserAgent {
    /// A REFER in a dialog.
    pub(crate) fn refer_came(&mut self, now: Timestamp, id: ServerId, head: &Head, leg: &mut Leg, message: Message) {
        if !matches!(leg.stage, Stage::Standing) {
            self.reply(now, id, &message, 481, None);
            return;
        }
        if leg.refers.len() >= limits::REFERS {
            let after = limits::OVERLOAD_RETRY_AFTER_S.to_string();
            self.reply_with(now, id, &message, 503, None, &[(Name::RetryAfter, &after)]);
            return;
        }
        let refer_to = message.refer_to().and_then(Result::ok);
        let Some((refer_to, target)) = refer_to.and_then(|refer_to| refer_to.target().ok().map(|target| (refer_to, target))) else {
            self.reply(now, id, &message, 400, None);
            return;
        };
        if refer_to.method.as_deref().is_some_and(|method| !method.eq_ignore_ascii_case("INVITE")) {
            // Only calls are made on request.
            self.reply(now, id, &message, 603, None);
            return;
        }
        let token = ReferToken(leg.next_refer);
        leg.next_refer = leg.next_refer.wrapping_add(1);
        let notify = !message.header(Name::ReferSub).is_some_and(|value| value.trim().eq_ignore_ascii_case("false"));
        leg.refers.push(Refer { token, cseq: head.cseq, request: Some((id, message)), notify });
        let replaces = refer_to.replaces.as_ref().and_then(|replaces| self.resolve(replaces));
        let attended = refer_to.replaces.is_some();
        self.events.push_back(UaEvent::TransferAsked { leg: leg.id, refer: token, target: target.as_str().to_owned(), attended, replaces });
    }

    /// Tells the peer how the transfer it asked for goes: 100 to 199 while it is tried, a final status when it is done.
    /// The first status also answers the REFER: 202, or the refusal if it is 300 or above. `None` means the latest REFER.
    pub fn notify_transfer(&mut self, now: Timestamp, leg: LegId, refer: Option<ReferToken>, status: u16) -> Result<(), ActionError> {
        if !(100..=699).contains(&status) {
            return Err(ActionError::Status(status));
        }
        self.act(now, leg, |ua, leg| {
            let place = match refer {
                Some(token) => leg.refers.iter().position(|refer| refer.token == token),
                None => leg.refers.len().checked_sub(1),
            };
            let Some(place) = place else { return Err(leg.wrong("notify_transfer", "no transfer is asked for")) };
            ua.tell_refer(now, leg, place, status);
            Ok(())
        })
    }

    fn tell_refer(&mut self, now: Timestamp, leg: &mut Leg, place: usize, status: u16) {
        let Some(refer) = leg.refers.get_mut(place) else { return };
        let (token, cseq, notify, request) = (refer.token, refer.cseq, refer.notify, refer.request.take());
        if status >= 200 {
            leg.refers.remove(place);
        }
        if let Some((server, request)) = request {
            if status >= 300 {
                self.reply(now, server, &request, status, None);
                return;
            }
            let mut headers = vec![(Name::Contact, leg.contact.as_str())];
            if !notify {
                headers.push((Name::ReferSub, "false"));
            }
            self.reply_with(now, server, &request, 202, None, &headers);
        }
        if !notify || !matches!(leg.stage, Stage::Standing) {
            return;
        }
        // The first REFER of a dialog needs no id (RFC 3515 §2.4.6).
        let event = if token.0 == 0 { "refer".to_owned() } else { format!("refer;id={cseq}") };
        let state = if status >= 200 { "terminated;reason=noresource" } else { "active;expires=60" };
        let mut notify = InDialog::new(Some(leg.id), Method::Notify)
            .with(Name::Contact, leg.contact.clone())
            .with(Name::Event, event)
            .with(Name::SubscriptionState, state);
        notify.body = Some(("message/sipfrag;version=2.0", format!("SIP/2.0 {status} {}\r\n", reason_phrase(status)).into()));
        self.send_in_dialog(now, &mut leg.dialog, notify);
    }
}
