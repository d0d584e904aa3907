//! Mixing: each source waits in a small jitter queue, each listener gets the sum of the others.

use super::limits::{MIX_DEPTH, MIX_RING, MIX_TARGET};
use crate::audio::{FRAME, Law};

/// 20 ms of linear sound.
pub type Frame = [i16; FRAME];

/// One source's sound on its way into mixes: placed by timestamp, read one frame per tick.
#[derive(Debug)]
pub struct MixQueue {
    ring: Box<[i16; MIX_RING]>,
    /// Timestamp of the next sample to be read.
    read: u32,
    /// Samples held from `read` on, holes included.
    depth: usize,
    playing: bool,
    tick: Option<u64>,
    frame: Frame,
}

impl Default for MixQueue {
    fn default() -> MixQueue {
        MixQueue { ring: Box::new([0; MIX_RING]), read: 0, depth: 0, playing: false, tick: None, frame: [0; FRAME] }
    }
}

impl MixQueue {
    /// Takes a packet's payload. Late sound is dropped, sound from elsewhere in time begins the queue anew.
    pub fn push(&mut self, timestamp: u32, law: Law, codes: &[u8]) {
        if codes.is_empty() || codes.len() > MIX_RING / 2 {
            return;
        }
        let mut offset = timestamp.wrapping_sub(self.read) as i32;
        let far = offset.unsigned_abs() as usize > MIX_RING - codes.len();
        if (self.depth == 0 && !self.playing) || far {
            self.restart(timestamp);
            offset = 0;
        }
        let Ok(offset) = usize::try_from(offset) else { return };
        for (place, code) in codes.iter().enumerate() {
            let slot = self.slot(offset + place);
            if let Some(sample) = self.ring.get_mut(slot) {
                *sample = law.decode(*code);
            }
        }
        self.depth = self.depth.max(offset + codes.len());
        if self.depth > MIX_DEPTH {
            self.drop_front(self.depth - MIX_TARGET);
        }
    }

    /// The frame of tick number `tick`; asking again in the same tick gives the same. `None`: this source is quiet.
    pub fn frame(&mut self, tick: u64) -> Option<&Frame> {
        if self.tick != Some(tick) {
            self.tick = Some(tick);
            self.playing = (self.playing && self.depth > 0) || self.depth >= MIX_TARGET;
            if self.playing {
                for place in 0..FRAME {
                    let slot = self.slot(place);
                    if let (Some(to), Some(from)) = (self.frame.get_mut(place), self.ring.get(slot)) {
                        *to = *from;
                    }
                }
                self.drop_front(FRAME);
            }
        }
        self.playing.then_some(&self.frame)
    }

    fn restart(&mut self, timestamp: u32) {
        self.ring.fill(0);
        (self.read, self.depth, self.playing) = (timestamp, 0, false);
    }

    /// Moves on; what was read becomes silence, for the packet that may never come.
    fn drop_front(&mut self, samples: usize) {
        for place in 0..samples.min(MIX_RING) {
            let slot = self.slot(place);
            if let Some(sample) = self.ring.get_mut(slot) {
                *sample = 0;
            }
        }
        self.read = self.read.wrapping_add(samples as u32);
        self.depth = self.depth.saturating_sub(samples);
    }

    fn slot(&self, place: usize) -> usize {
        (self.read as usize).wrapping_add(place) % MIX_RING
    }
}

/// The sum of several sources, in a width where it cannot overflow.
#[derive(Debug)]
pub struct Sum([i32; FRAME]);

impl Default for Sum {
    fn default() -> Sum {
        Sum([0; FRAME])
    }
}

impl Sum {
    /// Adds a source.
    pub fn add(&mut self, frame: &Frame) {
        self.0.iter_mut().zip(frame).for_each(|(sum, sample)| *sum += i32::from(*sample));
    }

    /// Writes it in `law`, saturated at full scale.
    pub fn encode(&self, law: Law, codes: &mut [u8; FRAME]) {
        for (code, sum) in codes.iter_mut().zip(&self.0) {
            *code = law.encode((*sum).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(value: i16) -> [u8; FRAME] {
        [Law::A.encode(value); FRAME]
    }

    fn heard(queue: &mut MixQueue, tick: u64) -> Option<i16> {
        queue.frame(tick).map(|frame| frame[FRAME / 2])
    }

    #[test]
    fn two_packets_are_awaited_and_order_is_restored() {
        let mut queue = MixQueue::default();
        let start = u32::MAX - 200;
        queue.push(start, Law::A, &codes(1008));
        assert_eq!(heard(&mut queue, 1), None);
        queue.push(start.wrapping_add(320), Law::A, &codes(3040));
        queue.push(start.wrapping_add(160), Law::A, &codes(2016));
        let values: Vec<i16> = (2..5).map(|tick| heard(&mut queue, tick).unwrap()).collect();
        assert_eq!(values, [1008, 2016, 3040].map(|value| Law::A.decode(Law::A.encode(value))));
        assert_eq!(heard(&mut queue, 5), None, "run dry");
    }

    #[test]
    fn a_lost_packet_is_a_hole_not_an_echo() {
        let mut queue = MixQueue::default();
        for n in [0u32, 1, 3] {
            queue.push(n * 160, Law::Mu, &[Law::Mu.encode(5000); FRAME]);
        }
        let loud: Vec<bool> = (0..4).map(|tick| heard(&mut queue, tick).unwrap() > 1000).collect();
        assert_eq!(loud, [true, true, false, true]);
    }

    #[test]
    fn a_source_with_a_fast_clock_does_not_pile_up_delay() {
        let mut queue = MixQueue::default();
        for n in 0..1000u32 {
            queue.push(n * 160, Law::A, &codes(100));
            assert!(queue.depth <= MIX_DEPTH);
            if n % 10 != 0 {
                queue.frame(u64::from(n));
            }
        }
    }

    #[test]
    fn any_timestamps_and_lengths_are_survived() {
        let mut queue = MixQueue::default();
        let mut seed = 1u32;
        for n in 0..10_000 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let length = (seed >> 20) as usize % 1500;
            queue.push(seed, Law::A, &vec![0x55; length]);
            queue.push(seed.wrapping_add(n), Law::A, &codes(100));
            queue.frame(u64::from(n / 2));
            assert!(queue.depth <= MIX_RING);
        }
    }

    #[test]
    fn a_sum_saturates() {
        let mut sum = Sum::default();
        (0..3).for_each(|_| sum.add(&[30_000; FRAME]));
        let mut out = [0; FRAME];
        sum.encode(Law::A, &mut out);
        assert!(Law::A.decode(out[0]) > 31_000);
    }
}
