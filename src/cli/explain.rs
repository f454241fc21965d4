//! `fingerpost explain`: why a client gets what it gets.

use super::ConfigArg;
use super::client::ClientSubnet;
use crate::wire::{Name, Rtype};
use std::net::IpAddr;

/// Say why a client would get the answer that it would get
///
/// Asks the same function that answers queries, and tells how it came to its answer: where the client is and how that is
/// known, the rule of the route that matched, the sites in order, each endpoint with its verdict and the reason for it,
/// the mix of answers and the one that was drawn, its TTL, and for which network it holds (the scope) and why.
///
/// Verdicts come from the state that the running server keeps; an endpoint that has none is taken for up. Nothing is
/// probed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  fingerpost explain www.example.com --client 84.128.0.1
  fingerpost explain www.example.com AAAA --client 2001:200::/48
  fingerpost explain www.example.com --client 84.128.0.1 --down fra       if Frankfurt failed
  fingerpost explain www.example.com --client 0.0.0.0/0 --resolver 9.9.9.9   a client that hides

Exit status:
  0  explained
  1  the configuration has errors, or nothing here answers for NAME
  2  the command line was not understood")]
pub(super) struct Args {
    /// The name to ask for
    #[arg(value_parser = parse_name)]
    name: Name,
    /// The type to ask for
    #[arg(value_name = "TYPE", default_value = "A")]
    rtype: Rtype,
    /// The client, as a resolver tells it by EDNS Client Subnet; LEN is 24 or 56 where it is not given
    #[arg(long, value_name = "ADDR[/LEN]")]
    client: ClientSubnet,
    /// The address that the query comes from; the client's own where it is not given
    #[arg(long, value_name = "ADDR")]
    resolver: Option<IpAddr>,
    /// Take this site or endpoint for down; may be given more than once
    #[arg(long, value_name = "SITE|ENDPOINT")]
    down: Vec<String>,
    #[command(flatten)]
    config: ConfigArg,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// What chance draws: equal seeds give equal answers
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

fn parse_name(text: &str) -> Result<Name, String> {
    Name::parse(text, None).map_err(|error| error.to_string())
}
