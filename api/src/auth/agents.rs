//! Agents' sign-in passwords, part of the credential store: argon2 hashes, checked at the same cost for agents that exist and
//! agents that don't.

use std::sync::{Arc, LazyLock};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use dashmap::DashMap;
use sqlx::Row;
use sqlx::sqlite::SqlitePool;
use tandem_core::{TenantId, WorkNumber};
use tokio::sync::Semaphore;

use super::credentials::{CredentialError, CredentialStore};
use super::secret::{self, NoRandomness};
use crate::limits;

pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS agent (
        tenant TEXT NOT NULL, number INTEGER NOT NULL, hash TEXT NOT NULL, must_change INTEGER NOT NULL,
        PRIMARY KEY (tenant, number)) WITHOUT ROWID;";

/// What an unknown agent's password is compared with, so that the answer takes as long.
pub(super) static NOBODY: LazyLock<String> = LazyLock::new(|| hash("nobody has this password").unwrap_or_default());

/// Hashing takes a processor for tens of milliseconds: so many at once, the others wait.
pub(super) static HASHING: Semaphore = Semaphore::const_new(limits::PASSWORD_HASHES_AT_ONCE);

#[derive(Clone)]
struct Known {
    hash: Arc<str>,
    must_change: bool,
}

/// In memory what the table holds.
#[derive(Default)]
pub(super) struct Agents(DashMap<(TenantId, WorkNumber), Known>);

impl Agents {
    pub(super) async fn load(pool: &SqlitePool) -> Result<Self, sqlx::Error> {
        let agents = Agents::default();
        for row in sqlx::query("SELECT tenant, number, hash, must_change FROM agent").fetch_all(pool).await? {
            let (Ok(tenant), Ok(number)) = (TenantId::new(row.get::<&str, _>(0)), WorkNumber::new(row.get::<u32, _>(1))) else { continue };
            agents.0.insert((tenant, number), Known { hash: Arc::from(row.get::<&str, _>(2)), must_change: row.get(3) });
        }
        Ok(agents)
    }

    pub(super) fn forget(&self, tenant: &TenantId) {
        self.0.retain(|(of, _), _| of != tenant);
    }
}

/// How a password was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentCheck {
    /// Wrong, or there is no such agent, or it has none.
    Wrong,
    /// Right.
    Right {
        /// Given by an administrator: the agent should change it.
        must_change: bool,
    },
}

pub(super) fn hash(password: &str) -> Result<String, NoRandomness> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|error| NoRandomness(error.to_string()))?;
    Ok(hash.to_string())
}

pub(super) fn matches(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

impl CredentialStore {
    /// A fresh password for an agent: 16 characters of base 58 are 93 bits; the published interfaces take up to 32.
    pub fn generate_for_agent() -> Result<String, NoRandomness> {
        secret::base58(16)
    }

    /// Checks an agent's sign-in password. Takes as long for an agent that does not exist.
    pub async fn check_agent(&self, tenant: &TenantId, number: WorkNumber, password: &str) -> AgentCheck {
        let known = self.agents.0.get(&(tenant.clone(), number)).map(|entry| entry.clone());
        let password = password.to_owned();
        let Ok(_permit) = HASHING.acquire().await else { return AgentCheck::Wrong };
        let checked = tokio::task::spawn_blocking(move || match known {
            Some(known) if matches(&password, &known.hash) => AgentCheck::Right { must_change: known.must_change },
            Some(_) => AgentCheck::Wrong,
            None => {
                matches(&password, &NOBODY);
                AgentCheck::Wrong
            }
        });
        checked.await.unwrap_or(AgentCheck::Wrong)
    }

    /// Tenants in which an agent of this number has a password, in order.
    pub fn tenants_of_agent(&self, number: WorkNumber) -> Vec<TenantId> {
        let mut tenants: Vec<TenantId> =
            self.agents.0.iter().filter(|entry| entry.key().1 == number).map(|entry| entry.key().0.clone()).collect();
        tenants.sort();
        tenants
    }

    /// Whether an agent has a password.
    pub fn has_agent(&self, tenant: &TenantId, number: WorkNumber) -> bool {
        self.agents.0.contains_key(&(tenant.clone(), number))
    }

    /// Stores agents' passwords, all in one transaction. `must_change` for those that an administrator gave.
    pub async fn set_agents(
        &self,
        tenant: &TenantId,
        passwords: Vec<(WorkNumber, String)>,
        must_change: bool,
    ) -> Result<(), CredentialError> {
        let mut made = Vec::with_capacity(passwords.len());
        for (number, password) in passwords {
            let _permit = HASHING.acquire().await.map_err(|error| NoRandomness(error.to_string()))?;
            let hashed = tokio::task::spawn_blocking(move || hash(&password)).await;
            made.push((number, hashed.map_err(|error| NoRandomness(error.to_string()))??));
        }
        let mut transaction = self.pool.begin().await.map_err(self.failed())?;
        for (number, hash) in &made {
            sqlx::query("INSERT OR REPLACE INTO agent (tenant, number, hash, must_change) VALUES (?1, ?2, ?3, ?4)")
                .bind(tenant.as_str())
                .bind(number.get())
                .bind(hash.as_str())
                .bind(must_change)
                .execute(&mut *transaction)
                .await
                .map_err(self.failed())?;
        }
        transaction.commit().await.map_err(self.failed())?;
        for (number, hash) in made {
            self.agents.0.insert((tenant.clone(), number), Known { hash: Arc::from(hash), must_change });
        }
        Ok(())
    }

    /// Forgets an agent's password.
    pub async fn remove_agent(&self, tenant: &TenantId, number: WorkNumber) -> Result<(), CredentialError> {
        self.agents.0.remove(&(tenant.clone(), number));
        sqlx::query("DELETE FROM agent WHERE tenant = ?1 AND number = ?2")
            .bind(tenant.as_str())
            .bind(number.get())
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
    async fn a_password_survives_a_restart_as_a_hash_and_only_the_right_one_is_right() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("credentials.sqlite");
        let (tenant, other) = (TenantId::new("t").unwrap(), TenantId::new("u").unwrap());
        let (agent, stranger) = (WorkNumber::new(101).unwrap(), WorkNumber::new(102).unwrap());
        let store = CredentialStore::open(&file, "tandem").await.unwrap();
        store.set_agents(&tenant, vec![(agent, "correct horse".into())], true).await.unwrap();
        store.close().await;
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(13).any(|window| window == b"correct horse"), "not in plain");
        }
        let store = CredentialStore::open(&file, "tandem").await.unwrap();
        assert_eq!(store.check_agent(&tenant, agent, "correct horse").await, AgentCheck::Right { must_change: true });
        assert_eq!(store.check_agent(&tenant, agent, "wrong").await, AgentCheck::Wrong);
        assert_eq!(store.check_agent(&tenant, stranger, "correct horse").await, AgentCheck::Wrong);
        assert_eq!(store.check_agent(&other, agent, "correct horse").await, AgentCheck::Wrong, "another tenant's agent");
        assert_eq!(store.tenants_of_agent(agent), std::slice::from_ref(&tenant));
        store.remove_agent(&tenant, agent).await.unwrap();
        assert_eq!(store.check_agent(&tenant, agent, "correct horse").await, AgentCheck::Wrong);
    }
}
