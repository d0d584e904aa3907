//! A recorded call without sockets and threads, second by second: for benches.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use smol_str::SmolStr;
use tandem_core::recording::RecordingFormat;
use tandem_core::{LegId, RecordingId};

use super::recorder::{Desk, Order, What};
use super::tap::{Tap, TapQueue};
use crate::audio::{FRAME, Law};
use crate::rtp::coding::Coding;
use crate::rtp::leg::{Kind, Sound};
use crate::rtp::report::{Report, ReportSink};
use crate::rtp::stream::{HEADER, Origin};

/// A caller and an agent who both talk all the time.
pub struct RecordedCall {
    desk: Desk,
    tap: Tap,
    now: Instant,
    packets: u32,
    packet: [u8; HEADER + FRAME],
}

impl RecordedCall {
    /// Begins a recording below `root`.
    pub fn begin(root: &Path, recording: RecordingId, format: RecordingFormat) -> RecordedCall {
        let (epoch, queue) = (Instant::now(), TapQueue::new());
        let sink: Arc<dyn ReportSink> = Arc::new(|_: Report| ());
        let mut desk = Desk::new(root.to_owned(), epoch, vec![queue.clone()], sink);
        let what = What::Start { path: SmolStr::new(format!("bench/{recording}")), format, left: vec![LegId(1)], right: vec![LegId(2)] };
        desk.carry_out(Order { recording, at: epoch, what });
        let mut packet = [0; HEADER + FRAME];
        packet.iter_mut().enumerate().for_each(|(place, byte)| *byte = (place * 37 % 251) as u8);
        RecordedCall { desk, tap: Tap::new(queue, epoch), now: epoch, packets: 0, packet }
    }

    /// What a worker does more for one packet because its leg is recorded.
    pub fn tap(&mut self, leg: LegId) {
        let sound = Sound {
            kind: Kind::Speech,
            coding: Coding::G711(Law::A),
            origin: Origin::Leg(leg, 0),
            sequence: self.packets as u16,
            timestamp: self.packets.wrapping_mul(FRAME as u32),
            marker: false,
            payload: HEADER..HEADER + FRAME,
        };
        self.tap.hand_on(self.now, &sound, &self.packet);
    }

    /// Lets a second of the call pass: 100 packets tapped, placed, added up and written. Answers the samples that are in the file.
    pub fn second(&mut self) -> u64 {
        for _ in 0..50 {
            self.packets += 1;
            self.now += Duration::from_millis(20);
            self.tap(LegId(1));
            self.tap(LegId(2));
            self.desk.take_voices();
            self.desk.advance(self.now);
        }
        self.desk.written()
    }

    /// Takes what was tapped and not looked at, so that the queue is never full.
    pub fn drain(&mut self) {
        self.desk.take_voices();
    }
}
