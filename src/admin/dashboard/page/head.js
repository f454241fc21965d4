// The top of the page: the server in numbers, and what is wrong, first.

import { byId, dot, h, keyed, replace, setText } from './dom.js';
import { count, plural, rate, relative, span, nowMs } from './format.js';
import { siteState } from './state.js';

const WRONG_SHOWN_MAX = 6;
const SEVERITIES = { error: 'down', warning: 'degraded' };

let showAll = false;
let last = [];

export function showFacts(server) {
  const facts = [
    ['Queries', `${rate(server.queries_per_s)} /s`, `${count(server.queries_total)} since the start`],
    ['Generation', String(server.generation), server.generation_at ? `published ${span(nowMs() - Date.parse(server.generation_at))} ago` : ''],
    ['Up for', span(nowMs() - Date.parse(server.started)), `fingerpost ${server.version}`],
    ['Ready', server.ready ? 'yes' : 'no', server.why],
  ];
  keyed(byId('facts'), facts, (it) => it[0], () => '', ([name]) => h('div', {}, h('dt', {}, name), h('dd')),
    (node, [name, value, title]) => {
      setText(node.lastElementChild, value);
      if (node.title !== title) node.title = title;
      node.classList.toggle('bad', name === 'Ready' && value === 'no');
    });
  setText(byId('foot-note'), `fingerpost ${server.version}`);
}

export function showWrong(status) {
  last = status.wrong;
  const errors = last.filter((it) => it.severity === 'error').length;
  const panel = byId('wrong');
  panel.dataset.state = errors ? 'down' : last.length ? 'degraded' : 'up';
  setText(byId('wrong-title'), last.length ? headline(errors, last.length - errors) : allIsWell(status));
  const shown = showAll ? last : last.slice(0, WRONG_SHOWN_MAX);
  const items = last.length > WRONG_SHOWN_MAX ? [...shown, null] : shown;
  keyed(byId('wrong-list'), items, (it) => (it ? `${it.severity}${it.what}` : 'more'),
    (it) => (it ? `${it.since}${it.help}` : `${showAll}${last.length}`), (it) => (it ? wrongItem(it) : moreItem(status)));
}

function headline(errors, warnings) {
  const parts = [];
  if (errors) parts.push(plural(errors, 'error'));
  if (warnings) parts.push(plural(warnings, 'warning'));
  return parts.join(', ');
}

function allIsWell(status) {
  const endpoints = status.pools.reduce((sum, pool) => sum + pool.endpoints.length, 0);
  const drained = status.sites.filter((site) => siteState(site) === 'drained').length;
  const aside = drained ? `, ${plural(drained, 'site')} drained` : '';
  if (endpoints === 0) return `Nothing is wrong. ${plural(status.zones.length, 'zone')}, nothing steered`;
  return `All is well: ${plural(endpoints, 'endpoint')} at ${plural(status.sites.length, 'site')}${aside}`;
}

function wrongItem(it) {
  return h('li', { 'data-severity': it.severity },
    dot(SEVERITIES[it.severity] ?? 'degraded', it.severity),
    h('p', {}, h('span', { class: 'what' }, it.what), it.help && h('span', { class: 'help' }, it.help)),
    it.since && relative(it.since, 'for'));
}

function moreItem(status) {
  const toggle = () => {
    showAll = !showAll;
    showWrong(status);
  };
  const text = showAll ? 'Show fewer' : `Show all ${last.length}`;
  return h('li', { class: 'more-item' }, h('button', { type: 'button', class: 'quiet small', 'data-focus': 'more', onclick: toggle }, text));
}

/** The connection: `connecting`, `live`, or `lost` with since when and when it is tried again. */
export function showLink(state, sinceMs, retryAtMs) {
  const link = byId('link');
  link.dataset.state = state;
  document.body.classList.toggle('stale', state === 'lost');
  if (state !== 'lost') return setText(byId('link-text'), state);
  const since = sinceMs ? `stale since ${new Date(sinceMs).toTimeString().slice(0, 8)}` : 'no connection';
  const waitS = Math.ceil((retryAtMs - Date.now()) / 1000);
  replaceText(link, `${since} · ${waitS > 0 ? `again in ${waitS} s` : 'connecting'}`);
}

/** A status that counts down would be read out every second: only the first words of a state are announced. */
function replaceText(link, text) {
  const node = byId('link-text');
  link.setAttribute('aria-live', node.textContent.startsWith('stale') ? 'off' : 'polite');
  if (node.textContent !== text) replace(node, text);
}
