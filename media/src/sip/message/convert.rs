use super::Message;
use crate::sip::header::{Name, Params, trim};
use crate::sip::limits;

/// Why a message can't be had in `rsip`'s types.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// `rsip` has no extension methods.
    #[error("rsip has no method `{0}`")]
    Method(String),
    /// `rsip` can't read the Request-URI.
    #[error("rsip can't read the URI `{0}`")]
    Uri(String),
}

impl Message {
    /// The message in `rsip`'s types, for users of that vocabulary. Header names become long ones, lists are split.
    pub fn to_rsip(&self) -> Result<rsip::SipMessage, ConvertError> {
        let mut headers = rsip::Headers::default();
        for (name, label, value) in self.all_lines() {
            if name.is_list() {
                for part in crate::sip::header::split_list(value).take(limits::LIST_VALUES) {
                    headers.push(rsip_header(name, label, part));
                }
            } else {
                headers.push(rsip_header(name, label, value));
            }
        }
        let body = self.body().to_vec();
        if let Some(status) = self.status() {
            let code = match rsip::StatusCode::from(status) {
                rsip::StatusCode::Other(code, _) => rsip::StatusCode::Other(code, self.reason_phrase().to_owned()),
                known => known,
            };
            return Ok(rsip::Response { status_code: code, version: rsip::Version::V2, headers, body }.into());
        }
        let method = self.method().and_then(crate::sip::Method::to_rsip);
        let method = method.ok_or_else(|| ConvertError::Method(self.method().map(ToString::to_string).unwrap_or_default()))?;
        let uri = self.uri().map_err(|_| ConvertError::Uri(self.uri_text().to_owned()))?;
        let uri = crate::sip::build::rsip_uri(&uri).ok_or_else(|| ConvertError::Uri(self.uri_text().to_owned()))?;
        Ok(rsip::Request { method, uri, version: rsip::Version::V2, headers, body }.into())
    }
}

macro_rules! rsip_headers {
    ($name:expr, $label:expr, $value:expr; $($variant:ident => $theirs:ident),* $(,)?) => {
        match $name {
            $(Name::$variant => rsip::headers::$theirs::from($value).into(),)*
            Name::Other => rsip::Header::Other($label.to_owned(), $value),
            known => rsip::Header::Other(known.as_str().to_owned(), $value),
        }
    };
}

/// One header line in `rsip`'s types.
pub(crate) fn rsip_header(name: Name, label: &str, value: &str) -> rsip::Header {
    let value = value.to_owned();
    rsip_headers!(name, label, value;
        Accept => Accept, AcceptEncoding => AcceptEncoding, AcceptLanguage => AcceptLanguage, AlertInfo => AlertInfo,
        Allow => Allow, AuthenticationInfo => AuthenticationInfo, Authorization => Authorization, CSeq => CSeq,
        CallId => CallId, CallInfo => CallInfo, Contact => Contact, ContentDisposition => ContentDisposition,
        ContentEncoding => ContentEncoding, ContentLanguage => ContentLanguage, ContentLength => ContentLength,
        ContentType => ContentType, Date => Date, ErrorInfo => ErrorInfo, Event => Event, Expires => Expires,
        From => From, InReplyTo => InReplyTo, MaxForwards => MaxForwards, MimeVersion => MimeVersion,
        MinExpires => MinExpires, Organization => Organization, Priority => Priority,
        ProxyAuthenticate => ProxyAuthenticate, ProxyAuthorization => ProxyAuthorization, ProxyRequire => ProxyRequire,
        RecordRoute => RecordRoute, ReplyTo => ReplyTo, Require => Require, RetryAfter => RetryAfter, Route => Route,
        Server => Server, Subject => Subject, SubscriptionState => SubscriptionState, Supported => Supported,
        Timestamp => Timestamp, To => To, Unsupported => Unsupported, UserAgent => UserAgent, Via => Via,
        Warning => Warning, WwwAuthenticate => WwwAuthenticate,
    )
}

/// The first part of a multipart body with this type (RFC 2046 §5.1).
pub(super) fn part_of_type<'a>(content_type: &str, body: &'a [u8], wanted: &str) -> Option<&'a [u8]> {
    let params = Params::parse(content_type.get(content_type.find(';')?..)?).ok()?;
    let boundary = params.get("boundary").filter(|text| !text.is_empty() && text.len() <= 70)?;
    let delimiter = format!("--{boundary}");
    let finder = memchr::memmem::Finder::new(delimiter.as_bytes());
    let mut starts = finder.find_iter(body);
    let mut start = starts.next()?;
    // The parts of one body are few; more are not looked at.
    for _ in 0..16 {
        let end = starts.next()?;
        let part = body.get(start + delimiter.len()..end)?;
        start = end;
        let part = part.strip_prefix(b"\r\n").or_else(|| part.strip_prefix(b"\n"))?;
        if let Some(content) = content_of(part, wanted) {
            return Some(content);
        }
    }
    None
}

fn content_of<'a>(part: &'a [u8], wanted: &str) -> Option<&'a [u8]> {
    let mut at = 0;
    let mut matches = false;
    loop {
        let end = at + memchr::memchr(b'\n', part.get(at..)?)?;
        let line = part.get(at..end)?.trim_ascii_end();
        at = end + 1;
        if line.is_empty() {
            break;
        }
        let Some((label, value)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once(':')) else { continue };
        if Name::parse(trim(label).as_bytes()) == Name::ContentType {
            matches = trim(value.split(';').next().unwrap_or_default()).eq_ignore_ascii_case(wanted);
        }
    }
    let content = part.get(at..)?;
    // The line end before the delimiter belongs to the delimiter; a session description wants its own, so it stays.
    matches.then_some(content)
}
