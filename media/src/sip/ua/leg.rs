//! What the user agent keeps per leg.

use bytes::Bytes;
use smallvec::SmallVec;
use smol_str::SmolStr;
use tandem_core::{Cause, Flow, LegId, Timestamp};

use super::action::InviteParams;

use super::event::{ActionError, ReferToken};
use super::reliable::Reliable;
use crate::sip::auth::DigestClient;
use crate::sip::dialog::Dialog;
use crate::sip::dialog::session_timer::SessionTimer;
use crate::sip::message::Message;
use crate::sip::transaction::{ClientId, ServerId, TimerToken};

/// One leg: one INVITE's dialog from the first message to the last.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) id: LegId,
    pub(crate) dialog: Dialog,
    pub(crate) stage: Stage,
    /// Set by `end`: the leg is forgotten when the work at hand is done.
    pub(crate) over: bool,
    pub(crate) timers: SmallVec<[(LegTimer, TimerToken); 2]>,
    /// Answers challenges of the peer.
    pub(crate) digest: Option<DigestClient>,
    /// Our Contact value.
    pub(crate) contact: String,
    /// A release that waits until the protocol allows it.
    pub(crate) release: Option<Cause>,
    /// We made the Call-ID: decides who waits longer after glare (RFC 3261 §14.1).
    pub(crate) is_caller: bool,
    /// Our last session description, repeated by refreshes.
    pub(crate) local_sdp: Option<Bytes>,
    /// The peer's last.
    pub(crate) remote_sdp: Option<Bytes>,
    /// The peer allows UPDATE.
    pub(crate) peer_updates: bool,
    /// The session timer in force.
    pub(crate) session: Option<SessionTimer>,
    /// Refreshes of ours that were refused since the last good one.
    pub(crate) refresh_failures: u8,
    /// A 2xx of ours without ACK yet.
    pub(crate) unacked: Option<Unacked>,
    /// A 2xx of the peer whose ACK waits for our answer.
    pub(crate) owed: Option<OwedAck>,
    /// A re-INVITE or UPDATE of ours.
    pub(crate) ours: Option<Ours>,
    /// A re-INVITE or UPDATE of the peer that waits for its answer.
    pub(crate) theirs: Option<Theirs>,
    /// REFERs of the peer that are not through.
    pub(crate) refers: SmallVec<[Refer; 1]>,
    pub(crate) next_refer: u32,
}

impl Leg {
    pub(crate) fn new(id: LegId, dialog: Dialog, stage: Stage, contact: String, is_caller: bool) -> Self {
        Leg {
            id,
            dialog,
            stage,
            over: false,
            timers: SmallVec::new(),
            digest: None,
            contact,
            release: None,
            is_caller,
            local_sdp: None,
            remote_sdp: None,
            peer_updates: false,
            session: None,
            refresh_failures: 0,
            unacked: None,
            owed: None,
            ours: None,
            theirs: None,
            refers: SmallVec::new(),
            next_refer: 0,
        }
    }

    /// The error for an action that this leg can't take now.
    pub(crate) fn wrong(&self, action: &'static str, state: &'static str) -> ActionError {
        ActionError::WrongState { leg: self.id, action, state }
    }
}

/// Where a leg stands.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The peer invited us.
    Offered(Box<Offering>),
    /// We invited the peer.
    Inviting(Box<Inviting>),
    /// The dialog is confirmed, from our 2xx or the peer's.
    Standing,
    /// Our BYE is on its way; then the leg ends with this cause.
    Ending(Cause),
}

/// The peer's INVITE, not finally answered.
#[derive(Debug)]
pub(crate) struct Offering {
    pub(crate) server: ServerId,
    pub(crate) request: Message,
    /// The last provisional response, to be repeated.
    pub(crate) provisional: Option<(u16, Bytes)>,
    /// Reliable provisional responses (RFC 3262), if the peer requires them.
    pub(crate) reliable: Option<Reliable>,
}

/// Our INVITE, not finally answered.
#[derive(Debug)]
pub(crate) struct Inviting {
    pub(crate) client: ClientId,
    /// To send it again with credentials or another session interval.
    pub(crate) params: InviteParams,
    /// What early dialogs and answers grow from.
    pub(crate) attempts: u8,
    /// The session interval that the peer insists on (422).
    pub(crate) least_interval: Option<u32>,
    /// A CANCEL was sent.
    pub(crate) cancelled: bool,
    /// Tags of early dialogs.
    pub(crate) early: SmallVec<[Early; 1]>,
}

/// An early dialog of our INVITE.
#[derive(Debug)]
pub(crate) struct Early {
    pub(crate) tag: SmolStr,
    /// The session description of an unreliable provisional response: stands if the 2xx has none.
    pub(crate) sdp: Option<Bytes>,
}

/// A response that we repeat until it is acknowledged.
#[derive(Debug)]
pub(crate) struct Unacked {
    pub(crate) bytes: Bytes,
    pub(crate) flow: Flow,
    pub(crate) cseq: u32,
    pub(crate) interval: std::time::Duration,
    pub(crate) deadline: Timestamp,
    /// It carried our offer: the ACK carries the answer.
    pub(crate) offer: bool,
    /// It answered a re-INVITE.
    pub(crate) again: bool,
}

/// An ACK that waits for our session description.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwedAck {
    pub(crate) client: ClientId,
    pub(crate) cseq: u32,
}

/// A change of the session that we want.
#[derive(Debug)]
pub(crate) struct Ours {
    pub(crate) wish: Wish,
    pub(crate) glares: u8,
    /// Tries with credentials.
    pub(crate) attempts: u8,
    /// Sent; or waiting for the back-off or for the peer's own change.
    pub(crate) client: Option<ClientId>,
}

/// What we want of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The owner's: this offer, or the peer's.
    Reoffer(Option<Bytes>),
    /// A session refresh (RFC 4028).
    Refresh,
}

/// A change of the session that the peer wants.
#[derive(Debug)]
pub(crate) struct Theirs {
    pub(crate) server: ServerId,
    pub(crate) request: Message,
    pub(crate) invite: bool,
    pub(crate) late: bool,
}

/// A REFER of the peer.
#[derive(Debug)]
pub(crate) struct Refer {
    pub(crate) token: ReferToken,
    pub(crate) cseq: u32,
    /// Not answered yet.
    pub(crate) request: Option<(ServerId, Message)>,
    /// The peer wants to hear how it goes (RFC 4488).
    pub(crate) notify: bool,
}

/// Timers of a leg: at most one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LegTimer {
    /// Our 2xx is to be sent again.
    RepeatAnswer,
    /// Our reliable provisional response is to be sent again.
    RepeatProvisional,
    /// Ringing goes on: say so again.
    StillRinging,
    /// Setting up takes too long.
    Setup,
    /// A cancelled INVITE has no final response.
    Cancelled,
    /// Our re-INVITE has no final response.
    Change,
    /// Our re-INVITE may be tried again.
    Glare,
    /// The session is to be refreshed or given up.
    Session,
}
