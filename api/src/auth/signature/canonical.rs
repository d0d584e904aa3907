//! The text that is signed.

use std::borrow::Cow;
use std::fmt::Write;

use super::SignatureError;
use crate::limits;

/// What of a request is signed, as it was received or will be sent.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// `POST`, `GET`, …
    pub method: &'a str,
    /// From the first `/` to before the `?`, not decoded.
    pub path: &'a str,
    /// What follows the `?`, not decoded.
    pub query: Option<&'a str>,
    /// Name in any case, and value.
    pub headers: &'a [(&'a str, &'a str)],
    /// The bytes.
    pub body: &'a [u8],
}

/// How a request without query parameters is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyQuery {
    /// Without a line for them: the form that is better supported.
    NoLine,
    /// With an empty line: what some later ports of the published client do.
    EmptyLine,
}

/// Percent-encodes everything but letters, digits and `-._~` (upper-case hexadecimal, a space is `%20`).
pub(super) fn encode(bytes: &[u8], into: &mut String) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            into.push(char::from(*byte));
        } else {
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

/// The canonical request for these signed headers (`;` between them).
pub fn canonical(request: &Signed<'_>, signed_headers: &str, empty: EmptyQuery) -> Result<String, SignatureError> {
    let mut text = String::with_capacity(256 + request.body.len() + request.body.len() / 2);
    text.push_str(request.method);
    text.push('\n');
    text.push_str(request.path);
    text.push('\n');
    let query = query(request.query.unwrap_or_default());
    if !query.is_empty() || empty == EmptyQuery::EmptyLine {
        text.push_str(&query);
        text.push('\n');
    }
    text.push_str(signed_headers);
    text.push('\n');
    text.push_str(&headers(request.headers, signed_headers)?);
    text.push('\n');
    encode(request.body, &mut text);
    Ok(text)
}

/// `ENC(name)=ENC(value)` of every parameter, sorted as text.
fn query(raw: &str) -> String {
    let mut pairs: Vec<String> = raw
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let mut text = String::with_capacity(pair.len() + 8);
            encode(&decode(name), &mut text);
            text.push('=');
            encode(&decode(value), &mut text);
            text
        })
        .collect();
    pairs.sort();
    pairs.join("&")
}

/// Undoes percent-encoding; what is not one stays as it is.
fn decode(text: &str) -> Cow<'_, [u8]> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|two| std::str::from_utf8(two).ok()).filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
        match (byte, escaped.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(value)) => {
                bytes.push(value);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    Cow::Owned(bytes)
}

/// `ENC(name):ENC(trimmed value)` of every signed header, sorted as text, one a line.
fn headers(all: &[(&str, &str)], signed: &str) -> Result<String, SignatureError> {
    let names: Vec<&str> = signed.split(';').collect();
    if names.len() > limits::SIGNED_HEADERS || !names.iter().any(|name| name.eq_ignore_ascii_case("host")) {
        return Err(SignatureError::Headers(signed.chars().take(80).collect()));
    }
    let mut lines = Vec::with_capacity(names.len());
    for name in names {
        let mut values = all.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(SignatureError::Header(name.chars().take(80).collect()));
        };
        let mut line = String::with_capacity(name.len() + value.len() + 8);
        encode(name.to_ascii_lowercase().as_bytes(), &mut line);
        line.push(':');
        encode(value.as_bytes(), &mut line);
        lines.push(line);
    }
    lines.sort();
    Ok(lines.join("\n"))
}
