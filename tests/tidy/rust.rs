//! What holds for Rust files: functions of a size to be read at once, an opening comment, `unsafe` in its place.

use crate::Fault;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Longest function, from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;
/// Longest function of a test: one that is a table of cases reads better whole than cut.
const TEST_FUNCTION_LINES_MAX: usize = 140;
/// The one place that may speak to the kernel without a safe wrapper.
const UNSAFE_PLACE: &str = "src/net/udp";

/// Faults of a Rust file.
pub fn check(path: &str, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    // What `x/tests.rs` is for, its name says.
    if !text.starts_with("//! ") && !path.ends_with("/tests.rs") {
        faults.push(Fault::new(path, 1, "does not open with `//!`: what is this file for?"));
    }
    match tokens(path, text) {
        Ok(tokens) => walk(tokens, path, &mut faults),
        Err(fault) => faults.push(fault),
    }
    faults
}

/// The file as tokens that know their lines.
pub fn tokens(path: &str, text: &str) -> Result<TokenStream, Fault> {
    text.parse().map_err(|error: proc_macro2::LexError| {
        Fault::new(path, error.span().start().line, "cannot be read as Rust")
    })
}

fn walk(tokens: TokenStream, path: &str, faults: &mut Vec<Fault>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(word) if word == "fn" => {
                faults.extend(long_function(&tokens[at..], path))
            }
            TokenTree::Ident(word) if word == "unsafe" && !path.starts_with(UNSAFE_PLACE) => {
                let message = format!("`unsafe` outside {UNSAFE_PLACE}");
                faults.push(Fault::new(path, word.span().start().line, message));
            }
            TokenTree::Group(group) => walk(group.stream(), path, faults),
            _ => {}
        }
    }
}

/// `fn NAME … {}`; a function type has no name, and a required method ends before any brace.
fn long_function(tokens: &[TokenTree], path: &str) -> Option<Fault> {
    let [TokenTree::Ident(word), TokenTree::Ident(name), rest @ ..] = tokens else { return None };
    let body = rest.iter().find_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(Some(group)),
        TokenTree::Punct(punct) if punct.as_char() == ';' => Some(None),
        _ => None,
    })??;
    let start = word.span().start().line;
    let lines = body.span_close().end().line - start + 1;
    let lines_max = if is_test(path) { TEST_FUNCTION_LINES_MAX } else { FUNCTION_LINES_MAX };
    let message = || format!("{name} has {lines} lines, {lines_max} at most");
    (lines > lines_max).then(|| Fault::new(path, start, message()))
}

/// Whether a whole file is tests, by where it lies.
fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("tests.rs")
}

#[test]
fn faults_of_rust_are_seen() {
    let found = |path: &str, text: &str| crate::shown(&check(path, text));
    let none = Vec::<String>::new();
    assert_eq!(
        found("src/a.rs", "fn a() {}\n"),
        ["1: does not open with `//!`: what is this file for?"]
    );
    assert_eq!(found("src/a/tests.rs", "fn a() {}\n"), none);
    let body = "    x();\n".repeat(68);
    let long = format!(
        "//! A.\nimpl B {{\nfn a(&self) {{\n{body}}}\nfn longer() {{\n    x();\n{body}}}\n}}\n"
    );
    assert_eq!(found("src/a.rs", &long), ["73: longer has 71 lines, 70 at most"]);
    assert_eq!(found("src/a/tests/b.rs", &long), none);
    let types = "//! A.\ntrait T { fn a(); }\nstatic F: fn(u8) -> u8 = f;\n";
    assert_eq!(found("src/a.rs", types), none);
    let code = concat!("//! Is uns", "afe.\nfn a() { uns", "afe { b() } }\n");
    assert_eq!(found("src/net/udp.rs", code), none);
    assert_eq!(found("src/net/udp/batch.rs", code), none);
    assert_eq!(found("src/net/tcp.rs", code).len(), 1);
    assert_eq!(found("src/a.rs", "//! A.\nfn a( {\n"), ["2: cannot be read as Rust"]);
}
