// The world: land, sites as circles whose area is their answer rate, and the ways that an explanation drew.

import { byId, keyed, replace, s, set, setText } from './dom.js';
import { plural, rate } from './format.js';
import { meanRate, siteKey } from './history.js';
import { greatCircle, project } from './projection.js';
import { siteState } from './state.js';

// What is shown: no steered site stands farther north or south.
const NORTH_DEG = 78;
const SOUTH_DEG = -56;
const WORLD = { x0: -2.66, x1: 2.66, y0: project(NORTH_DEG, 0)[1], y1: project(SOUTH_DEG, 0)[1] };
// Radii in pixels: of a site without traffic, and of the busiest one on a wide map and on a narrow one.
const RADIUS_MIN = 5;
const RADIUS_MAX = 26;
const RADIUS_MAX_NARROW = 15;
const NARROW_PX = 560;
const LABEL_PX = 12;

const state = { land: '', width: 0, height: 0, view: WORLD, fitted: false, status: null, route: null, onSite: null };
const layer = {};

/** Builds the map into its place; `onSite(site)` is called when a site is chosen. */
export async function startMap(onSite) {
  state.onSite = onSite;
  const land = s('path', { class: 'land' });
  Object.assign(layer, {
    world: s('g', { 'aria-hidden': true }, s('path', { class: 'graticule', d: graticule() }), land),
    sites: s('g', { class: 'map-sites' }),
    routes: s('g', { class: 'routes', 'aria-hidden': true }),
    labels: s('g', { class: 'labels', 'aria-hidden': true }),
    client: s('g', { class: 'client', 'aria-hidden': true }),
  });
  layer.svg = s('svg', { role: 'group', 'aria-label': 'World map of sites' }, Object.values(layer));
  byId('map').append(layer.svg);
  byId('map-fit').addEventListener('click', () => {
    state.fitted = !state.fitted;
    set(byId('map-fit'), 'aria-pressed', String(state.fitted));
    resize();
  });
  new ResizeObserver(resize).observe(byId('map'));
  const outlines = await (await fetch('/assets/land.json')).json();
  set(land, 'd', outlines.rings.map((ring) => ringPath(ring, outlines.steps_per_degree)).join(''));
}

function ringPath(ring, stepsPerDegree) {
  let [x, y] = [0, 0];
  let path = '';
  for (let i = 0; i < ring.length; i += 2) {
    x += ring[i];
    y += ring[i + 1];
    const [px, py] = project(y / stepsPerDegree, x / stepsPerDegree);
    path += `${i ? 'L' : 'M'}${px.toFixed(4)} ${py.toFixed(4)}`;
  }
  return `${path}Z`;
}

function graticule() {
  let path = '';
  const line = (points) => {
    path += points.map(([lat, lon], i) => `${i ? 'L' : 'M'}${project(lat, lon).map((n) => n.toFixed(3)).join(' ')}`).join('');
  };
  for (let lon = -180; lon <= 180; lon += 30) {
    line(Array.from({ length: 29 }, (_, i) => [SOUTH_DEG + (i * (NORTH_DEG - SOUTH_DEG)) / 28, lon]));
  }
  for (let lat = -30; lat <= 60; lat += 30) line([[lat, -180], [lat, 180]]);
  return path;
}

function resize() {
  const width = byId('map').clientWidth;
  if (!width) return;
  state.view = state.fitted ? fittedView() : WORLD;
  const { x0, x1, y0, y1 } = state.view;
  state.width = width;
  state.height = Math.round((width * (WORLD.y1 - WORLD.y0)) / (WORLD.x1 - WORLD.x0));
  state.scale = Math.min(width / (x1 - x0), state.height / (y1 - y0));
  set(layer.svg, 'viewBox', `0 0 ${width} ${state.height}`);
  set(layer.svg, 'height', state.height);
  const [left, top] = offset();
  set(layer.world, 'transform', `translate(${left} ${top}) scale(${state.scale})`);
  draw();
}

/** Where the plane's origin lies on the page, the view in the middle. */
function offset() {
  const { x0, x1, y0, y1 } = state.view;
  return [state.width / 2 - (state.scale * (x0 + x1)) / 2, state.height / 2 - (state.scale * (y0 + y1)) / 2];
}

