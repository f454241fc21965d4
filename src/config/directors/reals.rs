//! The `reals` of a director: where the servers behind it listen, what they weigh, and what its mode asks of them.

use super::{Front, Probing, addresses, defaults, value};
use crate::config::reader::Value;
use crate::steer::director::{Mode, Real, Scheduler};
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

/// The port of the cure where that of the service is not known.
const PORT_EXAMPLE: u16 = 80;

/// Reads the list; none if any has mistakes.
pub fn read(list: &Value<'_>, front: &Front, probing: &Probing) -> Option<Vec<Real>> {
    let elements = list.list()?;
    if elements.is_empty() {
        let help = "add { address = \"10.0.0.2:80\" }; with a feed of haproxy or json, the key may be left out";
        list.error("a director without reals", help);
        return None;
    }
    let mut seen = Seen::default();
    let read: Vec<Option<Real>> =
        elements.iter().map(|element| real(element, front, probing, &mut seen)).collect();
    let reals: Vec<Real> = read.into_iter().collect::<Option<_>>()?;
    judge_weights(list, &reals, front.scheduler).then_some(())?;
    warn_unreached(list, &reals, front);
    Some(reals)
}

/// What the reals of one director have used up so far.
#[derive(Default)]
struct Seen {
    names: HashSet<String>,
    addresses: HashSet<SocketAddr>,
}

fn real(element: &Value<'_>, front: &Front, probing: &Probing, seen: &mut Seen) -> Option<Real> {
    let mut table = element.table("a real")?;
    let given_name = table.take("name");
    let given = table.required("address", "add address = \"ADDRESS:PORT\"");
    let weight = match table.take("weight") {
        Some(given) => given.integer(0..=defaults::REAL_WEIGHT_MAX).map(|weight| weight as u32),
        None => Some(defaults::REAL_WEIGHT),
    };
    table.finish();
    let port = front.service.map_or(PORT_EXAMPLE, |service| service.port);
    let address = given.as_ref().and_then(|given| {
        let address = addresses::socket(given, port)?;
        (front.suits(given, address) && seen.address(given, address)).then_some(address)
    });
    let name = match &given_name {
        Some(given) => given
            .string()
            .and_then(|text| value::word(given.document(), text, given.span(), "a real"))
            .filter(|name| seen.name(given, name)),
        None => address.map(|address| address.to_string()),
    };
    let (address, name, weight) = (address?, name?, weight?);
    let probe = match probing {
        Probing::Wrong => return None,
        Probing::Absent => None,
        Probing::By(settings) => Some(settings.probe_of_real(address)),
    };
    Some(Real { name, address, weight, probe })
}

impl Seen {
    fn address(&mut self, given: &Value<'_>, address: SocketAddr) -> bool {
        let is_new = self.addresses.insert(address);
        if !is_new {
            let help = "list it once; its weight gives its share";
            given.error(format!("{address} stands twice behind this director"), help);
        }
        is_new
    }

    fn name(&mut self, given: &Value<'_>, name: &str) -> bool {
        let is_new = self.names.insert(name.to_owned());
        if !is_new {
            let message = format!("two reals of this director are called {name:?}");
            given.error(message, "give one of them another name = \"…\"");
        }
        is_new
    }
}

impl Front {
    /// Whether the director can send to a real at this address; a finding if not.
    fn suits(&self, given: &Value<'_>, address: SocketAddr) -> bool {
        let (Some(mode), Some(service)) = (self.mode, self.service) else { return true };
        let keeps_packets = matches!(mode, Mode::Dr | Mode::Tun);
        if keeps_packets && address.port() != service.port {
            let message = format!("mode \"{mode}\" does not change ports, and {service} is served");
            let real = SocketAddr::new(address.ip(), service.port);
            given.error(message, format!("write \"{real}\", or use mode \"nat\" or \"proxy\""));
            return false;
        }
        // A director that is a real too takes such packets itself; a rewritten or new connection would come back to it.
        let is_vip = self.addresses().any(|vip| vip == address.ip());
        if is_vip && address.port() == service.port && !keeps_packets {
            let message = format!("{address} is the VIP itself: the director would call itself");
            given.error(message, "give the real server's own address");
            return false;
        }
        let of_family = |vip: IpAddr| vip.is_ipv4() == address.is_ipv4();
        if self.vip.is_some() && !self.crosses_families() && !self.addresses().any(of_family) {
            let (this, other) = if address.is_ipv4() { ("IPv4", "IPv6") } else { ("IPv6", "IPv4") };
            let message = format!(
                "an {this} real behind an {other} VIP, and mode \"{mode}\" cannot cross families"
            );
            let help = format!("give the real's {other} address, or use mode \"tun\" or \"proxy\"");
            given.error(message, help);
            return false;
        }
        true
    }
}

/// Warns of a VIP of one family before reals that are all of the other.
fn warn_unreached(list: &Value<'_>, reals: &[Real], front: &Front) {
    let (Some(mode), false) = (front.mode, front.crosses_families()) else { return };
    for vip in front.addresses() {
        if !reals.iter().any(|real| real.address.is_ipv4() == vip.is_ipv4()) {
            let family = if vip.is_ipv4() { "IPv4" } else { "IPv6" };
            let message = format!(
                "nothing stands behind {vip}: no real is {family}, and mode \"{mode}\" cannot cross families"
            );
            let help =
                format!("list the reals' {family} addresses too, or take {vip} out of the VIP");
            list.warning(message, help);
        }
    }
}

fn judge_weights(list: &Value<'_>, reals: &[Real], scheduler: Option<Scheduler>) -> bool {
    let sum: u64 = reals.iter().map(|real| u64::from(real.weight)).sum();
    if sum > defaults::ENDPOINT_WEIGHT_MAX {
        let message = format!("the weights of the reals add up to {sum}");
        let help = format!("use smaller ones: at most {} in all", defaults::ENDPOINT_WEIGHT_MAX);
        list.error(message, help);
        return false;
    }
    if sum == 0 {
        let help = "give at least one of them a weight, or use maintenance = true";
        list.warning("all reals have weight 0, so the VIP is never handed out", help);
    }
    let uneven = reals.iter().any(|real| real.weight != reals[0].weight);
    if let Some(scheduler @ (Scheduler::Rr | Scheduler::Lc)) = scheduler
        && uneven
    {
        let message = format!("scheduler \"{scheduler}\" passes over the weights of the reals");
        list.warning(message, format!("use \"w{scheduler}\", or equal weights"));
    }
    true
}
