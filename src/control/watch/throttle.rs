//! Bounds what a file that changes without end costs.
//!
//! Events come in on a thread of the watcher's, one by one, each in some microseconds; a log that grows beside a
//! configuration would keep that thread busy as long as it grows. A pause after a few events of one file lets the
//! kernel put the further ones together (inotify(7): identical events in a row are one). A burst over many files, as a
//! checkout or our own reading makes it, is not slowed, since the kernel's queue is finite.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Over how long the events of a path are counted.
const WINDOW: Duration = Duration::from_millis(100);
/// Events of one path in a window that are taken as they come: a file that is made, written, read and renamed has as
/// many.
const EVENTS_PER_PATH_MAX: u32 = 16;
/// How long the thread rests after each further one: a thousand events a second are no load.
const PAUSE: Duration = Duration::from_millis(1);
/// Paths counted in a window; more than that are a burst, which is let through.
const PATHS_MAX: usize = 1024;

/// Counts the events of each path.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    began: Option<Instant>,
    seen: HashMap<PathBuf, u32>,
}

impl Throttle {
    /// How long to rest after an event.
    pub(super) fn pause_after(&mut self, path: &Path, now: Instant) -> Option<Duration> {
        if self.began.is_none_or(|began| now.duration_since(began) >= WINDOW) {
            self.began = Some(now);
            self.seen.clear();
        }
        if let Some(count) = self.seen.get_mut(path) {
            *count += 1;
            return (*count > EVENTS_PER_PATH_MAX).then_some(PAUSE);
        }
        if self.seen.len() < PATHS_MAX {
            self.seen.insert(path.to_owned(), 1);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_is_slowed_and_many_are_not() {
        let begin = Instant::now();
        let check = |paths: usize, events: u32, apart: Duration, expected_pauses: usize| {
            let mut throttle = Throttle::default();
            let pauses = (0..events).filter(|&event| {
                let path = PathBuf::from(format!("/etc/{}", event as usize % paths));
                throttle.pause_after(&path, begin + apart * event).is_some()
            });
            assert_eq!(pauses.count(), expected_pauses, "{paths} {events} {apart:?}");
        };
        let at_once = Duration::ZERO;
        check(1, EVENTS_PER_PATH_MAX, at_once, 0);
        check(1, EVENTS_PER_PATH_MAX + 5, at_once, 5);
        check(2, 2 * EVENTS_PER_PATH_MAX + 5, at_once, 5);
        check(1, 1000, WINDOW / 10, 0);
        check(10_000, 50_000, at_once, 0);
    }
}
