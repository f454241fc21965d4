//! Cards by weighted rendezvous: the same network gets the same endpoints, and a loss moves only its own share.
//!
//! Networks are hashed into [`HASH_BUCKETS`] buckets. In each bucket every member has a score of its own,
//! `−ln(u)/weight` with `u` uniform in (0, 1) from bucket and identity: an exponential variate whose rate is the
//! weight, so that the smallest falls to each member in proportion to its weight. The `k` smallest scores, in order,
//! are the card. As no score depends on another member, taking one away leaves the order of the rest as it was.
//!
//! First places follow the weights; later places go to what is left, so with more than one answer a heavy member's part
//! of all addresses is less than its weight's. That is the price of the stable order.
//!
//! The buckets are a sample: a member's share is off its ideal by about `√(p(1−p)/HASH_BUCKETS)`, at most 0.4 % of all
//! queries (one standard deviation). [`Deck::shares`](super::Deck::shares) gives the exact result.

use super::{Candidate, Cards, mix};
use std::collections::HashMap;
use std::f64::consts::{LN_2, SQRT_2};

/// How many buckets networks are hashed into: enough to follow weights within half a percent, and a table of 32 KiB.
pub const HASH_BUCKETS: usize = 1 << BUCKET_BITS;

const BUCKET_BITS: u32 = 14;
const _: () = assert!(HASH_BUCKETS <= 1 << u16::BITS, "card numbers fit u16");

/// The bucket of a network, by the upper bits of its hash.
pub(super) fn bucket(network_hash: u64) -> usize {
    (network_hash >> (u64::BITS - BUCKET_BITS)) as usize
}

/// Cards, and the card of each bucket. `width` is 1 to the number of candidates.
pub(super) fn deal(candidates: &[Candidate], width: usize) -> (Cards, Vec<u16>) {
    let mut numbers: HashMap<Box<[u16]>, u16> = HashMap::new();
    let mut cards = Cards::default();
    let mut best = Vec::with_capacity(width + 1);
    let mut card = Vec::with_capacity(width);
    let mut scores = vec![0.0; candidates.len()];
    let means: Vec<f64> = candidates.iter().map(|c| 1.0 / c.weight as f64).collect();
    let slots = (0..HASH_BUCKETS as u64).map(|bucket| {
        let seed = mix(bucket);
        for ((score, candidate), mean) in scores.iter_mut().zip(candidates).zip(&means) {
            *score = exponential(mix(candidate.id ^ seed)) * mean;
        }
        smallest(&scores, width, &mut best);
        card.clear();
        card.extend(best.iter().map(|&(_, index)| candidates[index].position));
        if let Some(&number) = numbers.get(&*card) {
            return number;
        }
        let number = numbers.len() as u16;
        numbers.insert(card.as_slice().into(), number);
        cards.push_rotations(&card, 1, std::iter::once(0));
        number
    });
    let slots = slots.collect();
    (cards, slots)
}

/// Puts the `width` smallest scores into `best`, in order, with their indexes; equals stay as they come.
fn smallest(scores: &[f64], width: usize, best: &mut Vec<(f64, usize)>) {
    best.clear();
    for (index, &score) in scores.iter().enumerate() {
        if best.len() == width {
            if score >= best[width - 1].0 {
                continue;
            }
            best.pop();
        }
        let mut at = best.len();
        while at > 0 && best[at - 1].0 > score {
            at -= 1;
        }
        best.insert(at, (score, index));
    }
}

/// An exponential variate of mean 1 from uniform bits: `−ln(u)`, from sums and products only, so that nameservers of
/// different make and platform, whose libraries round logarithms differently, agree on every card.
fn exponential(bits: u64) -> f64 {
    const ONE: u64 = 1023 << 52;
    const FRACTION: u64 = (1 << 52) - 1;
    // 52 bits and half a step up: neither 0 nor 1, and exact.
    let u = f64::from_bits(ONE | bits >> 12) - (1.0 - f64::EPSILON / 2.0);
    let exponent = (u.to_bits() >> 52) as i32 - 1023;
    let mantissa = f64::from_bits(u.to_bits() & FRACTION | ONE);
    // ln m = ln √2 + 2·artanh((m − √2)/(m + √2)); the argument is at most 0.172, so the rest of the series is < 1e-13.
    let t = (mantissa - SQRT_2) / (mantissa + SQRT_2);
    let q = t * t;
    const TERMS: [f64; 8] =
        [1.0 / 15.0, 1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0];
    let series = TERMS.iter().fold(0.0, |sum, term| sum * q + term);
    -(LN_2 * (f64::from(exponent) + 0.5) + 2.0 * t * series)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_is_the_logarithm() {
        let mut previous = f64::INFINITY;
        let steps = (0..=1_000_000_u64).map(|step| step * (u64::MAX / 1_000_000));
        for bits in steps.chain([u64::MAX - 8192, u64::MAX - 4096, u64::MAX]) {
            let u = ((bits >> 12) as f64 + 0.5) / (1_u64 << 52) as f64;
            let found = exponential(bits);
            assert!((found + u.ln()).abs() < 1e-12, "{bits:#x}: {found}, not {}", -u.ln());
            assert!(found <= previous + 1e-12, "{bits:#x}");
            previous = found;
        }
    }
}
