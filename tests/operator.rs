//! What an operator sees of a live server: status, events, explanations and reloads, each with its cause.

mod kit;

use fingerpost::control::Reloaded;
use fingerpost::control::events::{Event, Kind, Severity};
use fingerpost::control::explain::Question;
use fingerpost::control::outlook::{Condition, SiteLevel};
use fingerpost::control::status::{EndpointFamilyView, Status};
use fingerpost::wire::{Name, Rtype};
use kit::server::TestServer;
use kit::*;
use std::net::Ipv4Addr;

const ZONE: &str = "$TTL 300\n@ SOA ns1 host 1 7200 1800 1209600 60\n@ NS ns1\nns1 A 192.0.2.53\n";

const SHARED: &str = r#"
[sites]
fra = { location = "EU-DE", coordinates = [50.11, 8.68] }
iad = { location = "NA-US-VA", coordinates = [39.04, -77.49] }

[checks.web]
type = "http"
path = "/healthz"
interval = "100ms"
timeout = "3s"
fall = 2
rise = 2
"#;

/// Two sites of one endpoint each.
struct World {
    server: TestServer,
    fra: Backend,
    iad: Backend,
}

fn world() -> World {
    let (fra, iad) = (backend(), backend());
    let endpoint = |site: &str, a: &str, backend: &Backend| {
        let (port, address) = (backend.port(), backend.address().ip());
        format!(
            "{{ site = \"{site}\", a = \"{a}\", check = {{ port = {port}, address = \"{address}\" }} }}"
        )
    };
    let steering = format!(
        "[pools.web]\ncheck = \"web\"\nendpoints = [\n{},\n{},\n]\n\n[names.www]\npool = \"web\"\n",
        endpoint("fra", "192.0.2.1", &fra),
        endpoint("iad", "192.0.2.2", &iad),
    );
    let dir =
        ConfigDir::new().also(SHARED).zone("example.com", ZONE).steering("example.com", &steering);
    World { server: TestServer::start(dir), fra, iad }
}

fn backend() -> Backend {
    Backend::http(Ipv4Addr::LOCALHOST.into(), 0)
}

fn status(server: &TestServer) -> Status {
    server.operate(async |handle| handle.status().await)
}

/// An endpoint of the only pool.
fn seat(status: &Status, endpoint: usize) -> &EndpointFamilyView {
    &status.pools[0].endpoints[endpoint].families[0]
}

/// What is wrong beside this configuration's own oddities, which it warns of.
fn troubles(status: &Status) -> Vec<&str> {
    let found =
        |what: &str| status.reload.findings.iter().any(|finding| what.ends_with(&finding.message));
    status.wrong.iter().map(|wrong| &*wrong.what).filter(|what| !found(what)).collect()
}

/// Waits for an event of a kind after number `after`.
fn until_told(server: &TestServer, after: u64, kind: Kind) -> Event {
    until(&format!("an event of kind {kind}"), || {
        let told = server.operate(async |handle| handle.events().after(after));
        told.into_iter().find(|event| event.kind == kind)
    })
}

fn last_event(server: &TestServer) -> u64 {
    server.operate(async |handle| *handle.events().subscribe().borrow())
}

#[test]
fn an_endpoint_that_goes_down_is_seen_and_told_with_its_cause() {
    let mut world = world();
    let server = &world.server;
    let before = status(server);
    assert_eq!(troubles(&before), [""; 0], "all is well");
    assert!(before.server.ready);
    assert_eq!(before.server.generation, server.generation());
    assert_eq!(before.pools[0].families[0].condition, Condition::Whole);
    assert!(seat(&before, 0).check.as_ref().expect("a check").last.is_some());
    let told = server.operate(async |handle| handle.events().after(0));
    let kinds: Vec<Kind> = told.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [Kind::Verdict, Kind::Verdict, Kind::Started], "{told:?}");
    assert_eq!(told[0].severity, Severity::Info);

    let start = last_event(server);
    world.fra.stop();
    let event = until_told(server, start, Kind::Verdict);
    assert_eq!((event.severity, &*event.what), (Severity::Warning, "web/fra-1 is down"));
    assert!(event.cause.contains("2 failures in a row"), "{}", event.cause);
    let about = (event.site.as_deref(), event.pool.as_deref(), event.endpoint.as_deref());
    assert_eq!(about, (Some("fra"), Some("web"), Some("fra-1")));
    let event = until_told(server, start, Kind::Degraded);
    assert_eq!(event.what, "site fra of pool web (A) is dead");

    let seen = status(server);
    let down = seat(&seen, 0);
    assert_eq!(down.standing, "down");
    assert!(down.because.contains("2 failures in a row"));
    assert_eq!(seen.pools[0].families[0].sites[0].level, SiteLevel::Dead);
    assert_eq!(troubles(&seen)[0], "pool web of example.com.: site fra is dead");
    assert!(seen.wrong[0].since.is_some());
    assert!(seen.server.generation > before.server.generation);
    assert!(seen.server.generation_at > before.server.generation_at);

    world.iad.stop();
    let event = until_told(server, start, Kind::FailOpen);
    assert_eq!(event.severity, Severity::Error);
    assert!(event.cause.starts_with("iad-1: check web at 127.0.0.1:"), "{}", event.cause);
    world.fra.restart();
    until_told(server, event.seq, Kind::Recovered);
    assert_eq!(seat(&status(server), 0).check.as_ref().expect("a check").flaps, 2);
}

