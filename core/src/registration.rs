//! Where a phone can be reached.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::call::Flow;
use crate::time::Timestamp;

/// One contact of a phone (RFC 3261 §10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Binding {
    /// Contact URI as the phone wrote it; the key of the binding (RFC 3261 §10.2.4).
    pub contact: String,
    /// The path the REGISTER came by: requests go back along it (NAT, RFC 3581; streams, RFC 5626 in spirit).
    pub flow: Flow,
    /// When it ends unless refreshed.
    pub expires: Timestamp,
    /// Preference, 0 to 1000 (q-value in thousandths).
    pub q: u16,
    /// Call-ID of the last REGISTER for it.
    pub call_id: String,
    /// CSeq of the last REGISTER for it.
    pub cseq: u32,
    /// `+sip.instance` (RFC 5626), if given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Path vector (RFC 3327), in the order of use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    /// User-Agent, if given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub user_agent: Option<SmolStr>,
}

/// What a REGISTER wants of one contact. The switch has already applied the expiry limits of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactUpdate {
    /// Contact URI.
    pub contact: String,
    /// Zero removes the contact.
    pub expires: Duration,
    /// Preference, 0 to 1000.
    pub q: u16,
    /// `+sip.instance`, if given.
    pub instance: Option<String>,
}

/// What a REGISTER says (RFC 3261 §10.3), after authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterRequest {
    /// Contacts to add, refresh or remove; empty only asks for the list.
    pub contacts: Vec<ContactUpdate>,
    /// `Contact: *` with `Expires: 0`: remove all.
    pub remove_all: bool,
    /// Call-ID.
    pub call_id: String,
    /// CSeq number.
    pub cseq: u32,
    /// Path vector.
    pub path: Vec<String>,
    /// The path the request came by.
    pub flow: Flow,
    /// User-Agent.
    pub user_agent: Option<SmolStr>,
}

/// Why bindings ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BindingEnd {
    /// The phone said so.
    Unregistered,
    /// Nobody refreshed it in time.
    Expired,
    /// A newer contact of the same instance, or one contact too many, took its place.
    Replaced,
    /// The phone was removed from the configuration.
    PhoneRemoved,
    /// Its connection was closed.
    ConnectionLost,
}
