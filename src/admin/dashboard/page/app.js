// The dashboard: one stream of statuses and events in, every part of the page brought up to date from it.

import { call } from './api.js';
import { showDirectors, startDirectors } from './directors.js';
import { byId } from './dom.js';
import { filterBy, showEndpoints, startEndpoints } from './endpoints.js';
import { offerNames, startExplain } from './explain.js';
import { setServerTime, tick } from './format.js';
import { showFacts, showLink, showWrong } from './head.js';
import { record } from './history.js';
import { showSites, startMap } from './map.js';
import { startOverrides } from './override.js';
import { addEvents, showOverrides, showZones, startSide } from './side.js';
import { showSiteCards, startSites } from './sites.js';
import { follow } from './stream.js';

let status = null;
let drawn = true;
let scheduled = false;
let link = { state: 'connecting', lastMs: 0, retryAtMs: 0 };
let started = null;

function take(next) {
  setServerTime(next.server.now);
  record(next, Date.now());
  if (next.server.started !== started) {
    const anew = started !== null;
    started = next.server.started;
    fetchEvents(anew);
  }
  status = next;
  drawn = false;
  link.lastMs = Date.now();
  schedule();
}

/** At most once per frame, and not at all while nobody looks. */
function schedule() {
  if (scheduled || document.hidden) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    if (!drawn) draw();
  });
}

function draw() {
  drawn = true;
  showFacts(status.server);
  showWrong(status);
  showSites(status);
  showSiteCards(status);
  showDirectors(status);
  showEndpoints(status);
  offerNames(status);
  showOverrides(status);
  showZones(status);
  const errors = status.wrong.filter((it) => it.severity === 'error').length;
  const title = errors ? `(${errors}) Fingerpost` : 'Fingerpost';
  if (document.title !== title) document.title = title;
  document.body.dataset.drawn = 'true';
}

async function fetchEvents(anew) {
  try {
    addEvents(await call('GET', '/api/v1/events?after=0'), anew);
  } catch {
    // The stream brings what happens from now on.
  }
}

function connect() {
  follow('/api/v1/stream', {
    message(kind, data) {
      if (kind === 'status') take(data);
      if (kind === 'event') addEvents([data]);
    },
    state(state, retryAtMs = 0) {
      // What happened while the connection was away is asked for.
      if (state === 'live' && link.state === 'lost' && started) fetchEvents(false);
      link = { ...link, state, retryAtMs };
      showLink(state, link.lastMs, retryAtMs);
    },
  });
}

const THEMES = { system: ['◐', 'as the system has them'], light: ['○', 'light'], dark: ['●', 'dark'] };

function startTheme() {
  const root = document.documentElement;
  const button = byId('theme');
  const show = () => {
    const [mark, words] = THEMES[root.dataset.theme ?? 'system'];
    button.textContent = mark;
    button.setAttribute('aria-label', `Colours: ${words}`);
    button.title = `Colours: ${words}`;
  };
  button.addEventListener('click', () => {
    const names = Object.keys(THEMES);
    const next = names[(names.indexOf(root.dataset.theme ?? 'system') + 1) % names.length];
    if (next === 'system') delete root.dataset.theme;
    else root.dataset.theme = next;
    try { localStorage.setItem('theme', next); } catch { /* storage is off: for this visit only */ }
    show();
  });
  show();
}

function startKeys() {
  const keys = {
    '/': () => byId('filter').focus(),
    e: () => byId('explain-name').focus(),
    t: () => byId('theme').click(),
  };
  addEventListener('keydown', (event) => {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    if (target.matches('input, select, textarea')) {
      if (event.key === 'Escape') target.blur();
      return;
    }
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

startTheme();
startKeys();
startEndpoints();
startSites();
startDirectors();
startSide();
startOverrides();
startExplain();
startMap((site) => filterBy(site.site));
connect();
document.addEventListener('visibilitychange', schedule);
setInterval(() => {
  if (document.hidden) return;
  tick();
  if (link.state === 'lost') showLink('lost', link.lastMs, link.retryAtMs);
}, 1000);
