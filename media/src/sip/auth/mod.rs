//! Digest authentication (RFC 7616, RFC 8760), both sides.
//!
//! Passwords are needed on neither side: everything is computed from HA1, the hash of user, realm and password. Values with
//! a secret in them print as nothing.

mod client;
mod hash;
mod nonce;
mod params;
mod server;
#[cfg(test)]
mod tests;

pub use client::{ClientError, DigestClient};
pub use hash::{Algorithm, Ha1, ha1};
pub use server::{Credentials, DigestServer, FirstChallenge, ServerConfig, Verdict};
