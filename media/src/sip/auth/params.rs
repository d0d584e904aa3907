use std::borrow::Cow;

use crate::sip::header::{find_outside, is_token, trim, unquote};
use crate::sip::limits;

/// The parameters of a `Digest` challenge or of credentials, as written.
#[derive(Clone)]
pub(super) struct DigestParams<'a>(Vec<(&'a str, &'a str)>);

impl<'a> DigestParams<'a> {
    /// Reads `Digest a="b", c=d`; `None` for other schemes and for what is malformed or has a parameter twice.
    pub(super) fn parse(text: &'a str) -> Option<DigestParams<'a>> {
        let text = trim(text);
        let (scheme, mut rest) = text.split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut params: Vec<(&str, &str)> = Vec::with_capacity(12);
        loop {
            let (part, tail) = match find_outside(rest, b',') {
                Some(at) => (&rest[..at], Some(&rest[at + 1..])),
                None => (rest, None),
            };
            if !trim(part).is_empty() {
                let (name, value) = part.split_once('=')?;
                let (name, value) = (trim(name), trim(value));
                let twice = params.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
                if !is_token(name) || twice || params.len() == limits::PARAMS {
                    return None;
                }
                params.push((name, bare(value)?));
            }
            match tail {
                Some(tail) => rest = tail,
                None => return Some(DigestParams(params)),
            }
        }
    }

    /// A value without its quotes, escapes as written: what is hashed.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// A value with its escapes resolved.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name).map(unquote)
    }
}

fn bare(value: &str) -> Option<&str> {
    match value.strip_prefix('"') {
        Some(inner) => inner.strip_suffix('"').filter(|inner| !inner.ends_with('\\') || inner.ends_with("\\\\")),
        None => Some(value),
    }
}
