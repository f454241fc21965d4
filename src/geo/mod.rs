//! Where a client is: geo codes, coordinates, databases, the user's networks, and the tables that a query is looked
//! up in.
//!
//! Files become a [`World`] (every address of both families → one [`Location`]) on the control side; routes map the
//! world to classes; a [`ClassTable`] answers "which class, and how far around this address is that so?" on the
//! packet path. Nothing here knows of pools or names.

pub mod build;
pub mod centroid;
pub mod code;
pub mod database;
pub mod embed;
pub mod intern;
pub mod location;
mod places;
pub mod ranges;
pub mod table;
pub mod world;

pub use centroid::centroid;
pub use code::{CodeError, GeoCode};
pub use database::{Database, Record};
pub use location::{Coordinates, Location};
pub use ranges::Ranges;
pub use table::{ClassTable, Found};
pub use world::{Located, LocationId, NetworkEntry, Networks, World};
