//! Plain zones answered twice: by [`answer`], and by a model that walks a map as RFC 1034 §4.3.2 is written.
//!
//! The model knows nothing of arenas, covers and hashes: it goes down label by label, and asks the whole map whether a
//! name exists. Owners are over three letters and `*`, so that wildcards, cuts, aliases and empty non-terminals meet in
//! every way. What is compared: response code, AA, and owner, type and data of every record of answer and authority,
//! and the glue that a referral must have. Over UDP the same answer must fit or say that it does not.

use super::*;
use crate::health::Standing;
use crate::report::{Place, Source};
use crate::snapshot::{Catalog, Standings, ZoneInput};
use crate::steer::classes::Atlas;
use crate::steer::model::{Endpoint, Pool};
use crate::steer::pool::Family;
use crate::wire::Name;
use crate::zone::{Record, Zone};
use hickory_proto::op::Message as Decoded;
use hickory_proto::rr::RData;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Labels of a name, the apex's side first and the apex left out; none for a name outside of the zone.
type Path = Option<Vec<u8>>;

const LABELS: &[u8] = b"abc*";
const APEX: &str = "z.";
const SOA_TTL_S: u32 = 90;

/// One record of a random zone: owner, kind, target of the kinds that point somewhere.
#[derive(Clone, Debug)]
struct Entry {
    owner: Vec<u8>,
    kind: Rtype,
    target: Path,
}

/// owner → type → data, in presentation form where it is a name.
type Model = BTreeMap<Vec<u8>, BTreeMap<u16, BTreeSet<String>>>;

#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    rcode: u16,
    authoritative: bool,
    answer: Vec<(String, String, String)>,
    authority: Vec<(String, String, String)>,
}

fn text(path: &[u8]) -> String {
    let labels = path.iter().rev().map(|label| format!("{}.", *label as char));
    labels.chain([APEX.to_owned()]).collect()
}

fn target_text(path: &Path) -> String {
    path.as_ref().map_or("out.example.".to_owned(), |path| text(path))
}

fn path_of(name: &str) -> Path {
    let labels = name.strip_suffix(APEX)?;
    Some(
        labels
            .split('.')
            .rev()
            .filter(|label| !label.is_empty())
            .map(|label| label.as_bytes()[0])
            .collect(),
    )
}

fn shown(owner: &str, rtype: Rtype, data: &BTreeSet<String>) -> Vec<(String, String, String)> {
    data.iter().map(|data| (owner.to_owned(), rtype.to_string(), data.clone())).collect()
}

fn model_of(entries: &[Entry]) -> Model {
    let mut model = Model::new();
    model.entry(vec![]).or_default().insert(Rtype::SOA.0, ["soa".to_owned()].into());
    for entry in entries {
        let sets = model.entry(entry.owner.clone()).or_default();
        sets.entry(entry.kind.0).or_default().insert(data_text(entry));
    }
    model
}

fn data_text(entry: &Entry) -> String {
    match entry.kind {
        Rtype::CNAME | Rtype::DNAME | Rtype::NS => target_text(&entry.target),
        _ => "data".to_owned(),
    }
}

/// The search as RFC 1034 §4.3.2 puts it, with RFC 4592, RFC 6672 and RFC 8482 where they change it.
fn ask_model(model: &Model, question: &str, qtype: Rtype) -> Told {
    let exists = |path: &[u8]| model.keys().any(|owner| owner.starts_with(path));
    let set = |path: &[u8], rtype: Rtype| model.get(path).and_then(|sets| sets.get(&rtype.0));
    let first = |path: &[u8], rtype| set(path, rtype).and_then(|set| set.first().cloned());
    let soa = || vec![(APEX.to_owned(), "SOA".to_owned(), "soa".to_owned())];
    let mut told = Told { authoritative: true, ..Told::default() };
    let mut name = question.to_owned();
    let mut been = BTreeSet::new();
    'restart: loop {
        let Some(path) = path_of(&name) else { return told };
        if !been.insert(name.clone()) || been.len() > 17 {
            return told;
        }
        let mut source = path.clone();
        for depth in 0..=path.len() {
            let (at, rest) = path.split_at(depth);
            if !exists(at) {
                source = [&path[..depth - 1], b"*"].concat();
                if !exists(&source) {
                    told.rcode = rcode::NXDOMAIN;
                    told.authority = soa();
                    return told;
                }
                break;
            }
            let is_parents = qtype == Rtype::DS && rest.is_empty();
            if let Some(servers) = set(at, Rtype::NS).filter(|_| depth > 0 && !is_parents) {
                told.authoritative = been.len() > 1;
                told.authority = shown(&text(at), Rtype::NS, servers);
                return told;
            }
            if let Some(target) = first(at, Rtype::DNAME).filter(|_| !rest.is_empty()) {
                let dname = (text(at), "DNAME".to_owned(), target.clone());
                if !told.answer.contains(&dname) {
                    told.answer.push(dname);
                }
                let head: String =
                    rest.iter().rev().map(|label| format!("{}.", *label as char)).collect();
                let next = format!("{head}{target}");
                if next.len() + 1 > 255 {
                    told.rcode = rcode::YXDOMAIN;
                    return told;
                }
                told.answer.push((name.clone(), "CNAME".to_owned(), next.clone()));
                if matches!(qtype, Rtype::CNAME | Rtype::ANY) {
                    return told;
                }
                name = next;
                continue 'restart;
            }
        }
        let alias = first(&source, Rtype::CNAME);
        match (set(&source, qtype), alias) {
            (_, Some(target)) => {
                told.answer.push((name.clone(), "CNAME".to_owned(), target.clone()));
                if matches!(qtype, Rtype::CNAME | Rtype::ANY) {
                    return told;
                }
                name = target;
            }
            (Some(data), None) => {
                told.answer.extend(shown(&name, qtype, data));
                return told;
            }
            (None, None) if qtype == Rtype::ANY && model.contains_key(&source) => {
                told.answer.push((name, "HINFO".to_owned(), "data".to_owned()));
                return told;
            }
            (None, None) => {
                told.authority = soa();
                return told;
            }
        }
    }
}

