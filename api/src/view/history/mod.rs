//! Call history and statistics: calls with their legs, waiting, agents' parts, what agents did, and five-minute sums, folded
//! from events into SQLite or PostgreSQL.
//!
//! The position in the log is stored in the same transaction as the rows, so a crash repeats no event and loses none.
//! Everything in here can be deleted and made again from the log.
//!
//! | file | subject |
//! |---|---|
//! | `db`, `tables` | both databases; what is stored, described once |
//! | `rows`, `shelf` | rows, and those that are not over |
//! | `fold`, `contact`, `agents`, `counters` | from events to rows |
//! | `query`, `facts` | what is asked |

mod agents;
mod contact;
mod counters;
mod db;
mod facts;
mod fold;
mod query;
mod rows;
mod shelf;
mod tables;

#[cfg(test)]
pub(crate) mod tests;

use serde::de::DeserializeOwned;
use tandem_core::Envelope;

pub use counters::{SLOT, WITHIN, slot};
pub use facts::{
    CallFact, CallQuery, CounterQuery, CounterSum, HandoverFact, OperationFact, PartFact, RecordingFact, Scope, SettledCall, Story,
    VisitFact,
};
pub use fold::Folder;
pub use query::{CallFilter, CallRecord, LegRecord, Page};

use self::db::{Database, Statement};

/// The store and its readers.
#[derive(Debug, Clone)]
pub struct History(Database);

/// Rows of a table that are not over.
async fn open_rows<R: DeserializeOwned>(database: &Database, table: &tables::Table) -> Result<Vec<R>, sqlx::Error> {
    database.rows(&table.all(), &format!("FROM {} WHERE {}", table.name, table.open), Vec::new()).await
}

impl History {
    /// Opens the database at `sqlite:…` or `postgres://…` and brings its schema up to date. SQLite's writer comes after the
    /// threads of calls when there is no processor for both.
    pub async fn open(url: &str) -> Result<History, sqlx::Error> {
        let database = Self::connect(url).await?;
        tables::migrate(&database).await?;
        Ok(History(database))
    }

    /// Opens the database and takes everything away, of whatever version it is.
    pub async fn recreate(url: &str) -> Result<History, sqlx::Error> {
        let database = Self::connect(url).await?;
        tables::recreate(&database).await?;
        Ok(History(database))
    }

    async fn connect(url: &str) -> Result<Database, sqlx::Error> {
        let (runtime, url) = (tokio::runtime::Handle::current(), url.to_owned());
        let (tell, opened) = tokio::sync::oneshot::channel();
        // SQLite's threads inherit the priority of the one that opens the connection.
        let open = move || {
            super::come_after_calls();
            let _ = tell.send(runtime.block_on(Database::open(&url)));
        };
        std::thread::Builder::new().name("history-open".to_owned()).spawn(open).map_err(sqlx::Error::Io)?;
        opened.await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }

    /// Offset of the next event to fold.
    pub async fn position(&self) -> Result<u64, sqlx::Error> {
        let position = self.0.number(&Statement::new("SELECT value FROM meta WHERE key = 'position'", [])).await?;
        Ok(position.map_or(0, |position| u64::try_from(position).unwrap_or(0)))
    }

    /// Forgets all rows, so that folding starts at the beginning.
    pub async fn clear(&self) -> Result<(), sqlx::Error> {
        tables::recreate(&self.0).await
    }

    /// A folder that goes on where the database stands.
    pub async fn folder(&self) -> Result<Folder, sqlx::Error> {
        Folder::load(&self.0, self.position().await?).await
    }

    /// Folds events with their offsets in one transaction, with the position after them. Events before the position are skipped.
    pub async fn fold(&self, folder: &mut Folder, events: &[(u64, Envelope)]) -> Result<(), sqlx::Error> {
        for (offset, envelope) in events {
            folder.apply(*offset, envelope);
        }
        let next = events.last().map_or(folder.position(), |(offset, _)| offset + 1).max(folder.position());
        self.store(folder, next).await
    }

    /// Writes what `folder` changed, and the position. After an error nothing is written, and the folder can be stored again:
    /// should the first attempt have arrived after all, that is noticed.
    pub async fn store(&self, folder: &mut Folder, position: u64) -> Result<(), sqlx::Error> {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let (from, to) = (number(folder.stored), number(position));
        let sql = "INSERT INTO meta (key, value) VALUES ('position', $1)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE meta.value = $2";
        let guard = Statement::new(sql, [to.into(), from.into()]);
        if !self.0.write(Some(&guard), &folder.changes(self.0.dialect())).await? && self.position().await? != position {
            // Sums would be counted twice.
            let text = format!("the read models no longer stand at {from}: does another node write to them?");
            return Err(sqlx::Error::Configuration(text.into()));
        }
        folder.stored(position);
        Ok(())
    }

    /// Whether the database answers.
    pub async fn ready(&self) -> bool {
        self.0.texts(&Statement::new("SELECT 'ready'", [])).await.is_ok()
    }

    /// Every row as text, in order: equal contents give equal texts, whatever the database.
    pub async fn dump(&self) -> Result<Vec<String>, sqlx::Error> {
        let mut lines = Vec::new();
        for table in tables::TABLES {
            let rows: Vec<serde_json::Value> = self.0.rows(&table.all(), &format!("FROM {}", table.name), Vec::new()).await?;
            // Sorted here: databases have opinions about the order of texts.
            let mut texts: Vec<String> = rows.iter().map(|row| format!("{} {row}", table.name)).collect();
            texts.sort();
            lines.extend(texts);
        }
        Ok(lines)
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.0.close().await;
    }
}
