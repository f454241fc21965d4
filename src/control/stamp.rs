//! How a file or directory looks from outside: equal stamps mean that it has not changed, as far as that shows.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// Which file it is, how large, and when it was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    identity: (u64, u64),
    bytes: u64,
    modified: Option<SystemTime>,
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of what `path` leads to.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        Ok(Self {
            identity: identity(&found),
            bytes: found.len(),
            modified: found.modified().ok(),
            changed: changed(&found),
        })
    }

    /// What tells a file or directory from its successor of the same name, whatever is written to it.
    pub(super) fn identity(self) -> (u64, u64) {
        self.identity
    }
}

#[cfg(unix)]
fn identity(found: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino())
}

/// Without inode numbers, the time of creation tells a directory from its successor.
#[cfg(not(unix))]
fn identity(found: &Metadata) -> (u64, u64) {
    let since = found.created().ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map_or((0, 0), |since| (since.as_secs(), u64::from(since.subsec_nanos())))
}

/// The status change time, which `mv` and `cp -p` cannot carry over from elsewhere as they do the modification time.
#[cfg(unix)]
fn changed(found: &Metadata) -> (i64, i64) {
    use std::os::unix::fs::MetadataExt;
    (found.ctime(), found.ctime_nsec())
}

#[cfg(not(unix))]
fn changed(_: &Metadata) -> (i64, i64) {
    (0, 0)
}
