//! What may lie at the top of the tree.

use crate::Fault;
use std::path::Path;

const ALLOWED: [&str; 10] = [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "benches",
    "docker",
    "fingerpost.toml",
    "geoip",
    "src",
    "tests",
    "zones",
];

/// Faults of the names at the top.
pub fn top_level(names: &[String], ignored: &str) -> Vec<Fault> {
    let stray = names.iter().filter(|name| !is_expected(name) && !is_ignored(name, ignored));
    stray.map(|name| Fault::new(name, 1, "does not belong at the top of the tree")).collect()
}

/// Names in a directory.
pub fn entries(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("a directory that can be read");
    entries
        .map(|entry| entry.expect("a directory entry").file_name().to_string_lossy().into_owned())
        .collect()
}

/// Whether `.gitignore` names it, as `/NAME` or `*.SUFFIX`.
pub fn is_ignored(name: &str, ignored: &str) -> bool {
    ignored.lines().any(|pattern| match pattern.strip_prefix('*') {
        Some(suffix) => name.ends_with(suffix),
        None => pattern.strip_prefix('/') == Some(name),
    })
}

fn is_expected(name: &str) -> bool {
    ALLOWED.contains(&name) || name.starts_with("LICENSE") || name.starts_with('.')
}

#[test]
fn strangers_are_seen() {
    let names = ["src", ".gitignore", "LICENSE-MIT", "target", "x.swp", "notes.txt", "lib"];
    let faults = top_level(&names.map(str::to_owned), "/target\n*.swp\n");
    let found: Vec<&str> = faults.iter().map(|fault| &fault.path[..]).collect();
    assert_eq!(found, ["notes.txt", "lib"]);
}
