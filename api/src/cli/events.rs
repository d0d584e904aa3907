//! `tandem events …`: on the data folder, read-only, also while the server runs.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tandem_core::engine::Recovered;
use tandem_core::log::LogTail;
use tandem_core::tenant::Tenant;
use tandem_core::{CallId, TenantId, Timestamp};

use super::Failure;
use crate::config::Config;

/// Pause between looks at the log while following.
const LOOK: Duration = Duration::from_millis(200);

/// `tandem events …`
#[derive(Debug, Subcommand)]
pub(super) enum Events {
    /// Show the last events and follow.
    #[command(after_help = "Examples:\n  tandem events tail --tenant shop --kind call. --kind leg.answered\n  \
        tandem events tail --after 1200 --json --no-follow")]
    Tail {
        #[command(flatten)]
        filter: Filter,
        /// Begin after this offset.
        #[arg(long, conflicts_with = "from_start")]
        after: Option<u64>,
        /// Begin with the oldest event.
        #[arg(long)]
        from_start: bool,
        /// Events to look back at.
        #[arg(long, short = 'n', default_value_t = 20)]
        lines: u64,
        /// End at the end of the log.
        #[arg(long)]
        no_follow: bool,
        /// The events as they are stored, one JSON object per line (the default when not on a terminal).
        #[arg(long)]
        json: bool,
    },
    /// Rebuild every tenant from its events; print a hash of each tenant's state, the same from either source.
    Replay {
        /// Where the events are read: the embedded log, or the configured Kafka topic alone.
        #[arg(long, value_enum, default_value_t = Source::Log)]
        from: Source,
        /// Stop at this offset (exclusive), or before this time (RFC 3339). From the log only.
        #[arg(long, value_name = "OFFSET|TIME")]
        until: Option<Until>,
        /// Only this tenant.
        #[arg(long, short)]
        tenant: Option<TenantId>,
        /// Count the events by kind as well. From the log only.
        #[arg(long)]
        kinds: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write events as JSON lines.
    Export {
        #[command(flatten)]
        filter: Filter,
        /// Begin after this offset.
        #[arg(long)]
        after: Option<u64>,
        /// Stop at this offset (exclusive), or before this time (RFC 3339).
        #[arg(long, value_name = "OFFSET|TIME")]
        until: Option<Until>,
        /// Write to this file instead of standard output.
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// Where a replay reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Source {
    /// The embedded log of this node.
    Log,
    /// The topic of `[kafka]`, from its beginning to its end.
    Kafka,
}

/// Which events.
#[derive(Debug, Clone, Args)]
pub(super) struct Filter {
    /// Only this tenant.
    #[arg(long, short)]
    tenant: Option<TenantId>,
    /// Only kinds that begin with this; may be given several times.
    #[arg(long = "kind", short, value_name = "KIND")]
    kinds: Vec<String>,
    /// Only this call.
    #[arg(long)]
    call: Option<CallId>,
}

/// Where to stop.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    Offset(u64),
    Time(Timestamp),
}

impl std::str::FromStr for Until {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(offset) = text.parse() {
            return Ok(Until::Offset(offset));
        }
        text.parse().map(Until::Time).map_err(|_| format!("`{text}` is neither an offset nor a time such as 2026-11-22T17:42:00Z"))
    }
}

/// A record's keys.
#[derive(Deserialize)]
struct Head<'a> {
    tenant: &'a str,
    seq: u64,
    time: &'a str,
    kind: &'a str,
    #[serde(default)]
    call: Option<&'a str>,
    #[serde(borrow)]
    data: &'a serde_json::value::RawValue,
}

impl Filter {
    fn pass(&self, head: &Head<'_>) -> bool {
        self.tenant.as_ref().is_none_or(|tenant| tenant.as_str() == head.tenant)
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| head.kind.starts_with(kind.as_str())))
            && self.call.is_none_or(|call| head.call == Some(call.to_string().as_str()))
    }
}

fn open(config: &Config) -> anyhow::Result<LogTail> {
    let dir = config.log_dir();
    if !dir.is_dir() {
        return Err(anyhow!("there is no event log at {}: check node.data_dir (`tandem check`)", dir.display()));
    }
    Ok(LogTail::read_only(dir))
}

/// Runs one of them.
pub(super) fn run(command: Events, config: &Config) -> Result<(), Failure> {
    if let Events::Replay { from: Source::Kafka, until, tenant, kinds, json } = &command {
        if until.is_some() || *kinds {
            return Err(Failure::Other(anyhow!("--until and --kinds work with --from log only")));
        }
        return replay_kafka(config, tenant.as_ref(), *json).map_err(Failure::Other);
    }
    let log = open(config)?;
    match command {
        Events::Tail { filter, after, from_start, lines, no_follow, json } => {
            let first = log.first().map_err(anyhow::Error::from)?;
            let from = match after {
                _ if from_start => first,
                Some(after) => after.saturating_add(1).max(first),
                None => log.end().map_err(anyhow::Error::from)?.saturating_sub(lines).max(first),
            };
            let json = json || !std::io::stdout().is_terminal();
            tail(&log, &filter, from, !no_follow, json).map_err(Failure::Other)
        }
        Events::Replay { until, tenant, kinds, json, .. } => replay(&log, until, tenant.as_ref(), kinds, json).map_err(Failure::Other),
        Events::Export { filter, after, until, out } => export(&log, &filter, after, until, out).map_err(Failure::Other),
    }
}

