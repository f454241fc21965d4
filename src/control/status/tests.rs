//! Status of a small world whose every state is known.

mod directors;

use super::*;
use crate::control::events::Severity;
use crate::control::outlook::{Condition, SiteLevel};
use crate::control::reloader::Outcome as Ended;
use crate::control::testing::{Scene, at, on_site};
use crate::health::Outcome;
use crate::health::overrides::{Overrides, Pin};
use crate::report::{Finding, Report};
use crate::steer::pool::Family;

/// When everything is looked at, in seconds.
const NOW: i64 = 1000;

fn last_load(scene: &Scene) -> LastLoad {
    let mut last = LastLoad::first(&scene.load, Report::default());
    last.at = at(1);
    last.generation = 5;
    last
}

/// Endpoints are handed out ten times each in their own pool, and once as a fallback.
fn status(scene: &Scene, last_load: &LastLoad) -> Status {
    status_at(scene, last_load, NOW)
}

fn status_at(scene: &Scene, last_load: &LastLoad, second: i64) -> Status {
    view(&Facts {
        now: at(second),
        started: at(0),
        published_at: Some(at(2)),
        readiness: Readiness { ready: true, why: "generation 5 is served".to_owned() },
        snapshot: &scene.snapshot(second),
        knowledge: &scene.knowledge,
        last_load,
        queries: Flow { total: 100, per_s: 2.5 },
        answers: &|key| match (&*key.pool, &*key.endpoint, key.family) {
            ("web", _, Family::V4) => Flow { total: 10, per_s: 1.0 },
            ("web", "fra-1" | "iad-1", _) => Flow { total: 5, per_s: 0.25 },
            ("spare", _, Family::V4) => Flow { total: 1, per_s: 0.5 },
            _ => Flow::default(),
        },
    })
}

fn refused() -> Outcome {
    Outcome::Failure("refused".to_owned())
}

/// `severity what`, a line each.
fn wrong(scene: &Scene) -> Vec<String> {
    told(&status(scene, &last_load(scene)))
}

fn told(status: &Status) -> Vec<String> {
    status.wrong.iter().map(|wrong| format!("{} {}", wrong.severity, wrong.what)).collect()
}

#[test]
fn a_whole_world() {
    let scene = Scene::all_up(3);
    let status = status(&scene, &last_load(&scene));
    assert_eq!(status.wrong, []);
    assert_eq!((status.server.queries_total, status.server.queries_per_s), (100, 2.5));
    assert_eq!((status.server.generation, status.server.generation_at), (5, Some(at(2))));

    let pools: Vec<&str> = status.pools.iter().map(|pool| &*pool.pool).collect();
    assert_eq!(pools, ["spare", "web"]);
    let [spare, web] = &status.pools[..] else { panic!("two pools") };
    assert_eq!(web.names, ["cdn.example.com.", "www.example.com."]);
    assert_eq!((web.fallback.as_deref(), spare.names.len()), (Some("spare"), 0));
    assert_eq!((&*web.method, &*web.on_all_down, web.min_up), ("weighted", "fallback", 0.5));
    let families: Vec<_> =
        web.families.iter().map(|family| (&*family.family, family.condition)).collect();
    assert_eq!(families, [("A", Condition::Whole), ("AAAA", Condition::Whole)]);
    // The spare has no IPv6 address, and nobody behind it has one.
    assert_eq!(spare.families.len(), 1);

    let shares: Vec<Vec<f64>> = web
        .endpoints
        .iter()
        .map(|endpoint| endpoint.families.iter().map(|family| family.share).collect())
        .collect();
    assert_eq!(shares, [vec![0.75, 1.0], vec![0.25], vec![1.0, 1.0]]);
    // Both families together.
    assert_eq!((web.endpoints[0].answers_total, spare.endpoints[0].answers_total), (15, 1));
    let check = web.endpoints[1].families[0].check.as_ref().expect("a check");
    assert_eq!((&*check.verdict, &*check.target, check.since), ("up", "192.0.2.2:80", Some(at(3))));
    let last = check.last.as_ref().expect("a result");
    assert_eq!((&*last.outcome, last.at, last.latency_ms), ("success", at(3), 1.5));

    let sites: Vec<_> = status
        .sites
        .iter()
        .map(|site| (&*site.title, site.endpoints, site.endpoints_up, site.answers_total))
        .collect();
    assert_eq!(sites, [("Frankfurt", 2, 2, 25), ("Ashburn", 2, 2, 16)]);
    assert_eq!(status.sites[0].location.as_deref(), Some("EU-DE"));
    let zone = &status.zones[0];
    assert_eq!((&*zone.zone, zone.serial, zone.steered_names), ("example.com.", Some(7), 2));
    assert_eq!(zone.state, "served");

    let json = serde_json::to_string(&status).expect("JSON");
    assert_eq!(serde_json::from_str::<Status>(&json).expect("a status"), status);
}

