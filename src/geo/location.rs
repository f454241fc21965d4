//! A place on Earth, as much of it as is known, and the distance between two.

use super::GeoCode;
use std::fmt;
use std::hash::{Hash, Hasher};

/// Mean radius of the Earth (IUGG), for distances on a sphere: off by at most 0.6 % from those on the ellipsoid.
const EARTH_RADIUS_KM: f64 = 6371.0088;

/// Latitude and longitude. Equal if they are so bit by bit, so that they can be keys.
#[derive(Clone, Copy, Debug)]
pub struct Coordinates {
    /// Degrees north, −90 to 90.
    pub latitude_deg: f64,
    /// Degrees east, −180 to 180.
    pub longitude_deg: f64,
}

impl Coordinates {
    /// Checked coordinates; the error says which one is out of range.
    pub fn new(latitude_deg: f64, longitude_deg: f64) -> Result<Self, CoordinatesError> {
        // A NaN is in no range.
        if !(-90.0..=90.0).contains(&latitude_deg) {
            return Err(CoordinatesError::Latitude(latitude_deg));
        }
        if !(-180.0..=180.0).contains(&longitude_deg) {
            return Err(CoordinatesError::Longitude(longitude_deg));
        }
        Ok(Self { latitude_deg, longitude_deg })
    }

    /// The great-circle distance, by the haversine formula (exact for near places too).
    pub fn distance_km(self, other: Self) -> f64 {
        let (latitude, other_latitude) =
            (self.latitude_deg.to_radians(), other.latitude_deg.to_radians());
        let half_latitude = (other_latitude - latitude) / 2.0;
        let half_longitude = (other.longitude_deg - self.longitude_deg).to_radians() / 2.0;
        let haversine = half_latitude.sin().powi(2)
            + latitude.cos() * other_latitude.cos() * half_longitude.sin().powi(2);
        // Rounding can push antipodes a hair above one.
        2.0 * EARTH_RADIUS_KM * haversine.min(1.0).sqrt().asin()
    }

    fn bits(self) -> [u64; 2] {
        [self.latitude_deg, self.longitude_deg].map(f64::to_bits)
    }
}

impl PartialEq for Coordinates {
    fn eq(&self, other: &Self) -> bool {
        self.bits() == other.bits()
    }
}

impl Eq for Coordinates {}

impl Hash for Coordinates {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits().hash(state);
    }
}

/// `50.11, 8.68`: latitude first, as in the configuration.
impl fmt::Display for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.latitude_deg, self.longitude_deg)
    }
}

/// Why two numbers are no coordinates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CoordinatesError {
    /// The first is not from −90 to 90.
    Latitude(f64),
    /// The second is not from −180 to 180.
    Longitude(f64),
}

impl fmt::Display for CoordinatesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latitude(degrees) => write!(f, "latitude {degrees} is not from -90 to 90"),
            Self::Longitude(degrees) => write!(f, "longitude {degrees} is not from -180 to 180"),
        }
    }
}

impl std::error::Error for CoordinatesError {}

/// What is known of where a network is. All fields may be unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Location {
    /// The finest of continent, country and subdivision that is known.
    pub place: Option<GeoCode>,
    /// From the source, or the centroid of `place`.
    pub coordinates: Option<Coordinates>,
    /// The autonomous system that announces the network.
    pub asn: Option<u32>,
    /// Names of sites in the order in which this network is to be served, where a `networks` file says so.
    pub sites: Option<Vec<String>>,
    /// For people: what the facts above come from, e.g. `world.mmdb` or `networks.toml`.
    pub source: String,
}

impl Location {
    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        self.place.is_none()
            && self.coordinates.is_none()
            && self.asn.is_none()
            && self.sites.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let at = |latitude, longitude| Coordinates::new(latitude, longitude).expect("in range");
        let check = |from: Coordinates, to: Coordinates, expected_km: f64| {
            let distance_km = from.distance_km(to);
            assert!(
                (distance_km - expected_km).abs() < 0.003 * expected_km + 1e-9,
                "{distance_km}"
            );
            assert!((distance_km - to.distance_km(from)).abs() < 1e-6, "not the same both ways");
        };
        check(at(50.11, 8.68), at(39.04, -77.49), 6546.0); // Frankfurt, Ashburn
        check(at(-33.87, 151.21), at(51.51, -0.13), 16993.0); // Sydney, London
        check(at(10.0, 179.9), at(10.0, -179.9), 21.9); // across the date line
        check(at(90.0, 0.0), at(90.0, 123.0), 0.0);
        check(at(0.0, 0.0), at(0.0, 180.0), 20015.1);
        check(at(12.5, 7.5), at(12.5, 7.5), 0.0);
    }

    #[test]
    fn out_of_range_is_refused() {
        assert_eq!(Coordinates::new(90.5, 0.0), Err(CoordinatesError::Latitude(90.5)));
        assert_eq!(Coordinates::new(0.0, -180.5), Err(CoordinatesError::Longitude(-180.5)));
        assert!(Coordinates::new(f64::NAN, 0.0).is_err());
        assert!(Coordinates::new(0.0, f64::INFINITY).is_err());
    }
}
