//! `overrides.toml` on disk: read as it stands, replaced in one step, and never over somebody else's change.
//!
//! The new text is written to a file beside the old one, which is then renamed over it, so a reader finds the one or
//! the other. The new file must not be there before: it serves as the lock between writers. With the lock held the
//! old file is read once more, and if it is not what the edit began with, nothing is written. Editors that take no lock
//! can still come between that reading and the renaming; the gap is a few microseconds. A lock that a writer left
//! behind as it died is renamed before it is removed: of several that find it, one gets hold of it, and who got hold
//! of the next one's lock instead puts that back.
//!
//! A path that is a link is followed, so that the link stays and what it points to is replaced.

use crate::disk;
use crate::report::{Finding, Report};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// A lock that is older belongs to a writer that has died: writing takes milliseconds. So does one that lies so far
/// ahead: the clock was wrong then. Less than that may be the clock of a file server.
const LOCK_AGE_MAX: Duration = Duration::from_secs(30);
/// As many links as Linux follows (path_resolution(7)).
const LINKS_MAX: usize = 40;

/// Why nothing was written.
#[derive(Debug)]
pub enum Unwritten {
    /// Another hand has changed the file meanwhile, or is about to: read it again.
    Changed,
    /// It cannot be written.
    Failed(Finding),
}

/// The text of the file; none if it is not there.
pub fn read(path: &Path) -> Result<Option<String>, Report> {
    match fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => {
                let message = format!("{} is not UTF-8 text", path.display());
                Err(Finding::error(message).help("save it as UTF-8").into())
            }
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let message = format!("cannot read {}: {error}", path.display());
            let help = "let the user that runs fingerpost read it, or correct server.overrides";
            Err(Finding::error(message).help(help).into())
        }
    }
}

/// Writes `text`, if the file still is as it was `read`.
pub fn replace(path: &Path, read: Option<&str>, text: &str) -> Result<(), Unwritten> {
    let real = followed(path).map_err(|error| failed(path, &error))?;
    let beside = beside(&real);
    let lock = lock(&beside).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Unwritten::Changed,
        _ => failed(&real, &error),
    })?;
    let written = write_and_rename(&lock, &beside, &real, read, text);
    if !matches!(written, Ok(true)) && is_at(&lock, &beside) {
        // Nothing else is known to do about a lock that cannot be taken away; it ends with its age.
        let _ = fs::remove_file(&beside);
    }
    match written {
        Ok(true) => Ok(()),
        Ok(false) => Err(Unwritten::Changed),
        Err(error) => Err(failed(&real, &error)),
    }
}

/// Whether it was written: not if the file is not as it was read, nor if the lock was lost.
fn write_and_rename(
    mut file: &File,
    beside: &Path,
    real: &Path,
    read: Option<&str>,
    text: &str,
) -> io::Result<bool> {
    let old = match fs::read(real) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if old.as_deref() != read.map(str::as_bytes) {
        return Ok(false);
    }
    if old.is_some() {
        let metadata = fs::metadata(real)?;
        keep_owner(file, &metadata);
        file.set_permissions(metadata.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // Somebody who took this writer for dead may be at it now.
    if !is_at(file, beside) {
        return Ok(false);
    }
    disk::rename(beside, real)?;
    Ok(true)
}

/// A new file at `path`, which nobody else has made.
fn lock(path: &Path) -> io::Result<File> {
    let create = || OpenOptions::new().write(true).create_new(true).open(path);
    let made = create();
    let held = made.as_ref().is_err_and(|error| error.kind() == ErrorKind::AlreadyExists);
    if held && is_stale(path) && take_away(path)? {
        return create();
    }
    made
}

/// Takes a stale lock away. Another writer may have done so since it was looked at, and hold a lock of its own; then
/// that one is put back, and it was not taken away.
fn take_away(path: &Path) -> io::Result<bool> {
    let aside = aside(path);
    match fs::rename(path, &aside) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        renamed => renamed?,
    }
    let was_stale = is_stale(&aside);
    if !was_stale {
        // A link does not replace what a third writer may have made meanwhile; the owner of this one will see that.
        let _ = fs::hard_link(&aside, path);
    }
    fs::remove_file(&aside)?;
    Ok(was_stale)
}

fn is_stale(path: &Path) -> bool {
    let Some(made) = fs::metadata(path).and_then(|lock| lock.modified()).ok() else { return false };
    let now = SystemTime::now();
    let apart = now.duration_since(made).unwrap_or_else(|ahead| ahead.duration());
    apart > LOCK_AGE_MAX
}

/// A name that no other writer uses, of this process or of another.
fn aside(lock: &Path) -> PathBuf {
    static TAKEN: AtomicU64 = AtomicU64::new(0);
    let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
    disk::beside(lock, &format!(".stale-{}-{taken}", std::process::id()))
}

/// Whether a path still leads to this open file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => identity(open) == identity(named),
        _ => false,
    }
}

/// Elsewhere a file that is open cannot be renamed by others.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

fn beside(path: &Path) -> PathBuf {
    disk::beside(path, ".new")
}

