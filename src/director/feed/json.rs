//! A document of the shape that the README gives, for directors that no other feed fits:
//!
//! ```json
//! { "maintenance": false, "sessions": 123, "response_ms": 4.2,
//!   "reals": [ { "name": "web2", "address": "10.0.0.3:80", "state": "up", "weight": 3, "sessions": 61 } ] }
//! ```
//!
//! Of a real only its state and one of name and address are needed. Members that are not known are passed over: what
//! makes the document may have more readers than this one.

use super::limits;
use crate::director::fault::Fault;
use crate::director::report::{FeedReport, RealReport, RealState, Report};
use crate::report::nearest;
use serde::Deserialize;
use serde_json::Number;
use std::net::SocketAddr;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    maintenance: bool,
    sessions: Option<Number>,
    response_ms: Option<Number>,
    reals: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    name: Option<String>,
    address: Option<String>,
    state: String,
    weight: Option<Number>,
    sessions: Option<Number>,
    response_ms: Option<Number>,
}

/// The weight of a real that has none written, as in the configuration.
const WEIGHT: u32 = 1;

/// Reads the document.
pub fn parse(bytes: &[u8]) -> Result<FeedReport, Fault> {
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|error| Fault::unreadable(format!("this is no JSON of a feed: {error}")))?;
    limits::count(document.reals.len())?;
    let reals = document.reals.into_iter().enumerate().map(|(at, row)| row.read(at));
    let rows: Vec<(RealReport, Option<f64>)> = reals.collect::<Result<_, _>>()?;
    let mean_ms = mean_response_ms(&rows);
    let reals: Vec<RealReport> = rows.into_iter().map(|(real, _)| real).collect();
    if let Some(Some(name)) =
        limits::duplicate(reals.iter().map(|real| &real.name).filter(|it| it.is_some()))
    {
        return Err(Fault::impossible(format!("real {name:?} is there twice")));
    }
    if let Some(address) = limits::duplicate(reals.iter().filter_map(|real| real.address)) {
        return Err(Fault::impossible(format!("two reals are at {address}")));
    }
    let whole = "the director";
    let sessions = match document.sessions {
        Some(number) => Some(limits::sessions(whole, &number.to_string())?),
        None => super::sum(reals.iter().map(|real| real.sessions)),
    };
    let response_ms = read(document.response_ms, |text| limits::response_ms(whole, text))?;
    Ok(FeedReport::One(Report {
        reals,
        sessions,
        response_ms: response_ms.or(mean_ms),
        is_maintenance: document.maintenance,
    }))
}

/// What a session meets, if every real that is up tells: the mean by sessions, or of all alike where there are none.
fn mean_response_ms(rows: &[(RealReport, Option<f64>)]) -> Option<f64> {
    let up = || rows.iter().filter(|(real, _)| real.state == RealState::Up);
    let sessions: Option<u64> = up().map(|(real, _)| real.sessions).sum();
    let part = |real: &RealReport| match sessions {
        Some(all @ 1..) => real.sessions.unwrap_or(0) as f64 / all as f64,
        _ => 1.0 / up().count() as f64,
    };
    let parts = up().map(|(real, response_ms)| Some(part(real) * (*response_ms)?));
    // A sum of rounded parts may be a little beyond what each of them may be.
    let mean = parts.sum::<Option<f64>>().map(|mean| mean.min(limits::RESPONSE_MS_MAX));
    mean.filter(|_| up().next().is_some())
}

impl Row {
    /// The real, and how long requests to it take, in milliseconds.
    fn read(self, at: usize) -> Result<(RealReport, Option<f64>), Fault> {
        let shown = self.name.as_ref().or(self.address.as_ref()).map(|it| format!("{it:?}"));
        let Some(of) = shown else {
            let message = format!("the real in place {} has neither name nor address", at + 1);
            return Err(Fault::unreadable(message));
        };
        if let Some(name) = &self.name {
            limits::name(name)?;
        }
        let address = match &self.address {
            None => None,
            Some(text) => {
                let address: Result<SocketAddr, _> = text.parse();
                let address = address.map_err(|_| {
                    Fault::unreadable(format!("{text:?} is no address with a port"))
                })?;
                Some(super::canonical(address))
            }
        };
        let weight = read(self.weight, |text| limits::weight(&of, text))?.unwrap_or(WEIGHT);
        let response_ms = read(self.response_ms, |text| limits::response_ms(&of, text))?;
        let real = RealReport {
            name: self.name,
            address,
            state: super::with_weight(state(&of, &self.state)?, weight),
            weight,
            sessions: read(self.sessions, |text| limits::sessions(&of, text))?,
            is_backup: false,
        };
        Ok((real, response_ms))
    }
}

fn read<T>(
    number: Option<Number>,
    by: impl Fn(&str) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    number.map(|number| by(&number.to_string())).transpose()
}

