//! The agent beside IPVS: tells the kernel's table over HTTP, and does nothing else.
//!
//! ```text
//! connection ─ serve (TLS, bounds) ─ tell (who? what?) ─► /proc/net/ip_vs ─ table ─► JSON of feed::ipvs
//!              └ seats (who makes room)
//! ```
//!
//! It runs on the director host (`fingerpost director agent`), needs no right but to read `/proc`, and changes nothing
//! there. A Fingerpost elsewhere asks it as a feed. Without a token it listens on loopback alone.

mod seats;
mod serve;
pub mod table;
mod tell;

use crate::config::Tokens;
use crate::report::{Finding, Report};
use rustls::ServerConfig;
use serve::Server;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tell::Teller;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 64;
/// How long what is under way may take once the agent stops.
const DRAIN: Duration = Duration::from_millis(800);

/// What an agent is told to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens.
    pub listen: Vec<SocketAddr>,
    /// A file of tokens, as for `[admin]`; none: whoever is on this host may ask.
    pub token_file: Option<PathBuf>,
    /// What is shown and agreed on over TLS; none: whoever is on the way can read, tokens too.
    pub tls: Option<Arc<ServerConfig>>,
    /// Where the kernel tells, `/proc` as a rule.
    pub proc: PathBuf,
    /// While this file exists, the director is in maintenance.
    pub maintenance_file: Option<PathBuf>,
}

/// A running agent. Dropping it leaves its connections to end by themselves.
pub struct Agent {
    addresses: Vec<SocketAddr>,
    token_file: Option<PathBuf>,
    teller: Arc<Teller>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Agent {
    /// Listens and answers. Needs a Tokio runtime. The report names everything that is in the way.
    pub fn start(options: Options) -> Result<Self, Report> {
        let mut report = Report::default();
        if options.token_file.is_none() {
            let open =
                options.listen.iter().filter(|address| !address.ip().to_canonical().is_loopback());
            open.for_each(|address| report.push(reachable(*address)));
        }
        let tokens = options.token_file.as_deref().map(read_tokens).transpose();
        let tokens = tokens.unwrap_or_else(|finding| {
            report.push(finding);
            None
        });
        if report.has_errors() {
            return Err(report);
        }
        let mut listeners = Vec::new();
        for address in options.listen {
            match bind(address) {
                Ok(listener) => listeners.push(listener),
                Err(error) => {
                    let message = format!("cannot listen on {address}: {error}");
                    report.push(
                        Finding::error(message).help("give --listen another address or port"),
                    );
                }
            }
        }
        if report.has_errors() {
            return Err(report);
        }
        let teller = Arc::new(Teller::new(&options.proc, options.maintenance_file, tokens));
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let tls = options.tls.map(TlsAcceptor::from);
        let server = Server::new(teller.clone(), tls, tasks.clone(), stop.clone());
        let mut addresses = Vec::new();
        for (listener, address) in listeners {
            addresses.push(address);
            tasks.spawn(server.clone().listen(listener));
        }
        Ok(Self { addresses, token_file: options.token_file, teller, tasks, stop })
    }

    /// Where it listens, with the ports that were drawn.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Why the table cannot be told now, if so.
    pub fn trouble(&self) -> Option<String> {
        self.teller.table().err()
    }

    /// Reads the file of tokens again; one that is broken leaves them as they were.
    pub fn reload(&self) -> Result<(), Report> {
        if let Some(path) = &self.token_file {
            self.teller.set_tokens(read_tokens(path)?);
        }
        Ok(())
    }

    /// Stops listening, and lets go out what is answered; within a second.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(DRAIN, self.tasks.wait()).await;
    }
}

fn reachable(address: SocketAddr) -> Finding {
    Finding::error(format!("{address} can be reached from elsewhere, and no token is asked for")).help(
        "add --token-file and the path of a file with a secret (make one with `openssl rand -hex 32`), \
         or listen on 127.0.0.1",
    )
}

fn read_tokens(path: &Path) -> Result<Tokens, Finding> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Finding::error(format!("cannot read the token file {shown}: {error}")))?;
    Tokens::parse(&text).map_err(|(message, help)| {
        Finding::error(format!("{shown} is of no use: {message}")).help(help)
    })
}

fn bind(address: SocketAddr) -> io::Result<(tokio::net::TcpListener, SocketAddr)> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    // After a restart, connections of the last run may still be in TIME-WAIT.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = tokio::net::TcpListener::from_std(TcpListener::from(socket))?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

#[cfg(test)]
mod tests;