#[test]
fn what_is_down_shows_and_says_since_when() {
    let mut scene = Scene::all_up(3);
    scene.probe("fra-1", refused(), 500);
    let seen = status(&scene, &last_load(&scene));
    let web = &seen.pools[1];
    let level = |family: usize, site: usize| web.families[family].sites[site].level;
    assert_eq!([level(0, 0), level(0, 1)], [SiteLevel::Degraded, SiteLevel::Trusted]);
    assert_eq!([level(1, 0), level(1, 1)], [SiteLevel::Dead, SiteLevel::Trusted]);
    let one = &web.endpoints[0].families[0];
    assert_eq!((&*one.standing, one.share), ("down", 0.0));
    let because = "check web at 192.0.2.1:80: refused";
    assert_eq!(one.because, because);
    assert_eq!(web.endpoints[1].families[0].share, 1.0);
    assert_eq!(
        told(&seen),
        [
            "error pool web of example.com. (AAAA): site fra is dead",
            "warning pool web of example.com. (A): site fra is under min_up",
            "warning pool web of example.com.: endpoint fra-1 is down",
        ]
    );
    assert!(seen.wrong.iter().all(|wrong| wrong.since == Some(at(500))), "{:?}", seen.wrong);
    assert_eq!(seen.wrong[2].help, because);
    assert_eq!((seen.sites[0].endpoints, seen.sites[0].endpoints_up), (2, 1));
}

#[test]
fn one_cause_is_one_line_and_intent_is_none() {
    let mut scene = Scene::all_up(3);
    let pin = |scene: &mut Scene, list: &[(&str, Pin, Option<i64>)]| {
        let list = list.iter().map(|&(name, pin, until)| on_site(name, pin, until)).collect();
        scene.knowledge.overrides = Overrides { list };
    };
    pin(&mut scene, &[("fra", Pin::Drain, Some(5000)), ("fra", Pin::Up, Some(10))]);
    assert_eq!(wrong(&scene), [""; 0], "drained for a while");
    let seen = status(&scene, &last_load(&scene));
    assert_eq!(seen.overrides.len(), 1, "the other has ended");
    let on_fra = seen.sites[0].pinned.as_ref().expect("an override");
    assert_eq!((&*on_fra.state, on_fra.by.as_deref()), ("drain", Some("ada")));
    assert!(seen.sites[1].pinned.is_none() && seen.pools[1].pinned.is_none());
    assert!(seen.pools[1].endpoints[0].pinned.is_some());
    assert_eq!(seen.pools[1].families[0].sites[0].level, SiteLevel::Drained);

    pin(&mut scene, &[("fra", Pin::Down, None)]);
    assert_eq!(
        wrong(&scene),
        [
            "error pool web of example.com.: site fra is dead",
            "warning site fra is pinned down by ada without an end",
        ]
    );
    pin(&mut scene, &[]);
    for endpoint in ["fra-1", "fra-2", "iad-1"] {
        scene.probe(endpoint, refused(), 600);
    }
    assert_eq!(
        wrong(&scene),
        [
            "error pool web of example.com. (AAAA) is all down: answers are empty",
            "warning pool web of example.com. (A) is all down: its fallback spare serves",
            "warning pool web of example.com.: endpoint fra-1 is down",
            "warning pool web of example.com.: endpoint fra-2 is down",
            "warning pool web of example.com.: endpoint iad-1 is down",
        ]
    );
    scene.probe("spare-1", refused(), 601);
    let seen = status(&scene, &last_load(&scene));
    let [first, ..] = &told(&seen)[..] else { panic!("something is wrong") };
    assert_eq!(
        first,
        "error pool spare of example.com. is all down: addresses are handed out all the same"
    );
    // What is handed out all the same has its share; what a fallback stands in for has none.
    let share = |pool: usize| seen.pools[pool].endpoints[0].families[0].share;
    assert_eq!((share(0), share(1)), (1.0, 0.0));
}

