//! An HTTP request to the query in it, or to the status that refuses it.

use super::MEDIA_TYPE;
use crate::answer::MESSAGE_BYTES_MAX;
use crate::wire::query::HEADER_BYTES;
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Body;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

/// What is understood on the path, as the Allow header lists it.
const METHODS: &str = "GET, HEAD, POST";

/// The variable of the URI template that holds the query (RFC 8484 §4.1).
const VARIABLE: &str = "dns";

/// base64url; clients must leave the padding off (RFC 8484 §6), and those that do not are understood all the same.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a request is not answered by DNS.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    text: &'static str,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, text: &'static str) -> Self {
        Self { status, text }
    }

    /// The response that says so.
    pub(super) fn response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(format!("{}\n", self.text)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static(METHODS));
        }
        response
    }
}

/// The query that a request carries. No longer than a DNS message may be, and long enough to have a header.
pub(super) async fn query<B>(request: Request<B>, path: &str) -> Result<Bytes, Refusal>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if request.uri().path() != path {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "queries are answered on another path"));
    }
    let query = match *request.method() {
        Method::GET | Method::HEAD => from_uri(request.uri().query().unwrap_or(""))?,
        Method::POST => from_body(request).await?,
        _ => return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "use GET or POST")),
    };
    match query.len() {
        ..HEADER_BYTES => {
            Err(Refusal::new(StatusCode::BAD_REQUEST, "the message is shorter than a DNS header"))
        }
        HEADER_BYTES..=MESSAGE_BYTES_MAX => Ok(query),
        _ => Err(too_long()),
    }
}

fn from_uri(variables: &str) -> Result<Bytes, Refusal> {
    let refuse = |text| Refusal::new(StatusCode::BAD_REQUEST, text);
    let encoded = variables
        .split('&')
        .filter_map(|variable| variable.split_once('='))
        .find(|(name, _)| *name == VARIABLE)
        .map(|(_, value)| value)
        .ok_or_else(|| refuse("the variable `dns` is missing"))?;
    // Padding may come percent-encoded, and nothing else that base64url consists of ever does.
    let encoded = encoded.trim_end_matches("%3D").trim_end_matches("%3d");
    BASE64URL
        .decode(encoded)
        .map(Bytes::from)
        .map_err(|_| refuse("the variable `dns` is not base64url"))
}

async fn from_body<B>(request: Request<B>) -> Result<Bytes, Refusal>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    // Parameters after a semicolon mean nothing to this type.
    let essence = media_type.and_then(|value| value.split(';').next()).unwrap_or("").trim();
    if !essence.eq_ignore_ascii_case(MEDIA_TYPE) {
        let text = "the content must be application/dns-message";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    if request.body().size_hint().lower() > MESSAGE_BYTES_MAX as u64 {
        return Err(too_long());
    }
    match Limited::new(request.into_body(), MESSAGE_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_long()),
        Err(_) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the content ended early")),
    }
}

fn too_long() -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the message is longer than a DNS message may be")
}
