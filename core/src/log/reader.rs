//! Reading from any offset, and following what is written.
//!
//! [`LogTail`] makes readers. In the writer's process it knows how far the log is committed and wakes readers; opened
//! on a folder ([`LogTail::read_only`]) it needs no lock and follows another process's log by looking now and then. It
//! may then see records a moment before they are durable.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::commits::{CommitHook, Consumer, HookGuard, Shared};
use super::limits::{POLL_INTERVAL, READ_BYTES, TAIL_BYTES};
use super::recover::damaged;
use super::segment::{self, HEADER_BYTES, Parsed, SegmentFile};
use super::{LogError, Offset};

/// Makes readers of one log. Cheap to clone.
#[derive(Clone)]
pub struct LogTail {
    dir: Arc<Path>,
    shared: Option<Arc<Shared>>,
}

impl std::fmt::Debug for LogTail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogTail").field("dir", &self.dir).field("live", &self.shared.is_some()).finish()
    }
}

impl LogTail {
    pub(super) fn live(dir: &Path, shared: Arc<Shared>) -> Self {
        LogTail { dir: Arc::from(dir), shared: Some(shared) }
    }

    /// A log that this process doesn't write: another may, at the same time.
    pub fn read_only(dir: impl AsRef<Path>) -> Self {
        LogTail { dir: Arc::from(dir.as_ref()), shared: None }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A reader that begins at `from`.
    pub fn reader(&self, from: Offset) -> Reader {
        Reader { tail: self.clone(), next: from, open: None, buffer: Vec::new(), at: 0, ahead: READ_BYTES }
    }

    /// Offset of the first record that is still there (the next one's in an empty log).
    pub fn first(&self) -> Result<Offset, LogError> {
        Ok(segment::list(&self.dir)?.first().map_or(0, |segment| segment.base))
    }

    /// Offset behind the last committed record.
    pub fn end(&self) -> Result<Offset, LogError> {
        if let Some(shared) = &self.shared {
            return Ok(shared.committed());
        }
        let mut reader = self.reader(segment::list(&self.dir)?.last().map_or(0, |segment| segment.base));
        while reader.next()?.is_some() {}
        Ok(reader.position())
    }

    /// Calls `hook` on the log thread after each commit, with the new end of the log: to wake a task, say. The hook
    /// stays until the guard is dropped. Never called for a log that is only read.
    pub fn on_commit(&self, hook: impl Fn(Offset) + Send + Sync + 'static) -> Option<HookGuard> {
        let hook: CommitHook = Box::new(hook);
        self.shared.as_ref().map(|shared| shared.hook(hook))
    }

    /// Registers a reader whose unread segments retention must leave. Drops out when the last clone is dropped.
    pub fn consumer(&self, name: &str, position: Offset) -> Option<Consumer> {
        self.shared.as_ref().map(|shared| shared.consumer(name, position))
    }

    /// Name and position of the slowest registered consumer.
    pub fn slowest_consumer(&self) -> Option<(String, Offset)> {
        self.shared.as_ref().and_then(|shared| shared.slowest())
    }

    /// The writer has been closed: no record will follow.
    pub fn closed(&self) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.closed())
    }

    fn committed(&self) -> Offset {
        self.shared.as_ref().map_or(Offset::MAX, |shared| shared.committed())
    }
}

/// One record, lent from the reader's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its place in the node's log.
    pub offset: Offset,
    /// The envelope as JSON.
    pub body: &'a [u8],
}

/// Reads records in order. Belongs to one thread; never blocks the writer.
pub struct Reader {
    tail: LogTail,
    /// Offset of the next record to give out.
    next: Offset,
    open: Option<Open>,
    /// Bytes read ahead; those before `at` are done with.
    buffer: Vec<u8>,
    at: usize,
    /// Bytes to read at once: few at the log's end, where zeros follow, more and more while there are records.
    ahead: usize,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("tail", &self.tail).field("next", &self.next).finish()
    }
}

/// The segment being read.
struct Open {
    file: SegmentFile,
    source: Source,
    /// Offset of the record at the buffer's `at`: below `next` while skipping to it.
    offset: Offset,
    /// Position of the buffer's `at` in the segment.
    position: u64,
}

enum Source {
    Plain(File),
    Packed(Box<zstd::stream::read::Decoder<'static, std::io::BufReader<File>>>),
}

impl Source {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Source::Plain(file) => file.read(into),
            Source::Packed(decoder) => decoder.read(into),
        }
    }
}

/// What a look at the file found.
enum Step {
    Body(std::ops::Range<usize>),
    /// No record here yet; another segment may follow.
    End,
    /// A record that is being written, or damage.
    Bad(&'static str),
}

impl Reader {
    /// Offset of the next record.
    pub fn position(&self) -> Offset {
        self.next
    }

