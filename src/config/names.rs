//! `[names.NAME]`: the owner names of a zone that are steered.

use super::document::Document;
use super::reader::{Table, Value};
use super::scope::Scope;
use super::{defaults, pools, routes, value};
use crate::geo::GeoCode;
use crate::report::Place;
use crate::steer::model::{Pool, Route, Rule, Site, SteeredName};
use crate::wire::Name;
use crate::zone::record::TTL_S_MAX;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// What names refer to.
pub struct Terms<'s, 'a> {
    /// The zone.
    pub origin: &'s Name,
    /// Sites.
    pub sites: &'s Scope<'a, Arc<Site>>,
    /// Pools.
    pub pools: &'s Scope<'a, Arc<Pool>>,
    /// Shared routes.
    pub routes: &'s Scope<'a, Arc<Route>>,
}

/// The names that a file steers.
#[derive(Default)]
pub struct Names {
    /// Those without mistakes.
    pub steered: Vec<SteeredName>,
    /// All owners that could be read, with the places of their keys.
    pub owners: Vec<(Name, Place)>,
}

/// Reads all steered names of a zone.
pub fn read(table: Table<'_>, terms: &Terms<'_, '_>) -> Names {
    let nearest = Arc::new(Route { rules: vec![Rule::Nearest], strict: false });
    let mut reader = Reader {
        terms,
        nearest,
        strict: HashMap::new(),
        placeless: HashSet::new(),
        seen: HashMap::new(),
        names: Names::default(),
    };
    for entry in table.into_entries() {
        let owner = reader.owner(&entry);
        let steered = reader.name(&entry, owner);
        reader.names.steered.extend(steered);
    }
    reader.names
}

/// Whether a name's answers depend on where clients are.
pub fn needs_locations(name: &SteeredName) -> bool {
    name.route.rules.iter().any(|rule| match rule {
        Rule::Subnets { .. } => false,
        Rule::Geo { codes, .. } => codes.iter().any(|code| *code != GeoCode::Any),
        Rule::Nearest => pools::sites(&name.pool).len() > 1,
    })
}

struct Reader<'s, 'a> {
    terms: &'s Terms<'s, 'a>,
    /// The route of names that give none.
    nearest: Arc<Route>,
    /// Routes and their strict twins, by address, so that names that share a route share its twin too. The route is
    /// held here so that its address stays its own.
    strict: HashMap<*const Route, (Arc<Route>, Arc<Route>)>,
    /// Sites without coordinates that were reported, by address.
    placeless: HashSet<*const Site>,
    /// Where each owner stands.
    seen: HashMap<Name, Range<usize>>,
    names: Names,
}

impl Reader<'_, '_> {
    fn owner(&mut self, entry: &Value<'_>) -> Option<Name> {
        let (doc, origin) = (entry.document(), self.terms.origin);
        let owner = match Name::parse(entry.key, Some(origin)) {
            Ok(owner) => owner,
            Err(error) => {
                let help =
                    "write a name within the zone, \"@\" for its apex or \"*\" for a wildcard";
                entry.key_error(format!("{:?} is no name: {error}", entry.key), help);
                return None;
            }
        };
        if !owner.is_at_or_below(origin) {
            let message = format!("{owner} does not lie in the zone {origin}");
            entry.key_error(message, "leave the final dot out, or steer it in its own zone");
            return None;
        }
        let span = entry.key_span.clone();
        if let Some(first) = self.seen.insert(owner.clone(), span) {
            let message = format!("{owner} is steered twice; first in line {}", doc.line(&first));
            entry.key_error(message, "remove one; letter case makes no other name");
            return None;
        }
        self.names.owners.push((owner.clone(), doc.place(entry.key_span.clone())));
        Some(owner)
    }

