//! Which packets of a stream were seen (RFC 3711 §3.3.2), and the index that a sequence number stands for (§3.3.1).

use super::SrtpError;
use super::limits;

/// One stream's newest index and a window behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    newest: u64,
    /// Bit `n` stands for `newest - n`.
    seen: u128,
}

impl Window {
    /// A stream that begins with this index.
    pub(super) fn starting(index: u64) -> Window {
        Window { newest: index, seen: 1 }
    }

    /// The rollover counter so far.
    pub(super) fn roc(&self) -> u32 {
        (self.newest >> 16) as u32
    }

    /// The index that this sequence number stands for: the nearest to the newest one (RFC 3711 appendix A). `None`: one
    /// from before the stream began.
    pub(super) fn index_of(&self, sequence: u16) -> Option<u64> {
        let (roc, newest) = (self.newest >> 16, (self.newest & 0xFFFF) as i32);
        let ahead = i32::from(sequence) - newest;
        let roc = match ahead {
            _ if newest < 0x8000 && ahead > 0x8000 => roc.checked_sub(1)?,
            _ if newest >= 0x8000 && ahead < -0x8000 => roc + 1,
            _ => roc,
        };
        Some((roc << 16) | u64::from(sequence))
    }

    /// Refuses what was seen or lies before the window.
    pub(super) fn check(&self, index: u64) -> Result<(), SrtpError> {
        let Some(behind) = self.newest.checked_sub(index) else { return Ok(()) };
        let seen = behind >= limits::REPLAY_WINDOW || self.seen >> behind & 1 == 1;
        if seen { Err(SrtpError::Replayed(index)) } else { Ok(()) }
    }

    /// Notes a packet that has proved itself.
    pub(super) fn note(&mut self, index: u64) {
        match self.newest.checked_sub(index) {
            Some(behind) if behind < limits::REPLAY_WINDOW => self.seen |= 1 << behind,
            Some(_) => {}
            None => {
                let ahead = index - self.newest;
                self.seen = if ahead < limits::REPLAY_WINDOW { self.seen << ahead | 1 } else { 1 };
                self.newest = index;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_taken_once_and_only_inside_of_the_window() {
        let mut window = Window::starting(1000);
        assert_eq!(window.check(1000), Err(SrtpError::Replayed(1000)));
        for index in [1003, 1001, 1000 + limits::REPLAY_WINDOW] {
            window.check(index).unwrap();
            window.note(index);
            assert_eq!(window.check(index), Err(SrtpError::Replayed(index)));
        }
        assert_eq!(window.check(1000), Err(SrtpError::Replayed(1000)), "just out of the window");
        window.check(1002).unwrap();
        window.note(1_000_000);
        assert_eq!(window.check(1002), Err(SrtpError::Replayed(1002)), "far out of the window");
    }

    #[test]
    fn sequence_numbers_roll_over_both_ways() {
        let window = Window::starting(0x1_FFF0);
        assert_eq!(window.index_of(0xFFFF), Some(0x1_FFFF));
        assert_eq!(window.index_of(3), Some(0x2_0003));
        assert_eq!(Window::starting(0x2_0003).index_of(0xFFFE), Some(0x1_FFFE));
        assert_eq!(Window::starting(3).index_of(0xFFFE), None, "from before the stream began");
        assert_eq!(window.roc(), 1);
    }
}
