//! A table for `nft -f`: a NAT director without IPVS.
//!
//! Each new connection draws a slot, by turns or by a hash of the client's address, and each real has as many slots as
//! it weighs. Loading the file again replaces the table in one step; connections that are under way stay where they
//! are, for the kernel tracks them.

use super::sheet::Sheet;
use super::terms::{self, Front, Names, fronts, is_weighted, tame};
use super::{Job, Rendered};
use crate::steer::director::{Director, Real, Scheduler};
use std::net::IpAddr;

/// Both directors of a pair place a client alike, and a reload does not move it.
const HASH_SEED: &str = "0x66706f73";

pub fn render(job: &Job<'_>) -> Rendered {
    let mut sheet = Sheet::default();
    sheet.line("#!/usr/sbin/nft -f");
    sheet.comment(terms::ORIGIN);
    sheet.comment("Nothing checks the reals here: a dead one keeps its share until the file is loaded without it.");
    let mut names = Names::default();
    for director in job.directors {
        sheet.gap();
        sheet.comment(terms::title(director));
        let name = names.unique(format!("fingerpost_{}", tame(&director.name, "_")));
        for front in fronts(director) {
            table(&mut sheet, job, director, &front, &name);
        }
    }
    Rendered { text: sheet.into_text(), notes: Vec::new() }
}

fn table(sheet: &mut Sheet, job: &Job<'_>, director: &Director, front: &Front<'_>, name: &str) {
    let family = family(front.vip);
    let service = director.service;
    // A table that is not there cannot be deleted; one that is there may be added again.
    sheet.line(format_args!("add table {family} {name}"));
    sheet.line(format_args!("delete table {family} {name}"));
    sheet.open(format_args!("table {family} {name} {{"));
    let chosen: Vec<(&Real, u32, String)> = chains(director, front);
    for (real, _, chain) in &chosen {
        if real.name != real.address.to_string() {
            sheet.comment(&real.name);
        }
        sheet.open(format_args!("chain {chain} {{"));
        sheet.line(format_args!(
            "meta l4proto {} counter dnat to {}",
            service.protocol, real.address
        ));
        sheet.close();
    }
    sheet.open("chain balance {");
    if let Some(remark) = remark(director.scheduler) {
        sheet.comment(remark);
    }
    sheet.line(draw(director.scheduler, family, &chosen));
    sheet.close();
    let entry = format!(
        "{family} daddr {} {} dport {} goto balance",
        front.vip, service.protocol, service.port
    );
    sheet.open("chain prerouting {");
    sheet.line("type nat hook prerouting priority -100; policy accept;");
    sheet.line(&entry);
    sheet.close();
    sheet.comment("What this host itself asks of the VIP.");
    sheet.open("chain output {");
    sheet.line("type nat hook output priority -100; policy accept;");
    sheet.line(&entry);
    sheet.close();
    postrouting(sheet, job, director, front, family);
    sheet.close();
}

/// The reals that get connections, with their slots and chains. The configuration bounds what all weigh together, so
/// that their slots fit the modulus, which has 32 bits.
fn chains<'a>(director: &Director, front: &Front<'a>) -> Vec<(&'a Real, u32, String)> {
    let chain = |(number, real): (usize, &&'a Real)| {
        let slots = if is_weighted(director.scheduler) { real.weight } else { real.weight.min(1) };
        (slots > 0).then(|| (*real, slots, format!("real_{}", number + 1)))
    };
    let mut chosen: Vec<_> = front.reals.iter().enumerate().filter_map(chain).collect();
    let divisor = chosen.iter().fold(0, |divisor, (_, slots, _)| gcd(divisor, *slots)).max(1);
    chosen.iter_mut().for_each(|(_, slots, _)| *slots /= divisor);
    chosen
}

fn gcd(one: u32, other: u32) -> u32 {
    if other == 0 { one } else { gcd(other, one % other) }
}

fn remark(scheduler: Scheduler) -> Option<String> {
    match scheduler {
        Scheduler::Rr | Scheduler::Wrr | Scheduler::Sh => None,
        Scheduler::Mh => Some(
            "nftables has no consistent hash: a change of the reals moves most clients.".to_owned(),
        ),
        Scheduler::Lc | Scheduler::Wlc | Scheduler::Sed | Scheduler::Nq => Some(format!(
            "nftables counts no connections, so it cannot do {scheduler}: this is weighted round robin."
        )),
    }
}

/// The rule that sends a connection on.
fn draw(scheduler: Scheduler, family: &str, chosen: &[(&Real, u32, String)]) -> String {
    let all: u32 = chosen.iter().map(|(_, slots, _)| slots).sum();
    let mut first = 0;
    let element = |(_, slots, chain): &(&Real, u32, String)| {
        let last = first + slots - 1;
        let range = if *slots == 1 { first.to_string() } else { format!("{first}-{last}") };
        first = last + 1;
        format!("{range} : goto {chain}")
    };
    let elements: Vec<String> = chosen.iter().map(element).collect();
    let number = match scheduler {
        Scheduler::Sh | Scheduler::Mh => format!("jhash {family} saddr mod {all} seed {HASH_SEED}"),
        Scheduler::Rr
        | Scheduler::Wrr
        | Scheduler::Lc
        | Scheduler::Wlc
        | Scheduler::Sed
        | Scheduler::Nq => format!("numgen inc mod {all}"),
    };
    format!("{number} vmap {{ {} }}", elements.join(", "))
}

fn postrouting(
    sheet: &mut Sheet,
    job: &Job<'_>,
    director: &Director,
    front: &Front<'_>,
    family: &str,
) {
    let mut addresses: Vec<IpAddr> = front.reals.iter().map(|real| real.address.ip()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let addresses: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    let reals = format!("{{ {} }}", addresses.join(", "));
    let protocol = director.service.protocol;
    sheet.open("chain postrouting {");
    sheet.line("type nat hook postrouting priority 100; policy accept;");
    let from = if job.settings.masquerade {
        sheet.comment("The reals see this host as the client, and so answer through it whatever their gateway is.");
        String::new()
    } else {
        sheet.comment(
            "A real that asks the VIP would be answered by another real directly, past this host.",
        );
        format!("{family} saddr {reals} ")
    };
    sheet.line(format_args!(
        "{from}{family} daddr {reals} meta l4proto {protocol} ct status dnat masquerade"
    ));
    sheet.close();
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "ip" } else { "ip6" }
}
