//! Directors in a status: what stands behind them, what that makes of their endpoints, and what is wrong with it.

use super::*;
use crate::director::{FeedReport, RealReport, RealState, Report};

fn seen(scene: &Scene, second: i64) -> Status {
    status_at(scene, &last_load(scene), second)
}

/// The VIP of Frankfurt as an endpoint, in its one family.
fn lvs(status: &Status) -> &EndpointView {
    let pool = status.pools.iter().find(|pool| pool.pool == "vips").expect("the pool");
    &pool.endpoints[0]
}

/// The part of the networks that Frankfurt takes, in all and as far as its load goes.
fn admission(status: &Status) -> (f64, f64) {
    let pool = status.pools.iter().find(|pool| pool.pool == "vips").expect("the pool");
    let site = &pool.families[0].sites[0];
    assert_eq!(site.site, "fra");
    (site.admission, site.admission_by_load)
}

fn since(status: &Status) -> Option<i64> {
    lvs(status).families[0].since.map(|since| since.as_second())
}

fn weight(status: &Status) -> f64 {
    (lvs(status).families[0].weight_now * 100.0).round() / 100.0
}

fn weight_because(status: &Status) -> String {
    lvs(status).families[0].weight_because.join("; ")
}

#[test]
fn a_director_that_is_well() {
    let scene = Scene::with_directors(10);
    let status = seen(&scene, 12);
    assert_eq!(status.wrong, []);
    let [fra, iad] = &status.directors[..] else { panic!("two directors") };
    assert_eq!(
        (&*fra.director, &*fra.site, &*fra.state, &*fra.source),
        ("lvs-fra", "fra", "up", "feed")
    );
    assert_eq!((&*fra.mode, &*fra.service, &*fra.scheduler), ("dr", "tcp/80", "wlc"));
    assert_eq!((fra.live, fra.sessions, fra.capacity), (1.0, Some(100), Some(1000)));
    assert!(fra.speaks && fra.shared_with.is_empty());
    let feed = fra.feed.as_ref().expect("a feed");
    assert_eq!((&*feed.kind, &*feed.from), ("json", "http://10.0.0.1:8054/state?…"));
    assert_eq!((feed.heard_at, feed.latency_ms), (Some(at(10)), Some(2.0)));
    assert_eq!((&feed.fault, feed.asked_total, feed.failed_total), (&None, 1, 0));
    let seats: Vec<_> = fra.endpoints.iter().map(|seat| (&*seat.pool, &*seat.endpoint)).collect();
    assert_eq!(seats, [("vips", "lvs-fra")]);
    let real = &fra.reals[0];
    assert_eq!((&*real.name, &*real.state, real.weight), ("web1", "up", 2));
    assert_eq!(real.check.as_ref().map(|check| &*check.verdict), Some("up"));
    assert_eq!((&*iad.source, iad.feed.is_none(), iad.sessions), ("probes", true, None));
    assert_eq!(lvs(&status).director.as_deref(), Some("lvs-fra"));
    assert_eq!((weight(&status), weight_because(&status)), (4.0, String::new()));
    assert_eq!(admission(&status), (1.0, 1.0));
    let json = serde_json::to_string(&status).expect("JSON");
    assert!(!json.contains("secret"));
    assert_eq!(serde_json::from_str::<Status>(&json).expect("a status"), status);
}

