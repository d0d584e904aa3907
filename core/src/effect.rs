//! Effects: orders to the switch, released after the events that explain them are in the log.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::agent::WorkNumber;
use crate::call::{Audio, Flow};
use crate::cause::Cause;
use crate::id::{CallId, LegId, RecordingId, RequestId, TrunkName, UserName};
use crate::queue::QueueId;
use crate::recording::RecordingFormat;
use crate::registration::Binding;
use crate::time::Timestamp;

/// An order to the switch (or, for timers, to the shard).
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Tell the caller that it rings (180).
    Ring {
        /// The caller's leg.
        leg: LegId,
    },
    /// Open the caller's audio before the answer (183 with SDP), because the called side already sends some.
    EarlyMedia {
        /// The caller's leg.
        leg: LegId,
        /// The leg whose codec is to be used.
        with: LegId,
    },
    /// Answer the caller (200 with SDP).
    Answer {
        /// The caller's leg.
        leg: LegId,
        /// The leg whose codec is to be used, if the caller is to talk with one.
        with: Option<LegId>,
    },
    /// Call somebody (INVITE).
    Dial {
        /// The new leg.
        leg: LegId,
        /// Its call: legs of one call share a media worker.
        call: CallId,
        /// Whom.
        target: DialTarget,
        /// Number to show.
        caller: SmolStr,
        /// Name to show.
        caller_name: Option<SmolStr>,
        /// The leg that it will talk with: its codecs are offered.
        with: Option<LegId>,
    },
    /// End a leg, whatever its state: refuse, CANCEL or BYE. [`crate::Command::LegEnded`] follows once it is through.
    Release {
        /// The leg.
        leg: LegId,
        /// Why: becomes the status of a refusal, or a Reason header (RFC 3326).
        cause: Cause,
    },
    /// What a leg hears from now on.
    Hear {
        /// The leg.
        leg: LegId,
        /// What.
        audio: Audio,
    },
    /// Send keys into a leg's outgoing audio (RFC 4733; in-band where that was not negotiated).
    SendDigits {
        /// The leg.
        leg: LegId,
        /// 0-9, `*`, `#`, A-D; `,` is a pause of a second.
        digits: SmolStr,
    },
    /// Record. Answered by [`crate::Command::RecordingStarted`] or [`crate::Command::RecordingFailed`].
    StartRecording {
        /// Its name.
        recording: RecordingId,
        /// Its call.
        call: CallId,
        /// Where, below the tenant's recordings, without extension.
        path: SmolStr,
        /// As what.
        format: RecordingFormat,
        /// Whose voices the left channel sums: the customer.
        left: Vec<LegId>,
        /// Whose voices the right channel sums: the agents.
        right: Vec<LegId>,
    },
    /// From now on these voices.
    RecordSources {
        /// Which recording.
        recording: RecordingId,
        /// Left channel.
        left: Vec<LegId>,
        /// Right channel.
        right: Vec<LegId>,
    },
    /// Leave a gap.
    PauseRecording {
        /// Which.
        recording: RecordingId,
    },
    /// Go on after a gap.
    ResumeRecording {
        /// Which.
        recording: RecordingId,
    },
    /// End it. [`crate::Command::RecordingEnded`] follows.
    StopRecording {
        /// Which.
        recording: RecordingId,
    },
    /// Answer a phone's wish for a transfer: accepted and how it goes (NOTIFY with sipfrag, RFC 3515 §2.4.5).
    TransferAnswered {
        /// The party that hands over.
        leg: LegId,
        /// 100 while it is tried, 200 when done, else why not.
        status: u16,
    },
    /// A REGISTER is through (200 with these contacts).
    Registered {
        /// Which request.
        request: RequestId,
        /// The phone.
        user: UserName,
        /// All its contacts now.
        bindings: Vec<Binding>,
    },
    /// A REGISTER is refused.
    RegisterRefused {
        /// Which request.
        request: RequestId,
        /// The status to answer.
        status: u16,
    },
    /// Wake the tenant at this time with [`crate::Command::TimerFired`]. Replaces a timer with the same key.
    SetTimer {
        /// Which.
        key: TimerKey,
        /// When.
        at: Timestamp,
    },
    /// Forget a timer.
    CancelTimer {
        /// Which.
        key: TimerKey,
    },
}

/// Whom to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialTarget {
    /// A registered contact.
    Contact {
        /// The phone.
        user: UserName,
        /// Contact URI.
        contact: String,
        /// The path its REGISTER came by.
        flow: Flow,
        /// Path vector (RFC 3327).
        path: Vec<String>,
    },
    /// A number through a trunk.
    Trunk {
        /// The trunk.
        name: TrunkName,
        /// The number.
        number: SmolStr,
    },
}

/// Which timer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TimerKey {
    /// A dialled leg has rung long enough.
    NoAnswer(LegId),
    /// A leg that we release has not confirmed: take it for ended.
    ReleaseGuard(LegId),
    /// A contact was not refreshed.
    Registration(UserName, String),
    /// An agent has not answered a call that is offered to it.
    Offer(CallId, WorkNumber),
    /// An agent's wrap-up or rest is over.
    Mode(WorkNumber),
    /// A call has waited long enough in a queue, for overflow or for its last agent.
    Waiting(CallId, QueueId),
    /// It is time to tell a waiting caller something.
    Announce(CallId),
    /// Keys of a caller are awaited no longer.
    Collect(LegId),
    /// A voicemail is long enough.
    Voicemail(CallId),
    /// A conference's time is nearly over, or over.
    Conference(CallId),
    /// A recording that was ordered to end is not heard of any more: take it for lost.
    Recording(RecordingId),
}