#[test]
fn files_databases_and_certificates_can_be_wrong_too() {
    let scene = Scene::all_up(3);
    let mut last = last_load(&scene);
    let origin = |text: &str| Name::parse(text, None).expect("a name");
    last.outcome = Ended::Refused;
    last.kept_zones = vec![origin("example.com")];
    last.unserved_zones = vec![origin("broken.example")];
    last.report.push(Finding::warning("unused pool"));
    last.report.push(Finding::warning(crate::config::OVERRIDE_WITHOUT_END));
    last.report.push(Finding::error("no such pool").help("did you mean \"web\"?"));
    let mut seen = status(&scene, &last);
    assert_eq!(
        told(&seen),
        [
            "error zone broken.example. is not served",
            "error zone example.com. is served as it was last good",
            "error the last reload was refused: generation 5 stays",
            "error no such pool",
            "warning unused pool",
        ]
    );
    assert_eq!(seen.wrong[3].help, "did you mean \"web\"?");
    assert_eq!(seen.zones[0].state, "not served");

    seen.zones.clear();
    seen.reload.outcome = "published".to_owned();
    seen.reload.findings.clear();
    seen.server.now = at(100 * 86_400);
    let database = |built: i64| DatabaseView {
        path: "world.mmdb".to_owned(),
        kind: "City".to_owned(),
        built: Some(at(built * 86_400)),
    };
    seen.databases = vec![database(30), database(50)];
    let check = seen.pools[1].endpoints[0].families[0].check.as_mut().expect("a check");
    check.certificate_days_left = Some(13);
    let check = seen.pools[1].endpoints[1].families[0].check.as_mut().expect("a check");
    check.certificate_days_left = Some(14);
    seen.server.ready = false;
    seen.wrong = wrong::of(&seen);
    assert_eq!(
        told(&seen),
        [
            "error not ready: generation 5 is served",
            "warning pool web of example.com.: the certificate of fra-1 runs out in 13 days",
            "warning the database world.mmdb is 70 days old",
        ]
    );
    assert_eq!(seen.wrong[0].severity, Severity::Error);
}

#[test]
fn what_is_not_well_with_a_check_is_remarked() {
    let mut scene = Scene::all_up(3);
    let remarks = |scene: &Scene| {
        let seen = status(scene, &last_load(scene));
        seen.pools[1].endpoints[0].families[0].check.as_ref().expect("a check").remarks.clone()
    };
    assert_eq!(remarks(&scene), [""; 0]);
    let unsure = Outcome::Inconclusive("no room for another probe".to_owned());
    scene.probe("fra-1", unsure, 10);
    assert_eq!(remarks(&scene), ["last probe: no room for another probe"]);
    for second in (20..23).map(|second| second * 10) {
        scene.probe("fra-1", refused(), second);
        scene.probe("fra-1", Outcome::Success, second + 5);
    }
    assert_eq!(remarks(&scene), ["turned 6 times"]);
    scene.probe("fra-1", refused(), 300);
    assert_eq!(remarks(&scene), ["turned 7 times"], "why it is down is told elsewhere");
    let ends = [-1, 0, 1, 2, 13].map(|days| pools::certificate_ends(days).expect("soon"));
    let words = [
        "has run out",
        "runs out today",
        "runs out tomorrow",
        "runs out in 2 days",
        "runs out in 13 days",
    ];
    assert_eq!(ends, words);
    assert_eq!(pools::certificate_ends(14), None);
}

#[test]
fn many_findings_are_not_all_told() {
    let scene = Scene::all_up(3);
    let mut last = last_load(&scene);
    (0..30).for_each(|number| last.report.push(Finding::warning(format!("finding {number}"))));
    let told = told(&status(&scene, &last));
    assert_eq!((told.len(), &*told[10]), (11, "warning 20 more findings of the last reload"));
}
