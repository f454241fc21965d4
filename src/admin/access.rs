//! Who may ask: whoever bears a token, or, where none is asked for, whoever is on this host and is not a web page of
//! somebody else.
//!
//! Without a token the API listens on loopback alone, but a browser on this host carries requests there for any page
//! that it shows. Two checks keep such pages out. A page whose name was made to point to 127.0.0.1 (DNS rebinding) may
//! read answers, yet its requests bear its own name in `Host`: only names and addresses of this host are taken. A page
//! of elsewhere may send requests without reading the answers: what changes something must not bear the `Origin` of
//! another page, and a body must be called JSON, which a foreign page cannot do unasked.
//!
//! With a token none of this is needed, as no browser adds it by itself.

use super::problem::Problem;
use crate::config::{Token, Tokens};
use crate::control::Handle;
use arc_swap::ArcSwapOption;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, header};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Told to everyone: an orchestrator that asks whether the process lives bears no token and knows no name.
const PROBED: [&str; 2] = ["/livez", "/readyz"];

/// What holds who may ask.
pub(super) struct Door {
    /// The addresses that were bound.
    own: Vec<SocketAddr>,
    /// The tokens asked for last. Once some are, some always are: where it listens does not change with a reload.
    tokens: ArcSwapOption<Tokens>,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Caller {
    /// What it has shown, if it was asked for one.
    token: Option<Token>,
}

impl Caller {
    /// Who asks, for the record. The name of the token is known and comes first; what the caller says of itself is
    /// only said, and stands behind it if it is another.
    pub(super) fn asking(self, claimed: Option<String>) -> Option<String> {
        let claimed = claimed.filter(|claimed| !claimed.is_empty());
        match (self.token.and_then(|token| token.name), claimed) {
            (Some(name), Some(claimed)) if claimed != name => Some(format!("{name}, as {claimed}")),
            (name, claimed) => name.or(claimed),
        }
    }
}

impl Door {
    pub(super) fn new(own: Vec<SocketAddr>, tokens: Option<Arc<Tokens>>) -> Self {
        Self { own, tokens: ArcSwapOption::new(tokens) }
    }

    /// Lets a request in, or says why not.
    pub(super) fn admit(&self, request: &Parts, handle: &Handle) -> Result<Caller, Problem> {
        self.take_up_tokens(handle);
        self.check(request)
    }

    /// Whether who was let in would still be: its token may have been taken away since.
    pub(super) fn still_admits(&self, caller: &Caller, handle: &Handle) -> bool {
        self.take_up_tokens(handle);
        self.knows(caller)
    }

    fn take_up_tokens(&self, handle: &Handle) {
        if let Some(tokens) = handle.config().admin.as_ref().and_then(|admin| admin.tokens.clone())
        {
            self.tokens.store(Some(tokens));
        }
    }

    fn knows(&self, caller: &Caller) -> bool {
        self.tokens.load().as_deref().is_none_or(|tokens| {
            let shown = caller.token.as_ref();
            shown.is_some_and(|token| tokens.find(token.secret().as_bytes()).is_some())
        })
    }

    fn check(&self, request: &Parts) -> Result<Caller, Problem> {
        let path = request.uri.path();
        if PROBED.contains(&path) {
            return Ok(Caller::default());
        }
        if let Some(tokens) = self.tokens.load().as_deref() {
            // The page holds no secret, and is where a person gives the token.
            if path == "/" || path.starts_with("/assets/") {
                return Ok(Caller::default());
            }
            return bearer(&request.headers, tokens)
                .map(|token| Caller { token: Some(token.clone()) });
        }
        let host = host(request)?;
        if !self.is_own(&host) {
            let title = format!("{host} is not a name of this server");
            let help = "ask it as localhost or by its address, or set admin.token_file";
            return Err(Problem::new(StatusCode::FORBIDDEN, title).help(help));
        }
        if !request.method.is_safe() && request.method != Method::OPTIONS {
            same_origin(&request.headers, &host)?;
        }
        Ok(Caller::default())
    }

