//! SIP, SIPS and tel URIs (RFC 3261 §19, RFC 3966).
//!
//! A [`Uri`] keeps its text as it came, because the text is what dialogs, digests and bindings are about; the parts are
//! offsets into it.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::str::FromStr;

use smol_str::SmolStr;
use tandem_core::Transport;

use super::limits;

mod compare;
#[cfg(test)]
mod tests;

/// Why a text is not a URI. Carries what was wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// No `scheme:` in front.
    #[error("no scheme in URI `{0}`")]
    NoScheme(String),
    /// No host, or one with a character that host names don't have.
    #[error("bad host `{0}`")]
    Host(String),
    /// Not a port.
    #[error("bad port `{0}`")]
    Port(String),
    /// A character that must be escaped.
    #[error("character {0:?} in a URI")]
    Character(char),
    /// A parameter without a name, or one too many.
    #[error("bad URI parameter `{0}`")]
    Parameter(String),
}

/// What stands before the colon.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip`
    Sip,
    /// `sips`
    Sips,
    /// `tel` (RFC 3966)
    Tel,
    /// Another one, lower case. Its rest is not looked at.
    Other(SmolStr),
}

impl Scheme {
    /// As written in a URI.
    pub fn as_str(&self) -> &str {
        match self {
            Scheme::Sip => "sip",
            Scheme::Sips => "sips",
            Scheme::Tel => "tel",
            Scheme::Other(name) => name,
        }
    }
}

/// A host: an address or a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// An address; IPv6 is written in brackets.
    Ip(IpAddr),
    /// A name, as it came.
    Name(SmolStr),
}

impl Host {
    /// Reads a host: a name, an IPv4 address, or an IPv6 address in brackets.
    pub fn parse(text: &str) -> Result<Host, UriError> {
        let bad = || UriError::Host(text.to_owned());
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or_else(bad)?;
            return inner.parse::<Ipv6Addr>().map(|ip| Host::Ip(ip.into())).map_err(|_| bad());
        }
        // Underscores are not allowed in host names, but found in the names of container networks.
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')) {
            return Err(bad());
        }
        match text.parse::<Ipv4Addr>() {
            Ok(ip) => Ok(Host::Ip(ip.into())),
            Err(_) => Ok(Host::Name(SmolStr::new(text))),
        }
    }

    /// The address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Host::Ip(ip) => Some(*ip),
            Host::Name(_) => None,
        }
    }

    /// The same host: names without regard to case, addresses by value.
    pub fn same(&self, other: &Host) -> bool {
        match (self, other) {
            (Host::Ip(a), Host::Ip(b)) => a == b,
            (Host::Name(a), Host::Name(b)) => a.eq_ignore_ascii_case(b),
            _ => false,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Host::Ip(ip) => write!(f, "{ip}"),
            Host::Name(name) => f.write_str(name),
        }
    }
}

/// A host with an optional port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// The host.
    pub host: Host,
    /// The port, if one was written.
    pub port: Option<u16>,
}

impl HostPort {
    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
    pub fn parse(text: &str) -> Result<HostPort, UriError> {
        let (host, port) = split_port(text);
        let port = match port {
            Some(digits) => Some(parse_port(digits)?),
            None => None,
        };
        Ok(HostPort { host: Host::parse(host)?, port })
    }

    /// The socket address, if the host is an address; `default` is the port if none was written.
    pub fn socket_addr(&self, default: u16) -> Option<SocketAddr> {
        self.host.ip().map(|ip| SocketAddr::new(ip, self.port.unwrap_or(default)))
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => self.host.fmt(f),
        }
    }
}

impl From<SocketAddr> for HostPort {
    fn from(addr: SocketAddr) -> Self {
        HostPort { host: Host::Ip(addr.ip()), port: Some(addr.port()) }
    }
}

fn split_port(text: &str) -> (&str, Option<&str>) {
    let after = if text.starts_with('[') { text.find(']').map_or(text.len(), |at| at + 1) } else { 0 };
    match text.get(after..).and_then(|rest| rest.find(':')) {
        Some(at) => (&text[..after + at], Some(&text[after + at + 1..])),
        None => (text, None),
    }
}

fn parse_port(digits: &str) -> Result<u16, UriError> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(UriError::Port(digits.to_owned()));
    }
    digits.parse::<u16>().map_err(|_| UriError::Port(digits.to_owned()))
}

/// A URI. Equality and hash are of the text; [`Uri::same_as`] compares as RFC 3261 §19.1.4 says.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Uri {
    text: String,
    scheme: Scheme,
    /// User part without password; for tel URIs the number.
    user: Option<Range<u32>>,
    password: Option<Range<u32>>,
    /// Absent for tel and unknown schemes.
    host: Option<HostPort>,
    /// From the first `;` on, without the headers; empty if there are none.
    params: Range<u32>,
    /// After the `?`.
    headers: Option<Range<u32>>,
}

