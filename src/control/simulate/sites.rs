//! Sites and their endpoints with their parts of the clients: what serves a class, and the mix of its deck.

use super::tally::{Half, Place, Sums, nobody};
use super::view::{ByClients, Change, EndpointShare, ROUNDING, SiteShare};
use crate::steer::pool::{DealtSite, RosterTier};
use std::cmp::Reverse;

/// All sites that serve on either side or could, the biggest shift first, of equal ones the largest.
pub(super) fn sites(halves: [&Half<'_>; 2], sums: &Sums<'_, '_>) -> Vec<SiteShare> {
    let mut rows: Vec<SiteShare> = Vec::new();
    for (side, half) in halves.into_iter().enumerate() {
        let Some((roster, dealt)) = half.rosters else { continue };
        for (number, tier) in roster.tiers.iter().enumerate() {
            for (at, site) in roster.sites.iter().enumerate() {
                let served = sums.served[side].get(&(number, at));
                // A fallback is told only where it serves.
                if tier.seats[at].is_empty() || number > 0 && served.is_none() {
                    continue;
                }
                let row = row(&mut rows, &site.name, &site.title, sums);
                let fallback = (number > 0).then_some(tier.pool.name.as_str());
                seat(row, fallback, tier, at, sums);
                if let Some(served) = served {
                    deal(row, fallback, tier, dealt.site(number, at), side, served);
                }
            }
        }
    }
    // In steps of the rounding, so that sums of different order do not decide.
    let steps = |part: f64| Reverse((part / ROUNDING).round() as i64);
    let most = |row: &SiteShare, part: fn(&Change) -> f64| {
        steps(row.share.values().map(part).fold(0.0, f64::max))
    };
    rows.sort_by_key(|row| {
        (most(row, |change| change.shift().abs()), most(row, |change| change.after))
    });
    rows
}

/// Adds the endpoints that sit there and are not known yet, without any part.
fn seat(
    row: &mut SiteShare,
    fallback: Option<&str>,
    tier: &RosterTier,
    site: usize,
    sums: &Sums<'_, '_>,
) {
    for &seat in &tier.seats[site] {
        let name = &tier.pool.endpoints[seat].name;
        if find(&mut row.endpoints, fallback, name).is_none() {
            row.endpoints.push(EndpointShare {
                fallback: fallback.map(str::to_owned),
                endpoint: name.clone(),
                listed: nobody(sums.clients),
                first: nobody(sums.clients),
            });
        }
    }
}

/// Gives the members of a deck their parts of those whom it serves.
fn deal(
    row: &mut SiteShare,
    fallback: Option<&str>,
    tier: &RosterTier,
    dealt: &DealtSite,
    side: usize,
    served: &ByClients<f64>,
) {
    let mix = dealt.deck.shares().into_iter().zip(dealt.deck.lead_shares());
    for (&seat, (listed, first)) in dealt.members.iter().zip(mix) {
        let name = &tier.pool.endpoints[seat].name;
        let Some(endpoint) = find(&mut row.endpoints, fallback, name) else { continue };
        for (clients, part) in served {
            *endpoint.listed.entry(clients).or_default().side(side) += part * listed;
            *endpoint.first.entry(clients).or_default().side(side) += part * first;
        }
    }
}

fn find<'r>(
    rows: &'r mut [EndpointShare],
    fallback: Option<&str>,
    name: &str,
) -> Option<&'r mut EndpointShare> {
    rows.iter_mut().find(|row| row.endpoint == name && row.fallback.as_deref() == fallback)
}

fn row<'r>(
    rows: &'r mut Vec<SiteShare>,
    site: &str,
    title: &str,
    sums: &Sums<'_, '_>,
) -> &'r mut SiteShare {
    let at = rows.iter().position(|row| row.site == site).unwrap_or_else(|| {
        let share = sums.shares.get(&Place::Site(site)).cloned();
        rows.push(SiteShare {
            site: site.to_owned(),
            title: title.to_owned(),
            share: share.unwrap_or_else(|| nobody(sums.clients)),
            endpoints: Vec::new(),
        });
        rows.len() - 1
    });
    &mut rows[at]
}
