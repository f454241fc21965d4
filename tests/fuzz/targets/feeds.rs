//! What directors and the kernel say: any bytes are read or refused; what is read is within its bounds, whatever a
//! director makes of it is too, and what is written again is read as the same.
#![no_main]

use fingerpost::director::agent::table::{self, Table};
use fingerpost::director::feed::ipvs::{self, Forward};
use fingerpost::director::feed::{haproxy, json, limits};
use fingerpost::director::{Fault, FaultKind, FeedReport, RealState, Report, ServiceReport};
use fingerpost::steer::director::{Director, Mode, Protocol, Real, Scheduler, Service};
use fingerpost::steer::model::Site;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use std::collections::HashSet;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// The backend that the seeds tell of.
const BACKEND: &str = "web";
/// When everything is heard; the seeds say the same.
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fuzz_target!(|bytes: &[u8]| {
    check_outcome(&haproxy::parse(bytes, BACKEND));
    check_outcome(&ipvs::parse(bytes, NOW, Duration::MAX));
    let said = json::parse(bytes);
    check_outcome(&said);
    if let Ok(FeedReport::One(report)) = &said
        && report.sessions.is_none_or(|sessions| sessions <= limits::SESSIONS_MAX)
    {
        assert_eq!(json::parse(written(report).as_bytes()).as_ref(), Ok(said.as_ref().unwrap()));
    }
    match table::parse(bytes) {
        Ok(table) => check_table(table),
        Err(reason) => assert!(!reason.is_empty()),
    }
});

fn check_outcome(outcome: &Result<FeedReport, Fault>) {
    let said = match outcome {
        Ok(said) => said,
        Err(Fault { kind, why }) => {
            assert!(matches!(kind, FaultKind::Unreadable | FaultKind::Impossible));
            assert!(!why.is_empty());
            return;
        }
    };
    match said {
        FeedReport::One(report) => {
            check(report);
            let names = report.reals.iter().filter_map(|real| real.name.as_ref());
            assert!(are_unique(names), "{report:?}");
        }
        FeedReport::Services { services, .. } => check_services(services),
    }
    match said.of(&DIRECTOR) {
        Ok(report) => check(&report),
        Err(reason) => assert!(!reason.is_empty()),
    }
}

fn check_services(services: &[ServiceReport]) {
    assert!(services.len() <= limits::SERVICES_MAX);
    let reals: usize = services.iter().map(|service| service.report.reals.len()).sum();
    assert!(reals <= limits::REALS_MAX);
    assert!(are_unique(services.iter().map(|it| (it.address, it.port, it.protocol))));
    for service in services {
        check(&service.report);
        assert!(are_unique(service.report.reals.iter().map(|real| real.address)));
    }
}

fn check(report: &Report) {
    assert!(report.reals.len() <= limits::REALS_MAX);
    // They may have been added up.
    let all_max = limits::SESSIONS_MAX * limits::REALS_MAX as u64;
    assert!(report.sessions.is_none_or(|sessions| sessions <= all_max));
    let times = 0.0..=limits::RESPONSE_MS_MAX;
    assert!(report.response_ms.is_none_or(|response_ms| times.contains(&response_ms)));
    for real in &report.reals {
        assert!(real.weight <= limits::WEIGHT_MAX);
        assert!(real.weight > 0 || real.state != RealState::Up, "{real:?}");
        // One tunnel may carry two services.
        assert!(real.sessions.is_none_or(|sessions| sessions <= 2 * limits::SESSIONS_MAX));
        assert!(real.name.is_some() || real.address.is_some());
        if let Some(name) = &real.name {
            assert!(!name.is_empty() && !name.contains(char::is_control), "{name:?}");
        }
        if let Some(address) = real.address {
            assert_eq!(address.ip(), address.ip().to_canonical());
        }
    }
}

fn are_unique<T: Eq + std::hash::Hash>(items: impl IntoIterator<Item = T>) -> bool {
    let mut seen = HashSet::new();
    items.into_iter().all(|item| seen.insert(item))
}

/// What the agent writes is what the feed reads, if it can be true; and what the kernel would write of it is read as
/// the same table.
fn check_table(table: Table) {
    assert_eq!(
        table::parse(kernels(&table).as_bytes()).map(|it| it.services),
        Ok(table.services.clone())
    );
    let document = ipvs::Document {
        version: ipvs::VERSION,
        at: NOW,
        maintenance: false,
        services: table.services,
        skipped: table.skipped,
    };
    let written = serde_json::to_vec(&document).expect("text and numbers");
    assert_eq!(serde_json::from_slice::<ipvs::Document>(&written).ok(), Some(document));
    check_outcome(&ipvs::parse(&written, NOW, Duration::MAX));
}

/// The services of a table as the kernel writes them.
fn kernels(table: &Table) -> String {
    let place = |address: IpAddr, port: u16| match address {
        IpAddr::V4(address) => format!("{:08X}:{port:04X}", address.to_bits()),
        IpAddr::V6(address) => format!("[{address}]:{port:04X}"),
    };
    let mut text = "IP Virtual Server version 1.2.1 (size=4096)\n".to_owned();
    for service in &table.services {
        let protocol = match service.protocol {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
        };
        let at = place(service.address, service.port);
        writeln!(text, "{protocol}  {at} {} ", service.scheduler).expect("memory");
        for real in &service.reals {
            let forward = match real.forward {
                Forward::Masq => "Masq",
                Forward::Route => "Route",
                Forward::Tunnel => "Tunnel",
                Forward::Local => "Local",
            };
            let (at, weight) = (place(real.address, real.port), real.weight);
            let (active, inactive) = (real.active, real.inactive);
            writeln!(text, "  -> {at} {forward} {weight} {active} {inactive}").expect("memory");
        }
    }
    text
}

/// A report as a document of the shape that the README gives.
fn written(report: &Report) -> String {
    let reals = report.reals.iter().map(|real| {
        serde_json::json!({
            "name": real.name, "address": real.address, "state": real.state.to_string(), "weight": real.weight,
            "sessions": real.sessions,
        })
    });
    let document = serde_json::json!({
        "maintenance": report.is_maintenance, "sessions": report.sessions, "response_ms": report.response_ms,
        "reals": reals.collect::<Vec<_>>(),
    });
    document.to_string()
}

/// One that the seeds tell of, by name, by address and by service.
static DIRECTOR: LazyLock<Director> = LazyLock::new(|| {
    let site = Site {
        zone: None,
        name: "fra".to_owned(),
        title: "fra".to_owned(),
        location: None,
        coordinates: None,
    };
    let real = |name: &str, address: [u8; 4]| Real {
        name: name.to_owned(),
        address: SocketAddr::from((address, 80)),
        weight: 1,
        probe: None,
    };
    Director {
        zone: None,
        name: BACKEND.to_owned(),
        site: Arc::new(site),
        a: "192.0.2.100".parse().ok(),
        aaaa: "2001:db8:f::100".parse().ok(),
        mode: Mode::Nat,
        scheduler: Scheduler::Wlc,
        service: Service { protocol: Protocol::Tcp, port: 80 },
        reals: vec![real("web1", [10, 0, 0, 2]), real("web2", [10, 0, 0, 3])],
        min_up: 0.5,
        capacity: None,
        maintenance: false,
        feed: None,
    }
});
