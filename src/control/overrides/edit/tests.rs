//! Edits: what they leave alone, and that the file means what was asked.

use super::*;
use crate::health::overrides::Pin;
use crate::wire::Name;
use proptest::prelude::*;
use std::time::Duration;

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
    let action = Action::Pin(Pin::Drain);
    Override { target, action, until, reason: "CHG1".into(), by }
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
    assert_eq!(replaced[0].pin(), Some(Pin::Down));
    let expected = WHOLE
        .replace("1970-01-01T00:00:00Z   # midnight", "1970-01-01T01:00:00Z   # midnight")
        .replace("state = 'down'\n", "state = \"drain\"\nreason = \"CHG1\"\nby = \"ada\"\n");
    assert_eq!(edit.finish().unwrap(), expected);
}

#[test]
fn a_weight_stands_beside_a_pin() {
    let endpoint =
        |name: &str| OverrideTarget::Endpoint { zone: None, pool: None, name: name.into() };
    let weigh =
        |plan| Override { action: Action::Weight(plan), until: None, ..drain(endpoint("a")) };
    let mut edit = edit("");
    edit.set(&drain(endpoint("a")));
    assert_eq!(edit.set(&weigh(Plan::at_once(7))), []);
    let over = Duration::from_secs(5400);
    let plan = Plan { weight: 40, from: Some(7.5), begin: Some(at(60)), over };
    assert_eq!(edit.set(&weigh(plan)), [weigh(Plan::at_once(7))]);
    assert_eq!(edit.remove(&[endpoint("a")], |one| one.pin().is_some()).len(), 1);
    let text = edit.finish().unwrap();
    assert_eq!(
        text,
        "[[override]]\nendpoint = \"a\"\nweight = 40\nreason = \"CHG1\"\nby = \"ada\"\nfrom = 7.5\n\
         begin = 1970-01-01T00:01:00Z\nover = \"90m\"\n"
    );
}

#[test]
fn removing_takes_its_own_comment_along_and_no_other() {
    let check = |target: OverrideTarget, expected: &str| {
        let mut edit = edit(WHOLE);
        edit.remove(&[target], |_| true);
        assert_eq!(edit.finish().unwrap(), expected);
    };
    let second = WHOLE.find("# Only").unwrap();
    check(site("fra"), &format!("# Ours.\n\n{}", &WHOLE[second..]));
    let zone = Some(Name::parse("example.com", None).unwrap());
    let endpoint = OverrideTarget::Endpoint { zone, pool: Some("web".into()), name: "a".into() };
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
        removal.remove(&[site("fra")], |_| true);
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
    let pin = prop_oneof![Just(Pin::Up), Just(Pin::Drain), Just(Pin::Down)].prop_map(Action::Pin);
    let name = (proptest::option::of(word()), word());
    let endpoint =
        name.prop_map(|(pool, name)| OverrideTarget::Endpoint { zone: None, pool, name });
    let kind = prop_oneof![(target(), pin), (endpoint, any_plan().prop_map(Action::Weight))];
    let until = proptest::option::of((0..=253_402_207_200_i64, 0..1_000_000_000_i32));
    (kind, until, ".{0,12}", proptest::option::of(".{1,12}")).prop_map(
        |((target, action), until, reason, by)| {
            let until = until.map(|(second, ns)| Timestamp::new(second, ns).unwrap());
            Override { target, action, until, reason, by }
        },
    )
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let ramp = (proptest::option::of(0..=4_000_000_u32), 0..2_000_000_000_i64, 0..2_592_000_u64);
    (0..=1_000_000_u32, proptest::option::of(ramp)).prop_map(|(weight, ramp)| match ramp {
        None => Plan::at_once(weight),
        Some((quarters, second, over_s)) => Plan {
            weight,
            from: quarters.map(|quarters| f64::from(quarters) / 4.0),
            begin: Some(at(second)),
            over: Duration::from_secs(over_s),
        },
    })
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
            let like = |old: &Override| old.action.is_like(&asked.action);
            let target = std::slice::from_ref(&asked.target);
            let gone = if set { edit.set(&asked) } else { edit.remove(target, like) };
            let same = |old: &Override| old.target == asked.target && like(old);
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