/// Where a path leads by its links, also if the last of them leads nowhere yet.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            known => return known,
        }
        let Ok(target) = fs::read_link(&path) else { return Ok(path) };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Err(ErrorKind::InvalidInput.into())
}

/// Only root may give files away; for others the group is tried for what it is worth.
#[cfg(unix)]
fn keep_owner(file: &File, old: &Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    if fchown(file, Some(old.uid()), Some(old.gid())).is_err() {
        let _ = fchown(file, None, Some(old.gid()));
    }
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) {}

fn failed(path: &Path, error: &io::Error) -> Unwritten {
    let directory = path.parent().unwrap_or(Path::new("")).display();
    let help = match error.kind() {
        ErrorKind::ReadOnlyFilesystem => {
            "it lies on a file system that is read only here, as a Kubernetes ConfigMap does: change it where it comes \
             from, or name a file that can be written as server.overrides"
                .to_owned()
        }
        ErrorKind::ResourceBusy => {
            "it seems to be mounted by itself, and so cannot be replaced: mount its directory instead"
                .to_owned()
        }
        ErrorKind::PermissionDenied => {
            format!("let the user that runs fingerpost make files in {directory}")
        }
        ErrorKind::NotFound => format!("make the directory {directory}"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on the disk".to_owned(),
        _ => "see to it that the file can be written".to_owned(),
    };
    let message = format!("cannot write {}: {error}", path.display());
    Unwritten::Failed(Finding::error(message).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use tempfile::TempDir;

    fn directory() -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("overrides.toml");
        (directory, path)
    }

    fn names(directory: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(directory.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_there_is_replaced_and_what_is_not_is_made() {
        let (directory, path) = directory();
        assert_eq!(read(&path).unwrap(), None);
        replace(&path, None, "one\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        replace(&path, Some("one\n"), "two\n").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("two\n"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(names(&directory), ["overrides.toml"]);
    }

    #[test]
    fn somebody_elses_change_is_not_overwritten() {
        let (directory, path) = directory();
        fs::write(&path, "theirs").unwrap();
        let unwritten = |read| matches!(replace(&path, read, "mine"), Err(Unwritten::Changed));
        assert!(unwritten(None));
        assert!(unwritten(Some("ours")));
        assert_eq!(names(&directory), ["overrides.toml"]);
        // Another writer is at it.
        fs::write(beside(&path), "").unwrap();
        assert!(unwritten(Some("theirs")));
        assert_eq!(read(&path).unwrap().as_deref(), Some("theirs"));
        // It has died, or did so under a wrong clock.
        let (now, long) = (SystemTime::now(), 2 * LOCK_AGE_MAX);
        for (made, read, text) in [(now - long, "theirs", "mine"), (now + long, "mine", "again")] {
            let lock = File::create(beside(&path)).unwrap();
            lock.set_modified(made).unwrap();
            replace(&path, Some(read), text).unwrap();
            assert_eq!(names(&directory), ["overrides.toml"]);
        }
    }

    #[test]
    fn only_a_stale_lock_is_taken_away() {
        let (directory, path) = directory();
        let beside = beside(&path);
        // Found stale by two, of whom one was quicker and holds its own by now.
        let mine = lock(&beside).unwrap();
        assert!(!take_away(&beside).unwrap());
        assert!(is_at(&mine, &beside));
        assert_eq!(names(&directory), ["overrides.toml.new"]);
        // What is there already is gone for good.
        fs::remove_file(&beside).unwrap();
        assert!(take_away(&beside).unwrap());
        // A writer whose lock was lost writes nothing, and leaves the lock of the other.
        fs::write(&beside, "theirs").unwrap();
        assert!(!write_and_rename(&mine, &beside, &path, None, "mine").unwrap());
        assert_eq!(names(&directory), ["overrides.toml.new"]);
        assert_eq!(read(&beside).unwrap().as_deref(), Some("theirs"));
    }

    #[test]
    fn links_are_followed_and_stay() {
        let (directory, path) = directory();
        fs::create_dir(directory.path().join("git")).unwrap();
        symlink("git/pins.toml", &path).unwrap();
        replace(&path, None, "one").unwrap();
        replace(&path, Some("one"), "two").unwrap();
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(directory.path().join("git/pins.toml")).unwrap(), "two");
        let circle = directory.path().join("circle.toml");
        symlink("circle.toml", &circle).unwrap();
        assert!(matches!(replace(&circle, None, "x"), Err(Unwritten::Failed(_))));
    }

    #[test]
    fn what_cannot_be_written_says_what_to_do() {
        let (directory, _) = directory();
        let path = directory.path().join("absent/overrides.toml");
        let Err(Unwritten::Failed(finding)) = replace(&path, None, "x") else {
            panic!("it was written")
        };
        assert!(finding.message.contains("cannot write"), "{finding}");
        assert!(finding.help.unwrap().starts_with("make the directory"));
        assert!(read(directory.path()).unwrap_err().findings[0].message.contains("cannot read"));
    }
}
