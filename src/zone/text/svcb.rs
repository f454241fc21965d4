//! SVCB and HTTPS (RFC 9460): priority, target, parameters in any order.
//!
//! Not `domain`'s reader: that of 0.12.3 takes `key1=…` for the text form of `alpn` instead of its octets, knows no
//! list escapes, refuses keys with a 9 in their number, and passes `tls-supported-groups` through as text.

use super::fault::Fault;
use super::fields::Fields;
use domain::utils::base64;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// The parameters of IANA's registry by number; their index is the number.
const KEYS: [&str; 11] = [
    "mandatory",
    "alpn",
    "no-default-alpn",
    "port",
    "ipv4hint",
    "ech",
    "ipv6hint",
    "dohpath",
    "ohttp",
    "tls-supported-groups",
    "docpath",
];
const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;
/// Reserved as invalid (RFC 9460 §14.3.2).
const INVALID: u16 = 65535;

/// Reads the fields of a SVCB or HTTPS record.
pub fn read(fields: &mut Fields, out: &mut Vec<u8>) -> Result<(), Fault> {
    let priority = fields.number("priority", u16::MAX.into())? as u16;
    out.extend_from_slice(&priority.to_be_bytes());
    fields.name("target", out)?;
    let mut parameters: BTreeMap<u16, (Vec<u8>, Range<usize>)> = BTreeMap::new();
    while !fields.is_empty() {
        let (octets, place) = fields.glued("parameter")?;
        let (key, value) =
            parameter(&octets).map_err(|message| Fault::new(place.clone(), message))?;
        if parameters.insert(key, (value, place.clone())).is_some() {
            return Err(Fault::new(place, format!("{} is given twice", key_name(key))));
        }
    }
    consistent(&parameters)?;
    // In ascending order of keys, which is the map's (RFC 9460 §2.2).
    for (key, (value, place)) in &parameters {
        let length = u16::try_from(value.len())
            .map_err(|_| Fault::new(place.clone(), "this parameter is longer than 65535 octets"))?;
        out.extend_from_slice(&key.to_be_bytes());
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(value);
    }
    Ok(())
}

/// What parameters ask of one another.
fn consistent(parameters: &BTreeMap<u16, (Vec<u8>, Range<usize>)>) -> Result<(), Fault> {
    if let Some((keys, place)) = parameters.get(&MANDATORY) {
        let listed = keys.chunks_exact(2).map(|key| u16::from_be_bytes([key[0], key[1]]));
        // RFC 9460 §8: what is mandatory must be there.
        if let Some(missing) = listed.into_iter().find(|key| !parameters.contains_key(key)) {
            let message =
                format!("{} is said to be mandatory, but is not given", key_name(missing));
            return Err(Fault::new(place.clone(), message));
        }
    }
    match parameters.get(&NO_DEFAULT_ALPN) {
        // RFC 9460 §7.1.1.
        Some((_, place)) if !parameters.contains_key(&ALPN) => {
            Err(Fault::new(place.clone(), "no-default-alpn without alpn leaves no protocol at all"))
        }
        _ => Ok(()),
    }
}

/// One parameter: its key and its value in wire form.
fn parameter(octets: &[u8]) -> Result<(u16, Vec<u8>), String> {
    let (key, value) = match octets.iter().position(|octet| *octet == b'=') {
        Some(at) => (&octets[..at], Some(&octets[at + 1..])),
        None => (octets, None),
    };
    let name = String::from_utf8_lossy(key);
    let Some(key) = key_number(&name) else {
        let known = crate::report::nearest(&name, KEYS);
        let cure = known.map_or_else(String::new, |known| format!("; did you mean {known:?}?"));
        return Err(format!("unknown parameter {name:?}{cure}"));
    };
    if name.starts_with("key") {
        // The octets themselves, whatever the key (RFC 9460 §2.1).
        return Ok((key, value.unwrap_or_default().to_vec()));
    }
    wire_value(key, value.filter(|value| !value.is_empty()))
        .map(|value| (key, value))
        .map_err(|what| format!("{name}: {what}"))
}

fn key_number(name: &str) -> Option<u16> {
    if let Some(number) = KEYS.iter().position(|key| *key == name) {
        return Some(number as u16);
    }
    let digits = name.strip_prefix("key")?;
    let number: u16 = digits.parse().ok()?;
    (number.to_string() == digits && number != INVALID).then_some(number)
}

