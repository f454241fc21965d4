//! VRRP: one instance for each VIP that several directors share, its priority by their order.

use super::super::Job;
use super::super::sheet::Sheet;
use super::super::terms::host_prefix;
use crate::steer::director::{Director, Mode};
use std::collections::HashSet;
use std::net::IpAddr;

/// The first director's; each that follows has [`PRIORITY_STEP`] less. 255 is for who owns the address (RFC 9568
/// §5.2.4).
const PRIORITY_FIRST: usize = 200;
const PRIORITY_STEP: usize = 10;

/// The longest that keepalived takes.
const PREEMPT_DELAY_MAX_S: u64 = 1000;

/// The process that a proxy's VIP follows.
const TRACKED: &str = "haproxy";

/// The addresses that move together between the directors that share them.
pub struct Instance<'a> {
    /// The first of them on this host.
    director: &'a Director,
    addresses: Vec<IpAddr>,
    id: u8,
    /// The directors that share its VIP, in the order written.
    shared: Vec<&'a Director>,
}

/// Directors whose VIPs have addresses in common: services of one host may, and an address moves once.
struct Group<'a> {
    directors: Vec<&'a Director>,
    addresses: Vec<IpAddr>,
}

/// The instances of this host. What is in an instance, and its id, follow from the whole configuration in its order, so
/// that all who share a VIP come to the same, whichever directors they are rendered for.
pub fn instances<'a>(job: &'a Job<'a>) -> Vec<Instance<'a>> {
    let is_here = |director: &&&Director| job.directors.iter().any(|it| it.key() == director.key());
    let mut ids = HashSet::new();
    let mut given = job.settings.router_id;
    // The id that is given is the first's that is here, whatever the others would have.
    ids.extend(given);
    let mut instances = Vec::new();
    for Group { directors, addresses } in groups(job) {
        let director = directors.iter().find(is_here).copied();
        let id = match director.and_then(|_| given.take()) {
            Some(id) => id,
            None => free_id(last_byte(addresses[0]), &ids),
        };
        ids.insert(id);
        if let Some(director) = director {
            instances.push(Instance { director, addresses, id, shared: job.shared(director) });
        }
    }
    instances
}

/// The groups of the sites where this host's directors are, by what is written first.
fn groups<'a>(job: &'a Job<'a>) -> Vec<Group<'a>> {
    let is_near =
        |director: &&Director| job.directors.iter().any(|it| it.site.name == director.site.name);
    let mut groups: Vec<(usize, Group<'a>)> = Vec::new();
    for (place, director) in job.all.iter().map(|it| &**it).filter(is_near).enumerate() {
        if job.shared(director).len() < 2 {
            continue;
        }
        let mut whole = (place, Group { directors: Vec::new(), addresses: Vec::new() });
        let meets = |(_, group): &mut (usize, Group<'_>)| {
            director.addresses().any(|address| group.addresses.contains(&address))
        };
        for (first, part) in groups.extract_if(.., meets) {
            whole.0 = whole.0.min(first);
            whole.1.directors.extend(part.directors);
            whole.1.addresses.extend(part.addresses);
        }
        whole.1.directors.push(director);
        for address in director.addresses() {
            if !whole.1.addresses.contains(&address) {
                whole.1.addresses.push(address);
            }
        }
        groups.push(whole);
    }
    groups.sort_by_key(|(first, _)| *first);
    groups.into_iter().map(|(_, group)| group).collect()
}

/// In `global_defs`: who holds a VIP of IPVS tells the others of its connections. There is one such daemon, for the
/// whole table; its id is the instance's.
pub fn synchronise(sheet: &mut Sheet, job: &Job<'_>, instances: &[Instance<'_>]) {
    let of_ipvs = |it: &&Instance<'_>| it.director.mode != Mode::Proxy;
    if let Some(instance) = instances.iter().find(of_ipvs) {
        sheet.comment(
            "Connections are told to the standby, which goes on with them: by multicast to 224.0.0.81, UDP port 8848.",
        );
        sheet.line(format_args!("lvs_sync_daemon {} {}", job.settings.interface, instance.name()));
    }
}

