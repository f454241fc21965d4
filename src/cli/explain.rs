//! `fingerpost explain`: why a client gets what it gets.
//!
//! The explanation is [`crate::control::explain`]'s; this reads what it needs and lays it out.

mod live;

use super::api::Target;
use super::style::{self, Cell, Ink, Palette, Table};
use super::{EXIT_FINDINGS, fail};
use crate::config;
use crate::control::explain::{
    CardView, ClientPlace, ClientSubnet, EndpointView, Explanation, Question, SiteView, Steering,
    Supposed, explain, luck,
};
use crate::control::loader::{Load, Loader};
use crate::control::overrides::target::Wanted;
use crate::control::server::VERDICTS_FILE;
use crate::health::persist::Saved;
use crate::health::{Probe, table};
use crate::report::percent_tenths;
use crate::steer::model::Pool;
use crate::wire::{Name, Rtype};
use jiff::Timestamp;
use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;

/// Say why a client would get the answer that it would get
///
/// Asks the same function that answers queries, and tells how it came to its answer: where the client is and how that
/// is known, the rule of the route that matched, the sites in order, each endpoint with its verdict and the reason for
/// it, the mix of answers and the one that was drawn, its TTL, and for which network it holds (the scope) and why.
///
/// Verdicts come from the state that the running server keeps; an endpoint that has none is taken for up. Nothing is
/// probed and no director is asked; what comes back slowly and who is full is known to the running server alone, which
/// --live asks instead.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  fingerpost explain www.example.com --client 84.128.0.1
  fingerpost explain www.example.com AAAA --client 2001:200::/48
  fingerpost explain www.example.com --client 84.128.0.1 --down fra       if Frankfurt failed
  fingerpost explain www.example.com --client 84.128.0.1 --live           as the server has it now
  fingerpost explain www.example.com --client 0.0.0.0/0 --resolver 9.9.9.9   a client that hides

Exit status:
  0  explained
  1  the configuration has errors, NAME lies in no zone, or a name after --down is nothing that is served
  2  the command line was not understood")]
pub(super) struct Args {
    /// The name to ask for
    #[arg(value_parser = parse_name)]
    name: Name,
    /// The type to ask for
    #[arg(value_name = "TYPE", default_value = "A")]
    rtype: Rtype,
    /// The client, as a resolver tells it by EDNS Client Subnet; LEN is 24 or 56 where it is not given
    #[arg(long, value_name = "ADDR[/LEN]")]
    client: ClientSubnet,
    /// The address that the query comes from; the client's own where it is not given
    #[arg(long, value_name = "ADDR")]
    resolver: Option<IpAddr>,
    /// Take this site, pool, endpoint or director for down; may be given more than once
    #[arg(long, value_name = "SITE|POOL|[POOL/]ENDPOINT|DIRECTOR")]
    down: Vec<Wanted>,
    /// Ask the running server, which knows what is coming back, who is full and what directors have said
    #[arg(long, conflicts_with = "down")]
    live: bool,
    #[command(flatten)]
    target: Target,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// What chance draws: equal seeds give equal answers
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

pub(super) fn parse_name(text: &str) -> Result<Name, String> {
    Name::parse(text, None).map_err(|error| error.to_string())
}

pub(super) fn run(args: Args) -> ExitCode {
    if args.live {
        return args.target.talk(async |api| {
            let (json, explanation) = live::ask(&args, api).await?;
            if args.json {
                style::print(format_args!("{}\n", json.trim_end()));
            } else {
                style::print(as_text(&explanation, args.client, Palette::stdout()));
            }
            Ok(exit_code(&explanation))
        });
    }
    let load = match Loader::new(args.target.config()).load() {
        Ok(load) => load,
        Err(report) => return fail(&report),
    };
    // Zones with errors are not served; whether the answer would have come from one of them, the reader must know.
    if load.report.has_errors() {
        let _ = fail(&load.report);
    }
    let supposed = suppose(&load, load.catalog.probes().cloned(), args.down.clone());
    let unknown = supposed.check(&load.catalog);
    if unknown.has_errors() {
        return fail(&unknown);
    }
    let question = Question {
        name: args.name,
        rtype: args.rtype,
        client: args.client.address,
        client_bits: args.client.bits,
        resolver: args.resolver,
        random: luck(args.seed),
    };
    let explanation = explain(&load.catalog, &supposed, &question);
    if args.json {
        match serde_json::to_string(&explanation) {
            Ok(text) => style::print(format_args!("{text}\n")),
            Err(error) => return fail(&super::problem("cannot write JSON", error)),
        }
    } else {
        style::print(as_text(&explanation, args.client, Palette::stdout()));
        if moves(&load, &explanation) {
            style::print(
                "\nWhat is coming back, who is full and what directors say, the running server knows: --live\n",
            );
        }
    }
    exit_code(&explanation)
}

fn exit_code(explanation: &Explanation) -> ExitCode {
    if explanation.zone.is_some() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_FINDINGS) }
}

