//! A small world for tests: two sites, a pool with a fallback, and probes that find what a test says.

use super::knowledge::Knowledge;
use super::loader::{Load, Loader};
use crate::health::overrides::{Action, Override, OverrideTarget, Pin};
use crate::health::{Outcome, ProbeResult, Transition};
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
        let directory = TempDir::new().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        fs::create_dir(path("zones")).expect("a directory");
        for (name, text) in [
            ("fingerpost.toml", SERVER),
            ("zones/example.com.zone", ZONE),
            ("zones/example.com.toml", STEERING),
        ] {
            fs::write(path(name), text).expect("written");
        }
        let load = Loader::new(&path("fingerpost.toml")).load();
        let load = load.unwrap_or_else(|report| panic!("{report:?}"));
        assert!(!load.report.has_errors(), "{:?}", load.report);
        let mut knowledge = Knowledge::default();
        knowledge.verdicts.set_probes(load.catalog.probes().cloned());
        Self { load, knowledge }
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
