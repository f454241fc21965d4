//! Reading again: asked for by a changed file, a signal or a caller, always the same path.
//!
//! ```text
//! asked ─► load (on a thread that may block) ─► certificates swapped ─► publisher ─► told
//! ```
//!
//! One reload is under way at a time; what is asked for meanwhile waits. Whatever goes wrong, what is served stays.

use super::events::{Event, Events, Kind, Severity as Gravity};
use super::loader::{Load, Loader};
use super::news;
use super::publisher::Prepared;
use super::server::broken;
use super::watch::Watcher;
use crate::config::{self, Dnstap, Tls};
use crate::geo::Database;
use crate::health::overrides::Overrides;
use crate::net::Certificates;
use crate::report::{Finding, Report, Severity};
use crate::snapshot::{Catalog, Snapshot};
use crate::tap::Tap;
use crate::wire::Name;
use arc_swap::ArcSwap;
use jiff::Timestamp;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// How a reload ended.
#[derive(Clone, Debug)]
pub enum Reloaded {
    /// Published under this generation; the report tells what was left as it was.
    Published(u64, Report),
    /// There was nothing new; the report tells what is still wrong.
    Unchanged(Report),
    /// Nothing was changed, because of these mistakes.
    Refused(Report),
}

/// How the last reading of all files went, and what it left.
#[derive(Clone, Debug)]
pub struct LastLoad {
    /// When it ended.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// How often readings after the first have ended so, by number of the outcome.
    pub outcomes: [u64; Outcome::ALL.len()],
    /// What was served then.
    pub generation: u64,
    /// What was found on the way.
    pub report: Report,
    /// The newest configuration that could be read.
    pub config: Arc<config::Server>,
    /// Zones that are served as they were last good.
    pub kept_zones: Vec<Name>,
    /// Zones that are configured and cannot be served.
    pub unserved_zones: Vec<Name>,
    /// The databases in use.
    pub databases: Vec<Arc<Database>>,
}

/// [`Reloaded`] in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something new is served.
    Published,
    /// There was nothing new.
    Unchanged,
    /// There was something new, and it could not be taken.
    Refused,
}

/// Asks for a reload.
pub(super) struct Request {
    /// Who asks, for people.
    pub(super) by: String,
    /// Who is told how it went.
    pub(super) told: oneshot::Sender<Reloaded>,
}

/// What reads again when asked to.
pub(super) struct Reloader {
    pub(super) loader: Loader,
    pub(super) inputs: mpsc::Sender<Prepared>,
    pub(super) watcher: Watcher,
    pub(super) certificates: Option<Certificates>,
    pub(super) tls: Option<Tls>,
    /// What was found last, and has been told.
    pub(super) told: Report,
    /// As it was at the start.
    pub(super) config: Arc<config::Server>,
    /// As they were read last.
    pub(super) overrides: Overrides,
    pub(super) published: Arc<ArcSwap<Snapshot>>,
    pub(super) last_load: Arc<ArcSwap<LastLoad>>,
    pub(super) events: Events,
    pub(super) tap: Option<Tap>,
}

