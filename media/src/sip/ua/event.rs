//! What the user agent tells its owner.

use std::fmt;

use bytes::Bytes;
use smol_str::SmolStr;
use tandem_core::registration::RegisterRequest;
use tandem_core::{Cause, DialogRecord, Flow, LegId, RequestId};

use crate::sip::Message;

/// Something happened. Each leg gets exactly one [`UaEvent::Ended`], and nothing after it. Printed without session descriptions, as
/// those may hold keys.
#[derive(Clone)]
pub enum UaEvent {
    /// An INVITE begins a dialog. Answer with `ring`, `answer`, `refuse`, `challenge` or `release`.
    Offered(Box<Offered>),
    /// A leg that we invited has a provisional response (101 to 199).
    Progressed {
        /// The leg.
        leg: LegId,
        /// 101 to 199.
        status: u16,
        /// Its session description: early media may come.
        sdp: Option<Bytes>,
    },
    /// A leg that we invited answered.
    Answered {
        /// The leg.
        leg: LegId,
        /// The peer's answer; its offer, if we invited without one: then `acknowledge` is to follow.
        sdp: Option<Bytes>,
        /// `sdp` is an offer: the ACK waits for `acknowledge`.
        needs_answer: bool,
        /// What continues the dialog.
        dialog: Box<DialogRecord>,
    },
    /// The ACK for our answer came: the dialog stands.
    Confirmed {
        /// The leg.
        leg: LegId,
        /// The peer's answer, if its INVITE had no offer.
        sdp: Option<Bytes>,
    },
    /// The leg is over. Comes exactly once per leg and is the last about it.
    Ended {
        /// The leg.
        leg: LegId,
        /// Why: what the peer said (status and Reason, RFC 3326), or what `release` was given.
        cause: Cause,
        /// Retry-After of a refusal, in seconds.
        retry_after: Option<u32>,
    },
    /// The peer wants other media (re-INVITE, UPDATE). Answer with `answer_reoffer` or `refuse_reoffer`.
    Reoffered {
        /// The leg.
        leg: LegId,
        /// Its offer; none asks for ours.
        sdp: Option<Bytes>,
    },
    /// Our own `reoffer` is through, or the peer answered the offer that it asked for with a re-INVITE without one.
    ReofferAnswered {
        /// The leg.
        leg: LegId,
        /// The peer's session description, or the status it refused with. The session stands as before then.
        result: Result<Option<Bytes>, u16>,
        /// The description is an offer: the ACK waits for `acknowledge`.
        needs_answer: bool,
    },
    /// REFER: the peer asks for a transfer. Answer with `notify_transfer`.
    TransferAsked {
        /// The leg.
        leg: LegId,
        /// Which REFER of this leg.
        refer: ReferToken,
        /// Refer-To without its headers.
        target: String,
        /// Refer-To had a Replaces.
        attended: bool,
        /// The leg that its Replaces names, if it is one of ours (RFC 3891).
        replaces: Option<LegId>,
    },
    /// A key by INFO.
    Digit {
        /// The leg.
        leg: LegId,
        /// 0-9, `*`, `#`, A-D.
        digit: char,
        /// Duration in milliseconds.
        duration_ms: u32,
    },
    /// A REGISTER. Answer with `register_reply`, `challenge_register` or `register_refuse`.
    Register(Box<Registering>),
    /// A request of ours outside a dialog (REGISTER, OPTIONS) is through.
    RequestDone {
        /// As given to `request`.
        token: u64,
        /// The final status; 408 without an answer, 503 when the transport failed.
        status: u16,
        /// The response, if one came.
        response: Option<Box<Message>>,
    },
    /// A connection is gone.
    FlowClosed {
        /// The connection.
        flow: Flow,
    },
}

