//! The demo's first screen: what runs, what to paste, what to expect, how to break it.

use super::ask::reachable;
use super::backends::Status;
use crate::answer::Transport;
use crate::cli::style::{Cell, Ink, Palette, Table};
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

/// A part of the world, and a network that is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Its name for people.
    pub country: &'static str,
    /// A network that the shipped database puts there.
    pub subnet: &'static str,
}

/// Where the demo asks from: a country of each continent that has many, one that a rule of the route names and one that
/// only distance decides.
pub(super) const PLACES: [Place; 6] = [
    Place { country: "Germany", subnet: "84.128.0.0/24" },
    Place { country: "South Africa", subnet: "137.158.0.0/24" },
    Place { country: "United States", subnet: "73.0.0.0/24" },
    Place { country: "Brazil", subnet: "143.107.0.0/24" },
    Place { country: "Japan", subnet: "153.128.0.0/24" },
    Place { country: "Australia", subnet: "1.120.0.0/24" },
];

/// The name that is asked for.
pub(super) const NAME: &str = "www.example.com";

/// What the screen tells.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    /// Where the server takes plain queries.
    pub listen: &'a [SocketAddr],
    /// Where it takes encrypted ones.
    pub encrypted: &'a [(Transport, SocketAddr)],
    /// Where the demo takes orders over HTTP.
    pub orders: SocketAddr,
    /// Where it is operated.
    pub admin: &'a [SocketAddr],
    /// The backends.
    pub backends: &'a [Status],
    /// The site whose endpoints each of [`PLACES`] was answered with, as asked just now.
    pub sites: &'a [String],
    /// How long it takes until a stopped endpoint is noticed: `fall × interval`.
    pub noticed_after: Duration,
    /// How this program was called.
    pub program: &'a str,
}

/// The screen as text.
pub(super) fn render(facts: &Facts<'_>, palette: Palette) -> String {
    let mut text = String::new();
    let strong = |text: &'static str| palette.paint(Ink::Strong, text);
    let listen: Vec<_> = facts.listen.iter().map(ToString::to_string).collect();
    // Writing into a String cannot fail, so results are dropped here and below.
    let _ = writeln!(
        text,
        "\n{} serves example.com on {}.\nIts backends are real HTTP servers, probed for real:\n",
        strong("Fingerpost"),
        listen.join(" and "),
    );
    text.push_str(&backends(facts.backends, palette));
    let Some(&server) = facts.listen.first() else { return text };
    let dig = Dig { program: "dig", server: reachable(server) };

    let _ = writeln!(
        text,
        "\n{} in the world, and be answered by a site near by:\n",
        strong("Ask from anywhere")
    );
    text.push_str(&questions(facts, &dig, palette));

    let seconds = facts.noticed_after.as_secs_f32();
    let first = facts.sites.first().map_or("fra", String::as_str);
    let _ = writeln!(
        text,
        "\n{}: type here, or post from elsewhere. Within {seconds} s the answers change.\n",
        strong("Break something"),
    );
    let orders = facts.orders;
    let mut table = Table::new(2);
    for (order, path) in [(format!("down {first}"), "down"), (format!("up {first}"), "up")] {
        let curl = format!("curl -X POST http://{orders}/{path}/{first}");
        table.row([order.into(), Cell::inked(Ink::Faint, curl)]);
    }
    let one = facts.backends.first().map_or("fra-1", |status| status.endpoint.as_str());
    table.row([
        format!("down {one}").into(),
        Cell::inked(Ink::Faint, "one endpoint instead of the whole site"),
    ]);
    table.row(["status".into(), Cell::inked(Ink::Faint, format!("curl http://{orders}/"))]);
    text.push_str(&table.render(palette));

    let _ = writeln!(text, "\n{}\n", strong("Look closer"));
    text.push_str(&further(facts, palette));
    text
}

/// The endpoints, a line for each site.
fn backends(list: &[Status], palette: Palette) -> String {
    let mut sites: Vec<(&Status, Vec<&str>)> = Vec::new();
    for status in list {
        match sites.iter_mut().find(|(first, _)| first.site == status.site) {
            Some((_, endpoints)) => endpoints.push(&status.endpoint),
            None => sites.push((status, vec![&status.endpoint])),
        }
    }
    let mut table = Table::new(2);
    for (first, endpoints) in sites {
        table.row([
            Cell::inked(Ink::Strong, &first.site),
            first.title.as_str().into(),
            Cell::inked(Ink::Faint, endpoints.join("  ")),
        ]);
    }
    table.render(palette)
}

