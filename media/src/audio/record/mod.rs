//! Recordings as files: two channels at 8 kHz (left the customer, right the agents), written as they grow.
//!
//! A file under way is called `<path>.<wav|opus>.<recording>.part` and gets its name when it is whole, so that nothing
//! half-written is ever taken for a recording. After a crash [`recover`] makes whole what was left over.
//!
//! * [`timeline`]: adds voices up by time.
//! * [`wav`], [`opus`]: the two formats, each readable up to its last write.
//! * [`file`]: names, and the way from a part to a whole file.
//! * [`playback`]: reads a recording for a listener.

pub mod file;
pub mod opus;
pub mod pages;
pub mod timeline;
pub mod wav;

pub use file::{FileError, Finished, RecordingFile, Recovered, recover};
pub use timeline::Timeline;

/// Which side of a recording a voice is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The customer's.
    Left,
    /// The agents'.
    Right,
}

/// Channels of every recording.
pub const CHANNELS: usize = 2;
