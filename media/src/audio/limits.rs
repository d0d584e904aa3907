//! Every bound on sound that is kept, with its unit and its reason.

/// Steady tones kept ready at once: 16 KiB each.
pub const SINES: usize = 64;
/// Longest prompt in seconds: nobody listens longer, and a file of this length takes 10 MB.
pub const PROMPT_SECONDS: usize = 600;
/// Largest prompt file in bytes: [`PROMPT_SECONDS`] of 48 kHz stereo at 24 bit, rounded up.
pub const PROMPT_FILE: u64 = 192 * 1024 * 1024;
/// Sampling rates that a prompt may have, in Hz.
pub const PROMPT_RATES: std::ops::RangeInclusive<u32> = 4_000..=192_000;
/// Channels a prompt may have; they are averaged.
pub const PROMPT_CHANNELS: u16 = 8;
/// Prompts kept ready at once.
pub const PROMPTS: usize = 256;
/// Memory for prompts kept ready, in bytes: two hours of sound. What is being played stays beyond it until it ends.
pub const PROMPT_CACHE: usize = 128 * 1024 * 1024;
/// Prompts that may wait to be loaded.
pub const PROMPT_QUEUE: usize = 64;
/// Length of a prompt's name in bytes.
pub const PROMPT_NAME: usize = 128;
