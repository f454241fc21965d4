//! `fingerpost director agent`: the kernel's IPVS table over HTTP, until it is told to stop.

use crate::cli::logging::{self, LogArgs};
use crate::cli::signals::{Signal, Signals};
use crate::cli::{EXIT_FINDINGS, fail, problem, runtime};
use crate::control::reloader::tell_findings;
use crate::director::agent::{Agent, Options};
use crate::net::Certificates;
use crate::report::Report;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

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
  fingerpost director agent --listen 10.0.0.1:8054 --token-file agent.token \
      --tls-certificate agent.pem --tls-key agent.key
  fingerpost director agent --maintenance-file /run/fingerpost/maintenance
  touch /run/fingerpost/maintenance                and this director's VIPs drain

Signals:
  HUP        read the token file, the certificate and its key again
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
    /// A file with the certificate of this host and those that lead to its authority (PEM): speak HTTPS, so that no
    /// token crosses the network in clear
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// A file with the private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
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
    let Args { listen, token_file, tls_certificate, tls_key, proc, maintenance_file, log: _ } =
        args;
    let outcome = runtime().and_then(|runtime| {
        let tls = tls_certificate.zip(tls_key).map(Tls::read).transpose()?;
        let config = tls.as_ref().map(|tls| Arc::new(tls.shown.http1_config()));
        let options = Options { listen, token_file, tls: config, proc, maintenance_file };
        runtime.block_on(serve(options, tls))
    });
    outcome.unwrap_or_else(|report| fail(&report))
}

/// The certificate that is shown, and where it is read.
struct Tls {
    files: (PathBuf, PathBuf),
    shown: Certificates,
}

impl Tls {
    fn read(files: (PathBuf, PathBuf)) -> Result<Self, Report> {
        let (certificate, key) = bytes(&files)?;
        let shown = Certificates::load(&certificate, &key).map_err(of_no_use)?;
        Ok(Self { files, shown })
    }

    /// Shows what the files hold now; if that is broken, what they held before.
    fn reload(&self) -> Result<(), Report> {
        let (certificate, key) = bytes(&self.files)?;
        self.shown.replace(&certificate, &key).map_err(of_no_use)
    }
}

fn bytes((certificate, key): &(PathBuf, PathBuf)) -> Result<(Vec<u8>, Vec<u8>), Report> {
    let read = |path: &PathBuf| {
        std::fs::read(path)
            .map_err(|error| problem(format_args!("cannot read {}", path.display()), error))
    };
    Ok((read(certificate)?, read(key)?))
}

fn of_no_use(why: String) -> Report {
    problem("no TLS can be spoken", why)
}

async fn serve(options: Options, tls: Option<Tls>) -> Result<ExitCode, Report> {
    let mut signals = Signals::take().map_err(|error| problem("cannot take signals", error))?;
    let agent = Agent::start(options)?;
    tracing::info!(addresses = ?agent.addresses(), "telling what IPVS does");
    if let Some(trouble) = agent.trouble() {
        tracing::warn!(trouble, "nothing can be told yet");
    }
    while signals.next().await == Signal::Reload {
        // Each for itself: a broken certificate is no reason to go on taking an old token.
        match (agent.reload(), tls.as_ref().map_or(Ok(()), Tls::reload)) {
            (Ok(()), Ok(())) => tracing::info!("tokens and certificate were read again"),
            (tokens, certificate) => {
                tokens.err().iter().chain(&certificate.err()).for_each(tell_findings);
            }
        }
    }
    tracing::info!("stopping");
    Ok(tokio::select! {
        biased;
        () = agent.shutdown() => ExitCode::SUCCESS,
        () = signals.stop_asked() => ExitCode::from(EXIT_FINDINGS),
    })
}
