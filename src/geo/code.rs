//! Geo codes as octoDNS writes them: `EU`, `NA-US`, `NA-US-CA`; `AS64500` for a network by its number; `*` for the rest.
//!
//! The continent of every country is known here, so a code whose parts do not belong together is refused.

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

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CodeError {}

impl FromStr for GeoCode {
    type Err = CodeError;

    fn from_str(_text: &str) -> Result<Self, CodeError> {
        unimplemented!()
    }
}
