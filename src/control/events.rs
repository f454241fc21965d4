//! What has happened: every turn of a verdict, override, reload, director and pool that lost all, with its cause.
//!
//! The last thousand are kept for whoever asks, numbered in the order they happened; each is one line of the log too
//! (target [`LOG_TARGET`]). Recorded is what changes what clients get or says why: nothing that a packet can bring
//! about.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Events kept: a day's worth of a busy site, some hundred kilobytes.
pub const EVENTS_KEPT_MAX: usize = 1000;
/// The target of events in the log.
pub const LOG_TARGET: &str = "fingerpost::event";

/// What kind of thing has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A verdict has turned.
    Verdict,
    /// An operator has set an override.
    OverrideSet,
    /// An operator has taken an override away.
    OverrideRemoved,
    /// An override has run out.
    OverrideEnded,
    /// The files were read again.
    Reload,
    /// Nothing of a pool is up, and no fallback serves.
    FailOpen,
    /// Nothing of a pool is up, and a fallback serves.
    Fallback,
    /// A site of a pool has come under `min_up`.
    Degraded,
    /// A pool or a site of one is as it should be again.
    Recovered,
    /// A director, or a real server behind it, is otherwise than before.
    Director,
    /// An endpoint is on its way back: held for a while, in its slow start, or all there again.
    Comeback,
    /// A site of a pool is full, or is not any more.
    Capacity,
    /// The server has begun to answer.
    Started,
}

/// How grave something is, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Clients are served, but not as meant.
    Warning,
    /// Clients may not be served.
    Error,
}

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Grows by one with each; 0 until it is recorded.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What kind of thing.
    pub kind: Kind,
    /// How grave.
    pub severity: Severity,
    /// What, in one line for people.
    pub what: String,
    /// Why, in one line for people; may be empty.
    pub cause: String,
    /// The zone whose file defines the pool or site, if it is of a zone's; or the zone itself.
    pub zone: Option<String>,
    /// The site, if it is about one.
    pub site: Option<String>,
    /// The pool, if it is about one.
    pub pool: Option<String>,
    /// The endpoint, if it is about one.
    pub endpoint: Option<String>,
}

impl Event {
    /// An event that is about no pool or site in particular, to be recorded.
    pub fn new(
        at: Timestamp,
        kind: Kind,
        severity: Severity,
        what: impl Into<String>,
        cause: impl Into<String>,
    ) -> Self {
        Self {
            seq: 0,
            at,
            kind,
            severity,
            what: what.into(),
            cause: cause.into(),
            zone: None,
            site: None,
            pool: None,
            endpoint: None,
        }
    }

    fn log(&self) {
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: LOG_TARGET,
                    kind = %self.kind,
                    zone = self.zone.as_deref(),
                    site = self.site.as_deref(),
                    pool = self.pool.as_deref(),
                    endpoint = self.endpoint.as_deref(),
                    cause = Some(self.cause.as_str()).filter(|cause| !cause.is_empty()),
                    "{}",
                    self.what
                )
            };
        }
        match self.severity {
            Severity::Info => line!(info),
            Severity::Warning => line!(warn),
            Severity::Error => line!(error),
        }
    }
}

/// The newest events. Clones share them.
#[derive(Clone, Debug)]
pub struct Events(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ring: Mutex<VecDeque<Event>>,
    last: watch::Sender<u64>,
}

impl Default for Events {
    fn default() -> Self {
        let (last, _) = watch::channel(0);
        Self(Arc::new(Inner { ring: Mutex::default(), last }))
    }
}

impl Events {
    /// Numbers an event, keeps it, and tells the log and whoever waits.
    pub fn record(&self, mut event: Event) {
        event.log();
        let mut ring = self.ring();
        event.seq = *self.0.last.borrow() + 1;
        let seq = event.seq;
        if ring.len() >= EVENTS_KEPT_MAX {
            ring.pop_front();
        }
        ring.push_back(event);
        // Under the lock, so that numbers are told in order.
        self.0.last.send_replace(seq);
    }

    /// The events after number `seq` that are still kept, oldest first; 0 for all. A number that was never given is
    /// one of an earlier run, and gets all too.
    pub fn after(&self, seq: u64) -> Vec<Event> {
        let ring = self.ring();
        let seq = if seq > *self.0.last.borrow() { 0 } else { seq };
        let first = ring.partition_point(|event| event.seq <= seq);
        ring.range(first..).cloned().collect()
    }

    /// The number of the newest event; changes when there is another.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.last.subscribe()
    }

    /// Events are whole whatever a panic left of other things.
    fn ring(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Verdict => "verdict",
            Self::OverrideSet => "override-set",
            Self::OverrideRemoved => "override-removed",
            Self::OverrideEnded => "override-ended",
            Self::Reload => "reload",
            Self::FailOpen => "fail-open",
            Self::Fallback => "fallback",
            Self::Degraded => "degraded",
            Self::Recovered => "recovered",
            Self::Director => "director",
            Self::Comeback => "comeback",
            Self::Capacity => "capacity",
            Self::Started => "started",
        })
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: i64) -> Event {
        let at = Timestamp::from_second(number).unwrap();
        Event::new(at, Kind::Reload, Severity::Info, format!("event {number}"), "")
    }

    #[test]
    fn the_newest_are_kept_and_numbered() {
        let events = Events::default();
        let mut woken = events.subscribe();
        assert!(events.after(0).is_empty());
        let many = EVENTS_KEPT_MAX as i64 + 5;
        (1..=many).for_each(|number| events.record(event(number)));
        assert!(woken.has_changed().unwrap());
        assert_eq!(*woken.borrow_and_update(), many as u64);
        let check = |after: u64, first: u64, count: usize| {
            let kept = events.after(after);
            assert_eq!(kept.first().map_or(0, |event| event.seq), first, "{after}");
            assert_eq!(kept.len(), count, "{after}");
            assert!(kept.iter().all(|event| event.what == format!("event {}", event.seq)));
        };
        check(0, 6, EVENTS_KEPT_MAX);
        check(5, 6, EVENTS_KEPT_MAX);
        check(1000, 1001, 5);
        check(1005, 0, 0);
        // Of an earlier run of the server.
        check(1006, 6, EVENTS_KEPT_MAX);
    }

    #[test]
    fn an_event_is_flat_json() {
        let json = serde_json::to_value(event(7)).unwrap();
        assert_eq!(json["kind"], "reload");
        assert_eq!(json["severity"], "info");
        assert_eq!(json["at"], "1970-01-01T00:00:07Z");
        assert!(json["site"].is_null() && json["pool"].is_null());
        assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event(7));
    }
}
