// Where answers went in the last minutes: the totals of the status stream, kept long enough to take differences.

const SAMPLE_MS = 5000;
export const WINDOW_MS = 5 * 60 * 1000;

const samples = new Map();
let started = null;
let lastAt = 0;

/** Takes in a status. A server that was started anew counts from zero, so what was known of it is forgotten. */
export function record(status, atMs) {
  if (status.server.started !== started) {
    samples.clear();
    started = status.server.started;
    lastAt = 0;
  }
  if (atMs - lastAt < SAMPLE_MS) return;
  lastAt = atMs;
  const seen = new Set();
  for (const site of status.sites) {
    const key = siteKey(site);
    seen.add(key);
    const list = samples.get(key) ?? [];
    list.push([atMs, site.answers_total]);
    while (list.length > 1 && atMs - list[0][0] > WINDOW_MS + SAMPLE_MS) list.shift();
    samples.set(key, list);
  }
  for (const key of samples.keys()) if (!seen.has(key)) samples.delete(key);
}

/** Answers per second over the window, or over as much of it as is known; the server's own rate until then. */
export function meanRate(site) {
  const list = samples.get(siteKey(site)) ?? [];
  if (list.length < 3) return site.answers_per_s;
  const [[t0, n0], [t1, n1]] = [list[0], list.at(-1)];
  return Math.max(0, ((n1 - n0) * 1000) / (t1 - t0));
}

/** Rates between samples, oldest first, as pairs of age in ms and answers per second. */
export function rates(site) {
  const list = samples.get(siteKey(site)) ?? [];
  const found = [];
  for (let i = 1; i < list.length; i++) {
    const [[t0, n0], [t1, n1]] = [list[i - 1], list[i]];
    found.push([lastAt - t1, Math.max(0, ((n1 - n0) * 1000) / (t1 - t0))]);
  }
  return found;
}

/** When the last sample was taken: sparklines are drawn anew only when this changes. */
export const sampledAt = () => lastAt;

/** A site belongs to a zone or to all of them. */
export const siteKey = (site) => `${site.zone ?? ''}|${site.site}`;
