//! Parameters of actions.

use bytes::Bytes;
use tandem_core::{Flow, LegId};

use crate::sip::header::{Method, NameAddr};

/// A call that we make. Printed without its session description, which may hold keys.
#[derive(Clone)]
pub struct InviteParams {
    /// The new leg, named by the caller.
    pub leg: LegId,
    /// Request-URI.
    pub uri: String,
    /// The path to take.
    pub flow: Flow,
    /// Route values in the order of use: a registration's Path, an outbound proxy.
    pub routes: Vec<String>,
    /// From, without tag.
    pub from: NameAddr,
    /// To; the Request-URI if absent.
    pub to: Option<NameAddr>,
    /// P-Asserted-Identity (RFC 3325): only for trusted peers.
    pub identity: Option<NameAddr>,
    /// Further headers. Names that the user agent writes itself are left out.
    pub headers: Vec<(String, String)>,
    /// Our offer; without one the peer offers, and `acknowledge` gives our answer.
    pub sdp: Option<Bytes>,
    /// What to answer a 401 or 407 with.
    pub credentials: Option<Login>,
    /// Max-Forwards: 70, or one less than the INVITE that caused it had.
    pub max_forwards: u8,
}

impl std::fmt::Debug for InviteParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InviteParams({}, {}, {:?})", self.leg, self.uri, self.flow)
    }
}

/// A request of ours outside any dialog: REGISTER, OPTIONS.
#[derive(Debug, Clone)]
pub struct RequestParams {
    /// Comes back in [`super::UaEvent::RequestDone`].
    pub token: u64,
    /// REGISTER or OPTIONS.
    pub method: Method,
    /// Request-URI.
    pub uri: String,
    /// The path to take.
    pub flow: Flow,
    /// Route values in the order of use.
    pub routes: Vec<String>,
    /// From, without tag.
    pub from: NameAddr,
    /// To.
    pub to: NameAddr,
    /// Call-ID: registrations keep theirs (RFC 3261 §10.2.4); a new one if absent.
    pub call_id: Option<String>,
    /// CSeq number of the first try; each further try with credentials takes the next one.
    pub cseq: u32,
    /// User part of our Contact; none sends no Contact.
    pub contact_user: Option<String>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// What to answer a 401 or 407 with.
    pub credentials: Option<Login>,
}

/// What to answer a challenge with (RFC 3261 §22).
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Digest user name.
    pub user: String,
    /// Password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({})", self.user)
    }
}
