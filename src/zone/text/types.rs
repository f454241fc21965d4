//! RDATA in text, type by type, to uncompressed wire form.
//!
//! Three readers share the work. The types that most zones are made of, and plain ones that `domain` lacks, are rows of
//! [`shape`]: fields in a row. A few odd ones have a reader of their own ([`super::svcb`], [`super::loc`],
//! [`super::rare`]). The rest (DNSSEC, TLSA, SSHFP, CAA, NAPTR …) are `domain`'s. Any type at all may come as
//! `\# LENGTH HEX` (RFC 3597 §5), which must then be what the type's own form would have come to.

use super::fault::Fault;
use super::fields::Fields;
use super::{loc, rare, svcb};
use crate::wire::Rtype;
use crate::zone::rdata;
use domain::base::name::ParsedName;
use domain::base::rdata::{ComposeRecordData, ParseRecordData};
use domain::dep::octseq::Parser;
use domain::rdata::ZoneRecordData;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest RDATA, in octets: its length is a 16-bit field (RFC 1035 §3.2.1).
pub const RDATA_BYTES_MAX: usize = u16::MAX as usize;

/// One field of a plain type, with its name from the RFC that defines it.
enum Field {
    U16(&'static str),
    U32(&'static str),
    Seconds(&'static str),
    Name(&'static str),
    /// Character-strings to the end, at least one.
    Strings,
    /// One string of any length to the end, without a length octet.
    Text(&'static str),
    Ipv4,
    Ipv6,
}

/// Appends the RDATA of a record of type `rtype` to `out`; all of `fields` must go into it.
pub fn read(rtype: Rtype, fields: &mut Fields, out: &mut Vec<u8>) -> Result<(), Fault> {
    let start = out.len();
    if fields.next_is_generic() {
        generic(rtype, fields, out)?;
    } else {
        typed(rtype, fields, out)?;
    }
    fields.finish()?;
    match out.len() - start {
        0..=RDATA_BYTES_MAX => Ok(()),
        length => {
            let message = format!("the RDATA has {length} octets; at most {RDATA_BYTES_MAX} fit");
            Err(Fault::new(fields.last_place(), message))
        }
    }
}

fn typed(rtype: Rtype, fields: &mut Fields, out: &mut Vec<u8>) -> Result<(), Fault> {
    let start = out.len();
    match rtype {
        Rtype::SVCB | Rtype::HTTPS => svcb::read(fields, out),
        Rtype::LOC => loc::read(fields, out),
        Rtype::APL => rare::apl(fields, out),
        Rtype::CERT => rare::cert(fields, out),
        Rtype::CSYNC => rare::csync(fields, out),
        Rtype::DHCID => rare::dhcid(fields, out),
        Rtype::EUI48 => rare::eui(6, fields, out),
        Rtype::EUI64 => rare::eui(8, fields, out),
        // RFC 8162 §2: the form of TLSA.
        Rtype::SMIMEA => library(Rtype::TLSA, fields, out),
        _ => match shape(rtype) {
            Some(shape) => shape.iter().try_for_each(|field| field.read(fields, out)),
            None => library(rtype, fields, out),
        },
    }?;
    digest_length(rtype, &out[start..]).map_err(|message| Fault::new(fields.last_place(), message))
}

/// The fields of a type that is nothing but fields.
fn shape(rtype: Rtype) -> Option<&'static [Field]> {
    use Field::*;
    const RT: Rtype = Rtype(21);
    Some(match rtype {
        Rtype::A => &[Ipv4],
        Rtype::AAAA => &[Ipv6],
        Rtype::NS => &[Name("name server")],
        Rtype::CNAME | Rtype::DNAME => &[Name("target")],
        Rtype::PTR => &[Name("name")],
        Rtype::MX => &[U16("preference"), Name("mail exchange")],
        Rtype::TXT | Rtype::SPF => &[Strings],
        Rtype::SRV => &[U16("priority"), U16("weight"), U16("port"), Name("target")],
        Rtype::SOA => &[
            Name("primary server"),
            Name("mailbox"),
            U32("serial"),
            Seconds("refresh"),
            Seconds("retry"),
            Seconds("expire"),
            Seconds("minimum"),
        ],
        Rtype::AFSDB => &[U16("subtype"), Name("host")],
        RT => &[U16("preference"), Name("intermediate host")],
        Rtype::KX => &[U16("preference"), Name("key exchanger")],
        Rtype::URI => &[U16("priority"), U16("weight"), Text("target")],
        _ => return None,
    })
}

impl Field {
    fn read(&self, fields: &mut Fields, out: &mut Vec<u8>) -> Result<(), Fault> {
        match self {
            Field::U16(what) => {
                let number = fields.number(what, u16::MAX.into())? as u16;
                out.extend_from_slice(&number.to_be_bytes());
            }
            Field::U32(what) => {
                let number = fields.number(what, u32::MAX.into())? as u32;
                out.extend_from_slice(&number.to_be_bytes());
            }
            Field::Seconds(what) => out.extend_from_slice(&fields.seconds(what)?.to_be_bytes()),
            Field::Name(what) => fields.name(what, out)?,
            Field::Strings => {
                fields.string("text", out)?;
                while !fields.is_empty() {
                    fields.string("text", out)?;
                }
            }
            Field::Text(what) => fields.octets(what, out)?,
            Field::Ipv4 => {
                let address: Ipv4Addr =
                    fields.parsed("address", "an IPv4 address, e.g. 192.0.2.1")?;
                out.extend_from_slice(&address.octets());
            }
            Field::Ipv6 => {
                let address: Ipv6Addr =
                    fields.parsed("address", "an IPv6 address, e.g. 2001:db8::1")?;
                out.extend_from_slice(&address.octets());
            }
        }
        Ok(())
    }

    /// Where the field that starts at `at` ends in wire form; none if it is not whole.
    fn end(&self, rdata: &[u8], at: usize) -> Option<usize> {
        let length = match self {
            Field::U16(_) => 2,
            Field::U32(_) | Field::Seconds(_) | Field::Ipv4 => 4,
            Field::Ipv6 => 16,
            Field::Text(_) => rdata.len() - at,
            Field::Name(_) => rdata::names(Rtype::PTR, &rdata[at..]).next()?.len(),
            Field::Strings => {
                let mut end = at + 1 + usize::from(*rdata.get(at)?);
                while end < rdata.len() {
                    end += 1 + usize::from(rdata[end]);
                }
                end - at
            }
        };
        (at + length <= rdata.len()).then_some(at + length)
    }
}

/// RDATA as `domain` reads it.
fn library(rtype: Rtype, fields: &mut Fields, out: &mut Vec<u8>) -> Result<(), Fault> {
    let Some(least) = library_fields_min(rtype) else {
        let place = fields.rest_place();
        return Err(Fault::new(place, format!("{rtype} has no text form that is known here"))
            .help("write it as \\# LENGTH HEX (RFC 3597)"));
    };
    // A digest, key or signature that is missing would read as an empty one.
    let found = fields.len();
    let known = domain::base::iana::Rtype::from_int(rtype.0);
    let data =
        ZoneRecordData::scan(known, fields).map_err(|fault| fault.or_at(fields.last_place()))?;
    if found < least {
        let message =
            format!("the record ends early: {rtype} has at least {least} fields, here are {found}");
        return Err(Fault::new(fields.last_place(), message));
    }
    data.compose_rdata(out).map_err(|never| match never {})
}

/// How many fields a type that `domain` reads has at least; none for the types that are not its.
fn library_fields_min(rtype: Rtype) -> Option<usize> {
    Some(match rtype {
        Rtype::MB | Rtype::MD | Rtype::MF | Rtype::MG | Rtype::MR | Rtype::OPENPGPKEY => 1,
        Rtype::HINFO | Rtype::MINFO | Rtype::RP | Rtype::NSEC => 2,
        Rtype::CAA | Rtype::SSHFP => 3,
        Rtype::TLSA | Rtype::DS | Rtype::CDS | Rtype::DNSKEY | Rtype::CDNSKEY => 4,
        // The key of IPSECKEY and the types of NSEC3 may be missing (RFC 4025 §3.1, RFC 5155 §3.2.1).
        Rtype::NSEC3PARAM | Rtype::IPSECKEY | Rtype::ZONEMD => 4,
        Rtype::NSEC3 => 5,
        Rtype::NAPTR => 6,
        Rtype::RRSIG => 9,
        _ => return None,
    })
}

/// RDATA of any type: `\# LENGTH HEX` (RFC 3597 §5).
fn generic(rtype: Rtype, fields: &mut Fields, out: &mut Vec<u8>) -> Result<(), Fault> {
    let (_, marker) = fields.word("RDATA")?;
    let expected = fields.number("RDATA length", RDATA_BYTES_MAX as u64)? as usize;
    let start = out.len();
    rare::hex(fields, out)?;
    let place = marker.start..fields.last_place().end;
    let found = out.len() - start;
    if found != expected {
        return Err(Fault::new(
            place,
            format!("the RDATA has {found} octets, but {expected} are announced"),
        ));
    }
    if !is_well_formed(rtype, &out[start..]) {
        return Err(Fault::new(place, format!("these octets are no RDATA of type {rtype}")).help(
            "names in it must be whole and uncompressed, and nothing may follow the last field",
        ));
    }
    digest_length(rtype, &out[start..]).map_err(|message| Fault::new(place, message))
}

/// Whether `rdata` could have been read from the type's own form; true for types without one.
fn is_well_formed(rtype: Rtype, rdata: &[u8]) -> bool {
    if let Some(shape) = shape(rtype) {
        return shape.iter().try_fold(0, |at, field| field.end(rdata, at)) == Some(rdata.len());
    }
    match rtype {
        Rtype::LOC => loc::is_well_formed(rdata),
        Rtype::APL => rare::is_apl(rdata),
        Rtype::EUI48 => rdata.len() == 6,
        Rtype::EUI64 => rdata.len() == 8,
        // Type, key tag and algorithm (RFC 4398 §2); serial and flags (RFC 7477 §2.1.1).
        Rtype::CERT => rdata.len() > 5,
        Rtype::CSYNC => rdata.len() >= 6,
        Rtype::SMIMEA => recomposes(Rtype::TLSA, rdata),
        _ => recomposes(rtype, rdata),
    }
}

/// Whether `domain` makes of these octets a value that comes to the same octets again.
fn recomposes(rtype: Rtype, rdata: &[u8]) -> bool {
    let rtype = domain::base::iana::Rtype::from_int(rtype.0);
    let mut parser = Parser::from_ref(rdata);
    let data = ZoneRecordData::<&[u8], ParsedName<&[u8]>>::parse_rdata(rtype, &mut parser);
    let mut again = Vec::with_capacity(rdata.len());
    match data {
        Ok(Some(data)) => {
            parser.remaining() == 0 && data.compose_rdata(&mut again).is_ok() && again == rdata
        }
        Ok(None) => true,
        Err(_) => false,
    }
}

/// Refuses a digest of another length than its kind has: it is cut off, and nothing would ever match it.
fn digest_length(rtype: Rtype, rdata: &[u8]) -> Result<(), String> {
    let (header, kind) = match rtype {
        Rtype::DS | Rtype::CDS => (4, rdata.get(3)),
        Rtype::SSHFP => (2, rdata.get(1)),
        Rtype::TLSA | Rtype::SMIMEA => (3, rdata.get(2)),
        _ => return Ok(()),
    };
    let expected = match (rtype, kind) {
        // RFC 3658 §2.4, RFC 4509 §2.1, RFC 6605 §2.
        (Rtype::DS | Rtype::CDS, Some(1)) => 20,
        (Rtype::DS | Rtype::CDS, Some(2)) => 32,
        (Rtype::DS | Rtype::CDS, Some(4)) => 48,
        // RFC 4255 §3.1.2, RFC 6594 §3.
        (Rtype::SSHFP, Some(1)) => 20,
        (Rtype::SSHFP, Some(2)) => 32,
        // RFC 6698 §2.1.3.
        (Rtype::TLSA | Rtype::SMIMEA, Some(1)) => 32,
        (Rtype::TLSA | Rtype::SMIMEA, Some(2)) => 64,
        _ => return Ok(()),
    };
    match rdata.len() - header {
        found if found == expected => Ok(()),
        found => Err(format!("the digest has {found} octets; its kind has {expected}")),
    }
}
