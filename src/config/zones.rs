//! The directory of zones: which there are, and reading all of them, several at a time.

use super::zone::{Known, Shared, ZoneFiles, ZoneSpec, load as load_zone};
use super::{defaults, files};
use crate::report::{Finding, Report};
use crate::wire::Name;
use std::collections::{BTreeMap, HashMap};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What became of one zone.
#[derive(Clone, Debug)]
pub struct ZoneLoad {
    /// Its apex.
    pub origin: Name,
    /// Its master file.
    pub path: PathBuf,
    /// The zone; none if it has errors, which the report tells: its last good version should stay up.
    pub spec: Option<Arc<ZoneSpec>>,
}

/// What is known of each zone by the reading before.
pub type KnownZones = HashMap<Name, Known>;

/// All zones of a directory.
#[derive(Default)]
pub struct Zones {
    /// In the order of their names.
    pub loads: Vec<ZoneLoad>,
    /// For the next reading.
    pub known: KnownZones,
    /// All files that were read.
    pub inputs: Vec<PathBuf>,
}

/// Reads all zones of a directory; none if there is no such directory.
pub fn load(
    directory: &Path,
    shared: &Shared<'_>,
    previous: Option<&KnownZones>,
    report: &mut Report,
) -> Option<Zones> {
    let listing = list(directory, report)?;
    let mut zones = Zones::default();
    let complete: Vec<ZoneFiles> = listing.values().filter_map(Listed::files).collect();
    let known = load_all(&complete, shared, previous);
    for (files, known) in complete.into_iter().zip(known) {
        zones.inputs.extend_from_slice(&known.inputs);
        report.extend(known.report.clone());
        zones.known.insert(files.origin, known);
    }
    for (origin, listed) in listing {
        let path = listed.zone.unwrap_or_else(|| directory.join(format!("{origin}zone")));
        let spec = zones.known.get(&origin).and_then(|known| known.spec.clone());
        zones.loads.push(ZoneLoad { origin, path, spec });
    }
    if zones.loads.is_empty() {
        let message = format!("no zones in {}: every query will be refused", directory.display());
        report.push(Finding::warning(message).help("put a master file there, named ORIGIN.zone"));
    }
    Some(zones)
}

/// Reads zones on a few threads, each taking the next that is left.
fn load_all(zones: &[ZoneFiles], shared: &Shared<'_>, previous: Option<&KnownZones>) -> Vec<Known> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = cores.min(defaults::LOAD_THREADS_MAX).min(zones.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(files) = zones.get(index) else { return done };
            let known = previous.and_then(|previous| previous.get(&files.origin));
            done.push((index, load_zone(files, shared, known)));
        }
    };
    let mut all: Vec<(usize, Known)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.flat_map(|done| done.unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    all.sort_unstable_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, known)| known).collect()
}

/// The files of one origin in the directory.
struct Listed {
    origin: Name,
    zone: Option<PathBuf>,
    steering: Option<PathBuf>,
    /// Whether two files claim the same place.
    ambiguous: bool,
}

impl Listed {
    /// The files to read, if it is clear which they are.
    fn files(&self) -> Option<ZoneFiles> {
        let zone = self.zone.clone().filter(|_| !self.ambiguous)?;
        Some(ZoneFiles { origin: self.origin.clone(), zone, steering: self.steering.clone() })
    }
}

fn list(directory: &Path, report: &mut Report) -> Option<BTreeMap<Name, Listed>> {
    let entries = std::fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect());
    let mut paths: Vec<PathBuf> = match entries {
        Ok(paths) => paths,
        Err(error) => {
            report.push(files::unreadable(directory, &error));
            return None;
        }
    };
    paths.sort_unstable();
    let mut listing = BTreeMap::new();
    for path in paths {
        let extension = path.extension().and_then(|extension| extension.to_str());
        let is_zone = extension == Some("zone");
        // What begins with a dot belongs to editors and mounts.
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden || !(is_zone || extension == Some("toml")) {
            continue;
        }
        let Some(origin) = origin_of(&path, report) else { continue };
        let listed = listing.entry(origin.clone()).or_insert_with(|| Listed {
            origin,
            zone: None,
            steering: None,
            ambiguous: false,
        });
        let slot = if is_zone { &mut listed.zone } else { &mut listed.steering };
        if let Some(first) = slot {
            listed.ambiguous = true;
            let message = format!("{} and {} are the same zone", first.display(), path.display());
            report
                .push(Finding::error(message).help("remove one; letter case makes no other zone"));
        } else {
            *slot = Some(path);
        }
    }
    for listed in listing.values().filter(|listed| listed.zone.is_none()) {
        if let Some(steering) = &listed.steering {
            let message = format!("{} has no zone beside it", steering.display());
            let wanted = steering.with_extension("zone");
            let help = format!("create {}, or remove the file", wanted.display());
            report.push(Finding::error(message).help(help));
        }
    }
    Some(listing)
}

/// The zone that a file holds, by its name.
pub fn origin_of(path: &Path, report: &mut Report) -> Option<Name> {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let origin = stem.map(|stem| Name::parse(stem, None));
    let reason = match origin {
        Some(Ok(origin)) => return Some(origin),
        Some(Err(error)) => error.to_string(),
        None => "it is not UTF-8".to_owned(),
    };
    let message = format!("the file name of {} is no zone's name: {reason}", path.display());
    report.push(Finding::error(message).help("name it ORIGIN.zone, as in example.com.zone"));
    None
}
