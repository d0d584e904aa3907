//! Three threads read the committed log: one folds the live view, one the tenants' replicas, one the history. A slow disk under
//! the history never delays the others, and none is on the path of a call.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tandem_core::log::Consumer;
use tandem_core::{Envelope, TenantId, Timestamp};
use tokio::sync::watch;

use super::{History, Live, Mirror, TenantLive};
use crate::door::{LogReader, LogSource, ReadError};
use crate::limits;

/// The live view: one writer thread, any reader. Readers copy what they need out under a lock that is held for microseconds.
#[derive(Debug)]
pub struct LiveView {
    state: RwLock<Live>,
    position: watch::Sender<u64>,
}

impl LiveView {
    /// A view that begins at this state.
    pub fn new(live: Live) -> Self {
        let position = watch::Sender::new(live.position);
        LiveView { state: RwLock::new(live), position }
    }

    /// Reads.
    pub fn read<R>(&self, look: impl FnOnce(&Live) -> R) -> R {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads one tenant, if there is one.
    pub fn tenant<R>(&self, tenant: &TenantId, look: impl FnOnce(&TenantLive) -> R) -> Option<R> {
        self.read(|live| live.tenants.get(tenant).map(look))
    }

    /// Offset of the next event to fold.
    pub fn position(&self) -> u64 {
        *self.position.borrow()
    }

    /// Follows the position.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.position.subscribe()
    }

    /// Waits until everything before `offset` is folded; gives up after `wait`.
    pub async fn reached(&self, offset: u64, wait: Duration) -> bool {
        let mut position = self.position.subscribe();
        tokio::time::timeout(wait, position.wait_for(|at| *at >= offset)).await.is_ok_and(|done| done.is_ok())
    }

    /// Folds a chunk of committed events; `next` is the offset after it.
    fn fold(&self, chunk: &[(u64, Envelope)], next: u64) {
        let mut live = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for (_, envelope) in chunk {
            live.apply(envelope);
        }
        live.position = next;
        drop(live);
        self.position.send_replace(next);
    }
}

/// The read models and the threads that feed them.
#[derive(Debug)]
pub struct Views {
    /// What is up now.
    pub live: Arc<LiveView>,
    /// Every tenant as the core sees it.
    pub mirror: Arc<Mirror>,
    /// What was.
    pub history: History,
    history_position: Arc<AtomicU64>,
    place: Arc<Mutex<Option<Consumer>>>,
    trouble: Arc<Mutex<Option<String>>>,
    stop: Arc<AtomicBool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Views {
    /// Starts the threads. `snapshot` is the file that the live view is kept in between starts. Needs a tokio runtime.
    pub async fn start(log: Arc<dyn LogSource>, history: History, snapshot: Option<PathBuf>) -> Result<Views, sqlx::Error> {
        let range = log.start()..log.end();
        let live = snapshot.as_deref().and_then(|file| load(file, &range)).unwrap_or_default();
        let folder = history.folder().await?;
        let views = Views {
            live: Arc::new(LiveView::new(live)),
            mirror: Arc::default(),
            history: history.clone(),
            history_position: Arc::new(AtomicU64::new(folder.position())),
            place: Arc::default(),
            trouble: Arc::default(),
            stop: Arc::default(),
            threads: Mutex::default(),
        };
        let (live, log2, stop) = (views.live.clone(), log.clone(), views.stop.clone());
        views.thread("view-live", move || follow_live(&*log2, &live, snapshot.as_deref(), &stop));
        let (mirror, log3, stop) = (views.mirror.clone(), log.clone(), views.stop.clone());
        views.thread("view-mirror", move || follow_mirror(&*log3, &mirror, &stop));
        let (at, place) = (views.history_position.clone(), views.place.clone());
        let stored = move |position| {
            at.store(position, Ordering::Release);
            if let Some(place) = &*place.lock().unwrap_or_else(PoisonError::into_inner) {
                place.advance(position);
            }
        };
        let (runtime, stop) = (tokio::runtime::Handle::current(), views.stop.clone());
        views.thread("view-history", move || follow_history(&*log, &runtime, &history, folder, &stored, &stop));
        Ok(views)
    }

    /// Holds the log's retention back to what the history has stored.
    pub fn keep(&self, place: Option<Consumer>) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    fn thread(&self, name: &'static str, work: impl FnOnce() -> Result<(), String> + Send + 'static) {
        let trouble = self.trouble.clone();
        let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // A panic must be as visible as an error: a view that stands still in silence answers wrongly.
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|_| Err("it panicked".to_owned()));
            if let Err(what) = done {
                tracing::error!(view = name, %what, "a read model has stopped");
                *trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(format!("{name}: {what}"));
            }
        });
        match spawned {
            Ok(handle) => self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(handle),
            Err(error) => *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(format!("{name}: {error}")),
        }
    }

    /// Offset of the next event that the history will fold.
    pub fn history_position(&self) -> u64 {
        self.history_position.load(Ordering::Acquire)
    }

    /// What stopped a thread, if something did.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops the threads and waits for them; the history then stands at a stored position.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Drop for Views {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

/// Reads a chunk of decoded events; returns the offset after the last record looked at.
pub(super) fn read_chunk(
    reader: &mut dyn LogReader,
    next: u64,
    wait: Duration,
    chunk: &mut Vec<(u64, Envelope)>,
) -> Result<u64, ReadError> {
    chunk.clear();
    let mut after = next;
    reader.read(limits::FOLD_EVENTS, wait, &mut |offset, bytes| {
        after = offset + 1;
        match Envelope::decode(bytes) {
            Ok(envelope) => chunk.push((offset, envelope)),
            Err(error) => tracing::warn!(offset, %error, "an event is skipped by the read models"),
        }
    })?;
    Ok(after)
}

