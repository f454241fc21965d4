//! Why a client gets what it gets: the answer function, watched, and its steps put into words.
//!
//! The query is built as a resolver would send it, Client Subnet and all, and answered by the very function that answers on
//! the wire; a recorder notes which class, site and card it came by. Words that the packet path has no use for (which rule
//! of the route matched, how far a site is) come from the readable definition of a route, [`order::place`], which tests
//! hold equal to the compiled classes. Health is what the caller supposes: see [`Supposed`].

use crate::answer::{
    self, Client, MESSAGE_BYTES_MAX, Outcome, Recorder, Scratch, SteeredStep, Transport,
};
use crate::geo::Location;
use crate::health::overrides::{Override, Overrides, Pin, Subject};
use crate::health::table::Table;
use crate::health::{Standing, Verdict, status};
use crate::snapshot::{Catalog, ServedZone, Snapshot, Standings};
use crate::steer::model::{Endpoint, Pool, Rule, Site, SteeredName};
use crate::steer::order::{self, Matched};
use crate::steer::pool::{Choice, DealtSite, Family, Level};
use crate::wire::{Name, Rtype, class, edns, rcode};
use hickory_proto::op::Message;
use jiff::Timestamp;
use serde::Serialize;
use std::net::IpAddr;

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

/// What is supposed of endpoints: verdicts that a server has kept, overrides, and a failure or two for the sake of the
/// argument. What has no verdict is taken for up.
#[derive(Default)]
pub struct Supposed {
    /// Verdicts known.
    pub verdicts: Table,
    /// The operator's pins.
    pub overrides: Overrides,
    /// Sites, endpoints or `pool/endpoint`s taken for down.
    pub down: Vec<String>,
    /// The moment supposed.
    pub at: Timestamp,
}

impl Supposed {
    /// Which of the names in `down` are nothing that is served.
    pub fn unknown_names(&self, catalog: &Catalog) -> Vec<String> {
        let mut unknown = self.down.clone();
        for tier in catalog.rosters().iter().flat_map(|roster| &roster.tiers) {
            for endpoint in &tier.pool.endpoints {
                unknown.retain(|name| !names(name, &tier.pool, endpoint));
            }
        }
        unknown
    }

    fn is_down(&self, pool: &Pool, endpoint: &Endpoint) -> bool {
        self.down.iter().any(|name| names(name, pool, endpoint))
    }

    fn pin(&self, pool: &Pool, endpoint: &Endpoint) -> Option<&Override> {
        let subject = Subject {
            site_zone: endpoint.site.zone.as_ref(),
            site: &endpoint.site.name,
            pool_zone: pool.zone.as_ref(),
            pool: &pool.name,
            endpoint: &endpoint.name,
        };
        self.overrides.pin_for(&subject, self.at)
    }

