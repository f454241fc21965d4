//! Sequences of what happens, and what is told of it.

use super::*;
use crate::control::testing::{Scene, at, on_site};
use crate::health::Outcome;
use crate::health::overrides::{Override, Overrides, Pin};

/// `severity kind what | cause`
fn line(event: &Event) -> String {
    format!("{} {} {} | {}", event.severity, event.kind, event.what, event.cause)
}

fn refused() -> Outcome {
    Outcome::Failure("refused".to_owned())
}

/// A world that is looked at after each step, as the publisher does.
struct Story {
    scene: Scene,
    conditions: Conditions,
}

impl Story {
    fn begin() -> Self {
        let scene = Scene::all_up(0);
        let mut conditions = Conditions::default();
        conditions.follow(&scene.load.catalog);
        let mut story = Self { scene, conditions };
        assert_eq!(story.look(0), [""; 0], "all is well");
        story
    }

    fn look(&mut self, second: i64) -> Vec<String> {
        let snapshot = self.scene.snapshot(second);
        let all: Vec<usize> = (0..snapshot.catalog().rosters().len()).collect();
        let now = self.scene.knowledge.at(at(second));
        self.conditions.look(&snapshot, &all, &now).iter().map(line).collect()
    }

    fn probe(&mut self, endpoint: &str, outcome: Outcome, second: i64) -> Vec<String> {
        self.scene.probe(endpoint, outcome, second);
        self.look(second)
    }

    fn pin(&mut self, list: Vec<Override>, second: i64) -> Vec<String> {
        self.scene.knowledge.overrides = Overrides { list };
        self.look(second)
    }
}

#[test]
fn pools_get_worse_and_better() {
    let mut story = Story::begin();
    let down =
        |endpoint: &str, target: &str| format!("{endpoint}: check web at {target}:80: refused");
    let up = |endpoint: &str, target: &str| {
        format!("{endpoint}: check web at {target}:80: probed with success")
    };
    // A quarter of the weight of one site: not worth a word beyond the verdict's own.
    assert_eq!(story.probe("fra-2", refused(), 1), [""; 0]);
    assert_eq!(
        story.probe("fra-1", refused(), 2),
        [
            format!(
                "error degraded site fra of pool web (A) is dead | {}",
                down("fra-1", "192.0.2.1")
            ),
            format!(
                "error degraded site fra of pool web (AAAA) is dead | {}",
                down("fra-1", "[2001:db8::1]")
            ),
        ]
    );
    assert_eq!(story.look(3), [""; 0], "nothing new");
    let then = "is all down; its fallback spare serves";
    assert_eq!(
        story.probe("iad-1", refused(), 10),
        [
            format!("warning fallback pool web (A) {then} | {}", down("iad-1", "192.0.2.3")),
            // The fallback has no IPv6 address.
            format!(
                "error fail-open pool web (AAAA) is all down; answers are empty | {}",
                down("iad-1", "[2001:db8::3]")
            ),
        ]
    );
    assert_eq!(
        story.probe("spare-1", refused(), 11),
        [format!(
            "error fail-open pool web (A) is all down; addresses are handed out all the same | {}",
            down("iad-1", "192.0.2.3")
        )]
    );
    // Of the two, only the smaller one comes back: up again, but under min_up.
    assert_eq!(
        story.probe("fra-2", Outcome::Success, 20),
        [format!(
            "info recovered pool web (A) has something up again | {}",
            up("fra-2", "192.0.2.2")
        ),]
    );
    assert_eq!(
        story.probe("fra-1", Outcome::Success, 21),
        [
            format!(
                "info recovered site fra of pool web (A) is trusted again | {}",
                up("fra-1", "192.0.2.1")
            ),
            format!(
                "info recovered pool web (AAAA) has something up again | {}",
                up("fra-1", "[2001:db8::1]")
            ),
        ]
    );
}

