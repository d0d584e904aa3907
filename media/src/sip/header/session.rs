use std::fmt;

use smol_str::SmolStr;

use super::{HeaderError, Method, Params, is_token, number, trim};

/// `CSeq`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CSeq {
    /// Number, below 2^31 (RFC 3261 §8.1.1.5).
    pub number: u32,
    /// Method.
    pub method: Method,
}

impl CSeq {
    /// Reads the value.
    pub fn parse(text: &str) -> Result<CSeq, HeaderError> {
        let text = trim(text);
        let (digits, method) =
            text.split_once([' ', '\t']).ok_or_else(|| HeaderError::Missing { what: "method", text: text.to_owned() })?;
        let value: u32 = number(digits)?;
        if value >= 1 << 31 {
            return Err(HeaderError::Number(digits.to_owned()));
        }
        let method = Method::parse(trim(method)).ok_or_else(|| HeaderError::Token(method.to_owned()))?;
        Ok(CSeq { number: value, method })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

/// A token with parameters.
fn token_with_params(text: &str) -> Result<(&str, Params), HeaderError> {
    let (token, params) = text.split_at(text.find(';').unwrap_or(text.len()));
    let token = trim(token);
    if !is_token(token) {
        return Err(HeaderError::Token(token.to_owned()));
    }
    Ok((token, Params::parse(params)?))
}

/// `Session-Expires` (RFC 4028); also reads `Min-SE`, which has no refresher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionExpires {
    /// Seconds.
    pub seconds: u32,
    /// `refresher`: `Some(true)` for uac, `Some(false)` for uas.
    pub refresher_uac: Option<bool>,
}

impl SessionExpires {
    /// Reads the value.
    pub fn parse(text: &str) -> Result<SessionExpires, HeaderError> {
        let (seconds, params) = token_with_params(text)?;
        let refresher_uac = match params.get("refresher") {
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(true),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(false),
            Some(who) => return Err(HeaderError::Token(who.to_owned())),
            None => None,
        };
        Ok(SessionExpires { seconds: number(seconds)?, refresher_uac })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seconds)?;
        match self.refresher_uac {
            Some(true) => f.write_str(";refresher=uac"),
            Some(false) => f.write_str(";refresher=uas"),
            None => Ok(()),
        }
    }
}

/// `Subscription-State` (RFC 6665 §8.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionState {
    /// `active`, `pending` or `terminated`, in lower case.
    pub state: SmolStr,
    /// Seconds left.
    pub expires: Option<u32>,
    /// Why it ended.
    pub reason: Option<SmolStr>,
    /// Seconds after which to try again.
    pub retry_after: Option<u32>,
}

impl SubscriptionState {
    /// Reads the value.
    pub fn parse(text: &str) -> Result<SubscriptionState, HeaderError> {
        let (state, params) = token_with_params(text)?;
        Ok(SubscriptionState {
            state: SmolStr::new(state.to_ascii_lowercase()),
            expires: params.get("expires").map(number).transpose()?,
            reason: params.get("reason").map(SmolStr::new),
            retry_after: params.get("retry-after").map(number).transpose()?,
        })
    }

    /// It is over.
    pub fn is_terminated(&self) -> bool {
        self.state == "terminated"
    }
}

impl fmt::Display for SubscriptionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.state)?;
        if let Some(reason) = &self.reason {
            write!(f, ";reason={reason}")?;
        }
        if let Some(expires) = self.expires {
            write!(f, ";expires={expires}")?;
        }
        if let Some(seconds) = self.retry_after {
            write!(f, ";retry-after={seconds}")?;
        }
        Ok(())
    }
}

/// `Event` (RFC 6665 §8.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Package with templates, such as `refer` or `presence.winfo`.
    pub package: SmolStr,
    /// Which subscription of the dialog.
    pub id: Option<SmolStr>,
}

impl Event {
    /// Reads the value.
    pub fn parse(text: &str) -> Result<Event, HeaderError> {
        let (package, params) = token_with_params(text)?;
        Ok(Event { package: SmolStr::new(package), id: params.get("id").map(SmolStr::new) })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.package)?;
        match &self.id {
            Some(id) => write!(f, ";id={id}"),
            None => Ok(()),
        }
    }
}

/// `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter {
    /// Seconds.
    pub seconds: u32,
}

impl RetryAfter {
    /// Reads the value: seconds, then maybe a comment and parameters.
    pub fn parse(text: &str) -> Result<RetryAfter, HeaderError> {
        let text = trim(text);
        let end = text.find([' ', '\t', '(', ';']).unwrap_or(text.len());
        Ok(RetryAfter { seconds: number(&text[..end])? })
    }
}
