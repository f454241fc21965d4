//! Geo codes as octoDNS writes them: `EU`, `NA-US`, `NA-US-CA`; `AS64500` for a network by its number; `*` for the
//! rest.
//!
//! The continent of every country is known here, so a code whose parts do not belong together is refused, and the
//! right one is suggested. Subdivisions are checked against a list where that list is complete and has been stable
//! for decades (US, CA); ISO revises others too often to refuse what is not known yet.

use super::places::{CONTINENTS, COUNTRIES, SUBDIVISIONS};
use std::fmt;
use std::str::FromStr;

/// What a geo rule or a location names. Letters are upper case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GeoCode {
    /// `AF AN AS EU NA OC SA`.
    Continent([u8; 2]),
    /// Continent and ISO 3166-1 alpha-2 country.
    Country([u8; 2], [u8; 2]),
    /// Continent, country and the ISO 3166-2 part after the hyphen (one to three characters, zero-padded).
    Subdivision([u8; 2], [u8; 2], [u8; 3]),
    /// An autonomous system.
    Asn(u32),
    /// Everything, known or not.
    Any,
}

/// Why a text is no geo code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeError {
    /// What is wrong, naming the offending part.
    pub message: String,
    /// The likely intention, where there is one.
    pub suggestion: Option<String>,
}

/// Countries whose subdivisions are all known here.
const COUNTRIES_LISTED_IN_FULL: [&str; 2] = ["CA", "US"];

impl GeoCode {
    /// The continent's code, for places.
    pub fn continent(&self) -> Option<&str> {
        match self {
            Self::Continent(code) | Self::Country(code, _) | Self::Subdivision(code, _, _) => {
                Some(letters(code))
            }
            Self::Asn(_) | Self::Any => None,
        }
    }

    /// The ISO 3166-1 country code, for places that fine.
    pub fn country(&self) -> Option<&str> {
        match self {
            Self::Country(_, code) | Self::Subdivision(_, code, _) => Some(letters(code)),
            _ => None,
        }
    }

    /// The part of the ISO 3166-2 code after the hyphen, for places that fine.
    pub fn subdivision(&self) -> Option<&str> {
        match self {
            Self::Subdivision(_, _, code) => Some(letters(code)),
            _ => None,
        }
    }

    /// This place and those around it, the finest first: subdivision, country, continent.
    pub fn widening(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |code| match *code {
            Self::Subdivision(continent, country, _) => Some(Self::Country(continent, country)),
            Self::Country(continent, _) => Some(Self::Continent(continent)),
            Self::Continent(_) | Self::Asn(_) | Self::Any => None,
        })
    }

    /// Whether `place` lies in this code's: itself, or finer. `*` holds everything; an ASN holds only itself.
    pub fn contains(&self, place: GeoCode) -> bool {
        *self == Self::Any || place.widening().any(|code| code == *self)
    }

    /// The continent of that code, in either case.
    pub fn of_continent(code: &str) -> Option<Self> {
        let code = upper::<2>(code)?;
        CONTINENTS
            .iter()
            .any(|(known, _)| known.as_bytes() == code)
            .then_some(Self::Continent(code))
    }

    /// The country of that ISO 3166-1 alpha-2 code, in either case, on the continent that it belongs to here.
    pub fn of_country(code: &str) -> Option<Self> {
        let code = upper::<2>(code)?;
        let index = COUNTRIES.binary_search_by(|entry| entry.0.as_bytes().cmp(&code)).ok()?;
        Some(Self::Country(two(COUNTRIES[index].1), code))
    }

    /// What a database means by a country code. Those that databases use beside ISO 3166-1 are read as the country or
    /// continent that they stand for; what stands for no place (`ZZ`, `A1`, `T1`, `??` …) is none.
    pub fn of_database_country(code: &str) -> Option<Self> {
        match code {
            "UK" => Self::of_country("GB"),
            // Pseudo-codes of registries' regions, and a country that broke into several.
            "EU" | "CS" => Some(Self::Continent(*b"EU")),
            "AP" => Some(Self::Continent(*b"AS")),
            "AN" => Some(Self::Continent(*b"NA")),
            code => Self::of_country(code),
        }
    }

    /// A subdivision of this country by the part of its ISO 3166-2 code after the hyphen; known or not, but
    /// well-formed.
    pub fn with_subdivision(self, code: &str) -> Option<Self> {
        let Self::Country(continent, country) = self else { return None };
        let is_well_formed =
            (1..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let mut padded = [0; 3];
        for (to, from) in padded.iter_mut().zip(code.bytes()) {
            *to = from.to_ascii_uppercase();
        }
        is_well_formed.then_some(Self::Subdivision(continent, country, padded))
    }
}

