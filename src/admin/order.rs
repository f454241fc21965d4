//! The body of a request that orders something.
//!
//! It must be called JSON by its `Content-Type`: that is what keeps a form on a foreign page from sending one
//! ([`super::access`]), so even an order without a body says so.

use super::limits::{BODY_BYTES_MAX, BODY_BYTES_SKIPPED_MAX};
use super::problem::Problem;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Body;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::fmt::Display;

/// An order, read.
#[derive(Debug)]
pub(super) struct Order<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Order<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            let problem = Problem::new(status, "an order is JSON, and must be called so");
            return Err(problem.help("send Content-Type: application/json"));
        }
        let bytes =
            Bytes::from_request(request, state).await.map_err(|error| unreadable(&error))?;
        parse(&bytes).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Reads an order; one that says nothing is an empty object.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let bytes = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes };
    let title = |what: &str, error: &serde_json::Error| format!("{what}: {error}");
    // The texts of errors end with line and column.
    serde_json::from_slice::<IgnoredAny>(bytes)
        .map_err(|error| Problem::bad_request(title("the body is not JSON", &error)))?;
    let misunderstood = |title| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title);
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        // The derived readers take a list for an object without names.
        return Err(misunderstood("the order is not understood: it must be an object".to_owned()));
    }
    serde_json::from_slice(bytes)
        .map_err(|error| misunderstood(title("the order is not understood", &error)))
}

/// Reads a whole body of bounded length.
pub(super) async fn read<B>(mut body: B) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    let declared = body.size_hint().lower();
    let too_long = || {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        Problem::new(status, format!("the body is longer than {BODY_BYTES_MAX} bytes"))
    };
    if declared > BODY_BYTES_SKIPPED_MAX as u64 {
        return Err(too_long());
    }
    let mut whole = Vec::new();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| unreadable(&error))?.into_data() else { continue };
        bytes += data.len();
        if bytes > BODY_BYTES_SKIPPED_MAX {
            break;
        }
        if bytes <= BODY_BYTES_MAX {
            whole.extend_from_slice(&data);
        }
    }
    if bytes > BODY_BYTES_MAX { Err(too_long()) } else { Ok(whole.into()) }
}

fn unreadable(error: &impl Display) -> Problem {
    Problem::bad_request(format!("the body cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;
    use http_body_util::Full;
    use serde::Deserialize;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
        site: Option<String>,
        force: bool,
    }

    #[tokio::test]
    async fn orders_and_what_is_none() {
        let check = async |kind: &str, body: &str, expected: Result<Sample, (u16, &str)>| {
            let request = Request::post("/")
                .header(header::CONTENT_TYPE, kind)
                .body(body.to_owned().into())
                .expect("a request");
            let read = Order::<Sample>::from_request(request, &()).await;
            match (read, expected) {
                (Ok(Order(read)), Ok(expected)) => assert_eq!(read, expected, "{body}"),
                (Err(problem), Err((status, part))) => {
                    let text = serde_json::to_string(&problem).expect("JSON");
                    assert!(text.contains(part), "{body}: {text}");
                    assert_eq!(problem.into_response().status(), status, "{body}");
                }
                (read, _) => panic!("{kind} {body}: {read:?}"),
            }
        };
        let json = "application/json";
        let fra = Sample { site: Some("fra".to_owned()), force: true };
        check(json, r#"{"site":"fra","force":true}"#, Ok(fra)).await;
        check("Application/JSON; charset=utf-8", "", Ok(Sample::default())).await;
        check(json, " \n", Ok(Sample::default())).await;
        check("text/plain", "{}", Err((415, "Content-Type: application/json"))).await;
        check("application/x-www-form-urlencoded", "a=b", Err((415, "JSON"))).await;
        check(json, "{\"site\":", Err((400, "line 1 column 8"))).await;
        check(json, "{\n\"site\" \"fra\"}", Err((400, "line 2 column 8"))).await;
        check(json, "{\"site\":1}", Err((422, "line 1 column 9"))).await;
        check(json, "{\"sites\":\"fra\"}", Err((422, "unknown field `sites`"))).await;
        check(json, "[]", Err((422, "must be an object"))).await;
        check(json, "{} {}", Err((400, "trailing characters at line 1 column 4"))).await;
    }

    #[tokio::test]
    async fn bodies_are_bounded() {
        let check = async |bytes: usize, expected: bool| {
            let body = Full::new(Bytes::from(vec![b' '; bytes]));
            let read = read(body).await.map(|body| body.len());
            assert_eq!(read.ok(), expected.then_some(bytes), "{bytes}");
        };
        check(0, true).await;
        check(BODY_BYTES_MAX, true).await;
        check(BODY_BYTES_MAX + 1, false).await;
        check(BODY_BYTES_SKIPPED_MAX + 1, false).await;
    }
}
