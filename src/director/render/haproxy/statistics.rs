//! Where HAProxy tells what stands behind it: the runtime socket, and the statistics page.

use super::super::Job;
use super::super::sheet::Sheet;
use super::super::terms::{Names, bracketed};
use super::checks::quoted;
use super::distinct;
use crate::steer::director::{FeedSource, HaproxySource, HttpSource};
use reqwest::Url;

/// Where Debian's package makes a directory for it.
const SOCKET: &str = "/run/haproxy/admin.sock";

/// The usual port of a statistics page, on the loopback.
const PAGE: (&str, &str) = ("127.0.0.1:8404", "/");

/// The runtime sockets. `operator` is the least that is told the servers' addresses.
pub fn sockets(sheet: &mut Sheet, job: &Job<'_>) {
    let socket = |source: &HaproxySource| match source {
        HaproxySource::Unix(path) => Some(quoted(&path.to_string_lossy()) + " mode 660"),
        HaproxySource::Tcp(address) => {
            let family = if address.is_ipv4() { "ipv4" } else { "ipv6" };
            Some(format!("{family}@{address}"))
        }
        HaproxySource::Http(_) => None,
    };
    let mut asked = distinct(sources(job).filter_map(socket));
    if asked.is_empty() {
        asked.push(format!("{SOCKET} mode 660"));
    }
    for socket in asked {
        sheet.line(format_args!("stats socket {socket} level operator"));
    }
}

/// A `listen` section for each page that is asked, or one on the loopback.
pub fn page(sheet: &mut Sheet, job: &Job<'_>, names: &mut Names) {
    let pages = sources(job).filter_map(|source| match source {
        HaproxySource::Http(http) => Some(Page::of(http)),
        HaproxySource::Unix(_) | HaproxySource::Tcp(_) => None,
    });
    let mut asked: Vec<Page> = Vec::new();
    for page in pages {
        if asked.iter().all(|other| other.bind != page.bind) {
            asked.push(page);
        }
    }
    if asked.is_empty() {
        let (bind, path) = PAGE;
        asked.push(Page { bind: bind.into(), path: path.into(), remarks: Vec::new() });
    }
    for page in asked {
        sheet.gap();
        sheet.comment("Statistics for people, and with ;csv after the path for programs.");
        sheet.open(format_args!("listen {}", names.unique("statistics".into())));
        for remark in &page.remarks {
            sheet.comment(remark);
        }
        sheet.line("mode http");
        sheet.line("option httplog");
        sheet.line(format_args!("bind {}", page.bind));
        sheet.line("stats enable");
        sheet.line(format_args!("stats uri {}", quoted(&page.path)));
        sheet.comment("Without legends the addresses of the servers are left out.");
        sheet.line("stats show-legends");
        sheet.end();
    }
}

fn sources<'a>(job: &'a Job<'_>) -> impl Iterator<Item = &'a HaproxySource> {
    let feeds = job.directors.iter().filter_map(|director| director.feed.as_ref());
    feeds.filter_map(|feed| match &feed.source {
        FeedSource::Haproxy { from, .. } => Some(from),
        FeedSource::Ipvs(_) | FeedSource::Json(_) => None,
    })
}

/// A statistics page.
struct Page {
    bind: String,
    path: String,
    remarks: Vec<&'static str>,
}

impl Page {
    /// Where the feed asks. What cannot be told from its URL is left for the operator.
    fn of(source: &HttpSource) -> Self {
        let mut remarks = Vec::new();
        if source.auth.is_some() {
            remarks.push(
                "The feed logs in: add `stats auth USER:PASSWORD`, and keep this file from others.",
            );
        }
        let url = Url::parse(&source.url).ok();
        if url.as_ref().is_some_and(|url| url.scheme() == "https") {
            remarks.push("The feed asks by https: add `ssl crt FILE` to `bind`.");
        }
        let bind = url.as_ref().and_then(|url| {
            let host = url.host_str()?;
            let address = host.trim_matches(['[', ']']).parse();
            let host = address.map_or_else(|_| host.to_owned(), bracketed);
            Some(format!("{host}:{}", url.port_or_known_default()?))
        });
        let path = url.as_ref().map_or(PAGE.1, |url| url.path());
        let path = path.split(';').next().filter(|path| !path.is_empty()).unwrap_or(PAGE.1);
        Self { bind: bind.unwrap_or_else(|| PAGE.0.into()), path: path.into(), remarks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_where_the_feed_asks() {
        let check = |url: &str, bind: &str, path: &str, remarks: usize| {
            let page = Page::of(&HttpSource { url: url.into(), auth: None, roots: None });
            assert_eq!((&page.bind[..], &page.path[..], page.remarks.len()), (bind, path, remarks));
        };
        check("http://10.0.0.1:8404/;csv", "10.0.0.1:8404", "/", 0);
        check("http://[fd00::1]/haproxy?stats;csv", "[fd00::1]:80", "/haproxy", 0);
        check("https://lb.example/stats;csv", "lb.example:443", "/stats", 1);
        check("nonsense", "127.0.0.1:8404", "/", 0);
    }
}
