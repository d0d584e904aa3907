//! The way from a worker to the recorder.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crossbeam::queue::ArrayQueue;
use tandem_core::LegId;

use crate::rtp::coding::Coding;
use crate::rtp::leg::Sound;
use crate::rtp::limits;
use crate::rtp::stream::Origin;

/// A payload on its way, undecoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice {
    pub(super) leg: LegId,
    /// Which of the leg's runs: timestamps of different runs have nothing to do with each other.
    pub(super) run: u32,
    /// When it came, in microseconds since the recorder's epoch.
    pub(super) at: u64,
    pub(super) timestamp: u32,
    pub(super) coding: Coding,
    length: u16,
    payload: [u8; limits::TAP_PAYLOAD],
}

impl Voice {
    /// A piece of at most [`limits::TAP_PAYLOAD`] bytes.
    pub(super) fn new(leg: LegId, run: u32, at: u64, timestamp: u32, coding: Coding, piece: &[u8]) -> Voice {
        let mut payload = [0; limits::TAP_PAYLOAD];
        payload.iter_mut().zip(piece).for_each(|(to, from)| *to = *from);
        Voice { leg, run, at, timestamp, coding, length: piece.len().min(payload.len()) as u16, payload }
    }

    pub(super) fn payload(&self) -> &[u8] {
        self.payload.get(..usize::from(self.length)).unwrap_or_default()
    }
}

/// Both ends of the way from one worker.
#[derive(Debug, Clone)]
pub(crate) struct TapQueue {
    voices: Arc<ArrayQueue<Voice>>,
    dropped: Arc<AtomicU64>,
}

impl TapQueue {
    pub(crate) fn new() -> TapQueue {
        TapQueue { voices: Arc::new(ArrayQueue::new(limits::TAP_QUEUE)), dropped: Arc::default() }
    }

    pub(super) fn next(&self) -> Option<Voice> {
        self.voices.pop()
    }

    pub(super) fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }
}

/// A worker's end.
#[derive(Debug, Clone)]
pub(crate) struct Tap {
    queue: TapQueue,
    epoch: Instant,
}

impl Tap {
    pub(crate) fn new(queue: TapQueue, epoch: Instant) -> Tap {
        Tap { queue, epoch }
    }

    /// Hands on a packet's voice. Copies, never waits, never allocates.
    pub(crate) fn hand_on(&self, now: Instant, sound: &Sound, packet: &[u8]) {
        let (Origin::Leg(leg, run), Some(payload)) = (sound.origin, packet.get(sound.payload.clone())) else { return };
        let at = now.saturating_duration_since(self.epoch).as_micros() as u64;
        // A packet of more than one piece is G.711 of 40 ms and longer; anything else of that size can't be cut.
        if payload.len() > limits::TAP_PAYLOAD && sound.coding.law().is_none() {
            self.queue.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        for (place, piece) in payload.chunks(limits::TAP_PAYLOAD).enumerate() {
            let timestamp = sound.timestamp.wrapping_add((place * limits::TAP_PAYLOAD) as u32);
            let voice = Voice::new(leg, run, at, timestamp, sound.coding, piece);
            if self.queue.voices.push(voice).is_err() {
                self.queue.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
