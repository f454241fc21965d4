//! What a person writes, checked: the server's file, zones, networks and overrides.
//!
//! ```text
//! fingerpost.toml ─► Server, Library ─┬─► zones/ORIGIN.zone, ORIGIN.toml ─► ZoneSpec (many at a time, or as known)
//!                                     ├─► geoip/networks.toml ─► networks
//!                                     └─► overrides.toml ─► overrides
//! ```
//!
//! [`load`] reads everything and goes on after each mistake, so that one [`Report`] names all of them. TOML is walked
//! with its places at hand (`reader`) straight to the checked model; every default stands in [`defaults`]. A zone with
//! errors does not touch the others; an error in the server's file leaves no server. Files are only read here: nothing
//! is listened on, probed or watched, and databases are opened by whoever reads them.

mod addresses;
mod admin;
mod checks;
pub mod defaults;
mod demands;
mod directors;
mod dnstap;
mod document;
mod endpoints;
mod files;
mod http_fields;
mod library;
mod names;
mod networks;
mod overrides;
mod pools;
mod reader;
mod routes;
mod scope;
mod server;
mod server_tables;
mod sites;
mod value;
mod vouching;
mod zone;
mod zones;

#[cfg(test)]
mod tests;

pub use admin::{Admin, Token, Tokens};
pub use dnstap::{Dnstap, DnstapMessages, DnstapSink};
pub use library::Library;
pub use overrides::{
    ENDLESS as OVERRIDE_WITHOUT_END, OVER_MAX as PLAN_OVER_MAX, OVER_MIN as PLAN_OVER_MIN,
    TEXT_BYTES_MAX as OVERRIDE_TEXT_BYTES_MAX, parse as parse_overrides,
};
pub use server::{Chaos, Log, LogFormat, Server, Tcp, Tls};
pub use value::{DURATION_FORM, parse_duration, shown as shown_duration};
pub use zone::ZoneSpec;
pub use zones::ZoneLoad;

use crate::geo::world::NetworkEntry;
use crate::health::overrides::Overrides;
use crate::report::{Finding, Place, Report};
use crate::steer::director::Director;
use crate::steer::model::SteeredName;
use document::Document;
use jiff::Timestamp;
use server_tables::ServerFile;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zone::{Shared, ZoneFiles};
use zones::{KnownZones, Zones};

/// Everything that a configuration says, as far as it could be read.
pub struct Loaded {
    /// The server; none if its file, or something that it names, has errors: then nothing should be published.
    pub server: Option<Arc<Server>>,
    /// All zones, in the order of their names. A zone that is no longer among them was removed.
    pub zones: Vec<ZoneLoad>,
    /// The user's networks; none if their file has errors.
    pub networks: Option<Vec<NetworkEntry>>,
    /// The operator's overrides; none if their file has errors.
    pub overrides: Option<Overrides>,
    /// Everything that was found.
    pub report: Report,
    /// Every file and directory that was read or looked for, to be watched.
    pub inputs: Vec<PathBuf>,
    /// What the next reading need not read again.
    pub cache: Cache,
}

/// What is known from the reading before. Cheap to clone.
#[derive(Clone, Default)]
pub struct Cache {
    library: Arc<Library>,
    zones: Arc<KnownZones>,
}

/// Reads the configuration whose server file is at `path`. What `previous` knows of a zone is used if none of its files
/// changed.
pub fn load(path: &Path, previous: Option<&Cache>) -> Loaded {
    let mut loaded = Loaded {
        server: None,
        zones: Vec::new(),
        networks: None,
        overrides: None,
        report: Report::default(),
        inputs: Vec::new(),
        cache: previous.cloned().unwrap_or_default(),
    };
    let Some((file, sound)) = loaded.read_server(path) else { return loaded };
    let ServerFile { mut server, directors } = file;
    let known = previous.filter(|previous| previous.library == server.library);
    if let Some(known) = known {
        // The very same definitions, so that zones new and old share them.
        server.library = known.library.clone();
    }
    let listed = loaded.read_zones(&server, previous, known.is_some());
    loaded.read_networks(&server);
    loaded.warn_unplaced(&server);
    if sound {
        loaded.warn_idle(&server, &directors);
    }
    loaded.read_overrides(&server);
    loaded.server = (sound && listed).then(|| Arc::new(server));
    loaded
}

/// Checks one master file, and the TOML file beside it against the definitions of a server's file, if one is given.
pub fn check_zone_file(path: &Path, server: Option<&Path>) -> Report {
    let mut report = Report::default();
    let mut library = Arc::default();
    if let Some(server) = server
        && let Some(source) = files::read_text(server, &mut report)
    {
        let doc = Document::new(source);
        library = server_tables::read(&doc).map(|file| file.server.library).unwrap_or_default();
        report.extend(doc.finish().0);
    }
    if let Some(origin) = zones::origin_of(path, &mut report) {
        let steering = Some(path.with_extension("toml")).filter(|path| path.exists());
        let files = ZoneFiles { origin, zone: path.to_owned(), steering };
        let shared = Shared { library: &library, unchanged: false };
        report.extend(zone::load(&files, &shared, None).report);
    }
    report
}

