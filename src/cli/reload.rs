//! `fingerpost reload`: the running server reads its inputs again, and says what it found.

use super::EXIT_FINDINGS;
use super::api::{Failure, RELOAD, Target};
use super::style::{self, Palette};
use crate::control::events::Severity;
use crate::control::status::FindingView;
use crate::report::{Finding, Report, Style, count, render};
use serde::Deserialize;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Have the running server read all its inputs again
///
/// The server watches its files and reads what changes by itself; this asks it to, waits until it has, and shows every
/// mistake that it found. What has mistakes stays as it was while the rest is taken.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  fingerpost check && fingerpost reload
  fingerpost reload --json | jq .generation

Exit status:
  0  what was read is served, or it already was
  1  something has mistakes and is left as it was, or the server cannot be asked
  2  the command line was not understood")]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// Print the server's JSON
    #[arg(long)]
    json: bool,
}

/// How it went.
#[derive(Debug, Deserialize)]
struct Outcome {
    outcome: String,
    generation: u64,
    findings: Vec<FindingView>,
}

pub(super) fn run(args: &Args) -> ExitCode {
    args.target.talk(async |api| {
        let answer = match api.post::<Value>(RELOAD, &json!({})).await {
            Ok(answer) => answer,
            // A refusal says as much as a success does.
            Err(Failure { status: Some(422), body, .. }) if body["findings"].is_array() => body,
            Err(failure) => return Err(failure.into()),
        };
        let text = answer.to_string();
        let outcome: Outcome = api.decode(RELOAD, &text).await?;
        let is_error = |found: &FindingView| found.severity == Severity::Error;
        let failed = outcome.outcome == "refused" || outcome.findings.iter().any(is_error);
        if args.json {
            style::print(format_args!("{text}\n"));
        } else {
            style::print(tell(&outcome, Palette::stdout()));
        }
        Ok::<_, Report>(if failed { ExitCode::from(EXIT_FINDINGS) } else { ExitCode::SUCCESS })
    })
}

/// Findings as `check` shows them, then the outcome. The source lines are on the server's disk, not here.
fn tell(outcome: &Outcome, palette: Palette) -> String {
    let findings = outcome.findings.iter().map(|found| {
        let place = found.place.iter().map(|place| format!("{place}: ")).collect::<String>();
        let message = format!("{place}{}", found.message);
        let finding = match found.severity {
            Severity::Error => Finding::error(message),
            Severity::Warning | Severity::Info => Finding::warning(message),
        };
        Finding { help: found.help.clone(), ..finding }
    });
    let report = Report { findings: findings.collect() };
    let generation = outcome.generation;
    let how = match outcome.outcome.as_str() {
        "published" => format!("published as generation {generation}"),
        "unchanged" if outcome.findings.iter().any(|found| found.severity == Severity::Error) => {
            format!("what has mistakes is left as it was; generation {generation} is served on")
        }
        "unchanged" => format!("nothing has changed; generation {generation} is served on"),
        "refused" => format!("refused; generation {generation} is served on"),
        other => format!("{other}; generation {generation}"),
    };
    let (errors, warnings) = (report.error_count(), report.warning_count());
    let counted = match (errors, warnings) {
        (0, 0) => String::new(),
        _ => format!(": {}, {}", count(errors, "error"), count(warnings, "warning")),
    };
    format!("{}{how}{counted}\n", render(&report, Style::Pretty { colour: palette.colour }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_and_every_finding_are_told() {
        let check = |json: Value, parts: &[&str]| {
            let outcome: Outcome = serde_json::from_value(json).expect("an outcome");
            let text = tell(&outcome, Palette::PLAIN);
            for part in parts {
                assert!(text.contains(part), "{part:?} is missing in:\n{text}");
            }
        };
        check(
            json!({ "outcome": "published", "generation": 8, "findings": [] }),
            &["published as generation 8\n"],
        );
        check(
            json!({ "outcome": "refused", "generation": 7, "findings": [{
                "severity": "error", "message": "unknown pool \"wbe\"",
                "place": "zones/example.com.toml:2:8", "help": "did you mean \"web\"?"
            }]}),
            &[
                "zones/example.com.toml:2:8: unknown pool \"wbe\"",
                "did you mean \"web\"?",
                "refused; generation 7 is served on: 1 error, 0 warnings",
            ],
        );
    }
}
