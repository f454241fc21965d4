//! Rendering, on a fixed status: two sites, two pools, in health and in trouble.

use super::render::{Extent, Layout, render};
use super::select::narrow;
use super::*;
use serde_json::{Value, json};

/// Ten minutes after it was started.
const NOW: &str = "2026-03-01T12:10:00Z";

fn check(number: usize, verdict: &str) -> Value {
    let last = match verdict {
        "up" => json!({ "outcome": "success", "reason": "", "at": NOW, "latency_ms": 1.26 }),
        _ => {
            json!({ "outcome": "failure", "reason": "connection refused", "at": NOW, "latency_ms": 0.1 })
        }
    };
    json!({
        "name": "web", "target": format!("127.0.0.{number}:8080"), "verdict": verdict,
        "since": if verdict == "up" { "2026-03-01T12:00:05Z" } else { "2026-03-01T12:07:00Z" },
        "cause": if verdict == "up" { "2 successes" } else { "3 failures, the last: connection refused" },
        "flaps": 0, "certificate_days_left": null, "last": last,
    })
}

fn endpoint(name: &str, site: &str, number: usize, verdict: &str) -> Value {
    let family = |family: &str, address: String| {
        json!({
            "family": family, "address": address, "standing": verdict, "because": "as probed",
            "share": if verdict == "up" { 0.75 } else { 0.0 }, "check": check(number, verdict),
        })
    };
    json!({
        "endpoint": name, "site": site, "weight": 1, "override": null,
        "answers_total": 40, "answers_per_s": 4.0,
        "families": [
            family("A", format!("192.0.2.{number}")), family("AAAA", format!("2001:db8::{number}")),
        ],
    })
}

fn pool(name: &str, zone: Option<&str>, condition: &str, sites: Value, endpoints: Value) -> Value {
    let family = |family| json!({ "family": family, "condition": condition, "sites": sites });
    json!({
        "zone": zone, "pool": name, "method": "weighted", "answers": 2, "min_up": 0.5,
        "on_all_down": "all", "fallback": null, "names": ["www.example.com."], "override": null,
        "families": [family("A"), family("AAAA")], "endpoints": endpoints,
    })
}

fn site(name: &str, title: &str, endpoints: usize, endpoints_up: usize) -> Value {
    json!({
        "zone": null, "site": name, "title": title, "location": "EU-DE", "coordinates_deg": null,
        "endpoints": endpoints, "endpoints_up": endpoints_up, "override": null,
        "answers_total": 80, "answers_per_s": 8.0,
    })
}

fn whole(wrong: Value, sites: Value, pools: Value) -> Value {
    json!({
        "server": {
            "version": "0.1.0", "started": "2026-03-01T12:00:00Z", "now": NOW,
            "generation": 3, "generation_at": "2026-03-01T12:07:00Z", "ready": true, "why": "",
            "queries_total": 7500, "queries_per_s": 12.5,
        },
        "wrong": wrong, "sites": sites, "pools": pools,
        "zones": [{
            "zone": "example.com.", "serial": 2026030101, "steered_names": 1, "names": 9, "state": "served",
        }],
        "overrides": [],
        "reload": {
            "at": "2026-03-01T12:00:00Z", "outcome": "published", "generation": 1, "findings": [],
        },
        "databases": [{
            "path": "geoip/world.mmdb", "kind": "Fingerpost-City", "built": "2026-02-01T00:00:00Z",
        }],
    })
}

fn read(json: Value) -> Status {
    serde_json::from_value(json).expect("a status")
}

pub(super) fn all_well() -> Status {
    let trusted =
        json!([{ "site": "fra", "level": "trusted" }, { "site": "iad", "level": "trusted" }]);
    let endpoints = json!([
        endpoint("fra-1", "fra", 10, "up"),
        endpoint("fra-2", "fra", 11, "up"),
        endpoint("iad-1", "iad", 20, "up"),
    ]);
    let pools = json!([pool("web", Some("example.com."), "whole", trusted, endpoints)]);
    read(whole(
        json!([]),
        json!([site("fra", "Frankfurt", 2, 2), site("iad", "東京", 1, 1)]),
        pools,
    ))
}

/// Frankfurt's endpoints do not answer, and Ashburn's is drained.
pub(super) fn fra_is_down() -> Status {
    let drain = json!({
        "target": "site iad", "kind": "site", "zone": null, "pool": null, "name": "iad", "state": "drain",
        "until": "2026-03-01T14:05:00Z", "reason": "CHG123", "by": "alice",
    });
    let levels = json!([{ "site": "fra", "level": "dead" }, { "site": "iad", "level": "drained" }]);
    let mut endpoints = json!([
        endpoint("fra-1", "fra", 10, "down"),
        endpoint("fra-2", "fra", 11, "down"),
        endpoint("iad-1", "iad", 20, "up"),
    ]);
    endpoints[2]["override"] = drain.clone();
    for family in [0, 1] {
        endpoints[2]["families"][family]["standing"] = "drained".into();
        endpoints[2]["families"][family]["share"] = 0.into();
    }
    let pools = json!([pool("web", Some("example.com."), "fail-open", levels, endpoints)]);
    let mut sites = json!([site("fra", "Frankfurt", 2, 0), site("iad", "Ashburn", 1, 0)]);
    sites[1]["override"] = drain.clone();
    let wrong = json!([
        {
            "severity": "error", "what": "pool web of example.com.: site fra is dead",
            "since": "2026-03-01T12:07:00Z", "help": "clients go to the next site in their order",
        },
        { "severity": "warning", "what": "endpoint iad-1 is drained", "since": null, "help": "" },
    ]);
    let mut status = whole(wrong, sites, pools);
    status["overrides"] = json!([drain]);
    read(status)
}

/// As many copies of the one pool, and of the zone.
fn many(mut status: Status, number: usize) -> Status {
    let (pool, zone) = (status.pools[0].clone(), status.zones[0].clone());
    for at in 0..number {
        let mut pool = pool.clone();
        pool.pool = format!("pool-{at}");
        status.pools.push(pool);
        let mut zone = zone.clone();
        zone.zone = format!("{at}.example.");
        status.zones.push(zone);
    }
    status
}

fn shown(status: &Status, extent: Extent) -> String {
    let layout = Layout { palette: Palette::PLAIN, extent, files: true };
    render(status, "http://127.0.0.1:8053/", layout)
}

fn assert_text(found: &str, expected: &str) {
    assert!(found == expected, "found:\n{found}\nexpected:\n{expected}");
}

#[test]
fn p() {
    println!("{}", shown(&all_well(), Extent::Folded));
    println!("{}", shown(&fra_is_down(), Extent::Folded));
    println!("{}", shown(&fra_is_down(), Extent::Wrong));
    println!("{}", shown(&many(all_well(), 12), Extent::Folded));
    println!("{}", shown(&many(all_well(), 50), Extent::Folded));
}
