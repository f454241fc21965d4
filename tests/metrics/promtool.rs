//! Prometheus's own reading of what we write, where it is installed.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Whether there is a `promtool` to ask; says so where there is none.
pub fn is_installed() -> bool {
    let found = Command::new("promtool").arg("--version").stderr(Stdio::null()).output().is_ok();
    if !found {
        eprintln!("skipped: promtool is not installed");
    }
    found
}

/// Runs it with this on its standard input; panics with what it has to say against it.
pub fn accepts(arguments: &[&str], input: &str, directory: &Path) {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(directory).stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool as it was found");
    // It may have said no before it has read all.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().expect("an end");
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "promtool {arguments:?}: {said}");
}

/// Holds a page against Prometheus's linter, and against its parser of OpenMetrics.
pub fn check(page: &str) {
    if !is_installed() {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    accepts(&["check", "metrics"], &classic(page), directory.path());
    // The only command that reads OpenMetrics wants to know when each sample was taken.
    let stamped: Vec<String> = page
        .lines()
        .map(
            |line| {
                if line.starts_with('#') { line.to_owned() } else { format!("{line} 1700000000") }
            },
        )
        .collect();
    std::fs::write(directory.path().join("page"), stamped.join("\n") + "\n").expect("a file");
    let backfill = ["tsdb", "create-blocks-from", "openmetrics", "page", "blocks"];
    accepts(&backfill, "", directory.path());
}

/// The same in the older text format, which is what the linter reads: there, the family of a counter ends in `_total`.
fn classic(page: &str) -> String {
    let counters: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let lines = page.lines().map(|line| {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(what), Some(name), Some(rest)) if counters.contains(&name) => {
                format!("# {what} {name}_total {rest}\n")
            }
            _ => format!("{line}\n"),
        }
    });
    lines.collect()
}