impl Reloader {
    /// Reloads whenever a request or a change asks for it, until nobody can ask any more.
    pub(super) async fn run(
        mut self,
        mut requests: mpsc::Receiver<Request>,
        mut changes: mpsc::Receiver<()>,
    ) {
        loop {
            let request = tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => Some(request),
                    None => return,
                },
                change = changes.recv() => match change {
                    Some(()) => None,
                    None => return,
                },
            };
            let outcome;
            (self, outcome) = self.reload(request.as_ref().map(|request| &*request.by)).await;
            if let Some(request) = request {
                // Who asked may have gone.
                let _ = request.told.send(outcome);
            }
        }
    }

    async fn reload(mut self, by: Option<&str>) -> (Self, Reloaded) {
        let blocking = tokio::task::spawn_blocking(move || {
            let loaded = self.loader.load();
            (self, loaded)
        });
        let (mut this, loaded) = match blocking.await {
            Ok(done) => done,
            // The loader has panicked and is gone: go on with what is published, and say so by stopping.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        this.watcher.set_paths(this.loader.inputs().to_vec());
        let mut last = LastLoad::clone(&this.last_load.load());
        let outcome = match loaded {
            Ok(load) => {
                let mut report = load.report.clone();
                this.swap_certificates(&mut report);
                this.warn_of_restart(&load, &mut report);
                if let (Some(tap), Some(dnstap)) = (&this.tap, &load.server.dnstap) {
                    tap.set_sample(dnstap.sample);
                }
                last.take(&load);
                this.take(load, report, by).await
            }
            Err(report) => {
                this.take_overrides(by).await;
                Reloaded::Refused(report)
            }
        };
        last.at = Timestamp::now();
        last.outcome = outcome.outcome();
        last.outcomes[last.outcome as usize] += 1;
        last.generation = this.published.load().generation();
        last.report = outcome.report().clone();
        this.last_load.store(Arc::new(last));
        this.tell(&outcome, by);
        (this, outcome)
    }

    /// The first reading is served.
    pub(super) fn note_first(&self, generation: u64) {
        let last = LastLoad::clone(&self.last_load.load());
        self.last_load.store(Arc::new(LastLoad { generation, at: Timestamp::now(), ..last }));
    }

    /// Has what was loaded served, if it is new.
    async fn take(&mut self, load: Load, report: Report, by: Option<&str>) -> Reloaded {
        if load.unchanged {
            return Reloaded::Unchanged(report);
        }
        match self.serve(load.catalog, load.overrides, by).await {
            Some(generation) => Reloaded::Published(generation, report),
            None => Reloaded::Refused(broken("the publisher has stopped")),
        }
    }

    /// Takes up overrides though nothing else could be taken.
    async fn take_overrides(&mut self, by: Option<&str>) {
        if let Some(overrides) = self.loader.changed_overrides() {
            let catalog = self.published.load().catalog().clone();
            self.serve(catalog, overrides, by).await;
        }
    }

    async fn serve(
        &mut self,
        catalog: Arc<Catalog>,
        overrides: Overrides,
        by: Option<&str>,
    ) -> Option<u64> {
        // Told before what they bring about.
        let now = Timestamp::now();
        for event in news::overrides_changed(&self.overrides, &overrides, by, now) {
            self.events.record(event);
        }
        self.overrides.clone_from(&overrides);
        publish(&self.inputs, catalog, overrides).await
    }

    /// Tells how it went, and the log of every finding. Findings stand as long as their cause does: who did not ask is
    /// not told again what was told before.
    fn tell(&mut self, outcome: &Reloaded, by: Option<&str>) {
        let report = outcome.report();
        let is_news = by.is_some() || *report != self.told;
        if is_news {
            tell_findings(report);
        }
        // Changes that are none, as an editor's backup file makes them, are not worth an event.
        if is_news || outcome.outcome() != Outcome::Unchanged {
            let generation = self.published.load().generation();
            self.events.record(outcome.event(generation, by, Timestamp::now()));
        }
        self.told = report.clone();
    }

    fn swap_certificates(&self, report: &mut Report) {
        let (Some(certificates), Some(tls)) = (&self.certificates, &self.tls) else {
            return;
        };
        let swapped = read_certificates(tls)
            .and_then(|(certificate, key)| certificates.replace(&certificate, &key));
        if let Err(message) = swapped {
            report.push(Finding::error(message).help("the certificate served so far stays in use"));
        }
    }

    /// What only a restart can change.
    fn warn_of_restart(&self, load: &Load, report: &mut Report) {
        let (old, new) = (&self.config, &load.server);
        let admin_listen = |config: &config::Server| {
            config.admin.as_ref().map(|admin| admin.listen.clone()).unwrap_or_default()
        };
        let asks_tokens = |config: &config::Server| {
            config.admin.as_ref().is_some_and(|admin| admin.token_file.is_some())
        };
        let changed = [
            ("server.listen", old.listen != new.listen),
            ("server.udp_workers", old.udp_workers != new.udp_workers),
            ("server.tcp", old.tcp != new.tcp),
            ("tls", old.tls != new.tls),
            ("dnstap", is_other_tap(old.dnstap.as_ref(), new.dnstap.as_ref())),
            ("log", old.log != new.log),
            ("probes", old.probes_concurrency_max != new.probes_concurrency_max),
            ("server.state", old.state != new.state),
            ("admin.listen", admin_listen(old) != admin_listen(new)),
            // Others take effect at once, but what asks for tokens goes on doing so.
            ("admin.token_file", asks_tokens(old) && !asks_tokens(new)),
        ];
        for (key, _) in changed.iter().filter(|(_, changed)| *changed) {
            let finding = Finding::warning(format!(
                "{key} has changed, which takes effect at the next start only"
            ));
            report.push(finding.help("restart the server when it suits"));
        }
    }
}

