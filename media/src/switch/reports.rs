//! What dialogs and media workers report, as commands.

use smol_str::SmolStr;
use tandem_core::{Cause, Command, DialogRecord, Flow, LegId, MediaRecord, Party, Timestamp, TransferTarget};

use super::desk::Desk;
use super::legs::Stage;
use crate::rtp::Report;
use crate::sip::ua::{ReferToken, UaEvent};
use crate::sip::uri::Uri;

impl Desk {
    /// What a dialog reports.
    pub(super) fn dialog_reported(&mut self, now: Timestamp, event: UaEvent) {
        match event {
            UaEvent::Progressed { leg, status, sdp } => self.progressed(leg, status, sdp.as_deref()),
            UaEvent::Answered { leg, sdp, needs_answer, dialog } => self.answered(now, leg, sdp.as_deref(), needs_answer, *dialog),
            UaEvent::Confirmed { leg, sdp: Some(sdp) } => self.late_answer(now, leg, &sdp),
            UaEvent::Confirmed { sdp: None, .. } => {}
            UaEvent::Reoffered { leg, sdp } => self.reoffered(now, leg, sdp.as_deref()),
            UaEvent::ReofferAnswered { leg, result: Ok(Some(sdp)), .. } => self.late_answer(now, leg, &sdp),
            UaEvent::TransferAsked { leg, refer, target, attended, replaces } => {
                self.transfer_asked(now, leg, refer, &target, attended, replaces);
            }
            UaEvent::Digit { leg, digit, duration_ms } => self.tell(leg, Command::LegDigit { leg, digit, duration_ms }),
            UaEvent::Ended { leg, cause, .. } => self.ended(leg, cause),
            _ => {}
        }
    }

    /// Sends a command about a leg to the leg's tenant; a leg that the core never heard of has none.
    pub(super) fn tell(&mut self, leg: LegId, command: Command) {
        if let Some(state) = self.legs.get(&leg) {
            self.post.send(&state.tenant, command);
        }
    }

    fn progressed(&mut self, leg: LegId, status: u16, sdp: Option<&[u8]>) {
        let early_media = match sdp {
            Some(sdp) => self.take_answer(leg, sdp, false).is_ok(),
            None => false,
        };
        // 181, 182 and 199 say nothing that a caller could hear.
        if matches!(status, 180 | 183) {
            self.tell(leg, Command::LegProgressed { leg, status, early_media });
        }
    }

    fn answered(&mut self, now: Timestamp, leg: LegId, sdp: Option<&[u8]>, needs_answer: bool, dialog: DialogRecord) {
        let negotiated = match sdp {
            Some(sdp) if needs_answer => self.answer_late_offer(now, leg, sdp),
            Some(sdp) => self.take_answer(leg, sdp, true),
            // An early answer in a reliable provisional stands for the final one (RFC 3262 §5).
            None => self.early_answer_stands(leg),
        };
        match negotiated {
            Ok(media) => {
                if let Some(state) = self.legs.get_mut(&leg) {
                    state.stage = Stage::Up;
                }
                self.tell(leg, Command::LegAnswered { leg, dialog, media });
            }
            // Up in signalling but unable to talk: hang up, and let the attempt count as failed.
            Err(why) => {
                let _ = self.ua.release(now, leg, Desk::own_cause(488, &why));
            }
        }
    }

    /// The answer to an offer that we made late (in a 200, or a re-INVITE of ours).
    fn late_answer(&mut self, now: Timestamp, leg: LegId, sdp: &[u8]) {
        match self.take_answer(leg, sdp, true) {
            Ok(media) => {
                let dialog = self.ua.dialog_record(leg);
                self.tell(leg, Command::LegMediaChanged { leg, dialog, media });
            }
            Err(why) => {
                let _ = self.ua.release(now, leg, Desk::own_cause(488, &why));
            }
        }
    }

    /// A re-INVITE: hold, resume, a moved media address, or a wish for our offer.
    fn reoffered(&mut self, now: Timestamp, leg: LegId, sdp: Option<&[u8]>) {
        let Some(state) = self.legs.get_mut(&leg) else {
            let _ = self.ua.refuse_reoffer(now, leg, 481);
            return;
        };
        let Some(sdp) = sdp else {
            let _ = match state.negotiation.offer_again() {
                Ok(offer) => self.ua.answer_reoffer(now, leg, offer),
                Err(error) => self.ua.refuse_reoffer(now, leg, error.status()),
            };
            return;
        };
        match state.negotiation.answer_again(sdp) {
            Ok((answer, media)) => {
                let held = state.negotiation.held();
                let _ = self.ua.answer_reoffer(now, leg, answer);
                self.point_media(leg);
                self.hold_changed(leg, held);
                let dialog = self.ua.dialog_record(leg);
                self.tell(leg, Command::LegMediaChanged { leg, dialog, media });
            }
            Err(error) => {
                let _ = self.ua.refuse_reoffer(now, leg, error.status());
            }
        }
    }

    fn hold_changed(&mut self, leg: LegId, held: bool) {
        let Some(state) = self.legs.get_mut(&leg) else { return };
        if state.held_by_peer == held {
            return;
        }
        state.held_by_peer = held;
        self.tell(leg, if held { Command::LegHeld { leg } } else { Command::LegResumed { leg } });
    }

