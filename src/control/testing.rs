//! A small world for tests: two sites, a pool with a fallback, VIPs of directors where these are asked for, and probes
//! and feeds that find what a test says.

use super::knowledge::Knowledge;
use super::loader::{Load, Loader};
use crate::director::{Fault, FaultKind, FeedReport, RealReport, RealState, Report};
use crate::health::overrides::{Action, Override, OverrideTarget, Pin};
use crate::health::{Outcome, Probe, ProbeResult, Transition};
use crate::snapshot::Snapshot;
use jiff::Timestamp;
use std::collections::HashSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const SERVER: &str = r#"
[server]
listen = ["127.0.0.1:0"]
zones = "zones"

[sites]
fra = { name = "Frankfurt", location = "EU-DE", coordinates = [50.11, 8.68] }
iad = { name = "Ashburn", location = "NA-US-VA", coordinates = [39.04, -77.49] }

[checks.web]
type = "tcp"
port = 80
fall = 1
rise = 1
"#;

const ZONE: &str = "$TTL 300\n@ SOA ns1 host 7 7200 1800 1209600 60\n@ NS ns1\nns1 A 192.0.2.53\n";

/// `web` falls back to `spare`, which fails open.
const STEERING: &str = r#"
[pools.web]
check = "web"
answers = 1
min_up = 0.5
on_all_down = "fallback"
fallback = "spare"
endpoints = [
  { site = "fra", a = "192.0.2.1", aaaa = "2001:db8::1", weight = 3 },
  { site = "fra", a = "192.0.2.2", weight = 1 },
  { site = "iad", a = "192.0.2.3", aaaa = "2001:db8::3" },
]

[pools.spare]
check = "web"
endpoints = [ { name = "spare-1", site = "iad", a = "192.0.2.9" } ]

[names.www]
pool = "web"

[names.cdn]
pool = "web"
"#;

/// A VIP in each site: that of Frankfurt is told of by a feed, the other's real servers are probed. What comes back
/// does so in steps.
const DIRECTORS: &str = r#"
[directors.lvs-fra]
site = "fra"
vip = { a = "192.0.2.100" }
mode = "dr"
service = "tcp/80"
capacity = 1000
check = "web"
feed = { type = "json", url = "http://10.0.0.1:8054/state?key=secret" }
reals = [
  { name = "web1", address = "10.0.0.2:80", weight = 2 },
  { name = "web2", address = "10.0.0.3:80" },
  { name = "web3", address = "10.0.0.4:80" },
]

[directors.lvs-iad]
site = "iad"
vip = { a = "192.0.2.101" }
mode = "nat"
service = "tcp/80"
check = "web"
reals = [ { name = "iad-web1", address = "10.1.0.2:80", weight = 4 } ]

[pools.vips]
check = "web"
min_up = 0.4
slow_start = "5m"
failback_delay = "30s"
hold_down_max = "10m"
endpoints = [ { director = "lvs-fra" }, { director = "lvs-iad" } ]

[names.lvs]
pool = "vips"
ttl = 30
"#;

/// The world, and what is known of it.
pub(super) struct Scene {
    pub(super) load: Load,
    pub(super) knowledge: Knowledge,
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

impl Scene {
    pub(super) fn new() -> Self {
        Self::read(STEERING)
    }

    pub(super) fn read(steering: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        fs::create_dir(path("zones")).expect("a directory");
        for (name, text) in [
            ("fingerpost.toml", SERVER),
            ("zones/example.com.zone", ZONE),
            ("zones/example.com.toml", steering),
        ] {
            fs::write(path(name), text).expect("written");
        }
        let load = Loader::new(&path("fingerpost.toml")).load();
        let load = load.unwrap_or_else(|report| panic!("{report:?}"));
        assert!(!load.report.has_errors(), "{:?}", load.report);
        let mut knowledge = Knowledge::default();
        knowledge.verdicts.set_probes(load.catalog.probes().cloned());
        knowledge.directors.follow(load.catalog.pools().vips());
        Self { load, knowledge }
    }

    /// Everything is probed with success, what is behind directors too, and the feed tells of all real servers.
    pub(super) fn with_directors(second: i64) -> Self {
        let mut scene = Self::read(&format!("{STEERING}{DIRECTORS}"));
        let probes: Vec<_> = scene.load.catalog.probes().cloned().collect();
        scene.apply(probes, &Outcome::Success, second);
        scene.hear(&["web1", "web2", "web3"], 100, second);
        scene
    }