/// Whether the answer comes from a pool of which only the running server knows all.
fn moves(load: &Load, explanation: &Explanation) -> bool {
    let is_asked = |pool: &Pool| explanation.steering.iter().any(|step| step.pool == pool.name);
    let pools = load.catalog.pools().all().iter().map(|served| &*served.pool);
    pools
        .filter(|pool| is_asked(pool))
        .any(|pool| pool.comeback.is_gentle() || pool.method.is_by_load() || pool.sheds())
}

/// What the running server knows of endpoints, as far as it has written it down, and what the caller adds.
pub(super) fn suppose(
    load: &Load,
    probes: impl IntoIterator<Item = Arc<Probe>>,
    down: Vec<Wanted>,
) -> Supposed {
    let now = Timestamp::now();
    let mut verdicts = table::Table::default();
    verdicts.set_probes(probes);
    let config::Server { state, verdicts_max_age, .. } = &*load.server;
    // Without a state, or with one too old, everything is taken for up, and said to be.
    if let Ok(saved) = Saved::read(&state.join(VERDICTS_FILE), now, *verdicts_max_age) {
        verdicts.restore(&saved);
    }
    Supposed { verdicts, overrides: load.overrides.clone(), down, at: now }
}

/// The explanation as a page.
fn as_text(explanation: &Explanation, client: ClientSubnet, palette: Palette) -> String {
    let Explanation { name, rtype, zone, aliases, client: place, steering, answer } = explanation;
    let title = palette.paint(Ink::Strong, format!("{name} {rtype}"));
    let mut text = format!("{title} for a client in {client}\n\n");
    let mut facts = Table::new(0);
    facts.row([faint("client"), located(place).into()]);
    let no_zone = "none here encloses the name";
    facts.row([faint("zone"), zone.as_deref().unwrap_or(no_zone).into()]);
    for alias in aliases {
        facts.row([faint("alias of"), alias.as_str().into()]);
    }
    if steering.is_empty() && zone.is_some() {
        facts.row([faint("steered"), "no: the same for every client".into()]);
    }
    text.push_str(&facts.render(palette));
    for step in steering {
        text.push('\n');
        text.push_str(&steered(step, palette));
    }
    let scope = answer.scope_bits.map_or(String::new(), |bits| format!(", scope /{bits}"));
    let rcode = palette.paint(Ink::Strong, &answer.rcode);
    text.push_str(&format!("\n{rcode} ({}){scope}, {} bytes\n", answer.reason, answer.bytes));
    for record in &answer.records {
        text.push_str(&format!("  {record}\n"));
    }
    text
}

fn faint(text: &str) -> Cell {
    Cell::inked(Ink::Faint, text)
}

fn located(place: &ClientPlace) -> String {
    let mut known = vec![place.place.clone().unwrap_or_else(|| "place unknown".to_owned())];
    known.extend(place.coordinates_deg.map(|[north, east]| format!("{north:.2} {east:.2}")));
    known.extend(place.asn.map(|asn| format!("AS{asn}")));
    let source = match place.source.as_str() {
        "" => String::new(),
        source => format!(", says {source} of {}", place.network),
    };
    format!("{} by {}: {}{source}", place.placed_by, place.known_from, known.join(", "))
}

