//! Text that says which country networks are in: Tor's `geoip` and `geoip6`, and simple CSV.
//!
//! A line is a network and a place: `cidr,country`, `first-last,country` or `first,last,country`, then optionally
//! `subdivision` and `latitude,longitude`. Addresses are written as usual; IPv4 ones also as a number, as Tor does.
//! `#` begins a comment line, one header line is passed over, fields may be quoted. Both families may be mixed.

use crate::geo::ranges::Key;
use crate::geo::{Coordinates, GeoCode, Record};
use crate::report::{Finding, Report, Source};
use jiff::fmt::rfc2822;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::sync::Arc;

/// After this many errors the rest of a file is not worth reading: it is of another format.
const ERRORS_MAX: usize = 20;

/// What was read from all inputs.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// Prefixes: address, length, number of the record.
    pub(super) v4: Vec<(u32, u8, u32)>,
    pub(super) v6: Vec<(u128, u8, u32)>,
    /// The newest `Generated:` date in a comment, in seconds since 1970.
    pub(super) generated_epoch: Option<u64>,
    /// Lines that name a network.
    pub(super) line_count: usize,
    /// Of those, how many name no place (`??`, `ZZ` …).
    pub(super) unknown_count: usize,
}

impl Input {
    /// Reads one text. `intern` gives a record its number; `progress` is told the bytes read so far.
    pub(super) fn read(
        &mut self,
        source: &Arc<Source>,
        report: &mut Report,
        mut intern: impl FnMut(Record) -> u32,
        mut progress: impl FnMut(u64),
    ) {
        let errors_before = report.error_count();
        let mut start = 0;
        let mut may_be_header = true;
        for line in source.text.split_inclusive('\n') {
            let at = start;
            start += line.len();
            progress(start as u64);
            let text = line.trim();
            if let Some(comment) = text.strip_prefix('#') {
                self.generated_epoch = self.generated_epoch.max(generated(comment));
            } else if !text.is_empty() {
                let fields = fields(line, at);
                let is_header = std::mem::take(&mut may_be_header) && looks_like_header(&fields);
                if !is_header && let Err(mistake) = self.line(&fields, &mut intern) {
                    let finding = Finding::error(mistake.message).at(source, mistake.span);
                    report.push(finding.help(mistake.help));
                    if report.error_count() - errors_before >= ERRORS_MAX {
                        let message = format!("{ERRORS_MAX} errors; the rest is not read");
                        report.push(Finding::warning(message).at(source, start..start));
                        return;
                    }
                }
            }
        }
    }

    fn line(
        &mut self,
        fields: &[Field<'_>],
        intern: impl FnOnce(Record) -> u32,
    ) -> Result<(), Mistake> {
        let (network, place) = network(fields)?;
        let record = record(place, fields)?;
        self.line_count += 1;
        let record = match record {
            Some(record) => intern(record),
            None => {
                self.unknown_count += 1;
                0
            }
        };
        match network {
            Network::V4(first, last) => {
                cover(first, last, |at, bits| self.v4.push((at, bits, record)))
            }
            Network::V6(first, last) => {
                cover(first, last, |at, bits| self.v6.push((at, bits, record)))
            }
        }
        Ok(())
    }
}

/// The fewest prefixes that make up `first..=last`, in order.
fn cover<K: Key>(first: K, last: K, mut push: impl FnMut(K, u8)) {
    let mut next = Some(first);
    while let Some(first) = next.filter(|first| *first <= last) {
        let fits = |bits: &u8| first.block_first(*bits) == first && first.block_last(*bits) <= last;
        // A single address always fits.
        let bits = (0..=K::BITS).find(fits).unwrap_or(K::BITS);
        push(first, bits);
        next = first.block_last(bits).successor();
    }
}

/// One field of a line, without blanks and quotes, and where it stands in the text.
struct Field<'a> {
    text: &'a str,
    span: Range<usize>,
}

/// What is wrong with a line.
struct Mistake {
    message: String,
    span: Range<usize>,
    help: &'static str,
}

enum Network {
    V4(u32, u32),
    V6(u128, u128),
}

const SHAPES: &str =
    "a line is cidr,country or first,last,country, then subdivision,latitude,longitude";

fn fields(line: &str, line_at: usize) -> Vec<Field<'_>> {
    let mut at = line_at;
    line.split(',')
        .map(|raw| {
            let text = raw.trim().trim_matches('"').trim();
            // Both are parts of `line`, so the distance between them is the number of bytes cut off in front.
            let begin = at + (text.as_ptr() as usize - raw.as_ptr() as usize);
            at += raw.len() + 1;
            Field { text, span: begin..begin + text.len() }
        })
        .collect()
}

