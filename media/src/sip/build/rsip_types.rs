use rsip::common::uri::{Auth, Param, Scheme as RsipScheme};

use super::{Headers, Request, Response};
use crate::sip::message::rsip_header;
use crate::sip::uri::{Scheme, Uri};
use crate::sip::{Method, Name};

/// A URI in `rsip`'s type; `None` for schemes other than sip and sips, whose parts it can't hold. Headers are lost.
pub fn rsip_uri(uri: &Uri) -> Option<rsip::Uri> {
    let scheme = match uri.scheme() {
        Scheme::Sip => RsipScheme::Sip,
        Scheme::Sips => RsipScheme::Sips,
        Scheme::Tel | Scheme::Other(_) => return None,
    };
    let host = uri.host_port()?;
    // As a domain: an address would be printed without brackets.
    let domain = rsip::host_with_port::Host::Domain(host.host.to_string().into());
    Some(rsip::Uri {
        scheme: Some(scheme),
        auth: uri.user().map(|user| Auth { user: user.to_owned(), password: uri.password().map(str::to_owned) }),
        host_with_port: rsip::HostWithPort { host: domain, port: host.port.map(Into::into) },
        params: uri.params().map(|(name, value)| Param::Other(name.into(), value.map(Into::into))).collect(),
        headers: Vec::new(),
    })
}

fn rsip_headers(headers: &Headers, body: usize) -> rsip::Headers {
    let mut out = rsip::Headers::default();
    for (label, value) in headers.iter() {
        out.push(rsip_header(Name::parse(label.as_bytes()), label, value));
    }
    out.push(rsip_header(Name::ContentLength, "", &body.to_string()));
    out
}

fn own_headers(headers: &rsip::Headers) -> Headers {
    let mut out = Headers::default();
    for header in headers.iter() {
        let text = header.to_string();
        if let Some((label, value)) = text.split_once(':')
            && Name::parse(label.as_bytes()) != Name::ContentLength
        {
            out.push_extension(label, crate::sip::header::trim(value));
        }
    }
    out
}

impl Request {
    /// The request in `rsip`'s types; `None` for extension methods and URIs that `rsip` has no place for.
    pub fn to_rsip(&self) -> Option<rsip::Request> {
        Some(rsip::Request {
            method: self.method.to_rsip()?,
            uri: rsip_uri(&self.uri)?,
            version: rsip::Version::V2,
            headers: rsip_headers(&self.headers, self.body.len()),
            body: self.body.to_vec(),
        })
    }

    /// A request from `rsip`'s types; `None` if its URI is not one that could be sent.
    pub fn from_rsip(request: &rsip::Request) -> Option<Request> {
        Some(Request {
            method: Method::from(request.method),
            uri: Uri::parse(&request.uri.to_string()).ok()?,
            headers: own_headers(&request.headers),
            body: request.body.clone().into(),
        })
    }
}

impl Response {
    /// The response in `rsip`'s types.
    pub fn to_rsip(&self) -> rsip::Response {
        rsip::Response {
            status_code: self.status.into(),
            version: rsip::Version::V2,
            headers: rsip_headers(&self.headers, self.body.len()),
            body: self.body.to_vec(),
        }
    }

    /// A response from `rsip`'s types, with the usual reason phrase.
    pub fn from_rsip(response: &rsip::Response) -> Response {
        Response {
            status: response.status_code.code(),
            reason: None,
            headers: own_headers(&response.headers),
            body: response.body.clone().into(),
        }
    }
}
