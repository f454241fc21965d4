//! `fingerpost director agent`: the kernel's IPVS table over HTTP, until it is told to stop.

use crate::cli::logging::{self, LogArgs};
use crate::cli::signals::{Signal, Signals};
use crate::cli::{EXIT_FINDINGS, fail, problem, runtime};
use crate::control::reloader::tell_findings;
use crate::director::agent::{Agent, Options};
use crate::report::Report;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Tell over HTTP what IPVS on this host does
///
/// Runs on a director, reads the kernel's table (/proc/net/ip_vs) when it is asked, and answers in
/// JSON: services, their real servers, and of each its weight and connections. A Fingerpost elsewhere
/// follows it as a feed of type ipvs. It reads no configuration, changes nothing, and needs no more
/// rights than to read /proc.
///
///   GET /         the table
///   GET /healthz  200 if the table can be read, else 503; asks for no token
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[command(after_long_help = "\
Examples:
  fingerpost director agent
  fingerpost director agent --listen 10.0.0.1:8054 --token-file /etc/fingerpost/agent.token
  fingerpost director agent --maintenance-file /run/fingerpost/maintenance
  touch /run/fingerpost/maintenance                and this director's VIPs drain

Signals:
  HUP        read the token file again
  TERM, INT  answer what has been asked, then end; a second one ends at once

Exit status:
  0  ended by a signal
  1  an address cannot be listened on, or is not to be without a token
  2  the command line was not understood")]
pub(super) struct Args {
    /// Where to listen; may be given several times
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8054")]
    listen: Vec<SocketAddr>,
    /// A file with a line of TOKEN or NAME: TOKEN for whoever may ask; needed to listen beyond loopback
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Where the kernel tells
    #[arg(long, value_name = "DIR", default_value = "/proc")]
    proc: PathBuf,
    /// While this file exists, the director says that it is in maintenance, and drains
    #[arg(long, value_name = "FILE")]
    maintenance_file: Option<PathBuf>,
    #[command(flatten)]
    log: LogArgs,
}

pub(super) fn run(args: Args) -> ExitCode {
    // The agent has no file with a [log] table.
    logging::start(&args.log, Path::new(""));
    let Args { listen, token_file, proc, maintenance_file, log: _ } = args;
    let options = Options { listen, token_file, proc, maintenance_file };
    let outcome = runtime().and_then(|runtime| runtime.block_on(serve(options)));
    outcome.unwrap_or_else(|report| fail(&report))
}

async fn serve(options: Options) -> Result<ExitCode, Report> {
    let mut signals = Signals::take().map_err(|error| problem("cannot take signals", error))?;
    let agent = Agent::start(options)?;
    tracing::info!(addresses = ?agent.addresses(), "telling what IPVS does");
    if let Some(trouble) = agent.trouble() {
        tracing::warn!(trouble, "nothing can be told yet");
    }
    while signals.next().await == Signal::Reload {
        match agent.reload() {
            Ok(()) => tracing::info!("the tokens were read again"),
            Err(report) => tell_findings(&report),
        }
    }
    tracing::info!("stopping");
    Ok(tokio::select! {
        biased;
        () = agent.shutdown() => ExitCode::SUCCESS,
        () = signals.stop_asked() => ExitCode::from(EXIT_FINDINGS),
    })
}
