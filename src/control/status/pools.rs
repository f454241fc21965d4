//! Pools with their endpoints.
//!
//! A pool is shown once, wherever it sits, with the answers of all its seats.

use super::view::{
    CheckView, ComebackView, EndpointFamilyView, EndpointView, FamilyView, LastProbeView, PoolView,
    SiteLevelView,
};
use super::{Facts, OverrideView, pin_on};
use crate::control::counters::EndpointKey;
use crate::control::knowledge::Now;
use crate::control::outlook::Outlook;
use crate::control::rates::Flow;
use crate::health::comeback::Phase;
use crate::health::overrides::OverrideTarget;
use crate::health::table::{Last, Row};
use crate::health::{Outcome, Probe, Verdict};
use crate::snapshot::{ServedPool, Standings};
use crate::steer::model::{Endpoint, Pool};
use crate::steer::pool::{Choice, Family, Level};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A certificate with fewer days left is told of: renewal by ACME is customarily tried from 30 days on.
pub(in crate::control) const CERTIFICATE_DAYS_MIN: i64 = 14;
/// What has turned as often as this since the start is not merely restarted now and then.
const FLAPS_TOLD_MIN: u64 = 6;

/// A pool, and how it looks.
pub(super) struct PoolStatus {
    pub(super) pool: Arc<Pool>,
    pub(super) view: PoolView,
}

/// A pool, where it sits, and the names that it serves.
struct Found<'a> {
    served: &'a ServedPool,
    names: BTreeSet<String>,
}

/// All pools by zone and name, the server's own first.
pub(super) fn all(facts: &Facts<'_>, now: &Now<'_>) -> Vec<PoolStatus> {
    let mut pools: Vec<PoolStatus> = found(facts)
        .into_iter()
        .map(|found| PoolStatus {
            view: Looker { facts, now, found: &found }.pool(),
            pool: found.served.pool.clone(),
        })
        .collect();
    pools.sort_by(|one, other| {
        let key = |status: &PoolStatus| (status.view.zone.clone(), status.view.pool.clone());
        key(one).cmp(&key(other))
    });
    pools
}

fn found<'a>(facts: &Facts<'a>) -> Vec<Found<'a>> {
    let catalog = facts.snapshot.catalog();
    let pools = catalog.pools();
    let found = |served| Found { served, names: BTreeSet::new() };
    let mut found: Vec<Found> = pools.all().iter().map(found).collect();
    for plan in catalog.zones().zones().iter().flat_map(|zone| &zone.names) {
        if let Some(number) = pools.number(&plan.name.pool) {
            found[number].names.insert(plan.name.owner.to_string());
        }
    }
    found
}

/// Looks at one pool.
struct Looker<'a> {
    facts: &'a Facts<'a>,
    now: &'a Now<'a>,
    found: &'a Found<'a>,
}

/// One family of a pool: where it sits, and the shares of its endpoints by their places.
struct Seated<'a> {
    now: &'a Now<'a>,
    family: Family,
    outlook: Outlook<'a>,
    tier: usize,
    shares: HashMap<usize, f64>,
}

impl Looker<'_> {
    fn pool(&self) -> PoolView {
        let pool = &*self.found.served.pool;
        let seated: Vec<Seated> =
            Family::BOTH.into_iter().filter_map(|family| self.seated(family)).collect();
        let endpoints = pool.endpoints.iter().enumerate();
        PoolView {
            zone: pool.zone.as_ref().map(ToString::to_string),
            pool: pool.name.clone(),
            method: pool.method.to_string(),
            answers: pool.answers,
            min_up: pool.min_up,
            on_all_down: pool.on_all_down.to_string(),
            fallback: pool.fallback.as_ref().map(|fallback| fallback.name.clone()),
            names: self.found.names.iter().cloned().collect(),
            pinned: pin_on(
                self.now,
                |target| match target {
                    OverrideTarget::Pool { zone, name } => Some((zone, name)),
                    _ => None,
                },
                (pool.zone.as_ref(), &pool.name),
            ),
            families: seated.iter().map(Seated::view).collect(),
            endpoints: endpoints
                .map(|(at, endpoint)| self.endpoint(at, endpoint, &seated))
                .collect(),
        }
    }

    /// The pool in a family, if it or anything behind it has an address there.
    fn seated(&self, family: Family) -> Option<Seated<'_>> {
        let rosters = self.facts.snapshot.catalog().rosters();
        let (number, tier) = self.found.served.place(rosters, family)?;
        let roster = &rosters[number];
        let outlook =
            Outlook { roster, dealt: self.facts.snapshot.dealt(number), standings: self.now };
        (tier..roster.tiers.len()).find(|&tier| outlook.seated_sites(tier).next().is_some())?;
        let shares = Self::shares(&outlook, tier);
        Some(Seated { now: self.now, family, outlook, tier, shares })
    }

    /// The shares of a site's answers, where it gives any: a dead site, or one with nothing but what is held back, does
    /// so only if nothing better serves.
    fn shares(outlook: &Outlook<'_>, tier: usize) -> HashMap<usize, f64> {
        let serves = match outlook.dealt.choose_anywhere(tier) {
            Choice::Site { tier: serving, level, .. } if serving == tier => Some(level),
            _ => None,
        };
        let mut shares = HashMap::new();
        for site in outlook.seated_sites(tier) {
            let dealt = outlook.dealt.site(tier, site);
            if dealt.level < Level::Held || serves.is_some_and(|worst| dealt.level <= worst) {
                shares.extend(dealt.members.iter().copied().zip(dealt.deck.shares()));
            }
        }
        shares
    }

    fn endpoint(&self, at: usize, endpoint: &Endpoint, seated: &[Seated<'_>]) -> EndpointView {
        let flows = Family::BOTH.map(|family| {
            (self.facts.answers)(&EndpointKey::of(&self.found.served.pool, endpoint, family))
        });
        let answers = flows.into_iter().fold(Flow::default(), |sum, flow| Flow {
            total: sum.total + flow.total,
            per_s: sum.per_s + flow.per_s,
        });
        let families = seated.iter().filter_map(|seated| self.family(at, endpoint, seated));
        EndpointView {
            endpoint: endpoint.name.clone(),
            site: endpoint.site.name.clone(),
            weight: endpoint.weight,
            director: self.director(endpoint),
            pinned: self.now.pin(&self.found.served.pool, endpoint).map(OverrideView::from),
            answers_total: answers.total,
            answers_per_s: answers.per_s,
            families: families.collect(),
        }
    }

    /// The director that speaks for an endpoint's VIP.
    fn director(&self, endpoint: &Endpoint) -> Option<String> {
        let directors = &endpoint.vip.as_ref()?.directors;
        let speaker = self.now.behind(endpoint).map_or(0, |truth| truth.speaker);
        Some(directors.get(speaker)?.name.clone())
    }

    fn family(
        &self,
        at: usize,
        endpoint: &Endpoint,
        seated: &Seated<'_>,
    ) -> Option<EndpointFamilyView> {
        let (pool, family) = (&self.found.served.pool, seated.family);
        Some(EndpointFamilyView {
            family: family.rtype().to_string(),
            address: family.address(endpoint)?,
            standing: self.now.standing(pool, endpoint, family).to_string(),
            since: self.now.stands_since(pool, endpoint, family),
            because: self.now.because(pool, endpoint, family),
            share: seated.shares.get(&at).copied().unwrap_or(0.0),
            weight_because: self.now.weight_because(pool, endpoint, family),
            weight_now: self.now.weight(pool, endpoint, family).dealt(),
            comeback: self.now.phase(pool, endpoint, family).and_then(comeback),
            check: family.probe(endpoint).map(|probe| check(probe, self.now.row(endpoint, family))),
        })
    }
}

