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
        "flaps": 0, "certificate_days_left": null, "remarks": [], "last": last,
    })
}

fn endpoint(name: &str, site: &str, number: usize, verdict: &str) -> Value {
    let family = |family: &str, address: String| {
        json!({
            "family": family, "address": address, "standing": verdict, "because": "as probed",
            "since": check(number, verdict)["since"],
            "share": if verdict == "up" { 0.75 } else { 0.0 }, "weight_now": 1.0, "weight_because": [],
            "comeback": null, "check": check(number, verdict),
        })
    };
    json!({
        "endpoint": name, "site": site, "weight": 1, "director": null, "override": null,
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
        "endpoints": endpoints, "endpoints_up": endpoints_up, "endpoints_drained": 0, "override": null,
        "answers_total": 80, "answers_per_s": 8.0,
    })
}

fn level(site: &str, level: &str) -> Value {
    json!({ "site": site, "level": level, "admission": 1.0, "admission_by_load": 1.0, "utilisation": null })
}

fn whole(wrong: Value, sites: Value, pools: Value) -> Value {
    json!({
        "server": {
            "version": "0.1.0", "started": "2026-03-01T12:00:00Z", "now": NOW,
            "generation": 3, "generation_at": "2026-03-01T12:07:00Z", "ready": true, "why": "",
            "queries_total": 7500, "queries_per_s": 12.5,
        },
        "wrong": wrong, "sites": sites, "pools": pools, "directors": [],
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
    let trusted = json!([level("fra", "trusted"), level("iad", "trusted")]);
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
    let levels = json!([level("fra", "dead"), level("iad", "drained")]);
    let mut endpoints = json!([
        endpoint("fra-1", "fra", 10, "down"),
        endpoint("fra-2", "fra", 11, "down"),
        endpoint("iad-1", "iad", 20, "up"),
    ]);
    endpoints[2]["override"] = drain.clone();
    for family in [0, 1] {
        endpoints[2]["families"][family]["standing"] = "drained".into();
        endpoints[2]["families"][family]["share"] = 0.into();
        endpoints[2]["families"][family]["since"] = Value::Null;
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
fn all_is_well() {
    let expected = "\
fingerpost 0.1.0 at http://127.0.0.1:8053: ready, generation 3 since 3 m, started 10 m ago, 12.5 queries/s

All is well.

SITES
  SITE  NAME       LOCATION  UP   ANSWERS/S  OVERRIDE
  fra   Frankfurt  EU-DE     2/2        8.0
  iad   東京       EU-DE     1/1        8.0

POOL web of example.com.: whole
  serves www.example.com.; weighted, 2 answers each
  ENDPOINT  SITE  ADDRESS       STATE  SINCE  SHARE  ANSWERS/S  PROBE   WHY
  fra-1     fra   192.0.2.10    up     9 m      75%        4.0  1.3 ms
                  2001:db8::10  up     9 m      75%             1.3 ms
  fra-2     fra   192.0.2.11    up     9 m      75%        4.0  1.3 ms
                  2001:db8::11  up     9 m      75%             1.3 ms
  iad-1     iad   192.0.2.20    up     9 m      75%        4.0  1.3 ms
                  2001:db8::20  up     9 m      75%             1.3 ms

ZONES
  ZONE          SERIAL      NAMES  STEERED  STATE
  example.com.  2026030101      9        1  served

FILES
  read 10 m ago: published, generation 1
  database geoip/world.mmdb: Fingerpost-City, built 28 d ago
";
    assert_text(&shown(&all_well(), Extent::Folded), expected);
    assert_text(&shown(&all_well(), Extent::All), expected);
}

#[test]
fn what_is_wrong_comes_first() {
    let expected = "\
fingerpost 0.1.0 at http://127.0.0.1:8053: ready, generation 3 since 3 m, started 10 m ago, 12.5 queries/s

WRONG (2)
  error    pool web of example.com.: site fra is dead, for 3 m
           clients go to the next site in their order
  warning  endpoint iad-1 is drained

OVERRIDES
  TARGET    STATE  UNTIL                         BY     REASON
  site iad  drain  until 14:05 UTC, in 1 h 55 m  alice  CHG123

POOL web of example.com.: all down, addresses are handed out all the same (fra dead, iad drained)
  serves www.example.com.; weighted, 2 answers each
  ENDPOINT  SITE  ADDRESS       STATE    SINCE  SHARE  ANSWERS/S  PROBE   WHY
  fra-1     fra   192.0.2.10    down     3 m       0%        4.0  failed  3 failures, the last: connection refused
                  2001:db8::10  down     3 m       0%             failed
  fra-2     fra   192.0.2.11    down     3 m       0%        4.0  failed  3 failures, the last: connection refused
                  2001:db8::11  down     3 m       0%             failed
  iad-1     iad   192.0.2.20    drained            0%        4.0  1.3 ms  \
drain of site iad until 14:05 UTC, in 1 h 55 m (alice: CHG123)
                  2001:db8::20  drained            0%             1.3 ms
";
    assert_text(&shown(&fra_is_down(), Extent::Wrong), expected);
    let folded = shown(&fra_is_down(), Extent::Folded);
    assert!(folded.starts_with(&expected[..expected.find("POOL").expect("a pool")]), "{folded}");
    let own = "  iad   Ashburn    EU-DE     0/1        8.0  drain until 14:05 UTC, in 1 h 55 m (alice: CHG123)\n";
    assert!(folded.contains(own), "{folded}");
}

#[test]
fn what_is_well_is_counted_where_there_is_much() {
    let check = |status: Status, extent: Extent, present: &[&str], lines_max: usize| {
        let text = shown(&status, extent);
        for part in present {
            assert!(text.contains(part), "{part:?} is missing in:\n{text}");
        }
        assert!(text.lines().count() <= lines_max, "too long:\n{text}");
    };
    let line = "  pool-0 of example.com.   weighted";
    let line = line.replace("weighted", "whole  3/3       12.0  www.example.com.\n");
    check(many(all_well(), 12), Extent::Folded, &["POOLS THAT ARE WHOLE\n", &line], 45);
    let counted = [
        "  not listed: 501 pools, 1503 endpoints, all up (--all lists them)\n",
        "  not listed: 501 zones, all served (--all lists them)\n",
    ];
    check(many(all_well(), 500), Extent::Folded, &counted, 20);
    check(many(all_well(), 500), Extent::All, &["POOL pool-499 of example.com.: whole\n"], 6000);
    check(many(all_well(), 500), Extent::Wrong, &["All is well.\n"], 3);
    let rest = ["POOL pool-6 of", "MORE POOLS WITH SOMETHING WRONG\n", "fail-open  0/3"];
    check(many(fra_is_down(), 500), Extent::Folded, &rest, 620);
    let mut mixed = many(all_well(), 500);
    mixed.pools.extend(fra_is_down().pools);
    let both = ["POOL web of example.com.: all down", counted[0]];
    check(mixed, Extent::Folded, &both, 30);
    let mut one_of_many = all_well();
    let endpoint = one_of_many.pools[0].endpoints[0].clone();
    one_of_many.pools[0].endpoints.extend(vec![endpoint; 100]);
    one_of_many.pools[0].endpoints.extend(fra_is_down().pools[0].endpoints[..1].to_vec());
    let rest = [
        "  fra-1     fra   192.0.2.10    down",
        "  not listed: 103 endpoints, all up (--all lists them)",
    ];
    check(one_of_many, Extent::Folded, &rest, 30);
}

#[test]
fn trouble_is_put_into_words() {
    let check = |change: &dyn Fn(&mut Status), part: &str| {
        let mut status = all_well();
        change(&mut status);
        let text = shown(&status, Extent::Folded);
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    };
    let families = |condition: &str| -> Vec<_> {
        let mut down = fra_is_down().pools.remove(0).families;
        down[1].condition = serde_json::from_value(condition.into()).expect("a condition");
        down.remove(0);
        down
    };
    let second = |condition| {
        move |status: &mut Status| {
            status.pools[0].fallback = Some("sorry".into());
            status.pools[0].families.splice(1.., families(condition));
        }
    };
    let dead = "(fra dead, iad drained)\n";
    check(&second("degraded"), &format!("example.com.: A whole; AAAA degraded {dead}"));
    check(&second("fallback"), &format!("AAAA all down, its fallback sorry serves {dead}"));
    check(&second("nodata"), &format!("AAAA all down, answers are empty {dead}"));
    check(&second("servfail"), &format!("AAAA all down, answers are SERVFAIL {dead}"));
    let by_intent = |status: &mut Status| {
        second("fallback")(status);
        status.pools[0].families[1].sites.clear();
    };
    check(&by_intent, "example.com.: whole\n");
    let last = "1.3 ms\n  iad-1";
    check(&|_| {}, last);
    fn first(status: &mut Status) -> &mut crate::control::status::CheckView {
        status.pools[0].endpoints[0].families[0].check.as_mut().expect("a check")
    }
    let remarked = |status: &mut Status| {
        first(status).remarks =
            ["its certificate has run out", "turned 9 times"].map(String::from).into();
    };
    check(&remarked, "1.3 ms  its certificate has run out; turned 9 times\n");
    check(&|status| first(status).last = None, "4.0  pending\n");
    let failed =
        fra_is_down().pools[0].endpoints[0].families[0].check.clone().and_then(|check| check.last);
    check(&|status| first(status).last.clone_from(&failed), "4.0  failed\n");
    check(&|status| status.pools[0].endpoints[0].families[0].check = None, "4.0  none\n");
    check(&|status| status.server.ready = false, "not ready (), generation 3");
    check(&|status| status.server.generation_at = None, "nothing published yet");
    let found = json!({ "severity": "warning", "message": "x", "place": null, "help": null });
    let found = |_: ()| serde_json::from_value(found.clone()).expect("a finding");
    check(&|status| status.reload.findings.push(found(())), "published, generation 1, 1 finding\n");
    check(&|status| status.zones[0].state = "last good".into(), "1  last good\n");
    check(&|status| status.pools[0].names.clear(), "  serves as a fallback; weighted");
}

/// Frankfurt's endpoints are a VIP, behind which one of two real servers is dead; Ashburn's has one that shares its VIP
/// and is not heard.
fn with_directors() -> Status {
    let mut status = all_well();
    let real = |name: &str, state: &str| {
        json!({
            "name": name, "address": format!("{name}.0.0.2:80"), "weight": 3, "state": state,
            "because": if state == "up" { "the director says so" } else { "not in the director's table" },
            "sessions": if state == "up" { Some(12) } else { None }, "check": check(7, state),
        })
    };
    let director = |name: &str, site: &str, pool: &str, endpoint: &str| {
        json!({
            "zone": null, "director": name, "site": site, "mode": "dr", "scheduler": "wlc", "service": "tcp/80",
            "vip": ["192.0.2.100", "2001:db8::100"], "shared_with": [], "speaks": true, "unconfigured": [],
            "endpoints": [{ "zone": "example.com.", "pool": pool, "endpoint": endpoint }],
            "state": "up", "live": 0.5, "min_up": 0.5, "source": "feed",
            "feed": {
                "kind": "ipvs", "from": "http://10.0.0.1:8054/", "fault": null, "fault_since": null,
                "heard_at": "2026-03-01T12:09:58Z", "latency_ms": 1.5, "asked_total": 9, "failed_total": 0,
            },
            "sessions": 123, "capacity": 20000, "response_ms": null,
            "reals": [real("10", "up"), real("11", "down")],
        })
    };
    let mut silent = director("lvs-iad", "iad", "web", "iad-1");
    silent["live"] = 1.0.into();
    silent["shared_with"] = json!(["lvs-iad2"]);
    silent["unconfigured"] = json!(["21", "22 (10.9.0.22:80)"]);
    silent["vip"] = json!(["192.0.2.101"]);
    silent["source"] = "probes".into();
    silent["feed"]["fault"] = "connection refused".into();
    silent["sessions"] = Value::Null;
    silent["reals"] = json!([real("20", "up")]);
    let directors = json!([director("lvs-fra", "fra", "web", "fra-1"), silent]);
    status.directors = serde_json::from_value(directors).expect("directors");
    let endpoint = &mut status.pools[0].endpoints[0];
    endpoint.director = Some("lvs-fra".to_owned());
    endpoint.families[0].weight_because =
        vec!["1 of 2 real servers live: 50 % of the weight".to_owned()];
    let site = &mut status.pools[0].families[0].sites[0];
    (site.admission, site.admission_by_load) = (0.5, 0.8);
    status
}

#[test]
fn what_stands_behind_vips_is_shown() {
    let expected = "
DIRECTORS
  DIRECTOR  SITE  VIP                    STATE  LIVE  SESSIONS   RESPONSE  KNOWN BY      WHY
  lvs-fra   fra   192.0.2.100 tcp/80 dr  up      50%  123/20000            ipvs 2 s ago
                  2001:db8::100
                    10 10.0.0.2:80       up      w 3         12
                    11 11.0.0.2:80       down    w 3                                     \
not in the director's table
  lvs-iad   iad   192.0.2.101 tcp/80 dr  up     100%    ?/20000            probes        \
ipvs is not heard: connection refused; lists also, not configured: 21, 22 (10.9.0.22:80); \
shares its VIP with lvs-iad2, speaks for it
                    20 20.0.0.2:80       up      w 3         12
";
    let text = shown(&with_directors(), Extent::Folded);
    let from = text.find("\nDIRECTORS").expect("the section");
    assert_text(&text[from..from + text[from..].find("\nPOOL").expect("pools")], expected);
    for part in [
        "POOL web of example.com.: A whole (fra takes 50% of its clients, as it is full); AAAA whole\n",
        "1.3 ms  1 of 2 real servers live: 50 % of the weight\n",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    // Each address has its own state where they differ.
    let mut apart = with_directors();
    let family = |family: &str, state: &str, live: f64| {
        json!({
            "family": family, "address": "192.0.2.100", "state": state, "live": live, "healthy": live,
            "source": "feed", "reals_up": 1, "reals_down": 1,
        })
    };
    let families = json!([family("A", "up", 0.5), family("AAAA", "down", 0.0)]);
    apart.directors[0].families = serde_json::from_value(families).expect("families");
    let text = shown(&apart, Extent::Folded);
    let line = text.lines().find(|line| line.contains("2001:db8::100")).expect("the address");
    assert_eq!(line.split_whitespace().collect::<Vec<_>>(), ["2001:db8::100", "down", "0%"]);
    // A real server that is up is counted where only what is wrong is asked for.
    let wrong = shown(&with_directors(), Extent::Wrong);
    assert!(wrong.contains("1 more up\n") && !wrong.contains("10.0.0.2"), "{wrong}");
    assert!(!shown(&all_well(), Extent::All).contains("DIRECTORS"));

    let check = |name: &str, expected: &[&str]| {
        let mut part = with_directors();
        narrow(&mut part, name).expect("a name that there is");
        let directors = part.directors.iter().map(|director| director.director.as_str());
        let endpoints = part.pools.iter().flat_map(|pool| &pool.endpoints);
        let endpoints = endpoints.map(|endpoint| endpoint.endpoint.as_str());
        assert_eq!(directors.chain(endpoints).collect::<Vec<_>>(), expected, "{name}");
    };
    check("lvs-fra", &["lvs-fra", "fra-1"]);
    check("iad", &["lvs-iad", "iad-1"]);
    check("fra-2", &["fra-2"]);
    check("web", &["lvs-fra", "lvs-iad", "fra-1", "fra-2", "iad-1"]);
}

#[test]
fn one_name_is_enough() {
    let check = |status: &Status, name: &str, expected: Result<&[&str], &str>| {
        let mut part = status.clone();
        match (narrow(&mut part, name), expected) {
            (Ok(()), Ok(expected)) => {
                let mut found: Vec<_> = part.sites.iter().map(|site| site.site.as_str()).collect();
                let endpoints = part.pools.iter().flat_map(|pool| &pool.endpoints);
                found.extend(endpoints.map(|endpoint| endpoint.endpoint.as_str()));
                found.extend(part.zones.iter().map(|zone| zone.zone.as_str()));
                found.extend(part.overrides.iter().map(|one| one.target.as_str()));
                found.extend(part.wrong.iter().map(|wrong| wrong.what.as_str()));
                assert_eq!(found, expected, "{name}");
            }
            (Err(finding), Err(part)) => assert!(finding.to_string().contains(part), "{finding}"),
            (found, _) => panic!("{name}: {found:?}"),
        }
    };
    let dead = "pool web of example.com.: site fra is dead";
    let drained = "endpoint iad-1 is drained";
    let all: &[&str] =
        &["fra", "iad", "fra-1", "fra-2", "iad-1", "example.com.", "site iad", dead, drained];
    let down = fra_is_down();
    for name in ["web", "example.com.", "example.com", "EXAMPLE.com", "www.example.com"] {
        check(&down, name, Ok(all));
    }
    check(&down, "fra", Ok(&["fra", "fra-1", "fra-2", dead]));
    check(&down, "iad-1", Ok(&["iad", "iad-1", "site iad", drained]));
    check(&down, "wbe", Err("did you mean \"web\"?"));
    check(
        &down,
        "something-else",
        Err("there are fra, iad, web, example.com., www.example.com., fra-1"),
    );
    check(&many(down, 20), "something-else", Err("more"));
}

#[test]
fn colour_is_for_terminals_and_moves_nothing() {
    let status = fra_is_down();
    let plain = shown(&status, Extent::Folded);
    assert!(!plain.contains('\u{1b}'));
    assert!(plain.is_ascii(), "what is ASCII stays ASCII");
    let layout = Layout { palette: Palette { colour: true }, extent: Extent::Folded, files: true };
    let mut coloured = render(&status, "http://127.0.0.1:8053/", layout);
    assert!(coloured.contains("\u{1b}[31mdown\u{1b}[0m") && coloured.contains("\u{1b}[33mdrained"));
    for code in ["1", "2", "31", "32", "33", "0"] {
        coloured = coloured.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_text(&coloured, &plain);
}

#[test]
fn the_exit_status_tells_errors() {
    let code = |status: Status| Seen { json: String::new(), status }.exit_code();
    assert_eq!(code(all_well()), ExitCode::SUCCESS);
    assert_eq!(code(fra_is_down()), ExitCode::from(EXIT_FINDINGS));
    let mut warned = fra_is_down();
    warned.wrong.remove(0);
    assert_eq!(code(warned), ExitCode::SUCCESS);
}
