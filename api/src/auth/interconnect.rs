//! Tenants' interconnection passwords: with one, a program configures its tenant through the CC-Gateway interface (auth.md C5).

use sqlx::Row;

use super::agents::{self, HASHING, NOBODY};
use super::credentials::{CredentialError, CredentialStore};
use super::secret::NoRandomness;
use tandem_core::TenantId;

pub(super) const SCHEMA: &str =
    "CREATE TABLE IF NOT EXISTS interconnection (tenant TEXT NOT NULL PRIMARY KEY, hash TEXT NOT NULL) WITHOUT ROWID;";

impl CredentialStore {
    /// Checks a tenant's interconnection password; `None` and tenants without one take as long and are wrong. Asks the database: such
    /// sign-ins are rare.
    pub async fn check_interconnection(&self, tenant: Option<&TenantId>, password: &str) -> Result<bool, CredentialError> {
        let row = sqlx::query("SELECT hash FROM interconnection WHERE tenant = ?1")
            .bind(tenant.map_or("", TenantId::as_str))
            .fetch_optional(&self.pool)
            .await
            .map_err(self.failed())?;
        let stored: Option<String> = row.map(|row| row.get(0));
        let password = password.to_owned();
        let _turn = HASHING.acquire().await.map_err(|error| NoRandomness(error.to_string()))?;
        let checked = tokio::task::spawn_blocking(move || match stored {
            Some(hash) => agents::matches(&password, &hash),
            None => {
                agents::matches(&password, &NOBODY);
                false
            }
        });
        Ok(checked.await.unwrap_or(false))
    }

    /// Stores a tenant's interconnection password.
    pub async fn set_interconnection(&self, tenant: &TenantId, password: &str) -> Result<(), CredentialError> {
        let password = password.to_owned();
        let hash =
            tokio::task::spawn_blocking(move || agents::hash(&password)).await.map_err(|error| NoRandomness(error.to_string()))??;
        sqlx::query("INSERT OR REPLACE INTO interconnection (tenant, hash) VALUES (?1, ?2)")
            .bind(tenant.as_str())
            .bind(hash)
            .execute(&self.pool)
            .await
            .map_err(self.failed())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_tenants_own_password_is_right() {
        let dir = tempfile::tempdir().unwrap();
        let store = CredentialStore::open(&dir.path().join("credentials.sqlite"), "tandem").await.unwrap();
        let (tenant, other) = (TenantId::new("t").unwrap(), TenantId::new("u").unwrap());
        store.set_interconnection(&tenant, "correct horse").await.unwrap();
        assert!(store.check_interconnection(Some(&tenant), "correct horse").await.unwrap());
        for tenant in [Some(&other), None] {
            assert!(!store.check_interconnection(tenant, "correct horse").await.unwrap());
        }
        store.remove_tenant(&tenant).await.unwrap();
        assert!(!store.check_interconnection(Some(&tenant), "correct horse").await.unwrap());
    }
}
