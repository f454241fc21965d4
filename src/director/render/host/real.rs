//! What a mode needs of a real server's host.

use super::super::Job;
use super::super::terms::{bracketed, fronts, title};
use super::address_on;
use super::script::{Script, setting, word};
use crate::report::{Finding, Report, nearest};
use crate::steer::director::{Director, Mode, Real};
use std::net::IpAddr;

/// What takes the inner packet out of the outer one, by the families of both. Devices of its own leave `tunl0` and its
/// kin alone.
struct Tunnel {
    /// It bears the outer address: a real may have one for each network that a director is in, and another one later.
    device: String,
    /// As `ip link` calls it.
    kind: &'static str,
    module: &'static str,
}

impl Tunnel {
    fn of(inner: IpAddr, outer: IpAddr) -> Self {
        let (prefix, kind, module) = match (inner, outer) {
            (IpAddr::V4(_), IpAddr::V4(_)) => ("fp4", "ipip", "ipip"),
            (IpAddr::V6(_), IpAddr::V4(_)) => ("fp6", "sit", "sit"),
            (_, IpAddr::V6(_)) => ("fpx", "ip6tnl mode any", "ip6_tunnel"),
        };
        // Names of devices have 15 bytes at most: of IPv6 the four words are folded into one.
        let word = match outer {
            IpAddr::V4(outer) => outer.to_bits(),
            IpAddr::V6(outer) => {
                let bits = outer.to_bits();
                [0, 32, 64, 96].iter().fold(0, |word, shift| word ^ (bits >> shift) as u32)
            }
        };
        Self { device: format!("{prefix}-{word:08x}"), kind, module }
    }
}

/// The MTU of Ethernet, in bytes.
const MTU: u32 = 1500;

/// The script of the real with this name or address; it may stand behind several directors.
pub fn real(job: &Job<'_>, name: &str) -> Result<String, Report> {
    let mut script = Script::new(&format!("Settings of real server {name}."));
    let mut found = false;
    for director in job.directors {
        for real in director.reals.iter().filter(|real| is_called(real, name)) {
            found = true;
            script.section(&title(director));
            settings(&mut script, job, director, real)?;
        }
    }
    if found { Ok(script.into_text()) } else { Err(unknown(job, name)) }
}

fn is_called(real: &Real, name: &str) -> bool {
    let Real { address, .. } = real;
    real.name == name || address.to_string() == name || address.ip().to_string() == name
}

fn unknown(job: &Job<'_>, name: &str) -> Report {
    let reals = || job.directors.iter().flat_map(|director| &director.reals);
    let help = match nearest(name, reals().map(|real| &real.name[..])) {
        Some(near) => format!("did you mean {near:?}?"),
        None => {
            let names: Vec<&str> = reals().map(|real| &real.name[..]).collect();
            format!("there are {}", names.join(", "))
        }
    };
    Finding::error(format!("no real is called {name:?}")).help(help).into()
}

fn settings(
    script: &mut Script,
    job: &Job<'_>,
    director: &Director,
    real: &Real,
) -> Result<(), Report> {
    let fronts = fronts(director);
    let vips = fronts.iter().filter(|front| front.reals.contains(&real)).map(|front| front.vip);
    match director.mode {
        Mode::Proxy => script.remark("Nothing to set: the proxy is a client like any other."),
        Mode::Nat => nat(script, job, director, real)?,
        Mode::Dr => {
            for vip in vips {
                listen(script, vip);
                quiet(script, vip);
                hold(script, vip, "lo");
            }
        }
        Mode::Tun => {
            for vip in vips {
                listen(script, vip);
                quiet(script, vip);
                tunnel(script, vip, real.address.ip());
            }
        }
    }
    Ok(())
}

fn nat(script: &mut Script, job: &Job<'_>, director: &Director, real: &Real) -> Result<(), Report> {
    if job.settings.masquerade {
        script.remark("Nothing to set: the director is the client that the real sees.");
        return Ok(());
    }
    let version = if real.address.is_ipv4() { "-4" } else { "-6" };
    let gateway = match job.settings.gateway {
        Some(gateway) if gateway.is_ipv4() != real.address.is_ipv4() => {
            let message = format!("{gateway} cannot be the gateway of {}", real.address.ip());
            let help = "give the director's address of the same family";
            return Err(Finding::error(message).help(help).into());
        }
        Some(gateway) => gateway.to_string(),
        None => {
            script.step(
                "The gateway is to be given: GATEWAY=ADDRESS sh FILE; or render with --gateway.",
                ": \"${GATEWAY:?set it to the address of the director in the network of the reals}\"",
            );
            "\"$GATEWAY\"".to_owned()
        }
    };
    if job.shared(director).len() > 1 {
        script.remark("The gateway has to be an address that moves with the VIP.");
    }
    script.step(
        "NAT: answers go back through the director, which puts the VIP in as their source.",
        &format!("ip {version} route replace default via {gateway}"),
    );
    Ok(())
}

fn listen(script: &mut Script, vip: IpAddr) {
    script.remark(&format!(
        "Packets arrive with the VIP as their destination: the service listens on {} or on all addresses.",
        bracketed(vip)
    ));
}

/// Nobody on the network may learn the VIP from a real. IPv6 asks each device for its own addresses alone, so there it
/// is enough that the VIP is on none that faces the network.
fn quiet(script: &mut Script, vip: IpAddr) {
    if vip.is_ipv4() {
        script.step(
            "Answer ARP only for addresses of the interface that is asked: the VIP is the director's.",
            &setting("net.ipv4.conf.all.arp_ignore", 1),
        );
        script.step(
            "And never give the VIP as the sender when asking.",
            &setting("net.ipv4.conf.all.arp_announce", 2),
        );
    }
}

fn hold(script: &mut Script, vip: IpAddr, device: &str) {
    if vip.is_ipv4() {
        script.step("The VIP, for this host alone.", &address_on(vip, device, ""));
        return;
    }
    let why = "The VIP, for this host alone: not asked for on the network (the director has it), and not taken as the \
               source of what this host asks by itself.";
    script.step(why, &address_on(vip, device, " nodad preferred_lft 0"));
}

fn tunnel(script: &mut Script, vip: IpAddr, own: IpAddr) {
    let Tunnel { device, kind, module } = Tunnel::of(vip, own);
    script.step(
        "TUN: what takes the inner packet out; built into some kernels.",
        &format!("modprobe -q {module} || true"),
    );
    script.step(
        "It takes tunnelled packets to this host's own address from whichever director.",
        &format!(
            "ip link show dev {device} > /dev/null 2>&1 || ip link add {device} type {kind} local {} remote any",
            word(&own.to_string())
        ),
    );
    script.step("Nothing is sent through it.", &format!("ip link set {device} up"));
    hold(script, vip, &device);
    if vip.is_ipv4() {
        script.step(
            "What comes out has the client as its source, whose route is another interface: any route will do. Of this \
             and conf.all the higher counts, and 2 is the highest.",
            &setting(&format!("net.ipv4.conf.{device}.rp_filter"), 2),
        );
    }
    let outer = if own.is_ipv4() { 20 } else { 40 };
    let (family, headers) = if vip.is_ipv4() { ("ip", 40) } else { ("ip6", 60) };
    script.remark(&format!(
        "Answers go straight to the client, in full size; what comes in has {outer} bytes less room. Where the \
         director's ICMP does not get to all clients, have them send smaller segments. With an MTU of {MTU}, in a \
         chain of nft at hook output: {family} saddr {vip} tcp flags syn tcp option maxseg size set {}",
        MTU - outer - headers
    ));
}
