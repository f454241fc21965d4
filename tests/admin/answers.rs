//! Requests and what is answered, as a table.

use crate::http::Request;
use crate::kit::{Backend, until};
use crate::world::{FRA, IAD, World};
use serde_json::Value;
use std::net::Ipv4Addr;

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// A request, its status and media type, and what the body must contain.
type Row = (Request, u16, &'static str, &'static [&'static str]);

fn hold(world: &World, rows: Vec<Row>) {
    for (request, status, kind, parts) in rows {
        let answer = request.send(world.admin());
        let (line, text) = (request.line(), answer.text());
        assert_eq!((answer.status, answer.kind()), (status, kind), "{line:?}: {text}");
        for part in parts {
            assert!(text.contains(part), "{line:?}: {part} is missing in {text}");
        }
        assert_eq!(answer.header("cache-control"), "no-store", "{line:?}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{line:?}");
    }
}

/// A VIP whose feed nobody answers, so that its one real server is probed; and its pool.
const DIRECTOR: &str = r#"
[directors.lvs-fra]
site = "fra"
vip = { a = "192.0.2.100" }
mode = "nat"
service = "tcp/80"
capacity = 1000
feed = { type = "ipvs", url = "http://127.0.0.1:1/?key=secret" }
reals = [ { name = "web1", address = "127.0.0.1:PORT" } ]
"#;
const VIPS: &str = r#"
[pools.vips]
slow_start = "1h"
failback_delay = "1h"
endpoints = [ { director = "lvs-fra" } ]
[names.vips]
pool = "vips"
"#;

#[test]
fn what_stands_behind_a_vip() {
    let backend = Backend::http(Ipv4Addr::LOCALHOST.into(), 0);
    let with_port = |text: &str| text.replace("PORT", &backend.port().to_string());
    let admin = format!("[admin]\nlisten = \"127.0.0.1:0\"\n{}", with_port(DIRECTOR));
    let world = World::start_with(&admin, |dir| {
        let steering = dir.file("zones/example.com.toml");
        let text = std::fs::read_to_string(&steering).expect("a steering");
        std::fs::write(steering, text + &with_port(VIPS)).expect("written");
    });
    let told = |path: &str| -> Value { world.get(path).json() };
    let status = until("the real server to be probed", || {
        let status = told("/api/v1/status");
        (status["directors"][0]["source"] == "probes").then_some(status)
    });
    let director = &status["directors"][0];
    for (key, expected) in
        [("director", "lvs-fra"), ("state", "up"), ("mode", "nat"), ("service", "tcp/80")]
    {
        assert_eq!(director[key], expected, "{director:#}");
    }
    assert_eq!(director["reals"][0]["name"], "web1");
    assert_eq!(director["feed"]["from"], "http://127.0.0.1:1/?…");
    assert!(director["feed"]["failed_total"].as_u64() > Some(0), "{director:#}");
    assert!(!status.to_string().contains("secret"));
    let wrong = status["wrong"].as_array().expect("a list");
    let is_lost = |it: &&Value| it["what"].as_str().is_some_and(|it| it.contains("is not heard"));
    assert_eq!(wrong.iter().filter(is_lost).count(), 1, "{wrong:#?}");
    let explained = told("/api/v1/explain?name=vips.example.com&client=198.51.100.7");
    let endpoint = &explained["steering"][0]["sites"][0]["endpoints"][0];
    assert!(
        endpoint["weight_because"][0]
            .as_str()
            .is_some_and(|it| it.contains("the feed is not heard")),
        "{endpoint:#}"
    );

    // By its name it is drained wherever it is handed out.
    let order = r#"{"endpoint": "lvs-fra", "state": "drain", "force": true}"#;
    let answer = Request::post("/api/v1/overrides", order).send(world.admin());
    assert!(answer.status < 300, "{}", answer.text());
    let status = told("/api/v1/status");
    let pool =
        status["pools"].as_array().expect("pools").iter().find(|pool| pool["pool"] == "vips");
    assert_eq!(pool.expect("the pool")["endpoints"][0]["families"][0]["standing"], "drained");
}

#[test]
fn what_is_looked_at() {
    let world = World::start();
    let get = Request::get;
    hold(
        &world,
        vec![
            (get("/livez"), 200, JSON, &["true"]),
            (get("/readyz"), 200, JSON, &["\"ready\":true"]),
            (get("/api/v1/status"), 200, JSON, &["\"pool\":\"web\"", "Frankfurt", "\"serial\":7"]),
            (get("/api/v1/events"), 200, JSON, &["\"kind\":\"started\""]),
            (get("/api/v1/events?after=0"), 200, JSON, &["\"seq\":1,"]),
            (get("/api/v1/overrides"), 200, JSON, &["[]"]),
            (get("/openapi.json"), 200, JSON, &["\"openapi\": \"3.1.0\""]),
            (
                get("/api/v1/explain?name=www.example.com&client=198.51.100.7"),
                200,
                JSON,
                &["198.51.100.0/24", "\"rule\":1", "\"owner\":\"www.example.com.\"", FRA],
            ),
            (
                get(
                    "/api/v1/explain?name=ns1.example.com&type=A&client=2001:db8::/56&resolver=192.0.2.77&seed=3",
                ),
                200,
                JSON,
                &["192.0.2.53", "\"steering\":[]"],
            ),
            (
                get("/api/v1/explain?name=other.example&client=192.0.2.0/24"),
                200,
                JSON,
                &["\"zone\":null", "REFUSED"],
            ),
            (get("/api/v1/explain"), 400, PROBLEM, &["name is missing", "www.example.com"]),
            (get("/api/v1/explain?name=www..x&client=::1"), 400, PROBLEM, &["www..x"]),
            (get("/api/v1/explain?name=www.example.com"), 400, PROBLEM, &["client is missing"]),
            (
                get("/api/v1/explain?name=a&client=192.0.2.1/33"),
                400,
                PROBLEM,
                &["not a number from 0 to 32"],
            ),
            (get("/api/v1/explain?name=a&client=::1&type=AAAAA"), 400, PROBLEM, &["AAAAA"]),
            (get("/api/v1/explain?name=a&client=::1&seed=-1"), 400, PROBLEM, &["seed"]),
            (get("/api/v1/explain?name=a&client=::1&resolver=x"), 400, PROBLEM, &["resolver"]),
            (get("/api/v1/explain?nam=a"), 400, PROBLEM, &["name is missing"]),
            (
                get("/api/v1/explain?name=a&client=::1&sed=1"),
                400,
                PROBLEM,
                &["did you mean \\\"seed"],
            ),
            (get("/api/v1/explain?name=a&name=b&client=::1"), 400, PROBLEM, &["given twice"]),
            (get("/api/v1/status?pool=web"), 400, PROBLEM, &["unknown parameter"]),
            (get("/api/v1/events?after=x"), 400, PROBLEM, &["after = \\\"x\\\""]),
            (get("/api/v1/stream?after=x"), 400, PROBLEM, &["after"]),
            (get("/api/v1/statu"), 404, PROBLEM, &["did you mean /api/v1/status?"]),
            (get("/%2e%2e/etc/passwd"), 404, PROBLEM, &["openapi.json"]),
            (get("/livez/"), 404, PROBLEM, &["did you mean /livez?"]),
            (Request::post("/api/v1/status", "{}"), 405, PROBLEM, &["POST is not served"]),
            (Request::delete("/livez"), 405, PROBLEM, &["Allow"]),
            (Request::new("OPTIONS", "/api/v1/reload"), 405, PROBLEM, &["OPTIONS"]),
            (Request::new("BREW", "/api/v1/reload"), 405, PROBLEM, &["BREW"]),
        ],
    );
}

#[test]
fn orders_and_what_is_wrong_with_them() {
    let world = World::start();
    let reload = |body: &str| Request::post("/api/v1/reload", body);
    let pin = |body: &str| Request::post("/api/v1/overrides", body);
    let long = format!("{{\"by\":\"{}\"}}", "x".repeat(501));
    hold(
        &world,
        vec![
            (reload(""), 200, JSON, &["\"outcome\":\"unchanged\"", "\"findings\":["]),
            (reload("{\"by\":\"me\"}"), 200, JSON, &["unchanged"]),
            (reload("{").with("Content-Type", "text/plain"), 415, PROBLEM, &["Content-Type"]),
            (reload("").without("Content-Type"), 415, PROBLEM, &["Content-Type"]),
            (reload("{\"by\":}"), 400, PROBLEM, &["line 1 column 7"]),
            (reload("{\"bye\":\"me\"}"), 422, PROBLEM, &["unknown field `bye`"]),
            (reload("[]"), 422, PROBLEM, &["object"]),
            (reload("{\"by\":7}"), 422, PROBLEM, &["expected a string"]),
            (reload("{\"by\":\"a\\nb\"}"), 400, PROBLEM, &["one line"]),
            (reload(&long), 400, PROBLEM, &["501 bytes", "500 bytes at most"]),
            (pin("{}"), 400, PROBLEM, &["help"]),
            (pin("{\"state\":\"drain\",\"site\":\"fraa\"}"), 404, PROBLEM, &["fra"]),
            (
                pin("{\"state\":\"drian\",\"site\":\"fra\"}"),
                400,
                PROBLEM,
                &["did you mean \\\"drain"],
            ),
            (pin("{\"state\":\"drain\",\"site\":\"fra\",\"fro\":1}"), 422, PROBLEM, &["fro"]),
            (pin("{\"state\":7}"), 422, PROBLEM, &["expected a string"]),
            (pin("nonsense"), 400, PROBLEM, &["line 1"]),
            (Request::delete("/api/v1/overrides?site=fra"), 404, PROBLEM, &["title"]),
            (
                Request::delete("/api/v1/overrides?sit=fra"),
                400,
                PROBLEM,
                &["did you mean \\\"site"],
            ),
            (Request::delete("/api/v1/overrides?all=yes"), 400, PROBLEM, &["true or false"]),
            (Request::delete("/api/v1/overrides"), 400, PROBLEM, &["nothing"]),
        ],
    );
    assert_eq!(world.answer(), [FRA], "nothing of that changed anything");
}

#[test]
fn a_site_is_drained_and_comes_back() {
    let world = World::start();
    let order = r#"{"site":"fra","state":"drain","for":"2h","reason":"CHG123","by":"anna"}"#;
    let set = |order: &str| Request::post("/api/v1/overrides", order).send(world.admin());
    let tried = set(&order.replace("\"by\"", "\"dry_run\":true,\"by\""));
    assert_eq!((tried.status, &tried.json()["applied"]), (200, &Value::Bool(false)));
    assert_eq!(world.answer(), [FRA]);

    let done = set(order);
    assert_eq!((done.status, &done.json()["applied"]), (200, &Value::Bool(true)));
    assert_eq!(world.answer(), [IAD], "at once, not at the next look at the file");
    let list = world.get("/api/v1/overrides").json();
    assert_eq!(
        (&list[0]["name"], &list[0]["by"], &list[0]["reason"]),
        (&"fra".into(), &"anna".into(), &"CHG123".into())
    );
    let explained = world.get("/api/v1/explain?name=www.example.com&client=198.51.100.7");
    assert!(explained.text().contains("CHG123"), "{}", explained.text());

    let refused = set(&order.replace("\"fra\"", "\"iad\""));
    assert_eq!((refused.status, refused.kind()), (409, PROBLEM));
    assert_eq!(refused.json()["effect"]["refused"], true);
    assert_eq!(world.answer(), [IAD]);

    let gone = Request::delete("/api/v1/overrides?site=fra&by=anna").send(world.admin());
    assert_eq!((gone.status, &gone.json()["removed"][0]["name"]), (200, &"fra".into()));
    assert_eq!(world.answer(), [FRA]);

    let weight = r#"{"endpoint":"fra-1","weight":7,"over":"30m","by":"anna"}"#;
    let done = set(weight);
    assert_eq!(done.status, 200, "{done:?}");
    let plan = &done.json()["override"]["weight"];
    assert_eq!((&plan["to"], &plan["from"]), (&7.into(), &Value::Null));
    assert_eq!(world.get("/api/v1/overrides").json()[0]["state"], "weight");
    assert_eq!(set(&weight.replace("\"by\"", "\"state\":\"up\",\"by\"")).status, 400);
    assert_eq!(Request::delete("/api/v1/overrides?all=true").send(world.admin()).status, 404);
    let gone = Request::delete("/api/v1/overrides?all=true&weight=true").send(world.admin());
    assert_eq!((gone.status, &gone.json()["removed"][0]["name"]), (200, &"fra-1".into()));

    let events = world.get("/api/v1/events").text();
    assert!(events.contains("override-set") && events.contains("override-removed"), "{events}");
}

#[test]
fn head_is_get_without_a_body() {
    let world = World::start();
    let mut connection = crate::http::Connection::to(world.admin());
    let request = Request::new("HEAD", "/api/v1/overrides").bytes(world.admin());
    connection.send(&[request, Request::get("/livez").bytes(world.admin())].concat());
    let head = connection.head().expect("an answer");
    assert_eq!((head.status, head.kind(), head.header("content-length")), (200, JSON, "2"));
    let next = connection.answer().expect("the next one");
    assert_eq!((next.status, next.text()), (200, "{\"alive\":true}".to_owned()));
}
