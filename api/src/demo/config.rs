//! Who is in the crowd.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

/// A simulated phone.
#[derive(Clone, PartialEq, Eq)]
pub struct SimPhone {
    /// User part of its address, and its digest user name.
    pub user: String,
    /// Its password.
    pub password: String,
    /// Name that called parties see.
    pub display_name: String,
    /// An agent's: it answers every call, and never calls by itself.
    pub agent: bool,
}

impl std::fmt::Debug for SimPhone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SimPhone({} {})", self.user, self.display_name)
    }
}

/// The simulated carrier: the far side of a trunk, and everybody behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimCarrier {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What people outside dial.
    pub dials: Vec<String>,
}

/// A crowd.
#[derive(Debug, Clone)]
pub struct CrowdConfig {
    /// The server's SIP address for UDP.
    pub server_udp: SocketAddr,
    /// The domain of the phones.
    pub domain: String,
    /// The phones.
    pub phones: Vec<SimPhone>,
    /// The carrier, if there is one.
    pub carrier: Option<SimCarrier>,
    /// What phones dial besides each other: access numbers.
    pub numbers: Vec<String>,
    /// What phones dial to get outside: the trunk's prefix. Used only with a carrier.
    pub outside: String,
    /// Most calls at once; 1 to [`super::limits::CALLS`].
    pub calls_at_once: usize,
    /// Ports for the crowd's own RTP, apart from the server's.
    pub rtp_ports: RangeInclusive<u16>,
    /// How much faster than life: 1 for a demo, more for tests.
    pub tempo: f64,
    /// Makes the mood: who calls whom, when, and how it goes.
    pub seed: u64,
}

impl CrowdConfig {
    /// A crowd without anybody in it.
    pub fn new(server_udp: SocketAddr, domain: impl Into<String>) -> Self {
        CrowdConfig {
            server_udp,
            domain: domain.into(),
            phones: Vec::new(),
            carrier: None,
            numbers: Vec::new(),
            outside: "0".to_owned(),
            calls_at_once: 8,
            rtp_ports: super::limits::RTP_PORTS,
            tempo: 1.0,
            seed: 1,
        }
    }
}
