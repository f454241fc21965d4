//! The one writer: everything that can change an answer comes here, and only from here are snapshots published.
//!
//! ```text
//! probe results ─► verdicts ──┐
//! feeds ─► truth behind VIPs ─┤
//! overrides, and their ends ──┼─► deal ─► Snapshot ─► pointer swap
//! catalogs of reloads ────────┤                 └──► events
//! what moves by itself ───────┘
//! ```
//!
//! A verdict that changes is in the answers as soon as its rosters are dealt. A catalog that needs probes which have
//! never been made waits until each has a first result, or until the slowest of them must have had one, while the old
//! catalog goes on answering: nothing is served as up, or taken for down, that nobody has looked at. Verdicts belong to
//! probes and so survive reloads; the persisted ones survive restarts.

use super::events::Events;
use super::knowledge::{Knowledge, Stepped};
use super::news::{self, Conditions, Movements};
use super::status::CERTIFICATE_DAYS_MIN;
use crate::director::feed::{FeedResult, Feeder};
use crate::health::overrides::Overrides;
use crate::health::persist::Saved;
use crate::health::prober::{Limits, ProbeResult, Prober};
use crate::health::{Probe, Verdict};
use crate::snapshot::{Catalog, Snapshot};
use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// Probe results that are taken in before what they changed is dealt.
const RESULTS_PER_PUBLICATION_MAX: usize = 1024;
/// How often verdicts are written to disk at the most, if any changed.
const SAVE_INTERVAL: Duration = Duration::from_secs(10);
/// What feeds have said is judged this often at the most: soon enough for any TTL, and however many there are, the loop
/// has time for probes.
const JUDGE_INTERVAL: SignedDuration = SignedDuration::from_millis(50);
/// Grace beyond the slowest probe's timeout before a catalog is published without waiting any longer.
const FIRST_ROUND_GRACE: Duration = Duration::from_millis(500);
/// The longest that the loop sleeps: what depends on the wall clock is looked at this often.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// What the publisher tells whoever asks.
#[derive(Clone, Debug)]
pub struct Known {
    /// What is known of endpoints.
    pub knowledge: Knowledge,
    /// What was dealt by it.
    pub snapshot: Arc<Snapshot>,
    /// When that was published; none before the first.
    pub published_at: Option<Timestamp>,
}

/// Where the publisher puts what it makes.
pub struct Outlets {
    /// The newest snapshot.
    pub published: Arc<ArcSwap<Snapshot>>,
    /// When it was published.
    pub published_at: watch::Sender<Option<Timestamp>>,
    /// What has happened.
    pub events: Events,
}

/// What the publisher hears.
pub struct Inlets {
    /// What probes have found.
    pub results: mpsc::Receiver<ProbeResult>,
    /// What directors have said.
    pub heard: mpsc::Receiver<FeedResult>,
    /// What reloads have prepared; it ends with their sender.
    pub prepared: mpsc::Receiver<Prepared>,
    /// Who wants to know what it knows.
    pub questions: mpsc::Receiver<oneshot::Sender<Known>>,
}

/// What a reload has prepared.
pub struct Prepared {
    /// What to serve.
    pub catalog: Arc<Catalog>,
    /// What operators have laid over it.
    pub overrides: Overrides,
    /// Told the generation as soon as it is published.
    pub published: oneshot::Sender<u64>,
}

/// The single writer of snapshots. Runs until its inputs are gone.
pub struct Publisher {
    outlets: Outlets,
    inlets: Inlets,
    prober: Prober,
    limits: Limits,
    feeder: Feeder,
    state: Knowledge,
    /// When something moves by itself.
    next_step: Option<Timestamp>,
    /// When it last did.
    stepped_at: Timestamp,
    conditions: Conditions,
    movements: Movements,
    waiting: Option<(Prepared, Instant)>,
    /// Until when overrides that have run out were told.
    overrides_told_until: Timestamp,
    /// Where verdicts are kept over a restart.
    state_file: Option<PathBuf>,
    unsaved_since: Option<Instant>,
    /// Whether the last attempt to save failed, which is told once.
    save_failed: bool,
}

impl Publisher {
    /// A publisher between these. Verdicts are kept in `state_file`, if one is given.
    pub fn new(
        outlets: Outlets,
        inlets: Inlets,
        (prober, limits): (Prober, Limits),
        feeder: Feeder,
        state_file: Option<PathBuf>,
    ) -> Self {
        Self {
            outlets,
            inlets,
            prober,
            limits,
            feeder,
            state: Knowledge::default(),
            next_step: None,
            stepped_at: Timestamp::UNIX_EPOCH,
            conditions: Conditions::default(),
            movements: Movements::default(),
            waiting: None,
            overrides_told_until: Timestamp::now(),
            state_file,
            unsaved_since: None,
            save_failed: false,
        }
    }

