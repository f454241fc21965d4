//! The query of a request, taken key by key; what nobody asked for is a mistake, as it is in the configuration.

use super::problem::Problem;
use crate::report::nearest;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use std::convert::Infallible;

/// What stands after `?`.
#[derive(Debug)]
pub(super) struct Params {
    given: Vec<(String, String)>,
    known: Vec<&'static str>,
    /// What is wrong with all of it.
    broken: Option<Problem>,
}

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(match Query::<Vec<(String, String)>>::try_from_uri(&parts.uri) {
            Ok(Query(given)) => Self { given, known: Vec::new(), broken: None },
            Err(error) => {
                let broken = Problem::bad_request(error.body_text());
                Self { given: Vec::new(), known: Vec::new(), broken: Some(broken) }
            }
        })
    }
}

impl Params {
    /// The value of a key, if it was given.
    pub(super) fn take(&mut self, key: &'static str) -> Result<Option<String>, Problem> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        self.known.push(key);
        let Some(at) = self.given.iter().position(|(given, _)| given == key) else {
            return Ok(None);
        };
        let (_, value) = self.given.remove(at);
        if self.given.iter().any(|(given, _)| given == key) {
            return Err(Problem::bad_request(format!("{key} was given twice")));
        }
        Ok(Some(value))
    }

    /// The value of a key that must be given.
    pub(super) fn required(&mut self, key: &'static str, help: &str) -> Result<String, Problem> {
        let missing = || Problem::bad_request(format!("{key} is missing")).help(help);
        self.take(key)?.ok_or_else(missing)
    }

    /// The value of a key, read by `read`; a value that is not understood is a problem with this cure.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        key: &'static str,
        help: &str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.take(key)? else { return Ok(None) };
        let wrong = |error| Problem::bad_request(format!("{key} = {text:?}: {error}")).help(help);
        read(&text).map(Some).map_err(wrong)
    }

    /// Complains of a key that nobody asked for.
    pub(super) fn finish(self) -> Result<(), Problem> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        let Some((key, _)) = self.given.first() else { return Ok(()) };
        let problem = Problem::bad_request(format!("unknown parameter {key:?}"));
        Err(match nearest(key, self.known.iter().copied()) {
            Some(near) => problem.help(format!("did you mean {near:?}?")),
            None if self.known.is_empty() => problem.help("nothing is known here"),
            None => problem.help(format!("known here: {}", self.known.join(", "))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    async fn params(query: &str) -> Params {
        let (mut parts, ()) =
            Request::get(format!("/x{query}")).body(()).expect("a request").into_parts();
        let Ok(params) = Params::from_request_parts(&mut parts, &()).await;
        params
    }

    #[tokio::test]
    async fn keys_are_taken_once_and_the_rest_is_wrong() {
        let mut good = params("?name=a%20b&after=7").await;
        assert_eq!(good.take("name"), Ok(Some("a b".to_owned())));
        assert_eq!(good.parsed("after", "", str::parse::<u64>), Ok(Some(7)));
        assert_eq!(good.take("client"), Ok(None));
        assert_eq!(good.finish(), Ok(()));
        let check = |found: Result<(), Problem>, title: &str, help: &str| {
            let text = serde_json::to_string(&found.expect_err(title)).expect("JSON");
            assert!(text.contains(title) && text.contains(help), "{text}");
        };
        let mut unknown = params("?nam=a").await;
        assert_eq!(unknown.take("name"), Ok(None));
        check(unknown.finish(), r#"unknown parameter \"nam\""#, r#"did you mean \"name\"?"#);
        let mut twice = params("?name=a&name=b").await;
        check(twice.take("name").map(drop), "name was given twice", "");
        let mut number = params("?after=x").await;
        let wrong = number.parsed("after", "a number", str::parse::<u64>).map(drop);
        check(wrong, r#"after = \"x\": invalid digit"#, "a number");
        check(params("").await.required("name", "ask for one").map(drop), "name is missing", "ask");
    }
}