    /// Whether nobody but this host can have meant it by this name.
    fn is_own(&self, authority: &Authority) -> bool {
        let host = authority.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            let ip = ip.to_canonical();
            return ip.is_loopback() || self.own.iter().any(|own| own.ip().to_canonical() == ip);
        }
        // All of it is loopback by definition (RFC 6761 §6.3).
        let host = host.to_ascii_lowercase();
        host == "localhost" || host.ends_with(".localhost")
    }
}

/// The token of a request (RFC 6750 §2.1).
fn bearer<'t>(headers: &HeaderMap, tokens: &'t Tokens) -> Result<&'t Token, Problem> {
    let refused =
        |title: &str, help: &str| Err(Problem::new(StatusCode::UNAUTHORIZED, title).help(help));
    let Some(given) = headers.get(header::AUTHORIZATION) else {
        return refused("a token is needed", "send it as Authorization: Bearer TOKEN");
    };
    let given = given.as_bytes();
    let Some((scheme, shown)) = given.split_at_checked(7) else {
        return refused("the Authorization is no bearer token", "send Authorization: Bearer TOKEN");
    };
    if !scheme.eq_ignore_ascii_case(b"bearer ") {
        return refused("the Authorization is no bearer token", "send Authorization: Bearer TOKEN");
    }
    match tokens.find(shown.trim_ascii()) {
        Some(token) => Ok(token),
        None => refused("the token is not known here", "show one that stands in admin.token_file"),
    }
}

/// Whom the client means to ask.
fn host(request: &Parts) -> Result<Authority, Problem> {
    // The target counts if it names a host (RFC 9112 §3.2.2).
    if let Some(authority) = request.uri.authority() {
        return Ok(authority.clone());
    }
    let mut given = request.headers.get_all(header::HOST).iter();
    let (Some(host), None) = (given.next(), given.next()) else {
        return Err(Problem::bad_request("the request must have one Host header"));
    };
    Authority::try_from(host.as_bytes())
        .map_err(|error| Problem::bad_request(format!("the Host header is no host: {error}")))
}