impl Uri {
    /// Reads a URI: the whole text must be one, without angle brackets and blanks.
    pub fn parse(text: &str) -> Result<Uri, UriError> {
        Self::from_string(text.to_owned())
    }

    /// Like [`Uri::parse`], without a copy.
    pub fn from_string(text: String) -> Result<Uri, UriError> {
        let colon = text.find(':').ok_or_else(|| UriError::NoScheme(text.clone()))?;
        let scheme = parse_scheme(&text[..colon]).ok_or_else(|| UriError::NoScheme(text.clone()))?;
        if let Some(at) = text.bytes().position(|b| !b.is_ascii_graphic() || matches!(b, b'<' | b'>' | b'"')) {
            return Err(UriError::Character(text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or('\u{fffd}')));
        }
        let start = colon + 1;
        let mut uri = Uri { text, scheme, user: None, password: None, host: None, params: 0..0, headers: None };
        match uri.scheme {
            Scheme::Sip | Scheme::Sips => uri.index_sip(start)?,
            Scheme::Tel => uri.index_tel(start)?,
            Scheme::Other(_) => {}
        }
        Ok(uri)
    }

    /// A `sip:` URI. The user part is escaped as needed.
    pub fn sip(user: Option<&str>, host: &HostPort) -> Uri {
        let mut text = String::from("sip:");
        if let Some(user) = user {
            escape_user(user, &mut text);
            text.push('@');
        }
        let user_end = index(text.len().saturating_sub(1));
        text.push_str(&host.to_string());
        let end = index(text.len());
        Uri {
            text,
            scheme: Scheme::Sip,
            user: user.map(|_| 4..user_end),
            password: None,
            host: Some(host.clone()),
            params: end..end,
            headers: None,
        }
    }

    /// The same URI with a parameter more (or another value), and without its headers.
    pub fn with_param(&self, name: &str, value: Option<&str>) -> Result<Uri, UriError> {
        let mut text = self.text[..self.params.start as usize].to_owned();
        for (other, old) in self.params() {
            if !other.eq_ignore_ascii_case(name) {
                push_param(&mut text, other, old);
            }
        }
        push_param(&mut text, name, value);
        Uri::from_string(text)
    }

    fn index_sip(&mut self, start: usize) -> Result<(), UriError> {
        let rest = &self.text[start..];
        // `@` must be escaped everywhere else, so the first one ends the user part, which may hold `;` and `?`.
        let host_start = match rest.find('@') {
            Some(at) => {
                let userinfo = &rest[..at];
                let user_end = userinfo.find(':').unwrap_or(at);
                if user_end == 0 {
                    return Err(UriError::Character('@'));
                }
                self.user = Some(range(start, start + user_end));
                if user_end < at {
                    self.password = Some(range(start + user_end + 1, start + at));
                }
                start + at + 1
            }
            None => start,
        };
        let after = &self.text[host_start..];
        let host_end = host_start + after.find([';', '?']).unwrap_or(after.len());
        self.host = Some(HostPort::parse(&self.text[host_start..host_end])?);
        let after = &self.text[host_end..];
        let params_end = host_end + after.find('?').unwrap_or(after.len());
        self.params = range(host_end, params_end);
        if params_end < self.text.len() {
            self.headers = Some(range(params_end + 1, self.text.len()));
        }
        check_params(&self.text[host_end..params_end])
    }

    fn index_tel(&mut self, start: usize) -> Result<(), UriError> {
        let rest = &self.text[start..];
        let end = start + rest.find(';').unwrap_or(rest.len());
        let number = &self.text[start..end];
        // RFC 3966 §3; `#` and `*` only in local numbers, hexadecimal digits there too.
        let visual = |c: char| c.is_ascii_hexdigit() || matches!(c, '-' | '.' | '(' | ')' | '*' | '#' | '+');
        if let Some(bad) = number.chars().find(|c| !visual(*c)) {
            return Err(UriError::Character(bad));
        }
        if !number.chars().any(|c| c.is_ascii_hexdigit() || matches!(c, '*' | '#')) {
            return Err(UriError::Parameter(number.to_owned()));
        }
        self.user = Some(range(start, end));
        self.params = range(end, self.text.len());
        check_params(&self.text[end..])
    }

    /// The text, as it came.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the colon.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    fn slice(&self, range: &Range<u32>) -> &str {
        self.text.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    /// The user part as written (escapes and parameters such as `;phone-context` in it remain), for tel the number.
    pub fn user(&self) -> Option<&str> {
        self.user.as_ref().map(|range| self.slice(range))
    }