function place([latitude, longitude]) {
  const [x, y] = project(latitude, longitude);
  const [left, top] = offset();
  return [left + x * state.scale, top + y * state.scale];
}

/** The sites (and the client of an explanation) with room around them, in the map's own proportions. */
function fittedView() {
  const points = [...mapped().map((site) => site.coordinates_deg), ...(state.route?.client ? [state.route.client] : [])]
    .map(([lat, lon]) => project(lat, lon));
  if (points.length === 0) return WORLD;
  const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
  const margin = 0.12;
  const ratio = (WORLD.x1 - WORLD.x0) / (WORLD.y1 - WORLD.y0);
  const [cx, cy] = [(Math.min(...xs) + Math.max(...xs)) / 2, (Math.min(...ys) + Math.max(...ys)) / 2];
  const half = Math.max(0.2, (Math.max(...xs) - cx + margin) / ratio, Math.max(...ys) - cy + margin);
  return { x0: cx - half * ratio, x1: cx + half * ratio, y0: cy - half, y1: cy + half };
}

const mapped = () => (state.status?.sites ?? []).filter((site) => site.coordinates_deg);

/** Shows a status. */
export function showSites(status) {
  const places = (of) => (of?.sites ?? []).map((site) => `${siteKey(site)}${site.coordinates_deg}`).join();
  const moved = places(state.status) !== places(status);
  state.status = status;
  if (state.width && !(moved && state.fitted)) draw();
  else resize();
}

/** Draws the way of a client: `{ client: [lat, lon] | null, sites: [{ site, serves, dead }] }` in order, or nothing. */
export function showRoute(route) {
  state.route = route;
  if (state.width) state.fitted ? resize() : draw();
}

function draw() {
  if (!state.status || !state.width) return;
  const spots = mapped().map(spot);
  const busiest = Math.max(0.001, ...spots.map((it) => it.rate));
  const most = state.width < NARROW_PX ? RADIUS_MAX_NARROW : RADIUS_MAX;
  for (const it of spots) it.radius = Math.round(Math.max(RADIUS_MIN, most * Math.sqrt(it.rate / busiest)) * 2) / 2;
  // Small circles last, so that a large one does not hide them.
  spots.sort((a, b) => b.radius - a.radius || (a.key < b.key ? -1 : 1));
  keyed(layer.sites, spots, (it) => it.key, () => '', makeSpot, refreshSpot);
  const off = state.status.sites.length - spots.length;
  const total = spots.reduce((sum, it) => sum + it.rate, 0);
  const note = total > 0 ? `${rate(total)} answers/s over the last minutes` : 'no steered answers yet';
  setText(byId('map-note'), off ? `${note} · ${plural(off, 'site')} without coordinates` : note);
  drawRoute(spots);
  drawLabels(spots);
}

function spot(site) {
  const [x, y] = place(site.coordinates_deg);
  return { key: siteKey(site), site, x, y, rate: meanRate(site), state: siteState(site) };
}

function makeSpot(it) {
  const chosen = () => state.onSite(node.site);
  const node = s('g', {
    class: 'spot', tabindex: 0, role: 'button', onclick: chosen,
    onkeydown: (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      chosen();
    },
  }, s('title'), s('circle', { class: 'pulse' }), s('circle', { class: 'area' }), s('circle', { class: 'core' }));
  node.site = it.site;
  return node;
}

function refreshSpot(node, it) {
  node.site = it.site;
  const [title, pulse, area, core] = node.children;
  set(node, 'data-state', it.state);
  set(node, 'data-live', it.rate > 0.005 && it.site.endpoints_up > 0);
  set(node, 'data-serves', state.route?.sites.some((site) => site.serves && site.key === it.key) ?? false);
  set(node, 'transform', `translate(${it.x.toFixed(1)} ${it.y.toFixed(1)})`);
  set(pulse, 'r', it.radius);
  set(area, 'r', it.radius);
  set(core, 'r', 3.5);
  const { site } = it;
  const words = `${site.title}: ${site.endpoints_up} of ${plural(site.endpoints, 'endpoint')} up, ${rate(it.rate)} answers/s`;
  set(node, 'aria-label', words);
  setText(title, words);
}

