//! Timers in buckets of one millisecond. Nothing is ever cancelled: a token that has become stale is ignored by its
//! reader, which is cheaper than looking for it.

const SLOTS: usize = 1 << 14;

/// A wheel of tokens.
#[derive(Debug)]
pub struct Wheel {
    slots: Vec<Vec<(u64, u64)>>,
    next_ms: u64,
}

impl Default for Wheel {
    fn default() -> Self {
        Wheel { slots: vec![Vec::new(); SLOTS], next_ms: 0 }
    }
}

impl Wheel {
    /// `token` comes out at `due_ms` or with the next [`Wheel::due`] after it.
    pub fn set(&mut self, due_ms: u64, token: u64) {
        let due_ms = due_ms.max(self.next_ms);
        self.slots[due_ms as usize % SLOTS].push((due_ms, token));
    }

    /// Appends what is due to `out`.
    pub fn due(&mut self, now_ms: u64, out: &mut Vec<u64>) {
        while self.next_ms <= now_ms {
            let tick = self.next_ms;
            self.next_ms += 1;
            // What lies one or more turns of the wheel ahead stays.
            self.slots[tick as usize % SLOTS].retain(|(due_ms, token)| {
                let stays = *due_ms > tick;
                if !stays {
                    out.push(*token);
                }
                stays
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_out_once_and_not_before_its_time() {
        let mut wheel = Wheel::default();
        let far = SLOTS as u64 + 5;
        wheel.set(5, 1);
        wheel.set(far, 2);
        let mut out = Vec::new();
        wheel.due(4, &mut out);
        assert!(out.is_empty());
        wheel.due(5, &mut out);
        assert_eq!(out, [1]);
        wheel.due(far - 1, &mut out);
        assert_eq!(out, [1]);
        wheel.set(3, 4); // already past: with the next turn
        wheel.due(far + 10, &mut out);
        out.sort_unstable();
        assert_eq!(out, [1, 2, 4]);
    }
}
