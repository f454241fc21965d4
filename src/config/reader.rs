//! A cursor over TOML that knows where everything stands and goes on after a mistake.
//!
//! [`Table`] and [`Value`] walk the tree of a [`Document`]. A value that is not what was asked for becomes a finding
//! and `None`, so that the caller goes on with a default and the next mistake is found too. [`Table::finish`] reports
//! every key that nobody asked for. What the values mean is known to the callers alone; texts with a grammar of their
//! own are read in [`super::value`].

use super::document::{Document, did_you_mean};
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One table (or inline table), whose keys are taken one by one.
pub struct Table<'d> {
    doc: &'d Document,
    noun: &'static str,
    span: Range<usize>,
    entries: Vec<Value<'d>>,
    known: Vec<&'static str>,
}

impl<'d> Table<'d> {
    /// The outermost table of a document; `noun` says what it is, for messages.
    pub fn root(doc: &'d Document, tree: &'d DeTable<'d>, noun: &'static str) -> Self {
        Self::new(doc, tree, 0..0, noun)
    }

    fn new(
        doc: &'d Document,
        tree: &'d DeTable<'d>,
        span: Range<usize>,
        noun: &'static str,
    ) -> Self {
        let mut entries: Vec<Value> = tree
            .iter()
            .map(|(key, value)| Value { doc, key: key.get_ref(), key_span: key.span(), value })
            .collect();
        entries.sort_by_key(|entry| entry.key_span.start);
        Self { doc, noun, span, entries, known: Vec::new() }
    }

    /// The value of a key, if it is there. Each key can be taken once.
    pub fn take(&mut self, key: &'static str) -> Option<Value<'d>> {
        self.known.push(key);
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(at))
    }

    /// The value of a key that must be there.
    pub fn required(&mut self, key: &'static str, cure: &str) -> Option<Value<'d>> {
        let value = self.take(key);
        if value.is_none() {
            let message = format!("{} needs {key:?}", self.noun);
            self.doc.error(self.span.clone(), message, cure);
        }
        value
    }

    /// The table under a key; an empty one if it is not there.
    pub fn section(&mut self, key: &'static str, noun: &'static str) -> Table<'d> {
        self.take(key).and_then(|value| value.table(noun)).unwrap_or(Table {
            doc: self.doc,
            noun,
            span: self.span.clone(),
            entries: Vec::new(),
            known: Vec::new(),
        })
    }

    /// All entries of a table whose keys are the user's own words, in the order of the text.
    pub fn into_entries(self) -> Vec<Value<'d>> {
        self.entries
    }

    /// Whether nothing stands in it, or nothing that was not taken yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Reports the keys that nobody asked for.
    pub fn finish(self) {
        for entry in &self.entries {
            let message = format!("unknown key {:?} in {}", entry.key, self.noun);
            let help = did_you_mean(entry.key, self.known.iter().copied());
            self.doc.error(entry.key_span.clone(), message, help);
        }
    }

    /// The keys that nobody asked for, for callers that know a better cure for some of them.
    pub fn retain_unknown(&mut self, mut keep: impl FnMut(&Value<'d>) -> bool) {
        self.entries.retain(|entry| keep(entry));
    }

    /// The file that this stands in.
    pub fn document(&self) -> &'d Document {
        self.doc
    }

    /// The key that names this table, or the inline table itself in a list.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }
}

/// One value with its place.
#[derive(Clone)]
pub struct Value<'d> {
    doc: &'d Document,
    /// The key that it stands under; for an element of a list, the list's.
    pub key: &'d str,
    /// Where the key stands; for an element of a list, the element.
    pub key_span: Range<usize>,
    value: &'d Spanned<DeValue<'d>>,
}

impl<'d> Value<'d> {
    /// Where the value stands.
    pub fn span(&self) -> Range<usize> {
        self.value.span()
    }

