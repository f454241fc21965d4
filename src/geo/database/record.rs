//! The fields of a data record that place a client, decoded leniently.
//!
//! Vendors differ: a number may be an integer or a float or text, a list may be missing, a map may be a string. A
//! field of an unexpected type is unknown rather than an error; only damage to the file itself is one.

use super::Record;
use crate::geo::{Coordinates, GeoCode};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// A record as far as it is of use.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawRecord {
    continent: Lenient<Continent>,
    country: Lenient<Coded>,
    /// Where the network is registered; says as much as `country` where that is missing (anycast, satellite).
    registered_country: Lenient<Coded>,
    /// The widest first.
    subdivisions: Lenient<Coded>,
    location: Lenient<Point>,
    autonomous_system_number: Lenient<Scalar>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Continent {
    code: Lenient<Scalar>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Coded {
    iso_code: Lenient<Scalar>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Point {
    latitude: Lenient<Scalar>,
    longitude: Lenient<Scalar>,
}

/// Text or a number, or neither.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Scalar {
    #[default]
    Missing,
    Text(String),
    Number(f64),
}

impl RawRecord {
    /// What the record says, checked.
    pub(super) fn record(&self) -> Record {
        let country = [&self.country, &self.registered_country]
            .into_iter()
            .find_map(|country| GeoCode::of_database_country(country.0.iso_code.0.text()?));
        let subdivision = || country?.with_subdivision(self.subdivisions.0.iso_code.0.text()?);
        let continent = || GeoCode::of_continent(self.continent.0.code.0.text()?);
        let place = subdivision().or(country).or_else(continent);
        let point = &self.location.0;
        let coordinates = point.latitude.0.number().zip(point.longitude.0.number());
        let asn = self.autonomous_system_number.0.number();
        Record {
            place,
            coordinates: coordinates.and_then(|(lat, lon)| Coordinates::new(lat, lon).ok()),
            // AS 0 is no network (RFC 7607).
            asn: asn.filter(|asn| (1.0..=f64::from(u32::MAX)).contains(asn)).map(|asn| asn as u32),
        }
    }
}

impl Scalar {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim_start_matches("AS").parse().ok(),
            Self::Missing => None,
        }
    }
}

/// A value if it has the expected shape (of a list, its first element), else the default.
#[derive(Debug, Default)]
pub(super) struct Lenient<T>(pub(super) T);

impl<'de, T: Deserialize<'de> + Default + FromScalar> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LenientVisitor(PhantomData)).map(Self)
    }
}

/// What a plain value means where this type is expected.
pub(super) trait FromScalar {
    fn from_scalar(scalar: Scalar) -> Self;
}

impl FromScalar for Scalar {
    fn from_scalar(scalar: Scalar) -> Self {
        scalar
    }
}

macro_rules! no_scalar {
    ($($map:ty),*) => {
        $(impl FromScalar for $map {
            fn from_scalar(_: Scalar) -> Self {
                Self::default()
            }
        })*
    };
}

no_scalar!(RawRecord, Continent, Coded, Point);

/// A map where text or a number is expected: nothing.
impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_ignored_any(IgnoredAny).map(|_| Self::Missing)
    }
}

struct LenientVisitor<T>(PhantomData<T>);

macro_rules! visit_scalar {
    ($($method:ident($from:ty) => $scalar:expr;)*) => {
        $(fn $method<E>(self, value: $from) -> Result<T, E> {
            let scalar: fn($from) -> Scalar = $scalar;
            Ok(T::from_scalar(scalar(value)))
        })*
    };
}

impl<'de, T: Deserialize<'de> + Default + FromScalar> Visitor<'de> for LenientVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    visit_scalar! {
        visit_bool(bool) => |_| Scalar::Missing;
        visit_i64(i64) => |number| Scalar::Number(number as f64);
        visit_u64(u64) => |number| Scalar::Number(number as f64);
        visit_u128(u128) => |number| Scalar::Number(number as f64);
        visit_f64(f64) => Scalar::Number;
        visit_str(&str) => |text| Scalar::Text(text.to_owned());
        visit_bytes(&[u8]) => |_| Scalar::Missing;
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<T, A::Error> {
        let first: Option<Lenient<T>> = list.next_element()?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first.map(|first| first.0).unwrap_or_default())
    }
}
