//! Our side of a leg's offers and answers (RFC 3264).

use std::net::SocketAddr;

use smol_str::SmolStr;
use tandem_core::{Codec, Direction, SrtpPolicy};

use super::answer::{self, Accepted};
use super::codec::{EVENTS, compatible};
use super::crypto::{Crypto, Security};
use super::description::{Description, Stream};
use super::write::{Line, render};
use super::{Negotiated, SdpError};

/// Which codec an answer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice<'a> {
    /// The first of the peer's list that we have: what RFC 3264 §6.1 recommends.
    Theirs,
    /// The first of our list that the peer has.
    Ours,
    /// This one if the peer has it (so that two legs need no transcoding), else as [`Choice::Theirs`].
    Prefer(&'a Codec),
    /// This one or none.
    Only(&'a Codec),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Open {
    Nothing,
    /// Ours, waiting for the answer.
    Local(Vec<Line>),
    /// The peer's, waiting for our answer.
    Remote(Description),
}

/// A description as it was sent: it may hold keys, so it is not printed.
#[derive(Clone, PartialEq, Eq)]
struct Sent(String);

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sent({} bytes)", self.0.len())
    }
}

/// One leg's side of the negotiation.
#[derive(Debug, Clone)]
pub struct Session {
    id: u64,
    version: u64,
    local: SocketAddr,
    codecs: Vec<Codec>,
    direction: Direction,
    security: Security,
    open: Open,
    /// What was sent last, with [`Session::version`].
    sent: Option<Sent>,
    /// The `m=` lines as both know them: a later offer may not have fewer (RFC 3264 §8).
    lines: Vec<Line>,
    /// Payload types in use keep their meaning for the whole session (RFC 3264 §8.3.2).
    bound: Vec<Codec>,
    negotiated: Option<Negotiated>,
}

impl Session {
    /// A leg that receives RTP at `local` and speaks these codecs, best first. `id` is the `o=` session id: any number that
    /// this leg alone has.
    pub fn new(id: u64, local: SocketAddr, codecs: Vec<Codec>) -> Session {
        // The id must fit what peers read it into; many use 63 bits.
        let id = id & (u64::MAX >> 1);
        Session {
            id,
            version: 1,
            local,
            codecs,
            direction: Direction::SendRecv,
            security: Security::default(),
            open: Open::Nothing,
            sent: None,
            lines: Vec::new(),
            bound: Vec::new(),
            negotiated: None,
        }
    }

    /// `o=` session id.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// `o=` version of the last description sent.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Where we receive RTP.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Moves our RTP address; tell the peer by an offer.
    pub fn set_local(&mut self, local: SocketAddr) {
        self.local = local;
    }

    /// Other codecs, best first, for offers and answers from now on.
    pub fn set_codecs(&mut self, codecs: Vec<Codec>) {
        self.codecs = codecs;
    }

    /// Whether media is to be encrypted. Without it, it is not.
    pub fn set_security(&mut self, security: Security) {
        self.security = security;
    }

    /// What we want from now on, from our side: [`Direction::SendOnly`] or [`Direction::Inactive`] to hold the peer.
    pub fn set_direction(&mut self, direction: Direction) {
        self.direction = direction;
    }

    /// What both agreed on last.
    pub fn negotiated(&self) -> Option<&Negotiated> {
        self.negotiated.as_ref()
    }

    /// The description sent last: for a repeated 183 or the 200 after a reliable 183.
    pub fn sent(&self) -> Option<&str> {
        self.sent.as_ref().map(|sent| sent.0.as_str())
    }

    /// Our offer waits for its answer.
    pub fn awaits_answer(&self) -> bool {
        matches!(self.open, Open::Local(_))
    }

    /// The peer's offer waits for our answer.
    pub fn owes_answer(&self) -> bool {
        matches!(self.open, Open::Remote(_))
    }

    /// Makes an offer: the first one, a new one (hold, other address), or the one of a 200 to an INVITE without (late offer).
    pub fn offer(&mut self) -> Result<String, SdpError> {
        if self.owes_answer() {
            return Err(SdpError::Order("the peer's offer is open"));
        }
        let codecs = self.assign_payload_types();
        let events = self.assign_events(&codecs);
        let proto = self.lines.iter().find_map(|line| match line {
            Line::Audio { proto, .. } => Some(proto.clone()),
            Line::Off { .. } => None,
        });
        // Wanted is encryption with the usual name of the protocol, as an unknown one would be refused; required it has its own
        // name, so that nobody answers in the clear.
        let first = if self.security.policy() == SrtpPolicy::Required { "RTP/SAVP" } else { "RTP/AVP" };
        let audio = Line::Audio {
            proto: proto.unwrap_or_else(|| first.to_owned()),
            codecs,
            events,
            direction: self.direction,
            rtcp_mux: false,
            crypto: self.keys_to_offer(),
        };
        let mut lines = self.lines.clone();
        match lines.iter_mut().find(|line| matches!(line, Line::Audio { .. })) {
            Some(line) => *line = audio,
            None => lines.push(audio),
        }
        let text = self.send(&lines);
        self.open = Open::Local(lines);
        Ok(text)
    }

    /// The keys of an offer: all at first; then what was agreed on, so that nothing changes for who changes nothing.
    fn keys_to_offer(&self) -> Vec<Crypto> {
        let agreed = |line: &Line| match line {
            Line::Audio { crypto, .. } => Some(crypto.clone()),
            Line::Off { .. } => None,
        };
        match self.negotiated {
            Some(_) => self.lines.iter().find_map(agreed).unwrap_or_default(),
            None => self.security.offer(),
        }
    }

