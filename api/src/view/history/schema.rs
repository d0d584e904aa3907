//! Tables, migrations, and the two statements that write.

use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, Executor, Row};

/// One entry per version; `PRAGMA user_version` says how many have run. Entries are never changed, only added.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    -- Times are microseconds since 1970 UTC. `offsets` is a JSON array: where the call's events are in the log.
    CREATE TABLE call (
        id TEXT PRIMARY KEY, tenant TEXT NOT NULL, origin TEXT NOT NULL, endpoint TEXT NOT NULL, caller TEXT NOT NULL, caller_name TEXT,
        called TEXT NOT NULL, route TEXT, started INTEGER NOT NULL, answered INTEGER, ended INTEGER,
        cause_sip INTEGER, cause_q850 INTEGER, cause_by TEXT, cause_text TEXT, merged_into TEXT, offsets TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX call_by_time ON call (tenant, started DESC, id DESC);
    CREATE INDEX call_by_caller ON call (tenant, caller, started DESC);
    CREATE INDEX call_by_called ON call (tenant, called, started DESC);
    CREATE INDEX call_open ON call (ended) WHERE ended IS NULL;
    CREATE TABLE leg (
        id TEXT PRIMARY KEY, call TEXT NOT NULL, tenant TEXT NOT NULL, role TEXT NOT NULL, endpoint TEXT NOT NULL, number TEXT NOT NULL,
        sip_call_id TEXT, started INTEGER NOT NULL, ringing INTEGER, answered INTEGER, ended INTEGER, codec TEXT,
        cause_sip INTEGER, cause_q850 INTEGER, cause_by TEXT, cause_text TEXT,
        packets_received INTEGER, packets_sent INTEGER, packets_lost INTEGER, packets_rejected INTEGER,
        jitter_ms REAL, round_trip_ms REAL, mos REAL) WITHOUT ROWID;
    CREATE INDEX leg_by_call ON leg (call);"];

/// Columns of a table, in order.
pub(super) fn columns(table: &str) -> &'static [&'static str] {
    match table {
        "call" => &[
            "id",
            "tenant",
            "origin",
            "endpoint",
            "caller",
            "caller_name",
            "called",
            "route",
            "started",
            "answered",
            "ended",
            "cause_sip",
            "cause_q850",
            "cause_by",
            "cause_text",
            "merged_into",
            "offsets",
        ],
        _ => &[
            "id",
            "call",
            "tenant",
            "role",
            "endpoint",
            "number",
            "sip_call_id",
            "started",
            "ringing",
            "answered",
            "ended",
            "codec",
            "cause_sip",
            "cause_q850",
            "cause_by",
            "cause_text",
            "packets_received",
            "packets_sent",
            "packets_lost",
            "packets_rejected",
            "jitter_ms",
            "round_trip_ms",
            "mos",
        ],
    }
}

/// Writes any number of calls from one JSON array: one statement per batch instead of one per row.
pub(super) const PUT_CALLS: &str = "INSERT OR REPLACE INTO call
    SELECT v->>'id', v->>'tenant', v->>'origin', v->>'endpoint', v->>'caller', v->>'caller_name', v->>'called', v->>'route',
        v->>'started', v->>'answered', v->>'ended', v->>'cause_sip', v->>'cause_q850', v->>'cause_by', v->>'cause_text',
        v->>'merged_into', v->'offsets'
    FROM (SELECT value AS v FROM json_each(?1))";

/// The same for legs.
pub(super) const PUT_LEGS: &str = "INSERT OR REPLACE INTO leg
    SELECT v->>'id', v->>'call', v->>'tenant', v->>'role', v->>'endpoint', v->>'number', v->>'sip_call_id', v->>'started',
        v->>'ringing', v->>'answered', v->>'ended', v->>'codec', v->>'cause_sip', v->>'cause_q850', v->>'cause_by', v->>'cause_text',
        v->>'packets_received', v->>'packets_sent', v->>'packets_lost', v->>'packets_rejected', v->>'jitter_ms', v->>'round_trip_ms',
        v->>'mos'
    FROM (SELECT value AS v FROM json_each(?1))";

/// Runs the migrations that this file has not seen. A file from a newer program is refused.
pub(super) async fn migrate(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    let version: i64 = sqlx::query("PRAGMA user_version").fetch_one(pool).await?.get(0);
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    if done > MIGRATIONS.len() {
        let text = format!("the read models are of version {version}, this program knows {}: run `tandem views rebuild`", MIGRATIONS.len());
        return Err(sqlx::Error::Configuration(text.into()));
    }
    for (number, sql) in MIGRATIONS.iter().enumerate().skip(done) {
        let mut transaction = pool.begin().await?;
        transaction.execute(*sql).await?;
        transaction.execute(AssertSqlSafe(format!("PRAGMA user_version = {}", number + 1))).await?;
        transaction.commit().await?;
    }
    Ok(())
}