fn looks_like_header(fields: &[Field<'_>]) -> bool {
    fields.first().is_some_and(|field| {
        field.text.starts_with(|first: char| first.is_ascii_alphabetic())
            && !field.text.contains([':', '/', '.'])
    })
}

/// The date after `Generated:` in the header of IPFire's export.
fn generated(comment: &str) -> Option<u64> {
    let date = comment.trim().strip_prefix("Generated:")?.trim();
    let date = rfc2822::parse(date).ok()?;
    u64::try_from(date.timestamp().as_second()).ok()
}

/// The network that a line begins with, and how many fields it takes.
fn network(fields: &[Field<'_>]) -> Result<(Network, usize), Mistake> {
    let [first, rest @ ..] = fields else {
        return Err(Mistake { message: "an empty line".to_owned(), span: 0..0, help: SHAPES });
    };
    let mistake = |message: String, field: &Field<'_>| Mistake {
        message,
        span: field.span.clone(),
        help: SHAPES,
    };
    if first.text.contains('/') {
        let net: ipnet::IpNet = first.text.parse().map_err(|_| {
            mistake(format!("\"{}\" is no network in CIDR notation", first.text), first)
        })?;
        return Ok((between(net.network(), net.broadcast()).ok_or_else(unequal(first))?, 1));
    }
    let (low, high, count) = match (first.text.split_once('-'), rest) {
        (Some((low, high)), _) => (low.trim(), high.trim(), 1),
        (None, [second, ..]) if address(second.text).is_some() => (first.text, second.text, 2),
        _ => (first.text, first.text, 1),
    };
    let parsed = |text: &str| {
        address(text).ok_or_else(|| mistake(format!("\"{text}\" is no address"), first))
    };
    let network = between(parsed(low)?, parsed(high)?).ok_or_else(unequal(first))?;
    let is_empty = match network {
        Network::V4(low, high) => low > high,
        Network::V6(low, high) => low > high,
    };
    if is_empty {
        return Err(mistake(format!("the range ends before it begins: {low} > {high}"), first));
    }
    Ok((network, count))
}

fn unequal(field: &Field<'_>) -> impl FnOnce() -> Mistake {
    let span = field.span.clone();
    || Mistake {
        message: "the range begins in one address family and ends in the other".to_owned(),
        span,
        help: "write both ends as IPv4 or both as IPv6",
    }
}

fn between(first: IpAddr, last: IpAddr) -> Option<Network> {
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => Some(Network::V4(first.to_bits(), last.to_bits())),
        (IpAddr::V6(first), IpAddr::V6(last)) => Some(Network::V6(first.to_bits(), last.to_bits())),
        _ => None,
    }
}

/// An address as usual, or IPv4 as a number.
fn address(text: &str) -> Option<IpAddr> {
    let number = || text.parse().ok().map(|number| IpAddr::V4(Ipv4Addr::from_bits(number)));
    text.parse().ok().or_else(number)
}

/// What a line says of its network, from field `place` on; none if that is no place.
fn record(place: usize, fields: &[Field<'_>]) -> Result<Option<Record>, Mistake> {
    let Some(country) = fields.get(place) else {
        let span = fields.last().map_or(0..0, |field| field.span.end..field.span.end);
        return Err(Mistake { message: "no country".to_owned(), span, help: SHAPES });
    };
    let is_code = country.text.is_empty()
        || country.text.len() == 2
            && country.text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'?');
    if !is_code {
        return Err(Mistake {
            message: format!("\"{}\" is no country code", country.text),
            span: country.span.clone(),
            help: "countries are two letters (ISO 3166-1 alpha-2), ?? where unknown",
        });
    }
    if let Some(extra) = fields.get(place + 4) {
        return Err(Mistake {
            message: "too many fields".to_owned(),
            span: extra.span.clone(),
            help: SHAPES,
        });
    }
    let Some(known) = GeoCode::of_database_country(&country.text.to_ascii_uppercase()) else {
        return Ok(None);
    };
    let known = match fields.get(place + 1).filter(|field| !field.text.is_empty()) {
        None => known,
        Some(field) => known.with_subdivision(field.text).ok_or_else(|| Mistake {
            message: format!("\"{}\" is no subdivision of {known}", field.text),
            span: field.span.clone(),
            help: "write the part of the ISO 3166-2 code after the hyphen",
        })?,
    };
    let coordinates = coordinates(fields.get(place + 2), fields.get(place + 3))?;
    Ok(Some(Record { place: Some(known), coordinates, asn: None }))
}

fn coordinates(
    latitude: Option<&Field<'_>>,
    longitude: Option<&Field<'_>>,
) -> Result<Option<Coordinates>, Mistake> {
    let present = |field: &&Field<'_>| !field.text.is_empty();
    let (latitude, longitude) = match (latitude.filter(present), longitude.filter(present)) {
        (None, None) => return Ok(None),
        (Some(latitude), Some(longitude)) => (latitude, longitude),
        (Some(field), None) | (None, Some(field)) => {
            return Err(Mistake {
                message: "latitude and longitude stand together or not at all".to_owned(),
                span: field.span.clone(),
                help: SHAPES,
            });
        }
    };
    let degrees = |field: &Field<'_>| {
        field.text.parse::<f64>().map_err(|_| Mistake {
            message: format!("\"{}\" is no number of degrees", field.text),
            span: field.span.clone(),
            help: "write decimal degrees, e.g. 50.11,8.68",
        })
    };
    Coordinates::new(degrees(latitude)?, degrees(longitude)?).map(Some).map_err(|error| Mistake {
        message: error.to_string(),
        span: latitude.span.start..longitude.span.end,
        help: "write latitude first, in decimal degrees",
    })
}
