//! A snapshot, a question and a client to an answer and its reason.
//!
//! [`answer`] is the one function that answers: all transports call it, and the tests, the fuzzers, `explain` and
//! `simulate`. It is pure: no I/O, no clock, no allocation; luck comes in with the client, and what a worker remembers
//! is its scratch. This file deals with the message as a whole (what is no query, EDNS, sizes, classes); [`resolve`]
//! finds the data as RFC 1034 §4.3.2 says, [`steered`] chooses addresses, [`additional`] adds what helps.

mod additional;
#[cfg(test)]
mod oracle_tests;
mod outcome;
mod record;
mod resolve;
mod scratch;
mod steered;
#[cfg(test)]
mod tests;

pub use outcome::{Client, Outcome, Reason, Transport};
pub use record::{Recorder, SteeredStep};
pub use scratch::Scratch;

use crate::snapshot::{Settings, Snapshot};
use crate::wire::query::{self, HEADER_BYTES, Message};
use crate::wire::{
    Edns, Flags, FoldedName, Query, ResponseEdns, Rtype, Subnet, Writer, class, rcode,
};
use resolve::{Resolver, Verdict};

/// What any client takes over UDP without EDNS, in bytes (RFC 1035 §4.2.1).
pub const PLAIN_UDP_BYTES_MAX: usize = 512;
/// The most that two octets of length can frame, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 65_535;
/// Responses over encrypted transports are padded to a multiple of this, in bytes (RFC 8467 §4.1).
const PADDING_BLOCK_BYTES: usize = 468;

/// Answers one message into `out`. See the module for what it does and does not do.
pub fn answer(
    snapshot: &Snapshot,
    scratch: &mut Scratch,
    message: &[u8],
    client: &Client,
    out: &mut [u8],
) -> Outcome {
    answer_recorded(snapshot, scratch, message, client, out, &mut ())
}

/// [`answer`], with somebody looking on.
pub fn answer_recorded<R: Recorder>(
    snapshot: &Snapshot,
    scratch: &mut Scratch,
    message: &[u8],
    client: &Client,
    out: &mut [u8],
    recorder: &mut R,
) -> Outcome {
    match query::read(message, &mut scratch.name) {
        Message::Ignore => nothing(),
        Message::Refuse { rcode, question_end, edns } => {
            let reason = match rcode {
                rcode::NOTIMP => Reason::NotImplemented,
                rcode::BADVERS => Reason::BadVersion,
                _ => Reason::Malformed,
            };
            let frame =
                Frame::new(snapshot.settings(), client, edns.as_ref(), &message[..question_end]);
            frame.bare(out, rcode, reason)
        }
        Message::Query(query) => {
            recorder.query(&query);
            let echo = &message[..query.question_end];
            let frame = Frame::new(snapshot.settings(), client, query.edns.as_ref(), echo);
            dispatch(snapshot, scratch, &query, frame, client, out, recorder)
        }
    }
}

fn dispatch<R: Recorder>(
    snapshot: &Snapshot,
    scratch: &mut Scratch,
    query: &Query,
    frame: Frame<'_>,
    client: &Client,
    out: &mut [u8],
    recorder: &mut R,
) -> Outcome {
    match query.qclass {
        class::IN => {}
        class::CH => return identity(snapshot.settings(), &scratch.name, query, frame, out),
        _ => return frame.bare(out, rcode::REFUSED, Reason::OtherClass),
    }
    match query.qtype {
        // RFC 6895 §3.1 has OPT as no type to ask for.
        Rtype::OPT => return frame.bare(out, rcode::FORMERR, Reason::Malformed),
        Rtype::AXFR | Rtype::IXFR => return frame.bare(out, rcode::REFUSED, Reason::Transfer),
        qtype if qtype.is_meta() && qtype != Rtype::ANY => {
            return frame.bare(out, rcode::NOTIMP, Reason::NotImplemented);
        }
        _ => {}
    }
    let Some(zone) = snapshot.zones().find(&scratch.name, query.qtype == Rtype::DS) else {
        return frame.bare(out, rcode::REFUSED, Reason::NoZone);
    };
    let served = &snapshot.zones().zones()[zone];
    recorder.zone(zone, served);
    let Some(writer) = Writer::begin(out, frame.echo, frame.limit, frame.edns.as_ref()) else {
        return nothing();
    };
    let mut resolver = Resolver {
        snapshot,
        served,
        writer,
        qtype: query.qtype,
        dnssec_ok: query.edns.is_some_and(|edns| edns.dnssec_ok),
        placed_by: frame.placed_by(client),
        random: client.random,
        other: &mut scratch.other,
        turns: &mut scratch.turns,
        recorder,
        chain: scratch.chain.begin(),
        scope_bits: 0,
        truncated: false,
    };
    let verdict = resolver.resolve(&mut scratch.name);
    let Resolver { writer, scope_bits, truncated, .. } = resolver;
    frame.end(writer, verdict, scope_bits, truncated)
}