impl fmt::Display for GeoCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continent(continent) => f.write_str(letters(continent)),
            Self::Country(continent, country) => {
                write!(f, "{}-{}", letters(continent), letters(country))
            }
            Self::Subdivision(continent, country, subdivision) => {
                write!(f, "{}-{}-{}", letters(continent), letters(country), letters(subdivision))
            }
            Self::Asn(number) => write!(f, "AS{number}"),
            Self::Any => f.write_str("*"),
        }
    }
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CodeError {}

impl FromStr for GeoCode {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let upper = text.to_ascii_uppercase();
        if let Some(digits) = upper.strip_prefix("AS").filter(|rest| starts_with_digit(rest)) {
            return parse_asn(text, digits);
        }
        let parts: Vec<&str> = upper.split('-').collect();
        let code = match parts[..] {
            [continent] => parse_continent(continent)?,
            [continent, country] => parse_country(continent, country, None)?,
            [continent, country, rest] => parse_country(continent, country, Some(rest))?,
            _ => {
                let message =
                    format!("\"{text}\" has more than continent, country and subdivision");
                return Err(CodeError { message, suggestion: None });
            }
        };
        if upper != text {
            let message = format!("geo codes are written in upper case: \"{text}\"");
            return Err(CodeError { message, suggestion: Some(code.to_string()) });
        }
        Ok(code)
    }
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

fn parse_asn(text: &str, digits: &str) -> Result<GeoCode, CodeError> {
    let is_plain = text.starts_with("AS") && !digits.starts_with('0');
    match digits.parse() {
        Ok(number) if is_plain => Ok(GeoCode::Asn(number)),
        // AS 0 is no network (RFC 7607), so the leading zero stands for nothing.
        Ok(1..) => Err(CodeError {
            message: format!("an AS number is written AS and digits: \"{text}\""),
            suggestion: digits.parse::<u32>().ok().map(|number| format!("AS{number}")),
        }),
        _ => Err(CodeError {
            message: format!("\"{text}\" is no AS number from 1 to 4294967295"),
            suggestion: None,
        }),
    }
}

/// A code of one part: a continent, or a slip whose meaning can be guessed.
fn parse_continent(part: &str) -> Result<GeoCode, CodeError> {
    if let Some(continent) = GeoCode::of_continent(part) {
        return Ok(continent);
    }
    if let Some(country) = GeoCode::of_database_country(part) {
        let message = format!("\"{part}\" is a country; its continent comes first");
        return Err(CodeError { message, suggestion: Some(country.to_string()) });
    }
    Err(CodeError {
        message: format!("unknown continent \"{part}\" (AF, AN, AS, EU, NA, OC, SA)"),
        suggestion: None,
    })
}

