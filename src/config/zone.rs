//! One zone: its master file and, if it steers anything, the TOML file beside it.
//!
//! A zone depends on its own files and on what the server's file defines, never on another zone. [`Known`] keeps what a
//! zone came to and fingerprints of the very texts that this was read from, so that a zone of which nothing changed is
//! not read again.

use super::document::Document;
use super::library::{Library, Scopes};
use super::names::Names;
use super::reader::Table;
use super::{files, names};
use crate::report::{Finding, Place, Report, Source};
use crate::steer::director::Director;
use crate::steer::model::{Pool, SteeredName};
use crate::wire::Name;
use crate::zone::tree::TooLarge;
use crate::zone::{Record, Zone, check, text};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

/// A zone as configured: checked, self-contained.
#[derive(Clone, Debug)]
pub struct ZoneSpec {
    /// Its apex.
    pub origin: Name,
    /// Its static data, compiled; it knows the steered names by their places in `names`.
    pub zone: Arc<Zone>,
    /// Its steered names, in the order written.
    pub names: Arc<[SteeredName]>,
    /// The directors of its own, in the order written, whether a pool hands them out or not.
    pub directors: Arc<[Arc<Director>]>,
    /// Of all that it means; within one process, equal digests mean equal zones, wherever in the text things stand.
    pub digest: u64,
}

/// Where the files of a zone are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneFiles {
    /// Its apex, from the name of the files.
    pub origin: Name,
    /// `ORIGIN.zone`.
    pub zone: PathBuf,
    /// `ORIGIN.toml`, if there is one.
    pub steering: Option<PathBuf>,
}

/// What became of reading a zone.
#[derive(Clone, Debug)]
pub struct Known {
    /// The zone; none if it has errors.
    pub spec: Option<Arc<ZoneSpec>>,
    /// What was found.
    pub report: Report,
    /// All files that were read.
    pub inputs: Vec<PathBuf>,
    files: ZoneFiles,
    /// A fingerprint for each input; none if they cannot vouch for the whole, and the zone is always read anew.
    fingerprints: Option<Vec<u64>>,
}

/// A zone of so many records is checked by one thread and built by another; for fewer a thread costs more than it
/// saves.
const RECORDS_APART_MIN: usize = 10_000;

/// What zones are read against.
pub struct Shared<'a> {
    /// The server's definitions.
    pub library: &'a Library,
    /// Whether they are the same as when the previous zones were read.
    pub unchanged: bool,
}

/// Reads a zone, or takes what is known of it if nothing has changed.
pub fn load(files: &ZoneFiles, shared: &Shared<'_>, previous: Option<&Known>) -> Known {
    match previous {
        Some(known) if known.still_holds(files, shared) => known.clone(),
        _ => read(files, shared),
    }
}

impl Known {
    fn still_holds(&self, now: &ZoneFiles, shared: &Shared<'_>) -> bool {
        let Some(fingerprints) = &self.fingerprints else { return false };
        let same = |(path, known): (&PathBuf, &u64)| {
            files::read(path).is_ok_and(|bytes| fingerprint(&bytes) == *known)
        };
        self.files == *now
            && (shared.unchanged || now.steering.is_none())
            && self.inputs.iter().zip(fingerprints).all(same)
    }
}

