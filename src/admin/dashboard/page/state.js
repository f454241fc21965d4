// What the status means for the page: one word per site and endpoint, and who stands where.

/** The state that colours a site. */
export function siteState(site) {
  if (site.override) return site.override.state === 'up' ? 'up' : site.override.state === 'drain' ? 'drained' : 'down';
  if (site.endpoints === 0) return 'unknown';
  if (site.endpoints_drained === site.endpoints) return 'drained';
  if (site.endpoints_up === 0) return 'down';
  return site.endpoints_up < site.endpoints ? 'degraded' : 'up';
}

const BADNESS = { down: 4, unknown: 3, held: 2, drained: 1, up: 0 };

/** The state of an endpoint: the worst of its families. */
export function endpointState(endpoint) {
  let worst = null;
  for (const { standing } of endpoint.families) {
    if (worst === null || badness(standing) > badness(worst)) worst = standing;
  }
  return worst ?? 'unknown';
}

export const badness = (state) => BADNESS[state] ?? BADNESS.unknown;

/** The state that colours a condition of a pool's family. */
export function conditionState(condition) {
  if (condition === 'whole') return 'up';
  return condition === 'degraded' || condition === 'fallback' ? 'degraded' : 'down';
}

/** The state that colours a level of a site. */
export function levelState(level) {
  return { trusted: 'up', degraded: 'degraded', 'last resort': 'degraded', held: 'degraded', dead: 'down', drained: 'drained' }[level] ?? 'unknown';
}

/** The state that colours a director: a feed that is not heard and a real server that is down want a look too. */
export function directorState(director) {
  if (director.state === 'maintenance') return 'drained';
  // One family may be out alone.
  if (director.state === 'down') return director.families.some((it) => it.state === 'up') ? 'degraded' : 'down';
  const lost = director.feed !== null && director.source !== 'feed';
  return lost || director.live < 1 ? 'degraded' : 'up';
}

/** The state that colours a real server. */
export function realState(state) {
  return { draining: 'drained', standby: 'drained', maintenance: 'drained' }[state] ?? state;
}

/** The site of a name as a zone sees it: the zone's own first, as in the configuration. */
export function findSite(status, zone, name) {
  const named = status.sites.filter((site) => site.site === name);
  return named.find((site) => site.zone === zone) ?? named.find((site) => site.zone === null) ?? named[0] ?? null;
}
