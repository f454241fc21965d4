//! Texts within TOML that have a grammar of their own: durations, addresses, networks, statuses, geo codes, names.
//!
//! Each function reads one [`Value`]; what is wrong with it becomes a finding with the cure, and `None`.

use super::defaults::SOCKET_PATH_BYTES_MAX;
use super::document::Document;
use super::reader::Value;
use crate::geo::GeoCode;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

/// Units of durations, in milliseconds.
const UNITS_MS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// The port of a listener that serves DNS.
const DNS_PORT: u16 = 53;

/// A duration with its unit, such as `"500ms"`, `"5s"`, `"2m"`, `"1h"`, `"7d"`.
pub fn duration(value: &Value<'_>, range: RangeInclusive<Duration>) -> Option<Duration> {
    let bounds = format!("{} to {}", shown(*range.start()), shown(*range.end()));
    if !value.is_string() {
        value.wrong_type("a duration in quotes", &format!("with its unit, from {bounds}"));
        return None;
    }
    let text = value.string()?;
    let Some(duration) = parse_duration(text) else {
        value.error(format!("{text:?} is no duration"), DURATION_FORM);
        return None;
    };
    if !range.contains(&duration) {
        value.error(format!("{:?} cannot be {text}", value.key), format!("use {bounds}"));
        return None;
    }
    Some(duration)
}

/// How durations are written.
pub const DURATION_FORM: &str = "write a whole number and its unit: ms, s, m, h or d, as in \"5s\"";

/// A duration with its unit; none if it is not one, or too long to count.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit_ms = UNITS_MS.iter().find(|(name, _)| *name == unit)?.1;
    Some(Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(unit_ms)?))
}

/// A duration as it would be written.
pub fn shown(duration: Duration) -> String {
    let ms = duration.as_millis();
    let fits = |unit_ms: u64| ms > 0 && ms.is_multiple_of(u128::from(unit_ms));
    let unit = UNITS_MS.iter().rev().find(|(_, unit_ms)| fits(*unit_ms));
    let (name, unit_ms) = unit.unwrap_or(&UNITS_MS[0]);
    format!("{}{name}", ms / u128::from(*unit_ms))
}

/// An IP address.
pub fn address(value: &Value<'_>) -> Option<IpAddr> {
    let text = value.string()?;
    let address = text.parse().ok();
    if address.is_none() {
        let help = "write an IPv4 or IPv6 address, without a port or a prefix length";
        value.error(format!("{text:?} is no IP address"), help);
    }
    address
}

/// An address and a port to listen on.
pub fn listen(value: &Value<'_>) -> Option<SocketAddr> {
    socket(value, DNS_PORT)
}

/// An address and a port; `port` is an example for the cure.
pub fn socket(value: &Value<'_>, port: u16) -> Option<SocketAddr> {
    let text = value.string()?;
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let help = match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => format!("give the port too: \"{address}:{port}\""),
        Ok(IpAddr::V6(address)) => {
            format!("give the port too, the address in brackets: \"[{address}]:{port}\"")
        }
        Err(_) => format!(
            "write ADDRESS:PORT, as in \"127.0.0.1:{port}\" or \"[::1]:{port}\"; names are not looked up"
        ),
    };
    value.error(format!("{text:?} is no address and port"), help);
    None
}

/// A network in CIDR form.
pub fn network(value: &Value<'_>) -> Option<IpNet> {
    match parse_network(value.string()?) {
        Ok(network) => Some(network),
        Err((message, help)) => {
            value.error(message, help);
            None
        }
    }
}

