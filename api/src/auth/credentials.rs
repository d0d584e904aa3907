//! Passwords of phones and trunks, and tenants' access keys: in a SQLite file of their own (0600), and in memory for the signalling thread.
//!
//! A phone's password is kept only as its digest HA1 (RFC 7616 §3.4.2), so the file never holds it in plain. A trunk's
//! password has to be kept as it is: the carrier chooses the realm. Nothing in here is ever part of an event or a log line.

use std::path::Path;
use std::sync::Arc;

use dashmap::DashMap;
use md5::Md5;
use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Executor, Row};
use tandem_core::{TenantId, TrunkName, UserName};
use tandem_media::sip::auth::{Algorithm, Credentials, Ha1};

use super::agents::Agents;
use super::secret::{self, NoRandomness};
use super::signature::Keys;

/// Length of a generated password: 24 characters of base 58 are 140 bits.
const PASSWORD_LENGTH: usize = 24;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS phone (
        tenant TEXT NOT NULL, user TEXT NOT NULL, realm TEXT NOT NULL, md5 BLOB NOT NULL, sha256 BLOB NOT NULL,
        PRIMARY KEY (tenant, user)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS trunk (
        tenant TEXT NOT NULL, name TEXT NOT NULL, password TEXT NOT NULL, PRIMARY KEY (tenant, name)) WITHOUT ROWID;";

/// Why credentials can't be had.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file can't be opened, read or written.
    #[error("credential store {file}: {source}")]
    Store {
        /// The file.
        file: String,
        /// What the database said.
        source: sqlx::Error,
    },
    /// No random numbers.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The file can't be made.
    #[error("credential store {file}: {source}")]
    File {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A phone's digest secrets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PhoneCredential {
    /// MD5(user:realm:password).
    pub md5: [u8; 16],
    /// SHA-256(user:realm:password).
    pub sha256: [u8; 32],
}

impl PhoneCredential {
    /// From a password in plain.
    pub fn new(user: &str, realm: &str, password: &str) -> Self {
        let text = format!("{user}:{realm}:{password}");
        PhoneCredential { md5: Md5::digest(text.as_bytes()).into(), sha256: Sha256::digest(text.as_bytes()).into() }
    }
}

impl std::fmt::Debug for PhoneCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PhoneCredential")
    }
}

/// The store: SQL behind, a concurrent map in front. Reading never waits for the database.
pub struct CredentialStore {
    pub(super) pool: SqlitePool,
    file: String,
    realm: String,
    phones: DashMap<(TenantId, UserName), PhoneCredential>,
    trunks: DashMap<(TenantId, TrunkName), Arc<str>>,
    pub(super) keys: Keys,
    pub(super) agents: Agents,
    stale: usize,
}

impl std::fmt::Debug for CredentialStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CredentialStore({})", self.file)
    }
}

impl CredentialStore {
    /// Opens or makes the file and reads it into memory.
    pub async fn open(file: &Path, realm: &str) -> Result<CredentialStore, CredentialError> {
        let name = file.display().to_string();
        if !file.exists() {
            // Made here first, so that no other permissions ever hold; SQLite gives its journal the same ones.
            secret::write_private(file, "").map_err(|source| CredentialError::File { file: name.clone(), source })?;
        }
        let failed = |source| CredentialError::Store { file: name.clone(), source };
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.map_err(failed)?;
        pool.execute(SCHEMA).await.map_err(failed)?;
        pool.execute(super::signature::SCHEMA).await.map_err(failed)?;
        pool.execute(super::agents::SCHEMA).await.map_err(failed)?;
        pool.execute(super::interconnect::SCHEMA).await.map_err(failed)?;

        let (phones, trunks) = (DashMap::new(), DashMap::new());
        let mut stale = 0;
        for row in sqlx::query("SELECT tenant, user, realm, md5, sha256 FROM phone").fetch_all(&pool).await.map_err(failed)? {
            let (tenant, user): (String, String) = (row.get(0), row.get(1));
            let (Ok(tenant), Ok(user)) = (TenantId::new(tenant), UserName::new(user)) else { continue };
            if row.get::<&str, _>(2) != realm {
                stale += 1;
                continue;
            }
            let (Ok(md5), Ok(sha256)) = (row.get::<&[u8], _>(3).try_into(), row.get::<&[u8], _>(4).try_into()) else { continue };
            phones.insert((tenant, user), PhoneCredential { md5, sha256 });
        }
        for row in sqlx::query("SELECT tenant, name, password FROM trunk").fetch_all(&pool).await.map_err(failed)? {
            let (tenant, trunk): (String, String) = (row.get(0), row.get(1));
            let (Ok(tenant), Ok(trunk)) = (TenantId::new(tenant), TrunkName::new(trunk)) else { continue };
            trunks.insert((tenant, trunk), Arc::from(row.get::<&str, _>(2)));
        }
        if stale > 0 {
            tracing::warn!(stale, realm, "phones whose password was set under another digest realm can't register until it is set anew");
        }
        let keys = Keys::load(&pool).await.map_err(failed)?;
        let agents = Agents::load(&pool).await.map_err(failed)?;
        Ok(CredentialStore { pool, file: name, realm: realm.to_owned(), phones, trunks, keys, agents, stale })
    }

