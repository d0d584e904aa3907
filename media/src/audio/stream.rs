//! Recordings on their way to a listener's ear: too long to be loaded whole, so one thread reads ahead for all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use crossbeam::queue::ArrayQueue;

use super::record::file::is_path;
use super::record::playback::Playback;
use super::{FRAME, limits};

/// One listener's reading: frames that are ready, and how it ended.
#[derive(Debug)]
pub(crate) struct Stream {
    frames: ArrayQueue<[i16; FRAME]>,
    done: OnceLock<Result<(), String>>,
}

/// What there is for the next tick.
pub(crate) enum Next {
    /// The frame is written.
    Frame,
    /// Not read yet.
    Waiting,
    Ended,
    Failed(String),
}

impl Stream {
    fn new() -> Stream {
        Stream { frames: ArrayQueue::new(limits::STREAM_AHEAD), done: OnceLock::new() }
    }

    pub(crate) fn next(&self, out: &mut [i16; FRAME]) -> Next {
        // Looked at first: what was read before the end is in the queue then.
        let done = self.done.get();
        match (self.frames.pop(), done) {
            (Some(frame), _) => {
                *out = frame;
                Next::Frame
            }
            (None, None) => Next::Waiting,
            (None, Some(Ok(()))) => Next::Ended,
            (None, Some(Err(error))) => Next::Failed(error.clone()),
        }
    }

    fn end(&self, how: Result<(), String>) {
        // Only the reader ends it, once.
        let _ = self.done.set(how);
    }
}

/// Reads recordings below a folder.
pub(crate) struct Streams {
    root: Option<PathBuf>,
    reader: Option<Sender<Job>>,
}

struct Job {
    path: PathBuf,
    from_ms: u64,
    stream: Arc<Stream>,
}

impl Streams {
    pub(crate) fn new(root: Option<PathBuf>) -> Streams {
        Streams { root, reader: None }
    }

    /// Begins to read a recording. Whether it can be read shows in the stream.
    pub(crate) fn open(&mut self, path: &str, from_ms: u64) -> Result<Arc<Stream>, &'static str> {
        let root = self.root.as_ref().ok_or("no folder of recordings is configured")?;
        if !is_path(path) {
            return Err("not a path of a recording");
        }
        let job = Job { path: root.join(path), from_ms, stream: Arc::new(Stream::new()) };
        let stream = Arc::clone(&job.stream);
        if self.reader.is_none() {
            let (sender, jobs) = bounded(limits::STREAM_QUEUE);
            let started = std::thread::Builder::new().name("rtp-streams".into()).spawn(move || serve(&jobs));
            started.map_err(|_| "the reader could not be started")?;
            self.reader = Some(sender);
        }
        let reader = self.reader.as_ref().ok_or("the reader is gone")?;
        reader.try_send(job).map_err(|_| "too many recordings wait to be opened")?;
        Ok(stream)
    }
}

/// Reads ahead for every listener until nobody can open a stream any more.
fn serve(jobs: &Receiver<Job>) {
    let mut open: Vec<(Playback, Arc<Stream>)> = Vec::new();
    loop {
        let job =
            if open.is_empty() { jobs.recv().map_err(|_| RecvTimeoutError::Disconnected) } else { jobs.recv_timeout(limits::STREAM_TURN) };
        match job {
            Ok(job) if open.len() >= limits::STREAMS => job.stream.end(Err("too many recordings are being played".to_owned())),
            Ok(job) => match guarded(&job.path, || Playback::open(&job.path, job.from_ms)) {
                Ok(playback) => open.push((playback, job.stream)),
                Err(error) => job.stream.end(Err(error)),
            },
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        open.retain_mut(|(playback, stream)| {
            // The listener has hung up, or hears something else.
            if Arc::strong_count(stream) == 1 {
                return false;
            }
            match guarded(Path::new("recording"), || read_ahead(playback, stream)) {
                Ok(true) => true,
                Ok(false) => {
                    stream.end(Ok(()));
                    false
                }
                Err(error) => {
                    stream.end(Err(error));
                    false
                }
            }
        });
    }
}

/// Fills up what is ready; false at the end.
fn read_ahead(playback: &mut Playback, stream: &Stream) -> Result<bool, String> {
    while !stream.frames.is_full() {
        match playback.frame()? {
            Some(frame) => drop(stream.frames.push(frame)),
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// A file that a reader trips over fails alone.
fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(format!("{}: the reader failed on this file", path.display())))
}