#[test]
fn what_is_dead_behind_a_vip_takes_its_part() {
    let mut scene = Scene::with_directors(10);
    scene.hear(&["web2", "web3"], 100, 20);
    let status = seen(&scene, 20);
    assert_eq!(
        told(&status),
        ["warning director lvs-fra of example.com.: 1 of 3 real servers down"]
    );
    assert_eq!(status.wrong[0].help, "down: web1 (not in the director's table)");
    assert_eq!((weight(&status), admission(&status)), (2.0, (0.5, 1.0)));
    assert_eq!(weight_because(&status), "2 of 3 real servers live: 50 % of the weight");
    assert_eq!(status.directors[0].live, 0.5);

    // Less than min_up: the site is dead, and of its endpoint the director has told why.
    scene.hear(&["web3"], 100, 22);
    let status = seen(&scene, 22);
    assert_eq!(
        told(&status),
        [
            "error pool vips of example.com.: site fra is dead",
            "error director lvs-fra of example.com. has 1 of 3 real servers live, 25 % of the weight",
        ]
    );
    assert_eq!(
        (&*status.directors[0].state, &*lvs(&status).families[0].standing),
        ("down", "down")
    );
    assert_eq!((since(&status), status.wrong[0].since), (Some(22), Some(at(22))));

    // They are back: held for a while, which is as intended, then more and more.
    scene.hear(&["web1", "web2", "web3"], 100, 30);
    let status = seen(&scene, 30);
    assert_eq!(lvs(&status).families[0].standing, "held");
    let held = lvs(&status).families[0].comeback.as_ref().expect("a comeback");
    assert_eq!(since(&status), Some(30));
    let because = "up again since 0 s, held back until 00:01 UTC, in 30 s";
    assert_eq!(lvs(&status).families[0].because, because);
    assert_eq!((&*held.phase, held.since, held.until, held.doublings), ("held", at(30), at(60), 0));
    assert_eq!(
        told(&status),
        ["warning pool vips of example.com.: site fra is down to endpoints that just came back"]
    );
    assert_eq!(lvs(&status).families[0].share, 0.0);
    // With the other site taken out, it is what serves.
    scene.knowledge.overrides.list = vec![on_site("iad", Pin::Drain, None)];
    assert_eq!(lvs(&seen(&scene, 31)).families[0].share, 1.0);
    scene.knowledge.overrides.list.clear();
    scene.hear(&["web1", "web2", "web3"], 100, 210);
    let status = seen(&scene, 210);
    assert_eq!(told(&status), [""; 0]);
    let comeback = lvs(&status).families[0].comeback.as_ref().expect("a comeback");
    assert_eq!((&*comeback.phase, comeback.until), ("ramping", at(360)));
    let (part, by_load) = admission(&status);
    assert!(part > 0.4 && part < 0.6 && by_load == 1.0, "{part} {by_load}");
    let growing = "% of its weight, since 2 m, whole at 00:06 UTC, in 2 m";
    let because = weight_because(&status);
    assert!(because.starts_with("slow start: ") && because.ends_with(growing), "{because}");
    assert_eq!(since(&status), Some(30), "when its director had enough again");
    assert!((weight(&status) - 4.0 * comeback.share).abs() < 0.01);

    // Who fails again soon is held for longer, and that is worth a word.
    scene.hear(&["web3"], 100, 212);
    scene.hear(&["web1", "web2", "web3"], 100, 214);
    let status = seen(&scene, 214);
    let endpoint =
        "warning pool vips of example.com.: endpoint lvs-fra is held back, as it keeps failing";
    assert!(told(&status).contains(&endpoint.to_owned()), "{:?}", told(&status));
}

#[test]
fn a_feed_that_is_lost_is_told_with_its_cure() {
    let mut scene = Scene::with_directors(10);
    scene.hear_feed(Err("connection refused".to_owned()), 12);
    // What it said before still counts, but that it failed shows.
    let status = seen(&scene, 12);
    assert_eq!(told(&status), [""; 0]);
    let feed = status.directors[0].feed.as_ref().expect("a feed");
    assert_eq!((feed.fault.as_deref(), feed.failed_total), (Some("connection refused"), 1));
    scene.hear_feed(Err("connection refused".to_owned()), 40);
    let status = seen(&scene, 40);
    let lost =
        "warning director lvs-fra of example.com.: its feed is not heard: connection refused";
    assert_eq!(told(&status), [lost]);
    assert_eq!(status.wrong[0].since, Some(at(12)));
    assert_eq!(
        status.wrong[0].help,
        "own probes of the real servers decide; see what answers at http://10.0.0.1:8054/state?…"
    );
    assert_eq!((&*status.directors[0].source, weight(&status)), ("probes", 4.0));
    assert!(
        weight_because(&status)
            .ends_with("as the feed is not heard: connection refused (since 28 s)"),
        "{}",
        weight_because(&status)
    );
}

#[test]
fn maintenance_is_intent() {
    let mut scene = Scene::with_directors(10);
    let report = Report { is_maintenance: true, reals: vec![real("web1")], ..Report::default() };
    scene.hear_feed(Ok(FeedReport::One(report)), 20);
    let status = seen(&scene, 20);
    assert_eq!(told(&status), [""; 0]);
    assert_eq!(status.directors[0].state, "maintenance");
    assert_eq!(lvs(&status).families[0].standing, "drained");
    assert_eq!(lvs(&status).families[0].because, "director lvs-fra is in maintenance");
    assert_eq!(since(&status), Some(20));
    let drain = crate::control::testing::on_site("fra", crate::health::overrides::Pin::Drain, None);
    scene.knowledge.overrides.list.push(drain);
    assert_eq!(since(&seen(&scene, 30)), None, "an override says not when it was set");
}

fn real(name: &str) -> RealReport {
    RealReport {
        name: Some(name.to_owned()),
        address: None,
        state: RealState::Up,
        weight: 1,
        sessions: None,
        is_backup: false,
    }
}