    pub(super) fn failed(&self) -> impl Fn(sqlx::Error) -> CredentialError {
        let file = self.file.clone();
        move |source| CredentialError::Store { file: file.clone(), source }
    }

    /// The digest realm that the hashes are made over.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Phones whose hash is over another realm, counted at the start.
    pub fn stale(&self) -> usize {
        self.stale
    }

    /// A fresh password.
    pub fn generate() -> Result<String, NoRandomness> {
        secret::base58(PASSWORD_LENGTH)
    }

    /// A phone's secrets, for the digest check.
    pub fn phone(&self, tenant: &TenantId, user: &UserName) -> Option<PhoneCredential> {
        self.phones.get(&(tenant.clone(), user.clone())).map(|entry| *entry)
    }

    /// A trunk's password at its carrier.
    pub fn trunk(&self, tenant: &TenantId, name: &TrunkName) -> Option<Arc<str>> {
        self.trunks.get(&(tenant.clone(), name.clone())).map(|entry| entry.clone())
    }

    /// Stores phones' passwords, all in one transaction.
    pub async fn set_phones(&self, tenant: &TenantId, passwords: &[(UserName, String)]) -> Result<(), CredentialError> {
        if passwords.is_empty() {
            return Ok(());
        }
        let made: Vec<_> =
            passwords.iter().map(|(user, password)| (user.clone(), PhoneCredential::new(user.as_str(), &self.realm, password))).collect();
        let mut transaction = self.pool.begin().await.map_err(self.failed())?;
        for (user, credential) in &made {
            sqlx::query("INSERT OR REPLACE INTO phone (tenant, user, realm, md5, sha256) VALUES (?1, ?2, ?3, ?4, ?5)")
                .bind(tenant.as_str())
                .bind(user.as_str())
                .bind(self.realm.as_str())
                .bind(&credential.md5[..])
                .bind(&credential.sha256[..])
                .execute(&mut *transaction)
                .await
                .map_err(self.failed())?;
        }
        transaction.commit().await.map_err(self.failed())?;
        for (user, credential) in made {
            self.phones.insert((tenant.clone(), user), credential);
        }
        Ok(())
    }

    /// Stores one phone's password.
    pub async fn set_phone(&self, tenant: &TenantId, user: &UserName, password: &str) -> Result<(), CredentialError> {
        self.set_phones(tenant, &[(user.clone(), password.to_owned())]).await
    }

    /// Forgets a phone's password.
    pub async fn remove_phone(&self, tenant: &TenantId, user: &UserName) -> Result<(), CredentialError> {
        self.phones.remove(&(tenant.clone(), user.clone()));
        sqlx::query("DELETE FROM phone WHERE tenant = ?1 AND user = ?2")
            .bind(tenant.as_str())
            .bind(user.as_str())
            .execute(&self.pool)
            .await
            .map_err(self.failed())?;
        Ok(())
    }

    /// Stores a trunk's password.
    pub async fn set_trunk(&self, tenant: &TenantId, name: &TrunkName, password: &str) -> Result<(), CredentialError> {
        sqlx::query("INSERT OR REPLACE INTO trunk (tenant, name, password) VALUES (?1, ?2, ?3)")
            .bind(tenant.as_str())
            .bind(name.as_str())
            .bind(password)
            .execute(&self.pool)
            .await
            .map_err(self.failed())?;
        self.trunks.insert((tenant.clone(), name.clone()), Arc::from(password));
        Ok(())
    }

