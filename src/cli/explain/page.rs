//! An explanation as a page to read: the client, the choice, the answer, from top to bottom as it was decided.

use crate::cli::style::{Cell, Ink, Palette, Table};
use crate::control::explain::{Answer, ClientPlace, Explanation, SiteView, Steering};

/// Cards that are listed; what is drawn is always among them.
const CARDS_SHOWN_MAX: usize = 8;

/// The page, ending in a newline.
pub(super) fn render(explanation: &Explanation, palette: Palette) -> String {
    let mut page = String::new();
    let title = format!("{} {}", explanation.name, explanation.rtype);
    page.push_str(&format!("{}\n\n", palette.paint(Ink::Strong, title)));
    page.push_str(&facts(explanation).render(palette));
    for steering in &explanation.steering {
        page.push('\n');
        page.push_str(&steered(steering, palette));
    }
    page.push('\n');
    page.push_str(&answer(&explanation.answer, palette));
    page
}

/// A labelled line.
fn fact(table: &mut Table, label: &str, value: impl Into<Cell>) {
    table.row([Cell::inked(Ink::Faint, label), value.into()]);
}

fn facts(explanation: &Explanation) -> Table {
    let mut table = Table::new(2);
    let ClientPlace { placed_by, known_from, network, place, coordinates_deg, asn, source } = &explanation.client;
    fact(&mut table, "client", format!("{placed_by} (by {known_from})"));
    let mut known: Vec<String> = Vec::new();
    known.extend(place.clone());
    known.extend(coordinates_deg.map(|[latitude, longitude]| format!("{latitude:.2}, {longitude:.2}")));
    known.extend(asn.map(|asn| format!("AS{asn}")));
    match known.is_empty() {
        true => fact(&mut table, "place", Cell::inked(Ink::Doubt, "unknown: in none of the databases and networks")),
        false => fact(&mut table, "place", format!("{} — {network} in {source}", known.join(" · "))),
    }
    match &explanation.zone {
        Some(zone) => fact(&mut table, "zone", zone.clone()),
        None => fact(&mut table, "zone", Cell::inked(Ink::Bad, "none: the name lies in no zone served here")),
    }
    for alias in &explanation.aliases {
        fact(&mut table, "alias of", alias.clone());
    }
    table
}

fn steered(steering: &Steering, palette: Palette) -> String {
    let mut head = Table::new(2);
    let Steering { owner, pool, method, family, matched, class, decision, .. } = steering;
    fact(&mut head, "steered", format!("{owner} {family} by pool {pool}, {method}"));
    let rule = steering.rule.map(|rule| format!("{rule}: ")).unwrap_or_default();
    fact(&mut head, "rule", format!("{rule}{matched}"));
    fact(&mut head, "class", class.to_string());
    fact(&mut head, "serves", Cell::inked(Ink::Strong, decision));
    let mut text = head.render(palette);
    text.push('\n');
    text.push_str(&sites(&steering.sites).render(palette));
    if !steering.deck.is_empty() {
        text.push('\n');
        text.push_str(&deck(steering).render(palette));
    }
    text.push('\n');
    let mut tail = Table::new(2);
    fact(&mut tail, "ttl", format!("{} s", steering.ttl_s));
    fact(&mut tail, "scope", format!("/{} — {}", steering.scope_bits, steering.scope_reason));
    text.push_str(&tail.render(palette));
    text
}

fn sites(sites: &[SiteView]) -> Table {
    let mut table = Table::new(2);
    table.header(&["site", "distance", "level", "endpoint", "address", "weight", "share", "stands", "because"]);
    for (number, site) in sites.iter().enumerate() {
        let ink = if site.serves { Ink::Strong } else { Ink::Plain };
        let mut lead = vec![
            Cell::inked(ink, format!("{}. {}", number + 1, site.site)),
            site.distance_km.map_or_else(Cell::default, |km| Cell::number(format!("{km} km"))),
            Cell::inked(level_ink(&site.level), &site.level),
        ];
        for endpoint in &site.endpoints {
            let name = match &endpoint.fallback {
                Some(pool) => format!("{pool}/{}", endpoint.endpoint),
                None => endpoint.endpoint.clone(),
            };
            lead.extend([
                Cell::from(name),
                Cell::from(endpoint.address.map(|address| address.to_string()).unwrap_or_default()),
                Cell::number(endpoint.weight),
                endpoint.share.map_or_else(Cell::default, |share| Cell::number(percent(share))),
                Cell::inked(standing_ink(&endpoint.standing), &endpoint.standing),
                Cell::inked(Ink::Faint, &endpoint.because),
            ]);
            table.row(std::mem::replace(&mut lead, vec![Cell::default(); 3]));
        }
    }
    table
}

fn deck(steering: &Steering) -> Table {
    let mut table = Table::new(2);
    table.header(&["deck", "chance", ""]);
    let shown = steering.deck.iter().enumerate().filter(|(at, card)| *at < CARDS_SHOWN_MAX || card.drawn);
    for (_, card) in shown {
        let (ink, mark) = if card.drawn { (Ink::Good, "← drawn") } else { (Ink::Plain, "") };
        table.row([
            Cell::inked(ink, card.endpoints.join(", ")),
            Cell::number(percent(card.probability)),
            Cell::inked(ink, mark),
        ]);
    }
    if steering.deck.len() > CARDS_SHOWN_MAX {
        table.row([Cell::inked(Ink::Faint, format!("{} cards in all", steering.deck.len()))]);
    }
    table
}

fn answer(answer: &Answer, palette: Palette) -> String {
    let mut table = Table::new(2);
    let ink = if answer.rcode == "NOERROR" { Ink::Good } else { Ink::Bad };
    fact(&mut table, "answer", Cell::inked(ink, format!("{}, {}", answer.rcode, answer.reason)));
    if let Some(scope) = answer.scope_bits {
        fact(&mut table, "sent with", format!("scope /{scope}, {} bytes", answer.bytes));
    }
    let mut text = table.render(palette);
    for record in &answer.records {
        text.push_str(&format!("  {record}\n"));
    }
    text
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn level_ink(level: &str) -> Ink {
    match level {
        "trusted" => Ink::Good,
        "dead" => Ink::Bad,
        _ => Ink::Doubt,
    }
}

fn standing_ink(standing: &str) -> Ink {
    match standing {
        "up" => Ink::Good,
        "down" => Ink::Bad,
        _ => Ink::Doubt,
    }
}
