//! The two ways to agreement: answering an offer, and reading an answer.

use tandem_core::{Codec, Direction, SrtpPolicy};

use super::codec::{compatible, fmtp_value, same_codec};
use super::crypto::{Crypto, Security};
use super::description::{Description, Stream, StreamKind};
use super::session::Choice;
use super::write::Line;
use super::{Negotiated, SdpError, direction, flags, mirrored};
use crate::srtp::SrtpKeys;

pub(super) struct Accepted {
    pub(super) lines: Vec<Line>,
    pub(super) negotiated: Negotiated,
}

fn nothing_fits(offer: &Description) -> SdpError {
    let names = offer.streams.iter().flat_map(|stream| stream.codecs.iter().map(|codec| codec.name.as_str()));
    let offered: Vec<&str> = names.take(16).collect();
    SdpError::NothingFits { offered: if offered.is_empty() { "no audio".to_owned() } else { offered.join(" ") } }
}

/// The stream and the codec of it to take: the first audio stream that has one, encrypted before plain if we may.
pub(super) fn choose(offer: &Description, ours: &[Codec], security: &Security, choice: Choice<'_>) -> Result<(usize, Codec), SdpError> {
    let usable = || offer.streams.iter().enumerate().filter(|(_, stream)| stream.is_usable());
    let find = |encrypted: bool| {
        let fits = move |(_, stream): &(usize, &Stream)| can_be(stream, encrypted, security.policy());
        usable().filter(fits).find_map(|(at, stream)| Some((at, pick(stream, ours, choice)?)))
    };
    let found = find(true).or_else(|| find(false));
    let (at, codec) = found.ok_or_else(|| match usable().next() {
        Some((_, stream)) if !can_be(stream, true, security.policy()) && !can_be(stream, false, security.policy()) => {
            SdpError::Encryption(if stream.is_secure() { "not allowed here, or with nothing that we know" } else { "required" })
        }
        _ => nothing_fits(offer),
    })?;
    if let Some(stream) = offer.streams.get(at) {
        stream.rtp()?;
    }
    Ok((at, codec))
}

/// The stream may be taken so under this policy.
fn can_be(stream: &Stream, encrypted: bool, policy: SrtpPolicy) -> bool {
    if encrypted { !policy.is_off() && !stream.crypto.is_empty() } else { policy != SrtpPolicy::Required && !stream.is_secure() }
}

/// Our line for the stream, and the keys that follow: the peer's first line that we know (RFC 4568 §5.1.2).
fn agree(stream: &Stream, security: &Security) -> Option<(Crypto, SrtpKeys)> {
    if !can_be(stream, true, security.policy()) {
        return None;
    }
    stream.crypto.iter().find_map(|theirs| {
        let ours = security.key(theirs.key.suite())?.clone();
        Some((Crypto { tag: theirs.tag, key: ours.clone() }, SrtpKeys { send: ours, receive: theirs.key.clone() }))
    })
}

/// A codec of the stream, with the peer's payload type.
fn pick(stream: &Stream, ours: &[Codec], choice: Choice<'_>) -> Option<Codec> {
    let have = |theirs: &&Codec| ours.iter().any(|our| compatible(our, theirs));
    let first = || stream.codecs.iter().find(have).cloned();
    let exact = |wanted: &Codec| {
        let same = stream.codecs.iter().filter(have).find(|theirs| same_codec(theirs, wanted));
        same.or_else(|| stream.codecs.iter().filter(have).find(|theirs| compatible(theirs, wanted))).cloned()
    };
    match choice {
        Choice::Theirs => first(),
        Choice::Ours => ours.iter().find_map(|our| stream.codecs.iter().find(|theirs| compatible(our, theirs)).cloned()),
        Choice::Prefer(wanted) => exact(wanted).or_else(first),
        Choice::Only(wanted) => exact(wanted),
    }
}

/// Answers with one codec, so that both sides know what will come, and mirrors the `m=` lines.
pub(super) fn answer(
    offer: &Description,
    ours: &[Codec],
    security: &Security,
    wanted: Direction,
    choice: Choice<'_>,
) -> Result<Accepted, SdpError> {
    let (chosen, mut codec) = choose(offer, ours, security, choice)?;
    let stream = offer.streams.get(chosen).ok_or_else(|| nothing_fits(offer))?;
    let (crypto, srtp) = agree(stream, security).unzip();
    codec.fmtp = answer_fmtp(&codec, ours);
    let mut event = event_for(stream, &codec).cloned();
    if let Some(event) = &mut event {
        event.fmtp = Some("0-15".into());
    }
    let direction = joint(wanted, stream);
    let lines = offer.streams.iter().enumerate().map(|(at, other)| {
        if at == chosen {
            Line::Audio {
                proto: other.proto.clone(),
                codecs: vec![codec.clone()],
                events: event.clone().into_iter().collect(),
                direction,
                rtcp_mux: other.rtcp_mux,
                crypto: crypto.clone().into_iter().collect(),
            }
        } else {
            off(other)
        }
    });
    let lines = lines.collect();
    let event = event.map(|event| event.payload_type);
    let negotiated = Negotiated {
        remote_rtp: stream.rtp()?,
        remote_rtcp: stream.rtcp_addr(),
        rtcp_mux: stream.rtcp_mux,
        remote_payload_type: codec.payload_type,
        codec,
        dtmf_local: event,
        dtmf_remote: event,
        direction,
        ptime_ms: stream.ptime_ms.unwrap_or(20),
        held: is_held(stream),
        srtp,
    };
    Ok(Accepted { lines, negotiated })
}

