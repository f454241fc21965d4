//! The running server, as the commands that talk to it see it: requests to its admin API, and what went wrong in words.
//!
//! ```text
//! arguments, configuration ─ target ─► Api ─ one small HTTP request ─► the server's [admin] listen
//!                        typed answer, or a Failure with its cure ◄─┘
//! ```
//!
//! A command flattens [`Target`] into its arguments and does its work in [`Target::talk`]. Nothing is retried here, no
//! redirect is followed and no proxy asked: a token goes to the server that was named, or nowhere.

mod target;

pub(super) use target::Target;

use crate::report::{Finding, Report};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, Request, Response, Url};
use rustls::RootCertStore;
use rustls::client::ClientConfig;
use rustls::crypto::ring;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// Where the state of the whole server is told.
pub(super) const STATUS: &str = "api/v1/status";
/// Where the server is asked to read its inputs again.
pub(super) const RELOAD: &str = "api/v1/reload";
/// Where overrides are listed, set and removed.
pub(super) const OVERRIDES: &str = "api/v1/overrides";
/// Where recent events are told.
pub(super) const EVENTS: &str = "api/v1/events";

/// The server is near, most often on this machine: what takes longer than this to connect will not.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// What is only read is at hand.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// What is changed is loaded and compiled first: large zones and databases take their time.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(120);
/// The state of a hundred thousand endpoints fits; whatever is longer is no answer of this API.
const BODY_BYTES_MAX: usize = 256 << 20;
/// As much of a foreign answer as is repeated to a person, in characters.
const QUOTED_CHARS_MAX: usize = 200;

/// A server that can be asked.
pub(super) struct Api {
    client: Client,
    /// With a path that ends in a slash.
    base: Url,
    token: Token,
}

/// What is shown as the right to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// Nothing, and no file was named.
    None,
    /// Nothing: the file that the configuration names could not be read.
    Unreadable { path: String, why: String },
    /// The token that a file holds.
    Read { path: String, header: HeaderValue },
}

/// Why the server did not do what was asked.
#[derive(Debug)]
pub(super) struct Failure {
    /// What went wrong, and the cure.
    pub finding: Finding,
    /// The HTTP status, where the server itself refused.
    pub status: Option<u16>,
    /// The JSON that came with the status: a problem (RFC 9457) with whatever belongs to it, or null.
    pub body: Value,
    /// Whether nobody answered at all.
    pub silent: bool,
}

impl From<Failure> for Report {
    fn from(failure: Failure) -> Self {
        failure.finding.into()
    }
}

impl From<Finding> for Failure {
    fn from(finding: Finding) -> Self {
        Self { finding, status: None, body: Value::Null, silent: false }
    }
}

impl Api {
    fn new(base: Url, token: Token) -> Result<Self, Failure> {
        let client = client(base.scheme() == "https").map_err(Finding::error)?;
        Ok(Self { client, base, token })
    }

