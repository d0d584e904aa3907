//! A segment file: bytes, names, and how to tell a record from damage.
//!
//! ```text
//! file name   20 digits of the base offset + `.seg`; `.seg.zst` once sealed and compressed (the same bytes, zstd)
//!
//! header      0   8  magic "TANDEMEV"
//! (32 bytes)  8   4  format version, 1
//!            12   4  crc32 of the other 28 bytes
//!            16   8  base: offset of the first record
//!            24   8  zero
//!
//! record      0   4  length of the body, 1 to 1 MiB
//!             4   4  crc32 of length, `synced` and body
//!             8   4  synced: every byte of this file before that position was durable when this record was written
//!            12   …  body: one envelope as JSON
//! ```
//!
//! All numbers are little endian. A segment is preallocated: zeros follow the last record. `synced` tells the two ways
//! in which a record can be bad apart. If a good record stands behind it and says that the bad place was durable
//! before, then the disk lost what it had promised: damage. If none does, the bad record belongs to a write that power
//! loss interrupted (the sectors of one write reach the disk in any order, so whole records may stand behind the hole):
//! a torn tail, nothing of which was ever acknowledged as durable.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::limits::{MAX_RECORD_BYTES, MAX_SEGMENT_BYTES};
use super::{LogError, Offset};

/// Bytes before the first record.
pub const HEADER_BYTES: usize = 32;
/// Bytes before a record's body.
pub const FRAME_BYTES: usize = 12;
/// The format written here.
pub const VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"TANDEMEV";

/// A segment's header.
pub fn header(base: Offset) -> [u8; HEADER_BYTES] {
    let mut bytes = [0u8; HEADER_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&base.to_le_bytes());
    let crc = header_crc(&bytes);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn header_crc(bytes: &[u8; HEADER_BYTES]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes[..12]);
    crc.update(&bytes[16..]);
    crc.finalize()
}

/// Checks a header against the base in the file's name; says what is wrong.
pub fn check_header(bytes: &[u8], base: Offset) -> Result<(), String> {
    let Some(head) = bytes.first_chunk::<HEADER_BYTES>() else {
        return Err(format!("a header has {HEADER_BYTES} bytes, here are {}", bytes.len()));
    };
    if &head[..8] != MAGIC {
        return Err("this is not a segment of an event log".to_owned());
    }
    if u32_at(head, 12) != header_crc(head) {
        return Err("the header's checksum is wrong".to_owned());
    }
    let version = u32_at(head, 8);
    if version != VERSION {
        return Err(format!("format {version} is not known, only {VERSION}: written by a newer version?"));
    }
    let written = head.get(16..24).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes);
    if written != base {
        return Err(format!("the header says base {written}, the file name {base}"));
    }
    Ok(())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn record_crc(len: u32, synced: u32, body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&len.to_le_bytes());
    crc.update(&synced.to_le_bytes());
    crc.update(body);
    crc.finalize()
}

/// Appends one framed record. The body has 1 to [`MAX_RECORD_BYTES`] bytes.
pub fn frame(out: &mut Vec<u8>, synced: u32, body: &[u8]) {
    // The writer has checked the length.
    let len = body.len() as u32;
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&record_crc(len, synced, body).to_le_bytes());
    out.extend_from_slice(&synced.to_le_bytes());
    out.extend_from_slice(body);
}

/// What stands at a place in a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A record: its body, relative to the slice given, and what was durable when it was written.
    Record {
        /// The body's bytes.
        body: Range<usize>,
        /// Position before which all was durable.
        synced: u32,
    },
    /// Zeros: no record was written here.
    End,
    /// At least so many bytes are needed to tell.
    Short(usize),
    /// Not a record.
    Bad(&'static str),
}

/// Looks at the start of `bytes`.
pub fn parse(bytes: &[u8]) -> Parsed {
    let Some(frame) = bytes.first_chunk::<FRAME_BYTES>() else {
        return Parsed::Short(FRAME_BYTES);
    };
    let (len, crc, synced) = (u32_at(frame, 0), u32_at(frame, 4), u32_at(frame, 8));
    if len == 0 {
        return if crc == 0 && synced == 0 { Parsed::End } else { Parsed::Bad("a record of length 0") };
    }
    if len as usize > MAX_RECORD_BYTES {
        return Parsed::Bad("a record longer than a record can be");
    }
    let end = FRAME_BYTES + len as usize;
    match bytes.get(FRAME_BYTES..end) {
        None => Parsed::Short(end),
        Some(body) if record_crc(len, synced, body) == crc => Parsed::Record { body: FRAME_BYTES..end, synced },
        Some(_) => Parsed::Bad("the record's checksum is wrong"),
    }
}