/// Glue that a referral to the cut must have: the addresses of servers at or below it.
fn glue(model: &Model, cut: &str) -> BTreeSet<String> {
    let Some(cut) = path_of(cut) else { return BTreeSet::new() };
    let servers = &model[&cut][&Rtype::NS.0];
    let inside =
        servers.iter().filter(|name| path_of(name).is_some_and(|path| path.starts_with(&cut)));
    let has_address = |name: &&String| {
        path_of(name)
            .and_then(|path| model.get(&path))
            .is_some_and(|sets| sets.contains_key(&Rtype::A.0))
    };
    inside.filter(has_address).cloned().collect()
}

struct Unsteered;

impl Standings for Unsteered {
    fn standing(&self, _: &Pool, _: &Endpoint, _: Family) -> Standing {
        Standing::Up
    }

    fn was_good(&self, _: &Pool, _: &Endpoint, _: Family) -> bool {
        false
    }
}

fn wire(text: &str) -> Vec<u8> {
    Name::parse(text, None).expect("a name").as_wire().to_vec()
}

fn snapshot_of(entries: &[Entry]) -> Snapshot {
    let place = Place::new(&Source::new("z", ""), 0..0);
    let record = |owner: &str, rtype, ttl_s, rdata: &[u8]| Record {
        owner: Name::parse(owner, None).expect("a name"),
        ttl_s,
        rtype,
        rdata: rdata.into(),
        place: place.clone(),
    };
    let soa = [&wire("ns.z.")[..], &wire("mail.z."), &[0; 16], &300_u32.to_be_bytes()].concat();
    let mut records = vec![record(APEX, Rtype::SOA, SOA_TTL_S, &soa)];
    records.extend(entries.iter().map(|entry| {
        let rdata = match entry.kind {
            Rtype::A => vec![192, 0, 2, 1],
            Rtype::TXT => b"\x04data".to_vec(),
            Rtype::DS => [&[0, 1, 13, 2][..], &[7; 32]].concat(),
            _ => wire(&target_text(&entry.target)),
        };
        record(&text(&entry.owner), entry.kind, 300, &rdata)
    }));
    let apex = Name::parse(APEX, None).expect("a name");
    let zone = Arc::new(Zone::build(&apex, &records, &[]).expect("small enough"));
    let input = ZoneInput { zone, names: Arc::new([]) };
    let mut atlas = Atlas::new(Arc::new(crate::geo::World::unknown()));
    let catalog = Catalog::compile(&[input], &mut atlas, Settings::default(), None);
    Snapshot::new(1, Arc::new(catalog), &Unsteered)
}

