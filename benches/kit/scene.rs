//! What the benchmarks serve: one zone with a steered `www` and a thousand static names, and the shipped database.
//!
//! The steered name has all that costs something: the whole address space, two routes' worth of rules, weights, and
//! health. Its endpoints stand on loopback, where nobody listens unless a benchmark does.

use fingerpost::control::loader::Loader;
use fingerpost::health::Standing;
use fingerpost::snapshot::{Snapshot, Standings};
use fingerpost::steer::model::{Endpoint, Pool};
use fingerpost::steer::pool::Family;
use std::fmt::Write;
use std::path::Path;

/// Static names `h000` to `h999`.
pub const STATIC_NAMES: usize = 1000;

/// `fingerpost.toml`; `probes` adds the checks that `zone_steering` then needs.
pub fn server_toml(listen: &str, workers: usize, probe_port: Option<u16>) -> String {
    let database = Path::new(env!("CARGO_MANIFEST_DIR")).join("geoip/world.mmdb");
    let check = probe_port.map_or_else(String::new, |port| {
        format!(
            "[checks.web]\ntype = \"tcp\"\nport = {port}\ninterval = \"1s\"\ntimeout = \"500ms\"\nfall = 1\nrise = 1\n"
        )
    });
    format!(
        r#"[server]
listen = ["{listen}"]
udp_workers = {workers}
zones = "zones"

[server.tcp]
connections_per_network_max = 1000

[geoip]
databases = [{database:?}]

[sites]
eu = {{ name = "Europe", location = "EU-DE", coordinates = [50.11, 8.68] }}
na = {{ name = "America", location = "NA-US-VA", coordinates = [39.04, -77.49] }}
as = {{ name = "Asia", location = "AS-SG", coordinates = [1.35, 103.82] }}
{check}"#
    )
}

/// The steering of `example.com`: `www` from three sites by continent, the rest of the world by distance.
pub fn zone_toml(probed: bool) -> String {
    let check = if probed { "check = \"web\"\n" } else { "" };
    format!(
        r#"[pools.web]
{check}answers = 2
method = "weighted"
endpoints = [
  {{ site = "eu", a = "127.0.2.1", weight = 3 }},
  {{ site = "eu", a = "127.0.2.2", weight = 1 }},
  {{ site = "na", a = "127.0.3.1", weight = 2 }},
  {{ site = "na", a = "127.0.3.2", weight = 1 }},
  {{ site = "as", a = "127.0.4.1", weight = 1 }},
  {{ site = "as", a = "127.0.4.2", weight = 1 }},
]

[names.www]
pool = "web"
ttl = 30
route = [
  {{ geo = ["EU"], sites = ["eu", "na"] }},
  {{ geo = ["NA"], sites = ["na", "eu"] }},
  {{ geo = ["AS"], sites = ["as", "eu"] }},
  {{ nearest = true }},
]
"#
    )
}

/// The master file of `example.com` without its steered name.
pub fn zone_text() -> String {
    let mut text = String::from(
        "$ORIGIN example.com.\n$TTL 300\n\
         @ SOA ns1 hostmaster 1 3600 600 86400 300\n@ NS ns1\nns1 A 127.0.0.1\n\
         alias1 CNAME alias2\nalias2 CNAME h000\n\
         sub NS ns.sub\nns.sub A 127.0.0.53\n",
    );
    for number in 0..60 {
        let _ = writeln!(text, "many TXT \"{number:02} {}\"", "x".repeat(40));
    }
    for number in 0..STATIC_NAMES {
        let _ = writeln!(text, "h{number:03} A 10.0.{}.{}", number / 256, number % 256);
    }
    text
}

/// Endpoints that are all up, without a prober.
pub struct AllUp;

impl Standings for AllUp {
    fn standing(&self, _: &Pool, _: &Endpoint, _: Family) -> Standing {
        Standing::Up
    }

    fn was_good(&self, _: &Pool, _: &Endpoint, _: Family) -> bool {
        true
    }
}

/// What a server on that configuration would answer from, everything up.
pub fn snapshot(config: &Path) -> Snapshot {
    match Loader::new(config).load() {
        Ok(load) if !load.report.has_errors() => Snapshot::new(1, load.catalog, &AllUp),
        Ok(load) => panic!("{:?}", load.report),
        Err(report) => panic!("{report:?}"),
    }
}
