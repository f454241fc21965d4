//! Files that are replaced in one step: who reads one finds the old content or the new, and a power cut leaves either.
//!
//! The new content is written to a file beside the old one, reaches the disk, and is renamed over it; then the name
//! reaches the disk too. What is written, and whether it may be, is for others to say.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Puts a new content in place of the old, or makes the file. Nothing stays behind if that fails.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    // Another process may be at it too. Of an earlier one of this number that died of it, the file is taken over.
    let beside = beside(path, &format!(".{}.new", std::process::id()));
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    written.and_then(|()| rename(&beside, path)).inspect_err(|_| {
        // The first error is the one to show; what was never made cannot be removed either.
        let _ = fs::remove_file(&beside);
    })
}

/// Renames a file whose content has reached the disk, and lets the name follow.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    // Not every file system lets directories be synchronised. A bare name lies in the current one.
    let directory = to.parent().filter(|directory| !directory.as_os_str().is_empty());
    if let Ok(directory) = File::open(directory.unwrap_or(Path::new("."))) {
        let _ = directory.sync_all();
    }
    Ok(())
}

/// The path with something added to the name.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_or_stays() {
        let directory = tempfile::tempdir().expect("a directory");
        let names = || -> Vec<String> {
            let entries = fs::read_dir(directory.path()).expect("a directory");
            let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
            entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect()
        };
        let path = directory.path().join("state.json");
        for content in ["longer than the next", "short"] {
            // What a writer left that died is no hindrance.
            fs::write(beside(&path, &format!(".{}.new", std::process::id())), "x".repeat(99))
                .expect("written");
            replace(&path, content.as_bytes()).expect("written");
            assert_eq!(fs::read_to_string(&path).expect("a text"), content);
            assert_eq!(names(), ["state.json"]);
        }
        let taken = directory.path().join("taken");
        fs::create_dir_all(taken.join("inside")).expect("a directory");
        assert!(replace(&taken, b"x").is_err());
        assert_eq!(names().len(), 2, "nothing is left behind");
        assert!(replace(&directory.path().join("absent/file"), b"x").is_err());
    }
}
