//! Every dependency says why it is needed.

use crate::Fault;

/// Faults of a `Cargo.toml`: a dependency with neither a comment directly above it nor above the group, unbroken by
/// blank lines, that it stands in.
pub fn check(path: &str, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut in_dependencies = false;
    let mut explained = false;
    for (line, content) in (1..).zip(text.lines()) {
        if let Some(header) = content.strip_prefix('[') {
            let section = header.trim_end_matches(']');
            in_dependencies = section.ends_with("dependencies");
            explained = false;
            let table = section.split_once("dependencies.").map(|(_, name)| name);
            faults.extend(table.map(|name| Fault::new(path, line, unexplained(name))));
        } else if content.trim().is_empty() {
            explained = false;
        } else if content.starts_with('#') {
            explained = true;
        } else if let (Some((name, _)), true, false) =
            (content.split_once('='), in_dependencies, explained)
        {
            faults.push(Fault::new(path, line, unexplained(name.trim())));
        }
    }
    faults
}

fn unexplained(name: &str) -> String {
    format!("dependency {name} has no comment above it that says why it is needed")
}

#[test]
fn unexplained_dependencies_are_seen() {
    let text = "
[package]
name = \"x\"
[dependencies]
a = \"1\"
# Why.
b = \"1\"
c = { version = \"1\", features = [\"x\"] }

d = \"1\"
[target.'cfg(unix)'.dev-dependencies]
e = \"1\"
[dependencies.f]
version = \"1\"
";
    let faults = check("Cargo.toml", text);
    let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [5, 10, 12, 13]);
    assert!(faults[1].message.contains("dependency d "));
}
