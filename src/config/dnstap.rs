//! `[dnstap]`: where queries and answers are told of, and how many.

use super::reader::{Table, Value};
use super::{defaults, value};
use std::fmt;
use std::path::PathBuf;

/// Queries and answers as they go by, for another program to read (dnstap.info).
#[derive(Clone, Debug, PartialEq)]
pub struct Dnstap {
    /// Where to.
    pub sink: DnstapSink,
    /// The share of queries that is told of; above 0, at most 1.
    pub sample: f64,
    /// Which of the two messages of a query.
    pub messages: DnstapMessages,
    /// Which server it was.
    pub identity: String,
    /// What the server runs.
    pub version: String,
}

/// Where dnstap goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnstapSink {
    /// A Unix stream socket that a reader listens on.
    Socket(PathBuf),
    /// A file; need not exist.
    File(PathBuf),
}

impl fmt::Display for DnstapSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "the socket {}", path.display()),
            Self::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

/// Which messages are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnstapMessages {
    /// Queries and answers.
    Both,
    /// Queries alone.
    Queries,
    /// Answers alone.
    Responses,
}

impl Dnstap {
    /// Whether another one differs in nothing but the share.
    pub fn is_alike(&self, other: &Self) -> bool {
        let same_share = Self { sample: self.sample, ..other.clone() };
        *self == same_share
    }
}

/// Reads the table. `nsid` is what the server calls itself elsewhere.
pub(super) fn read(mut table: Table<'_>, nsid: Option<&str>) -> Option<Dnstap> {
    let sink = read_sink(&mut table);
    let sample = table.take("sample").and_then(|value| share(&value));
    let messages = table.take("messages").and_then(|value| {
        value.choice(&[
            ("both", DnstapMessages::Both),
            ("queries", DnstapMessages::Queries),
            ("responses", DnstapMessages::Responses),
        ])
    });
    let mut text =
        |key| table.take(key).and_then(|value| value.short_string(defaults::DNSTAP_TEXT_BYTES_MAX));
    let (identity, version) = (text("identity"), text("version"));
    table.finish();
    Some(Dnstap {
        sink: sink?,
        sample: sample.unwrap_or(defaults::DNSTAP_SAMPLE),
        messages: messages.unwrap_or(DnstapMessages::Both),
        identity: identity.or_else(|| nsid.map(str::to_owned)).unwrap_or_else(host_name),
        version: version.unwrap_or_else(|| defaults::DNSTAP_VERSION.to_owned()),
    })
}

fn read_sink(table: &mut Table<'_>) -> Option<DnstapSink> {
    let (socket, file) = (table.take("socket"), table.take("file"));
    match (socket, file) {
        (Some(socket), None) => {
            value::socket_path(&socket, "use file = in its place").map(DnstapSink::Socket)
        }
        (None, Some(file)) => value::path(&file).map(DnstapSink::File),
        (Some(_), Some(file)) => {
            file.key_error("[dnstap] goes to a socket or to a file", "leave one of the two out");
            None
        }
        (None, None) => {
            let help = "add socket = and the path that a reader listens on, or file = and a path";
            table.document().error(table.span(), "[dnstap] does not say where to", help);
            None
        }
    }
}

fn share(value: &Value<'_>) -> Option<f64> {
    let share = value.float(0.0..=1.0)?;
    if share <= 0.0 {
        value.error(
            "a share of 0 tells of nothing",
            "use a number above 0, as in 0.01 for one query in a hundred, or leave [dnstap] out",
        );
        return None;
    }
    Some(share)
}

fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}
