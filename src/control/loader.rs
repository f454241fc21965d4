//! From files to something to serve: reads everything, compiles everything, and keeps what was good.
//!
//! The rule is all or nothing, part by part. The server's file is one part: with an error in it nothing changes. Each
//! zone is a part: a broken one stays as it was last good, and the others go on. The databases are a part, the
//! networks, and the overrides. What could not be taken is told in the report; what is served is always whole.
//!
//! Loading blocks, for seconds if there is much to read, and so runs on a thread for blocking work.

use super::stamp::Stamp;
use crate::config::{self, Cache, Server};
use crate::geo::{Database, NetworkEntry, Networks, World};
use crate::health::overrides::Overrides;
use crate::report::{Finding, Report, Source};
use crate::snapshot::{Catalog, Settings, Trust, ZoneInput};
use crate::steer::classes::Atlas;
use crate::wire::Name;
use jiff::Timestamp;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Something to serve, and what was found on the way.
pub struct Load {
    /// The server's settings.
    pub server: Arc<Server>,
    /// What to serve.
    pub catalog: Arc<Catalog>,
    /// The operator's pins.
    pub overrides: Overrides,
    /// All that was found, also where the load is sound as a whole.
    pub report: Report,
    /// Whether it is all the same as the load before, so that there is nothing to publish.
    pub unchanged: bool,
    /// Zones whose files have mistakes, and that are served as they were last good.
    pub kept_zones: Vec<Name>,
    /// Zones whose files have mistakes, and that never were good.
    pub unserved_zones: Vec<Name>,
    /// The databases that clients are placed by, in the order asked.
    pub databases: Vec<Arc<Database>>,
}

/// Reads a configuration again and again, and remembers what was good of it.
pub struct Loader {
    path: PathBuf,
    /// Read in place of the databases that the configuration names.
    other_databases: Option<Vec<PathBuf>>,
    cache: Option<Cache>,
    zones: HashMap<Name, ZoneInput>,
    databases: HashMap<PathBuf, (Stamp, Arc<Database>)>,
    networks: Option<Vec<NetworkEntry>>,
    overrides: Option<Overrides>,
    /// The world, and what it was made of.
    atlas: Option<(Vec<Origin>, Vec<NetworkEntry>, Atlas)>,
    catalog: Option<Arc<Catalog>>,
    /// Where overrides stood when the server's file could be read last.
    overrides_file: Option<PathBuf>,
    inputs: Vec<PathBuf>,
}

/// A file that a database was read from, as it was then.
#[derive(Clone, Debug, PartialEq)]
struct Origin {
    path: PathBuf,
    stamp: Stamp,
}

/// Zones to be served, and what became of the others.
#[derive(Default)]
struct Zones {
    zones: Vec<ZoneInput>,
    kept: Vec<Name>,
    unserved: Vec<Name>,
}

