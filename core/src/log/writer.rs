//! Appending: one write and one sync for everything that waits.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::commits::Shared;
use super::limits::{DEFAULT_SEGMENT_BYTES, MARK_BYTES, MAX_RECORD_BYTES, MAX_SEGMENT_BYTES, MIN_SEGMENT_BYTES, WRITE_BYTES};
use super::lock::Lock;
use super::reader::LogTail;
use super::recover::{self, Recovered};
use super::segment::{self, FRAME_BYTES, HEADER_BYTES};
use super::{Batch, EventLog, LogError, Offset};

/// When a commit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Once it is on the disk (fdatasync before every acknowledgement). What was acknowledged survives power loss.
    Always,
    /// Once the operating system has it; it goes to the disk at this interval. Survives the end of the process; power
    /// loss costs what was written since the last sync.
    Interval(Duration),
    /// Once the operating system has it, which writes it when it likes.
    Os,
}

/// How the log is kept.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// The folder; made if it is not there.
    pub dir: PathBuf,
    /// Bytes after which a new segment begins; also what is preallocated.
    pub segment_bytes: u64,
    /// When a commit counts.
    pub durability: Durability,
}

impl LogConfig {
    /// The usual: 64 MiB segments, every commit on the disk.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        LogConfig { dir: dir.into(), segment_bytes: DEFAULT_SEGMENT_BYTES, durability: Durability::Always }
    }
}

/// The embedded log, open for writing. Dropping it without [`FileLog::close`] is what a crash does: everything
/// acknowledged is there at the next start.
pub struct FileLog {
    config: LogConfig,
    file: File,
    path: PathBuf,
    base: Offset,
    next: Offset,
    /// Where the next record goes in the current segment.
    position: u64,
    /// Everything before it in the current segment is durable.
    synced: u64,
    /// Position of the last mark left for readers.
    marked: u64,
    last_sync: Instant,
    failed: bool,
    frames: Vec<u8>,
    recovered: Recovered,
    shared: Arc<Shared>,
    _lock: Lock,
}

impl std::fmt::Debug for FileLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileLog").field("path", &self.path).field("next", &self.next).field("failed", &self.failed).finish()
    }
}

impl FileLog {
    /// Opens the log for writing, repairs a torn tail, refuses damage.
    pub fn open(mut config: LogConfig) -> Result<FileLog, LogError> {
        config.segment_bytes = config.segment_bytes.clamp(MIN_SEGMENT_BYTES, MAX_SEGMENT_BYTES);
        fs::create_dir_all(&config.dir).map_err(|e| LogError::io(&config.dir, e))?;
        let lock = Lock::take(&config.dir)?;
        let recovered = recover::recover(&config.dir)?;
        let (file, path) = match recovered.last {
            Some(base) => {
                let path = segment::plain_path(&config.dir, base);
                (open_at(&path, recovered.position, config.segment_bytes)?, path)
            }
            None => create_segment(&config.dir, recovered.next, config.segment_bytes)?,
        };
        let base = recovered.last.unwrap_or(recovered.next);
        let position = if recovered.last.is_some() { recovered.position } else { HEADER_BYTES as u64 };
        let shared = Arc::new(Shared::new(recovered.next));
        shared.begin_segment(base);
        shared.mark(recovered.next, position);
        Ok(FileLog {
            file,
            path,
            base,
            next: recovered.next,
            position,
            synced: position,
            marked: position,
            last_sync: Instant::now(),
            failed: false,
            frames: Vec::new(),
            recovered,
            shared,
            config,
            _lock: lock,
        })
    }

    /// What was found when it was opened.
    pub fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    /// Readers from any offset.
    pub fn tail(&self) -> LogTail {
        LogTail::live(&self.config.dir, Arc::clone(&self.shared))
    }

    /// Offset of the next record.
    pub fn next_offset(&self) -> Offset {
        self.next
    }

    /// Syncs and lets go of the lock.
    pub fn close(mut self) -> Result<(), LogError> {
        self.sync()
    }

    fn check(&self, batch: &Batch) -> Result<(), LogError> {
        if self.failed {
            return Err(LogError::Failed { path: self.path.clone() });
        }
        match batch.records().find(|record| record.is_empty() || record.len() > MAX_RECORD_BYTES) {
            Some(record) => Err(LogError::RecordSize { bytes: record.len(), limit: MAX_RECORD_BYTES }),
            None => Ok(()),
        }
    }