/// The end of a segment's records.
#[derive(Debug, PartialEq, Eq)]
pub struct Scan {
    /// Good records from the start.
    pub records: u64,
    /// Position after the last of them.
    pub end: usize,
    /// What stands there instead of zeros or the file's end.
    pub bad: Option<&'static str>,
}

/// Walks a whole segment's bytes from the header on, giving each body to `visit`.
pub fn scan(bytes: &[u8], mut visit: impl FnMut(&[u8])) -> Scan {
    let mut scan = Scan { records: 0, end: HEADER_BYTES.min(bytes.len()), bad: None };
    loop {
        let rest = bytes.get(scan.end..).unwrap_or_default();
        match parse(rest) {
            Parsed::Record { body, .. } => {
                visit(&rest[body.clone()]);
                scan.records += 1;
                scan.end += body.end;
            }
            Parsed::End => {
                // Zeros to the end, or the hole of an interrupted write.
                scan.bad = rest.iter().any(|byte| *byte != 0).then_some("zeros where a record should be");
                return scan;
            }
            Parsed::Short(_) => {
                scan.bad = rest.iter().any(|byte| *byte != 0).then_some("a record that the file's end cuts off");
                return scan;
            }
            Parsed::Bad(what) => {
                scan.bad = Some(what);
                return scan;
            }
        }
    }
}

/// Whether a good record behind `position` says that `position` was durable: proof of damage rather than a torn tail.
pub fn promised(bytes: &[u8], position: usize) -> bool {
    let mut at = position + 1;
    while at + FRAME_BYTES < bytes.len() {
        let rest = &bytes[at..];
        match parse(rest) {
            // A position that JSON text takes for a length is beyond the limit, so nearly all are dismissed at once.
            Parsed::Record { synced, .. } if synced as usize > position => return true,
            // From a good record on, go from record to record.
            Parsed::Record { body, .. } => at += body.end,
            _ => at += 1,
        }
    }
    false
}

/// One segment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFile {
    /// Offset of its first record.
    pub base: Offset,
    /// Where it is.
    pub path: PathBuf,
    /// Compressed with zstd.
    pub packed: bool,
}

/// Path of a segment that is written to.
pub fn plain_path(dir: &Path, base: Offset) -> PathBuf {
    dir.join(format!("{base:020}.seg"))
}

/// Path of a compressed segment.
pub fn packed_path(dir: &Path, base: Offset) -> PathBuf {
    dir.join(format!("{base:020}.seg.zst"))
}

/// Segments by base. Where both forms exist (a crash between compressing and removing), the plain one counts.
pub fn list(dir: &Path) -> Result<Vec<SegmentFile>, LogError> {
    let mut found: Vec<SegmentFile> = Vec::new();
    for entry in fs::read_dir(dir).map_err(|e| LogError::io(dir, e))? {
        let entry = entry.map_err(|e| LogError::io(dir, e))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let (digits, packed) = match (name.strip_suffix(".seg"), name.strip_suffix(".seg.zst")) {
            (Some(digits), _) => (digits, false),
            (_, Some(digits)) => (digits, true),
            _ => continue,
        };
        if digits.len() != 20 {
            continue;
        }
        if let Ok(base) = digits.parse::<u64>() {
            found.push(SegmentFile { base, path: entry.path(), packed });
        }
    }
    found.sort_by_key(|segment| (segment.base, segment.packed));
    found.dedup_by_key(|segment| segment.base);
    Ok(found)
}

/// A segment's bytes as they were written, decompressed if need be.
pub fn load(segment: &SegmentFile) -> Result<Vec<u8>, LogError> {
    let file = File::open(&segment.path).map_err(|e| LogError::io(&segment.path, e))?;
    let mut bytes = Vec::new();
    let limit = MAX_SEGMENT_BYTES + 2 * MAX_RECORD_BYTES as u64;
    let read = if segment.packed {
        zstd::stream::read::Decoder::new(file).and_then(|decoder| decoder.take(limit).read_to_end(&mut bytes))
    } else {
        file.take(limit).read_to_end(&mut bytes)
    };
    match read {
        Ok(_) => Ok(bytes),
        Err(e) if segment.packed && e.kind() != io::ErrorKind::NotFound => {
            Err(LogError::Damaged { path: segment.path.clone(), position: bytes.len() as u64, what: format!("compressed data: {e}") })
        }
        Err(e) => Err(LogError::io(&segment.path, e)),
    }
}

/// Makes names in a folder durable: a created, renamed or removed file is not until its folder is.
pub fn sync_dir(dir: &Path) -> Result<(), LogError> {
    File::open(dir).and_then(|folder| folder.sync_all()).map_err(|e| LogError::io(dir, e))
}
