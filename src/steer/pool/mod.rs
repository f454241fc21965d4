//! A pool in one address family: who sits where, what each site's deck holds right now, and which site serves an order.
//!
//! ```text
//! Pool + family ── Roster::new (config changed) ──► Roster ── deal (health changed) ──► Dealt ── choose (per query)
//! ──► Choice
//! ```
//!
//! A roster lists the sites of a pool and of the fallbacks behind it, and every endpoint that has an address in the
//! family; the classes of a route order just those sites. Dealing lays the standings over it: each site gets a level of
//! trust, an admission and a deck. Choosing walks an order twice or thrice at most and allocates nothing. Where the
//! order comes from is [`super::classes`]'s part, which card is drawn the deck's.

mod admission;
mod dealt;
mod roster;
mod standings;
#[cfg(test)]
mod tests;

pub use admission::Admission;
pub use dealt::{Choice, Dealt, DealtSite, Level};
pub use roster::{Family, Roster, RosterTier};
pub use standings::{Standings, Weight};