fn parse_country(
    continent: &str,
    country: &str,
    subdivision: Option<&str>,
) -> Result<GeoCode, CodeError> {
    if GeoCode::of_continent(continent).is_none()
        && subdivision.is_none()
        && let Some(meant) = GeoCode::of_country(continent)
    {
        let message = format!("\"{continent}-{country}\" lacks the continent in front");
        let suggestion = meant.with_subdivision(country).map(|code| code.to_string());
        return Err(CodeError { message, suggestion });
    }
    let rest = subdivision.map(|code| format!("-{code}")).unwrap_or_default();
    let Some(code) = GeoCode::of_country(country) else {
        return Err(unknown_country(country, subdivision));
    };
    if code.continent() != Some(continent) {
        let message = if GeoCode::of_continent(continent).is_some() {
            format!("{country} is not in {continent}")
        } else {
            format!("unknown continent \"{continent}\"")
        };
        return Err(CodeError { message, suggestion: Some(format!("{code}{rest}")) });
    }
    let Some(subdivision) = subdivision else { return Ok(code) };
    parse_subdivision(code, country, subdivision)
}

fn unknown_country(country: &str, subdivision: Option<&str>) -> CodeError {
    let alias = GeoCode::of_database_country(country).filter(|code| code.country().is_some());
    CodeError {
        message: format!("unknown country \"{country}\" (ISO 3166-1 alpha-2)"),
        suggestion: alias.map(|code| match subdivision {
            Some(subdivision) => format!("{code}-{subdivision}"),
            None => code.to_string(),
        }),
    }
}

fn parse_subdivision(
    code: GeoCode,
    country: &str,
    subdivision: &str,
) -> Result<GeoCode, CodeError> {
    let parsed = code.with_subdivision(subdivision).ok_or_else(|| CodeError {
        message: format!("\"{subdivision}\" is no subdivision: one to three letters or digits"),
        suggestion: None,
    })?;
    let known = subdivisions(country);
    let is_known = known.iter().any(|(known, _)| *known == subdivision);
    if is_known || !COUNTRIES_LISTED_IN_FULL.contains(&country) {
        return Ok(parsed);
    }
    // Any two letters are one slip away from several states, so a guess would mislead more than help.
    Err(CodeError {
        message: format!("{country} has no subdivision \"{subdivision}\" (ISO 3166-2)"),
        suggestion: None,
    })
}

/// The subdivisions of a country that are known here.
pub(super) fn subdivisions(country: &str) -> &'static [(&'static str, super::places::Point)] {
    SUBDIVISIONS
        .binary_search_by(|entry| entry.0.cmp(country))
        .map_or(&[], |index| SUBDIVISIONS[index].1)
}

/// The letters of a code without padding.
fn letters(code: &[u8]) -> &str {
    let end = code.iter().position(|&byte| byte == 0).unwrap_or(code.len());
    std::str::from_utf8(&code[..end]).unwrap_or("?")
}

/// A code of exactly `N` ASCII letters, in upper case.
fn upper<const N: usize>(code: &str) -> Option<[u8; N]> {
    code.to_ascii_uppercase().as_bytes().try_into().ok()
}

