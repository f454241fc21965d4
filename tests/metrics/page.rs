//! A page of metrics, read strictly: what the format forbids (OpenMetrics 1.0, §"Text format") makes a test fail.

use std::collections::{BTreeMap, BTreeSet};

/// A sample's name and labels.
pub type Series = (String, BTreeMap<String, String>);

/// What one scrape has told.
#[derive(Clone, Debug)]
pub struct Page {
    pub text: String,
    /// Type of each family, by its name.
    pub families: BTreeMap<String, String>,
    pub samples: BTreeMap<Series, f64>,
}

impl Page {
    /// Reads a page; panics at the first line that breaks a rule.
    pub fn read(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("the mark at the end");
        let mut page =
            Self { text: text.to_owned(), families: BTreeMap::new(), samples: BTreeMap::new() };
        let (mut helped, mut family) = (BTreeSet::new(), String::new());
        for line in body.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, text) = help.split_once(' ').expect("a name and a help text");
                assert!(text.len() > 10 && !text.ends_with('.'), "{line}");
                assert!(helped.insert(name.to_owned()), "twice: {line}");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("a name and a type");
                let before = page.families.insert(name.to_owned(), kind.to_owned());
                assert_eq!(before, None, "all of a family stands together: {line}");
                name.clone_into(&mut family);
            } else {
                let (series, value) = sample(line);
                let suffix = series.0.strip_prefix(&family).unwrap_or_else(|| panic!("{line}"));
                let allowed: &[&str] = suffixes(&page.families[&family]);
                assert!(allowed.contains(&suffix), "{line}");
                assert_eq!(page.samples.insert(series, value), None, "twice: {line}");
            }
        }
        let typed: BTreeSet<String> = page.families.keys().cloned().collect();
        assert_eq!(typed, helped, "every family has a type and a help text");
        page.check_histograms();
        page
    }

    /// The names that samples can have.
    pub fn names(&self) -> BTreeSet<String> {
        let families = self.families.iter();
        let names = families.flat_map(|(name, kind)| {
            suffixes(kind).iter().map(move |suffix| format!("{name}{suffix}"))
        });
        names.collect()
    }

    /// The samples of a name whose labels agree with these.
    pub fn matching(&self, name: &str, labels: &[(&str, &str)]) -> Vec<(&Series, f64)> {
        let agrees = |(known, values): &Series| {
            let label =
                |(key, value): &(&str, &str)| values.get(*key).map(String::as_str) == Some(*value);
            known == name && labels.iter().all(label)
        };
        let samples = self.samples.iter();
        samples.filter(|(s, _)| agrees(s)).map(|(s, value)| (s, *value)).collect()
    }

    /// The only sample of a name whose labels agree with these.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let found = self.matching(name, labels);
        assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
        found[0].1
    }

    /// The sum over all of them.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.matching(name, labels).iter().map(|(_, value)| value).sum()
    }

    /// Whether nothing that only grows is less than it was, or gone.
    pub fn check_goes_on_from(&self, earlier: &Self) {
        for ((name, labels), before) in &earlier.samples {
            let grows =
                ["_total", "_bucket", "_count", "_sum"].iter().any(|end| name.ends_with(end));
            // What is known of a target is forgotten with it.
            if grows && name != "fingerpost_check_flaps_total" {
                let now = self.samples.get(&(name.clone(), labels.clone()));
                assert!(now >= Some(before), "{name} {labels:?}: {before}, then {now:?}");
            }
        }
    }

    /// Buckets grow toward the last, which is the count.
    fn check_histograms(&self) {
        for (name, _) in self.families.iter().filter(|(_, kind)| *kind == "histogram") {
            for ((_, labels), count) in self.matching(&format!("{name}_count"), &[]) {
                let labels: Vec<(&str, &str)> =
                    labels.iter().map(|(key, value)| (&**key, &**value)).collect();
                let mut buckets: Vec<(f64, f64)> = self
                    .matching(&format!("{name}_bucket"), &labels)
                    .into_iter()
                    .map(|((_, labels), value)| (labels["le"].parse().expect("a bound"), value))
                    .collect();
                buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
                assert!(buckets.is_sorted_by_key(|(_, value)| *value), "{name}: {buckets:?}");
                assert_eq!(buckets.last(), Some(&(f64::INFINITY, count)), "{name}");
            }
        }
    }
}

fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "counter" => &["_total"],
        "gauge" => &[""],
        "histogram" => &["_bucket", "_count", "_sum"],
        _ => panic!("nothing here is a {kind}"),
    }
}

/// `NAME{KEY="VALUE",…} NUMBER`; nothing that is exposed needs an escape.
fn sample(line: &str) -> (Series, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
    let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
    assert!(value.is_finite() && !line.contains('\\'), "{line}");
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
    let labels: Vec<(String, String)> = labels
        .split_terminator(',')
        .map(|label| {
            let (key, value) = label.split_once('=').unwrap_or_else(|| panic!("{line}"));
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            (key.to_owned(), value.unwrap_or_else(|| panic!("{line}")).to_owned())
        })
        .collect();
    let named = labels.len();
    let labels: BTreeMap<String, String> = labels.into_iter().collect();
    assert_eq!(labels.len(), named, "a label twice: {line}");
    ((name.to_owned(), labels), value)
}