fn steered(step: &Steering, palette: Palette) -> String {
    let mut facts = Table::new(0);
    let kind = format!("{} {}: pool {}, {}", step.owner, step.family, step.pool, step.method);
    facts.row([faint("steered"), kind.into()]);
    let rule = step.rule.map_or(String::new(), |rule| format!("rule {rule}, "));
    facts.row([faint("matched"), format!("{rule}{} (class {})", step.matched, step.class).into()]);
    facts.row([faint("decided"), Cell::inked(Ink::Strong, &step.decision)]);
    facts.row([faint("lasts"), format!("{} s", step.ttl_s).into()]);
    facts.row([faint("scope"), format!("/{}: {}", step.scope_bits, step.scope_reason).into()]);
    for site in &step.sites {
        if let Some(note) = &site.note {
            facts.row([faint("shared"), format!("{} {note}", site.site).into()]);
        }
    }
    let mut text = facts.render(palette);
    text.push('\n');
    let mut sites = Table::new(2);
    sites.header(&["SITE", "", "ENDPOINT", "ADDRESS", "WEIGHT", "SHARE", "STANDING", "BECAUSE"]);
    for (place, site) in step.sites.iter().enumerate() {
        for (row, endpoint) in site.endpoints.iter().enumerate() {
            let head =
                if row == 0 { site_cells(place, site) } else { [Cell::default(), Cell::default()] };
            sites.row(head.into_iter().chain(endpoint_cells(endpoint)));
            let is_new = |shade: &&String| !endpoint.because.contains(&***shade);
            for shade in endpoint.weight_because.iter().filter(is_new) {
                sites.row((0..BECAUSE_COLUMN).map(|_| Cell::default()).chain([faint(shade)]));
            }
        }
    }
    text.push_str(&sites.render(palette));
    if !step.deck.is_empty() {
        text.push('\n');
        text.push_str(&deck(&step.deck, palette));
    }
    text
}

/// A site's place in the order and its name, and how far it is.
fn site_cells(place: usize, site: &SiteView) -> [Cell; 2] {
    let ink = match (site.serves, site.level.as_str()) {
        (true, _) => Ink::Good,
        (false, "trusted") => Ink::Plain,
        (false, "degraded") => Ink::Doubt,
        (false, _) => Ink::Bad,
    };
    let distance = site.distance_km.map_or(String::new(), |km| format!("{km} km, "));
    [
        Cell::inked(ink, format!("{}. {} {}", place + 1, site.site, site.title)),
        faint(&format!("{distance}{}", site.level)),
    ]
}

fn endpoint_cells(endpoint: &EndpointView) -> [Cell; 6] {
    let ink = match endpoint.standing.as_str() {
        "up" => Ink::Good,
        "down" => Ink::Bad,
        _ => Ink::Doubt,
    };
    let name = match &endpoint.fallback {
        Some(pool) => format!("{pool}/{}", endpoint.endpoint),
        None => endpoint.endpoint.clone(),
    };
    [
        name.into(),
        endpoint.address.map_or_else(|| "none".to_owned(), |address| address.to_string()).into(),
        Cell::number(weight(endpoint)),
        endpoint.share.map_or_else(Cell::default, |share| Cell::number(percent_tenths(share))),
        Cell::inked(ink, &endpoint.standing),
        faint(&endpoint.because),
    ]
}

/// `3`, or `1.5 of 3` where it weighs otherwise than configured.
fn weight(endpoint: &EndpointView) -> String {
    let (now, configured) = (endpoint.weight_now, endpoint.weight);
    if (now - f64::from(configured)).abs() < WEIGHT_TOLD_MIN {
        return configured.to_string();
    }
    let now = format!("{now:.2}");
    format!("{} of {configured}", now.trim_end_matches('0').trim_end_matches('.'))
}

/// The answers that could have been, the likeliest first.
fn deck(cards: &[CardView], palette: Palette) -> String {
    let mut table = Table::new(2);
    table.header(&["DRAWN", "ANSWER"]);
    for card in cards.iter().take(CARDS_SHOWN_MAX) {
        let mark = if card.drawn { Cell::inked(Ink::Good, "this time") } else { Cell::default() };
        table.row([
            Cell::number(percent_tenths(card.probability)),
            card.endpoints.join(", ").into(),
            mark,
        ]);
    }
    let mut text = table.render(palette);
    if let Some(more) = cards.len().checked_sub(CARDS_SHOWN_MAX).filter(|more| *more > 0) {
        text.push_str(&format!("  and {more} more, less likely; --json has them all\n"));
    }
    text
}

/// Where the reasons stand in the table of endpoints.
const BECAUSE_COLUMN: usize = 7;
/// A difference of weights that is not worth a word.
const WEIGHT_TOLD_MIN: f64 = 0.005;
/// Enough to see the mix; a deck can have hundreds.
const CARDS_SHOWN_MAX: usize = 12;

#[cfg(test)]
mod tests;
