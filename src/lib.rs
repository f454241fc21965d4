//! Fingerpost: an authoritative GeoDNS load balancer.
//!
//! It answers A and AAAA with the few addresses of a service that are best for *this* client, right now: near it,
//! alive, in proportion to their weights. And it can say why.
//!
//! # The tour
//!
//! A query goes straight down one path, and nothing on it waits, locks or allocates:
//!
//! ```text
//! bytes ─ wire::query ─► question, client ─ snapshot::ZoneIndex ─► zone ─ zone::Zone ─► node
//!                                               plain data, negative, referral ◄──┤
//!            bytes ◄─ wire::writer ◄─ steer::deck ◄─ steer::pool ◄─ steer::classes ◄┘ steered
//! ```
//!
//! Start reading at [`answer()`](answer::answer): that function is the whole of what a client sees, and every
//! transport, test, fuzzer and `explain` calls it. What it reads is one immutable [`snapshot::Snapshot`]. Around it,
//! everything that takes time works toward the next snapshot, and one writer publishes it:
//!
//! ```text
//! files ─ config ─► zones, pools, routes ─ snapshot::Catalog ─┐
//! databases ─ geo::World ─────────────────────────────────────┼─► control::publisher ─► Snapshot ─► one pointer swap
//! probes ─ health::prober ─► verdicts, overrides ─────────────┤
//! directors ─ director::feed ─► what stands behind a VIP ─────┘
//! ```
//!
//! Whoever looks on or operates holds a [`control::Handle`]: the API, the dashboard, the metrics and the commands see
//! and ask through it, and nothing of theirs is on the path of a query.
//!
//! Four ideas carry the rest:
//!
//! * **Class, then deck.** A route is compiled to a table from client networks to *classes*, each an order of sites
//!   ([`steer::classes`]). The table stores runs of addresses, and the ECS scope falls out of a run's two ends
//!   ([`geo::table`]), so it is exact and minimal by construction. A site's live endpoints are dealt into a *deck* of
//!   ready answers whose mix follows the weights exactly ([`steer::deck`]). A query picks a card.
//! * **Health beside, not inside.** A class never depends on health, so neither does a scope. A verdict that changes
//!   redeals the decks it touches and leaves the tables alone.
//! * **Admission, then order.** A site that carries less than it should (servers behind its director are dead, it is
//!   coming back, it is full) takes a part of its clients' networks, drawn by their hash, and the others go on along
//!   their order ([`steer::pool::Admission`]). So shares move between sites, and a resolver keeps its answer.
//! * **Parse, don't validate.** Text becomes raw values with places, raw becomes checked ([`steer::model`]), checked
//!   becomes compiled; each is a type of its own, and a finding of any stage knows file, line and column ([`report`]).
//!
//! # The house
//!
//! A module names only modules above it in this list; `tests/tidy` holds that.
//!
//! | module | what it is |
//! |---|---|
//! | [`report`] | what is wrong, where, and the cure |
//! | [`disk`] | files that are replaced in one step |
//! | [`wire`] | bytes ↔ questions and answers: parser, EDNS and ECS, writer. No I/O |
//! | [`geo`] | where a client is: databases, networks, geo codes, distance, the class table |
//! | [`health`] | what is alive: the state machine, checks, prober, table, overrides, coming back |
//! | [`zone`] | what is static: master files → records → tree of names |
//! | [`steer`] | what is steered: sites, directors, pools, methods, routes, classes, decks, balance by load |
//! | [`config`] | text → checked, with places; every default in one file |
//! | [`snapshot`] | compile and publish; the only thing a query reads |
//! | [`mod@answer`] | snapshot + question + client → answer + reason |
//! | [`director`] | the L4 tier: what stands behind a VIP, and the director's own configuration |
//! | [`tap`] | dnstap: queries and answers as they go by, for another program to read |
//! | [`net`] | UDP, TCP, TLS, HTTPS, QUIC; limits |
//! | [`control`] | the one writer, reload, watching, counters; status, events, overrides, explain, simulate |
//! | [`admin`] | the operator's HTTP API: who may ask, what is told, live streams, metrics, the dashboard |
//! | [`cli`] | the commands, and the client of the API that they share |

// The documentation is for those who work on the house too, and is built with its private rooms.
#![allow(rustdoc::private_intra_doc_links)]

pub mod report;

pub mod disk;

pub mod wire;

pub mod geo;

pub mod health;

pub mod zone;

pub mod steer;

pub mod config;

pub mod snapshot;

pub mod answer;

pub mod director;

pub mod tap;

pub mod net;

pub mod control;

pub mod admin;

pub mod cli;
