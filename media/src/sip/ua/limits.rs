//! Every bound of the user agent, with its unit and the reason for it. Those of messages are in [`crate::sip::limits`].

use std::time::Duration;

/// Transactions at once, each way, unless configured. Reckoned, not measured: a leg costs two or three each way, and on UDP
/// each may stay for 32 s, so this is some 4,000 legs begun per second.
pub const TRANSACTIONS: usize = 400_000;
/// Legs at once unless configured.
pub const LEGS: usize = 100_000;
/// Early dialogs of one INVITE of ours that are told apart; answers of further branches still end properly.
pub const FORKS: usize = 16;
/// Times that one request is sent again with credentials: a first challenge, a proxy's, and a stale nonce.
pub const AUTH_ATTEMPTS: u8 = 3;
/// Times that a re-INVITE which met the peer's is tried again (491, RFC 3261 §14.1).
pub const GLARE_ATTEMPTS: u8 = 5;
/// REFERs of one leg that are being told how they go.
pub const REFERS: usize = 4;
/// A leg that is set up longer than this is ended: nobody rings for ten minutes, and nothing may stay for ever.
pub const LONGEST_SETUP: Duration = Duration::from_secs(600);
/// A re-INVITE of ours without a final response counts as unanswered after this long: timer C of a proxy (RFC 3261 §16.6).
pub const LONGEST_CHANGE: Duration = Duration::from_secs(180);
/// A ringing leg repeats its provisional response this often, as proxies give up after three minutes (RFC 3261
/// §13.3.1.1).
pub const PROVISIONAL_EVERY: Duration = Duration::from_secs(60);
/// Session interval that we ask for (RFC 4028 §4 recommends 1800 s).
pub const SESSION_INTERVAL: Duration = Duration::from_secs(1800);
/// Least session interval (RFC 4028 §5).
pub const LEAST_SESSION_INTERVAL: Duration = Duration::from_secs(90);
/// Most digits taken from one INFO.
pub const INFO_DIGITS: usize = 16;
/// Longest time a peer is asked to wait with Retry-After, in seconds, when a re-INVITE came too early (RFC 3261 §14.2).
pub const RETRY_AFTER_S: u32 = 10;
/// Seconds in Retry-After when we are full.
pub const OVERLOAD_RETRY_AFTER_S: u32 = 5;
/// Characters of a peer's reason text that are kept.
pub const REASON_CHARS: usize = 120;
