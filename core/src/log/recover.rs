//! What is found at start: the end of the log, a torn tail cut off, damage refused.

use std::fs;
use std::path::{Path, PathBuf};

use super::segment::{self, HEADER_BYTES, SegmentFile};
use super::{LogError, Offset};

/// What was found and repaired when the log was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Offset of the first record that is still there.
    pub first: Offset,
    /// Offset of the next record to be written.
    pub next: Offset,
    /// Bytes of an interrupted write that were cut off; none of them was ever acknowledged as durable.
    pub cut_bytes: u64,
    /// The segment they were cut from.
    pub cut_from: Option<PathBuf>,
    /// Base of the last segment, if one can be written on.
    pub(super) last: Option<Offset>,
    /// Where to write on in it.
    pub(super) position: u64,
}

/// What a full check has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verified {
    /// Segments.
    pub segments: u64,
    /// Records.
    pub records: u64,
    /// Bytes of records with their frames, uncompressed.
    pub bytes: u64,
}

/// Finds the end of the log and cuts a torn tail off.
pub(super) fn recover(dir: &Path) -> Result<Recovered, LogError> {
    remove_temporaries(dir)?;
    let segments = segment::list(dir)?;
    let Some(last) = segments.last() else { return Ok(Recovered::default()) };
    let first = segments.first().map_or(0, |segment| segment.base);
    if last.packed {
        // Only sealed segments are compressed: the next one begins behind it.
        let scan = scan_sealed(last, None)?;
        return Ok(Recovered { first, next: last.base + scan.records, ..Recovered::default() });
    }
    let bytes = segment::load(last)?;
    segment::check_header(&bytes, last.base).map_err(|what| damaged(last, 0, what))?;
    let scan = segment::scan(&bytes, |_| {});
    let mut recovered =
        Recovered { first, next: last.base + scan.records, last: Some(last.base), position: scan.end as u64, ..Recovered::default() };
    if let Some(what) = scan.bad {
        if segment::promised(&bytes, scan.end) {
            return Err(damaged(last, scan.end, format!("{what}, and good records follow")));
        }
        recovered.cut_bytes = cut(last, &bytes, scan.end)?;
        recovered.cut_from = Some(last.path.clone());
        tracing::warn!(path = %last.path.display(), position = scan.end, bytes = recovered.cut_bytes, "{what}: cut off a torn tail");
    }
    Ok(recovered)
}

/// Cuts the file behind its last good record; says how many bytes that were not zero's padding went.
fn cut(segment: &SegmentFile, bytes: &[u8], end: usize) -> Result<u64, LogError> {
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(end, |last| last + 1);
    let attempt = || {
        let file = fs::OpenOptions::new().write(true).open(&segment.path)?;
        file.set_len(end as u64)?;
        file.sync_all()
    };
    attempt().map_err(|e| LogError::io(&segment.path, e))?;
    if let Some(dir) = segment.path.parent() {
        segment::sync_dir(dir)?;
    }
    Ok(used.saturating_sub(end) as u64)
}

/// Files that a crash left half made.
fn remove_temporaries(dir: &Path) -> Result<(), LogError> {
    for entry in fs::read_dir(dir).map_err(|e| LogError::io(dir, e))? {
        let path = entry.map_err(|e| LogError::io(dir, e))?.path();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            fs::remove_file(&path).map_err(|e| LogError::io(&path, e))?;
        }
    }
    Ok(())
}

/// A sealed segment holds nothing but good records up to the next segment's base.
fn scan_sealed(sealed: &SegmentFile, next: Option<Offset>) -> Result<segment::Scan, LogError> {
    let bytes = segment::load(sealed)?;
    segment::check_header(&bytes, sealed.base).map_err(|what| damaged(sealed, 0, what))?;
    let scan = segment::scan(&bytes, |_| {});
    if let Some(what) = scan.bad {
        return Err(damaged(sealed, scan.end, what));
    }
    let end = sealed.base + scan.records;
    match next {
        Some(next) if next != end => Err(damaged(sealed, scan.end, format!("it ends before offset {end}, the next begins at {next}"))),
        _ => Ok(scan),
    }
}

/// Reads and checks every byte of a log; a torn tail of the last segment is let pass, opening would cut it.
pub fn verify(dir: &Path) -> Result<Verified, LogError> {
    let segments = segment::list(dir)?;
    let mut seen = Verified::default();
    for (place, this) in segments.iter().enumerate() {
        let scan = match segments.get(place + 1) {
            Some(next) => scan_sealed(this, Some(next.base))?,
            None => scan_last(this)?,
        };
        seen.segments += 1;
        seen.records += scan.records;
        seen.bytes += (scan.end - HEADER_BYTES) as u64;
    }
    Ok(seen)
}

fn scan_last(last: &SegmentFile) -> Result<segment::Scan, LogError> {
    let bytes = segment::load(last)?;
    segment::check_header(&bytes, last.base).map_err(|what| damaged(last, 0, what))?;
    let scan = segment::scan(&bytes, |_| {});
    match scan.bad {
        Some(what) if segment::promised(&bytes, scan.end) => Err(damaged(last, scan.end, format!("{what}, and good records follow"))),
        _ => Ok(scan),
    }
}

pub(super) fn damaged(segment: &SegmentFile, position: usize, what: impl Into<String>) -> LogError {
    LogError::Damaged { path: segment.path.clone(), position: position as u64, what: what.into() }
}