/// Whether two taps differ in more than the share, which is taken up at once.
fn is_other_tap(old: Option<&Dnstap>, new: Option<&Dnstap>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => !old.is_alike(new),
        (old, new) => old.is_some() || new.is_some(),
    }
}

impl Reloaded {
    /// What was found on the way.
    pub fn report(&self) -> &Report {
        let (Self::Published(_, report) | Self::Unchanged(report) | Self::Refused(report)) = self;
        report
    }

    /// How it ended, in a word.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Published(..) => Outcome::Published,
            Self::Unchanged(_) => Outcome::Unchanged,
            Self::Refused(_) => Outcome::Refused,
        }
    }

    fn event(&self, generation: u64, by: Option<&str>, at: Timestamp) -> Event {
        let report = self.report();
        let (errors, warnings) = (report.error_count(), report.warning_count());
        let what = match self {
            Self::Published(generation, _) => {
                format!("reloaded: generation {generation} is served")
            }
            Self::Unchanged(_) => "reloaded: nothing has changed".to_owned(),
            Self::Refused(_) => format!("reload refused: generation {generation} stays"),
        };
        let counted = |count: usize, word: &str| match count {
            0 => String::new(),
            1 => format!(", 1 {word}"),
            _ => format!(", {count} {word}s"),
        };
        let what = format!("{what}{}{}", counted(errors, "error"), counted(warnings, "warning"));
        let asked =
            by.map_or_else(|| "a file has changed".to_owned(), |by| format!("asked by {by}"));
        let first = report.findings.iter().find(|finding| finding.severity == Severity::Error);
        let cause = first.map_or_else(|| asked.clone(), |first| format!("{asked}; {first}"));
        let severity = match self {
            Self::Refused(_) => Gravity::Error,
            _ if errors > 0 => Gravity::Warning,
            _ => Gravity::Info,
        };
        Event::new(at, Kind::Reload, severity, what, cause)
    }
}

impl Outcome {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Published, Self::Unchanged, Self::Refused];
}

impl LastLoad {
    /// That of the first reading, which is not published yet.
    pub(super) fn first(load: &Load, report: Report) -> Self {
        Self {
            at: Timestamp::now(),
            outcome: Outcome::Published,
            outcomes: [0; Outcome::ALL.len()],
            generation: 0,
            report,
            config: load.server.clone(),
            kept_zones: load.kept_zones.clone(),
            unserved_zones: load.unserved_zones.clone(),
            databases: load.databases.clone(),
        }
    }

    fn take(&mut self, load: &Load) {
        self.config = load.server.clone();
        self.kept_zones.clone_from(&load.kept_zones);
        self.unserved_zones.clone_from(&load.unserved_zones);
        self.databases.clone_from(&load.databases);
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Published => "published",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
        })
    }
}

/// Tells the log of everything that was found, each as grave as it is.
pub fn tell_findings(report: &Report) {
    for finding in &report.findings {
        match finding.severity {
            Severity::Error => tracing::error!("{finding}"),
            Severity::Warning => tracing::warn!("{finding}"),
        }
    }
}

/// Hands what was loaded to the publisher and waits until it is served; none if the publisher has stopped.
pub(super) async fn publish(
    inputs: &mpsc::Sender<Prepared>,
    catalog: Arc<Catalog>,
    overrides: Overrides,
) -> Option<u64> {
    let (published, generation) = oneshot::channel();
    let prepared = Prepared { catalog, overrides, published };
    inputs.send(prepared).await.ok()?;
    generation.await.ok()
}

/// Certificate and key as they stand on disk.
pub(super) fn read_certificates(tls: &Tls) -> Result<(Vec<u8>, Vec<u8>), String> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    Ok((read(&tls.certificate)?, read(&tls.key)?))
}
