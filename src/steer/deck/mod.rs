//! A deck: every answer that one site's live endpoints in one family can give, and how a query picks one.
//!
//! ```text
//! method, answers, members ── build (config or health changed) ──► Deck ── draw (per query) ──► card ──► positions
//! ```
//!
//! A card is an ordered list of member positions, and a deck holds all cards that can ever be handed out, each with
//! the probability that it is. So the mix is known before the first query, a card can be rendered or signed ahead of
//! time, and a draw is one search in a short table: no floating point, no allocation.
//!
//! Each method deals its own cards: `weighted` by systematic sampling, and so does `random` with equal weights and
//! every method by load, whose weights say what load makes of them; `hash` by rendezvous; `round-robin` by rotation. A
//! member of weight 0 is dealt only if all weigh 0, whatever the method.
//!
//! Not here: which site serves, what is alive, what an endpoint's address is.

mod network;
mod rendezvous;
mod weighted;

pub use network::{HASH_PREFIX_V4_BITS, HASH_PREFIX_V6_BITS, network_bits, network_hash};
pub use rendezvous::HASH_BUCKETS;

use super::model::Method;

/// Most addresses in one answer: 1232 octets of UDP hold about 70 A or 40 AAAA records, and who is handed more has no
/// use for them. Bounds the size of a deck.
pub const ANSWERS_MAX: usize = 64;
/// Most endpoints of one site in one pool. Bounds the size and the build time of a deck; positions fit `u16`.
pub const ENDPOINTS_PER_SITE_MAX: usize = 4096;

const _: () = assert!(ENDPOINTS_PER_SITE_MAX <= u16::MAX as usize);

/// A live endpoint, as much of it as a deck must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Stable over restarts and the coming and going of others: a hash of the endpoint's name, see [`member_id`].
    pub id: u64,
    /// Its part relative to the others; 0 = only if all are 0. All of a deck add up to less than 2⁵⁶.
    pub weight: u64,
}

/// The ready answers of one site in one family.
#[derive(Clone, Debug)]
pub struct Deck {
    /// What cards are windows into: rotations of one set of members share their storage.
    positions: Box<[u16]>,
    /// Where in `positions` each card begins; all are `width` long.
    offsets: Box<[u32]>,
    width: usize,
    member_count: usize,
    pick: Pick,
}

/// How a query comes to its card.
#[derive(Clone, Debug)]
enum Pick {
    /// By luck: card `i` answers to the values from `starts[i]` up to the next start (or 2³²); `starts[0]` is 0.
    Chance { starts: Box<[u32]> },
    /// One after the other.
    Turn,
    /// By the client's network: bucket → card.
    Bucket { slots: Box<[u16]> },
}

impl Deck {
    /// Deals the cards. Each lists `answers` members, or all if there are fewer (members of weight 0 not counted while
    /// another has more). `answers` is held to 1..=[`ANSWERS_MAX`], and members past [`ENDPOINTS_PER_SITE_MAX`] are not
    /// dealt; configuration refuses both. Without members there is one card, and it is empty.
    pub fn build(method: Method, answers: usize, members: &[Member]) -> Self {
        let candidates = candidates(method, members);
        let width = answers.clamp(1, ANSWERS_MAX).min(candidates.len());
        let (cards, pick) = if candidates.is_empty() {
            (Cards { positions: vec![], offsets: vec![0] }, Pick::Turn)
        } else {
            match method {
                Method::Weighted
                | Method::Random
                | Method::LeastConnections
                | Method::WeightedLeastConnections
                | Method::LeastResponseTime
                | Method::PowerOfTwo => {
                    let (cards, starts) = weighted::deal(&candidates, width);
                    (cards, Pick::Chance { starts: starts.into() })
                }
                Method::RoundRobin => {
                    let mut cards = Cards::default();
                    let all: Vec<u16> = candidates.iter().map(|c| c.position).collect();
                    cards.push_rotations(&all, width, 0..all.len());
                    (cards, Pick::Turn)
                }
                Method::Hash => {
                    let (cards, slots) = rendezvous::deal(&candidates, width);
                    (cards, Pick::Bucket { slots: slots.into() })
                }
            }
        };
        Self {
            positions: cards.positions.into(),
            offsets: cards.offsets.into(),
            width,
            member_count: members.len(),
            pick,
        }
    }

