//! Notices that an input may have changed, and asks for a reload. Nothing else: it neither reads nor compares.
//!
//! Directories are watched, never files: an editor replaces the file that a watch would sit on, and Kubernetes replaces
//! a link (`..data`) two steps away from it. So every input path is walked link by link, each directory passed on the
//! way is watched, and [`Interest`] holds the entries in them that matter; what else happens there (a state file that
//! is written every second) asks for nothing. An event wakes the task, which waits until it has been quiet for
//! [`QUIET`], walks the paths anew (a swapped link leads elsewhere now), and only then asks: whoever reads after being
//! asked reads under watches that already stand. A writer slower than that costs reloads of half a file, which fail and
//! leave the last good version up; one that never rests costs a reload now and then ([`NOISY_WAIT_MAX`]), and the
//! thread that events come in on is slowed where one file has them without end (`throttle`).
//!
//! Where the system reports nothing (network file systems, exhausted watches), a [`POLL_PERIOD`] look at sizes and
//! times finds changes too. SIGHUP and the admin API ask on their own, not through here.

mod interest;
mod throttle;

use super::stamp::Stamp;
use interest::Interest;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use throttle::Throttle;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

/// So long without an event counts as "the writer is done": longer than an editor's write-and-rename takes.
const QUIET: Duration = Duration::from_millis(200);
/// How often is looked whether it is quiet, so that the cost of waiting does not depend on the number of events.
const QUIET_TICK: Duration = Duration::from_millis(50);
/// The inputs are read after this time even if it is not quiet.
const QUIET_WAIT_MAX: Duration = Duration::from_secs(2);
/// As long as it is never quiet, that wait doubles up to this: what never rests is hardly somebody's edit.
const NOISY_WAIT_MAX: Duration = Duration::from_secs(16);
/// How often sizes and times are looked at, events or not: rarely enough to cost nothing with ten thousand zones.
const POLL_PERIOD: Duration = Duration::from_secs(30);

/// Watches the inputs until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    paths: mpsc::UnboundedSender<Vec<PathBuf>>,
    task: JoinHandle<()>,
}

impl Watcher {
    /// Starts watching `paths`, files and directories, there or not yet. Each `()` from the receiver means "read all
    /// inputs again"; asks that come before the last one was taken are one. Watches stand when this returns: start
    /// before the first reading, and no change falls between. Needs a Tokio runtime.
    pub fn start(paths: Vec<PathBuf>) -> (Self, mpsc::Receiver<()>) {
        let (ask, asked) = mpsc::channel(1);
        let (sender, new_paths) = mpsc::unbounded_channel();
        let mut lookout = Lookout::new(paths);
        lookout.walk();
        let task = tokio::spawn(run(lookout, new_paths, ask));
        (Self { paths: sender, task }, asked)
    }

