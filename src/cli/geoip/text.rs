//! What `fingerpost geoip` says: aligned lines for people, one JSON object for programs.

use crate::cli::style::{Palette, Table};
use crate::geo::database::About;
use crate::geo::{Database, Located, Location, Record, World, centroid, embed};
use serde_json::json;
use std::net::IpAddr;

/// What is known of an address, as aligned lines or as one JSON object.
pub(super) fn lookup(world: &World, address: IpAddr, as_json: bool) -> String {
    let located = world.locate(address);
    if as_json {
        return format!("{}\n", lookup_json(address, &located));
    }
    let location = located.location;
    let mut lines = vec![("address", address.to_string())];
    let placed_by = embed::placed_by(address);
    if placed_by != address {
        lines.push(("placed by", placed_by.to_string()));
    }
    lines.push(("network", located.network.to_string()));
    if location.is_unknown() {
        lines.push(("place", "unknown".to_owned()));
        return table(&lines);
    }
    if let Some(place) = location.place {
        lines.push(("place", place.to_string()));
    }
    if let Some(at) = location.coordinates {
        let note = if is_centroid(location) { " (centre of the place)" } else { "" };
        lines.push(("coordinates", format!("{at}{note}")));
    }
    if let Some(asn) = location.asn {
        lines.push(("network of", format!("AS{asn}")));
    }
    if let Some(sites) = &location.sites {
        lines.push(("sites", sites.join(", ")));
    }
    lines.push(("source", location.source.clone()));
    table(&lines)
}

/// What is known of an address, for programs. Fields that are not known are null.
fn lookup_json(address: IpAddr, located: &Located<'_>) -> serde_json::Value {
    let location = located.location;
    let place = location.place.as_ref();
    let is_unknown = location.is_unknown();
    json!({
        "address": address,
        "placed_by": embed::placed_by(address),
        "network": located.network,
        "place": place.map(|place| place.to_string()),
        "continent": place.and_then(|place| place.continent()),
        "country": place.and_then(|place| place.country()),
        "subdivision": place.and_then(|place| place.subdivision()),
        "coordinates": location.coordinates.map(|at| [at.latitude_deg, at.longitude_deg]),
        "coordinates_are_centroid": location.coordinates.map(|_| is_centroid(location)),
        "asn": location.asn,
        "sites": location.sites,
        "source": (!is_unknown).then_some(&location.source),
    })
}

fn is_centroid(location: &Location) -> bool {
    location.coordinates == location.place.and_then(centroid)
}

/// What a database is, as aligned lines or as one JSON object.
pub(super) fn info(database: &Database, as_json: bool) -> String {
    let About { database_type, build_epoch, description, languages, .. } = &database.about;
    let About { node_count, record_bits, file_bytes, .. } = &database.about;
    let has = |test: fn(&Record) -> bool| database.records.iter().any(test);
    let fields: Vec<&str> = [
        ("places", has(|record| record.place.is_some())),
        (
            "subdivisions",
            has(|record| record.place.is_some_and(|place| place.subdivision().is_some())),
        ),
        ("coordinates", has(|record| record.coordinates.is_some())),
        ("AS numbers", has(|record| record.asn.is_some())),
    ]
    .into_iter()
    .filter_map(|(name, is_there)| is_there.then_some(name))
    .collect();
    let record_count = database.records.len() - 1;
    if as_json {
        let value = json!({
            "path": database.path,
            "type": database_type,
            "description": description,
            "date": date(*build_epoch),
            "build_epoch": build_epoch,
            "languages": languages,
            "ipv4": !database.lacks_ipv4(),
            "ipv6": !database.lacks_ipv6(),
            "fields": fields,
            "networks": database.network_count,
            "distinct_records": record_count,
            "nodes": node_count,
            "record_size": record_bits,
            "file_bytes": file_bytes,
        });
        return format!("{value}\n");
    }
    let families = match (database.lacks_ipv4(), database.lacks_ipv6()) {
        (false, false) => "IPv4 and IPv6",
        (false, true) => "IPv4 only",
        (true, _) => "IPv6 only",
    };
    let none_or = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    table(&[
        ("file", database.path.display().to_string()),
        ("type", database_type.clone()),
        ("description", none_or(description.clone())),
        ("date", date(*build_epoch)),
        ("languages", none_or(languages.join(", "))),
        ("families", families.to_owned()),
        ("says", none_or(fields.join(", "))),
        ("networks", format!("{} with {record_count} distinct records", database.network_count)),
        ("tree", format!("{node_count} nodes of 2 x {record_bits} bits")),
        ("size", format!("{file_bytes} bytes")),
    ])
}

/// Lines of a name and a value, the values below each other.
pub(super) fn table(lines: &[(&str, String)]) -> String {
    let mut table = Table::new(0);
    for (name, value) in lines {
        table.row([(*name).into(), value.as_str().into()]);
    }
    table.render(Palette::PLAIN)
}

/// A date in UTC, `2026-06-25T04:33:59Z`.
pub(super) fn date(epoch_s: u64) -> String {
    let timestamp = i64::try_from(epoch_s).ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
    timestamp.map_or_else(|| format!("{epoch_s} s after 1970"), |timestamp| timestamp.to_string())
}