    /// Publishes until nobody can prepare a reload any more, then saves the verdicts. `saved` is what was read of an
    /// earlier run's; it holds until probes say otherwise.
    pub async fn run(mut self, mut saved: Option<Saved>) {
        loop {
            let wake = self.wake_at();
            tokio::select! {
                result = self.inlets.results.recv() => match result {
                    Some(result) => self.take_results(result),
                    None => break,
                },
                // Disabled once no feed is asked any more.
                Some(heard) = self.inlets.heard.recv() => self.hear(heard),
                input = self.inlets.prepared.recv() => match input {
                    Some(prepared) => self.prepare(prepared, &mut saved),
                    None => break,
                },
                // Disabled once all who could ask are gone.
                Some(ask) = self.inlets.questions.recv() => self.tell(ask),
                () = tokio::time::sleep_until(wake) => {}
            }
            self.step_if_due();
            self.publish_waiting();
            self.save_if_due();
        }
        self.save();
    }

    fn tell(&self, ask: oneshot::Sender<Known>) {
        // Who asked may have gone.
        let _ = ask.send(Known {
            knowledge: self.state.clone(),
            snapshot: self.outlets.published.load_full(),
            published_at: *self.outlets.published_at.borrow(),
        });
    }

    /// When something must be done that nobody will send.
    fn wake_at(&self) -> Instant {
        let now = Instant::now();
        let wall = Timestamp::now();
        let due = self.next_step.map(|due| {
            let left = Duration::try_from(due.duration_since(wall)).unwrap_or_default();
            // Just past it, so that it is over.
            now + left.min(SLEEP_MAX) + Duration::from_millis(1)
        });
        let save = self.unsaved_since.map(|since| since + SAVE_INTERVAL);
        let waiting = self.waiting.as_ref().map(|(_, deadline)| *deadline);
        [due, save, waiting].into_iter().flatten().fold(now + SLEEP_MAX, Instant::min)
    }

    fn take_results(&mut self, first: ProbeResult) {
        let now = Timestamp::now();
        let mut changed = BTreeSet::new();
        let mut next = Some(first);
        let snapshot = self.outlets.published.load_full();
        for taken in 1.. {
            let Some(result) = next else { break };
            self.warn_of_expiry(&result);
            if let Some(transition) = self.state.verdicts.apply(&result, now) {
                let waiting = self.waiting.as_ref().map(|(prepared, _)| &*prepared.catalog);
                let catalogs = [Some(&**snapshot.catalog()), waiting].into_iter().flatten();
                self.outlets.events.record(news::verdict_turned(catalogs, &transition, now));
                changed.extend(snapshot.catalog().rosters_of(&transition.probe));
                self.unsaved_since.get_or_insert_with(Instant::now);
            }
            next = if taken < RESULTS_PER_PUBLICATION_MAX {
                self.inlets.results.try_recv().ok()
            } else {
                None
            };
        }
        if !changed.is_empty() {
            changed.extend(self.step(snapshot.catalog(), now));
        }
        self.redeal(changed);
    }

    fn hear(&mut self, heard: FeedResult) {
        let now = Timestamp::now();
        let FeedResult { feed, at, latency, outcome } = heard;
        self.state.directors.hearings.hear(&feed, at, latency, outcome);
        // Many feeds are judged at once.
        let soon = self.stepped_at.checked_add(JUDGE_INTERVAL).unwrap_or(now);
        self.next_step = Some(self.next_step.map_or(soon, |due| due.min(soon)));
    }

    fn step_if_due(&mut self) {
        let now = Timestamp::now();
        // A clock that was set back would put off everything by as much.
        let is_set_back = now < self.stepped_at;
        if !is_set_back && self.next_step.is_none_or(|due| now < due) {
            return;
        }
        let snapshot = self.outlets.published.load_full();
        let ended = news::overrides_ended(&self.state.overrides, self.overrides_told_until, now);
        self.overrides_told_until = now;
        if ended.is_empty() {
            let changed = self.step(snapshot.catalog(), now);
            self.redeal(changed);
        } else {
            ended.into_iter().for_each(|event| self.outlets.events.record(event));
            self.deal_all(snapshot.catalog().clone());
        }
    }

    /// Brings up to this moment what moves by itself; which rosters of the catalog must be dealt anew.
    fn step(&mut self, catalog: &Catalog, now: Timestamp) -> BTreeSet<usize> {
        self.stepped_at = now;
        let Stepped { rosters, turned } = self.state.step(catalog, now);
        let news = news::directors_turned(&turned, &self.state.directors, now);
        news.into_iter().for_each(|event| self.outlets.events.record(event));
        if turned.iter().any(|turned| turned.changes_answers(&self.state.directors)) {
            // What comes back of it is kept over a restart.
            self.unsaved_since.get_or_insert_with(Instant::now);
        }
        let news = self.movements.look(catalog, &self.state.at(now));
        news.into_iter().for_each(|event| self.outlets.events.record(event));
        let next = [self.state.next_step(now), self.movements.next_look()];
        self.next_step = next.into_iter().flatten().min();
        rosters
    }

