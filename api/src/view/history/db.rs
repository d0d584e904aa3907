//! The database: SQLite in the data folder, or PostgreSQL by configuration, through the same code.
//!
//! What differs is in this file and in `tables`: how a connection is made, how a row becomes JSON and how JSON becomes rows. A
//! query gives one JSON object per row, a write takes a JSON array of rows: one statement per table and batch on both.

use std::str::FromStr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Row};

/// Readers at once: pages and statistics are short queries, and SQLite's run on threads of their own.
const READERS: u32 = 4;
/// Longest wait for a connection, so that a database that is gone is an answer and not a hanging request.
const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// Which SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// A value in a query's place `$1`, `$2`, …
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Param {
    Int(i64),
    Text(String),
}

impl From<i64> for Param {
    fn from(value: i64) -> Param {
        Param::Int(value)
    }
}

impl From<&str> for Param {
    fn from(value: &str) -> Param {
        Param::Text(value.to_owned())
    }
}

impl From<String> for Param {
    fn from(value: String) -> Param {
        Param::Text(value)
    }
}

/// One statement with its values.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) params: Vec<Param>,
}

impl Statement {
    pub(super) fn new(sql: impl Into<String>, params: impl IntoIterator<Item = Param>) -> Statement {
        Statement { sql: sql.into(), params: params.into_iter().collect() }
    }
}

/// A condition that grows: `tenant = $1 AND started >= $2`.
#[derive(Debug, Default)]
pub(super) struct Where {
    sql: String,
    pub(super) params: Vec<Param>,
}

impl Where {
    /// Adds a condition; each `?` stands for the next value.
    pub(super) fn and(mut self, condition: &str, values: impl IntoIterator<Item = Param>) -> Where {
        if !self.sql.is_empty() {
            self.sql.push_str(" AND ");
        }
        let mut values = values.into_iter();
        for part in condition.split_inclusive('?') {
            match (part.strip_suffix('?'), part.ends_with('?').then(|| values.next()).flatten()) {
                (Some(text), Some(value)) => {
                    self.params.push(value);
                    self.sql.push_str(&format!("{text}${}", self.params.len()));
                }
                _ => self.sql.push_str(part),
            }
        }
        self
    }

    /// One of these numbers; none of them if the list is empty.
    pub(super) fn one_of(self, column: &str, values: &[i64]) -> Where {
        let places = vec!["?"; values.len()].join(", ");
        if values.is_empty() {
            self.and("1 = 0", [])
        } else {
            self.and(&format!("{column} IN ({places})"), values.iter().map(|v| Param::Int(*v)))
        }
    }

    /// The text after `WHERE`.
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }
}

/// Connections.
#[derive(Debug, Clone)]
pub(super) enum Database {
    /// Folding writes through one connection of its own: SQLite has one writer.
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    /// PostgreSQL does its own.
    Postgres(PgPool),
}

macro_rules! bind {
    ($statement:expr) => {{
        let mut query = sqlx::query(AssertSqlSafe($statement.sql.as_str().to_owned()));
        for param in &$statement.params {
            query = match param {
                Param::Int(value) => query.bind(*value),
                Param::Text(value) => query.bind(value.clone()),
            };
        }
        query
    }};
}

macro_rules! write_all {
    ($pool:expr, $guard:expr, $statements:expr) => {{
        let mut transaction = $pool.begin().await?;
        if let Some(guard) = $guard {
            if bind!(guard).execute(&mut *transaction).await?.rows_affected() == 0 {
                transaction.rollback().await?;
                return Ok(false);
            }
        }
        for statement in $statements {
            bind!(statement).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }};
}

impl Database {
    /// Connects to `sqlite:…` or `postgres://…`.
    pub(super) async fn open(url: &str) -> Result<Database, sqlx::Error> {
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let pool = PgPoolOptions::new().max_connections(READERS + 1).acquire_timeout(CONNECT_WAIT).connect(url).await?;
            return Ok(Database::Postgres(pool));
        }
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Rebuildable from the log: a transaction may be lost with the power, never half of one.
            .synchronous(SqliteSynchronous::Normal);
        let file = options.get_filename();
        if !file.exists() {
            // Who called whom is nobody else's business; SQLite gives its journal the same permissions.
            crate::auth::secret::write_private(file, "").map_err(sqlx::Error::Io)?;
        }
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        let readers = SqlitePoolOptions::new().max_connections(READERS).connect_lazy_with(options.read_only(true));
        Ok(Database::Sqlite { writer, readers })
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Database::Sqlite { .. } => Dialect::Sqlite,
            Database::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The first column of every row, as text.
    pub(super) async fn texts(&self, statement: &Statement) -> Result<Vec<String>, sqlx::Error> {
        match self {
            Database::Sqlite { readers, .. } => bind!(statement).fetch_all(readers).await?.iter().map(|row| row.try_get(0)).collect(),
            Database::Postgres(pool) => bind!(statement).fetch_all(pool).await?.iter().map(|row| row.try_get(0)).collect(),
        }
    }

    /// Rows of these columns (`name` is `expression`), each as the type that its JSON object fits.
    pub(super) async fn rows<T: DeserializeOwned>(
        &self,
        columns: &[(&str, &str)],
        rest: &str,
        params: Vec<Param>,
    ) -> Result<Vec<T>, sqlx::Error> {
        let statement = Statement { sql: format!("SELECT {} {rest}", self.object(columns)), params };
        let decode = |text: &String| serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(Box::new(error)));
        self.texts(&statement).await?.iter().map(decode).collect()
    }

    /// An expression that makes a JSON object, as text.
    pub(super) fn object(&self, columns: &[(&str, &str)]) -> String {
        let pairs: Vec<String> = columns.iter().map(|(name, expression)| format!("'{name}', {expression}")).collect();
        match self.dialect() {
            Dialect::Sqlite => format!("json_object({})", pairs.join(", ")),
            Dialect::Postgres => format!("json_build_object({})::text", pairs.join(", ")),
        }
    }

    /// One whole number, if there is a row.
    pub(super) async fn number(&self, statement: &Statement) -> Result<Option<i64>, sqlx::Error> {
        match self {
            // Through the writer: what was just written counts.
            Database::Sqlite { writer, .. } => bind!(statement).fetch_optional(writer).await?.map(|row| row.try_get(0)).transpose(),
            Database::Postgres(pool) => bind!(statement).fetch_optional(pool).await?.map(|row| row.try_get(0)).transpose(),
        }
    }

    /// Carries out all statements in one transaction. If `guard` changes no row, nothing is done and the answer is `false`.
    pub(super) async fn write(&self, guard: Option<&Statement>, statements: &[Statement]) -> Result<bool, sqlx::Error> {
        match self {
            Database::Sqlite { writer, .. } => write_all!(writer, guard, statements),
            Database::Postgres(pool) => write_all!(pool, guard, statements),
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Database::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Database::Postgres(pool) => pool.close().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_numbers_its_places() {
        let both = Where::default().and("tenant = ?", ["t".into()]).and("(a, b) < (?, ?)", [1.into(), "x".into()]).one_of("q", &[5, 6]);
        assert_eq!(both.sql(), "tenant = $1 AND (a, b) < ($2, $3) AND q IN ($4, $5)");
        assert_eq!(both.params.len(), 5);
        assert_eq!(Where::default().one_of("q", &[]).sql(), "1 = 0");
    }
}