impl Loader {
    /// A loader for the server file at `path`.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            other_databases: None,
            cache: None,
            zones: HashMap::new(),
            databases: HashMap::new(),
            networks: None,
            overrides: None,
            atlas: None,
            catalog: None,
            overrides_file: None,
            inputs: vec![path.to_owned()],
        }
    }

    /// With other databases in place of those that the configuration names.
    pub fn with_databases(mut self, paths: Vec<PathBuf>) -> Self {
        self.other_databases = Some(paths);
        self
    }

    /// Reads everything. The error is the report of a load that leaves nothing to serve, or nothing new.
    pub fn load(&mut self) -> Result<Load, Report> {
        let loaded = config::load(&self.path, self.cache.as_ref());
        let mut report = loaded.report;
        self.inputs = loaded.inputs;
        // A server's file that cannot be read does not say where they are.
        self.inputs.extend(self.overrides_file.clone());
        let Some(server) = loaded.server else {
            return Err(report);
        };
        let databases = self.other_databases.clone().unwrap_or_else(|| server.databases.clone());
        self.inputs.extend(databases.iter().cloned());
        if let Some(tls) = &server.tls {
            self.inputs.extend([tls.certificate.clone(), tls.key.clone()]);
        }
        self.cache = Some(loaded.cache);
        let (Some(networks), Some(overrides)) = (
            loaded.networks.or_else(|| self.networks.clone()),
            loaded.overrides.or_else(|| self.overrides.clone()),
        ) else {
            return Err(report);
        };
        let Some((databases, origins)) = self.open_databases(&databases, &mut report) else {
            return Err(report);
        };
        self.networks = Some(networks.clone());
        self.overrides_file = Some(server.overrides.clone());
        let same_overrides = self.overrides.replace(overrides.clone()).as_ref() == Some(&overrides);
        let Zones { zones, kept, unserved } = self.take_zones(loaded.zones);
        self.refresh_world(&databases, origins, networks);
        let Some((_, _, atlas)) = &mut self.atlas else {
            return Err(report);
        };
        let settings = settings(&server);
        let same_catalog =
            self.catalog.clone().filter(|catalog| catalog.is_of(&zones, atlas.world(), &settings));
        let unchanged = same_overrides && same_catalog.is_some();
        let catalog = same_catalog.unwrap_or_else(|| {
            Arc::new(Catalog::compile(&zones, atlas, settings, self.catalog.as_deref()))
        });
        self.catalog = Some(catalog.clone());
        Ok(Load {
            server,
            catalog,
            overrides,
            report,
            unchanged,
            kept_zones: kept,
            unserved_zones: unserved,
            databases,
        })
    }

    /// The overrides alone, for when nothing else can be taken: an emergency must not wait until a file is mended that
    /// has nothing to do with it. None if they are as they were, or have mistakes themselves.
    pub fn changed_overrides(&mut self) -> Option<Overrides> {
        let path = self.overrides_file.as_ref()?;
        let overrides = match std::fs::read_to_string(path) {
            Ok(text) => config::parse_overrides(&Source::new(path, text), Timestamp::now()).ok()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Overrides::default(),
            Err(_) => return None,
        };
        let is_new = self.overrides.as_ref() != Some(&overrides);
        is_new.then(|| self.overrides.insert(overrides).clone())
    }

    /// Every file and directory that the last load has read or looked for.
    pub fn inputs(&self) -> &[PathBuf] {
        &self.inputs
    }

    /// The zones as loaded, the broken ones as they were last good.
    fn take_zones(&mut self, loads: Vec<config::ZoneLoad>) -> Zones {
        let mut zones = HashMap::with_capacity(loads.len());
        let mut taken = Zones::default();
        for load in loads {
            let fresh = load
                .spec
                .map(|spec| ZoneInput { zone: spec.zone.clone(), names: spec.names.clone() });
            let is_fresh = fresh.is_some();
            match fresh.or_else(|| self.zones.remove(&load.origin)) {
                Some(zone) => {
                    if !is_fresh {
                        taken.kept.push(load.origin.clone());
                    }
                    taken.zones.push(zone.clone());
                    zones.insert(load.origin, zone);
                }
                None => {
                    tracing::warn!(zone = %load.origin, "not served until its mistakes are mended");
                    taken.unserved.push(load.origin);
                }
            }
        }
        self.zones = zones;
        taken
    }

    /// The databases, read again where their files have changed; one that cannot be read is kept as it was. None if
    /// there is one that never could be.
    fn open_databases(
        &mut self,
        paths: &[PathBuf],
        report: &mut Report,
    ) -> Option<(Vec<Arc<Database>>, Vec<Origin>)> {
        let mut opened = HashMap::new();
        let mut databases = Vec::new();
        let mut origins = Vec::new();
        for path in paths {
            let kept = self.databases.get(path);
            let fresh = match (Stamp::of(path), kept) {
                (Ok(stamp), Some((known, database))) if stamp == *known => {
                    Ok((stamp, database.clone()))
                }
                (Ok(stamp), _) => Database::read(path).map(|database| (stamp, Arc::new(database))),
                (Err(error), _) => {
                    Err(Finding::error(format!("cannot read {}: {error}", path.display())))
                }
            };
            let entry = match fresh {
                Ok(entry) => Some(entry),
                Err(finding) => {
                    report.push(finding);
                    kept.cloned()
                }
            };
            let (stamp, database) = entry?;
            databases.push(database.clone());
            origins.push(Origin { path: path.clone(), stamp });
            opened.insert(path.clone(), (stamp, database));
        }
        self.databases = opened;
        Some((databases, origins))
    }

    fn refresh_world(
        &mut self,
        databases: &[Arc<Database>],
        origins: Vec<Origin>,
        networks: Vec<NetworkEntry>,
    ) {
        if let Some((known_origins, known_networks, _)) = &self.atlas
            && *known_origins == origins
            && *known_networks == networks
        {
            return;
        }
        let world = World::new(databases.iter().map(Arc::as_ref), &Networks::new(networks.clone()));
        self.atlas = Some((origins, networks, Atlas::new(Arc::new(world))));
    }
}

/// What a query reads of the server's settings.
fn settings(server: &Server) -> Settings {
    Settings {
        udp_payload_bytes_max: server.udp_payload_bytes_max,
        nsid: server.nsid.as_ref().map(|nsid| nsid.clone().into_bytes()),
        version: server.chaos.version.clone(),
        hostname: server.chaos.hostname.clone(),
        id: server.chaos.id.clone(),
        ecs_trust: Trust::new(server.ecs_trust.clone()),
        keepalive_100ms: in_100ms(server.tcp.idle_timeout),
    }
}

fn in_100ms(duration: Duration) -> u16 {
    u16::try_from(duration.as_millis() / 100).unwrap_or(u16::MAX)
}