    /// A certificate that runs out takes its endpoint down: said in time, once for each day that is left.
    fn warn_of_expiry(&self, result: &ProbeResult) {
        let Some(days_left) =
            result.certificate_days_left.filter(|days| *days < CERTIFICATE_DAYS_MIN)
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
        let snapshot = self.outlets.published.load_full();
        let generation = snapshot.generation() + 1;
        let now = Timestamp::now();
        let next = snapshot.redeal(generation, &rosters, &self.state.at(now));
        self.publish(next, &rosters, now);
    }

    /// Publishes every roster of a catalog; the generation that this makes.
    fn deal_all(&mut self, catalog: Arc<Catalog>) -> u64 {
        let generation = self.outlets.published.load().generation() + 1;
        let rosters: Vec<usize> = (0..catalog.rosters().len()).collect();
        let now = Timestamp::now();
        // All of it is dealt, whatever has moved.
        let _ = self.step(&catalog, now);
        let snapshot = Snapshot::new(generation, catalog, &self.state.at(now));
        self.conditions.follow(snapshot.catalog());
        self.movements.follow(snapshot.catalog());
        self.publish(snapshot, &rosters, now);
        generation
    }

    fn publish(&mut self, snapshot: Snapshot, rosters: &[usize], now: Timestamp) {
        let snapshot = Arc::new(snapshot);
        self.outlets.published.store(snapshot.clone());
        self.outlets.published_at.send_replace(Some(now));
        for &roster in rosters {
            self.state.remember_good(&snapshot.catalog().rosters()[roster], now);
        }
        let news = self.conditions.look(&snapshot, rosters, &self.state.at(now));
        news.into_iter().for_each(|event| self.outlets.events.record(event));
    }

    /// Begins to probe for a new catalog, beside the old one until it is published.
    fn prepare(&mut self, prepared: Prepared, saved: &mut Option<Saved>) {
        let catalog = self.outlets.published.load().catalog().clone();
        let needed: HashSet<Arc<Probe>> =
            catalog.probes().chain(prepared.catalog.probes()).cloned().collect();
        self.state.verdicts.set_probes(needed.iter().cloned());
        self.state.directors.follow(catalog.pools().vips().chain(prepared.catalog.pools().vips()));
        self.feeder.set_feeds(self.state.directors.feeds());
        if let Some(saved) = saved.take() {
            let restored = self.state.verdicts.restore(&saved);
            self.state.motion.restore(saved.returns().clone());
            tracing::info!(restored, "took up the verdicts of the last run");
        }
        let unheard = prepared
            .catalog
            .probes()
            .filter(|probe| self.state.verdicts.verdict(probe) == Verdict::Unknown);
        let probed = self.limits.first_round_max(unheard.map(Arc::as_ref));
        let unheard = self.state.directors.hearings.unheard();
        let patience = probed.max(Feeder::first_round_max(unheard)) + FIRST_ROUND_GRACE;
        self.prober.set_probes(needed.into_iter().collect());
        self.waiting = Some((prepared, Instant::now() + patience));
    }

    /// Publishes the catalog that waits, if there is nothing left to wait for.
    fn publish_waiting(&mut self) {
        let Some((prepared, deadline)) = self.waiting.take() else {
            return;
        };
        let is_heard = self.state.verdicts.first_round_done()
            && self.state.directors.hearings.first_round_done();
        if !is_heard && Instant::now() < deadline {
            self.waiting = Some((prepared, deadline));
            return;
        }
        let Prepared { catalog, overrides, published } = prepared;
        let probes: Vec<Arc<Probe>> = catalog.probes().cloned().collect();
        self.state.verdicts.set_probes(probes.iter().cloned());
        self.prober.set_probes(probes);
        self.state.directors.follow(catalog.pools().vips());
        self.feeder.set_feeds(self.state.directors.feeds());
        self.state.motion.follow(&catalog);
        self.overrides_told_until = Timestamp::now();
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
        let saved = Saved::of(&self.state.verdicts).with_returns(self.state.motion.returns());
        let written = saved.write(path, Timestamp::now());
        let failed_before = std::mem::replace(&mut self.save_failed, written.is_err());
        if let Err(error) = written
            && !failed_before
        {
            let path = path.display();
            tracing::warn!(%path, %error, "cannot save the verdicts; a restart will begin without them");
        }
    }
}
