//! What a person means by the name of a site, a pool or an endpoint.
//!
//! ```text
//! fra    site:fra    web/fra-1    */fra-1    pool:web@example.com    ─ parse ─► Wanted ─ find ─► OverrideTarget
//! ```
//!
//! What is found is as narrow as what there is: `fra-1`, where there is only one, becomes that endpoint in its pool in
//! its zone, so that an endpoint of the same name that comes later is not taken along. Whoever wants all of a name
//! says so with `*`; only the VIP of a director is one thing however many pools it stands in, and its director's name
//! means it under whatever names it bears there. A name that could mean several things is refused with the choices.
//! Where something is only supposed (`explain`, `simulate`), the same names mean all that they could ([`Wanted::aim`]).

mod directors;
#[cfg(test)]
mod tests;

use crate::health::overrides::{Override, OverrideTarget};
use crate::report::{Finding, listed, nearest};
use crate::snapshot::Catalog;
use crate::steer::director::Vip;
use crate::steer::model::{Endpoint, Pool};
use crate::wire::Name;
use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use directors::Handed;

/// What a name is called whose kind was not said.
const ANYTHING: &str = "site, pool, endpoint or director";
/// The same where only what has a weight can be meant.
const WEIGHS: &str = "endpoint or director";
/// More names or choices than this are not listed.
pub(super) const LISTED_MAX: usize = 16;

/// A part of a name that may be left open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Part<T> {
    /// Not said: whatever there is, as long as it is one.
    #[default]
    Open,
    /// `*`: all that there are.
    Any,
    /// Just this.
    Only(T),
}

/// What an override can be on, the closer to an endpoint the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Every endpoint at a site.
    Site,
    /// Every endpoint of a pool.
    Pool,
    /// An endpoint.
    Endpoint,
    /// The endpoints that stand for a director's VIP.
    Director,
}

/// A name as a person gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What it is the name of, if that was said.
    pub kind: Option<Kind>,
    /// The zone whose file defines it.
    pub zone: Part<Name>,
    /// The pool that an endpoint is in.
    pub pool: Part<String>,
    /// The name itself.
    pub name: String,
}

/// Why it is not known what is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// What is wrong, in one line.
    pub message: String,
    /// The cure.
    pub help: String,
    /// If several things could be meant: each as it would have to be written.
    pub choices: Vec<String>,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.message, self.help)
    }
}

impl std::error::Error for Lost {}

impl From<Lost> for Finding {
    fn from(lost: Lost) -> Self {
        Self::error(lost.message).help(lost.help)
    }
}

impl Kind {
    const ALL: [Self; 4] = [Self::Site, Self::Pool, Self::Endpoint, Self::Director];

    fn of(target: &OverrideTarget) -> Self {
        match target {
            OverrideTarget::Site { .. } => Self::Site,
            OverrideTarget::Pool { .. } => Self::Pool,
            OverrideTarget::Endpoint { .. } => Self::Endpoint,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Site => "site",
            Self::Pool => "pool",
            Self::Endpoint => "endpoint",
            Self::Director => "director",
        })
    }
}

/// `[KIND:][POOL/]NAME[@ZONE]`, where POOL and ZONE may be `*`.
impl FromStr for Wanted {
    type Err = Lost;

    fn from_str(text: &str) -> Result<Self, Lost> {
        let (kind, rest) = match text.split_once(':') {
            None => (None, text),
            Some((word, rest)) => {
                let kind = Kind::ALL.into_iter().find(|kind| kind.to_string() == word);
                let unknown = || {
                    Lost {
                    message: format!("{word:?} is no kind of thing that has endpoints"),
                    help: "write site:, pool:, endpoint: or director: before the name, or only the name"
                        .into(),
                    choices: Vec::new(),
                }
                };
                (Some(kind.ok_or_else(unknown)?), rest)
            }
        };
        let (rest, zone) = match rest.split_once('@') {
            None => (rest, Part::Open),
            Some((rest, zone)) => (rest, zone_part(zone)?),
        };
        let (pool, name) = match rest.split_once('/') {
            None => (Part::Open, rest),
            Some(("*", name)) => (Part::Any, name),
            Some((pool, name)) => (Part::Only(pool.to_owned()), name),
        };
        let kind = kind.or((pool != Part::Open).then_some(Kind::Endpoint));
        if name.is_empty() || kind != Some(Kind::Endpoint) && pool != Part::Open {
            return Err(Lost {
                message: format!("{text:?} names no site, pool, endpoint or director"),
                help: "write SITE, POOL, ENDPOINT, POOL/ENDPOINT or DIRECTOR, and @ZONE after it if need be"
                    .into(),
                choices: Vec::new(),
            });
        }
        Ok(Self { kind, zone, pool, name: name.to_owned() })
    }
}

