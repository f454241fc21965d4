//! The runs of one family, packed for looking up: which run an address is in, from where to where, and its class.
//!
//! IPv4 runs are eight bytes. IPv6 runs start on a /64 almost always, so they are searched by the upper half of their
//! start; the few with a lower half keep it aside.

use super::Found;
use super::scale::Scale;
use crate::geo::ranges::{Ranges, block_bits};

/// All of IPv4.
pub(super) struct V4Runs {
    scale: Scale,
    runs: Box<[V4Run]>,
}

struct V4Run {
    start: u32,
    class: u32,
}

impl V4Runs {
    pub(super) fn new(classes: &Ranges<u32, u32>) -> Self {
        let starts: Vec<u64> = classes.iter().map(|(first, _, _)| u64::from(first)).collect();
        let runs = classes.iter().map(|(start, _, class)| V4Run { start, class }).collect();
        Self { scale: Scale::new(&starts), runs }
    }

    #[inline]
    pub(super) fn find(&self, address: u32) -> Found {
        let range = self.scale.candidates(u64::from(address));
        // The first run starts at zero, so one always starts at or below the address.
        let at = range.start + self.runs[range].partition_point(|run| run.start <= address) - 1;
        let last = self.runs.get(at + 1).map_or(u32::MAX, |next| next.start - 1);
        let run = &self.runs[at];
        Found { class: run.class, scope_bits: block_bits(address, run.start, last) }
    }

    /// First address, last address and class of every run, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32, u32)> + '_ {
        self.runs.iter().enumerate().map(|(at, run)| {
            let last = self.runs.get(at + 1).map_or(u32::MAX, |next| next.start - 1);
            (run.start, last, run.class)
        })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.scale.memory_bytes() + size_of_val(&*self.runs)
    }
}

/// All of IPv6.
pub(super) struct V6Runs {
    scale: Scale,
    runs: Box<[V6Run]>,
    /// Lower halves of starts, other than zero.
    lows: Box<[u64]>,
}

struct V6Run {
    /// Upper half of the start.
    high: u64,
    class: u32,
    /// Where in `lows` the lower half stands, from one; zero: it is zero.
    low: u32,
}

impl V6Runs {
    pub(super) fn new(classes: &Ranges<u128, u32>) -> Self {
        let starts: Vec<u64> = classes.iter().map(|(first, _, _)| (first >> 64) as u64).collect();
        let mut lows = Vec::new();
        let runs = classes
            .iter()
            .map(|(first, _, class)| {
                let low = first as u64;
                if low != 0 {
                    lows.push(low);
                }
                let low = if low == 0 { 0 } else { lows.len() as u32 };
                V6Run { high: (first >> 64) as u64, class, low }
            })
            .collect();
        Self { scale: Scale::new(&starts), runs, lows: lows.into() }
    }

    #[inline]
    pub(super) fn find(&self, address: u128) -> Found {
        let high = (address >> 64) as u64;
        let range = self.scale.candidates(high);
        let mut at =
            range.start + self.runs[range.clone()].partition_point(|run| run.high <= high) - 1;
        if self.runs[at].high == high && self.runs[at].low != 0 {
            // The /64 is cut up. Runs of one upper half are never parted, so the range holds them all.
            let order = self.runs[range.clone()].partition_point(|run| self.start(run) <= address);
            at = range.start + order - 1;
        }
        let run = &self.runs[at];
        let last = self.runs.get(at + 1).map_or(u128::MAX, |next| self.start(next) - 1);
        Found { class: run.class, scope_bits: block_bits(address, self.start(run), last) }
    }

    /// First address, last address and class of every run, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u128, u128, u32)> + '_ {
        self.runs.iter().enumerate().map(|(at, run)| {
            let last = self.runs.get(at + 1).map_or(u128::MAX, |next| self.start(next) - 1);
            (self.start(run), last, run.class)
        })
    }

    fn start(&self, run: &V6Run) -> u128 {
        let low = run.low.checked_sub(1).map_or(0, |index| self.lows[index as usize]);
        u128::from(run.high) << 64 | u128::from(low)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.scale.memory_bytes() + size_of_val(&*self.runs) + size_of_val(&*self.lows)
    }
}
