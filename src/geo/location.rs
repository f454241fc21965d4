//! A place on Earth, as much of it as is known, and the distance between two.

use super::GeoCode;

/// Latitude and longitude.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinates {
    /// Degrees north, −90 to 90.
    pub latitude_deg: f64,
    /// Degrees east, −180 to 180.
    pub longitude_deg: f64,
}

/// What is known of where a network is. All fields may be unknown.
#[derive(Clone, Debug, Default, PartialEq)]
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
