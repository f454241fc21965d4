//! Directors: what stands behind each VIP, who says so, and how far that can be believed.
//!
//! A director is shown once, wherever it is handed out. Of several that share a VIP each is shown as it sees itself,
//! and which of them speaks for all.

use super::Facts;
use super::pools;
use super::view::CheckView;
use crate::director::{DirectorTruth, RealTruth, Source, VipTruth};
use crate::snapshot::ServedZone;
use crate::steer::director::{Director, Feed, FeedSource, HaproxySource, Real, Vip};
use crate::steer::model::Pool;
use crate::steer::pool::Family;
use crate::wire::Name;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::iter::successors;
use std::net::IpAddr;
use std::sync::Arc;

/// A load balancer whose VIP is handed out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DirectorView {
    /// The zone whose file defines it; none for the server's own.
    pub zone: Option<String>,
    /// Its name.
    pub director: String,
    /// Where it stands.
    pub site: String,
    /// How packets get to the real servers: `nat`, `dr`, `tun` or `proxy`.
    pub mode: String,
    /// How it chooses among them, in IPVS's word.
    pub scheduler: String,
    /// What it balances, e.g. `tcp/80`.
    pub service: String,
    /// The addresses handed out, IPv4 before IPv6.
    pub vip: Vec<IpAddr>,
    /// Other directors that may hold them (VRRP).
    pub shared_with: Vec<String>,
    /// Whether it is the one whose word counts for the VIP; always where it shares it with none.
    pub speaks: bool,
    /// The endpoints that stand for it.
    pub endpoints: Vec<DirectorSeatView>,
    /// Zones that are kept as they were last good, and go by an older version of it than is shown here.
    #[serde(default)]
    pub older_in: Vec<String>,
    /// `up`; `maintenance`, then it drains; `down` if less of it is live than `min_up`. Of its families the worst.
    pub state: String,
    /// Live part of the weight of its real servers, 0 to 1. Of its families the worst.
    pub live: f64,
    /// The part below which its VIP is not handed out.
    pub min_up: f64,
    /// Who says which real servers are live: `feed`, `probes` of our own, or the `check` of the VIP alone, where
    /// neither knows. Of its families the least sure.
    pub source: String,
    /// The same for each address of its VIP. Of an older server, nothing.
    #[serde(default)]
    pub families: Vec<DirectorFamilyView>,
    /// How it is asked; none where its real servers are probed only.
    pub feed: Option<FeedView>,
    /// Sessions at this moment, as reported.
    pub sessions: Option<u64>,
    /// Sessions that it carries well with all real servers up, if configured.
    pub capacity: Option<u64>,
    /// How long requests take, in milliseconds, as reported.
    pub response_ms: Option<f64>,
    /// The real servers.
    pub reals: Vec<RealView>,
    /// Servers that its feed lists beside those that are configured; what they carry counts for nothing.
    pub unconfigured: Vec<String>,
}

/// What stands behind one address of a director's VIP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DirectorFamilyView {
    /// `A` or `AAAA`.
    pub family: String,
    /// The address.
    pub address: IpAddr,
    /// `up`, `maintenance` or `down`, as of the whole.
    pub state: String,
    /// Live part of the weight of the real servers that serve it, 0 to 1.
    pub live: f64,
    /// The same of those that are not out on purpose: what `min_up` is held against.
    pub healthy: f64,
    /// Who says so.
    pub source: String,
    /// How many of them are live.
    pub reals_up: usize,
    /// How many should be, and are not.
    pub reals_down: usize,
}

/// Where a director is handed out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DirectorSeatView {
    /// The zone whose file defines the pool; none for the server's own.
    pub zone: Option<String>,
    /// The pool.
    pub pool: String,
    /// The endpoint's name in it.
    pub endpoint: String,
}

/// How a director is asked what stands behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeedView {
    /// `haproxy`, `ipvs` or `json`.
    pub kind: String,
    /// Where: an address of HTTP without what follows its `?`, or a socket.
    pub from: String,
    /// Why it is not heard, or was not when it was last asked; none if all is well.
    pub fault: Option<String>,
    /// Since when there is a fault, where that is known.
    pub fault_since: Option<Timestamp>,
    /// When it last said something that could be read.
    pub heard_at: Option<Timestamp>,
    /// How long the last answer took; none before the first.
    pub latency_ms: Option<f64>,
    /// How often it was asked.
    pub asked_total: u64,
    /// How often it gave no answer that counts.
    pub failed_total: u64,
    /// The same by why: `local` (a file of this side), `connection`, `tls`, `timeout`, `status`, `unreadable`,
    /// `impossible` (it can be read, and cannot be right). Of an older server, nothing.
    #[serde(default)]
    pub failed_by: BTreeMap<String, u64>,
}

