//! What probes cost: the CPU time of a prober that watches many targets on loopback.
//!
//! ```text
//! cargo bench --bench probe_cost -- tcp 10000 20
//! ```
//! probes 10,000 distinct targets (127.1.x.y) by `tcp`, `http` or `https` every 5 s, and after the first round
//! prints the CPU time that the prober's thread and the whole process used in 20 s. The targets answer in a process
//! of their own, started by this one, so that their time is not counted; it listens on the wildcard address but
//! serves loopback only. On loopback the kernel does the server's part of a handshake in the client's time: with
//! real targets the figures can only be lower. Both processes need twice as many open files as probes are under way:
//! a few hundred.

use fingerpost::health::check::{HttpCheck, TlsCheck};
use fingerpost::health::{Check, CheckKind, Limits, Outcome, Probe, ProbeResult, Prober};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::Receiver;

const INTERVAL: Duration = Duration::from_secs(5);
const USAGE: &str = "probe_cost tcp|http|https TARGETS SECONDS";

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // Cargo adds this word when it runs benchmarks.
    let words: Vec<&str> =
        words.iter().map(String::as_str).filter(|word| *word != "--bench").collect();
    match words[..] {
        ["serve", kind] => serve(kind),
        // Without words it only shows that it still works: `cargo test --benches` runs it so.
        [] => measure("tcp", 50, 1),
        [kind, targets, seconds] => measure(kind, targets.parse()?, seconds.parse()?),
        _ => Err(USAGE.into()),
    }
}

fn measure(kind: &str, targets: u32, seconds: u64) -> Result<(), Failed> {
    let mut server = Command::new(std::env::current_exe()?)
        .args(["serve", kind])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(server.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let port = line.trim().parse()?;

    let (results, mut found) = tokio::sync::mpsc::channel(1024);
    let prober = Prober::start(results, Limits::default())?;
    let start = Instant::now();
    prober.set_probes((0..targets).map(|index| Arc::new(probe(kind, index, port))).collect());
    let first = count(&mut found, |first, _| first.made < u64::from(targets));
    println!("first round: {first} in {:.2?}", start.elapsed());

    let (start, before) = (Instant::now(), cpu_times()?);
    let rest = count(&mut found, |_, now| now - start < Duration::from_secs(seconds));
    let (elapsed, after) = (start.elapsed(), cpu_times()?);
    println!("{kind}, {targets} targets every {INTERVAL:?}: {rest} in {elapsed:.1?}");
    for (who, before, after) in
        [("prober thread", before.0, after.0), ("whole process", before.1, after.1)]
    {
        let cpu = after - before;
        let share = 100.0 * cpu.as_secs_f64() / elapsed.as_secs_f64();
        let each = cpu.as_secs_f64() * 1e6 / rest.made as f64;
        println!("{who}: CPU {cpu:.2?}, {share:.1} % of one core, {each:.1} us each");
    }
    drop(server.stdin.take());
    server.wait()?;
    Ok(())
}

#[derive(Default)]
struct Count {
    made: u64,
    failed: u64,
    last_failure: String,
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { made, failed, last_failure } = self;
        write!(f, "{made} probes, {failed} failed {last_failure}")
    }
}

fn count(found: &mut Receiver<ProbeResult>, go_on: impl Fn(&Count, Instant) -> bool) -> Count {
    let mut count = Count::default();
    while go_on(&count, Instant::now()) {
        let Some(result) = found.blocking_recv() else { break };
        count.made += 1;
        if result.outcome != Outcome::Success {
            count.failed += 1;
            count.last_failure = format!("{:?}", result.outcome);
        }
    }
    count
}

fn probe(kind: &str, index: u32, port: u16) -> Probe {
    let tls = TlsCheck { server_name: Some("probed.example".into()), roots: None, verify: false };
    let http = HttpCheck {
        method: "GET".into(),
        path: "/healthz".into(),
        host: None,
        headers: Vec::new(),
        expect: vec![200..=299],
        body: None,
        tls: (kind == "https").then_some(tls),
    };
    let check = Check {
        name: kind.into(),
        kind: if kind == "tcp" { CheckKind::Tcp } else { CheckKind::Http(http) },
        interval: INTERVAL,
        timeout: Duration::from_secs(2),
        fall: 3,
        rise: 2,
        source: None,
    };
    Probe { check, target: (Ipv4Addr::from(0x7f01_0000 + index), port).into() }
}

/// User and system time of the prober's thread, and of the whole process.
fn cpu_times() -> Result<(Duration, Duration), Failed> {
    let (mut prober, mut whole) = (Duration::ZERO, Duration::ZERO);
    for task in std::fs::read_dir("/proc/self/task")? {
        let path = task?.path();
        let stat = std::fs::read_to_string(path.join("schedstat"))?;
        let cpu = Duration::from_nanos(stat.split(' ').next().ok_or("empty schedstat")?.parse()?);
        whole += cpu;
        if std::fs::read_to_string(path.join("comm"))?.trim() == "prober" {
            prober += cpu;
        }
    }
    Ok((prober, whole))
}

/// Answers on one port of every loopback address until its input ends; prints the port.
fn serve(kind: &str) -> Result<(), Failed> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_line(&mut String::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([0, 0, 0, 0], 0)))?;
        let listener = socket.listen(4096)?;
        println!("{}", listener.local_addr()?.port());
        std::io::stdout().flush()?;
        let acceptor = acceptor()?;
        loop {
            let (stream, client) = listener.accept().await?;
            if !client.ip().is_loopback() {
                continue;
            }
            let (acceptor, kind) = (acceptor.clone(), kind.to_owned());
            tokio::spawn(async move {
                match kind.as_str() {
                    "http" => answer(stream).await,
                    "https" => answer(acceptor.accept(stream).await?).await,
                    _ => Ok(()),
                }
            });
        }
    })
}

async fn answer(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin) -> std::io::Result<()> {
    let mut request = [0; 1024];
    if stream.read(&mut request).await? > 0 {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
        stream.write_all(answer).await?;
        stream.shutdown().await?;
    }
    Ok(())
}

fn acceptor() -> Result<tokio_rustls::TlsAcceptor, Failed> {
    let made = rcgen::generate_simple_self_signed(["probed.example".to_owned()])?;
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    Ok(Arc::new(config).into())
}
