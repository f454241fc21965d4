//! Which directory entries matter for a set of input paths, links followed one by one.
//!
//! `std::fs::canonicalize` would say where a path ends but not which links led there, and it is a link that changes
//! when a mounted configuration is swapped.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Links followed for one path; Linux gives up at the same number (path_resolution(7)).
const LINKS_MAX: usize = 40;

/// Real paths whose creation, change or removal may change an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Interest {
    /// Entries that matter: input files, input directories themselves, and the links on the way to them.
    entries: BTreeSet<PathBuf>,
    /// Directories in which every entry matters.
    whole: BTreeSet<PathBuf>,
}

impl Interest {
    /// What matters for these paths as the file system is now. Relative paths start at the working directory.
    pub(super) fn of(paths: &[PathBuf]) -> Self {
        let mut interest = Self::default();
        // Ten thousand zones share few directories: each is walked once.
        let mut parents = HashMap::new();
        for path in paths {
            // Fails only for an empty path or without a working directory, and then nothing can be watched.
            let Ok(path) = std::path::absolute(path) else { continue };
            interest.add(&path, &mut parents);
        }
        interest
    }

    fn add(&mut self, path: &Path, parents: &mut HashMap<PathBuf, Option<PathBuf>>) {
        let mut links = LINKS_MAX;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            // The root, or a path that ends in `..`: a directory either way.
            let real = self.follow(PathBuf::new(), path, &mut links);
            self.whole.extend(real);
            return;
        };
        let real_parent = match parents.get(parent) {
            Some(known) => known.clone(),
            None => {
                let found = self.follow(PathBuf::new(), parent, &mut links);
                parents.insert(parent.to_owned(), found.clone());
                found
            }
        };
        let Some(real_parent) = real_parent else { return };
        if let Some(real) = self.follow(real_parent, Path::new(name), &mut links) {
            if real.is_dir() {
                self.whole.insert(real.clone());
            }
            self.entries.insert(real);
        }
    }

    /// Where `rest` leads from the real directory `at`; notes every link passed. None where the way is barred, with the
    /// missing entry noted, since its appearing would open it.
    fn follow(&mut self, at: PathBuf, rest: &Path, links: &mut usize) -> Option<PathBuf> {
        let mut at = at;
        let mut ahead: Vec<OsString> = steps(rest);
        while let Some(step) = ahead.pop() {
            if step == ".." {
                at.pop();
                continue;
            }
            let here = at.join(&step);
            match fs::symlink_metadata(&here) {
                Ok(found) if found.is_symlink() => {
                    self.entries.insert(here.clone());
                    *links = links.checked_sub(1)?;
                    let target = fs::read_link(&here).ok()?;
                    ahead.extend(steps(&target));
                    if target.is_absolute() {
                        at = PathBuf::new();
                    }
                }
                Ok(_) => at = here,
                Err(_) => {
                    self.entries.insert(here);
                    return None;
                }
            }
        }
        Some(at)
    }

    /// The directories to watch, sorted.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        let parents = self.entries.iter().filter_map(|entry| entry.parent());
        let all: BTreeSet<_> = parents.chain(self.whole.iter().map(PathBuf::as_path)).collect();
        all.into_iter().map(Path::to_owned).collect()
    }

    /// Whether something that happened at `path` matters.
    pub(super) fn includes(&self, path: &Path) -> bool {
        let within = |directory: &Path| self.whole.contains(directory);
        self.entries.contains(path) || within(path) || path.parent().is_some_and(within)
    }

    /// Whether all that matters here was mattering in `other`.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.whole.is_subset(&other.whole) && self.entries.iter().all(|path| other.includes(path))
    }
}

/// The parts of a path, last first, so that the next one is popped.
fn steps(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    let mut parts: Vec<_> = parts.map(|part| part.as_os_str().to_owned()).collect();
    parts.reverse();
    parts
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_one_by_one() {
        let root = tempfile::tempdir().expect("a directory");
        let root = root.path().canonicalize().expect("a real path");
        fs::create_dir_all(root.join("mount/..2026_1")).expect("a directory");
        fs::write(root.join("mount/..2026_1/a.toml"), "").expect("a file");
        symlink("..2026_1", root.join("mount/..data")).expect("a link");
        symlink("..data/a.toml", root.join("mount/a.toml")).expect("a link");
        symlink(root.join("mount/a.toml"), root.join("fingerpost.toml")).expect("a link");
        symlink("loop", root.join("loop")).expect("a link");

        let check = |path: &str, expected: &[&str]| {
            let interest = Interest::of(&[root.join(path)]);
            let entries: Vec<_> = expected.iter().map(|path| root.join(path)).collect();
            assert_eq!(interest.entries.into_iter().collect::<Vec<_>>(), entries, "{path}");
        };
        check("mount/..2026_1/a.toml", &["mount/..2026_1/a.toml"]);
        check(
            "fingerpost.toml",
            &["fingerpost.toml", "mount/..2026_1/a.toml", "mount/..data", "mount/a.toml"],
        );
        check("mount/../mount/none/b.toml", &["mount/none"]);
        check("loop", &["loop"]);
    }

    #[test]
    fn a_directory_matters_whole_and_a_file_alone() {
        let root = tempfile::tempdir().expect("a directory");
        let root = root.path().canonicalize().expect("a real path");
        fs::create_dir(root.join("zones")).expect("a directory");
        fs::write(root.join("a.toml"), "").expect("a file");
        let interest = Interest::of(&[root.join("a.toml"), root.join("zones")]);
        assert_eq!(interest.directories(), [root.clone(), root.join("zones")]);
        for (path, expected) in [
            ("a.toml", true),
            ("state.json", false),
            ("zones", true),
            ("zones/new.zone", true),
            ("zones/deep/er.zone", false),
        ] {
            assert_eq!(interest.includes(&root.join(path)), expected, "{path}");
        }
        let file = Interest::of(&[root.join("zones/new.zone")]);
        assert!(file.is_within(&interest) && !interest.is_within(&file));
    }
}