    fn name(&mut self, entry: &Value<'_>, owner: Option<Name>) -> Option<SteeredName> {
        let mut table = entry.table("a steered name")?;
        let pool_value = table.required("pool", "add pool = and the name of a pool");
        let pool = pool_value.as_ref().and_then(|value| self.terms.pools.find(value));
        let ttl = table.take("ttl").map(|value| ttl(&value));
        let given = table.take("route");
        let strict = table.take("strict").map(|value| value.boolean());
        table.retain_unknown(|unknown| {
            let nested = unknown.is_table();
            if nested {
                let message = format!("{:?} is no key of a steered name", unknown.key);
                let help = format!(
                    "a name with dots stands in quotes: [names.\"{}.{}\"]",
                    entry.key, unknown.key
                );
                unknown.key_error(message, help);
            }
            !nested
        });
        table.finish();
        let route = match &given {
            None => Some(self.nearest.clone()),
            Some(shared) if shared.is_string() => self.terms.routes.find(shared),
            Some(list) => routes::rules(list, self.terms.sites).map(|written| {
                warn_absent(entry.document(), &written.named, pool.as_deref());
                written.route
            }),
        };
        let place = given.or(pool_value)?;
        let (pool, route) = (pool?, route?);
        if route.rules.contains(&Rule::Nearest) {
            self.require_coordinates(&place, &pool);
        }
        let route = if strict.unwrap_or(Some(false))? { self.strict(&route) } else { route };
        Some(SteeredName {
            owner: owner?,
            pool,
            ttl_s: ttl.unwrap_or(Some(defaults::NAME_TTL_S))?,
            route,
        })
    }

    fn strict(&mut self, route: &Arc<Route>) -> Arc<Route> {
        let twin = || (route.clone(), Arc::new(Route { strict: true, ..Route::clone(route) }));
        self.strict.entry(Arc::as_ptr(route)).or_insert_with(twin).1.clone()
    }

    /// `nearest` among several sites measures distances to all of them.
    fn require_coordinates(&mut self, place: &Value<'_>, pool: &Pool) {
        let sites = pools::sites(pool);
        let placeless = sites.iter().filter(|site| site.coordinates.is_none() && sites.len() > 1);
        for site in placeless {
            if self.placeless.insert(Arc::as_ptr(site)) {
                let message =
                    format!("\"nearest\" cannot measure: site {:?} has no coordinates", site.name);
                let help = "give the site coordinates = [LATITUDE, LONGITUDE] or a location";
                place.error(message, help);
            }
        }
    }
}

/// Warns of sites in a name's own route at which its pool has nothing.
fn warn_absent(doc: &Document, named: &[(Arc<Site>, Range<usize>)], pool: Option<&Pool>) {
    let Some(pool) = pool else { return };
    let sites = pools::sites(pool);
    for (site, span) in named {
        if !sites.iter().any(|present| Arc::ptr_eq(present, site)) {
            let message = format!("pool {:?} has no endpoint at site {:?}", pool.name, site.name);
            doc.warning(
                span.clone(),
                message,
                "add an endpoint there, or take the site out of the rule",
            );
        }
    }
}

/// A TTL: seconds as in zone files, or a duration.
fn ttl(value: &Value<'_>) -> Option<u32> {
    let seconds = if value.is_string() {
        let longest = Duration::from_secs(TTL_S_MAX.into());
        let duration = value::duration(value, Duration::ZERO..=longest)?;
        if duration.subsec_millis() != 0 {
            value.error("a TTL is a whole number of seconds", "round it to seconds");
            return None;
        }
        duration.as_secs() as u32
    } else {
        value.integer(0..=TTL_S_MAX.into())? as u32
    };
    if seconds == 0 {
        value.warning(
            "TTL 0: no resolver keeps the answer, so every lookup comes here",
            "use some seconds",
        );
    }
    if seconds > defaults::NAME_TTL_S_SENSIBLE_MAX {
        let message =
            "resolvers keep this answer for more than a day, whatever happens to the endpoints";
        value.warning(message, "use a TTL of seconds or minutes for a steered name");
    }
    Some(seconds)
}