fn state(of: &str, word: &str) -> Result<RealState, Fault> {
    if let Some((_, state)) = RealState::ALL.iter().find(|(known, _)| *known == word) {
        return Ok(*state);
    }
    let known = RealState::ALL.map(|(known, _)| known);
    let hint = match nearest(word, known) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("it is one of {}", known.join(", ")),
    };
    Err(Fault::unreadable(format!("the state of {of} is {word:?}; {hint}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Report, String> {
        let said = parse(text.as_bytes()).map_err(|fault| fault.why)?;
        let FeedReport::One(report) = said else { panic!("one director") };
        Ok(report)
    }

    #[test]
    fn all_of_it() {
        let report = one(
            r#"{ "maintenance": true, "sessions": 123, "response_ms": 4.5, "more": {},
                 "reals": [ { "name": "web2", "address": "10.0.0.3:80", "state": "up", "weight": 3, "sessions": 61,
                              "response_ms": 3.9, "rack": 7 },
                            { "address": "[::ffff:10.0.0.4]:80", "state": "draining" },
                            { "name": "web4", "state": "maintenance" }, { "name": "web5", "state": "down" },
                            { "name": "web6", "state": "up", "weight": 0 } ] }"#,
        );
        let report = report.expect("a report");
        let shown: Vec<_> = report
            .reals
            .iter()
            .map(|real| (real.name.as_deref(), real.state, real.weight))
            .collect();
        assert_eq!(
            shown,
            [
                (Some("web2"), RealState::Up, 3),
                (None, RealState::Draining, 1),
                (Some("web4"), RealState::Maintenance, 1),
                (Some("web5"), RealState::Down, 1),
                (Some("web6"), RealState::Draining, 0),
            ]
        );
        assert_eq!(report.reals[1].address, "10.0.0.4:80".parse().ok());
        assert_eq!(report.reals[0].sessions, Some(61));
        assert_eq!((report.sessions, report.response_ms), (Some(123), Some(4.5)));
        assert!(report.is_maintenance);
    }

    #[test]
    fn response_times_are_averaged_where_all_tell() {
        let check = |reals: &str, expected: Option<f64>| {
            let text = format!("{{\"reals\": [{reals}]}}");
            let Ok(FeedReport::One(report)) = parse(text.as_bytes()) else { panic!("{reals}") };
            assert_eq!(report.response_ms, expected, "{reals}");
        };
        let a = r#"{"name":"a","state":"up","sessions":30,"response_ms":4}"#;
        let b = r#"{"name":"b","state":"up","sessions":10,"response_ms":8}"#;
        let idle = r#"{"name":"c","state":"up","response_ms":6}"#;
        let dead = r#"{"name":"d","state":"down"}"#;
        check(a, Some(4.0));
        check(&format!("{a},{b},{dead}"), Some(5.0));
        check(&format!("{idle},{b}"), Some(7.0));
        check(r#"{"name":"a","state":"up"}"#, None);
        check(dead, None);
    }

    #[test]
    fn sessions_are_added_up_where_all_tell() {
        let check = |reals: &str, expected: Option<u64>| {
            let report = one(&format!("{{\"reals\":[{reals}]}}")).expect("a report");
            assert_eq!(report.sessions, expected, "{reals}");
        };
        let row = |name: &str, sessions: &str| {
            format!("{{\"name\":\"{name}\",\"state\":\"up\"{sessions}}}")
        };
        check("", None);
        check(&row("a", ""), None);
        check(&row("a", ",\"sessions\":7"), Some(7));
        check(&[row("a", ",\"sessions\":7"), row("b", ",\"sessions\":0")].join(","), Some(7));
        check(&[row("a", ",\"sessions\":7"), row("b", "")].join(","), None);
    }

    #[test]
    fn lies_have_plain_reasons() {
        let check = |text: &str, part: &str| {
            let reason = one(text).expect_err(text);
            assert!(reason.contains(part), "{text}: {reason}");
        };
        check("", "no JSON");
        check("<html>", "no JSON");
        check("{}", "missing field `reals`");
        check(r#"{"reals":[],"reals":[]}"#, "duplicate field");
        let real = |members: &str| format!("{{\"reals\":[{{{members}}}]}}");
        check(&real(r#""name":"a""#), "missing field `state`");
        check(&real(r#""state":"up""#), "neither name nor address");
        check(&real(r#""name":"","state":"up""#), "no name");
        check(&real(r#""name":"a","state":"upp""#), "did you mean \"up\"?");
        check(
            &real(r#""name":"a","state":"fine and well""#),
            "one of up, draining, standby, maintenance, down",
        );
        check(&real(r#""address":"web1:80","state":"up""#), "no address with a port");
        check(&real(r#""name":"a","state":"up","weight":70000"#), "weight");
        check(&real(r#""name":"a","state":"up","weight":-1"#), "weight");
        check(&real(r#""name":"a","state":"up","sessions":1e15"#), "sessions");
        check(&real(r#""name":"a","state":"up","response_ms":-4"#), "response time");
        check(&real(r#""name":"a","state":"up","response_ms":NaN"#), "no JSON");
        let twice = r#"{"reals":[{"name":"a","state":"up"},{"name":"a","state":"down"}]}"#;
        check(twice, "\"a\" is there twice");
        let twice = r#"{"reals":[{"address":"10.0.0.1:80","state":"up"},
            {"address":"[::ffff:10.0.0.1]:80","state":"up"}]}"#;
        check(twice, "two reals are at 10.0.0.1:80");
    }
}
