//! What the `Authorization` header says, before anything is believed.

use std::time::Duration;

use tandem_core::Timestamp;

use crate::limits;

/// The name of the scheme.
pub(super) const SCHEME: &str = "auth-v2";

/// Why a signature is refused. Goes to the log; the client learns nothing but 401.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No header, or not text.
    #[error("the request carries no Authorization header")]
    Missing,
    /// Not five parts, or another scheme.
    #[error("`{0}` is not auth-v2/AK/timestamp/headers/signature")]
    Malformed(String),
    /// The time is not one, or too far from ours.
    #[error("the timestamp `{0}` is not a time within the window")]
    Time(String),
    /// The list of signed headers lacks `host`, is too long, or holds `authorization`.
    #[error("`{0}` is not a list of signed headers that contains host")]
    Headers(String),
    /// A signed header is missing, or there twice.
    #[error("the signed header `{0}` is not there exactly once")]
    Header(String),
    /// Nobody's AK.
    #[error("there is no AK `{0}`")]
    Unknown(String),
    /// Another signature was expected.
    #[error("the signature of AK `{0}` is wrong")]
    Wrong(String),
}

/// The header's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Everything before the signature: what the inner key is made over.
    pub prefix: &'a str,
    /// Whose key.
    pub ak: &'a str,
    /// When, as sent.
    pub timestamp: &'a str,
    /// Names of the signed headers, as sent.
    pub signed_headers: &'a str,
    /// 64 lower-case hexadecimal digits, if it is right.
    pub signature: &'a str,
}

impl<'a> Claim<'a> {
    /// Takes a header apart. Neither an AK nor a header name can contain `/`, so there are exactly five parts.
    pub fn parse(header: &'a str) -> Result<Claim<'a>, SignatureError> {
        let malformed = || SignatureError::Malformed(header.chars().take(40).collect());
        if header.len() > limits::AUTHORIZATION_BYTES {
            return Err(malformed());
        }
        let mut parts = header.trim().split('/');
        let all = (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next());
        let (Some(SCHEME), Some(ak), Some(timestamp), Some(signed_headers), Some(signature), None) = all else {
            return Err(malformed());
        };
        if ak.is_empty() {
            return Err(malformed());
        }
        // Never part of what it signs: clients that list it can't have signed it.
        if signed_headers.split(';').any(|name| name.eq_ignore_ascii_case("authorization")) {
            return Err(SignatureError::Headers(signed_headers.chars().take(80).collect()));
        }
        let prefix = header.trim().rsplit_once('/').map_or("", |(prefix, _)| prefix);
        Ok(Claim { prefix, ak, timestamp, signed_headers, signature })
    }

    /// Whether it was made within the window around `now`.
    pub fn check_time(&self, now: Timestamp, window: Duration) -> Result<(), SignatureError> {
        let wrong = || SignatureError::Time(self.timestamp.chars().take(40).collect());
        let made = parse_time(self.timestamp).ok_or_else(wrong)?;
        let apart = now.since(made).max(made.since(now));
        if apart <= window { Ok(()) } else { Err(wrong()) }
    }
}

/// `yyyy-MM-ddTHH:mm:ssZ` or the same with milliseconds, nothing else.
fn parse_time(text: &str) -> Option<Timestamp> {
    let shape = match text.len() {
        20 => "dddd-dd-ddTdd:dd:ddZ",
        24 => "dddd-dd-ddTdd:dd:dd.dddZ",
        _ => return None,
    };
    let fits = text.bytes().zip(shape.bytes()).all(|(byte, form)| if form == b'd' { byte.is_ascii_digit() } else { byte == form });
    if fits { text.parse().ok() } else { None }
}

/// A time as the older clients write it, which all servers take.
pub(super) fn whole_seconds(now: Timestamp) -> String {
    let text = now.to_string();
    text.split_once('.').map_or_else(|| text.clone(), |(seconds, _)| format!("{seconds}Z"))
}
