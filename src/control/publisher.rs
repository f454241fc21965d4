//! The one writer: everything that can change an answer comes here, and only from here are snapshots published.
//!
//! ```text
//! probe results ─► verdicts ──┐
//! overrides, and their ends ──┼─► deal ─► Snapshot ─► pointer swap
//! catalogs of reloads ────────┘
//! ```
//!
//! A verdict that changes is in the answers as soon as its rosters are dealt. A catalog that needs probes which have
//! never been made waits until each has a first result, or until the slowest of them must have had one, while the old
//! catalog goes on answering: nothing is served as up, or taken for down, that nobody has looked at. Verdicts belong to
//! probes and so survive reloads; the persisted ones survive restarts.

use crate::health::overrides::Overrides;
use crate::health::persist::Saved;
use crate::health::prober::{Limits, ProbeResult, Prober};
use crate::health::status::standing;
use crate::health::table::{Table, Transition};
use crate::health::{Probe, Standing, Verdict};
use crate::snapshot::{Catalog, Snapshot, Standings};
use crate::steer::model::{Endpoint, OnAllDown, Pool};
use crate::steer::pool::{Family, Roster};
use crate::wire::Name;
use arc_swap::ArcSwap;
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Probe results that are taken in before what they changed is dealt.
const RESULTS_PER_PUBLICATION_MAX: usize = 1024;
/// How often verdicts are written to disk at the most, if any changed.
const SAVE_INTERVAL: Duration = Duration::from_secs(10);
/// Grace beyond the slowest probe's timeout before a catalog is published without waiting any longer.
const FIRST_ROUND_GRACE: Duration = Duration::from_millis(500);
/// A certificate with fewer days left is warned of: renewal by ACME is customarily tried from 30 days on.
const CERTIFICATE_WARNING_DAYS: i64 = 14;
/// The longest that the loop sleeps: what depends on the wall clock is looked at this often.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// What a reload has prepared.
pub struct Prepared {
    /// What to serve.
    pub catalog: Arc<Catalog>,
    /// The operator's pins.
    pub overrides: Overrides,
    /// Told the generation as soon as it is published.
    pub published: oneshot::Sender<u64>,
}

/// The single writer of snapshots. Runs until its inputs are gone.
pub struct Publisher {
    published: Arc<ArcSwap<Snapshot>>,
    prober: Prober,
    limits: Limits,
    results: mpsc::Receiver<ProbeResult>,
    inputs: mpsc::Receiver<Prepared>,
    state: Knowledge,
    waiting: Option<(Prepared, Instant)>,
    /// When the next of the overrides runs out.
    override_ends: Option<Timestamp>,
    /// Where verdicts are kept over a restart.
    state_file: Option<PathBuf>,
    unsaved_since: Option<Instant>,
    /// Whether the last attempt to save failed, which is told once.
    save_failed: bool,
}

/// What is known of endpoints.
#[derive(Default)]
struct Knowledge {
    verdicts: Table,
    overrides: Overrides,
    last_good: LastGood,
}

/// For pools that answer with what was up last: the endpoints of each pool, site and family that were.
type LastGood = HashMap<(Option<Name>, String, String, Family), HashSet<String>>;

/// The knowledge as it is at one moment.
struct Now<'a> {
    knowledge: &'a Knowledge,
    at: Timestamp,
}

