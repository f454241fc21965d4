//! What is wrong, where, and the cure.
//!
//! Everything that reads a person's text (configuration, zone files, network tables, overrides) collects its findings
//! in a [`Report`] and goes on, so that one run names every mistake. A finding holds the source it speaks of, so it can
//! still be shown long after the file has changed. How findings look on a terminal or as JSON is [`render()`]'s part.
//! Errors of the operating system that have no line (a file that cannot be read) are findings without a place.

mod render;
mod words;

pub use render::{Style, render};
pub use words::{count, listed, percent, percent_tenths, plural};

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One text that was read, kept for the findings that point into it.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The path as the operator would type it.
    pub path: PathBuf,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// A source that was read from `path`.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { path: path.into(), text: text.into() })
    }

    /// Line and column of a byte offset, both from 1; columns count characters.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The byte offset of a line and column, both from 1; the end of the text where there is no such place.
    pub fn offset(&self, line: usize, column: usize) -> usize {
        let start: usize =
            self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let rest = self.text.get(start..).unwrap_or("");
        start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
    }
}

/// A stretch of a source, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The text that is spoken of.
    pub source: Arc<Source>,
    /// Byte offsets into it; may be empty.
    pub span: Range<usize>,
}

impl Place {
    /// A place in `source`.
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        Self { source: source.clone(), span }
    }

    /// The path that the place lies in.
    pub fn path(&self) -> &Path {
        &self.source.path
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.source.line_column(self.span.start);
        write!(f, "{}:{line}:{column}", self.source.path.display())
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Works, but surely not as meant.
    Warning,
    /// Refused: what it stands in is not published.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where, if it has a place.
    pub place: Option<Place>,
    /// The cure, if one is known.
    pub help: Option<String>,
}

impl Finding {
    /// An error without a place yet.
    pub fn error(message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, message: message.into(), place: None, help: None }
    }

    /// A warning without a place yet.
    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message) }
    }

    /// Says where.
    pub fn at(mut self, source: &Arc<Source>, span: Range<usize>) -> Self {
        self.place = Some(Place::new(source, span));
        self
    }

    /// Says where, with a place at hand.
    pub fn at_place(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// One line: `path:line:column: error: message (cure)`. [`render()`] shows the source line too.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}: {}", self.severity, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

/// All findings of one reading, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The findings.
    pub findings: Vec<Finding>,
}

/// A report of the one thing that went wrong.
impl From<Finding> for Report {
    fn from(finding: Finding) -> Self {
        Self { findings: vec![finding] }
    }
}

impl Report {
    /// Adds a finding.
    pub fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Adds all findings of another reading.
    pub fn extend(&mut self, other: Report) {
        self.findings.extend(other.findings);
    }

    /// Whether anything was found that forbids publishing.
    pub fn has_errors(&self) -> bool {
        self.error_count() > 0
    }

    /// How many errors there are.
    pub fn error_count(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).count()
    }

    /// How many warnings there are.
    pub fn warning_count(&self) -> usize {
        self.findings.len() - self.error_count()
    }
}

/// The known word nearest to `word`, if it is near enough to be a slip of the finger.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        let source = Source::new("z.toml", "a = 1\nß = \"é\"x\n");
        let check = |offset, line, column| {
            assert_eq!(source.line_column(offset), (line, column));
            assert_eq!(source.offset(line, column), offset);
        };
        check(0, 1, 1);
        check(4, 1, 5);
        check(6, 2, 1);
        check(8, 2, 2);
        check(14, 2, 7);
    }

    #[test]
    fn nearest_suggests_slips_only() {
        let check = |word, expected| {
            assert_eq!(nearest(word, ["web", "frankfurt", "timeout"]), expected, "{word}");
        };
        check("wbe", Some("web"));
        check("timout", Some("timeout"));
        check("frnkfrt", Some("frankfurt"));
        check("db", None);
    }
}
