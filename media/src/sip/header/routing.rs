use std::fmt;
use std::str::FromStr;

use smol_str::SmolStr;

use super::{HeaderError, NameAddr, Params, is_token, number, trim, unquote, write_quoted};
use crate::sip::uri::{Uri, unescape};

/// `Refer-To` (RFC 3515), with the dialog to be replaced taken out of the URI's headers (RFC 3891 §6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferTo {
    /// Where to, as written.
    pub address: NameAddr,
    /// `?Replaces=`: an attended transfer.
    pub replaces: Option<Replaces>,
    /// `;method=`; INVITE if absent.
    pub method: Option<SmolStr>,
}

impl ReferTo {
    /// Reads the value.
    pub fn parse(text: &str) -> Result<ReferTo, HeaderError> {
        let address = NameAddr::parse(text)?;
        let replaces = address.uri.headers().find(|(name, _)| name.eq_ignore_ascii_case("Replaces"));
        let replaces = replaces.map(|(_, value)| Replaces::parse(&unescape(value))).transpose()?;
        let method = address.uri.param("method").flatten().map(SmolStr::new);
        Ok(ReferTo { address, replaces, method })
    }

    /// The URI without its headers: whom to call.
    pub fn target(&self) -> Result<Uri, HeaderError> {
        Ok(Uri::parse(self.address.uri.without_headers())?)
    }
}

/// `Replaces` (RFC 3891): the dialog that a call is to take the place of, from the receiver's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaces {
    /// Call-ID of the dialog.
    pub call_id: String,
    /// The receiver's tag.
    pub to_tag: String,
    /// The other side's tag.
    pub from_tag: String,
    /// Only if the dialog is not answered yet.
    pub early_only: bool,
}

impl Replaces {
    /// Reads the value.
    pub fn parse(text: &str) -> Result<Replaces, HeaderError> {
        let text = trim(text);
        let (call_id, params) = text.split_at(text.find(';').unwrap_or(text.len()));
        let params = Params::parse(params)?;
        let missing = |what| HeaderError::Missing { what, text: text.to_owned() };
        let tag = |name, what| params.get(name).filter(|tag| !tag.is_empty()).map(str::to_owned).ok_or_else(|| missing(what));
        if trim(call_id).is_empty() {
            return Err(missing("Call-ID"));
        }
        Ok(Replaces {
            call_id: trim(call_id).to_owned(),
            to_tag: tag("to-tag", "to-tag")?,
            from_tag: tag("from-tag", "from-tag")?,
            early_only: params.has("early-only"),
        })
    }
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)?;
        if self.early_only { f.write_str(";early-only") } else { Ok(()) }
    }
}

impl FromStr for Replaces {
    type Err = HeaderError;
    fn from_str(text: &str) -> Result<Self, HeaderError> {
        Replaces::parse(text)
    }
}

/// `Reason` (RFC 3326): why a request was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// `SIP` or `Q.850`, or another one.
    pub protocol: SmolStr,
    /// Status or cause value.
    pub cause: Option<u16>,
    /// For people.
    pub text: Option<String>,
}

impl Reason {
    /// A SIP status as reason.
    pub fn sip(cause: u16, text: Option<&str>) -> Reason {
        Reason { protocol: SmolStr::new_static("SIP"), cause: Some(cause), text: text.map(str::to_owned) }
    }

    /// A Q.850 cause as reason.
    pub fn q850(cause: u8, text: Option<&str>) -> Reason {
        Reason { protocol: SmolStr::new_static("Q.850"), cause: Some(cause.into()), text: text.map(str::to_owned) }
    }

    /// Reads one value.
    pub fn parse(text: &str) -> Result<Reason, HeaderError> {
        let (protocol, params) = text.split_at(text.find(';').unwrap_or(text.len()));
        let protocol = trim(protocol);
        if !is_token(protocol) {
            return Err(HeaderError::Token(protocol.to_owned()));
        }
        let params = Params::parse(params)?;
        let cause = params.get("cause").map(number).transpose()?;
        let text = params.get("text").map(|text| unquote(text).into_owned());
        Ok(Reason { protocol: SmolStr::new(protocol), cause, text })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.protocol)?;
        if let Some(cause) = self.cause {
            write!(f, ";cause={cause}")?;
        }
        if let Some(text) = &self.text {
            f.write_str(";text=")?;
            write_quoted(f, text)?;
        }
        Ok(())
    }
}
