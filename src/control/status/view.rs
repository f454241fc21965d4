//! Status as its readers get it: plain words and numbers, ready for a page, for JSON, and to be read back from it.
//!
//! Words of the layers below (a standing, a verdict, a method) are text here, so that nobody who reads JSON has to
//! change because something was compiled differently.

use super::directors::DirectorView;
use crate::control::events::Severity;
use crate::control::outlook::{Condition, SiteLevel};
use crate::health::overrides::{Override, OverrideTarget};
use crate::report::{self, Finding};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The whole server at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The process.
    pub server: ServerView,
    /// What needs somebody, gravest first; empty if all is well.
    pub wrong: Vec<Wrong>,
    /// Every site that anything is served from.
    pub sites: Vec<SiteView>,
    /// Every pool that anything is served from, fallbacks included.
    pub pools: Vec<PoolView>,
    /// Every director whose VIP is handed out.
    pub directors: Vec<DirectorView>,
    /// Every zone, those that cannot be served included.
    pub zones: Vec<ZoneView>,
    /// The overrides that are in force.
    pub overrides: Vec<OverrideView>,
    /// How the last reading of all files went.
    pub reload: ReloadView,
    /// The databases that clients are placed by.
    pub databases: Vec<DatabaseView>,
}

/// The process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerView {
    /// Its version.
    pub version: String,
    /// When it was started.
    pub started: Timestamp,
    /// When this was looked at.
    pub now: Timestamp,
    /// What is served; grows with each publication.
    pub generation: u64,
    /// When that was published; none before the first.
    pub generation_at: Option<Timestamp>,
    /// Whether it answers.
    pub ready: bool,
    /// Why it does or does not.
    pub why: String,
    /// Messages that came since the start, over all transports.
    pub queries_total: u64,
    /// Messages per second, over the last ten.
    pub queries_per_s: f64,
}

/// Something that needs somebody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wrong {
    /// `warning` or `error`.
    pub severity: Severity,
    /// What is wrong.
    pub what: String,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// Why, and what to do.
    pub help: String,
}

/// A site over all pools.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SiteView {
    /// The zone whose file defines it; none for the server's own.
    pub zone: Option<String>,
    /// Its name.
    pub site: String,
    /// Its name for people.
    pub title: String,
    /// Geo code, if given.
    pub location: Option<String>,
    /// Latitude and longitude in degrees, if known.
    pub coordinates_deg: Option<[f64; 2]>,
    /// Endpoints there, over all pools.
    pub endpoints: usize,
    /// Those that are up in every family that they have an address in.
    pub endpoints_up: usize,
    /// Those that are drained in every family, by an override or by their director.
    pub endpoints_drained: usize,
    /// The override on the site itself.
    #[serde(rename = "override")]
    pub pinned: Option<OverrideView>,
    /// Times that an endpoint there was handed out.
    pub answers_total: u64,
    /// The same per second, over the last ten.
    pub answers_per_s: f64,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolView {
    /// The zone whose file defines it; none for the server's own.
    pub zone: Option<String>,
    /// Its name.
    pub pool: String,
    /// How endpoints are chosen.
    pub method: String,
    /// How many an answer hands out.
    pub answers: usize,
    /// The share of a site's weight that must be up for it to be trusted.
    pub min_up: f64,
    /// What is done when nothing is up.
    pub on_all_down: String,
    /// The pool that serves then, if there is one.
    pub fallback: Option<String>,
    /// The steered names that it serves; none for one that is only a fallback.
    pub names: Vec<String>,
    /// The override on the pool itself.
    #[serde(rename = "override")]
    pub pinned: Option<OverrideView>,
    /// By family, `A` before `AAAA`; only those that it, or a fallback of it, has addresses in.
    pub families: Vec<FamilyView>,
    /// Its endpoints.
    pub endpoints: Vec<EndpointView>,
}

/// A pool in one family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FamilyView {
    /// `A` or `AAAA`.
    pub family: String,
    /// What its clients get.
    pub condition: Condition,
    /// The sites that it has endpoints at.
    pub sites: Vec<SiteLevelView>,
}

/// A site of a pool in one family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SiteLevelView {
    /// Its name.
    pub site: String,
    /// How far it can be relied on.
    pub level: SiteLevel,
    /// The part of the client networks that come to it that it takes while it is trusted, 0 to 1; the others go on to
    /// the next site of their order.
    pub admission: f64,
    /// That part as far as its load goes; below 1 it is full.
    pub admission_by_load: f64,
    /// Its sessions over what it carries well as it is; none where one of them is not known.
    pub utilisation: Option<f64>,
}

/// An endpoint of a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointView {
    /// Its name.
    pub endpoint: String,
    /// Its site's.
    pub site: String,
    /// Its part of the traffic, relative to the others.
    pub weight: u32,
    /// The director that speaks for it; none for a server itself.
    pub director: Option<String>,
    /// The override that holds for it, be it on the endpoint, its pool or its site.
    #[serde(rename = "override")]
    pub pinned: Option<OverrideView>,
    /// Times that it was handed out, in both families.
    pub answers_total: u64,
    /// The same per second, over the last ten.
    pub answers_per_s: f64,
    /// By family, `A` before `AAAA`; only those that it has an address in.
    pub families: Vec<EndpointFamilyView>,
}

