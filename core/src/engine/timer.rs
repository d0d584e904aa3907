//! A hierarchical timer wheel: setting, cancelling and firing cost the same with ten timers and with a million.
//!
//! Six levels of 64 slots. A slot of level 0 is one millisecond, of level 1 64 ms, and so on: level 5 reaches two
//! years. A timer lies on the level of the highest bit in which its time differs from the wheel's; when the wheel comes
//! to a slot of a higher level, that slot's timers move down. (Varghese and Lauck, 1987.)

use std::collections::HashMap;
use std::hash::Hash;

use crate::time::Timestamp;

const LEVELS: usize = 6;
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// Timers further away are placed here and move on when the wheel arrives: half the wheel, about a year.
const REACH_TICKS: u64 = 1 << (SLOT_BITS * LEVELS as u32 - 1);
const MICROS_PER_TICK: i64 = 1000;
const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Entry<K> {
    /// `None` in the list of free places.
    key: Option<K>,
    due: u64,
    previous: u32,
    next: u32,
    level: u8,
    slot: u8,
}

/// Timers by key. A timer fires once, never before its time, at most one millisecond after it by the wheel's clock.
#[derive(Debug)]
pub struct Wheel<K> {
    /// Everything due at or before this tick has fired.
    elapsed: u64,
    entries: Vec<Entry<K>>,
    free: u32,
    /// Keys hold what peers chose (contacts): the standard hasher, with a random seed.
    places: HashMap<K, u32>,
    heads: [[u32; SLOTS]; LEVELS],
    occupied: [u64; LEVELS],
}

/// The tick at or after a moment, so that a timer never fires early.
fn tick_after(at: Timestamp) -> u64 {
    let micros = at.as_micros();
    let ticks = micros.div_euclid(MICROS_PER_TICK) + i64::from(micros.rem_euclid(MICROS_PER_TICK) != 0);
    u64::try_from(ticks).unwrap_or(0)
}

fn tick_before(at: Timestamp) -> u64 {
    u64::try_from(at.as_micros().div_euclid(MICROS_PER_TICK)).unwrap_or(0)
}

impl<K: Hash + Eq + Clone> Wheel<K> {
    /// An empty wheel that stands at `now`.
    pub fn new(now: Timestamp) -> Self {
        Wheel {
            elapsed: tick_before(now),
            entries: Vec::new(),
            free: NONE,
            places: HashMap::new(),
            heads: [[NONE; SLOTS]; LEVELS],
            occupied: [0; LEVELS],
        }
    }

    /// Timers that are set.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// None is set.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Sets a timer; a timer with the same key is replaced. One whose time has passed fires at the next tick.
    pub fn set(&mut self, key: K, at: Timestamp) {
        let due = tick_after(at).max(self.elapsed + 1);
        if let Some(place) = self.places.get(&key).copied() {
            self.unlink(place);
            self.entry(place).due = due;
            self.link(place);
            return;
        }
        let place = self.take_place(key.clone(), due);
        self.places.insert(key, place);
        self.link(place);
    }

    /// Forgets a timer; false if it was not set, or has fired.
    pub fn cancel(&mut self, key: &K) -> bool {
        let Some(place) = self.places.remove(key) else { return false };
        self.unlink(place);
        self.give_place_back(place);
        true
    }

