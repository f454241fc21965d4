//! Overrides set and removed in the text of `overrides.toml`, as a careful person would: what was not asked for stays
//! as it is, comments and order and all.
//!
//! The text is read twice, by the configuration (which says what it means) and as a document that keeps its form. A
//! text with mistakes is refused. What comes out is read by the configuration again, and must mean exactly what was
//! asked; so an edit cannot break the file. Where the text comes from and goes to is [`super::file`]'s part.

#[cfg(test)]
mod tests;

use crate::config;
use crate::health::overrides::{Action, Override, OverrideTarget, Plan};
use crate::report::{Finding, Report, Source};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use toml_edit::{
    Array, ArrayOfTables, DocumentMut, InlineTable, Item, RawString, Table, TableLike, Value,
};

/// What a file begins with that was not there before.
pub const HEADER: &str = "\
# What the operators have pinned: one [[override]] for each, with the site, pool or endpoint that it is on, the state
# (up, down or drain) or an endpoint's weight, when it ends, why, and by whom. `fingerpost drain`, `down`, `up`,
# `undrain` and `weight` edit this file; so may you, for it is watched. What has ended may be deleted.
";

const LIST: &str = "override";
/// Before an element that is added to a list in brackets.
const ELEMENT_INDENT: &str = "\n  ";

/// The text of an overrides file, and what it means.
#[derive(Debug)]
pub struct Edit {
    path: PathBuf,
    now: Timestamp,
    document: DocumentMut,
    list: Vec<Override>,
}

impl Edit {
    /// Begins to edit `text`, of the file at `path`. The error names the mistakes in it.
    pub fn new(path: &Path, text: &str, now: Timestamp) -> Result<Self, Report> {
        let list = config::parse_overrides(&Source::new(path, text), now)?.list;
        let document = text.parse().map_err(|error| unsound(path, &error))?;
        Ok(Self { path: path.to_owned(), now, document, list })
    }

    /// What the text means by now, in its order.
    pub fn list(&self) -> &[Override] {
        &self.list
    }

    /// Sets an override. One on the same target that says the same of it, how it stands or what it weighs, gives way to
    /// it, ended or not; those that did are returned.
    pub fn set(&mut self, new: &Override) -> Vec<Override> {
        let is_same = |old: &Override| old.target == new.target && old.action.is_like(&new.action);
        let same = |list: &[Override]| list.iter().rposition(is_same);
        let Some(first) = self.list.iter().position(is_same) else {
            self.append(new);
            self.list.push(new.clone());
            return Vec::new();
        };
        let mut replaced = Vec::new();
        while let Some(last) = same(&self.list).filter(|last| *last > first) {
            replaced.insert(0, self.remove_at(last));
        }
        if let Some(entry) = entry(&mut self.document, first) {
            describe(entry, new);
        }
        replaced.insert(0, std::mem::replace(&mut self.list[first], new.clone()));
        replaced
    }

    /// Removes every override on just these targets that `is_meant`; they are returned.
    pub fn remove(
        &mut self,
        targets: &[OverrideTarget],
        is_meant: impl Fn(&Override) -> bool,
    ) -> Vec<Override> {
        let mut removed = Vec::new();
        for at in (0..self.list.len()).rev() {
            let one = &self.list[at];
            if targets.contains(&one.target) && is_meant(one) {
                removed.insert(0, self.remove_at(at));
            }
        }
        removed
    }

    /// The text as it is to be written; the error says that it would not mean what was asked.
    pub fn finish(self) -> Result<String, Report> {
        let text = self.document.to_string();
        let read = config::parse_overrides(&Source::new(&self.path, text.clone()), self.now)?;
        if read.list == self.list {
            return Ok(text);
        }
        Err(unsound(&self.path, &"the file would not mean what was asked once it is edited"))
    }

    fn append(&mut self, new: &Override) {
        match self.document.entry(LIST).or_insert_with(|| ArrayOfTables::new().into()) {
            Item::Value(Value::Array(array)) => append_element(array, new),
            item => {
                let mut table = Table::new();
                fill(&mut table, new);
                if let Item::ArrayOfTables(tables) = item {
                    tables.push(table);
                }
                // What stands at the end of the file stays above what is added.
                let mut above = raw(self.document.trailing());
                self.document.set_trailing("");
                if !(above.is_empty() && self.list.is_empty()) {
                    end_in_blank_line(&mut above);
                }
                self.set_prefix(self.list.len(), &above);
            }
        }
    }

    fn remove_at(&mut self, at: usize) -> Override {
        match self.document.get_mut(LIST) {
            Some(Item::Value(Value::Array(array))) => remove_element(array, at),
            Some(Item::ArrayOfTables(tables)) => {
                let above = raw_of(tables.get(at).and_then(|table| table.decor().prefix()));
                tables.remove(at);
                let kept = kept_of(&above, at == 0);
                self.prepend(at, &kept);
            }
            _ => {}
        }
        self.list.remove(at)
    }

    /// Puts the comments that an entry leaves behind before the one that is at its place now, or at the end.
    fn prepend(&mut self, at: usize, kept: &str) {
        let below = match self.document.get(LIST) {
            Some(Item::ArrayOfTables(tables)) => tables.get(at).map(|table| table.decor().prefix()),
            _ => None,
        };
        let Some(below) = below.map(raw_of) else {
            let below = raw(self.document.trailing());
            self.document.set_trailing(format!("{kept}{below}"));
            return;
        };
        // One blank line parts what follows from what was kept, and none is at the head of the file.
        let parted = kept.ends_with("\n\n") || kept.is_empty() && at == 0;
        let below = if parted { below.trim_start_matches(['\r', '\n']) } else { &below };
        self.set_prefix(at, &format!("{kept}{below}"));
    }

