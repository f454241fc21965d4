//! `/metrics` as Prometheus meets it: known queries and probes, then exact values; and the alert rules and the
//! dashboard of `docker/monitoring` against what is really exposed.
//!
//! Every page that is scraped is held against the rules of OpenMetrics, see [`page`]; where Prometheus is installed,
//! its own tools read it too.

#[path = "../kit/mod.rs"]
mod kit;

mod counters;
mod directors;
mod monitoring;
mod page;
mod promtool;
mod steering;
mod world;
