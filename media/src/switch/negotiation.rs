//! Matching the two sides of a call: which codecs a called side is offered, and which answer a caller gets.
//!
//! Audio is relayed undecoded if both legs have the same codec, so a caller is answered only when the called side's
//! choice is known, with that choice; the called side was offered only what the caller has.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use smol_str::SmolStr;
use tandem_core::{Codec, LegId, MediaRecord};

use crate::rtp::{LatchMode, MediaRemote};
use crate::sip::sdp::{Choice, KNOWN_CODECS, Negotiated, SdpError, Security, Session, known_codec};

/// What we offer when nobody's wish is known, best first: what every phone and trunk has.
pub(super) fn usual_codecs() -> Vec<Codec> {
    let codec = |name: &str, payload_type| Codec { name: SmolStr::new(name), payload_type, clock_rate: 8000, fmtp: None };
    vec![codec("PCMU", 0), codec("PCMA", 8)]
}

fn is_g711(codec: &Codec) -> bool {
    matches!(codec.name.as_str(), "PCMU" | "PCMA")
}

/// One leg's negotiation.
#[derive(Debug)]
pub(super) struct Negotiation {
    session: Session,
    /// Our first offer, as long as no final answer came: each fork may answer it in its own way (RFC 3261 §13.2.2.4).
    offered: Option<Box<Session>>,
    /// What the peer's first offer has and we know.
    theirs: Vec<Codec>,
}

impl Negotiation {
    /// For a leg that receives at `local` and speaks `codecs`.
    pub(super) fn new(leg: LegId, local: SocketAddr, codecs: Vec<Codec>) -> Negotiation {
        Negotiation { session: Session::new(leg.0, local, codecs), offered: None, theirs: Vec::new() }
    }

    /// Encrypts its media, or not.
    pub(super) fn secured(mut self, security: Security) -> Negotiation {
        self.session.set_security(security);
        self
    }

    /// Takes a caller's offer; it is answered by [`Negotiation::answer_caller`].
    pub(super) fn take_offer(&mut self, sdp: &[u8]) -> Result<(), SdpError> {
        self.session.receive_offer(&text(sdp)?)?;
        let audio = self.session.offered();
        let theirs: Vec<Codec> =
            audio.map(|stream| stream.codecs.iter().filter(|codec| is_known(codec)).cloned().collect()).unwrap_or_default();
        // Whatever the caller has may be relayed, also what the switch itself can't decode.
        let mut codecs = usual_codecs();
        codecs.extend(theirs.iter().filter(|codec| !is_g711(codec)).cloned());
        self.session.set_codecs(codecs);
        self.theirs = theirs;
        Ok(())
    }

    /// Our description for a caller: the answer with the codec of the called side (or the best that we make ourselves), or
    /// our offer if the caller made none. Repeats what was sent, if it was.
    pub(super) fn answer_caller(&mut self, wanted: Option<&Codec>) -> Result<Bytes, SdpError> {
        if self.session.owes_answer() {
            let choice = wanted.map_or(Choice::Ours, Choice::Prefer);
            return self.session.answer(choice).map(|(sdp, _)| Bytes::from(sdp));
        }
        if let Some(sent) = self.session.sent() {
            return Ok(Bytes::from(sent.to_owned()));
        }
        let codecs = wanted.map_or_else(usual_codecs, |codec| vec![codec.clone()]);
        self.offer(codecs)
    }

    /// Our offer with these codecs.
    pub(super) fn offer(&mut self, codecs: Vec<Codec>) -> Result<Bytes, SdpError> {
        self.session.set_codecs(codecs);
        let sdp = self.session.offer()?;
        self.offered = Some(Box::new(self.session.clone()));
        Ok(Bytes::from(sdp))
    }

    /// Our offer anew, because the peer asked for it or we moved.
    pub(super) fn offer_again(&mut self) -> Result<Bytes, SdpError> {
        self.offered = None;
        self.session.offer().map(Bytes::from)
    }

    /// Takes an answer to our offer. `last` says that it is final and not early.
    pub(super) fn take_answer(&mut self, sdp: &[u8], last: bool) -> Result<MediaRecord, SdpError> {
        if !self.session.awaits_answer()
            && let Some(offered) = &self.offered
        {
            self.session = (**offered).clone();
        }
        let negotiated = self.session.receive_answer(&text(sdp)?)?;
        if last {
            self.offered = None;
        }
        Ok(negotiated.record(&self.session))
    }

    /// Answers a re-INVITE's offer, with the codec in use if the peer still has it.
    pub(super) fn answer_again(&mut self, sdp: &[u8]) -> Result<(Bytes, MediaRecord), SdpError> {
        let current = self.codec();
        self.session.receive_offer(&text(sdp)?)?;
        let choice = current.as_ref().map_or(Choice::Ours, Choice::Prefer);
        let (sdp, negotiated) = self.session.answer(choice)?;
        Ok((Bytes::from(sdp), negotiated.record(&self.session)))
    }

    /// What a leg that talks with this one is offered: the codec in use, or what this caller has. Both kinds of G.711 stand
    /// for each other, as the media plane converts between them by table.
    pub(super) fn codecs_for_peer(&self) -> Vec<Codec> {
        let mut codecs = match self.codec() {
            Some(codec) => vec![codec],
            None => self.theirs.clone(),
        };
        if codecs.iter().any(is_g711) {
            let missing: Vec<Codec> =
                usual_codecs().into_iter().filter(|usual| !codecs.iter().any(|codec| codec.name == usual.name)).collect();
            codecs.extend(missing);
        }
        codecs
    }

