//! Load times and memory: a large static zone beside NSD and Knot, and many steered names.
//!
//! ```text
//! cargo bench --bench memory_and_load
//! cargo bench --bench memory_and_load -- --parts static --names 1000000 --rounds 5
//! ```
//! `static`: one zone of a million names; for each server the time from its start to the first right answer, the CPU
//! time until then, and its memory. `steered`: 10,000 names over 50 routes, 10,000 endpoints, all probed; start to
//! first answer, memory, and how soon a verdict is visible in answers once it is reached; `--site-sets` says over
//! how many different sets of sites the pools stand, and so how many tables there are for each route. Without
//! `--bench`, as under `cargo test`, all of it is small and without peers.

#[path = "../kit/mod.rs"]
mod kit;
mod steered;
mod zone;

use kit::Failed;
use kit::words::Words;

fn main() -> Result<(), Failed> {
    if !kit::process::is_installed("taskset") {
        println!("not run: this needs taskset (util-linux)");
        return Ok(());
    }
    let words = Words::read(&["parts", "names", "rounds", "site-sets"])?;
    if words.wants("parts", "static") {
        zone::run(&words)?;
    }
    if words.wants("parts", "steered") {
        steered::run(&words)?;
    }
    Ok(())
}