fn key_name(key: u16) -> String {
    KEYS.get(usize::from(key)).map_or_else(|| format!("key{key}"), |name| (*name).to_owned())
}

fn wire_value(key: u16, value: Option<&[u8]>) -> Result<Vec<u8>, String> {
    let name = KEYS[usize::from(key)];
    match (name, value) {
        ("no-default-alpn" | "ohttp", None) => return Ok(Vec::new()),
        ("no-default-alpn" | "ohttp", Some(_)) => return Err("takes no value".to_owned()),
        // RFC 9953: the root's path has no segments.
        ("docpath", None) => return Ok(Vec::new()),
        (_, None) => return Err("needs a value".to_owned()),
        _ => {}
    }
    let value = value.unwrap_or_default();
    match name {
        "mandatory" => mandatory(value),
        "alpn" | "docpath" => strings(value),
        "port" => each(&[value], |port: u16| port.to_be_bytes().to_vec(), "a port from 0 to 65535"),
        "ipv4hint" => {
            each(&list(value)?, |address: Ipv4Addr| address.octets().to_vec(), "an IPv4 address")
        }
        "ipv6hint" => {
            each(&list(value)?, |address: Ipv6Addr| address.octets().to_vec(), "an IPv6 address")
        }
        "tls-supported-groups" => {
            each(&list(value)?, |group: u16| group.to_be_bytes().to_vec(), "the number of a group")
        }
        "ech" => {
            base64::decode(&String::from_utf8_lossy(value)).map_err(|_| "not base64".to_owned())
        }
        // dohpath: a URI template in UTF-8 (RFC 9461 §5).
        _ if std::str::from_utf8(value).is_err() => Err("not UTF-8".to_owned()),
        _ => Ok(value.to_vec()),
    }
}

fn mandatory(value: &[u8]) -> Result<Vec<u8>, String> {
    let mut keys = Vec::new();
    for item in list(value)? {
        let name = String::from_utf8_lossy(&item);
        match key_number(&name) {
            None => return Err(format!("unknown parameter {name:?}")),
            Some(MANDATORY) => return Err("may not list itself".to_owned()),
            Some(key) if keys.contains(&key) => return Err(format!("{name} is listed twice")),
            Some(key) => keys.push(key),
        }
    }
    keys.sort_unstable();
    Ok(keys.into_iter().flat_map(u16::to_be_bytes).collect())
}

/// Items with a length octet each.
fn strings(value: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for item in list(value)? {
        let length =
            u8::try_from(item.len()).map_err(|_| "an item is longer than 255 octets".to_owned())?;
        out.push(length);
        out.extend_from_slice(&item);
    }
    Ok(out)
}

/// Items that have a text form, one after another.
fn each<T: std::str::FromStr>(
    items: &[impl AsRef<[u8]>],
    as_wire: impl Fn(T) -> Vec<u8>,
    expected: &str,
) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for item in items {
        let text = String::from_utf8_lossy(item.as_ref());
        // Rust's integers take a plus sign; RFC 9460 §7.2 does not.
        let value = text.parse().ok().filter(|_| !text.starts_with('+'));
        out.extend(as_wire(value.ok_or_else(|| format!("{text:?} is not {expected}"))?));
    }
    Ok(out)
}

/// A list with commas between its items, none of them empty; `\,` and `\\` stand for themselves (RFC 9460 §A.1).
fn list(value: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut items = vec![Vec::new()];
    let mut octets = value.iter();
    while let Some(&octet) = octets.next() {
        let item = items
            .last_mut()
            .expect("there is always an item: the list starts with one and only grows");
        match octet {
            b',' => items.push(Vec::new()),
            b'\\' => match octets.next() {
                Some(&escaped @ (b',' | b'\\')) => item.push(escaped),
                _ => {
                    return Err(
                        "only a comma or a backslash may follow a backslash in a list".to_owned()
                    );
                }
            },
            _ => item.push(octet),
        }
    }
    if items.iter().any(Vec::is_empty) {
        Err("an item of the list is empty".to_owned())
    } else {
        Ok(items)
    }
}
