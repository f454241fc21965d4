//! Each name by itself: what may stand together at one name, and what an RRset must agree on.

use super::{Findings, Index, kind};
use crate::report::Finding;
use crate::wire::Rtype;
use crate::zone::{Record, rdata};
use std::borrow::Cow;
use std::collections::HashMap;

pub fn check(index: &Index, findings: &mut Findings) {
    let mut records: Vec<&Record> = Vec::new();
    for node in &index.nodes {
        records.clear();
        records.extend(index.records_of(node));
        let [first, ..] = records[..] else {
            continue;
        };
        if records.len() > 1 {
            // Stable, so each RRset stays in the order of the text.
            records.sort_by_key(|record| record.rtype);
            for set in records.chunk_by(|one, other| one.rtype == other.rtype) {
                rrset(set, findings);
            }
        }
        if node.kinds & kind::CNAME != 0 {
            beside_cname(&records, findings);
        }
        place_of_types(index, &records, findings);
        if node.kinds & (kind::NS | kind::DNAME) != 0 && first.owner.is_wildcard() {
            wildcard(&records, findings);
        }
    }
}

/// One RRset: nothing twice, one TTL, one record where the type allows no more.
fn rrset(set: &[&Record], findings: &mut Findings) {
    let [first, rest @ ..] = set else {
        return;
    };
    if rest.is_empty() {
        return;
    }
    if let Some(other) = rest.iter().find(|record| record.ttl_s != first.ttl_s) {
        findings.warn(|| ttl_mismatch(set, first, other));
    }
    let mut seen: HashMap<Cow<[u8]>, &Record> = HashMap::with_capacity(set.len());
    let mut distinct = 0;
    for record in set {
        if let Some(earlier) = seen.insert(canonical(record), record) {
            findings.warn(|| {
                let message = format!(
                    "the same {} record of {} stands here again",
                    record.rtype, record.owner
                );
                Finding::warning(message)
                    .at_place(record.place.clone())
                    .help(format!("it is at {} already", earlier.place))
            });
            continue;
        }
        distinct += 1;
        if distinct > 1 && matches!(record.rtype, Rtype::SOA | Rtype::CNAME | Rtype::DNAME) {
            findings.error(|| second_of_a_kind(record, first));
        }
    }
}

/// RFC 2181 §5.2: all records of an RRset have one TTL; the lowest is the safe one.
fn ttl_mismatch(set: &[&Record], first: &Record, other: &Record) -> Finding {
    let lowest = set.iter().map(|record| record.ttl_s).min().unwrap_or(first.ttl_s);
    let message = format!(
        "the {} records of {} have different TTLs; the lowest, {lowest} s, is used for all",
        first.rtype, first.owner
    );
    Finding::warning(message)
        .at_place(other.place.clone())
        .help(format!("it is {} s here and {} s at {}", other.ttl_s, first.ttl_s, first.place))
}

fn second_of_a_kind(record: &Record, first: &Record) -> Finding {
    let why = match record.rtype {
        Rtype::SOA => "a zone has one SOA",
        // RFC 2181 §10.1.
        Rtype::CNAME => "a name is an alias of one other name",
        // RFC 6672 §2.4.
        _ => "a subtree is redirected to one other name",
    };
    Finding::error(format!("a second {} record for {}: {why}", record.rtype, record.owner))
        .at_place(record.place.clone())
        .help(format!("the first is at {}", first.place))
}

/// RDATA with the names in it folded: what makes two records the same (RFC 4343).
fn canonical(record: &Record) -> Cow<'_, [u8]> {
    let mut canonical = Cow::Borrowed(&*record.rdata);
    for range in rdata::names(record.rtype, &record.rdata) {
        canonical.to_mut()[range].make_ascii_lowercase();
    }
    canonical
}

/// RFC 1034 §3.6.2: an alias owns nothing else, but for what signs it and proves it (RFC 4035 §2.5).
fn beside_cname(records: &[&Record], findings: &mut Findings) {
    let Some(alias) = records.iter().find(|record| record.rtype == Rtype::CNAME) else {
        return;
    };
    let other =
        |record: &&&Record| !matches!(record.rtype, Rtype::CNAME | Rtype::RRSIG | Rtype::NSEC);
    for record in records.iter().filter(other) {
        findings.error(|| {
            let message = format!(
                "{} is an alias (CNAME), so it cannot have {} too",
                record.owner, record.rtype
            );
            Finding::error(message)
                .at_place(record.place.clone())
                .help(format!("the CNAME is at {}; keep one of the two", alias.place))
        });
    }
}

/// Types that belong at the apex, or at a delegation, alone.
fn place_of_types(index: &Index, records: &[&Record], findings: &mut Findings) {
    let owns = |rtype| records.iter().any(|record| record.rtype == rtype);
    let apex = records[0].owner == *index.origin;
    for record in records {
        let wrong = match record.rtype {
            Rtype::SOA if !apex => {
                Some(("an SOA record stands at the apex of the zone only", true))
            }
            // RFC 4035 §2.4.
            Rtype::DS if apex => Some(("the DS records of a zone belong in its parent", true)),
            Rtype::DS if !owns(Rtype::NS) => {
                Some(("a DS record without NS: nothing is delegated here", false))
            }
            // RFC 6672 §2.3.
            Rtype::DNAME if !apex && owns(Rtype::NS) => {
                Some(("a delegated name (NS) cannot be redirected (DNAME) here too", true))
            }
            _ => None,
        };
        let shown = |message| format!("{}: {message}", record.owner);
        match wrong {
            Some((message, true)) => {
                findings.error(|| Finding::error(shown(message)).at_place(record.place.clone()));
            }
            Some((message, false)) => {
                findings.warn(|| Finding::warning(shown(message)).at_place(record.place.clone()));
            }
            None => {}
        }
    }
}

fn wildcard(records: &[&Record], findings: &mut Findings) {
    for record in records {
        match record.rtype {
            // RFC 4592 §4.2 leaves open what it would mean.
            Rtype::NS => findings.error(|| {
                Finding::error(format!("{}: a wildcard cannot be delegated", record.owner))
                    .at_place(record.place.clone())
                    .help("delegate each name by itself")
            }),
            // RFC 4592 §4.4: what it redirects depends on what a cache has seen before.
            Rtype::DNAME => findings.warn(|| {
                Finding::warning(format!(
                    "{}: a wildcard DNAME redirects unpredictably",
                    record.owner
                ))
                .at_place(record.place.clone())
            }),
            _ => {}
        }
    }
}