impl Standings for Now<'_> {
    fn standing(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> Standing {
        let verdict = family.probe(endpoint).map(|probe| self.knowledge.verdicts.verdict(probe));
        let subject = pool.subject(endpoint);
        standing(verdict, self.knowledge.overrides.pin_for(&subject, self.at).map(|over| over.pin))
    }

    fn was_good(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> bool {
        let good = self.knowledge.last_good.get(&good_key(pool, endpoint, family));
        good.is_some_and(|names| names.contains(&endpoint.name))
    }
}

fn good_key(
    pool: &Pool,
    endpoint: &Endpoint,
    family: Family,
) -> (Option<Name>, String, String, Family) {
    (pool.zone.clone(), pool.name.clone(), endpoint.site.name.clone(), family)
}

impl Publisher {
    /// A publisher that takes probe results from `results` and prepared reloads from `inputs`. Verdicts in `saved` hold
    /// until probes say otherwise, and are kept in `state_file` from now on.
    pub fn new(
        published: Arc<ArcSwap<Snapshot>>,
        (prober, limits): (Prober, Limits),
        results: mpsc::Receiver<ProbeResult>,
        inputs: mpsc::Receiver<Prepared>,
        state_file: Option<PathBuf>,
    ) -> Self {
        let state = Knowledge::default();
        Self {
            published,
            prober,
            limits,
            results,
            inputs,
            state,
            waiting: None,
            override_ends: None,
            state_file,
            unsaved_since: None,
            save_failed: false,
        }
    }

    /// Publishes until the sender of `inputs` is dropped, then saves the verdicts. `saved` is what was read of an
    /// earlier run's.
    pub async fn run(mut self, mut saved: Option<Saved>) {
        loop {
            let wake = self.wake_at();
            tokio::select! {
                result = self.results.recv() => match result {
                    Some(result) => self.take_results(result),
                    None => break,
                },
                input = self.inputs.recv() => match input {
                    Some(prepared) => self.prepare(prepared, &mut saved),
                    None => break,
                },
                () = tokio::time::sleep_until(wake) => {}
            }
            self.end_overrides();
            self.publish_waiting();
            self.save_if_due();
        }
        self.save();
    }

    /// When something must be done that nobody will send.
    fn wake_at(&self) -> Instant {
        let now = Instant::now();
        let expiry = self.override_ends.map(|expiry| {
            let left =
                Duration::try_from(expiry.duration_since(Timestamp::now())).unwrap_or_default();
            // Just past it, so that it is over.
            now + left.min(SLEEP_MAX) + Duration::from_millis(1)
        });
        let save = self.unsaved_since.map(|since| since + SAVE_INTERVAL);
        let waiting = self.waiting.as_ref().map(|(_, deadline)| *deadline);
        [expiry, save, waiting].into_iter().flatten().fold(now + SLEEP_MAX, Instant::min)
    }

    fn take_results(&mut self, first: ProbeResult) {
        let now = Timestamp::now();
        let mut changed = BTreeSet::new();
        let mut next = Some(first);
        let snapshot = self.published.load_full();
        for taken in 1.. {
            let Some(result) = next else { break };
            self.warn_of_expiry(&result);
            if let Some(transition) = self.state.verdicts.apply(&result, now) {
                tell(snapshot.catalog(), &transition);
                changed.extend(snapshot.catalog().rosters_of(&transition.probe));
                self.unsaved_since.get_or_insert_with(Instant::now);
            }
            next = if taken < RESULTS_PER_PUBLICATION_MAX {
                self.results.try_recv().ok()
            } else {
                None
            };
        }
        self.redeal(changed);
    }

    /// A certificate that runs out takes its endpoint down: said in time, once for each day that is left.
    fn warn_of_expiry(&self, result: &ProbeResult) {
        let Some(days_left) =
            result.certificate_days_left.filter(|days| *days < CERTIFICATE_WARNING_DAYS)
        else {
            return;
        };
        let told = self.state.verdicts.row(&result.probe).and_then(|row| row.certificate_days_left);
        if told != Some(days_left) {
            let (check, target) = (&result.probe.check.name, result.probe.target);
            tracing::warn!(%check, %target, days_left, "the certificate of this endpoint runs out");
        }
    }

    fn redeal(&mut self, changed: BTreeSet<usize>) {
        if changed.is_empty() {
            return;
        }
        let rosters: Vec<usize> = changed.into_iter().collect();
        let snapshot = self.published.load_full();
        let generation = snapshot.generation() + 1;
        let next = snapshot.redeal(generation, &rosters, &self.now());
        self.publish(next, &rosters);
    }

    /// Deals anew when an override has run out.
    fn end_overrides(&mut self) {
        let at = Timestamp::now();
        if self.override_ends.is_none_or(|end| at < end) {
            return;
        }
        self.override_ends = self.state.overrides.next_expiry(at);
        tracing::info!("an override has run out");
        let catalog = self.published.load().catalog().clone();
        self.deal_all(catalog);
    }

    /// Publishes every roster of a catalog; the generation that this makes.
    fn deal_all(&mut self, catalog: Arc<Catalog>) -> u64 {
        let generation = self.published.load().generation() + 1;
        let rosters: Vec<usize> = (0..catalog.rosters().len()).collect();
        let snapshot = Snapshot::new(generation, catalog, &self.now());
        self.publish(snapshot, &rosters);
        generation
    }

    fn publish(&mut self, snapshot: Snapshot, rosters: &[usize]) {
        let snapshot = Arc::new(snapshot);
        self.published.store(snapshot.clone());
        for &roster in rosters {
            self.remember_good(&snapshot.catalog().rosters()[roster]);
        }
    }

    /// Keeps who is up now of the pools that fall back to it.
    fn remember_good(&mut self, roster: &Roster) {
        let mut good = LastGood::new();
        let now = self.now();
        for tier in roster.tiers.iter().filter(|tier| tier.pool.on_all_down == OnAllDown::LastGood)
        {
            for endpoint in tier.seats.iter().flatten().map(|&at| &tier.pool.endpoints[at]) {
                if now.standing(&tier.pool, endpoint, roster.family) == Standing::Up {
                    let key = good_key(&tier.pool, endpoint, roster.family);
                    good.entry(key).or_default().insert(endpoint.name.clone());
                }
            }
        }
        self.state.last_good.extend(good);
    }

    /// Begins to probe for a new catalog, beside the old one until it is published.
    fn prepare(&mut self, prepared: Prepared, saved: &mut Option<Saved>) {
        let catalog = self.published.load().catalog().clone();
        let needed: HashSet<Arc<Probe>> =
            catalog.probes().chain(prepared.catalog.probes()).cloned().collect();
        self.state.verdicts.set_probes(needed.iter().cloned());
        if let Some(saved) = saved.take() {
            let restored = self.state.verdicts.restore(&saved);
            tracing::info!(restored, "took up the verdicts of the last run");
        }
        let unheard = prepared
            .catalog
            .probes()
            .filter(|probe| self.state.verdicts.verdict(probe) == Verdict::Unknown);
        let patience = self.limits.first_round_max(unheard.map(Arc::as_ref)) + FIRST_ROUND_GRACE;
        self.prober.set_probes(needed.into_iter().collect());
        self.waiting = Some((prepared, Instant::now() + patience));
    }

    /// Publishes the catalog that waits, if there is nothing left to wait for.
    fn publish_waiting(&mut self) {
        let Some((prepared, deadline)) = self.waiting.take() else {
            return;
        };
        if !self.state.verdicts.first_round_done() && Instant::now() < deadline {
            self.waiting = Some((prepared, deadline));
            return;
        }
        let Prepared { catalog, overrides, published } = prepared;
        let probes: Vec<Arc<Probe>> = catalog.probes().cloned().collect();
        self.state.verdicts.set_probes(probes.iter().cloned());
        self.prober.set_probes(probes);
        self.override_ends = overrides.next_expiry(Timestamp::now());
        self.state.overrides = overrides;
        let generation = self.deal_all(catalog);
        // Who asked may have gone; it is published all the same.
        let _ = published.send(generation);
    }

    fn save_if_due(&mut self) {
        if self.unsaved_since.is_some_and(|since| since.elapsed() >= SAVE_INTERVAL) {
            self.save();
        }
    }

    fn save(&mut self) {
        self.unsaved_since = None;
        let Some(path) = &self.state_file else {
            return;
        };
        let saved = Saved::of(&self.state.verdicts);
        let written = saved.write(path, Timestamp::now());
        let failed_before = std::mem::replace(&mut self.save_failed, written.is_err());
        if let Err(error) = written
            && !failed_before
        {
            let path = path.display();
            tracing::warn!(%path, %error, "cannot save the verdicts; a restart will begin without them");
        }
    }

    fn now(&self) -> Now<'_> {
        Now { knowledge: &self.state, at: Timestamp::now() }
    }
}

