//! The point that stands for a place, for clients of whom no more than the place is known.

use super::places::{CONTINENTS, COUNTRIES, Point};
use super::{Coordinates, GeoCode, code};

/// The centroid of a place: of its subdivision where that is known, else of its country, else of its continent. None
/// for networks and `*`. What kind of centre it is, the table of places says.
pub fn centroid(place: GeoCode) -> Option<Coordinates> {
    let of_subdivision = || {
        let known = code::subdivisions(place.country()?);
        find(known, place.subdivision()?)
    };
    let of_country = || {
        let country = place.country()?;
        let index = COUNTRIES.binary_search_by(|entry| entry.0.cmp(country)).ok()?;
        Some(COUNTRIES[index].2)
    };
    let of_continent = || find(&CONTINENTS, place.continent()?);
    let (latitude, longitude) = of_subdivision().or_else(of_country).or_else(of_continent)?;
    Coordinates::new(degrees(latitude), degrees(longitude)).ok()
}

fn find(known: &[(&str, Point)], code: &str) -> Option<Point> {
    known.iter().find(|(known, _)| *known == code).map(|&(_, point)| point)
}

/// The table's tenths as the nearest `f64`, so that 50.1 stays 50.1 when shown.
fn degrees(tenths: f32) -> f64 {
    (f64::from(tenths) * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::super::places::SUBDIVISIONS;
    use super::*;

    #[test]
    fn by_the_finest_known_part() {
        let check = |place: &str, expected: Option<(f64, f64)>| {
            let found = centroid(place.parse().expect("a code"));
            let expected = expected.map(|(latitude, longitude)| {
                Coordinates::new(latitude, longitude).expect("in range")
            });
            assert_eq!(found, expected, "{place}");
        };
        check("EU", Some((50.0, 14.0)));
        check("EU-DE", Some((50.8, 9.6)));
        check("EU-DE-BE", Some((52.5, 13.4)));
        check("EU-PT-11", Some((39.7, -8.6)));
        check("AS64500", None);
        check("*", None);
    }

    /// A slip of a sign or a digit in the table would put a place far from the rest of its country or continent.
    #[test]
    fn the_table_holds_together() {
        let point = |(latitude, longitude): Point| {
            Coordinates::new(degrees(latitude), degrees(longitude)).expect("in range")
        };
        for (country, continent, at) in COUNTRIES {
            // Islands of the Pacific and the Southern Ocean lie far from everything.
            let limit_km = if ["OC", "AN"].contains(&continent) { 8500.0 } else { 7300.0 };
            let centre = centroid(GeoCode::of_continent(continent).expect("a continent"));
            let distance_km = point(at).distance_km(centre.expect("a point"));
            assert!(distance_km < limit_km, "{country} is {distance_km:.0} km from {continent}");
        }
        for (country, subdivisions) in SUBDIVISIONS {
            // The largest, RU from its west to Chukotka and US to Guam, apart from the rest.
            let limit_km = match country {
                "US" => 12_000.0,
                "RU" => 6_500.0,
                "AU" | "CA" | "CN" | "BR" => 4_200.0,
                _ => 3_500.0,
            };
            let centre = centroid(GeoCode::of_country(country).expect("a country"));
            for (subdivision, at) in subdivisions {
                let distance_km = point(*at).distance_km(centre.expect("a point"));
                assert!(distance_km < limit_km, "{country}-{subdivision}: {distance_km:.0} km");
            }
        }
    }
}
