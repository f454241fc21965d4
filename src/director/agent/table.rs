//! The kernel's own words: `/proc/net/ip_vs`, as `ip_vs_info_seq_show` in `net/netfilter/ipvs/ip_vs_ctl.c` writes it.
//!
//! ```text
//! IP Virtual Server version 1.2.1 (size=4096)
//! Prot LocalAddress:Port Scheduler Flags
//!   -> RemoteAddress:Port Forward Weight ActiveConn InActConn
//! TCP  C0000264:0050 wlc
//!   -> 0A000002:0050      Masq    3      12         4
//! FWM  00000001 wlc persistent 300 FFFFFFFF
//! ```
//!
//! IPv4 addresses are eight hexadecimal digits, IPv6 addresses stand in brackets, ports are hexadecimal, all else is
//! decimal. A line that is not understood refuses the whole: half a table is no truth.

use crate::director::feed::ipvs::{Forward, Real, Service};
use crate::steer::director::Protocol;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What begins the first line.
const TITLE: &str = "IP Virtual Server";
/// What begins the two lines that name columns.
const HEADINGS: [&str; 2] = ["Prot LocalAddress:Port", "  -> RemoteAddress:Port"];
/// How much of a line is shown that is not understood.
const SHOWN_CHARS_MAX: usize = 80;

/// The table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Services at addresses, in the kernel's order.
    pub services: Vec<Service>,
    /// What is left out, in words.
    pub skipped: Vec<String>,
}

/// Reads the table.
pub fn parse(bytes: &[u8]) -> Result<Table, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "the table is no text".to_owned())?;
    if !text.starts_with(TITLE) {
        return Err(format!("the table does not begin with {TITLE:?}"));
    }
    let mut table = Table::default();
    // What the next real belongs to.
    let mut at = Owner::None;
    for (number, line) in (1..).zip(text.lines()).skip(1) {
        if HEADINGS.iter().any(|heading| line.starts_with(heading)) {
            continue;
        }
        let understood = match (real_of(line), &at) {
            (Some(rest), Owner::Service) => match (real(rest), table.services.last_mut()) {
                (Some(real), Some(service)) => {
                    service.reals.push(real);
                    true
                }
                _ => false,
            },
            (Some(_), Owner::Skipped) => true,
            (Some(_), Owner::None) => false,
            (None, _) => match owner(line) {
                Some(Line::Service(service)) => {
                    table.services.push(service);
                    at = Owner::Service;
                    true
                }
                Some(Line::Skipped(what)) => {
                    table.skipped.push(what);
                    at = Owner::Skipped;
                    true
                }
                None => false,
            },
        };
        if !understood {
            let shown: String = line.chars().take(SHOWN_CHARS_MAX).collect();
            return Err(format!("line {number} of the table is not understood: {shown:?}"));
        }
    }
    Ok(table)
}

enum Owner {
    None,
    Service,
    Skipped,
}

enum Line {
    Service(Service),
    Skipped(String),
}

fn real_of(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("-> ")
}

/// `TCP  C0000264:0050 wlc persistent 300 FFFFFFFF`.
fn owner(line: &str) -> Option<Line> {
    let mut words = line.split_ascii_whitespace();
    let (protocol, place, scheduler) = (words.next()?, words.next()?, words.next()?);
    let protocol = match protocol {
        "TCP" => Protocol::Tcp,
        "UDP" => Protocol::Udp,
        "FWM" => {
            let mark = hex(place, 8)?;
            return Some(Line::Skipped(format!(
                "FWM {mark}: by firewall mark, at no address of its own"
            )));
        }
        other => {
            let (address, port) = endpoint(place)?;
            let place = std::net::SocketAddr::new(address, port);
            return Some(Line::Skipped(format!("{other} {place}: neither TCP nor UDP")));
        }
    };
    let (address, port) = endpoint(place)?;
    let scheduler = scheduler.to_owned();
    Some(Line::Service(Service { protocol, address, port, scheduler, reals: Vec::new() }))
}

/// `0A000002:0050      Masq    3      12         4`.
fn real(rest: &str) -> Option<Real> {
    let mut words = rest.split_ascii_whitespace();
    let (address, port) = endpoint(words.next()?)?;
    let forward = match words.next()? {
        "Masq" => Forward::Masq,
        "Route" => Forward::Route,
        "Tunnel" => Forward::Tunnel,
        "Local" => Forward::Local,
        _ => return None,
    };
    let mut number = || words.next()?.parse::<u32>().ok();
    let (weight, active, inactive) = (number()?, number()?, number()?);
    Some(Real { address, port, forward, weight, active: active.into(), inactive: inactive.into() })
}

/// `C0000264:0050` or `[2001:0db8:0000:0000:0000:0000:0000:0001]:0050`.
fn endpoint(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.rsplit_once(':')?;
    let port = u16::try_from(hex(port, 4)?).ok()?;
    let bracketed = address.strip_prefix('[').and_then(|address| address.strip_suffix(']'));
    let address = match bracketed {
        Some(address) => address.parse::<Ipv6Addr>().ok()?.into(),
        None => Ipv4Addr::from(hex(address, 8)?).into(),
    };
    Some((address, port))
}

