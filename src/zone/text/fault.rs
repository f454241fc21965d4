//! A mistake in a master file, before it is known which file: a stretch of the text, what is wrong, the cure.

use domain::base::scan::{BadSymbol, ScannerError};
use std::fmt;
use std::ops::Range;

/// What is wrong with a stretch of the text that is being read.
#[derive(Debug)]
pub struct Fault {
    /// Where, in bytes of the text.
    pub span: Range<usize>,
    /// What.
    pub message: String,
    /// The cure, if one is known.
    pub help: Option<String>,
}

impl Fault {
    /// A fault at `span`.
    pub fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None }
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Gives a fault of `domain`'s, which knows no place, the place of what it was handed last.
    pub fn or_at(mut self, span: Range<usize>) -> Self {
        if self.span == NOWHERE {
            self.span = span;
        }
        self
    }
}

/// The place of faults that are made inside `domain`, until [`Fault::or_at`].
const NOWHERE: Range<usize> = usize::MAX..usize::MAX;

impl ScannerError for Fault {
    fn custom(message: &'static str) -> Self {
        Self::new(NOWHERE, message)
    }

    fn end_of_entry() -> Self {
        Self::custom("the record ends too early")
    }

    fn short_buf() -> Self {
        Self::custom("the RDATA is longer than 65535 octets")
    }

    fn trailing_tokens() -> Self {
        Self::custom("there is more than the record type takes")
    }
}

impl From<BadSymbol> for Fault {
    fn from(_: BadSymbol) -> Self {
        Self::custom("a character that may not stand here")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}
