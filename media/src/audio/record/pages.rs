//! Ogg pages (RFC 3533 §6), as far as a recording needs them: what is whole, where it ends, how long it plays.

use std::io::{self, Read};

/// Bytes before the segment table.
const FIXED: usize = 27;
/// Header flag: last page of the stream.
pub const END_OF_STREAM: u8 = 4;
/// The granule position of a page on which no packet ends.
const NONE: u64 = u64::MAX;

/// One page with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The page as it is in the file.
    pub bytes: Vec<u8>,
}

impl Page {
    /// Position of the last sample that ends on this page, in samples at 48 kHz; `None` if no packet ends here.
    pub fn granule(&self) -> Option<u64> {
        let field = self.bytes.get(6..14)?.try_into().ok()?;
        Some(u64::from_le_bytes(field)).filter(|granule| *granule != NONE)
    }

    /// What the page carries.
    pub fn body(&self) -> &[u8] {
        let segments = self.bytes.get(26).map_or(0, |count| usize::from(*count));
        self.bytes.get(FIXED + segments..).unwrap_or_default()
    }

    /// Says that the stream ends with this page.
    pub fn end_stream(&mut self) {
        if let Some(flags) = self.bytes.get_mut(5) {
            *flags |= END_OF_STREAM;
        }
        self.seal();
    }

    fn seal(&mut self) {
        if let Some(field) = self.bytes.get_mut(22..26) {
            field.fill(0);
        }
        let sum = checksum(&self.bytes).to_le_bytes();
        if let Some(field) = self.bytes.get_mut(22..26) {
            field.copy_from_slice(&sum);
        }
    }
}

/// The next page; `None` at the end and at whatever is no whole page.
pub fn next_page(from: &mut impl Read) -> io::Result<Option<Page>> {
    let mut bytes = vec![0; FIXED];
    if !fill(from, &mut bytes)? || bytes.get(..5) != Some(b"OggS\0") {
        return Ok(None);
    }
    let segments = bytes.get(26).map_or(0, |count| usize::from(*count));
    bytes.resize(FIXED + segments, 0);
    if !fill(from, bytes.get_mut(FIXED..).unwrap_or_default())? {
        return Ok(None);
    }
    let head = bytes.len();
    let body: usize = bytes.get(FIXED..).unwrap_or_default().iter().map(|lace| usize::from(*lace)).sum();
    bytes.resize(head + body, 0);
    if !fill(from, bytes.get_mut(head..).unwrap_or_default())? {
        return Ok(None);
    }
    let mut sealed = Page { bytes: bytes.clone() };
    sealed.seal();
    Ok((sealed.bytes == bytes).then_some(sealed))
}

fn fill(from: &mut impl Read, to: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// CRC of RFC 3533 §6: polynomial 0x04C11DB7, nothing reflected, nothing inverted.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |sum: u32, byte| (sum << 8) ^ TABLE[usize::from((sum >> 24) as u8 ^ byte)])
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum >> 31 == 1 { (sum << 1) ^ 0x04C1_1DB7 } else { sum << 1 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
};
