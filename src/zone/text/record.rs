//! One entry to one record: owner, TTL, class, type, and what the entries before it leave unsaid.

use super::decode;
use super::fault::Fault;
use super::fields::Fields;
use super::lexer::Token;
use super::{Reader, types};
use crate::report::{Place, nearest};
use crate::wire::{Name, Rtype};
use crate::zone::Record;
use crate::zone::record::TTL_S_MAX;
use std::ops::Range;

/// Types to suggest for a slip of the finger.
const COMMON_TYPES: [&str; 22] = [
    "A", "AAAA", "CAA", "CDNSKEY", "CDS", "CNAME", "DNAME", "DNSKEY", "DS", "HINFO", "HTTPS",
    "LOC", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "SSHFP", "SVCB", "TLSA", "TXT",
];

/// The tokens of one entry, and the text that they are stretches of.
pub struct Line<'a> {
    /// The text.
    pub text: &'a str,
    /// At least one.
    pub tokens: &'a [Token],
    /// Whether the owner is that of the entry before.
    pub indented: bool,
}

/// What the entries of a file leave behind for the next one.
#[derive(Clone)]
pub struct Scope {
    /// What relative names are relative to (wire form).
    pub origin: Vec<u8>,
    /// The value of `$TTL`.
    pub default_ttl_s: Option<u32>,
    last_ttl_s: Option<u32>,
    owner: Owner,
}

/// The owner that an indented entry has.
#[derive(Clone)]
enum Owner {
    /// There was no record yet.
    None,
    /// The one above could not be read, and that was said already.
    Broken,
    /// Wire form.
    Known(Vec<u8>),
}

/// TTL and type as written, and how many tokens they and what stands before them take.
pub struct Header {
    /// The TTL, if given.
    pub ttl_s: Option<u32>,
    /// The type.
    pub rtype: Rtype,
    /// Tokens taken.
    pub taken: usize,
}

impl Scope {
    /// How a file of the zone `origin` begins.
    pub fn new(origin: &Name) -> Self {
        let origin = origin.as_wire().to_vec();
        Self { origin, default_ttl_s: None, last_ttl_s: None, owner: Owner::None }
    }

    /// Takes the owner from the line, or leaves that of the line before.
    fn take_owner(&mut self, line: &Line) -> Result<usize, Fault> {
        if line.indented {
            return match self.owner {
                Owner::None => {
                    Err(Fault::new(line.tokens[0].place(), "there is no owner name above to keep")
                        .help(
                            "a line that starts with white space has the owner of the line before",
                        ))
                }
                _ => Ok(0),
            };
        }
        let token = &line.tokens[0];
        let mut wire = match std::mem::replace(&mut self.owner, Owner::Broken) {
            Owner::Known(buffer) => buffer,
            _ => Vec::new(),
        };
        wire.clear();
        decode::name(&line.text[token.span.clone()], token.span.start, &self.origin, &mut wire)?;
        self.owner = Owner::Known(wire);
        Ok(1)
    }
}

impl Reader<'_> {
    /// Reads a record and keeps it, with `place` for whoever speaks of it later. Returns what deserves a warning.
    pub fn record(
        &mut self,
        line: &Line,
        scope: &mut Scope,
        place: Place,
    ) -> Result<Option<Fault>, Fault> {
        let taken = scope.take_owner(line);
        // Without its owner the rest of the line is still worth a look.
        let header =
            header(line, *taken.as_ref().unwrap_or(&1)).map_err(|fault| owner_missed(line, fault));
        if let Ok(header) = &header {
            scope.last_ttl_s = header.ttl_s.or(scope.last_ttl_s);
        }
        let header = match (taken, header) {
            (Err(fault), _) | (_, Err(fault)) => return Err(fault),
            (_, Ok(header)) => header,
        };
        self.scratch.clear();
        let mut fields = Fields::new(line.text, line.tokens, header.taken, &scope.origin);
        types::read(header.rtype, &mut fields, &mut self.scratch)?;
        let (ttl_s, warning) = self.ttl(&header, scope, line)?;
        let Owner::Known(owner) = &scope.owner else {
            return Ok(None);
        };
        let owner = Name::from_wire(owner)
            .map_err(|error| Fault::new(line.tokens[0].place(), error.to_string()))?;
        let rdata = self.scratch.as_slice().into();
        self.zone.records.push(Record { owner, ttl_s, rtype: header.rtype, rdata, place });
        Ok(warning)
    }

    /// The TTL: as given, else `$TTL` (RFC 2308 §4), else the last one given (RFC 1035 §5.1), else the SOA's MINIMUM.
    fn ttl(
        &mut self,
        header: &Header,
        scope: &mut Scope,
        line: &Line,
    ) -> Result<(u32, Option<Fault>), Fault> {
        if header.rtype == Rtype::SOA
            && let Some(minimum) = self.scratch.last_chunk::<4>()
        {
            self.soa_minimum_s = Some(u32::from_be_bytes(*minimum).min(TTL_S_MAX));
        }
        if let Some(ttl_s) = header.ttl_s.or(scope.default_ttl_s).or(scope.last_ttl_s) {
            return Ok((ttl_s, None));
        }
        let place = line.tokens[header.taken - 1].place();
        let cure = "start the file with a default, e.g. $TTL 1h";
        match self.soa_minimum_s {
            // The records below inherit it like one that was given, so this is said once.
            Some(minimum_s) => {
                scope.last_ttl_s = Some(minimum_s);
                let message = format!(
                    "no TTL is given here or above: {minimum_s} s is taken, the SOA's MINIMUM"
                );
                Ok((minimum_s, Some(Fault::new(place, message).help(cure))))
            }
            None => {
                // The zone is refused for this; once is enough.
                scope.last_ttl_s = Some(0);
                Err(Fault::new(place, "no TTL is given here or above").help(cure))
            }
        }
    }
}

