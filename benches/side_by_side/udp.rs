//! CPU time per answered UDP query, against the echo.

use crate::Setting;
use crate::kit::generator::{Counted, flood};
use crate::kit::peers::{Peer, RECIPES};
use crate::kit::process::pin_self;
use crate::kit::scene::{Backends, STATIC_NAMES};
use crate::kit::{Failed, Luck, median, query, query_for};

/// Distinct client networks under `ecs`: more than any cache of a peer holds.
const NETWORKS: usize = 50_000;

/// The queries of a load, by name.
pub fn load(name: &str) -> Vec<Vec<u8>> {
    let mut luck = Luck(7);
    match name {
        "ecs" => (0..NETWORKS).map(|_| query_for("www.example.com", 1, luck.network())).collect(),
        "plain" => vec![query("www.example.com", 1)],
        "static" => {
            (0..STATIC_NAMES).map(|number| query(&format!("h{number:03}.example.com"), 1)).collect()
        }
        _ => {
            (0..STATIC_NAMES).map(|number| query(&format!("n{number:03}.example.com"), 1)).collect()
        }
    }
}

/// One measurement.
pub struct Measured {
    /// CPU time per answer, in nanoseconds.
    pub cpu_ns: f64,
    /// What the generator saw.
    pub counted: Counted,
}

/// Floods a server and reads what it cost.
pub fn measure(
    peer: &Peer,
    queries: &[Vec<u8>],
    setting: &Setting,
    threads: usize,
) -> Result<Measured, Failed> {
    let before = peer.process.cpu();
    let counted = flood(peer.address, queries, setting.duration(), threads)?;
    // What is still in the server's socket when the generator stops is answered, but not counted: a window at most.
    let cpu = peer.process.cpu() - before;
    Ok(Measured { cpu_ns: cpu.as_nanos() as f64 / counted.answered.max(1) as f64, counted })
}

pub fn run(setting: &Setting) -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let backends = Backends::start()?;
    pin_self("1")?;
    let mut peers = Vec::new();
    for recipe in &RECIPES {
        let is_own = ["echo", "fingerpost"].contains(&recipe.name);
        if !setting.words.wants("only", recipe.name) || setting.words.is_small && !is_own {
            continue;
        }
        if !recipe.is_installed() {
            println!("# {} is not installed", recipe.name);
            continue;
        }
        peers.extend(recipe.start(directory.path(), "0", Some(backends.port))?);
    }
    println!("load    server      ns CPU/query  x echo  (least-most)    kq/s    lost  not NOERROR");
    for name in ["ecs", "plain", "static", "nxdomain"] {
        if !setting.words.wants("loads", name) {
            continue;
        }
        let queries = load(name);
        let mut rounds: Vec<Vec<Measured>> = peers.iter().map(|_| Vec::new()).collect();
        for _ in 0..setting.rounds {
            backends.drain();
            for (peer, measured) in peers.iter().zip(&mut rounds) {
                let is_static = ["static", "nxdomain"].contains(&name);
                if if is_static { peer.has_static } else { peer.steers } {
                    measured.push(measure(peer, &queries, setting, 1)?);
                }
            }
        }
        show(name, &peers, &rounds);
    }
    Ok(())
}

/// A line for each server; ratios are taken round by round, so that a round that was disturbed disturbs both sides.
fn show(load: &str, peers: &[Peer], rounds: &[Vec<Measured>]) {
    let echo = peers.iter().zip(rounds).find(|(peer, _)| peer.process.name == "echo");
    for (peer, measured) in peers.iter().zip(rounds).filter(|(_, measured)| !measured.is_empty()) {
        let mut ratios: Vec<f64> = echo.map_or_else(Vec::new, |(_, echo)| {
            measured.iter().zip(echo).map(|(one, echo)| one.cpu_ns / echo.cpu_ns).collect()
        });
        ratios.sort_by(f64::total_cmp);
        let rates = measured
            .iter()
            .map(|one| one.counted.answered as f64 / one.counted.elapsed.as_secs_f64() / 1e3);
        let sum = |part: fn(&Counted) -> u64| -> u64 {
            measured.iter().map(|one| part(&one.counted)).sum()
        };
        println!(
            "{load:8}{:12}{:12.0}{:8.3}  ({:.3}-{:.3}){:10.0}{:8}{:8}",
            peer.process.name,
            median(measured.iter().map(|one| one.cpu_ns).collect()),
            median(ratios.clone()),
            ratios.first().unwrap_or(&f64::NAN),
            ratios.last().unwrap_or(&f64::NAN),
            median(rates.collect()),
            sum(|counted| counted.lost),
            sum(|counted| counted.refused),
        );
    }
}
