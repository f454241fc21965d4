//! From a name to its number: open addressing over hashes, so that a hit is one probe.
//!
//! Hashes are those of [`folded::hash`](crate::wire::folded::hash). A slot keeps the upper half of one, and its place
//! is where that half points, scaled to the length of the table. So the slots are in the order of their hashes, but for
//! a few that were pushed on, and a table that grows is copied from front to back without looking at a name again.

/// Slots per name, at least: long runs of taken slots are what makes a miss slow.
const SLOTS_PER_NAME: usize = 2;
/// Slots that a table begins with, at the most; more would be a guess.
const FIRST_SLOTS_MAX: usize = 1 << 17;

/// Upper half of a name's hash above its number; all ones where free.
#[derive(Debug)]
pub(super) struct Table {
    slots: Vec<u64>,
    taken: usize,
}

const FREE: u64 = u64::MAX;

impl Table {
    pub(super) fn with_room_for(names: usize) -> Self {
        let slots = (names * SLOTS_PER_NAME).next_power_of_two().clamp(8, FIRST_SLOTS_MAX);
        Self { slots: vec![FREE; slots], taken: 0 }
    }

    /// The number of a name of that hash for which `is_it` holds.
    #[inline]
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.place(hash);
        loop {
            let slot = self.slots[at];
            if slot == FREE {
                return None;
            }
            if (slot ^ hash) >> 32 == 0 && is_it(slot as u32) {
                return Some(slot as u32);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// Enters a name that is not there yet; `number` is not the highest that there is.
    pub(super) fn insert(&mut self, hash: u64, number: u32) {
        if (self.taken + 1) * SLOTS_PER_NAME > self.slots.len() {
            let grown = vec![FREE; self.slots.len() * 2];
            let slots = std::mem::replace(&mut self.slots, grown);
            slots.into_iter().filter(|slot| *slot != FREE).for_each(|slot| self.put(slot));
        }
        self.taken += 1;
        self.put(hash & !0xffff_ffff | u64::from(number));
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u64>()
    }

    fn put(&mut self, slot: u64) {
        let mut at = self.place(slot);
        while self.slots[at] != FREE {
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = slot;
    }

    /// Where the search for a hash begins. The length is a power of two, at most 2³².
    #[inline]
    fn place(&self, hash: u64) -> usize {
        ((hash >> 32) as usize * self.slots.len()) >> 32
    }
}
