//! One TOML file: its text, what was found wrong in it so far, and the other files that its meaning depends on.

use crate::report::{Finding, Place, Report, Severity, Source, nearest};
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::de::DeTable;

/// So many syntax errors are shown of one file; the later ones tend to follow from the earlier.
const SYNTAX_ERRORS_MAX: usize = 5;
/// So many known words are listed where none is near.
const KNOWN_WORDS_MAX: usize = 16;

/// One file that is being read, and what was found wrong in it so far.
pub struct Document {
    source: Arc<Source>,
    findings: RefCell<Vec<Finding>>,
    inputs: RefCell<Vec<PathBuf>>,
    /// Errors that lie in files which this one names, whose readers keep what they had.
    elsewhere: Cell<usize>,
}

impl Document {
    /// Begins to read `source`.
    pub fn new(source: Arc<Source>) -> Self {
        let inputs = RefCell::new(vec![source.path.clone()]);
        Self { source, findings: RefCell::default(), inputs, elsewhere: Cell::new(0) }
    }

    /// The whole text as a tree; none, with findings, if it is not TOML.
    pub fn tree(&self) -> Option<DeTable<'_>> {
        let (tree, errors) = DeTable::parse_recoverable(&self.source.text);
        let mut lines = Vec::new();
        for error in &errors {
            let span = error.span().unwrap_or(0..0);
            let (line, _) = self.source.line_column(span.start);
            if !lines.contains(&line) && lines.len() < SYNTAX_ERRORS_MAX {
                lines.push(line);
                let message = format!("not valid TOML: {}", error.message().trim_end());
                let help = match error.message().contains("duplicate key") {
                    true => "keep one of the two, with the keys of both",
                    false => "mend this first: nothing else in the file was looked at",
                };
                self.push(Finding::error(message).at(&self.source, span).help(help));
            }
        }
        errors.is_empty().then(|| tree.into_inner())
    }

    /// The directory that relative paths in this file start from.
    pub fn directory(&self) -> &Path {
        self.source.path.parent().unwrap_or(Path::new(""))
    }

    /// The name of the file alone, to say where a fact comes from.
    pub fn file_name(&self) -> String {
        let name = self.source.path.file_name().unwrap_or(self.source.path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// The line, from 1, in which a stretch of this file begins.
    pub fn line(&self, span: &Range<usize>) -> usize {
        self.source.line_column(span.start).0
    }

    /// A place in this file.
    pub fn place(&self, span: Range<usize>) -> Place {
        Place::new(&self.source, span)
    }

    /// Something that must be corrected, with the cure.
    pub fn error(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.push(Finding::error(message).at(&self.source, span).help(help));
    }

    /// Something that is surely not as meant, with the cure.
    pub fn warning(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.push(Finding::warning(message).at(&self.source, span).help(help));
    }

    /// Whether anything must be corrected in this file.
    pub fn has_errors(&self) -> bool {
        self.error_count() > self.elsewhere.get()
    }

    /// Runs a check of another file that this one names. Its errors are told, but do not make this file a wrong one:
    /// what was read of the other file before stays in use, and everything else goes on.
    pub fn check_elsewhere(&self, check: impl FnOnce()) {
        let before = self.error_count();
        check();
        self.elsewhere.set(self.elsewhere.get() + self.error_count() - before);
    }

    fn error_count(&self) -> usize {
        self.findings.borrow().iter().filter(|finding| finding.severity == Severity::Error).count()
    }

    /// Notes that what this file means depends on another file.
    pub fn depends_on(&self, path: &Path) {
        self.inputs.borrow_mut().push(path.to_owned());
    }

    /// All findings, in the order of the text, and the files that were read: this one and those that it depends on.
    pub fn finish(self) -> (Report, Vec<PathBuf>) {
        let mut findings = self.findings.into_inner();
        findings.sort_by_key(|finding| finding.place.as_ref().map(|place| place.span.start));
        (Report { findings }, self.inputs.into_inner())
    }

    fn push(&self, finding: Finding) {
        self.findings.borrow_mut().push(finding);
    }
}

/// The cure for an unknown word: the nearest known one, or all that are known.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    known.dedup();
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean {near:?}?"),
        None if known.is_empty() => "none is defined".to_owned(),
        None if known.len() > KNOWN_WORDS_MAX => {
            format!("there are {}, among them {}", known.len(), known[..KNOWN_WORDS_MAX].join(", "))
        }
        None => format!("known here: {}", known.join(", ")),
    }
}
