//! Header names, methods and typed header values.
//!
//! A typed value is made on demand from the text of one header value and prints as it should stand in a message.

mod address;
mod method;
mod name;
mod params;
mod routing;
mod session;
#[cfg(test)]
mod tests;
mod via;

use std::fmt;

use memchr::{memchr, memchr2};

pub use address::{Contact, Contacts, NameAddr};
pub use method::Method;
pub use name::Name;
pub use params::{Params, unquote};
pub use routing::{Reason, ReferTo, Replaces};
pub use session::{CSeq, Event, RetryAfter, SessionExpires, SubscriptionState};
pub use via::Via;

use super::uri::UriError;

/// Why a header value is not what its header should carry. Carries the offending text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// A URI in it is broken.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// A quoted string without an end.
    #[error("unterminated quoted string in `{0}`")]
    Quote(String),
    /// A parameter without a name, or too many.
    #[error("bad parameter in `{0}`")]
    Parameter(String),
    /// A number that is none or too large.
    #[error("bad number `{0}`")]
    Number(String),
    /// Not an address.
    #[error("bad address `{0}`")]
    Address(String),
    /// Not a Via.
    #[error("bad Via `{0}`")]
    Via(String),
    /// Something that should be a token is none.
    #[error("bad token `{0}`")]
    Token(String),
    /// Something is missing.
    #[error("no {what} in `{text}`")]
    Missing {
        /// What should be there.
        what: &'static str,
        /// Where it should be.
        text: String,
    },
}

/// Looked up for every byte of every header name, so it is a table.
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let marks = b"-.!%*_+`'~";
    let mut byte = 0u8;
    loop {
        let mut mark = 0;
        while mark < marks.len() {
            if marks[mark] == byte {
                table[byte as usize] = true;
            }
            mark += 1;
        }
        if byte.is_ascii_alphanumeric() {
            table[byte as usize] = true;
        }
        if byte == 255 {
            break table;
        }
        byte += 1;
    }
};

/// A character of `token` (RFC 3261 §25.1).
pub(crate) fn is_token_byte(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// The text is a `token`.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Blanks around header values and their parts; folds have become blanks by then.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Where `wanted` stands outside of quoted strings and angle brackets.
pub(crate) fn find_outside(text: &str, wanted: u8) -> Option<usize> {
    // Mostly there is nothing to look out for before it.
    let first = memchr(wanted, text.as_bytes())?;
    if memchr2(b'"', b'<', text.as_bytes().get(..first)?).is_none() {
        return Some(first);
    }
    let mut quoted = false;
    let mut escaped = false;
    let mut angle = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if !angle => quoted = !quoted,
            _ if quoted => {}
            b'<' => angle = true,
            b'>' => angle = false,
            _ if byte == wanted && !angle => return Some(at),
            _ => {}
        }
    }
    None
}

/// The values of a list header: split at commas outside of quotes and brackets, trimmed, empty ones left out.
pub fn split_list(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (value, tail) = match find_outside(text, b',') {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        rest = tail;
        Some(trim(value))
    })
    .filter(|value| !value.is_empty())
}

/// A number of digits only, as RFC 3261 writes them.
pub(crate) fn number<T: std::str::FromStr>(text: &str) -> Result<T, HeaderError> {
    let bad = || HeaderError::Number(text.to_owned());
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad());
    }
    text.parse().map_err(|_| bad())
}

/// Writes a text as a quoted string; line ends and other control characters become blanks.
pub(crate) fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    use fmt::Write as _;
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            _ if c.is_control() => f.write_char(' ')?,
            _ => f.write_char(c)?,
        }
    }
    f.write_char('"')
}
