//! HAProxy's statistics: the CSV of the page and of `show stat` on the runtime socket (HAProxy Management Guide,
//! "Statistics and monitoring", "CSV format").
//!
//! Columns are found by the names in the first line, since versions add some and move none but nobody promises. Of all
//! rows only those of one backend are read: its servers, and the sum that closes it.

use super::limits;
use crate::director::fault::Fault;
use crate::director::report::{FeedReport, RealReport, RealState, Report};
use crate::report::nearest;
use csv::StringRecord;

/// How much of an answer that is no statistics is shown.
const SHOWN_CHARS_MAX: usize = 60;
/// How many backends are named where the one asked for is not there.
const NAMED_MAX: usize = 8;

/// Reads what is said of one backend (or `listen` section).
pub fn parse(bytes: &[u8], backend: &str) -> Result<FeedReport, Fault> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Fault::unreadable("the statistics are no UTF-8 text"))?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let no_csv = |error| Fault::unreadable(format!("the statistics are no CSV: {error}"));
    let header = reader.headers().map_err(no_csv)?;
    let columns = Columns::find(header)
        .map_err(|missing| Fault::unreadable(not_statistics(text, missing)))?;
    if !text.ends_with('\n') {
        return Err(Fault::unreadable("the statistics are cut short: their last line has no end"));
    }
    let mut found = Found::default();
    for row in reader.records() {
        let row = row.map_err(no_csv)?;
        found.take(&Row { columns: &columns, fields: &row }, backend)?;
    }
    found.finish(backend)
}

/// What is in the way, for whoever gave the URL or the socket.
fn not_statistics(text: &str, missing: &str) -> String {
    let begin: String = text.lines().next().unwrap_or("").chars().take(SHOWN_CHARS_MAX).collect();
    if missing == "pxname" {
        return format!(
            "this is no HAProxy statistics: it begins with {begin:?} (the page's address ends in \";csv\")"
        );
    }
    format!("the statistics have no column {missing:?}")
}

/// Where what is read stands in a row.
struct Columns {
    proxy: usize,
    server: usize,
    kind: usize,
    status: usize,
    weight: usize,
    sessions: usize,
    /// Of a server whether it only stands in for others.
    is_backup: Option<usize>,
    address: Option<usize>,
    mode: Option<usize>,
    response: Option<usize>,
    sessions_ever: Option<usize>,
}

impl Columns {
    /// The error is the first name that is missing.
    fn find(header: &StringRecord) -> Result<Self, &'static str> {
        let at =
            |name: &str| header.iter().position(|field| field.trim_start_matches("# ") == name);
        let need = |name: &'static str| at(name).ok_or(name);
        Ok(Self {
            proxy: need("pxname")?,
            server: need("svname")?,
            kind: need("type")?,
            status: need("status")?,
            weight: need("weight")?,
            sessions: need("scur")?,
            is_backup: at("bck"),
            address: at("addr"),
            mode: at("mode"),
            response: at("rtime"),
            sessions_ever: at("stot"),
        })
    }
}

struct Row<'a> {
    columns: &'a Columns,
    fields: &'a StringRecord,
}