    /// Forgets a trunk's password.
    pub async fn remove_trunk(&self, tenant: &TenantId, name: &TrunkName) -> Result<(), CredentialError> {
        self.trunks.remove(&(tenant.clone(), name.clone()));
        sqlx::query("DELETE FROM trunk WHERE tenant = ?1 AND name = ?2")
            .bind(tenant.as_str())
            .bind(name.as_str())
            .execute(&self.pool)
            .await
            .map_err(self.failed())?;
        Ok(())
    }

    /// Forgets everything of a tenant.
    pub async fn remove_tenant(&self, tenant: &TenantId) -> Result<(), CredentialError> {
        self.phones.retain(|(of, _), _| of != tenant);
        self.trunks.retain(|(of, _), _| of != tenant);
        self.keys.forget(tenant);
        self.agents.forget(tenant);
        for sql in [
            "DELETE FROM phone WHERE tenant = ?1",
            "DELETE FROM trunk WHERE tenant = ?1",
            "DELETE FROM access_key WHERE tenant = ?1",
            "DELETE FROM agent WHERE tenant = ?1",
            "DELETE FROM interconnection WHERE tenant = ?1",
        ] {
            sqlx::query(sql).bind(tenant.as_str()).execute(&self.pool).await.map_err(self.failed())?;
        }
        Ok(())
    }

    /// Whether the database answers.
    pub async fn ready(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.pool).await.is_ok()
    }

    /// Closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl Credentials for CredentialStore {
    fn ha1(&self, tenant: &TenantId, user: &str, algorithm: Algorithm) -> Option<Ha1> {
        let credential = self.phone(tenant, &UserName::new(user).ok()?)?;
        let bytes: &[u8] = match algorithm {
            Algorithm::Md5 => &credential.md5,
            Algorithm::Sha256 => &credential.sha256,
        };
        Ha1::from_hex(algorithm, &secret::hex(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn passwords_survive_a_restart_and_the_file_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("credentials.sqlite");
        let (tenant, user, trunk) = (TenantId::new("t").unwrap(), UserName::new("1001").unwrap(), TrunkName::new("c").unwrap());
        let store = CredentialStore::open(&file, "tandem").await.unwrap();
        store.set_phone(&tenant, &user, "correct horse").await.unwrap();
        store.set_trunk(&tenant, &trunk, "carrier secret").await.unwrap();
        store.close().await;
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.path());
            let bytes = std::fs::read(entry.path()).unwrap();
            assert!(!bytes.windows(13).any(|w| w == b"correct horse"), "no phone password in plain");
        }
        let store = CredentialStore::open(&file, "tandem").await.unwrap();
        assert_eq!(store.phone(&tenant, &user), Some(PhoneCredential::new("1001", "tandem", "correct horse")));
        assert_eq!(store.trunk(&tenant, &trunk).as_deref(), Some("carrier secret"));
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            let expected = tandem_media::sip::auth::ha1("1001", "tandem", "correct horse", algorithm);
            assert!(store.ha1(&tenant, "1001", algorithm) == Some(expected), "{algorithm:?} as signalling makes it");
        }
        store.remove_tenant(&tenant).await.unwrap();
        assert!(store.phone(&tenant, &user).is_none() && store.trunk(&tenant, &trunk).is_none());
    }

    #[tokio::test]
    async fn another_realm_voids_phone_passwords_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("credentials.sqlite");
        let (tenant, user) = (TenantId::new("t").unwrap(), UserName::new("1001").unwrap());
        let store = CredentialStore::open(&file, "one").await.unwrap();
        store.set_phone(&tenant, &user, "correct horse").await.unwrap();
        store.close().await;
        let store = CredentialStore::open(&file, "two").await.unwrap();
        assert!(store.phone(&tenant, &user).is_none());
        assert_eq!(store.stale(), 1);
    }

    #[test]
    fn ha1_is_rfc_2617s() {
        // RFC 2617 §3.5: Mufasa, testrealm@host.com, Circle Of Life.
        let credential = PhoneCredential::new("Mufasa", "testrealm@host.com", "Circle Of Life");
        assert_eq!(secret::hex(&credential.md5), "939e7578ed9e3c518a452acee763bce9");
        assert_eq!(format!("{credential:?}"), "PhoneCredential");
    }
}