#[test]
fn what_is_drained_is_no_news_until_nothing_is_left() {
    let mut story = Story::begin();
    let drain = |site: &str| on_site(site, Pin::Drain, Some(3600));
    let override_ = "override: drained until 1970-01-01T01:00:00Z by ada: CHG123";
    assert_eq!(story.pin(vec![drain("fra")], 1), [""; 0]);
    let told = story.pin(vec![drain("fra"), drain("iad")], 60);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|line| line.ends_with(override_)), "{told:?}");
    // The spare is at iad too.
    assert!(told[0].starts_with("error fail-open pool web (A)"), "{told:?}");
    let told = story.pin(vec![], 120);
    assert!(told.iter().all(|line| line.starts_with("info recovered pool web")), "{told:?}");
    // Long ago drained, just now dead: the death is the cause.
    story.pin(vec![drain("fra")], 200);
    let told = story.probe("iad-1", refused(), 300);
    assert!(told[0].contains("iad-1: check web"), "{told:?}");
}

#[test]
fn a_verdict_names_its_endpoints() {
    let mut scene = Scene::all_up(0);
    let turned = scene.probe("fra-2", refused(), 1);
    let catalog = scene.load.catalog.clone();
    let event = verdict_turned([&*catalog], &turned[0], at(1));
    let cause = "check web at 192.0.2.2:80: refused";
    assert_eq!(line(&event), format!("warning verdict web/fra-2 is down | {cause}"));
    let about = [&event.zone, &event.site, &event.pool, &event.endpoint];
    let about = about.map(|part| part.as_deref().unwrap_or("-"));
    assert_eq!(about, ["example.com.", "fra", "web", "fra-2"]);
    let turned = scene.probe("fra-2", Outcome::Success, 2);
    let nowhere = verdict_turned([], &turned[0], at(2));
    let cause = "check web at 192.0.2.2:80: probed with success";
    assert_eq!(line(&nowhere), format!("info verdict 192.0.2.2:80 is up | {cause}"));
}

#[test]
fn overrides_come_go_and_end() {
    let list = |list: &[(&str, Pin, Option<i64>)]| {
        let list = list.iter().map(|&(name, pin, until)| on_site(name, pin, until)).collect();
        Overrides { list }
    };
    let check = |old: &[(&str, Pin, Option<i64>)], new: &[_], expected: &[&str]| {
        let told = overrides_changed(&list(old), &list(new), Some("bob"), at(100));
        assert_eq!(told.iter().map(line).collect::<Vec<_>>(), expected, "{old:?} {new:?}");
        assert!(told.iter().all(|event| event.site.is_some()));
    };
    let (fra, iad) = (("fra", Pin::Drain, Some(200)), ("iad", Pin::Down, None));
    check(&[fra], &[fra], &[]);
    check(
        &[fra],
        &[iad, fra],
        &["info override-set site iad: down without an end | CHG123 (by ada)"],
    );
    check(
        &[fra, iad],
        &[iad],
        &[
            "info override-removed site fra: drain removed | removed by bob; it was set by ada: CHG123",
        ],
    );
    check(
        &[fra],
        &[("fra", Pin::Drain, Some(300))],
        &[
            "info override-removed site fra: drain removed | removed by bob; it was set by ada: CHG123",
            "info override-set site fra: drain until 1970-01-01T00:05:00Z | CHG123 (by ada)",
        ],
    );
    // Over before: neither missed nor set.
    check(&[("fra", Pin::Up, Some(100))], &[("iad", Pin::Up, Some(50))], &[]);

    let cause = |reason: &str, setter: Option<&str>, by: Option<&str>| {
        let mut old = list(&[fra]);
        (old.list[0].reason, old.list[0].by) = (reason.to_owned(), setter.map(str::to_owned));
        let told = overrides_changed(&old, &Overrides::default(), by, at(100));
        told[0].cause.clone()
    };
    assert_eq!(cause("CHG1", Some("ada"), None), "it was set by ada: CHG1");
    assert_eq!(cause("CHG1", None, None), "it was set for: CHG1");
    assert_eq!(cause("", Some("ada"), Some("bob")), "removed by bob; it was set by ada");
    assert_eq!(cause("", None, Some("bob")), "removed by bob");
    assert_eq!(cause("", None, None), "");

    let ended = |since: i64, until: i64| {
        let told = overrides_ended(&list(&[fra, iad]), at(since), at(until));
        told.iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(ended(0, 199), [""; 0]);
    assert_eq!(
        ended(199, 200),
        ["info override-ended site fra: drain has run out | CHG123 (by ada)"]
    );
    assert_eq!(ended(200, 300), [""; 0], "told before");
}
