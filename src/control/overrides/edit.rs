//! Overrides set and removed in the text of `overrides.toml`, as a careful person would: what was not asked for stays
//! as it is, comments and order and all.
//!
//! The text is read twice, by the configuration (which says what it means) and as a document that keeps its form. A
//! text with mistakes is refused. What comes out is read by the configuration again, and must mean exactly what was
//! asked; so an edit cannot break the file. Where the text comes from and goes to is [`super::file`]'s part.

use crate::config;
use crate::health::overrides::{Override, OverrideTarget};
use crate::report::{Finding, Report, Source};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use toml_edit::{
    Array, ArrayOfTables, DocumentMut, InlineTable, Item, RawString, Table, TableLike, Value,
};

/// What a file begins with that was not there before.
pub const HEADER: &str = "\
# What the operators have pinned: one [[override]] for each, with the site, pool or endpoint that it is on, the state
# (up, down or drain), when it ends, why, and by whom. `fingerpost drain`, `down`, `up` and `undrain` edit this file;
# so may you, for it is watched. What has ended may be deleted.
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

    /// Sets an override. One on the same target, ended or not, gives way to it; those that did are returned.
    pub fn set(&mut self, new: &Override) -> Vec<Override> {
        let same = |list: &[Override]| list.iter().rposition(|old| old.target == new.target);
        let Some(first) = self.list.iter().position(|old| old.target == new.target) else {
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

    /// Removes every override on just these targets; they are returned.
    pub fn remove(&mut self, targets: &[OverrideTarget]) -> Vec<Override> {
        let mut removed = Vec::new();
        for at in (0..self.list.len()).rev() {
            if targets.contains(&self.list[at].target) {
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
    put(table, "state", Some(new.pin.to_string().into()));
    let until = new.until.map(|until| match until.to_string().parse() {
        Ok(moment) => Value::Datetime(toml_edit::Formatted::new(moment)),
        // TOML's own form has no years beyond 9999; the text is read as well.
        Err(_) => until.to_string().into(),
    });
    put(table, "until", until);
    put(table, "reason", Some(new.reason.as_str()).filter(|text| !text.is_empty()).map(Into::into));
    put(table, "by", new.by.as_deref().map(Into::into));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::overrides::Pin;
    use crate::wire::Name;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn edit(text: &str) -> Edit {
        Edit::new(Path::new("overrides.toml"), text, at(0)).unwrap()
    }

    fn site(name: &str) -> OverrideTarget {
        OverrideTarget::Site { zone: None, name: name.into() }
    }

    fn drain(target: OverrideTarget) -> Override {
        let (until, by) = (Some(at(3600)), Some("ada".into()));
        Override { target, pin: Pin::Drain, until, reason: "CHG1".into(), by }
    }

    const WHOLE: &str = "\
# Ours.

# CHG0, see the wiki
[[override]]
site = \"fra\" # hall 2
until = 1970-01-01T00:00:00Z   # midnight
state = 'down'

# Only for a while.

# the old switch
[[override]]
endpoint = \"a\"
pool = \"web\"
zone = \"example.com\"
state = \"up\"
# end
";

    #[test]
    fn setting_leaves_the_rest_as_it_is() {
        let mut edit = edit(WHOLE);
        assert_eq!(edit.set(&drain(site("iad"))), []);
        let added = "\n[[override]]\nsite = \"iad\"\nstate = \"drain\"\nuntil = 1970-01-01T01:00:00Z\n\
                     reason = \"CHG1\"\nby = \"ada\"\n";
        assert_eq!(edit.finish().unwrap(), format!("{WHOLE}{added}"));
    }

    #[test]
    fn setting_again_edits_in_place() {
        let mut edit = edit(WHOLE);
        let replaced = edit.set(&drain(site("fra")));
        assert_eq!(replaced.len(), 1);
        assert_eq!(replaced[0].pin, Pin::Down);
        let expected = WHOLE
            .replace("1970-01-01T00:00:00Z   # midnight", "1970-01-01T01:00:00Z   # midnight")
            .replace("state = 'down'\n", "state = \"drain\"\nreason = \"CHG1\"\nby = \"ada\"\n");
        assert_eq!(edit.finish().unwrap(), expected);
    }

    #[test]
    fn removing_takes_its_own_comment_along_and_no_other() {
        let check = |target: OverrideTarget, expected: &str| {
            let mut edit = edit(WHOLE);
            edit.remove(&[target]);
            assert_eq!(edit.finish().unwrap(), expected);
        };
        let second = WHOLE.find("# Only").unwrap();
        check(site("fra"), &format!("# Ours.\n\n{}", &WHOLE[second..]));
        let zone = Some(Name::parse("example.com", None).unwrap());
        let endpoint =
            OverrideTarget::Endpoint { zone, pool: Some("web".into()), name: "a".into() };
        let (kept, _) = WHOLE.split_once("# the old switch").unwrap();
        check(endpoint, &format!("{kept}# end\n"));
        check(site("none"), WHOLE);
    }

    #[test]
    fn files_of_every_form() {
        let entry = "[[override]]\nsite = \"fra\"\nstate = \"drain\"\nuntil = 1970-01-01T01:00:00Z\n\
                     reason = \"CHG1\"\nby = \"ada\"\n";
        let inline = "{ site = \"fra\", state = \"drain\", until = 1970-01-01T01:00:00Z, reason = \"CHG1\", \
                      by = \"ada\" }";
        let other = "{ site = \"iad\", state = \"up\" }";
        let check = |text: &str, expected: &str| {
            let mut set = edit(text);
            set.set(&drain(site("fra")));
            let text = set.finish().unwrap();
            assert_eq!(text, expected);
        };
        check("", entry);
        check("\n", &format!("\n{entry}"));
        check(HEADER, &format!("{HEADER}\n{entry}"));
        check("# no newline", &format!("# no newline\n\n{entry}"));
        check("override = []", &format!("override = [\n  {inline},\n]\n"));
        check(
            &format!("override = [\n  {other}, # other\n]\n"),
            &format!("override = [\n  {other}, # other\n  {inline},\n]\n"),
        );
        let remove = |text: &str, expected: &str| {
            let mut removal = edit(text);
            removal.remove(&[site("fra")]);
            assert_eq!(removal.finish().unwrap(), expected);
        };
        remove(&format!("{HEADER}\n{entry}"), &format!("{HEADER}\n"));
        remove(entry, "");
        remove(&format!("# head\n{entry}"), "# head\n");
        remove(&format!("{entry}\n{}", entry.replace("fra", "iad")), &entry.replace("fra", "iad"));
        remove(
            &format!("override = [\n  {other}, # other\n  {inline},\n]\n"),
            &format!("override = [\n  {other}, # other\n]\n"),
        );
    }

    #[test]
    fn a_file_with_mistakes_is_not_touched() {
        let check = |text: &str, message: &str| {
            let report = Edit::new(Path::new("overrides.toml"), text, at(0)).unwrap_err();
            let told: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
            assert!(told.iter().any(|told| told.contains(message)), "{text:?}: {told:?}");
        };
        check("[[override]]\nsite = \"fra\"\n", "needs \"state\"");
        check("[[override]\n", "not valid TOML");
        check("overide = []\n", "unknown key");
        check("[[override]]\nsite = \"fra\"\nstate = \"down\"\nwho = 1\n", "unknown key");
    }

    fn word() -> impl Strategy<Value = String> {
        "[a-c]{1,2}"
    }

    fn target() -> impl Strategy<Value = OverrideTarget> {
        let zone = || {
            proptest::option::of(prop_oneof![Just("example.com"), Just("."), Just("a\\032b.x")])
                .prop_map(|text| text.map(|text| Name::parse(text, None).unwrap()))
        };
        prop_oneof![
            (zone(), word()).prop_map(|(zone, name)| OverrideTarget::Site { zone, name }),
            (zone(), word()).prop_map(|(zone, name)| OverrideTarget::Pool { zone, name }),
            (zone(), proptest::option::of(word()), word())
                .prop_map(|(zone, pool, name)| OverrideTarget::Endpoint { zone, pool, name }),
        ]
    }

    fn any_override() -> impl Strategy<Value = Override> {
        let pin = prop_oneof![Just(Pin::Up), Just(Pin::Drain), Just(Pin::Down)];
        let until = proptest::option::of((0..=253_402_207_200_i64, 0..1_000_000_000_i32));
        (target(), pin, until, ".{0,12}", proptest::option::of(".{1,12}")).prop_map(
            |(target, pin, until, reason, by)| {
                let until = until.map(|(second, ns)| Timestamp::new(second, ns).unwrap());
                Override { target, pin, until, reason, by }
            },
        )
    }

    /// A text that means `list`, in one of the forms that a person may choose.
    fn written(list: &[Override], inline: bool) -> String {
        let mut edit = edit(if inline { "override = [] # list\n" } else { "# a head\n" });
        for element in list {
            edit.append(element);
            edit.list.push(element.clone());
        }
        edit.finish().unwrap()
    }

    proptest! {
        /// Whatever stands in the file and whatever is asked, the file means afterwards what a plain list would.
        #[test]
        fn the_file_means_what_was_asked(
            list in proptest::collection::vec(any_override(), 0..6),
            inline: bool,
            asked in proptest::collection::vec((any_override(), any::<bool>()), 1..4),
        ) {
            let mut text = written(&list, inline);
            let mut model = list;
            for (asked, set) in asked {
                let mut edit = edit(&text);
                prop_assert_eq!(edit.list(), &model[..]);
                let gone = if set { edit.set(&asked) } else { edit.remove(std::slice::from_ref(&asked.target)) };
                let same = |old: &Override| old.target == asked.target;
                prop_assert_eq!(gone, model.iter().filter(|old| same(old)).cloned().collect::<Vec<_>>());
                let place = model.iter().position(same).unwrap_or(model.len());
                model.retain(|old| !same(old));
                if set {
                    model.insert(place, asked);
                }
                text = edit.finish().unwrap();
                prop_assert!(text.contains(if inline { "# list" } else { "# a head" }), "{}", text);
            }
            prop_assert_eq!(&edit(&text).list, &model);
        }
    }
}
