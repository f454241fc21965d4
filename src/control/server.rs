//! The whole server: everything started in the right order, and stopped in it.
//!
//! ```text
//! load ─► bind ─► probe ─► first snapshot ─► answer ─► watch ─► reload, reload, …
//! ```
//!
//! Mistakes show before anything is answered: configuration first, then addresses. Queries that arrive while the first
//! round of probes is made wait in the sockets. A reload asked for by a changed file, a signal or a caller takes the
//! same path; the listeners stay as they were bound.

use super::counters::{Counts, Registry};
use super::events::{Event, Events, Kind, Severity};
use super::handle::{Handle, Shared};
use super::loader::{Load, Loader};
use super::publisher::{Inlets, Known, Outlets, Prepared, Publisher};
use super::rates::Sampler;
use super::reloader::{LastLoad, Reloaded, Reloader, Request, publish, read_certificates};
use super::service::Answering;
use super::watch::Watcher;
use crate::answer::Transport;
use crate::config::{self, Tls, defaults};
use crate::director::feed::Feeder;
use crate::health::persist::Saved;
use crate::health::prober::{self, Prober};
use crate::net::{BindError, Certificates, Endpoints, Limits, Listeners, NetCounters, Running};
use crate::report::{Finding, Report};
use crate::snapshot::Snapshot;
use crate::tap;
use arc_swap::ArcSwap;
use jiff::Timestamp;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Probe results on their way to the publisher; the prober waits when there are more.
const RESULTS_BUFFERED_MAX: usize = 4096;
/// Reload requests on their way; one is under way at a time.
const RELOADS_BUFFERED_MAX: usize = 16;
/// Questions for the publisher on their way; each is answered within milliseconds.
const QUESTIONS_BUFFERED_MAX: usize = 64;
/// Where verdicts are kept, in the state directory.
pub const VERDICTS_FILE: &str = "verdicts.json";

/// How to start a server.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The server file.
    pub config: PathBuf,
    /// Listen here in place of what the file says, if not empty.
    pub listen: Vec<SocketAddr>,
    /// Encrypted transports in place of what the file says.
    pub tls: Option<Tls>,
    /// Whether verdicts are kept over a restart.
    pub persist: bool,
}

/// A server at work. Dropping it stops it at once, [`Server::shutdown`] in good order.
pub struct Server {
    handle: Handle,
    addresses: Vec<(Transport, SocketAddr)>,
    listeners: Running,
    reloader: Task,
    publisher: Task,
    tap: Option<tap::Running>,
    config: Arc<config::Server>,
    _sampler: Task,
}

/// A server that has loaded and bound, and does not answer yet: its [handle](Starting::handle) is not ready.
pub struct Starting {
    handle: Handle,
    listeners: Listeners,
    reloader: Reloader,
    requests: mpsc::Receiver<Request>,
    changes: mpsc::Receiver<()>,
    publisher: Task,
    sampler: Task,
    tap: Option<tap::Running>,
    first: Load,
    report: Report,
}