/// What `version.bind` and its like are told, in class CH.
fn identity(
    settings: &Settings,
    name: &FoldedName,
    query: &Query,
    frame: Frame<'_>,
    out: &mut [u8],
) -> Outcome {
    let text = match name.as_wire() {
        b"\x07version\x04bind\0" | b"\x07version\x06server\0" => &settings.version,
        b"\x08hostname\x04bind\0" => &settings.hostname,
        b"\x02id\x06server\0" => &settings.id,
        _ => &None,
    };
    let Some(text) = text else {
        return frame.bare(out, rcode::REFUSED, Reason::OtherClass);
    };
    let Some(mut writer) = Writer::begin(out, frame.echo, frame.limit, frame.edns.as_ref()) else {
        return nothing();
    };
    let mut rdata = [0; 256];
    let length = text.len().min(255);
    rdata[0] = length as u8;
    rdata[1..=length].copy_from_slice(&text.as_bytes()[..length]);
    let mut truncated = false;
    if matches!(query.qtype, Rtype::TXT | Rtype::ANY) {
        truncated = writer.chaos_text(&rdata[..=length]).is_err();
    }
    let verdict = Verdict { rcode: rcode::NOERROR, reason: Reason::Identity, authoritative: true };
    frame.end(writer, verdict, 0, truncated)
}

fn nothing() -> Outcome {
    Outcome { bytes: 0, rcode: 0, reason: Reason::Ignored, truncated: false, scope_bits: None }
}

/// What surrounds the records of a response, known before any is written.
struct Frame<'a> {
    echo: &'a [u8],
    limit: usize,
    edns: Option<ResponseEdns<'a>>,
    subnet: Option<Subnet>,
}

impl<'a> Frame<'a> {
    fn new(settings: &'a Settings, client: &Client, edns: Option<&Edns>, echo: &'a [u8]) -> Self {
        let subnet = edns
            .and_then(|edns| edns.subnet)
            .filter(|_| settings.ecs_trust.contains(client.address));
        let limit = match (client.transport, edns) {
            (Transport::Udp, None) => PLAIN_UDP_BYTES_MAX,
            // RFC 6891 §6.2.3: values below 512 are 512.
            (Transport::Udp, Some(edns)) => {
                usize::from(edns.payload_bytes.min(settings.udp_payload_bytes_max))
                    .max(PLAIN_UDP_BYTES_MAX)
            }
            _ => MESSAGE_BYTES_MAX,
        };
        let edns = edns.map(|edns| ResponseEdns {
            payload_bytes: settings.udp_payload_bytes_max,
            dnssec_ok: edns.dnssec_ok,
            subnet: subnet.map(|subnet| (subnet, 0)),
            nsid: settings.nsid.as_deref().filter(|_| edns.nsid),
            keepalive_100ms: (edns.keepalive && client.transport.has_keepalive())
                .then_some(settings.keepalive_100ms),
            padding_block_bytes: (edns.padding && client.transport.is_encrypted())
                .then_some(PADDING_BLOCK_BYTES),
        });
        Self { echo, limit, edns, subnet }
    }

    /// The address that the client is placed by: its subnet's if it may and does tell one, else its own (RFC 7871
    /// §7.2.1; a source of 0 asks not to be placed any closer, §7.1.2).
    fn placed_by(&self, client: &Client) -> std::net::IpAddr {
        self.subnet.and_then(|subnet| subnet.client()).unwrap_or(client.address)
    }

    /// A response without records.
    fn bare(self, out: &mut [u8], rcode: u16, reason: Reason) -> Outcome {
        match Writer::begin(out, self.echo, self.limit, self.edns.as_ref()) {
            Some(writer) => {
                self.end(writer, Verdict { rcode, reason, authoritative: false }, 0, false)
            }
            None => nothing(),
        }
    }

    fn end(
        mut self,
        writer: Writer<'_>,
        verdict: Verdict,
        scope_bits: u8,
        truncated: bool,
    ) -> Outcome {
        // Who asked not to be placed gets an answer that holds for all of them.
        let scope_bits =
            self.subnet.map(|subnet| if subnet.client().is_some() { scope_bits } else { 0 });
        if let (Some(edns), Some(scope_bits)) = (&mut self.edns, scope_bits) {
            edns.subnet = self.subnet.map(|subnet| (subnet, scope_bits));
        }
        let flags = Flags { authoritative: verdict.authoritative, truncated };
        let bytes = writer.finish(flags, verdict.rcode, self.edns.as_ref());
        debug_assert!(bytes >= HEADER_BYTES);
        Outcome { bytes, rcode: verdict.rcode, reason: verdict.reason, truncated, scope_bits }
    }
}
