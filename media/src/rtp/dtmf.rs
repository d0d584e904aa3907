//! Key presses as RTP events (RFC 4733): many packets, one report.

use std::time::Instant;

use super::limits;

/// A key that was pressed and let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPress {
    /// 0-9, `*`, `#`, A-D.
    pub digit: char,
    /// Length in timestamp units of 1/8000 s.
    pub duration: u32,
}

impl KeyPress {
    /// Length in milliseconds (telephone-event runs at 8 kHz unless negotiated otherwise; RFC 4733 §2.1).
    pub fn duration_ms(&self) -> u32 {
        self.duration / 8
    }
}

#[derive(Debug, Clone, Copy)]
struct Press {
    event: u8,
    timestamp: u32,
    /// Length of the segments before this one (§2.5.1.3: a long press is cut).
    before: u32,
    duration: u16,
    last: Instant,
}

/// Reads one leg's events.
#[derive(Debug, Default)]
pub struct DigitReader {
    pressed: Option<Press>,
    /// Timestamp of the last press that was reported: its repeated end packets say nothing new.
    done: Option<u32>,
}

impl DigitReader {
    /// Takes the payload of an event packet. Answers the presses it ends: the one before, whose end was lost, and its own.
    pub fn packet(&mut self, now: Instant, timestamp: u32, payload: &[u8]) -> [Option<KeyPress>; 2] {
        let &[event, flags, high, low, ..] = payload else { return [None; 2] };
        let (end, duration) = (flags & 0x80 != 0, u16::from_be_bytes([high, low]));
        if digit(event).is_none() || self.done.is_some_and(|done| (timestamp.wrapping_sub(done) as i32) <= 0) {
            return [None; 2];
        }
        let mut ended = [None; 2];
        let mut press = Press { event, timestamp, before: 0, duration, last: now };
        if let Some(old) = self.pressed {
            let newer = timestamp.wrapping_sub(old.timestamp) as i32;
            if newer < 0 {
                return [None; 2];
            }
            let goes_on = timestamp.wrapping_sub(old.timestamp) == u32::from(old.duration) && old.duration >= 0xF000;
            if newer == 0 {
                // Packets may be reordered: the length only grows.
                press = Press { duration: duration.max(old.duration), event: old.event, before: old.before, ..press };
            } else if old.event == event && goes_on {
                press.before = old.before.saturating_add(u32::from(old.duration));
            } else {
                ended[0] = self.finish();
            }
        }
        self.pressed = Some(press);
        if end {
            ended[1] = self.finish();
        }
        ended
    }

    /// Ends a press whose packets have stopped without an end (all three copies were lost).
    pub fn timeout(&mut self, now: Instant) -> Option<KeyPress> {
        let pressed = self.pressed.as_ref()?;
        if now.saturating_duration_since(pressed.last) < limits::DIGIT_TIMEOUT {
            return None;
        }
        self.finish()
    }

    /// The peer's stream began anew: timestamps of before say nothing. Answers the press that was cut off.
    pub fn restart(&mut self) -> Option<KeyPress> {
        let press = self.finish();
        self.done = None;
        press
    }

    fn finish(&mut self) -> Option<KeyPress> {
        let press = self.pressed.take()?;
        self.done = Some(press.timestamp);
        Some(KeyPress { digit: digit(press.event)?, duration: press.before.saturating_add(u32::from(press.duration)) })
    }
}

/// The key of an event number (RFC 4733 §3.2 table 3); flash and tones are none.
fn digit(event: u8) -> Option<char> {
    b"0123456789*#ABCD".get(usize::from(event)).map(|byte| char::from(*byte))
}

#[cfg(test)]
mod tests;
