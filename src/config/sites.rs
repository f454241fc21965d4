//! `[sites]`: places, by name.

use super::reader::{Table, Value};
use super::scope::{Named, Scope};
use super::value;
use crate::geo::{Coordinates, GeoCode, centroid};
use crate::steer::model::Site;
use crate::wire::Name;
use std::sync::Arc;

/// Longest title of a site, in bytes; it stands in tables for people.
const TITLE_BYTES_MAX: usize = 100;

/// Reads all sites of a file.
pub fn read<'a>(
    table: Table<'_>,
    zone: Option<&Name>,
    shared: Option<&'a Named<Arc<Site>>>,
) -> Scope<'a, Arc<Site>> {
    let mut scope = Scope::new("site", shared);
    for entry in table.into_entries() {
        let site = value::name(&entry, "a site").and_then(|name| site(&entry, name, zone));
        scope.define(entry.key, entry.key_span.clone(), site.map(Arc::new));
    }
    scope
}

fn site(entry: &Value<'_>, name: String, zone: Option<&Name>) -> Option<Site> {
    let mut table = entry.table("a site")?;
    let title = table.take("name").and_then(|value| value.short_string(TITLE_BYTES_MAX));
    let location = table.take("location").and_then(|value| location(&value));
    let given = table.take("coordinates").and_then(|value| coordinates(&value));
    table.finish();
    Some(Site {
        zone: zone.cloned(),
        title: title.unwrap_or_else(|| name.clone()),
        name,
        location,
        coordinates: given.or_else(|| centroid(location?)),
    })
}

/// A geo code that is a place.
pub fn location(value: &Value<'_>) -> Option<GeoCode> {
    let code = value::geo_code(value)?;
    if matches!(code, GeoCode::Asn(_) | GeoCode::Any) {
        value.error(format!("\"{code}\" is no place"), value::CODE_FORM);
        return None;
    }
    Some(code)
}

/// `[LATITUDE, LONGITUDE]` in degrees.
pub fn coordinates(value: &Value<'_>) -> Option<Coordinates> {
    let numbers = value.list()?;
    let [latitude, longitude] = &numbers[..] else {
        let help = "write [LATITUDE, LONGITUDE] in degrees, as in [50.11, 8.68]";
        value.error(format!("coordinates are two numbers, not {}", numbers.len()), help);
        return None;
    };
    Some(Coordinates {
        latitude_deg: latitude.float(-90.0..=90.0)?,
        longitude_deg: longitude.float(-180.0..=180.0)?,
    })
}