/// A zone by name, or `*` for all of them.
pub fn zone_part(text: &str) -> Result<Part<Name>, Lost> {
    match text {
        "*" => Ok(Part::Any),
        _ => match Name::parse(text, None) {
            Ok(zone) => Ok(Part::Only(zone)),
            Err(error) => Err(Lost {
                message: format!("{text:?} is no zone: {error}"),
                help: "write its name, as in \"example.com\"".into(),
                choices: Vec::new(),
            }),
        },
    }
}

/// As a person gave it, or could have.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.pool, self.kind) {
            (Part::Any, _) => f.write_str("*/")?,
            (Part::Only(pool), _) => write!(f, "{pool}/")?,
            (Part::Open, Some(kind)) => write!(f, "{kind}:")?,
            (Part::Open, None) => {}
        }
        f.write_str(&self.name)?;
        match &self.zone {
            Part::Any => f.write_str("@*"),
            Part::Only(zone) => write!(f, "@{}", undotted(zone)),
            Part::Open => Ok(()),
        }
    }
}

fn undotted(zone: &Name) -> String {
    let text = zone.to_string();
    if zone.is_root() { text } else { text.trim_end_matches('.').to_owned() }
}

/// A target as it would have to be written to mean just that.
pub fn written(target: &OverrideTarget) -> String {
    let any = |zone: &Option<Name>| zone.clone().map_or(Part::Open, Part::Only);
    let (pool, zone, name) = match target {
        OverrideTarget::Site { zone, name } | OverrideTarget::Pool { zone, name } => {
            (Part::Open, zone, name)
        }
        OverrideTarget::Endpoint { zone, pool, name } => {
            (pool.clone().map_or(Part::Any, Part::Only), zone, name)
        }
    };
    let kind = Some(Kind::of(target));
    Wanted { kind, zone: any(zone), pool, name: name.clone() }.to_string()
}

/// Finds what is meant among what is served: one target, or one for each name of a director's VIP.
pub fn find(catalog: &Catalog, wanted: &Wanted) -> Result<Vec<OverrideTarget>, Lost> {
    find_among(catalog, wanted, known(catalog), ANYTHING)
}

/// The same among endpoints and directors only, which have weights.
pub fn find_weighing(catalog: &Catalog, wanted: &Wanted) -> Result<Vec<OverrideTarget>, Lost> {
    find_among(catalog, wanted, known_weights(catalog), WEIGHS)
}

fn find_among(
    catalog: &Catalog,
    wanted: &Wanted,
    known: Vec<OverrideTarget>,
    noun: &str,
) -> Result<Vec<OverrideTarget>, Lost> {
    let directors = directors_named(catalog, wanted);
    let mut found = Vec::new();
    for target in known.iter().filter(|target| wanted.takes_in(target)) {
        // What stands for a director of that name is a part of it.
        let is_part = directors.iter().any(|director| director.stands_at(target));
        let target = wanted.widened(target);
        if !is_part && !found.contains(&target) {
            found.push(target);
        }
    }
    // One in each of several zones is all of them where all pools are meant.
    let zones: HashSet<_> = found.iter().map(|target| zone_of(target).cloned()).collect();
    if wanted.pool == Part::Any && wanted.zone == Part::Open && zones.len() > 1 {
        found = vec![Wanted { zone: Part::Any, ..wanted.clone() }.widened(&found[0])];
    }
    if wanted.pool == Part::Open && found.len() > 1 && is_one_vip(catalog, &found) {
        let zone = if zones.len() > 1 { Part::Any } else { wanted.zone.clone() };
        found = vec![Wanted { pool: Part::Any, zone, ..wanted.clone() }.widened(&found[0])];
    }
    match (&found[..], &directors[..]) {
        ([], []) => Err(unknown(catalog, wanted, &known, noun)),
        ([], [director]) => targets_of(director, catalog),
        ([_], []) => Ok(found),
        _ => {
            // Without a zone, the server's own would mean all of that name.
            let is_own = |target: &&OverrideTarget| zone_of(target).is_none();
            let (own, zones): (Vec<_>, Vec<_>) = found.iter().partition(is_own);
            let can_be_said =
                |own: &&OverrideTarget| !zones.iter().any(|target| unzoned(target) == unzoned(own));
            let choices = own.into_iter().filter(can_be_said).chain(zones.iter().copied());
            let things = found.len() + directors.len();
            let directors = directors.iter().map(Handed::written);
            let choices: Vec<_> = directors.chain(choices.map(written)).collect();
            Err(ambiguous(wanted, things, &found, choices))
        }
    }
}

