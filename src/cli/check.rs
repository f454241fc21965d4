//! `fingerpost check`: every mistake at once, before the server meets it.

use super::style::{self, Palette};
use super::{CONFIG_FILE, EXIT_FINDINGS};
use crate::config;
use crate::control::loader::{Load, Loader};
use crate::report::{Report, Style, count, plural, render};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Name every mistake in a configuration
///
/// Reads a configuration as the server would, without listening, probing or changing anything, and reports every
/// mistake with its file, line, column and cure.
///
/// PATH is the server's file, a directory that holds one called fingerpost.toml, or a single zone: its master file,
/// whose name is the zone's with .zone after it, or the steering beside that. Sites, checks and pools that a zone
/// shares with others are looked for in the fingerpost.toml of its directory or of the one above.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  fingerpost check                            ./fingerpost.toml and all that it names
  fingerpost check /etc/fingerpost            the configuration in a directory
  fingerpost check zones/example.com.zone     one zone, with its steering
  fingerpost check --json                     for programs: an object for each finding, then one that counts

Exit status:
  0  no errors; there may be warnings
  1  there are errors
  2  the command line was not understood")]
pub(super) struct Args {
    /// What to check
    #[arg(value_name = "PATH", default_value = CONFIG_FILE)]
    path: PathBuf,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> ExitCode {
    let checked = check(&args.path);
    let (errors, warnings) = (checked.report.error_count(), checked.report.warning_count());
    if args.json {
        let mut summary = checked.counted_json();
        summary["errors"] = errors.into();
        summary["warnings"] = warnings.into();
        style::print(render(&checked.report, Style::Json));
        style::print(format_args!("{summary}\n"));
    } else {
        let Palette { colour } = Palette::stdout();
        style::print(render(&checked.report, Style::Pretty { colour }));
        let verdict = match (errors, warnings) {
            (0, 0) => "no mistakes".to_owned(),
            _ => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
        };
        let counted = checked.counted_text();
        style::print(format_args!(
            "{counted}{}{verdict}\n",
            if counted.is_empty() { "" } else { ": " }
        ));
    }
    if errors > 0 { ExitCode::from(EXIT_FINDINGS) } else { ExitCode::SUCCESS }
}

/// What was looked at, and what was found.
#[derive(Debug)]
struct Checked {
    /// What there is of each thing, in the order told.
    counts: Vec<(usize, &'static str)>,
    report: Report,
}

impl Checked {
    fn counted_text(&self) -> String {
        let counts: Vec<_> =
            self.counts.iter().map(|(number, thing)| count(*number, thing)).collect();
        counts.join(", ")
    }

    fn counted_json(&self) -> Value {
        let mut object = json!({});
        for (number, thing) in &self.counts {
            object[plural(thing).replace(' ', "_")] = (*number).into();
        }
        object
    }
}

fn check(path: &Path) -> Checked {
    if path.is_dir() {
        return whole(&path.join(CONFIG_FILE));
    }
    let zone = path.with_extension("zone");
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("zone") => single(path),
        // The steering of a zone is told from a server's file by the master file beside it.
        Some("toml") if zone.exists() => single(&zone),
        _ => whole(path),
    }
}

/// A server's file and everything that it names, databases included.
fn whole(path: &Path) -> Checked {
    match Loader::new(path).load() {
        Ok(Load { catalog, report, .. }) => {
            let zones = catalog.zones().zones();
            let steered = zones.iter().map(|zone| zone.names.len()).sum();
            let tiers = catalog.rosters().iter().flat_map(|roster| &roster.tiers);
            let endpoints: HashSet<_> =
                tiers.flat_map(|tier| &tier.pool.endpoints).map(Arc::as_ptr).collect();
            let counts = vec![
                (zones.len(), "zone"),
                (steered, "steered name"),
                (endpoints.len(), "endpoint"),
            ];
            Checked { counts, report }
        }
        Err(mut report) => {
            // Most often it is the default that is not here, and was never asked for.
            if let Some(finding) = report.findings.first_mut().filter(|_| !path.exists()) {
                finding.help = Some(PATH_HELP.to_owned());
            }
            Checked { counts: Vec::new(), report }
        }
    }
}

const PATH_HELP: &str = "say what to check: a directory with a fingerpost.toml, the file itself, or a zone, as in \
                         `fingerpost check /etc/fingerpost`";

/// One master file with the steering beside it; the server's file that goes with it is looked for there and one
/// directory up, as the shipped configuration has it.
fn single(path: &Path) -> Checked {
    let directory = path.parent().unwrap_or(Path::new(""));
    let servers = [directory.join(CONFIG_FILE), directory.join("..").join(CONFIG_FILE)];
    let server = servers.iter().find(|path| path.exists());
    Checked {
        counts: Vec::new(),
        report: config::check_zone_file(path, server.map(PathBuf::as_path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_configuration_has_no_mistakes() {
        let checked = check(Path::new(env!("CARGO_MANIFEST_DIR")));
        assert_eq!(checked.report.findings, []);
        assert_eq!(checked.counted_text(), "2 zones, 4 steered names, 11 endpoints");
    }

    #[test]
    fn one_zone_file_is_checked_by_itself() {
        let directory = tempfile::tempdir().expect("a directory");
        let check = |name: &str, text: &str, errors: usize| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).expect("written");
            let found = super::check(&path).report;
            assert_eq!(found.error_count(), errors, "{name}: {:?}", found.findings);
        };
        let sound = "@ 60 SOA ns. host. 1 2h 30m 2w 5m\n@ 60 NS ns.example.net.\n";
        check("example.com.zone", sound, 0);
        check("example.com.zone", &format!("{sound}www 60 A 192.0.2.256\n"), 1);
        check("example.com.zone", "www 60 A 192.0.2.1\n", 2);
        check("a..b.zone", sound, 1);
    }

    #[test]
    fn one_shipped_zone_is_checked_with_what_it_shares() {
        let zones = Path::new(env!("CARGO_MANIFEST_DIR")).join("zones");
        for name in ["example.com.zone", "example.com.toml"] {
            assert_eq!(check(&zones.join(name)).report.findings, [], "{name}");
        }
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        let directory = tempfile::tempdir().expect("a directory");
        for path in ["", "none.toml", "none.zone"] {
            let found = check(&directory.path().join(path)).report;
            assert!(found.has_errors(), "{path:?}");
            let help = found.findings[0].help.as_deref().unwrap_or_default();
            let names_argument = help.contains("fingerpost check /etc/fingerpost");
            assert_eq!(names_argument, path != "none.zone", "{path:?}: {help}");
        }
    }

    #[test]
    fn counts_agree_with_their_nouns() {
        let counts = vec![(1, "zone"), (2, "steered name")];
        let checked = Checked { counts, report: Report::default() };
        assert_eq!(checked.counted_text(), "1 zone, 2 steered names");
        assert_eq!(checked.counted_json(), json!({ "zones": 1, "steered_names": 2 }));
    }
}
