//! The directors' own configuration, from the same definitions that Fingerpost answers by.
//!
//! ```text
//! Director, those that share its VIP ─► Job ─┬─ rules ─► ipvsadm | keepalived | haproxy | nftables ─► Rendered
//!                                            └─ host ──► what the director's or a real's system needs, for sh
//! ```
//!
//! Everything here is a pure function of the configuration: equal files give equal bytes. Several directors of one host
//! make one file. What a format cannot do is refused with what can; what it does in its own way is said in the text, or
//! beside it where the format has no comments. That the programs take what is written is held by `tests/render`.

mod haproxy;
mod host;
mod ipvsadm;
mod keepalived;
mod nftables;
mod sheet;
mod terms;

#[cfg(test)]
mod tests;

use crate::report::{Finding, Report};
use crate::steer::director::{Director, Mode, Protocol};
use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// A program that directs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// IPVS rules, as `ipvsadm -R` reads them.
    Ipvsadm,
    /// keepalived.conf: IPVS with checks, and VRRP where directors share the VIP.
    Keepalived,
    /// haproxy.cfg.
    Haproxy,
    /// A table for `nft -f`.
    Nftables,
}

/// What is to be rendered: directors that run on one host.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// What writes.
    pub format: Format,
    /// At least one, each once.
    pub directors: &'a [Arc<Director>],
    /// All directors of the configuration, in the order written: which share a VIP, and who is first.
    pub all: &'a [Arc<Director>],
    /// What the configuration does not tell of the hosts.
    pub settings: &'a Settings,
}

/// What only the operator knows of the hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The director's interface in the VIP's network.
    pub interface: String,
    /// VRRP's router id of the first VIP that is shared; none: by the VIP's last byte.
    pub router_id: Option<u8>,
    /// The director's address in the reals' network; none: the script asks for it.
    pub gateway: Option<IpAddr>,
    /// Whether a NAT director puts its own address in the client's place.
    pub masquerade: bool,
}

/// A text for a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The whole file.
    pub text: String,
    /// What to know about it that could not be said in it.
    pub notes: Vec<String>,
}

/// Where a script of host settings is to run.
#[derive(Clone, Copy, Debug)]
pub enum Host<'a> {
    /// On the director.
    Director,
    /// On a real server, by its name or address.
    Real(&'a str),
}

/// The director's configuration in the job's format. Errors name everything that the format cannot do.
pub fn rules(job: &Job<'_>) -> Result<Rendered, Report> {
    job.check()?;
    Ok(match job.format {
        Format::Ipvsadm => ipvsadm::render(job),
        Format::Keepalived => keepalived::render(job),
        Format::Haproxy => haproxy::render(job),
        Format::Nftables => nftables::render(job),
    })
}

/// A shell script with the settings that the mode of each director needs of a host. It can run any number of times.
pub fn host(job: &Job<'_>, host: Host<'_>) -> Result<String, Report> {
    job.check()?;
    match host {
        Host::Director => Ok(host::director(job)),
        Host::Real(name) => host::real(job, name),
    }
}

/// A file of a whole set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name, without a directory.
    pub name: String,
    /// The whole of it.
    pub text: String,
}

/// The configuration, the script of the director's host and those of all reals, as files, and the notes on them.
pub fn files(job: &Job<'_>) -> Result<(Vec<File>, Vec<String>), Report> {
    let Rendered { text, notes } = rules(job)?;
    let director = host(job, Host::Director)?;
    let mut files = vec![
        File { name: job.format.file_name().into(), text },
        File { name: "director.sh".into(), text: director },
    ];
    let mut seen = HashSet::new();
    let mut names = terms::Names::default();
    for real in job.directors.iter().flat_map(|director| &director.reals) {
        if seen.insert(&real.name) {
            let name = names.unique(format!("real-{}", terms::tame(&real.name, "-_.")));
            let text = host(job, Host::Real(&real.name))?;
            files.push(File { name: format!("{name}.sh"), text });
        }
    }
    Ok((files, notes))
}

impl Format {
    /// Every format with its word.
    pub const ALL: [(&str, Self); 4] = [
        ("ipvsadm", Self::Ipvsadm),
        ("keepalived", Self::Keepalived),
        ("haproxy", Self::Haproxy),
        ("nftables", Self::Nftables),
    ];

    /// The format that most would take for a mode.
    pub fn usual(mode: Mode) -> Self {
        match mode {
            Mode::Nat | Mode::Dr | Mode::Tun => Self::Keepalived,
            Mode::Proxy => Self::Haproxy,
        }
    }