/// What a director is to be pinned by; refused where that would take in others too, as a pool of the server's has its
/// name in common with one of a zone.
fn targets_of(director: &Handed<'_>, catalog: &Catalog) -> Result<Vec<OverrideTarget>, Lost> {
    let targets = director.targets(catalog);
    match targets.iter().find(|target| !director.holds_only(catalog, target)) {
        None => Ok(targets),
        Some(target) => Err(Lost {
            message: format!("{target} is also what does not stand for {:?}", director.name()),
            help: "give the pools or the endpoints names that differ".into(),
            choices: Vec::new(),
        }),
    }
}

/// The directors that a name means, where it can mean one. Called a director and of no zone it is the server's own, if
/// there is one.
fn directors_named<'a>(catalog: &'a Catalog, wanted: &Wanted) -> Vec<Handed<'a>> {
    let can_be = wanted.pool == Part::Open && matches!(wanted.kind, None | Some(Kind::Director));
    let all = if can_be { directors::all(catalog) } else { Vec::new() };
    let mut named: Vec<_> =
        all.into_iter().filter_map(|director| director.wanted(wanted)).collect();
    let is_plain = wanted.kind == Some(Kind::Director) && wanted.zone == Part::Open;
    if is_plain && named.iter().any(Handed::is_servers) {
        named.retain(Handed::is_servers);
    }
    named
}

/// Finds what is meant among what overrides are on, as the name of a director that is served or else by the names that
/// they bear: the targets of those to be removed.
pub fn find_set(
    catalog: &Catalog,
    list: &[Override],
    wanted: &Wanted,
) -> Result<Vec<OverrideTarget>, Lost> {
    if let [director] = &directors_named(catalog, wanted)[..] {
        let of_director = director.pinned(catalog, list);
        let mut by_name = list.iter().map(|pinned| &pinned.target);
        let is_other =
            |target: &OverrideTarget| wanted.takes_in(target) && !of_director.contains(target);
        if !of_director.is_empty() && !by_name.any(is_other) {
            return Ok(of_director);
        }
    }
    find_pinned(list, wanted)
}

/// Finds what is meant among what overrides are on: the targets of those to be removed.
pub fn find_pinned(list: &[Override], wanted: &Wanted) -> Result<Vec<OverrideTarget>, Lost> {
    let mut found: Vec<OverrideTarget> = Vec::new();
    for target in list.iter().map(|pinned| &pinned.target) {
        if wanted.takes_in(target) && !found.contains(target) {
            found.push(target.clone());
        }
    }
    // What was set by these very words comes before all that they could take in.
    let just = wanted.to_string();
    if let Some(only) = found.iter().position(|target| written(target) == just) {
        return Ok(vec![found.swap_remove(only)]);
    }
    // The same where the words left the zone open, and [`find`] put in the only one that there was.
    let is_of_all_pools =
        |target: &OverrideTarget| matches!(target, OverrideTarget::Endpoint { pool: None, .. });
    if wanted.pool == Part::Any && wanted.zone == Part::Open && found.iter().any(is_of_all_pools) {
        found.retain(is_of_all_pools);
    }
    let kinds: HashSet<Kind> = found.iter().map(Kind::of).collect();
    let all_meant = wanted.zone == Part::Any || wanted.pool == Part::Any;
    if found.len() > 1 && !(all_meant && kinds.len() == 1) {
        return Err(ambiguous(wanted, found.len(), &found, found.iter().map(written).collect()));
    }
    if found.is_empty() {
        return Err(not_pinned(wanted, list));
    }
    Ok(found)
}

/// What to say of a name that nothing served has; none if something has it.
pub fn check(catalog: &Catalog, wanted: &Wanted) -> Option<Lost> {
    check_among(catalog, wanted, known(catalog), ANYTHING)
}

/// The same of a name that can only be of an endpoint or a director.
pub fn check_weighing(catalog: &Catalog, wanted: &Wanted) -> Option<Lost> {
    check_among(catalog, wanted, known_weights(catalog), WEIGHS)
}

fn check_among(
    catalog: &Catalog,
    wanted: &Wanted,
    known: Vec<OverrideTarget>,
    noun: &str,
) -> Option<Lost> {
    let is_known = known.iter().any(|target| wanted.takes_in(target))
        || !directors_named(catalog, wanted).is_empty();
    (!is_known).then(|| unknown(catalog, wanted, &known, noun))
}

