//! What is steered: sites, pools, routes, and what they compile to.
//!
//! ```text
//! model (as configured) ─┬─ order: what a route means, readably
//!                        ├─ classes: what it compiles to: address ─► class ─► order of sites
//!                        └─ pool: rosters, and who serves an order ─► deck: the ready answers of a site
//! ```
//!
//! [`model`] is what the configuration means, checked and self-contained, and so is [`director`]. [`order`] defines
//! what a route says of one client, for people and as the measure of [`classes`], which say it for all clients at once
//! and are what queries read. [`pool`] lays health over the sites, and a [`deck`] deals a site's live endpoints in
//! proportion to their weights, which [`balance`] bends by load.

pub mod balance;
pub mod classes;
pub mod deck;
pub mod director;
pub mod model;
pub mod order;
pub mod pool;
#[cfg(test)]
pub(crate) mod testing;
