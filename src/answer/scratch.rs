//! What one worker remembers between queries.

use super::resolve::Chain;
use crate::wire::FoldedName;

/// Round-robin counters; decks share them by number, so two may share one, and then each still goes round.
const TURNS: usize = 4096;

/// A worker's own memory: buffers, so that no query allocates, and whose turn it is. Never shared.
pub struct Scratch {
    /// The name asked for, and then each that it leads to.
    pub(super) name: FoldedName,
    /// Names looked up on the way.
    pub(super) other: FoldedName,
    /// The aliases followed for the query at hand.
    pub(super) chain: Chain,
    pub(super) turns: Turns,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            name: FoldedName::default(),
            other: FoldedName::default(),
            chain: Chain::default(),
            turns: Turns(Box::new([0; TURNS])),
        }
    }
}

/// How often each deck was drawn from.
pub(super) struct Turns(Box<[u32; TURNS]>);

impl Turns {
    /// The number of draws from a deck before this one.
    pub(super) fn next(&mut self, roster: usize, tier: usize, site: usize) -> u32 {
        // Large odd steps keep the decks of one roster, and neighbouring rosters, apart.
        let slot = (roster * 61 + tier * 1021 + site) % TURNS;
        let turn = self.0[slot];
        self.0[slot] = turn.wrapping_add(1);
        turn
    }
}
