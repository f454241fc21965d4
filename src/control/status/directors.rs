//! Directors: what stands behind each VIP, who says so, and how far that can be believed.
//!
//! A director is shown once, wherever it is handed out. Of several that share a VIP each is shown as it sees itself,
//! and which of them speaks for all.

use super::Facts;
use super::pools;
use super::view::CheckView;
use crate::director::{DirectorTruth, RealTruth, Source, VipTruth};
use crate::steer::director::{Director, Feed, FeedSource, HaproxySource, Real, Vip};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

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
    /// `up`; `maintenance`, then it drains; `down` if less of it is live than `min_up`.
    pub state: String,
    /// Live part of the weight of its real servers, those that are out on purpose not counted, 0 to 1.
    pub live: f64,
    /// The part below which its VIP is not handed out.
    pub min_up: f64,
    /// Who says which real servers are live: `feed`, `probes` of our own, or the `check` of the VIP alone, where
    /// neither knows.
    pub source: String,
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
    /// `up`, `draining`, `maintenance`, `down`; `unknown` where the VIP's own check decides alone.
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
        for (place, director) in vip.directors.iter().enumerate() {
            let zone = director.zone.as_ref().map(ToString::to_string);
            let looker = Looker { facts, vip, director, truth, place };
            views.entry((zone, director.name.clone())).or_insert_with(|| looker.view());
        }
    }
    views.into_values().collect()
}

/// Looks at one director of a VIP.
struct Looker<'a> {
    facts: &'a Facts<'a>,
    vip: &'a Vip,
    director: &'a Director,
    truth: &'a VipTruth,
    place: usize,
}

impl Looker<'_> {
    fn view(&self) -> DirectorView {
        let Director { zone, name, site, min_up, .. } = self.director;
        let truth = &self.truth.directors[self.place];
        let live = truth.live();
        let state = match () {
            () if truth.is_maintenance => "maintenance",
            () if truth.is_enough(*min_up) => "up",
            () => "down",
        };
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
            state: state.to_owned(),
            live,
            min_up: *min_up,
            source: truth.source.to_string(),
            feed: self.director.feed.as_deref().map(|feed| self.feed(feed, truth)),
            sessions: truth.sessions,
            capacity: self.director.capacity,
            response_ms: truth.response_ms,
            reals: self.reals(truth),
            unconfigured: truth.unconfigured.clone(),
        }
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

    /// Where nobody knows anything of the real servers, they are those that are configured.
    fn reals(&self, truth: &DirectorTruth) -> Vec<RealView> {
        let configured = &self.director.reals;
        if truth.source == Source::Check {
            return configured.iter().map(|real| self.unknown(real)).collect();
        }
        let known = |told: &RealTruth| configured.iter().find(|real| real.name == told.name);
        let view = |told: &RealTruth| RealView {
            name: told.name.clone(),
            address: told.address.map(|address| address.to_string()),
            weight: told.weight,
            state: told.state.to_string(),
            because: told.because.to_owned(),
            sessions: told.sessions,
            check: known(told).and_then(|real| self.check(real)),
        };
        truth.reals.iter().map(view).collect()
    }

    fn unknown(&self, real: &Real) -> RealView {
        RealView {
            name: real.name.clone(),
            address: Some(real.address.to_string()),
            weight: real.weight,
            state: "unknown".to_owned(),
            because: "no probe from here reaches any of them".to_owned(),
            sessions: None,
            check: self.check(real),
        }
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
