//! Which rules of a route's `subnets` tiers match at which address.

use crate::geo::Ranges;
use crate::geo::intern::Interner;
use crate::geo::ranges::Key;
use crate::steer::model::Rule;
use ipnet::IpNet;

/// Which rules of the `subnets` tiers match where.
pub(super) struct Subnets {
    pub(super) v4: Ranges<u32, u32>,
    pub(super) v6: Ranges<u128, u32>,
    /// For each number in the ranges, and each `subnets` tier so far, the rule that matches. Number 0 is "none".
    pub(super) combinations: Interner<Vec<Option<u32>>>,
}

impl Default for Subnets {
    fn default() -> Self {
        let mut combinations = Interner::default();
        let none = combinations.number(Vec::new());
        Self { v4: Ranges::constant(none), v6: Ranges::constant(none), combinations }
    }
}

impl Subnets {
    /// Lays one more tier over those before; rules count from `begin`.
    pub(super) fn add(&mut self, begin: usize, tier: &[Rule]) {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (index, rule) in (begin as u32..).zip(tier) {
            let Rule::Subnets { nets, .. } = rule else { continue };
            for net in nets {
                let (bits, rule) = (net.prefix_len(), Some(index));
                match net {
                    IpNet::V4(net) => v4.push((net.network().to_bits(), bits, rule)),
                    IpNet::V6(net) => v6.push((net.network().to_bits(), bits, rule)),
                }
            }
        }
        let before = std::mem::take(&mut self.combinations);
        let mut combine = Combine { before: &before.values, after: &mut self.combinations };
        combine.number(0, None);
        self.v4 = combine.zip(&self.v4, v4);
        self.v6 = combine.zip(&self.v6, v6);
    }
}

/// Makes longer combinations of those before.
struct Combine<'a> {
    before: &'a [Vec<Option<u32>>],
    after: &'a mut Interner<Vec<Option<u32>>>,
}

impl Combine<'_> {
    fn number(&mut self, before: u32, rule: Option<u32>) -> u32 {
        let mut combination = self.before[before as usize].clone();
        combination.push(rule);
        self.after.number(combination)
    }

    fn zip<K: Key>(
        &mut self,
        before: &Ranges<K, u32>,
        prefixes: Vec<(K, u8, Option<u32>)>,
    ) -> Ranges<K, u32> {
        // Of equal prefixes the later one in the list wins, and it should be the one written first.
        let tier = Ranges::from_prefixes(None, prefixes.into_iter().rev());
        before.zip(&tier, |before, rule| self.number(before, rule))
    }
}
