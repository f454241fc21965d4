// The side column: overrides in force, events, zones, reloads and databases.

import { call } from './api.js';
import { byId, dot, h, keyed, replace, setText, toast } from './dom.js';
import { bare, clock, grouped, plural, relative } from './format.js';
import { deed, openUndrain, verb } from './override.js';

const EVENTS_KEPT = 200;
const ZONES_SHOWN_MAX = 8;
const FINDINGS_SHOWN_MAX = 5;
const OUTCOMES = { published: 'up', unchanged: 'up', refused: 'down' };
const SEVERITIES = { info: 'info', warning: 'degraded', error: 'down' };

let events = [];
let allZones = false;
let latest = null;

export function startSide() {
  byId('reload').addEventListener('click', reload);
  byId('zones-more').addEventListener('click', () => {
    allZones = !allZones;
    showZones(latest);
  });
}

export function showOverrides(status) {
  const { overrides } = status;
  setText(byId('overrides-note'), overrides.length ? `${overrides.length} in force` : 'none in force');
  byId('overrides').hidden = overrides.length === 0;
  keyed(byId('overrides'), overrides, (it) => `${it.zone}${it.pool}${it.target}${it.weight ? ' weight' : ''}`, (it) => JSON.stringify(it), (it) =>
    h('li', { 'data-override': it.name }, dot({ drain: 'drained', down: 'down', up: 'up', weight: 'drained' }[it.state], it.state),
      h('p', {}, h('b', {}, it.target), ` ${deed(it)}`, it.zone && h('span', { class: 'soft' }, ` in ${bare(it.zone)}`),
        h('span', { class: 'help' }, [it.by, it.reason].filter(Boolean).join(': '),
          it.until ? [' · ends ', relative(it.until)] : ' · without end')),
      h('button', { type: 'button', class: 'quiet small', 'data-focus': 'undo', onclick: () => openUndrain(it) },
        verb(it))));
}

/** Events of a connection: those that were missed, and each as it comes. A server that was started anew counts anew. */
export function addEvents(more, anew = false) {
  const known = new Set(anew ? [] : events.map((event) => event.seq));
  events = [...(anew ? [] : events), ...more.filter((event) => !known.has(event.seq))];
  events.sort((a, b) => b.seq - a.seq);
  events.length = Math.min(events.length, EVENTS_KEPT);
  setText(byId('events-note'), events.length ? '' : 'none yet');
  keyed(byId('events'), events, (it) => it.seq, (it) => it.at, (it) => h('li', { 'data-severity': it.severity, 'data-kind': it.kind },
    h('time', { datetime: it.at, title: new Date(it.at).toLocaleString() }, clock(it.at)),
    dot(eventState(it), it.severity),
    h('p', {}, h('span', { class: 'what' }, it.what), h('span', { class: 'help' }, it.cause))));
}

/** Good news is green although it is only information. */
function eventState(event) {
  if (event.severity !== 'info') return SEVERITIES[event.severity] ?? 'degraded';
  if (event.kind === 'recovered' || (event.kind === 'verdict' && / up\b/.test(event.what))
    || (event.kind === 'director' && / (up|heard again|out of maintenance|live again|lists no real server any more)\b/.test(event.what))
    || (event.kind === 'comeback' && / (all of its weight again|not held back any more)/.test(event.what))
    || (event.kind === 'capacity' && / not full any more/.test(event.what))) return 'up';
  return 'info';
}

export function showZones(status) {
  latest = status;
  const zones = [...status.zones].sort((a, b) => (a.state === 'served') - (b.state === 'served'));
  const shown = allZones ? zones : zones.slice(0, ZONES_SHOWN_MAX);
  keyed(byId('zones'), shown, (it) => it.zone, (it) => JSON.stringify(it), (it) =>
    h('li', {}, dot(it.state === 'served' ? 'up' : 'degraded', it.state),
      h('p', {}, h('b', {}, bare(it.zone)), it.state !== 'served' && h('span', { class: 'chip', 'data-state': 'degraded' }, it.state),
        h('span', { class: 'help' }, `${plural(it.names, 'name')}${it.steered_names ? `, ${grouped(it.steered_names)} steered` : ''}`)),
      h('span', { class: 'number soft', title: 'serial' }, String(it.serial ?? '–'))));
  const more = byId('zones-more');
  more.hidden = zones.length <= ZONES_SHOWN_MAX;
  setText(more, allZones ? 'Show fewer' : `Show all ${zones.length} zones`);
  keyed(byId('databases'), status.databases, (it) => it.path, (it) => JSON.stringify(it), (it) =>
    h('li', {}, dot('info'), h('p', {}, h('b', {}, it.path), h('span', { class: 'help' }, it.kind)),
      it.built && h('span', { class: 'soft' }, 'built ', relative(it.built))));
  showReload(status.reload);
}

function showReload(reload) {
  const is = JSON.stringify(reload);
  const place = byId('reloaded');
  if (place.is === is) return;
  place.is = is;
  if (!reload) return replace(place);
  const shown = reload.findings.slice(0, FINDINGS_SHOWN_MAX);
  const left = reload.findings.length - shown.length;
  replace(place, h('p', {}, dot(OUTCOMES[reload.outcome] ?? 'degraded', reload.outcome), h('b', {}, `Reload ${reload.outcome}`),
    h('span', { class: 'soft' }, ` generation ${reload.generation}, `, relative(reload.at))),
  shown.length > 0 && h('ul', { class: 'findings' }, shown.map(finding), left > 0 && h('li', { class: 'soft' }, `and ${left} more`)));
}

function finding(it) {
  return h('li', { 'data-severity': it.severity }, it.place && h('code', {}, it.place), ` ${it.message}`,
    it.help && h('span', { class: 'help' }, it.help));
}

async function reload() {
  const button = byId('reload');
  button.disabled = true;
  try {
    const { outcome, generation } = await call('POST', '/api/v1/reload', {});
    toast(`Reload: ${outcome}, generation ${generation}`);
  } catch (problem) {
    const { findings } = problem.body ?? {};
    toast(findings ? `Reload refused: ${plural(findings.length, 'finding')}` : problem.message, 'error');
    if (findings) showReload({ ...problem.body, at: new Date().toISOString() });
  } finally {
    button.disabled = false;
  }
}
