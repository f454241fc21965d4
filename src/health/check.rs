//! A check (how to probe) and a probe (a check at one address).
//!
//! Both are values: equal probes are the same probe, however many endpoints and pools ask for it. How often and how
//! patiently is asked, and under what name, can change without changing the question: [`Probe::identity`] is the
//! question alone, as text, and so the key under which a verdict outlives a restart or an edit of the check.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

/// How to find out whether something is alive.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    /// The name that it has in the configuration, for people; equal checks of different names are different checks.
    pub name: String,
    /// What is spoken.
    pub kind: CheckKind,
    /// From the start of one probe to the start of the next.
    pub interval: Duration,
    /// How long a probe may take, connecting included.
    pub timeout: Duration,
    /// Failures in a row that turn up into down.
    pub fall: u32,
    /// Successes in a row that turn down into up.
    pub rise: u32,
    /// The local address to probe from, if not the system's choice.
    pub source: Option<IpAddr>,
}

/// The protocol of a check.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CheckKind {
    /// A connection is accepted.
    Tcp,
    /// A request is answered as expected.
    Http(HttpCheck),
}

/// What an HTTP or HTTPS probe asks and expects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpCheck {
    /// The method, e.g. `GET`.
    pub method: String,
    /// Path and query, beginning with `/`.
    pub path: String,
    /// The Host header; where none is given the server name of `tls`, or else the probed address and port.
    pub host: Option<String>,
    /// Further headers to send, name and value, in this order.
    pub headers: Vec<(String, String)>,
    /// Statuses that count as alive.
    pub expect: Vec<RangeInclusive<u16>>,
    /// A text that the body must hold (within its first [`BODY_BYTES_MAX`] bytes).
    pub body: Option<String>,
    /// TLS, if the scheme is `https`.
    pub tls: Option<TlsCheck>,
}

/// How the certificate of an HTTPS probe is judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TlsCheck {
    /// The name in SNI that the certificate must bear; the `host` of the check or else the address where none is
    /// given.
    pub server_name: Option<String>,
    /// A PEM file of roots to trust in place of the system's.
    pub roots: Option<std::path::PathBuf>,
    /// Whether chain and name are verified.
    pub verify: bool,
}

/// How much of a body is read to look for a text.
pub const BODY_BYTES_MAX: usize = 65_536;

/// A check at an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Probe {
    /// How.
    pub check: Check,
    /// Where.
    pub target: SocketAddr,
}

impl Probe {
    /// Whether both ask the same thing of the same address from the same place: a verdict for one holds for the
    /// other.
    pub fn same_question(&self, other: &Probe) -> bool {
        self.target == other.target
            && self.check.source == other.check.source
            && self.check.kind == other.check.kind
    }

    /// The question as one line of text, e.g. `http GET 192.0.2.1:80 "/healthz" expect 200-299`; equal for two
    /// probes exactly if [`same_question`](Self::same_question). Kept in files: changing its form forgets verdicts.
    pub fn identity(&self) -> String {
        let mut text = match &self.check.kind {
            CheckKind::Tcp => format!("tcp {}", self.target),
            CheckKind::Http(http) => http.identity(self.target),
        };
        if let Some(source) = self.check.source {
            add(&mut text, format_args!(" from {source}"));
        }
        text
    }
}

impl HttpCheck {
    /// What people write is quoted, so that no text can pass for another part.
    fn identity(&self, target: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let mut text = format!("{scheme} {:?} {target} {:?} expect", self.method, self.path);
        for range in &self.expect {
            add(&mut text, format_args!(" {}-{}", range.start(), range.end()));
        }
        if let Some(host) = &self.host {
            add(&mut text, format_args!(" host {host:?}"));
        }
        for (name, value) in &self.headers {
            add(&mut text, format_args!(" header {name:?} {value:?}"));
        }
        if let Some(body) = &self.body {
            add(&mut text, format_args!(" body {body:?}"));
        }
        if let Some(tls) = &self.tls {
            if let Some(name) = &tls.server_name {
                add(&mut text, format_args!(" name {name:?}"));
            }
            if let Some(roots) = &tls.roots {
                add(&mut text, format_args!(" roots {roots:?}"));
            }
            text.push_str(if tls.verify { " verified" } else { " unverified" });
        }
        text
    }
}

fn add(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("writing to a String cannot fail");
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A TCP probe of a port on 192.0.2.1, every 5 s.
    pub(crate) fn tcp(port: u16) -> Probe {
        Probe {
            check: Check {
                name: "tcp".into(),
                kind: CheckKind::Tcp,
                interval: Duration::from_secs(5),
                timeout: Duration::from_secs(2),
                fall: 3,
                rise: 2,
                source: None,
            },
            target: SocketAddr::from(([192, 0, 2, 1], port)),
        }
    }

    /// An HTTP question for `/`, anything from 200 to 299 expected.
    pub(crate) fn http() -> HttpCheck {
        HttpCheck {
            method: "GET".into(),
            path: "/".into(),
            host: None,
            headers: Vec::new(),
            expect: vec![200..=299],
            body: None,
            tls: None,
        }
    }

    fn ask(http: HttpCheck) -> Probe {
        let mut probe = tcp(80);
        probe.check.kind = CheckKind::Http(http);
        probe
    }

    #[test]
    fn identity_holds_the_question_alone() {
        let base = tcp(80);
        let renamed =
            Probe { check: Check { name: "x".into(), fall: 9, ..base.check.clone() }, ..tcp(80) };
        assert_ne!(base, renamed);
        assert!(base.same_question(&renamed));
        assert_eq!(base.identity(), "tcp 192.0.2.1:80");
        assert_eq!(renamed.identity(), base.identity());
    }

    #[test]
    fn different_questions_have_different_identities() {
        let tls = TlsCheck { server_name: None, roots: None, verify: true };
        let host = |text: &str| HttpCheck { host: Some(text.into()), ..http() };
        let mut from = tcp(80);
        from.check.source = Some(IpAddr::from([127, 0, 0, 1]));
        let probes = [
            tcp(80),
            tcp(81),
            from,
            ask(http()),
            ask(host("a")),
            ask(host("a\" body \"b")),
            ask(HttpCheck { body: Some("b".into()), ..host("a") }),
            ask(HttpCheck { method: "HEAD".into(), ..http() }),
            ask(HttpCheck { headers: vec![("A".into(), "b".into())], ..http() }),
            ask(HttpCheck { expect: vec![200..=200, 204..=204], ..http() }),
            ask(HttpCheck { tls: Some(tls.clone()), ..http() }),
            ask(HttpCheck { tls: Some(TlsCheck { verify: false, ..tls.clone() }), ..http() }),
            ask(HttpCheck {
                tls: Some(TlsCheck { server_name: Some("n".into()), ..tls }),
                ..http()
            }),
        ];
        for (i, one) in probes.iter().enumerate() {
            for (j, other) in probes.iter().enumerate() {
                assert_eq!(one.identity() == other.identity(), i == j, "{}", one.identity());
                assert_eq!(one.same_question(other), i == j);
            }
        }
    }
}
