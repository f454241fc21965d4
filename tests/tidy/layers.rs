//! Layers: a module names only modules above it in the list that the tour in `src/lib.rs` gives.

use crate::{Fault, rust};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The layers from the top, in the order in which `src/lib.rs` declares them (blank lines between the declarations keep
/// rustfmt from sorting them). The tour, its opening comment, must list the same modules in the same order, each at the
/// beginning of a list item or table row, in backquotes or as a link.
pub fn order(path: &str, library: &str) -> Result<Vec<String>, Fault> {
    let declared: Vec<String> = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    let mut told: Vec<&str> = Vec::new();
    for line in library.lines().filter_map(|line| line.strip_prefix("//!")) {
        let Some(item) = line.trim_start().strip_prefix(['|', '-', '*']) else { continue };
        let name = item.trim_start_matches([' ', '[', '`']).trim_start_matches("mod@");
        let name = name.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or("");
        if declared.iter().any(|module| module == name) {
            told.push(name);
        }
    }
    if told == declared {
        return Ok(declared);
    }
    let message = format!("the tour lists {told:?}, but declared are {declared:?}");
    Err(Fault::new(path, 1, message))
}

/// Faults of a file in `src`: names of modules below its own, whether reached from `crate` or through enough `super`.
/// Items under `#[cfg(test)]` may look anywhere.
pub fn check(path: &str, text: &str, order: &[String]) -> Vec<Fault> {
    let Some(inside) = path.strip_prefix("src/").and_then(|path| path.strip_suffix(".rs")) else {
        return Vec::new();
    };
    let mut module: Vec<&str> = inside.split('/').collect();
    if module.last() == Some(&"mod") {
        module.pop();
    }
    let Some(own) = order.iter().position(|layer| layer == module[0]) else { return Vec::new() };
    let Ok(tokens) = rust::tokens(path, text) else { return Vec::new() };
    let mut walk = Walk { path, order, own, faults: Vec::new() };
    walk.items(tokens, module.len());
    walk.faults
}

struct Walk<'a> {
    path: &'a str,
    order: &'a [String],
    own: usize,
    faults: Vec<Fault>,
}

impl Walk<'_> {
    /// `depth`: how many `super` lead from here to the crate's root.
    fn items(&mut self, tokens: TokenStream, depth: usize) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            if is_test_attribute(&tokens[at..]) {
                at += 2;
                at += item_length(&tokens[at..]);
                continue;
            }
            if let Some(length) = to_root(&tokens[at..], depth) {
                self.after_root(&tokens[at + length..]);
            }
            if let TokenTree::Group(group) = token {
                let is_module = at >= 2 && is_word(&tokens[at - 2], "mod");
                self.items(group.stream(), depth + usize::from(is_module));
            }
            at += 1;
        }
    }

    /// What follows `crate::`: a name or, in a `use`, a group of trees that each start with one.
    fn after_root(&mut self, tokens: &[TokenTree]) {
        match tokens.first() {
            Some(TokenTree::Ident(name)) => {
                let named = self.order.iter().position(|layer| name == layer);
                if named.is_some_and(|named| named > self.own) {
                    let own = &self.order[self.own];
                    let message = format!("{own} names {name}, which lies below it");
                    self.faults.push(Fault::new(self.path, name.span().start().line, message));
                }
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
                for tree in tokens.split(|token| is_punct(token, ',')) {
                    self.after_root(tree);
                }
            }
            _ => {}
        }
    }
}

/// How many tokens of `crate::`, or of as many `super::` as lead to the root, stand here.
fn to_root(tokens: &[TokenTree], depth: usize) -> Option<usize> {
    let is_path = |at: usize, word: &str| {
        tokens.get(at).is_some_and(|token| is_word(token, word))
            && tokens.get(at + 1).is_some_and(|token| is_punct(token, ':'))
            && tokens.get(at + 2).is_some_and(|token| is_punct(token, ':'))
    };
    if is_path(0, "crate") {
        return Some(3);
    }
    (0..depth).all(|level| is_path(3 * level, "super")).then_some(3 * depth)
}

fn is_test_attribute(tokens: &[TokenTree]) -> bool {
    let [hash, TokenTree::Group(group), ..] = tokens else { return false };
    let text: String = group.stream().to_string().split_whitespace().collect();
    is_punct(hash, '#') && text == "cfg(test)"
}

/// Up to and with the first `;` or brace group, which is where every item ends.
fn item_length(tokens: &[TokenTree]) -> usize {
    let end = tokens.iter().position(|token| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is_punct(token, ';'),
    });
    end.map_or(tokens.len(), |end| end + 1)
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

#[test]
fn order_and_tour_agree() {
    let modules = "pub mod wire;\n\npub mod zone;\n\npub mod net;\n";
    let check = |tour: &str| order("src/lib.rs", &format!("{tour}{modules}"));
    let expected = ["wire", "zone", "net"].map(str::to_owned).to_vec();
    let list =
        "//! net, wire.\n//! - [`wire`]: bytes\n//!   part of it\n//! - [`zone`]\n//! * net\n";
    assert_eq!(check(list), Ok(expected.clone()));
    assert_eq!(check("//! | `wire` | x |\n//! | [`mod@zone`] |\n//! | net |\n"), Ok(expected));
    for wrong in ["//! wire, zone, net\n", "//! - wire\n//! - net\n//! - zone\n"] {
        assert!(check(wrong).is_err_and(|fault| fault.message.contains("the tour lists")));
    }
}

#[test]
fn looking_down_is_seen() {
    let order = ["wire", "zone", "net"].map(str::to_owned);
    let found = |path: &str, text: &str| crate::shown(&check(path, text, &order));
    let check = |path: &str, text: &str, lines: &[usize]| {
        let faults = check(path, text, &order);
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), lines, "{text}");
    };
    check("src/zone/tree.rs", "use crate::wire::Name;\nuse crate::zone::X;\nuse super::Y;\n", &[]);
    assert_eq!(
        found("src/zone/mod.rs", "use crate::net::X;"),
        ["1: zone names net, which lies below it"]
    );
    check("src/wire/name.rs", "use crate::{wire, zone::{a, b},\nnet};\n", &[1, 2]);
    check("src/wire/mod.rs", "fn f() -> crate::zone::X { vec![crate::net::Y] }\n", &[1, 1]);
    check("src/wire/mod.rs", "use super::zone;\n", &[1]);
    check("src/wire/name.rs", "use super::zone;\nuse super::super::zone;\n", &[2]);
    check(
        "src/wire/name.rs",
        "mod a { use super::super::zone; use super::super::super::zone; }\n",
        &[1],
    );
    check(
        "src/wire/mod.rs",
        "#[cfg(test)]\nmod tests { use crate::net; }\nuse crate::net;\n",
        &[3],
    );
    check(
        "src/wire/mod.rs",
        "#[cfg(test)]\nuse crate::net;\n#[cfg(unix)]\nuse crate::net;\n",
        &[4],
    );
    check("src/wire/mod.rs", "// crate::net::X\nconst A: &str = \"crate::net::X\";\n", &[]);
    check("src/main.rs", "use crate::net;\n", &[]);
    check("tests/wire.rs", "use crate::net;\n", &[]);
}
