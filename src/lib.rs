//! Fingerpost.
pub mod answer;
pub mod cli;
pub mod config;
pub mod control;
pub mod geo;
pub mod health;
pub mod net;
pub mod report;
pub mod snapshot;
pub mod steer;
pub mod wire;
pub mod zone;