/// A real server behind a director.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RealView {
    /// Its name; the address where it has none.
    pub name: String,
    /// Address and port, where they are known.
    pub address: Option<String>,
    /// Its part of the director's sessions, relative to the others.
    pub weight: u32,
    /// `up`, `draining`, `standby`, `maintenance`, `down`; `unknown` where the VIP's own check decides alone.
    pub state: String,
    /// Why.
    pub because: String,
    /// Sessions at this moment, as reported.
    pub sessions: Option<u64>,
    /// How it is probed from here, and with what result; none where it is not.
    pub check: Option<CheckView>,
}

/// All directors that are handed out, by zone and name, the server's own first.
pub(super) fn all(facts: &Facts<'_>) -> Vec<DirectorView> {
    let tier = &facts.knowledge.directors;
    let mut views = BTreeMap::new();
    for vip in tier.vips() {
        // One that was never judged belongs to what waits to be served.
        let Some(truth) = tier.truth(vip) else { continue };
        let Some(older_in) = older_in(facts, vip) else { continue };
        for (place, director) in vip.directors.iter().enumerate() {
            let zone = director.zone.as_ref().map(ToString::to_string);
            let looker = Looker { facts, vip, director, truth, place, older_in: &older_in };
            views.entry((zone, director.name.clone())).or_insert_with(|| looker.view());
        }
    }
    views.into_values().collect()
}

/// The zones that go by older versions of a VIP; none if it is one of these itself.
fn older_in(facts: &Facts<'_>, vip: &Arc<Vip>) -> Option<Vec<String>> {
    let versions: Vec<&Arc<Vip>> = facts.knowledge.directors.versions(vip).collect();
    if versions.len() <= 1 {
        return Some(Vec::new());
    }
    let zones = |version: &Vip| -> Vec<&Name> {
        let stands =
            |pool: &Pool| pool.endpoints.iter().any(|it| it.vip.as_deref() == Some(version));
        let all = facts.snapshot.zones().zones().iter();
        let holds = |zone: &&ServedZone| {
            zone.names.iter().any(|plan| {
                successors(Some(&plan.name.pool), |pool| pool.fallback.as_ref())
                    .any(|it| stands(it))
            })
        };
        all.filter(holds).map(|zone| zone.zone.apex()).collect()
    };
    let is_new = |apex: &&Name| !facts.last_load.kept_zones.contains(apex);
    let newest = versions.iter().find(|version| zones(version).iter().any(is_new));
    let newest = *newest.unwrap_or(&versions[0]);
    let older = versions.into_iter().filter(|version| !Arc::ptr_eq(version, newest));
    let older = older.flat_map(|version| zones(version)).map(ToString::to_string).collect();
    Arc::ptr_eq(vip, newest).then_some(older)
}

/// Looks at one director of a VIP.
struct Looker<'a> {
    facts: &'a Facts<'a>,
    vip: &'a Vip,
    director: &'a Director,
    truth: &'a VipTruth,
    place: usize,
    older_in: &'a [String],
}

