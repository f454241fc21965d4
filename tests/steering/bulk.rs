//! Thousands of questions over one UDP socket, in bursts that no buffer overflows from, and numbers drawn from a seed.

use crate::kit::query::Query;
use crate::kit::reply::Reply;
use crate::kit::server::TestServer;
use crate::kit::{Udp, types};
use fingerpost::answer::Transport;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Queries on the way at once: their replies fit the smallest default receive buffer many times over.
const BURST: usize = 32;

/// Asks all queries over UDP from one socket; replies in the order of the queries.
pub fn ask_all(server: &TestServer, queries: &[Query]) -> Vec<Reply> {
    let udp = Udp::to(server.address(Transport::Udp));
    let mut replies = Vec::with_capacity(queries.len());
    for burst in queries.chunks(BURST) {
        burst.iter().for_each(|query| udp.send(&query.bytes()));
        let decode = |bytes: Vec<u8>| Reply::decode_alone(&bytes).expect("a reply");
        let mut came: BTreeMap<u16, Reply> =
            burst.iter().map(|_| decode(udp.receive())).map(|reply| (reply.id, reply)).collect();
        let of = |query: &Query| came.remove(&query.id_sent()).expect("a reply to each query");
        replies.extend(burst.iter().map(of));
    }
    replies
}

/// The addresses of each reply in the order listed.
pub fn listed(replies: &[Reply]) -> Vec<Vec<String>> {
    let of = |reply: &Reply| reply.answer.iter().map(|record| record.data.clone()).collect();
    replies.iter().map(of).collect()
}

/// How often each address is listed first.
pub fn leads(replies: &[Reply]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for reply in replies {
        assert_eq!((reply.rcode(), reply.tc()), (types::NOERROR, false), "{reply:?}");
        *counts.entry(reply.answer[0].data.clone()).or_default() += 1;
    }
    counts
}

/// The same question, `count` times.
pub fn repeated(name: &str, rtype: u16, count: usize) -> Vec<Query> {
    (0..count).map(|_| Query::new(&format!("{name}.example.com"), rtype)).collect()
}

/// A question for a client at one address, told in full.
pub fn placed(name: &str, rtype: u16, client: IpAddr) -> Query {
    let bits = if client.is_ipv4() { 32 } else { 128 };
    Query::new(&format!("{name}.example.com"), rtype).ecs(&format!("{client}/{bits}"))
}

/// Numbers that are the same in every run (the generator of SplitMix64).
pub struct Draws(pub u64);

impl Draws {
    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// The next 128 bits.
    pub fn next_wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}
