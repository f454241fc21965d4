// Pools and their endpoints. Of thousands only as many rows exist as fit a person's eye; the filter finds the rest.

import { byId, dot, h, keyed, set, setText } from './dom.js';
import { bare, grouped, latency, percent, plural, rate, relative } from './format.js';
import { openOverride, openUndrain } from './override.js';
import { badness, conditionState, endpointState } from './state.js';

const ROWS_MAX = 120;
const ROWS_MAX_MORE = 500;

let rowsMax = ROWS_MAX;
let latest = null;

export function startEndpoints() {
  const again = () => {
    rowsMax = ROWS_MAX;
    if (latest) showEndpoints(latest);
  };
  byId('filter').addEventListener('input', again);
  byId('troubled').addEventListener('change', again);
  byId('endpoints-more').addEventListener('click', () => {
    rowsMax = ROWS_MAX_MORE;
    showEndpoints(latest);
  });
}

/** Puts words into the filter and brings the table into view. */
export function filterBy(words) {
  byId('filter').value = words;
  byId('filter').dispatchEvent(new Event('input'));
  document.querySelector('.area-endpoints').scrollIntoView({ block: 'start' });
}

export function showEndpoints(status) {
  latest = status;
  const words = byId('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
  const troubled = byId('troubled').checked;
  let [all, matching, room] = [0, 0, rowsMax];
  const shown = [];
  for (const pool of status.pools) {
    all += pool.endpoints.length;
    const rows = pool.endpoints
      .map((endpoint) => ({ pool, endpoint, state: endpointState(endpoint) }))
      .filter((row) => (!troubled || row.state !== 'up') && words.every((word) => matches(row, word)));
    matching += rows.length;
    if (rows.length === 0 || room === 0) continue;
    // The worst first; otherwise as configured.
    rows.sort((a, b) => badness(b.state) - badness(a.state));
    const visible = rows.slice(0, room);
    room -= visible.length;
    shown.push({ pool, rows: visible });
  }
  const sums = siteSums(shown);
  keyed(byId('pools'), shown, ({ pool }) => `${pool.zone}|${pool.pool}`, ({ pool }) => JSON.stringify([pool.method,
    pool.answers, pool.min_up, pool.on_all_down, pool.fallback, pool.names, pool.override, pool.families.map(still)]), makePool,
  (node, { pool, rows }) => {
    refreshShed(node.shed, pool);
    keyed(node.body, rows, rowKey, rowSignature, makeRow, (row, it) => refreshRow(row, it, sums.get(siteOf(pool, it.endpoint))));
  });
  setText(byId('endpoints-note'), matching === all ? plural(all, 'endpoint') : `${grouped(matching)} of ${grouped(all)}`);
  const left = matching - (rowsMax - room);
  const more = byId('endpoints-more');
  more.hidden = left === 0;
  more.disabled = rowsMax === ROWS_MAX_MORE;
  setText(more, more.disabled ? `${plural(left, 'endpoint')} more: narrow the filter` : `Show more (${grouped(left)} left)`);
}

function matches({ pool, endpoint, state }, word) {
  return state === word || [endpoint.endpoint, endpoint.site, pool.pool, pool.zone ?? '',
    ...endpoint.families.map((it) => it.address), ...pool.names].some((text) => text.toLowerCase().includes(word));
}

const siteOf = (pool, endpoint) => `${pool.zone}|${pool.pool}|${endpoint.site}`;

/** Per pool and site: answers per second handed out by its endpoints, and the sum of their intended shares. */
function siteSums(shown) {
  const sums = new Map();
  for (const { pool } of shown) {
    for (const endpoint of pool.endpoints) {
      const key = siteOf(pool, endpoint);
      const sum = sums.get(key) ?? { rate: 0, share: 0 };
      sum.rate += endpoint.answers_per_s;
      sum.share += intended(endpoint) ?? 0;
      sums.set(key, sum);
    }
  }
  return sums;
}

const intended = (endpoint) => endpoint.families[0]?.share ?? null;

function makePool({ pool }) {
  const body = h('tbody');
  const shed = h('span', { class: 'shed' });
  const title = h('h3', {}, pool.pool);
  const section = h('section', { class: 'pool', 'data-pool': pool.pool },
    h('header', { class: 'pool-head' }, title, h('span', { class: 'code' }, bare(pool.zone)),
      pool.families.map(condition), shed,
      h('span', { class: 'pool-how', title: poolNames(pool) }, poolWords(pool)),
      overrideButton(pool.override, { kind: 'pool', name: pool.pool, zone: pool.zone, title: `pool ${pool.pool}` })),
    h('table', { class: 'endpoints', 'aria-label': `Endpoints of pool ${pool.pool}` },
      h('thead', {}, h('tr', {}, ['Endpoint', 'Addresses', 'Weight', 'Share', 'Answers', 'Check'].map((name) =>
        h('th', { scope: 'col', 'data-column': name.toLowerCase() }, name)), h('th', { 'data-column': 'act' },
        h('span', { class: 'visually-hidden' }, 'Actions')))), body));
  section.body = body;
  section.shed = shed;
  return section;
}

/** A family without what moves by itself. */
const still = ({ family, condition: is, sites }) => [family, is, sites.map((site) => [site.site, site.level])];

/** Sites that take a part of their clients only, and the part. */
function refreshShed(node, pool) {
  const found = new Map();
  for (const site of pool.families.flatMap((family) => family.sites)) {
    if (site.level !== 'trusted' || site.admission >= 1) continue;
    const full = site.admission_by_load < 1 ? ', as it is full' : '';
    found.set(`${site.site} takes ${percent(site.admission)}`, `of the client networks that come to it${full}; the others go on to the next site`);
  }
  keyed(node, [...found], ([words]) => words, ([, title]) => title, ([words, title]) =>
    h('span', { class: 'chip', 'data-state': 'degraded', title }, words));
}

function condition(family) {
  const wrong = family.sites.filter((site) => site.level !== 'trusted').map((site) => `${site.site} ${site.level}`);
  // Without an address in the family, its fallback there is what was meant.
  const [state, none] = family.sites.length ? [conditionState(family.condition), 'every site is trusted'] : ['unknown', 'no addresses'];
  return h('span', { class: 'chip', 'data-state': state, title: wrong.join(', ') || none },
    `${family.family} ${family.condition}`);
}

function poolWords(pool) {
  const parts = [pool.method, plural(pool.answers, 'answer'), plural(pool.names.length, 'name')];
  if (pool.fallback) parts.push(`falls back to ${pool.fallback}`);
  return parts.join(' · ');
}

const poolNames = (pool) => `${pool.names.slice(0, 12).map(bare).join(', ')}${pool.names.length > 12 ? ' …' : ''}\n`
  + `a site is trusted from ${percent(pool.min_up)} up; when all is down: ${pool.on_all_down}`;

function overrideButton(override, target) {
  const words = `${target.kind} ${target.name}`;
  if (override) {
    const text = override.state === 'drain' ? 'Undrain' : 'Release';
    return h('button', { type: 'button', class: 'quiet small', 'data-focus': `act-${target.kind}`,
      'aria-label': `${text} ${words}`, onclick: () => openUndrain(override) }, text);
  }
  return h('button', { type: 'button', class: 'quiet small', 'data-focus': `act-${target.kind}`,
    'aria-label': `Drain ${words}`, onclick: () => openOverride(target) }, 'Drain');
}

const rowKey = ({ endpoint }) => endpoint.endpoint;

/** Everything of a row but what moves all the time; that is refreshed in place. */
const rowSignature = ({ endpoint, state }) => JSON.stringify([state, endpoint.site, endpoint.weight, endpoint.override,
  endpoint.families.map((it) => [it.address, it.standing, it.since, it.because, it.check?.verdict,
    it.check?.remarks, it.check?.last?.reason])]);

function makeRow({ pool, endpoint, state }) {
  const bar = h('span', { class: 'bar', 'aria-hidden': 'true' }, h('i', { class: 'bar-actual' }), h('i', { class: 'bar-intended' }));
  const cells = { rate: h('td', { 'data-column': 'answers', class: 'number' }), last: h('span', { class: 'last' }), bar };
  cells.weight = h('td', { 'data-column': 'weight', class: 'number' });
  cells.reasons = h('span', { class: 'weight-because' });
  cells.share = h('span', { class: 'number' });
  const row = h('tr', { 'data-state': state, 'data-endpoint': endpoint.endpoint },
    h('th', { scope: 'row', 'data-column': 'endpoint' }, dot(state), h('span', { class: 'name' }, endpoint.endpoint),
      h('span', { class: 'code' }, endpoint.site), h('span', { class: 'visually-hidden' }, `, ${state}`)),
    h('td', { 'data-column': 'addresses' }, endpoint.families.map((it) => h('span', { class: 'address', 'data-state': it.standing },
      it.address))),
    cells.weight,
    h('td', { 'data-column': 'share' }, bar, cells.share),
    cells.rate,
    h('td', { 'data-column': 'check' }, checkCell(endpoint, state), cells.last, cells.reasons),
    h('td', { 'data-column': 'act' }, overrideButton(endpoint.override,
      { kind: 'endpoint', name: endpoint.endpoint, pool: pool.pool, zone: pool.zone, title: endpoint.endpoint })));
  row.cells2 = cells;
  return row;
}

function checkCell(endpoint, state) {
  const worst = [...endpoint.families].sort((a, b) => badness(b.standing) - badness(a.standing))[0];
  if (!worst) return 'no address';
  const { check } = worst;
  const notes = (check?.remarks ?? []).map((words) => h('span', { class: 'chip', 'data-state': 'degraded' }, words));
  const since = worst.since ? [' for ', relative(worst.since, 'for')] : [];
  if (state === 'up') return [h('span', { class: 'verdict' }, check ? 'up' : 'up, unchecked', since), notes];
  const why = check && check.verdict === state && state === 'down' ? check.last?.reason ?? check.cause : worst.because;
  return [h('span', { class: 'verdict', 'data-state': state }, state, since),
    h('span', { class: 'why' }, why), notes];
}

/** `4`, or `2 of 4` where it weighs otherwise than configured. */
function refreshWeight(cell, { weight, families }) {
  const now = Math.max(...families.map((it) => it.weight_now));
  const same = !Number.isFinite(now) || Math.abs(now - weight) < 0.005;
  const shown = now >= 100 ? now.toFixed(0) : String(Number(now.toFixed(now < 10 ? 2 : 1)));
  setText(cell, same ? grouped(weight) : `${shown} of ${grouped(weight)}`);
}

/** What makes it weigh less or more, but for what stands beside it already. */
function refreshReasons(node, { families }) {
  const because = families.map((it) => it.because).join();
  const reasons = new Set(families.flatMap((it) => it.weight_because).filter((words) => !because.includes(words)));
  setText(node, [...reasons].join('; '));
}

function refreshRow(row, { endpoint, state }, sum) {
  const { rate: cell, last, bar } = row.cells2;
  refreshWeight(row.cells2.weight, endpoint);
  refreshReasons(row.cells2.reasons, endpoint);
  setText(cell, `${rate(endpoint.answers_per_s)}/s`);
  const probe = endpoint.families.map((it) => it.check?.last).find(Boolean);
  setText(last, probe && state === 'up' ? latency(probe.latency_ms) : '');
  const share = intended(endpoint);
  setText(row.cells2.share, percent(share));
  const actual = sum.rate > 0.05 ? (endpoint.answers_per_s / sum.rate) * sum.share : null;
  const [fill, mark] = bar.children;
  fill.style.width = `${Math.min(100, (actual ?? 0) * 100).toFixed(1)}%`;
  mark.style.left = `${Math.min(100, (share ?? 0) * 100).toFixed(1)}%`;
  set(bar, 'title', `intended ${percent(share)}, of late ${percent(actual)} of its site's answers`);
}
