//! Every bound of the SIP layer, with its unit and the reason for it.

use std::time::Duration;

/// Bytes of one message. A UDP datagram can't be larger, and RFC 3261 §18.1.1 asks for at least that on streams.
pub const MESSAGE_BYTES: usize = 65_535;
/// Header lines of one message. Messages of carriers with History-Info and Diversion have 60.
pub const HEADERS: usize = 128;
/// Via values of one message: more hops than Max-Forwards leaves sense for.
pub const VIAS: usize = 16;
/// Bytes of one header line, name and folds included. Identity tokens (RFC 8224) need some 2 KiB.
pub const HEADER_BYTES: usize = 8 * 1024;
/// Bytes of the start line; longer request URIs are refused with 414.
pub const START_LINE_BYTES: usize = 8 * 1024;
/// Values that one kind of list header may carry (Contact, Route, ...).
pub const LIST_VALUES: usize = 64;
/// Parameters of one header value or URI.
pub const PARAMS: usize = 32;
/// Bytes of a session description; the largest WebRTC offers have 10 KiB.
pub const SDP_BYTES: usize = 32 * 1024;
/// `m=` lines of a session description.
pub const SDP_MEDIA: usize = 16;
/// Payload types looked at per `m=` line: RTP has no more (RFC 3550 §5.1, seven bits).
pub const SDP_FORMATS: usize = 128;
/// `a=crypto` lines looked at per `m=` line: one for each suite that there is (RFC 4568, 6188, 7714), and some.
pub const SDP_CRYPTO: usize = 16;
/// `a=` lines per `m=` line that are looked at.
pub const SDP_ATTRIBUTES: usize = 512;

/// Bytes above which a request should not go by UDP when the path MTU is unknown (RFC 3261 §18.1.1).
pub const UDP_REQUEST_BYTES: usize = 1300;

/// Datagrams read from one UDP socket before another socket gets its turn.
pub const UDP_BUDGET: usize = 256;
/// Bytes asked for as a UDP socket's receive buffer: about 4,000 messages of a registration storm.
pub const UDP_RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// Bytes read from one connection before another gets its turn.
pub const TCP_BUDGET_BYTES: usize = 256 * 1024;
/// Connections accepted from one listener before another socket gets its turn.
pub const ACCEPT_BUDGET: usize = 64;
/// Connections at once over all listeners; above it the one idle longest is closed.
pub const CONNECTIONS: usize = 20_000;
/// Bytes waiting to be written to one connection; a peer that reads slower is disconnected.
pub const WRITE_BUFFER_BYTES: usize = 256 * 1024;
/// Messages waiting to be written to one connection: small ones cost more than their bytes.
pub const WRITE_BUFFER_MESSAGES: usize = 1024;
/// A connection without traffic is closed after this long; above the 120 s keep-alive of RFC 5626 §4.4.1 and the usual
/// registration refresh.
pub const IDLE: Duration = Duration::from_secs(3600);
/// A connection attempt that has not succeeded by then has failed. Below timer B/F (32 s), so that failover has time.
pub const CONNECT: Duration = Duration::from_secs(8);
/// A connection that sent the start of a message must send its end by then.
pub const PARTIAL_MESSAGE: Duration = Duration::from_secs(30);
/// A TLS handshake, or a WebSocket's, must be through by then, counted from the first packet: a slow phone needs two seconds.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// Bytes of a WebSocket's opening request: browsers send 600, cookies of a shared host name some 4 KiB.
pub const UPGRADE_BYTES: usize = 8 * 1024;
/// Header lines of a WebSocket's opening request.
pub const UPGRADE_HEADERS: usize = 64;
/// Bytes that a WebSocket reads ahead; one buffer of this size per connection.
pub const WEB_READ_AHEAD: usize = 4 * 1024;
/// A WebSocket that was silent for this long is pinged: below the 60 s after which proxies and NATs forget a connection.
pub const WEB_PING: Duration = Duration::from_secs(30);
/// A WebSocket that answers no ping for this long is gone: three pings. A phone on a page that is no more must not keep ringing.
pub const WEB_SILENCE: Duration = Duration::from_secs(90);
/// Certificate files are looked at this often for a change.
pub const CERTIFICATE_LOOK: Duration = Duration::from_secs(5);
/// Names that one address may have to prove in its certificate: trunks that share a carrier's address.
pub const PEER_NAMES: usize = 16;
/// Listening sockets at once.
pub const LISTENERS: usize = 256;

/// Names being looked up at once; more are refused.
pub const LOOKUPS: usize = 256;
/// Answers kept by the resolver's cache.
pub const LOOKUP_CACHE: usize = 4096;
/// Targets taken from one lookup.
pub const TARGETS: usize = 32;
/// A lookup that has not ended by then has failed.
pub const LOOKUP: Duration = Duration::from_secs(5);

/// A nonce is good for this long, then `stale=true` (RFC 7616 §3.3).
pub const NONCE_LIFETIME: Duration = Duration::from_secs(300);
/// Nonces whose nc values are remembered, against replay. Above it the oldest is forgotten and counts as stale.
pub const NONCES: usize = 65_536;
/// nc values below the highest seen that may still come (UDP reorders), bits of a window.
pub const NONCE_WINDOW: u32 = 64;
/// Challenges of one 401 that a client looks at.
pub const CHALLENGES: usize = 8;