    /// The user part with escapes resolved (`%HH`, once; bytes that are not UTF-8 become U+FFFD).
    pub fn user_decoded(&self) -> Option<Cow<'_, str>> {
        self.user().map(unescape)
    }

    /// The password part, which nobody should use.
    pub fn password(&self) -> Option<&str> {
        self.password.as_ref().map(|range| self.slice(range))
    }

    /// Host and port; absent for tel and unknown schemes.
    pub fn host_port(&self) -> Option<&HostPort> {
        self.host.as_ref()
    }

    /// The host; absent for tel and unknown schemes.
    pub fn host(&self) -> Option<&Host> {
        self.host.as_ref().map(|hp| &hp.host)
    }

    /// The port, if one was written.
    pub fn port(&self) -> Option<u16> {
        self.host.as_ref().and_then(|hp| hp.port)
    }

    /// Parameters in their order, as written.
    pub fn params(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        params_of(self.slice(&self.params))
    }

    /// A parameter: `Some(None)` if it has no value.
    pub fn param(&self, name: &str) -> Option<Option<&str>> {
        self.params().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// `;transport=`, if it names one that we know.
    pub fn transport(&self) -> Option<Transport> {
        let value = self.param("transport")??;
        [("udp", Transport::Udp), ("tcp", Transport::Tcp), ("tls", Transport::Tls), ("ws", Transport::Ws), ("wss", Transport::Wss)]
            .into_iter()
            .find_map(|(name, transport)| name.eq_ignore_ascii_case(value).then_some(transport))
    }

    /// `;lr`: a loose router (RFC 3261 §19.1.1).
    pub fn is_loose_router(&self) -> bool {
        self.param("lr").is_some()
    }

    /// Headers after `?`, as written.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = self.headers.as_ref().map_or("", |range| self.slice(range));
        text.split('&').filter(|part| !part.is_empty()).take(limits::PARAMS).map(|part| part.split_once('=').unwrap_or((part, "")))
    }

    /// The text without the headers: what a Request-URI may hold.
    pub fn without_headers(&self) -> &str {
        match &self.headers {
            Some(headers) => self.text.get(..(headers.start as usize).saturating_sub(1)).unwrap_or(&self.text),
            None => &self.text,
        }
    }

    /// There are headers after `?`; not allowed in a Request-URI (RFC 3261 §19.1.1).
    pub fn has_headers(&self) -> bool {
        self.headers.is_some()
    }

    /// The same resource by the rules of RFC 3261 §19.1.4 (tel: RFC 3966 §4).
    pub fn same_as(&self, other: &Uri) -> bool {
        compare::same(self, other)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({})", self.text)
    }
}

impl FromStr for Uri {
    type Err = UriError;
    fn from_str(text: &str) -> Result<Self, UriError> {
        Uri::parse(text)
    }
}

fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn range(start: usize, end: usize) -> Range<u32> {
    index(start)..index(end)
}

fn parse_scheme(text: &str) -> Option<Scheme> {
    let mut bytes = text.bytes();
    if !bytes.next()?.is_ascii_alphabetic() || !bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')) {
        return None;
    }
    Some(match text {
        _ if text.eq_ignore_ascii_case("sip") => Scheme::Sip,
        _ if text.eq_ignore_ascii_case("sips") => Scheme::Sips,
        _ if text.eq_ignore_ascii_case("tel") => Scheme::Tel,
        _ => Scheme::Other(SmolStr::new(text.to_ascii_lowercase())),
    })
}

/// The parameters of `;a=b;c`.
fn params_of(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.split(';').filter(|part| !part.is_empty()).take(limits::PARAMS).map(|part| match part.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (part, None),
    })
}

fn check_params(text: &str) -> Result<(), UriError> {
    // Phones end URIs with `;`; only an empty part in between, or a value without a name, is refused.
    let Some(text) = text.strip_prefix(';') else { return Ok(()) };
    let text = text.strip_suffix(';').unwrap_or(text);
    if text.is_empty() {
        return Ok(());
    }
    for (place, part) in text.split(';').enumerate() {
        if place >= limits::PARAMS || part.is_empty() || part.starts_with('=') {
            return Err(UriError::Parameter(part.to_owned()));
        }
    }
    Ok(())
}

fn push_param(text: &mut String, name: &str, value: Option<&str>) {
    text.push(';');
    text.push_str(name);
    if let Some(value) = value {
        text.push('=');
        text.push_str(value);
    }
}

fn escape_user(user: &str, out: &mut String) {
    use fmt::Write as _;
    for byte in user.bytes() {
        // unreserved and user-unreserved of RFC 3261 §25.1.
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// Resolves `%HH`, once; broken escapes stay as they are.
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes: Vec<u8> = compare::units(text).map(|unit| unit.byte).collect();
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}
