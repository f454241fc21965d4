use super::*;
use crate::control::testing::{Scene, at, on_site};
use crate::steer::pool::{Dealt, Level};

/// The pool of this name that is served.
fn pool<'s>(scene: &'s Scene, name: &str) -> &'s Pool {
    let pools = scene.load.catalog.pools().all().iter().map(|served| &*served.pool);
    pools.into_iter().find(|pool| pool.name == name).expect("a pool")
}

#[test]
fn what_is_pinned_up_is_whole_whatever_is_live_behind_it() {
    let mut scene = Scene::with_directors(10);
    let level = |scene: &Scene| {
        let now = scene.knowledge.at(at(20));
        let pool = pool(scene, "vips");
        let rosters = scene.load.catalog.rosters().iter();
        let of = |roster: &&Roster| roster.tiers[0].pool.name == "vips";
        let dealt = Dealt::deal(rosters.into_iter().find(of).expect("it is served"), &now);
        let weight = now.weight(pool, &pool.endpoints[0], Family::V4);
        let because = now.weight_because(pool, &pool.endpoints[0], Family::V4);
        (dealt.site(0, 0).level, weight.carried(), because.len())
    };
    // 1 of 4 by weight, of which the pool wants 0.4.
    scene.hear(&["web3"], 100, 20);
    assert_eq!(level(&scene).0, Level::Dead);
    scene.knowledge.overrides.list = vec![on_site("fra", Pin::Up, None)];
    assert_eq!(level(&scene), (Level::Trusted, 4.0, 0));
    // Nor does it come back in steps.
    scene.hear(&["web1", "web2", "web3"], 100, 22);
    assert_eq!(level(&scene), (Level::Trusted, 4.0, 0));
}