    /// Forgets the timers whose keys `keep` refuses.
    pub fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        let gone: Vec<K> = self.places.keys().filter(|key| !keep(key)).cloned().collect();
        for key in gone {
            self.cancel(&key);
        }
    }

    /// When the wheel has something to do next: a timer to fire, or to move closer. `None` if no timer is set.
    pub fn next_due(&self) -> Option<Timestamp> {
        let (_, _, tick) = self.next_slot()?;
        let micros = i64::try_from(tick).unwrap_or(i64::MAX).saturating_mul(MICROS_PER_TICK);
        Some(Timestamp::from_micros(micros))
    }

    /// Moves on to `now` and adds the keys of up to `limit` due timers to `fired`, in the order of their time. Returns
    /// true if more are due. Time never goes back: an earlier `now` does nothing.
    pub fn advance(&mut self, now: Timestamp, limit: usize, fired: &mut Vec<K>) -> bool {
        let now = tick_before(now);
        let enough = fired.len().saturating_add(limit);
        while let Some((level, slot, tick)) = self.next_slot() {
            if tick > now {
                break;
            }
            if fired.len() >= enough {
                return true;
            }
            self.elapsed = self.elapsed.max(tick);
            self.empty_slot(level, slot, fired);
        }
        self.elapsed = self.elapsed.max(now);
        false
    }

    /// Fires or moves down all timers of a slot whose time has come.
    fn empty_slot(&mut self, level: usize, slot: usize, fired: &mut Vec<K>) {
        let mut place = std::mem::replace(&mut self.heads[level][slot], NONE);
        self.occupied[level] &= !(1 << slot);
        while place != NONE {
            let entry = self.entry(place);
            let next = entry.next;
            if entry.due > self.elapsed {
                self.link(place);
            } else if let Some(key) = self.give_place_back(place) {
                self.places.remove(&key);
                fired.push(key);
            }
            place = next;
        }
    }

    /// The slot to look at next and the tick at which. The lowest level that holds a timer has it: higher levels begin
    /// where it ends.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|slots| *slots != 0)?;
        let shift = SLOT_BITS * level as u32;
        let here = (self.elapsed >> shift) as usize % SLOTS;
        let ahead = self.occupied[level].rotate_right(here as u32).trailing_zeros() as usize;
        let slot = (here + ahead) % SLOTS;
        let turn = 1u64 << (shift + SLOT_BITS);
        let start = self.elapsed - self.elapsed % turn + ((slot as u64) << shift);
        // On the highest level a slot at or before ours belongs to the next turn.
        let tick = if level == LEVELS - 1 && start <= self.elapsed { start + turn } else { start };
        Some((level, slot, tick))
    }

    fn link(&mut self, place: u32) {
        let elapsed = self.elapsed;
        let entry = self.entry(place);
        let when = entry.due.min(elapsed + REACH_TICKS);
        let differs = (elapsed ^ when) | (SLOTS as u64 - 1);
        let level = ((63 - differs.leading_zeros()) / SLOT_BITS).min(LEVELS as u32 - 1) as usize;
        let slot = (when >> (SLOT_BITS * level as u32)) as usize % SLOTS;
        (entry.level, entry.slot) = (level as u8, slot as u8);
        let head = std::mem::replace(&mut self.heads[level][slot], place);
        let entry = self.entry(place);
        entry.previous = NONE;
        entry.next = head;
        if head != NONE {
            self.entry(head).previous = place;
        }
        self.occupied[level] |= 1 << slot;
    }

    fn unlink(&mut self, place: u32) {
        let entry = self.entry(place);
        let (previous, next, level, slot) = (entry.previous, entry.next, usize::from(entry.level), usize::from(entry.slot));
        if next != NONE {
            self.entry(next).previous = previous;
        }
        if previous != NONE {
            self.entry(previous).next = next;
            return;
        }
        self.heads[level][slot] = next;
        if next == NONE {
            self.occupied[level] &= !(1 << slot);
        }
    }

    fn take_place(&mut self, key: K, due: u64) -> u32 {
        let entry = Entry { key: Some(key), due, previous: NONE, next: NONE, level: 0, slot: 0 };
        if self.free == NONE {
            self.entries.push(entry);
            // Memory ends long before 2^32 timers do.
            return self.entries.len() as u32 - 1;
        }
        let place = self.free;
        self.free = self.entry(place).next;
        *self.entry(place) = entry;
        place
    }

    fn give_place_back(&mut self, place: u32) -> Option<K> {
        let free = std::mem::replace(&mut self.free, place);
        let entry = self.entry(place);
        entry.next = free;
        entry.key.take()
    }

    fn entry(&mut self, place: u32) -> &mut Entry<K> {
        &mut self.entries[place as usize]
    }
}

#[cfg(test)]
mod tests;
