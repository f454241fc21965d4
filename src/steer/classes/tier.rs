//! A tier of a route, made ready to be asked about many locations.

use super::atlas::Atlas;
use super::subnets::Subnets;
use crate::geo::GeoCode;
use crate::steer::model::Rule;
use std::collections::HashMap;

/// A tier made ready.
pub(super) enum Tier {
    /// The `nth` of the `subnets` tiers, counted from 0.
    Subnets {
        nth: usize,
    },
    Geo(GeoTier),
    Nearest {
        rule: u32,
    },
}

/// Which rule of a `geo` tier the most specific code leads to.
pub(super) struct GeoTier {
    by_place: Vec<Option<u32>>,
    by_asn: HashMap<u32, u32>,
    any: Option<u32>,
}

impl Tier {
    pub(super) fn new(begin: usize, tier: &[Rule], atlas: &Atlas, subnets: &mut Subnets) -> Self {
        match tier[0] {
            Rule::Subnets { .. } => {
                subnets.add(begin, tier);
                Self::Subnets { nth: subnets.combinations.values[0].len() - 1 }
            }
            Rule::Geo { .. } => Self::Geo(GeoTier::new(begin, tier, atlas.places())),
            Rule::Nearest => Self::Nearest { rule: begin as u32 },
        }
    }
}

impl GeoTier {
    fn new(begin: usize, tier: &[Rule], places: &[Option<GeoCode>]) -> Self {
        let mut rules: HashMap<GeoCode, u32> = HashMap::new();
        for (index, rule) in (begin as u32..).zip(tier) {
            let Rule::Geo { codes, .. } = rule else { continue };
            for &code in codes {
                rules.entry(code).or_insert(index);
            }
        }
        let rule_at = |place: &Option<GeoCode>| {
            place.and_then(|place| place.widening().find_map(|code| rules.get(&code).copied()))
        };
        let by_place = places.iter().map(rule_at).collect();
        let asn = |(code, rule): (&GeoCode, &u32)| match code {
            GeoCode::Asn(number) => Some((*number, *rule)),
            _ => None,
        };
        let by_asn = rules.iter().filter_map(asn).collect();
        Self { by_place, by_asn, any: rules.get(&GeoCode::Any).copied() }
    }

    /// The rule for a place, by its number in the atlas, and an AS number.
    pub(super) fn rule(&self, place: u32, asn: Option<u32>) -> Option<u32> {
        // Most routes name no AS numbers.
        let by_asn = || if self.by_asn.is_empty() { None } else { self.by_asn.get(&asn?).copied() };
        self.by_place[place as usize].or_else(by_asn).or(self.any)
    }
}