    /// The feed tells that these real servers are up and no others, and of so many sessions.
    pub(super) fn hear(&mut self, up: &[&str], sessions: u64, second: i64) {
        let real = |name: &&str| RealReport {
            name: Some((*name).to_owned()),
            address: None,
            state: RealState::Up,
            weight: 1,
            sessions: Some(sessions / up.len() as u64),
            is_backup: false,
        };
        let reals = up.iter().map(real).collect();
        let report = Report { reals, sessions: Some(sessions), ..Report::default() };
        self.hear_feed(Ok(FeedReport::One(report)), second);
    }

    /// The feed tells this, and everything is brought up to the moment.
    pub(super) fn hear_feed(&mut self, outcome: Result<FeedReport, String>, second: i64) {
        let [feed] = &self.knowledge.directors.feeds()[..] else { panic!("one feed") };
        let latency = Duration::from_millis(2);
        let outcome = outcome.map_err(|why| Fault::new(FaultKind::Connection, why));
        self.knowledge.directors.hearings.hear(feed, at(second), latency, outcome);
        self.step(second);
    }

    /// Everything is brought up to the moment.
    pub(super) fn step(&mut self, second: i64) {
        self.knowledge.step(&self.load.catalog, at(second));
    }

    /// All endpoints are probed with success.
    pub(super) fn all_up(second: i64) -> Self {
        let mut scene = Self::new();
        for endpoint in ["fra-1", "fra-2", "iad-1", "spare-1"] {
            scene.probe(endpoint, Outcome::Success, second);
        }
        scene
    }

    /// Every address of an endpoint is probed; what turned.
    pub(super) fn probe(
        &mut self,
        endpoint: &str,
        outcome: Outcome,
        second: i64,
    ) -> Vec<Transition> {
        let tiers = self.load.catalog.rosters().iter().flat_map(|roster| &roster.tiers);
        let endpoints = tiers.flat_map(|tier| &tier.pool.endpoints);
        let mut seen = HashSet::new();
        let probes: Vec<_> = endpoints
            .filter(|found| found.name == endpoint)
            .flat_map(|found| found.probes().cloned())
            .filter(|probe| seen.insert(probe.clone()))
            .collect();
        assert!(!probes.is_empty(), "no endpoint is called {endpoint}");
        self.apply(probes, &outcome, second)
    }

    /// A real server behind a director is probed; what turned.
    pub(super) fn probe_real(
        &mut self,
        real: &str,
        outcome: Outcome,
        second: i64,
    ) -> Vec<Transition> {
        let vips = self.knowledge.directors.vips();
        let reals = vips.iter().flat_map(|vip| &vip.directors).flat_map(|director| &director.reals);
        let named = reals.filter(|found| found.name == real);
        let probes: Vec<_> = named.filter_map(|real| real.probe.clone()).collect();
        assert!(!probes.is_empty(), "no real server is called {real}");
        self.apply(probes, &outcome, second)
    }

    fn apply(
        &mut self,
        probes: Vec<Arc<Probe>>,
        outcome: &Outcome,
        second: i64,
    ) -> Vec<Transition> {
        let result = |probe: Arc<_>| ProbeResult {
            probe,
            outcome: outcome.clone(),
            latency: Duration::from_micros(1500),
            certificate_days_left: None,
        };
        let results: Vec<_> = probes.into_iter().map(result).collect();
        let apply = |result| self.knowledge.verdicts.apply(&result, at(second));
        results.into_iter().filter_map(apply).collect()
    }

    pub(super) fn snapshot(&self, second: i64) -> Snapshot {
        Snapshot::new(5, self.load.catalog.clone(), &self.knowledge.at(at(second)))
    }
}

/// An override on a site.
pub(super) fn on_site(name: &str, pin: Pin, until: Option<i64>) -> Override {
    Override {
        target: OverrideTarget::Site { zone: None, name: name.to_owned() },
        action: Action::Pin(pin),
        until: until.map(at),
        reason: "CHG123".to_owned(),
        by: Some("ada".to_owned()),
    }
}
