//! Every bound of SRTP, with its unit and its reason.

/// Packets behind the newest one that are still taken, once each: RFC 3711 §3.3.2 asks for 64 at least; at 50 packets/s this is
/// 2.5 s of reordering.
pub const REPLAY_WINDOW: u64 = 128;
/// SSRCs of one peer whose counters are kept; the one not heard for longest gives way. Only packets that prove the key get in, so
/// strangers can't push anything out; phones change it with a transfer or a new call leg behind them, never sixteen times at once.
pub const SSRCS: usize = 16;
/// Bytes that protection adds to a packet at most: a GCM tag (RFC 7714 §12) and SRTCP's index word (RFC 3711 §3.4).
pub const OVERHEAD: usize = 16 + 4;
/// Packet indices of one key (RFC 3711 §9.2: 2^48 RTP packets, which is 178,000 years of audio).
pub const RTP_INDICES: u64 = 1 << 48;
/// SRTCP indices of one key (RFC 3711 §9.2).
pub const RTCP_INDICES: u32 = 1 << 31;
