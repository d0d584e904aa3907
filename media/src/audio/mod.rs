//! Sound itself: laws, clips, tones, prompts, detection. Nothing in here knows a socket or a packet.

pub mod clip;
pub mod g711;
pub mod goertzel;
pub(crate) mod library;
pub mod limits;
pub mod prompt;
pub mod record;
pub mod tone;

pub use clip::Clip;
pub use g711::Law;

/// Sample rate of the narrow-band world in Hz (G.711).
pub const RATE: u32 = 8000;
/// Samples of one 20 ms frame at [`RATE`].
pub const FRAME: usize = 160;
