//! MaxMind-format databases (City, Country, ASN, any vendor's with that schema), read into memory whole.
//!
//! A file is read once, every network of its search tree is walked in address order, and every distinct data record
//! is decoded once; what comes out no longer depends on the file. Of a record only the fields that place a client are
//! decoded, and leniently: one that is missing or of another type is unknown. A file that cannot be trusted as a
//! whole (truncated, broken pointers, a search tree that is none, no field of use) is refused with one finding.

mod record;

use super::intern::Interner;
use super::ranges::Ranges;
use super::{Coordinates, GeoCode};
use crate::report::Finding;
use maxminddb::{MaxMindDbError, Reader, WithinOptions};
use record::{Lenient, RawRecord};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// The most networks that are read from one file. The largest published databases have half as many; a broken file
/// whose tree leads back into itself would never end.
const NETWORKS_MAX: usize = 1 << 25;

/// What a database says of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Record {
    /// The finest of continent, country and subdivision.
    pub place: Option<GeoCode>,
    /// Latitude and longitude, if the database has them.
    pub coordinates: Option<Coordinates>,
    /// The autonomous system.
    pub asn: Option<u32>,
}

/// A database, read.
#[derive(Debug)]
pub struct Database {
    /// Where it was read from.
    pub path: PathBuf,
    /// What it says of itself.
    pub about: About,
    /// Records by number; the first says nothing and stands for networks that the database does not have.
    pub records: Vec<Record>,
    /// The record of every IPv4 address.
    pub v4: Ranges<u32, u32>,
    /// The record of every IPv6 address. What the file holds below `::/96` is IPv4 and not repeated here.
    pub v6: Ranges<u128, u32>,
    /// How many networks the file holds, both families.
    pub network_count: usize,
}

/// What a database says of itself, and its shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its type, e.g. `GeoLite2-City`.
    pub database_type: String,
    /// When it was built, in seconds since 1970.
    pub build_epoch: u64,
    /// What it is in English, or in the first language that it has.
    pub description: String,
    /// Languages of its names.
    pub languages: Vec<String>,
    /// 4, or 6 for both families.
    pub ip_version: u16,
    /// Nodes of its search tree.
    pub node_count: u32,
    /// Bits of a pointer in the tree.
    pub record_bits: u16,
    /// Size of the file.
    pub file_bytes: u64,
}

impl Database {
    /// Reads a database file. The finding names the file, what is wrong with it, and what to do.
    pub fn read(path: &Path) -> Result<Self, Finding> {
        let bytes = std::fs::read(path).map_err(|error| {
            Finding::error(format!("cannot read the database {}: {error}", path.display()))
                .help("check the path and its permissions")
        })?;
        Self::from_bytes(path, bytes)
    }

    /// The same from the bytes of a file; `path` is for messages.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, Finding> {
        let file_bytes = bytes.len() as u64;
        let reader = Reader::from_source(bytes).map_err(|error| broken(path, &error))?;
        let about = About::new(&reader, file_bytes);
        let mut walk = Walk::new(&reader);
        walk.run().map_err(|error| broken(path, &error))?;
        if walk.network_count > 0 && walk.records.values.len() == 1 {
            let message = format!(
                "the database {} ({}) says nothing of where networks are",
                path.display(),
                about.database_type
            );
            return Err(Finding::error(message)
                .help("use a City, Country or ASN database, or one with the same fields"));
        }
        Ok(Self {
            path: path.to_owned(),
            about,
            v4: Ranges::from_prefixes(0, walk.v4),
            v6: Ranges::from_prefixes(0, walk.v6),
            records: walk.records.values,
            network_count: walk.network_count,
        })
    }

    /// Whether it says nothing of any IPv4 address, as databases of one family do.
    pub fn lacks_ipv4(&self) -> bool {
        self.v4 == Ranges::constant(0)
    }

    /// Whether it says nothing of any IPv6 address.
    pub fn lacks_ipv6(&self) -> bool {
        self.v6 == Ranges::constant(0)
    }

    /// The file's name, as the source of what it says.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }
}

impl About {
    fn new(reader: &Reader<Vec<u8>>, file_bytes: u64) -> Self {
        let metadata = reader.metadata();
        let descriptions = &metadata.description;
        let description = descriptions.get("en").or_else(|| descriptions.values().next());
        Self {
            database_type: metadata.database_type.clone(),
            build_epoch: metadata.build_epoch,
            description: description.cloned().unwrap_or_default(),
            languages: metadata.languages.clone(),
            ip_version: metadata.ip_version,
            node_count: metadata.node_count,
            record_bits: metadata.record_size,
            file_bytes,
        }
    }
}

fn broken(path: &Path, error: &MaxMindDbError) -> Finding {
    Finding::error(format!("the database {} cannot be used: {error}", path.display()))
        .help("it is no MaxMind-format database, or truncated or damaged: fetch or build it again")
}

/// One pass over the search tree.
struct Walk<'a> {
    reader: &'a Reader<Vec<u8>>,
    /// Position in the data section → number of the record.
    by_offset: HashMap<usize, u32>,
    /// Vendors write equal records twice, and many differ only in fields not read here.
    records: Interner<Record>,
    v4: Vec<(u32, u8, u32)>,
    v6: Vec<(u128, u8, u32)>,
    network_count: usize,
}

impl<'a> Walk<'a> {
    fn new(reader: &'a Reader<Vec<u8>>) -> Self {
        Self {
            reader,
            by_offset: HashMap::new(),
            records: Interner::beginning_with(Record::default()),
            v4: Vec::new(),
            v6: Vec::new(),
            network_count: 0,
        }
    }

    fn run(&mut self) -> Result<(), MaxMindDbError> {
        // Empty leaves are asked for too, so that the count bounds the walk through a tree of nothing else.
        let mut options = WithinOptions::default().include_networks_without_data();
        // The reader passes over whatever leads to the IPv4 part from elsewhere. Where that part is one record, this
        // would be every IPv6 network with the same record, so the (then cheap) aliases are asked for instead.
        if self.reader.lookup(Ipv4Addr::UNSPECIFIED.into())?.network()?.is_ipv6() {
            options = options.include_aliased_networks();
        }
        for (count, found) in self.reader.networks(options)?.enumerate() {
            if count >= NETWORKS_MAX {
                let message = format!("its search tree has more than {NETWORKS_MAX} leaves");
                return Err(MaxMindDbError::invalid_database(message));
            }
            let found = found?;
            let Some(offset) = found.offset() else { continue };
            let record = match self.by_offset.get(&offset) {
                Some(&record) => record,
                None => {
                    let raw: Option<Lenient<RawRecord>> = found.decode()?;
                    let record = self.records.number(raw.unwrap_or_default().0.record());
                    self.by_offset.insert(offset, record);
                    record
                }
            };
            let network = found.network()?;
            self.add(network.ip(), network.prefix(), record);
        }
        Ok(())
    }

    fn add(&mut self, address: IpAddr, bits: u8, record: u32) {
        self.network_count += 1;
        match address {
            IpAddr::V4(address) => self.v4.push((address.to_bits(), bits, record)),
            IpAddr::V6(address) => {
                let address = address.to_bits();
                // A leaf above the IPv4 part of the tree speaks for all of IPv4.
                if address == 0 && bits <= 96 {
                    self.v4.push((0, 0, record));
                }
                self.v6.push((address, bits, record));
            }
        }
    }
}

#[cfg(test)]
mod tests;
