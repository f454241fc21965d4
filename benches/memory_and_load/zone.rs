//! One large static zone, loaded by us and by others.

use crate::kit::peers::{knot_plain, nsd_plain, serve};
use crate::kit::process::{Process, free_port, is_installed};
use crate::kit::words::Words;
use crate::kit::{Failed, median, query, scene};
use std::path::Path;
use std::time::Duration;

/// How long a server may take to load.
const PATIENCE: Duration = Duration::from_secs(120);
const ORIGIN: &str = "example.net";

/// What one start showed.
struct Start {
    seconds: f64,
    cpu_s: f64,
    memory_mib: f64,
    peak_mib: f64,
}

pub fn run(words: &Words) -> Result<(), Failed> {
    let names: usize = words.get("names", 1_000_000, 1000)?;
    let rounds: usize = words.get("rounds", 3, 1)?;
    let directory = tempfile::tempdir()?;
    let zones = directory.path().join("zones");
    std::fs::create_dir(&zones)?;
    let file = zones.join(format!("{ORIGIN}.zone"));
    std::fs::write(&file, scene::large_zone_text(names))?;
    let servers: Vec<&str> = [("fingerpost", ""), ("nsd", "nsd"), ("knot", "knotd")]
        .into_iter()
        .filter(|(_, program)| program.is_empty() || !words.is_small && is_installed(program))
        .map(|(name, _)| name)
        .collect();
    let mut starts: Vec<Vec<Start>> = servers.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (server, starts) in servers.iter().zip(&mut starts) {
            starts.push(start(server, directory.path(), &file, names)?);
        }
    }
    println!("{names} names   start to answer s   CPU s   memory MiB   highest MiB");
    for (server, starts) in servers.iter().zip(&starts) {
        let of = |part: fn(&Start) -> f64| median(starts.iter().map(part).collect());
        println!(
            "{server:14}{:20.2}{:8.2}{:13.0}{:14.0}",
            of(|start| start.seconds),
            of(|start| start.cpu_s),
            of(|start| start.memory_mib),
            of(|start| start.peak_mib),
        );
    }
    Ok(())
}

fn start(server: &str, home: &Path, file: &Path, names: usize) -> Result<Start, Failed> {
    let directory = tempfile::tempdir()?;
    let port = free_port()?;
    let command = match server {
        "nsd" => nsd_plain(directory.path(), port, ORIGIN, file)?,
        "knot" => knot_plain(directory.path(), port, ORIGIN, file)?,
        _ => {
            let config = home.join("fingerpost.toml");
            let listen = format!("listen = [\"127.0.0.1:{port}\"]\nudp_workers = 1\n");
            std::fs::write(&config, format!("[server]\n{listen}zones = \"zones\"\n"))?;
            serve(&config.to_string_lossy())
        }
    };
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let log = directory.path().join("log");
    let mut process = Process::start(server, "0,1", &command, &log)?;
    let last = query(&format!("n{:07}.{ORIGIN}", names - 1), 1);
    let server_address = ([127, 0, 0, 1], port).into();
    let answered = process.wait_for_answer(server_address, &last, PATIENCE);
    let Some((elapsed, answer)) = answered else {
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        return Err(format!("{server} does not answer:\n{log}").into());
    };
    if answer[3] & 15 != 0 {
        return Err(format!("{server} does not know the last name").into());
    }
    let cpu_s = process.cpu_in_all().as_secs_f64();
    // What is given back after loading is given back by now.
    std::thread::sleep(Duration::from_millis(500));
    let (memory, peak) = process.memory();
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    Ok(Start {
        seconds: elapsed.as_secs_f64(),
        cpu_s,
        memory_mib: mib(memory),
        peak_mib: mib(peak),
    })
}
