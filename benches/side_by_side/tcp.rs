//! Answers per CPU second over TCP, by `dnsperf`.

use crate::Setting;
use crate::kit::peers::RECIPES;
use crate::kit::process::{is_installed, pin_self};
use crate::kit::{Failed, median};
use std::fmt::Write;
use std::process::Command;

/// Connections of the generator, and queries under way on all of them.
const CONNECTIONS: &str = "20";
const UNDER_WAY: &str = "400";

pub fn run(setting: &Setting) -> Result<(), Failed> {
    if !is_installed("dnsperf") {
        println!("# dnsperf is not installed");
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    pin_self("1")?;
    let mut queries = String::new();
    for number in 0..crate::kit::scene::STATIC_NAMES {
        writeln!(queries, "h{number:03}.example.com A")?;
    }
    let file = directory.path().join("queries");
    std::fs::write(&file, queries)?;
    let mut peers = Vec::new();
    for recipe in &RECIPES {
        let compared = ["fingerpost", "knot", "nsd", "gdnsd"].contains(&recipe.name)
            && (!setting.words.is_small || recipe.name == "fingerpost");
        if compared && recipe.is_installed() && setting.words.wants("only", recipe.name) {
            peers.extend(recipe.start(directory.path(), "0", None)?);
        }
    }
    let mut costs: Vec<Vec<f64>> = peers.iter().map(|_| Vec::new()).collect();
    for _ in 0..setting.rounds {
        for (peer, costs) in peers.iter().zip(&mut costs) {
            let port = peer.address.port().to_string();
            let seconds = (setting.seconds.ceil() as u64).to_string();
            let before = peer.process.cpu();
            let run = Command::new("dnsperf")
                .args(["-m", "tcp", "-s", "127.0.0.1", "-p", &port, "-l", &seconds])
                .args(["-c", CONNECTIONS, "-q", UNDER_WAY, "-T", "1", "-d"])
                .arg(&file)
                .output()?;
            let cpu = peer.process.cpu() - before;
            let text = String::from_utf8_lossy(&run.stdout).into_owned();
            let answered = text
                .lines()
                .find_map(|line| line.trim().strip_prefix("Queries completed:"))
                .and_then(|rest| rest.trim().split(' ').next()?.parse::<f64>().ok())
                .ok_or_else(|| format!("dnsperf: {}", String::from_utf8_lossy(&run.stderr)))?;
            costs.push(answered / cpu.as_secs_f64());
        }
    }
    println!("server      answers per CPU second   x knot");
    let knot = peers.iter().zip(&costs).find(|(peer, _)| peer.process.name == "knot");
    for (peer, own) in peers.iter().zip(&costs) {
        let ratios = knot.map_or_else(Vec::new, |(_, knot)| {
            own.iter().zip(knot).map(|(own, knot)| own / knot).collect()
        });
        println!("{:12}{:22.0}{:9.2}", peer.process.name, median(own.clone()), median(ratios));
    }
    Ok(())
}
