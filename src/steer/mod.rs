//! What is steered: sites, pools, routes, and what they compile to.
//!
//! [`model`] is what the configuration means, checked and self-contained.

pub mod classes;
pub mod deck;
pub mod model;
pub mod order;
pub mod pool;
