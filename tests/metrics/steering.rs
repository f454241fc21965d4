//! What is told of endpoints, probes, pools and files.

use crate::kit::types::A;
use crate::kit::{Query, Udp, until};
use crate::page::Page;
use crate::promtool;
use crate::world::{COM, NET, World};
use fingerpost::answer::Transport;
use fingerpost::control::Reloaded;

type Label<'a> = (&'a str, &'a str);

/// The value of the only label that is 1 of a family that has one row for each.
fn state(page: &Page, name: &str, labels: &[Label<'_>], key: &str) -> String {
    let rows = page.matching(name, labels);
    let set: Vec<_> = rows.iter().filter(|(_, value)| *value == 1.0).collect();
    assert_eq!(set.len(), 1, "{name} {labels:?}: {rows:?}");
    assert!(rows.iter().all(|(_, value)| [0.0, 1.0].contains(value)), "{rows:?}");
    set[0].0.1[key].clone()
}

fn standing(page: &Page, zone: &str, endpoint: &str) -> String {
    let labels = [("zone", zone), ("endpoint", endpoint), ("family", "A")];
    state(page, "fingerpost_endpoint_standing", &labels, "standing")
}

fn level(page: &Page, zone: &str, site: &str) -> String {
    let labels = [("zone", zone), ("site", site), ("family", "A")];
    state(page, "fingerpost_site_level", &labels, "level")
}

fn share(page: &Page, zone: &str, endpoint: &str) -> f64 {
    let labels = [("zone", zone), ("endpoint", endpoint), ("family", "A")];
    page.value("fingerpost_endpoint_share_ratio", &labels)
}

fn is_near(a: f64, b: f64) -> bool {
    (a - b).abs() < 0.005
}

/// Everything that is probed has its histogram, which counts what came to a result.
fn check_probes(page: &Page) {
    let made =
        |outcome| page.value("fingerpost_probes_total", &[("check", "web"), ("outcome", outcome)]);
    let timed = page.value("fingerpost_probe_latency_seconds_count", &[("check", "web")]);
    assert_eq!(timed, made("success") + made("failure"));
    assert_eq!(made("inconclusive"), 0.0);
    let took_s = page.value("fingerpost_probe_latency_seconds_sum", &[("check", "web")]);
    assert!(took_s > 0.0 && took_s < timed, "{took_s} s for {timed} probes");
}

#[test]
fn shares_and_standings_at_the_start() {
    let world = World::start();
    let page = world.scrape();
    check_probes(&page);
    let requests = [&world.first, &world.others, &world.second].map(|backend| backend.requests());
    let succeeded = page.value("fingerpost_probes_total", &[("outcome", "success")]);
    assert!((3.0..=requests.iter().sum::<usize>() as f64).contains(&succeeded), "{succeeded}");
    for (zone, endpoint, weight, intended) in
        [(COM, "iad-1", 1.0, 1.0), (NET, "fra-1", 3.0, 0.75), (NET, "fra-2", 1.0, 0.25)]
    {
        assert!(is_near(share(&page, zone, endpoint), intended), "{zone} {endpoint}");
        assert_eq!(standing(&page, zone, endpoint), "up");
        let labels = [("zone", zone), ("endpoint", endpoint)];
        assert_eq!(page.value("fingerpost_endpoint_weight", &labels), weight);
    }
    let fra = ["fra-1", "fra-2", "fra-3"].map(|endpoint| share(&page, COM, endpoint));
    assert!(
        is_near(fra.iter().sum(), 2.0) && fra[0] > fra[1] && is_near(fra[1], fra[2]),
        "{fra:?}"
    );
    assert_eq!(level(&page, COM, "fra"), "trusted");
    for name in ["all_down", "fail_open", "fallback", "degraded"] {
        let name = format!("fingerpost_pool_{name}");
        assert_eq!(page.matching(&name, &[]).len(), 3, "three pools of one family each");
        assert_eq!(page.sum(&name, &[]), 0.0, "{name}");
    }
    assert_eq!(page.value("fingerpost_ready", &[]), 1.0);
    assert_eq!(page.value("fingerpost_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1.0);
    for (zone, serial) in [(COM, 7.0), (NET, 4_294_967_295.0)] {
        assert_eq!(page.value("fingerpost_zone_serial", &[("zone", zone)]), serial);
        assert_eq!(page.value("fingerpost_zone_current", &[("zone", zone)]), 1.0);
    }
    let generation = page.value("fingerpost_snapshot_generation", &[]);
    assert!(generation >= 1.0 && generation <= world.server.generation() as f64);
    assert!(page.value("fingerpost_snapshot_age_seconds", &[]) >= 0.0);
    assert!(page.value("fingerpost_start_time_seconds", &[]) > 1_700_000_000.0);
    assert_eq!(page.sum("fingerpost_overrides", &[]), 0.0);
}

#[test]
fn a_backend_that_dies_and_comes_back() {
    let mut world = World::start();
    let target = world.first.address().to_string();
    let before = world.scrape();
    let flaps = |page: &Page| page.value("fingerpost_check_flaps_total", &[("target", &target)]);
    let verdict =
        |page: &Page| state(page, "fingerpost_check_verdict", &[("target", &target)], "verdict");
    assert_eq!((verdict(&before), flaps(&before)), ("up".to_owned(), 0.0));

    world.first.stop();
    let down =
        world.scrape_until("fra-1 to be down", |page| standing(page, COM, "fra-1") == "down");
    check_probes(&down);
    down.check_goes_on_from(&before);
    assert_eq!((verdict(&down), flaps(&down)), ("down".to_owned(), 1.0));
    assert!(down.value("fingerpost_probes_total", &[("outcome", "failure")]) >= 2.0);
    assert_eq!(share(&down, COM, "fra-1"), 0.0);
    assert!(is_near(share(&down, COM, "fra-2"), 1.0), "two of two");
    let generation = |page: &Page| page.value("fingerpost_snapshot_generation", &[]);
    assert!(generation(&down) > generation(&before));
    assert_eq!(standing(&down, COM, "fra-2"), "up");

    world.first.restart();
    let up = world.scrape_until("fra-1 to be up", |page| standing(page, COM, "fra-1") == "up");
    assert_eq!((verdict(&up), flaps(&up)), ("up".to_owned(), 2.0));
    assert!(share(&up, COM, "fra-1") > 0.5);
    promtool::check(&up.text);
}

#[test]
fn a_pool_that_is_all_down_and_one_that_is_drained() {
    let mut world = World::start();
    world.second.stop();
    let labels = [("zone", NET), ("pool", "web"), ("family", "A")];
    let page = world.scrape_until("all to be down", |page| {
        page.value("fingerpost_pool_all_down", &labels) == 1.0
    });
    assert_eq!(page.value("fingerpost_pool_fail_open", &labels), 1.0);
    assert_eq!(page.value("fingerpost_pool_fallback", &labels), 0.0);
    assert_eq!(page.value("fingerpost_pool_degraded", &labels), 0.0);
    assert_eq!(page.sum("fingerpost_pool_fail_open", &[("zone", COM)]), 0.0);
    assert_eq!(level(&page, NET, "fra"), "dead");
    let reply =
        Udp::to(world.server.address(Transport::Udp)).ask(&Query::new("www.example.net", A));
    assert_eq!(reply.data(A).len(), 1);
    let page = world.scrape_after(1);
    assert_eq!(page.value("fingerpost_messages_total", &[("reason", "fail-open")]), 1.0);
    assert_eq!(page.sum("fingerpost_answers_total", &[("zone", NET)]), 1.0);

    let pin = "[[override]]\nsite = \"iad\"\nstate = \"drain\"\nreason = \"a test\"\n\
               until = 2999-01-01T00:00:00Z\n";
    world.server.dir.replace("overrides.toml", pin);
    world.server.reload();
    let page = world.scrape_until("a drained site", |page| {
        page.value("fingerpost_overrides", &[("state", "drain")]) == 1.0
            && standing(page, COM, "iad-1") == "drained"
    });
    assert_eq!(level(&page, COM, "iad"), "drained");
    let target = world.others.address().to_string();
    let labels = [("target", &*target)];
    assert_eq!(state(&page, "fingerpost_check_verdict", &labels, "verdict"), "up");
}

#[test]
fn reloads_by_outcome() {
    let world = World::start();
    let reloads =
        |page: &Page, outcome| page.value("fingerpost_reloads_total", &[("outcome", outcome)]);
    let sound = |page: &Page| page.value("fingerpost_last_reload_successful", &[]);
    let first = world.scrape();
    let none = ["published", "refused"].map(|outcome| reloads(&first, outcome));
    assert_eq!((none, sound(&first)), ([0.0; 2], 1.0));
    assert!(matches!(world.server.reload(), Reloaded::Unchanged(_)));
    assert!(reloads(&world.scrape(), "unchanged") > reloads(&first, "unchanged"));

    // Files that change are read by themselves too, so how often is not known; that it was, is.
    let config = std::fs::read_to_string(world.server.dir.config()).expect("a configuration");
    world.server.dir.replace("fingerpost.toml", config.replace("[sites]", "[sits]"));
    assert!(matches!(world.server.reload(), Reloaded::Refused(_)));
    let page = world.scrape();
    assert!(reloads(&page, "refused") >= 1.0);
    assert_eq!((reloads(&page, "published"), sound(&page)), (0.0, 0.0));
    world.server.dir.replace("fingerpost.toml", config);
    world.server.reload();
    assert_eq!(sound(&world.scrape()), 1.0);

    let path = "zones/example.com.zone";
    let zone = std::fs::read_to_string(world.server.dir.file(path)).expect("a zone");
    world.server.dir.replace(path, zone.replace(" 7 ", " rubbish "));
    world.server.reload();
    let page = world.scrape();
    assert_eq!(page.value("fingerpost_zone_current", &[("zone", COM)]), 0.0);
    assert_eq!(page.value("fingerpost_zone_current", &[("zone", NET)]), 1.0);
    assert_eq!(page.value("fingerpost_zone_serial", &[("zone", COM)]), 7.0, "as it was");
    assert_eq!(sound(&page), 0.0);
    world.server.dir.replace(path, zone.replace(" 7 ", " 8 "));
    world.server.reload();
    let page = until("a new serial", || {
        let page = world.scrape();
        (page.value("fingerpost_zone_serial", &[("zone", COM)]) == 8.0).then_some(page)
    });
    assert!(reloads(&page, "published") >= 1.0);
    let at = |page: &Page| page.value("fingerpost_last_reload_timestamp_seconds", &[]);
    assert!(at(&page) > at(&first));
}
