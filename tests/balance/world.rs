//! The loop: clients behind resolvers, servers at sites, and the steering between them.
//!
//! A resolver keeps one answer for its TTL and gives its first address to every client; when it has run out, the next
//! client makes it ask again. How many clients it has follows Zipf's law. Clients arrive by chance and stay for a time
//! that is exponentially distributed, so that of the sessions of a server only the number must be known.

use crate::chance::Chance;
use fingerpost::health::{Comeback, Standing};
use fingerpost::steer::balance::{Favours, Filled, Intakes, Observed};
use fingerpost::steer::deck::network_hash;
use fingerpost::steer::model::{Endpoint, Method, OnAllDown, Pool, Site, SiteCapacity};
use fingerpost::steer::pool::{Choice, Dealt, Family, Roster, Standings, Weight};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

/// How often loads are told, in seconds.
pub const INTERVAL_S: u64 = 2;
/// How far ahead the next client of a resolver is known, in seconds.
const WAIT_MAX_S: u64 = 60;
/// How unequal resolvers usually are, see [`Setting::zipf`]: of 4000 the first has a 23rd of all clients.
pub const ZIPF: f64 = 0.8;

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Setting {
    /// How often over what load says is done: 1 but where a run is to go wrong.
    pub zeal: i32,
    pub method: Method,
    pub ttl_s: u64,
    /// How long a session lasts on a server of factor 1.
    pub stay_s: f64,
    /// Over what time load is evened out: `balance::lag` of TTL and interval.
    pub lag: Duration,
    pub servers: Vec<Server>,
    /// Sites by name, with what they carry well.
    pub sites: Vec<(&'static str, Option<u64>)>,
    /// Which part of the resolvers prefers the sites in which order.
    pub routes: Vec<(f64, Vec<u16>)>,
    pub resolvers: usize,
    /// How unequal resolvers are: the k-th has k^(-this) as many clients as the first.
    pub zipf: f64,
    /// Sessions that there are on average, on servers of factor 1.
    pub sessions: f64,
    pub seed: u64,
}

/// A server, or a director with what is behind it.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    pub site: usize,
    pub weight: u32,
    /// How much longer than elsewhere sessions last.
    pub stay_factor: f64,
    /// What it takes to answer when it is idle.
    pub idle_ms: f64,
    /// Sessions at which it would never answer.
    pub limit: f64,
    /// The part of its reals that is live.
    pub live: f64,
    pub is_up: bool,
    pub sessions: f64,
}

impl Server {
    pub const PLAIN: Self = Self {
        site: 0,
        weight: 1,
        stay_factor: 1.0,
        idle_ms: 10.0,
        limit: f64::INFINITY,
        live: 1.0,
        is_up: true,
        sessions: 0.0,
    };

    /// As of a queue with one server, up to 50 times what it takes when idle.
    pub fn response_ms(&self, sessions: f64) -> f64 {
        self.idle_ms / (1.0 - sessions / (self.limit * self.live)).max(0.02)
    }
}

/// A run at one moment.
pub struct World {
    pub setting: Setting,
    pub servers: Vec<Server>,
    /// Clients per second.
    arrivals: f64,
    pub now_s: u64,
    pub favours: Vec<Favours>,
    pub intakes: Intakes,
    /// How often decks were dealt anew for load.
    pub dealings: u32,
    pool: Arc<Pool>,
    roster: Roster,
    dealt: Dealt,
    resolvers: Vec<Resolver>,
    /// By second: who has something to do then.
    due: Vec<Vec<u32>>,
    /// By server: the part of all clients that is sent there now.
    sent: Vec<f64>,
    /// By server: the clients that made their resolvers ask in this second.
    asked: Vec<f64>,
    chance: Chance,
}

struct Resolver {
    /// Part of all clients.
    clients: f64,
    route: usize,
    network_hash: u64,
    next: Next,
}

/// What happens next at a resolver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Its answer, which is this server, runs out.
    Expires(usize),
    /// It has no answer, and goes on waiting for a client.
    Idles,
    /// A client comes and makes it ask.
    Asks,
}

