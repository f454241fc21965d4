//! Many steered names: from start to first answer, memory, and from a verdict to the answers that show it.

use crate::kit::peers::serve;
use crate::kit::process::{Process, free_port};
use crate::kit::words::Words;
use crate::kit::{Failed, median, query, scene};
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

const ROUTES: usize = 50;
const SITES: usize = 20;
const ENDPOINTS_PER_POOL: usize = 10;
const PATIENCE: Duration = Duration::from_secs(60);

pub fn run(words: &Words) -> Result<(), Failed> {
    let names: usize = words.get("names", 10_000, 100)?;
    let rounds: usize = words.get("rounds", 3, 1)?;
    // Names share a table if they share the route and the sites of the pool.
    let site_sets: usize = words.get("site-sets", 1, 1)?;
    let directory = tempfile::tempdir()?;
    let home = directory.path().join("etc");
    std::fs::create_dir_all(home.join("zones"))?;
    // Every endpoint is an address of loopback, and one listener answers for all but the one that flaps.
    let backends = TcpListener::bind("0.0.0.0:0")?;
    let flapping = SocketAddr::from(([127, 9, 9, 9], free_port()?));
    let port = free_port()?;
    write(&home, (names, site_sets), port, backends.local_addr()?.port(), flapping)?;
    std::thread::spawn(move || while backends.accept().is_ok() {});
    let mut listener = Some(TcpListener::bind(flapping)?);

    let log = directory.path().join("log");
    let command = serve(&home.join("fingerpost.toml").to_string_lossy());
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let mut process = Process::start("fingerpost", "0,1", &command, &log)?;
    let server = SocketAddr::from(([127, 0, 0, 1], port));
    let answered = process.wait_for_answer(server, &query("s0.example.com", 1), PATIENCE);
    let Some((elapsed, _)) = answered else {
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        return Err(format!("it does not answer:\n{log}").into());
    };
    std::thread::sleep(Duration::from_millis(500));
    let (memory, peak) = process.memory();
    println!(
        "{names} steered names, {ROUTES} routes, {names} endpoints: \
         {:.2} s to the first answer, {} MiB, at most {} MiB",
        elapsed.as_secs_f64(),
        memory >> 20,
        peak >> 20,
    );
    let mut delays_ms = Vec::new();
    for _ in 0..rounds * 2 {
        let is_up = listener.take().is_none();
        if is_up {
            listener = Some(TcpListener::bind(flapping)?);
        }
        delays_ms.push(flip(server, &log, is_up)?);
    }
    let most = delays_ms.iter().copied().fold(f64::MIN, f64::max);
    println!("a verdict is in the answers after {:.2} ms, at most {most:.2} ms", median(delays_ms));
    Ok(())
}

/// Asks until the answers show the change; how long that was after the server had told its log of the verdict, in
/// milliseconds. Below zero: the log line was written later than the first answer was read.
fn flip(server: SocketAddr, log: &Path, is_up: bool) -> Result<f64, Failed> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    socket.connect(server)?;
    let question = query("flap.example.com", 1);
    let start = Instant::now();
    let mut answer = [0; 512];
    let seen = loop {
        socket.send(&question)?;
        let bytes = socket.recv(&mut answer)?;
        let now = SystemTime::now();
        if answer[..bytes].ends_with(&[127, 9, 9, 9]) == is_up {
            break now;
        }
        if start.elapsed() > PATIENCE {
            return Err("the verdict never shows".into());
        }
        std::thread::sleep(Duration::from_micros(100));
    };
    std::thread::sleep(Duration::from_millis(200));
    let log = std::fs::read_to_string(log)?;
    let line =
        log.lines().rev().find(|line| line.contains("127.9.9.9") && line.contains("verdict"));
    let time = line.and_then(|line| line.split_whitespace().next()).ok_or("no verdict logged")?;
    let told: jiff::Timestamp = time.parse()?;
    let seen = jiff::Timestamp::try_from(seen)?;
    Ok(seen.duration_since(told).as_secs_f64() * 1e3)
}

fn write(
    home: &Path,
    (names, site_sets): (usize, usize),
    port: u16,
    backends_port: u16,
    flapping: SocketAddr,
) -> Result<(), Failed> {
    let mut server = format!(
        "[server]\nlisten = [\"127.0.0.1:{port}\"]\nudp_workers = 1\nzones = \"zones\"\n\
         [geoip]\ndatabases = [{:?}]\n[checks.web]\ntype = \"tcp\"\nport = {backends_port}\n\
         interval = \"5s\"\ntimeout = \"2s\"\n[sites]\n",
        scene::database()
    );
    for site in 0..SITES {
        let (latitude, longitude) = (site as f64 * 6.0 - 55.0, site as f64 * 17.0 - 160.0);
        writeln!(
            server,
            "s{site} = {{ name = \"S{site}\", coordinates = [{latitude:.1}, {longitude:.1}] }}"
        )?;
    }
    std::fs::write(home.join("fingerpost.toml"), server)?;
    let mut zone = scene::plain_zone_text();
    zone.truncate(zone.find("h000").unwrap_or(zone.len()));
    std::fs::write(home.join("zones/example.com.zone"), zone)?;

    let mut text = String::new();
    for pool in 0..names.div_ceil(ENDPOINTS_PER_POOL) {
        writeln!(text, "[pools.p{pool}]\ncheck = \"web\"\nanswers = 2\nendpoints = [")?;
        for at in 0..ENDPOINTS_PER_POOL {
            let number = pool * ENDPOINTS_PER_POOL + at;
            let address = Ipv4Addr::from_bits(0x7f01_0000 + number as u32);
            let site = (pool % site_sets + at) % SITES;
            writeln!(
                text,
                "  {{ site = \"s{site}\", a = \"{address}\", weight = {} }},",
                1 + at % 3
            )?;
        }
        text += "]\n";
    }
    write!(
        text,
        "[pools.flap]\ncheck = \"web\"\nendpoints = [\n  \
         {{ site = \"s0\", a = \"127.9.9.9\", check = {{ port = {}, interval = \"1s\", fall = 1, rise = 1 }} }},\n  \
         {{ site = \"s1\", a = \"127.1.0.1\" }},\n]\n\
         [names.flap]\npool = \"flap\"\nroute = [ {{ geo = [\"*\"], sites = [\"s0\", \"s1\"] }} ]\n",
        flapping.port()
    )?;
    text += "[routes]\n";
    for route in 0..ROUTES {
        let [a, b, c] = [route % SITES, (route + 7) % SITES, (route + 13) % SITES];
        writeln!(
            text,
            "r{route} = [ {{ geo = [\"EU\", \"AF\"], sites = [\"s{a}\"] }}, \
             {{ geo = [\"NA\", \"AS-JP\"], sites = [\"s{b}\", \"s{c}\"] }}, {{ nearest = true }} ]"
        )?;
    }
    for name in 0..names {
        let (pool, route) = (name / ENDPOINTS_PER_POOL, name % ROUTES);
        writeln!(text, "[names.s{name}]\npool = \"p{pool}\"\nttl = 30\nroute = \"r{route}\"")?;
    }
    std::fs::write(home.join("zones/example.com.toml"), text)?;
    Ok(())
}
