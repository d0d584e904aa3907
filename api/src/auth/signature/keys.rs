//! AK and SK of tenants. An SK has to be kept as it is, because HMAC needs it: in the credential store, which only its owner
//! can read, like trunks' passwords.

use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqlitePool;
use tandem_core::{TenantId, Timestamp};
use utoipa::ToSchema;

use crate::auth::secret::{self, NoRandomness};
use crate::auth::{CredentialError, CredentialStore};
use crate::limits;

/// The table.
pub(in crate::auth) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS access_key (
        ak TEXT PRIMARY KEY, tenant TEXT NOT NULL, sk TEXT NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;";

/// A pair. Printed only where it is shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Identifies the developer account.
    pub ak: String,
    /// The secret.
    pub sk: String,
}

impl std::fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccessKey({})", self.ak)
    }
}

/// A pair as it is listed: without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyRecord {
    /// The AK.
    pub ak: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
}

/// Why a pair can't be made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] CredentialError),
    /// No random numbers.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The AK is taken, perhaps by another tenant.
    #[error("the AK `{0}` is taken")]
    Taken(String),
    /// Not an AK or SK that can work.
    #[error("`{value}` is not an {what}: expected {rule}")]
    Invalid {
        /// `AK` or `SK`.
        what: &'static str,
        /// The AK; an SK is not repeated.
        value: String,
        /// The rule.
        rule: &'static str,
    },
    /// The tenant has as many as one may have.
    #[error("tenant `{tenant}` has {limit} access keys, the most there may be")]
    TooMany {
        /// Whose.
        tenant: TenantId,
        /// How many.
        limit: usize,
    },
}

struct Held {
    tenant: TenantId,
    sk: Arc<str>,
    created: Timestamp,
}

/// All pairs, in memory.
#[derive(Default)]
pub struct Keys(DashMap<String, Held>);

impl Keys {
    /// Reads the table.
    pub(in crate::auth) async fn load(pool: &SqlitePool) -> Result<Keys, sqlx::Error> {
        let keys = DashMap::new();
        for row in sqlx::query("SELECT ak, tenant, sk, created FROM access_key").fetch_all(pool).await? {
            let Ok(tenant) = TenantId::new(row.get::<&str, _>(1)) else { continue };
            let held = Held { tenant, sk: Arc::from(row.get::<&str, _>(2)), created: Timestamp::from_micros(row.get(3)) };
            keys.insert(row.get(0), held);
        }
        Ok(Keys(keys))
    }

    /// Forgets a tenant's.
    pub(in crate::auth) fn forget(&self, tenant: &TenantId) {
        self.0.retain(|_, held| held.tenant != *tenant);
    }
}

impl CredentialStore {
    /// Whose AK this is, and its SK.
    pub fn access_key(&self, ak: &str) -> Option<(TenantId, Arc<str>)> {
        self.keys.0.get(ak).map(|held| (held.tenant.clone(), Arc::clone(&held.sk)))
    }

    /// A tenant's pairs without their secrets, the oldest first.
    pub fn access_keys(&self, tenant: &TenantId) -> Vec<KeyRecord> {
        let own = self.keys.0.iter().filter(|entry| entry.tenant == *tenant);
        let mut list: Vec<KeyRecord> = own.map(|entry| KeyRecord { ak: entry.key().clone(), created: entry.created }).collect();
        list.sort_by(|a, b| (a.created, &a.ak).cmp(&(b.created, &b.ak)));
        list
    }

    /// Makes a pair for a tenant. The secret is shown here and never again.
    pub async fn create_access_key(&self, tenant: &TenantId, now: Timestamp) -> Result<AccessKey, KeyError> {
        let ak = format!("AK{}", secret::base58(limits::AK_RANDOM)?);
        let key = AccessKey { ak, sk: secret::base58(limits::SK_RANDOM)? };
        self.add_access_key(tenant, &key, now).await?;
        Ok(key)
    }

    /// Takes a pair that a client already has, from the platform it moves away from.
    pub async fn add_access_key(&self, tenant: &TenantId, key: &AccessKey, now: Timestamp) -> Result<(), KeyError> {
        let word =
            |text: &str, range: std::ops::RangeInclusive<usize>| range.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if !word(&key.ak, 1..=limits::AK_BYTES) || key.ak.contains('/') {
            let rule = "1 to 64 printable ASCII characters without `/` and spaces";
            return Err(KeyError::Invalid { what: "AK", value: key.ak.chars().take(80).collect(), rule });
        }
        if !word(&key.sk, limits::SK_BYTES) {
            return Err(KeyError::Invalid {
                what: "SK",
                value: "…".to_owned(),
                rule: "16 to 128 printable ASCII characters without spaces",
            });
        }
        if self.access_keys(tenant).len() >= limits::ACCESS_KEYS {
            return Err(KeyError::TooMany { tenant: tenant.clone(), limit: limits::ACCESS_KEYS });
        }
        // The database decides who was first.
        let sql = "INSERT INTO access_key (ak, tenant, sk, created) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (ak) DO NOTHING";
        let query = sqlx::query(sql).bind(&key.ak).bind(tenant.as_str()).bind(&key.sk).bind(now.as_micros());
        let done = query.execute(&self.pool).await.map_err(self.failed())?;
        if done.rows_affected() == 0 {
            return Err(KeyError::Taken(key.ak.clone()));
        }
        self.keys.0.insert(key.ak.clone(), Held { tenant: tenant.clone(), sk: Arc::from(key.sk.as_str()), created: now });
        Ok(())
    }

    /// Removes a tenant's pair; `false` if the tenant has no such one. Signatures with it fail from now on.
    pub async fn remove_access_key(&self, tenant: &TenantId, ak: &str) -> Result<bool, CredentialError> {
        match self.keys.0.entry(ak.to_owned()) {
            Entry::Occupied(held) if held.get().tenant == *tenant => drop(held.remove()),
            _ => return Ok(false),
        }
        let query = sqlx::query("DELETE FROM access_key WHERE ak = ?1 AND tenant = ?2").bind(ak).bind(tenant.as_str());
        query.execute(&self.pool).await.map_err(self.failed())?;
        Ok(true)
    }
}