/** Names beside their circles, where they cover neither each other nor a circle; what finds no room goes without. */
function drawLabels(spots) {
  const narrow = state.width < NARROW_PX;
  const size = narrow ? LABEL_PX - 1 : LABEL_PX;
  const taken = spots.map((it) => box(it.x - it.radius * 0.7, it.y - it.radius * 0.7, it.radius * 1.4, it.radius * 1.4));
  const labels = [];
  const ranks = new Map((state.route?.sites ?? []).map((it, i) => [it.key, i + 1]));
  for (const it of spots) {
    const text = narrow ? it.site.site : it.site.title;
    const rank = ranks.get(it.key);
    const width = text.length * size * 0.56 + (rank ? size * 1.5 : 0);
    const gap = it.radius + 5;
    const choices = [
      [it.x + gap, it.y - size / 2], [it.x - gap - width, it.y - size / 2],
      [it.x - width / 2, it.y + gap - 2], [it.x - width / 2, it.y - gap - size],
    ];
    const found = choices.map(([x, y]) => box(x, y, width, size)).find((b) => inside(b) && !taken.some((t) => meet(t, b)));
    if (!found) continue;
    taken.push(found);
    labels.push({ key: it.key, text, rank, size, x: found.x0, y: found.y1 - size * 0.14 });
  }
  keyed(layer.labels, labels, (it) => it.key, (it) => `${it.text}${it.rank}`, makeLabel, (node, it) => {
    set(node, 'transform', `translate(${it.x.toFixed(1)} ${it.y.toFixed(1)})`);
    set(node, 'font-size', it.size);
  });
}

function makeLabel(it) {
  if (!it.rank) return s('g', {}, s('text', {}, it.text));
  const middle = it.size * 0.5;
  return s('g', { class: 'ranked' },
    s('circle', { class: 'rank-back', cx: middle, cy: -it.size * 0.36, r: it.size * 0.58 }),
    s('text', { class: 'rank', x: middle, 'text-anchor': 'middle' }, String(it.rank)),
    s('text', { x: it.size * 1.45 }, it.text));
}

const box = (x, y, width, height) => ({ x0: x, y0: y, x1: x + width, y1: y + height });
const meet = (a, b) => a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1;
const inside = (b) => b.x0 >= 2 && b.y0 >= 2 && b.x1 <= state.width - 2 && b.y1 <= state.height - 2;

function drawRoute(spots) {
  const { route } = state;
  const at = new Map(spots.map((it) => [it.key, it]));
  const drawn = [];
  if (route?.client) {
    // The one that serves last, over the others.
    const order = route.sites.map((it, i) => ({ ...it, i })).sort((a, b) => a.serves - b.serves);
    for (const it of order) {
      const goal = at.get(it.key)?.site.coordinates_deg;
      if (!goal) continue;
      const kind = it.serves ? 'serves' : it.dead ? 'dead' : 'other';
      drawn.push(s('path', { class: `way ${kind}`, d: way(route.client, goal), pathLength: it.serves ? 1 : null }));
    }
  }
  const mark = `${JSON.stringify(route)}${state.width}${state.fitted}${[...at.keys()]}`;
  if (layer.routes.mark === mark) return;
  layer.routes.mark = mark;
  replace(layer.routes, drawn);
  replace(layer.client, route?.client ? clientMark(place(route.client)) : []);
  set(layer.svg, 'data-route', Boolean(route));
}

function clientMark([x, y]) {
  return s('g', { transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` },
    s('circle', { class: 'client-ring', r: 9 }), s('path', { class: 'client-mark', d: 'M0-5.5 5.5 0 0 5.5-5.5 0Z' }));
}

/** A great circle on the page; it starts anew where it leaves the map on one side and comes back on the other. */
function way(from, to) {
  let path = '';
  let before = null;
  for (const point of greatCircle(from, to)) {
    const jumps = before === null || Math.abs(point[1] - before[1]) > 180;
    path += `${jumps ? 'M' : 'L'}${place(point).map((n) => n.toFixed(1)).join(' ')}`;
    before = point;
  }
  return path;
}