fn read(files: &ZoneFiles, shared: &Shared<'_>) -> Known {
    let origin = &files.origin;
    let mut report = Report::default();
    let zone = text::read(&files.zone, origin, &mut report);
    let mut texts = texts_of(&zone.records);
    let mut inputs = zone.files.clone();
    let mut steering = Steering::default();
    if let Some(path) = &files.steering {
        match files::read_text(path, &mut report) {
            Some(source) => {
                texts.insert(path.clone(), fingerprint(source.text.as_bytes()));
                steering = read_steering(source, origin, shared.library, &mut report);
                inputs.append(&mut steering.inputs);
            }
            None => inputs.push(path.clone()),
        }
    }
    let (tree, digest) = if zone.records.len() < RECORDS_APART_MIN {
        check::check(origin, &zone, &steering.names.owners, &mut report);
        built(origin, &zone.records, &steering)
    } else {
        std::thread::scope(|scope| {
            let built = scope.spawn(|| built(origin, &zone.records, &steering));
            check::check(origin, &zone, &steering.names.owners, &mut report);
            built.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    };
    // What went wrong may lie in a file that could not be read: only sound zones are kept for next time.
    let sound = !report.has_errors();
    let known = |path: &PathBuf| texts.get(path).copied().filter(|_| sound);
    let fingerprints: Option<Vec<u64>> = inputs.iter().map(known).collect();
    let spec = sound.then(|| spec(files, tree, steering, digest, &mut report)).flatten();
    Known { spec, report, inputs, files: files.clone(), fingerprints }
}

/// The tree of a zone, which is good for something only if the zone is sound, and what tells it from others. The
/// records end here: what is kept of them is what queries read.
fn built(origin: &Name, records: &[Record], steering: &Steering) -> (Result<Zone, TooLarge>, u64) {
    let names = &steering.names.steered;
    let owners: Vec<Name> = names.iter().map(|name| name.owner.clone()).collect();
    (Zone::build(origin, records, &owners), digest(records, names, &steering.directors))
}

fn spec(
    files: &ZoneFiles,
    tree: Result<Zone, TooLarge>,
    steering: Steering,
    digest: u64,
    report: &mut Report,
) -> Option<Arc<ZoneSpec>> {
    match tree {
        Ok(zone) => {
            let (origin, zone) = (files.origin.clone(), Arc::new(zone));
            let (names, directors) = (steering.names.steered.into(), steering.directors.into());
            Some(Arc::new(ZoneSpec { origin, zone, names, directors, digest }))
        }
        Err(TooLarge) => {
            let message = format!(
                "{} holds more than a zone can: 4 GiB, or 65,535 records of one name and type",
                files.zone.display()
            );
            report.push(Finding::error(message).help("delegate parts of it to zones of their own"));
            None
        }
    }
}

#[derive(Default)]
struct Steering {
    names: Names,
    directors: Vec<Arc<Director>>,
    inputs: Vec<PathBuf>,
}

fn read_steering(
    source: Arc<Source>,
    origin: &Name,
    library: &Library,
    report: &mut Report,
) -> Steering {
    let doc = Document::new(source);
    let (mut names, mut directors) = (Names::default(), Vec::new());
    if let Some(tree) = doc.tree() {
        let mut root = Table::root(&doc, &tree, "the zone's file");
        let scopes = Scopes::read(&mut root, Some(origin), Some(library));
        let Scopes { sites, pools, routes, .. } = &scopes;
        let terms = names::Terms { origin, sites, pools, routes };
        names = names::read(root.section("names", "the names"), &terms);
        root.finish();
        scopes.warn_unused(&doc);
        directors = scopes.directors.own().cloned().collect();
    }
    let (found, inputs) = doc.finish();
    report.extend(found);
    Steering { names, directors, inputs }
}

/// Fingerprints of the very texts that records were read from. A text without a record is not among them.
fn texts_of(records: &[Record]) -> HashMap<PathBuf, u64> {
    let mut texts = HashMap::new();
    let mut last: Option<&Place> = None;
    for record in records {
        let source = &record.place.source;
        if last.is_none_or(|place| !Arc::ptr_eq(&place.source, source)) {
            last = Some(&record.place);
            let known = || fingerprint(source.text.as_bytes());
            texts.entry(source.path.clone()).or_insert_with(known);
        }
    }
    texts
}

fn digest(records: &[Record], names: &[SteeredName], directors: &[Arc<Director>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for Record { owner, ttl_s, rtype, rdata, place: _ } in records {
        (owner, ttl_s, rtype, rdata).hash(&mut hasher);
    }
    // Pools, routes and directors hold floating-point numbers, which cannot be hashed; their debug form tells any two
    // apart. A pool is long, and shared by many names.
    let mut pools: HashMap<*const Pool, usize> = HashMap::new();
    for SteeredName { owner, pool, ttl_s, route } in names {
        let next = pools.len();
        let number = *pools.entry(Arc::as_ptr(pool)).or_insert(next);
        (owner, ttl_s, number).hash(&mut hasher);
        format!("{route:?}").hash(&mut hasher);
        if number == next {
            format!("{pool:?}").hash(&mut hasher);
        }
    }
    format!("{directors:?}").hash(&mut hasher);
    hasher.finish()
}

/// Tells a changed text from an unchanged one; made by operators, not by adversaries.
fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