pub fn write(sheet: &mut Sheet, job: &Job<'_>, instances: &[Instance<'_>]) {
    if instances.iter().any(|instance| instance.director.mode == Mode::Proxy) {
        sheet.gap();
        sheet.open(format_args!("vrrp_track_process {TRACKED} {{"));
        sheet.line(format_args!("process {TRACKED}"));
        sheet.close();
    }
    for instance in instances {
        let names: Vec<&str> = instance.shared.iter().map(|one| &one.name[..]).collect();
        sheet.gap();
        sheet.comment(format_args!(
            "The VIP is held by the first that is alive of {}.",
            names.join(", ")
        ));
        instance.write(sheet, job);
    }
}

impl Instance<'_> {
    fn name(&self) -> String {
        format!("VIP_{}", self.addresses[0])
    }

    fn write(&self, sheet: &mut Sheet, job: &Job<'_>) {
        let Self { director, addresses, id, shared } = self;
        let interface = &job.settings.interface;
        let place = shared.iter().position(|one| one.key() == director.key()).unwrap_or(0);
        sheet.open(format_args!("vrrp_instance {} {{", self.name()));
        // keepalived ignores `preempt_delay` where the state is MASTER; the priority decides all the same.
        sheet.line("state BACKUP");
        sheet.line(format_args!("interface {interface}"));
        sheet.line(format_args!("virtual_router_id {id}"));
        sheet.line(format_args!("priority {}", priority(place)));
        sheet.line("advert_int 1");
        if let Some(delay_s) = preempt_delay_s(director) {
            sheet.comment(
                "One that was cut off has seen all reals die: first it is to see them live.",
            );
            sheet.line(format_args!("preempt_delay {delay_s}"));
        }
        if director.mode == Mode::Proxy {
            sheet.open("track_process {");
            sheet.line(TRACKED);
            sheet.close();
        }
        if director.mode == Mode::Nat && !job.settings.masquerade {
            sheet.comment(
                "The reals' gateway has to move along: add it under virtual_ipaddress_excluded, as ADDRESS/LENGTH dev \
                 INTERFACE.",
            );
        }
        // An advertisement holds addresses of one family; the others move with it, untold.
        let (told, untold): (Vec<IpAddr>, Vec<IpAddr>) =
            addresses.iter().partition(|address| address.is_ipv4() == addresses[0].is_ipv4());
        let blocks = [("virtual_ipaddress", told), ("virtual_ipaddress_excluded", untold)];
        for (head, addresses) in blocks {
            if !addresses.is_empty() {
                sheet.open(format_args!("{head} {{"));
                for address in addresses {
                    sheet.line(format_args!("{} dev {interface}", host_prefix(address)));
                }
                sheet.close();
            }
        }
        sheet.close();
    }
}

/// So long after another's advertisement the director takes its VIP back: until its checks, of which HAProxy's want to
/// succeed `rise` times, can have seen the reals again.
fn preempt_delay_s(director: &Director) -> Option<u64> {
    let seen = director.reals.iter().filter_map(|real| real.probe.as_ref()).map(|probe| {
        let check = &probe.check;
        check.interval.saturating_mul(check.rise).saturating_add(check.timeout)
    });
    let seen = seen.max()?;
    let whole_s = seen.as_secs() + u64::from(seen.subsec_nanos() > 0);
    Some(whole_s.min(PREEMPT_DELAY_MAX_S))
}

fn priority(place: usize) -> usize {
    PRIORITY_FIRST.saturating_sub(PRIORITY_STEP * place).max(1)
}

fn last_byte(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(address) => address.octets()[15],
    }
}

/// The id, or the next that no instance of this host has; 0 is none (RFC 9568 §5.2.3).
fn free_id(wanted: u8, taken: &HashSet<u8>) -> u8 {
    let ids = (wanted..=u8::MAX).chain(1..wanted).filter(|id| *id > 0);
    ids.into_iter().find(|id| !taken.contains(id)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_priorities_stay_in_bounds() {
        assert_eq!(free_id(0, &HashSet::new()), 1);
        assert_eq!(free_id(255, &HashSet::from([255])), 1);
        assert_eq!(free_id(100, &HashSet::from([100, 101])), 102);
        assert_eq!([0, 1, 99].map(priority), [200, 190, 1]);
    }
}
