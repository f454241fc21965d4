//! The end of the tap in a thread that answers: chooses, copies, and never waits.

use super::Shared;
use super::ring::{Head, Inlet, Tally};
use crate::answer::{Ends, Transport};
use crate::config::DnstapMessages;
use crate::snapshot::Snapshot;
use crate::wire::query::{self, Message};
use crate::wire::{FoldedName, Rtype};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

/// A query and its answer.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The query as it came.
    pub query: &'a [u8],
    /// The answer as it goes; empty if none does.
    pub response: &'a [u8],
    /// How they go.
    pub transport: Transport,
    /// Between whom.
    pub ends: &'a Ends,
    /// When answering began, by [`now_ns`].
    pub asked_ns: u64,
    /// When it ended.
    pub answered_ns: u64,
}

/// What one thread that answers tells the tap through.
pub struct Spout {
    shared: Arc<Shared>,
    inlet: Inlet,
    tally: Arc<Tally>,
    name: FoldedName,
}

/// The time in nanoseconds since 1970, from a clock that costs no call of the system where the system has a better way.
pub fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

impl Spout {
    pub(super) fn new(shared: Arc<Shared>, inlet: Inlet, tally: Arc<Tally>) -> Self {
        Self { shared, inlet, tally, name: FoldedName::default() }
    }

    /// Whether a query with this luck is one of the sample.
    #[inline]
    pub fn is_sampled(&self, random: u64) -> bool {
        mixed(random) <= self.shared.threshold.load(Ordering::Relaxed)
    }

    /// Puts an exchange into the ring, or drops it if there is no room. `snapshot` is what it was answered from.
    pub fn take(&mut self, snapshot: &Snapshot, exchange: &Exchange<'_>) {
        // Nothing was sent, for it was no query.
        if exchange.response.is_empty() {
            return;
        }
        let zone = zone_of(snapshot, exchange.query, &mut self.name);
        let (query, response): (&[u8], &[u8]) = match self.shared.messages {
            DnstapMessages::Both => (exchange.query, exchange.response),
            DnstapMessages::Queries => (exchange.query, &[]),
            DnstapMessages::Responses => (&[], exchange.response),
        };
        let head = Head {
            transport: exchange.transport,
            ends: *exchange.ends,
            asked_ns: exchange.asked_ns,
            answered_ns: exchange.answered_ns,
            zone_bytes: zone.len(),
            query_bytes: query.len(),
            response_bytes: response.len(),
        };
        self.tally.count(self.inlet.push(head, [zone, query, response]));
    }
}

impl Drop for Spout {
    fn drop(&mut self) {
        self.shared.retire(&self.tally);
    }
}

/// The apex of the zone that the name asked for lies in, in wire form; empty if there is none. The query is read a
/// second time for it, which only the sampled ones pay for.
fn zone_of<'s>(snapshot: &'s Snapshot, query: &[u8], name: &mut FoldedName) -> &'s [u8] {
    let Message::Query(query) = query::read(query, name) else { return &[] };
    let found = snapshot.zones().find(name, query.qtype == Rtype::DS);
    found.map_or(&[], |zone| snapshot.zones().zones()[zone].zone.apex().as_wire())
}

/// The greatest mixed luck that is sampled, for a share of the queries.
pub(super) fn threshold(share: f64) -> u64 {
    // The cast stops at the greatest value, which is what a share of 1 needs.
    (share * 2_f64.powi(64)) as u64
}

/// The same luck, differently: cards are drawn by the high bits, and a sample by those would be of a few cards only.
/// Each step can be undone, so the result is as uniform as what comes in (the finalizer of SplitMix64).
fn mixed(random: u64) -> u64 {
    let mut bits = random;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Dnstap, DnstapSink};
    use crate::tap::Tap;
    use std::path::PathBuf;

    fn tap(sample: f64) -> Tap {
        Tap::new(&Dnstap {
            sink: DnstapSink::File(PathBuf::new()),
            sample,
            messages: DnstapMessages::Both,
            identity: String::new(),
            version: String::new(),
        })
    }

    /// A sample is as large as asked for, and whatever is drawn by the same luck is drawn in it as in the whole.
    #[test]
    fn samples_are_fair() {
        const DRAWS: u64 = 200_000;
        let check = |share: f64| {
            let spout = tap(share).spout();
            // Evenly spread, as luck is: consecutive multiples of an odd constant.
            let lucks = (0..DRAWS).map(|draw| draw.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let sampled: Vec<u64> = lucks.filter(|luck| spout.is_sampled(*luck)).collect();
            let expected = share * DRAWS as f64;
            // Six standard deviations of fair draws.
            let near = |count: usize, expected: f64| {
                assert!((count as f64 - expected).abs() <= 6.0 * expected.sqrt(), "{share}");
            };
            near(sampled.len(), expected);
            for card in 0..4 {
                let high = sampled.iter().filter(|luck| **luck >> 62 == card).count();
                let low = sampled.iter().filter(|luck| **luck & 3 == card).count();
                near(high, expected / 4.0);
                near(low, expected / 4.0);
            }
        };
        check(1.0);
        check(0.5);
        check(0.01);
        check(0.001);
        let everything = tap(1.0).spout();
        assert!([0, 1, u64::MAX].iter().all(|luck| everything.is_sampled(*luck)));
    }

    #[test]
    fn the_share_can_be_changed() {
        let tap = tap(1e-18);
        let spout = tap.spout();
        let sampled = || (0..1000).filter(|luck| spout.is_sampled(*luck)).count();
        // Luck 0 mixes to 0.
        assert_eq!(sampled(), 1);
        tap.set_sample(1.0);
        assert_eq!(sampled(), 1000);
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_counted() {
        let ends = Ends::new(([192, 0, 2, 1], 5353).into(), None);
        let check = |bytes: usize, room: u64| {
            let tap = tap(1.0);
            let mut spout = tap.spout();
            let message = vec![0; bytes];
            let exchange = Exchange {
                query: &message,
                response: &message,
                transport: Transport::Tcp,
                ends: &ends,
                asked_ns: 1,
                answered_ns: 2,
            };
            for _ in 0..room + 10 {
                spout.take(&Snapshot::empty(), &exchange);
            }
            spout.take(&Snapshot::empty(), &Exchange { response: &[], ..exchange });
            let check = || {
                let counts = tap.counts();
                assert_eq!((counts.sampled, counts.dropped), (room + 10, 10), "{bytes}");
            };
            check();
            drop(spout);
            check();
        };
        check(65_535, 8);
        check(128, 4096);
        check(1, 4096);
    }
}