    /// Where the server is asked.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Reads what is at `path`, with a query if there are pairs.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Failure> {
        let text = self.get_text(path, query).await?;
        self.decode(path, &text).await
    }

    /// Reads what is at `path`, as JSON text just as it came.
    pub async fn get_text(&self, path: &str, query: &[(&str, &str)]) -> Result<String, Failure> {
        self.exchange(Method::GET, path, query, None, READ_TIMEOUT).await
    }

    /// Posts an order; an empty object where there is nothing to say.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        order: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(order)
            .map_err(|error| Finding::error(format!("the order cannot be written: {error}")))?;
        let text = self.exchange(Method::POST, path, &[], Some(body), CHANGE_TIMEOUT).await?;
        self.decode(path, &text).await
    }

    /// Removes what the query names.
    pub async fn delete<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Failure> {
        let text = self.exchange(Method::DELETE, path, query, None, CHANGE_TIMEOUT).await?;
        self.decode(path, &text).await
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
        timeout: Duration,
    ) -> Result<String, Failure> {
        let request = self.request(method, path, query, body)?;
        let exchange = async {
            let response = self.client.execute(request).await.map_err(|e| self.unreachable(&e))?;
            self.judge(response).await
        };
        match tokio::time::timeout(timeout, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.silent(timeout)),
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Request, Failure> {
        let mut url = self.base.join(path).map_err(|error| {
            Finding::error(format!("{path:?} cannot be asked of {}: {error}", self.base))
        })?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = Request::new(method, url);
        if let Token::Read { header, .. } = &self.token {
            request.headers_mut().insert(AUTHORIZATION, header.clone());
        }
        if let Some(body) = body {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
            *request.body_mut() = Some(body.into());
        }
        Ok(request)
    }

    /// The text of a good answer; of any other, what it means.
    async fn judge(&self, mut response: Response) -> Result<String, Failure> {
        let status = response.status();
        let media_type = response.headers().get(CONTENT_TYPE);
        let media_type = media_type.and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
        let mut body: Vec<u8> = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.unreachable(&e))? {
            if body.len() + chunk.len() > BODY_BYTES_MAX {
                return Err(self.foreign(&format!("with more than {BODY_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        let is_json = matches!(
            media_type.split(';').next().map(str::trim),
            Some("application/json" | "application/problem+json")
        );
        if status.as_u16() == 401 {
            return Err(self.unauthorised());
        }
        let text = String::from_utf8(body).ok().filter(|_| is_json);
        let Some(text) = text else {
            let what = if media_type.is_empty() { "no kind of content" } else { &media_type };
            return Err(self.foreign(&format!("{status}, with {}", quoted(what))));
        };
        if status.is_success() {
            return Ok(text);
        }
        let mut body: Value = serde_json::from_str(&text).unwrap_or_default();
        clean(&mut body);
        let title = body["title"].as_str().map(quoted);
        let title = title.unwrap_or_else(|| format!("the server answered {status}"));
        let mut finding = Finding::error(title);
        finding.help = body["help"].as_str().map(quoted);
        Err(Failure { status: Some(status.as_u16()), body, ..finding.into() })
    }

    /// Reads an answer, without the control characters that its texts may hold: they are for a terminal. If it is not
    /// as this program knows it, says which version of the server gave it.
    pub async fn decode<T: DeserializeOwned>(&self, path: &str, text: &str) -> Result<T, Failure> {
        let answer = serde_json::from_str(text).and_then(|mut answer| {
            clean(&mut answer);
            serde_json::from_value(answer)
        });
        let error = match answer {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let status = self.get_text(STATUS, &[]).await?;
        let status: Value = serde_json::from_str(&status).unwrap_or_default();
        let own = env!("CARGO_PKG_VERSION");
        Err(match status["server"]["version"].as_str() {
            None => self.foreign(&format!("with other JSON at {path} ({error})")),
            Some(version) => {
                let base = &self.base;
                let version = quoted(version);
                let message = if version == own {
                    format!("the answer of {base}{path} is not understood: {error}")
                } else {
                    format!(
                        "{base} runs fingerpost {version}, and this is {own}: \
                         its answer is not understood ({error})"
                    )
                };
                let help = "use the fingerpost program of the version that runs";
                Finding::error(message).help(help).into()
            }
        })
    }

    /// No answer came.
    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let cause = innermost(error);
        let base = &self.base;
        if error.is_timeout() {
            return self.silent(CONNECT_TIMEOUT);
        }
        if !error.is_connect() {
            return self.foreign(&format!("but not in HTTP as expected ({cause})"));
        }
        let message = format!("no server answers at {base}: {cause}");
        let help = "is `fingerpost serve` running, with this address as [admin] listen in its \
                    configuration? --server URL names another";
        Failure { silent: true, ..Finding::error(message).help(help).into() }
    }

    fn silent(&self, waited: Duration) -> Failure {
        let message = format!("{} gave no answer within {} s", self.base, waited.as_secs());
        let help = "is the address right, and reachable from here? the server's log may say more";
        Failure { silent: true, ..Finding::error(message).help(help).into() }
    }

    /// Something answers that does not speak as Fingerpost does.
    fn foreign(&self, how: &str) -> Failure {
        let message = format!("{} is no Fingerpost: it answered {how}", self.base);
        let help = "another program has that port; the address is [admin] listen in the \
                    configuration of the server, and --server URL names another";
        Finding::error(message).help(help).into()
    }

    fn unauthorised(&self) -> Failure {
        let base = &self.base;
        let (message, help) = match &self.token {
            Token::None => (
                format!("{base} wants a token"),
                "say --token-file and the file that the server has as [admin] token_file".into(),
            ),
            Token::Unreadable { path, why } => (
                format!("{base} wants a token, and the one in {path} cannot be read: {why}"),
                "run this as a user who may read it, or say --token-file FILE".into(),
            ),
            Token::Read { path, .. } => (
                format!("{base} does not know the token in {path}"),
                format!("compare {path} with the file that the server has as [admin] token_file"),
            ),
        };
        let finding = Finding::error(message).help(help);
        Failure { status: Some(401), ..finding.into() }
    }
}

/// One client for one server. Where nothing is encrypted, no certificate roots are looked for.
fn client(encrypted: bool) -> Result<Client, String> {
    let cannot = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error}");
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| cannot("TLS cannot be set up", &error))?;
    let tls = if encrypted {
        let system = rustls_platform_verifier::Verifier::new(provider)
            .map_err(|error| cannot("the system's certificate roots cannot be used", &error))?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(system)).with_no_client_auth()
    } else {
        builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    };
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("fingerpost/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls)
        .build()
        .map_err(|error| cannot("no HTTP client can be made", &error))
}

/// The cause at the bottom, which says what happened; those above it only where.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    quoted(&at.to_string())
}

fn clean(value: &mut Value) {
    match value {
        Value::String(text) if text.contains(char::is_control) => {
            *text = text.replace(char::is_control, " ");
        }
        Value::Array(values) => values.iter_mut().for_each(clean),
        Value::Object(members) => members.values_mut().for_each(clean),
        _ => {}
    }
}

/// Foreign text for a terminal: one line, without control characters, not too long.
fn quoted(text: &str) -> String {
    let clean = |letter: char| if letter.is_control() { ' ' } else { letter };
    let mut line: String = text.chars().take(QUOTED_CHARS_MAX).map(clean).collect();
    if text.chars().nth(QUOTED_CHARS_MAX).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests;
