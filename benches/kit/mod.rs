//! What the benchmarks share: what is served, packets in batches, CPU time and memory of processes, and the peers.
#![allow(dead_code, reason = "each benchmark uses its own part of the kit")]

pub mod generator;
pub mod io;
pub mod peers;
pub mod process;
pub mod scene;
pub mod words;

/// Whatever ends a benchmark early, for people.
pub type Failed = Box<dyn std::error::Error>;

/// A query of class IN without EDNS, id 0.
pub fn query(name: &str, rtype: u16) -> Vec<u8> {
    let mut message = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.').filter(|label| !label.is_empty()) {
        message.push(label.len() as u8);
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    message.extend_from_slice(&rtype.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    message
}

/// The same with EDNS and the Client Subnet of an IPv4 /24 (RFC 7871 §6).
pub fn query_for(name: &str, rtype: u16, network: [u8; 3]) -> Vec<u8> {
    let mut message = query(name, rtype);
    message[11] = 1;
    message.extend_from_slice(&[0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0]);
    message.extend_from_slice(&network);
    message
}

/// Repeatable luck (SplitMix64).
pub struct Luck(pub u64);

impl Luck {
    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A /24 of public unicast space, uniform but for what is special there.
    pub fn network(&mut self) -> [u8; 3] {
        loop {
            let [first, second, third, ..] = self.next().to_be_bytes();
            if (1..224).contains(&first) && ![10, 127, 169, 172, 192].contains(&first) {
                return [first, second, third];
            }
        }
    }
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
