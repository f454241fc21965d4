//! `fingerpost status --check`: one line and an exit status for Nagios, Icinga, and whatever else runs such plugins.
//!
//! <https://www.monitoring-plugins.org/doc/guidelines.html> has the form: a line of text, a bar, and numbers.

use super::{Seen, select};
use crate::cli::api::{Failure, Target};
use crate::cli::style;
use crate::control::events::Severity;
use crate::control::status::Status;
use crate::report::count;
use std::process::ExitCode;

/// Nobody reads more in a line of an alert.
const TOLD_MAX: usize = 3;

/// How it is, in the words and numbers of monitoring plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ok = 0,
    Warning = 1,
    Critical = 2,
    Unknown = 3,
}

/// Asks, prints the line, and says how it is.
pub(super) fn run(target: &Target, name: Option<&str>) -> ExitCode {
    let asked = target.attempt(async |api| {
        let mut status = Seen::ask(api).await?.status;
        if let Some(name) = name {
            select::narrow(&mut status, name)?;
        }
        Ok::<_, Failure>(status)
    });
    let (state, line) = match asked {
        Ok(status) => judge(&status),
        Err(failure) => refused(&failure),
    };
    style::print(format_args!("FINGERPOST {}: {line}\n", format!("{state:?}").to_uppercase()));
    ExitCode::from(state as u8)
}

/// A server that does not answer is no unknown: whoever watches it wants to be woken.
fn refused(failure: &Failure) -> (State, String) {
    let state = if failure.silent { State::Critical } else { State::Unknown };
    (state, one_line(&failure.finding.message))
}

fn judge(status: &Status) -> (State, String) {
    let worst = status.wrong.iter().map(|wrong| wrong.severity).max();
    let state = match worst {
        _ if !status.server.ready => State::Critical,
        None | Some(Severity::Info) => State::Ok,
        Some(Severity::Warning) => State::Warning,
        Some(Severity::Error) => State::Critical,
    };
    let endpoints = status.pools.iter().flat_map(|pool| &pool.endpoints);
    let is_up = |at: &&_| -> bool {
        let endpoint: &crate::control::status::EndpointView = at;
        endpoint.families.iter().all(|family| family.standing == "up")
    };
    let up = endpoints.clone().filter(is_up).count();
    let total = endpoints.count();
    let told = match status.wrong.as_slice() {
        [] if !status.server.ready => format!("not ready: {}", status.server.why),
        [] => format!("{} of {} up", up, count(total, "endpoint")),
        wrong => {
            let told: Vec<_> = wrong.iter().take(TOLD_MAX).map(|one| one.what.as_str()).collect();
            let more = wrong.len() - told.len();
            let more = if more == 0 { String::new() } else { format!("; and {more} more") };
            told.join("; ") + &more
        }
    };
    let rate = status.server.queries_per_s;
    let (wrong, told) = (status.wrong.len(), one_line(&told));
    let numbers =
        format!("endpoints_up={up};;;0;{total} wrong={wrong};;;0 queries_per_s={rate:.1};;;0");
    (state, format!("{told} | {numbers}"))
}

/// The bar begins the numbers, so the text has none.
fn one_line(text: &str) -> String {
    text.replace('|', "/").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{all_well, fra_is_down};
    use super::*;
    use crate::report::Finding;

    #[test]
    fn the_line_says_how_it_is() {
        let check = |status: &Status, expected: (State, &str)| {
            let (state, line) = judge(status);
            assert_eq!((state, line.as_str()), expected);
        };
        let well = "3 of 3 endpoints up | endpoints_up=3;;;0;3 wrong=0;;;0 queries_per_s=12.5;;;0";
        check(&all_well(), (State::Ok, well));
        let mut starting = all_well();
        starting.server.ready = false;
        starting.server.why = "first probes | under way".into();
        let line = "not ready: first probes / under way | \
                    endpoints_up=3;;;0;3 wrong=0;;;0 queries_per_s=12.5;;;0";
        check(&starting, (State::Critical, line));
        let mut down = fra_is_down();
        let line = "pool web of example.com.: site fra is dead; endpoint iad-1 is drained | \
                    endpoints_up=0;;;0;3 wrong=2;;;0 queries_per_s=12.5;;;0";
        check(&down, (State::Critical, line));
        down.wrong.remove(0);
        let line = "endpoint iad-1 is drained | \
                    endpoints_up=0;;;0;3 wrong=1;;;0 queries_per_s=12.5;;;0";
        check(&down, (State::Warning, line));
    }

    #[test]
    fn silence_is_critical_and_a_refusal_unknown() {
        let refusal = Failure::from(Finding::error("wants a token"));
        assert_eq!(refused(&refusal), (State::Unknown, "wants a token".to_owned()));
        let silence = Failure { silent: true, ..refusal };
        assert_eq!(refused(&silence).0, State::Critical);
    }
}