    /// The stream of the peer's open offer that an answer would take.
    pub fn offered(&self) -> Option<&Stream> {
        let Open::Remote(offer) = &self.open else { return None };
        let (at, _) = answer::choose(offer, &self.codecs, &self.security, Choice::Theirs).ok()?;
        offer.streams.get(at)
    }

    /// Takes the peer's offer, to be answered by [`Session::answer`]. Shows what it has: for whom to ask about codecs.
    pub fn receive_offer(&mut self, text: &str) -> Result<&Description, SdpError> {
        if self.awaits_answer() {
            return Err(SdpError::Order("our offer is open"));
        }
        let offer = Description::parse(text)?;
        // Refused at once rather than when somebody wants to answer.
        answer::choose(&offer, &self.codecs, &self.security, Choice::Theirs)?;
        self.open = Open::Remote(offer);
        match &self.open {
            Open::Remote(offer) => Ok(offer),
            _ => Err(SdpError::Order("no offer to answer")),
        }
    }

    /// Answers the peer's offer.
    pub fn answer(&mut self, choice: Choice<'_>) -> Result<(String, Negotiated), SdpError> {
        let Open::Remote(offer) = &self.open else { return Err(SdpError::Order("no offer to answer")) };
        let Accepted { lines, negotiated } = answer::answer(offer, &self.codecs, &self.security, self.direction, choice)?;
        self.open = Open::Nothing;
        let text = self.send(&lines);
        self.settle(lines, negotiated.clone());
        Ok((text, negotiated))
    }

    /// Takes the peer's answer to our offer.
    pub fn receive_answer(&mut self, text: &str) -> Result<Negotiated, SdpError> {
        let Open::Local(lines) = &self.open else { return Err(SdpError::Order("no offer is open")) };
        let answer = Description::parse(text)?;
        let negotiated = answer::read_answer(lines, &answer, self.security.policy())?;
        let mut lines = lines.clone();
        if let Some(Line::Audio { direction, crypto, .. }) = lines.iter_mut().find(|line| matches!(line, Line::Audio { .. })) {
            *direction = negotiated.direction;
            let agreed = negotiated.srtp.as_ref().map(|keys| &keys.send);
            crypto.retain(|crypto| Some(&crypto.key) == agreed);
        }
        self.open = Open::Nothing;
        self.settle(lines, negotiated.clone());
        Ok(negotiated)
    }

    /// An offer came to nothing (refused, or its transaction failed): everything is as before (RFC 3264 §8).
    pub fn roll_back(&mut self) {
        self.open = Open::Nothing;
    }

    fn settle(&mut self, lines: Vec<Line>, negotiated: Negotiated) {
        for line in &lines {
            if let Line::Audio { codecs, events, .. } = line {
                for codec in codecs.iter().chain(events) {
                    self.bound.retain(|old| old.payload_type != codec.payload_type);
                    self.bound.push(codec.clone());
                }
            }
        }
        self.lines = lines;
        self.negotiated = Some(negotiated);
    }

    /// The text with the right version: one more if anything changed, the same if not (RFC 3264 §8).
    fn send(&mut self, lines: &[Line]) -> String {
        let mut text = render(self.id, self.version, self.local, lines);
        if self.sent.as_ref().is_some_and(|sent| sent.0 != text) {
            self.version = self.version.saturating_add(1);
            text = render(self.id, self.version, self.local, lines);
        }
        self.sent = Some(Sent(text.clone()));
        text
    }

    /// Our codecs with payload types that don't change what one meant before.
    fn assign_payload_types(&self) -> Vec<Codec> {
        let mut out: Vec<Codec> = Vec::new();
        for codec in &self.codecs {
            let payload_type = self.payload_type_for(codec, &out);
            if let Some(payload_type) = payload_type {
                out.push(Codec { payload_type, ..codec.clone() });
            }
        }
        out
    }

    /// telephone-event at each clock rate in use (RFC 4733 §2.1: the clock of the audio).
    fn assign_events(&self, codecs: &[Codec]) -> Vec<Codec> {
        let mut out: Vec<Codec> = Vec::new();
        for codec in codecs {
            if out.iter().any(|event| event.clock_rate == codec.clock_rate) {
                continue;
            }
            let preferred = if codec.clock_rate == 8000 { 101 } else { 110 };
            let mut event = Codec {
                name: SmolStr::new_static(EVENTS),
                payload_type: preferred,
                clock_rate: codec.clock_rate,
                fmtp: Some("0-15".into()),
            };
            let taken: Vec<Codec> = codecs.iter().chain(&out).cloned().collect();
            if let Some(payload_type) = self.payload_type_for(&event, &taken) {
                event.payload_type = payload_type;
                out.push(event);
            }
        }
        out
    }

    fn payload_type_for(&self, codec: &Codec, taken: &[Codec]) -> Option<u8> {
        let free = |payload_type: &u8| !taken.iter().chain(&self.bound).any(|other| other.payload_type == *payload_type);
        let before = self.bound.iter().find(|old| compatible(old, codec)).map(|old| old.payload_type);
        before
            .filter(|payload_type| !taken.iter().any(|other| other.payload_type == *payload_type))
            .or_else(|| Some(codec.payload_type).filter(free))
            .or_else(|| (96..128).find(free))
    }
}