/// Reads the answer to an offer of ours.
pub(super) fn read_answer(offer: &[Line], answer: &Description, policy: SrtpPolicy) -> Result<Negotiated, SdpError> {
    let streams = || SdpError::Streams { offer: offer.len(), answer: answer.streams.len() };
    if offer.len() != answer.streams.len() {
        return Err(streams());
    }
    let audio = offer.iter().zip(&answer.streams).find_map(|(line, stream)| match line {
        Line::Audio { codecs, events, direction, crypto, .. } => Some((codecs, events, *direction, crypto, stream)),
        Line::Off { .. } => None,
    });
    let (codecs, events, wanted, crypto, stream) = audio.ok_or_else(streams)?;
    if !stream.is_usable() {
        return Err(nothing_fits(answer));
    }
    let srtp = read_keys(crypto, stream, policy)?;
    let common = stream.codecs.iter().find_map(|theirs| Some((codecs.iter().find(|our| compatible(our, theirs))?, theirs)));
    let (our, theirs) = common.ok_or_else(|| nothing_fits(answer))?;
    let event = event_for(stream, theirs);
    let our_event = event.and_then(|event| events.iter().find(|our| our.clock_rate == event.clock_rate));
    Ok(Negotiated {
        remote_rtp: stream.rtp()?,
        remote_rtcp: stream.rtcp_addr(),
        // We don't offer it.
        rtcp_mux: false,
        codec: Codec { fmtp: theirs.fmtp.clone().or_else(|| our.fmtp.clone()), ..our.clone() },
        remote_payload_type: theirs.payload_type,
        dtmf_local: our_event.map(|event| event.payload_type),
        dtmf_remote: our_event.and(event).map(|event| event.payload_type),
        direction: joint(wanted, stream),
        ptime_ms: stream.ptime_ms.unwrap_or(20),
        held: is_held(stream),
        srtp,
    })
}

/// The keys that an answer settles: of the line of ours that it names (RFC 4568 §5.1.3). Without any it is in the clear, which
/// may be refused.
fn read_keys(ours: &[Crypto], stream: &Stream, policy: SrtpPolicy) -> Result<Option<SrtpKeys>, SdpError> {
    let Some(theirs) = stream.crypto.first() else {
        return match policy {
            SrtpPolicy::Required => Err(SdpError::Encryption("required and not answered")),
            _ if stream.is_secure() || stream.encrypted => Err(SdpError::Encryption("answered without a key that we can use")),
            _ => Ok(None),
        };
    };
    let same = |our: &&Crypto| our.tag == theirs.tag && our.key.suite() == theirs.key.suite();
    let our = ours.iter().find(same).ok_or(SdpError::Encryption("answered as it was not offered"))?;
    Ok(Some(SrtpKeys { send: our.key.clone(), receive: theirs.key.clone() }))
}

/// telephone-event at the codec's clock, else any.
fn event_for<'a>(stream: &'a Stream, codec: &Codec) -> Option<&'a Codec> {
    stream.events.iter().find(|event| event.clock_rate == codec.clock_rate).or_else(|| stream.events.first())
}

/// Our parameters, unless the peer's narrow them: G.729 without Annex B (RFC 4856 §2.1.9), iLBC's frame (RFC 3952 §5).
fn answer_fmtp(theirs: &Codec, ours: &[Codec]) -> Option<smol_str::SmolStr> {
    let our = ours.iter().find(|our| compatible(our, theirs)).and_then(|our| our.fmtp.clone());
    let theirs_value = |name| theirs.fmtp.as_deref().and_then(|fmtp| fmtp_value(fmtp, name));
    match theirs.name.as_str() {
        "G729" if theirs_value("annexb").is_some_and(|value| value.eq_ignore_ascii_case("no")) => Some("annexb=no".into()),
        "ILBC" => Some(if theirs_value("mode") == Some("20") { "mode=20".into() } else { "mode=30".into() }),
        _ => our,
    }
}

/// What both want, from our side. An unspecified address receives nothing (RFC 3264 §8.4).
fn joint(wanted: Direction, stream: &Stream) -> Direction {
    let (we_send, we_receive) = flags(wanted);
    let (they_take, they_give) = flags(mirrored(stream.direction));
    direction(we_send && they_take && !is_unspecified(stream), we_receive && they_give)
}

fn is_unspecified(stream: &Stream) -> bool {
    stream.address.is_some_and(|ip| ip.is_unspecified())
}

fn is_held(stream: &Stream) -> bool {
    !flags(stream.direction).1 || is_unspecified(stream)
}

fn off(stream: &Stream) -> Line {
    let media = match &stream.kind {
        StreamKind::Audio => "audio".to_owned(),
        StreamKind::Other(name) => name.to_string(),
    };
    Line::Off { media, proto: stream.proto.clone(), formats: stream.formats.clone() }
}
