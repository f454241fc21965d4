//! Every method by load, in balance, when something happens.

use crate::course::{Course, Figures};
use crate::methods::{ideal, setting};
use crate::world::{Setting, World};
use crate::{RUNS, report};
use fingerpost::steer::model::Method;

const METHODS: [Method; 4] = [
    Method::LeastConnections,
    Method::WeightedLeastConnections,
    Method::LeastResponseTime,
    Method::PowerOfTwo,
];
const DURATION_S: u64 = 2400;

/// Worlds with TTL 30 s and sessions of a minute that have found their balance.
fn balanced(method: Method) -> Vec<World> {
    let of_seed = |seed| {
        let mut world = World::new(&Setting { seed, ..setting(method, 30, 60.0) }, 3 * DURATION_S);
        (0..DURATION_S).for_each(|_| world.tick());
        world
    };
    (1..=RUNS).map(of_seed).collect()
}

/// Does something to the worlds, and holds what becomes of those that are up, with so many sessions in all.
fn check(what: &str, worlds: &mut [World], crowd: f64, change: impl Fn(&mut World)) {
    let of_world = |world: &mut World| {
        change(world);
        world.redeal();
        let sessions = crowd * world.setting.sessions;
        let ideal = ideal(world.setting.method, &world.servers, sessions);
        Course::run(world, DURATION_S, |world| {
            let all: f64 = world.servers.iter().map(|server| server.sessions).sum();
            let up = world.servers.iter().zip(&ideal).filter(|(server, _)| server.is_up);
            up.map(|(server, ideal)| server.sessions / all / ideal).collect()
        })
    };
    let runs: Vec<Course> = worlds.iter_mut().map(of_world).collect();
    let method = worlds[0].setting.method.to_string();
    let figures: Figures = report(&format!("{method:26} | {what:24}"), &runs);
    assert!(figures.error < 5.0, "{method}, {what}: {figures}");
    assert!(figures.settled_s < 900, "{method}, {what}: {figures}");
    assert!(figures.overshoot < 30.0, "{method}, {what}: {figures}");
}

#[test]
fn one_dies_and_returns() {
    for method in METHODS {
        let mut worlds = balanced(method);
        check("one of four dies", &mut worlds, 1.0, |world| world.servers[1].is_up = false);
        check("and returns, empty", &mut worlds, 1.0, |world| world.servers[1].is_up = true);
    }
}

#[test]
fn a_crowd_comes() {
    for method in METHODS {
        // Servers are at 83 % then, where response times tell; sessions have no such limit.
        let crowd = if method == Method::LeastResponseTime { 1.25 } else { 2.0 };
        check("a crowd comes", &mut balanced(method), crowd, |world| world.crowd(crowd));
    }
}

#[test]
fn half_of_what_is_behind_a_director_dies() {
    for method in METHODS {
        // Of the smallest, so that the others can take it.
        check("half of one's reals die", &mut balanced(method), 1.0, |world| {
            world.servers[2].live = 0.5;
        });
    }
}
