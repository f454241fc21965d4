//! One line for each change that somebody asked for, whether it was made or not: who, what, until when, why, what it
//! does, and how it ended.
//!
//! Lines of JSON are appended to `audit.log` in the state directory, and the log of the server tells the same. The file
//! is opened for each line, so whatever rotates logs may move it. Where the line cannot be written the change is made
//! all the same, for it may be an emergency; who asked is told, and so is the server's log.

use super::blast::Effect;
use crate::health::overrides::Override;
use jiff::Timestamp;
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// The file of audit lines, in the state directory.
pub const AUDIT_FILE: &str = "audit.log";
/// The target of audit lines in the server's log.
pub const LOG_TARGET: &str = "fingerpost::audit";

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// An override is set.
    Set,
    /// Overrides are removed.
    Remove,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is in force.
    Applied,
    /// Too much would have been lost, and nobody insisted.
    Refused,
    /// Only what it would do was asked for.
    DryRun,
    /// It could not be written, or what was written could not be put in force.
    Failed,
}

/// One line.
#[derive(Clone, Debug, Serialize)]
pub struct Line<'a> {
    /// When it ended.
    pub at: Timestamp,
    /// Who asked; none if that was not said.
    pub by: Option<&'a str>,
    /// What for.
    pub action: Action,
    /// What it is on, for people.
    pub target: String,
    /// `up`, `down`, `drain`, or a weight as in `weight 40 over 30m`; of what was removed if it is a removal.
    pub state: String,
    /// When it ends; none: when somebody removes it.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: &'a str,
    /// Whether somebody insisted.
    pub forced: bool,
    /// What it does, in short.
    pub effect: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What went wrong, if anything did.
    pub error: Option<&'a str>,
}

impl<'a> Line<'a> {
    /// The line on one override.
    pub fn new(action: Action, pinned: &'a Override, effect: &Effect, outcome: Outcome) -> Self {
        Self {
            at: Timestamp::now(),
            by: pinned.by.as_deref(),
            action,
            target: pinned.target.to_string(),
            state: pinned.action.to_string(),
            until: pinned.until,
            reason: &pinned.reason,
            forced: false,
            effect: effect.in_short(),
            outcome,
            error: None,
        }
    }

    /// Appends the line to the file in the state directory, and tells the log. The error says what to do about a line
    /// that is not in the file.
    pub fn write(&self, state: &Path) -> Result<(), String> {
        self.tell();
        let path = state.join(AUDIT_FILE);
        let append = || {
            let mut line = serde_json::to_vec(self)?;
            line.push(b'\n');
            // Made by the server, but perhaps not yet by a command that works without one.
            std::fs::create_dir_all(state)?;
            // One write, so that lines of two writers do not run into each other.
            OpenOptions::new().create(true).append(true).open(&path)?.write_all(&line)
        };
        append().map_err(|error: std::io::Error| {
            let path = path.display();
            tracing::error!(target: LOG_TARGET, %path, %error, "the audit line cannot be written");
            format!("no audit line was written to {path}: {error}; note the change elsewhere")
        })
    }

    fn tell(&self) {
        let Self { action, by, target, state, reason, forced, effect, outcome, error, .. } = self;
        let until = self.until.map_or_else(|| "removed".to_owned(), |until| until.to_string());
        tracing::info!(
            target: LOG_TARGET,
            ?action, by, %target, %state, until, reason, forced, effect, ?outcome, error,
            "override"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::overrides::{self, OverrideTarget, Pin};
    use serde_json::{Value, json};

    fn pinned(reason: &str) -> Override {
        let target = OverrideTarget::Site { zone: None, name: "fra".into() };
        let until = Some(Timestamp::from_second(3600).unwrap());
        let action = overrides::Action::Pin(Pin::Drain);
        Override { target, action, until, reason: reason.into(), by: Some("ada".into()) }
    }

    #[test]
    fn lines_are_appended_each_an_object() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("state");
        for (reason, outcome) in [("CHG1\n", Outcome::Applied), ("\u{1b}[31m", Outcome::DryRun)] {
            let pinned = pinned(reason);
            let line = Line::new(Action::Set, &pinned, &Effect::default(), outcome);
            Line { at: Timestamp::UNIX_EPOCH, ..line }.write(&state).unwrap();
        }
        let text = std::fs::read_to_string(state.join(AUDIT_FILE)).unwrap();
        assert!(!text.contains('\u{1b}'));
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines[0],
            json!({
                "at": "1970-01-01T00:00:00Z", "by": "ada", "action": "set", "target": "site fra", "state": "drain",
                "until": "1970-01-01T01:00:00Z", "reason": "CHG1\n", "forced": false,
                "effect": "0 endpoints, no pool touched", "outcome": "applied", "error": null,
            })
        );
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1]["outcome"], "dry-run");
    }

    #[test]
    fn a_line_that_cannot_be_written_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("a file");
        std::fs::write(&state, "").unwrap();
        let pinned = pinned("CHG1");
        let line = Line::new(Action::Remove, &pinned, &Effect::default(), Outcome::Applied);
        let told = line.write(&state).unwrap_err();
        assert!(told.starts_with("no audit line was written to"), "{told}");
    }
}
