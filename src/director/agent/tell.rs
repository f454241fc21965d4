//! One request and its answer: who may ask, what there is, and the table as it is now.
//!
//! The table is read when it is asked for, but not twice within [`FRESH`]: however often anyone asks, the kernel writes
//! it a few times a second at most.

use super::table::{self, Table};
use crate::config::Tokens;
use crate::director::feed::ipvs::{Document, VERSION};
use arc_swap::ArcSwapOption;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Response, StatusCode, Uri};
use jiff::Timestamp;
use serde::Serialize;
use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long one reading of the table serves.
const FRESH: Duration = Duration::from_millis(250);
/// The table, in bytes: far more than a feed is read.
const TABLE_BYTES_MAX: u64 = 16 << 20;

/// What answers.
pub(super) struct Teller {
    table: PathBuf,
    maintenance_file: Option<PathBuf>,
    /// Once tokens are asked for, some always are.
    tokens: ArcSwapOption<Tokens>,
    last: Mutex<Option<Reading>>,
}

/// What a reading of the table came to.
#[derive(Clone)]
struct Reading {
    read: Instant,
    at: Timestamp,
    outcome: Result<Arc<Table>, String>,
}

/// An answer that is none, in the shape that feeds look for.
#[derive(Serialize)]
struct Refusal<'a> {
    error: &'a str,
}

impl Teller {
    pub(super) fn new(
        proc: &Path,
        maintenance_file: Option<PathBuf>,
        tokens: Option<Tokens>,
    ) -> Self {
        Self {
            table: proc.join("net/ip_vs"),
            maintenance_file,
            tokens: ArcSwapOption::new(tokens.map(Arc::new)),
            last: Mutex::new(None),
        }
    }

    pub(super) fn set_tokens(&self, tokens: Tokens) {
        self.tokens.store(Some(Arc::new(tokens)));
    }

    /// The table as it is now, or why it cannot be told.
    pub(super) fn table(&self) -> Result<Arc<Table>, String> {
        self.reading().outcome
    }

    /// Answers a request; nothing is read of its body.
    pub(super) fn answer(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Response<Full<Bytes>> {
        let is_health = uri.path() == "/healthz";
        if !is_health && uri.path() != "/" {
            return refusal(StatusCode::NOT_FOUND, "there are / and /healthz");
        }
        if method != Method::GET && method != Method::HEAD {
            let mut response =
                refusal(StatusCode::METHOD_NOT_ALLOWED, "nothing can be changed here");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        if is_health {
            // Told to everyone: whoever asks whether the agent lives bears no token, and hears of no server.
            return match self.table() {
                Ok(_) => json(StatusCode::OK, b"{\"healthy\":true}".to_vec()),
                Err(reason) => refusal(StatusCode::SERVICE_UNAVAILABLE, &reason),
            };
        }
        if let Err(response) = self.admit(headers) {
            return *response;
        }
        let reading = self.reading();
        match reading.outcome {
            Ok(table) => json(StatusCode::OK, self.document(&table, reading.at)),
            Err(reason) => refusal(StatusCode::SERVICE_UNAVAILABLE, &reason),
        }
    }

    fn document(&self, table: &Table, at: Timestamp) -> Vec<u8> {
        let document = Document {
            version: VERSION,
            at,
            maintenance: self.maintenance_file.as_ref().is_some_and(|path| path.exists()),
            services: table.services.clone(),
            skipped: table.skipped.clone(),
        };
        // Text and numbers can always be written.
        serde_json::to_vec(&document).unwrap_or_default()
    }

    fn reading(&self) -> Reading {
        // Nothing panics between taking and storing, so a poisoned lock still guards a sound reading.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(reading) if reading.read.elapsed() < FRESH => reading.clone(),
            _ => {
                let outcome = read(&self.table).map(Arc::new);
                last.insert(Reading { read: Instant::now(), at: Timestamp::now(), outcome }).clone()
            }
        }
    }

    fn admit(&self, headers: &HeaderMap) -> Result<(), Box<Response<Full<Bytes>>>> {
        let Some(tokens) = self.tokens.load_full() else {
            // A page of elsewhere whose name was made to point to this host (DNS rebinding) bears its own name.
            return if is_own_name(headers) {
                Ok(())
            } else {
                let reason = "ask by address or as localhost, or start the agent with --token-file";
                Err(Box::new(refusal(StatusCode::FORBIDDEN, reason)))
            };
        };
        let shown =
            headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        let bearer = match shown.split_at_checked(b"Bearer ".len()) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"Bearer ") => token.trim_ascii(),
            _ => b"",
        };
        if tokens.find(bearer).is_some() {
            return Ok(());
        }
        let mut response =
            refusal(StatusCode::UNAUTHORIZED, "show a token of the agent's --token-file");
        // RFC 9110 §11.6.1 demands it.
        let challenge = HeaderValue::from_static("Bearer realm=\"fingerpost\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        Err(Box::new(response))
    }
}

/// Whether the request names this host by an address or as localhost (RFC 6761 §6.3).
fn is_own_name(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else {
        return false;
    };
    let Ok(authority) = host.parse::<hyper::http::uri::Authority>() else { return false };
    let host = authority.host();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().is_ok() || bare.eq_ignore_ascii_case("localhost")
}

fn read(path: &Path) -> Result<Table, String> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            format!("there is no {shown}: this kernel has no IPVS loaded; modprobe ip_vs")
        }
        _ => format!("cannot read {shown}: {error}"),
    })?;
    let mut bytes = Vec::new();
    file.take(TABLE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot read {shown}: {error}"))?;
    if bytes.len() as u64 > TABLE_BYTES_MAX {
        return Err(format!("{shown} is longer than {} MiB", TABLE_BYTES_MAX >> 20));
    }
    table::parse(&bytes).map_err(|reason| format!("{shown}: {reason}"))
}

fn refusal(status: StatusCode, error: &str) -> Response<Full<Bytes>> {
    json(status, serde_json::to_vec(&Refusal { error }).unwrap_or_default())
}

fn json(status: StatusCode, mut body: Vec<u8>) -> Response<Full<Bytes>> {
    body.push(b'\n');
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // A table that some proxy kept would be taken for true.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