/// A task that ends with its handle.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Server {
    /// Loads, binds, probes once, and answers. The error is a report of everything that was in the way; the report
    /// beside the server is of what was not (warnings, broken zones).
    pub async fn start(options: Options) -> Result<(Self, Report), Report> {
        Self::prepare(options).await?.finish().await
    }

    /// Loads and binds, for those who look on while the first round of probes is made.
    pub async fn prepare(options: Options) -> Result<Starting, Report> {
        let started = Timestamp::now();
        // What is not granted shows when files run out, and then listeners wait and probes tell.
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        let mut loader = Loader::new(&options.config);
        // Before the first reading, so that no change falls between.
        let (watcher, changes) = Watcher::start(loader.inputs().to_vec());
        let first = tokio::task::spawn_blocking(move || (loader.load(), loader)).await;
        let (first, loader) = first.map_err(|error| broken(&error.to_string()))?;
        watcher.set_paths(loader.inputs().to_vec());
        let first = first?;
        let config = first.server.clone();
        let Hold { tls, certificates, listeners } = Hold::take(&options, &first)?;

        let mut report = first.report.clone();
        let state_file = options.persist.then(|| state_file(&config, &mut report));
        let tap = start_tap(&config)?;
        let tapped = tap.as_ref().map(|tap| tap.tap().clone());
        let (reloads, requests) = mpsc::channel(RELOADS_BUFFERED_MAX);
        let last_load = Arc::new(ArcSwap::from_pointee(LastLoad::first(&first, report.clone())));
        let registry = Arc::new(Registry::default());
        let sampler = Arc::new(Sampler::default());
        let (publisher, inputs, ends) = start_publisher(&config, state_file)?;
        let handle = Handle(Arc::new(Shared {
            published: ends.published.clone(),
            published_at: ends.published_at,
            registry: registry.clone(),
            net_counters: listeners.counters().clone(),
            sampler: sampler.clone(),
            events: ends.events.clone(),
            questions: ends.questions,
            reloads,
            last_load: last_load.clone(),
            started,
            tap: tapped.clone(),
        }));
        let reloader = Reloader {
            loader,
            inputs,
            watcher,
            certificates,
            tls,
            told: report.clone(),
            config,
            overrides: first.overrides.clone(),
            published: ends.published,
            last_load,
            events: ends.events,
            tap: tapped,
        };
        let sampler = Task(tokio::spawn(sampler.run(registry)));
        Ok(Starting {
            handle,
            listeners,
            reloader,
            requests,
            changes,
            publisher,
            sampler,
            tap,
            first,
            report,
        })
    }

    /// What others may see and ask for.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Where it listens, with the ports that were drawn.
    pub fn addresses(&self) -> &[(Transport, SocketAddr)] {
        &self.addresses
    }

    /// What has been answered so far.
    pub fn counts(&self) -> Counts {
        self.handle.counts()
    }

    /// What the listeners have seen so far.
    pub fn net_counters(&self) -> &NetCounters {
        self.handle.net_counters()
    }

    /// What is answered from at this moment.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.handle.snapshot()
    }

    /// The configuration that it was started with.
    pub fn config(&self) -> &config::Server {
        &self.config
    }

    /// Reads everything again, as if a file had changed, and waits for the outcome. `by` is who asks, for the log.
    pub async fn reload(&self, by: &str) -> Reloaded {
        self.handle.reload(by).await
    }

    /// Stops listening, lets go out what is answered, and saves the verdicts.
    pub async fn shutdown(mut self) {
        self.listeners.shutdown().await;
        // With the listeners stopped nothing more comes; what is on its way takes its time on a thread that may wait.
        let tap = self.tap.take();
        let _ = tokio::task::spawn_blocking(move || drop(tap)).await;
        // Without a reloader nothing feeds the publisher any more, which saves and ends.
        self.reloader.0.abort();
        let _ = (&mut self.reloader.0).await;
        let _ = (&mut self.publisher.0).await;
    }
}

impl Starting {
    /// What others may see and ask for meanwhile. Reloads that are asked for wait until it answers.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Probes once, and answers; the report is of what was not in the way.
    pub async fn finish(self) -> Result<(Server, Report), Report> {
        let Self {
            handle, listeners, reloader, requests, changes, publisher, sampler, tap, ..
        } = self;
        let (first, report) = (self.first, self.report);
        let addresses = listeners.local_addresses().to_vec();
        let zones = match first.catalog.zones().zones().len() {
            1 => "1 zone".to_owned(),
            count => format!("{count} zones"),
        };
        if let Some(generation) = publish(&reloader.inputs, first.catalog, first.overrides).await {
            reloader.note_first(generation);
        }
        let answering = Answering::new(handle.0.published.clone(), handle.0.registry.clone())
            .tapped(handle.0.tap.clone());
        let listeners = listeners
            .start(answering, &tokio::runtime::Handle::current())
            .map_err(|error| broken(&format!("cannot start to listen: {error}")))?;
        let what = format!("fingerpost {} serves {zones}", env!("CARGO_PKG_VERSION"));
        let started = Event::new(Timestamp::now(), Kind::Started, Severity::Info, what, "");
        handle.events().record(started);
        let config = reloader.config.clone();
        let reloader = Task(tokio::spawn(reloader.run(requests, changes)));
        let server = Server {
            handle,
            addresses,
            listeners,
            reloader,
            publisher,
            tap,
            config,
            _sampler: sampler,
        };
        Ok((server, report))
    }
}

fn start_tap(config: &config::Server) -> Result<Option<tap::Running>, Report> {
    let started = config.dnstap.as_ref().map(tap::Running::start).transpose();
    started.map_err(|error| broken(&format!("cannot start the thread that writes dnstap: {error}")))
}

/// What is taken hold of at the start, and let go of at the end only.
struct Hold {
    tls: Option<Tls>,
    certificates: Option<Certificates>,
    listeners: Listeners,
}

impl Hold {
    fn take(options: &Options, first: &Load) -> Result<Self, Report> {
        let config = &first.server;
        let tls = options.tls.clone().or_else(|| config.tls.clone());
        let certificates = tls.as_ref().map(load_certificates).transpose().map_err(|report| {
            // What reading the configuration has found says more, for it knows the place.
            if first.report.has_errors() { first.report.clone() } else { report }
        })?;
        let endpoints = endpoints(config, options, tls.as_ref());
        let listeners = Listeners::bind(&endpoints, certificates.as_ref()).map_err(|errors| {
            Report { findings: errors.iter().map(BindError::finding).collect() }
        })?;
        Ok(Self { tls, certificates, listeners })
    }
}