/// The bytes of a continent in the table.
fn two(continent: &str) -> [u8; 2] {
    upper(continent).unwrap_or(*b"??")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_and_written() {
        let check = |text: &str, continent, country, subdivision| {
            let code: GeoCode = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(code.to_string(), text);
            assert_eq!(code.continent(), continent, "{text}");
            assert_eq!(code.country(), country, "{text}");
            assert_eq!(code.subdivision(), subdivision, "{text}");
        };
        check("EU", Some("EU"), None, None);
        check("AS", Some("AS"), None, None);
        check("AS-JP", Some("AS"), Some("JP"), None);
        check("NA-US", Some("NA"), Some("US"), None);
        check("AF-NA", Some("AF"), Some("NA"), None);
        check("NA-US-CA", Some("NA"), Some("US"), Some("CA"));
        check("SA-AR-B", Some("SA"), Some("AR"), Some("B"));
        check("EU-IT-25", Some("EU"), Some("IT"), Some("25"));
        check("EU-FR-ZZZ", Some("EU"), Some("FR"), Some("ZZZ"));
        check("EU-XK", Some("EU"), Some("XK"), None);
        check("AS64500", None, None, None);
        check("AS4294967295", None, None, None);
        check("*", None, None, None);
    }

    #[test]
    fn mistakes_come_with_the_likely_intention() {
        let check = |text: &str, part: &str, suggestion: Option<&str>| {
            let error = text.parse::<GeoCode>().expect_err(text);
            assert!(error.message.contains(part), "{text}: {}", error.message);
            assert_eq!(error.suggestion.as_deref(), suggestion, "{text}");
        };
        check("NA-DE", "DE is not in NA", Some("EU-DE"));
        check("DE", "continent comes first", Some("EU-DE"));
        check("UK", "continent comes first", Some("EU-GB"));
        check("EU-UK", "unknown country \"UK\"", Some("EU-GB"));
        check("EU-UK-SCT", "unknown country \"UK\"", Some("EU-GB-SCT"));
        check("EU-US-CA", "US is not in EU", Some("NA-US-CA"));
        check("US-CA", "continent", Some("NA-US-CA"));
        check("US-TX", "continent", Some("NA-US-TX"));
        check("XX-DE", "unknown continent \"XX\"", Some("EU-DE"));
        check("eu-de", "upper case", Some("EU-DE"));
        check("NA-US-ZZ", "no subdivision", None);
        check("NA-US-NYC", "no subdivision", None);
        check("EU-DE-BAVARIA", "one to three", None);
        check("EU-DE-", "one to three", None);
        check("EU-DE-BY-X", "more than", None);
        check("EU-", "unknown country", None);
        check("", "unknown continent", None);
        check("QQ", "unknown continent", None);
        check("as64500", "AS and digits", Some("AS64500"));
        check("AS064500", "AS and digits", Some("AS64500"));
        check("AS0", "no AS number", None);
        check("AS4294967296", "no AS number", None);
        check("AS1x", "no AS number", None);
        check("Ĳ-ß", "unknown country", None);
    }

    #[test]
    fn codes_contain_what_is_finer() {
        let check = |outer: &str, inner: &str, expected| {
            let (outer, inner): (GeoCode, GeoCode) =
                (outer.parse().expect("a code"), inner.parse().expect("a code"));
            assert_eq!(outer.contains(inner), expected, "{outer} contains {inner}");
        };
        check("EU", "EU", true);
        check("EU", "EU-DE", true);
        check("EU", "EU-DE-BE", true);
        check("EU-DE", "EU-DE-BE", true);
        check("EU-DE", "EU", false);
        check("EU-DE", "EU-FR", false);
        check("EU-DE-BE", "EU-DE-BY", false);
        check("NA-US-CA", "NA-CA", false);
        check("*", "EU-DE", true);
        check("*", "AS64500", true);
        check("AS64500", "AS64500", true);
        check("AS", "AS64500", false);
        check("EU", "*", false);
    }

    #[test]
    fn database_codes_beside_iso() {
        let check = |code: &str, expected: Option<&str>| {
            let place = GeoCode::of_database_country(code).map(|place| place.to_string());
            assert_eq!(place.as_deref(), expected, "{code}");
        };
        check("DE", Some("EU-DE"));
        check("UK", Some("EU-GB"));
        check("EU", Some("EU"));
        check("AP", Some("AS"));
        check("NA", Some("AF-NA"));
        for unknown in ["??", "ZZ", "T1", "A1", "A2", "O1", "SU", "", "DEU"] {
            check(unknown, None);
        }
    }

    #[test]
    fn the_tables_are_sorted_and_agree() {
        assert!(COUNTRIES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(SUBDIVISIONS.is_sorted_by(|a, b| a.0 < b.0));
        for (country, continent, _) in COUNTRIES {
            assert!(GeoCode::of_continent(continent).is_some(), "{country}");
        }
        for (country, subdivisions) in SUBDIVISIONS {
            let code = GeoCode::of_country(country).expect(country);
            assert!(subdivisions.is_sorted_by(|a, b| a.0 < b.0), "{country}");
            for (subdivision, _) in subdivisions {
                let text = format!("{code}-{subdivision}");
                assert_eq!(text.parse::<GeoCode>().map(|code| code.to_string()), Ok(text));
            }
        }
    }
}
