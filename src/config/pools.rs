//! `[pools.NAME]`: endpoints and how they are handed out.
//!
//! Pools are read one by one, without their fallbacks, and then linked; a chain of fallbacks that does not end is found
//! there.

use super::demands::{self, Demands};
use super::endpoints::{self, PoolCheck, Terms};
use super::reader::{Table, Value};
use super::scope::{Named, Scope};
use super::{defaults, value, vouching};
use crate::steer::model::{Method, OnAllDown, Pool, Site};
use std::collections::BTreeMap;
use std::sync::Arc;

const METHODS: [(&str, Method); 8] = [
    ("weighted", Method::Weighted),
    ("round-robin", Method::RoundRobin),
    ("random", Method::Random),
    ("hash", Method::Hash),
    ("least-connections", Method::LeastConnections),
    ("weighted-least-connections", Method::WeightedLeastConnections),
    ("least-response-time", Method::LeastResponseTime),
    ("power-of-two", Method::PowerOfTwo),
];
const ON_ALL_DOWN: [(&str, OnAllDown); 5] = [
    ("all", OnAllDown::All),
    ("fallback", OnAllDown::Fallback),
    ("last-good", OnAllDown::LastGood),
    ("nodata", OnAllDown::Nodata),
    ("servfail", OnAllDown::Servfail),
];

/// Reads all pools of a file.
pub fn read<'a>(
    table: Table<'_>,
    terms: &Terms<'_, '_>,
    shared: Option<&'a Named<Arc<Pool>>>,
) -> Scope<'a, Arc<Pool>> {
    let entries = table.into_entries();
    let drafts = entries.iter().map(|entry| (entry.key, draft(entry, terms))).collect();
    let mut linker = Linker { drafts, scope: Scope::new("pool", shared), path: Vec::new() };
    for entry in &entries {
        // Declared first, so that a fallback of this file is not looked for among the server's pools.
        linker.scope.define(entry.key, entry.key_span.clone(), None);
    }
    for entry in &entries {
        linker.link(entry.key);
    }
    linker.scope
}

/// A pool before its fallback is known.
struct Draft<'d> {
    pool: Pool,
    fallback: Option<Value<'d>>,
}

struct Linker<'d, 'a> {
    drafts: BTreeMap<&'d str, Option<Draft<'d>>>,
    scope: Scope<'a, Arc<Pool>>,
    path: Vec<&'d str>,
}

impl<'d> Linker<'d, '_> {
    /// Links the pool of this name, its fallbacks first. Does nothing for one that is linked or not of this file.
    fn link(&mut self, name: &'d str) {
        let Some(Some(Draft { mut pool, fallback })) = self.drafts.remove(name) else { return };
        if let Some(reference) = fallback {
            self.path.push(name);
            let next = reference.string().unwrap_or_default();
            if let Some(at) = self.path.iter().position(|passed| *passed == next) {
                let circle = self.path[at..].iter().chain([&next]).map(|name| format!("{name:?}"));
                let circle = circle.collect::<Vec<_>>().join(" → ");
                let message = format!("the fallbacks run in a circle: {circle}");
                reference.error(message, "let one of these pools have no fallback");
            }
            self.link(next);
            self.path.pop();
            pool.fallback = self.scope.find(&reference);
            if pool.fallback.is_none() {
                return;
            }
        }
        self.scope.fill(name, Arc::new(pool));
    }
}

fn draft<'d>(entry: &Value<'d>, terms: &Terms<'_, '_>) -> Option<Draft<'d>> {
    let name = value::name(entry, "a pool");
    let mut table = entry.table("a pool")?;
    let check = PoolCheck::read(table.take("check"), terms, entry.key);
    let answers = table.take("answers").and_then(|v| v.integer(1..=defaults::POOL_ANSWERS_MAX));
    let method = table.take("method").map(|value| (value.choice(&METHODS), value));
    let min_up = table.take("min_up").and_then(|value| value.float(0.0..=1.0));
    let fallback = table.take("fallback");
    let on_all_down = on_all_down(&mut table, fallback.as_ref());
    let demands = Demands::take(&mut table);
    let cure = "add endpoints = [ { site = \"…\", a = \"…\" } ]";
    let listed = table.required("endpoints", cure);
    table.finish();
    let endpoints = listed.as_ref().and_then(|list| endpoints::read(list, &check, terms));
    if let (Some(list), Some(endpoints)) = (&listed, &endpoints) {
        vouching::warn(list, endpoints);
    }
    let method_place = method.as_ref().map(|(_, value)| value);
    let chosen = method.as_ref().and_then(|(chosen, _)| *chosen).unwrap_or(Method::Weighted);
    let demands = demands.judge(chosen, method_place, endpoints.as_deref(), terms);
    if let (Some(list), Some(endpoints)) = (&listed, &endpoints) {
        demands::warn_of_capacities(list, endpoints, &demands.capacity);
    }
    Some(Draft {
        pool: Pool {
            zone: terms.zone.cloned(),
            name: name?,
            answers: answers.map_or(defaults::POOL_ANSWERS, |answers| answers as usize),
            method: chosen,
            min_up: min_up.unwrap_or(defaults::POOL_MIN_UP),
            on_all_down,
            fallback: None,
            comeback: demands.comeback,
            capacity: demands.capacity,
            damping: demands.damping,
            endpoints: endpoints?,
        },
        fallback,
    })
}

fn on_all_down(table: &mut Table<'_>, fallback: Option<&Value<'_>>) -> OnAllDown {
    let Some(given) = table.take("on_all_down") else {
        return if fallback.is_some() { OnAllDown::Fallback } else { OnAllDown::All };
    };
    let chosen = given.choice(&ON_ALL_DOWN).unwrap_or(OnAllDown::All);
    match fallback {
        None if chosen == OnAllDown::Fallback => {
            let help = "add fallback = and the name of a pool";
            given.error("on_all_down = \"fallback\" without a fallback", help);
        }
        Some(fallback) if chosen != OnAllDown::Fallback => {
            let message = format!("the fallback is never used: on_all_down is \"{chosen}\"");
            fallback.warning(message, "remove one of the two keys");
        }
        _ => {}
    }
    chosen
}

/// The sites at which a pool, or one that it falls back to, has endpoints.
pub fn sites(pool: &Pool) -> Vec<Arc<Site>> {
    let mut sites: Vec<Arc<Site>> = Vec::new();
    for endpoint in pool.chain().flat_map(|pool| &pool.endpoints) {
        if !sites.iter().any(|site| Arc::ptr_eq(site, &endpoint.site)) {
            sites.push(endpoint.site.clone());
        }
    }
    sites
}
