//! Whose packets a leg takes.
//!
//! RTP has no proof of origin, so whoever guesses a port could speak into a call or, if answers went to the last sender,
//! have it sent to himself. A leg therefore takes packets from **one** source only:
//!
//! 1. `Strict`: the address and port in the peer's SDP, nothing else.
//! 2. `Nat`: the first source that sends valid RTP of the negotiated payload type *from the SDP's IP address* (its port
//!    may have been rewritten), or, if that address is private and not where the signalling comes from, *from the
//!    signalling's IP address*. The exact SDP address may still take over within [`limits::LATCH_WINDOW`].
//! 3. Once latched, only that IP and port. It changes by a new offer with another address, or when the same SSRC goes on
//!    from the same IP after the old port has gone quiet for [`limits::REBIND_SILENCE`] (a NAT that forgot its binding).
//!
//! Before anything is latched we send to the SDP's address, so that a stranger's packet never turns a stream round.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::limits;
use super::remote::LatchMode;

/// The gate of one socket.
#[derive(Debug)]
pub struct Latch {
    mode: LatchMode,
    signalled: SocketAddr,
    behind_nat: Option<IpAddr>,
    rebind_silence: Duration,
    current: Option<Source>,
}

#[derive(Debug, Clone, Copy)]
struct Source {
    address: SocketAddr,
    ssrc: u32,
    since: Instant,
    last: Instant,
}

impl Latch {
    /// A gate for what the SDP said (`signalled`) and where signalling comes from.
    pub fn new(mode: LatchMode, signalled: SocketAddr, signalled_from: Option<IpAddr>, rebind_silence: Duration) -> Latch {
        let signalled = canonical(signalled);
        let from = signalled_from.map(|ip| ip.to_canonical());
        let behind_nat = from.filter(|ip| mode == LatchMode::Nat && *ip != signalled.ip() && is_private(signalled.ip()));
        Latch { mode, signalled, behind_nat, rebind_silence, current: None }
    }

    /// Whether a new offer keeps this gate as it is: a session refresh must not open it again.
    pub fn stands_for(&self, other: &Latch) -> bool {
        (self.mode, self.signalled, self.behind_nat) == (other.mode, other.signalled, other.behind_nat)
    }

    /// Decides about a packet of source `ssrc` from `from`. `negotiated`: it is valid and of a payload type that was
    /// agreed on; only such a packet latches.
    pub fn admit(&mut self, now: Instant, from: SocketAddr, ssrc: u32, negotiated: bool) -> bool {
        let Some(current) = &mut self.current else {
            let take = negotiated && self.may_latch(from);
            if take {
                self.current = Some(Source { address: from, ssrc, since: now, last: now });
            }
            return take;
        };
        if current.address == from {
            if negotiated {
                current.ssrc = ssrc;
                current.last = now;
            }
            return true;
        }
        let rightful = from == self.signalled && now.saturating_duration_since(current.since) <= limits::LATCH_WINDOW;
        let rebound = self.mode == LatchMode::Nat
            && from.ip() == current.address.ip()
            && ssrc == current.ssrc
            && now.saturating_duration_since(current.last) >= self.rebind_silence;
        let take = negotiated && (rightful || rebound);
        if take {
            *current = Source { address: from, ssrc, since: now, last: now };
        }
        take
    }

    /// Where our packets go.
    pub fn destination(&self) -> SocketAddr {
        self.current.map_or(self.signalled, |source| source.address)
    }

    /// The latched source, if there is one.
    pub fn source(&self) -> Option<SocketAddr> {
        self.current.map(|source| source.address)
    }

    fn may_latch(&self, from: SocketAddr) -> bool {
        from == self.signalled || (self.mode == LatchMode::Nat && (from.ip() == self.signalled.ip() || Some(from.ip()) == self.behind_nat))
    }
}

/// IPv4 in its own form, however the socket wrote it.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// An address that means something only behind somebody's NAT: RFC 1918, RFC 6598, link local, loopback, RFC 4193.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private() || ip.is_link_local() || ip.is_loopback() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback(),
    }
}

#[cfg(test)]
mod tests;