impl Wanted {
    /// As what this names an endpoint, as the closest if as several things; none if it does not. What is left open
    /// takes in all that there are, and a director's name is one of its endpoint's.
    pub fn aim(&self, pool: &Pool, endpoint: &Endpoint) -> Option<Kind> {
        let subject = pool.subject(endpoint);
        match () {
            () if self.names(
                Kind::Endpoint,
                subject.pool_zone,
                Some(subject.pool),
                subject.endpoint,
            ) =>
            {
                Some(Kind::Endpoint)
            }
            () if self.pool == Part::Open && self.names_director(pool, endpoint) => {
                Some(Kind::Endpoint)
            }
            () if self.names(Kind::Pool, subject.pool_zone, None, subject.pool) => Some(Kind::Pool),
            () if self.names(Kind::Site, subject.site_zone, None, subject.site) => Some(Kind::Site),
            () => None,
        }
    }

    /// Whether this is the name of a director that an endpoint stands for, in its own zone or that of the pool.
    fn names_director(&self, pool: &Pool, endpoint: &Endpoint) -> bool {
        let mut directors = endpoint.vip.iter().flat_map(|vip| &vip.directors);
        directors.any(|director| {
            [&director.zone, &pool.zone]
                .iter()
                .any(|zone| self.names(Kind::Director, zone.as_ref(), None, &director.name))
        })
    }

    fn takes_in(&self, target: &OverrideTarget) -> bool {
        let (kind, pool, name) = unzoned(target);
        self.names(kind, zone_of(target), pool, name)
    }

    fn names(&self, kind: Kind, zone: Option<&Name>, pool: Option<&str>, name: &str) -> bool {
        let in_pool = match &self.pool {
            Part::Only(wanted) => pool == Some(wanted),
            Part::Any | Part::Open => true,
        };
        let in_zone = match &self.zone {
            Part::Only(wanted) => zone == Some(wanted),
            Part::Any | Part::Open => true,
        };
        name == self.name && self.kind.is_none_or(|wanted| wanted == kind) && in_pool && in_zone
    }

    /// A target without what is to be any.
    fn widened(&self, target: &OverrideTarget) -> OverrideTarget {
        let mut target = target.clone();
        let (OverrideTarget::Site { zone, .. }
        | OverrideTarget::Pool { zone, .. }
        | OverrideTarget::Endpoint { zone, .. }) = &mut target;
        if self.zone == Part::Any {
            *zone = None;
        }
        if let (OverrideTarget::Endpoint { pool, .. }, Part::Any) = (&mut target, &self.pool) {
            *pool = None;
        }
        target
    }
}

fn zone_of(target: &OverrideTarget) -> Option<&Name> {
    let (OverrideTarget::Site { zone, .. }
    | OverrideTarget::Pool { zone, .. }
    | OverrideTarget::Endpoint { zone, .. }) = target;
    zone.as_ref()
}

/// The kind, the pool if it has one, and the name.
fn unzoned(target: &OverrideTarget) -> (Kind, Option<&str>, &str) {
    let pool = match target {
        OverrideTarget::Endpoint { pool, .. } => pool.as_deref(),
        OverrideTarget::Site { .. } | OverrideTarget::Pool { .. } => None,
    };
    (Kind::of(target), pool, name_of(target))
}

fn name_of(target: &OverrideTarget) -> &str {
    let (OverrideTarget::Site { name, .. }
    | OverrideTarget::Pool { name, .. }
    | OverrideTarget::Endpoint { name, .. }) = target;
    name
}

/// Everything that is served, each with the zone that defines it and each endpoint with its pool.
fn known(catalog: &Catalog) -> Vec<OverrideTarget> {
    let mut known = Vec::new();
    let mut seen = HashSet::new();
    let mut add = |target: OverrideTarget| {
        if seen.insert(target.clone()) {
            known.push(target);
        }
    };
    for pool in catalog.pools().all().iter().map(|served| &served.pool) {
        add(OverrideTarget::Pool { zone: pool.zone.clone(), name: pool.name.clone() });
        for endpoint in &pool.endpoints {
            let site = &endpoint.site;
            add(OverrideTarget::Site { zone: site.zone.clone(), name: site.name.clone() });
            add(OverrideTarget::Endpoint {
                zone: pool.zone.clone(),
                pool: Some(pool.name.clone()),
                name: endpoint.name.clone(),
            });
        }
    }
    known
}

/// The same, of what has a weight.
fn known_weights(catalog: &Catalog) -> Vec<OverrideTarget> {
    let endpoints = known(catalog).into_iter().filter(|it| Kind::of(it) == Kind::Endpoint);
    endpoints.collect()
}

