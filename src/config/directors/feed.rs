//! The `feed` of a director: what is asked, how often, and what lets in.

use super::{addresses, defaults, value};
use crate::config::files;
use crate::config::reader::{Table, Value};
use crate::steer::director::{Feed, FeedSource, HaproxySource, HttpAuth, HttpSource};
use reqwest::Url;
use std::path::PathBuf;
use std::time::Duration;

/// The port of the cure for a runtime socket over TCP.
const RUNTIME_PORT_EXAMPLE: u16 = 9999;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Haproxy,
    Ipvs,
    Json,
}

/// Reads the feed of the director called `name`.
pub fn read(given: &Value<'_>, name: &str) -> Option<Feed> {
    let mut table = given.table("a feed")?;
    let kinds = [("haproxy", Kind::Haproxy), ("ipvs", Kind::Ipvs), ("json", Kind::Json)];
    let cure = "add type = \"haproxy\", \"ipvs\" or \"json\"";
    let kind = table.required("type", cure).and_then(|value| value.choice(&kinds));
    let url = table.take("url");
    let (socket, backend) = (table.take("socket"), table.take("backend"));
    let access = Access { auth: auth(&mut table), roots: table.take("roots") };
    let times = times(&mut table);
    table.finish();
    if let Some(kind) = kind.filter(|kind| *kind != Kind::Haproxy) {
        for value in socket.iter().chain(&backend) {
            let message = format!("a feed of {} has no {:?}", kind.word(), value.key);
            value.key_error(message, "remove it, or use type = \"haproxy\"");
        }
    }
    let source = match kind? {
        Kind::Haproxy => {
            let backend = backend.map_or(Some(name.to_owned()), |value| backend_name(&value));
            let from = haproxy(given, url.as_ref(), socket.as_ref(), &access);
            FeedSource::Haproxy { from: from?, backend: backend? }
        }
        kind => {
            if url.is_none() {
                let message = format!("a feed of {} needs \"url\"", kind.word());
                given.error(message, "add url = \"http://…\"");
            }
            let http = access.source(&url?)?;
            match kind {
                Kind::Ipvs => FeedSource::Ipvs(http),
                _ => FeedSource::Json(http),
            }
        }
    };
    let Times { interval, timeout, stale_after } = times?;
    Some(Feed { source, interval, timeout, stale_after })
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Haproxy => "haproxy",
            Self::Ipvs => "ipvs",
            Self::Json => "json",
        }
    }
}

fn haproxy(
    given: &Value<'_>,
    url: Option<&Value<'_>>,
    socket: Option<&Value<'_>>,
    access: &Access<'_>,
) -> Option<HaproxySource> {
    match (url, socket) {
        (Some(url), None) => {
            let source = access.source(url)?;
            // HAProxy's configuration manual, "stats uri": CSV is what the page gives with ";csv" at its end.
            if !source.url.ends_with(";csv") {
                let help = format!("write \"{};csv\"", source.url);
                url.warning("this is HAProxy's page for people, not its CSV", help);
            }
            Some(HaproxySource::Http(source))
        }
        (None, Some(socket)) => {
            if let Some(Some(_)) = access.auth {
                let help = "leave it out: who may open the socket is let in";
                socket.error("HAProxy's runtime socket asks for no login", help);
                return None;
            }
            if let Some(roots) = &access.roots {
                roots.key_error("HAProxy's runtime socket shows no certificate", "leave it out");
                return None;
            }
            access.auth.as_ref()?;
            runtime_socket(socket)
        }
        (Some(_), Some(socket)) => {
            let message = "HAProxy is asked by its page or by its socket";
            socket.key_error(message, "leave one of the two out");
            None
        }
        (None, None) => {
            let message = "a feed of haproxy needs \"url\" or \"socket\"";
            given.error(
                message,
                "add url = \"http://…/;csv\" or socket = \"/run/haproxy/admin.sock\"",
            );
            None
        }
    }
}

/// A path, or an address and a port.
fn runtime_socket(value: &Value<'_>) -> Option<HaproxySource> {
    let text = value.string()?;
    let is_path = text.contains('/') || !text.contains(':');
    if is_path {
        let instead = "give the address and port of a runtime socket over TCP";
        return value::socket_path(value, instead).map(HaproxySource::Unix);
    }
    addresses::socket(value, RUNTIME_PORT_EXAMPLE).map(HaproxySource::Tcp)
}

/// A section's name, of the characters that HAProxy takes (configuration manual, 2.2).
fn backend_name(value: &Value<'_>) -> Option<String> {
    let name = value.short_string(defaults::BACKEND_BYTES_MAX)?;
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte)) {
        let help = "name the backend or listen section as in HAProxy's own configuration";
        value.error(format!("{name:?} is no name of a backend"), help);
        return None;
    }
    Some(name)
}