/// The ends of the publisher's channels that the handle holds.
struct PublisherEnds {
    published: Arc<ArcSwap<Snapshot>>,
    published_at: watch::Receiver<Option<Timestamp>>,
    events: Events,
    questions: mpsc::Sender<oneshot::Sender<Known>>,
}

fn start_publisher(
    config: &config::Server,
    state_file: Option<PathBuf>,
) -> Result<(Task, mpsc::Sender<Prepared>, PublisherEnds), Report> {
    let (results_in, results) = mpsc::channel(RESULTS_BUFFERED_MAX);
    let limits = prober::Limits {
        in_flight_max: config.probes_concurrency_max,
        ..prober::Limits::default()
    };
    let prober = Prober::start(results_in, limits)
        .map_err(|error| broken(&format!("cannot start the thread that probes: {error}")))?;
    let (heard_in, heard) = mpsc::channel(RESULTS_BUFFERED_MAX);
    let feeder = Feeder::start(heard_in).map_err(|error| {
        broken(&format!("cannot start the thread that asks directors: {error}"))
    })?;
    let (inputs, prepared) = mpsc::channel(1);
    let (questions_in, questions) = mpsc::channel(QUESTIONS_BUFFERED_MAX);
    let published = Arc::new(ArcSwap::from_pointee(Snapshot::empty()));
    let (published_at_in, published_at) = watch::channel(None);
    let events = Events::default();
    let saved = state_file.as_deref().and_then(|path| read_saved(path, config));
    let publisher = Publisher::new(
        Outlets {
            published: published.clone(),
            published_at: published_at_in,
            events: events.clone(),
        },
        Inlets { results, heard, prepared, questions },
        (prober, limits),
        feeder,
        state_file,
    );
    let task = Task(tokio::spawn(publisher.run(saved)));
    Ok((task, inputs, PublisherEnds { published, published_at, events, questions: questions_in }))
}

/// Where verdicts are kept, with the directory made if need be.
fn state_file(config: &config::Server, report: &mut Report) -> PathBuf {
    if let Err(error) = std::fs::create_dir_all(&config.state) {
        let message =
            format!("cannot make the state directory {}: {error}", config.state.display());
        let help = "make it, owned by the user that runs fingerpost, or set server.state; until then verdicts do not \
                    survive a restart";
        report.push(Finding::warning(message).help(help));
    }
    config.state.join(VERDICTS_FILE)
}

/// The verdicts of an earlier run; without them the first round of probes decides.
fn read_saved(path: &Path, config: &config::Server) -> Option<Saved> {
    if !path.exists() {
        return None;
    }
    match Saved::read(path, Timestamp::now(), config.verdicts_max_age) {
        Ok(saved) => Some(saved),
        Err(message) => {
            tracing::info!(path = %path.display(), "beginning without the verdicts of an earlier run: {message}");
            None
        }
    }
}

fn endpoints(config: &config::Server, options: &Options, tls: Option<&Tls>) -> Endpoints {
    let listen = if options.listen.is_empty() { &config.listen } else { &options.listen };
    let of = |select: fn(&Tls) -> &Vec<SocketAddr>| {
        tls.map(|tls| select(tls).clone()).unwrap_or_default()
    };
    Endpoints {
        udp_and_tcp: listen.clone(),
        dot: of(|tls| &tls.dot),
        doh: of(|tls| &tls.doh),
        doq: of(|tls| &tls.doq),
        doh_path: tls.map_or_else(|| defaults::DOH_PATH.to_owned(), |tls| tls.doh_path.clone()),
        udp_workers: config.udp_workers,
        limits: Limits {
            connections_max: config.tcp.connections_max,
            connections_per_network_max: config.tcp.connections_per_network_max,
            idle_timeout: config.tcp.idle_timeout,
            lifetime_max: config.tcp.lifetime_max,
            streams_max: u32::try_from(config.tcp.queries_in_flight_max).unwrap_or(u32::MAX),
            ..Limits::default()
        },
    }
}

fn load_certificates(tls: &Tls) -> Result<Certificates, Report> {
    read_certificates(tls)
        .and_then(|(certificate, key)| Certificates::load(&certificate, &key))
        .map_err(|message| broken(&message))
}

/// A report of one mistake that is in no file.
pub(super) fn broken(message: &str) -> Report {
    Report { findings: vec![Finding::error(message)] }
}
