use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::params::quoted_end;
use super::{HeaderError, Params, is_token, number, trim, unquote, write_quoted};
use crate::sip::uri::Uri;

/// An address with display name and parameters: From, To, Route, Refer-To, P-Asserted-Identity, … (RFC 3261 §20.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameAddr {
    /// Display name, without quotes and escapes.
    pub display: Option<String>,
    /// The URI.
    pub uri: Uri,
    /// Header parameters, such as `tag`.
    pub params: Params,
}

impl NameAddr {
    /// An address without display name and parameters.
    pub fn new(uri: Uri) -> NameAddr {
        NameAddr { display: None, uri, params: Params::default() }
    }

    /// With this display name.
    #[must_use]
    pub fn with_display(mut self, display: Option<&str>) -> NameAddr {
        self.display = display.map(str::to_owned);
        self
    }

    /// With this tag.
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> NameAddr {
        self.params.set("tag", Some(tag));
        self
    }

    /// Reads one header value.
    pub fn parse(text: &str) -> Result<NameAddr, HeaderError> {
        let text = trim(text);
        let bad = || HeaderError::Address(text.to_owned());
        if let Some(inner) = text.strip_prefix('"') {
            let end = quoted_end(inner).ok_or_else(|| HeaderError::Quote(text.to_owned()))?;
            let rest = trim(&inner[end + 1..]).strip_prefix('<').ok_or_else(bad)?;
            return Self::bracketed(Some(unquote(&inner[..end])), rest, text);
        }
        match text.find('<') {
            Some(at) => {
                let display = trim(&text[..at]);
                // RFC 3261 wants tokens here. Accents, `@` and the like are seen in the field and harmless; what would change
                // where the value ends is refused.
                if display.bytes().any(|b| b.is_ascii_control() && b != b'\t' || b",;\"\\>".contains(&b)) {
                    return Err(bad());
                }
                Self::bracketed((!display.is_empty()).then_some(Cow::Borrowed(display)), &text[at + 1..], text)
            }
            None => Self::bare(text),
        }
    }

    fn bracketed(display: Option<Cow<'_, str>>, rest: &str, text: &str) -> Result<NameAddr, HeaderError> {
        let end = rest.find('>').ok_or_else(|| HeaderError::Address(text.to_owned()))?;
        let uri = Uri::parse(&rest[..end])?;
        let params = Params::parse(&rest[end + 1..])?;
        Ok(NameAddr { display: display.map(Cow::into_owned), uri, params })
    }

    /// Without brackets, parameters belong to the header, and `?` and `,` may not stand in the URI (RFC 3261 §20).
    fn bare(text: &str) -> Result<NameAddr, HeaderError> {
        let end = text.find(';').unwrap_or(text.len());
        let (uri, params) = text.split_at(end);
        if uri.contains(['?', ',']) {
            return Err(HeaderError::Address(text.to_owned()));
        }
        Ok(NameAddr { display: None, uri: Uri::parse(trim(uri))?, params: Params::parse(params)? })
    }

    /// The tag (RFC 3261 §19.3).
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            if display.split(' ').all(is_token) {
                f.write_str(display)?;
            } else {
                write_quoted(f, display)?;
            }
            f.write_str(" ")?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

impl FromStr for NameAddr {
    type Err = HeaderError;
    fn from_str(text: &str) -> Result<Self, HeaderError> {
        NameAddr::parse(text)
    }
}

/// One Contact value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The address.
    pub address: NameAddr,
    /// `q` in thousandths, 0 to 1000; 1000 if it is not given.
    pub q: u16,
    /// `expires` in seconds, if given. A value that is not a number of 32 bits counts as 3600 (RFC 3261 §20.10 note,
    /// RFC 4475 §3.1.2.4).
    pub expires: Option<u32>,
}

impl Contact {
    /// Reads one Contact value other than `*`.
    pub fn parse(text: &str) -> Result<Contact, HeaderError> {
        let address = NameAddr::parse(text)?;
        let q = match address.params.get("q") {
            Some(text) => parse_q(text)?,
            None => 1000,
        };
        let expires = address.params.get("expires").map(|text| number(text).unwrap_or(3600));
        Ok(Contact { address, q, expires })
    }

    /// `+sip.instance` (RFC 5626 §4.1) without quotes and brackets, if given.
    pub fn instance(&self) -> Option<&str> {
        let text = self.address.params.get("+sip.instance")?;
        Some(text.strip_prefix('<').and_then(|inner| inner.strip_suffix('>')).unwrap_or(text))
    }

    /// `reg-id` (RFC 5626 §4.2), if given.
    pub fn reg_id(&self) -> Option<u32> {
        self.address.params.get("reg-id").and_then(|text| number(text).ok())
    }
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// All Contact values of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contacts {
    /// `*`: all bindings of a REGISTER.
    Star,
    /// Addresses; maybe none.
    List(Vec<Contact>),
}

impl Contacts {
    /// The first address.
    pub fn first(&self) -> Option<&Contact> {
        match self {
            Contacts::Star => None,
            Contacts::List(list) => list.first(),
        }
    }
}

/// `0`, `1`, `0.5`, `0.123`, also `1.000` (RFC 3261 §25.1 qvalue) in thousandths.
fn parse_q(text: &str) -> Result<u16, HeaderError> {
    let bad = || HeaderError::Number(text.to_owned());
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let whole: u16 = if whole.is_empty() { 0 } else { number(whole)? };
    if part.len() > 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad());
    }
    let thousandths: u16 = if part.is_empty() { 0 } else { number(&format!("{part:0<3}"))? };
    match whole.checked_mul(1000).and_then(|whole| whole.checked_add(thousandths)) {
        Some(q) if q <= 1000 => Ok(q),
        _ => Err(bad()),
    }
}
