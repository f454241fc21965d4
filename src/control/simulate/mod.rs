//! What a change would do to everyone, before it is made.
//!
//! ```text
//! class tables before and after ─┐
//! worlds or observed traffic ────┴─ joint: who is in which class, before and after ─┐
//! orders of the classes ── choose, before and after ────────────────────────────────┴─ tally ─► shares, moves
//! ```
//!
//! Nothing is sampled. Every run of the compiled tables is walked once and weighed ([`Clients`]); which site serves a
//! class is asked of [`Dealt::choose`](crate::steer::pool::Dealt::choose), what a site hands out is its deck's exact
//! mix: the very code that answers. Names that share a route and a pool are computed once. What each side is made of
//! (files, databases, supposed failures) is the caller's; so is what is made of the result, but for the [`Gate`].

mod changes;
mod clients;
mod gate;
mod joint;
mod plans;
mod side;
mod sites;
mod tally;
#[cfg(test)]
mod tests;
mod traffic;
mod view;

pub use changes::{Changes, EndpointWeight};
pub use clients::{Clients, Measure, Population};
pub use gate::Gate;
pub use side::{Health, Side};
pub use traffic::Traffic;
pub use view::{
    Change, EndpointShare, Move, Simulation, SiteShare, Steered, Unanswered, Uncounted,
};

use crate::wire::Name;

/// Compares two sides. `only` restricts the names; empty means all.
pub fn simulate(before: &Side, after: &Side, clients: &Clients, only: &[Name]) -> Simulation {
    let mut steering = plans::compare(before, after, clients, only);
    // The biggest shift first; what stays the same keeps the order of the zones.
    steering.sort_by(|one, other| other.shift_max().total_cmp(&one.shift_max()));
    Simulation { clients: clients.populations().to_vec(), uncovered: clients.uncovered(), steering }
}