#[test]
fn overrides_and_reloads_are_told_and_explained() {
    let world = world();
    let server = &world.server;
    let start = last_event(server);
    let text = "[[override]]\nsite = \"fra\"\nstate = \"drain\"\nuntil = 2099-12-31T00:00:00Z\n\
                reason = \"CHG123\"\nby = \"ada\"\n";
    server.dir.replace("overrides.toml", text);
    let set = until_told(server, start, Kind::OverrideSet);
    assert_eq!(set.what, "site fra: drain until 2099-12-31T00:00:00Z");
    assert_eq!(set.cause, "CHG123 (by ada)");
    let reload = until_told(server, start, Kind::Reload);
    assert!(reload.what.starts_with("reloaded: generation"), "{}", reload.what);
    assert_eq!(reload.cause, "a file has changed");

    let question = Question {
        name: Name::parse("www.example.com", None).expect("a name"),
        rtype: Rtype::A,
        client: Ipv4Addr::new(198, 51, 100, 7).into(),
        client_bits: 24,
        resolver: None,
        random: 0,
    };
    let explained = server.operate(async |handle| handle.explain(&question).await);
    let sites = &explained.steering[0].sites;
    let fra = sites.iter().find(|site| site.site == "fra").expect("the site");
    assert_eq!((&*fra.level, fra.serves), ("drained", false));
    let because = "override: drained until 2099-12-31T00:00:00Z by ada: CHG123";
    assert_eq!(fra.endpoints[0].because, because);
    let iad = sites.iter().find(|site| site.serves).expect("a site that serves");
    assert!(iad.endpoints[0].because.contains("probed with success"));

    let seen = status(server);
    assert_eq!(seen.overrides.len(), 1);
    assert_eq!(troubles(&seen), [""; 0], "it has an end, and it is meant");
    assert_eq!(seen.sites[0].pinned.as_ref().map(|pinned| &*pinned.reason), Some("CHG123"));

    server.dir.replace("overrides.toml", "");
    let removed = until_told(server, set.seq, Kind::OverrideRemoved);
    assert_eq!(removed.what, "site fra: drain removed");
    assert_eq!(removed.cause, "it was set by ada: CHG123");
    until("the override to be gone", || status(server).overrides.is_empty().then_some(()));
    until_told(server, removed.seq, Kind::Reload);

    let start = last_event(server);
    let outcome = server.operate(async |handle| handle.reload("grace").await);
    assert!(matches!(outcome, Reloaded::Unchanged(_)), "{outcome:?}");
    let event = until_told(server, start, Kind::Reload);
    assert!(event.what.starts_with("reloaded: nothing has changed"), "{}", event.what);
    assert_eq!(event.cause, "asked by grace");
    server.dir.replace("fingerpost.toml", "[server]\nlistne = []\n");
    until("the refusal to show", || (status(server).reload.outcome == "refused").then_some(()));
    let wrong = &status(server).wrong;
    assert!(wrong[0].what.starts_with("the last reload was refused"), "{wrong:?}");
    assert!(wrong.iter().any(|wrong| wrong.what.contains("listne")), "{wrong:?}");
}

#[test]
fn a_broken_zone_shows_as_last_good() {
    let world = world();
    let server = &world.server;
    server.dir.replace("zones/example.com.zone", "@ SOA broken\n");
    until("the zone to be as it was last good", || {
        (status(server).zones[0].state == "last good").then_some(())
    });
    server.dir.replace("zones/example.net.zone", "@ SOA broken\n");
    until("the other zone not to be served", || {
        status(server).zones.get(1).filter(|zone| zone.state == "not served").map(drop)
    });
    let seen = status(server);
    let line = "zone example.com. is served as it was last good";
    assert!(seen.wrong.iter().any(|wrong| wrong.what == line), "{:?}", seen.wrong);
    server.dir.replace("zones/example.com.zone", ZONE);
    until("the zone to be served", || (status(server).zones[0].state == "served").then_some(()));
}

/// Whoever looks on sees the server wait for its first round of probes, and then be ready.
#[test]
fn it_is_ready_when_the_first_round_is_done() {
    let hung = backend();
    hung.set(Mode::Silent);
    let (port, address) = (hung.port(), hung.address().ip());
    let steering = format!(
        "[pools.web]\ncheck = \"web\"\nendpoints = [ {{ site = \"fra\", a = \"192.0.2.1\", \
         check = {{ port = {port}, address = \"{address}\" }} }} ]\n\n[names.www]\npool = \"web\"\n"
    );
    let dir =
        ConfigDir::new().also(SHARED).zone("example.com", ZONE).steering("example.com", &steering);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let starting = kit::server::prepare(&dir).await.expect("it can start");
        let handle = starting.handle().clone();
        assert!(!handle.is_ready().ready);
        let seen = handle.status().await;
        assert!(!seen.server.ready && seen.server.generation == 0, "{:?}", seen.server);
        assert!(seen.wrong[0].what.starts_with("not ready"), "{:?}", seen.wrong);
        let (server, _) = starting.finish().await.expect("it starts");
        assert!(handle.is_ready().ready);
        let seen = handle.status().await;
        assert_eq!((seen.reload.generation, seen.server.ready), (1, true));
        assert_eq!(seen.pools[0].families[0].condition, Condition::FailOpen);
        server.shutdown().await;
        // Whoever still holds a handle gets an answer.
        assert!(matches!(handle.reload("nobody").await, Reloaded::Refused(_)));
        assert_eq!(handle.status().await.server.generation, 1);
    });
}
