//! One dnstap message in Protocol Buffers: the part of the published schema (`dnstap.proto`) that an authoritative
//! server fills in, written by hand, for it is a dozen fields that never nest deeper than once.

use super::frames::{begin_data, end_data};
use super::ring::Head;
use crate::answer::Transport;
use std::net::IpAddr;

const AUTH_QUERY: u64 = 1;
const AUTH_RESPONSE: u64 = 2;
/// `Dnstap.type`: the one there is.
const MESSAGE: u64 = 1;
const NS_PER_S: u64 = 1_000_000_000;

/// Wire types.
const VARINT: u32 = 0;
const BYTES: u32 = 2;
const FIXED32: u32 = 5;

/// Turns exchanges into data frames.
pub(super) struct Encoder {
    /// The fields that say who we are, which begin every frame.
    who: Vec<u8>,
    message: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(identity: &str, version: &str) -> Self {
        let mut who = Vec::new();
        put_bytes(&mut who, 1, identity.as_bytes());
        put_bytes(&mut who, 2, version.as_bytes());
        Self { who, message: Vec::new() }
    }

    /// Appends a frame for each message of an exchange that is told of. `bytes` are those that belong to the head.
    pub(super) fn encode(&mut self, head: &Head, bytes: &[u8], out: &mut Vec<u8>) {
        let (zone, messages) = bytes.split_at(head.zone_bytes);
        let (query, response) = messages.split_at(head.query_bytes);
        if !query.is_empty() {
            self.begin(AUTH_QUERY, head, zone);
            put_bytes(&mut self.message, 10, query);
            self.end(out);
        }
        if !response.is_empty() {
            self.begin(AUTH_RESPONSE, head, zone);
            put_uint(&mut self.message, 12, head.answered_ns / NS_PER_S);
            put_fixed32(&mut self.message, 13, (head.answered_ns % NS_PER_S) as u32);
            put_bytes(&mut self.message, 14, response);
            self.end(out);
        }
    }

    /// What both kinds of message tell.
    fn begin(&mut self, kind: u64, head: &Head, zone: &[u8]) {
        let (out, ends) = (&mut self.message, &head.ends);
        out.clear();
        put_uint(out, 1, kind);
        put_uint(out, 2, if ends.client.is_ipv4() { 1 } else { 2 });
        put_uint(out, 3, protocol(head.transport));
        put_address(out, 4, ends.client);
        if let Some(server) = ends.server {
            put_address(out, 5, server);
        }
        put_uint(out, 6, ends.client_port.into());
        if ends.server_port != 0 {
            put_uint(out, 7, ends.server_port.into());
        }
        put_uint(out, 8, head.asked_ns / NS_PER_S);
        put_fixed32(out, 9, (head.asked_ns % NS_PER_S) as u32);
        if !zone.is_empty() {
            put_bytes(out, 11, zone);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let begin = begin_data(out);
        out.extend(&self.who);
        put_bytes(out, 14, &self.message);
        put_uint(out, 15, MESSAGE);
        end_data(out, begin);
    }
}

/// `SocketProtocol`.
fn protocol(transport: Transport) -> u64 {
    match transport {
        Transport::Udp => 1,
        Transport::Tcp => 2,
        Transport::Tls => 3,
        Transport::Https => 4,
        Transport::Quic => 7,
    }
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_key(out: &mut Vec<u8>, field: u32, wire_type: u32) {
    put_varint(out, u64::from(field << 3 | wire_type));
}

fn put_uint(out: &mut Vec<u8>, field: u32, value: u64) {
    put_key(out, field, VARINT);
    put_varint(out, value);
}

fn put_fixed32(out: &mut Vec<u8>, field: u32, value: u32) {
    put_key(out, field, FIXED32);
    out.extend(value.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    put_key(out, field, BYTES);
    put_varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn put_address(out: &mut Vec<u8>, field: u32, address: IpAddr) {
    match address {
        IpAddr::V4(address) => put_bytes(out, field, &address.octets()),
        IpAddr::V6(address) => put_bytes(out, field, &address.octets()),
    }
}

#[cfg(test)]
#[path = "../../tests/dnstap/schema.rs"]
mod schema;

#[cfg(test)]
mod tests {
    use super::schema::{Dnstap, Message};
    use super::*;
    use crate::answer::Ends;
    use proptest::prelude::*;
    use prost::Message as _;
    use std::net::SocketAddr;

    fn octets(address: IpAddr) -> Vec<u8> {
        match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        }
    }

    /// Takes the first frame off.
    fn take_frame(frames: &mut &[u8]) -> Option<Dnstap> {
        let (bytes, rest) = frames.split_first_chunk::<4>()?;
        let (frame, rest) = rest.split_at(u32::from_be_bytes(*bytes) as usize);
        *frames = rest;
        Some(Dnstap::decode(frame).expect("a message by the published schema"))
    }

    proptest! {
        /// A decoder made from the published schema reads what was put in.
        #[test]
        fn messages_are_read_back(
            transport in prop::sample::select(&Transport::ALL[..]),
            ends in any::<(SocketAddr, Option<SocketAddr>)>(),
            times in any::<[u64; 2]>(),
            parts in any::<[Vec<u8>; 3]>(),
            identity in ".{0,200}",
        ) {
            let [zone, query, response] = &parts;
            let head = Head {
                transport,
                ends: Ends::new(ends.0, ends.1),
                asked_ns: times[0],
                answered_ns: times[1],
                zone_bytes: zone.len(),
                query_bytes: query.len(),
                response_bytes: response.len(),
            };
            let mut frames = Vec::new();
            Encoder::new(&identity, "v").encode(&head, &parts.concat(), &mut frames);
            let mut rest = &frames[..];
            let some = |bytes: &Vec<u8>| (!bytes.is_empty()).then(|| bytes.clone());
            let common = Message {
                socket_family: Some(if ends.0.is_ipv4() { 1 } else { 2 }),
                socket_protocol: Some(protocol(transport) as i32),
                query_address: Some(octets(ends.0.ip())),
                query_port: Some(ends.0.port().into()),
                response_address: head.ends.server.map(octets),
                response_port: Some(u32::from(head.ends.server_port)).filter(|port| *port != 0),
                query_time_sec: Some(times[0] / 1_000_000_000),
                query_time_nsec: Some((times[0] % 1_000_000_000) as u32),
                query_zone: some(zone),
                ..Message::default()
            };
            let expected = |message| Dnstap {
                identity: Some(identity.clone().into_bytes()),
                version: Some(b"v".to_vec()),
                extra: None,
                r#type: 1,
                message: Some(message),
            };
            if !query.is_empty() {
                let message = Message { r#type: 1, query_message: some(query), ..common.clone() };
                prop_assert_eq!(take_frame(&mut rest), Some(expected(message)));
            }
            if !response.is_empty() {
                let message = Message {
                    r#type: 2,
                    response_time_sec: Some(times[1] / 1_000_000_000),
                    response_time_nsec: Some((times[1] % 1_000_000_000) as u32),
                    response_message: some(response),
                    ..common
                };
                prop_assert_eq!(take_frame(&mut rest), Some(expected(message)));
            }
            prop_assert_eq!(rest.len(), 0);
        }
    }
}
