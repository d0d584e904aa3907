//! Every bound and default of pacing, with its unit and its reason.

use super::Seconds;

/// Cells of the prediction horizon. A call placed now is answered within about 26 s or never; 2 s is the patience of the law.
pub const CELLS: usize = 13;

/// Seconds of a cell when calls may ring the usual 22 s.
pub const CELL: Seconds = 2.0;

/// Seconds of ring that are legal at least before an unanswered call may be given up (47 CFR 64.1200(a)(6); Ofcom).
pub const LEGAL_RING: Seconds = 15.0;

/// Seconds from answer to agent (16 CFR 310.4(b)(4)(ii); Ofcom), the default patience.
pub const LEGAL_CONNECT: Seconds = 2.0;

/// Share of live answers that may be abandoned (16 CFR 310.4(b)(4)(i)), the default ceiling.
pub const LEGAL_SHARE: f64 = 0.03;

/// Seconds an unanswered call rings by default.
pub const RING_TIMEOUT: Seconds = 22.0;

/// Seconds of ring we accept as a setting: below, no one can answer; above, no one does, and tables would grow.
pub const RING_TIMEOUTS: std::ops::RangeInclusive<Seconds> = 15.0..=120.0;

/// Seconds after ring timeout until a placed call has surely ended: post-dial delay and machine detection.
pub const COHORT_SLACK: Seconds = 10.0;

/// Calls whose outcome is being followed; 500 agents have 1,500 in flight, a cohort lasts two of their lives.
pub const CALLS_FOLLOWED: usize = 50_000;

/// Agents whose last call is remembered; a campaign has 500, foreign numbers must not grow the table.
pub const AGENTS_FOLLOWED: usize = 20_000;

/// Calls placed by one decision; 500 ready agents at 15 % would ask for 3,000 at once, which no trunk takes well.
pub const PLACED_AT_ONCE: u32 = 1_000;

/// Ringing calls given up by one decision: decisions come ten times a second, more would be a swing.
pub const CANCELLED_AT_ONCE: usize = 20;

/// Seconds after which the state of the agents is stale: below, one line per ready agent (reference/dialer.md 1).
pub const STALE: Seconds = 2.0;

/// Ready and busy agents below which pacing is 1:1: with one agent there is nothing to overlap.
pub const AGENTS_TO_PREDICT: u32 = 2;

/// Lines per ready agent that the ratio mode takes.
pub const RATIOS: std::ops::RangeInclusive<f64> = 1.0..=20.0;
