//! What of the log may go, and making what stays smaller.
//!
//! A segment goes only if three agree: the policy (too many bytes, or too old), the checkpoint (a start can do without
//! it) and the slowest consumer (everybody has read it).

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::limits::ZSTD_LEVEL;
use super::segment::{self, SegmentFile};
use super::{LogError, Offset};

/// What to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Bytes on disk that sealed segments may take; `None` keeps all.
    pub max_bytes: Option<u64>,
    /// Age after which a sealed segment goes; `None` keeps all.
    pub max_age: Option<Duration>,
    /// Compress sealed segments (JSON shrinks to a tenth).
    pub compress: bool,
}

/// A segment as retention sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Offset behind its last record.
    pub end: Offset,
    /// Bytes on disk.
    pub bytes: u64,
    /// Since it was sealed.
    pub age: Duration,
}

/// How many of the oldest segments go, and whether `covered` or `needed` kept back some that the policy would remove.
/// `covered`: a start reads from there. `needed`: the slowest consumer reads from there.
pub fn plan(policy: &Retention, sealed: &[Sealed], covered: Offset, needed: Option<Offset>) -> (usize, bool) {
    let mut left: u64 = sealed.iter().map(|segment| segment.bytes).sum();
    let mut wanted = 0;
    for segment in sealed {
        let too_many = policy.max_bytes.is_some_and(|max| left > max);
        let too_old = policy.max_age.is_some_and(|max| segment.age > max);
        if !too_many && !too_old {
            break;
        }
        left -= segment.bytes;
        wanted += 1;
    }
    let limit = needed.map_or(covered, |needed| covered.min(needed));
    let allowed = sealed.iter().take(wanted).take_while(|segment| segment.end <= limit).count();
    (allowed, allowed < wanted)
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// Segments removed.
    pub removed: usize,
    /// Segments compressed.
    pub compressed: usize,
    /// The policy wants more removed than checkpoint and consumers allow.
    pub held_back: bool,
}

/// Carries the policy out. The last segment is never touched: it is being written.
pub fn apply(dir: &Path, policy: &Retention, covered: Offset, needed: Option<Offset>, now: SystemTime) -> Result<Kept, LogError> {
    let segments = segment::list(dir)?;
    let mut sealed = Vec::new();
    for pair in segments.windows(2) {
        let [this, next] = pair else { continue };
        let about = fs::metadata(&this.path).map_err(|e| LogError::io(&this.path, e))?;
        let age = about.modified().ok().and_then(|then| now.duration_since(then).ok()).unwrap_or_default();
        sealed.push((this, Sealed { end: next.base, bytes: about.len(), age }));
    }
    let figures: Vec<Sealed> = sealed.iter().map(|(_, figures)| *figures).collect();
    let (going, held_back) = plan(policy, &figures, covered, needed);
    // Oldest first, so that what is left never has a hole.
    for (segment, _) in sealed.iter().take(going) {
        fs::remove_file(&segment.path).map_err(|e| LogError::io(&segment.path, e))?;
        if !segment.packed {
            remove_if_there(&segment::packed_path(dir, segment.base))?;
        }
        tracing::info!(path = %segment.path.display(), "event log: an old segment was removed");
    }
    let mut kept = Kept { removed: going, compressed: 0, held_back };
    if policy.compress {
        for (segment, _) in sealed.iter().skip(going).filter(|(segment, _)| !segment.packed) {
            pack(dir, segment)?;
            kept.compressed += 1;
        }
    }
    if kept.removed + kept.compressed > 0 {
        segment::sync_dir(dir)?;
    }
    Ok(kept)
}

/// Replaces a sealed segment by its compressed form. Readers that have it open go on reading the old file.
fn pack(dir: &Path, sealed: &SegmentFile) -> Result<(), LogError> {
    let path = segment::packed_path(dir, sealed.base);
    let temporary = path.with_extension("tmp");
    let attempt = || -> io::Result<()> {
        let plain = File::open(&sealed.path)?;
        let modified = plain.metadata()?.modified()?;
        let mut packer = zstd::stream::write::Encoder::new(BufWriter::new(File::create(&temporary)?), ZSTD_LEVEL)?;
        packer.include_checksum(true)?;
        io::copy(&mut BufReader::new(plain), &mut packer)?;
        let mut file = packer.finish()?;
        file.flush()?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        // Its age is that of its events.
        file.set_modified(modified)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)
    };
    attempt().map_err(|e| LogError::io(&path, e))?;
    // The new name must be durable before the old one goes.
    segment::sync_dir(dir)?;
    remove_if_there(&sealed.path)
}

fn remove_if_there(path: &Path) -> Result<(), LogError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(LogError::io(path, e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn sealed() -> Vec<Sealed> {
        (1..=4u32).map(|n| Sealed { end: u64::from(n) * 100, bytes: 10, age: DAY * (5 - n) }).collect()
    }

    #[test]
    fn without_a_limit_everything_stays() {
        assert_eq!(plan(&Retention::default(), &sealed(), 1_000, None), (0, false));
    }

    #[test]
    fn bytes_and_age_take_the_oldest() {
        let bytes = Retention { max_bytes: Some(25), ..Retention::default() };
        assert_eq!(plan(&bytes, &sealed(), 1_000, None), (2, false));
        let age = Retention { max_age: Some(DAY * 3), ..Retention::default() };
        assert_eq!(plan(&age, &sealed(), 1_000, None), (1, false));
    }

    #[test]
    fn nothing_goes_that_a_start_or_a_consumer_needs() {
        let all = Retention { max_bytes: Some(0), ..Retention::default() };
        assert_eq!(plan(&all, &sealed(), 1_000, None), (4, false));
        assert_eq!(plan(&all, &sealed(), 250, None), (2, true));
        assert_eq!(plan(&all, &sealed(), 250, Some(199)), (1, true));
        assert_eq!(plan(&all, &sealed(), 0, None), (0, true));
    }
}
