//! Balancing by load through DNS: how much more or less than its due an endpoint is handed out, and what part of its
//! clients a site takes.
//!
//! ```text
//! loads (feeds, probes) ── step (every interval) ──► Favours: a factor per endpoint ─► Weight.favour ─┐
//!                      └── step ──────────────────► Intakes: a part per site ───────► Admission ──────┴─► deck
//!       ▲                                                                                              │
//!       └── sessions begin, last, end ◄── clients ◄── resolvers keep an answer for its TTL ◄───────────┘
//! ```
//!
//! That is a closed loop, and a slow one: what is dealt now reaches the last resolver one TTL later, and the sessions
//! that are there stay for as long as they last. Who reacts as fast as the loads are measured corrects the same fault
//! again and again before the first correction shows, and the shares swing. All pace here is therefore measured in one
//! time, the *lag*: how long until what is dealt shows in what is measured, see [`lag`].
//!
//! # The law for sessions
//!
//! `least-connections` and `weighted-least-connections`, and per site [`Intakes`], go by the error `x`, the logarithm
//! of the load over what it should be (logarithms, so that half as much and twice as much are equally far off):
//!
//! ```text
//! e' = (x − e) / F          F = lag          what is measured is noisy: smoothed
//! i' = −ψ(e) / Ti           Ti = 4 · lag     what persists is learnt
//! ln(favour) = i − P · e    P = 1.25         what is new is met at once
//! ```
//!
//! Resolvers pass a change of shares on as the mean over the last TTL, `W(s) = (1 − e^(−s·TTL)) / (s·TTL)`, and
//! sessions that last a time `S` follow as `1 / (1 + s·S)`. Around the loop that makes
//! `L(s) = (P / (1 + s·F) + 1 / (s·Ti)) · W(s) / (1 + s·S)`. How near `L` comes to −1 on its way says how near the
//! loop is to swinging; half way, where disturbances are amplified twice at worst, is what is usually asked for.
//!
//! - Sessions of about half a lag are the hard case: their delay adds to that of caches and smoothing. It is they that
//!   limit `P`: at 2, with half the smoothing, the distance would be 0.25, and gone with a feed that is slow.
//! - Long sessions: what remains is `S·Ti·s² + (1 + P)·Ti·s + 1`, damped by `(1 + P) / 2 · √(Ti / S)`: 0.7 at 10 lags,
//!   0.5 at 20. That a part of the error is met at once is what buys this: by integration alone (P = 0) it would be
//!   0.5 at 4 lags. Whose sessions last hours should set `damping`.
//!
//! A unit test holds the distance to 0.44 for all `S` up to 60 lags and feeds as slow as half a TTL, and
//! `tests/balance` closes the loop over the real decks, with resolvers and clients that are not linear at all.
//!
//! Shares cannot be negative: who starts far off is corrected only as fast as sessions end, and an integral that goes
//! on counting meanwhile overshoots. So `ψ` grows with the error up to [`KNEE`] and falls again beyond it: large errors
//! are met by `P`, and learnt slowly. (Of sites the influence of an error is limited, and does not fall again: what is
//! far too full must shed.)
//!
//! # The others
//!
//! - `least-response-time`: favour = (mean / own response time), smoothed over 8 lags. Proportional and not integral:
//!   a far site or an old machine is to get less, not to be filled until it is as slow as the others. A queue near
//!   its limit answers the more slowly the fuller it is, with a slope of 4 at 80 % and 9 at 90 % utilisation. That
//!   slope goes around the loop, hence the long smoothing: it leaves a distance of 0.6 and 0.4.
//! - `power-of-two`: as if two were drawn by weight and the less loaded one handed out. An endpoint with part `p` of
//!   the weight is handed out with `p² + Σ 2·p·q·s` over the others' parts `q`, where `s` goes from 1 to 0 as its
//!   sessions per weight go from less to more than the other's: smoothly, since a step would swing. The slope at
//!   balance is at most 1.5, the smoothing that of sessions. Never above 2 times its due, whatever the loads say.
//!
//! # What is not known
//!
//! An endpoint whose load is unknown keeps what it has for 4 lags and then goes back to its due; the others are
//! balanced among themselves. Who is new begins at its due; who leaves takes nothing from the proportions of the
//! others. Shares are dealt again only where one has moved by more than 2 %, and 8 times in a lag at most.
//!
//! Pure: no clock, no randomness; the time that has passed is an argument.

mod favours;
mod intakes;
mod item;
#[cfg(test)]
mod tests;

pub use favours::{FavourTold, Favours, Observed};
pub use intakes::{Filled, IntakeTold, Intakes};
pub use item::KNEE;

use std::time::Duration;

/// Below this, what is measured is noise of single clients.
const LAG_MIN: Duration = Duration::from_secs(1);
/// No TTL worth steering by is longer.
const LAG_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The lag of a pool that configures no `damping`: until the last resolver has asked again, and the load has been
/// measured after that. `ttl` is the longest of the pool's names, `interval` that between measurements.
pub fn lag(ttl: Duration, interval: Duration) -> Duration {
    ttl.saturating_add(interval).clamp(LAG_MIN, LAG_MAX)
}
