//! What changes while one looks on: readiness, reloads, streams, and the end.

use crate::described;
use crate::http::{Answer, Connection, Request};
use crate::kit::Mode;
use crate::kit::server::TestServer;
use crate::world::{Backends, FRA, IAD, World, directory};
use fingerpost::admin::Admin;
use fingerpost::control::{Options, Server};
use std::io::BufRead;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// What takes longer hangs: a machine that is busy takes up to a part of it for what takes a tenth of a second.
const SLOW: Duration = Duration::from_secs(8);

const ADMIN: &str = "[admin]\nlisten = \"127.0.0.1:0\"\n";

#[test]
fn it_is_ready_when_the_first_round_is_done() {
    let backends = Backends::start();
    // Says nothing, so that the round takes until its timeout.
    backends.fra.set(Mode::Silent);
    let dir = directory(ADMIN, &backends);
    let runtime = Runtime::new().expect("a runtime");
    let options = Options { config: dir.config(), ..Options::default() };
    let (starting, admin) = runtime.block_on(async {
        let starting = Server::prepare(options).await.unwrap_or_else(|_| panic!("it starts"));
        let admin = Admin::start(starting.handle()).unwrap_or_else(|_| panic!("it is served"));
        (starting, admin.expect("an API"))
    });
    let address = admin.addresses()[0];
    let get = |target: &str| -> Answer { Request::get(target).send(address) };
    assert_eq!(get("/livez").status, 200);
    let before = get("/readyz");
    assert_eq!((before.status, &before.json()["ready"]), (503, &false.into()));
    assert!(before.text().contains("first round"), "{}", before.text());
    assert_eq!(get("/api/v1/status").json()["server"]["ready"], false);
    let explain = "/api/v1/explain?name=www.example.com&client=198.51.100.7";
    assert_eq!(get(explain).status, 503);
    let finished = runtime.block_on(starting.finish());
    let Ok((server, _)) = finished else { panic!("it starts") };
    assert_eq!(get("/readyz").status, 200);
    assert_eq!(get(explain).status, 200);
    runtime.block_on(async {
        admin.shutdown().await;
        server.shutdown().await;
    });
}

