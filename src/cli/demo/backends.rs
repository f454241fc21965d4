//! The demo's backends: one tiny HTTP server for every loopback address that the configuration probes.
//!
//! They are made from the probes of the configuration, so there is no second list to keep. A backend that is down has
//! no listener and no connection: whoever calls is refused by the system, as by a machine whose service died. Nothing
//! is told to the prober.

use crate::steer::model::Endpoint;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

/// Connections of one backend at once: a prober and a curious person need two.
const CONNECTIONS_MAX: usize = 32;
/// How long a connection may last, idle or not.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(10);

/// One server to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BackendSpec {
    /// The endpoint that it plays.
    pub endpoint: String,
    /// The site that it plays to stand in.
    pub site: String,
    /// The site's name for people.
    pub title: String,
    /// Where it listens.
    pub address: SocketAddr,
}

impl BackendSpec {
    /// A backend for every loopback address at which these endpoints are probed. What is probed elsewhere is not ours
    /// to play; an address that several endpoints share is played once.
    pub(super) fn of<'a>(endpoints: impl IntoIterator<Item = &'a Endpoint>) -> Vec<Self> {
        let mut specs: Vec<Self> = Vec::new();
        for endpoint in endpoints {
            for probe in endpoint.probes() {
                let known = specs.iter().any(|spec| spec.address == probe.target);
                if probe.target.ip().is_loopback() && !known {
                    specs.push(Self {
                        endpoint: endpoint.name.clone(),
                        site: endpoint.site.name.clone(),
                        title: endpoint.site.title.clone(),
                        address: probe.target,
                    });
                }
            }
        }
        specs
    }
}

/// The servers, each up or down. Dropping this takes all of them down.
#[derive(Clone, Debug)]
pub(super) struct Backends {
    all: Arc<Mutex<Vec<Backend>>>,
}

#[derive(Debug)]
struct Backend {
    spec: BackendSpec,
    running: Option<Running>,
}

/// How one endpoint fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    /// Its name.
    pub endpoint: String,
    /// Its site's name.
    pub site: String,
    /// Its site's name for people.
    pub title: String,
    /// Where it listens while it is up.
    pub addresses: Vec<SocketAddr>,
    /// Whether it listens.
    pub up: bool,
}

impl Backends {
    /// Starts all of them, or none.
    pub(super) async fn start(specs: Vec<BackendSpec>) -> Result<Self, BackendError> {
        let mut all = Vec::new();
        for spec in specs {
            let running = Some(Running::start(&spec).await?);
            all.push(Backend { spec, running });
        }
        Ok(Self { all: Arc::new(Mutex::new(all)) })
    }

    /// Takes an endpoint, or all of a site, down; names the endpoints. On return nothing listens there any more.
    pub(super) async fn down(&self, name: &str) -> Result<Vec<String>, BackendError> {
        let mut all = self.all.lock().await;
        for backend in select(&mut all, name)? {
            if let Some(running) = backend.running.take() {
                running.stop().await;
            }
        }
        names(&mut all, name)
    }

    /// Brings an endpoint, or all of a site, up again; names the endpoints.
    pub(super) async fn up(&self, name: &str) -> Result<Vec<String>, BackendError> {
        let mut all = self.all.lock().await;
        for backend in select(&mut all, name)? {
            if backend.running.is_none() {
                backend.running = Some(Running::start(&backend.spec).await?);
            }
        }
        names(&mut all, name)
    }

    /// All endpoints, in the order of the configuration.
    pub(super) async fn status(&self) -> Vec<Status> {
        let mut list: Vec<Status> = Vec::new();
        for Backend { spec, running } in &*self.all.lock().await {
            match list.iter_mut().find(|status| status.endpoint == spec.endpoint) {
                Some(status) => {
                    status.addresses.push(spec.address);
                    status.up &= running.is_some();
                }
                None => list.push(Status {
                    endpoint: spec.endpoint.clone(),
                    site: spec.site.clone(),
                    title: spec.title.clone(),
                    addresses: vec![spec.address],
                    up: running.is_some(),
                }),
            }
        }
        list
    }
}

fn select<'a>(all: &'a mut [Backend], name: &str) -> Result<Vec<&'a mut Backend>, BackendError> {
    let known: Vec<_> = all
        .iter()
        .flat_map(|backend| [&backend.spec.site, &backend.spec.endpoint])
        .cloned()
        .collect();
    let found: Vec<_> = all
        .iter_mut()
        .filter(|backend| backend.spec.endpoint == name || backend.spec.site == name)
        .collect();
    if found.is_empty() {
        let suggestion = crate::report::nearest(name, known.iter().map(String::as_str));
        let suggestion = suggestion.map(str::to_owned);
        return Err(BackendError::Unknown { name: name.to_owned(), suggestion });
    }
    Ok(found)
}

