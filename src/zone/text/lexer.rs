//! Text to logical entries: one entry is one record or directive, with every parenthesis and comment gone.
//!
//! An entry is its tokens, each a stretch of the text; nothing is decoded here, so a place in the text is at hand
//! whatever is found wrong later. A lexical mistake costs one entry: reading goes on at the next line that can start
//! one. What the tokens mean (owner, directive, RDATA) is for others.

use super::fault::Fault;
use std::ops::Range;

/// Longest logical entry, in octets: four times the largest RDATA with every octet written as `\DDD`.
pub const ENTRY_BYTES_MAX: usize = 1 << 20;

/// One word, or one quoted string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its content, without the quotes, in bytes of the text.
    pub span: Range<usize>,
    /// Whether it stood in quotes.
    pub quoted: bool,
    /// Whether it follows the token before it with nothing in between, as in `key="value"`.
    pub glued: bool,
}

impl Token {
    /// The stretch to point at: the quotes too.
    pub fn place(&self) -> Range<usize> {
        let quote = usize::from(self.quoted);
        self.span.start - quote..self.span.end + quote
    }
}

/// One logical line that has at least one token.
#[derive(Debug)]
pub struct Entry {
    /// Whether it began with white space, and so has no owner of its own (RFC 1035 §5.1).
    pub indented: bool,
    /// Where its first line ends; what an entry of many lines is shown by.
    pub first_line_end: usize,
}

/// Walks a text from entry to entry.
pub struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What stands between tokens.
enum Gap {
    /// A token starts here.
    Token,
    /// The entry is over.
    End,
}

/// The entry being read.
struct State {
    /// Where the outermost open parenthesis is, and how many are open.
    open: Option<(usize, usize)>,
    first_line_end: Option<usize>,
}

impl<'a> Lexer<'a> {
    /// A lexer at the start of `text`.
    pub fn new(text: &'a str) -> Self {
        // Some editors mark UTF-8 with a byte order mark, which is no part of the first owner.
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { bytes: text.as_bytes(), at }
    }

    /// Gives up on the rest of the text.
    pub fn stop(&mut self) {
        self.at = self.bytes.len();
    }

    /// The next entry, its tokens in `tokens`; none at the end of the text. After a fault the next call goes on
    /// behind it.
    pub fn next_entry(&mut self, tokens: &mut Vec<Token>) -> Option<Result<Entry, Fault>> {
        while self.at < self.bytes.len() {
            tokens.clear();
            let start = self.at;
            let read = self.entry(tokens);
            if let Err(fault) = &read {
                self.recover(start.max(fault.span.start));
            } else if tokens.is_empty() {
                continue;
            }
            return Some(read);
        }
        None
    }

    fn entry(&mut self, tokens: &mut Vec<Token>) -> Result<Entry, Fault> {
        let start = self.at;
        let indented = matches!(self.bytes[start], b' ' | b'\t');
        let mut state = State { open: None, first_line_end: None };
        loop {
            let gap_start = self.at;
            match self.gap(&mut state)? {
                Gap::End => {
                    let first_line_end = state.first_line_end.unwrap_or(self.at);
                    return Ok(Entry { indented, first_line_end });
                }
                Gap::Token => {}
            }
            let glued = self.at == gap_start && !tokens.is_empty();
            tokens.push(if self.bytes[self.at] == b'"' {
                self.quoted(glued)?
            } else {
                self.word(glued)
            });
            if self.at - start > ENTRY_BYTES_MAX {
                return Err(too_long(start, state.open));
            }
        }
    }