impl Looker<'_> {
    fn view(&self) -> DirectorView {
        let Director { zone, name, site, min_up, .. } = self.director;
        let truth = &self.truth.directors[self.place];
        let families = self.families(truth);
        let is_of_any = |word: &str| families.iter().any(|family| family.state == word);
        let state = match () {
            () if truth.is_maintenance => "maintenance",
            () => ["down", "maintenance"].into_iter().find(|it| is_of_any(it)).unwrap_or("up"),
        };
        let own = Family::BOTH.into_iter().filter(|family| self.address(*family).is_some());
        let source = own.map(|family| truth.of(family).source).max();
        let own = self.director.key();
        let others = self.vip.directors.iter().filter(|other| other.key() != own);
        DirectorView {
            zone: zone.as_ref().map(ToString::to_string),
            director: name.clone(),
            site: site.name.clone(),
            mode: self.director.mode.to_string(),
            scheduler: self.director.scheduler.to_string(),
            service: self.director.service.to_string(),
            vip: self.director.addresses().collect(),
            shared_with: others.map(|other| other.name.clone()).collect(),
            speaks: self.truth.speaker == self.place,
            endpoints: self.endpoints(),
            older_in: self.older_in.to_vec(),
            state: state.to_owned(),
            live: families.iter().map(|family| family.live).fold(1.0, f64::min),
            min_up: *min_up,
            source: source.unwrap_or(Source::Check).to_string(),
            families,
            feed: self.director.feed.as_deref().map(|feed| self.feed(feed, truth)),
            sessions: truth.sessions,
            capacity: self.director.capacity,
            response_ms: truth.response_ms,
            reals: self.reals(truth),
            unconfigured: truth.unconfigured.clone(),
        }
    }

    fn address(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => self.director.a.map(IpAddr::from),
            Family::V6 => self.director.aaaa.map(IpAddr::from),
        }
    }

    fn families(&self, truth: &DirectorTruth) -> Vec<DirectorFamilyView> {
        let view = |family: Family| {
            let found = truth.of(family);
            let state = match () {
                () if truth.is_maintenance || found.is_maintenance => "maintenance",
                () if found.is_enough => "up",
                () => "down",
            };
            Some(DirectorFamilyView {
                family: family.rtype().to_string(),
                address: self.address(family)?,
                state: state.to_owned(),
                live: found.live,
                healthy: found.healthy,
                source: found.source.to_string(),
                reals_up: found.up,
                reals_down: found.down,
            })
        };
        Family::BOTH.into_iter().filter_map(view).collect()
    }

    /// Pools that mean the same and were read at different times are one here.
    fn endpoints(&self) -> Vec<DirectorSeatView> {
        let pools = self.facts.snapshot.catalog().pools().all().iter().map(|served| &served.pool);
        let mut seats: Vec<DirectorSeatView> = pools
            .flat_map(|pool| pool.endpoints.iter().map(move |endpoint| (pool, endpoint)))
            .filter(|(_, endpoint)| endpoint.vip.as_ref().is_some_and(|vip| self.is_of(vip)))
            .map(|(pool, endpoint)| DirectorSeatView {
                zone: pool.zone.as_ref().map(ToString::to_string),
                pool: pool.name.clone(),
                endpoint: endpoint.name.clone(),
            })
            .collect();
        seats.sort();
        seats.dedup();
        seats
    }

    fn is_of(&self, vip: &Vip) -> bool {
        vip.directors.iter().any(|director| director.key() == self.director.key())
    }

    fn feed(&self, feed: &Feed, truth: &DirectorTruth) -> FeedView {
        let row = self.facts.knowledge.directors.hearings.row(feed);
        let last = row.and_then(|row| row.fault.as_ref());
        // One that is still heard may have failed to answer when it was last asked.
        let fault = last.map(|(_, why)| why).or(truth.feed_fault.as_ref());
        let (kind, from) = source(feed);
        let failed = row.map(|row| row.failed).unwrap_or_default();
        FeedView {
            kind: kind.to_owned(),
            from,
            fault: fault.cloned(),
            fault_since: last.map(|(since, _)| *since).or(truth.lost_since),
            heard_at: row.and_then(|row| Some(row.last_good.as_ref()?.0)),
            latency_ms: row
                .filter(|row| row.asked_total > 0)
                .map(|row| row.latency.as_secs_f64() * 1000.0),
            asked_total: row.map_or(0, |row| row.asked_total),
            failed_total: failed.sum(),
            failed_by: failed.by_word().map(|(word, count)| (word.to_owned(), count)).collect(),
        }
    }

    fn reals(&self, truth: &DirectorTruth) -> Vec<RealView> {
        let configured = &self.director.reals;
        let known = |told: &RealTruth| configured.iter().find(|real| real.name == told.name);
        let view = |told: &RealTruth| RealView {
            name: told.name.clone(),
            address: told.address.map(|address| address.to_string()),
            weight: told.weight,
            state: told.state.map_or_else(|| "unknown".to_owned(), |state| state.to_string()),
            because: told.because.to_owned(),
            sessions: told.sessions,
            check: known(told).and_then(|real| self.check(real)),
        };
        truth.reals.iter().map(view).collect()
    }

    fn check(&self, real: &Real) -> Option<CheckView> {
        let probe = real.probe.as_deref()?;
        Some(pools::check(probe, self.facts.knowledge.verdicts.row(probe)))
    }
}

/// What kind of feed it is, and where it is asked. A query part may bear what lets in, and is left out.
fn source(feed: &Feed) -> (&'static str, String) {
    let http = |url: &str| match url.split_once('?') {
        Some((page, _)) => format!("{page}?…"),
        None => url.to_owned(),
    };
    match &feed.source {
        FeedSource::Haproxy { from: HaproxySource::Http(page), .. } => ("haproxy", http(&page.url)),
        FeedSource::Haproxy { from: HaproxySource::Unix(path), .. } => {
            ("haproxy", path.display().to_string())
        }
        FeedSource::Haproxy { from: HaproxySource::Tcp(at), .. } => ("haproxy", at.to_string()),
        FeedSource::Ipvs(page) => ("ipvs", http(&page.url)),
        FeedSource::Json(page) => ("json", http(&page.url)),
    }
}
