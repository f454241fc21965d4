// Drain, pin and release, each with what it would do shown before it is done.

import { call } from './api.js';
import { byId, dot, h, replace, toast } from './dom.js';
import { bare, plural, relative } from './format.js';
import { conditionState, levelState } from './state.js';

const BY_KEY = 'fingerpost-by';
const NAMES_SHOWN_MAX = 8;
const DURATIONS = [['15m', '15 minutes'], ['1h', '1 hour'], ['2h', '2 hours'], ['8h', '8 hours'], ['1d', '1 day'],
  ['7d', '7 days'], ['', 'until it is removed']];
const STATES = [['drain', 'Drain', 'No new answers; those who were sent here stay until their TTL ends.'],
  ['down', 'Pin down', 'As if every check failed.'], ['up', 'Pin up', 'As if every check passed.']];
const VERDICTS = { refused: 'down', warned: 'degraded', fine: 'up' };

const dialog = () => byId('override-dialog');

export function startOverrides() {
  dialog().addEventListener('click', (event) => {
    // A click on the backdrop hits the dialog itself.
    if (event.target === dialog()) dialog().close();
  });
}

function whom() {
  try { return localStorage.getItem(BY_KEY) ?? ''; } catch { return ''; }
}

function rememberWhom(by) {
  try { localStorage.setItem(BY_KEY, by); } catch { /* storage is off: asked again next time */ }
}

/** `target`: `{ kind: 'site' | 'pool' | 'endpoint', name, zone, pool?, title }`. */
export function openOverride(target) {
  const effect = h('div', { class: 'effect', 'aria-live': 'polite' });
  const force = h('input', { type: 'checkbox', id: 'override-force' });
  const forced = h('label', { class: 'check force', hidden: true }, force, ' Do it all the same');
  const apply = h('button', { type: 'submit', class: 'primary' }, 'Drain');
  const refusal = h('p', { class: 'refusal', role: 'alert', hidden: true });
  const title = h('h2', { id: 'override-title' }, `Drain ${target.title}`);
  const form = h('form', { class: 'override-form' }, title,
    h('p', { class: 'soft' }, `${target.kind} ${target.name}${target.zone ? ` in ${bare(target.zone)}` : ''}`),
    h('fieldset', { class: 'states' }, h('legend', { class: 'visually-hidden' }, 'What to do'), STATES.map(([value, name, words], i) =>
      h('label', { title: words }, h('input', { type: 'radio', name: 'state', value, checked: i === 0 }), h('span', {}, name)))),
    effect,
    h('div', { class: 'pair' },
      h('div', { class: 'field' }, h('label', { for: 'override-for' }, 'For'), h('select', { id: 'override-for', name: 'for' },
        DURATIONS.map(([value, name]) => h('option', { value, selected: value === '1h' }, name)))),
      h('div', { class: 'field' }, h('label', { for: 'override-by' }, 'Your name'),
        h('input', { id: 'override-by', name: 'by', required: true, autocomplete: 'username', value: whom() }))),
    h('div', { class: 'field' }, h('label', { for: 'override-reason' }, 'Reason'),
      h('input', { id: 'override-reason', name: 'reason', required: true, autocomplete: 'off', placeholder: 'CHG123, disks are replaced' })),
    forced, refusal,
    h('div', { class: 'dialog-end' }, h('button', { type: 'button', class: 'quiet', onclick: () => dialog().close() }, 'Cancel'), apply));

  let refused = false;
  const permit = () => { apply.disabled = refused && !force.checked; };
  const chosen = () => STATES.find(([value]) => value === form.elements.state.value);
  let asked = 0;
  const preview = async () => {
    const turn = ++asked;
    const [, name] = chosen();
    title.textContent = `${name} ${target.title}`;
    apply.textContent = name;
    replace(effect, h('p', { class: 'hint' }, 'Working out what this would do …'));
    const { words, found } = await blastRadius('POST', '/api/v1/overrides', body(target, form, { dry_run: true, reason: form.elements.reason.value || 'preview' }));
    if (turn !== asked) return;
    refused = found?.refused ?? false;
    forced.hidden = !refused;
    force.checked = false;
    permit();
    replace(effect, words ?? effectView(found));
  };
  form.elements.state.forEach((radio) => radio.addEventListener('change', preview));
  force.addEventListener('change', permit);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    apply.disabled = true;
    refusal.hidden = true;
    rememberWhom(form.elements.by.value.trim());
    try {
      const { override } = await call('POST', '/api/v1/overrides', body(target, form, { force: force.checked, dry_run: false }));
      dialog().close();
      toast(`${override.target}: ${override.state}${override.until ? '' : ', without end'}`);
    } catch (problem) {
      refusal.hidden = false;
      refusal.textContent = [problem.message, problem.help].filter(Boolean).join(': ');
      if (problem.effect) {
        refused = problem.effect.refused;
        forced.hidden = !refused;
        replace(effect, effectView(problem.effect));
      }
    } finally {
      permit();
    }
  });
  show(form, form.elements.reason);
  preview();
}

function body(target, form, rest) {
  const fields = form.elements;
  const asked = { [target.kind]: target.name, state: fields.state.value, reason: fields.reason.value.trim(), by: fields.by.value.trim() || 'dashboard', force: false, ...rest };
  if (target.pool) asked.pool = target.pool;
  if (target.zone) asked.zone = target.zone;
  if (fields.for.value) asked.for = fields.for.value;
  else asked.forever = true;
  return asked;
}

