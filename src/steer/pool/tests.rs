use super::*;
use crate::health::Standing;
use crate::steer::model::{Endpoint, OnAllDown, Pool, Site};
use crate::steer::testing::{self, endpoint, site};
use std::sync::Arc;

/// Endpoints as `site weight`, named `site-N` and addressed 192.0.2.N by their place.
fn pool(
    on_all_down: OnAllDown,
    fallback: Option<Arc<Pool>>,
    endpoints: &[(&str, u32)],
) -> Arc<Pool> {
    let endpoint = |(at, &(name, weight)): (usize, &(&str, u32))| {
        endpoint(format!("{name}-{at}"), Arc::new(site(name)), at as u8, weight)
    };
    let endpoints = endpoints.iter().enumerate().map(endpoint);
    Arc::new(Pool { answers: 8, on_all_down, fallback, ..testing::pool("web", endpoints) })
}

fn dealt(roster: &Roster, standing: impl Fn(&str) -> Standing) -> Dealt {
    Dealt::deal(roster, &By(standing))
}

/// Standings by name, of which `fra-1` was good last.
struct By<F>(F);

impl<F: Fn(&str) -> Standing> Standings for By<F> {
    fn standing(&self, _: &Pool, endpoint: &Endpoint, _: Family) -> Standing {
        (self.0)(&endpoint.name)
    }

    fn was_good(&self, _: &Pool, endpoint: &Endpoint, _: Family) -> bool {
        endpoint.name == "fra-1"
    }
}

/// Who serves the order `fra, iad`, and with which addresses.
fn served(dealt: &Dealt, order: &[u16]) -> (Choice, Vec<u8>) {
    let choice = dealt.choose(order, 0);
    let addresses = match choice {
        Choice::Site { tier, site, .. } => {
            let site = dealt.site(tier, site);
            let mut last: Vec<u8> =
                site.deck.card(0).iter().map(|&at| site.address(at)[3]).collect();
            last.sort_unstable();
            last
        }
        _ => Vec::new(),
    };
    (choice, addresses)
}

#[test]
fn the_first_site_with_enough_up_serves() {
    use Level::{Dead, Degraded, LastResort, Trusted};
    let pool = pool(OnAllDown::All, None, &[("fra", 3), ("fra", 1), ("fra", 0), ("iad", 1)]);
    let roster = Roster::new(&pool, Family::V4).expect("it has addresses");
    let check = |down: &[&str], drained: &[&str], level, site, addresses: &[u8]| {
        let dealt = dealt(&roster, |name| match () {
            () if down.contains(&name) => Standing::Down,
            () if drained.contains(&name) => Standing::Drained,
            () => Standing::Up,
        });
        let expected = (Choice::Site { tier: 0, site, level }, addresses.to_vec());
        assert_eq!(served(&dealt, &[0, 1]), expected, "down {down:?}, drained {drained:?}");
    };
    check(&[], &[], Trusted, 0, &[0, 1]);
    check(&["fra-1"], &[], Trusted, 0, &[0]);
    check(&["fra-0"], &[], Trusted, 1, &[3]);
    check(&["fra-0", "iad-3"], &[], Degraded, 0, &[1]);
    check(&["fra-0", "fra-1", "iad-3"], &[], LastResort, 0, &[2]);
    check(&["fra-0", "fra-1", "fra-2", "iad-3"], &[], Dead, 0, &[0, 1]);
    // What is drained is not missed: one of four parts of weight is all there should be.
    check(&[], &["fra-0"], Trusted, 0, &[1]);
    check(&["fra-1"], &["fra-0"], Trusted, 1, &[3]);
    check(&["fra-1", "iad-3"], &["fra-0", "fra-2"], Dead, 0, &[1]);
}

#[test]
fn a_share_is_met_by_just_that_share() {
    let mut pool = Arc::unwrap_or_clone(pool(OnAllDown::All, None, &[("fra", 55), ("fra", 45)]));
    pool.min_up = 0.55;
    let roster = Roster::new(&Arc::new(pool), Family::V4).expect("it has addresses");
    let up = |name: &str| if name == "fra-0" { Standing::Up } else { Standing::Down };
    let trusted = Choice::Site { tier: 0, site: 0, level: Level::Trusted };
    assert_eq!(dealt(&roster, up).choose(&[0], 0), trusted);
}

