//! Where effects and reports wait for the signalling thread.

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use tandem_core::engine::EffectSink;
use tandem_core::{Effect, TenantId};

use crate::rtp::{Report, ReportSink};
use crate::sip::transport::Waker;

/// Batches of effects that may wait. The committer blocks beyond it: mailboxes fill, and new calls are refused with 503.
/// The signalling thread never waits for the committer, so this can't deadlock.
const EFFECT_BATCHES: usize = 8_192;
/// Reports that may wait; a report is a key press, a prompt's end or a leg's close.
const REPORTS: usize = 65_536;

/// The two queues into the switch, and the waker that says there is something in them. Cheap to clone.
#[derive(Clone)]
pub struct SwitchInbox {
    effects: Queue<(TenantId, Vec<Effect>)>,
    reports: Queue<Report>,
    waker: Waker,
}

/// Both ends of a bounded channel.
type Queue<T> = (Sender<T>, Receiver<T>);

impl SwitchInbox {
    /// Empty queues. `waker` is that of the transports which the switch will drive.
    pub fn new(waker: Waker) -> SwitchInbox {
        SwitchInbox { effects: bounded(EFFECT_BATCHES), reports: bounded(REPORTS), waker }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.effects.1.is_empty() && self.reports.1.is_empty()
    }

    pub(super) fn next_effects(&self) -> Option<(TenantId, Vec<Effect>)> {
        self.effects.1.try_recv().ok()
    }

    pub(super) fn next_report(&self) -> Option<Report> {
        self.reports.1.try_recv().ok()
    }
}

impl EffectSink for SwitchInbox {
    fn release(&self, tenant: &TenantId, effects: Vec<Effect>) {
        // Both ends live in this struct, so the channel can't be disconnected.
        let _ = self.effects.0.send((tenant.clone(), effects));
        // Orders that were there before have woken the signalling thread, which does not sleep before it has seen the queue
        // empty. Safe because the log thread alone sends: of two senders each might leave it to the other.
        if self.effects.0.len() <= 1 {
            self.waker.wake();
        }
    }
}

impl ReportSink for SwitchInbox {
    fn report(&self, report: Report) {
        match self.reports.0.try_send(report) {
            Ok(()) => {}
            // A close must arrive, or its leg would never end, and so must a recording's end; all else may be lost under such
            // overload.
            Err(TrySendError::Full(report @ (Report::Closed { .. } | Report::RecordingEnded { .. } | Report::RecordingFailed { .. }))) => {
                let _ = self.reports.0.send(report);
            }
            Err(_) => metrics::counter!("tandem_reports_dropped_total").increment(1),
        }
        self.waker.wake();
    }
}