/// Browsers name the page that sends what may change something; other clients name none.
fn same_origin(headers: &HeaderMap, host: &Authority) -> Result<(), Problem> {
    for origin in headers.get_all(header::ORIGIN) {
        let own = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.split_once("://"))
            .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host.as_str()));
        if !own {
            let title = "a page of elsewhere may change nothing here";
            let help = "use the page that this server itself shows, or set admin.token_file";
            return Err(Problem::new(StatusCode::FORBIDDEN, title).help(help));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn status(door: &Door, method: &str, target: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        match door.check(&parts) {
            Ok(_) => 200,
            Err(problem) => {
                use axum::response::IntoResponse;
                problem.into_response().status().as_u16()
            }
        }
    }

    #[test]
    fn without_a_token_only_this_host_may_ask() {
        let own = vec!["127.0.0.1:8053".parse().unwrap(), "[::1]:8053".parse().unwrap()];
        let door = Door::new(own, None);
        let check = |host: &str, expected: u16| {
            assert_eq!(
                status(&door, "GET", "/api/v1/status", &[("host", host)]),
                expected,
                "{host}"
            );
        };
        check("localhost", 200);
        check("LOCALHOST:9000", 200);
        check("fingerpost.localhost:8053", 200);
        check("127.0.0.1:8053", 200);
        check("127.8.8.8", 200);
        check("[::1]:8053", 200);
        check("[::ffff:127.0.0.1]", 200);
        check("evil.example", 403);
        check("evil.example:8053", 403);
        check("localhost.evil.example", 403);
        check("127.0.0.1.evil.example", 403);
        check("192.0.2.1:8053", 403);
        check("0.0.0.0:8053", 403);
        check("", 400);
        check("a b", 400);
        let check = |target: &str, headers: &[(&str, &str)], expected: u16| {
            assert_eq!(status(&door, "GET", target, headers), expected, "{target} {headers:?}");
        };
        check("/api/v1/status", &[], 400);
        check("/api/v1/status", &[("host", "localhost"), ("host", "evil.example")], 400);
        check("http://evil.example/api/v1/status", &[("host", "localhost")], 403);
        check("/livez", &[("host", "10.1.2.3")], 200);
        check("/readyz", &[], 200);
        check("/", &[("host", "evil.example")], 403);
    }

    #[test]
    fn foreign_pages_change_nothing() {
        let door = Door::new(Vec::new(), None);
        let check = |method: &str, origin: &str, expected: u16| {
            let headers = [("host", "localhost:8053"), ("origin", origin)];
            assert_eq!(status(&door, method, "/x", &headers), expected, "{method} {origin}");
        };
        check("GET", "http://evil.example", 200);
        check("POST", "http://localhost:8053", 200);
        check("POST", "http://LocalHost:8053", 200);
        check("POST", "http://localhost:3000", 403);
        check("POST", "http://localhost", 403);
        check("DELETE", "https://evil.example", 403);
        check("POST", "null", 403);
        check("PUT", "", 403);
    }

    #[test]
    fn with_tokens_only_their_bearers_may_ask() {
        let tokens = Tokens::parse("anna: anna-s-secret\nplain-secret\n").expect("tokens");
        let door = Door::new(vec!["192.0.2.1:8053".parse().unwrap()], Some(Arc::new(tokens)));
        let check = |target: &str, shown: &str, expected: u16| {
            let headers = [("host", "any.example"), ("authorization", shown)];
            assert_eq!(status(&door, "POST", target, &headers), expected, "{target} {shown}");
        };
        check("/api/v1/reload", "Bearer anna-s-secret", 200);
        check("/api/v1/reload", "bearer  plain-secret", 200);
        check("/api/v1/reload", "Bearer wrong", 401);
        check("/api/v1/reload", "Bearer", 401);
        check("/api/v1/reload", "Bearer ", 401);
        check("/api/v1/reload", "Basic YTpi", 401);
        check("/api/v1/reload", "anna-s-secret", 401);
        check("/openapi.json", "", 401);
        check("/assetsx", "", 401);
        check("/livez", "", 200);
        check("/", "", 200);
        check("/assets/page.js", "", 200);
    }

    #[test]
    fn a_token_that_is_taken_away_closes_what_it_has_opened() {
        let tokens = |text: &str| Arc::new(Tokens::parse(text).expect("tokens"));
        let before = tokens("anna: anna-s-secret\nplain-secret\n");
        let door = Door::new(Vec::new(), None);
        let check = |shown: Option<&[u8]>, expected: bool| {
            let token = shown.map(|shown| before.find(shown).expect("a token of before").clone());
            assert_eq!(door.knows(&Caller { token }), expected, "{shown:?}");
        };
        check(None, true);
        door.tokens.store(Some(before.clone()));
        check(Some(b"anna-s-secret"), true);
        check(Some(b"plain-secret"), true);
        check(None, false);
        door.tokens.store(Some(tokens("bert: plain-secret\nnew-secret\n")));
        check(Some(b"anna-s-secret"), false);
        check(Some(b"plain-secret"), true);
    }

    #[test]
    fn the_name_of_a_token_comes_before_what_is_said() {
        let check = |name: Option<&str>, claimed: Option<&str>, expected: Option<&str>| {
            let line = name.map_or("secret".to_owned(), |name| format!("{name}: secret"));
            let tokens = Tokens::parse(&line).expect("a token");
            let caller = Caller { token: Some(tokens.first().clone()) };
            let asking = caller.asking(claimed.map(str::to_owned));
            assert_eq!(asking.as_deref(), expected, "{name:?} {claimed:?}");
        };
        check(Some("anna"), None, Some("anna"));
        check(Some("anna"), Some("anna"), Some("anna"));
        check(Some("anna"), Some(""), Some("anna"));
        check(Some("anna"), Some("bob"), Some("anna, as bob"));
        check(None, Some("bob"), Some("bob"));
        check(None, Some(""), None);
        check(None, None, None);
    }
}
