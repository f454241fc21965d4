//! What a word in a file refers to: the file's own definitions first, then the server's.
//!
//! A definition with mistakes of its own stays known, without a value, so that a reference to it is not called unknown.

use super::document::{Document, did_you_mean};
use super::reader::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Definitions of one kind by name; no value where the definition has mistakes.
pub type Named<T> = BTreeMap<String, Option<T>>;

/// The definitions of one kind that a file can refer to.
pub struct Scope<'a, T> {
    noun: &'static str,
    own: Named<T>,
    places: Vec<(String, Range<usize>)>,
    shared: Option<&'a Named<T>>,
    used: RefCell<BTreeSet<String>>,
}

impl<'a, T: Clone> Scope<'a, T> {
    /// No own definitions yet.
    pub fn new(noun: &'static str, shared: Option<&'a Named<T>>) -> Self {
        let (own, places, used) = Default::default();
        Self { noun, own, places, shared, used }
    }

    /// Adds a definition of this file.
    pub fn define(&mut self, name: &str, span: Range<usize>, value: Option<T>) {
        self.own.insert(name.to_owned(), value);
        self.places.push((name.to_owned(), span));
    }

    /// Gives a definition of this file its value.
    pub fn fill(&mut self, name: &str, value: T) {
        self.own.insert(name.to_owned(), Some(value));
    }

    /// What a text refers to; a word that is defined nowhere is a finding.
    pub fn find(&self, reference: &Value<'_>) -> Option<T> {
        self.find_word(reference.document(), reference.string()?, reference.span())
    }

    /// What a key refers to; one that is defined nowhere is a finding.
    pub fn find_key(&self, entry: &Value<'_>) -> Option<T> {
        self.find_word(entry.document(), entry.key, entry.key_span.clone())
    }

    fn find_word(&self, doc: &Document, word: &str, span: Range<usize>) -> Option<T> {
        self.mark_used(word);
        if let Some(value) = self.own.get(word).or_else(|| self.shared?.get(word)) {
            return value.clone();
        }
        let shared = self.shared.into_iter().flat_map(BTreeMap::keys);
        let help = did_you_mean(word, self.own.keys().chain(shared).map(String::as_str));
        doc.error(span, format!("unknown {} {word:?}", self.noun), help);
        None
    }

    /// Notes that an own definition is in use.
    pub fn mark_used(&self, word: &str) {
        self.used.borrow_mut().insert(word.to_owned());
    }

    /// Whether this file defines the word, well or not.
    pub fn is_own(&self, word: &str) -> bool {
        self.own.contains_key(word)
    }

    /// The own definitions without mistakes, in the order written, and where each stands.
    pub fn own(&self) -> impl Iterator<Item = (&T, &Range<usize>)> {
        self.places.iter().filter_map(|(name, span)| Some((self.own.get(name)?.as_ref()?, span)))
    }

    /// Warns of the own definitions that nothing in this file refers to.
    pub fn warn_unused(&self, doc: &Document) {
        for (name, span) in &self.places {
            if !self.used.borrow().contains(name) {
                let message = format!("{} {name:?} is not used", self.noun);
                doc.warning(span.clone(), message, "refer to it in this file, or remove it");
            }
        }
    }

    /// The own definitions, for others to share.
    pub fn into_own(self) -> Named<T> {
        self.own
    }
}