    fn transfer_asked(&mut self, now: Timestamp, leg: LegId, refer: ReferToken, target: &str, attended: bool, replaces: Option<LegId>) {
        let number = Uri::parse(target).ok().and_then(|uri| uri.user_decoded().map(SmolStr::from));
        let target = match (attended, replaces, number) {
            (true, Some(other), _) => Some(TransferTarget::Leg(other)),
            // A dialog that isn't ours can't be replaced by us (RFC 3891 §3).
            (true, None, _) => None,
            (false, _, Some(number)) => Some(TransferTarget::Number(number)),
            (false, _, None) => None,
        };
        let Some(state) = self.legs.get_mut(&leg) else { return };
        match target {
            Some(target) if state.refer.is_none() => {
                state.refer = Some(refer);
                self.tell(leg, Command::TransferAsked { leg, target });
            }
            Some(_) => {
                let _ = self.ua.notify_transfer(now, leg, Some(refer), 491);
            }
            None => {
                let _ = self.ua.notify_transfer(now, leg, Some(refer), 404);
            }
        }
    }

    /// The dialog is over: the media is closed, and its statistics complete the story.
    fn ended(&mut self, leg: LegId, cause: Cause) {
        let Some(state) = self.legs.get_mut(&leg) else { return };
        if state.media.is_some() && self.media.close(leg).is_ok() {
            state.over = Some(cause);
            return;
        }
        self.tell(leg, Command::LegEnded { leg, cause, stats: None });
        self.legs.remove(&leg);
    }

    /// A connection broke: the phones that registered over it can't be reached any more.
    pub(super) fn connection_lost(&mut self, flow: Flow) {
        for (tenant, user) in self.connections.remove(&flow).unwrap_or_default() {
            self.post.send(&tenant, Command::ConnectionLost { user, flow });
        }
    }

    /// What a media worker reports.
    pub(super) fn media_reported(&mut self, report: Report) {
        match report {
            Report::Digit { leg, digit, duration_ms } => self.tell(leg, Command::LegDigit { leg, digit, duration_ms }),
            Report::PromptEnded { leg } => self.tell(leg, Command::PromptEnded { leg }),
            Report::Closed { leg, stats } => {
                let Some(cause) = self.legs.get_mut(&leg).and_then(|state| state.over.take()) else { return };
                self.tell(leg, Command::LegEnded { leg, cause, stats: Some(stats) });
                self.legs.remove(&leg);
            }
            Report::PromptFailed { leg, name, error } => {
                tracing::warn!(%leg, %name, error, "a prompt can't be played");
                self.tell(leg, Command::PromptFailed { leg, reason: SmolStr::new(error) });
            }
            Report::Silent { leg, seconds } => self.fell_silent(leg, seconds),
            Report::RecordingStarted { recording, path } => {
                self.tell_owner(&path, |_| Command::RecordingStarted { recording });
            }
            Report::RecordingFailed { recording, path, reason } => {
                self.media.recording_over(recording);
                self.tell_owner(&path, |_| Command::RecordingFailed { recording, reason: SmolStr::new(reason) });
            }
            Report::RecordingEnded { recording, path, duration_ms, bytes } => {
                self.media.recording_over(recording);
                self.tell_owner(&path, |path| Command::RecordingEnded { recording, duration_ms, bytes, path: SmolStr::new(path) });
            }
        }
    }

    /// A far end that should send audio and has not for the configured time is taken for gone.
    fn fell_silent(&mut self, leg: LegId, seconds: u32) {
        // Before the answer nobody owes audio: callers rarely send any, and early media may pause while it rings. The answer
        // begins the time anew.
        if self.legs.get(&leg).is_none_or(|state| state.stage != Stage::Up) {
            return;
        }
        let text = format!("no audio for {seconds} s");
        // Q.850 41: temporary failure.
        let cause = Cause { sip: 408, q850: 41, by: Party::System, text: Some(SmolStr::new(text)) };
        let _ = self.ua.release(self.clock.now(), leg, cause);
    }

    /// Takes the peer's answer to our offer and tells the media worker.
    fn take_answer(&mut self, leg: LegId, sdp: &[u8], last: bool) -> Result<MediaRecord, String> {
        let state = self.legs.get_mut(&leg).ok_or("no such leg")?;
        let media = state.negotiation.take_answer(sdp, last).map_err(|error| error.to_string())?;
        self.point_media(leg);
        Ok(media)
    }

    fn early_answer_stands(&mut self, leg: LegId) -> Result<MediaRecord, String> {
        let settled = self.legs.get(&leg).and_then(|state| state.negotiation.settled());
        self.point_media(leg);
        settled.ok_or_else(|| "an answer without a session description".to_owned())
    }

    /// We invited without an offer, the peer offered in its 200: our answer goes with the ACK.
    fn answer_late_offer(&mut self, now: Timestamp, leg: LegId, sdp: &[u8]) -> Result<MediaRecord, String> {
        let state = self.legs.get_mut(&leg).ok_or("no such leg")?;
        let (answer, media) = state.negotiation.answer_again(sdp).map_err(|error| error.to_string())?;
        self.point_media(leg);
        let _ = self.ua.acknowledge(now, leg, answer);
        Ok(media)
    }

    /// Tells the media worker where the leg's far end is now.
    pub(super) fn point_media(&mut self, leg: LegId) {
        let Some(state) = self.legs.get(&leg) else { return };
        let Some(remote) = state.negotiation.remote(state.flow.remote.ip(), self.config.latch) else { return };
        if let Err(error) = self.media.set_remote(leg, remote) {
            tracing::warn!(%leg, %error, "the media plane can't use what was negotiated");
        }
    }
}
