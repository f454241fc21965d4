//! Watching an answer being made.
//!
//! `explain` and `simulate` run the very code that answers queries and look over its shoulder; workers count what they
//! answer in the same way. `()` watches nothing and costs nothing.

use crate::snapshot::{NamePlan, ServedZone};
use crate::steer::pool::{Choice, DealtSite, Family};
use crate::wire::Query;
use std::net::IpAddr;

/// Is told each step of an answer as it is taken.
pub trait Recorder {
    /// The message is this query, as far as it can be read.
    fn query(&mut self, _query: &Query) {}
    /// The zone that encloses the name, and its place in the index.
    fn zone(&mut self, _place: usize, _zone: &ServedZone) {}
    /// An alias was followed to this name, in wire form.
    fn alias(&mut self, _target: &[u8]) {}
    /// Addresses of a steered name were chosen.
    fn steered(&mut self, _step: &SteeredStep<'_>) {}
    /// The addresses at these positions of a site's deck were written.
    fn handed_out(&mut self, _site: &DealtSite, _positions: &[u16]) {}
}

/// Watches nothing.
impl Recorder for () {}

/// How the addresses of a steered name were chosen.
#[derive(Clone, Copy, Debug)]
pub struct SteeredStep<'a> {
    /// The name and its plan.
    pub plan: &'a NamePlan,
    /// The family asked for.
    pub family: Family,
    /// The address that the client was placed by.
    pub placed_by: IpAddr,
    /// Its class.
    pub class: u32,
    /// How far around the address the class reaches, in bits.
    pub class_bits: u8,
    /// The scope that this makes, in bits: longer than `class_bits` if the client's very network matters.
    pub scope_bits: u8,
    /// The sites of the roster, best first.
    pub order: &'a [u16],
    /// Who serves.
    pub choice: Choice,
    /// The number of the card drawn, if a site serves.
    pub card: Option<usize>,
}