    fn set_prefix(&mut self, at: usize, text: &str) {
        if let Some(Item::ArrayOfTables(tables)) = self.document.get_mut(LIST)
            && let Some(table) = tables.get_mut(at)
        {
            table.decor_mut().set_prefix(text);
        }
    }
}

fn unsound(path: &Path, error: &dyn std::fmt::Display) -> Report {
    let message = format!("cannot edit {}: {error}", path.display());
    Finding::error(message).help("edit the file by hand, and report this as a fault").into()
}

/// The comments above an entry that is removed which are not its own: those that a blank line parts from it, and those
/// at the head of the file.
fn kept_of(above: &str, first: bool) -> String {
    let (mut end, mut kept) = (0, 0);
    for line in above.split_inclusive('\n') {
        end += line.len();
        if line.trim().is_empty() {
            kept = end;
        }
    }
    let kept = if kept == 0 && first { above } else { &above[..kept] };
    if kept.contains('#') { kept.to_owned() } else { String::new() }
}

fn end_in_blank_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    if *text != "\n" && !text.ends_with("\n\n") {
        text.push('\n');
    }
}

fn raw(raw: &RawString) -> String {
    raw.as_str().unwrap_or_default().to_owned()
}

fn raw_of(text: Option<&RawString>) -> String {
    text.map(raw).unwrap_or_default()
}

fn entry(document: &mut DocumentMut, at: usize) -> Option<&mut dyn TableLike> {
    match document.get_mut(LIST)? {
        Item::ArrayOfTables(tables) => tables.get_mut(at).map(|table| table as &mut dyn TableLike),
        Item::Value(Value::Array(array)) => {
            let table = array.get_mut(at)?.as_inline_table_mut()?;
            Some(table as &mut dyn TableLike)
        }
        _ => None,
    }
}

fn append_element(array: &mut Array, new: &Override) {
    let mut table = InlineTable::new();
    fill(&mut table, new);
    let mut element = Value::InlineTable(table);
    // A comment after the last element stands before the bracket, and is to stay with that element.
    let before = raw(array.trailing());
    element.decor_mut().set_prefix(format!("{}{ELEMENT_INDENT}", before.trim_end()));
    array.push_formatted(element);
    array.set_trailing("\n");
    array.set_trailing_comma(true);
}

fn remove_element(array: &mut Array, at: usize) {
    let removed = array.remove(at);
    // The comment after the element before stands above this one.
    let above = raw_of(removed.decor().prefix());
    if !above.contains('#') {
        return;
    }
    let above = above.trim_end();
    match array.get_mut(at) {
        Some(next) => {
            let below = raw_of(next.decor().prefix());
            next.decor_mut().set_prefix(format!("{above}{}", on_its_own_line(&below)));
        }
        None => {
            let below = raw(array.trailing());
            array.set_trailing(format!("{above}{}", on_its_own_line(&below)));
        }
    }
}

/// What follows a comment begins a new line.
fn on_its_own_line(text: &str) -> String {
    let blank = text.len() - text.trim_start().len();
    if text[..blank].contains('\n') { text.to_owned() } else { format!("\n{text}") }
}

/// Writes a whole override into an empty table.
fn fill(table: &mut dyn TableLike, new: &Override) {
    let zone = match &new.target {
        OverrideTarget::Site { zone, name } => {
            put(table, "site", Some(name.as_str().into()));
            zone
        }
        OverrideTarget::Pool { zone, name } => {
            put(table, "pool", Some(name.as_str().into()));
            zone
        }
        OverrideTarget::Endpoint { zone, pool, name } => {
            put(table, "endpoint", Some(name.as_str().into()));
            put(table, "pool", pool.as_deref().map(Into::into));
            zone
        }
    };
    put(table, "zone", zone.as_ref().map(|zone| zone.to_string().into()));
    describe(table, new);
}

/// Writes what an override says of its target.
fn describe(table: &mut dyn TableLike, new: &Override) {
    match new.action {
        Action::Pin(pin) => put(table, "state", Some(pin.to_string().into())),
        Action::Weight(plan) => describe_plan(table, plan),
    }
    put(table, "until", new.until.map(moment));
    put(table, "reason", Some(new.reason.as_str()).filter(|text| !text.is_empty()).map(Into::into));
    put(table, "by", new.by.as_deref().map(Into::into));
}

fn describe_plan(table: &mut dyn TableLike, plan: Plan) {
    put(table, "weight", Some(i64::from(plan.weight).into()));
    let from = plan.from.map(|from| match from.fract() == 0.0 {
        // Within the weights that there are.
        true => (from as i64).into(),
        false => from.into(),
    });
    put(table, "from", from);
    put(table, "begin", plan.begin.map(moment));
    let over = Some(plan.over).filter(|over| !over.is_zero());
    put(table, "over", over.map(|over| config::shown_duration(over).into()));
}

fn moment(moment: Timestamp) -> Value {
    let text = moment.to_string();
    match text.parse() {
        Ok(moment) => Value::Datetime(toml_edit::Formatted::new(moment)),
        // TOML's own form has no years beyond 9999; the text is read as well.
        Err(_) => text.into(),
    }
}

/// Sets a key, keeping the comment after its value; without a value the key goes.
fn put(table: &mut dyn TableLike, key: &str, value: Option<Value>) {
    let Some(mut value) = value else {
        table.remove(key);
        return;
    };
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => drop(table.insert(key, Item::Value(value))),
    }
}