impl Loaded {
    /// The server's file, and whether it is free of errors.
    fn read_server(&mut self, path: &Path) -> Option<(ServerFile, bool)> {
        self.inputs.push(path.to_owned());
        let doc = Document::new(files::read_text(path, &mut self.report)?);
        let file = server_tables::read(&doc);
        let sound = self.finish(doc);
        Some((file?, sound))
    }

    /// Whether there is a directory of zones.
    fn read_zones(&mut self, server: &Server, previous: Option<&Cache>, same: bool) -> bool {
        self.inputs.push(server.zones.clone());
        let shared = Shared { library: &server.library, unchanged: same };
        let previous = previous.map(|previous| &*previous.zones);
        let zones = zones::load(&server.zones, &shared, previous, &mut self.report);
        let Some(Zones { loads, known, inputs }) = zones else { return false };
        self.zones = loads;
        self.cache = Cache { library: server.library.clone(), zones: Arc::new(known) };
        self.inputs.extend(inputs);
        true
    }

    fn read_networks(&mut self, server: &Server) {
        self.networks = match self.optional(&server.networks) {
            Ok(Some(doc)) => {
                let networks = networks::read(&doc, &server.library);
                let sound = self.finish(doc);
                networks.filter(|_| sound)
            }
            Ok(None) => Some(Vec::new()),
            Err(()) => None,
        };
    }

    fn read_overrides(&mut self, server: &Server) {
        self.overrides = match self.optional(&server.overrides) {
            Ok(Some(doc)) => {
                let written = overrides::read(&doc, Timestamp::now());
                // A broken zone hides pools that an override may well be meant for.
                let complete = self.zones.iter().all(|zone| zone.spec.is_some());
                if let Some(written) = written.as_ref().filter(|_| complete) {
                    let shared = server.library.pools.values().flatten();
                    let pools = shared.chain(self.names().map(|name| &name.pool));
                    overrides::warn_unmatched(written, &doc, pools);
                }
                let sound = self.finish(doc);
                written.filter(|_| sound).map(|written| written.overrides)
            }
            Ok(None) => Some(Overrides::default()),
            Err(()) => None,
        };
    }

    /// Without any source of locations, rules that need one match nobody.
    fn warn_unplaced(&mut self, server: &Server) {
        let placed = !server.databases.is_empty()
            || self.networks.as_ref().is_none_or(|networks| !networks.is_empty());
        let name = self.names().find(|name| !placed && names::needs_locations(name));
        if let Some(owner) = name.map(|name| name.owner.clone()) {
            let message = format!("no client can be placed, but {owner} is steered by place");
            let help = "name databases under [geoip]; `fingerpost geoip build` makes one";
            self.report.push(Finding::warning(message).help(help));
        }
    }

    /// Directors of the server's file that are in no pool of any file. A broken zone hides pools that may well have
    /// them, and where nothing is steered yet, everything is idle.
    fn warn_idle(&mut self, server: &Server, directors: &[(Arc<Director>, Place)]) {
        let complete = self.zones.iter().all(|zone| zone.spec.is_some());
        if !complete || self.names().next().is_none() {
            return;
        }
        let shared = server.library.pools.values().flatten().map(|pool| &**pool);
        let pools = shared.chain(self.names().flat_map(|name| name.pool.chain()));
        let vips = pools.flat_map(|pool| &pool.endpoints).filter_map(|one| one.vip.as_ref());
        // By name: what is known of a zone was read against an equal director, not always against this very one.
        let of_server = |director: &&Arc<Director>| director.zone.is_none();
        let used: HashSet<String> = vips
            .flat_map(|vip| &vip.directors)
            .filter(of_server)
            .map(|director| director.name.clone())
            .collect();
        for (director, place) in directors.iter().filter(|(one, _)| !used.contains(&one.name)) {
            let message = format!("director {:?} is not used", director.name);
            let help = format!(
                "hand it out by a pool, as {{ director = {:?} }} among its endpoints, or remove it",
                director.name
            );
            let mut finding = Finding::warning(message).help(help);
            finding.place = Some(place.clone());
            self.report.push(finding);
        }
    }

    /// All steered names of sound zones.
    pub fn names(&self) -> impl Iterator<Item = &SteeredName> {
        self.zones.iter().filter_map(|zone| zone.spec.as_ref()).flat_map(|spec| spec.names.iter())
    }

    /// All directors: the server's, if its file is sound, and those of sound zones.
    pub fn directors(&self) -> Vec<Arc<Director>> {
        let shared = self.server.iter().flat_map(|server| server.library.directors.all());
        let zones = self.zones.iter().filter_map(|zone| zone.spec.as_ref());
        shared.chain(zones.flat_map(|spec| spec.directors.iter())).cloned().collect()
    }

    /// A file that need not be there.
    fn optional(&mut self, path: &Path) -> Result<Option<Document>, ()> {
        self.inputs.push(path.to_owned());
        Ok(files::read_optional(path, &mut self.report)?.map(Document::new))
    }

    /// Takes over what a document came to; whether it is free of errors.
    fn finish(&mut self, doc: Document) -> bool {
        let sound = !doc.has_errors();
        let (report, inputs) = doc.finish();
        self.report.extend(report);
        self.inputs.extend(inputs);
        sound
    }
}