impl<'a> Row<'a> {
    fn field(&self, column: usize) -> Result<&'a str, Fault> {
        self.fields.get(column).ok_or_else(|| {
            let line = self.fields.position().map_or(0, csv::Position::line);
            Fault::unreadable(format!("line {line} of the statistics is cut short"))
        })
    }

    fn optional(&self, column: Option<usize>) -> &'a str {
        column.and_then(|column| self.fields.get(column)).unwrap_or("")
    }

    fn sessions(&self, of: &str) -> Result<Option<u64>, Fault> {
        match self.field(self.columns.sessions)? {
            "" => Ok(None),
            text => limits::sessions(of, text).map(Some),
        }
    }

    /// HAProxy means the last 1024 requests; it has no such time where it does not speak HTTP (0 then), and none before
    /// the first request.
    fn response_ms(&self, of: &str) -> Result<Option<f64>, Fault> {
        let was_asked = !matches!(self.optional(self.columns.sessions_ever), "" | "0");
        match self.optional(self.columns.response) {
            "" => Ok(None),
            text if self.optional(self.columns.mode) == "http" && was_asked => {
                limits::response_ms(of, text).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn server(&self) -> Result<RealReport, Fault> {
        let name = self.field(self.columns.server)?;
        limits::name(name)?;
        let weight = limits::weight(name, self.field(self.columns.weight)?)?;
        let real = RealReport {
            name: Some(name.to_owned()),
            // Also "unix", or nothing where the asker is of level "user" or the page has no `stats show-legends`.
            address: self.optional(self.columns.address).parse().ok().map(super::canonical),
            state: state(name, self.field(self.columns.status)?, weight)?,
            weight,
            sessions: self.sessions(name)?,
            is_backup: !matches!(self.optional(self.columns.is_backup), "" | "0"),
        };
        Ok(real)
    }
}

/// What a server's status comes to; after the word stand checks (`UP 1/3`) or reasons (`MAINT (via web/web1)`).
fn state(name: &str, status: &str, weight: u32) -> Result<RealState, Fault> {
    let is_up = super::with_weight(RealState::Up, weight);
    match status.split(' ').next().unwrap_or("") {
        "UP" => Ok(is_up),
        _ if status == "no check" => Ok(is_up),
        // NOLB: it answers that it wants no more (`http-check disable-on-404`).
        "DRAIN" | "NOLB" => Ok(RealState::Draining),
        "MAINT" => Ok(RealState::Maintenance),
        "DOWN" => Ok(RealState::Down),
        _ => Err(Fault::unreadable(format!(
            "the status of {name} is {status:?}, which is none of HAProxy's"
        ))),
    }
}

/// What is told of a backend as a whole.
struct Sum {
    sessions: Option<u64>,
    response_ms: Option<f64>,
    /// Of the servers that are used at the moment.
    weight: Option<u32>,
}

#[derive(Default)]
struct Found {
    servers: Vec<RealReport>,
    /// From the row that closes the backend.
    sum: Option<Sum>,
    is_frontend: bool,
    /// Other backends.
    others: Vec<String>,
}

impl Found {
    fn take(&mut self, row: &Row<'_>, backend: &str) -> Result<(), Fault> {
        let proxy = row.field(row.columns.proxy)?;
        match (row.field(row.columns.kind)?, proxy == backend) {
            ("0", true) => self.is_frontend = true,
            ("1", true) if self.sum.is_some() => {
                return Err(Fault::impossible(format!(
                    "backend {backend:?} is there twice: ask one process of HAProxy"
                )));
            }
            ("1", true) => {
                self.sum = Some(Sum {
                    sessions: row.sessions(backend)?,
                    response_ms: row.response_ms(backend)?,
                    weight: row.field(row.columns.weight)?.parse().ok(),
                });
            }
            ("2", true) => {
                limits::count(self.servers.len() + 1)?;
                self.servers.push(row.server()?);
            }
            ("1", false) => self.others.push(proxy.to_owned()),
            ("0" | "2" | "3", _) => {}
            (kind, _) => {
                return Err(Fault::unreadable(format!(
                    "a row of {proxy:?} is of type {kind:?}, which is none of HAProxy's"
                )));
            }
        }
        Ok(())
    }

    fn finish(mut self, backend: &str) -> Result<FeedReport, Fault> {
        let Some(Sum { sessions, response_ms, weight }) = self.sum else {
            return Err(self.absent(backend));
        };
        let names = self.servers.iter().map(|server| &server.name);
        if let Some(Some(name)) = limits::duplicate(names) {
            return Err(Fault::impossible(format!(
                "server {name:?} is twice in backend {backend:?}"
            )));
        }
        stand_by(&mut self.servers, weight);
        let reals = self.servers;
        Ok(FeedReport::One(Report { reals, sessions, response_ms, is_maintenance: false }))
    }

    fn absent(&self, backend: &str) -> Fault {
        if !self.servers.is_empty() {
            return Fault::unreadable(format!(
                "the statistics are cut short: backend {backend:?} has no end"
            ));
        }
        let others = self.others.iter().map(String::as_str);
        let hint = match nearest(backend, others.clone()) {
            Some(near) => format!("; did you mean {near:?}?"),
            None if self.is_frontend => {
                ": that is a frontend, and the servers are in its backend".to_owned()
            }
            None if self.others.is_empty() => ", nor any other".to_owned(),
            None => {
                format!("; there are {}", others.take(NAMED_MAX).collect::<Vec<_>>().join(", "))
            }
        };
        Fault::impossible(format!("HAProxy has no backend {backend:?}{hint}"))
    }
}

/// Tells backups that are idle from those in use. None gets anything as long as one of the others is up; then the first
/// does, or with `option allbackups` all. Which of the two it is shows in the weight that the whole backend has.
fn stand_by(servers: &mut [RealReport], weight_in_use: Option<u32>) {
    let is_up = |server: &RealReport| server.state == RealState::Up;
    let has_active = servers.iter().any(|server| !server.is_backup && is_up(server));
    let mut idle = servers.iter_mut().filter(|server| server.is_backup && is_up(server));
    if !has_active {
        let Some(first) = idle.next() else { return };
        if weight_in_use != Some(first.weight) {
            return;
        }
    }
    idle.for_each(|server| server.state = RealState::Standby);
}

#[cfg(test)]
mod tests;
