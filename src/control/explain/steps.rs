//! The steps that a recorder has noted, retold: sites, endpoints, cards, and the reasons for each.

use super::admitted::Admitted;
use super::supposed::Reasons;
use super::view::{CardView, EndpointView, SiteView, Steering};
use crate::answer::{Recorder, SteeredStep};
use crate::control::outlook::{Outlook, SiteLevel};
use crate::geo::Location;
use crate::snapshot::{ServedZone, Snapshot};
use crate::steer::deck::network_hash;
use crate::steer::model::{Endpoint, Pool, Rule, Site, SteeredName};
use crate::steer::order::{self, Matched};
use crate::steer::pool::{Choice, DealtSite, Family, Level};
use crate::wire::Name;
use std::net::IpAddr;

/// What the recorder keeps.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) zone: Option<String>,
    pub(super) aliases: Vec<String>,
    pub(super) steps: Vec<Step>,
}

/// One choice of addresses.
pub(super) struct Step {
    name: SteeredName,
    family: Family,
    roster: usize,
    class: u32,
    class_bits: u8,
    scope_bits: u8,
    order: Vec<u16>,
    choice: Choice,
    network_hash: u64,
    card: Option<usize>,
}

impl Recorder for Notes {
    fn zone(&mut self, _: usize, zone: &ServedZone) {
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
            network_hash: network_hash(step.placed_by),
            card: step.card,
        });
    }
}

/// What the steps are retold with.
pub(super) struct Explainer<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) health: &'a dyn Reasons,
    pub(super) location: &'a Location,
    pub(super) placed_by: IpAddr,
    /// Whether that is the client's own subnet, and not its resolver.
    pub(super) is_placed_by_subnet: bool,
}

impl Explainer<'_> {
    pub(super) fn steering(&self, step: &Step) -> Steering {
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
            scope_bits: if self.is_placed_by_subnet { step.scope_bits } else { 0 },
            scope_reason: self.scope_reason(step),
        }
    }

    fn scope_reason(&self, step: &Step) -> String {
        match () {
            () if !self.is_placed_by_subnet => {
                "no subnet is told, or none that is trusted: all clients of the resolver share the answer".to_owned()
            }
            () if step.scope_bits > step.class_bits => self.admitted(step).scope_reason(),
            () if step.scope_bits == 0 => {
                "every client in the world gets its answers from the same order of sites".to_owned()
            }
            () => format!("the shortest prefix around the client that is all of class {}", step.class),
        }
    }

    fn admitted<'s>(&'s self, step: &'s Step) -> Admitted<'s> {
        Admitted {
            roster: &self.snapshot.catalog().rosters()[step.roster],
            dealt: self.snapshot.dealt(step.roster),
            order: &step.order,
            choice: step.choice,
            network_hash: step.network_hash,
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
            level: self.level(step, tier, number).to_string(),
            serves,
            admission: self.admitted(step).admission(tier, number).part(),
            takes: self.admitted(step).takes(tier, number),
            note: self.admitted(step).note(tier, number),
            endpoints: endpoints.collect(),
        }
    }

    /// How far a site can be relied on.
    fn level(&self, step: &Step, tier: usize, number: usize) -> SiteLevel {
        let roster = &self.snapshot.catalog().rosters()[step.roster];
        let dealt = self.snapshot.dealt(step.roster);
        Outlook { roster, dealt, standings: self.health }.level(tier, number)
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
            standing: self.health.standing(pool, endpoint, family).to_string(),
            because: self.health.because(pool, endpoint, family),
            weight_now: self.health.weight(pool, endpoint, family).dealt(),
            weight_because: self.health.weight_because(pool, endpoint, family),
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
                let by_part = self.admitted(step).decision();
                let why = by_part.as_deref().unwrap_or(match level {
                    Level::Trusted if step.order.first() == Some(&(site as u16)) => {
                        "first choice, and enough of it is up"
                    }
                    Level::Trusted => "the first site in order that has enough up",
                    Level::Degraded => "no site has enough up; the first that has something",
                    Level::LastResort => "only endpoints of weight 0 are up",
                    Level::Held => "nothing else is up: what just came back is handed out, though still held back",
                    Level::Dead => "all are down, and handed out all the same (on_all_down)",
                });
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