fn follow_live(log: &dyn LogSource, live: &LiveView, snapshot: Option<&Path>, stop: &AtomicBool) -> Result<(), String> {
    let mut next = live.position().max(log.start());
    let mut reader = log.reader(next).map_err(|error| error.to_string())?;
    let mut chunk = Vec::with_capacity(limits::FOLD_EVENTS);
    let mut saved = next;
    while !stop.load(Ordering::Acquire) {
        let after = read_chunk(&mut *reader, next, limits::TAIL_WAIT, &mut chunk).map_err(|error| error.to_string())?;
        metrics::gauge!("tandem_view_lag_events", "view" => "live").set(log.end().saturating_sub(after) as f64);
        if after == next {
            continue;
        }
        let begun = Instant::now();
        live.fold(&chunk, after);
        next = after;
        if next - saved >= limits::VIEW_SNAPSHOT_EVENTS {
            saved = next;
            save(live, snapshot);
        }
        gather(begun, &chunk, limits::LIVE_EVERY);
    }
    save(live, snapshot);
    Ok(())
}

pub(super) fn follow_mirror(log: &dyn LogSource, mirror: &Mirror, stop: &AtomicBool) -> Result<(), String> {
    let mut trouble = String::new();
    for _ in 0..limits::MIRROR_STARTS {
        // Retention may remove what a reader has not come to: snapshots then stand for it, and it begins with those.
        match mirror.load(log).map_err(|error| error.to_string()).and_then(|from| mirror_on(log, mirror, from, stop)) {
            Ok(()) => return Ok(()),
            Err(what) => trouble = what,
        }
        tracing::warn!(%trouble, "the replicas begin anew");
    }
    Err(trouble)
}

fn mirror_on(log: &dyn LogSource, mirror: &Mirror, from: u64, stop: &AtomicBool) -> Result<(), String> {
    let mut next = from;
    let mut reader = log.reader(next).map_err(|error| error.to_string())?;
    let mut chunk = Vec::with_capacity(limits::FOLD_EVENTS);
    while !stop.load(Ordering::Acquire) {
        let after = read_chunk(&mut *reader, next, limits::TAIL_WAIT, &mut chunk).map_err(|error| error.to_string())?;
        let lag = log.end().saturating_sub(after);
        metrics::gauge!("tandem_view_lag_events", "view" => "mirror").set(lag as f64);
        if after == next {
            metrics::gauge!("tandem_view_lag_seconds", "view" => "mirror").set(0.0);
            continue;
        }
        let begun = Instant::now();
        mirror.fold(&chunk, after).map_err(|error| error.to_string())?;
        next = after;
        mirror.note_delay(now(), &chunk);
        gather(begun, &chunk, limits::MIRROR_EVERY);
    }
    Ok(())
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

fn follow_history(
    log: &dyn LogSource,
    runtime: &tokio::runtime::Handle,
    history: &History,
    mut folder: super::history::Folder,
    stored: &dyn Fn(u64),
    stop: &AtomicBool,
) -> Result<(), String> {
    super::come_after_calls();
    let first = log.start();
    if folder.position() < first {
        tracing::error!(from = folder.position(), to = first, "the log no longer has events that the call history lacks");
    }
    let mut next = folder.position().max(first);
    let mut reader = log.reader(next).map_err(|error| error.to_string())?;
    let mut chunk = Vec::with_capacity(limits::FOLD_EVENTS);
    while !stop.load(Ordering::Acquire) {
        let after = read_chunk(&mut *reader, next, limits::TAIL_WAIT, &mut chunk).map_err(|error| error.to_string())?;
        metrics::gauge!("tandem_view_lag_events", "view" => "history").set(log.end().saturating_sub(after) as f64);
        if after == next {
            continue;
        }
        let begun = Instant::now();
        for (offset, envelope) in &chunk {
            folder.apply(*offset, envelope);
        }
        runtime.block_on(history.store(&mut folder, after)).map_err(|error| error.to_string())?;
        next = after;
        stored(next);
        gather(begun, &chunk, limits::HISTORY_EVERY);
    }
    Ok(())
}

/// Lets events gather after a fold that took all there were: what comes alone is folded at once, what comes in a stream is
/// folded in chunks. A chunk costs a wake-up of a thread, and for the history a transaction and a row per call in it.
fn gather(begun: Instant, chunk: &[(u64, Envelope)], every: Duration) {
    if chunk.len() < limits::FOLD_EVENTS {
        std::thread::sleep(every.saturating_sub(begun.elapsed()));
    }
}

/// The stored live view, if it is usable: not older than the log, not newer either (the log was replaced).
fn load(file: &Path, range: &std::ops::Range<u64>) -> Option<Live> {
    let bytes = std::fs::read(file).ok()?;
    match serde_json::from_slice::<Live>(&bytes) {
        Ok(live) if live.position >= range.start && live.position <= range.end => Some(live),
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "the stored live view can't be read; it is made again from the log");
            None
        }
    }
}

fn save(live: &LiveView, file: Option<&Path>) {
    let Some(file) = file else { return };
    let written =
        live.read(serde_json::to_string).map_err(std::io::Error::from).and_then(|text| crate::auth::secret::write_private(file, &text));
    if let Err(error) = written {
        tracing::warn!(file = %file.display(), %error, "the live view can't be stored; the next start folds the log again");
    }
}