    /// The next record, or `None` if there is none yet.
    #[allow(clippy::should_implement_trait, reason = "lends from its buffer, which Iterator can't")]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, LogError> {
        match self.advance()? {
            Some(body) => {
                let body = self.buffer.get(body).unwrap_or_default();
                Ok(Some(Record { offset: self.next - 1, body }))
            }
            None => Ok(None),
        }
    }

    /// Waits until there may be another record; false if time was up or the log was closed.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        if let Some(shared) = &self.tail.shared {
            return shared.wait_beyond(self.next, timeout);
        }
        let deadline = Instant::now() + timeout.min(Duration::from_secs(3600));
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if self.peek() {
                return true;
            }
            if left.is_zero() {
                return false;
            }
            std::thread::sleep(left.min(POLL_INTERVAL));
        }
    }

    /// Whether `next` would give something or an error.
    fn peek(&mut self) -> bool {
        let before = self.next;
        match self.advance() {
            Ok(Some(body)) => {
                // Step back: the record is still in the buffer.
                let whole = body.len() + segment::FRAME_BYTES;
                self.at -= whole;
                self.next = before;
                if let Some(open) = &mut self.open {
                    open.position -= whole as u64;
                    open.offset -= 1;
                }
                true
            }
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// Moves behind the next record and says where its body is in the buffer.
    fn advance(&mut self) -> Result<Option<std::ops::Range<usize>>, LogError> {
        // Between two looks at files the writer goes on: what is wrong counts only if it still is once the segment is
        // known to be finished.
        let mut finished = false;
        loop {
            if self.next >= self.tail.committed() {
                return Ok(None);
            }
            if self.open.is_none() && !self.locate()? {
                return Ok(None);
            }
            let step = self.step()?;
            let Some(open) = &mut self.open else { continue };
            let what = match step {
                Step::Body(body) => {
                    open.offset += 1;
                    if open.offset > self.next {
                        self.next = open.offset;
                        return Ok(Some(body));
                    }
                    continue;
                }
                Step::End => {
                    if self.next_segment()? {
                        finished = false;
                        continue;
                    }
                    "a record is missing"
                }
                Step::Bad(what) => what,
            };
            if finished {
                return self.wrong(what);
            }
            if !self.is_finished()? {
                return self.end_or_hole();
            }
            finished = true;
            self.reread()?;
        }
    }

    /// Looks at the record at the buffer's start, reading more as needed.
    fn step(&mut self) -> Result<Step, LogError> {
        let mut fresh = false;
        loop {
            let seen = self.buffer.get(self.at..).unwrap_or_default();
            let wanted = match segment::parse(seen) {
                Parsed::Record { body, .. } => {
                    let body = self.at + body.start..self.at + body.end;
                    if let Some(open) = &mut self.open {
                        open.position += (body.end - self.at) as u64;
                    }
                    self.at = body.end;
                    return Ok(Step::Body(body));
                }
                Parsed::Short(wanted) => wanted,
                // What was read ahead may have been written on since: look again, once.
                Parsed::End | Parsed::Bad(_) if !fresh && self.reread()? => {
                    fresh = true;
                    continue;
                }
                Parsed::End => return Ok(Step::End),
                Parsed::Bad(what) => return Ok(Step::Bad(what)),
            };
            if !self.fill(wanted)? {
                let rest = self.buffer.get(self.at..).unwrap_or_default();
                let zeros = rest.iter().all(|byte| *byte == 0);
                return Ok(if zeros { Step::End } else { Step::Bad("a record that the file's end cuts off") });
            }
            fresh = true;
        }
    }

    /// Reads until the buffer holds `wanted` bytes from `at`; false at the file's end.
    fn fill(&mut self, wanted: usize) -> Result<bool, LogError> {
        let Some(open) = &mut self.open else { return Ok(false) };
        self.buffer.drain(..self.at.min(self.buffer.len()));
        self.at = 0;
        while self.buffer.len() < wanted {
            let have = self.buffer.len();
            self.buffer.resize(have + self.ahead.max(wanted - have), 0);
            self.ahead = (self.ahead * 4).min(READ_BYTES);
            let into = self.buffer.get_mut(have..).unwrap_or_default();
            let read = open.source.read(into);
            let got = *read.as_ref().unwrap_or(&0);
            self.buffer.truncate(have + got);
            match read {
                Ok(0) => {
                    // A plain file may have grown by the next look.
                    return Ok(false);
                }
                Ok(_) => {}
                Err(e) if matches!(open.source, Source::Packed(_)) => {
                    return Err(damaged(&open.file, open.position as usize, format!("compressed data: {e}")));
                }
                Err(e) => return Err(LogError::io(&open.file.path, e)),
            }
        }
        Ok(true)
    }

    /// Throws what was read ahead away and reads it again; false if the file can't have changed.
    fn reread(&mut self) -> Result<bool, LogError> {
        let Some(open) = &mut self.open else { return Ok(false) };
        let Source::Plain(file) = &mut open.source else { return Ok(false) };
        file.seek(SeekFrom::Start(open.position)).map_err(|e| LogError::io(&open.file.path, e))?;
        self.buffer.clear();
        self.at = 0;
        self.ahead = TAIL_BYTES;
        self.fill(segment::FRAME_BYTES)?;
        Ok(true)
    }

    /// Opens the segment that holds `next`; false if none does yet.
    fn locate(&mut self) -> Result<bool, LogError> {
        // Between looking and opening, retention may compress or remove a segment: look again then.
        let mut looks = 0;
        loop {
            looks += 1;
            let segments = segment::list(&self.tail.dir)?;
            let Some(file) = segments.iter().rev().find(|segment| segment.base <= self.next) else {
                return match segments.first() {
                    Some(first) => Err(LogError::Removed { offset: self.next, first: first.base }),
                    None => Ok(false),
                };
            };
            match self.open_segment(file.clone()) {
                Err(LogError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound && looks < 3 => {}
                other => return other.map(|()| true),
            }
        }
    }

    fn open_segment(&mut self, file: SegmentFile) -> Result<(), LogError> {
        let opened = File::open(&file.path).map_err(|e| LogError::io(&file.path, e))?;
        let mut source = if file.packed {
            let decoder = zstd::stream::read::Decoder::new(opened).map_err(|e| LogError::io(&file.path, e))?;
            Source::Packed(Box::new(decoder))
        } else {
            Source::Plain(opened)
        };
        let mut head = [0u8; HEADER_BYTES];
        let mut have = 0;
        while have < HEADER_BYTES {
            match source.read(&mut head[have..]).map_err(|e| LogError::io(&file.path, e))? {
                0 => break,
                got => have += got,
            }
        }
        segment::check_header(&head[..have], file.base).map_err(|what| damaged(&file, 0, what))?;
        let (mut offset, mut position) = (file.base, HEADER_BYTES as u64);
        if let (Source::Plain(plain), Some(shared)) = (&mut source, &self.tail.shared)
            && let Some(place) = shared.place(file.base, self.next)
        {
            (offset, position) = place;
            plain.seek(SeekFrom::Start(position)).map_err(|e| LogError::io(&file.path, e))?;
        }
        self.buffer.clear();
        self.at = 0;
        self.open = Some(Open { file, source, offset, position });
        Ok(())
    }

    /// Goes on to the segment that begins where this one ends; false if there is none.
    fn next_segment(&mut self) -> Result<bool, LogError> {
        let Some(open) = &self.open else { return Ok(false) };
        if open.offset == open.file.base {
            return Ok(false);
        }
        let base = open.offset;
        let plain = segment::plain_path(&self.tail.dir, base);
        if !plain.exists() && !segment::packed_path(&self.tail.dir, base).exists() {
            return Ok(false);
        }
        self.open = None;
        self.locate()
    }

    /// Whether what should stand at `offset` must be there by now: it is committed, or a later segment was begun.
    fn is_finished(&self) -> Result<bool, LogError> {
        let Some(open) = &self.open else { return Ok(false) };
        if self.tail.shared.is_some() || open.file.packed {
            return Ok(true);
        }
        Ok(segment::list(&self.tail.dir)?.iter().any(|later| later.base > open.file.base))
    }

    /// At the end of another process's log: nothing yet, or a record that is being written, or damage that records
    /// written later give away.
    fn end_or_hole(&self) -> Result<Option<std::ops::Range<usize>>, LogError> {
        let Some(open) = &self.open else { return Ok(None) };
        let seen = self.buffer.get(self.at..).unwrap_or_default();
        if seen.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let bytes = segment::load(&open.file)?;
        let position = open.position as usize;
        let still_bad = !matches!(segment::parse(bytes.get(position..).unwrap_or_default()), Parsed::Record { .. });
        if still_bad && segment::promised(&bytes, position) {
            return self.wrong("a bad record, and good records follow");
        }
        Ok(None)
    }

    fn wrong(&self, what: &str) -> Result<Option<std::ops::Range<usize>>, LogError> {
        match &self.open {
            Some(open) => Err(damaged(&open.file, open.position as usize, format!("{what} (offset {})", open.offset))),
            None => Ok(None),
        }
    }
}
