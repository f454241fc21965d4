//! What the feeds have said, and which of it still counts.
//!
//! One answer that fails or cannot be believed changes nothing yet: the last good report counts until it is stale. From
//! then on the director is not heard any more, until its feed answers again.

use super::fault::{Fault, FaultCounts};
use super::report::{FeedReport, Report};
use super::truth::Hearing;
use crate::steer::director::{Director, Feed};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// All feeds, and what is known of each.
#[derive(Clone, Debug, Default)]
pub struct Hearings {
    rows: HashMap<Arc<Feed>, Row>,
}

/// What is known of one feed.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The last report that could be read, and when it came.
    pub last_good: Option<(Timestamp, Arc<FeedReport>)>,
    /// What of it is about each director that it was [picked](Hearings::pick) for.
    picked: Vec<(Arc<Director>, Result<Report, String>)>,
    /// Why the last answer was none, and since when there is none.
    pub fault: Option<(Timestamp, String)>,
    /// How long the last answer took.
    pub latency: Duration,
    /// How often it was asked.
    pub asked_total: u64,
    /// How often no answer came, or one that does not count, by why.
    pub failed: FaultCounts,
}

impl Hearings {
    /// Sets which feeds there are; what is not named any more is forgotten.
    pub fn set_feeds(&mut self, feeds: impl IntoIterator<Item = Arc<Feed>>) {
        let mut old = std::mem::take(&mut self.rows);
        for feed in feeds {
            let mut row = old.remove(&feed).unwrap_or_default();
            // Directors are read anew too: what was picked for those of before would only be kept.
            row.picked.clear();
            self.rows.entry(feed).or_insert(row);
        }
    }

    /// Enters what a feed has said; that of a feed that is not there (any more) is passed over.
    pub fn hear(
        &mut self,
        feed: &Feed,
        at: Timestamp,
        latency: Duration,
        outcome: Result<FeedReport, Fault>,
    ) {
        let Some(row) = self.rows.get_mut(feed) else { return };
        row.asked_total += 1;
        row.latency = latency;
        match outcome {
            Ok(report) => {
                row.last_good = Some((at, Arc::new(report)));
                row.picked.clear();
                row.fault = None;
            }
            Err(Fault { kind, why }) => {
                row.failed.count(kind);
                let since = row.fault.take().map_or(at, |(since, _)| since);
                row.fault = Some((since, why));
            }
        }
    }

    /// Picks out of the last good report what is about a director, once for each report: it may list thousands of
    /// servers, and judgements are made many times a second.
    pub(super) fn pick(&mut self, director: &Arc<Director>) {
        let row = director.feed.as_ref().and_then(|feed| self.rows.get_mut(feed));
        let Some(row) = row.filter(|row| row.picked_for(director).is_none()) else { return };
        if let Some((_, report)) = &row.last_good {
            row.picked.push((director.clone(), report.of(director)));
        }
    }

    /// What was heard ahead of the clock, which was set back then, counts as heard now.
    pub(super) fn settle(&mut self, now: Timestamp) {
        let good = self.rows.values_mut().filter_map(|row| row.last_good.as_mut());
        good.for_each(|(at, _)| *at = now.min(*at));
    }

    /// What is known of a feed.
    pub fn row(&self, feed: &Feed) -> Option<&Row> {
        self.rows.get(feed)
    }

    /// All feeds, in no order.
    pub fn feeds(&self) -> impl Iterator<Item = &Arc<Feed>> {
        self.rows.keys()
    }

    /// The feeds that were never asked yet.
    pub fn unheard(&self) -> impl Iterator<Item = &Feed> {
        let unheard = self.rows.iter().filter(|(_, row)| row.asked_total == 0);
        unheard.map(|(feed, _)| &**feed)
    }

    /// Whether every feed has been asked at least once.
    pub fn first_round_done(&self) -> bool {
        self.unheard().next().is_none()
    }

    /// What counts of a director's feed at this moment; nothing of a report that was not picked for it.
    pub fn of(&self, director: &Director, now: Timestamp) -> Hearing {
        let Some(feed) = &director.feed else { return Hearing::Mute };
        let Some(row) = self.rows.get(feed) else { return Hearing::lost(UNHEARD) };
        let picked = row.picked_for(director);
        let is_fresh = |(at, _): &&(Timestamp, _)| now < stale_at(feed, *at);
        let fresh = row.last_good.as_ref().filter(is_fresh).and(picked);
        let lost = |why, since| {
            let last = picked.and_then(|report| report.as_ref().ok());
            let last_sessions = last.and_then(|report| report.sessions);
            Hearing::Lost { why, since: Some(since), last_sessions }
        };
        match (fresh, &row.last_good, &row.fault) {
            (Some(report), ..) => report.clone().map_or_else(Hearing::lost, Hearing::Heard),
            (None, _, Some((since, why))) => lost(why.clone(), *since),
            (None, Some((at, _)), None) => lost(SILENT.to_owned(), *at),
            (None, None, None) => Hearing::lost(UNHEARD),
        }
    }

    /// When the next of the reports goes stale that still count.
    pub fn next_stale(&self, now: Timestamp) -> Option<Timestamp> {
        let ends = self
            .rows
            .iter()
            .filter_map(|(feed, row)| Some(stale_at(feed, row.last_good.as_ref()?.0)));
        ends.filter(|end| now < *end).min()
    }
}

impl Row {
    fn picked_for(&self, director: &Director) -> Option<&Result<Report, String>> {
        let is_it = |(known, _): &&(Arc<Director>, _)| std::ptr::eq(&**known, director);
        self.picked.iter().find(is_it).map(|(_, report)| report)
    }
}

/// Why a feed does not count that has not answered or failed yet.
pub const UNHEARD: &str = "not heard of yet";
/// Why a feed does not count that has neither answered nor failed for too long.
const SILENT: &str = "it is silent";

fn stale_at(feed: &Feed, heard_at: Timestamp) -> Timestamp {
    let age_max = SignedDuration::try_from(feed.stale_after).unwrap_or(SignedDuration::MAX);
    heard_at.checked_add(age_max).unwrap_or(Timestamp::MAX)
}
