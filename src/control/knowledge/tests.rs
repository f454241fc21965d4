use super::*;
use crate::control::testing::{Scene, at, on_site};
use crate::director::{FeedReport, RealReport, RealState, Report};
use crate::health::comeback::{Return, ReturnKey};
use crate::health::overrides::{Action, OverrideTarget, Plan};
use crate::steer::pool::{Dealt, Level};
use std::time::Duration;

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

#[test]
fn what_is_phased_out_takes_its_capacity_along() {
    let director = |name: &str, last: u8| {
        format!(
            "[directors.{name}]\nsite = \"fra\"\nvip.a = \"192.0.2.{last}\"\nmode = \"nat\"\nservice = \"tcp/80\"\n\
             capacity = 1000\nfeed = {{ type = \"json\", url = \"http://10.0.0.{last}/\" }}\n"
        )
    };
    let mut scene = Scene::read(&format!(
        "{}{}[pools.web]\nendpoints = [ {{ director = \"z1\" }}, {{ director = \"z2\" }} ]\n\
         [names.www]\npool = \"web\"\n",
        director("z1", 1),
        director("z2", 2),
    ));
    let mut used = |second: i64, weight: Option<u32>, sessions: [u64; 2]| {
        let planned = weight.map(|weight| Override {
            target: OverrideTarget::Endpoint { zone: None, pool: None, name: "z2".into() },
            action: Action::Weight(Plan { from: None, begin: None, weight, over: Duration::ZERO }),
            until: None,
            reason: String::new(),
            by: None,
        });
        scene.knowledge.overrides.list = planned.into_iter().collect();
        let vips = scene.knowledge.directors.vips().to_vec();
        for (vip, sessions) in vips.iter().zip(sessions) {
            let real = RealReport {
                name: Some("web1".into()),
                address: None,
                state: RealState::Up,
                weight: 1,
                sessions: None,
                is_backup: false,
            };
            let said = Report { reals: vec![real], sessions: Some(sessions), ..Report::default() };
            let feed = vip.feeds().next().expect("a feed");
            let said = Ok(FeedReport::One(said));
            scene.knowledge.directors.hearings.hear(feed, at(second), Duration::ZERO, said);
        }
        scene.step(second);
        let now = scene.knowledge.at(at(second));
        let pool = pool(&scene, "web");
        now.utilisation(pool, &pool.endpoints[0].site).expect("load and capacity are known")
    };
    assert_eq!(used(10, None, [1900, 0]), 0.95);
    // What is left where nobody is sent any more is no load of the other.
    assert_eq!(used(12, Some(0), [1900, 100]), 1.9);
    // More weight adds no capacity. Both have one unit of weight as configured.
    assert_eq!(used(14, Some(3), [1900, 0]), 0.95);
}

#[test]
fn what_an_earlier_run_kept_of_endpoints_that_are_gone_is_forgotten() {
    let mut scene = Scene::with_directors(10);
    let key = |pool: &str, endpoint: &str| ReturnKey {
        zone: Some("example.com.".into()),
        pool: pool.into(),
        endpoint: endpoint.into(),
        family: "A".into(),
    };
    let there = key("vips", "lvs-fra");
    // Of a pool that is there, of one that is not, and of one where nothing comes back in steps any more.
    let gone = [key("vips", "lvs-sin"), key("old", "lvs-fra"), key("web", "fra-1")];
    let mut motion = Motion::default();
    motion.restore(
        [there.clone()].into_iter().chain(gone).map(|it| (it, Return::default())).collect(),
    );
    motion.follow(&scene.load.catalog);
    assert_eq!(motion.returns().map(|(key, _)| key).collect::<Vec<_>>(), [there.clone()]);
    // What is looked at is no longer kept, but known.
    scene.knowledge.motion = motion;
    scene.step(12);
    assert_eq!(scene.knowledge.motion.returns().filter(|(key, _)| *key == there).count(), 1);
}
