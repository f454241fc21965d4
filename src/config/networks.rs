//! `networks.toml`: what the user says of networks, over what any database says.

use super::document::{Document, did_you_mean};
use super::library::Library;
use super::reader::{Table, Value};
use super::{sites, value};
use crate::geo::world::NetworkEntry;
use crate::geo::{Location, centroid};
use ipnet::IpNet;
use std::collections::HashMap;

/// Reads the whole file; the findings of `doc` say whether the result may be used.
pub fn read(doc: &Document, library: &Library) -> Option<Vec<NetworkEntry>> {
    let tree = doc.tree()?;
    let mut root = Table::root(doc, &tree, "the networks file");
    let entries = root.section("networks", "the networks").into_entries();
    root.finish();
    let mut seen: HashMap<IpNet, usize> = HashMap::new();
    let mut networks = Vec::new();
    for entry in &entries {
        let Some(net) = network(entry) else { continue };
        let line = doc.line(&entry.key_span);
        if let Some(first) = seen.insert(net, line) {
            let message = format!("{net} stands here twice; first in line {first}");
            entry.key_error(message, "keep one of the two");
        }
        networks.extend(location(entry, library).map(|location| NetworkEntry { net, location }));
    }
    Some(networks)
}

fn network(entry: &Value<'_>) -> Option<IpNet> {
    match value::parse_network(entry.key) {
        Ok(net) => Some(net),
        Err((message, help)) => {
            entry.key_error(message, help);
            None
        }
    }
}

fn location(entry: &Value<'_>, library: &Library) -> Option<Location> {
    let mut table = entry.table("a network")?;
    if table.is_empty() {
        let help = "give it location, coordinates, asn or sites, or remove it";
        entry.document().warning(entry.key_span.clone(), "nothing is said of this network", help);
    }
    let place = table.take("location").and_then(|value| sites::location(&value));
    let coordinates = table.take("coordinates").and_then(|value| sites::coordinates(&value));
    let asn = table.take("asn").and_then(|value| value.integer(1..=u32::MAX.into()));
    let order = table.take("sites").and_then(|value| site_names(&value, library));
    table.finish();
    Some(Location {
        place,
        coordinates: coordinates.or_else(|| centroid(place?)),
        asn: asn.map(|asn| asn as u32),
        sites: order,
        source: entry.document().file_name(),
    })
}

/// Names of sites, in order. They are looked up where they are used: zones may have sites of their own.
fn site_names(list: &Value<'_>, library: &Library) -> Option<Vec<String>> {
    let elements = list.list()?;
    if elements.is_empty() {
        list.error("\"sites\" is empty", "name at least one, or leave the key out");
        return None;
    }
    for element in &elements {
        if let Some(name) = element.string()
            && !library.sites.contains_key(name)
        {
            let help = did_you_mean(name, library.sites.keys().map(String::as_str));
            element.warning(format!("the server has no site {name:?}"), help);
        }
    }
    elements.iter().map(|element| element.string().map(str::to_owned)).collect()
}
