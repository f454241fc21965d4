// Asks the server why a client gets what it gets, tells it in words, and hands the way to the map.

import { call } from './api.js';
import { byId, dot, h, replace } from './dom.js';
import { bare, grouped, percent } from './format.js';
import { siteKey } from './history.js';
import { showRoute } from './map.js';
import { findSite, levelState } from './state.js';

const CARDS_SHOWN_MAX = 6;
const NAMES_MAX = 200;

let latest = null;
let names = '';
// The last explanation, for the map as soon as a status tells where the sites stand.
let waiting = null;

export function startExplain() {
  byId('explain').addEventListener('submit', (event) => {
    event.preventDefault();
    explain();
  });
  fromHash();
  addEventListener('hashchange', fromHash);
}

/** A link can carry a question: `#explain?name=…&type=A&client=…`. */
function fromHash() {
  if (!location.hash.startsWith('#explain?')) return;
  const asked = new URLSearchParams(location.hash.slice('#explain?'.length));
  const form = byId('explain').elements;
  form.name.value = asked.get('name') ?? '';
  form.client.value = asked.get('client') ?? '';
  form.type.value = asked.get('type') ?? 'A';
  explain();
}

/** Steered names to complete from. */
export function offerNames(status) {
  latest = status;
  if (waiting) {
    showRoute(wayOf(waiting));
    waiting = null;
  }
  const found = status.pools.flatMap((pool) => pool.names).filter((name) => !name.startsWith('*')).slice(0, NAMES_MAX);
  if (found.join() === names) return;
  names = found.join();
  replace(byId('names'), found.map((name) => h('option', { value: bare(name) })));
  const first = byId('explain-name');
  if (!found.includes(first.placeholder) && found.length) first.placeholder = bare(found.find((n) => n.startsWith('www.')) ?? found[0]);
}

async function explain() {
  const form = byId('explain');
  if (!form.reportValidity()) return;
  const asked = new URLSearchParams({
    name: form.elements.name.value.trim(), type: form.elements.type.value, client: form.elements.client.value.trim(),
  });
  const button = form.querySelector('button');
  button.disabled = true;
  try {
    const explanation = await call('GET', `/api/v1/explain?${asked}`);
    history.replaceState(null, '', `#explain?${asked}`);
    if (latest) showRoute(wayOf(explanation));
    else waiting = explanation;
    replace(byId('explained'), page(explanation));
  } catch (problem) {
    showRoute(null);
    replace(byId('explained'), h('p', { class: 'refusal' }, problem.message), problem.help && h('p', { class: 'hint' }, problem.help));
  } finally {
    button.disabled = false;
  }
}

function wayOf(explanation) {
  const steering = explanation.steering[0];
  if (!steering) return null;
  const sites = steering.sites.map((it) => {
    const site = findSite(latest, explanation.zone, it.site);
    return { key: site ? siteKey(site) : `|${it.site}`, serves: it.serves, dead: it.level === 'dead' };
  });
  return { client: explanation.client.coordinates_deg, sites };
}

function page(explanation) {
  const { client, answer } = explanation;
  return [
    h('div', { class: 'verdict-line' }, h('p', {}, headline(explanation)),
      h('button', { type: 'button', class: 'quiet small', onclick: clear }, 'Clear')),
    h('dl', { class: 'trail' },
      step('Client', [h('b', {}, client.place ?? 'nowhere known'), ` by ${client.known_from} `, h('code', {}, client.placed_by),
        h('span', { class: 'soft' }, ` all of ${client.network}${client.asn ? `, AS${client.asn}` : ''} · ${client.source}`)]),
      explanation.aliases.length ? step('Aliases', explanation.aliases.map(bare).join(' → ')) : null,
      explanation.steering.map(steered),
      step('Answer', [h('b', {}, answer.rcode), h('span', { class: 'soft' }, ` ${answer.reason} · ${grouped(answer.bytes)} bytes`
        + `${answer.scope_bits === null ? '' : ` · scope /${answer.scope_bits}`}`)],
      answer.records.length ? h('pre', { tabindex: 0, 'aria-label': 'Records' }, answer.records.join('\n')) : null)),
  ];
}

