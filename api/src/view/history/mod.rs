//! Call history: one row per call and one per leg, folded from events into SQLite.
//!
//! The position in the log is stored in the same transaction as the rows, so a crash repeats no event and loses none.
//! Everything in here can be deleted and made again from the log.

mod fold;
mod query;
mod schema;

#[cfg(test)]
mod tests;

use std::str::FromStr;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Executor, Row};
use tandem_core::Envelope;

pub use fold::Folder;
pub use query::{CallFilter, CallRecord, LegRecord, Page};

/// The store and its readers.
#[derive(Debug, Clone)]
pub struct History {
    /// Folding writes through one connection of its own: SQLite has one writer.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl History {
    /// Opens the database at `sqlite:…` and brings its schema up to date. The writer's thread comes after those of calls when
    /// there is no processor for both.
    pub async fn open(url: &str) -> Result<History, sqlx::Error> {
        let (runtime, url) = (tokio::runtime::Handle::current(), url.to_owned());
        let (tell, opened) = tokio::sync::oneshot::channel();
        // SQLite's threads inherit the priority of the one that opens the connection.
        let open = move || {
            super::come_after_calls();
            let _ = tell.send(runtime.block_on(History::open_here(&url)));
        };
        std::thread::Builder::new().name("history-open".to_owned()).spawn(open).map_err(sqlx::Error::Io)?;
        opened.await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }

    async fn open_here(url: &str) -> Result<History, sqlx::Error> {
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
        schema::migrate(&writer).await?;
        let readers = SqlitePoolOptions::new().max_connections(4).connect_with(options.read_only(true)).await?;
        Ok(History { writer, readers })
    }

    /// Offset of the next event to fold.
    pub async fn position(&self) -> Result<u64, sqlx::Error> {
        let row = sqlx::query("SELECT value FROM meta WHERE key = 'position'").fetch_optional(&self.writer).await?;
        Ok(row.map_or(0, |row| u64::try_from(row.get::<i64, _>(0)).unwrap_or(0)))
    }

    /// Forgets all rows, so that folding starts at the beginning.
    pub async fn clear(&self) -> Result<(), sqlx::Error> {
        let mut transaction = self.writer.begin().await?;
        for sql in ["DELETE FROM leg", "DELETE FROM call", "DELETE FROM meta"] {
            transaction.execute(sql).await?;
        }
        transaction.commit().await
    }

    /// A folder that goes on where the database stands.
    pub async fn folder(&self) -> Result<Folder, sqlx::Error> {
        Folder::load(&self.writer, self.position().await?).await
    }

    /// Folds events with their offsets in one transaction, with the position after them. Events before the position are skipped.
    pub async fn fold(&self, folder: &mut Folder, events: &[(u64, Envelope)]) -> Result<(), sqlx::Error> {
        for (offset, envelope) in events {
            folder.apply(*offset, envelope);
        }
        let next = events.last().map_or(folder.position(), |(offset, _)| offset + 1);
        self.store(folder, next).await
    }

    /// Writes what `folder` changed, and the position.
    pub async fn store(&self, folder: &mut Folder, position: u64) -> Result<(), sqlx::Error> {
        let (calls, legs) = folder.changed();
        let mut transaction = self.writer.begin().await?;
        if !calls.is_empty() {
            sqlx::query(schema::PUT_CALLS).bind(serde_json::to_string(&calls).unwrap_or_default()).execute(&mut *transaction).await?;
        }
        if !legs.is_empty() {
            sqlx::query(schema::PUT_LEGS).bind(serde_json::to_string(&legs).unwrap_or_default()).execute(&mut *transaction).await?;
        }
        sqlx::query("INSERT OR REPLACE INTO meta (key, value) VALUES ('position', ?1)")
            .bind(i64::try_from(position).unwrap_or(i64::MAX))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        folder.stored(position);
        Ok(())
    }

    /// Whether the database answers.
    pub async fn ready(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.readers).await.is_ok()
    }

    /// Every row as text, in order: equal databases give equal texts.
    pub async fn dump(&self) -> Result<Vec<String>, sqlx::Error> {
        let mut lines = Vec::new();
        for table in ["call", "leg"] {
            let columns = schema::columns(table).join(", ");
            let sql = format!("SELECT json_array({columns}) FROM {table} ORDER BY id");
            for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.readers).await? {
                lines.push(format!("{table} {}", row.get::<&str, _>(0)));
            }
        }
        Ok(lines)
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