fn names(all: &mut [Backend], name: &str) -> Result<Vec<String>, BackendError> {
    let mut names: Vec<_> =
        select(all, name)?.into_iter().map(|backend| backend.spec.endpoint.clone()).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// A listener and the connections that came by it; they end together.
#[derive(Debug)]
struct Running {
    task: JoinHandle<()>,
}

impl Running {
    async fn start(spec: &BackendSpec) -> Result<Self, BackendError> {
        let listener = TcpListener::bind(spec.address)
            .await
            .map_err(|error| BackendError::Bind { address: spec.address, error })?;
        let body = format!("Hello from {}, {} ({})\n", spec.endpoint, spec.title, spec.site);
        Ok(Self { task: tokio::spawn(accept(listener, Bytes::from(body))) })
    }

    /// Returns when the listener is closed.
    async fn stop(mut self) {
        self.task.abort();
        // The only outcome left is "cancelled", or that it had ended by itself.
        drop((&mut self.task).await);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, body: Bytes) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < CONNECTIONS_MAX => {
                    let body = body.clone();
                    connections.spawn(async move {
                        let serve = service_fn(move |request| answer(request, body.clone()));
                        let connection = http1::Builder::new()
                            .keep_alive(false)
                            .serve_connection(TokioIo::new(stream), serve);
                        // A caller that goes away or talks nonsense is its own loss.
                        drop(timeout(CONNECTION_TIME_MAX, connection).await);
                    });
                }
                Ok(_) => {}
                // Out of files, or a caller that hung up early: neither is mended by trying at once.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Rest after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

async fn answer(_: Request<Incoming>, body: Bytes) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(body)))
}

/// What can go wrong.
#[derive(Debug)]
pub(super) enum BackendError {
    /// The system does not let us listen there.
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// No endpoint and no site has this name.
    Unknown {
        /// The name.
        name: String,
        /// One that is nearly the same.
        suggestion: Option<String>,
    },
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { address, error } => {
                write!(f, "cannot listen on {address}: {error}")?;
                f.write_str(match error.kind() {
                    io::ErrorKind::AddrInUse => "; does another demo run?",
                    // Outside Linux only 127.0.0.1 exists until an alias is made, and IPv6 may be switched off
                    // anywhere.
                    io::ErrorKind::AddrNotAvailable => {
                        "; the loopback interface lacks this address"
                    }
                    _ => "",
                })
            }
            Self::Unknown { name, suggestion } => {
                write!(f, "no endpoint and no site is called {name:?}")?;
                match suggestion {
                    Some(suggestion) => write!(f, "; did you mean {suggestion:?}?"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for BackendError {}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    /// A port that was let go must not be taken by another test meanwhile; on Linux we have loopback addresses to
    /// spare.
    const QUIET_CORNER: &str = if cfg!(target_os = "linux") { "127.7.7.7" } else { "127.0.0.1" };

    /// Backends on ports that the system chose, with those ports written back into the specs.
    async fn start(names: &[(&str, &str)]) -> (Backends, Vec<SocketAddr>) {
        let mut specs = Vec::new();
        for (endpoint, site) in names {
            let free = TcpListener::bind((QUIET_CORNER, 0)).await.expect("a port");
            specs.push(BackendSpec {
                endpoint: (*endpoint).to_owned(),
                site: (*site).to_owned(),
                title: "Frankfurt".to_owned(),
                address: free.local_addr().expect("an address"),
            });
        }
        let addresses = specs.iter().map(|spec| spec.address).collect();
        (Backends::start(specs).await.expect("all start"), addresses)
    }

    async fn fetch(address: SocketAddr) -> io::Result<String> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n").await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok(text)
    }

    #[tokio::test]
    async fn a_site_goes_down_and_comes_back() {
        let (backends, addresses) =
            start(&[("fra-1", "fra"), ("fra-1", "fra"), ("fra-2", "fra"), ("iad-1", "iad")]).await;
        let text = fetch(addresses[0]).await.expect("an answer");
        assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
        assert!(text.ends_with("\r\n\r\nHello from fra-1, Frankfurt (fra)\n"), "{text}");

        let lingering = TcpStream::connect(addresses[2]).await.expect("connected");
        assert_eq!(backends.down("fra").await.expect("known"), ["fra-1", "fra-2"]);
        for address in &addresses[..3] {
            let error = fetch(*address).await.expect_err("nothing listens");
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        }
        let mut rest = Vec::new();
        let end = { lingering }.read_to_end(&mut rest).await;
        assert!(!matches!(end, Ok(bytes) if bytes > 0), "connections end with the listener");
        fetch(addresses[3]).await.expect("another site stays up");

        assert_eq!(backends.up("fra-1").await.expect("known"), ["fra-1"]);
        let up: Vec<_> = backends.status().await.iter().map(|status| status.up).collect();
        assert_eq!(up, [true, false, true]);
        fetch(addresses[1]).await.expect("both addresses are back");
    }

    #[tokio::test]
    async fn names_are_suggested_and_repeats_do_no_harm() {
        let (backends, _) = start(&[("fra-1", "fra")]).await;
        let error = backends.down("fra-3").await.expect_err("unknown").to_string();
        assert_eq!(error, "no endpoint and no site is called \"fra-3\"; did you mean \"fra-1\"?");
        for _ in 0..2 {
            backends.down("fra").await.expect("known");
        }
        for _ in 0..2 {
            backends.up("fra").await.expect("known");
        }
    }

    #[tokio::test]
    async fn an_address_in_use_is_named() {
        let (_backends, addresses) = start(&[("fra-1", "fra")]).await;
        let spec = BackendSpec {
            endpoint: "iad-1".to_owned(),
            site: "iad".to_owned(),
            title: String::new(),
            address: addresses[0],
        };
        let error = Backends::start(vec![spec]).await.expect_err("in use").to_string();
        assert!(error.starts_with(&format!("cannot listen on {}: ", addresses[0])), "{error}");
        assert!(error.ends_with("does another demo run?"), "{error}");
    }
}
