//! A file: one stream of frames, readable as soon as it is written.
//!
//! A file that was ended in good order is gone on with: the frame that ends it is taken off again. One that was not, or
//! that holds something else, is moved aside and never written to. A file that somebody has moved away is ended
//! within [`LOOK_PERIOD`] and a new one begun in its place, which is all that logrotate needs. One that was emptied in
//! place, as logrotate's copytruncate does, is begun anew; what was copied has no end then. What a failure, such as a
//! full disk, leaves of a frame is cut off again, so that the file stays readable.

use super::Sink;
use crate::tap::frames::{Control, control};
use jiff::Timestamp;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often it is looked whether the file was moved away.
const LOOK_PERIOD: Duration = Duration::from_secs(1);

pub(super) struct FileSink {
    path: PathBuf,
    look_period: Duration,
    open: Option<Open>,
}

struct Open {
    file: File,
    /// Length up to the end of the last whole frame.
    bytes: u64,
    looked: Instant,
}

impl FileSink {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), look_period: LOOK_PERIOD, open: None }
    }

    /// Whether the open file is to be found under its name no more, or was emptied there.
    fn was_moved(&mut self) -> bool {
        let Some(open) = &mut self.open else { return false };
        // At each writing: what comes in between has no start, and cannot be read.
        if open.is_cut_short() {
            return true;
        }
        if open.looked.elapsed() < self.look_period {
            return false;
        }
        open.looked = Instant::now();
        match (fs::metadata(&self.path), open.file.metadata()) {
            (Ok(named), Ok(open)) => !is_same(&named, &open),
            (Err(error), _) => error.kind() == io::ErrorKind::NotFound,
            // What cannot be told is left as it is.
            (Ok(_), Err(_)) => false,
        }
    }
}

impl Sink for FileSink {
    fn open(&mut self) -> io::Result<bool> {
        if self.was_moved() {
            self.close();
        }
        if self.open.is_some() {
            return Ok(false);
        }
        self.open = Some(open(&self.path)?);
        Ok(true)
    }

    fn write(&mut self, frames: &[u8]) -> io::Result<()> {
        let Some(mut open) = self.open.take() else { return Err(io::ErrorKind::NotFound.into()) };
        let written = open.file.write_all(frames);
        match written {
            Ok(()) => open.bytes += frames.len() as u64,
            // A file that cannot even be cut is given up.
            Err(_) => cut(&mut open.file, open.bytes)?,
        }
        self.open = Some(open);
        written
    }

    fn close(&mut self) {
        if let Some(mut open) = self.open.take()
            && !open.is_cut_short()
            && open.file.write_all(&control(Control::Stop)).is_err()
        {
            // Without its end it still holds whole frames, up to here.
            let _ = cut(&mut open.file, open.bytes);
        }
    }
}

impl Open {
    /// Whether somebody else has taken off what was written.
    fn is_cut_short(&self) -> bool {
        self.file.metadata().is_ok_and(|file| file.len() < self.bytes)
    }
}

fn open(path: &Path) -> io::Result<Open> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            return Err(io::Error::other(
                "it is not a regular file; a reader's socket is socket =",
            ));
        }
        Ok(found) if found.len() > 0 => match resume(path, found.len())? {
            Some(open) => return Ok(open),
            None => move_aside(path)?,
        },
        _ => {}
    }
    let mut file = options().create(true).open(path)?;
    let start = control(Control::Start);
    if let Err(error) = file.write_all(&start) {
        // Part of a start would be taken for a file of somebody else.
        let _ = cut(&mut file, 0);
        return Err(error);
    }
    Ok(Open { file, bytes: start.len() as u64, looked: Instant::now() })
}

/// Takes the end off a file that has one; none if it was not ended, or is not ours.
fn resume(path: &Path, bytes: u64) -> io::Result<Option<Open>> {
    let (start, stop) = (control(Control::Start), control(Control::Stop));
    let Some(end) = bytes.checked_sub(stop.len() as u64).filter(|end| *end >= start.len() as u64)
    else {
        return Ok(None);
    };
    let mut file = options().open(path)?;
    let mut holds = |at, expected: &[u8]| {
        let mut found = vec![0; expected.len()];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut found)?;
        io::Result::Ok(found == expected)
    };
    if !holds(0, &start)? || !holds(end, &stop)? {
        return Ok(None);
    }
    cut(&mut file, end)?;
    Ok(Some(Open { file, bytes: end, looked: Instant::now() }))
}

fn move_aside(path: &Path) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(Timestamp::now().strftime(".%Y%m%dT%H%M%SZ").to_string());
    fs::rename(path, &name)?;
    tracing::info!(
        path = %path.display(),
        kept = %Path::new(&name).display(),
        "a dnstap file that was not ended is kept under another name",
    );
    Ok(())
}

/// Readable by the owner and the group: who asked for what is nobody else's business. Written at its end, wherever
/// that is: at a place of its own, a file emptied in between would begin with zeros as long as what was there.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options
}

