// The sites as cards: state, share of the traffic, the last minutes as a line, and the button that drains.

import { byId, dot, h, keyed, s, set, setText } from './dom.js';
import { grouped, percent, rate, relative } from './format.js';
import { meanRate, rates, sampledAt, siteKey, WINDOW_MS } from './history.js';
import { openOverride, openUndrain } from './override.js';
import { siteState } from './state.js';

const SHOWN_MAX = 12;
const SPARK = { width: 120, height: 24 };
const ORDER = { down: 0, degraded: 1, drained: 2, unknown: 3, up: 4 };

let showAll = false;
let latest = null;

export function startSites() {
  byId('sites-more').addEventListener('click', () => {
    showAll = !showAll;
    showSiteCards(latest);
  });
}

export function showSiteCards(status) {
  latest = status;
  const all = status.sites.map((site) => ({ site, state: siteState(site), rate: meanRate(site) }));
  const total = all.reduce((sum, it) => sum + it.rate, 0);
  // With few sites each keeps its place; with many, those that need a look come first.
  if (all.length > SHOWN_MAX) all.sort((a, b) => ORDER[a.state] - ORDER[b.state] || b.rate - a.rate);
  const shown = showAll ? all : all.slice(0, SHOWN_MAX);
  keyed(byId('sites'), shown, (it) => siteKey(it.site), ({ site, state }) => JSON.stringify([site.title, site.zone,
    site.location, site.endpoints, site.endpoints_up, site.endpoints_drained, site.override, state]), makeCard, (node, it) => {
    const [number, share] = node.numbers;
    setText(number, `${rate(it.site.answers_per_s)}/s`);
    setText(share, total > 0 ? percent(it.rate / total) : '');
    if (node.sampledAt !== sampledAt()) {
      node.sampledAt = sampledAt();
      drawSpark(node.spark, it.site);
    }
  });
  const up = all.filter((it) => it.state === 'up').length;
  setText(byId('sites-note'), `${up} of ${all.length} whole`);
  const more = byId('sites-more');
  more.hidden = all.length <= SHOWN_MAX;
  setText(more, showAll ? 'Show fewer' : `Show all ${all.length} sites`);
}

function makeCard({ site, state }) {
  const number = h('span', { class: 'number' });
  const share = h('span', { class: 'share' });
  const line = s('path', { class: 'spark-line' });
  const area = s('path', { class: 'spark-area' });
  const spark = s('svg', { class: 'spark', viewBox: `0 0 ${SPARK.width} ${SPARK.height}`, preserveAspectRatio: 'none',
    'aria-hidden': true }, area, line);
  const act = site.override
    ? h('button', { type: 'button', class: 'quiet small', 'data-focus': 'act', onclick: () => openUndrain(site.override) },
      site.override.state === 'drain' ? 'Undrain' : 'Release')
    : h('button', { type: 'button', class: 'quiet small', 'data-focus': 'act', 'aria-label': `Drain site ${site.site}`,
      onclick: () => openOverride({ kind: 'site', name: site.site, zone: site.zone, title: site.title }) }, 'Drain');
  const card = h('li', { class: 'site', 'data-state': state, 'data-site': site.site },
    h('div', { class: 'site-head' }, dot(state, state), h('h3', {}, site.title),
      h('span', { class: 'code' }, site.zone ? `${site.site} · ${site.zone}` : site.site)),
    spark,
    h('div', { class: 'site-numbers' }, number, share),
    h('div', { class: 'site-foot' }, h('span', { class: 'ups' }, site.override ? overrideWords(site.override)
      : `${grouped(site.endpoints_up)} of ${grouped(site.endpoints)} up`), act));
  card.numbers = [number, share];
  card.spark = spark;
  return card;
}

function overrideWords(override) {
  const word = override.state === 'drain' ? 'drained' : `pinned ${override.state}`;
  return [word, override.until ? [', ends ', relative(override.until)] : ', without end'].flat();
}

function drawSpark(svg, site) {
  const points = rates(site);
  const [area, line] = svg.children;
  if (points.length < 2) return set(line, 'd', '');
  const most = Math.max(1e-9, ...points.map(([, value]) => value));
  const xy = points.map(([age, value]) => [SPARK.width * (1 - age / WINDOW_MS), SPARK.height - 2 - (SPARK.height - 4) * (value / most)]);
  const path = xy.map(([x, y], i) => `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
  set(line, 'd', path);
  set(area, 'd', `${path}V${SPARK.height}H${xy[0][0].toFixed(1)}Z`);
}
