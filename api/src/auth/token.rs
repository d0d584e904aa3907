//! The admin token: 256 random bits, made at first start, kept as an argon2 hash.

use std::io;
use std::sync::{Arc, OnceLock};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::secret::{self, NoRandomness};
use crate::config::Config;
use crate::limits;

/// Why there is no admin token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A file can't be read or written.
    #[error("admin token file {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// No random numbers.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// Argon2 refused.
    #[error("argon2: {0}")]
    Hash(String),
}

/// Checks the admin token. Argon2 runs once per start: the first right token leaves its SHA-256 in memory, and from then on
/// that decides, for right and wrong ones alike.
pub struct AdminToken {
    hash: String,
    known: OnceLock<[u8; 32]>,
    /// Argon2 takes 19 MiB and tens of milliseconds: one at a time, off the async threads.
    turns: Semaphore,
}

impl std::fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminToken")
    }
}

impl AdminToken {
    /// Takes the stored hash, or makes a token at first start and returns it in plain once.
    pub fn open(config: &Config) -> Result<(AdminToken, Option<String>), TokenError> {
        let path = config.token_hash_file();
        let failed = |path: &std::path::Path| {
            let path = path.display().to_string();
            move |source| TokenError::File { path, source }
        };
        match std::fs::read_to_string(&path) {
            Ok(hash) => {
                let hash = hash.trim().to_owned();
                PasswordHash::new(&hash).map_err(|error| TokenError::Hash(format!("{}: {error}", path.display())))?;
                Ok((AdminToken::stored(hash), None))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let token = format!("tdm_{}", secret::base58(43)?);
                let hash = hash(&token)?;
                if config.http.token_file {
                    let plain = config.token_file();
                    secret::write_private(&plain, &format!("{token}\n")).map_err(failed(&plain))?;
                }
                secret::write_private(&path, &format!("{hash}\n")).map_err(failed(&path))?;
                let stored = AdminToken::stored(hash);
                let _ = stored.known.set(secret::fingerprint(&token));
                Ok((stored, Some(token)))
            }
            Err(source) => Err(failed(&path)(source)),
        }
    }

    fn stored(hash: String) -> AdminToken {
        AdminToken { hash, known: OnceLock::new(), turns: Semaphore::new(1) }
    }

    /// Whether this is the token.
    pub async fn check(self: &Arc<Self>, token: &str) -> bool {
        if token.is_empty() || token.len() > limits::TOKEN_BYTES {
            return false;
        }
        let print = secret::fingerprint(token);
        if let Some(known) = self.known.get() {
            return known.ct_eq(&print).into();
        }
        let Ok(_turn) = self.turns.acquire().await else { return false };
        if let Some(known) = self.known.get() {
            return known.ct_eq(&print).into();
        }
        let (this, token) = (self.clone(), token.to_owned());
        let right = tokio::task::spawn_blocking(move || {
            PasswordHash::new(&this.hash).is_ok_and(|hash| Argon2::default().verify_password(token.as_bytes(), &hash).is_ok())
        })
        .await
        .unwrap_or(false);
        if right {
            let _ = self.known.set(print);
        }
        right
    }
}

fn hash(token: &str) -> Result<String, TokenError> {
    Ok(Argon2::default().hash_password(token.as_bytes()).map_err(|error| TokenError::Hash(error.to_string()))?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(dir: &tempfile::TempDir) -> Config {
        let mut config = Config::default();
        config.node.data_dir = dir.path().to_owned();
        config
    }

    #[tokio::test]
    async fn a_token_is_made_once_and_checked_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let (first, token) = AdminToken::open(&config(&dir)).unwrap();
        let token = token.expect("the first start makes one");
        assert!(Arc::new(first).check(&token).await);
        let (again, none) = AdminToken::open(&config(&dir)).unwrap();
        assert!(none.is_none());
        let again = Arc::new(again);
        assert!(!again.check("tdm_wrong").await);
        assert!(again.check(&token).await);
        assert!(!again.check("tdm_wrong").await, "also from the memory of the first check");
        let stored = std::fs::read_to_string(dir.path().join("admin-token.argon2")).unwrap();
        assert!(stored.starts_with("$argon2id$") && !stored.contains(&token));
    }
}
