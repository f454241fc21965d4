//! Readers of types that `domain` has no text form for and that are more than fields in a row.

use super::fault::Fault;
use super::fields::Fields;
use domain::base::iana::SecurityAlgorithm;
use domain::base::scan::Scanner;
use domain::rdata::dnssec::RtypeBitmap;
use domain::utils::{base16, base64};
use std::net::IpAddr;

/// Hex digits to the end of the record, white space between them wherever it suits.
pub fn hex(fields: &mut Fields, out: &mut Vec<u8>) -> Result<(), Fault> {
    let octets = fields.convert_entry(base16::SymbolConverter::new());
    out.extend(octets.map_err(|fault| fault.or_at(fields.last_place()))?);
    Ok(())
}

/// Base64 to the end of the record, at least one octet.
pub fn base64(what: &str, fields: &mut Fields, out: &mut Vec<u8>) -> Result<(), Fault> {
    fields.clone().token(what)?;
    let octets = fields.convert_entry(base64::SymbolConverter::new());
    out.extend(octets.map_err(|fault| fault.or_at(fields.last_place()))?);
    Ok(())
}

/// CERT (RFC 4398 §2.2): type, key tag, algorithm, certificate.
pub fn cert(fields: &mut Fields, out: &mut Vec<u8>) -> Result<(), Fault> {
    const TYPES: [(&str, u16); 10] = [
        ("PKIX", 1),
        ("SPKI", 2),
        ("PGP", 3),
        ("IPKIX", 4),
        ("ISPKI", 5),
        ("IPGP", 6),
        ("ACPKIX", 7),
        ("IACPKIX", 8),
        ("URI", 253),
        ("OID", 254),
    ];
    let (word, place) = fields.word("certificate type")?;
    let named =
        TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, number)| *number);
    let kind = named.or_else(|| word.parse().ok());
    let kind = kind.ok_or_else(|| {
        Fault::new(
            place,
            format!("certificate type {word:?} is neither a number nor PKIX, SPKI, PGP …"),
        )
    })?;
    let tag = fields.number("key tag", u16::MAX.into())? as u16;
    let algorithm =
        SecurityAlgorithm::scan(fields).map_err(|fault| fault.or_at(fields.last_place()))?;
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&tag.to_be_bytes());
    out.push(algorithm.to_int());
    base64("certificate", fields, out)
}

/// CSYNC (RFC 7477 §2.1.2): serial, flags, types.
pub fn csync(fields: &mut Fields, out: &mut Vec<u8>) -> Result<(), Fault> {
    let serial = fields.number("serial", u32::MAX.into())? as u32;
    let flags = fields.number("flags", u16::MAX.into())? as u16;
    let types = RtypeBitmap::scan(fields).map_err(|fault| fault.or_at(fields.last_place()))?;
    out.extend_from_slice(&serial.to_be_bytes());
    out.extend_from_slice(&flags.to_be_bytes());
    out.extend_from_slice(types.as_slice());
    Ok(())
}

/// DHCID (RFC 4701 §3.2).
pub fn dhcid(fields: &mut Fields, out: &mut Vec<u8>) -> Result<(), Fault> {
    base64("identifier", fields, out)
}

/// EUI48 and EUI64 (RFC 7043 §3.2, §4.2): `length` pairs of hex digits with hyphens between them.
pub fn eui(length: usize, fields: &mut Fields, out: &mut Vec<u8>) -> Result<(), Fault> {
    let (word, place) = fields.word("address")?;
    let octet = |pair: &str| {
        let digits = pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit());
        u8::from_str_radix(pair, 16).ok().filter(|_| digits)
    };
    let octets: Option<Vec<u8>> = word.split('-').map(octet).collect();
    let octets = octets.filter(|octets| octets.len() == length).ok_or_else(|| {
        let message =
            format!("{word:?} is not {length} pairs of hex digits with hyphens between them");
        Fault::new(place, message)
    })?;
    out.extend_from_slice(&octets);
    Ok(())
}

/// APL (RFC 3123 §5): `[!]FAMILY:ADDRESS/PREFIX`, any number of them.
pub fn apl(fields: &mut Fields, out: &mut Vec<u8>) -> Result<(), Fault> {
    while !fields.is_empty() {
        let (word, place) = fields.word("item")?;
        apl_item(word, out).ok_or_else(|| {
            Fault::new(place, format!("{word:?} is no item of an address list"))
                .help("write FAMILY:ADDRESS/PREFIX, e.g. 1:192.0.2.0/24 or !2:2001:db8::/32")
        })?;
    }
    Ok(())
}

fn apl_item(word: &str, out: &mut Vec<u8>) -> Option<()> {
    let plain = word.strip_prefix('!');
    let (family, rest) = plain.unwrap_or(word).split_once(':')?;
    let (address, prefix) = rest.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let prefix: u8 = prefix.parse().ok()?;
    let (number, bits_max, mut octets) = match address {
        IpAddr::V4(address) => (1u16, 32, address.octets().to_vec()),
        IpAddr::V6(address) => (2, 128, address.octets().to_vec()),
    };
    if family != number.to_string() || prefix > bits_max {
        return None;
    }
    // Trailing zero octets are not sent (RFC 3123 §4.1).
    while octets.last() == Some(&0) {
        octets.pop();
    }
    out.extend_from_slice(&number.to_be_bytes());
    out.push(prefix);
    out.push(if plain.is_some() { 0x80 } else { 0 } | octets.len() as u8);
    out.extend_from_slice(&octets);
    Some(())
}

/// Whether octets are a list of whole items (RFC 3123 §4).
pub fn is_apl(rdata: &[u8]) -> bool {
    let mut at = 0;
    while at < rdata.len() {
        match rdata.get(at + 3) {
            Some(length) => at += 4 + usize::from(length & 0x7f),
            None => return false,
        }
    }
    at == rdata.len()
}