/// A verdict that changes is what operators read logs for.
fn tell(catalog: &Catalog, transition: &Transition) {
    let Transition { probe, from, to, reason } = transition;
    let (check, target) = (&probe.check.name, probe.target);
    let endpoints = endpoints_of(catalog, probe).join(", ");
    match to {
        Verdict::Down => tracing::warn!(%endpoints, %check, %target, %from, %to, reason, "verdict"),
        _ => tracing::info!(%endpoints, %check, %target, %from, %to, reason, "verdict"),
    }
}

/// The endpoints that a probe speaks for, as `pool/endpoint`.
fn endpoints_of(catalog: &Catalog, probe: &Probe) -> Vec<String> {
    let mut names = BTreeSet::new();
    for roster in catalog.rosters_of(probe).iter().map(|&roster| &catalog.rosters()[roster]) {
        for tier in &roster.tiers {
            let seated = tier.seats.iter().flatten().map(|&at| &tier.pool.endpoints[at]);
            let probed = |endpoint: &&Arc<Endpoint>| {
                roster.family.probe(endpoint).is_some_and(|own| **own == *probe)
            };
            names.extend(
                seated
                    .filter(probed)
                    .map(|endpoint| format!("{}/{}", tier.pool.name, endpoint.name)),
            );
        }
    }
    names.into_iter().collect()
}
