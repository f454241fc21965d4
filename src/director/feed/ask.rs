//! One question to a feed and its answer, in bytes: over HTTP, or to HAProxy's runtime socket.
//!
//! No proxy, no redirect, no retry, no connection used twice, and never more of a body than the bound. Files that let
//! in are read at every question, so that a token can be changed without a reload. The caller bounds the time.

use super::limits::{AUTH_BYTES_MAX, BODY_BYTES_MAX};
use crate::director::fault::{Fault, FaultKind};
use crate::health::check::TlsCheck;
use crate::health::prober::{reason, tls};
use crate::steer::director::{FeedSource, HaproxySource, HttpAuth, HttpSource};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONNECTION, HeaderValue};
use reqwest::{Client, Method, Request, StatusCode, Url};
use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

const USER_AGENT: &str = concat!("fingerpost/", env!("CARGO_PKG_VERSION"));

/// What is asked of HAProxy's runtime socket.
const SHOW_STAT: &[u8] = b"show stat\n";

/// HTTP clients, one for each way of judging certificates, made when first needed.
#[derive(Debug, Default)]
pub(super) struct Asker {
    made: Mutex<HashMap<Judge, Client>>,
}

/// How certificates are judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Judge {
    /// There are none.
    Plain,
    /// By the roots of this file; none: by the system's.
    Roots(Option<PathBuf>),
}

impl Asker {
    /// Makes all clients anew when next needed, so that changed certificate roots are seen.
    pub(super) fn forget(&self) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The whole answer, or why there is none.
    pub(super) async fn ask(&self, source: &FeedSource) -> Result<Vec<u8>, Fault> {
        match source {
            FeedSource::Haproxy { from: HaproxySource::Unix(path), .. } => {
                show_stat_unix(path).await
            }
            FeedSource::Haproxy { from: HaproxySource::Tcp(address), .. } => {
                let stream = TcpStream::connect(address).await.map_err(|error| broken(&error))?;
                show_stat(stream).await
            }
            FeedSource::Haproxy { from: HaproxySource::Http(http), .. }
            | FeedSource::Ipvs(http)
            | FeedSource::Json(http) => self.get(http).await,
        }
    }

    async fn get(&self, http: &HttpSource) -> Result<Vec<u8>, Fault> {
        let local = |why| Fault::new(FaultKind::Local, why);
        let url = Url::parse(&http.url);
        let url = url.map_err(|error| local(format!("{:?} is no URL: {error}", http.url)))?;
        let client = self.client(&url, http).map_err(local)?;
        let mut request = Request::new(Method::GET, url);
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        if let Some(auth) = &http.auth {
            request.headers_mut().insert(AUTHORIZATION, authorization(auth).await.map_err(local)?);
        }
        let mut response = client.execute(request).await.map_err(|error| broken(&error))?;
        if response.status() != StatusCode::OK {
            let told = response.chunk().await.ok().flatten().unwrap_or_default();
            let why = refused(response.status(), &told, http.auth.is_some());
            return Err(Fault::new(FaultKind::Status, why));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + chunk.len() > BODY_BYTES_MAX {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn client(&self, url: &Url, http: &HttpSource) -> Result<Client, String> {
        let judge = match url.scheme() {
            "https" => Judge::Roots(http.roots.clone()),
            _ => Judge::Plain,
        };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&judge) {
            return Ok(client.clone());
        }
        let tls = match &judge {
            Judge::Plain => None,
            Judge::Roots(roots) => {
                Some(TlsCheck { server_name: None, roots: roots.clone(), verify: true })
            }
        };
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .pool_max_idle_per_host(0)
            .http1_only()
            .user_agent(USER_AGENT)
            .tls_backend_preconfigured(tls::client_config(tls.as_ref())?)
            .build()
            .map_err(|error| format!("no HTTP client can be made: {error}"))?;
        made.insert(judge, client.clone());
        Ok(client)
    }
}

/// Why a status is no answer; agents say more in the body.
fn refused(status: StatusCode, body: &[u8], has_auth: bool) -> String {
    #[derive(serde::Deserialize)]
    struct Told {
        error: String,
    }
    let hint = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if has_auth => {
            "it does not take the token or login"
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "it asks for a token_file or login_file"
        }
        status if status.is_redirection() => {
            "redirects are not followed, give the address that it leads to"
        }
        _ => "",
    };
    let status = status.as_u16();
    match serde_json::from_slice(body) {
        _ if !hint.is_empty() => format!("answered {status}, expected 200: {hint}"),
        Ok(Told { error }) => format!("answered {status}: {error}"),
        Err(_) => format!("answered {status}, expected 200"),
    }
}

fn too_long() -> Fault {
    Fault::unreadable(format!("the answer is longer than {} MiB", BODY_BYTES_MAX >> 20))
}

/// Why a connection came to nothing.
fn broken(error: &(dyn Error + 'static)) -> Fault {
    Fault::new(kind(error), reason::in_words(error))
}

/// The kind that some cause of an error tells.
fn kind(error: &(dyn Error + 'static)) -> FaultKind {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<rustls::Error>() {
            return FaultKind::Tls;
        }
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            return FaultKind::Unreadable;
        }
        let of_system = error.downcast_ref::<io::Error>();
        if of_system.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return FaultKind::Timeout;
        }
        // An io::Error that wraps another does not name it as its source, but that one's source.
        next = match of_system.and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    FaultKind::Connection
}

async fn authorization(auth: &HttpAuth) -> Result<HeaderValue, String> {
    let (path, text) = match auth {
        HttpAuth::TokenFile(path) => (path, format!("Bearer {}", first_line(path).await?)),
        HttpAuth::BasicFile(path) => {
            let login = first_line(path).await?;
            if !login.contains(':') {
                return Err(format!("the first line of {} is not USER:PASSWORD", path.display()));
            }
            (path, format!("Basic {}", STANDARD.encode(login)))
        }
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| format!("the first line of {} cannot stand in a header", path.display()))?;
    value.set_sensitive(true);
    Ok(value)
}

async fn first_line(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let cannot = |error| format!("cannot read {shown}: {error}");
    let file = tokio::fs::File::open(path).await.map_err(cannot)?;
    let mut text = Vec::new();
    file.take(AUTH_BYTES_MAX as u64).read_to_end(&mut text).await.map_err(cannot)?;
    let text = String::from_utf8(text).map_err(|_| format!("{shown} is no UTF-8 text"))?;
    match text.lines().next().map(str::trim) {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(format!("the first line of {shown} is empty")),
    }
}

#[cfg(unix)]
async fn show_stat_unix(path: &Path) -> Result<Vec<u8>, Fault> {
    let stream = tokio::net::UnixStream::connect(path).await;
    let stream = stream.map_err(|error| {
        let Fault { kind, why } = broken(&error);
        Fault::new(kind, format!("{}: {why}", path.display()))
    })?;
    show_stat(stream).await
}

#[cfg(not(unix))]
async fn show_stat_unix(path: &Path) -> Result<Vec<u8>, Fault> {
    let why = format!("{}: this system has no such sockets", path.display());
    Err(Fault::new(FaultKind::Local, why))
}

/// HAProxy answers one command and closes.
async fn show_stat(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<Vec<u8>, Fault> {
    stream.write_all(SHOW_STAT).await.map_err(|error| broken(&error))?;
    let mut answer = Vec::new();
    let bound = BODY_BYTES_MAX as u64 + 1;
    stream.take(bound).read_to_end(&mut answer).await.map_err(|error| broken(&error))?;
    if answer.len() > BODY_BYTES_MAX {
        return Err(too_long());
    }
    Ok(answer)
}
