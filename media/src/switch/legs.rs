//! What the switch keeps per leg: as little as possible, the rest is the core's and the user agent's.

use std::net::SocketAddr;

use rustc_hash::FxHashMap;
use tandem_core::{CallId, Cause, Flow, LegId, TenantId};

use super::negotiation::Negotiation;
use crate::sip::ua::ReferToken;

/// How far the switch is with a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// An INVITE came in and is not answered.
    Offered,
    /// Our INVITE is out.
    Dialled,
    /// Answered.
    Up,
}

/// One leg.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) tenant: TenantId,
    pub(super) flow: Flow,
    pub(super) stage: Stage,
    /// Our RTP address as the peer was told; absent if no media was opened.
    pub(super) media: Option<SocketAddr>,
    /// Legs with the same group share a media worker.
    pub(super) group: CallId,
    pub(super) negotiation: Negotiation,
    /// The peer holds, to tell hold and resume from any other re-INVITE.
    pub(super) held_by_peer: bool,
    /// The REFER that is being carried out.
    pub(super) refer: Option<ReferToken>,
    /// Set when the dialog is over and only the media statistics are awaited.
    pub(super) over: Option<Cause>,
}

/// All legs. Keys are ids of our own making, so the fast hasher is safe.
pub(super) type Legs = FxHashMap<LegId, Leg>;
