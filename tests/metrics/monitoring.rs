//! `docker/monitoring`: accepted by Prometheus's own tools, and about nothing that the server does not expose.

use crate::promtool::{accepts, is_installed};
use crate::world::World;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docker/monitoring")
}

fn text(file: &str) -> String {
    std::fs::read_to_string(directory().join(file))
        .unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The names of ours that a text speaks of.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"_:".contains(c));
    words.filter(|word| word.starts_with("fingerpost_")).map(str::to_owned).collect()
}

#[test]
fn rules_and_dashboard_speak_of_what_is_exposed() {
    let exposed = World::start().scrape().names();
    for file in ["alerts.yml", "alerts_test.yml", "grafana.json"] {
        let used = names(&text(file));
        assert!(used.len() > 10, "{file}: {used:?}");
        let unknown: Vec<_> = used.difference(&exposed).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}

#[test]
fn promtool_takes_the_files() {
    if !is_installed() {
        return;
    }
    for arguments in [
        &["check", "config", "prometheus.yml"][..],
        &["check", "rules", "alerts.yml"],
        &["test", "rules", "alerts_test.yml"],
    ] {
        accepts(arguments, "", &directory());
    }
}

/// Every alert has a summary, a description, a cure, and a test.
#[test]
fn rules_say_what_to_do() {
    let (rules, tests) = (text("alerts.yml"), text("alerts_test.yml"));
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() >= 20, "{}", alerts.len());
    for alert in alerts {
        let name = alert.lines().next().expect("a name");
        for key in ["severity:", "summary:", "description:", "action:"] {
            assert_eq!(alert.matches(key).count(), 1, "{name}: {key}");
        }
        assert!(tests.contains(&format!("{{alertname=\"{name}\"}}")), "{name} has no test");
    }
}

#[test]
fn the_dashboard_can_be_imported() {
    let dashboard: Value = serde_json::from_str(&text("grafana.json")).expect("JSON");
    let list = |value: &Value| value.as_array().cloned().expect("a list");
    let variables = list(&dashboard["templating"]["list"]);
    let variables: Vec<&str> = variables.iter().filter_map(|v| v["name"].as_str()).collect();
    assert_eq!(variables, ["datasource", "instance", "zone", "pool"]);
    let panels = list(&dashboard["panels"]);
    let mut ids = BTreeSet::new();
    for panel in &panels {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64()), "{title}: its id is another's");
        let place = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
        assert!(place("x") + place("w") <= 24, "{title}");
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        assert!(!panel["description"].as_str().unwrap_or_default().is_empty(), "{title}");
        for target in list(&panel["targets"]) {
            let expression = target["expr"].as_str().expect("an expression");
            assert!(expression.contains("instance=~\"$instance\""), "{title}: {expression}");
        }
    }
    let overlap = |a: &Value, b: &Value| {
        let of = |panel: &Value, key: &str| panel["gridPos"][key].as_u64().expect("a place");
        let apart = |at: &str, size: &str| {
            of(a, at) + of(a, size) <= of(b, at) || of(b, at) + of(b, size) <= of(a, at)
        };
        !apart("x", "w") && !apart("y", "h")
    };
    for (at, panel) in panels.iter().enumerate() {
        let other = panels[..at].iter().find(|other| overlap(panel, other));
        assert!(other.is_none(), "{} lies over {:?}", panel["title"], other.map(|o| &o["title"]));
    }
}