    /// Replaces the inputs, after a reload that may have found other includes or zones. Where that means new watches,
    /// one more reload is asked for, since what they watch may have changed after it was read.
    pub fn set_paths(&self, paths: Vec<PathBuf>) {
        // The task ends only with this handle or with the receiver of its asks; then nobody would hear of changes.
        drop(self.paths.send(paths));
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    mut lookout: Lookout,
    mut new_paths: mpsc::UnboundedReceiver<Vec<PathBuf>>,
    ask: mpsc::Sender<()>,
) {
    let changed = lookout.changed.clone();
    let mut poll = interval_at(Instant::now() + POLL_PERIOD, POLL_PERIOD);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut patience = QUIET_WAIT_MAX;
    loop {
        enum Woken {
            Event,
            Poll,
            Paths,
        }
        let woken = tokio::select! {
            () = changed.notified() => {
                patience = match until_quiet(&changed, patience).await {
                    true => QUIET_WAIT_MAX,
                    false => (2 * patience).min(NOISY_WAIT_MAX),
                };
                Woken::Event
            }
            _ = poll.tick() => Woken::Poll,
            paths = new_paths.recv() => {
                let Some(paths) = paths else { return };
                lookout.paths = paths;
                Woken::Paths
            }
        };
        // Off the runtime's threads: a file system that hangs must hang nothing else.
        let walked = tokio::task::spawn_blocking(move || {
            let seen = lookout.walk();
            (lookout, seen)
        });
        // Fails only when the runtime is being shut down.
        let Ok((walked, seen)) = walked.await else { return };
        lookout = walked;
        let wanted = match woken {
            Woken::Event => true,
            Woken::Poll => seen.changed,
            Woken::Paths => seen.newly_watched,
        };
        // A full channel holds an ask that nobody has taken yet: the same reload serves both.
        if wanted && matches!(ask.try_send(()), Err(mpsc::error::TrySendError::Closed(()))) {
            return;
        }
    }
}

/// Returns when nothing has happened for a while, or has not stopped happening for so long as `patience` lasts; whether
/// it is quiet.
async fn until_quiet(changed: &Notify, patience: Duration) -> bool {
    let begun = Instant::now();
    let mut happened = begun;
    loop {
        sleep(QUIET_TICK).await;
        let now = Instant::now();
        // What has happened meanwhile has left a permit, one for all.
        if timeout(Duration::ZERO, changed.notified()).await.is_ok() {
            happened = now;
        }
        if now - happened >= QUIET {
            return true;
        }
        if now - begun >= patience {
            return false;
        }
    }
}

/// What a walk found out.
struct Seen {
    /// Some entry matters that did not before, or a directory is another one than before.
    newly_watched: bool,
    /// A size, time or identity differs from the last walk's.
    changed: bool,
}

/// The inputs, the system's watches for them, and how they looked last.
struct Lookout {
    paths: Vec<PathBuf>,
    watcher: Option<RecommendedWatcher>,
    watched: BTreeMap<PathBuf, Option<(u64, u64)>>,
    refused: Vec<PathBuf>,
    stamps: Vec<Option<Stamp>>,
    interest: Arc<Mutex<Interest>>,
    changed: Arc<Notify>,
}

impl Lookout {
    fn new(paths: Vec<PathBuf>) -> Self {
        let interest = Arc::<Mutex<Interest>>::default();
        let changed = Arc::new(Notify::new());
        let watcher = {
            let (interest, changed) = (interest.clone(), changed.clone());
            let mut throttle = Throttle::default();
            notify::recommended_watcher(move |event| {
                if matters(&event, &interest.lock().unwrap_or_else(PoisonError::into_inner)) {
                    changed.notify_one();
                }
                let path = event.as_ref().ok().and_then(|event| event.paths.first());
                let now = std::time::Instant::now();
                if let Some(pause) = path.and_then(|path| throttle.pause_after(path, now)) {
                    std::thread::sleep(pause);
                }
            })
        };
        if let Err(error) = &watcher {
            let poll_s = POLL_PERIOD.as_secs();
            tracing::warn!(%error, poll_s, "no file events; looking at the inputs instead");
        }
        Self {
            paths,
            watcher: watcher.ok(),
            watched: BTreeMap::new(),
            refused: Vec::new(),
            stamps: Vec::new(),
            interest,
            changed,
        }
    }

    /// Brings watches and interest in line with where the paths lead now.
    fn walk(&mut self) -> Seen {
        let interest = Interest::of(&self.paths);
        let directories = interest.directories();
        let stamps: Vec<_> = self.paths.iter().map(|path| Stamp::of(path).ok()).collect();
        let grown = {
            let mut current = self.interest.lock().unwrap_or_else(PoisonError::into_inner);
            let grown = !interest.is_within(&current);
            *current = interest;
            grown
        };
        let rewatched = self.watch(&directories);
        let changed = rewatched || grown || stamps != self.stamps;
        self.stamps = stamps;
        Seen { newly_watched: rewatched || grown, changed }
    }

    /// Watches exactly `directories`; whether any of them was not watched before, or was another directory then.
    fn watch(&mut self, directories: &[PathBuf]) -> bool {
        let Some(watcher) = &mut self.watcher else { return false };
        self.watched.retain(|path, _| {
            let wanted = directories.binary_search(path).is_ok();
            if !wanted {
                // Fails for a directory that is gone, whose watch went with it.
                drop(watcher.unwatch(path));
            }
            wanted
        });
        let mut fresh = false;
        for path in directories {
            let identity = Stamp::of(path).ok().map(Stamp::identity);
            if self.watched.get(path) == Some(&identity) {
                continue;
            }
            if self.watched.remove(path).is_some() {
                drop(watcher.unwatch(path));
            }
            match watcher.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.refused.retain(|refused| refused != path);
                    self.watched.insert(path.clone(), identity);
                    fresh = true;
                }
                Err(error) if !self.refused.contains(path) => {
                    let (path_shown, poll_s) = (path.display(), POLL_PERIOD.as_secs());
                    tracing::warn!(path = %path_shown, %error, poll_s, "cannot watch; looking at it instead");
                    self.refused.push(path.clone());
                }
                Err(_) => {}
            }
        }
        fresh
    }
}

/// Whether an event may mean that an input changed.
fn matters(event: &notify::Result<Event>, interest: &Interest) -> bool {
    match event {
        // Events were lost, or the watcher stumbled: anything may have happened.
        Err(_) => true,
        Ok(event) if event.need_rescan() => true,
        // Our own reading raises these (notify 8 asks inotify for opens too): heeding them would reload for ever.
        Ok(Event { kind: EventKind::Access(_), .. }) => false,
        Ok(event) => event.paths.iter().any(|path: &PathBuf| interest.includes(Path::new(path))),
    }
}

#[cfg(test)]
mod tests;
