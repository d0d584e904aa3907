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
/// Prompts kept ready at once: those of an announcement, in both languages, for some tens of tenants.
pub const PROMPTS: usize = 2048;
/// Memory for prompts kept ready, in bytes: two hours of sound. What is being played stays beyond it until it ends.
pub const PROMPT_CACHE: usize = 128 * 1024 * 1024;
/// Prompts that may wait to be loaded.
pub const PROMPT_QUEUE: usize = 64;
/// Length of a prompt's name in bytes.
pub const PROMPT_NAME: usize = 128;

/// Window in which voices of a recording are put in order, in samples (1.02 s): holds [`RECORD_HOLD`] behind now and a
/// source that runs ahead by [`RECORD_SLACK`].
pub const RECORD_WINDOW: usize = 8192;
/// Sound waits so long for late packets before it is written, in samples (300 ms).
pub const RECORD_HOLD: u64 = 2400;
/// A source whose timestamps stray so far from their arrival is placed anew, in samples (200 ms).
pub const RECORD_SLACK: u64 = 1600;
/// Sound is written in pieces of so many samples per channel (500 ms): with [`RECORD_HOLD`] a crash loses less than a second.
pub const RECORD_PIECE: usize = 4000;
/// Longest recording in samples per channel: 24 hours, 2.8 GB as WAV, which can count to 4 GB.
pub const RECORD_LONGEST: u64 = 24 * 3600 * 8000;
/// Bits per second of both channels in Opus: RFC 7587 §3.1.1 recommends 8 to 12 kb/s for a narrow-band voice.
pub const RECORD_OPUS_BITRATE: i32 = 24_000;
/// Effort of the encoder, of 10: at 5 a frame costs tens of microseconds, so a core still keeps up with hundreds of calls.
pub const RECORD_OPUS_COMPLEXITY: i32 = 5;
/// Largest Opus packet in bytes (RFC 6716 §3.2.1).
pub const RECORD_OPUS_PACKET: usize = 1275;
/// Length of a recording's path in bytes.
pub const RECORD_PATH: usize = 240;
/// Parts of a recording's path: tenant, year, month, day and some.
pub const RECORD_PATH_PARTS: usize = 8;
/// Files made whole at one start: as many as can be under way at once, twice.
pub const RECORD_RECOVERED: usize = 8192;

/// Largest upload in bytes: ten minutes of 44.1 kHz mono at 16 bit, and some; held in memory while it is converted.
pub const IMPORT_BYTES: usize = 64 * 1024 * 1024;
/// Channels of an upload.
pub const IMPORT_CHANNELS: u64 = 2;
/// Sampling rates of an upload in Hz.
pub const IMPORT_RATES: [u32; 8] = [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
/// Channels of an Opus stream (mapping family 1, RFC 7845 §5.1.1.2).
pub const OPUS_CHANNELS: u8 = 8;

/// Frames that are read ahead for a listener of a recording: 2 s, 32 KB.
pub const STREAM_AHEAD: usize = 100;
/// Recordings that are played at once.
pub const STREAMS: usize = 256;
/// Recordings that may wait to be opened.
pub const STREAM_QUEUE: usize = 64;
/// Time between two turns of reading ahead: a tenth of what is ready.
pub const STREAM_TURN: std::time::Duration = std::time::Duration::from_millis(200);
/// Prompts in one sequence: an announcement takes about ten.
pub const SEQUENCE: usize = 64;
/// A tenant's music that could not be loaded is looked for again after this time; meanwhile the built-in one plays.
pub const MUSIC_RETRY: std::time::Duration = std::time::Duration::from_secs(10);

/// How long a loaded prompt is taken as it is: so soon a replaced file is heard. Reading one again takes milliseconds, on a
/// thread of its own.
pub const PROMPT_FRESH: std::time::Duration = std::time::Duration::from_secs(30);
