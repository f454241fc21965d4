//! What the house rules say, held by a test: layers, sizes, leftovers, places.
//!
//! Every check is a function from a file's path and text to the faults found in it, and is itself tested on a sample
//! that it must find fault with. Rust is read as tokens, so comments and strings are never mistaken for code.

mod layers;
mod manifest;
mod places;
mod rust;
mod text;

use std::fmt;
use std::path::{Path, PathBuf};

/// Something that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// Relative to the crate, `/` between the parts.
    path: String,
    /// From 1.
    line: usize,
    message: String,
}

impl Fault {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Files that hold what others wrote or a machine makes.
const NOT_OURS: [&str; 3] = ["Cargo.lock", "LICENSE-APACHE", "LICENSE-MIT"];

#[test]
fn the_house_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ignored = std::fs::read_to_string(root.join(".gitignore")).expect("a .gitignore");
    let mut faults = places::top_level(&places::entries(root), &ignored);
    let library = std::fs::read_to_string(root.join("src/lib.rs")).expect("src/lib.rs");
    let order = layers::order("src/lib.rs", &library).unwrap_or_else(|fault| {
        faults.push(fault);
        Vec::new()
    });
    for path in files(root, &ignored) {
        let name = path.strip_prefix(root).expect("a path below the root").to_string_lossy();
        // What is not UTF-8 is data: a database, a corpus.
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        faults.extend(check(&name, &text, &order));
    }
    let shown: Vec<String> = faults.iter().map(Fault::to_string).collect();
    assert!(shown.is_empty(), "{} faults:\n{}", shown.len(), shown.join("\n"));
}

/// All checks that concern one file.
fn check(path: &str, text: &str, order: &[String]) -> Vec<Fault> {
    if NOT_OURS.contains(&path) {
        return Vec::new();
    }
    let mut faults = text::check(path, text);
    if path == "Cargo.toml" || path.ends_with("/Cargo.toml") {
        faults.extend(manifest::check(path, text));
    }
    if path.ends_with(".rs") {
        faults.extend(rust::check(path, text));
        if !order.is_empty() {
            faults.extend(layers::check(path, text, order));
        }
    }
    faults
}

/// Every file of the tree that git would take.
fn files(root: &Path, ignored: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending: Vec<PathBuf> = places::entries(root)
        .into_iter()
        .filter(|name| name != ".git" && !places::is_ignored(name, ignored))
        .map(|name| root.join(name))
        .collect();
    while let Some(path) = pending.pop() {
        if !path.is_dir() {
            found.push(path);
            continue;
        }
        let inner = places::entries(&path).into_iter();
        pending.extend(inner.filter(|name| name != "target").map(|name| path.join(name)));
    }
    found.sort();
    found
}

/// What a check on a sample must say, as `line: message`.
#[cfg(test)]
fn shown(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(|fault| format!("{}: {}", fault.line, fault.message)).collect()
}
