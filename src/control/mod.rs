//! Everything that works toward the next snapshot: loading, watching, publishing; and the operator's view of it.
//!
//! [`server`] starts the parts in order and owns them; [`loader`] turns files into something to serve; [`publisher`] is
//! the single writer of snapshots; [`reloader`] reads again, and [`watch`] asks it to; [`service`] hands the answer
//! function to the listeners.
//!
//! What is known of endpoints is [`knowledge`], what of it moves by itself [`motion`].
//!
//! Whoever looks on or operates holds a [`Handle`]: what is known of endpoints ([`knowledge`]), how far pools can be
//! relied on ([`outlook`]), what has happened ([`events`]), what was answered ([`counters`], [`rates`]), all of it at
//! once ([`status`]), why a client gets what it gets ([`explain`]), and what a change would do to all ([`simulate`]).
//! What operators pin goes through [`overrides`].

pub mod counters;
pub mod events;
pub mod explain;
pub mod handle;
pub mod knowledge;
pub mod loader;
pub mod motion;
mod news;
pub mod outlook;
pub mod overrides;
pub mod publisher;
pub mod rates;
pub mod reloader;
pub mod server;
pub mod service;
pub mod simulate;
pub mod spans;
mod stamp;
pub mod status;
#[cfg(test)]
mod testing;
pub mod watch;

pub use handle::{Handle, Readiness};
pub use reloader::Reloaded;
pub use server::{Options, Server};
