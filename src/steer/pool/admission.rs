//! Which of the client networks that prefer a site it takes, and where the others go.
//!
//! A site that carries less than it should (servers behind its director are dead, it is just coming back, it is full)
//! takes a part of its clients, and the others go on to the next site of their order. The part is drawn by the hash of
//! the client's network: a resolver keeps its answer, and as a part shrinks or grows, each network moves at most once.
//! Whom no site takes is spread over all in proportion to their room, so that none is crushed where all are full.

use crate::steer::deck::{member_id, mix};
use crate::steer::model::{Pool, Site};

/// Networks in all: admissions are counted in parts of them.
const NETWORKS: u64 = 1 << 32;
/// What room is counted in: parts of a session, or of a weight.
const ROOM_UNIT: f64 = 1024.0;
/// Sets the hash for the overflow apart from those of the sites.
const OVERFLOW_KEY: u64 = 0x6f76_6572_666c_6f77;

/// The networks that a site takes of those that come to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Admission {
    /// So many of 2³².
    taken: u64,
    /// Tells the site's draw from other sites'.
    key: u64,
    /// What it has to offer to those whom nobody takes, relative to other sites.
    room: u64,
}

impl Admission {
    /// Takes everybody.
    pub const WHOLE: Self = Self { taken: NETWORKS, key: 0, room: 0 };

    /// Of a pool's site that is trusted to carry this part of what it should, and is filled so far.
    pub(super) fn new(pool: &Pool, site: &Site, intake: f64, by_load: f64) -> Self {
        let part = (intake * by_load).clamp(0.0, 1.0);
        let weight = || pool.weight_at(site) as f64;
        let size = pool.capacity_at(site).map_or_else(weight, |sessions| sessions as f64);
        Self {
            taken: (part * NETWORKS as f64).round() as u64,
            key: member_id(&site.name),
            // At least something: who is trusted can be chosen.
            room: (size * intake * ROOM_UNIT).round().max(1.0) as u64,
        }
    }

    /// The part of the networks that it takes, 0 to 1.
    pub fn part(&self) -> f64 {
        self.taken as f64 / NETWORKS as f64
    }

    /// Whether it takes everybody.
    pub fn is_whole(&self) -> bool {
        self.taken == NETWORKS
    }

    /// Whether it takes the network with this hash.
    pub fn takes(&self, network_hash: u64) -> bool {
        self.is_whole() || (mix(network_hash ^ self.key) >> 32) < self.taken
    }

    /// Who serves what part of the networks that come to these sites in this order.
    pub(super) fn split(order: &[&Self]) -> Vec<f64> {
        let mut left = 1.0;
        let mut parts: Vec<f64> = Vec::with_capacity(order.len());
        for admission in order {
            parts.push(left * admission.part());
            left -= left * admission.part();
        }
        let room: f64 = order.iter().map(|admission| admission.room as f64).sum();
        if left > 0.0 && room > 0.0 {
            for (part, admission) in parts.iter_mut().zip(order) {
                *part += left * admission.room as f64 / room;
            }
        }
        parts
    }
}

/// Where those go whom nobody takes.
pub(super) struct Overflow<I> {
    sites: I,
    room: u128,
}

impl<'a, I: Iterator<Item = &'a Admission> + Clone> Overflow<I> {
    pub(super) fn new(sites: I) -> Self {
        let room = sites.clone().map(|admission| u128::from(admission.room)).sum();
        Self { sites, room }
    }

    /// The place of the site among these; 0 if there is no room at all.
    pub(super) fn pick(self, network_hash: u64) -> usize {
        let drawn = u128::from(mix(network_hash ^ OVERFLOW_KEY));
        let mut at = (drawn * self.room) >> 64;
        for (place, admission) in self.sites.enumerate() {
            match at.checked_sub(admission.room.into()) {
                Some(rest) => at = rest,
                None => return place,
            }
        }
        0
    }
}