function headline(explanation) {
  const steering = explanation.steering[0];
  const serving = steering?.sites.find((site) => site.serves);
  const name = h('b', {}, bare(explanation.name));
  if (!steering) return [name, ` ${explanation.rtype}: ${explanation.zone ? 'plain data, the same for everybody' : 'in no zone of this server'}`];
  if (!serving) return [name, `: ${steering.decision}`];
  const distance = serving.distance_km === null ? '' : `, ${grouped(serving.distance_km)} km away`;
  return [name, ' is served from ', h('b', {}, serving.title), distance];
}

function step(name, ...content) {
  return h('div', {}, h('dt', {}, name), h('dd', {}, content));
}

function steered(it) {
  const rule = it.rule === null ? 'no rule' : `rule ${it.rule}`;
  return [
    step('Rule', [h('b', {}, rule), ` ${it.matched}`, h('span', { class: 'soft' }, ` ${bare(it.owner)} · class ${it.class}`)]),
    step('Sites', h('ol', { class: 'order' }, it.sites.map(orderedSite))),
    weighed(it.sites),
    step('Decision', it.decision, h('span', { class: 'soft' }, ` pool ${it.pool}, ${it.method}`)),
    it.deck.length ? step('Deck', h('ul', { class: 'deck' }, it.deck.slice(0, CARDS_SHOWN_MAX).map(card),
      it.deck.length > CARDS_SHOWN_MAX ? h('li', { class: 'soft' }, `and ${it.deck.length - CARDS_SHOWN_MAX} more`) : null)) : null,
    step('Scope', [h('b', {}, `/${it.scope_bits}`), ` ${it.scope_reason}`, h('span', { class: 'soft' }, ` TTL ${it.ttl_s} s`)]),
  ];
}

function orderedSite(site) {
  const up = site.endpoints.filter((it) => it.standing === 'up').length;
  const because = [...new Set(site.endpoints.filter((it) => it.standing !== 'up').map((it) => `${it.endpoint}: ${it.because}`))];
  return h('li', { class: site.serves ? 'serves' : null, title: because.join('\n') },
    dot(levelState(site.level)), h('span', { class: 'name' }, site.title),
    h('span', { class: 'soft' }, `${site.level}, ${up}/${site.endpoints.length} up`),
    h('span', { class: 'number' }, site.distance_km === null ? '' : `${grouped(site.distance_km)} km`),
    site.note && h('span', { class: 'note' }, site.note));
}

/** Endpoints that weigh otherwise than configured, and why. */
function weighed(sites) {
  const shaded = sites.flatMap((site) => site.endpoints).filter((it) => it.weight_because.length);
  if (!shaded.length) return null;
  return step('Weights', h('ul', { class: 'weights' }, shaded.map((it) => h('li', {}, h('b', {}, it.endpoint),
    ` ${Number(it.weight_now.toFixed(2))} of ${grouped(it.weight)}`, h('span', { class: 'help' }, it.weight_because.join('; '))))));
}

function card(it) {
  const fill = h('i');
  fill.style.width = `${(it.probability * 100).toFixed(1)}%`;
  return h('li', { class: it.drawn ? 'drawn' : null },
    h('span', { class: 'names' }, it.endpoints.join(', ')), h('span', { class: 'bar', 'aria-hidden': 'true' }, fill),
    h('span', { class: 'number' }, percent(it.probability)), it.drawn && h('span', { class: 'visually-hidden' }, 'drawn'));
}

function clear() {
  showRoute(null);
  history.replaceState(null, '', location.pathname);
  replace(byId('explained'));
  byId('explain-name').focus();
}