/// A number of so many hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u32> {
    let is_hex = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex { u32::from_str_radix(text, 16).ok() } else { None }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Everything that the kernel writes: flags after the scheduler, a space at the end of lines without, each way to
    /// forward, an IPv4 tunnel for an IPv6 service, a mark and a protocol of no interest with reals of their own.
    pub(in super::super) const SAMPLE: &str = concat!(
        "IP Virtual Server version 1.2.1 (size=4096)\n",
        "Prot LocalAddress:Port Scheduler Flags\n",
        "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n",
        "UDP  C0000264:0035 sh ops \n",
        "  -> 0A000005:0035      Route   1      0          9         \n",
        "TCP  C0000264:0050 wlc  \n",
        "  -> 0A000003:0050      Masq    0      5          0         \n",
        "  -> 0A000002:0050      Masq    3      12         4         \n",
        "TCP  C0000264:01BB wrr  persistent 300 FFFFFFFF\n",
        "  -> 7F000001:01BB      Local   1      0          0         \n",
        "SCTP C0000264:0B59 rr  \n",
        "  -> 0A000006:0B59      Masq    1      0          0         \n",
        "TCP  [2001:0db8:000f:0000:0000:0000:0000:0100]:0050 wlc \n",
        "  -> [2001:0db8:000f:0000:0000:0000:0000:0002]:0050      Route   3      7          1         \n",
        "  -> 0A000009:0050      Tunnel  1      0          0         \n",
        "FWM  0000000A rr persistent 300 FFFFFFFF\n",
        "  -> 0A000007:0000      Masq    1      0          0         \n",
        "FWM  0000000B rr \n",
    );

    #[test]
    fn what_the_kernel_writes() {
        let table = parse(SAMPLE.as_bytes()).expect("a table");
        let shown: Vec<String> = table
            .services
            .iter()
            .flat_map(|service| {
                let head = format!(
                    "{} {} {} {}",
                    service.protocol, service.address, service.port, service.scheduler
                );
                let real = |it: &Real| {
                    let Real { address, port, forward, weight, active, inactive } = it;
                    format!("-> {address} {port} {forward:?} {weight} {active} {inactive}")
                };
                std::iter::once(head).chain(service.reals.iter().map(real)).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(
            shown,
            [
                "udp 192.0.2.100 53 sh",
                "-> 10.0.0.5 53 Route 1 0 9",
                "tcp 192.0.2.100 80 wlc",
                "-> 10.0.0.3 80 Masq 0 5 0",
                "-> 10.0.0.2 80 Masq 3 12 4",
                "tcp 192.0.2.100 443 wrr",
                "-> 127.0.0.1 443 Local 1 0 0",
                "tcp 2001:db8:f::100 80 wlc",
                "-> 2001:db8:f::2 80 Route 3 7 1",
                "-> 10.0.0.9 80 Tunnel 1 0 0",
            ]
        );
        assert_eq!(
            table.skipped,
            [
                "SCTP 192.0.2.100:2905: neither TCP nor UDP",
                "FWM 10: by firewall mark, at no address of its own",
                "FWM 11: by firewall mark, at no address of its own",
            ]
        );
    }

    #[test]
    fn an_empty_table_is_one() {
        let head: Vec<&str> = SAMPLE.lines().take(3).collect();
        assert_eq!(parse(head.join("\n").as_bytes()), Ok(Table::default()));
    }

    #[test]
    fn half_a_table_is_none() {
        let check = |from: &str, to: &str, part: &str| {
            assert!(SAMPLE.contains(from), "{from}");
            let reason = parse(SAMPLE.replacen(from, to, 1).as_bytes()).expect_err(to);
            assert!(reason.contains(part), "{to}: {reason}");
        };
        check("IP Virtual Server", "Virtual", "does not begin");
        check("UDP  C0000264:0035 sh ops \n", "", "line 4");
        check("C0000264:0050 wlc", "C0000264:0050", "line 6");
        check("0A000003:0050", "0A00003:0050", "line 7");
        check("0A000003:0050", "+A000003:0050", "line 7");
        check("0A000003:0050", "0A000003:00050", "line 7");
        check("Masq    0", "Mask    0", "line 7");
        check("Masq    0", "Masq    -1", "line 7");
        check("5          0         \n", "5\n", "line 7");
        check("[2001:0db8:000f:0000", "[2001:0db8:000f", "line 13");
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn any_change_of_a_table_is_taken_or_refused(
            at in 0..SAMPLE.len(), length in 0_usize..8, put in "[ -~\n\u{e9}]{0,8}",
        ) {
            let mut text = SAMPLE.to_owned();
            let end = (at + length).min(text.len());
            text.replace_range(at..end, &put);
            let _ = parse(text.as_bytes());
        }
    }
}