fn tail(log: &LogTail, filter: &Filter, from: u64, follow: bool, json: bool) -> anyhow::Result<()> {
    let mut reader = log.reader(from);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    loop {
        while let Some(record) = reader.next()? {
            let head: Head<'_> = serde_json::from_slice(record.body).with_context(|| format!("the record at offset {}", record.offset))?;
            if !filter.pass(&head) {
                continue;
            }
            if json {
                out.write_all(record.body)?;
                out.write_all(b"\n")?;
            } else {
                let (offset, call) = (record.offset, head.call.unwrap_or("-"));
                writeln!(
                    out,
                    "{offset:>8}  {}  {}#{}  {call:13}  {:22}  {}",
                    head.time,
                    head.tenant,
                    head.seq,
                    head.kind,
                    head.data.get()
                )?;
            }
        }
        out.flush()?;
        if !follow {
            return Ok(());
        }
        reader.wait(LOOK);
    }
}

fn bar(from: u64, end: u64) -> ProgressBar {
    let bar = ProgressBar::new(end.saturating_sub(from));
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} events {per_sec} {eta}") {
        bar.set_style(style);
    }
    bar
}

/// Reads up to `until`, moving a bar.
fn each(
    log: &LogTail,
    from: u64,
    until: Option<Until>,
    mut take: impl FnMut(u64, &[u8], &Head<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let end = log.end()?;
    let end = if let Some(Until::Offset(offset)) = until { end.min(offset) } else { end };
    let bar = bar(from, end);
    let mut reader = log.reader(from);
    while reader.position() < end {
        let Some(record) = reader.next()? else { break };
        let head: Head<'_> = serde_json::from_slice(record.body).with_context(|| format!("the record at offset {}", record.offset))?;
        if let Some(Until::Time(limit)) = until
            && head.time.parse::<Timestamp>().is_ok_and(|time| time >= limit)
        {
            break;
        }
        take(record.offset, record.body, &head)?;
        if record.offset % 1024 == 0 {
            bar.set_position(record.offset.saturating_sub(from));
        }
    }
    bar.finish_and_clear();
    Ok(reader.position())
}

fn export(log: &LogTail, filter: &Filter, after: Option<u64>, until: Option<Until>, out: Option<PathBuf>) -> anyhow::Result<()> {
    let from = after.map_or(0, |after| after.saturating_add(1)).max(log.first()?);
    let target: Box<dyn Write> = match &out {
        Some(file) => Box::new(std::fs::File::create(file).with_context(|| file.display().to_string())?),
        None => Box::new(std::io::stdout()),
    };
    let mut target = std::io::BufWriter::new(target);
    each(log, from, until, |_, body, head| {
        if filter.pass(head) {
            target.write_all(body)?;
            target.write_all(b"\n")?;
        }
        Ok(())
    })?;
    target.flush()?;
    Ok(())
}

/// Events by kind, for each tenant.
type Kinds = BTreeMap<String, BTreeMap<String, u64>>;

fn replay(log: &LogTail, until: Option<Until>, only: Option<&TenantId>, count: bool, json: bool) -> anyhow::Result<()> {
    let mut recovered = Recovered::default();
    let mut kinds = Kinds::new();
    each(log, log.first()?, until, |offset, body, head| {
        if only.is_some_and(|only| only.as_str() != head.tenant) {
            return Ok(());
        }
        recovered.take(offset, body)?;
        if count {
            *kinds.entry(head.tenant.to_owned()).or_default().entry(head.kind.to_owned()).or_default() += 1;
        }
        Ok(())
    })?;
    report(&recovered.tenants, None, &kinds, json)
}

fn replay_kafka(config: &Config, only: Option<&TenantId>, json: bool) -> anyhow::Result<()> {
    let kafka = config.kafka.as_ref().context("there is no [kafka] section in the configuration")?;
    let waiting = ProgressBar::new_spinner().with_message(format!("reading topic {} at {}", kafka.topic, kafka.bootstrap));
    waiting.enable_steady_tick(LOOK);
    let replayed = tandem_core::log::kafka::replay(&crate::forward::settings(kafka))?;
    waiting.finish_and_clear();
    if replayed.duplicates > 0 {
        tracing::info!(duplicates = replayed.duplicates, "events that came twice were passed over");
    }
    report(&replayed.tenants, only, &Kinds::new(), json)
}

fn report(tenants: &BTreeMap<TenantId, Tenant>, only: Option<&TenantId>, kinds: &Kinds, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut all = Vec::new();
    for (id, tenant) in tenants.iter().filter(|(id, _)| only.is_none_or(|only| only == *id)) {
        let counts = kinds.get(id.as_str());
        let hash = state_hash(tenant)?;
        if json {
            all.push(serde_json::json!({"tenant": id, "seq": tenant.seq(), "state": hash, "kinds": counts}));
            continue;
        }
        writeln!(out, "tenant {id}  events {}  state sha256:{hash}", tenant.seq())?;
        for (kind, count) in counts.into_iter().flatten() {
            writeln!(out, "  {count:>9}  {kind}")?;
        }
    }
    if json {
        writeln!(out, "{}", serde_json::json!({"tenants": all}))?;
    }
    Ok(())
}

/// SHA-256 over a tenant's state as JSON with sorted keys: equal states give equal hashes.
fn state_hash(tenant: &Tenant) -> anyhow::Result<String> {
    // Through a Value, whose maps are sorted.
    let value: Value = serde_json::to_value(tenant).context("the tenant's state")?;
    let digest = Sha256::digest(serde_json::to_vec(&value)?);
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}