#[test]
fn dead_sites_are_chosen_by_merit_then_by_order() {
    let check = |on_all_down, drained: &[&str], order: &[u16], site, addresses: &[u8]| {
        let pool = pool(on_all_down, None, &[("iad", 1), ("fra", 1), ("fra", 1)]);
        let roster = Roster::new(&pool, Family::V4).expect("it has addresses");
        let standing = |name: &str| match drained.contains(&name) {
            true => Standing::Drained,
            false => Standing::Down,
        };
        let expected = Choice::Site { tier: 0, site, level: Level::Dead };
        let dealt = dealt(&roster, standing);
        assert_eq!(served(&dealt, order), (expected, addresses.to_vec()), "{on_all_down}");
    };
    check(OnAllDown::All, &[], &[0, 1], 0, &[0]);
    check(OnAllDown::All, &[], &[1, 0], 1, &[1, 2]);
    // What was taken out on purpose comes last of all.
    check(OnAllDown::All, &["iad-0"], &[0, 1], 1, &[1, 2]);
    check(OnAllDown::All, &["iad-0", "fra-1", "fra-2"], &[0, 1], 0, &[0]);
    // fra-1 is what was up last in the pool, wherever the client is.
    check(OnAllDown::LastGood, &[], &[0, 1], 1, &[1]);
    check(OnAllDown::LastGood, &[], &[0], 0, &[0]);
}

#[test]
fn unknown_is_not_up() {
    let pool = pool(OnAllDown::Nodata, None, &[("fra", 1)]);
    let roster = Roster::new(&pool, Family::V4).expect("it has addresses");
    assert_eq!(dealt(&roster, |_| Standing::Unknown).choose(&[0], 0), Choice::Nodata);
    assert_eq!(dealt(&roster, |_| Standing::Up).choose(&[], 0), Choice::Fenced);
}

#[test]
fn when_all_are_down() {
    let spare = pool(OnAllDown::Servfail, None, &[("syd", 1)]);
    let check = |on_all_down, fallback: Option<&Arc<Pool>>, spare_up, expected: (Choice, &[u8])| {
        let pool = pool(on_all_down, fallback.cloned(), &[("fra", 1), ("fra", 1)]);
        let roster = Roster::new(&pool, Family::V4).expect("it has addresses");
        let dealt = dealt(&roster, |name| match name {
            "syd-0" if spare_up => Standing::Up,
            _ => Standing::Down,
        });
        let order: Vec<u16> = (0..roster.sites.len() as u16).collect();
        assert_eq!(served(&dealt, &order), (expected.0, expected.1.to_vec()), "{on_all_down}");
    };
    let dead = Choice::Site { tier: 0, site: 0, level: Level::Dead };
    check(OnAllDown::All, None, true, (dead, &[0, 1]));
    check(OnAllDown::LastGood, None, true, (dead, &[1]));
    check(OnAllDown::Nodata, None, true, (Choice::Nodata, &[]));
    check(OnAllDown::Servfail, None, true, (Choice::Servfail, &[]));
    let fallback = Choice::Site { tier: 1, site: 1, level: Level::Trusted };
    check(OnAllDown::Fallback, Some(&spare), true, (fallback, &[0]));
    check(OnAllDown::Fallback, Some(&spare), false, (Choice::Servfail, &[]));
}

#[test]
fn a_roster_has_the_sites_of_its_family_only() {
    let pool = pool(OnAllDown::All, None, &[("fra", 1), ("iad", 1), ("fra", 1)]);
    assert!(Roster::new(&pool, Family::V6).is_none());
    let roster = Roster::new(&pool, Family::V4).expect("it has addresses");
    let names: Vec<&str> = roster.sites.iter().map(|site| &*site.name).collect();
    assert_eq!(names, ["fra", "iad"]);
    assert_eq!(roster.tiers[0].seats, [vec![0, 2], vec![1]]);
}

/// `iad` and `fra` and `sin` of a pool that sheds, each trusted, with an admission by load.
struct Filled([f64; 3]);

impl Standings for Filled {
    fn standing(&self, _: &Pool, _: &Endpoint, _: Family) -> Standing {
        Standing::Up
    }

    fn was_good(&self, _: &Pool, _: &Endpoint, _: Family) -> bool {
        true
    }

    fn admission(&self, _: &Pool, site: &Site, _: Family) -> f64 {
        let place = ["iad", "fra", "sin"].iter().position(|name| *name == site.name);
        self.0[place.expect("one of the three")]
    }
}

fn shedding(weights: [u32; 3]) -> Roster {
    let seats = [("iad", weights[0]), ("fra", weights[1]), ("sin", weights[2])];
    let mut pool = Arc::unwrap_or_clone(pool(OnAllDown::All, None, &seats));
    pool.comeback.slow_start = std::time::Duration::from_secs(60);
    Roster::new(&Arc::new(pool), Family::V4).expect("it has addresses")
}

