//! haproxy.cfg: for each director a `listen` section in TCP mode, and what a feed of type `haproxy` asks for.
//!
//! A section is called as the director's feed calls it, and a server as the real, so that the statistics are understood
//! without more. The runtime socket and the statistics page are where the feeds look for them; on the loopback where no
//! feed says.

mod checks;
mod statistics;

use super::sheet::Sheet;
use super::terms::{self, Names, fronts, is_weighted, tame, weights};
use super::{Job, Rendered};
use crate::steer::director::{Director, FeedSource, Real, Scheduler};
use checks::Checks;
use std::collections::HashSet;
use std::net::SocketAddr;

/// The heaviest server that HAProxy takes (configuration manual, `weight`).
const WEIGHT_MAX: u32 = 256;

/// What a name of a section or server may hold beside letters and digits.
const NAME_CHARACTERS: &str = "-_.:";

pub fn render(job: &Job<'_>) -> Rendered {
    let mut sheet = Sheet::default();
    sheet.comment(terms::ORIGIN);
    sheet.gap();
    sheet.open("global");
    sheet.line("user haproxy");
    sheet.line("group haproxy");
    sheet.line("log /dev/log local0");
    statistics::sockets(&mut sheet, job);
    sheet.end();
    sheet.gap();
    sheet.open("defaults");
    sheet.line("mode tcp");
    sheet.line("log global");
    sheet.line("option tcplog");
    sheet.line("option redispatch");
    sheet.line("timeout connect 5s");
    sheet.comment("An idle connection is kept as long as IPVS keeps one.");
    sheet.line("timeout client 15m");
    sheet.line("timeout server 15m");
    sheet.end();
    let mut names = Names::default();
    for director in job.directors {
        section(&mut sheet, director, names.unique(section_name(director)));
    }
    statistics::page(&mut sheet, job, &mut names);
    Rendered { text: sheet.into_text(), notes: Vec::new() }
}

fn section_name(director: &Director) -> String {
    let name = match director.feed.as_ref().map(|feed| &feed.source) {
        Some(FeedSource::Haproxy { backend, .. }) => backend,
        _ => &director.name,
    };
    tame(name, NAME_CHARACTERS)
}

fn section(sheet: &mut Sheet, director: &Director, name: String) {
    sheet.gap();
    sheet.comment(terms::title(director));
    sheet.open(format_args!("listen {name}"));
    for vip in director.addresses() {
        let only = if vip.is_ipv6() { " v6only" } else { "" };
        sheet.line(format_args!("bind {}{only}", SocketAddr::new(vip, director.service.port)));
    }
    balance(sheet, director.scheduler);
    let checks = Checks::of(director);
    checks.write(sheet);
    // A proxy serves either address by all of its reals, so the first front has them all.
    let reals: Vec<&Real> =
        fronts(director).into_iter().next().map_or(Vec::new(), |front| front.reals);
    if is_weighted(director.scheduler) && reals.iter().any(|real| real.weight > WEIGHT_MAX) {
        sheet.comment(format_args!(
            "Weights are in proportion to those configured: at most {WEIGHT_MAX}."
        ));
    }
    let mut names = Names::default();
    for (real, weight) in reals.iter().zip(weights(&reals, WEIGHT_MAX)) {
        let name = names.unique(tame(&real.name, NAME_CHARACTERS));
        // 0 counts with every scheduler: nothing new goes there.
        let weight = if is_weighted(director.scheduler) { weight } else { weight.min(1) };
        let check = checks.of_server(real);
        sheet.line(format_args!("server {name} {} weight {weight}{check}", real.address));
    }
    sheet.end();
}

fn balance(sheet: &mut Sheet, scheduler: Scheduler) {
    match scheduler {
        Scheduler::Rr | Scheduler::Wrr => sheet.line("balance roundrobin"),
        Scheduler::Lc | Scheduler::Wlc => sheet.line("balance leastconn"),
        Scheduler::Sed | Scheduler::Nq => {
            sheet.comment(format_args!("HAProxy has no {scheduler}; this is nearest to it."));
            sheet.line("balance leastconn");
        }
        Scheduler::Sh | Scheduler::Mh => {
            sheet.line("balance source");
            sheet.line("hash-type consistent");
        }
    }
}

/// Keeps the first of equals.
fn distinct(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    texts.into_iter().filter(|text| seen.insert(text.clone())).collect()
}
