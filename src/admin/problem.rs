//! What is wrong with a request, as its sender gets it (RFC 9457).

use crate::control::overrides::Refused;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt::Display;

/// The media type of problems (RFC 9457 §3).
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// A refusal with its reason and, where one is known, the cure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Problem {
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Problem {
    /// A refusal.
    pub(super) fn new(status: StatusCode, title: impl Display) -> Self {
        Self { status, title: title.to_string(), help: None, more: Map::new() }
    }

    /// A request that was not understood.
    pub(super) fn bad_request(title: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, title)
    }

    /// Says what to do.
    pub(super) fn help(mut self, help: impl Display) -> Self {
        self.help = Some(help.to_string());
        self
    }
}

/// Refusals of overrides are problems already, with members of their own.
impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let status = StatusCode::from_u16(refused.status);
        let mut problem =
            Self::new(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &refused.title);
        problem.help.clone_from(&refused.help);
        if let Ok(Value::Object(members)) = serde_json::to_value(&refused) {
            let own = ["status", "title", "help"];
            let more = members.into_iter().filter(|(name, _)| !own.contains(&name.as_str()));
            problem.more.extend(more);
        }
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Text and numbers can always be written.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let kind = HeaderValue::from_static(MEDIA_TYPE);
        let mut response = (self.status, [(header::CONTENT_TYPE, kind)], body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §11.6.1 demands it; the realm only names what the token is for.
            let challenge = HeaderValue::from_static("Bearer realm=\"fingerpost\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

fn as_number<S: serde::Serializer>(status: &StatusCode, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_flat_json() {
        let check = |problem: Problem, expected: &str| {
            assert_eq!(serde_json::to_string(&problem).expect("JSON"), expected);
        };
        let problem = Problem::new(StatusCode::NOT_FOUND, "unknown site \"fraa\"");
        check(problem.clone(), r#"{"status":404,"title":"unknown site \"fraa\""}"#);
        check(
            problem.help("did you mean \"fra\"?"),
            r#"{"status":404,"title":"unknown site \"fraa\"","help":"did you mean \"fra\"?"}"#,
        );
        let refused =
            r#"{"status":409,"title":"several are meant","help":"choose","choices":["a/x","b/x"]}"#;
        check(serde_json::from_str::<Refused>(refused).expect("a refusal").into(), refused);
    }
}