    /// The file that this stands in.
    pub fn document(&self) -> &'d Document {
        self.doc
    }

    /// Reports that this value is wrong.
    pub fn error(&self, message: impl Into<String>, help: impl Into<String>) {
        self.doc.error(self.span(), message, help);
    }

    /// Reports that the key of this value is wrong.
    pub fn key_error(&self, message: impl Into<String>, help: impl Into<String>) {
        self.doc.error(self.key_span.clone(), message, help);
    }

    /// Reports that this value is surely not as meant.
    pub fn warning(&self, message: impl Into<String>, help: impl Into<String>) {
        self.doc.warning(self.span(), message, help);
    }

    /// Reports that the key of this value is surely not as meant.
    pub fn key_warning(&self, message: impl Into<String>, help: impl Into<String>) {
        self.doc.warning(self.key_span.clone(), message, help);
    }

    /// Whether a text stands here.
    pub fn is_string(&self) -> bool {
        self.value.get_ref().is_str()
    }

    /// Whether a table stands here.
    pub fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    /// Whether a list stands here.
    pub fn is_list(&self) -> bool {
        self.value.get_ref().is_array()
    }

    /// A text.
    pub fn string(&self) -> Option<&'d str> {
        let text = self.value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type("a text in quotes", &format!("write {} = \"…\"", self.key));
        }
        text
    }

    /// A text of 1 to `bytes_max` bytes.
    pub fn short_string(&self, bytes_max: usize) -> Option<String> {
        let text = self.string()?;
        if text.is_empty() || text.len() > bytes_max {
            let message = format!("{:?} holds {} bytes", self.key, text.len());
            self.error(message, format!("use 1 to {bytes_max} bytes, or leave the key out"));
            return None;
        }
        Some(text.to_owned())
    }

    /// true or false.
    pub fn boolean(&self) -> Option<bool> {
        let value = self.value.get_ref().as_bool();
        if value.is_none() {
            self.wrong_type("true or false", "without quotes");
        }
        value
    }

    /// A whole number in a range.
    pub fn integer(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let cure = format!("use a whole number from {} to {}", range.start(), range.end());
        let Some(written) = self.value.get_ref().as_integer() else {
            self.wrong_type("a whole number", &cure);
            return None;
        };
        let number = i128::from_str_radix(written.as_str(), written.radix()).ok();
        let number = number.and_then(|number| u64::try_from(number).ok());
        let within = number.filter(|number| range.contains(number));
        if within.is_none() {
            self.error(format!("{:?} cannot be {written}", self.key), cure);
        }
        within
    }

    /// A number in a range; whole numbers are numbers too.
    pub fn float(&self, range: RangeInclusive<f64>) -> Option<f64> {
        let cure = format!("use a number from {} to {}", range.start(), range.end());
        let text = match self.value.get_ref() {
            DeValue::Integer(written) if written.radix() == 10 => written.as_str(),
            DeValue::Float(written) => written.as_str(),
            _ => {
                self.wrong_type("a number", &cure);
                return None;
            }
        };
        let within = text.parse().ok().filter(|number| range.contains(number));
        if within.is_none() {
            self.error(format!("{:?} cannot be {text}", self.key), cure);
        }
        within
    }

    /// A date and time in TOML's own form, as text.
    pub fn datetime(&self) -> Option<String> {
        self.value.get_ref().as_datetime().map(ToString::to_string)
    }

    /// The elements of a list.
    pub fn list(&self) -> Option<Vec<Value<'d>>> {
        let Some(elements) = self.value.get_ref().as_array() else {
            self.wrong_type("a list", &format!("write {} = [ … ]", self.key));
            return None;
        };
        let element = |value: &'d Spanned<DeValue<'d>>| Value {
            doc: self.doc,
            key: self.key,
            key_span: value.span(),
            value,
        };
        Some(elements.iter().map(element).collect())
    }

    /// The elements of a list, or the value itself where it is none.
    pub fn one_or_many(&self) -> Vec<Value<'d>> {
        if self.is_list() { self.list().unwrap_or_default() } else { vec![self.clone()] }
    }

    /// A table; `noun` says what it is, for messages.
    pub fn table(&self, noun: &'static str) -> Option<Table<'d>> {
        let Some(table) = self.value.get_ref().as_table() else {
            self.wrong_type("a table", &format!("write {} = {{ … }} with its keys", self.key));
            return None;
        };
        Some(Table::new(self.doc, table, self.key_span.clone(), noun))
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&self, known: &[(&str, T)]) -> Option<T> {
        let word = self.string()?;
        let found = known.iter().find(|(candidate, _)| *candidate == word);
        if found.is_none() {
            let help = did_you_mean(word, known.iter().map(|(candidate, _)| *candidate));
            self.error(format!("unknown {} {word:?}", self.key), help);
        }
        found.map(|(_, value)| *value)
    }

    /// Reports that the value has another type than the key wants.
    pub fn wrong_type(&self, wanted: &str, cure: &str) {
        let given = match self.value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.error(format!("{:?} must be {wanted}, not {given}", self.key), cure);
    }
}
