//! What a mode needs of the systems around it, as scripts for `sh`: of the director, and of each real.
//!
//! A script sets what it sets any number of times to the same. It ends at the first command that fails, so that a host
//! is not taken for ready that is not.

mod real;
mod script;

pub use real::real;

use super::terms::{host_prefix, title};
use super::{Format, Job};
use crate::steer::director::{Director, Mode};
use script::{Script, setting};
use std::net::IpAddr;

pub fn director(job: &Job<'_>) -> String {
    let mut script = Script::new("Settings of the director's host.");
    for director in job.directors {
        script.section(&title(director));
        if job.format.is_ipvs() && director.mode != Mode::Proxy {
            script.step(
                "The kernel's IPVS; it loads schedulers by itself when they are asked for.",
                "[ -e /proc/net/ip_vs ] || modprobe ip_vs",
            );
        }
        match director.mode {
            Mode::Nat => nat(&mut script, job, director),
            Mode::Dr => script.remark(DR),
            Mode::Tun => tun(&mut script),
            Mode::Proxy => proxy(&mut script, job, director),
        }
        vips(&mut script, job, director);
    }
    script.into_text()
}

const DR: &str =
    "DR: the frame goes on as it came. Nothing is routed here, and no answer comes back this way.";

fn nat(script: &mut Script, job: &Job<'_>, director: &Director) {
    for address in director.addresses() {
        if address.is_ipv4() {
            let why = "NAT: packets of the reals and to the reals are routed here.";
            script.step(why, &setting("net.ipv4.ip_forward", 1));
            let why = "Where clients and reals share a network, the reals must not be told of a shorter way.";
            for conf in ["all", &job.settings.interface] {
                let key = format!("net.ipv4.conf.{}.send_redirects", script::key(conf));
                script.step(why, &setting(&key, 0));
            }
        } else {
            let why = "NAT: packets of the reals and to the reals are routed here. A router takes no route from \
                       others' advertisements unless accept_ra is 2.";
            script.step(why, &setting("net.ipv6.conf.all.forwarding", 1));
        }
    }
    if job.settings.masquerade && job.format.is_ipvs() {
        masquerade(script, director);
    }
}

/// IPVS itself only rewrites the destination; netfilter does the source, once it sees the connections.
fn masquerade(script: &mut Script, director: &Director) {
    script.step(
        "Netfilter is to know the connections of IPVS, or it would not rewrite their source.",
        &setting("net.ipv4.vs.conntrack", 1),
    );
    for front in super::terms::fronts(director) {
        let family = if front.vip.is_ipv4() { "ip" } else { "ip6" };
        let mut targets: Vec<String> = Vec::new();
        for real in &front.reals {
            let target = format!("{} . {}", real.address.ip(), real.address.port());
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        let table = format!("fingerpost_{}_source", super::terms::tame(&director.name, "_"));
        let protocol = director.service.protocol;
        script.step(
            "The reals see this host as the client, and so answer through it whatever their gateway is.",
            &format!(
                "nft -f - <<'END'\n\
                 add table {family} {table}\n\
                 delete table {family} {table}\n\
                 table {family} {table} {{\n    \
                     chain postrouting {{\n        \
                         type nat hook postrouting priority 100; policy accept;\n        \
                         {family} daddr . {protocol} dport {{ {} }} masquerade\n    \
                     }}\n\
                 }}\n\
                 END",
                targets.join(", ")
            ),
        );
    }
}

fn tun(script: &mut Script) {
    script.remark(
        "TUN: packets go on with 20 (IPv6: 40) more bytes, and no answer comes back this way. Who sends larger ones \
         than then fit is told so by ICMP, which no firewall before this host may drop.",
    );
}

fn proxy(script: &mut Script, job: &Job<'_>, director: &Director) {
    for address in director.addresses().filter(|address| job.moves(*address)) {
        let version = if address.is_ipv4() { "ipv4" } else { "ipv6" };
        script.step(
            "The proxy listens on the VIP while another director still holds it.",
            &setting(&format!("net.{version}.ip_nonlocal_bind"), 1),
        );
    }
}

fn vips(script: &mut Script, job: &Job<'_>, director: &Director) {
    let (moving, fixed): (Vec<IpAddr>, Vec<IpAddr>) =
        director.addresses().partition(|address| job.moves(*address));
    if let [address, ..] = moving[..] {
        let by = if job.format == Format::Keepalived { "" } else { "; see --format keepalived" };
        let what = if fixed.is_empty() { "The VIP".to_owned() } else { address.to_string() };
        script.remark(&format!(
            "{what} is shared: VRRP puts it on the interface, not this script{by}."
        ));
    }
    let interface = script::word(&job.settings.interface);
    for address in fixed {
        if address.is_ipv4() {
            script.step("The VIP.", &address_on(address, &interface, ""));
        } else {
            // Its /128 would match best (RFC 6724 §5, rule 8), and a real that holds the VIP answers itself.
            let why = "The VIP, to be listened on at once (nobody is asked first whether it is taken), and not taken \
                       as the source of what this host asks by itself, such as checks.";
            script.step(why, &address_on(address, &interface, " nodad preferred_lft 0"));
        }
    }
}

/// The command that gives an interface an address, once.
fn address_on(address: IpAddr, interface: &str, flags: &str) -> String {
    let version = if address.is_ipv4() { "-4" } else { "-6" };
    format!("ip {version} address replace {} dev {interface}{flags}", host_prefix(address))
}
