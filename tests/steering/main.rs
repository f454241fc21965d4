//! Steered answers on the wire: who gets which addresses, for whom the answer holds, and the counter that moved.
//!
//! The real server runs on a small database of our own making, a networks file and pinned endpoints ([`world`]). What
//! one question must be answered with is a table of [`case`]s, asked over UDP and TCP in both families; what holds for
//! many questions together (scopes, mixes, rotations) is counted in bulk.

#[path = "../kit/mod.rs"]
mod kit;

mod bulk;
mod case;
mod down;
mod ecs;
mod families;
mod methods;
mod names;
mod networks;
mod routes;
mod scopes;
mod world;
