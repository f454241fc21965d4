//! All that is served, compiled, but for what is up: zones with the plans of their steered names, rosters, classes.
//!
//! Names that share a pool share its rosters; names that share a route and the sites of a roster share classes, and so
//! does the next catalog with this one as long as the world stays: a reload compiles what is new in it.

use super::pools::ServedPools;
use super::settings::Settings;
use super::zones::{ServedZone, ZoneIndex};
use crate::geo::World;
use crate::health::Probe;
use crate::steer::classes::{self, Atlas, Classes};
use crate::steer::model::{Pool, Route, Site, SteeredName};
use crate::steer::pool::{Family, Roster};
use crate::zone::Zone;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// A zone to be served.
#[derive(Clone, Debug)]
pub struct ZoneInput {
    /// Its static data; it knows its steered names by their places in `names`.
    pub zone: Arc<Zone>,
    /// What the steered names mean.
    pub names: Arc<[SteeredName]>,
}

/// A steered name, compiled.
#[derive(Debug)]
pub struct NamePlan {
    /// As configured.
    pub name: SteeredName,
    /// By [`Family`]; none where the pool has no address in it.
    pub families: [Option<FamilyPlan>; 2],
}

/// A steered name in one family.
#[derive(Clone, Debug)]
pub struct FamilyPlan {
    /// Which roster of the catalog serves it.
    pub roster: usize,
    /// Which client prefers which sites of the roster.
    pub classes: Arc<Classes>,
    /// Whether what a client gets depends on its very network too.
    pub is_by_network: bool,
}

/// All that is served.
#[derive(Debug)]
pub struct Catalog {
    zones: ZoneIndex,
    rosters: Vec<Roster>,
    pools: ServedPools,
    endpoint_slots: usize,
    /// Which rosters a probe matters to, be it of an endpoint or of a real server behind one.
    rosters_by_probe: HashMap<Arc<Probe>, Vec<usize>>,
    settings: Settings,
    world: Arc<World>,
    /// By digest of route and sites.
    classes: HashMap<u64, Arc<Classes>>,
}

impl Catalog {
    /// Compiles zones for the world of `atlas`. What `previous` has compiled for the same world is taken over.
    pub fn compile(
        zones: &[ZoneInput],
        atlas: &mut Atlas,
        settings: Settings,
        previous: Option<&Catalog>,
    ) -> Self {
        let world = atlas.world().clone();
        let previous = previous.filter(|previous| Arc::ptr_eq(&previous.world, &world));
        let mut compiler = Compiler {
            atlas,
            previous,
            rosters: Vec::new(),
            roster_by_pool: HashMap::new(),
            classes: HashMap::new(),
            digests: HashMap::new(),
        };
        let served = |input: &ZoneInput| ServedZone {
            zone: input.zone.clone(),
            names: input.names.iter().map(|name| compiler.plan(name)).collect(),
        };
        let zones = ZoneIndex::new(zones.iter().map(served).collect());
        let Compiler { mut rosters, classes, .. } = compiler;
        let endpoint_slots = rosters.iter_mut().fold(0, |next, roster| roster.number_slots(next));
        let rosters_by_probe = index_probes(&rosters);
        let pools = ServedPools::new(&rosters, zones.zones());
        Self { zones, rosters, pools, endpoint_slots, rosters_by_probe, settings, world, classes }
    }

    /// No zones, in a world of which nothing is known.
    pub fn empty() -> Self {
        let mut atlas = Atlas::new(Arc::new(World::unknown()));
        Self::compile(&[], &mut atlas, Settings::default(), None)
    }

    /// Whether it is compiled from just these: the very same zones, in the very same world.
    pub fn is_of(&self, zones: &[ZoneInput], world: &Arc<World>, settings: &Settings) -> bool {
        let served = self.zones.zones();
        let same =
            |(served, input): (&ServedZone, &ZoneInput)| Arc::ptr_eq(&served.zone, &input.zone);
        Arc::ptr_eq(&self.world, world)
            && self.settings == *settings
            && served.len() == zones.len()
            && served.iter().zip(zones).all(same)
    }