/** The effect, or the words of the problem that came instead. */
async function blastRadius(method, path, asked) {
  try {
    const { effect, notes } = await call(method, path, asked);
    return { found: { ...effect, notes } };
  } catch (problem) {
    if (problem.effect) return { found: problem.effect };
    return { words: [h('p', { class: 'refusal' }, problem.message), problem.help && h('p', { class: 'hint' }, problem.help),
      (problem.body?.choices ?? []).map((choice) => h('p', {}, h('code', {}, choice)))] };
  }
}

function effectView(effect) {
  const touched = effect.pools.filter((pool) => pool.verdict !== 'fine' || pool.before !== pool.after
    || pool.sites.some((site) => site.before !== site.after));
  const words = [plural(effect.endpoints, 'endpoint'), plural(effect.names.length, 'name')].join(', ');
  const names = effect.names.slice(0, NAMES_SHOWN_MAX).map(bare).join(', ');
  return [
    h('p', { class: 'effect-sum', 'data-state': effect.refused ? 'down' : touched.length ? 'degraded' : 'up' },
      h('b', {}, effect.refused ? 'Refused: ' : 'Touches '), effect.refused ? `touches ${words}` : words,
      names && h('span', { class: 'soft' }, ` ${names}${effect.names.length > NAMES_SHOWN_MAX ? ' …' : ''}`)),
    h('ul', { class: 'effect-pools' }, alike(touched).map(poolEffect)),
    touched.length === 0 && h('p', { class: 'hint' }, 'No site of any pool changes its standing.'),
    (effect.notes ?? []).map((note) => h('p', { class: 'soft' }, note)),
  ];
}

/** Families of a pool to which the same happens are told once. */
function alike(pools) {
  const found = new Map();
  for (const pool of pools) {
    const mark = JSON.stringify({ ...pool, family: null });
    const known = found.get(mark);
    found.set(mark, known ? { ...known, family: `${known.family}, ${pool.family}` } : pool);
  }
  return [...found.values()];
}

function poolEffect(pool) {
  const moved = pool.sites.filter((site) => site.before !== site.after);
  return h('li', { 'data-state': VERDICTS[pool.verdict] }, dot(VERDICTS[pool.verdict], pool.verdict),
    h('div', {}, h('p', {}, h('b', {}, pool.pool), h('span', { class: 'soft' }, ` ${bare(pool.zone)} ${pool.family}`),
      pool.before === pool.after ? null : [' ', turn(pool.before, pool.after, conditionState)]),
    moved.length ? h('p', {}, moved.map((site) => [h('code', {}, site.site), ' ', turn(site.before, site.after, levelState), ' '])) : null,
    pool.why && h('p', { class: 'soft' }, pool.why)));
}

function turn(before, after, colour) {
  return h('span', { class: 'turn' }, before, h('span', { 'aria-label': 'becomes' }, ' → '),
    h('span', { 'data-state': colour(after) }, after));
}

/** What an override does: `drain`, `weight 40 (now 22)`. */
export function deed({ state, weight }) {
  if (!weight) return state;
  const isThere = weight.now === null || weight.now === weight.to;
  return `weight ${weight.to}${isThere ? '' : ` (now ${Math.round(weight.now * 100) / 100})`}`;
}

/** What the button says that takes an override away. */
export const verb = ({ state }) => ({ drain: 'Undrain', weight: 'Reset' })[state] ?? 'Release';

/** Removing an override, with what that gives back shown first. */
export function openUndrain(override) {
  const refusal = h('p', { class: 'refusal', role: 'alert', hidden: true });
  const apply = h('button', { type: 'submit', class: 'primary' }, verb(override));
  const by = h('input', { id: 'override-by', name: 'by', required: true, autocomplete: 'username', value: whom() });
  const effect = h('div', { class: 'effect', 'aria-live': 'polite' }, h('p', { class: 'hint' }, 'Working out what this would do …'));
  const order = (rest) => `/api/v1/overrides?${removal(override, by.value.trim(), rest)}`;
  const form = h('form', { class: 'override-form' },
    h('h2', { id: 'override-title' }, `${verb(override)} ${override.target}`),
    h('p', { class: 'soft' }, `${deed(override)} by ${override.by ?? 'someone'}: ${override.reason}`,
      override.until ? [', ends ', relative(override.until)] : ', without end'),
    effect,
    h('div', { class: 'field' }, h('label', { for: 'override-by' }, 'Your name'), by), refusal,
    h('div', { class: 'dialog-end' }, h('button', { type: 'button', class: 'quiet', onclick: () => dialog().close() }, 'Cancel'), apply));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    apply.disabled = true;
    rememberWhom(by.value.trim());
    try {
      await call('DELETE', order({}));
      dialog().close();
      toast(`${override.target}: the override is removed`);
    } catch (problem) {
      refusal.hidden = false;
      refusal.textContent = [problem.message, problem.help].filter(Boolean).join(': ');
    } finally {
      apply.disabled = false;
    }
  });
  show(form, by.value ? apply : by);
  blastRadius('DELETE', order({ dry_run: true })).then((shown) => replace(effect, shown.words ?? effectView(shown.found)));
}

function removal(override, by, rest) {
  const asked = new URLSearchParams({ [override.kind]: override.name, ...rest });
  if (by) asked.set('by', by);
  if (override.zone) asked.set('zone', override.zone);
  if (override.weight) asked.set('weight', 'true');
  // Without a pool it is the endpoint of that name in every pool, and has to be named so.
  if (override.kind === 'endpoint') asked.set('pool', override.pool ?? '*');
  return asked;
}

function show(form, focused) {
  replace(dialog(), form);
  dialog().showModal();
  focused.focus();
}
