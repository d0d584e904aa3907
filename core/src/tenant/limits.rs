//! Every bound of a tenant's state, with its unit and its reason.

use std::time::Duration;

/// How long we wait for a released leg to confirm. RFC 3261 timers B, F and H give up after 64*T1 = 32 s; the rest is
/// slack, so that the switch's own answer comes first whenever there is one.
pub const RELEASE_GUARD: Duration = Duration::from_secs(40);

/// Seconds a called party may ring, at least and at most: RFC 3261 timer C is at least 180 s, ten minutes is patience enough.
pub const RING_TIMEOUT_S: std::ops::RangeInclusive<u32> = 1..=600;

/// Contacts a phone may have: each rings at once when it is called.
pub const MAX_CONTACTS: u8 = 20;

/// Contacts in one REGISTER; a phone has no reason to name more than it may have.
pub const CONTACTS_PER_REGISTER: usize = MAX_CONTACTS as usize;

/// Bytes of a contact URI: it is a key of the state and is copied into every INVITE.
pub const CONTACT_BYTES: usize = 1024;

/// Entries of a Path vector (RFC 3327): proxies between a phone and us.
pub const PATH_ENTRIES: usize = 10;

/// Parties that hear each other: a mixer's work grows with each.
pub const PARTIES: usize = 32;

/// Refused calls that may wait for their last message beyond the tenant's own limit: above it an offer is turned away
/// without an event, so that a flood costs neither memory nor disk.
pub const REFUSED_CALLS: usize = 1000;

/// Phones of a tenant.
pub const PHONES: usize = 100_000;

/// Trunks of a tenant: all are looked at for each call that goes out.
pub const TRUNKS: usize = 200;

/// Access numbers of a tenant.
pub const NUMBERS: usize = 100_000;

/// Hz of a tone that a narrow-band telephone carries.
pub const SINE_HZ: std::ops::RangeInclusive<u16> = 20..=3400;