    /// The codec in use.
    pub(super) fn codec(&self) -> Option<Codec> {
        self.session.negotiated().map(|negotiated| negotiated.codec.clone())
    }

    /// What both sides agreed on last, for the log.
    pub(super) fn settled(&self) -> Option<MediaRecord> {
        self.session.negotiated().map(|negotiated| negotiated.record(&self.session))
    }

    /// The peer holds us.
    pub(super) fn held(&self) -> bool {
        self.session.negotiated().is_some_and(|negotiated| negotiated.held)
    }

    /// The far end for the media plane. `from` is where the peer's signalling comes from, for phones behind NAT.
    pub(super) fn remote(&self, from: IpAddr, latch: LatchMode) -> Option<MediaRemote> {
        self.session.negotiated().map(|negotiated| media_remote(negotiated, from, latch))
    }
}

fn media_remote(negotiated: &Negotiated, from: IpAddr, latch: LatchMode) -> MediaRemote {
    MediaRemote {
        rtcp: negotiated.remote_rtcp,
        rtcp_mux: negotiated.rtcp_mux,
        remote_payload_type: negotiated.remote_payload_type,
        dtmf: negotiated.dtmf_remote,
        local_dtmf: negotiated.dtmf_local,
        direction: negotiated.direction,
        ptime_ms: negotiated.ptime_ms,
        signalled_from: Some(from),
        latch,
        srtp: negotiated.srtp.clone(),
        ..MediaRemote::new(negotiated.remote_rtp, negotiated.codec.clone())
    }
}

fn is_known(codec: &Codec) -> bool {
    known_codec(&codec.name).is_some()
}

fn text(sdp: &[u8]) -> Result<std::borrow::Cow<'_, str>, SdpError> {
    // A stray byte in a session name must not cost the call.
    Ok(String::from_utf8_lossy(sdp))
}

/// Everything we may carry, for a caller whose offer is not known yet.
pub(super) fn known_codecs() -> Vec<Codec> {
    KNOWN_CODECS.iter().filter_map(|(name, ..)| known_codec(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLER: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
        m=audio 4000 RTP/AVP 9 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";

    fn local(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 9], port))
    }

    fn caller() -> Negotiation {
        let mut negotiation = Negotiation::new(LegId(1), local(20000), known_codecs());
        negotiation.take_offer(CALLER.as_bytes()).unwrap();
        negotiation
    }

    fn names(codecs: &[Codec]) -> Vec<&str> {
        codecs.iter().map(|codec| codec.name.as_str()).collect()
    }

    #[test]
    fn the_called_side_is_offered_what_the_caller_has_and_the_other_g711() {
        assert_eq!(names(&caller().codecs_for_peer()), ["G722", "PCMA", "PCMU"]);
    }

    #[test]
    fn the_caller_is_answered_with_the_called_sides_choice() {
        let mut called = Negotiation::new(LegId(2), local(20002), Vec::new());
        called.offer(caller().codecs_for_peer()).unwrap();
        let answer = "v=0\r\no=- 5 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 5000 RTP/AVP 8\r\n";
        called.take_answer(answer.as_bytes(), true).unwrap();
        let mut caller = caller();
        caller.answer_caller(called.codec().as_ref()).unwrap();
        assert_eq!(caller.codec().unwrap().name, "PCMA");
        assert_eq!(caller.settled().unwrap().remote, SocketAddr::from(([192, 0, 2, 1], 4000)));
    }

    #[test]
    fn a_caller_who_talks_with_the_switch_itself_gets_a_codec_that_the_switch_can_make() {
        let mut caller = caller();
        caller.answer_caller(None).unwrap();
        assert_eq!(caller.codec().unwrap().name, "PCMA", "not G.722, though the caller likes it better");
    }

    #[test]
    fn asking_again_for_the_callers_answer_repeats_it() {
        let mut caller = caller();
        let first = caller.answer_caller(None).unwrap();
        assert_eq!(caller.answer_caller(None).unwrap(), first);
    }

    #[test]
    fn a_caller_without_an_offer_gets_ours() {
        let mut negotiation = Negotiation::new(LegId(1), local(20000), known_codecs());
        let sdp = negotiation.answer_caller(None).unwrap();
        assert!(String::from_utf8_lossy(&sdp).contains("m=audio 20000 RTP/AVP 0 8"));
        assert!(negotiation.settled().is_none(), "known only with the ACK");
    }

    #[test]
    fn each_fork_may_answer_in_its_own_way() {
        let mut called = Negotiation::new(LegId(2), local(20002), Vec::new());
        called.offer(usual_codecs()).unwrap();
        let answer =
            |port: u16| format!("v=0\r\no=- 5 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n");
        called.take_answer(answer(5000).as_bytes(), false).unwrap();
        let settled = called.take_answer(answer(6000).as_bytes(), true).unwrap();
        assert_eq!(settled.remote.port(), 6000);
        assert!(called.take_answer(answer(7000).as_bytes(), true).is_err(), "there is no offer left to answer");
    }

    #[test]
    fn hold_is_seen_and_keeps_the_codec() {
        let mut caller = caller();
        caller.answer_caller(None).unwrap();
        let hold = CALLER.replace("o=- 1 1", "o=- 1 2") + "a=sendonly\r\n";
        let (answer, _) = caller.answer_again(hold.as_bytes()).unwrap();
        assert!(caller.held());
        assert!(String::from_utf8_lossy(&answer).contains("a=recvonly"));
        assert_eq!(caller.codec().unwrap().name, "PCMA");
    }
}
