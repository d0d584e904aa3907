//! A recording's file: its name while it grows, its name when it is whole, and what a crash left behind.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::opus::{self, OpusSink};
use super::wav::{self, WavSink};
use crate::audio::record::CHANNELS;
use crate::audio::{RATE, limits};
use tandem_core::RecordingId;
use tandem_core::recording::RecordingFormat;

/// Why there is no recording. Names the file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A path that could lead elsewhere, or that no file system likes.
    #[error("`{path}` is no path of a recording: up to {max} parts of letters, digits, `-`, `_`, `+`, `@` and inner dots, {length} bytes in all", max = limits::RECORD_PATH_PARTS, length = limits::RECORD_PATH)]
    Path {
        /// The path.
        path: String,
    },
    /// Recordings are never written over.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// The system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

/// A file that is being written.
pub struct RecordingFile {
    part: PathBuf,
    whole: PathBuf,
    relative: String,
    sink: Sink,
    samples: u64,
}

enum Sink {
    Wav(WavSink<File>),
    Opus(OpusSink<File>),
}

/// A file that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Path below the folder of recordings, with its extension.
    pub path: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Length in milliseconds.
    pub duration_ms: u64,
}

/// What became of a file that a crash left behind.
#[derive(Debug)]
pub struct Recovered {
    /// Which recording it was.
    pub recording: RecordingId,
    /// Its path below the folder of recordings, with its extension.
    pub path: String,
    /// The file made whole, or why it could not be.
    pub result: Result<Finished, String>,
}

impl RecordingFile {
    /// Begins `path` (without extension) below `root`. Folders on the way are made.
    pub fn create(root: &Path, path: &str, format: RecordingFormat, recording: RecordingId) -> Result<RecordingFile, FileError> {
        if !is_path(path) {
            return Err(FileError::Path { path: path.chars().take(limits::RECORD_PATH).collect() });
        }
        let relative = format!("{path}.{}", format.extension());
        let whole = root.join(&relative);
        let part = root.join(format!("{relative}.{recording}.part"));
        let failed = |error| FileError::Io { path: part.clone(), error };
        if let Some(folder) = whole.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        if whole.exists() {
            return Err(FileError::Exists(whole));
        }
        let file = OpenOptions::new().write(true).create_new(true).open(&part).map_err(failed)?;
        let sink = match format {
            RecordingFormat::Wav => WavSink::new(file).map(Sink::Wav),
            RecordingFormat::Opus => OpusSink::new(file, recording.0 as u32).map(Sink::Opus),
        };
        Ok(RecordingFile { sink: sink.map_err(failed)?, part, whole, relative, samples: 0 })
    }

    /// Appends samples, left and right in turn.
    pub fn write(&mut self, samples: &[i16]) -> Result<(), FileError> {
        self.samples += (samples.len() / CHANNELS) as u64;
        let written = match &mut self.sink {
            Sink::Wav(sink) => sink.write(samples),
            Sink::Opus(sink) => sink.write(samples),
        };
        written.map_err(|error| FileError::Io { path: self.part.clone(), error })
    }

    /// Samples per channel so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Ends the file and gives it its name.
    pub fn finish(self) -> Result<Finished, FileError> {
        let RecordingFile { part, whole, relative, sink, samples } = self;
        let failed = |error| FileError::Io { path: part.clone(), error };
        match sink {
            Sink::Wav(sink) => sink.finish().map(drop),
            Sink::Opus(sink) => sink.finish(),
        }
        .map_err(failed)?;
        let bytes = std::fs::metadata(&part).map_err(failed)?.len();
        rename(&part, &whole)?;
        Ok(Finished { path: relative, bytes, duration_ms: samples * 1000 / u64::from(RATE) })
    }
}

/// Makes whole what a crash left below `root`, and hands each file to `tell`. At most [`limits::RECORD_RECOVERED`] per
/// start; the rest waits for the next one.
pub fn recover(root: &Path, mut tell: impl FnMut(Recovered)) -> io::Result<usize> {
    let mut parts = Vec::new();
    match find_parts(root, limits::RECORD_PATH_PARTS, &mut parts) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        found => found?,
    }
    let count = parts.len();
    for part in parts {
        let Some((recording, relative)) = name_of(root, &part) else { continue };
        let result = make_whole(root, &part, &relative);
        tell(Recovered { recording, path: relative, result });
    }
    Ok(count)
}

fn find_parts(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        if found.len() >= limits::RECORD_RECOVERED {
            return Ok(());
        }
        if kind.is_dir() && depth > 0 {
            find_parts(&path, depth - 1, found)?;
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "part") {
            found.push(path);
        }
    }
    Ok(())
}

/// Recording and path of a part file: `<path>.<wav|opus>.<recording>.part`.
fn name_of(root: &Path, part: &Path) -> Option<(RecordingId, String)> {
    let relative = part.strip_prefix(root).ok()?.to_str()?.strip_suffix(".part")?;
    let (path, recording) = relative.rsplit_once('.')?;
    Some((recording.parse().ok()?, path.to_owned()))
}

fn make_whole(root: &Path, part: &Path, relative: &str) -> Result<Finished, String> {
    let failed = |error: io::Error| format!("{}: {error}", part.display());
    let mut file = OpenOptions::new().read(true).write(true).open(part).map_err(failed)?;
    let repaired = match Path::new(relative).extension().and_then(|extension| extension.to_str()) {
        Some("wav") => wav::repair(&mut file).map(Some),
        Some("opus") => opus::repair(&mut file),
        _ => return Err(format!("{}: neither WAV nor Opus", part.display())),
    };
    let Some((bytes, duration_ms)) = repaired.map_err(failed)? else {
        std::fs::remove_file(part).map_err(failed)?;
        return Err(format!("{}: nothing was written before the crash", part.display()));
    };
    drop(file);
    rename(part, &root.join(relative)).map_err(|error| error.to_string())?;
    Ok(Finished { path: relative.to_owned(), bytes, duration_ms })
}

/// A link fails if the name is taken, where a rename would write over it.
fn rename(part: &Path, whole: &Path) -> Result<(), FileError> {
    let linked = std::fs::hard_link(part, whole);
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(FileError::Exists(whole.to_owned())),
        // Not every file system has links.
        Err(_) if !whole.exists() => {
            return std::fs::rename(part, whole).map_err(|error| FileError::Io { path: part.to_owned(), error });
        }
        Err(error) => return Err(FileError::Io { path: part.to_owned(), error }),
    }
    std::fs::remove_file(part).map_err(|error| FileError::Io { path: part.to_owned(), error })
}

/// Relative, without a way up, without what a shell or a browser would stumble over.
pub fn is_path(path: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+@.".contains(&byte))
    };
    path.len() <= limits::RECORD_PATH && path.split('/').count() <= limits::RECORD_PATH_PARTS && path.split('/').all(part)
}

#[cfg(test)]
mod tests;
