//! `fingerpost serve`: the server, until it is told to stop.

use super::logging::{self, LogArgs};
use super::signals::{Signal, Signals};
use super::start::{self, Overlay};
use super::{ConfigArg, EXIT_FINDINGS, fail, problem, runtime};
use crate::config::{self, Loaded};
use crate::report::Report;
use std::path::Path;
use std::process::ExitCode;

/// Serve
///
/// Reads the configuration and all zones, listens, probes every endpoint once, and then answers until it is told to
/// stop. Mistakes in the server's file, and addresses that cannot be listened on, are reported and end it at once; a
/// zone with mistakes is reported and left out, or kept as it was, while the others are served.
///
/// All inputs are watched: zones, steering, networks, databases, overrides and certificates are read again when they
/// change, checked, and put into service as a whole or not at all. Nothing needs a restart but the addresses that are
/// listened on.
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
    let path = args.config.config;
    // Read before anything is logged, for how to log is in there.
    let loaded = config::load(&path, None);
    logging::start(&args.log, loaded.server.as_ref().map(|server| server.log));
    let outcome = runtime().and_then(|runtime| runtime.block_on(serve(&path, loaded)));
    outcome.unwrap_or_else(|report| fail(&report))
}

async fn serve(path: &Path, loaded: Loaded) -> Result<ExitCode, Report> {
    let mut signals = Signals::take().map_err(|error| problem("cannot take signals", error))?;
    // Told to stop while the first probes are still under way, it does not wait for them.
    let server = tokio::select! {
        server = start::start(path, loaded, Overlay::default()) => server?,
        () = signals.stop_asked() => return Ok(ExitCode::SUCCESS),
    };
    Ok(attend(server, &mut signals).await)
}

/// A server that has started, as commands handle it.
pub(super) trait Running {
    /// Asks it to read all inputs again.
    fn reload(&self);
    /// Answers what has been asked and ends.
    async fn stop(self);
}

/// Stays until the process is told to stop and the server has stopped.
pub(super) async fn attend(server: impl Running, signals: &mut Signals) -> ExitCode {
    while signals.next().await == Signal::Reload {
        tracing::info!("reload asked for by a signal");
        server.reload();
    }
    finish(server, signals).await
}

/// Stops the server, or gives that up when told to stop once more.
pub(super) async fn finish(server: impl Running, signals: &mut Signals) -> ExitCode {
    tracing::info!("stopping");
    tokio::select! {
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
        fn reload(&self) {
            self.told.send("reload").expect("the test listens");
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
        check(&[Reload, Reload, Stop], false, &["reload", "reload", "stop"], 0).await;
        check(&[Stop, Reload, Stop], true, &["stop"], 1).await;
    }
}