    /// The zones.
    pub fn zones(&self) -> &ZoneIndex {
        &self.zones
    }

    /// Pools in their families, by the numbers that plans give.
    pub fn rosters(&self) -> &[Roster] {
        &self.rosters
    }

    /// Every pool once, those that only stand behind others too.
    pub fn pools(&self) -> &ServedPools {
        &self.pools
    }

    /// How many numbers endpoints are counted under: one for each tier of a roster that it is in.
    pub fn endpoint_slots(&self) -> usize {
        self.endpoint_slots
    }

    /// The rosters that must be dealt anew when a probe's verdict changes.
    pub fn rosters_of(&self, probe: &Probe) -> &[usize] {
        self.rosters_by_probe.get(probe).map_or(&[], Vec::as_slice)
    }

    /// Every probe that anything served depends on, each once.
    pub fn probes(&self) -> impl Iterator<Item = &Arc<Probe>> {
        self.rosters_by_probe.keys()
    }

    /// Server-wide settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where clients are.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }
}

struct Compiler<'a> {
    atlas: &'a mut Atlas,
    previous: Option<&'a Catalog>,
    rosters: Vec<Roster>,
    /// By address of the pool, which its names share, and family. The rosters keep the pools alive.
    roster_by_pool: HashMap<(*const Pool, Family), Option<usize>>,
    classes: HashMap<u64, Arc<Classes>>,
    /// Digests by address of the route and number of the roster.
    digests: HashMap<(*const Route, usize), u64>,
}

impl Compiler<'_> {
    fn plan(&mut self, name: &SteeredName) -> NamePlan {
        let families = Family::BOTH.map(|family| {
            let roster = self.roster(&name.pool, family)?;
            let is_by_network = self.rosters[roster].is_by_network();
            Some(FamilyPlan { roster, classes: self.classes(&name.route, roster), is_by_network })
        });
        NamePlan { name: name.clone(), families }
    }

    fn roster(&mut self, pool: &Arc<Pool>, family: Family) -> Option<usize> {
        let rosters = &mut self.rosters;
        *self.roster_by_pool.entry((Arc::as_ptr(pool), family)).or_insert_with(|| {
            rosters.push(Roster::new(pool, family)?);
            Some(rosters.len() - 1)
        })
    }

    fn classes(&mut self, route: &Arc<Route>, roster: usize) -> Arc<Classes> {
        let sites = &self.rosters[roster].sites;
        let digest = *self
            .digests
            .entry((Arc::as_ptr(route), roster))
            .or_insert_with(|| digest(route, sites));
        let kept = || self.previous.and_then(|previous| previous.classes.get(&digest)).cloned();
        let compiled = self.classes.entry(digest).or_insert_with(|| {
            kept().unwrap_or_else(|| Arc::new(classes::compile(route, sites, self.atlas)))
        });
        compiled.clone()
    }
}

/// Equal for routes and sites of equal meaning. Their debug form names every field of them, and is read by nobody else.
fn digest(route: &Route, sites: &[Arc<Site>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{route:?} {sites:?}").hash(&mut hasher);
    hasher.finish()
}

fn index_probes(rosters: &[Roster]) -> HashMap<Arc<Probe>, Vec<usize>> {
    let mut index: HashMap<Arc<Probe>, Vec<usize>> = HashMap::new();
    for (number, roster) in rosters.iter().enumerate() {
        for tier in &roster.tiers {
            for endpoint in tier.seats.iter().flatten().map(|&at| &tier.pool.endpoints[at]) {
                let behind = endpoint.vip.iter().flat_map(|vip| vip.probes());
                for probe in roster.family.probe(endpoint).into_iter().chain(behind) {
                    let rosters = index.entry(probe.clone()).or_default();
                    if rosters.last() != Some(&number) {
                        rosters.push(number);
                    }
                }
            }
        }
    }
    index
}
