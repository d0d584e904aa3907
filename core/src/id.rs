//! Names of things. Every id is a type of its own, so that a leg can't be passed where a call is meant.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

/// Why a text is not an id or a name. Carries the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 13 characters of Crockford's base 32.
    #[error("`{0}` is not an id: expected 13 characters of 0-9 A-Z without I, L, O, U")]
    NotAnId(String),
    /// A name with a character or a length that is not allowed.
    #[error("`{text}` is not a {what}: expected {rule}")]
    NotAName {
        /// What was to be named.
        what: &'static str,
        /// The rule it broke.
        rule: &'static str,
        /// The offending text.
        text: String,
    },
}

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 64 bits, unique on the node for ever (see [`Ids`]); written as 13 characters of Crockford's base 32, whose
        /// order is the order of creation.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema)]
        pub struct $name(#[schemars(with = "String")] pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0u8; 13];
                for (place, byte) in text.iter_mut().enumerate() {
                    let shift = 60 - 5 * place;
                    *byte = CROCKFORD[((self.0 >> shift) & 31) as usize];
                }
                f.write_str(std::str::from_utf8(&text).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_base32(text).map($name).ok_or_else(|| IdError::NotAnId(text.to_owned()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(input)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

fn parse_base32(text: &str) -> Option<u64> {
    if text.len() != 13 {
        return None;
    }
    let mut value: u64 = 0;
    for (place, byte) in text.bytes().enumerate() {
        let digit = CROCKFORD.iter().position(|c| *c == byte.to_ascii_uppercase())? as u64;
        if place == 0 && digit > 15 {
            return None;
        }
        value = (value << 5) | digit;
    }
    Some(value)
}

number_id! {
    /// One call: the whole story from the first leg to the last.
    CallId
}
number_id! {
    /// One leg: one endpoint's dialog and media.
    LegId
}
number_id! {
    /// One recording of a call.
    RecordingId
}

/// A request that the switch made and waits on (a REGISTER, say). Chosen by the asker, meaningless to the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $max:literal, |$byte:ident| $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema)]
        pub struct $name(#[schemars(with = "String")] SmolStr);

        impl $name {
            #[doc = concat!("Checks and takes a ", $what, ": ", $rule, ".")]
            pub fn new(text: impl AsRef<str>) -> Result<Self, IdError> {
                let text = text.as_ref();
                let fits = !text.is_empty() && text.len() <= $max && text.bytes().all(|$byte| $allowed);
                if fits {
                    Ok($name(SmolStr::new(text)))
                } else {
                    Err(IdError::NotAName { what: $what, rule: $rule, text: text.chars().take(80).collect() })
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0.as_str())
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(input)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name! {
    /// A tenant: one virtual contact centre.
    TenantId, "tenant", "1 to 32 characters of a-z, 0-9 and `-`", 32,
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
}
name! {
    /// The user part of a phone's address of record, which is also its digest user name.
    UserName, "user name", "1 to 64 characters of A-Z, a-z, 0-9 and `-_.+`", 64,
    |b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b)
}
name! {
    /// A trunk's name within its tenant.
    TrunkName, "trunk name", "1 to 64 characters of A-Z, a-z, 0-9 and `-_.`", 64,
    |b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)
}
name! {
    /// A number as it is dialled or shown: digits, `+`, `*`, `#`, or a SIP user part.
    Number, "number", "1 to 64 characters of A-Z, a-z, 0-9 and `+*#-_.`", 64,
    |b| b.is_ascii_alphanumeric() || b"+*#-_.".contains(&b)
}

/// Makes ids that never repeat on this node: 30 bits of seconds since 2024 (until 2058), 6 bits of source, 28 bits of counter.
///
/// Each shard and each signalling worker has a source number of its own, so none needs to ask another. When a counter
/// is used up, the seconds move on by one. A node starts with a base that lies after every id in its log.
#[derive(Debug, Clone)]
pub struct Ids {
    next: u64,
}

impl Ids {
    /// Seconds between 1970 and 2024-01-01, the origin of the seconds in an id.
    pub const ORIGIN: u64 = 1_704_067_200;
    /// Sources 0 to 31 are shards, 32 to 63 signalling workers.
    pub const SOURCES: u8 = 64;

    /// Ids from `source` (below [`Ids::SOURCES`]) that start at `base` seconds after [`Ids::ORIGIN`].
    pub fn new(base: u32, source: u8) -> Self {
        let base = u64::from(base) & ((1 << 30) - 1);
        let source = u64::from(source % Self::SOURCES);
        Ids { next: (base << 34) | (source << 28) }
    }

    fn next(&mut self) -> u64 {
        let id = self.next;
        let counter = (id + 1) & ((1 << 28) - 1);
        self.next = if counter == 0 {
            // The source stays, the second moves on.
            (((id >> 34) + 1) << 34) | (id & (63 << 28))
        } else {
            id + 1
        };
        id
    }

    /// A new call's id.
    pub fn call(&mut self) -> CallId {
        CallId(self.next())
    }

    /// A new leg's id.
    pub fn leg(&mut self) -> LegId {
        LegId(self.next())
    }

    /// A new recording's id.
    pub fn recording(&mut self) -> RecordingId {
        RecordingId(self.next())
    }

    /// The base that an id was made from: a node restarts with a larger one.
    pub fn base_of(id: u64) -> u32 {
        (id >> 34) as u32
    }

    /// The source that made an id.
    pub fn source_of(id: u64) -> u8 {
        ((id >> 28) & 63) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        for raw in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            assert_eq!(CallId(raw).to_string().parse::<CallId>().unwrap(), CallId(raw));
        }
        assert!("short".parse::<LegId>().is_err());
        assert!("ZZZZZZZZZZZZZ".parse::<LegId>().is_err(), "more than 64 bits");
    }

    #[test]
    fn ids_keep_their_source_when_the_counter_is_used_up() {
        let mut ids = Ids { next: (7 << 34) | (5 << 28) | ((1 << 28) - 1) };
        let last = ids.leg();
        let first = ids.leg();
        assert_eq!((Ids::base_of(last.0), Ids::source_of(last.0)), (7, 5));
        assert_eq!((Ids::base_of(first.0), Ids::source_of(first.0)), (8, 5));
        assert!(first > last);
    }

    #[test]
    fn a_bad_name_is_refused_with_its_rule() {
        let error = TenantId::new("Demo Shop").unwrap_err().to_string();
        assert!(error.contains("Demo Shop") && error.contains("a-z"), "{error}");
    }
}