    /// The number of the card for a query. `random` is uniform and only its upper half is used; `turn` counts the
    /// queries before this one; `network_hash` is [`network_hash`] of the client. Each method uses one of the three.
    pub fn draw(&self, random: u64, turn: u32, network_hash: u64) -> usize {
        match &self.pick {
            Pick::Chance { starts } => {
                let value = (random >> 32) as u32;
                starts.partition_point(|&start| start <= value) - 1
            }
            Pick::Turn => turn as usize % self.offsets.len(),
            Pick::Bucket { slots } => usize::from(slots[rendezvous::bucket(network_hash)]),
        }
    }

    /// The positions on a card, first to be listed first.
    ///
    /// # Panics
    /// If the deck has no card of that number.
    pub fn card(&self, number: usize) -> &[u16] {
        let offset = self.offsets[number] as usize;
        &self.positions[offset..offset + self.width]
    }

    /// At least one.
    fn card_count(&self) -> usize {
        self.offsets.len()
    }

    /// Whether answers depend on the client's network, so that none may be cached for more than
    /// [`network_bits`] of it.
    pub fn is_by_network(&self) -> bool {
        matches!(self.pick, Pick::Bucket { .. }) && self.offsets.len() > 1
    }

    /// Every card in order of its number, with the share of queries that draw it.
    pub fn cards(&self) -> impl Iterator<Item = (&[u16], f64)> {
        (0..self.card_count()).zip(self.probabilities()).map(|(card, p)| (self.card(card), p))
    }

    /// For each member, the share of answers that list it.
    pub fn shares(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.member_count];
        for (card, probability) in self.cards() {
            for &position in card {
                shares[usize::from(position)] += probability;
            }
        }
        shares
    }

    /// For each member, the share of answers that list it first; they add up to 1.
    pub fn lead_shares(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.member_count];
        for (card, probability) in self.cards() {
            if let Some(&first) = card.first() {
                shares[usize::from(first)] += probability;
            }
        }
        shares
    }

    /// What the deck takes in memory.
    pub fn memory_bytes(&self) -> usize {
        let pick = match &self.pick {
            Pick::Chance { starts } => size_of_val(&**starts),
            Pick::Turn => 0,
            Pick::Bucket { slots } => size_of_val(&**slots),
        };
        size_of::<Self>() + size_of_val(&*self.positions) + size_of_val(&*self.offsets) + pick
    }

    fn probabilities(&self) -> Vec<f64> {
        match &self.pick {
            Pick::Chance { starts } => {
                let ends = starts[1..].iter().map(|&start| u64::from(start)).chain([1 << 32]);
                let spans = starts.iter().zip(ends).map(|(&start, end)| end - u64::from(start));
                spans.map(|span| span as f64 / (1_u64 << 32) as f64).collect()
            }
            Pick::Turn => vec![1.0 / self.offsets.len() as f64; self.offsets.len()],
            Pick::Bucket { slots } => {
                let mut counts = vec![0_u32; self.offsets.len()];
                slots.iter().for_each(|&card| counts[usize::from(card)] += 1);
                counts.iter().map(|&count| f64::from(count) / slots.len() as f64).collect()
            }
        }
    }
}

/// The identity of an endpoint in `hash` decks: the same wherever and whenever it is computed (FNV-1a, then mixed).
pub fn member_id(name: &str) -> u64 {
    let fnv = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(fnv)
}

/// A member that may be dealt, with the weight that its method gives it: never 0.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    position: u16,
    id: u64,
    weight: u64,
}

fn candidates(method: Method, members: &[Member]) -> Vec<Candidate> {
    let members = &members[..members.len().min(ENDPOINTS_PER_SITE_MAX)];
    let all_zero = members.iter().all(|member| member.weight == 0);
    let weigh = |weight| match method {
        Method::RoundRobin | Method::Random => 1,
        _ if all_zero => 1,
        _ => weight,
    };
    let all = members.iter().zip(0_u16..);
    all.filter(|(member, _)| all_zero || member.weight > 0)
        .map(|(&Member { id, weight }, position)| Candidate { position, id, weight: weigh(weight) })
        .collect()
}

/// Cards while they are being dealt.
#[derive(Debug, Default)]
struct Cards {
    positions: Vec<u16>,
    offsets: Vec<u32>,
}

impl Cards {
    /// Adds one card per leader: `width` members of `set`, from the leader's index on and around the end.
    fn push_rotations(&mut self, set: &[u16], width: usize, leaders: impl Iterator<Item = usize>) {
        let base = self.positions.len() as u32;
        self.positions.extend_from_slice(set);
        self.positions.extend_from_slice(&set[..width - 1]);
        self.offsets.extend(leaders.map(|leader| base + leader as u32));
    }
}

/// A bijection on 64 bits in which every input bit moves about half of the output bits (the finaliser of SplitMix64).
pub fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests;
