//! What a server lets others see and ask for: the one way in for everything that looks on or operates.
//!
//! A handle is cheap to clone and outlives nothing: it holds ends of channels and shared state, and what it gives is a
//! picture of one moment. Answers to queries do not pass here.

use super::counters::{Counts, Registry, Tally};
use super::events::Events;
use super::explain::{self, Explanation, Question};
use super::knowledge::Knowledge;
use super::publisher::Known;
use super::rates::Sampler;
use super::reloader::{LastLoad, Reloaded, Request};
use super::server::broken;
use super::status::{self, Status};
use crate::config;
use crate::net::NetCounters;
use crate::snapshot::Snapshot;
use crate::tap::{Tap, TapCounts};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// A server, to be looked at and operated. Clones speak of the same server.
#[derive(Clone)]
pub struct Handle(pub(super) Arc<Shared>);

/// What all handles of a server share.
pub(super) struct Shared {
    pub(super) published: Arc<ArcSwap<Snapshot>>,
    /// When that was published.
    pub(super) published_at: watch::Receiver<Option<Timestamp>>,
    pub(super) registry: Arc<Registry>,
    pub(super) net_counters: Arc<NetCounters>,
    pub(super) sampler: Arc<Sampler>,
    pub(super) events: Events,
    /// To the publisher.
    pub(super) questions: mpsc::Sender<oneshot::Sender<Known>>,
    /// To the reloader.
    pub(super) reloads: mpsc::Sender<Request>,
    pub(super) last_load: Arc<ArcSwap<LastLoad>>,
    pub(super) started: Timestamp,
    pub(super) tap: Option<Tap>,
}

/// Whether a server answers from what it was told to serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether it does.
    pub ready: bool,
    /// Why, or why not.
    pub why: String,
}

impl Readiness {
    /// That of a server which answers from this generation; none is published before the first round of probes is
    /// done.
    fn of(generation: u64) -> Self {
        match generation {
            0 => Self { ready: false, why: "the first round of probes is not done yet".to_owned() },
            _ => Self { ready: true, why: format!("generation {generation} is served") },
        }
    }
}

impl Handle {
    /// What is answered from at this moment.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.0.published.load_full()
    }

    /// When it was published; none before the first. The receiver wakes with each publication.
    pub fn published_at(&self) -> watch::Receiver<Option<Timestamp>> {
        self.0.published_at.clone()
    }

    /// What has been answered so far.
    pub fn counts(&self) -> Counts {
        self.0.registry.counts()
    }

    /// The same by zone, and whose addresses were handed out.
    pub fn tally(&self) -> Tally {
        self.0.registry.tally()
    }

    /// What the listeners have seen so far.
    pub fn net_counters(&self) -> &Arc<NetCounters> {
        &self.0.net_counters
    }

    /// What became of the queries that the tap has sampled, if there is one.
    pub fn tap_counts(&self) -> Option<TapCounts> {
        self.0.tap.as_ref().map(Tap::counts)
    }

    /// What has happened.
    pub fn events(&self) -> &Events {
        &self.0.events
    }

    /// When it was started; events are numbered anew from then on.
    pub fn started(&self) -> Timestamp {
        self.0.started
    }

    /// Whether it answers.
    pub fn is_ready(&self) -> Readiness {
        Readiness::of(self.0.published.load().generation())
    }

    /// The newest configuration that was loaded.
    pub fn config(&self) -> Arc<config::Server> {
        self.0.last_load.load().config.clone()
    }

    /// How the last reading of all files went.
    pub fn last_load(&self) -> Arc<LastLoad> {
        self.0.last_load.load_full()
    }

    /// What is known of endpoints; nothing from a server that has stopped.
    pub async fn knowledge(&self) -> Knowledge {
        self.known().await.knowledge
    }

    /// The same, with the snapshot that was dealt by it.
    pub async fn known(&self) -> Known {
        let (ask, told) = oneshot::channel();
        let sent = self.0.questions.send(ask).await;
        let known = if sent.is_ok() { told.await.ok() } else { None };
        known.unwrap_or_else(|| Known {
            knowledge: Knowledge::default(),
            snapshot: self.snapshot(),
            published_at: *self.0.published_at.borrow(),
        })
    }

    /// The whole server at this moment.
    pub async fn status(&self) -> Status {
        self.status_of(&Arc::new(self.known().await)).await
    }

    /// The same of what is known already.
    pub async fn status_of(&self, known: &Arc<Known>) -> Status {
        let (handle, shared) = (self.clone(), known.clone());
        // Ten thousand endpoints take some milliseconds, which connections must not wait for.
        let view = tokio::task::spawn_blocking(move || handle.view(&shared, Timestamp::now()));
        // Fails only when the runtime is being shut down, and then nobody waits any more.
        view.await.unwrap_or_else(|_| self.view(known, Timestamp::now()))
    }

    fn view(&self, known: &Known, now: Timestamp) -> Status {
        let rates = self.0.sampler.rates(Instant::now(), self.0.registry.read());
        status::view(&status::Facts {
            now,
            started: self.0.started,
            published_at: known.published_at,
            readiness: Readiness::of(known.snapshot.generation()),
            snapshot: &known.snapshot,
            knowledge: &known.knowledge,
            last_load: &self.0.last_load.load(),
            queries: rates.queries(),
            answers: &|endpoint| rates.answers(endpoint),
        })
    }

    /// Why a client gets what it gets now.
    pub async fn explain(&self, question: &Question) -> Explanation {
        let known = self.known().await;
        let now = known.knowledge.at(Timestamp::now());
        explain::explain_snapshot(&known.snapshot, &now, question)
    }

    /// Reads everything again, as if a file had changed, and waits for the outcome. `by` is who asks, for the log.
    pub async fn reload(&self, by: &str) -> Reloaded {
        let (told, outcome) = oneshot::channel();
        let request = Request { by: by.to_owned(), told };
        let stopped = || Reloaded::Refused(broken("the reloader has stopped"));
        match self.0.reloads.send(request).await {
            Ok(()) => outcome.await.unwrap_or_else(|_| stopped()),
            Err(_) => stopped(),
        }
    }
}