    /// Writes what `check` has let through, in as few writes as segments and memory allow, and syncs once at the end.
    /// After an error nothing is known about the file any more.
    fn write(&mut self, batch: &Batch) -> Result<(), LogError> {
        for record in batch.records() {
            let bytes = (self.frames.len() + FRAME_BYTES + record.len()) as u64;
            let full = self.position + bytes > self.config.segment_bytes;
            if full || self.frames.len() > WRITE_BYTES {
                self.flush()?;
            }
            if full && self.position > HEADER_BYTES as u64 {
                self.roll()?;
            }
            // A segment is at most 256 MiB plus one record, so positions fit.
            let synced = u32::try_from(self.synced).unwrap_or(u32::MAX);
            segment::frame(&mut self.frames, synced, record);
            self.next += 1;
        }
        self.flush()?;
        match self.config.durability {
            Durability::Always => self.sync_now(),
            Durability::Interval(interval) if self.last_sync.elapsed() >= interval => self.sync_now(),
            Durability::Interval(_) | Durability::Os => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<(), LogError> {
        self.file.write_all(&self.frames).map_err(|e| LogError::io(&self.path, e))?;
        self.position += self.frames.len() as u64;
        self.frames.clear();
        if self.position >= self.marked + MARK_BYTES {
            self.shared.mark(self.next, self.position);
            self.marked = self.position;
        }
        Ok(())
    }

    fn sync_now(&mut self) -> Result<(), LogError> {
        if self.synced < self.position {
            self.file.sync_data().map_err(|e| LogError::io(&self.path, e))?;
            self.synced = self.position;
        }
        self.last_sync = Instant::now();
        Ok(())
    }

    /// Seals the current segment (durable, no zeros behind the last record) and begins the next.
    fn roll(&mut self) -> Result<(), LogError> {
        self.file.set_len(self.position).and_then(|()| self.file.sync_all()).map_err(|e| LogError::io(&self.path, e))?;
        let (file, path) = create_segment(&self.config.dir, self.next, self.config.segment_bytes)?;
        (self.file, self.path) = (file, path);
        self.base = self.next;
        self.position = HEADER_BYTES as u64;
        self.synced = self.position;
        self.marked = self.position;
        self.shared.begin_segment(self.base);
        Ok(())
    }
}

impl EventLog for FileLog {
    fn append(&mut self, batch: &Batch) -> Result<Range<Offset>, LogError> {
        self.check(batch)?;
        let first = self.next;
        if batch.is_empty() {
            return Ok(first..first);
        }
        if let Err(error) = self.write(batch) {
            // After a failed write or sync the page cache may say what the disk does not: no second try can be believed.
            self.failed = true;
            return Err(error);
        }
        self.shared.publish(self.next);
        let bytes = batch.bytes.len() + batch.len() * FRAME_BYTES;
        metrics::counter!("tandem_log_bytes_total").increment(bytes as u64);
        Ok(first..self.next)
    }

    fn sync(&mut self) -> Result<(), LogError> {
        if self.failed {
            return Err(LogError::Failed { path: self.path.clone() });
        }
        self.sync_now().inspect_err(|_| self.failed = true)
    }

    fn sync_due(&self) -> Option<Duration> {
        match self.config.durability {
            Durability::Interval(interval) if self.synced < self.position => Some(interval.saturating_sub(self.last_sync.elapsed())),
            _ => None,
        }
    }
}

impl Drop for FileLog {
    fn drop(&mut self) {
        self.shared.close();
    }
}

fn open_at(path: &Path, position: u64, segment_bytes: u64) -> Result<File, LogError> {
    let attempt = || {
        let mut file = fs::OpenOptions::new().read(true).write(true).open(path)?;
        preallocate(&file, segment_bytes)?;
        file.seek(SeekFrom::Start(position))?;
        Ok(file)
    };
    attempt().map_err(|e| LogError::io(path, e))
}

/// Makes a segment whole before it gets its name: a crash leaves none or a good one.
fn create_segment(dir: &Path, base: Offset, segment_bytes: u64) -> Result<(File, PathBuf), LogError> {
    let path = segment::plain_path(dir, base);
    let temporary = path.with_extension("tmp");
    let attempt = || {
        let mut file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&temporary)?;
        file.write_all(&segment::header(base))?;
        preallocate(&file, segment_bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        Ok(file)
    };
    let file = attempt().map_err(|e| LogError::io(&path, e))?;
    segment::sync_dir(dir)?;
    Ok((file, path))
}

/// Reserves room: later syncs need not wait for the file to grow, and a full disk shows at the roll, not in a call.
fn preallocate(file: &File, bytes: u64) -> std::io::Result<()> {
    use fs4::fs_std::FileExt;
    if file.metadata()?.len() >= bytes {
        return Ok(());
    }
    match file.allocate(bytes) {
        // A file system without the call grows the file as it is written, as any other file.
        Err(e) if e.kind() == std::io::ErrorKind::Unsupported => Ok(()),
        other => other,
    }
}
