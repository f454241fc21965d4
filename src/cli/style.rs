//! How commands speak: colour where a terminal reads it, aligned tables, and a pipe that closes early.
//!
//! Colour is asked for per stream and follows <https://no-color.org>: never into a file or pipe, never where `NO_COLOR`
//! holds anything. A [`Table`] pads before it paints, so colour never moves a column. Progress, paging and terminal
//! width are left to the terminal.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::process;
use unicode_width::UnicodeWidthStr;

/// What a stretch of text means, which decides its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ink {
    /// As it is.
    #[default]
    Plain,
    /// Up, well, chosen.
    Good,
    /// Doubtful: unknown, draining, a warning.
    Doubt,
    /// Down, failed.
    Bad,
    /// A heading or the one thing to look at.
    Strong,
    /// What may be passed over: sources, comments.
    Faint,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Good => "\x1b[32m",
            Self::Doubt => "\x1b[33m",
            Self::Bad => "\x1b[31m",
            Self::Strong => "\x1b[1m",
            Self::Faint => "\x1b[2m",
        }
    }
}

/// Whether, and so how, one stream is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Whether escape sequences are written at all.
    pub colour: bool,
}

impl Palette {
    /// No colour at all.
    pub const PLAIN: Self = Self { colour: false };

    /// What standard output can bear.
    pub fn stdout() -> Self {
        Self::of(io::stdout().is_terminal())
    }

    /// What standard error can bear.
    pub fn stderr() -> Self {
        Self::of(io::stderr().is_terminal())
    }

    fn of(terminal: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self { colour: terminal && !refused && !dumb }
    }

    /// `text` in `ink`, to be displayed.
    pub fn paint<T: fmt::Display>(self, ink: Ink, text: T) -> Painted<T> {
        Painted { code: if self.colour { ink.code() } else { "" }, text }
    }
}

/// A text with its colour; made by [`Palette::paint`].
#[derive(Clone, Copy, Debug)]
pub struct Painted<T> {
    code: &'static str,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code.is_empty() {
            return self.text.fmt(f);
        }
        f.write_str(self.code)?;
        self.text.fmt(f)?;
        f.write_str("\x1b[0m")
    }
}

/// One cell of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    ink: Ink,
    right: bool,
}

impl Cell {
    /// A cell in a colour.
    pub fn inked(ink: Ink, text: impl fmt::Display) -> Self {
        Self { text: text.to_string(), ink, right: false }
    }

    /// A number: flush right.
    pub fn number(text: impl fmt::Display) -> Self {
        Self { text: text.to_string(), ink: Ink::Plain, right: true }
    }

    /// The same, flush right.
    pub fn flush_right(self) -> Self {
        Self { right: true, ..self }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::inked(Ink::Plain, text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

/// Rows whose columns line up, two spaces apart.
#[derive(Clone, Debug, Default)]
pub struct Table {
    indent: usize,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table, each line of which starts with `indent` spaces.
    pub fn new(indent: usize) -> Self {
        Self { indent, rows: Vec::new() }
    }

    /// Adds a row of faint column headings.
    pub fn header(&mut self, titles: &[&str]) {
        self.rows.push(titles.iter().map(|title| Cell::inked(Ink::Faint, title)).collect());
    }

    /// Adds a row; rows may differ in length.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as lines, without trailing spaces.
    pub fn render(&self, palette: Palette) -> String {
        let widths = self.widths();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = " ".repeat(self.indent);
            // Spaces owed to a column are paid only when another one follows, so that no line ends in spaces.
            let mut owed = 0;
            for (cell, width) in row.iter().zip(&widths) {
                let blank = width - columns(&cell.text);
                let (left, right) = if cell.right { (blank, 0) } else { (0, blank) };
                if !cell.text.is_empty() {
                    line.push_str(&" ".repeat(owed + left));
                    line.push_str(&palette.paint(cell.ink, &cell.text).to_string());
                    owed = right + GAP_COLUMNS;
                } else {
                    owed += width + GAP_COLUMNS;
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.rows.iter().map(Vec::len).max().unwrap_or(0)];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(columns(&cell.text));
            }
        }
        widths
    }
}

/// Between two columns of a table.
const GAP_COLUMNS: usize = 2;

/// Columns on a terminal: East Asian letters take two, combining marks none.
fn columns(text: &str) -> usize {
    text.width()
}

/// Writes to standard output. A reader that went away (`| head`) ends the program quietly, as it ends any filter; a
/// full disk ends it with status 1.
pub fn print(text: impl fmt::Display) {
    let mut out = io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => process::exit(0),
        Err(error) => {
            print_error(format_args!("cannot write to standard output: {error}"));
            process::exit(1)
        }
    }
}

/// Writes one error line for people to standard error: `fingerpost: error: TEXT`.
pub fn print_error(text: impl fmt::Display) {
    let word = Palette::stderr().paint(Ink::Bad, "error");
    // Where standard error is closed there is nobody left to tell.
    drop(writeln!(io::stderr().lock(), "fingerpost: {word}: {text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(2);
        table.header(&["SITE", "ENDPOINT", "WEIGHT", ""]);
        table.row(["fra".into(), "fra-1".into(), Cell::number(3), Cell::inked(Ink::Good, "up")]);
        table.row([
            "".into(),
            "a-longer-name".into(),
            Cell::number(10),
            Cell::inked(Ink::Bad, "down"),
        ]);
        table.row(["sin".into()]);
        table
    }

    #[test]
    fn columns_line_up_and_lines_end_in_text() {
        let expected = "  SITE  ENDPOINT       WEIGHT\n  fra   fra-1               3  up\n  \
                        \u{20}     a-longer-name      10  down\n  sin\n";
        assert_eq!(table().render(Palette::PLAIN), expected);
    }

    #[test]
    fn colour_moves_no_column() {
        let coloured = table().render(Palette { colour: true });
        assert!(coloured.contains("\x1b[32mup\x1b[0m"));
        let mut bare = coloured;
        for code in ["\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[1m", "\x1b[2m", "\x1b[0m"] {
            bare = bare.replace(code, "");
        }
        assert_eq!(bare, table().render(Palette::PLAIN));
    }

    #[test]
    fn plain_text_is_left_alone() {
        assert_eq!(Palette { colour: true }.paint(Ink::Plain, "x").to_string(), "x");
        assert_eq!(Palette::PLAIN.paint(Ink::Bad, format_args!("{:>3}", 7)).to_string(), "  7");
    }
}