impl World {
    /// Begins with empty caches; lasts `duration_s` at most.
    pub fn new(setting: &Setting, duration_s: u64) -> Self {
        let pool = pool(setting);
        let roster = Roster::new(&pool, Family::V4).expect("endpoints have addresses");
        let mut chance = Chance::new(setting.seed);
        let resolvers = resolvers(setting, &mut chance);
        let mut due = vec![Vec::new(); duration_s as usize + 1];
        for number in 0..resolvers.len() {
            due[(chance.bits() % setting.ttl_s) as usize].push(number as u32);
        }
        let favours = vec![Favours::default(); setting.sites.len()];
        let servers = setting.servers.clone();
        let intakes = Intakes::default();
        let known =
            Known { zeal: setting.zeal, servers: &servers, favours: &favours, intakes: &intakes };
        Self {
            dealt: Dealt::deal(&roster, &known),
            arrivals: setting.sessions / setting.stay_s,
            now_s: 0,
            dealings: 0,
            sent: vec![0.0; servers.len()],
            asked: vec![0.0; servers.len()],
            setting: setting.clone(),
            servers,
            favours,
            intakes,
            pool,
            roster,
            resolvers,
            due,
            chance,
        }
    }

    /// From now on there are so many times as many clients as the setting says.
    pub fn crowd(&mut self, factor: f64) {
        self.arrivals = factor * self.setting.sessions / self.setting.stay_s;
    }

    /// Deals by what the servers are now, as when a verdict has changed. Sessions on a server that is down are lost.
    pub fn redeal(&mut self) {
        for server in self.servers.iter_mut().filter(|server| !server.is_up) {
            server.sessions = 0.0;
        }
        let known = Known {
            zeal: self.setting.zeal,
            servers: &self.servers,
            favours: &self.favours,
            intakes: &self.intakes,
        };
        self.dealt = Dealt::deal(&self.roster, &known);
    }

    /// One second.
    pub fn tick(&mut self) {
        for number in std::mem::take(&mut self.due[self.now_s as usize]) {
            self.serve(number);
        }
        let come = self.sent.iter().zip(&mut self.asked);
        for (server, (part, asked)) in self.servers.iter_mut().zip(come) {
            let stay_s = self.setting.stay_s * server.stay_factor;
            let end = -(-1.0 / stay_s).exp_m1();
            server.sessions -= self.chance.hits(server.sessions, end);
            let asked = std::mem::take(asked);
            if server.is_up {
                // Some of those who come within the second have left at its end.
                let stays = stay_s * end;
                server.sessions += self.chance.count(self.arrivals * part * stays);
                server.sessions += self.chance.hits(asked, stays);
            }
        }
        self.now_s += 1;
        if self.now_s.is_multiple_of(INTERVAL_S) && self.control() {
            self.dealings += 1;
            self.redeal();
        }
    }

    /// Something happens at a resolver.
    fn serve(&mut self, number: u32) {
        let resolver = &mut self.resolvers[number as usize];
        if let Next::Expires(server) = resolver.next {
            self.sent[server] -= resolver.clients;
            resolver.next = Next::Idles;
        }
        if resolver.next == Next::Idles {
            let wait_s = (self.chance.wait() / (self.arrivals * resolver.clients)) as u64;
            if wait_s > 0 {
                // Who has waited so long may begin again, and so sees that there are more clients now.
                resolver.next = if wait_s < WAIT_MAX_S { Next::Asks } else { Next::Idles };
                return self.at(wait_s.min(WAIT_MAX_S), number);
            }
        }
        let order = &self.setting.routes[resolver.route].1;
        let Choice::Site { tier, site, .. } = self.dealt.choose(order, resolver.network_hash)
        else {
            return self.at(1, number);
        };
        let site = self.dealt.site(tier, site);
        let card = site.deck.draw(self.chance.bits(), 0, resolver.network_hash);
        let server = site.members[usize::from(site.deck.card(card)[0])];
        if resolver.next == Next::Asks {
            self.asked[server] += 1.0;
        }
        resolver.next = Next::Expires(server);
        self.sent[server] += resolver.clients;
        self.at(self.setting.ttl_s, number);
    }

    fn at(&mut self, in_s: u64, number: u32) {
        if let Some(due) = self.due.get_mut((self.now_s + in_s) as usize) {
            due.push(number);
        }
    }

    /// What the publisher does with what the feeds have told; whether to deal again.
    fn control(&mut self) -> bool {
        let dt = Duration::from_secs(INTERVAL_S);
        let is_response = self.setting.method == Method::LeastResponseTime;
        let mut is_news = false;
        for (site, favours) in self.favours.iter_mut().enumerate() {
            let up = self.servers.iter().zip(&self.pool.endpoints);
            let up = up.filter(|(server, _)| server.site == site && server.is_up);
            let observed: Vec<Observed<'_>> = up
                .map(|(server, endpoint)| Observed {
                    name: &endpoint.name,
                    nominal: server.weight.into(),
                    part: server.live,
                    load: Some(if is_response {
                        server.response_ms(server.sessions)
                    } else {
                        server.sessions
                    }),
                })
                .collect();
            is_news |= favours.step(self.setting.method, &observed, dt, self.setting.lag);
        }
        let filled: Vec<Filled<'_>> = (0..self.setting.sites.len())
            .filter(|&site| self.live(site) > 0.0)
            .map(|site| Filled {
                site: self.setting.sites[site].0,
                capacity: self.setting.sites[site].1.map(|full| full as f64 * self.live(site)),
                load: Some(self.sessions_at(site)),
            })
            .collect();
        self.intakes.step(&filled, dt, self.setting.lag) | is_news
    }

