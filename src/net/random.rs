//! A worker's own source of random bits.
//!
//! Answers need luck that is fast and well spread, not secret: it picks a card from a deck. This is wyrand, one
//! multiplication for 64 bits, seeded from the operating system through the standard library's hash keys.

use std::hash::{BuildHasher, RandomState};

/// Odd, with evenly spread bits: consecutive states differ in about half of their bits.
const STEP: u64 = 0xa076_1d64_78bd_642f;
const MIX: u64 = 0xe703_7ed1_a0b4_28db;

/// A stream of uniform random bits; not for secrets.
pub(super) struct Random {
    state: u64,
}

impl Random {
    /// A stream of its own, unlike that of any other.
    pub(super) fn new() -> Self {
        Self { state: RandomState::new().hash_one(0_u64) }
    }

    /// The next 64 bits.
    #[inline]
    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        let wide = u128::from(self.state) * u128::from(self.state ^ MIX);
        (wide >> 64) as u64 ^ wide as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_is_fair() {
        const DRAWS: u32 = 20_000;
        let mut random = Random::new();
        let mut ones = [0_u32; 64];
        for _ in 0..DRAWS {
            let bits = random.next();
            for (at, count) in ones.iter_mut().enumerate() {
                *count += (bits >> at & 1) as u32;
            }
        }
        // 20,000 fair draws stray from half by six standard deviations (424) less often than once in 10^8.
        for (at, count) in ones.into_iter().enumerate() {
            assert!(count.abs_diff(DRAWS / 2) < 450, "bit {at}: {count} of {DRAWS}");
        }
    }

    #[test]
    fn streams_differ() {
        assert_ne!(Random::new().next(), Random::new().next());
    }
}
