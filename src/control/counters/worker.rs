//! What one worker counts whatever is served.

use super::Count;
use crate::answer::{Outcome, Reason, Transport};
use crate::steer::pool::Family;

/// Response codes that have a counter of their own; BADVERS is the highest that is sent.
const RCODES: usize = 17;
const TRANSPORTS: usize = Transport::ALL.len();
const REASONS: usize = Reason::ALL.len();
/// Scopes from 0 to 128 bits.
const SCOPES: usize = 129;

/// What one worker has answered. Written by that worker alone.
#[derive(Debug)]
pub struct WorkerCounters {
    reasons: [[Count; REASONS]; TRANSPORTS],
    rcodes: [[Count; RCODES]; TRANSPORTS],
    truncated: [Count; TRANSPORTS],
    /// By the family of the subnet that was asked for.
    scopes: [[Count; SCOPES]; 2],
    subnets_seen: Count,
}

impl Default for WorkerCounters {
    fn default() -> Self {
        Self {
            reasons: zeros(),
            rcodes: zeros(),
            truncated: std::array::from_fn(|_| Count::default()),
            scopes: zeros(),
            subnets_seen: Count::default(),
        }
    }
}

fn zeros<const N: usize, const M: usize>() -> [[Count; N]; M] {
    std::array::from_fn(|_| std::array::from_fn(|_| Count::default()))
}

impl WorkerCounters {
    /// Counts one message; `subnet` is the family of the Client Subnet option that it bore, if it bore one.
    #[inline]
    pub fn count(&self, transport: Transport, outcome: &Outcome, subnet: Option<Family>) {
        let lane = transport as usize;
        self.reasons[lane][outcome.reason as usize].add_one();
        if outcome.bytes > 0 {
            self.rcodes[lane][usize::from(outcome.rcode).min(RCODES - 1)].add_one();
        }
        if outcome.truncated {
            self.truncated[lane].add_one();
        }
        if let Some(family) = subnet {
            self.subnets_seen.add_one();
            if let Some(scope_bits) = outcome.scope_bits {
                self.scopes[family as usize][usize::from(scope_bits).min(SCOPES - 1)].add_one();
            }
        }
    }
}

/// The sums over all workers, past and present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    reasons: [[u64; REASONS]; TRANSPORTS],
    rcodes: [[u64; RCODES]; TRANSPORTS],
    truncated: [u64; TRANSPORTS],
    scopes: [[u64; SCOPES]; 2],
    subnets_seen: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            reasons: [[0; REASONS]; TRANSPORTS],
            rcodes: [[0; RCODES]; TRANSPORTS],
            truncated: [0; TRANSPORTS],
            scopes: [[0; SCOPES]; 2],
            subnets_seen: 0,
        }
    }
}

impl Counts {
    /// Messages over a transport that had this fate.
    pub fn reason(&self, transport: Transport, reason: Reason) -> u64 {
        self.reasons[transport as usize][reason as usize]
    }

    /// Responses over a transport with this code.
    pub fn rcode(&self, transport: Transport, rcode: u16) -> u64 {
        self.rcodes[transport as usize][usize::from(rcode).min(RCODES - 1)]
    }

    /// Responses over a transport that were cut short.
    pub fn truncated(&self, transport: Transport) -> u64 {
        self.truncated[transport as usize]
    }

    /// Queries that bore a Client Subnet option, whether or not it was honoured.
    pub fn subnets_seen(&self) -> u64 {
        self.subnets_seen
    }

    /// Responses that bore a Client Subnet option.
    pub fn subnets(&self) -> u64 {
        self.scopes.iter().flatten().sum()
    }

    /// How many responses bore which scope, by number of bits, to subnets of a family.
    pub fn scopes(&self, family: Family) -> &[u64] {
        let longest = if family == Family::V4 { 32 } else { 128 };
        &self.scopes[family as usize][..=longest]
    }

    /// Messages over a transport, answered or not.
    pub fn messages(&self, transport: Transport) -> u64 {
        self.reasons[transport as usize].iter().sum()
    }

    pub(super) fn add(&mut self, worker: &WorkerCounters) {
        let fold = |sums: &mut [u64], counters: &[Count]| {
            sums.iter_mut().zip(counters).for_each(|(sum, counter)| *sum += counter.get());
        };
        for lane in 0..TRANSPORTS {
            fold(&mut self.reasons[lane], &worker.reasons[lane]);
            fold(&mut self.rcodes[lane], &worker.rcodes[lane]);
        }
        fold(&mut self.truncated, &worker.truncated);
        for family in Family::BOTH {
            fold(&mut self.scopes[family as usize], &worker.scopes[family as usize]);
        }
        self.subnets_seen += worker.subnets_seen.get();
    }
}
