//! `fingerpost serve`: the server, until it is told to stop.

use super::logging::{self, LogArgs};
use super::signals::{Signal, Signals};
use super::{ConfigArg, EXIT_FINDINGS, fail, problem, runtime};
use crate::admin::Admin;
use crate::control::reloader::tell_findings;
use crate::control::{Options, Server};
use crate::report::Report;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;

/// Serve
///
/// Reads the configuration and all zones, listens, probes every endpoint once, and then answers until it is told to
/// stop. Mistakes in the server's file, and addresses that cannot be listened on, are reported and end it at once; a
/// zone with mistakes is reported and left out, or kept as it was, while the others are served.
///
/// All inputs are watched: zones, steering, networks, databases, overrides and certificates are read again when they
/// change, and checked. Each zone, the databases, the networks and the overrides are taken as a whole or stay as they
/// were. A restart is needed only for what is taken hold of at the start: addresses, UDP threads, limits of TCP,
/// logging, the bound on probes, where the API listens, where dnstap goes and the state directory; a change of these
/// is told.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  fingerpost serve
  fingerpost serve --config /etc/fingerpost/fingerpost.toml --log-format json
  fingerpost check && systemctl reload fingerpost

Signals:
  HUP        read all inputs again
  TERM, INT  answer what has been asked, then end; a second one ends at once

Exit status:
  0  ended by a signal
  1  the configuration has errors, or an address cannot be listened on
  2  the command line was not understood

Environment:
  RUST_LOG  what to log, where --log-level does not say")]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    #[command(flatten)]
    log: LogArgs,
}

pub(super) fn run(args: Args) -> ExitCode {
    logging::start(&args.log, &args.config.config);
    let outcome = runtime().and_then(|runtime| runtime.block_on(serve(args.config.config)));
    outcome.unwrap_or_else(|report| fail(&report))
}

async fn serve(config: PathBuf) -> Result<ExitCode, Report> {
    let mut signals = Signals::take().map_err(|error| problem("cannot take signals", error))?;
    let options = Options { config, persist: true, ..Options::default() };
    // Told to stop while the first probes are still under way, it does not wait for them.
    let starting = async {
        let starting = Server::prepare(options).await?;
        let admin = Admin::start(starting.handle())?;
        if let Some(admin) = &admin {
            tracing::info!(addresses = ?admin.addresses(), "the admin API is there");
        }
        let (server, report) = starting.finish().await?;
        Ok::<_, Report>((Served { server, admin }, report))
    };
    let (served, report) = tokio::select! {
        started = starting => started?,
        () = signals.stop_asked() => return Ok(ExitCode::SUCCESS),
    };
    tell_findings(&report);
    tracing::info!(addresses = ?served.server.addresses(), "serving");
    Ok(attend(served, &mut signals).await)
}

/// A server, and the API that it is operated by.
pub(super) struct Served {
    pub(super) server: Server,
    pub(super) admin: Option<Admin>,
}

/// A server that has started, as commands handle it.
pub(super) trait Running {
    /// Reads all inputs again.
    async fn reload(&self);
    /// Answers what has been asked and ends.
    async fn stop(self);
}

impl Running for Served {
    async fn reload(&self) {
        // The server logs how it went.
        drop(self.server.reload("a signal").await);
    }

    async fn stop(self) {
        let admin = async {
            if let Some(admin) = self.admin {
                admin.shutdown().await;
            }
        };
        tokio::join!(admin, self.server.shutdown());
    }
}

/// Stays until the process is told to stop and the server has stopped.
async fn attend(server: impl Running, signals: &mut Signals) -> ExitCode {
    loop {
        match signals.next().await {
            Signal::Stop => break,
            Signal::Reload if reload(&server, signals).await == Signal::Stop => break,
            Signal::Reload => {}
        }
    }
    finish(server, signals).await
}

/// Reloads, and once more if asked to meanwhile. `Stop` if told to stop meanwhile; the reload may not have ended then.
pub(super) async fn reload(server: &impl Running, signals: &mut Signals) -> Signal {
    let mut again = true;
    while std::mem::take(&mut again) {
        let mut reload = pin!(server.reload());
        loop {
            tokio::select! {
                // The reload is asked for at the least, even if more signals wait.
                biased;
                () = &mut reload => break,
                signal = signals.next() => match signal {
                    Signal::Reload => again = true,
                    Signal::Stop => return Signal::Stop,
                },
            }
        }
    }
    Signal::Reload
}

/// Stops the server, or gives that up when told to stop once more.
pub(super) async fn finish(server: impl Running, signals: &mut Signals) -> ExitCode {
    tracing::info!("stopping");
    tokio::select! {
        biased;
        () = server.stop() => ExitCode::SUCCESS,
        () = signals.stop_asked() => {
            tracing::warn!("told to stop once more; some queries go unanswered");
            ExitCode::from(EXIT_FINDINGS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    /// Tells what it is asked for, and never stops if told so.
    struct Fake {
        told: mpsc::UnboundedSender<&'static str>,
        stuck: bool,
    }

    impl Running for Fake {
        async fn reload(&self) {
            self.told.send("reload").expect("the test listens");
            tokio::task::yield_now().await;
        }

        async fn stop(self) {
            self.told.send("stop").expect("the test listens");
            if self.stuck {
                std::future::pending().await
            }
        }
    }

    #[tokio::test]
    async fn signals_reload_and_stop() {
        use Signal::{Reload, Stop};
        let check = async |sent: &[Signal], stuck: bool, expected: &[&str], code: u8| {
            let (sender, received) = mpsc::channel(sent.len());
            for signal in sent {
                sender.try_send(*signal).expect("room for all");
            }
            let (told, mut heard) = mpsc::unbounded_channel();
            let ended = attend(Fake { told, stuck }, &mut Signals::from_channel(received)).await;
            let mut all = Vec::new();
            while let Some(word) = heard.recv().await {
                all.push(word);
            }
            assert_eq!((all.as_slice(), ended), (expected, ExitCode::from(code)), "{sent:?}");
        };
        check(&[Stop], false, &["stop"], 0).await;
        check(&[Reload, Stop], false, &["reload", "stop"], 0).await;
        check(&[Stop, Reload, Stop], true, &["stop"], 1).await;
    }
}
