//! Whatever is sent to the API, queries are answered meanwhile, and as before.

use crate::http::{Connection, Request};
use crate::kit::until;
use crate::world::{FRA, World};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Asks over UDP without a pause while `work` is done; every answer must be as always. How many there were.
fn answered_meanwhile(world: &World, work: impl FnOnce()) -> u64 {
    let (done, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert_eq!(world.answer(), [FRA]);
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
        // Also when the work fails: nobody would end the asking otherwise.
        let ended = Ended(&done);
        work();
        // At least one answer has begun after the work had.
        let before = answered.load(Ordering::Relaxed);
        until("another answer", || (answered.load(Ordering::Relaxed) > before + 1).then_some(()));
        drop(ended);
        asking.join().expect("answers as always");
    });
    answered.into_inner()
}

/// Says so when it goes.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn bodies_that_are_too_long_are_refused() {
    let world = World::start();
    let admin = world.admin();
    let long = |bytes: usize| "x".repeat(bytes);
    answered_meanwhile(&world, || {
        for target in ["/api/v1/reload", "/api/v1/overrides", "/nothing"] {
            let answer = Request::post(target, &long(64 * 1024 + 1)).send(admin);
            assert_eq!((answer.status, answer.kind()), (413, "application/problem+json"));
        }
        let answer = Request::post("/api/v1/reload", &long(1_000_000)).send(admin);
        assert_eq!(answer.status, 413, "told, though the client was still sending");
        // One that is announced is refused before it is sent.
        let announced = Request::post("/api/v1/reload", "").with("Content-Length", "99999999999");
        assert_eq!(announced.send(admin).status, 413);
        // One of unknown length ends where the limit is.
        let mut connection = Connection::to(admin);
        let head = Request::post("/api/v1/reload", "").with("Transfer-Encoding", "chunked");
        connection.send(&head.bytes(admin));
        let chunk = format!("4000\r\n{}\r\n", long(0x4000));
        (0..80).for_each(|_| connection.send(chunk.as_bytes()));
        assert_eq!(connection.answer().map(|answer| answer.status), Some(413));
    });
}

#[test]
fn what_is_no_http_gets_no_further() {
    let world = World::start();
    let admin = world.admin();
    let long_head = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let many_headers = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(1000));
    answered_meanwhile(&world, || {
        let check = |sent: &[u8], expected: &[u16]| {
            let mut connection = Connection::to(admin);
            connection.send(sent);
            drop(connection.0.get_mut().shutdown(std::net::Shutdown::Write));
            let status = connection.head().map_or(0, |answer| answer.status);
            assert!(expected.contains(&status), "{status} {:?}", String::from_utf8_lossy(sent));
        };
        check(b"", &[0]);
        check(b"\x16\x03\x01\x02\x00\x01\x00", &[400, 0]);
        check(b"nonsense\r\n\r\n", &[400]);
        check(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[400, 0]);
        check(b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", &[400]);
        check(b"GET /livez HTTP/1.1\r\nHost: x\r\n\x00: y\r\n\r\n", &[400]);
        check(long_head.as_bytes(), &[431, 0]);
        check(many_headers.as_bytes(), &[431, 0]);
        check(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", &[200]);
    });
    assert_eq!(world.get("/readyz").status, 200);
}

#[test]
fn many_idle_and_slow_clients_keep_nobody_out() {
    let world = World::start();
    let admin = world.admin();
    let answered = answered_meanwhile(&world, || {
        // More than may be open, half of them in the middle of a request.
        let crowd: Vec<Connection> = (0..200)
            .map(|number| {
                let mut connection = Connection::to(admin);
                if number % 2 == 0 {
                    connection.send(b"GET /api/v1/status HTTP/1.1\r\nHost: loc");
                } else if number % 3 == 0 {
                    connection.send(b"POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{");
                }
                connection
            })
            .collect();
        let begun = Instant::now();
        for _ in 0..20 {
            assert_eq!(world.get("/api/v1/status").status, 200);
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        drop(crowd);
    });
    assert!(answered > 0);
}

#[test]
fn streams_are_bounded_and_leave_room() {
    let world = World::start();
    let admin = world.admin();
    answered_meanwhile(&world, || {
        let request = Request::get("/api/v1/stream");
        let mut streams: Vec<Connection> = (0..32)
            .map(|_| {
                let mut connection = Connection::to(admin);
                connection.send(&request.bytes(admin));
                assert_eq!(connection.head().expect("a stream").status, 200);
                connection
            })
            .collect();
        let answer = request.send(admin);
        assert_eq!((answer.status, answer.kind()), (503, "application/problem+json"));
        assert_eq!(world.get("/api/v1/status").status, 200);
        // A place is free again as soon as its client has left.
        drop(streams.pop());
        until("a place", || {
            let mut connection = Connection::to(admin);
            connection.send(&request.bytes(admin));
            (connection.head().expect("an answer").status == 200).then_some(())
        });
    });
}
