//! What a second worker on a second core gives. The generator shares the cores, so what counts is CPU time per
//! query: two workers that each spend what one spends alone answer twice as much wherever the cores are theirs.

use crate::Setting;
use crate::kit::peers::{Peer, serve, write_scene};
use crate::kit::process::{Process, free_port, pin_self};
use crate::kit::{Failed, median, query};
use crate::udp::{load, measure};
use std::time::Duration;

pub fn run(setting: &Setting) -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    pin_self("0,1")?;
    let mut peers = Vec::new();
    for workers in [1, 2] {
        let port = free_port()?;
        let home = directory.path().join(format!("{workers}/etc"));
        let config = write_scene(&home, &format!("127.0.0.1:{port}"), workers, None)?;
        let command = serve(&config);
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let log = directory.path().join(format!("{workers}/log"));
        let mut process = Process::start("fingerpost", "0,1", &words, &log)?;
        let address = ([127, 0, 0, 1], port).into();
        process
            .wait_for_answer(address, &query("www.example.com", 1), Duration::from_secs(20))
            .ok_or("the server does not come up")?;
        peers.push(Peer { process, address, has_static: true, steers: true });
    }
    println!("load     ns CPU/query: one worker  two workers  speed-up of two");
    for name in ["ecs", "static"] {
        let queries = load(name);
        let mut costs = [Vec::new(), Vec::new()];
        for _ in 0..setting.rounds {
            for (peer, costs) in peers.iter().zip(&mut costs) {
                costs.push(measure(peer, &queries, setting, 2)?.cpu_ns);
            }
        }
        let ratios = costs[0].iter().zip(&costs[1]).map(|(one, two)| 2.0 * one / two).collect();
        let [one, two] = costs.map(median);
        println!("{name:8}{one:26.0}{two:13.0}{:17.2}", median(ratios));
    }
    Ok(())
}