#[test]
fn a_site_that_is_full_says_so() {
    let mut scene = Scene::with_directors(10);
    // Half again what it carries well, for a quarter of an hour.
    for second in (12..900).step_by(2) {
        scene.hear(&["web1", "web2", "web3"], 1500, second);
    }
    let status = seen(&scene, 900);
    let (part, by_load) = admission(&status);
    assert!(by_load < 0.9 && (part - by_load).abs() < 1e-6, "{part} {by_load}");
    let full = "warning pool vips of example.com.: site fra is full (150 % of its capacity)";
    assert_eq!(told(&status), [full]);
    assert!(status.wrong[0].help.starts_with("it takes "), "{}", status.wrong[0].help);
}

#[test]
fn servers_that_are_not_configured_are_wrong_until_they_are_gone() {
    let mut scene = Scene::with_directors(10);
    scene.hear(&["web1", "web2", "web3", "web4"], 100, 20);
    let status = seen(&scene, 20);
    let what = "warning director lvs-fra of example.com.: its feed lists a real server that is not configured";
    assert_eq!(told(&status), [what]);
    assert_eq!(
        status.wrong[0].help,
        "it counts for nothing until it is among the director's reals, or taken out of the director: web4"
    );
    assert_eq!(status.directors[0].unconfigured, ["web4"]);
    assert_eq!((weight(&status), weight_because(&status)), (4.0, String::new()));
    scene.hear(&["web1", "web2", "web3"], 100, 22);
    let status = seen(&scene, 22);
    assert_eq!((told(&status), status.directors[0].unconfigured.len()), (vec![], 0));
}

#[test]
fn a_director_in_reserve_that_lacks_more_than_its_twin_is_wrong() {
    let scene = Scene::with_directors(10);
    let status = seen(&scene, 20);
    let check = |down: [&[usize]; 2], is_out: bool, expected: &[&str]| {
        let mut status = status.clone();
        let mut twin = status.directors[0].clone();
        (twin.director, twin.speaks) = ("lvs-fra-b".to_owned(), false);
        let mut pair = [status.directors.remove(0), twin];
        for (director, down) in pair.iter_mut().zip(down) {
            down.iter().for_each(|&at| "down".clone_into(&mut director.reals[at].state));
        }
        if is_out {
            "maintenance".clone_into(&mut pair[1].state);
        }
        pair[1].live = 0.25;
        status.directors.extend(pair);
        status.wrong = super::super::wrong::of(&status);
        assert_eq!(told(&status), expected, "{down:?} {is_out}");
        status.wrong
    };
    let one = "warning director lvs-fra of example.com.: 1 of 3 real servers down";
    let reserve =
        "warning director lvs-fra-b of example.com., in reserve: 2 of 3 real servers down";
    check([&[], &[]], false, &[]);
    let wrong = check([&[], &[0, 1]], false, &[reserve]);
    assert_eq!(
        wrong[0].help,
        "it would carry 25 % if it took over from lvs-fra; down for it alone: web1 (the director says so), \
         web2 (the director says so)"
    );
    check([&[0], &[0, 1]], false, &[one, reserve]);
    // The real server itself is dead: that is told of the one that speaks.
    check([&[0], &[0]], false, &[one]);
    check([&[], &[0, 1]], true, &[]);
}

#[test]
fn families_that_differ_are_told_apart() {
    let mut scene = Scene::read(
        r#"
[directors.lvs]
site = "fra"
vip = { a = "192.0.2.100", aaaa = "2001:db8::100" }
mode = "nat"
service = "tcp/80"
check = "web"
reals = [ { name = "four", address = "10.0.0.2:80" }, { name = "six", address = "[fd00::2]:80" } ]

[pools.web]
endpoints = [ { director = "lvs" }, { site = "iad", a = "192.0.2.9", aaaa = "2001:db8::9" } ]

[names.www]
pool = "web"
"#,
    );
    scene.probe_real("four", Outcome::Success, 10);
    scene.probe_real("six", Outcome::Failure("refused".to_owned()), 10);
    scene.step(10);
    let status = seen(&scene, 10);
    let [director] = &status.directors[..] else { panic!("one director") };
    let families = director.families.iter();
    let families: Vec<_> = families.map(|it| (&*it.family, &*it.state, it.live)).collect();
    assert_eq!(families, [("A", "up", 1.0), ("AAAA", "down", 0.0)]);
    assert_eq!((&*director.state, director.live), ("down", 0.0));
    let endpoint = &status.pools[0].endpoints[0];
    let standings: Vec<_> = endpoint.families.iter().map(|it| &*it.standing).collect();
    assert_eq!(standings, ["up", "down"]);
    let less = "director lvs: 0 of 1 real servers live for AAAA, 0 % of the weight, less than min_up = 50 %";
    assert_eq!(endpoint.families[1].because, less);
    let lacks = "error director lvs of example.com. has 0 of 1 real servers live for AAAA, 0 % of the weight";
    assert!(told(&status).contains(&lacks.to_owned()), "{:?}", told(&status));
}
