//! The operator's API over HTTP: what the server knows, live and in JSON, and the orders that it takes.
//!
//! ```text
//! connection ─ serve (bounds, body) ─ access (who?) ─ routes ─► control::Handle
//!                                                  └─ stream ◄─ feed ◄─ status, once for all
//! ```
//!
//! Everything that is told or done is [`control`](crate::control)'s; here it gets a path, a type and a status, and a
//! refusal in words ([`problem`]). `openapi.json` describes it, and tests hold it against what is served. All of it
//! runs on the runtime's threads, which answer no UDP query, and whatever a client does here, it takes a bounded part
//! of them ([`limits`]).

mod access;
mod dashboard;
mod feed;
mod limits;
mod metrics;
mod openapi;
mod order;
mod params;
mod problem;
mod room;
mod routes;
mod serve;
mod stream;

use self::access::Door;
use self::feed::Feed;
use self::routes::Api;
use self::serve::Server;
use crate::control::Handle;
use crate::report::{Finding, Report};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// Sockets that are bound and not served yet.
#[derive(Debug)]
pub struct Bound {
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
}

impl Bound {
    /// Binds all addresses, or says of each that cannot be had why not.
    pub fn bind(addresses: &[SocketAddr]) -> Result<Self, Report> {
        let mut bound = Self { listeners: Vec::new(), addresses: Vec::new() };
        let mut report = Report::default();
        for &address in addresses {
            match bind(address) {
                Ok((listener, address)) => {
                    bound.listeners.push(listener);
                    bound.addresses.push(address);
                }
                Err(error) => {
                    let message = format!("cannot listen on {address} for the admin API: {error}");
                    report.push(Finding::error(message).help(cure(&error)));
                }
            }
        }
        if report.has_errors() { Err(report) } else { Ok(bound) }
    }

    /// Where it listens, with the ports that were drawn.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves what `handle` speaks of, to those who bear one of the tokens that its configuration holds, now or after a
    /// reload. Needs a Tokio runtime.
    pub fn serve(self, handle: Handle) -> io::Result<Admin> {
        let tokens = handle.config().admin.as_ref().and_then(|admin| admin.tokens.clone());
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let api = Arc::new(Api {
            door: Door::new(self.addresses.clone(), tokens),
            feed: Feed::new(),
            streams: Arc::new(tokio::sync::Semaphore::new(limits::STREAMS_MAX)),
            tasks: tasks.clone(),
            stop: stop.clone(),
            panics: Arc::new(AtomicU64::new(0)),
            handle,
        });
        let server = Server {
            router: routes::router(api.clone()),
            room: Arc::default(),
            tasks: tasks.clone(),
            stop: stop.clone(),
        };
        for listener in self.listeners {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tasks.spawn(server.clone().listen(listener));
        }
        tasks.spawn(routes::run_feed(api.clone()));
        Ok(Admin { addresses: self.addresses, api, tasks, stop: stop.drop_guard() })
    }
}

/// The API, served. Dropping it stops it.
pub struct Admin {
    addresses: Vec<SocketAddr>,
    api: Arc<Api>,
    tasks: TaskTracker,
    stop: DropGuard,
}

impl Admin {
    /// Serves where the server's configuration says; none if it says nowhere. The error is a report of what is in the
    /// way.
    pub fn start(handle: &Handle) -> Result<Option<Self>, Report> {
        let config = handle.config();
        let Some(admin) = &config.admin else { return Ok(None) };
        let bound = Bound::bind(&admin.listen)?;
        bound.serve(handle.clone()).map(Some).map_err(|error| {
            Finding::error(format!("cannot start to serve the admin API: {error}")).into()
        })
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Answers that ended in a panic, which is a mistake of ours.
    pub fn panics(&self) -> u64 {
        self.api.panics.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Stops listening, ends the streams, and lets go out what is answered; within a second.
    pub async fn shutdown(self) {
        let Self { tasks, stop, .. } = self;
        drop(stop);
        tasks.close();
        // Connections end themselves in time; whoever sits in a handler of seconds is not waited for.
        let _ = tokio::time::timeout(limits::DRAIN, tasks.wait()).await;
    }
}

fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    // After a restart, connections of the last run may still be in TIME-WAIT.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // IPv4 has a listener of its own, if it is wanted.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from(socket);
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Connections that wait to be accepted: more than may be open.
const BACKLOG: i32 = 256;

fn cure(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "end what listens there, or set admin.listen to another port",
        io::ErrorKind::AddrNotAvailable => "set admin.listen to an address of this host",
        io::ErrorKind::PermissionDenied => "set admin.listen to a port above 1023",
        _ => "see to it that the address can be listened on, or change admin.listen",
    }
}
