//! Why a leg or a call ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Who ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// The endpoint at the far end of this leg.
    Remote,
    /// The party that this leg was talking with.
    Peer,
    /// The system: a timer, a rule, a restart.
    System,
    /// A person or program through the API.
    Operator,
}

/// A release cause. The SIP status and the Q.850 cause are both kept, because a status alone loses what the telephone
/// network said (RFC 3398 §7.2, RFC 6432).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// SIP status: 200 after a talk, 4xx to 6xx for an attempt that failed.
    pub sip: u16,
    /// Q.850 cause value, 1 to 127.
    pub q850: u8,
    /// Who ended it.
    pub by: Party,
    /// What the far end or the rule said, if it said something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub text: Option<SmolStr>,
}

impl Cause {
    /// A cause from a SIP status; Q.850 follows RFC 3398 §8.2.6.1 (status to cause).
    pub fn sip(status: u16, by: Party) -> Self {
        Cause { sip: status, q850: q850_of_status(status), by, text: None }
    }

    /// Normal clearing: somebody hung up after a talk.
    pub fn normal(by: Party) -> Self {
        Cause { sip: 200, q850: 16, by, text: None }
    }

    /// Adds what was said.
    #[must_use]
    pub fn because(mut self, text: impl AsRef<str>) -> Self {
        self.text = Some(SmolStr::new(text.as_ref()));
        self
    }

    /// The same cause as seen from another leg.
    #[must_use]
    pub fn by(mut self, by: Party) -> Self {
        self.by = by;
        self
    }
}

/// Q.850 cause for a SIP status, RFC 3398 §8.2.6.1; 16 for success.
pub fn q850_of_status(status: u16) -> u8 {
    match status {
        200..=299 => 16,
        400 | 481 | 500 | 503 => 41,
        401 | 402 | 403 | 407 | 603 => 21,
        404 => 1,
        405 => 63,
        406 | 415 | 420 | 421 | 423 | 505 | 513 => 127,
        408 => 102,
        410 => 22,
        413 | 414 | 416 => 127,
        480 => 18,
        482 | 483 => 25,
        484 => 28,
        485 => 1,
        486 | 600 => 17,
        487 => 16,
        488 | 606 => 65,
        501 => 79,
        502 => 38,
        504 => 102,
        580 => 47,
        604 => 1,
        _ => 31,
    }
}

/// SIP status for a Q.850 cause, RFC 3398 §7.2.4.1; what we answer when only the cause is known.
pub fn status_of_q850(cause: u8) -> u16 {
    match cause {
        1..=3 => 404,
        16 | 31 => 480,
        17 => 486,
        18 => 408,
        19 | 20 => 480,
        21 => 403,
        22 | 23 => 410,
        26 => 404,
        27 | 38 => 502,
        28 => 484,
        29 | 79 => 501,
        34 | 41 | 42 | 47 | 58 => 503,
        55 | 57 | 87 => 403,
        65 | 70 | 88 => 488,
        102 => 504,
        111 | 127 => 500,
        _ => 500,
    }
}
