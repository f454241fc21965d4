//! Who may ask, over sockets.

use crate::http::{Connection, Request};
use crate::kit::server::start_server;
use crate::kit::{ConfigDir, until};
use crate::world::{Backends, FRA, World, directory};
use std::os::unix::fs::PermissionsExt;
use tokio::runtime::Runtime;

const ADMIN: &str = "[admin]\nlisten = [\"127.0.0.1:0\", \"[::1]:0\"]\ntoken_file = \"tokens\"\n";
const FIRST: &str = "0123456789abcdef0123456789abcdef";
const SECOND: &str = "fedcba9876543210fedcba9876543210";

fn write_tokens(dir: &ConfigDir, text: &str) {
    dir.write("tokens", text);
    std::fs::set_permissions(dir.file("tokens"), std::fs::Permissions::from_mode(0o600))
        .expect("a mode");
}

#[test]
fn a_token_opens_and_its_change_takes_effect_with_a_reload() {
    let world = World::start_with(ADMIN, |dir| write_tokens(dir, &format!("anna: {FIRST}\n")));
    let status = |request: Request| request.send(world.admin()).status;
    let check = |request: fn() -> Request, expected: u16, with_token: u16| {
        let line = request();
        assert_eq!(status(request()), expected, "{:?}", line.line());
        assert_eq!(status(request().bearing("wrong")), expected, "{:?}", line.line());
        assert_eq!(status(request().bearing(FIRST)), with_token, "{:?}", line.line());
    };
    check(|| Request::get("/livez"), 200, 200);
    check(|| Request::get("/readyz"), 200, 200);
    check(|| Request::get("/"), 200, 200);
    check(|| Request::get("/assets/app.js"), 200, 200);
    check(|| Request::get("/assets/app.css"), 200, 200);
    check(|| Request::get("/assets/land.json"), 200, 200);
    check(|| Request::get("/assets/icon.svg"), 200, 200);
    check(|| Request::get("/assets/none.js"), 404, 404);
    check(|| Request::get("/api/v1/status"), 401, 200);
    check(|| Request::get("/openapi.json"), 401, 200);
    check(|| Request::get("/api/v1/nothing"), 401, 404);
    check(|| Request::post("/api/v1/reload", "{}"), 401, 200);
    check(|| Request::delete("/api/v1/overrides?site=fra"), 401, 404);
    // A name of elsewhere and a page of elsewhere bear no token by themselves.
    check(|| Request::get("/api/v1/status").with("Host", "dns.example"), 401, 200);
    let refused = Request::get("/api/v1/status").send(world.admin());
    assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"fingerpost\"");

    let order = r#"{"site":"fra","state":"drain"}"#;
    let done = Request::post("/api/v1/overrides", order).bearing(FIRST).send(world.admin());
    assert_eq!(done.json()["override"]["by"], "anna", "the name of the token");
    let order = r#"{"site":"fra","state":"drain","by":"bob"}"#;
    let done = Request::post("/api/v1/overrides", order).bearing(FIRST).send(world.admin());
    assert_eq!(done.json()["override"]["by"], "anna, as bob", "what is said does not hide it");

    write_tokens(&world.server.dir, &format!("{SECOND}\n"));
    until("the new token to be taken", || {
        (status(Request::get("/api/v1/status").bearing(SECOND)) == 200).then_some(())
    });
    assert_eq!(status(Request::get("/api/v1/status").bearing(FIRST)), 401);

    // A file without a token opens nothing, and what is served stays.
    write_tokens(&world.server.dir, "# none\n");
    let reload = || Request::post("/api/v1/reload", "{}").bearing(SECOND).send(world.admin());
    let refused = reload();
    assert_eq!((refused.status, &refused.json()["outcome"]), (422, &"refused".into()));
    assert!(refused.text().contains("holds no token"), "{}", refused.text());
    assert!(!refused.text().contains(SECOND));

    // No longer asking for tokens takes a restart.
    let config = std::fs::read_to_string(world.server.dir.config()).expect("the configuration");
    world.server.dir.write("fingerpost.toml", config.replace("token_file = \"tokens\"", ""));
    let told = reload().text();
    assert!(told.contains("admin.token_file has changed"), "{told}");
    assert_eq!(status(Request::get("/api/v1/status")), 401);
    assert_eq!(status(Request::get("/api/v1/status").bearing(SECOND)), 200);
}

#[test]
fn a_stream_ends_when_its_token_is_taken_away() {
    let tokens = format!("anna: {FIRST}\nbert: {SECOND}\n");
    let world = World::start_with(ADMIN, |dir| write_tokens(dir, &tokens));
    let stream = |token: &str| {
        let request = Request::get("/api/v1/stream").bearing(token).with("Connection", "close");
        let mut connection = Connection::to(world.admin());
        connection.send(&request.bytes(world.admin()));
        assert_eq!(connection.head().expect("a stream").status, 200);
        assert!(connection.event().is_some());
        connection
    };
    let (mut anna, mut bert) = (stream(FIRST), stream(SECOND));
    write_tokens(&world.server.dir, &format!("bert: {SECOND}\n"));
    let reload = Request::post("/api/v1/reload", "{}").bearing(SECOND).send(world.admin());
    assert_eq!(reload.status, 200);
    // Some statuses may be on their way already.
    assert!((0..8).any(|_| anna.event().is_none()), "the stream goes on");
    assert!((0..4).all(|_| bert.event().is_some()), "that of the other token goes on");
}

#[test]
fn pages_of_elsewhere_stay_out() {
    let world = World::start();
    let status = |request: Request| request.send(world.admin()).status;
    let own = format!("http://{}", world.admin());
    assert_eq!(status(Request::get("/api/v1/status").with("Host", "evil.example")), 403);
    assert_eq!(status(Request::get("/api/v1/status").with("Host", "localhost:1")), 200);
    let order = || Request::post("/api/v1/reload", "{}");
    assert_eq!(status(order().with("Origin", "https://evil.example")), 403);
    assert_eq!(status(order().with("Origin", "null")), 403);
    assert_eq!(status(order().with("Origin", &own)), 200);
    // What a form can send.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        assert_eq!(status(order().with("Content-Type", kind)), 415);
    }
    let removal = Request::delete("/api/v1/overrides?all=true");
    assert_eq!(status(removal.with("Origin", "https://evil.example")), 403);
    let mut nameless = Connection::to(world.admin());
    nameless.send(b"GET /api/v1/status HTTP/1.0\r\n\r\n");
    assert_eq!(nameless.answer().expect("an answer").status, 400);
    assert_eq!(world.answer(), [FRA]);
}

#[test]
fn an_open_door_is_a_mistake() {
    let backends = Backends::start();
    let runtime = Runtime::new().expect("a runtime");
    let dir = directory("[admin]\nlisten = \"0.0.0.0:0\"\n", &backends);
    let Err(report) = start_server(&runtime, &dir) else { panic!("it must not start") };
    let told = report.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(told.contains("0.0.0.0:0 can be reached from elsewhere"), "{told}");
    assert!(told.contains("add token_file"), "{told}");
}