/// A line to paste for each place, and the site that it was answered from.
fn questions(facts: &Facts<'_>, dig: &Dig, palette: Palette) -> String {
    let mut table = Table::new(2);
    for (place, site) in PLACES.iter().zip(facts.sites) {
        table.row([
            place.country.into(),
            Cell::inked(Ink::Good, site),
            dig.line(&format!("+short {NAME} +subnet={}", place.subnet)).into(),
        ]);
    }
    table.render(palette)
}

fn further(facts: &Facts<'_>, palette: Palette) -> String {
    let mut table = Table::new(2);
    let mut row =
        |what: &str, line: String| table.row([Cell::inked(Ink::Faint, what), line.into()]);
    if let Some(admin) = facts.admin.first() {
        row("watch it live", format!("http://{admin}/"));
        row("as JSON", format!("curl http://{admin}/api/v1/status"));
    }
    let client = PLACES[0].subnet;
    row("why?", format!("{} explain {NAME} --client {client} --down fra", facts.program));
    if let Some(&server) = facts.listen.first() {
        let dig = Dig { program: "dig", server: reachable(server) };
        row("a wildcard", dig.line("+short anything.apps.example.com AAAA"));
    }
    if let Some(address) = facts.backends.first().and_then(|status| status.addresses.first()) {
        row("who is there?", format!("curl http://{address}/"));
    }
    for (transport, server) in facts.encrypted {
        let kdig = Dig { program: "kdig", server: reachable(*server) };
        row("encrypted", kdig.line(&format!("+{transport} {NAME} +subnet={client}")));
    }
    row("leave", "quit".to_owned());
    table.render(palette)
}

/// How a line to paste begins.
struct Dig {
    program: &'static str,
    server: SocketAddr,
}

impl Dig {
    fn line(&self, rest: &str) -> String {
        format!("{} @{} -p {} {rest}", self.program, self.server.ip(), self.server.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(site: &str, endpoint: &str, address: &str) -> Status {
        let addresses = vec![address.parse().expect("an address")];
        Status {
            endpoint: endpoint.to_owned(),
            site: site.to_owned(),
            title: "Frankfurt".to_owned(),
            addresses,
            up: true,
        }
    }

    fn screen(palette: Palette) -> String {
        let address = |text: &str| text.parse().expect("an address");
        let facts = Facts {
            listen: &[address("127.0.0.1:5353"), address("[::1]:5353")],
            encrypted: &[
                (Transport::Tls, address("127.0.0.1:8853")),
                (Transport::Https, address("127.0.0.1:8443")),
                (Transport::Quic, address("127.0.0.1:8853")),
            ],
            orders: address("127.0.0.1:18000"),
            admin: &[address("127.0.0.1:8053")],
            backends: &[
                status("fra", "fra-1", "127.1.1.1:18011"),
                status("fra", "fra-2", "127.1.1.2:18012"),
                status("iad", "iad-1", "127.1.2.1:18021"),
                status("sin", "sin-1", "127.1.3.1:18031"),
            ],
            sites: &["fra", "fra", "iad", "iad", "sin", "sin"].map(str::to_owned),
            noticed_after: Duration::from_secs(4),
            program: "target/release/fingerpost",
        };
        render(&facts, palette)
    }

    #[test]
    fn it_fits_a_screen_and_tells_what_to_paste() {
        let text = screen(Palette::PLAIN);
        assert!(text.lines().count() <= 45, "too long:\n{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "too wide:\n{text}");
        for part in [
            "dig @127.0.0.1 -p 5353 +short www.example.com +subnet=84.128.0.0/24",
            "curl -X POST http://127.0.0.1:18000/down/fra",
            "Within 4 s the answers change",
            "http://127.0.0.1:8053/",
            "curl http://127.0.0.1:8053/api/v1/status",
            "kdig @127.0.0.1 -p 8443 +https www.example.com +subnet=84.128.0.0/24",
            "target/release/fingerpost explain www.example.com --client 84.128.0.0/24 --down fra",
        ] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
    }

    #[test]
    fn places_are_networks() {
        for place in PLACES {
            place.subnet.parse::<ipnet::IpNet>().expect("a network");
        }
    }
}
