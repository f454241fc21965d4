//! Reading again: asked for by a changed file, a signal or a caller, always the same path.
//!
//! ```text
//! asked ─► load (on a thread that may block) ─► certificates swapped ─► publisher ─► told
//! ```
//!
//! One reload is under way at a time; what is asked for meanwhile waits. Whatever goes wrong, what is served stays.

use super::loader::{Load, Loader};
use super::publisher::Prepared;
use super::server::broken;
use super::watch::Watcher;
use crate::config::{self, Dnstap, Tls};
use crate::net::Certificates;
use crate::report::{Finding, Report, Severity};
use crate::tap::Tap;
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
    pub(super) tap: Option<Tap>,
}

impl Reloader {
    /// Reloads whenever a request or a change asks for it, until nobody can ask any more.
    pub(super) async fn run(
        mut self,
        mut requests: mpsc::Receiver<oneshot::Sender<Reloaded>>,
        mut changes: mpsc::Receiver<()>,
    ) {
        loop {
            let asked = tokio::select! {
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
            (self, outcome) = self.reload(asked.is_some()).await;
            if let Some(asked) = asked {
                // Who asked may have gone.
                let _ = asked.send(outcome);
            }
        }
    }

    async fn reload(mut self, asked: bool) -> (Self, Reloaded) {
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
        let outcome = match loaded {
            Ok(load) => {
                let mut report = load.report.clone();
                this.swap_certificates(&mut report);
                this.warn_of_restart(&load, &mut report);
                if let (Some(tap), Some(dnstap)) = (&this.tap, &load.server.dnstap) {
                    tap.set_sample(dnstap.sample);
                }
                if load.unchanged {
                    Reloaded::Unchanged(report)
                } else {
                    match publish(&this.inputs, load).await {
                        Some(generation) => Reloaded::Published(generation, report),
                        None => Reloaded::Refused(broken("the publisher has stopped")),
                    }
                }
            }
            Err(report) => Reloaded::Refused(report),
        };
        outcome.tell(asked, &this.told);
        this.told = outcome.report().clone();
        (this, outcome)
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
        let changed = [
            ("server.listen", old.listen != new.listen),
            ("server.udp_workers", old.udp_workers != new.udp_workers),
            ("server.tcp", old.tcp != new.tcp),
            ("tls", old.tls != new.tls),
            ("dnstap", is_other_tap(old.dnstap.as_ref(), new.dnstap.as_ref())),
            ("log", old.log != new.log),
            ("probes", old.probes_concurrency_max != new.probes_concurrency_max),
            ("server.state", old.state != new.state),
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

    /// Tells the log, finding by finding. Findings stand as long as their cause does: who did not ask is not told again
    /// what `told` has said.
    fn tell(&self, asked: bool, told: &Report) {
        let report = self.report();
        let news = asked || report != told;
        if news {
            tell_findings(report);
        }
        let (errors, warnings) = (report.error_count(), report.warning_count());
        match self {
            Self::Published(generation, _) => {
                tracing::info!(generation, errors, warnings, "reloaded")
            }
            // Changes that are none, as an editor's backup file makes them, are not worth a line.
            Self::Unchanged(_) if news => {
                tracing::info!(errors, warnings, "reloaded; nothing has changed")
            }
            Self::Unchanged(_) => {
                tracing::debug!(errors, warnings, "reloaded; nothing has changed")
            }
            Self::Refused(_) => {
                tracing::error!(errors, warnings, "reload refused; what was served before stays")
            }
        }
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

/// Hands a load to the publisher and waits until it is served; none if the publisher has stopped.
pub(super) async fn publish(inputs: &mpsc::Sender<Prepared>, load: Load) -> Option<u64> {
    let (published, generation) = oneshot::channel();
    let prepared = Prepared { catalog: load.catalog, overrides: load.overrides, published };
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