impl fmt::Debug for UaEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UaEvent::Offered(offered) => write!(f, "{offered:?}"),
            UaEvent::Progressed { leg, status, sdp } => write!(f, "Progressed({leg}, {status}, {})", size(sdp)),
            UaEvent::Answered { leg, sdp, needs_answer, .. } => write!(f, "Answered({leg}, {}, needs answer: {needs_answer})", size(sdp)),
            UaEvent::Confirmed { leg, sdp } => write!(f, "Confirmed({leg}, {})", size(sdp)),
            UaEvent::Ended { leg, cause, retry_after } => write!(f, "Ended({leg}, {cause:?}, retry after {retry_after:?})"),
            UaEvent::Reoffered { leg, sdp } => write!(f, "Reoffered({leg}, {})", size(sdp)),
            UaEvent::ReofferAnswered { leg, result: Ok(sdp), needs_answer } => {
                write!(f, "ReofferAnswered({leg}, {}, needs answer: {needs_answer})", size(sdp))
            }
            UaEvent::ReofferAnswered { leg, result: Err(status), .. } => write!(f, "ReofferAnswered({leg}, {status})"),
            UaEvent::TransferAsked { leg, refer, target, attended, replaces } => {
                write!(f, "TransferAsked({leg}, {refer:?}, {target}, attended: {attended}, replaces {replaces:?})")
            }
            UaEvent::Digit { leg, digit, duration_ms } => write!(f, "Digit({leg}, {digit}, {duration_ms} ms)"),
            UaEvent::Register(registering) => write!(f, "{registering:?}"),
            UaEvent::RequestDone { token, status, response } => write!(f, "RequestDone({token}, {status}, {response:?})"),
            UaEvent::FlowClosed { flow } => write!(f, "FlowClosed({flow:?})"),
        }
    }
}

/// A session description by its size.
fn size(sdp: &Option<Bytes>) -> String {
    sdp.as_ref().map_or_else(|| "no SDP".to_owned(), |sdp| format!("SDP of {} bytes", sdp.len()))
}

/// An INVITE that begins a dialog.
#[derive(Clone)]
pub struct Offered {
    /// Named by the user agent's source of ids.
    pub leg: LegId,
    /// Where it came from; requests of the dialog go back along it.
    pub flow: Flow,
    /// The INVITE itself: From, To, Request-URI, P-Asserted-Identity, Authorization, ...
    pub request: Message,
    /// Its offer; none asks for ours with the answer.
    pub sdp: Option<Bytes>,
    /// What continues the dialog.
    pub dialog: DialogRecord,
    /// The leg whose place it takes (Replaces, RFC 3891).
    pub replaces: Option<LegId>,
    /// Max-Forwards for whatever follows from it, already one less.
    pub max_forwards: u8,
}

impl fmt::Debug for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Offered { leg, flow, request, sdp, replaces, .. } = self;
        write!(f, "Offered({leg}, {flow:?}, {request:?}, {}, replaces {replaces:?})", size(sdp))
    }
}

/// A REGISTER.
#[derive(Debug, Clone)]
pub struct Registering {
    /// Names the request in the answer.
    pub token: RequestId,
    /// What it asks for; expiries already lie within the limits.
    pub register: RegisterRequest,
    /// User part of To: the address of record.
    pub user: SmolStr,
    /// Host of the Request-URI: the domain.
    pub host: SmolStr,
    /// The REGISTER itself, with Authorization.
    pub request: Message,
}

/// Names a REFER within its leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReferToken(pub(crate) u32);

/// Why an action was not carried out. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// There is no such leg, or it is over.
    #[error("there is no leg {0}")]
    NoSuchLeg(LegId),
    /// There is no such request, or it is answered.
    #[error("there is no request {} to answer", .0.0)]
    NoSuchRequest(RequestId),
    /// The leg is not in a state for this.
    #[error("can't {action} leg {leg}: {state}")]
    WrongState {
        /// The leg.
        leg: LegId,
        /// What was wanted.
        action: &'static str,
        /// What stands against it.
        state: &'static str,
    },
    /// A status that this action can't take.
    #[error("{0} is not a status for this")]
    Status(u16),
    /// A text can't be put into a message.
    #[error("`{0}` can't be put into a SIP message")]
    Text(String),
    /// The tables are full.
    #[error("there are {0} transactions or legs already")]
    Full(usize),
}
