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
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

/// Static names `h000` to `h999`.
pub const STATIC_NAMES: usize = 1000;

/// The database that is shipped, or the one that `GEOIP_DATABASE` names.
pub fn database() -> PathBuf {
    if let Some(path) = std::env::var_os("GEOIP_DATABASE") {
        return path.into();
    }
    Path::new(env!("CARGO_MANIFEST_DIR")).join("geoip/world.mmdb")
}

/// `fingerpost.toml`; `probe_port` adds the checks that `zone_steering` then needs.
pub fn server_toml(listen: &str, workers: usize, probe_port: Option<u16>) -> String {
    let database = database();
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

/// The master file of `example.com` with nothing but an apex and the static names.
pub fn plain_zone_text() -> String {
    let mut text = String::from(
        "$ORIGIN example.com.\n$TTL 300\n\
         @ SOA ns1 hostmaster 1 3600 600 86400 300\n@ NS ns1\nns1 A 127.0.0.1\n",
    );
    for number in 0..STATIC_NAMES {
        let _ = writeln!(text, "h{number:03} A 10.0.{}.{}", number / 256, number % 256);
    }
    text
}

/// The same with an alias, a delegation and a record set that does not fit UDP.
pub fn zone_text() -> String {
    let mut text = plain_zone_text();
    text += "alias1 CNAME alias2\nalias2 CNAME h000\nsub NS ns.sub\nns.sub A 127.0.0.53\n";
    for number in 0..60 {
        let _ = writeln!(text, "many TXT \"{number:02} {}\"", "x".repeat(40));
    }
    text
}

/// A master file of `example.net` with `count` static names, `n0000000` and on.
pub fn large_zone_text(count: usize) -> String {
    let mut text = String::from(
        "$ORIGIN example.net.\n$TTL 300\n\
         @ SOA ns1 hostmaster 1 3600 600 86400 300\n@ NS ns1\nns1 A 127.0.0.1\n",
    );
    for n in 0..count {
        let _ = writeln!(text, "n{n:07} A 10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255);
    }
    text
}

/// The addresses of the pool's endpoints.
pub const ENDPOINTS: [[u8; 4]; 6] = [
    [127, 0, 2, 1],
    [127, 0, 2, 2],
    [127, 0, 3, 1],
    [127, 0, 3, 2],
    [127, 0, 4, 1],
    [127, 0, 4, 2],
];

/// Listens where the endpoints are, so that probes find them up.
pub struct Backends {
    /// The port that they share.
    pub port: u16,
    listeners: Vec<Option<TcpListener>>,
}

impl Backends {
    /// All up.
    pub fn start() -> io::Result<Self> {
        let mut last = io::Error::other("no port");
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let bound: io::Result<Vec<_>> = ENDPOINTS
                .iter()
                .map(|&address| TcpListener::bind(SocketAddr::from((address, port))).map(Some))
                .collect();
            match bound {
                Ok(listeners) => return Ok(Self { port, listeners }),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Takes one away, or puts it back. Connections are never accepted: the system's greeting is all that a probe
    /// asks for; what waits is let go here, so that the queue has room.
    pub fn flip(&mut self, number: usize) -> io::Result<bool> {
        let slot = &mut self.listeners[number];
        *slot = match slot.take() {
            Some(_) => None,
            None => Some(TcpListener::bind(SocketAddr::from((ENDPOINTS[number], self.port)))?),
        };
        Ok(slot.is_some())
    }

    /// Lets waiting connections go.
    pub fn drain(&self) {
        for listener in self.listeners.iter().flatten() {
            let _ = listener.set_nonblocking(true);
            while listener.accept().is_ok() {}
        }
    }
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
