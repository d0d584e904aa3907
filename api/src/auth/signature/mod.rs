//! Scheme C2 (`auth-v2`): requests to the statistics, campaign and file interfaces are signed with a tenant's AK and SK, and
//! so are the callbacks that we send.
//!
//! ```text
//! Authorization: auth-v2/{AK}/{timestamp}/{signedHeaders}/{signature}
//! signature = HMACHEX(HMACHEX(SK, prefix), canonical request)          prefix = all before the last `/`
//! ```
//!
//! The whole raw body is part of what is signed, so a request is verified over the bytes received, before anything parses
//! them. Reference: auth.md, "C2". Where it is silent we chose: a window of 15 minutes each way and no nonce; a signed header
//! that comes twice is refused, because two readers could take different ones; a `+` in a query is a space, as servlets
//! read it; 401 and 403 have the body that is documented for CC-FS everywhere.
//!
//! | file | subject |
//! |---|---|
//! | `canonical` | the text that is signed, from a request |
//! | `claim` | the header's parts, its time |
//! | `keys` | AK and SK of tenants, in the credential store |
//! | `lock` | sources that fail too often |
//! | `gate` | a request in, a tenant or a refusal out |

mod canonical;
mod claim;
mod gate;
mod keys;
mod lock;

#[cfg(test)]
mod tests;

use hmac::{Hmac, Mac};
use sha2::Sha256;
use tandem_core::Timestamp;

pub use canonical::{EmptyQuery, Signed, canonical};
pub use claim::{Claim, SignatureError};
pub use gate::{Refusal, SignatureGate, Verified, verify};
pub(in crate::auth) use keys::SCHEMA;
pub use keys::{AccessKey, KeyError, KeyRecord, Keys};
pub use lock::SourceLock;

use super::secret::hex;

/// HMAC-SHA256 in lower-case hexadecimal: the form in which the scheme uses even its inner key.
fn hmac_hex(key: &[u8], text: &[u8]) -> String {
    // HMAC takes keys of any length, so this can't fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(text);
    hex(&mac.finalize().into_bytes())
}

/// The signature of a canonical request under a prefix.
pub fn signature(sk: &str, prefix: &str, canonical: &str) -> String {
    let key = hmac_hex(sk.as_bytes(), prefix.as_bytes());
    hmac_hex(key.as_bytes(), canonical.as_bytes())
}

/// The `Authorization` header for a request that we send, with all headers of `request` signed: `host` at least.
pub fn sign(key: &AccessKey, now: Timestamp, request: &Signed<'_>) -> Result<String, SignatureError> {
    let mut names: Vec<String> = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    let names = names.join(";");
    let prefix = format!("{}/{}/{}/{names}", claim::SCHEME, key.ak, claim::whole_seconds(now));
    let text = canonical(request, &names, EmptyQuery::NoLine)?;
    Ok(format!("{prefix}/{}", signature(&key.sk, &prefix, &text)))
}
