//! What is told of what moves by itself, and how seldom.

use super::*;
use crate::control::testing::{Scene, at, on_site};
use crate::health::overrides::{Overrides, Pin};

/// A world that is looked at after each step, as the publisher does.
struct Story {
    scene: Scene,
    movements: Movements,
}

const ALL: [&str; 3] = ["web1", "web2", "web3"];

impl Story {
    fn begin() -> Self {
        let mut story = Self { scene: Scene::with_directors(10), movements: Movements::default() };
        assert_eq!(story.look(10), [""; 0], "all is well");
        story.movements.follow(&story.scene.load.catalog);
        story
    }

    fn look(&mut self, second: i64) -> Vec<String> {
        let now = self.scene.knowledge.at(at(second));
        let news = self.movements.look(&self.scene.load.catalog, &now);
        let line = |event: &Event| {
            format!("{} {} {} | {}", event.severity, event.kind, event.what, event.cause)
        };
        news.iter().map(line).collect()
    }

    /// These are up and have so many sessions.
    fn hear(&mut self, up: &[&str], sessions: u64, second: i64) -> Vec<String> {
        self.scene.hear(up, sessions, second);
        self.look(second)
    }

    /// Sessions over some time, heard of every two seconds; what was told, and when.
    fn carries(&mut self, sessions: impl Fn(i64) -> u64, from: i64, to: i64) -> Vec<(i64, String)> {
        let seconds = (from..to).step_by(2);
        let told = seconds.flat_map(|second| {
            let told = self.hear(&ALL, sessions(second), second);
            told.into_iter().map(move |line| (second, line))
        });
        told.collect()
    }
}

#[test]
fn a_vip_falls_under_min_up_and_comes_back() {
    let mut story = Story::begin();
    assert_eq!(story.hear(&["web2", "web3"], 100, 20), [""; 0], "half of it is enough");
    let lacks = "warning director director lvs-fra has too few real servers live: its VIP counts as down | \
                 1 of 3 real servers live, 25 % of the weight, less than min_up = 50 %";
    assert_eq!(story.hear(&["web3"], 100, 22), [lacks]);
    assert_eq!(story.hear(&["web3"], 100, 24), [""; 0], "told before");
    assert_eq!(
        story.hear(&["web1", "web3"], 100, 30),
        [
            "info director director lvs-fra has enough real servers live again | \
             2 of 3 real servers live, 75 % of the weight, min_up = 50 %",
            "info comeback vips/lvs-fra is up again, and held back until 1970-01-01T00:01:00Z | \
             failback_delay = 30s",
        ]
    );
    let ramping = "info comeback vips/lvs-fra is in its slow start, with all of its weight at \
                   1970-01-01T00:06:00Z | slow_start = 5m";
    assert_eq!(story.hear(&ALL, 100, 60), [ramping]);
    assert_eq!(story.hear(&ALL, 100, 200), [""; 0]);
    let whole = "info comeback vips/lvs-fra has all of its weight again | ";
    assert_eq!(story.hear(&ALL, 100, 360), [whole]);
    // It fails again soon.
    assert_eq!(story.hear(&["web3"], 100, 370), [lacks]);
    let told = story.hear(&ALL, 100, 380);
    assert_eq!(
        told[1],
        "warning comeback vips/lvs-fra is up again, and held back until 1970-01-01T00:07:20Z | \
         failback_delay = 30s, twice as long since it failed again soon"
    );
    // What the operator has pinned does not come back; what became of it meanwhile is told afterwards.
    let drain = on_site("fra", Pin::Drain, None);
    story.scene.knowledge.overrides = Overrides { list: vec![drain] };
    assert_eq!(story.hear(&ALL, 100, 440), [""; 0]);
    story.scene.knowledge.overrides = Overrides::default();
    let told = story.hear(&ALL, 100, 442);
    assert!(matches!(&told[..], [one] if one.contains("slow start")), "{told:?}");
}

#[test]
fn what_flaps_is_told_now_and_then() {
    let mut story = Story::begin();
    let mut told = 0;
    for second in (12..12 + 3600).step_by(2) {
        let up: &[&str] = if second % 4 == 0 { &ALL } else { &["web3"] };
        told += story.hear(up, 100, second).len();
    }
    // Of the VIP and of its endpoint: six at once, then one a minute.
    assert!((60..=2 * (6 + 60)).contains(&told), "{told}");
    // And of what it has come to, the last is told.
    for second in (3612..6000).step_by(2) {
        story.hear(&ALL, 100, second);
    }
    assert!(story.movements.vips.values().all(|told| told.state == [false; 2]));
    assert!(story.movements.endpoints.values().all(|told| told.state == [Stage::Whole; 2]));
    assert_eq!(story.movements.next_look(), None);
}

#[test]
fn what_nobody_has_probed_yet_is_no_news() {
    let mut scene = Scene::with_directors(10);
    scene.knowledge.verdicts = crate::health::Table::default();
    scene.knowledge.verdicts.set_probes(scene.load.catalog.probes().cloned());
    scene.step(12);
    let mut story = Story { scene, movements: Movements::default() };
    assert_eq!(story.look(12), [""; 0]);
    story.scene.probe_real("iad-web1", crate::health::Outcome::Failure("refused".into()), 13);
    story.scene.step(13);
    let told = story.look(13);
    assert!(matches!(&told[..], [one] if one.contains("lvs-iad has too few")), "{told:?}");
}

#[test]
fn a_site_fills_and_empties() {
    let mut story = Story::begin();
    let full =
        |told: &[(i64, String)]| told.iter().map(|(_, line)| line.clone()).collect::<Vec<_>>();
    let told = story.carries(|_| 1500, 12, 900);
    let line = full(&told).join("\n");
    assert!(
        line.starts_with(
            "warning capacity site fra of pool vips is full (150 % of its capacity) | "
        ),
        "{told:?}"
    );
    assert!(line.ends_with(" the others go on") || line.ends_with("still sent there"), "{line}");
    assert_eq!(told.len(), 1, "{told:?}");
    let told = story.carries(|_| 600, 900, 3600);
    let lines = full(&told);
    let again = "info capacity site fra of pool vips is not full any more (60 % of its capacity) | \
                 all who come to it are sent there";
    assert_eq!(lines, [again]);
    // Just at its capacity, by chance a little more or less: nothing to tell.
    let hovering = |second: i64| if second % 4 == 0 { 960 } else { 1040 };
    assert_eq!(story.carries(hovering, 3600, 7200), []);
    // Far above and far below in turns of a quarter of a minute: too short to be told.
    let swinging = |second: i64| if second / 16 % 2 == 0 { 500 } else { 1900 };
    let told = story.carries(swinging, 7200, 10_800);
    assert!(told.len() <= 2, "{told:?}");
}

#[test]
fn a_server_that_is_not_configured_is_told_once() {
    let mut story = Story::begin();
    let four = ["web1", "web2", "web3", "web4"];
    let line = "warning director director lvs-fra lists a real server that is not configured | web4; it \
                counts for nothing until it is among the director's reals, or taken out of the director";
    assert_eq!(story.hear(&four, 100, 20), [line]);
    assert_eq!(story.hear(&four, 100, 22), [""; 0]);
    // Who is silent for a while has not mended anything.
    story.scene.hear_feed(Err("connection refused".to_owned()), 60);
    assert_eq!(story.look(60), [""; 0]);
    assert_eq!(story.hear(&four, 100, 70), [""; 0]);
    let mended =
        "info director director lvs-fra lists no real server any more that is not configured | ";
    assert_eq!(story.hear(&ALL, 100, 72), [mended]);
}