fn cut(file: &mut File, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)?;
    file.seek(SeekFrom::Start(bytes))?;
    Ok(())
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Elsewhere a file that is open cannot be moved and replaced.
#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sink(path: &Path) -> FileSink {
        FileSink { look_period: Duration::ZERO, ..FileSink::new(path) }
    }

    fn stream(frames: &[u8]) -> Vec<u8> {
        [&control(Control::Start), frames, &control(Control::Stop)].concat()
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).expect("a directory");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> =
            entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn streams_go_on_after_a_restart() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("state/tap");
        for frames in ["first", "second"] {
            let mut sink = sink(&path);
            assert!(sink.open().expect("opened"));
            assert!(!sink.open().expect("open already"));
            sink.write(frames.as_bytes()).expect("written");
            sink.close();
            sink.close();
        }
        assert_eq!(fs::read(&path).expect("the file"), stream(b"firstsecond"));
        assert_eq!(names(path.parent().expect("its directory")), ["tap"]);
    }

    #[test]
    fn what_is_not_ours_is_kept() {
        let check = |found: &[u8], kept: bool| {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let path = directory.path().join("tap");
            fs::write(&path, found).expect("written");
            let mut sink = sink(&path);
            sink.open().expect("opened");
            sink.close();
            assert_eq!(fs::read(&path).expect("the file"), stream(b""), "{found:?}");
            let names = names(directory.path());
            assert_eq!(names.len(), if kept { 2 } else { 1 }, "{found:?}: {names:?}");
            if kept {
                let aside = directory.path().join(&names[1]);
                assert_eq!(fs::read(aside).expect("the other file"), found);
            }
        };
        check(b"", false);
        check(&stream(b""), false);
        check(b"x", true);
        check(&control(Control::Start), true);
        check(&control(Control::Stop), true);
        check(&[&stream(b"")[..], b"x"].concat(), true);
        check(&[b'x'; 100], true);
    }

    #[cfg(unix)]
    #[test]
    fn files_that_are_moved_away_are_ended_and_begun_anew() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (path, moved) = (directory.path().join("tap"), directory.path().join("tap.1"));
        let mut sink = sink(&path);
        sink.open().expect("opened");
        sink.write(b"old").expect("written");
        fs::rename(&path, &moved).expect("moved");
        sink.write(b"er").expect("written where it went");
        assert!(sink.open().expect("opened anew"));
        sink.write(b"new").expect("written");
        // Replaced, not only removed.
        fs::write(directory.path().join("other"), b"").expect("written");
        fs::rename(directory.path().join("other"), &path).expect("replaced");
        assert!(sink.open().expect("opened anew"));
        sink.write(b"newest").expect("written");
        sink.close();
        assert_eq!(fs::read(&moved).expect("the old file"), stream(b"older"));
        assert_eq!(fs::read(&path).expect("the new file"), stream(b"newest"));
    }

    #[test]
    fn files_that_are_emptied_in_place_are_begun_anew() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("tap");
        let empty = || File::create(&path).expect("emptied");
        // At each writing, not only when it is looked whether the file was moved.
        let mut sink = FileSink::new(&path);
        sink.open().expect("opened");
        sink.write(b"much that is old").expect("written");
        empty();
        assert!(sink.open().expect("begun anew"));
        sink.write(b"new").expect("written");
        assert!(!sink.open().expect("as it was"));
        assert_eq!(
            fs::read(&path).expect("the file"),
            [&control(Control::Start)[..], b"new"].concat()
        );
        // Between the look and the writing: kept, and nothing is put before it.
        empty();
        sink.write(b"stray").expect("written");
        assert_eq!(fs::read(&path).expect("the file"), b"stray");
        assert!(sink.open().expect("begun anew"));
        let names = names(directory.path());
        assert_eq!(names.len(), 2, "{names:?}");
        assert_eq!(fs::read(directory.path().join(&names[1])).expect("kept"), b"stray");
        // No end is written without a beginning.
        empty();
        sink.close();
        assert_eq!(fs::read(&path).expect("the file"), b"");
    }

    #[test]
    fn directories_are_refused() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let error = sink(directory.path()).open().expect_err("a directory");
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }

    /// A file that takes no bytes stands for a full disk.
    #[test]
    fn failures_leave_whole_frames() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("tap");
        let mut sink = sink(&path);
        assert!(sink.write(b"frames").is_err(), "never opened");
        sink.open().expect("opened");
        sink.write(b"frames").expect("written");
        let open = sink.open.as_mut().expect("an open file");
        // As a write that failed half way leaves it.
        open.file.write_all(b"fra").expect("written");
        cut(&mut open.file, open.bytes).expect("cut");
        sink.write(b"more").expect("written");
        open_read_only(&mut sink, &path);
        assert!(sink.write(b"lost").is_err());
        drop(sink);
        let expected = [&control(Control::Start)[..], b"framesmore"].concat();
        assert_eq!(fs::read(&path).expect("the file"), expected);
    }

    fn open_read_only(sink: &mut FileSink, path: &Path) {
        let open = sink.open.as_mut().expect("an open file");
        open.file = File::open(path).expect("opened for reading");
    }
}
