//! The metrics of directors: what stands behind VIPs, who says so, and how feeds fare.

use super::Scrape;
use super::families::is;
use super::format::{Families, Labels};
use crate::control::status::{DirectorView, FeedView, RealView};
use crate::director::{RealState, Source};
use std::fmt;

const STATES: [&str; 3] = ["up", "maintenance", "down"];
/// Of a real server where the VIP's own check decides alone.
const UNKNOWN: &str = "unknown";

/// Writes all of them.
pub(super) fn write(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    directors(scrape, page)?;
    feeds(scrape, page)?;
    reals(scrape, page)
}

fn directors(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let all = || scrape.status.directors.iter();
    // What stands behind a VIP may differ by family.
    let families = || {
        all().flat_map(|director| {
            director.families.iter().map(move |family| {
                let mut labels = labels(director);
                labels.push(("family", family.family.clone()));
                (labels, family)
            })
        })
    };
    let help = "1 for how a director stands: down if less of it is live than its min_up";
    let states =
        families().flat_map(|(labels, family)| one_of(labels, "state", STATES, &family.state));
    page.gauges("fingerpost_director_state", help, states)?;
    let help = "Live part of the weight of all of a director's real servers that serve the family";
    let live = families().map(|(labels, family)| (labels, family.live));
    page.gauges("fingerpost_director_live_ratio", help, live)?;
    let help = "1 for who says which real servers of a director are live: its feed, own probes, or the check of its \
                VIP alone, where neither knows";
    let words = Source::ALL.map(|(word, _)| word);
    let sources =
        families().flat_map(|(labels, family)| one_of(labels, "source", words, &family.source));
    page.gauges("fingerpost_director_source", help, sources)?;
    let sessions = all().filter_map(|it| Some((labels(it), it.sessions? as f64)));
    let help = "Sessions of a director at this moment, as its feed reports them";
    page.gauges("fingerpost_director_sessions", help, sessions)?;
    let capacities = all().filter_map(|it| Some((labels(it), it.capacity? as f64)));
    let help =
        "Sessions that a director carries well with all of its real servers up, as configured";
    page.gauges("fingerpost_director_capacity_sessions", help, capacities)?;
    let responses = all().filter_map(|it| Some((labels(it), it.response_ms? / 1000.0)));
    let help = "How long requests through a director take, as its feed reports it";
    page.gauges("fingerpost_director_response_seconds", help, responses)
}

/// A feed that several directors share is told of each.
fn feeds(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let now = scrape.status.server.now;
    let all = || {
        scrape.status.directors.iter().filter_map(|director| {
            let feed = director.feed.as_ref()?;
            let mut labels = labels(director);
            labels.push(("kind", feed.kind.clone()));
            Some((labels, director, feed))
        })
    };
    let fresh = all().map(|(labels, director, _)| (labels, is(director.source == "feed")));
    let help = "1 while the feed of a director is heard and believed; 0 while what it said is too old or cannot be";
    page.gauges("fingerpost_feed_fresh", help, fresh)?;
    let help = "Times that the feed of a director was asked";
    let asked = all().map(|(labels, _, feed)| (labels, feed.asked_total));
    page.counters("fingerpost_feed_asked", help, asked)?;
    let help = "Times that no answer came from the feed of a director, or one that does not count, by why: local (a \
                file of this side), connection, tls, timeout, status, unreadable, impossible (it can be read, and \
                cannot be right)";
    page.counters("fingerpost_feed_failed", help, all().flat_map(failed))?;
    let ages = all().filter_map(|(labels, _, feed)| {
        Some((labels, now.duration_since(feed.heard_at?).as_secs_f64()))
    });
    let help = "Time since the feed of a director last said something that could be read";
    page.gauges("fingerpost_feed_age_seconds", help, ages)?;
    let latencies = all().filter_map(|(labels, _, feed)| Some((labels, feed.latency_ms? / 1000.0)));
    let help = "How long the last answer of the feed of a director took, or its failure";
    page.gauges("fingerpost_feed_latency_seconds", help, latencies)
}

/// A row for each reason, so that the first failure of its kind is seen to come.
fn failed(
    (labels, _, feed): (Labels, &DirectorView, &FeedView),
) -> impl Iterator<Item = (Labels, u64)> {
    feed.failed_by.iter().map(move |(reason, count)| {
        let mut labels = labels.clone();
        labels.push(("reason", reason.clone()));
        (labels, *count)
    })
}

fn reals(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let all = || {
        let directors = scrape.status.directors.iter();
        directors.flat_map(|director| director.reals.iter().map(move |real| (director, real)))
    };
    let labels = |director: &DirectorView, real: &RealView| {
        let mut labels = labels(director);
        labels.push(("real", real.name.clone()));
        labels
    };
    let words = RealState::ALL.into_iter().map(|(word, _)| word).chain([UNKNOWN]);
    let states = all().flat_map(|(director, real)| {
        one_of(labels(director, real), "state", words.clone(), &real.state)
    });
    let help = "1 for what a real server behind a director is taken for; unknown where the VIP's own check decides";
    page.gauges("fingerpost_real_state", help, states)?;
    let sessions =
        all().filter_map(|(director, real)| Some((labels(director, real), real.sessions? as f64)));
    let help = "Sessions of a real server at this moment, as its director reports them";
    page.gauges("fingerpost_real_sessions", help, sessions)
}

fn labels(director: &DirectorView) -> Labels {
    vec![
        ("zone", director.zone.clone().unwrap_or_default()),
        ("site", director.site.clone()),
        ("director", director.director.clone()),
    ]
}

/// A row for each word, 1 for that which is so.
fn one_of(
    labels: Labels,
    key: &'static str,
    words: impl IntoIterator<Item = &'static str>,
    so: &str,
) -> impl Iterator<Item = (Labels, f64)> {
    words.into_iter().map(move |word| {
        let mut labels = labels.clone();
        labels.push((key, word.to_owned()));
        (labels, is(so == word))
    })
}
