//! Whole servers side by side, in one run, on loopback.
//!
//! ```text
//! cargo bench --bench side_by_side
//! cargo bench --bench side_by_side -- --parts udp --only echo,fingerpost,gdnsd --loads ecs --rounds 9 --seconds 3
//! ```
//! Four parts. `udp`: CPU time of the server per answered query, as a multiple of what a bare echo takes in the same
//! run; the ratio holds on a noisy machine where queries a second do not. Server on core 0, generator on core 1, one
//! UDP worker each, rounds interleaved so that drift hits all alike. `scaling`: the same figure of two workers on
//! two cores against one. `latency`: at half load, quiet, and then while the zone changes every second and endpoints
//! flap; queries lost. `tcp`: answers per CPU second under `dnsperf -m tcp`. What is not installed is left out.
//! Without `--bench`, as under `cargo test`, everything runs for a moment, without peers.

#[path = "../kit/mod.rs"]
mod kit;
mod latency;
mod scaling;
mod tcp;
mod udp;

use kit::Failed;
use kit::words::Words;
use std::time::Duration;

/// What the parts have in common.
pub struct Setting {
    /// The command line.
    words: Words,
    /// How long each measurement of a round takes.
    seconds: f64,
    /// How often each is repeated; the median counts.
    rounds: usize,
}

impl Setting {
    fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

/// One of the measurements.
type Part = fn(&Setting) -> Result<(), Failed>;

fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [role, port] = &words[..]
        && role == "echo"
    {
        return Ok(kit::io::echo(([127, 0, 0, 1], port.parse()?).into())?);
    }
    if !kit::process::is_installed("taskset") || std::thread::available_parallelism()?.get() < 2 {
        println!("not run: this needs two cores and taskset (util-linux)");
        return Ok(());
    }
    let words = Words::read(&["parts", "only", "loads", "rounds", "seconds"])?;
    let setting = Setting {
        seconds: words.get("seconds", 2.0, 0.1)?,
        rounds: words.get("rounds", 5, 1)?,
        words,
    };
    let parts: [(&str, Part); 4] = [
        ("udp", udp::run),
        ("scaling", scaling::run),
        ("latency", latency::run),
        ("tcp", tcp::run),
    ];
    for (name, run) in parts {
        if setting.words.wants("parts", name) {
            let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
            println!("\n## {name} (load before: {})", load.split(' ').next().unwrap_or("?"));
            run(&setting)?;
        }
    }
    Ok(())
}
