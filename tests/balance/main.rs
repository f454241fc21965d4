//! Balancing by load, in a closed loop: the real controllers, rosters, decks and admissions, before resolvers that
//! cache, clients that stay, servers that fill, and feeds that tell of it every two seconds.
//!
//! [`world`] is the loop, [`course`] what is read off a run, [`methods`] and [`spill`] the runs. Each prints a table;
//! the README has one of them. With `FINGERPOST_LONG=1` the runs are repeated with other seeds, every method is tried
//! with every TTL, and there are more resolvers: some minutes, better in a release build.

mod chance;
mod course;
mod disturbed;
mod methods;
mod spill;
mod world;

/// Whether there is time for the long runs.
fn is_long() -> bool {
    std::env::var_os("FINGERPOST_LONG").is_some()
}
