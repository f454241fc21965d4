//! Why an override was not set or removed, as a problem that a person can act on.

use super::blast::Effect;
use super::target::Lost;
use crate::control::status::FindingView;
use crate::report::{Finding, Report, Severity};
use serde::{Deserialize, Serialize};

/// A change that was not made, or is not in force. As JSON it is a problem (RFC 9457 §3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The status that HTTP gives it.
    pub status: u16,
    /// What is wrong, in one line.
    pub title: String,
    /// The cure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What belongs to it.
    #[serde(flatten)]
    pub details: Box<Details>,
}

/// What belongs to a refusal, beside the words; most of it is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// If a name could mean several things: each as it would have to be written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// What the change would do, if that is why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// The mistakes in files that stand in the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingView>,
    /// What else whoever asked should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Refused {
    fn new(status: u16, title: impl Into<String>, help: impl Into<String>) -> Self {
        let (title, help) = (title.into(), Some(help.into()));
        Self { status, title, help, details: Box::default() }
    }

    fn with(self, details: Details) -> Self {
        Self { details: Box::new(details), ..self }
    }

    /// Adds what went wrong beside.
    pub(super) fn noting(mut self, notes: Vec<String>) -> Self {
        self.details.notes.extend(notes);
        self
    }

    /// Adds what the change would do.
    pub(super) fn with_effect(mut self, effect: Effect) -> Self {
        self.details.effect = Some(effect);
        self
    }

    /// What was asked makes no sense.
    pub(super) fn invalid(title: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(400, title, help)
    }

    /// Nobody of that name, or several.
    pub(super) fn lost(lost: Lost) -> Self {
        let status = if lost.choices.is_empty() { 404 } else { 409 };
        let details = Details { choices: lost.choices, ..Details::default() };
        Self::new(status, lost.message, lost.help).with(details)
    }

    /// Nothing to be removed.
    pub(super) fn none_there(weight: bool, others: usize) -> Self {
        let (what, other) = match weight {
            true => ("there are no planned weights", "with a state"),
            false if others > 0 => ("there are no overrides with a state", "with a weight"),
            false => ("there are no overrides", ""),
        };
        let help = match others {
            0 => "nothing has to be removed".to_owned(),
            number => format!("there are {number} {other}"),
        };
        Self::new(404, what, help)
    }

    /// Too much would be lost.
    pub(super) fn by_effect(effect: Effect) -> Self {
        let why = effect.pools.first().map_or_else(String::new, |pool| {
            let more =
                effect.pools.iter().filter(|other| other.verdict == pool.verdict).count() - 1;
            let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
            format!("pool {} {}: {}{more}", pool.pool, pool.family, pool.why)
        });
        let help = "look at what it would do; if it is to be all the same, insist with force (on the command \
                    line: --force)";
        Self::new(409, why, help).with_effect(effect)
    }

    /// The file has mistakes, which an edit could only make worse.
    pub(super) fn by_file(report: &Report) -> Self {
        let first = first_error(report);
        let title = first.map_or_else(|| "the overrides cannot be read".to_owned(), shown);
        let help = first.and_then(|finding| finding.help.clone());
        let help = help.unwrap_or_else(|| "mend the file".to_owned());
        Self::new(422, title, help).with(found(report))
    }

    /// The file cannot be written.
    pub(super) fn unwritten(finding: Finding) -> Self {
        let help = finding.help.unwrap_or_default();
        Self::new(500, finding.message, help)
    }

    /// Others change the file again and again.
    pub(super) fn contended() -> Self {
        let help = "ask again; if that does not help, look who writes to the overrides, and whether a file of the \
                    same name with .new after it was left behind";
        Self::new(409, "the overrides were being changed by somebody else", help)
    }

    /// It is written, but the server could not read its configuration again.
    pub(super) fn not_in_force(report: &Report) -> Self {
        let why =
            first_error(report).map_or_else(String::new, |finding| format!(": {}", shown(finding)));
        let title = format!("the change is written to the overrides, but not in force{why}");
        let help =
            "mend that: it takes effect as soon as the configuration can be read; or undo it";
        Self::new(503, title, help).with(found(report))
    }

    /// It is written, but somebody changed the file before it was read.
    pub(super) fn overtaken() -> Self {
        let title =
            "the change was written, and changed again by somebody else before it took effect";
        Self::new(409, title, "look at the overrides that there are, and ask again")
    }

    /// The server is being stopped.
    pub(super) fn interrupted() -> Self {
        Self::new(503, "the server is stopping", "ask again when it runs")
    }
}

impl From<Lost> for Refused {
    fn from(lost: Lost) -> Self {
        // What cannot be read as a name at all is not asked of anybody.
        Self { status: 400, ..Self::lost(lost) }
    }
}

fn first_error(report: &Report) -> Option<&Finding> {
    report.findings.iter().find(|finding| finding.severity == Severity::Error)
}

fn shown(finding: &Finding) -> String {
    match &finding.place {
        Some(place) => format!("{place}: {}", finding.message),
        None => finding.message.clone(),
    }
}

fn found(report: &Report) -> Details {
    let errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error);
    Details { findings: errors.map(Into::into).collect(), ..Details::default() }
}
