//! Load: as much as a server takes (a window of queries under way), or at a pace, with the time that each answer took.

use super::Failed;
use super::io::Peer;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Queries under way on each socket: with four of them, enough that a server always finds a full batch.
const WINDOW: usize = 128;
/// Silence after which what is under way counts as lost.
const LOST_AFTER: Duration = Duration::from_millis(250);
/// How long the last answers of a paced run may take.
const GRACE: Duration = Duration::from_secs(1);

/// What came of a run.
#[derive(Clone, Copy, Default)]
pub struct Counted {
    /// Answers received.
    pub answered: u64,
    /// Queries without one.
    pub lost: u64,
    /// Answers whose response code was not NOERROR.
    pub refused: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// Asks as fast as answers come, from `threads` threads with four sockets each.
pub fn flood(
    server: SocketAddr,
    queries: &[Vec<u8>],
    duration: Duration,
    threads: usize,
) -> Result<Counted, Failed> {
    let start = Instant::now();
    let counted: Vec<Counted> = std::thread::scope(|scope| {
        let run = |thread: usize| {
            let first = queries.len() * thread / threads;
            scope.spawn(move || flood_from(server, queries, first, duration))
        };
        let running: Vec<_> = (0..threads).map(run).collect();
        running
            .into_iter()
            .map(|run| run.join().unwrap_or_else(|_| Err("panicked".into())))
            .collect::<Result<_, _>>()
    })
    .map_err(|error: String| Failed::from(error))?;
    let sum = |part: fn(&Counted) -> u64| counted.iter().map(part).sum();
    Ok(Counted {
        answered: sum(|c| c.answered),
        lost: sum(|c| c.lost),
        refused: sum(|c| c.refused),
        elapsed: start.elapsed(),
    })
}

fn flood_from(
    server: SocketAddr,
    queries: &[Vec<u8>],
    first: usize,
    duration: Duration,
) -> Result<Counted, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut peers = Vec::new();
    for _ in 0..4 {
        peers.push((Peer::new().map_err(text)?, 0_usize, Instant::now()));
    }
    let mut next = queries.iter().cycle().skip(first);
    let mut counted = Counted::default();
    let start = Instant::now();
    while start.elapsed() < duration {
        let mut idle = true;
        for (peer, under_way, heard) in &mut peers {
            let received = peer.turn(|answer, out| {
                counted.refused += u64::from(answer.get(3).is_none_or(|flags| flags & 15 != 0));
                next.next().map_or(0, |query| {
                    out[..query.len()].copy_from_slice(query);
                    query.len()
                })
            });
            counted.answered += received as u64;
            if received > 0 {
                (idle, *heard) = (false, Instant::now());
            } else if heard.elapsed() > LOST_AFTER || *under_way == 0 {
                counted.lost += *under_way as u64;
                *under_way = WINDOW;
                *heard = Instant::now();
                for query in next.by_ref().take(WINDOW) {
                    peer.socket.send_to(query, server).map_err(text)?;
                }
            }
        }
        if idle {
            std::thread::yield_now();
        }
    }
    Ok(counted)
}

/// What came of a paced run: the time of each answer, sorted, in nanoseconds.
pub struct Paced {
    /// Of all answers.
    pub latencies_ns: Vec<u64>,
    /// Queries without an answer.
    pub lost: u64,
}

impl Paced {
    /// The time within which a share of the answers came, in microseconds.
    pub fn quantile_us(&self, share: f64) -> f64 {
        let at = (self.latencies_ns.len() as f64 * share) as usize;
        let last = self.latencies_ns.len().saturating_sub(1);
        self.latencies_ns.get(at.min(last)).map_or(f64::NAN, |ns| *ns as f64 / 1e3)
    }
}

/// Asks at a pace, in queries a second, whatever the answers do.
pub fn pace(
    server: SocketAddr,
    queries: &[Vec<u8>],
    rate: f64,
    duration: Duration,
) -> Result<Paced, Failed> {
    let mut peer = Peer::new()?;
    let start = Instant::now();
    let total = (rate * duration.as_secs_f64()) as usize;
    // By id: when it was sent, in nanoseconds since the start; 0: not under way.
    let mut sent_at = vec![0_u64; 1 << 16];
    let mut latencies_ns = Vec::with_capacity(total);
    let mut sent = 0;
    let mut message = Vec::new();
    let mut next = queries.iter().cycle();
    while latencies_ns.len() < total && start.elapsed() < duration + GRACE {
        let due = ((start.elapsed().as_secs_f64() * rate) as usize).min(total);
        // A few at most between two looks at what came: a late generator must not make answers look late.
        let burst_end = due.min(sent + 8);
        while sent < burst_end {
            let Some(query) = next.next() else { break };
            message.clear();
            message.extend_from_slice(query);
            message[..2].copy_from_slice(&(sent as u16).to_be_bytes());
            sent_at[sent & 0xffff] = start.elapsed().as_nanos() as u64;
            peer.socket.send_to(&message, server)?;
            sent += 1;
        }
        peer.turn(|answer, _| {
            let now = start.elapsed().as_nanos() as u64;
            let id = usize::from(u16::from_be_bytes([answer[0], answer[1]]));
            let then = std::mem::take(&mut sent_at[id]);
            if then > 0 {
                latencies_ns.push(now - then);
            }
            0
        });
    }
    let lost = (sent - latencies_ns.len()) as u64;
    latencies_ns.sort_unstable();
    Ok(Paced { latencies_ns, lost })
}
