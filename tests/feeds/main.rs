//! Feeds against the real thing: Debian's HAProxy with its statistics page, plain and over TLS, and its runtime socket;
//! and whom a feed over TLS trusts. Tests that need HAProxy say so and end where `haproxy` is not installed.

mod haproxy;
#[path = "../kit/mod.rs"]
mod kit;
mod tls;

use fingerpost::director::feed::{FeedResult, Feeder};
use fingerpost::director::{RealState, Report};
use fingerpost::steer::director::{
    Director, Feed, FeedSource, HaproxySource, HttpAuth, HttpSource, Mode, Protocol, Real,
    Scheduler, Service,
};
use fingerpost::steer::model::Site;
use haproxy::Haproxy;
use kit::TestAuthority;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn feed(from: HaproxySource, backend: &str) -> Arc<Feed> {
    Arc::new(Feed {
        source: FeedSource::Haproxy { from, backend: backend.to_owned() },
        interval: Duration::from_millis(100),
        timeout: Duration::from_secs(5),
        stale_after: Duration::from_secs(10),
    })
}

/// A director whose reals are these.
fn director(reals: &[(&str, SocketAddr)]) -> Director {
    let real = |(name, address): &(&str, SocketAddr)| Real {
        name: (*name).to_owned(),
        address: *address,
        weight: 1,
        probe: None,
    };
    let site = Site {
        zone: None,
        name: "here".to_owned(),
        title: "here".to_owned(),
        location: None,
        coordinates: None,
    };
    Director {
        zone: None,
        name: "web".to_owned(),
        site: Arc::new(site),
        a: "192.0.2.100".parse().ok(),
        aaaa: None,
        mode: Mode::Proxy,
        scheduler: Scheduler::Rr,
        service: Service { protocol: Protocol::Tcp, port: 80 },
        reals: reals.iter().map(real).collect(),
        min_up: 0.5,
        capacity: None,
        maintenance: false,
        feed: None,
    }
}

/// Follows one feed until what it says is as wanted.
async fn until(feed: Arc<Feed>, director: &Director, wanted: impl Fn(&Report) -> bool) -> Report {
    let (results, mut found) = mpsc::channel(1);
    let feeder = Feeder::start(results).expect("a feeder");
    feeder.set_feeds(vec![feed]);
    let mut last = None;
    let report = timeout(PATIENCE, async {
        loop {
            let FeedResult { outcome, .. } = found.recv().await.expect("a feeder that runs");
            let report = outcome.map_err(|fault| fault.why).and_then(|said| said.of(director));
            if let Ok(report) = &report
                && wanted(report)
            {
                return report.clone();
            }
            last = Some(report);
        }
    })
    .await;
    // Its thread waits for room in the channel otherwise.
    drop(found);
    report.unwrap_or_else(|_| panic!("last was {last:?}"))
}

/// What asking a feed for the first time comes to.
async fn first(feed: Arc<Feed>) -> FeedResult {
    let (results, mut found) = mpsc::channel(1);
    let feeder = Feeder::start(results).expect("a feeder");
    feeder.set_feeds(vec![feed]);
    let result = timeout(PATIENCE, found.recv()).await.expect("in time").expect("a result");
    // Its thread waits for room in the channel otherwise.
    drop(found);
    result
}

/// A server that keeps its clients for as long as they stay.
async fn listener() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a socket");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move { tokio::io::copy(&mut stream, &mut tokio::io::sink()).await });
        }
    });
    address
}

fn states(report: &Report) -> Vec<(&str, RealState, u32)> {
    let reals = report.reals.iter();
    reals.map(|real| (real.name.as_deref().unwrap_or("-"), real.state, real.weight)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_is_understood_by_three_ways() {
    let alive_at = listener().await;
    // Bound and not listening: whoever calls is refused.
    let dead = tokio::net::TcpSocket::new_v4().expect("a socket");
    dead.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let dead_at = dead.local_addr().expect("bound");
    let servers = format!(
        "server web1 {alive_at} weight 3\nserver web2 {dead_at} weight 2\n\
         server web3 {alive_at} weight 5 disabled\nserver web4 {alive_at} weight 0\nserver web5 {alive_at} backup\n"
    );
    let Some(haproxy) = Haproxy::start(&servers, &TestAuthority::new()).await else {
        return;
    };
    let reals = [("web1", alive_at), ("web2", dead_at), ("web3", alive_at)];
    let director = director(&reals);
    let expected = [
        ("web1", RealState::Up, 3),
        ("web2", RealState::Down, 2),
        ("web3", RealState::Maintenance, 5),
        ("web4", RealState::Draining, 0),
        ("web5", RealState::Draining, 1),
    ];
    let login = haproxy.file("login", "ada:secret\n");
    let page =
        HttpSource { url: haproxy.page(), auth: Some(HttpAuth::BasicFile(login)), roots: None };
    let ways = [
        HaproxySource::Http(page),
        HaproxySource::Unix(haproxy.socket()),
        HaproxySource::Tcp(haproxy.tcp),
    ];
    // Servers are up until their first check is done: a client before that may be sent to a dead one.
    let runtime = || feed(HaproxySource::Unix(haproxy.socket()), "web");
    until(runtime(), &director, |report| states(report) == expected).await;
    // Clients that stay connected through the director are its sessions.
    let clients = [haproxy.connect().await, haproxy.connect().await];
    for from in ways {
        let way = format!("{from:?}");
        let is_settled = |report: &Report| states(report) == expected && report.sessions == Some(2);
        let report = until(feed(from, "web"), &director, is_settled).await;
        let of_web1 = report.reals[0].sessions;
        assert_eq!(
            (of_web1, report.response_ms, report.is_maintenance),
            (Some(2), None, false),
            "{way}"
        );
    }
    drop(clients);
    let is_idle = |report: &Report| report.sessions == Some(0);
    until(runtime(), &director, is_idle).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_haproxy_refuses_has_a_plain_reason() {
    let authority = TestAuthority::new();
    let Some(haproxy) = Haproxy::start("server web1 127.0.0.1:1\n", &authority).await else {
        return;
    };
    let check = async |from: HaproxySource, backend: &str, part: &str| {
        let reason = first(feed(from, backend)).await.outcome.expect_err(part).why;
        assert!(reason.contains(part), "{reason}");
    };
    let page = |url: String, auth| HaproxySource::Http(HttpSource { url, auth, roots: None });
    let login = |text: &str| Some(HttpAuth::BasicFile(haproxy.file("login", text)));
    check(page(haproxy.page(), None), "web", "answered 401, expected 200: it asks for").await;
    check(page(haproxy.page(), login("ada:wrong")), "web", "does not take the token or login")
        .await;
    check(page(haproxy.page_for_people(), login("ada:secret")), "web", "ends in \";csv\"").await;
    check(HaproxySource::Unix(haproxy.socket()), "wbe", "did you mean \"web\"?").await;
}
