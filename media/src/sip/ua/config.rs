//! What a user agent is told once.

use std::net::SocketAddr;
use std::time::Duration;

use smol_str::SmolStr;
use tandem_core::{Flow, Transport};

use super::limits;
use crate::sip::registrar::ExpiryLimits;
use crate::sip::transaction::TimerConfig;

/// An address that peers are to use for us: in Via and Contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advertised {
    /// For flows of this transport.
    pub transport: Transport,
    /// For flows of this address family. An unspecified IP (`0.0.0.0`) stands for the flow's own local IP.
    pub address: SocketAddr,
}

/// Session timers (RFC 4028).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionConfig {
    /// The interval that we ask for in our own INVITEs. Zero asks for none, but a peer's wish is still honoured.
    pub interval: Duration,
    /// The least interval that we accept; at least 90 s (RFC 4028 §4).
    pub least: Duration,
}

/// Configuration of a user agent.
#[derive(Debug, Clone)]
pub struct UaConfig {
    /// RFC 3261's timers.
    pub timers: TimerConfig,
    /// What User-Agent and Server headers say; empty sends none.
    pub product: SmolStr,
    /// Addresses for Via and Contact; a flow without an entry uses its own local address.
    pub advertised: Vec<Advertised>,
    /// Session timers.
    pub session: SessionConfig,
    /// What registrations may ask for.
    pub expiry: ExpiryLimits,
    /// Transactions at once, each way; above it requests are refused with 503.
    pub transactions: usize,
    /// Legs at once; above it INVITEs are refused with 503.
    pub legs: usize,
}

impl Default for UaConfig {
    fn default() -> Self {
        UaConfig {
            timers: TimerConfig::RFC,
            product: SmolStr::new_static("Tandem"),
            advertised: Vec::new(),
            session: SessionConfig { interval: limits::SESSION_INTERVAL, least: limits::LEAST_SESSION_INTERVAL },
            expiry: ExpiryLimits::default(),
            transactions: limits::TRANSACTIONS,
            legs: limits::LEGS,
        }
    }
}

impl UaConfig {
    /// The address that a peer on this flow is told.
    pub(crate) fn advertised(&self, flow: &Flow) -> SocketAddr {
        let entry =
            self.advertised.iter().find(|entry| entry.transport == flow.transport && entry.address.is_ipv4() == flow.local.is_ipv4());
        match entry {
            Some(entry) if entry.address.ip().is_unspecified() => SocketAddr::new(flow.local.ip(), entry.address.port()),
            Some(entry) => entry.address,
            None => flow.local,
        }
    }
}
