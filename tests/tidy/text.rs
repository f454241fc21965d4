//! What holds for any text: line ends, widths, sizes, leftovers, paths of somebody's machine.

use crate::Fault;

/// Longest line, in characters; rustfmt holds code to less.
const COLUMNS_MAX: usize = 120;
/// A Rust file longer than this is several ideas.
const FILE_LINES_MAX: usize = 600;
/// A Rust file longer than this is looked at hard, and named in the output.
const FILE_LINES_SUSPECT: usize = 400;

/// Words that say that something is unfinished. Split, so that this file is not found by its own search.
const LEFTOVERS: [&str; 7] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("dbg", "!"),
    concat!("to", "do!"),
    concat!("unimplement", "ed!"),
    concat!("#[igno", "re"),
];

/// Directories that exist on one machine.
const MACHINE_PATHS: [&str; 6] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/tm", "p/"),
    concat!("/wo", "rk/"),
    concat!("/Use", "rs/"),
    concat!("/worksp", "ace/"),
];

/// Faults of a text file.
pub fn check(path: &str, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let is_code =
        [".rs", ".toml", ".sh", ".ci/run", "Dockerfile"].iter().any(|end| path.ends_with(end));
    for (line, content) in (1..).zip(text.split_terminator('\n')) {
        let width = content.chars().count();
        if is_code && width > COLUMNS_MAX {
            faults.push(Fault::new(path, line, format!("{width} columns, {COLUMNS_MAX} at most")));
        }
        if content.contains('\t') && !is_data(path) {
            faults.push(Fault::new(path, line, "a tab"));
        }
        if content.ends_with([' ', '\r']) {
            faults.push(Fault::new(path, line, "white space at the end of the line"));
        }
        let leftover = LEFTOVERS.iter().find(|word| has_word(content, word));
        faults.extend(leftover.map(|word| Fault::new(path, line, format!("left over: {word}"))));
        let machine = MACHINE_PATHS.iter().find(|start| has_path(content, start));
        faults.extend(machine.map(|start| Fault::new(path, line, format!("a path below {start}"))));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        faults.push(Fault::new(path, text.lines().count(), "no newline at the end of the file"));
    }
    if path.ends_with(".rs") {
        faults.extend(length(path, text.lines().count()));
    }
    faults
}

/// Master files of other people and seeds of the fuzzer may hold anything.
fn is_data(path: &str) -> bool {
    path.starts_with("tests/fuzz/seeds/") || path.ends_with(".zone")
}

fn length(path: &str, lines: usize) -> Option<Fault> {
    if lines > FILE_LINES_MAX {
        let message = format!("{lines} lines, {FILE_LINES_MAX} at most: split it by idea");
        return Some(Fault::new(path, lines, message));
    }
    if lines > FILE_LINES_SUSPECT {
        println!("look hard: {path} has {lines} lines");
    }
    None
}

/// Whether `word` stands in the line with no letter directly before or (if it ends in one) after it.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let ends_in_letter = word.ends_with(char::is_alphanumeric);
        !(inside(before) || ends_in_letter && inside(after))
    })
}

/// Whether an absolute path starts here: the slash follows nothing that could be part of a path or a URL.
fn has_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-~/*}".contains(c))
    })
}

#[test]
fn faults_of_text_are_seen() {
    let found = |path: &str, text: &str| crate::shown(&check(path, text));
    assert_eq!(found("a.rs", "let x = 1;\n"), Vec::<String>::new());
    assert_eq!(found("a.rs", &format!("{}\n", "é".repeat(121))), ["1: 121 columns, 120 at most"]);
    assert_eq!(found("a.md", &format!("{}\n", "x".repeat(500))), Vec::<String>::new());
    assert_eq!(found("a.md", "\tx"), ["1: a tab", "1: no newline at the end of the file"]);
    assert_eq!(found("a.md", "x \ny\r\n").len(), 2);
    for word in LEFTOVERS {
        let line = format!("x\n// {word} this\n");
        assert_eq!(found("a.rs", &line), [format!("2: left over: {word}")], "{word}");
    }
    assert_eq!(found("a.rs", concat!("// MYTO", "DOS TO", "DOS\n")), Vec::<String>::new());
    for start in MACHINE_PATHS {
        assert_eq!(
            found("a.sh", &format!("cd \"{start}x\"\n")),
            [format!("1: a path below {start}")]
        );
        assert_eq!(found("a.sh", &format!("cd there{start}x\n")), Vec::<String>::new());
    }
    let long = "x\n".repeat(FILE_LINES_MAX + 1);
    assert_eq!(found("a.rs", &long), ["601: 601 lines, 600 at most: split it by idea"]);
}
