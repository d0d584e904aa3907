//! Reliable provisional responses (RFC 3262) for callers that require them.

use bytes::Bytes;
use tandem_core::{Cause, Party, Timestamp};

use super::UserAgent;
use super::event::ActionError;
use super::leg::{Leg, LegTimer, Stage, Unacked};
use super::send::{SDP, sdp_of};
use crate::sip::header::Name;
use crate::sip::message::Message;
use crate::sip::transaction::ServerId;

/// Reliable provisional responses of one INVITE.
#[derive(Debug)]
pub(crate) struct Reliable {
    /// RSeq of the last one.
    rseq: u32,
    /// The last one, until its PRACK comes.
    pending: Option<Unacked>,
    /// What is to be sent after that.
    waiting: Option<(u16, Option<Bytes>)>,
    /// Our final answer, which waits too: not before the PRACK for a response with a session description (§3).
    answer: Option<Bytes>,
    /// Our session description went out reliably: that was our answer.
    pub(crate) answered: bool,
}

impl Reliable {
    /// For an INVITE that requires it; `first` is the RSeq of the first response, below 2^31.
    pub(crate) fn new(first: u32) -> Self {
        Reliable { rseq: first.saturating_sub(1), pending: None, waiting: None, answer: None, answered: false }
    }

    /// Keeps a final answer back until the PRACK, if it has to wait.
    pub(crate) fn hold_answer(&mut self, sdp: &Bytes) -> bool {
        let waits = self.pending.as_ref().is_some_and(|pending| pending.offer);
        if waits {
            self.answer = Some(sdp.clone());
        }
        waits
    }
}

/// RAck: RSeq, CSeq number and method of the response (§7.2).
fn rack(text: &str) -> Option<(u32, u32, &str)> {
    let mut parts = text.split_ascii_whitespace();
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?))
}

impl UserAgent {
    /// Sends a provisional response reliably, or keeps it until the one before is acknowledged.
    pub(crate) fn progress_reliably(&mut self, now: Timestamp, leg: &mut Leg, status: u16, sdp: Option<Bytes>) -> Result<(), ActionError> {
        let Stage::Offered(offering) = &mut leg.stage else { return Err(leg.wrong("ring", "it is not being offered")) };
        let Some(reliable) = &mut offering.reliable else { return Ok(()) };
        if reliable.pending.is_some() {
            let sdp = sdp.or_else(|| reliable.waiting.take().and_then(|(_, sdp)| sdp));
            reliable.waiting = Some((status, sdp));
            return Ok(());
        }
        reliable.rseq += 1;
        // One answer is enough: a second session description would be an offer.
        let sdp = sdp.filter(|_| !reliable.answered);
        reliable.answered |= sdp.is_some();
        let (rseq, server) = (reliable.rseq, offering.server);
        let cseq = offering.request.cseq().map_or(0, |cseq| cseq.number);
        let Stage::Offered(offering) = &leg.stage else { return Ok(()) };
        let mut response = self.dialog_response(leg, offering, status).with(Name::Require, "100rel").with(Name::RSeq, rseq);
        if let Some(sdp) = &sdp {
            response = response.with_body(SDP, sdp.clone());
        }
        let (bytes, timers) = (response.encode(), self.config.timers);
        self.tx.respond(now, server, status, bytes.clone());
        let flow = self.tx.server_flow(server).unwrap_or(leg.dialog.flow);
        let (interval, deadline) = (timers.t1, now + timers.t1_64());
        let pending = Unacked { bytes: bytes.clone(), flow, cseq, interval, deadline, offer: sdp.is_some(), again: false };
        if let Stage::Offered(offering) = &mut leg.stage {
            offering.provisional = Some((status, bytes));
            if let Some(reliable) = &mut offering.reliable {
                reliable.pending = Some(pending);
            }
        }
        leg.local_sdp = sdp.or(leg.local_sdp.take());
        self.arm(leg, LegTimer::RepeatProvisional, now + timers.t1);
        Ok(())
    }

    /// The PRACK has not come: again, or give the call up (§3).
    pub(crate) fn repeat_provisional(&mut self, now: Timestamp, leg: &mut Leg) {
        let Stage::Offered(offering) = &mut leg.stage else { return };
        let Some(pending) = offering.reliable.as_mut().and_then(|reliable| reliable.pending.as_mut()) else { return };
        if now >= pending.deadline {
            let cause = Cause::sip(504, Party::System).because("no PRACK");
            let _ = self.refuse_leg(now, leg, 504, &[], cause);
            return;
        }
        pending.interval = pending.interval.saturating_mul(2);
        let next = (now + pending.interval).min(pending.deadline);
        let (flow, bytes) = (pending.flow, pending.bytes.clone());
        self.tx.send(flow, bytes);
        self.arm(leg, LegTimer::RepeatProvisional, next);
    }

    /// A PRACK: what has waited for it goes on.
    pub(crate) fn prack_came(&mut self, now: Timestamp, id: ServerId, leg: &mut Leg, message: &Message) {
        let named = message.header(Name::RAck).and_then(rack);
        let Stage::Offered(offering) = &mut leg.stage else {
            self.reply(now, id, message, 481, None);
            return;
        };
        let known = offering.reliable.as_mut().filter(|reliable| {
            let wanted = reliable.pending.as_ref().map(|pending| (reliable.rseq, pending.cseq, "INVITE"));
            wanted.is_some() && wanted == named
        });
        let Some(reliable) = known else {
            self.reply(now, id, message, 481, None);
            return;
        };
        reliable.pending = None;
        let (answer, waiting) = (reliable.answer.take(), reliable.waiting.take());
        self.disarm(leg, LegTimer::RepeatProvisional);
        // An offer in a PRACK would be a change of a session that is only being set up: the 200 can come first.
        let status = if sdp_of(message).is_some() { 488 } else { 200 };
        self.reply(now, id, message, status, None);
        let _ = match (answer, waiting) {
            (Some(sdp), _) => self.answer_leg(now, leg, sdp).map(drop),
            (None, Some((status, sdp))) => self.progress_reliably(now, leg, status, sdp),
            (None, None) => Ok(()),
        };
    }
}
