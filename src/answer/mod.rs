//! A snapshot, a question and a client to an answer and its reason.

mod outcome;

pub use outcome::{Client, Outcome, Reason, Scratch, Transport};

use crate::snapshot::Snapshot;

/// Answers one message. Pure: no I/O, no clock, no allocation; what varies comes in `client`, what is remembered between
/// queries of one worker is in `scratch`. Writes at most `out.len()` bytes of response into `out`.
pub fn answer(
    _snapshot: &Snapshot,
    _scratch: &mut Scratch,
    _query: &[u8],
    _client: &Client,
    _out: &mut [u8],
) -> Outcome {
    unimplemented!()
}
