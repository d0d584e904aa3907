//! What the packet path tells the rest.

use smol_str::SmolStr;
use tandem_core::{LegId, MediaStats};

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
