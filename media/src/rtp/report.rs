//! What the packet path tells the rest.

use smol_str::SmolStr;
use tandem_core::{LegId, MediaStats, RecordingId};

/// Something that happened to a leg's media.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// The peer pressed a key (RFC 4733): once per press, when it is let go.
    Digit {
        /// The leg.
        leg: LegId,
        /// 0-9, `*`, `#`, A-D.
        digit: char,
        /// How long, in milliseconds.
        duration_ms: u32,
    },
    /// A prompt without repeat was played to its end.
    PromptEnded {
        /// The leg that heard it.
        leg: LegId,
    },
    /// A prompt could not be loaded: nothing was heard. No [`Report::PromptEnded`] follows.
    PromptFailed {
        /// The leg that was to hear it.
        leg: LegId,
        /// Name of the prompt.
        name: SmolStr,
        /// What is wrong with it.
        error: String,
    },
    /// Nothing came from an active leg for the configured time; once per silence.
    Silent {
        /// The leg.
        leg: LegId,
        /// Seconds since the last packet.
        seconds: u32,
    },
    /// A recording has begun: its file is there.
    RecordingStarted {
        /// The recording.
        recording: RecordingId,
        /// Its path as it was ordered.
        path: SmolStr,
    },
    /// A recording could not begin or go on. What was written stays, and is made whole at the next start.
    RecordingFailed {
        /// The recording.
        recording: RecordingId,
        /// Its path as it was ordered.
        path: SmolStr,
        /// What is wrong.
        reason: String,
    },
    /// A recording is whole: it was stopped, as long as one may be, or found at the start after a crash.
    RecordingEnded {
        /// The recording.
        recording: RecordingId,
        /// Its path with extension.
        path: SmolStr,
        /// Recorded time in milliseconds: pauses do not count.
        duration_ms: u64,
        /// Length of the file in bytes.
        bytes: u64,
    },
    /// The last word about a leg: always comes after `close`, exactly once.
    Closed {
        /// The leg.
        leg: LegId,
        /// How it was.
        stats: MediaStats,
    },
}

/// Where reports go. Called on a worker thread: must be quick and must not block.
pub trait ReportSink: Send + Sync {
    /// Takes one report.
    fn report(&self, report: Report);
}

impl<F: Fn(Report) + Send + Sync> ReportSink for F {
    fn report(&self, report: Report) {
        self(report);
    }
}
