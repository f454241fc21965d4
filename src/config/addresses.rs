//! Addresses of hosts: what can be handed out to clients, and what can be connected to.

use super::reader::Value;
use super::value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An IPv4 address that clients can be given.
pub fn served_v4(value: &Value<'_>) -> Option<Ipv4Addr> {
    match value::address(value)? {
        IpAddr::V4(address) if servable(value, address.into()) => Some(address),
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => {
            let help = format!("write aaaa = \"{address}\"");
            value.error(format!("\"a\" holds IPv4 addresses, and {address} is IPv6"), help);
            None
        }
    }
}

/// An IPv6 address that clients can be given.
pub fn served_v6(value: &Value<'_>) -> Option<Ipv6Addr> {
    match value::address(value)? {
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(v4) => {
                let message =
                    format!("{address} is an IPv4 address in IPv6 clothes; no client can reach it");
                value.error(message, format!("write a = \"{v4}\""));
                None
            }
            None => servable(value, address.into()).then_some(address),
        },
        IpAddr::V4(address) => {
            let help = format!("write a = \"{address}\"");
            value.error(format!("\"aaaa\" holds IPv6 addresses, and {address} is IPv4"), help);
            None
        }
    }
}

/// Whether an address can be that of one host; a finding if not.
fn servable(value: &Value<'_>, address: IpAddr) -> bool {
    let broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    let servable = !(address.is_unspecified() || address.is_multicast() || broadcast);
    if !servable {
        value.error(format!("{address} is not the address of a host"), "give its own address");
    }
    servable
}

/// The address and port at which one host listens; `port` is an example for the cure.
pub fn socket(value: &Value<'_>, port: u16) -> Option<SocketAddr> {
    let address = value::socket(value, port)?;
    if address.port() == 0 {
        value.error("nothing listens on port 0", format!("give the port, as in {port}"));
        return None;
    }
    if let IpAddr::V6(v6) = address.ip()
        && let Some(v4) = v6.to_ipv4_mapped()
    {
        let message = format!("{v6} is an IPv4 address in IPv6 clothes");
        value.error(message, format!("write \"{v4}:{}\"", address.port()));
        return None;
    }
    servable(value, address.ip()).then_some(address)
}
