//! An HTTP or HTTPS probe: one request on a fresh connection, and whether the answer is as expected.
//!
//! Everything that a client does for its user's comfort is off: no proxy, no redirect, no retry, no cookie, no name
//! resolution, and no connection is used twice, for a probe tests accepting too. HTTP/1.1 is spoken, over TLS too:
//! it carries the Host header as written, whatever name the certificate bears.

use super::reason::{self, Told};
use super::tls;
use crate::health::check::{BODY_BYTES_MAX, HttpCheck, TlsCheck};
use crate::health::state::Outcome;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONNECTION, HOST, HeaderName, HeaderValue};
use reqwest::{Client, Method, Request, Response, Url};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

const USER_AGENT: &str = concat!("fingerpost/", env!("CARGO_PKG_VERSION"));

/// HTTP clients, one for each way of judging certificates and each source address; made when first needed.
#[derive(Debug, Default)]
pub(super) struct Clients {
    made: Mutex<HashMap<ClientKey, Client>>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ClientKey {
    /// Whether certificates are verified, and by which roots; none without TLS.
    tls: Option<(bool, Option<PathBuf>)>,
    source: Option<IpAddr>,
}

impl Clients {
    /// Makes all clients anew when next needed, so that changed certificate roots are seen.
    pub(super) fn forget(&self) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn client(&self, tls: Option<&TlsCheck>, source: Option<IpAddr>) -> Result<Client, String> {
        let key = ClientKey { tls: tls.map(|tls| (tls.verify, tls.roots.clone())), source };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&key) {
            return Ok(client.clone());
        }
        let client = build(tls, source)?;
        made.insert(key, client.clone());
        Ok(client)
    }
}

tokio::task_local! {
    /// Where the request of this task goes, whatever name its URL holds. So one client serves all targets and
    /// names.
    static TARGET: SocketAddr;
}

struct Target;

impl Resolve for Target {
    fn resolve(&self, _name: Name) -> Resolving {
        let target = TARGET.try_with(|target| *target);
        Box::pin(async move {
            let target: Addrs = Box::new(std::iter::once(target?));
            Ok(target)
        })
    }
}

/// Sends the request to the target and judges the answer.
pub(super) async fn ask(
    clients: &Clients,
    http: &HttpCheck,
    target: SocketAddr,
    source: Option<IpAddr>,
) -> Told {
    let ready = request(http, target)
        .and_then(|request| Ok((clients.client(http.tls.as_ref(), source)?, request)));
    let (client, request) = match ready {
        Ok(ready) => ready,
        Err(reason) => return Told::failure(reason),
    };
    match TARGET.scope(target, client.execute(request)).await {
        Ok(response) => {
            let certificate_days_left = days_left(&response);
            Told { certificate_days_left, ..judge(response, http).await }
        }
        Err(error) => reason::of(&error),
    }
}

async fn judge(mut response: Response, http: &HttpCheck) -> Told {
    let status = response.status().as_u16();
    if !http.expect.iter().any(|range| range.contains(&status)) {
        return Told::failure(format!("answered {status}, expected {}", expected(http)));
    }
    let Some(text) = &http.body else { return Told::new(Outcome::Success) };
    match body_holds(&mut response, text.as_bytes()).await {
        Ok(true) => Told::new(Outcome::Success),
        Ok(false) => {
            Told::failure(format!("answered {status}, but the body does not hold {text:?}"))
        }
        Err(error) => reason::of(&error),
    }
}

/// Whether the text is within the first bytes of the body; reads no further than it must.
async fn body_holds(response: &mut Response, text: &[u8]) -> reqwest::Result<bool> {
    let mut body: Vec<u8> = Vec::new();
    let mut searched = 0;
    loop {
        if text.is_empty() || body[searched..].windows(text.len()).any(|part| part == text) {
            return Ok(true);
        }
        searched = (body.len() + 1).saturating_sub(text.len());
        if body.len() >= BODY_BYTES_MAX {
            return Ok(false);
        }
        let Some(chunk) = response.chunk().await? else { return Ok(false) };
        let room = BODY_BYTES_MAX - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
}

/// `200-299, 301`.
fn expected(http: &HttpCheck) -> String {
    let range = |range: &std::ops::RangeInclusive<u16>| match (range.start(), range.end()) {
        (start, end) if start == end => start.to_string(),
        (start, end) => format!("{start}-{end}"),
    };
    http.expect.iter().map(range).collect::<Vec<_>>().join(", ")
}

fn days_left(response: &Response) -> Option<i64> {
    let shown = response.extensions().get::<reqwest::tls::TlsInfo>()?.peer_certificate()?;
    tls::days_left(shown, jiff::Timestamp::now())
}

fn build(tls: Option<&TlsCheck>, source: Option<IpAddr>) -> Result<Client, String> {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .pool_max_idle_per_host(0)
        .http1_only()
        .user_agent(USER_AGENT)
        .local_address(source)
        // One small request on a connection that lives no longer than the probe: socket options for long ones are
        // six system calls for nothing.
        .tcp_nodelay(false)
        .tcp_keepalive(None)
        .tcp_keepalive_interval(None)
        .tcp_keepalive_retries(None)
        .tcp_user_timeout(None)
        .dns_resolver(Arc::new(Target))
        .tls_backend_preconfigured(tls::client_config(tls)?)
        .tls_info(true)
        .build()
        .map_err(|error| format!("no HTTP client can be made: {error}"))
}

/// The request that a probe makes; else why none can be made of such a check.
pub(super) fn request(http: &HttpCheck, target: SocketAddr) -> Result<Request, String> {
    let method = Method::from_bytes(http.method.as_bytes())
        .map_err(|_| format!("{:?} is no HTTP method", http.method))?;
    let mut request = Request::new(method, url(http, target)?);
    let headers = request.headers_mut();
    for (name, text) in &http.headers {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("{name:?} is no name for an HTTP header"))?;
        headers.append(name, value(text)?);
    }
    if let Some(host) = &http.host {
        headers.insert(HOST, value(host)?);
    }
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}

fn value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text).map_err(|_| format!("{text:?} cannot stand in an HTTP header"))
}

/// The URL asks the target by its address or, under TLS, by the name that the certificate must bear: it is the
/// URL's host that goes into SNI and is verified.
fn url(http: &HttpCheck, target: SocketAddr) -> Result<Url, String> {
    if !http.path.starts_with('/') {
        return Err(format!("the path {:?} does not begin with /", http.path));
    }
    let Some(tls) = &http.tls else {
        return parse(&format!("http://{target}{}", http.path));
    };
    let by_address = || parse(&format!("https://{target}{}", http.path));
    let Some(name) = tls.server_name.as_deref().or(http.host.as_deref().map(without_port)) else {
        return by_address();
    };
    if let Ok(address) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
        // A URL with an address would be asked at that address.
        return if address == target.ip() {
            by_address()
        } else {
            Err(format!("the certificate is to bear {address}, but {} is probed", target.ip()))
        };
    }
    let url = parse(&format!("https://{name}:{}{}", target.port(), http.path))?;
    match url.domain() {
        Some(domain) if domain.eq_ignore_ascii_case(name) => Ok(url),
        _ => Err(format!("{name:?} is no name that a certificate could bear")),
    }
}

fn parse(url: &str) -> Result<Url, String> {
    Url::parse(url).map_err(|error| format!("{url:?} is no URL: {error}"))
}

/// `www.example.com` of `www.example.com:8443`; a bare IPv6 address is left whole.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            if name.contains(':') && !name.ends_with(']') { host } else { name }
        }
        _ => host,
    }
}
