//! Keys that we press for a peer: RFC 4733 events, or the tones themselves where the peer takes no events.

use std::collections::VecDeque;

use super::dtmf;
use super::limits::{KEY_PAUSE_TICKS, KEY_TICKS, KEYS};
use crate::audio::{FRAME, Law, RATE};

/// Times that the end of a key is said (RFC 4733 §2.5.1.4).
const ENDS: u16 = 3;
/// Power of the event as it is told, in -dBm0 (RFC 4733 §2.3.4): what telephones send.
const VOLUME: u8 = 10;
/// Frequencies of the rows and columns of a keypad in Hz (ITU-T Q.23).
const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
/// Row and column of each event number.
const PLACES: [(usize, usize); 16] =
    [(3, 1), (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2), (3, 0), (3, 2), (0, 3), (1, 3), (2, 3), (3, 3)];
/// Peaks of the low and the high tone: -10 and -8 dBm0, the high one louder because lines dampen it more.
const LOW: f64 = 7193.0;
const HIGH: f64 = 9055.0;

/// Whether this can be pressed, or is the pause `,`.
pub fn is_key(key: char) -> bool {
    key == ',' || dtmf::event(key).is_some()
}

/// One tick of a key that is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPart {
    event: u8,
    /// Counts from 0.
    tick: u16,
}

/// What a tick brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A key.
    Key(KeyPart),
    /// The time between keys, or a pause: the peer hears what it would hear anyway.
    Gap,
}

impl KeyPart {
    /// The key's first packet.
    pub fn begins(self) -> bool {
        self.tick == 0
    }

    /// The event as it is sent: number, end and volume, duration so far.
    pub fn event(self) -> [u8; 4] {
        let duration = (self.tick + 1).min(KEY_TICKS) * FRAME as u16;
        let end = if self.tick + 1 >= KEY_TICKS { 0x80 } else { 0 };
        let [high, low] = duration.to_be_bytes();
        [self.event, end | VOLUME, high, low]
    }

    /// The frame of the key's tone; `None` once it is over.
    pub fn tone(self, law: Law, codes: &mut [u8; FRAME]) -> Option<()> {
        if self.tick >= KEY_TICKS {
            return None;
        }
        let (row, column) = *PLACES.get(usize::from(self.event))?;
        let (low, high) = (*ROWS.get(row)?, *COLUMNS.get(column)?);
        for (place, code) in codes.iter_mut().enumerate() {
            let angle = std::f64::consts::TAU * (usize::from(self.tick) * FRAME + place) as f64 / f64::from(RATE);
            *code = law.encode((LOW * (angle * low).sin() + HIGH * (angle * high).sin()).round() as i16);
        }
        Some(())
    }
}

/// The keys that one leg's peer is to get.
#[derive(Debug, Default)]
pub struct KeySender {
    waiting: VecDeque<char>,
    now: Option<Pressed>,
    /// Whether the last tick was a key's.
    pressing: bool,
}

#[derive(Debug, Clone, Copy)]
struct Pressed {
    /// `None`: the pause `,`.
    event: Option<u8>,
    tick: u16,
}

impl KeySender {
    /// Adds keys; those beyond [`KEYS`] that wait are left out.
    pub fn add(&mut self, keys: &str) {
        let room = KEYS.saturating_sub(self.waiting.len());
        self.waiting.extend(keys.chars().filter(|key| is_key(*key)).take(room));
    }

    /// Whether a key is sounding.
    pub fn pressing(&self) -> bool {
        self.pressing
    }

    /// The next tick's part; `None` when everything is sent.
    ///
    /// A key takes 200 ms: 100 ms of sound, during the next 40 ms two more times its end, so that losing one packet or two does not
    /// stretch it, and silence or whatever else is to be heard until the next one.
    pub fn tick(&mut self) -> Option<Step> {
        let mut pressed = match self.now.take() {
            Some(pressed) => pressed,
            None => match self.waiting.pop_front() {
                Some(key) => Pressed { event: dtmf::event(key), tick: 0 },
                None => {
                    self.pressing = false;
                    return None;
                }
            },
        };
        let length = if pressed.event.is_some() { 2 * KEY_TICKS } else { KEY_PAUSE_TICKS };
        let part = pressed.event.map(|event| KeyPart { event, tick: pressed.tick });
        pressed.tick += 1;
        if pressed.tick < length {
            self.now = Some(pressed);
        }
        let down = part.filter(|part| part.tick < KEY_TICKS + ENDS - 1);
        self.pressing = down.is_some();
        Some(down.map_or(Step::Gap, Step::Key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::goertzel;

    fn steps(keys: &str) -> Vec<Step> {
        let mut sender = KeySender::default();
        sender.add(keys);
        std::iter::from_fn(|| sender.tick()).take(10_000).collect()
    }

    #[test]
    fn a_key_grows_for_100_ms_and_its_end_is_said_three_times() {
        let steps = steps("5");
        assert_eq!(steps.len(), 10);
        let events: Vec<[u8; 4]> =
            steps.iter().filter_map(|step| if let Step::Key(part) = step { Some(part.event()) } else { None }).collect();
        let durations: Vec<u16> = events.iter().map(|event| u16::from_be_bytes([event[2], event[3]])).collect();
        assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800]);
        assert!(events.iter().all(|event| event[0] == 5 && event[1] & 0x7F == 10));
        assert_eq!(events.iter().map(|event| event[1] >> 7).collect::<Vec<_>>(), [0, 0, 0, 0, 1, 1, 1]);
        assert!(steps[7..].iter().all(|step| *step == Step::Gap));
    }

    #[test]
    fn a_comma_is_a_second_of_nothing() {
        assert_eq!(steps("1,2").len(), 10 + 50 + 10);
        assert_eq!(steps(",").iter().filter(|step| **step == Step::Gap).count(), 50);
    }

    #[test]
    fn what_is_no_key_or_too_much_is_left_out() {
        assert_eq!(steps("1x2").len(), 20);
        assert_eq!(steps(&"7".repeat(10 * KEYS)).len(), 10 * KEYS);
    }

    #[test]
    fn the_tone_of_a_key_has_its_two_frequencies_and_no_other() {
        for (key, low, high) in
            [('1', 697.0, 1209.0), ('0', 941.0, 1336.0), ('#', 941.0, 1477.0), ('D', 941.0, 1633.0), ('6', 770.0, 1477.0)]
        {
            let mut sound = Vec::new();
            for step in steps(&key.to_string()) {
                let mut codes = [0; FRAME];
                if let Step::Key(part) = step
                    && part.tone(Law::A, &mut codes).is_some()
                {
                    sound.extend(codes.map(|code| Law::A.decode(code)));
                }
            }
            assert_eq!(sound.len(), 800);
            for hz in ROWS.into_iter().chain(COLUMNS) {
                let level = goertzel::level_dbm0(&sound, hz);
                assert_eq!(level > -12.0, hz == low || hz == high, "{key} at {hz} Hz: {level} dBm0");
            }
        }
    }
}
