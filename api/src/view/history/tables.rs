//! What is stored, described once: the tables of both databases, the statements that write them and the order of dumps are
//! made from this.

use super::db::{Database, Dialect, Param, Statement};

/// Raised with every change; a column or table says since when it is there. Nothing is ever taken away.
pub(super) const VERSION: i64 = 2;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Int,
    Real,
}

/// A column. Columns of the key are never null, others always may be.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    kind: Kind,
    since: i64,
}

/// What happens to a row that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conflict {
    /// The new one takes its place.
    Replace,
    /// Its value grows by the new one's.
    Add,
}

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) key: &'static [&'static str],
    pub(super) columns: &'static [Column],
    /// Name and columns with condition.
    indexes: &'static [(&'static str, &'static str)],
    /// Rows for which this holds are not over: folding goes on with them after a restart.
    pub(super) open: &'static str,
    conflict: Conflict,
    since: i64,
}

const fn text(name: &'static str, since: i64) -> Column {
    Column { name, kind: Kind::Text, since }
}

const fn int(name: &'static str, since: i64) -> Column {
    Column { name, kind: Kind::Int, since }
}

const fn real(name: &'static str, since: i64) -> Column {
    Column { name, kind: Kind::Real, since }
}

/// One row per call. Times everywhere are microseconds since 1970 UTC.
pub(super) static CALL: Table = Table {
    name: "call",
    key: &["id"],
    columns: &[
        text("id", 1),
        text("tenant", 1),
        text("origin", 1),
        text("endpoint", 1),
        text("caller", 1),
        text("caller_name", 1),
        text("called", 1),
        text("route", 1),
        int("started", 1),
        int("answered", 1),
        int("ended", 1),
        int("cause_sip", 1),
        int("cause_q850", 1),
        text("cause_by", 1),
        text("cause_text", 1),
        text("merged_into", 1),
        // A JSON array: where the call's events are in the log.
        text("offsets", 1),
        // What it is for, and `in`, `out` or `internal` as the centre counts it.
        text("kind", 2),
        text("direction", 2),
        // When the customer reached a person, or a person the customer.
        int("connected", 2),
        // The queue it entered last, the agent that served it last or began it, the queue whose voicemail it reached.
        int("queue", 2),
        int("agent", 2),
        int("voicemail", 2),
        text("data", 2),
        // `customer`, `agent:101`, `system` or `operator`.
        text("released_by", 2),
    ],
    indexes: &[
        ("call_by_time", "(tenant, started DESC, id DESC)"),
        ("call_by_caller", "(tenant, caller, started DESC)"),
        ("call_by_called", "(tenant, called, started DESC)"),
        ("call_open", "(ended) WHERE ended IS NULL"),
    ],
    open: "ended IS NULL",
    conflict: Conflict::Replace,
    since: 1,
};

/// One row per leg.
pub(super) static LEG: Table = Table {
    name: "leg",
    key: &["id"],
    columns: &[
        text("id", 1),
        text("call", 1),
        text("tenant", 1),
        text("role", 1),
        text("endpoint", 1),
        text("number", 1),
        text("sip_call_id", 1),
        int("started", 1),
        int("ringing", 1),
        int("answered", 1),
        int("ended", 1),
        text("codec", 1),
        int("cause_sip", 1),
        int("cause_q850", 1),
        text("cause_by", 1),
        text("cause_text", 1),
        int("packets_received", 1),
        int("packets_sent", 1),
        int("packets_lost", 1),
        int("packets_rejected", 1),
        real("jitter_ms", 1),
        real("round_trip_ms", 1),
        real("mos", 1),
        // The agent whose phone it is.
        int("agent", 2),
    ],
    indexes: &[("leg_by_call", "(call)")],
    open: "ended IS NULL AND call IN (SELECT id FROM call WHERE ended IS NULL)",
    conflict: Conflict::Replace,
    since: 1,
};

/// One row per stay of a call in a queue.
pub(super) static VISIT: Table = Table {
    name: "queue_visit",
    key: &["call", "n"],
    columns: &[
        text("call", 2),
        int("n", 2),
        text("tenant", 2),
        int("queue", 2),
        // `arrived`, `handed_over`, `overflowed`, `asked_by` or `put`, and the agent or queue it came from.
        text("entry", 2),
        int("entry_from", 2),
        int("priority", 2),
        int("position", 2),
        // Since when it waits: earlier than `queued` for a call that kept its place.
        int("since", 2),
        int("queued", 2),
        // When it was first offered to an agent.
        int("offered", 2),
        int("offers", 2),
        int("ended", 2),
        int("waited_ms", 2),
        // `answered`, `abandoned`, `overflowed`, `cancelled` or `ended`; who answered, or which rule and where to.
        text("leaving", 2),
        int("agent", 2),
        text("rule", 2),
        text("overflow_to", 2),
    ],
    indexes: &[
        ("visit_by_queue", "(tenant, queue, queued)"),
        ("visit_by_time", "(tenant, queued)"),
        ("visit_open", "(ended) WHERE ended IS NULL"),
    ],
    open: "ended IS NULL",
    conflict: Conflict::Replace,
    since: 2,
};

