//! placeholder
pub mod geoip;