/// What a page of HTTP is asked with, and judged by.
struct Access<'d> {
    /// Within: what lets in, if anything; none if it has mistakes.
    auth: Option<Option<HttpAuth>>,
    roots: Option<Value<'d>>,
}

impl Access<'_> {
    /// The page at this address.
    fn source(&self, url: &Value<'_>) -> Option<HttpSource> {
        let read = http_url(url);
        let roots = self.roots.as_ref().map(|given| roots(given, read.as_deref()));
        let roots = match roots {
            Some(read) => Some(read?),
            None => None,
        };
        Some(HttpSource { url: read?, auth: self.auth.clone()?, roots })
    }
}

/// The certificates by which `https://` is judged; a change of the file is a change of the configuration.
fn roots(given: &Value<'_>, url: Option<&str>) -> Option<PathBuf> {
    if url.is_some_and(|url| !url.starts_with("https:")) {
        let help = "begin the url with https://, or leave it out";
        given.key_error("over http:// no certificate is shown that it could judge", help);
        return None;
    }
    value::path(given).filter(|path| files::check_certificates(given, path))
}

/// Within: what lets in, if anything; none if it has mistakes.
fn auth(table: &mut Table<'_>) -> Option<Option<HttpAuth>> {
    let (token, login) = (table.take("token_file"), table.take("login_file"));
    match (token, login) {
        (None, None) => Some(None),
        (Some(token), None) => {
            let path = value::path(&token)?;
            files::warn_unreadable(&token, &path);
            Some(Some(HttpAuth::TokenFile(path)))
        }
        (None, Some(login)) => {
            let path = value::path(&login)?;
            files::warn_unreadable(&login, &path);
            Some(Some(HttpAuth::BasicFile(path)))
        }
        (Some(_), Some(login)) => {
            let help = "leave one of the two out";
            login.key_error("a feed is let in by a token or by a login", help);
            None
        }
    }
}

/// An address of HTTP, in the form in which equal ones are equal texts.
fn http_url(value: &Value<'_>) -> Option<String> {
    let text = value.string()?;
    let form = "write it as in \"http://10.0.0.1:8054/\"";
    let url = match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url,
        // A host and a port alone parse as a scheme and a path.
        Ok(_) => {
            value.error(format!("{text:?} does not begin with http:// or https://"), form);
            return None;
        }
        Err(error) => {
            value.error(format!("{text:?} is no URL: {error}"), form);
            return None;
        }
    };
    if !url.username().is_empty() || url.password().is_some() {
        let help = "put user:password into a file of its own, and name it by login_file = \"…\"";
        value.error("a login in a URL is shown wherever the URL is", help);
        return None;
    }
    if url.fragment().is_some() {
        value.error("what follows # in a URL is never sent", "leave it out");
        return None;
    }
    Some(url.into())
}

struct Times {
    interval: Duration,
    timeout: Duration,
    stale_after: Duration,
}

fn times(table: &mut Table<'_>) -> Option<Times> {
    let ceiling = defaults::FEED_TIME_CEILING;
    let mut take = |key, floor| {
        let value = table.take(key)?;
        Some(value::duration(&value, floor..=ceiling).map(|read| (read, value)))
    };
    let interval = take("interval", defaults::FEED_INTERVAL_FLOOR);
    let timeout = take("timeout", defaults::FEED_TIMEOUT_FLOOR);
    let stale = take("stale_after", defaults::FEED_INTERVAL_FLOOR);
    let interval = interval.map_or(Some(defaults::FEED_INTERVAL), |read| Some(read?.0))?;
    let timeout = match timeout {
        Some(read) => read?.0,
        None => defaults::FEED_TIMEOUT.min(interval),
    };
    let round = interval + timeout;
    let Some(stale) = stale else {
        let stale_after = defaults::FEED_STALE_AFTER.max(round * defaults::FEED_STALE_ROUNDS);
        return Some(Times { interval, timeout, stale_after });
    };
    let (stale_after, value) = stale?;
    if stale_after <= round {
        let shown = [stale_after, interval, timeout].map(value::shown);
        let [stale, interval, timeout] = shown;
        let message = format!(
            "a report would be stale after {stale}, and the next comes after {interval} and up to {timeout}"
        );
        let enough = value::shown(round * defaults::FEED_STALE_ROUNDS);
        value.error(message, format!("use {enough}, or a shorter interval or timeout"));
        return None;
    }
    Some(Times { interval, timeout, stale_after })
}