/// Reads `[TTL] [CLASS] TYPE`, the first two in either order, behind the first `taken` tokens.
pub fn header(line: &Line, mut taken: usize) -> Result<Header, Fault> {
    let (mut ttl_s, mut class) = (None, false);
    loop {
        let Some(token) = line.tokens.get(taken) else {
            let end = line.tokens[line.tokens.len() - 1].place().end;
            return Err(Fault::new(end..end, "the record ends before its type"));
        };
        taken += 1;
        let word = &line.text[token.span.clone()];
        if word.starts_with(|first: char| first.is_ascii_digit()) {
            if ttl_s.replace(ttl(word, token.place())?).is_some() {
                return Err(Fault::new(token.place(), "there is a TTL already"));
            }
        } else if is_class(word, token.place())? {
            if std::mem::replace(&mut class, true) {
                return Err(Fault::new(token.place(), "there is a class already"));
            }
        } else {
            let rtype = rtype(word, token.place())?;
            return Ok(Header { ttl_s, rtype, taken });
        }
    }
}

fn ttl(word: &str, place: Range<usize>) -> Result<u32, Fault> {
    let Some(ttl_s) = decode::seconds(word) else {
        return Err(Fault::new(place, format!("{word:?} is no TTL")).help(
            "write seconds, or units as in 1h30m (s, m, h, d, w), and the record type behind it",
        ));
    };
    check_ttl(ttl_s).map_err(|message| Fault::new(place, message))?;
    Ok(ttl_s)
}

/// Refuses a TTL that a resolver would take for 0 (RFC 2181 §8).
pub fn check_ttl(ttl_s: u32) -> Result<(), String> {
    if ttl_s > TTL_S_MAX { Err(format!("a TTL has at most {TTL_S_MAX} seconds")) } else { Ok(()) }
}

/// Whether the word is the class IN; other classes are refused.
fn is_class(word: &str, place: Range<usize>) -> Result<bool, Fault> {
    const OTHERS: [&str; 6] = ["CH", "CHAOS", "HS", "HESIOD", "CS", "NONE"];
    let number =
        word.get(..5).filter(|head| head.eq_ignore_ascii_case("CLASS")).map(|_| &word[5..]);
    if word.eq_ignore_ascii_case("IN") || number == Some("1") {
        return Ok(true);
    }
    if number.is_some() || OTHERS.iter().any(|other| word.eq_ignore_ascii_case(other)) {
        return Err(Fault::new(place, format!("class {word} is not served, only IN")));
    }
    Ok(false)
}

fn rtype(word: &str, place: Range<usize>) -> Result<Rtype, Fault> {
    let Ok(rtype) = word.parse::<Rtype>() else {
        let fault = Fault::new(place, format!("unknown record type {word:?}"));
        return Err(match nearest(&word.to_ascii_uppercase(), COMMON_TYPES) {
            Some(known) => fault.help(format!("did you mean {known}?")),
            None => fault.help("write a type without a name as TYPE123 (RFC 3597)"),
        });
    };
    if rtype.is_meta() || rtype.0 == 0 {
        return Err(Fault::new(place, format!("a zone cannot hold records of type {rtype}")));
    }
    Ok(rtype)
}

/// Where the owner is itself a type, the line most likely lacks its indentation.
fn owner_missed(line: &Line, fault: Fault) -> Fault {
    let first = &line.text[line.tokens[0].span.clone()];
    // Types are written in capitals, owners hardly ever.
    let shouted = first.bytes().all(|byte| !byte.is_ascii_lowercase());
    if line.indented || !shouted || first.parse::<Rtype>().is_err() {
        return fault;
    }
    fault.help(format!(
        "{first:?} is read as an owner name here; indent the line to keep the owner above"
    ))
}
