//! Capacity and spillover: three sites, what one cannot take goes to the next, and if all are full, all are equally so.

use crate::course::Course;
use crate::world::{INTERVAL_S, Server, Setting, World, ZIPF};
use crate::{RUNS, report, resolvers};
use fingerpost::steer::balance::lag;
use fingerpost::steer::model::Method;
use std::time::Duration;

const CAPACITY: u64 = 2000;

/// Most clients are Europe's, and prefer the first site; each site has two servers.
fn setting(stay_s: f64, seed: u64) -> Setting {
    let site = |site| [Server { site, ..Server::PLAIN }; 2];
    let ttl_s = 30;
    Setting {
        zeal: 1,
        method: Method::Weighted,
        ttl_s,
        stay_s,
        lag: lag(Duration::from_secs(ttl_s), Duration::from_secs(INTERVAL_S)),
        servers: (0..3).flat_map(site).collect(),
        sites: ["fra", "iad", "nrt"].map(|name| (name, Some(CAPACITY))).to_vec(),
        routes: vec![(0.6, vec![0, 1, 2]), (0.3, vec![1, 0, 2]), (0.1, vec![2, 1, 0])],
        resolvers: resolvers(),
        zipf: ZIPF,
        sessions: 4000.0,
        seed,
    }
}

/// What happens, one thing after the other, and what utilisation each site should come to.
const PHASES: [(&str, f64, [f64; 3], [f64; 3]); 6] = [
    ("the first is full", 1.0, [1.0, 1.0, 1.0], [1.0, 0.8, 0.2]),
    ("all are full", 2.0, [1.0, 1.0, 1.0], [4.0 / 3.0, 4.0 / 3.0, 4.0 / 3.0]),
    ("there is room again", 0.75, [1.0, 1.0, 1.0], [0.9, 0.45, 0.15]),
    ("half of the first dies", 1.0, [0.5, 1.0, 1.0], [1.0, 1.0, 0.5]),
    ("the first is gone", 1.0, [0.0, 1.0, 1.0], [0.0, 1.0, 1.0]),
    ("the first is back", 1.0, [1.0, 1.0, 1.0], [1.0, 0.8, 0.2]),
];

/// The phase in which every client is its own site's: each has but one answer for good.
const ROOM: usize = 2;

fn check(stay_s: f64) {
    let duration_s = 2400 + 6 * stay_s as u64;
    let world = |seed| World::new(&setting(stay_s, seed), PHASES.len() as u64 * duration_s);
    let mut worlds: Vec<World> = (1..=RUNS).map(world).collect();
    for (number, (what, crowd, live, aims)) in PHASES.into_iter().enumerate() {
        let of_world = |world: &mut World| {
            world.crowd(crowd);
            for server in &mut world.servers {
                server.live = live[server.site];
                server.is_up = live[server.site] > 0.0;
            }
            world.redeal();
            // All are taken as parts of a full site, so that small ones count as much as they matter.
            Course::run(world, duration_s, |world| {
                let sites = (0..3).filter(|&site| live[site] > 0.0);
                let full = |site| CAPACITY as f64 * world.live(site);
                sites.map(|site| 1.0 + world.sessions_at(site) / full(site) - aims[site]).collect()
            })
        };
        let runs: Vec<Course> = worlds.iter_mut().map(of_world).collect();
        let figures = report(&format!("{what:22} | {stay_s:4} s"), &runs);
        assert!(figures.error < 6.0, "{what}, {stay_s} s: {figures}");
        let settled_max = 900.0 + 3.0 * stay_s;
        assert!(figures.settled_s as f64 <= settled_max, "{what}, {stay_s} s: {figures}");
        if number == ROOM {
            let are_whole = |world: &World| {
                world.setting.sites.iter().all(|(site, _)| world.intakes.of(site) == 1.0)
            };
            assert!(worlds.iter().all(are_whole), "every site takes everybody");
        }
    }
}

#[test]
fn what_a_site_cannot_take_goes_to_the_next() {
    [5.0, 60.0, 600.0].into_iter().for_each(check);
}
