//! Where signalling listens: `udp:127.0.0.1:5060`, `wss:0.0.0.0:443`.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tandem_core::Transport;

/// A transport and an address, written `udp:127.0.0.1:5060` or `tcp:[::1]:5060`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(with = "String")]
pub struct Listen {
    /// Transport protocol.
    pub transport: Transport,
    /// Local address; port 0 takes a free one.
    pub addr: SocketAddr,
}

/// Why a text is no [`Listen`]. Carries the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a place to listen: expected `udp:`, `tcp:`, `tls:`, `ws:` or `wss:`, an IP address and a port, as in `udp:127.0.0.1:5060` or `tcp:[::1]:5060`"
)]
pub struct ListenError(pub String);

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let wrong = || ListenError(text.chars().take(100).collect());
        let (transport, addr) = text.split_once(':').ok_or_else(wrong)?;
        let transport = match transport {
            "udp" => Transport::Udp,
            "tcp" => Transport::Tcp,
            "tls" => Transport::Tls,
            "ws" => Transport::Ws,
            "wss" => Transport::Wss,
            _ => return Err(wrong()),
        };
        Ok(Listen { transport, addr: addr.parse().map_err(|_| wrong())? })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws => "ws",
            Transport::Wss => "wss",
        };
        write!(f, "{transport}:{}", self.addr)
    }
}

impl Serialize for Listen {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
    }
}