#[test]
fn a_reload_tells_how_it_went() {
    let world = World::start();
    let reload = || Request::post("/api/v1/reload", r#"{"by":"a test"}"#).send(world.admin());
    let dir = &world.server.dir;
    let zone = std::fs::read_to_string(dir.file("zones/example.com.zone")).expect("a zone");
    let config = std::fs::read_to_string(dir.config()).expect("a configuration");
    let generation = world.server.generation();
    // The watcher may have been quicker; what is served then is the same.
    dir.write("zones/example.com.zone", zone.replace(" 7 7200", " 8 7200"));
    let done = reload();
    assert!(["published", "unchanged"].contains(&done.json()["outcome"].as_str().expect("a word")));
    assert!(done.json()["generation"].as_u64() > Some(generation));
    assert_eq!(world.get("/api/v1/status").json()["zones"][0]["serial"], 8);

    dir.write("fingerpost.toml", config.replace("[sites]", "[sits]"));
    let refused = reload();
    let told = refused.json();
    assert_eq!((refused.status, &told["outcome"]), (422, &"refused".into()));
    let finding = &told["findings"][0];
    assert_eq!(finding["severity"], "error");
    assert!(finding["place"].as_str().expect("a place").contains("fingerpost.toml:"), "{told}");
    assert!(finding["help"].as_str().expect("a cure").contains("sites"), "{told}");
    assert_eq!(world.answer(), [FRA], "what was served stays");
    let events = world.get("/api/v1/events").text();
    assert!(events.contains("a test"), "who asked is on record: {events}");
}

/// A stream that has begun.
fn stream(world: &World, request: &Request) -> Connection {
    let mut connection = Connection::to(world.admin());
    connection.send(&request.bytes(world.admin()));
    let head = connection.head().expect("a stream");
    assert_eq!((head.status, head.kind()), (200, "text/event-stream"));
    Connection(connection.0)
}

#[test]
fn a_stream_tells_the_status_and_what_happens() {
    let mut world = World::start();
    let begun = Instant::now();
    let mut live = stream(&world, &Request::get("/api/v1/stream"));
    let (kind, status) = live.event().expect("a status");
    assert_eq!(kind, "status");
    assert!(begun.elapsed() < SLOW, "{:?}", begun.elapsed());
    described::check_named("Status", &status);
    let condition = |status: &serde_json::Value| {
        status["pools"][0]["families"][0]["condition"].as_str().expect("a word").to_owned()
    };
    assert_eq!(condition(&status), "whole");

    world.backends.fra.stop();
    let stopped = Instant::now();
    let (mut told, mut degraded) = (false, false);
    while !(told && degraded) {
        let (kind, data) = live.event().expect("more");
        if kind == "event" {
            described::check_named("Event", &data);
            told |= data["kind"] == "verdict" && data["endpoint"] == "fra-1";
        } else {
            degraded |= condition(&data) == "degraded";
        }
    }
    // Two probes at 100 ms, and the pause between statuses.
    assert!(stopped.elapsed() < SLOW, "{:?}", stopped.elapsed());
    assert_eq!(world.answer(), [IAD]);
}

#[test]
fn who_connects_again_is_told_what_it_has_missed() {
    let world = World::start();
    let order = r#"{"site":"fra","state":"drain"}"#;
    assert_eq!(Request::post("/api/v1/overrides", order).send(world.admin()).status, 200);
    let live = || Request::get("/api/v1/stream");

    // The ids as they stand in the stream: first where it begins, then one for each event.
    let mut all = stream(&world, &Request::get("/api/v1/stream?after=0"));
    let mut line = || {
        let mut line = String::new();
        all.0.read_line(&mut line).expect("a line in time");
        line
    };
    let ids = std::iter::from_fn(|| Some(line()).filter(|line| !line.is_empty()));
    let ids = ids.filter_map(|line| Some(line.strip_prefix("id: ")?.trim_end().to_owned()));
    let ids: Vec<String> = ids.take(3).collect();
    let started = world.get("/api/v1/status").json()["server"]["started"].clone();
    let started: jiff::Timestamp = started.as_str().expect("a text").parse().expect("a time");
    let run_ms = started.as_millisecond();
    assert_eq!(ids, [0, 1, 2].map(|number| format!("{run_ms}-{number}")));

    let check = |request: Request, what: &str, expected: u64| {
        let mut stream = stream(&world, &request);
        let first = std::iter::from_fn(|| stream.event()).find(|(kind, _)| kind == "event");
        assert_eq!(first.expect("an event").1["seq"], expected, "{what}");
    };
    let since = |id: &str| live().with("Last-Event-ID", id);
    check(since(&ids[1]), "of this run", 2);
    check(since(&format!("{}-1", run_ms - 1)), "of an earlier run", 1);
    check(since("1"), "of a run that told numbers alone", 1);
    check(Request::get("/api/v1/stream?after=1"), "a number", 2);
    check(Request::get("/api/v1/stream?after=999"), "a number that was never given", 1);
    check(Request::get("/api/v1/stream?after=0").with("Last-Event-ID", &ids[1]), "both", 2);
}

#[test]
fn it_ends_soon_with_streams_open() {
    let World { server, backends } = World::start();
    let admin = server.admin();
    let mut streams: Vec<Connection> = (0..8)
        .map(|_| {
            let mut connection = Connection::to(admin);
            connection.send(&Request::get("/api/v1/stream").bytes(admin));
            assert_eq!(connection.head().expect("a stream").status, 200);
            connection
        })
        .collect();
    let idle = Connection::to(admin);
    let begun = Instant::now();
    drop::<TestServer>(server);
    // DNS itself takes part of that.
    assert!(begun.elapsed() < SLOW, "{:?}", begun.elapsed());
    for stream in &mut streams {
        while stream.event().is_some() {}
    }
    drop((idle, backends));
}
