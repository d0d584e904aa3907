use std::borrow::Cow;
use std::fmt;

use super::{HeaderError, find_outside, is_token, trim};
use crate::sip::limits;

/// Parameters of a header value: `;name=value;flag`. Kept as text, looked up on demand; names don't regard case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Params(String);

impl Params {
    /// Reads `;a=b;c`. Blanks around `;` and `=` are allowed, an empty parameter is not.
    pub fn parse(text: &str) -> Result<Params, HeaderError> {
        let text = trim(text);
        let bad = || HeaderError::Parameter(text.to_owned());
        if text.is_empty() {
            return Ok(Params::default());
        }
        let mut rest = text.strip_prefix(';').ok_or_else(bad)?;
        let mut tidy = String::with_capacity(text.len());
        for _ in 0..=limits::PARAMS {
            let (part, tail) = match find_outside(rest, b';') {
                Some(at) => (trim(&rest[..at]), Some(&rest[at + 1..])),
                None => (trim(rest), None),
            };
            match (part.is_empty(), tail) {
                // One `;` at the end is a habit of some phones.
                (true, None) => return Ok(Params(tidy)),
                (true, _) => return Err(bad()),
                (false, _) => Self::push_checked(&mut tidy, part)?,
            }
            match tail {
                Some(tail) => rest = tail,
                None => return Ok(Params(tidy)),
            }
        }
        Err(bad())
    }

    fn push_checked(tidy: &mut String, part: &str) -> Result<(), HeaderError> {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (trim(name), Some(trim(value))),
            None => (part, None),
        };
        if !is_token(name) {
            return Err(HeaderError::Parameter(part.to_owned()));
        }
        tidy.push(';');
        tidy.push_str(name);
        if let Some(value) = value {
            if !is_value(value) {
                return Err(HeaderError::Parameter(part.to_owned()));
            }
            tidy.push('=');
            tidy.push_str(value);
        }
        Ok(())
    }

    /// All, in their order; values as written, quotes included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let mut rest = self.0.strip_prefix(';');
        std::iter::from_fn(move || {
            let text = rest?;
            let (part, tail) = match find_outside(text, b';') {
                Some(at) => (&text[..at], Some(&text[at + 1..])),
                None => (text, None),
            };
            rest = tail;
            Some(match part.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (part, None),
            })
        })
    }

    /// A value as written, without its quotes (escapes in it remain); empty if the parameter has none.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.iter().find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        let value = value.unwrap_or_default();
        Some(value.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(value))
    }

    /// The parameter is there, with or without value.
    pub fn has(&self, name: &str) -> bool {
        self.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    }

    /// Sets a parameter; one of that name is replaced and moves to the end. A value that is no token is quoted, unless
    /// it is a host.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        use fmt::Write as _;
        self.remove(name);
        self.0.push(';');
        self.0.extend(name.chars().filter(|c| c.is_ascii_graphic()));
        if let Some(value) = value {
            self.0.push('=');
            if is_value(value) {
                self.0.push_str(value);
            } else {
                let _ = write!(self.0, "{}", Quoted(value));
            }
        }
    }

    /// Takes a parameter away.
    pub fn remove(&mut self, name: &str) {
        if !self.has(name) {
            return;
        }
        let mut kept = String::with_capacity(self.0.len());
        for (other, value) in self.iter().filter(|(other, _)| !other.eq_ignore_ascii_case(name)) {
            kept.push(';');
            kept.push_str(other);
            if let Some(value) = value {
                kept.push('=');
                kept.push_str(value);
            }
        }
        self.0 = kept;
    }

    /// As written in a message, starting with `;` unless empty.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::write_quoted(f, self.0)
    }
}

/// A token, a host, a quoted string, or what phones write in their place (`+sip.instance=<urn:…>` without quotes).
fn is_value(value: &str) -> bool {
    if let Some(inner) = value.strip_prefix('"') {
        return quoted_end(inner).is_some_and(|end| end + 1 == inner.len());
    }
    !value.is_empty() && !value.bytes().any(|b| b.is_ascii_control() || b" \t\",;<>".contains(&b))
}

/// Where the quoted string ends whose opening quote stands before `inner`.
pub(super) fn quoted_end(inner: &str) -> Option<usize> {
    let mut escaped = false;
    inner.bytes().position(|byte| {
        let end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        end
    })
}

/// Resolves the quoted pairs of the inside of a quoted string.
pub fn unquote(inner: &str) -> Cow<'_, str> {
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}
