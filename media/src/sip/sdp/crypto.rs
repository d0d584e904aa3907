//! Keys in session descriptions: `a=crypto` (RFC 4568).

use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine};
use tandem_core::SrtpPolicy;

use crate::srtp::{MasterKey, Suite};

/// Some phones leave the padding out.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// One `a=crypto` line. Its key is not printed, except into a session description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crypto {
    /// Names the line in the answer.
    pub tag: u32,
    /// The key of whoever wrote it, for what he sends.
    pub key: MasterKey,
}

impl Crypto {
    /// Reads a line that we can use: a suite that we know, one key without an MKI, no parameter that changes what packets look
    /// like. The key's lifetime is not looked at: ours end with the call, long before.
    pub(super) fn parse(value: &str) -> Option<Crypto> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next().filter(|tag| (1..=9).contains(&tag.len()))?.parse().ok()?;
        let suite = Suite::by_name(words.next()?)?;
        let (method, info) = words.next()?.split_once(':')?;
        // With `;` there are several keys to choose from by MKI (§6.1), which we don't speak.
        if !method.eq_ignore_ascii_case("inline") || info.contains(';') {
            return None;
        }
        let mut parts = info.split('|');
        let key = BASE64.decode(parts.next()?).ok()?;
        if parts.any(|part| part.contains(':')) {
            return None;
        }
        // §6.3.7: what begins with `-` may be passed over; a hint for the replay window, too.
        let harmless = |word: &str| word.starts_with('-') || word.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("WSH="));
        if !words.all(harmless) {
            return None;
        }
        Some(Crypto { tag, key: MasterKey::new(suite, &key).ok()? })
    }

    /// The line's value.
    pub(super) fn render(&self) -> String {
        format!("{} {} inline:{}", self.tag, self.key.suite().name(), BASE64.encode(self.key.key_and_salt()))
    }
}

/// What a leg wants of encryption, and the keys it sends with: one of each suite, the same for the whole leg.
#[derive(Debug, Clone, Default)]
pub struct Security {
    policy: SrtpPolicy,
    keys: Vec<MasterKey>,
}

impl Security {
    /// With new keys, if there is use for any.
    pub fn new(policy: SrtpPolicy, random: &mut impl rand::CryptoRng) -> Security {
        let suites = if policy.is_off() { &[][..] } else { &Suite::ALL[..] };
        Security { policy, keys: suites.iter().map(|suite| MasterKey::generate(*suite, random)).collect() }
    }

    pub(super) fn policy(&self) -> SrtpPolicy {
        self.policy
    }

    /// Our key of this suite.
    pub(super) fn key(&self, suite: Suite) -> Option<&MasterKey> {
        self.keys.iter().find(|key| key.suite() == suite)
    }

    /// The lines of an offer.
    pub(super) fn offer(&self) -> Vec<Crypto> {
        (1..).zip(&self.keys).map(|(tag, key)| Crypto { tag, key: key.clone() }).collect()
    }
}
