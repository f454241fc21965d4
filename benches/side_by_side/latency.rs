//! How long answers take at half load: quiet, and while a zone changes every second and endpoints flap.

use crate::Setting;
use crate::kit::generator::{Paced, flood, pace};
use crate::kit::peers::{Peer, RECIPES};
use crate::kit::process::pin_self;
use crate::kit::scene::{self, Backends};
use crate::kit::{Failed, median};
use crate::udp::load;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub fn run(setting: &Setting) -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let mut backends = Backends::start()?;
    pin_self("1")?;
    let recipe = RECIPES.iter().find(|recipe| recipe.name == "fingerpost");
    let peer = recipe
        .ok_or("no recipe")?
        .start(directory.path(), "0", Some(backends.port))?
        .ok_or("the server does not come up")?;
    let queries = load("ecs");
    let most = flood(peer.address, &queries, setting.duration(), 1)?;
    let rate = most.answered as f64 / most.elapsed.as_secs_f64() / 2.0;
    // Long enough that a reload and a flap of each endpoint are in it.
    let seconds = Duration::from_secs_f64(if setting.words.is_small { 0.3 } else { 6.0 });
    println!("{rate:.0} q/s for {seconds:?}, {} rounds, quiet and busy in turn", setting.rounds);
    println!("              p50 us    p99 us  p99.9 us      lost   answered");
    let (mut quiet, mut busy) = (Vec::new(), Vec::new());
    for _ in 0..setting.rounds {
        quiet.push(pace(peer.address, &queries, rate, seconds)?);
        busy.push(disturbed(&peer, directory.path(), &mut backends, || {
            pace(peer.address, &queries, rate, seconds)
        })?);
    }
    let [quiet, busy] = [("quiet", quiet), ("busy", busy)].map(|(name, runs)| show(name, &runs));
    println!("p99.9 busy / quiet: {:.2}", busy / quiet);
    Ok(())
}

fn show(name: &str, runs: &[Paced]) -> f64 {
    let quantile = |share| median(runs.iter().map(|run| run.quantile_us(share)).collect());
    println!(
        "{name:10}{:10.0}{:10.0}{:10.0}{:10}{:11}",
        quantile(0.5),
        quantile(0.99),
        quantile(0.999),
        runs.iter().map(|run| run.lost).sum::<u64>(),
        runs.iter().map(|run| run.latencies_ns.len()).sum::<usize>(),
    );
    quantile(0.999)
}

/// Runs `work` while the zone file is rewritten once a second and an endpoint goes or comes every quarter of one.
fn disturbed<T>(
    peer: &Peer,
    directory: &Path,
    backends: &mut Backends,
    work: impl FnOnce() -> Result<T, Failed>,
) -> Result<T, Failed> {
    let zone = directory.join(&peer.process.name).join("etc/zones/example.com.zone");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for quarter in 0_u32.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                if quarter % 4 == 0 {
                    let text = format!("{}stamp TXT \"{quarter}\"\n", scene::zone_text());
                    let aside = zone.with_extension("new~");
                    let written = std::fs::write(&aside, text);
                    let _ = written.and_then(|()| std::fs::rename(&aside, &zone));
                }
                backends.drain();
                let _ = backends.flip(quarter as usize / 2 % scene::ENDPOINTS.len());
                std::thread::sleep(Duration::from_millis(250));
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        result
    })
}