/// A network in CIDR form; what is wrong with it and the cure otherwise.
pub fn parse_network(text: &str) -> Result<IpNet, (String, String)> {
    if let Ok(network) = text.parse::<IpNet>() {
        if network.trunc() == network {
            return Ok(network);
        }
        let message = format!("{text:?} has bits set to the right of its prefix");
        return Err((
            message,
            format!(
                "write \"{}\", or /{} for the one address",
                network.trunc(),
                network.max_prefix_len()
            ),
        ));
    }
    let help = match text.parse::<IpAddr>() {
        Ok(address) => format!("write \"{}\"", IpNet::from(address)),
        Err(_) => "write ADDRESS/BITS, as in \"192.0.2.0/24\" or \"2001:db8::/32\"".to_owned(),
    };
    Err((format!("{text:?} is no network"), help))
}

/// How geo codes of places are written.
pub const CODE_FORM: &str =
    "write CONTINENT, CONTINENT-COUNTRY or CONTINENT-COUNTRY-SUBDIVISION, as in \"NA-US-CA\"";

/// A geo code.
pub fn geo_code(value: &Value<'_>) -> Option<GeoCode> {
    let text = value.string()?;
    match text.parse() {
        Ok(code) => Some(code),
        Err(error) => {
            let error: crate::geo::CodeError = error;
            let help = match &error.suggestion {
                Some(suggestion) => format!("did you mean {suggestion:?}?"),
                None => CODE_FORM.to_owned(),
            };
            value.error(error.message, help);
            None
        }
    }
}

/// HTTP statuses: `"200-299,301"`, or a list of numbers and such texts.
pub fn statuses(value: &Value<'_>) -> Option<Vec<RangeInclusive<u16>>> {
    let mut ranges = Vec::new();
    for element in value.one_or_many() {
        if !element.is_string() {
            let status = element.integer(100..=599)? as u16;
            ranges.push(status..=status);
            continue;
        }
        for part in element.string()?.split(',') {
            let Some(range) = status_range(part.trim()) else {
                let help = "write statuses from 100 to 599, as in \"200-299,301\"";
                element.error(format!("{part:?} is no HTTP status or range of them"), help);
                return None;
            };
            ranges.push(range);
        }
    }
    if ranges.is_empty() {
        value.error(
            "no status is expected, so no probe can succeed",
            "name at least one, as in \"200-299\"",
        );
        return None;
    }
    Some(ranges)
}

fn status_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let status =
        |text: &str| text.trim().parse().ok().filter(|status| (100..=599).contains(status));
    let range = status(first)?..=status(last)?;
    (!range.is_empty()).then_some(range)
}

/// A path, from the directory of the file that names it.
pub fn path(value: &Value<'_>) -> Option<PathBuf> {
    let text = value.string()?;
    if text.is_empty() {
        value.error(format!("{:?} is empty", value.key), "name a path, or leave the key out");
        return None;
    }
    Some(value.document().directory().join(text))
}

/// The path of a Unix socket; `instead` says what to use where the system has none.
pub fn socket_path(value: &Value<'_>, instead: &str) -> Option<PathBuf> {
    let path = path(value)?;
    if !cfg!(unix) {
        value.error("Unix sockets are not known to this system", instead);
        return None;
    }
    let bytes = path.as_os_str().len();
    if bytes > SOCKET_PATH_BYTES_MAX {
        let message = format!("a socket cannot have a path of {bytes} bytes");
        value.error(message, format!("use at most {SOCKET_PATH_BYTES_MAX}"));
        return None;
    }
    Some(path)
}

/// The key of an entry as the name of what it defines.
pub fn name(entry: &Value<'_>, noun: &str) -> Option<String> {
    word(entry.document(), entry.key, entry.key_span.clone(), noun)
}

/// A text as the name of a definition: commands, metrics and file names must be able to carry it.
pub fn word(doc: &Document, text: &str, span: Range<usize>, noun: &str) -> Option<String> {
    let carried = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if text.is_empty() || !text.bytes().all(carried) {
        let message = format!("{text:?} cannot name {noun}");
        doc.error(span, message, "use letters, digits, '-', '_' and '.'");
        return None;
    }
    Some(text.to_owned())
}
