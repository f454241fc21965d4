//! Sites, checks, directors, pools and routes of one file, read in the order in which they refer to each other.

use super::checks::CheckSettings;
use super::directors::{self, Directors};
use super::document::Document;
use super::reader::Table;
use super::scope::{Named, Scope};
use super::{checks, endpoints, pools, routes, sites};
use crate::steer::model::{Pool, Route, Site};
use crate::wire::Name;
use std::sync::Arc;

/// What the server's file defines for all zones. Definitions with mistakes are known, without a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Library {
    /// Sites by name.
    pub(super) sites: Named<Arc<Site>>,
    /// Pools by name.
    pub(super) pools: Named<Arc<Pool>>,
    pub(super) checks: Named<CheckSettings>,
    pub(super) directors: directors::Shared,
    pub(super) routes: Named<Arc<Route>>,
}

/// The definitions that a file can refer to.
pub struct Scopes<'a> {
    /// Sites.
    pub sites: Scope<'a, Arc<Site>>,
    /// Checks.
    pub checks: Scope<'a, CheckSettings>,
    /// Directors.
    pub directors: Directors<'a>,
    /// Pools.
    pub pools: Scope<'a, Arc<Pool>>,
    /// Routes.
    pub routes: Scope<'a, Arc<Route>>,
}

impl<'a> Scopes<'a> {
    /// Reads the definitions of a file: the server's, or a zone's, which can refer to the `shared` ones too.
    pub fn read(root: &mut Table<'_>, zone: Option<&Name>, shared: Option<&'a Library>) -> Self {
        let sites = root.section("sites", "the sites");
        let sites = sites::read(sites, zone, shared.map(|shared| &shared.sites));
        let checks = root.section("checks", "the checks");
        let checks = checks::read(checks, shared.map(|shared| &shared.checks));
        let terms = directors::Terms { zone, sites: &sites, checks: &checks };
        let directors = root.section("directors", "the directors");
        let directors = Directors::read(directors, &terms, shared.map(|shared| &shared.directors));
        let terms =
            endpoints::Terms { zone, sites: &sites, checks: &checks, directors: &directors };
        let pools = root.section("pools", "the pools");
        let pools = pools::read(pools, &terms, shared.map(|shared| &shared.pools));
        let routes = root.section("routes", "the routes");
        let routes = routes::read(routes, &sites, shared.map(|shared| &shared.routes));
        Self { sites, checks, directors, pools, routes }
    }

    /// Warns of what a zone's file defines and does not use.
    pub fn warn_unused(&self, doc: &Document) {
        self.sites.warn_unused(doc);
        self.checks.warn_unused(doc);
        self.directors.warn_unused(doc);
        self.pools.warn_unused(doc);
        self.routes.warn_unused(doc);
    }

    /// The file's own definitions, for zones to share.
    pub fn into_library(self) -> Library {
        Library {
            sites: self.sites.into_own(),
            checks: self.checks.into_own(),
            directors: self.directors.into_shared(),
            pools: self.pools.into_own(),
            routes: self.routes.into_own(),
        }
    }
}