    /// What its file is usually called.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Ipvsadm => "ipvsadm.rules",
            Self::Keepalived => "keepalived.conf",
            Self::Haproxy => "haproxy.cfg",
            Self::Nftables => "director.nft",
        }
    }

    /// Whether it writes the kernel's IPVS table.
    fn is_ipvs(self) -> bool {
        matches!(self, Self::Ipvsadm | Self::Keepalived)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::ALL.iter().find(|(_, format)| format == self).map_or("", |(word, _)| word))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { interface: "eth0".into(), router_id: None, gateway: None, masquerade: false }
    }
}

impl Job<'_> {
    /// Everything that stands against rendering.
    fn check(&self) -> Result<(), Report> {
        let mut report = Report::default();
        for director in self.directors {
            let findings = [self.check_mode(director), check_reals(director)];
            findings.into_iter().flatten().for_each(|finding| report.push(finding));
        }
        if report.has_errors() { Err(report) } else { Ok(()) }
    }

    fn check_mode(&self, director: &Director) -> Option<Finding> {
        let Director { name, mode, .. } = director;
        if *mode == Mode::Proxy && director.service.protocol == Protocol::Udp {
            let message = format!("director {name:?}: no proxy takes {}", director.service);
            return Some(Finding::error(message).help("make its mode nat, dr or tun"));
        }
        let (what, cure) = match (self.format, mode) {
            (Format::Ipvsadm, Mode::Proxy) => ("IPVS does not proxy", "--format haproxy"),
            (Format::Keepalived, Mode::Proxy) if self.shared(director).len() < 2 => {
                let what = "keepalived does not proxy, and nobody shares the VIP by VRRP";
                (what, "--format haproxy")
            }
            (Format::Haproxy, Mode::Nat | Mode::Dr | Mode::Tun) => {
                ("HAProxy only proxies", "--format keepalived, or make its mode proxy")
            }
            (Format::Nftables, Mode::Dr | Mode::Tun) => {
                ("nftables rewrites addresses, which is mode nat", "--format keepalived")
            }
            (Format::Nftables, Mode::Proxy) => ("nftables does not proxy", "--format haproxy"),
            (Format::Ipvsadm | Format::Keepalived | Format::Nftables, Mode::Nat)
            | (Format::Ipvsadm | Format::Keepalived, Mode::Dr | Mode::Tun)
            | (Format::Keepalived | Format::Haproxy, Mode::Proxy) => return None,
        };
        let message = format!("director {name:?} is of mode {mode}: {what}");
        Some(Finding::error(message).help(format!("use {cure}")))
    }

    /// Whether VRRP puts an address on this host, as it is of a VIP that one of its directors shares.
    fn moves(&self, address: IpAddr) -> bool {
        let shared = self.directors.iter().filter(|director| self.shared(director).len() > 1);
        shared.flat_map(|director| director.addresses()).any(|moving| moving == address)
    }

    /// The directors of a VIP, this one among them, in the order written. They stand at one site, and what one zone's
    /// file says is not about another zone's.
    fn shared(&self, director: &Director) -> Vec<&Director> {
        let joins = |one: &&Director| {
            one.is_same_vip(director)
                && one.site.name == director.site.name
                && (one.zone == director.zone || one.zone.is_none() || director.zone.is_none())
        };
        self.all.iter().map(|one| &**one).filter(joins).collect()
    }
}

fn check_reals(director: &Director) -> Option<Finding> {
    let name = &director.name;
    if director.reals.is_empty() {
        let message = format!("director {name:?} lists no reals");
        let help = "list them: reals = [ { address = \"10.0.0.2:80\" }, … ]; what a feed tells is not written";
        return Some(Finding::error(message).help(help));
    }
    let bare: Vec<_> = terms::fronts(director).into_iter().filter(is_bare).collect();
    let vip = bare.first()?.vip;
    let weighs =
        if bare[0].reals.is_empty() { "has no real" } else { "has only reals of weight 0" };
    let of_family = match (director.mode, vip) {
        (Mode::Tun | Mode::Proxy, _) => "",
        (_, IpAddr::V4(_)) => " among the reals with IPv4 addresses",
        (_, IpAddr::V6(_)) => " among the reals with IPv6 addresses",
    };
    let message = format!("director {name:?}: {vip} {weighs}{of_family}, so nobody would answer");
    let help = "add such a real, or take the address out of `vip`; mode tun and proxy go from one family to the other";
    Some(Finding::error(message).help(help))
}

fn is_bare(front: &terms::Front<'_>) -> bool {
    front.reals.iter().all(|real| real.weight == 0)
}
