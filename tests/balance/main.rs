//! Balancing by load, in a closed loop: the real controllers, rosters, decks and admissions, before resolvers that
//! cache, clients that stay, servers that fill, and feeds that tell of it every two seconds.
//!
//! [`world`] is the loop, [`course`] what is read off a run, [`methods`] and [`spill`] the runs. Each prints a table;
//! the README has one of them. With `FINGERPOST_LONG=1` every method is tried with every TTL, and there are
//! more resolvers: two minutes. Columns of the tables: what it is, steady-state error, unrest, settling time, overshoot;
//! see [`course::Figures`].

mod chance;
mod course;
mod disturbed;
mod methods;
mod spill;
mod world;

use course::{Course, Figures};

/// So many runs with other luck make one course.
const RUNS: u64 = 4;

/// Whether there is time for the long runs.
fn is_long() -> bool {
    std::env::var_os("FINGERPOST_LONG").is_some()
}

/// Resolvers of a run.
fn resolvers() -> usize {
    if is_long() { 20_000 } else { 4000 }
}

/// Prints a row of a table, and the course itself with `FINGERPOST_SKETCH=1`.
fn report(what: &str, runs: &[Course]) -> Figures {
    let course = Course::mean(runs);
    let figures = course.figures();
    println!("| {what} | {figures} |");
    if std::env::var_os("FINGERPOST_SKETCH").is_some() {
        println!("{}", course.sketch(40));
    }
    figures
}
