//! An explanation as its readers get it: plain words and numbers, ready for a page or for JSON.
//!
//! These types are for the outside. Domain types stay out of them, so that neither a page nor a program that reads JSON
//! changes because something in here is compiled differently.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// An answer and all that led to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The name asked for.
    pub name: String,
    /// The type asked for.
    pub rtype: String,
    /// The zone that answers; none if the name lies in no zone.
    pub zone: Option<String>,
    /// Names that aliases led to, in order.
    pub aliases: Vec<String>,
    /// Where the client is taken to be.
    pub client: ClientPlace,
    /// How each set of steered addresses was chosen; empty for plain data.
    pub steering: Vec<Steering>,
    /// What came out.
    pub answer: Answer,
}

/// Where a client is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientPlace {
    /// The address that it is placed by.
    pub placed_by: IpAddr,
    /// Whose address that is: `client subnet` or `resolver`.
    pub known_from: String,
    /// The network around the address of which the same is known.
    pub network: String,
    /// Geo code, if known.
    pub place: Option<String>,
    /// Latitude and longitude in degrees, if known.
    pub coordinates_deg: Option<[f64; 2]>,
    /// Autonomous system, if known.
    pub asn: Option<u32>,
    /// What all this is known from.
    pub source: String,
}

/// How addresses were chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Steering {
    /// The steered name as configured; a wildcard shows as such.
    pub owner: String,
    /// Its pool.
    pub pool: String,
    /// How the pool chooses.
    pub method: String,
    /// `A` or `AAAA`.
    pub family: String,
    /// The rule that ordered the sites, counted from 1.
    pub rule: Option<usize>,
    /// What matched, for people.
    pub matched: String,
    /// Number of the client's class.
    pub class: u32,
    /// Sites in the client's order.
    pub sites: Vec<SiteView>,
    /// What was decided, for people.
    pub decision: String,
    /// The cards of the deck drawn from, most likely first.
    pub deck: Vec<CardView>,
    /// TTL of the addresses.
    pub ttl_s: u32,
    /// The scope, in bits.
    pub scope_bits: u8,
    /// Why it is that long.
    pub scope_reason: String,
}

/// A site as the client sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SiteView {
    /// Its name.
    pub site: String,
    /// Its name for people.
    pub title: String,
    /// How far it is from the client, if both are known.
    pub distance_km: Option<u32>,
    /// `trusted`, `degraded`, `last resort`, `held`, `dead` or `drained`.
    pub level: String,
    /// Whether it serves.
    pub serves: bool,
    /// The part of the client networks that come to it that it takes, 0 to 1; the others go on to the next site.
    pub admission: f64,
    /// Whether it takes this client's network if it comes to it.
    pub takes: bool,
    /// Both in words; none where it takes everybody.
    pub note: Option<String>,
    /// Its endpoints.
    pub endpoints: Vec<EndpointView>,
}

/// An endpoint as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointView {
    /// Its pool, if it is a fallback's.
    pub fallback: Option<String>,
    /// Its name.
    pub endpoint: String,
    /// Its address in the family.
    pub address: Option<IpAddr>,
    /// Its weight.
    pub weight: u32,
    /// `up`, `down`, `unknown`, `drained` or `held`.
    pub standing: String,
    /// Why.
    pub because: String,
    /// What it weighs at this moment.
    pub weight_now: f64,
    /// All that makes it weigh otherwise than configured, each since when and until when.
    pub weight_because: Vec<String>,
    /// Share of answers that list it, if its site serves.
    pub share: Option<f64>,
}

/// A card of a deck.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CardView {
    /// Endpoints in the order handed out.
    pub endpoints: Vec<String>,
    /// How often it is drawn, 0 to 1.
    pub probability: f64,
    /// Whether this answer is this card.
    pub drawn: bool,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Response code.
    pub rcode: String,
    /// Why, in the word that its counter bears.
    pub reason: String,
    /// The records, section by section, in presentation form.
    pub records: Vec<String>,
    /// The scope sent with it, if a subnet was.
    pub scope_bits: Option<u8>,
    /// Length of the response.
    pub bytes: usize,
}