    /// Skips white space, comments and parentheses.
    fn gap(&mut self, state: &mut State) -> Result<Gap, Fault> {
        loop {
            match self.bytes.get(self.at) {
                None => {
                    return match state.open {
                        Some((at, _)) => {
                            Err(Fault::new(at..at + 1, "this parenthesis is never closed"))
                        }
                        None => Ok(Gap::End),
                    };
                }
                Some(b'\n') => {
                    state.first_line_end.get_or_insert(self.at);
                    self.at += 1;
                    if state.open.is_none() {
                        return Ok(Gap::End);
                    }
                }
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b';') => self.skip_line(),
                Some(b'(') => {
                    let (first, depth) = state.open.unwrap_or((self.at, 0));
                    state.open = Some((first, depth + 1));
                    self.at += 1;
                }
                Some(b')') => {
                    state.open = match state.open {
                        Some((first, depth)) if depth > 1 => Some((first, depth - 1)),
                        Some(_) => None,
                        None => {
                            let message = "there is no parenthesis that this one could close";
                            return Err(Fault::new(self.at..self.at + 1, message));
                        }
                    };
                    self.at += 1;
                }
                Some(_) => return Ok(Gap::Token),
            }
        }
    }

    fn word(&mut self, glued: bool) -> Token {
        let start = self.at;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b'(' | b')' | b';' | b'"' => break,
                b'\\' if self.bytes.get(self.at + 1).is_some_and(|next| *next != b'\n') => {
                    self.at += 2
                }
                _ => self.at += 1,
            }
        }
        Token { span: start..self.at, quoted: false, glued }
    }

    /// A quoted string, which ends on its line: one that does not has lost its quote.
    fn quoted(&mut self, glued: bool) -> Result<Token, Fault> {
        let start = self.at + 1;
        self.at = start;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') if self.bytes.get(self.at + 1).is_some_and(|next| *next != b'\n') => {
                    self.at += 2
                }
                Some(b'\n') | None => {
                    return Err(Fault::new(
                        start - 1..self.at,
                        "this string is not closed on its line",
                    )
                    .help("a string of many lines is written as many strings in parentheses"));
                }
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        Ok(Token { span: start..self.at - 1, quoted: true, glued })
    }

    /// Moves to the line end.
    fn skip_line(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }

    /// Moves behind the line of the mistake at `at`, and on to one that starts with an owner or a directive.
    fn recover(&mut self, at: usize) {
        self.at = at.min(self.bytes.len());
        loop {
            self.skip_line();
            self.at = (self.at + 1).min(self.bytes.len());
            if !matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n' | b')' | b'('))
            {
                return;
            }
        }
    }
}

fn too_long(start: usize, open: Option<(usize, usize)>) -> Fault {
    let at = open.map_or(start, |(at, _)| at);
    let message = format!("this entry is longer than {ENTRY_BYTES_MAX} octets");
    Fault::new(at..at + 1, message).help("is a parenthesis not closed?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Each entry as its tokens joined by `|`, indentation as `>`, glue as `+`, quotes kept; faults as `!offset`.
    fn entries(text: &str) -> Vec<String> {
        let mut lexer = Lexer::new(text);
        let (mut tokens, mut shown) = (Vec::new(), Vec::new());
        while let Some(entry) = lexer.next_entry(&mut tokens) {
            let Ok(entry) = entry.map_err(|fault| shown.push(format!("!{}", fault.span.start)))
            else {
                continue;
            };
            let words: Vec<String> = tokens
                .iter()
                .map(|token| {
                    format!("{}{}", if token.glued { "+" } else { "" }, &text[token.place()])
                })
                .collect();
            shown.push(format!("{}{}", if entry.indented { ">" } else { "" }, words.join("|")));
        }
        shown
    }

    #[test]
    fn entries_of_tokens() {
        let check = |text: &str, expected: &[&str]| assert_eq!(entries(text), expected, "{text:?}");
        check("", &[]);
        check("\n \n\t; only ; a comment\n;\n", &[]);
        check("a A 1\r\n\tB 2", &["a|A|1", ">B|2"]);
        check("a SOA b c ( 1 ; serial\n 2\n) 3\nb", &["a|SOA|b|c|1|2|3", "b"]);
        check("a ((1) 2\n) 3\nb", &["a|1|2|3", "b"]);
        check(r#"t TXT ( "ab cd" "e;f" ) ; x"#, &[r#"t|TXT|"ab cd"|"e;f""#]);
        check(r#"t TXT "a\"b" "" c"#, &[r#"t|TXT|"a\"b"|""|c"#]);
        check(r#"h SVCB k="v w" a"b"c"#, &[r#"h|SVCB|k=|+"v w"|a|+"b"|+c"#]);
        check(r"a\ b\;c A", &[r"a\ b\;c|A"]);
        check("a(b)c", &["a|b|c"]);
        check("\u{feff}a b", &["a|b"]);
    }

    #[test]
    fn one_mistake_costs_one_entry() {
        let check = |text: &str, expected: &[&str]| assert_eq!(entries(text), expected, "{text:?}");
        check("a )\nb", &["!2", "b"]);
        check("a \"x\nb", &["!2", "b"]);
        check("a (\n 1\n 2\nb\n", &["!2", "b"]);
        check("a (\n 1\n 2", &["!2"]);
        check("a \"x\\", &["!2"]);
        check("a \\", &["a|\\"]);
        check("a \\\nb", &["a|\\", "b"]);
    }

    proptest! {
        #[test]
        fn any_text_ends(text in r#"[ \n\t"()\\;a0-9$é]{0,80}"#) {
            let mut lexer = Lexer::new(&text);
            let mut tokens = Vec::new();
            let mut end = 0;
            for _ in 0..=text.len() {
                match lexer.next_entry(&mut tokens) {
                    None => return Ok(()),
                    Some(Err(_)) => end = 0,
                    Some(Ok(_)) => for token in &tokens {
                        prop_assert!(token.span.start >= end);
                        prop_assert!(text.get(token.place()).is_some());
                        end = token.place().end;
                    },
                }
            }
            prop_assert!(false, "more entries than characters");
        }
    }
}