fn query_for(question: &str, qtype: Rtype) -> Vec<u8> {
    let mut message = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(&wire(question));
    message.extend_from_slice(&qtype.0.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    message
}

fn ask(
    snapshot: &Snapshot,
    message: &[u8],
    transport: Transport,
    out: &mut [u8],
) -> (Outcome, Decoded) {
    let client = Client { address: IpAddr::from([192, 0, 2, 1]), transport, random: 0 };
    let outcome = answer(snapshot, &mut Scratch::default(), message, &client, out);
    let decoded = Decoded::from_vec(&out[..outcome.bytes]).expect("another decoder reads it");
    (outcome, decoded)
}

fn records_told(records: &[hickory_proto::rr::Record]) -> Vec<(String, String, String)> {
    let tell = |record: &hickory_proto::rr::Record| {
        let rtype = record.record_type().to_string();
        let data = match &*rtype {
            "CNAME" | "NS" => record.data.to_string(),
            // Not one of the decoder's types, and so never compressed (RFC 3597 §4).
            "DNAME" => match &record.data {
                RData::Unknown { rdata, .. } => {
                    Name::from_wire(&rdata.anything).expect("a whole name").to_string()
                }
                other => panic!("{other:?}"),
            },
            "SOA" => "soa".to_owned(),
            _ => "data".to_owned(),
        };
        (record.name.to_string(), rtype, data)
    };
    records.iter().map(tell).collect()
}

fn told(message: &Decoded, bytes: &[u8]) -> Told {
    let sets = |records| {
        let mut records = records_told(records);
        // Chains keep their order; inside of a set there is none.
        for chunk in records.chunk_by_mut(|one, other| (&one.0, &one.1) == (&other.0, &other.1)) {
            chunk.sort();
        }
        records
    };
    Told {
        rcode: u16::from(bytes[3] & 15),
        authoritative: bytes[2] & 4 != 0,
        answer: sets(&message.answers),
        authority: sets(&message.authorities),
    }
}

/// Zones as configuration lets them through: an alias stands alone, a set of CNAME or DNAME has one record.
fn sane(entries: Vec<Entry>) -> Vec<Entry> {
    let mut kept: Vec<Entry> = Vec::new();
    for entry in entries {
        let single = matches!(entry.kind, Rtype::CNAME | Rtype::DNAME);
        let is_apex = entry.owner.is_empty();
        let clash = kept.iter().filter(|other| other.owner == entry.owner).any(|other| {
            other.kind == Rtype::CNAME
                || entry.kind == Rtype::CNAME
                || (single && other.kind == entry.kind)
                || (!is_apex
                    && [Rtype::NS, Rtype::DNAME]
                        == [other.kind.min(entry.kind), other.kind.max(entry.kind)])
        });
        let misplaced = match entry.kind {
            Rtype::CNAME => is_apex,
            // RFC 4592 §4.2 and §4.4 leave open what these mean at a wildcard.
            Rtype::NS | Rtype::DNAME => entry.owner.last() == Some(&b'*'),
            Rtype::DS => is_apex,
            _ => false,
        };
        if !clash && !misplaced {
            kept.push(entry);
        }
    }
    kept
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec((0..LABELS.len()).prop_map(|at| LABELS[at]), 0..4)
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let kinds = [
        Rtype::A,
        Rtype::A,
        Rtype::TXT,
        Rtype::CNAME,
        Rtype::CNAME,
        Rtype::NS,
        Rtype::DS,
        Rtype::DNAME,
    ];
    let kind = (0..kinds.len()).prop_map(move |at| kinds[at]);
    let entry = (path(), kind, proptest::option::weighted(0.9, path()))
        .prop_map(|(owner, kind, target)| Entry { owner, kind, target });
    proptest::collection::vec(entry, 0..14).prop_map(sane)
}

fn questions() -> impl Strategy<Value = Vec<(Vec<u8>, usize)>> {
    // Under the apex 126 labels are the longest name that there is.
    let length = prop_oneof![9 => 0..6_usize, 1 => 120..=126_usize];
    let name = length.prop_flat_map(|length| {
        proptest::collection::vec((0..LABELS.len()).prop_map(|at| LABELS[at]), length)
    });
    proptest::collection::vec((name, 0..8_usize), 1..24)
}

const QTYPES: [Rtype; 8] =
    [Rtype::A, Rtype::A, Rtype::TXT, Rtype::CNAME, Rtype::NS, Rtype::DS, Rtype::DNAME, Rtype::ANY];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn answers_as_the_rfc_is_written(entries in entries(), questions in questions()) {
        let (snapshot, model) = (snapshot_of(&entries), model_of(&entries));
        let mut out = vec![0; MESSAGE_BYTES_MAX];
        for (path, at) in questions {
            let (question, qtype) = (text(&path), QTYPES[at]);
            let message = query_for(&question, qtype);
            let (outcome, decoded) = ask(&snapshot, &message, Transport::Tcp, &mut out);
            let ours = told(&decoded, &out[..outcome.bytes]);
            prop_assert_eq!(&ours, &ask_model(&model, &question, qtype), "{} {}", question, qtype);
            prop_assert!(!outcome.truncated);
            if outcome.rcode == rcode::NXDOMAIN || outcome.reason == Reason::Nodata {
                prop_assert!(decoded.authorities.iter().all(|soa| soa.ttl == SOA_TTL_S));
            }
            if outcome.reason == Reason::Referral {
                let additionals = decoded.additionals.iter();
                let extra: BTreeSet<String> = additionals.map(|record| record.name.to_string()).collect();
                prop_assert!(glue(&model, &ours.authority[0].0).is_subset(&extra), "{extra:?}");
            }
            let (short, cut) = ask(&snapshot, &message, Transport::Udp, &mut out);
            prop_assert!(short.bytes <= PLAIN_UDP_BYTES_MAX);
            if !short.truncated {
                prop_assert_eq!(told(&cut, &out[..short.bytes]), ours);
            }
        }
    }
}
