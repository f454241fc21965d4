//! Everything that works toward the next snapshot: loading, watching, publishing; and the counters of what was
//! answered.
//!
//! [`server`] starts the parts in order and owns them; [`loader`] turns files into something to serve; [`publisher`] is
//! the single writer of snapshots; [`reloader`] reads again, and [`watch`] asks it to; [`service`] hands the answer
//! function to the listeners.

pub mod counters;
pub mod explain;
pub mod loader;
pub mod overrides;
pub mod publisher;
pub mod reloader;
pub mod server;
pub mod service;
pub mod watch;

pub use reloader::Reloaded;
pub use server::{Options, Server};