    /// Why the standing is what it is, for people.
    fn because(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> String {
        if self.is_down(pool, endpoint) {
            return "supposed down".to_owned();
        }
        if let Some(pinned) = self.pin(pool, endpoint) {
            let by = pinned.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            let word = match pinned.pin {
                Pin::Up => "up",
                Pin::Down => "down",
                Pin::Drain => "drained",
            };
            return format!("override: {word}{by}: {}", pinned.reason);
        }
        let Some(probe) = family.probe(endpoint) else {
            return "not checked, taken for up".to_owned();
        };
        match self.verdicts.row(probe).filter(|row| row.state.verdict != Verdict::Unknown) {
            Some(row) => format!("check {} at {}: {}", probe.check.name, probe.target, row.cause),
            None => format!(
                "check {} at {}: no verdict here, taken for up",
                probe.check.name, probe.target
            ),
        }
    }
}

/// Whether a name given on a command line means this endpoint: by its site, its own name, or pool and name.
fn names(name: &str, pool: &Pool, endpoint: &Endpoint) -> bool {
    match name.split_once('/') {
        Some((in_pool, name)) => in_pool == pool.name && name == endpoint.name,
        None => name == endpoint.site.name || name == endpoint.name,
    }
}

impl Standings for Supposed {
    fn standing(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> Standing {
        if self.is_down(pool, endpoint) {
            return Standing::Down;
        }
        let verdict = family.probe(endpoint).map(|probe| self.verdicts.verdict(probe));
        let known = verdict.filter(|verdict| *verdict != Verdict::Unknown);
        status::standing(known, self.pin(pool, endpoint).map(|pinned| pinned.pin))
    }

    fn was_good(&self, _: &Pool, _: &Endpoint, _: Family) -> bool {
        true
    }
}

/// An answer and all that led to it.
#[derive(Clone, Debug, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
pub struct ClientPlace {
    /// The address that it is placed by.
    pub placed_by: IpAddr,
    /// Whose address that is: `client subnet` or `resolver`.
    pub known_from: &'static str,
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
#[derive(Clone, Debug, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
pub struct SiteView {
    /// Its name.
    pub site: String,
    /// Its name for people.
    pub title: String,
    /// How far it is from the client, if both are known.
    pub distance_km: Option<u32>,
    /// `trusted`, `degraded`, `last resort` or `dead`.
    pub level: String,
    /// Whether it serves.
    pub serves: bool,
    /// Its endpoints.
    pub endpoints: Vec<EndpointView>,
}

/// An endpoint as it stands.
#[derive(Clone, Debug, Serialize)]
pub struct EndpointView {
    /// Its pool, if it is a fallback's.
    pub fallback: Option<String>,
    /// Its name.
    pub endpoint: String,
    /// Its address in the family.
    pub address: Option<IpAddr>,
    /// Its weight.
    pub weight: u32,
    /// `up`, `down`, `unknown` or `drained`.
    pub standing: String,
    /// Why.
    pub because: String,
    /// Share of answers that list it, if its site serves.
    pub share: Option<f64>,
}

/// A card of a deck.
#[derive(Clone, Debug, Serialize)]
pub struct CardView {
    /// Endpoints in the order handed out.
    pub endpoints: Vec<String>,
    /// How often it is drawn, 0 to 1.
    pub probability: f64,
    /// Whether this answer is this card.
    pub drawn: bool,
}

/// What came out.
#[derive(Clone, Debug, Serialize)]
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

/// Explains an answer.
pub fn explain(
    catalog: &std::sync::Arc<Catalog>,
    supposed: &Supposed,
    question: &Question,
) -> Explanation {
    let snapshot = Snapshot::new(1, catalog.clone(), supposed);
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
        &snapshot,
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
    let explainer =
        Explainer { snapshot: &snapshot, supposed, location: located.location, placed_by };
    Explanation {
        name: question.name.to_string(),
        rtype: question.rtype.to_string(),
        zone: notes.zone,
        aliases: notes.aliases,
        client: ClientPlace {
            placed_by,
            known_from: if told { "client subnet" } else { "resolver" },
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

/// What the recorder keeps.
#[derive(Default)]
struct Notes {
    zone: Option<String>,
    aliases: Vec<String>,
    steps: Vec<Step>,
}

struct Step {
    name: SteeredName,
    family: Family,
    roster: usize,
    class: u32,
    class_bits: u8,
    scope_bits: u8,
    order: Vec<u16>,
    choice: Choice,
    card: Option<usize>,
}

impl Recorder for Notes {
    fn zone(&mut self, zone: &ServedZone) {
        self.zone = Some(zone.zone.apex().to_string());
    }

    fn alias(&mut self, target: &[u8]) {
        self.aliases.extend(Name::from_wire(target).map(|name| name.to_string()));
    }

    fn steered(&mut self, step: &SteeredStep<'_>) {
        let Some(plan) = &step.plan.families[step.family as usize] else {
            return;
        };
        self.steps.push(Step {
            name: step.plan.name.clone(),
            family: step.family,
            roster: plan.roster,
            class: step.class,
            class_bits: step.class_bits,
            scope_bits: step.scope_bits,
            order: step.order.to_vec(),
            choice: step.choice,
            card: step.card,
        });
    }
}

struct Explainer<'a> {
    snapshot: &'a Snapshot,
    supposed: &'a Supposed,
    location: &'a Location,
    placed_by: IpAddr,
}

impl Explainer<'_> {
    fn steering(&self, step: &Step) -> Steering {
        let roster = &self.snapshot.catalog().rosters()[step.roster];
        let route = &step.name.route;
        let placement = order::place(route, &roster.sites, self.location, self.placed_by);
        let sites = step.order.iter().map(|&site| self.site(step, usize::from(site))).collect();
        Steering {
            owner: step.name.owner.to_string(),
            pool: step.name.pool.name.clone(),
            method: step.name.pool.method.to_string(),
            family: step.family.rtype().to_string(),
            rule: placement.rule.map(|rule| rule + 1),
            matched: matched(
                &placement.matched,
                placement.rule.map(|rule| &route.rules[rule]),
                route.strict,
            ),
            class: step.class,
            sites,
            decision: self.decision(step),
            deck: self.deck(step),
            ttl_s: step.name.ttl_s,
            scope_bits: step.scope_bits,
            scope_reason: scope_reason(step),
        }
    }

    fn site(&self, step: &Step, number: usize) -> SiteView {
        let roster = &self.snapshot.catalog().rosters()[step.roster];
        let site = &roster.sites[number];
        let dealt = self.snapshot.dealt(step.roster);
        let (tier, serves) = match step.choice {
            Choice::Site { tier, site, .. } => (tier, site == number),
            _ => (0, false),
        };
        let endpoints = roster.tiers.iter().enumerate().flat_map(|(at, roster_tier)| {
            let shares = serves.then(|| shares(dealt.site(at, number))).filter(|_| at == tier);
            roster_tier.seats[number].iter().map(move |&seat| {
                let (pool, endpoint) = (&*roster_tier.pool, &*roster_tier.pool.endpoints[seat]);
                let share = shares.as_ref().map(|shares| {
                    shares
                        .iter()
                        .find(|(member, _)| *member == seat)
                        .map_or(0.0, |(_, share)| *share)
                });
                self.endpoint(pool, endpoint, step.family, at > 0, share)
            })
        });
        SiteView {
            site: site.name.clone(),
            title: site.title.clone(),
            distance_km: self.distance_km(site),
            level: level(dealt.site(tier, number).level).to_owned(),
            serves,
            endpoints: endpoints.collect(),
        }
    }

    fn endpoint(
        &self,
        pool: &Pool,
        endpoint: &Endpoint,
        family: Family,
        is_fallback: bool,
        share: Option<f64>,
    ) -> EndpointView {
        EndpointView {
            fallback: is_fallback.then(|| pool.name.clone()),
            endpoint: endpoint.name.clone(),
            address: family.address(endpoint),
            weight: endpoint.weight,
            standing: self.supposed.standing(pool, endpoint, family).to_string(),
            because: self.supposed.because(pool, endpoint, family),
            share,
        }
    }

    fn distance_km(&self, site: &Site) -> Option<u32> {
        Some(self.location.coordinates?.distance_km(site.coordinates?).round() as u32)
    }

    fn decision(&self, step: &Step) -> String {
        let pool = &step.name.pool;
        match step.choice {
            Choice::Site { tier, site, level } => {
                let roster = &self.snapshot.catalog().rosters()[step.roster];
                let (name, tier_pool) = (&roster.sites[site].name, &roster.tiers[tier].pool);
                let fallback = if tier > 0 {
                    format!("pool {} is all down; its fallback ", pool.name)
                } else {
                    String::new()
                };
                let why = match level {
                    Level::Trusted if step.order.first() == Some(&(site as u16)) => {
                        "first choice, and enough of it is up"
                    }
                    Level::Trusted => "the first site in order that has enough up",
                    Level::Degraded => "no site has enough up; the first that has something",
                    Level::LastResort => "only endpoints of weight 0 are up",
                    Level::Dead => "all are down, and handed out all the same (on_all_down)",
                };
                format!(
                    "{fallback}{}{name}: {why}",
                    if tier > 0 { format!("{}: ", tier_pool.name) } else { String::new() }
                )
            }
            Choice::Fenced => {
                "no site: the route is strict, and no rule lets this client in".to_owned()
            }
            Choice::Nodata => "no addresses: all are down (on_all_down = \"nodata\")".to_owned(),
            Choice::Servfail => "SERVFAIL: all are down (on_all_down = \"servfail\")".to_owned(),
        }
    }

    fn deck(&self, step: &Step) -> Vec<CardView> {
        let Choice::Site { tier, site, .. } = step.choice else {
            return Vec::new();
        };
        let pool = &self.snapshot.catalog().rosters()[step.roster].tiers[tier].pool;
        let dealt = self.snapshot.dealt(step.roster).site(tier, site);
        let name =
            |&position: &u16| pool.endpoints[dealt.members[usize::from(position)]].name.clone();
        let mut cards: Vec<CardView> = dealt
            .deck
            .cards()
            .enumerate()
            .map(|(number, (card, probability))| CardView {
                endpoints: card.iter().map(name).collect(),
                probability,
                drawn: step.card == Some(number),
            })
            .collect();
        cards.sort_by(|one, other| other.probability.total_cmp(&one.probability));
        cards
    }
}

/// Place in the pool and share of answers of each member of a deck.
fn shares(site: &DealtSite) -> Vec<(usize, f64)> {
    site.members.iter().copied().zip(site.deck.shares()).collect()
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Trusted => "trusted",
        Level::Degraded => "degraded",
        Level::LastResort => "last resort",
        Level::Dead => "dead",
    }
}

fn matched(matched: &Matched, rule: Option<&Rule>, strict: bool) -> String {
    let sites = match rule {
        Some(Rule::Subnets { sites, .. } | Rule::Geo { sites, .. }) => {
            let names: Vec<&str> = sites.iter().map(|site| &*site.name).collect();
            format!(" → {}", names.join(", "))
        }
        _ => String::new(),
    };
    let rest = if strict { "" } else { ", then by distance" };
    match matched {
        Matched::Subnet(net) => format!("subnet {net}{sites}{rest}"),
        Matched::Code(code) => format!("geo {code}{sites}{rest}"),
        Matched::Nearest => "nearest: sites by distance".to_owned(),
        Matched::Networks => "the networks file orders the sites for this network".to_owned(),
        Matched::Nothing if strict => "no rule: the client stays outside".to_owned(),
        Matched::Nothing => {
            "no rule: sites by distance, or as written where that is unknown".to_owned()
        }
    }
}

fn scope_reason(step: &Step) -> String {
    match () {
        () if step.scope_bits > step.class_bits => {
            "the method chooses by the client's network, so the answer holds for that network"
                .to_owned()
        }
        () if step.scope_bits == 0 => {
            "every client in the world gets its answers from the same order of sites".to_owned()
        }
        () => format!("the shortest prefix around the client that is all of class {}", step.class),
    }
}

fn shown(outcome: &Outcome, response: &[u8]) -> Answer {
    let records = Message::from_vec(response).map_or_else(
        |_| Vec::new(),
        |message| {
            let sections = [&message.answers, &message.authorities, &message.additionals];
            sections.into_iter().flatten().map(ToString::to_string).collect()
        },
    );
    let rcode = match outcome.rcode {
        rcode::NOERROR => "NOERROR".to_owned(),
        rcode::FORMERR => "FORMERR".to_owned(),
        rcode::SERVFAIL => "SERVFAIL".to_owned(),
        rcode::NXDOMAIN => "NXDOMAIN".to_owned(),
        rcode::NOTIMP => "NOTIMP".to_owned(),
        rcode::REFUSED => "REFUSED".to_owned(),
        rcode::YXDOMAIN => "YXDOMAIN".to_owned(),
        other => format!("RCODE{other}"),
    };
    Answer {
        rcode,
        reason: outcome.reason.to_string(),
        records,
        scope_bits: outcome.scope_bits,
        bytes: outcome.bytes,
    }
}