/// Whether these are endpoints of several pools that stand for the same VIP: then its name means it in all of them.
fn is_one_vip(catalog: &Catalog, found: &[OverrideTarget]) -> bool {
    let pools = || catalog.pools().all().iter().map(|served| &served.pool);
    let vips: Option<Vec<&Vip>> = found
        .iter()
        .map(|target| {
            let OverrideTarget::Endpoint { zone, pool: Some(in_pool), name } = target else {
                return None;
            };
            let pool = pools().find(|pool| pool.zone == *zone && pool.name == *in_pool)?;
            pool.endpoints.iter().find(|endpoint| endpoint.name == *name)?.vip.as_deref()
        })
        .collect();
    vips.is_some_and(|vips| vips.windows(2).all(|two| two[0] == two[1]))
}

/// `noun`: what it is called where its kind was not said.
fn unknown(catalog: &Catalog, wanted: &Wanted, known: &[OverrideTarget], noun: &str) -> Lost {
    let name = &wanted.name;
    // The same name where it was not looked for is nearer than any other name.
    let open = Wanted { kind: None, zone: Part::Open, pool: Part::Open, name: name.clone() };
    let everything = self::known(catalog);
    let elsewhere: Vec<String> =
        everything.iter().filter(|target| open.takes_in(target)).map(written).collect();
    let in_pool = match &wanted.pool {
        Part::Only(pool) => format!(" in pool {pool:?}"),
        Part::Any | Part::Open => String::new(),
    };
    let in_zone = match &wanted.zone {
        Part::Only(zone) => format!(" of zone {zone}"),
        Part::Any | Part::Open => String::new(),
    };
    let noun = wanted.kind.map_or_else(|| noun.to_owned(), |kind| kind.to_string());
    let message = format!("unknown {noun} {name:?}{in_pool}{in_zone}");
    let of_kind =
        |target: &&OverrideTarget| wanted.kind.is_none_or(|kind| kind == Kind::of(target));
    let directors = directors::all(catalog);
    let can_be = matches!(wanted.kind, None | Some(Kind::Director)) && wanted.pool == Part::Open;
    let of_directors = directors.iter().filter(|_| can_be).map(Handed::name);
    let mut names: Vec<&str> =
        known.iter().filter(of_kind).map(name_of).chain(of_directors).collect();
    names.sort_unstable();
    names.dedup();
    let help = match nearest(name, names.iter().copied()) {
        _ if !elsewhere.is_empty() => format!("did you mean {}?", listed(&elsewhere, LISTED_MAX)),
        Some(near) => format!("did you mean {near:?}?"),
        None if names.is_empty() => "nothing is steered by what is served".to_owned(),
        None => format!("known here: {}", listed(&names, LISTED_MAX)),
    };
    Lost { message, help, choices: Vec::new() }
}

/// `choices` may lack what cannot be said by itself.
fn ambiguous(
    wanted: &Wanted,
    things: usize,
    found: &[OverrideTarget],
    mut choices: Vec<String>,
) -> Lost {
    for kind in Kind::ALL {
        let of_kind: Vec<_> = found.iter().filter(|target| Kind::of(target) == kind).collect();
        if of_kind.len() > 1 {
            let pool = if kind == Kind::Endpoint { Part::Any } else { Part::Open };
            let zones: HashSet<_> = of_kind.iter().map(|target| zone_of(target)).collect();
            let zone = if zones.len() > 1 { Part::Any } else { wanted.zone.clone() };
            let all = Wanted { kind: Some(kind), zone, pool, name: wanted.name.clone() };
            choices.push(all.to_string());
        }
    }
    let help = format!("say which one: {}", listed(&choices, LISTED_MAX));
    Lost { message: format!("{:?} could mean {things} things", wanted.to_string()), help, choices }
}

fn not_pinned(wanted: &Wanted, list: &[Override]) -> Lost {
    let mut pinned: Vec<String> = list.iter().map(|pinned| written(&pinned.target)).collect();
    pinned.dedup();
    let names = list.iter().map(|pinned| name_of(&pinned.target));
    let help = match nearest(&wanted.name, names) {
        _ if list.is_empty() => "there are no overrides".to_owned(),
        Some(near) if near != wanted.name => format!("did you mean {near:?}?"),
        _ => format!("there are overrides on {}", listed(&pinned, LISTED_MAX)),
    };
    Lost {
        message: format!("there is no override on {:?}", wanted.to_string()),
        help,
        choices: Vec::new(),
    }
}