/// An endpoint in one family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointFamilyView {
    /// `A` or `AAAA`.
    pub family: String,
    /// Its address.
    pub address: IpAddr,
    /// `up`, `down`, `unknown`, `drained` or `held`.
    pub standing: String,
    /// Since when, as far as that is known; none where an override holds.
    pub since: Option<Timestamp>,
    /// Why.
    pub because: String,
    /// The share intended: how many of the answers that its site gives in this family list it, 0 to 1.
    pub share: f64,
    /// What it weighs at this moment: as planned, the live part behind its director, as far as it has come back, and by
    /// load.
    pub weight_now: f64,
    /// All that makes it weigh otherwise than configured, each since when and until when.
    pub weight_because: Vec<String>,
    /// Its way back after it was down; none where it is not on the way.
    pub comeback: Option<ComebackView>,
    /// How it is probed, and with what result; none where nothing probes it.
    pub check: Option<CheckView>,
}

/// How far an address has come back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComebackView {
    /// `held`: it is up again and not handed out yet; `ramping`: its weight grows.
    pub phase: String,
    /// When that began.
    pub since: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// The part of its weight that it has, 0 to 1.
    pub share: f64,
    /// How often the hold was doubled, since it failed again soon.
    pub doublings: u32,
}

/// A check of an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckView {
    /// The check's name.
    pub name: String,
    /// Address and port probed.
    pub target: String,
    /// `up`, `down` or `unknown`, whatever an override says.
    pub verdict: String,
    /// When it became that.
    pub since: Option<Timestamp>,
    /// What made it so.
    pub cause: String,
    /// How often it turned between up and down.
    pub flaps: u64,
    /// Days until the certificate ends that it showed.
    pub certificate_days_left: Option<i64>,
    /// What is not well with it whatever its verdict, in words.
    #[serde(default)]
    pub remarks: Vec<String>,
    /// The last probe; none before the first.
    pub last: Option<LastProbeView>,
}

/// The result of a probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastProbeView {
    /// `success`, `failure` or `inconclusive`.
    pub outcome: String,
    /// Why, where it is no success.
    pub reason: String,
    /// When it came.
    pub at: Timestamp,
    /// How long it took.
    pub latency_ms: f64,
}

/// A zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneView {
    /// Its apex.
    pub zone: String,
    /// The serial of its SOA record; none where nothing of it could be read.
    pub serial: Option<u32>,
    /// Names whose addresses are steered.
    pub steered_names: usize,
    /// All names, those between included.
    pub names: usize,
    /// `served`; `last good` where its files have mistakes now; `not served` where they always had.
    pub state: String,
}

/// An override.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverrideView {
    /// What it is on, for people: `site fra`, `endpoint fra-1 in web of example.com.`
    pub target: String,
    /// `site`, `pool` or `endpoint`.
    pub kind: String,
    /// The zone that it is confined to.
    pub zone: Option<String>,
    /// The pool that an endpoint's is confined to.
    pub pool: Option<String>,
    /// The name of the site, pool or endpoint.
    pub name: String,
    /// `up`, `down` or `drain`; `weight` if it says what an endpoint weighs and not how it stands.
    pub state: String,
    /// The weight, if that is what it says.
    pub weight: Option<PlanView>,
    /// The first instant at which it no longer holds; none: until it is taken away.
    pub until: Option<Timestamp>,
    /// Why it was set.
    pub reason: String,
    /// Who set it.
    pub by: Option<String>,
}

/// A planned weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanView {
    /// What the endpoint weighs in the end.
    pub to: u32,
    /// What it weighed before; none: as configured.
    pub from: Option<f64>,
    /// What it weighs at this moment; none where several are meant and differ.
    pub now: Option<f64>,
    /// When it begins to change; none: it holds in full.
    pub begin: Option<Timestamp>,
    /// When the weight is reached; none: it holds in full.
    pub end: Option<Timestamp>,
}

/// How a reading of all files went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadView {
    /// When it ended.
    pub at: Timestamp,
    /// `published`, `unchanged` or `refused`.
    pub outcome: String,
    /// What was served afterwards.
    pub generation: u64,
    /// What was found on the way.
    pub findings: Vec<FindingView>,
}

/// Something found in the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingView {
    /// `warning` or `error`.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// `file:line:column`, if it has a place.
    pub place: Option<String>,
    /// The cure, if one is known.
    pub help: Option<String>,
}

/// A database that clients are placed by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseView {
    /// Where it was read from.
    pub path: String,
    /// Its type, e.g. `GeoLite2-City`.
    pub kind: String,
    /// When it was built, if it says so.
    pub built: Option<Timestamp>,
}

impl From<&Override> for OverrideView {
    fn from(pinned: &Override) -> Self {
        let (kind, zone, pool, name) = match &pinned.target {
            OverrideTarget::Site { zone, name } => ("site", zone, None, name),
            OverrideTarget::Pool { zone, name } => ("pool", zone, None, name),
            OverrideTarget::Endpoint { zone, pool, name } => ("endpoint", zone, pool.clone(), name),
        };
        Self {
            target: pinned.target.to_string(),
            kind: kind.to_owned(),
            zone: zone.as_ref().map(ToString::to_string),
            pool,
            name: name.clone(),
            state: pinned.pin().map_or_else(|| "weight".to_owned(), |pin| pin.to_string()),
            weight: pinned.plan().map(|plan| PlanView {
                to: plan.weight,
                from: plan.from,
                now: None,
                begin: plan.begin,
                end: plan.ends_at(),
            }),
            until: pinned.until,
            reason: pinned.reason.clone(),
            by: pinned.by.clone(),
        }
    }
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> Self {
        Self {
            severity: match finding.severity {
                report::Severity::Warning => Severity::Warning,
                report::Severity::Error => Severity::Error,
            },
            message: finding.message.clone(),
            place: finding.place.as_ref().map(ToString::to_string),
            help: finding.help.clone(),
        }
    }
}
