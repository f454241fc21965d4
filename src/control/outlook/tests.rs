//! Pools in every state that they can be in: the words are what clients get.

use super::*;
use crate::steer::model::{Endpoint, OnAllDown, Pool, Site};
use crate::steer::pool::Family;
use crate::steer::testing::{endpoint, pool, site};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

const SITES: [&str; 3] = ["fra", "iad", "sin"];

/// Every order in which a route can have all sites.
const ORDERS: [[u16; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// What is known of an endpoint, which stands at a site and weighs something.
#[derive(Clone, Debug)]
struct Known {
    site: usize,
    weight: u32,
    standing: Standing,
    was_good: bool,
}

/// A pool, or a fallback.
#[derive(Clone, Debug)]
struct Tier {
    endpoints: Vec<Known>,
    on_all_down: OnAllDown,
    /// Of each site: what it takes by its load.
    admissions: [f64; 3],
    sheds: bool,
}

/// Pools named by their tiers, and endpoints by their places in them.
#[derive(Debug)]
struct Scene(Vec<Tier>);

impl Scene {
    fn roster(&self) -> Roster {
        let mut chain: Option<Arc<Pool>> = None;
        for (number, tier) in self.0.iter().enumerate().rev() {
            let endpoint = |(at, known): (usize, &Known)| {
                let site = Arc::new(site(SITES[known.site]));
                endpoint(at.to_string(), site, at as u8, known.weight)
            };
            let endpoints = tier.endpoints.iter().enumerate().map(endpoint);
            let mut pool = pool(&number.to_string(), endpoints);
            pool.on_all_down = tier.on_all_down;
            pool.fallback = chain.take();
            pool.comeback.slow_start = Duration::from_secs(tier.sheds.into());
            chain = Some(Arc::new(pool));
        }
        Roster::new(&chain.expect("a pool"), Family::V4).expect("endpoints")
    }

    fn tier(&self, pool: &Pool) -> &Tier {
        &self.0[pool.name.parse::<usize>().expect("a number")]
    }

    fn known(&self, pool: &Pool, endpoint: &Endpoint) -> &Known {
        &self.tier(pool).endpoints[endpoint.name.parse::<usize>().expect("a number")]
    }
}

impl Standings for Scene {
    fn standing(&self, pool: &Pool, endpoint: &Endpoint, _: Family) -> Standing {
        self.known(pool, endpoint).standing
    }

    fn was_good(&self, pool: &Pool, endpoint: &Endpoint, _: Family) -> bool {
        self.known(pool, endpoint).was_good
    }

    fn admission(&self, pool: &Pool, site: &Site, _: Family) -> f64 {
        let place = SITES.iter().position(|name| *name == site.name).expect("one of the three");
        self.tier(pool).admissions[place]
    }
}

fn any_known() -> impl Strategy<Value = Known> {
    let standing = prop::sample::select(vec![
        Standing::Up,
        Standing::Down,
        Standing::Unknown,
        Standing::Drained,
        Standing::Held,
    ]);
    (0..SITES.len(), 0..3_u32, standing, any::<bool>())
        .prop_map(|(site, weight, standing, was_good)| Known { site, weight, standing, was_good })
}

fn any_tier() -> impl Strategy<Value = Tier> {
    let ends = [OnAllDown::All, OnAllDown::LastGood, OnAllDown::Nodata, OnAllDown::Servfail];
    let admissions = prop::array::uniform3(prop_oneof![Just(1.0), 0.0..=1.0_f64]);
    let endpoints = prop::collection::vec(any_known(), 1..5);
    (endpoints, prop::sample::select(ends.to_vec()), admissions, any::<bool>()).prop_map(
        |(endpoints, on_all_down, admissions, sheds)| Tier {
            endpoints,
            on_all_down,
            admissions,
            sheds,
        },
    )
}

/// Up to three pools, each the fallback of the one before.
fn any_scene() -> impl Strategy<Value = Scene> {
    prop::collection::vec(any_tier(), 1..4).prop_map(|mut tiers| {
        let last = tiers.len() - 1;
        for tier in &mut tiers[..last] {
            tier.on_all_down = OnAllDown::Fallback;
        }
        Scene(tiers)
    })
}

/// What the tier's own endpoints are, as a person would say it: whether nothing is missing that should be there.
fn is_whole(scene: &Scene, roster: &Roster, tier: usize) -> bool {
    let pool = &roster.tiers[tier].pool;
    let seats = roster.tiers[tier].seats.iter().filter(|seats| !seats.is_empty());
    let mut sites = seats.map(|seats| -> Vec<&Known> {
        seats.iter().map(|&at| scene.known(pool, &pool.endpoints[at])).collect()
    });
    sites.all(|known| {
        let weigh = |standings: &dyn Fn(Standing) -> bool| -> u32 {
            let some = known.iter().filter(|known| standings(known.standing));
            some.map(|known| known.weight).sum()
        };
        let up = weigh(&|standing| standing == Standing::Up);
        let expected = weigh(&|standing| standing != Standing::Drained);
        let drained = known.iter().all(|known| known.standing == Standing::Drained);
        drained || up > 0 && f64::from(up) >= pool.min_up * f64::from(expected)
    })
}

proptest! {
    /// Wherever a client is that may go anywhere, and whatever its network: it gets what the word says.
    #[test]
    fn conditions_are_what_clients_get(scene in any_scene(), network in any::<u64>()) {
        let roster = scene.roster();
        let dealt = Dealt::deal(&roster, &scene);
        let outlook = Outlook { roster: &roster, dealt: &dealt, standings: &scene };
        let condition = outlook.condition(0);
        for order in ORDERS {
            let order: Vec<u16> =
                order.into_iter().filter(|&site| usize::from(site) < roster.sites.len()).collect();
            let got = match dealt.choose(&order, network) {
                Choice::Site { level: Level::Dead, .. } => Condition::FailOpen,
                Choice::Site { tier: 0, .. } if is_whole(&scene, &roster, 0) => Condition::Whole,
                Choice::Site { tier: 0, .. } => Condition::Degraded,
                Choice::Site { .. } => Condition::Fallback,
                Choice::Nodata => Condition::Nodata,
                Choice::Servfail => Condition::Servfail,
                Choice::Fenced => panic!("an order of all sites keeps nobody out"),
            };
            prop_assert_eq!(condition, got, "{:?}", order);
        }
    }

    /// A pool looks the same as a fallback and by itself.
    #[test]
    fn a_tier_looks_as_if_it_stood_alone(scene in any_scene()) {
        let roster = scene.roster();
        let dealt = Dealt::deal(&roster, &scene);
        let outlook = Outlook { roster: &roster, dealt: &dealt, standings: &scene };
        for (number, tier) in roster.tiers.iter().enumerate() {
            let alone = Roster::new(&tier.pool, Family::V4).expect("endpoints");
            let dealt = Dealt::deal(&alone, &scene);
            let outlook_alone = Outlook { roster: &alone, dealt: &dealt, standings: &scene };
            prop_assert_eq!(outlook.condition(number), outlook_alone.condition(0), "{}", number);
        }
    }
}

/// Each standing of a pool of one endpoint, by what the pool says of being all down.
#[test]
fn every_standing_has_its_word() {
    use {Condition as C, OnAllDown as O, SiteLevel as L, Standing as S};
    let check = |standing, weight, on_all_down, level, condition| {
        let known = Known { site: 0, weight, standing, was_good: false };
        let tier = Tier { endpoints: vec![known], on_all_down, admissions: [1.0; 3], sheds: false };
        let scene = Scene(vec![tier]);
        let roster = scene.roster();
        let dealt = Dealt::deal(&roster, &scene);
        let outlook = Outlook { roster: &roster, dealt: &dealt, standings: &scene };
        let found = (outlook.level(0, 0), outlook.condition(0));
        assert_eq!(found, (level, condition), "{standing}, weight {weight}, {on_all_down}");
    };
    check(S::Up, 1, O::Nodata, L::Trusted, C::Whole);
    check(S::Up, 0, O::Nodata, L::LastResort, C::Degraded);
    check(S::Held, 1, O::Nodata, L::Held, C::Degraded);
    check(S::Down, 1, O::Nodata, L::Dead, C::Nodata);
    check(S::Unknown, 1, O::Servfail, L::Dead, C::Servfail);
    check(S::Down, 1, O::All, L::Dead, C::FailOpen);
    check(S::Drained, 1, O::LastGood, L::Drained, C::FailOpen);
    check(S::Drained, 1, O::Nodata, L::Drained, C::Nodata);
}
