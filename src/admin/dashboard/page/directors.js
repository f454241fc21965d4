// Directors: what stands behind each VIP, who says so, and how full it is. The section is there only where directors are.

import { byId, dot, h, keyed, set, setText } from './dom.js';
import { grouped, latency, percent, plural, relative } from './format.js';
import { openOverride, openUndrain } from './override.js';
import { directorState, realState } from './state.js';

const SHOWN_MAX = 12;
const REALS_SHOWN_MAX = 8;
const ORDER = { down: 0, degraded: 1, drained: 2, up: 3 };

let showAll = false;
let latest = null;

export function startDirectors() {
  byId('directors-more').addEventListener('click', () => {
    showAll = !showAll;
    showDirectors(latest);
  });
}

export function showDirectors(status) {
  latest = status;
  const all = status.directors.map((director) => ({ director, state: directorState(director), override: overrideOf(status, director) }));
  document.querySelector('.area-directors').hidden = all.length === 0;
  // With few each keeps its place; with many, those that need a look come first.
  if (all.length > SHOWN_MAX) all.sort((a, b) => ORDER[a.state] - ORDER[b.state]);
  const shown = showAll ? all : all.slice(0, SHOWN_MAX);
  keyed(byId('directors'), shown, ({ director }) => `${director.zone}|${director.director}`, signature, makeCard, refreshCard);
  const well = all.filter((it) => it.state === 'up').length;
  setText(byId('directors-note'), `${well} of ${all.length} whole`);
  const more = byId('directors-more');
  more.hidden = all.length <= SHOWN_MAX;
  setText(more, showAll ? 'Show fewer' : `Show all ${all.length} directors`);
}

/** Everything of a card but what moves all the time; that is refreshed in place. */
const signature = ({ director, state, override }) => JSON.stringify([state, override, director.site, director.mode, director.scheduler,
  director.service, director.vip, director.shared_with, director.speaks, director.endpoints, director.min_up, director.live, director.families,
  director.source, director.feed?.kind, director.feed?.from, director.feed?.fault, director.feed?.fault_since, director.capacity,
  director.reals.map((it) => [it.name, it.address, it.weight, it.state, it.because]), director.unconfigured]);

function makeCard({ director, state, override }) {
  const sessions = h('span', { class: 'number' });
  const heard = h('span', { class: 'soft' });
  const bar = h('span', { class: 'bar', role: 'img', 'aria-label': `${percent(director.live)} live` }, h('i', { class: 'bar-actual' }),
    h('i', { class: 'bar-intended' }));
  bar.children[0].style.width = `${(director.live * 100).toFixed(1)}%`;
  bar.children[1].style.left = `${(director.min_up * 100).toFixed(1)}%`;
  set(bar, 'title', `${percent(director.live)} of the weight is live; handed out from ${percent(director.min_up)} up`);
  // Those that are not up first; of many that are up, some.
  const reals = [...director.reals].sort((a, b) => (a.state === 'up') - (b.state === 'up'));
  const troubled = reals.filter((it) => it.state !== 'up').length;
  const shown = reals.slice(0, Math.max(troubled, REALS_SHOWN_MAX));
  const rows = shown.map((real) => ({ name: real.name, sessions: h('span', { class: 'number soft' }), real }));
  const card = h('li', { class: 'director', 'data-state': state, 'data-director': director.director },
    h('div', { class: 'director-head' }, dot(state, state), h('h3', {}, director.director), h('span', { class: 'code' }, director.site),
      director.state !== 'up' && h('span', { class: 'chip', 'data-state': state }, director.state),
      !director.speaks && h('span', { class: 'chip', 'data-state': 'unknown', title: `shares its VIP with ${director.shared_with.join(', ')}` }, 'in reserve'),
      director.speaks && act(director, override)),
    h('p', { class: 'director-what' }, director.vip.map((it) => h('span', { class: 'address' }, it)),
      h('span', { class: 'soft' }, `${director.service} · ${director.mode} · ${director.scheduler}`
        + `${director.shared_with.length && director.speaks ? ` · shared with ${director.shared_with.join(', ')}` : ''}`)),
    h('div', { class: 'director-live' }, bar, h('span', { class: 'number' }, `${live(director)} live`), sessions),
    h('p', { class: 'director-source' }, source(director), heard),
    h('ul', { class: 'reals', 'aria-label': `Real servers behind ${director.director}` }, rows.map(realRow),
      reals.length > shown.length && h('li', { class: 'soft' }, `and ${plural(reals.length - shown.length, 'more', 'more')} up`),
      director.unconfigured.length > 0 && h('li', { 'data-state': 'degraded', title: 'its feed lists them; what they carry counts for nothing' },
        dot('degraded', 'not configured'), h('span', { class: 'soft' }, `not configured: ${director.unconfigured.join(', ')}`))));
  card.parts = { sessions, heard, rows };
  return card;
}