    pub fn sessions_at(&self, site: usize) -> f64 {
        let at = self.servers.iter().filter(|server| server.site == site);
        at.map(|server| server.sessions).sum()
    }

    /// The part of a site's weight that is live.
    pub fn live(&self, site: usize) -> f64 {
        let weight = |server: &Server| f64::from(server.weight);
        let at = || self.servers.iter().filter(|server| server.site == site);
        let live = at().filter(|server| server.is_up).map(|server| weight(server) * server.live);
        live.sum::<f64>() / at().map(weight).sum::<f64>()
    }
}

/// What is known when dealing. Servers are endpoints by their number.
struct Known<'a> {
    zeal: i32,
    servers: &'a [Server],
    favours: &'a [Favours],
    intakes: &'a Intakes,
}

impl Standings for Known<'_> {
    fn standing(&self, _: &Pool, endpoint: &Endpoint, _: Family) -> Standing {
        if self.server(endpoint).is_up { Standing::Up } else { Standing::Down }
    }

    fn was_good(&self, _: &Pool, _: &Endpoint, _: Family) -> bool {
        false
    }

    fn weight(&self, _: &Pool, endpoint: &Endpoint, _: Family) -> Weight {
        let server = self.server(endpoint);
        let favour = self.favours[server.site].of(&endpoint.name).powi(self.zeal);
        Weight { live: server.live, healthy: server.live, favour, ..Weight::full(endpoint.weight) }
    }

    fn admission(&self, _: &Pool, site: &Site, _: Family) -> f64 {
        self.intakes.of(&site.name)
    }
}

impl Known<'_> {
    fn server(&self, endpoint: &Endpoint) -> &Server {
        &self.servers[usize::from(endpoint.a.expect("addresses are numbers").octets()[3])]
    }
}

fn pool(setting: &Setting) -> Arc<Pool> {
    let site = |(name, _): &(&str, Option<u64>)| {
        Arc::new(Site {
            zone: None,
            name: (*name).to_owned(),
            title: (*name).to_owned(),
            location: None,
            coordinates: None,
        })
    };
    let sites: Vec<Arc<Site>> = setting.sites.iter().map(site).collect();
    let capacity = sites.iter().zip(&setting.sites).filter_map(|(site, (_, sessions))| {
        Some(SiteCapacity { site: site.clone(), sessions: (*sessions)? })
    });
    let endpoint = |(number, server): (usize, &Server)| {
        Arc::new(Endpoint {
            name: format!("server-{number}"),
            site: sites[server.site].clone(),
            a: Some(Ipv4Addr::new(192, 0, 2, number as u8)),
            aaaa: None,
            weight: server.weight,
            probe_a: None,
            probe_aaaa: None,
            vip: None,
        })
    };
    Arc::new(Pool {
        zone: None,
        name: "web".to_owned(),
        answers: 2,
        method: setting.method,
        min_up: 0.0,
        on_all_down: OnAllDown::All,
        fallback: None,
        comeback: Comeback::default(),
        capacity: capacity.collect(),
        damping: None,
        endpoints: setting.servers.iter().enumerate().map(endpoint).collect(),
    })
}

/// Each route's resolvers have its part of the clients, a few most of them.
fn resolvers(setting: &Setting, chance: &mut Chance) -> Vec<Resolver> {
    let mut resolvers = Vec::with_capacity(setting.resolvers);
    for (route, (part, _)) in setting.routes.iter().enumerate() {
        let count = (setting.resolvers as f64 * part).round() as u64;
        let size = |rank: u64| (rank as f64).powf(-setting.zipf);
        let all: f64 = (1..=count).map(size).sum();
        resolvers.extend((1..=count).map(|rank| Resolver {
            clients: part * size(rank) / all,
            route,
            network_hash: network_hash(Ipv4Addr::from_bits(chance.bits() as u32).into()),
            next: Next::Idles,
        }));
    }
    resolvers
}
