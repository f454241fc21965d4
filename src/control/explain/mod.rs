//! Why a client gets what it gets: the answer function, watched, and its steps put into words.
//!
//! The query is built as a resolver would send it, Client Subnet and all, and answered by the very function that
//! answers on the wire; a recorder notes which class, site and card it came by. Words that the packet path has no use
//! for (which rule of the route matched, how far a site is) come from the readable definition of a route,
//! [`place`](crate::steer::order::place), which tests hold equal to the compiled classes. Health is what
//! the server knows at this moment ([`Now`](super::knowledge::Now)), or what the caller supposes ([`Supposed`]).

mod admitted;
mod client;
mod steps;
mod supposed;
#[cfg(test)]
mod tests;
mod view;

pub use client::{ClientSubnet, luck};
pub use supposed::{Reasons, Supposed};
pub use view::{Answer, CardView, ClientPlace, EndpointView, Explanation, SiteView, Steering};

use crate::answer::{self, Client, MESSAGE_BYTES_MAX, Outcome, Scratch, Transport};
use crate::snapshot::{Catalog, Snapshot};
use crate::wire::{Name, Rtype, class, edns, rcode};
use hickory_proto::op::Message;
use std::net::IpAddr;
use std::sync::Arc;
use steps::{Explainer, Notes};

/// What to explain.
#[derive(Clone, Debug)]
pub struct Question {
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub rtype: Rtype,
    /// The client's network as a resolver tells it.
    pub client: IpAddr,
    /// How many bits of it are told.
    pub client_bits: u8,
    /// Where the query comes from; the client itself if none is given.
    pub resolver: Option<IpAddr>,
    /// The luck of the draw.
    pub random: u64,
}

/// Explains the answer that a catalog would give with this health.
pub fn explain(catalog: &Arc<Catalog>, health: &impl Reasons, question: &Question) -> Explanation {
    explain_snapshot(&Snapshot::new(1, catalog.clone(), health), health, question)
}

/// Explains the answer that a snapshot gives; `health` is what it was dealt by.
pub fn explain_snapshot(
    snapshot: &Snapshot,
    health: &dyn Reasons,
    question: &Question,
) -> Explanation {
    let catalog = snapshot.catalog();
    let client = Client {
        address: question.resolver.unwrap_or(question.client),
        // No size limit, so that the whole answer is seen.
        transport: Transport::Tcp,
        random: question.random,
    };
    let mut notes = Notes::default();
    let mut out = vec![0; MESSAGE_BYTES_MAX];
    let message = message(question);
    let outcome = answer::answer_recorded(
        snapshot,
        &mut Scratch::default(),
        &message,
        &client,
        &mut out,
        &mut notes,
    );
    let told = question.client_bits > 0 && catalog.settings().ecs_trust.contains(client.address);
    let placed_by =
        if told { masked(question.client, question.client_bits) } else { client.address };
    let located = catalog.world().locate(placed_by);
    let explainer = Explainer {
        snapshot,
        health,
        location: located.location,
        placed_by,
        is_placed_by_subnet: told,
    };
    Explanation {
        name: question.name.to_string(),
        rtype: question.rtype.to_string(),
        zone: notes.zone,
        aliases: notes.aliases,
        client: ClientPlace {
            placed_by,
            known_from: if told { "client subnet" } else { "resolver" }.to_owned(),
            network: located.network.to_string(),
            place: located.location.place.map(|place| place.to_string()),
            coordinates_deg: located
                .location
                .coordinates
                .map(|at| [at.latitude_deg, at.longitude_deg]),
            asn: located.location.asn,
            source: located.location.source.clone(),
        },
        steering: notes.steps.iter().map(|step| explainer.steering(step)).collect(),
        answer: shown(&outcome, &out[..outcome.bytes]),
    }
}

/// The query as a resolver would send it.
fn message(question: &Question) -> Vec<u8> {
    let mut message = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    message.extend_from_slice(question.name.as_wire());
    message.extend_from_slice(&question.rtype.0.to_be_bytes());
    message.extend_from_slice(&class::IN.to_be_bytes());
    let sent = usize::from(question.client_bits).div_ceil(8);
    let octets = match masked(question.client, question.client_bits) {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    message.push(0);
    message.extend_from_slice(&Rtype::OPT.0.to_be_bytes());
    message.extend_from_slice(&[0xff, 0xff, 0, 0, 0, 0]);
    message.extend_from_slice(&((8 + sent) as u16).to_be_bytes());
    message.extend_from_slice(&edns::option::SUBNET.to_be_bytes());
    message.extend_from_slice(&((4 + sent) as u16).to_be_bytes());
    message.extend_from_slice(&[
        0,
        if question.client.is_ipv4() { 1 } else { 2 },
        question.client_bits,
        0,
    ]);
    message.extend_from_slice(&octets[..sent]);
    message
}

fn masked(address: IpAddr, bits: u8) -> IpAddr {
    ipnet::IpNet::new(address, bits).map_or(address, |net| net.network())
}

fn shown(outcome: &Outcome, response: &[u8]) -> Answer {
    let records = Message::from_vec(response).map_or_else(
        |_| Vec::new(),
        |message| {
            let sections = [&message.answers, &message.authorities, &message.additionals];
            sections.into_iter().flatten().map(ToString::to_string).collect()
        },
    );
    let rcode = rcode::label(outcome.rcode);
    Answer {
        rcode,
        reason: outcome.reason.to_string(),
        records,
        scope_bits: outcome.scope_bits,
        bytes: outcome.bytes,
    }
}