/// One row per part of an agent in a call.
pub(super) static PART: Table = Table {
    name: "agent_part",
    key: &["call", "n"],
    columns: &[
        text("call", 2),
        int("n", 2),
        text("tenant", 2),
        int("agent", 2),
        // `handler`, `caller`, `helper`, `supervisor`, `member` or `listener`, and whose call a supervisor sits in.
        text("role", 2),
        int("supervises", 2),
        int("queue", 2),
        // Which rule chose the agent.
        text("rule", 2),
        int("offered", 2),
        int("alerting", 2),
        int("joined", 2),
        int("ended", 2),
        text("end_reason", 2),
        // Which supervisor, for an interception.
        int("end_by", 2),
        int("holds", 2),
        int("held_ms", 2),
        int("held_since", 2),
    ],
    indexes: &[("part_by_agent", "(tenant, agent, offered)"), ("part_open", "(ended) WHERE ended IS NULL")],
    open: "ended IS NULL",
    conflict: Conflict::Replace,
    since: 2,
};

/// One row per handover, by an agent or by a phone.
pub(super) static HANDOVER: Table = Table {
    name: "handover",
    key: &["call", "n"],
    columns: &[
        text("call", 2),
        int("n", 2),
        text("tenant", 2),
        int("agent", 2),
        // `blind`, `success`, `talk`, `three_party`, `suspend`; `refer` for a phone's.
        text("mode", 2),
        // `agent`, `queue` or `number`, and which.
        text("target_kind", 2),
        text("target", 2),
        int("asked", 2),
        int("ended", 2),
        // SIP status of the failure.
        int("failed", 2),
    ],
    indexes: &[("handover_open", "(ended) WHERE ended IS NULL")],
    open: "ended IS NULL",
    conflict: Conflict::Replace,
    since: 2,
};

/// One row per recording.
pub(super) static RECORDING: Table = Table {
    name: "recording",
    key: &["id"],
    columns: &[
        text("id", 2),
        text("call", 2),
        text("tenant", 2),
        int("agent", 2),
        text("purpose", 2),
        text("path", 2),
        text("format", 2),
        int("started", 2),
        int("pauses", 2),
        int("ended", 2),
        int("duration_ms", 2),
        int("bytes", 2),
        text("failed", 2),
    ],
    indexes: &[
        ("recording_by_call", "(call)"),
        ("recording_by_time", "(tenant, started)"),
        ("recording_open", "(ended) WHERE ended IS NULL"),
    ],
    open: "ended IS NULL",
    conflict: Conflict::Replace,
    since: 2,
};

/// What agents did: sessions, states with their lengths, and single acts.
pub(super) static OPERATION: Table = Table {
    name: "agent_operation",
    key: &["tenant", "seq", "operation"],
    columns: &[
        text("tenant", 2),
        // The event it began with.
        int("seq", 2),
        // See `agents::Operation`.
        text("operation", 2),
        int("agent", 2),
        int("started", 2),
        int("ended", 2),
        // Reason, cause or mode, as the operation has one.
        int("cause", 2),
        // Another agent: the supervisor who forced it, the colleague it is about.
        int("other", 2),
        text("call", 2),
        int("queue", 2),
        text("phone", 2),
        // `seq` of the session it belongs to.
        int("session", 2),
    ],
    indexes: &[
        ("operation_by_agent", "(tenant, agent, started)"),
        ("operation_by_time", "(tenant, started)"),
        ("operation_open", "(ended) WHERE ended IS NULL"),
    ],
    open: "ended IS NULL",
    conflict: Conflict::Replace,
    since: 2,
};

/// What happened in five minutes: additive, so that a fold needs to read nothing.
pub(super) static COUNTER: Table = Table {
    name: "counter",
    key: &["tenant", "scope", "id", "slot", "name"],
    columns: &[
        text("tenant", 2),
        // `vdn`, `queue` or `agent`; the id of a queue or agent, 0 for the tenant.
        text("scope", 2),
        int("id", 2),
        // Microseconds at which the five minutes begin.
        int("slot", 2),
        text("name", 2),
        int("value", 2),
    ],
    indexes: &[("counter_by_time", "(tenant, scope, slot)")],
    open: "1 = 0",
    conflict: Conflict::Add,
    since: 2,
};

/// All, in the order of dumps.
pub(super) static TABLES: [&Table; 8] = [&CALL, &LEG, &VISIT, &PART, &HANDOVER, &RECORDING, &OPERATION, &COUNTER];

const META: &str = "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BIGINT NOT NULL)";