proptest::proptest! {
    #[test]
    fn networks_split_as_is_told(
        admissions in proptest::array::uniform3(0.0..=1.0_f64),
        weights in proptest::array::uniform3(1..5_u32),
        order in proptest::sample::subsequence(vec![0_u16, 1, 2], 1..=3),
    ) {
        const NETWORKS: u32 = 4000;
        let dealt = Dealt::deal(&shedding(weights), &Filled(admissions));
        let mut counts = [0_u32; 3];
        for network in 0..NETWORKS {
            let hash = crate::steer::deck::mix(network.into());
            match dealt.choose(&order, hash) {
                Choice::Site { site, level: Level::Trusted, .. } => counts[site] += 1,
                other => panic!("{other:?}"),
            }
        }
        let mut whole = 0.0;
        for (choice, part) in dealt.split(&order) {
            let Choice::Site { site, .. } = choice else { panic!("{choice:?}") };
            let found = f64::from(counts[site]) / f64::from(NETWORKS);
            // Five standard deviations and a little.
            let slack = 5.0 * (part * (1.0 - part) / f64::from(NETWORKS)).sqrt() + 0.001;
            proptest::prop_assert!((found - part).abs() < slack, "{site}: {found}, told {part}");
            whole += part;
        }
        proptest::prop_assert!((whole - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_site_that_fills_sends_networks_away_and_moves_no_others(
        before in 0.0..=1.0_f64,
        after in 0.0..=1.0_f64,
    ) {
        let roster = shedding([1, 1, 1]);
        let (before, after) = (before.max(after), before.min(after));
        let [full, less] =
            [before, after].map(|part| Dealt::deal(&roster, &Filled([part, 1.0, 1.0])));
        for network in 0..500_u64 {
            let hash = crate::steer::deck::mix(network);
            let site = |dealt: &Dealt| match dealt.choose(&[0, 1, 2], hash) {
                Choice::Site { site, .. } => site,
                other => panic!("{other:?}"),
            };
            let moved = (site(&full), site(&less));
            proptest::prop_assert!(moved.0 == moved.1 || moved == (0, 1), "{moved:?}");
        }
    }
}

#[test]
fn what_is_held_back_serves_before_nothing_does() {
    use Level::{Dead, Held, Trusted};
    let pool = pool(OnAllDown::Nodata, None, &[("fra", 1), ("fra", 1), ("iad", 1)]);
    let roster = Roster::new(&pool, Family::V4).expect("it has addresses");
    let check = |held: &[&str], down: &[&str], level, addresses: &[u8]| {
        let dealt = dealt(&roster, |name| match () {
            () if held.contains(&name) => Standing::Held,
            () if down.contains(&name) => Standing::Down,
            () => Standing::Up,
        });
        let (choice, found) = served(&dealt, &[0, 1]);
        let told = match choice {
            Choice::Site { level, .. } => level,
            _ => Dead,
        };
        assert_eq!((told, &*found), (level, addresses), "held {held:?}, down {down:?}");
    };
    check(&["fra-0"], &[], Trusted, &[1]);
    check(&["fra-0"], &["fra-1"], Trusted, &[2]);
    check(&["fra-0"], &["fra-1", "iad-2"], Held, &[0]);
    check(&[], &["fra-0", "fra-1", "iad-2"], Dead, &[]);
}

#[test]
fn what_is_held_back_comes_after_a_fallback_and_before_its_end() {
    let check = |last: OnAllDown, spare: Standing, expected: (usize, Level)| {
        let spare_pool = pool(last, None, &[("syd", 1)]);
        let pool = pool(OnAllDown::Fallback, Some(spare_pool), &[("fra", 1)]);
        let roster = Roster::new(&pool, Family::V4).expect("it has addresses");
        let dealt = dealt(&roster, |name| if name == "syd-0" { spare } else { Standing::Held });
        let choice = dealt.choose(&[0, 1], 0);
        let found = match choice {
            Choice::Site { tier, level, .. } => (tier, level),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected, "{last} {spare}");
    };
    check(OnAllDown::Servfail, Standing::Up, (1, Level::Trusted));
    check(OnAllDown::Servfail, Standing::Held, (0, Level::Held));
    check(OnAllDown::Servfail, Standing::Down, (0, Level::Held));
    check(OnAllDown::All, Standing::Down, (0, Level::Held));
}
