use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use smol_str::SmolStr;
use tandem_core::Transport;

use super::{HeaderError, Params, is_token, trim};
use crate::sip::uri::HostPort;

/// One Via value (RFC 3261 §20.42).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// Transport as written, in upper case: `UDP`, `TCP`, `TLS`, `WS`, `WSS`, or one that we don't know.
    pub transport: SmolStr,
    /// Where the sender wants responses.
    pub sent_by: HostPort,
    /// Parameters.
    pub params: Params,
}

impl Via {
    /// What starts a branch that is unique (RFC 3261 §8.1.1.7).
    pub const COOKIE: &str = "z9hG4bK";

    /// A Via of ours; `branch` with the cookie in front, and `rport` (RFC 3581) for datagrams.
    pub fn new(transport: Transport, sent_by: HostPort, branch: &str) -> Via {
        let mut params = Params::default();
        if transport == Transport::Udp {
            params.set("rport", None);
        }
        params.set("branch", Some(branch));
        let transport = match transport {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        };
        Via { transport: SmolStr::new_static(transport), sent_by, params }
    }

    /// Reads one value.
    pub fn parse(text: &str) -> Result<Via, HeaderError> {
        let text = trim(text);
        let bad = || HeaderError::Via(text.to_owned());
        let (name, rest) = text.split_once('/').ok_or_else(bad)?;
        let (version, rest) = rest.split_once('/').ok_or_else(bad)?;
        if !trim(name).eq_ignore_ascii_case("SIP") || trim(version) != "2.0" {
            return Err(bad());
        }
        let rest = trim(rest);
        let (transport, rest) = rest.split_once([' ', '\t']).ok_or_else(bad)?;
        if !is_token(transport) {
            return Err(bad());
        }
        let (sent_by, params) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
        // `host : port` with blanks is allowed.
        let sent_by: SmolStr = trim(sent_by).chars().filter(|c| !matches!(c, ' ' | '\t')).collect();
        if trim(rest).is_empty() || has_inner_blank(rest) {
            return Err(bad());
        }
        Ok(Via {
            transport: SmolStr::new(transport.to_ascii_uppercase()),
            sent_by: HostPort::parse(&sent_by)?,
            params: Params::parse(params)?,
        })
    }

    /// The branch.
    pub fn branch(&self) -> Option<&str> {
        self.params.get("branch").filter(|branch| !branch.is_empty())
    }

    /// The branch has the cookie of RFC 3261, so it names the transaction.
    pub fn has_cookie(&self) -> bool {
        self.branch().is_some_and(|branch| branch.get(..7).is_some_and(|head| head.eq_ignore_ascii_case(Self::COOKIE)) && branch.len() > 7)
    }

    /// The transport, if we know it.
    pub fn transport(&self) -> Option<Transport> {
        Some(match self.transport.as_str() {
            "UDP" => Transport::Udp,
            "TCP" => Transport::Tcp,
            "TLS" => Transport::Tls,
            "WS" => Transport::Ws,
            "WSS" => Transport::Wss,
            _ => return None,
        })
    }

    /// `received`, the address that the next hop saw.
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.get("received")?;
        text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text).parse().ok()
    }

    /// `rport` is asked for or given (RFC 3581).
    pub fn wants_rport(&self) -> bool {
        self.params.has("rport")
    }

    /// The value of `rport`.
    pub fn rport(&self) -> Option<u16> {
        self.params.get("rport").and_then(|text| text.parse().ok())
    }

    /// Notes where the request came from: `received` if the address differs from what the sender wrote or `rport` is
    /// asked for, `rport` if it is asked for (RFC 3261 §18.2.1, RFC 3581 §4).
    pub fn note_source(&mut self, source: SocketAddr) {
        let wants_port = self.wants_rport();
        if wants_port {
            self.params.set("rport", Some(&source.port().to_string()));
        }
        let ip = source.ip().to_canonical();
        if wants_port || self.sent_by.host.ip() != Some(ip) {
            self.params.set("received", Some(&ip.to_string()));
        } else {
            self.params.remove("received");
        }
    }
}

/// A blank inside of the host, other than around the colon of the port.
fn has_inner_blank(rest: &str) -> bool {
    let sent_by = trim(&rest[..rest.find(';').unwrap_or(rest.len())]);
    let (host, port) = if sent_by.starts_with('[') { ("", "") } else { sent_by.split_once(':').unwrap_or((sent_by, "")) };
    trim(host).contains([' ', '\t']) || trim(port).contains([' ', '\t'])
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}{}", self.transport, self.sent_by, self.params)
    }
}

impl FromStr for Via {
    type Err = HeaderError;
    fn from_str(text: &str) -> Result<Self, HeaderError> {
        Via::parse(text)
    }
}
