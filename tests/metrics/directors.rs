//! What is told of directors, their feeds and real servers, and of sites that take a part of their clients.

use crate::kit::server::TestServer;
use crate::kit::{Backend, ConfigDir, Mode, until};
use crate::page::Page;
use crate::promtool;
use crate::world::scrape;
use std::net::Ipv4Addr;

const SERVER: &str = r#"
[admin]
listen = "127.0.0.1:0"

[sites]
fra = { coordinates = [50.11, 8.68] }
iad = { coordinates = [39.04, -77.49] }

[directors.lvs-fra]
site = "fra"
vip = { a = "192.0.2.100" }
mode = "dr"
service = "tcp/80"
capacity = 1000
feed = { type = "json", url = "http://127.0.0.1:PORT/", interval = "100ms", timeout = "1s", stale_after = "2s" }

[directors.lvs-iad]
site = "iad"
vip = { a = "192.0.2.101" }
mode = "nat"
service = "tcp/80"
maintenance = true
reals = [ { name = "iad-web1", address = "127.0.0.1:PORT", weight = 4 } ]
"#;

const STEERING: &str = r#"
[pools.vips]
endpoints = [ { director = "lvs-fra", weight = 8 }, { director = "lvs-iad" }, { site = "iad", a = "192.0.2.9" } ]
[names.www]
pool = "vips"
"#;

const ZONE: &str = "$TTL 300\n@ SOA ns1 host 7 7200 1800 1209600 60\n@ NS ns1\nns1 A 192.0.2.53\n";

fn report(state: &str) -> Mode {
    let real = |name: &str, state: &str, weight: u32| {
        format!(
            "{{ \"name\": \"{name}\", \"state\": \"{state}\", \"weight\": {weight}, \"sessions\": 61 }}"
        )
    };
    let reals = [real("web1", "up", 3), real("web2", state, 1), real("web3", "draining", 0)];
    let text =
        format!("{{ \"sessions\": 123, \"response_ms\": 4.5, \"reals\": [{}] }}", reals.join(","));
    Mode::Answer(200, text)
}

#[test]
fn directors_feeds_and_real_servers() {
    let mut feed = Backend::http(Ipv4Addr::LOCALHOST.into(), 0);
    feed.set(report("up"));
    let server = SERVER.replace("PORT", &feed.port().to_string());
    let dir =
        ConfigDir::new().also(&server).zone("example.com", ZONE).steering("example.com", STEERING);
    let server = TestServer::start(dir);
    let page_when = |what: &str, is_so: &dyn Fn(&Page) -> bool| {
        until(what, || Some(scrape(server.admin())).filter(is_so))
    };
    let fra = [("director", "lvs-fra"), ("site", "fra"), ("zone", "")];
    let of = |page: &Page, name: &str| page.value(&format!("fingerpost_{name}"), &fra);
    let state = |page: &Page, name: &str, director: &str, key: &str, word: &str| {
        page.value(&format!("fingerpost_{name}"), &[("director", director), (key, word)])
    };
    let site =
        |page: &Page, name: &str| page.value(&format!("fingerpost_{name}"), &[("site", "fra")]);

    let page = page_when("a report", &|page| {
        state(page, "director_source", "lvs-fra", "source", "feed") == 1.0
    });
    assert_eq!((of(&page, "director_live_ratio"), of(&page, "feed_fresh")), (1.0, 1.0));
    assert_eq!(
        (of(&page, "director_sessions"), of(&page, "director_capacity_sessions")),
        (123.0, 1000.0)
    );
    assert_eq!(of(&page, "director_response_seconds"), 0.0045);
    assert!(of(&page, "feed_asked_total") >= 1.0 && of(&page, "feed_age_seconds") < 1.0);
    assert_eq!(state(&page, "director_state", "lvs-fra", "state", "up"), 1.0);
    assert_eq!(state(&page, "director_state", "lvs-iad", "state", "maintenance"), 1.0);
    assert_eq!(
        page.matching("fingerpost_director_sessions", &[]).len(),
        1,
        "the other has no feed"
    );
    let real = |page: &Page, real: &str, word: &str| {
        page.value("fingerpost_real_state", &[("real", real), ("state", word)])
    };
    assert_eq!([real(&page, "web1", "up"), real(&page, "web3", "draining")], [1.0, 1.0]);
    assert_eq!(page.value("fingerpost_real_sessions", &[("real", "web1")]), 61.0);
    assert_eq!(site(&page, "site_admission_ratio"), 1.0);
    let weight =
        |page: &Page| page.value("fingerpost_endpoint_weight_now", &[("endpoint", "lvs-fra")]);
    assert_eq!(weight(&page), 8.0);
    let drained = [("endpoint", "lvs-iad"), ("standing", "drained")];
    assert_eq!(page.value("fingerpost_endpoint_standing", &drained), 1.0);
    promtool::check(&page.text);

    feed.set(report("down"));
    let dead = [("real", "web2"), ("state", "down")];
    let page = page_when("a dead real", &|page| page.sum("fingerpost_real_state", &dead) == 1.0);
    assert_eq!((of(&page, "director_live_ratio"), weight(&page)), (0.75, 6.0));
    assert_eq!(site(&page, "site_admission_ratio"), 0.75);
    assert_eq!(site(&page, "site_admission_by_load_ratio"), 1.0);

    feed.stop();
    let page = page_when("a lost feed", &|page| of(page, "feed_fresh") == 0.0);
    assert_eq!(state(&page, "director_source", "lvs-fra", "source", "check"), 1.0);
    let failed = |page: &Page, reason: &str| {
        let name = "fingerpost_feed_failed_total";
        page.value(name, &[("director", "lvs-fra"), ("reason", reason)])
    };
    assert!(failed(&page, "connection") >= 1.0);
    let others = ["local", "tls", "status", "impossible"].map(|reason| failed(&page, reason));
    assert_eq!(others, [0.0; 4]);
    // Nobody vouches for it: it is handed out where nothing else is.
    assert_eq!((weight(&page), site(&page, "site_admission_ratio")), (8.0, 0.0));
    let held = [("endpoint", "lvs-fra"), ("standing", "held")];
    assert_eq!(page.value("fingerpost_endpoint_standing", &held), 1.0);
    promtool::check(&page.text);
}