/// How something is probed, and with what result.
pub(super) fn check(probe: &Probe, row: Option<&Row>) -> CheckView {
    let state = row.map(|row| row.state).unwrap_or_default();
    let mut check = CheckView {
        name: probe.check.name.clone(),
        target: probe.target.to_string(),
        verdict: state.verdict.to_string(),
        since: state.since.filter(|_| state.verdict != Verdict::Unknown),
        cause: row.map(|row| row.cause.clone()).unwrap_or_default(),
        flaps: state.flaps,
        certificate_days_left: row.and_then(|row| row.certificate_days_left),
        remarks: Vec::new(),
        last: row.and_then(|row| row.last.as_ref()).map(last),
    };
    check.remarks = remarks(&check);
    check
}

fn remarks(check: &CheckView) -> Vec<String> {
    let last = check.last.as_ref();
    let failed = last.filter(|last| check.verdict == "up" && last.outcome != "success");
    let probe = failed.map(|last| format!("last probe: {}", last.reason));
    let certificate = check.certificate_days_left.and_then(certificate_ends);
    let certificate = certificate.map(|ends| format!("its certificate {ends}"));
    let is_flapping = check.flaps >= FLAPS_TOLD_MIN;
    let flaps = is_flapping.then(|| format!("turned {} times", check.flaps));
    [probe, certificate, flaps].into_iter().flatten().collect()
}

/// When a certificate runs out that has so many days left; none where that is no matter yet.
pub(super) fn certificate_ends(days: i64) -> Option<String> {
    (days < CERTIFICATE_DAYS_MIN).then(|| match days {
        ..0 => "has run out".to_owned(),
        0 => "runs out today".to_owned(),
        1 => "runs out tomorrow".to_owned(),
        _ => format!("runs out in {days} days"),
    })
}

/// How far an address has come back; none where nothing is on the way.
fn comeback(phase: Phase) -> Option<ComebackView> {
    match phase {
        Phase::Down | Phase::Whole => None,
        Phase::Held { since, until, doublings } => {
            Some(ComebackView { phase: "held".to_owned(), since, until, share: 0.0, doublings })
        }
        Phase::Ramping { since, until, share } => {
            Some(ComebackView { phase: "ramping".to_owned(), since, until, share, doublings: 0 })
        }
    }
}

fn last(last: &Last) -> LastProbeView {
    let (outcome, reason) = match &last.outcome {
        Outcome::Success => ("success", ""),
        Outcome::Failure(reason) => ("failure", &**reason),
        Outcome::Inconclusive(reason) => ("inconclusive", &**reason),
    };
    LastProbeView {
        outcome: outcome.to_owned(),
        reason: reason.to_owned(),
        at: last.at,
        latency_ms: last.latency.as_secs_f64() * 1000.0,
    }
}

impl Seated<'_> {
    fn view(&self) -> FamilyView {
        let sites = self.outlook.seated_sites(self.tier);
        FamilyView {
            family: self.family.rtype().to_string(),
            condition: self.outlook.condition(self.tier),
            sites: sites
                .map(|number| {
                    let site = &self.outlook.roster.sites[number];
                    let pool = &self.outlook.roster.tiers[self.tier].pool;
                    SiteLevelView {
                        site: site.name.clone(),
                        level: self.outlook.level(self.tier, number),
                        admission: self.outlook.dealt.site(self.tier, number).admission.part(),
                        admission_by_load: self.now.admission(pool, site, self.family),
                        utilisation: self.now.utilisation(pool, site),
                    }
                })
                .collect(),
        }
    }
}