impl Table {
    /// The columns' names.
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|column| column.name).collect()
    }

    /// All columns for [`Database::rows`].
    pub(super) fn all(&self) -> Vec<(&'static str, &'static str)> {
        self.columns.iter().map(|column| (column.name, column.name)).collect()
    }

    fn create(&self, dialect: Dialect, version: i64) -> String {
        let columns = self.columns.iter().filter(|column| column.since <= version).map(|column| column.define(dialect));
        let columns: Vec<String> = columns.collect();
        let rest = if dialect == Dialect::Sqlite { " WITHOUT ROWID" } else { "" };
        format!("CREATE TABLE {} ({}, PRIMARY KEY ({})){rest}", self.name, columns.join(", "), self.key.join(", "))
    }

    /// Writes any number of rows from one JSON array in one statement, instead of one for each.
    pub(super) fn put(&self, dialect: Dialect, rows: &impl serde::Serialize) -> Statement {
        let json = serde_json::to_string(rows).unwrap_or_else(|_| "[]".to_owned());
        let names = self.names();
        let list = names.join(", ");
        let update = match self.conflict {
            Conflict::Replace => {
                let sets = names.iter().filter(|name| !self.key.contains(name)).map(|name| format!("{name} = excluded.{name}"));
                sets.collect::<Vec<_>>().join(", ")
            }
            Conflict::Add => format!("value = {}.value + excluded.value", self.name),
        };
        // SQLite needs the WHERE to tell the conflict clause from a join.
        let (source, json) = match dialect {
            Dialect::Sqlite => {
                let values: Vec<String> = names.iter().map(|name| format!("v->>'{name}'")).collect();
                (format!("SELECT {} FROM (SELECT value AS v FROM json_each($1)) WHERE true", values.join(", ")), json)
            }
            // PostgreSQL's text holds no NUL, whatever a caller calls itself.
            Dialect::Postgres => {
                (format!("SELECT {list} FROM json_populate_recordset(NULL::{}, $1::json)", self.name), json.replace("\\u0000", "\\ufffd"))
            }
        };
        let sql = format!("INSERT INTO {} ({list}) {source} ON CONFLICT ({}) DO UPDATE SET {update}", self.name, self.key.join(", "));
        Statement::new(sql, [Param::Text(json)])
    }
}

impl Column {
    fn define(&self, dialect: Dialect) -> String {
        let kind = match (self.kind, dialect) {
            (Kind::Text, _) => "TEXT",
            (Kind::Int, Dialect::Sqlite) => "INTEGER",
            (Kind::Int, Dialect::Postgres) => "BIGINT",
            (Kind::Real, Dialect::Sqlite) => "REAL",
            (Kind::Real, Dialect::Postgres) => "DOUBLE PRECISION",
        };
        format!("{} {kind}", self.name)
    }
}

/// Brings the schema up to date. A database of a newer program is refused.
pub(super) async fn migrate(database: &Database) -> Result<(), sqlx::Error> {
    let dialect = database.dialect();
    database.write(None, &[Statement::new(META, [])]).await?;
    // Files of the first version said so in their header; since then it is in `meta`, where any database can keep it.
    let noted = database.number(&Statement::new("SELECT value FROM meta WHERE key = 'schema'", [])).await?;
    let done = match (noted, dialect) {
        (Some(version), _) => version,
        (None, Dialect::Sqlite) => database.number(&Statement::new("PRAGMA user_version", [])).await?.unwrap_or(0),
        (None, Dialect::Postgres) => 0,
    };
    if done > VERSION {
        let text = format!("the read models are of version {done}, this program knows {VERSION}: run `tandem views rebuild`");
        return Err(sqlx::Error::Configuration(text.into()));
    }
    for version in done + 1..=VERSION {
        let mut statements = Vec::new();
        for table in TABLES {
            if table.since == version {
                statements.push(Statement::new(table.create(dialect, version), []));
                let index = |(name, what): &(&str, &str)| Statement::new(format!("CREATE INDEX {name} ON {} {what}", table.name), []);
                statements.extend(table.indexes.iter().map(index));
            } else if table.since < version {
                let added = table.columns.iter().filter(|column| column.since == version);
                statements.extend(
                    added.map(|column| Statement::new(format!("ALTER TABLE {} ADD COLUMN {}", table.name, column.define(dialect)), [])),
                );
            }
        }
        statements.push(set_meta("schema", version));
        database.write(None, &statements).await?;
    }
    Ok(())
}

/// Takes everything away, whatever version it is of, and makes it anew.
pub(super) async fn recreate(database: &Database) -> Result<(), sqlx::Error> {
    let mut statements: Vec<Statement> =
        TABLES.iter().map(|table| Statement::new(format!("DROP TABLE IF EXISTS {}", table.name), [])).collect();
    statements.push(Statement::new("DROP TABLE IF EXISTS meta", []));
    if database.dialect() == Dialect::Sqlite {
        statements.push(Statement::new("PRAGMA user_version = 0", []));
    }
    database.write(None, &statements).await?;
    migrate(database).await
}

pub(super) fn set_meta(key: &str, value: i64) -> Statement {
    let sql = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    Statement::new(sql, [key.into(), value.into()])
}
