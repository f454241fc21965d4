//! What one worker counts of one catalog: queries by zone, type and code, and whose addresses it handed out.
//!
//! Numbers are the catalog's own, so counting is an index and an addition. [`Counting`] is told of an answer as it is
//! made, by the answer function itself.

use super::Count;
use super::worker::WorkerCounters;
use crate::answer::{Outcome, Recorder, Transport};
use crate::snapshot::{Catalog, ServedZone};
use crate::steer::pool::{DealtSite, Family};
use crate::wire::{Query, Rtype, rcode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// The types that are counted apart; all others are counted together, after them.
const NAMED: [Rtype; 14] = [
    Rtype::A,
    Rtype::AAAA,
    Rtype::NS,
    Rtype::SOA,
    Rtype::CNAME,
    Rtype::MX,
    Rtype::TXT,
    Rtype::PTR,
    Rtype::SRV,
    Rtype::CAA,
    Rtype::DS,
    Rtype::DNSKEY,
    Rtype::HTTPS,
    Rtype::ANY,
];
/// How many types are told apart.
pub(super) const QTYPES: usize = NAMED.len() + 1;
/// The codes that a query for a name in a zone, or for none, can end with; others are counted as the last.
pub(super) const RCODES_COUNTED: [u16; 8] = [
    rcode::NOERROR,
    rcode::NXDOMAIN,
    rcode::REFUSED,
    rcode::SERVFAIL,
    rcode::FORMERR,
    rcode::NOTIMP,
    rcode::YXDOMAIN,
    rcode::BADVERS,
];
/// Counters of one zone.
const ZONE_COUNTERS: usize = QTYPES * RCODES_COUNTED.len();

/// What a type counts as, by the number that a [`Tally`](super::Tally) gives.
pub fn qtype_label(number: usize) -> String {
    NAMED.get(number).map_or_else(|| "other".to_owned(), ToString::to_string)
}

#[inline]
fn qtype_number(qtype: Rtype) -> usize {
    NAMED.iter().position(|named| *named == qtype).unwrap_or(NAMED.len())
}

#[inline]
fn rcode_number(code: u16) -> usize {
    RCODES_COUNTED.iter().position(|known| *known == code).unwrap_or(RCODES_COUNTED.len() - 1)
}

/// The counters of one zone, by type and code, from the first query on.
type Page = OnceLock<Box<[Count; ZONE_COUNTERS]>>;

/// The block of one worker for one catalog. Written by that worker alone.
#[derive(Debug)]
pub struct CatalogCounters {
    catalog: Arc<Catalog>,
    /// For each transport, zone by zone; the last zone stands for none. Only what has been asked for is there: of ten
    /// thousand zones most rest, and a new catalog begins without a pause.
    queries: [OnceLock<Box<[Page]>>; Transport::ALL.len()],
    /// By slot of the catalog.
    handed_out: Box<[Count]>,
    /// Set when the worker has moved on.
    is_closed: AtomicBool,
}

impl CatalogCounters {
    /// All zero.
    pub fn new(catalog: Arc<Catalog>) -> Self {
        let slots = catalog.endpoint_slots();
        let handed_out = std::iter::repeat_with(Count::default).take(slots).collect();
        let queries = Default::default();
        Self { catalog, queries, handed_out, is_closed: AtomicBool::new(false) }
    }

    /// What it counts of.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Whether it counts of this very catalog.
    #[inline]
    pub fn is_of(&self, catalog: &Arc<Catalog>) -> bool {
        Arc::ptr_eq(&self.catalog, catalog)
    }

    /// The worker will not write here any more.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub(super) fn handed_out(&self, slot: usize) -> u64 {
        self.handed_out[slot].get()
    }

    /// Queries over a transport about the zone of that place (none: about no zone), by type and code.
    pub(super) fn queries(
        &self,
        transport: Transport,
        zone: Option<usize>,
    ) -> impl Iterator<Item = (usize, usize, u64)> {
        let zone = zone.unwrap_or(self.catalog.zones().zones().len());
        let page = self.queries[transport as usize].get().and_then(|pages| pages[zone].get());
        let of_zone = page.map_or(&[][..], |page| &page[..]);
        of_zone
            .iter()
            .enumerate()
            .map(|(at, count)| (at / RCODES_COUNTED.len(), at % RCODES_COUNTED.len(), count.get()))
    }

    /// The counters of the zone of that place.
    #[inline]
    fn page(&self, transport: Transport, zone: Option<usize>) -> &[Count; ZONE_COUNTERS] {
        let pages = self.queries[transport as usize].get_or_init(|| {
            std::iter::repeat_with(Page::new).take(self.catalog.zones().zones().len() + 1).collect()
        });
        let page = &pages[zone.unwrap_or(pages.len() - 1)];
        page.get_or_init(|| Box::new(std::array::from_fn(|_| Count::default())))
    }
}

/// Counts one answer while it is made. Between answers it is made anew.
pub struct Counting<'a> {
    worker: &'a WorkerCounters,
    block: &'a CatalogCounters,
    qtype: usize,
    zone: Option<usize>,
    subnet: Option<Family>,
}

impl<'a> Counting<'a> {
    /// Before anything is known of the query.
    #[inline]
    pub fn new(worker: &'a WorkerCounters, block: &'a CatalogCounters) -> Self {
        Self { worker, block, qtype: NAMED.len(), zone: None, subnet: None }
    }

    /// The answer is made.
    #[inline]
    pub fn end(self, transport: Transport, outcome: &Outcome) {
        self.worker.count(transport, outcome, self.subnet);
        if outcome.bytes > 0 {
            let at = self.qtype * RCODES_COUNTED.len() + rcode_number(outcome.rcode);
            self.block.page(transport, self.zone)[at].add_one();
        }
    }
}

impl Recorder for Counting<'_> {
    #[inline]
    fn query(&mut self, query: &Query) {
        self.qtype = qtype_number(query.qtype);
        let subnet = query.edns.and_then(|edns| edns.subnet);
        self.subnet = subnet.map(|subnet| if subnet.family == 2 { Family::V6 } else { Family::V4 });
    }

    #[inline]
    fn zone(&mut self, place: usize, _: &ServedZone) {
        self.zone = Some(place);
    }

    #[inline]
    fn handed_out(&mut self, site: &DealtSite, positions: &[u16]) {
        for &position in positions {
            self.block.handed_out[site.slot(position)].add_one();
        }
    }
}