/** The live part; of each family where they differ. The bar shows the worst. */
function live({ live: worst, families }) {
  const parts = families.map((it) => percent(it.live));
  return parts.every((part) => part === parts[0]) ? percent(worst) : families.map((it, at) => `${it.family} ${parts[at]}`).join(', ');
}

/** A VIP is drained where it is handed out, at the director that speaks for it; where its endpoints bear several names, one by one in the table below. */
function act(director, override) {
  if (override) {
    const text = override.state === 'drain' ? 'Undrain' : 'Release';
    return h('button', { type: 'button', class: 'quiet small', 'data-focus': 'act', 'aria-label': `${text} director ${director.director}`,
      onclick: () => openUndrain(override) }, text);
  }
  const target = seatTarget(director);
  return target && h('button', { type: 'button', class: 'quiet small', 'data-focus': 'act', 'aria-label': `Drain director ${director.director}`,
    onclick: () => openOverride(target) }, 'Drain');
}

function seatTarget({ director, endpoints }) {
  const [first] = endpoints;
  if (!first || endpoints.some((it) => it.endpoint !== first.endpoint)) return null;
  const all = (key) => endpoints.every((it) => it[key] === first[key]);
  return { kind: 'endpoint', name: first.endpoint, pool: all('pool') ? first.pool : '*', zone: all('zone') ? first.zone : null, title: director };
}

/** The override that takes the director out, or holds it in, wherever it is handed out. */
function overrideOf(status, { endpoints }) {
  const [first] = endpoints;
  return status.overrides.find((it) => it.kind === 'endpoint' && it.state !== 'weight' && it.name === first?.endpoint
    && endpoints.every((seat) => (it.pool ?? seat.pool) === seat.pool && (it.zone ?? seat.zone) === seat.zone)) ?? null;
}

function source({ source: by, feed }) {
  if (!feed) return [dot('up'), ' own probes'];
  const from = h('span', { class: 'help' }, feed.from);
  if (by === 'feed') return [dot(feed.fault ? 'degraded' : 'up'), ` feed ${feed.kind}`, feed.fault && h('span', { class: 'help' }, feed.fault)];
  const instead = by === 'probes' ? 'own probes decide' : 'the check of the VIP decides alone';
  return [dot('degraded'), ` feed ${feed.kind} is not heard`, feed.fault_since && [' for ', relative(feed.fault_since, 'for')], `: ${instead}`,
    h('span', { class: 'help' }, feed.fault ?? 'nothing was heard yet'), from];
}

function realRow({ real, sessions }) {
  const state = realState(real.state);
  return h('li', { 'data-state': state, 'data-real': real.name, title: real.because }, dot(state, real.state), h('span', { class: 'name' }, real.name),
    h('span', { class: 'soft' }, real.state === 'up' ? `weight ${grouped(real.weight)}` : `${real.state}: ${real.because}`), sessions);
}

function refreshCard(card, { director }) {
  const { sessions, heard, rows } = card.parts;
  const capacity = director.capacity === null ? '' : ` / ${grouped(director.capacity)}`;
  const took = director.response_ms === null ? '' : ` · ${latency(director.response_ms)}`;
  const some = director.sessions !== null || director.capacity !== null;
  setText(sessions, some ? `${director.sessions === null ? '?' : grouped(director.sessions)}${capacity} sessions${took}` : took.slice(3));
  const feed = director.source === 'feed' ? director.feed : null;
  setText(heard, feed ? ` · ${latency(feed.latency_ms ?? 0)}${feed.failed_total ? ` · ${plural(feed.failed_total, 'failure')} of ${grouped(feed.asked_total)}` : ''}` : '');
  const told = new Map(director.reals.map((it) => [it.name, it]));
  for (const row of rows) {
    const count = told.get(row.name)?.sessions ?? null;
    setText(row.sessions, count === null ? '' : grouped(count));
    set(row.sessions, 'title', count === null ? null : 'sessions');
  }
}
