// Making and updating elements. Text is only ever set as text: nothing that a server says can become markup.

const SVG = 'http://www.w3.org/2000/svg';

export const byId = (id) => document.getElementById(id);

/** An HTML element: `h('p', { class: 'hint', onclick }, 'text', child)`. Children that are null or false are left out. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element, likewise. */
export function s(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) set(element, name, value);
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child);
  }
}

/** Sets an attribute or a listener, touching the page only if something changed. */
export function set(element, name, value) {
  if (name.startsWith('on')) {
    element.addEventListener(name.slice(2), value);
  } else if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else {
    const text = value === true ? '' : String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function replace(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/**
 * Makes the children of `parent` show `items` in order. A child is made once for a key and made anew only when what
 * `signature` says of its item differs, so an unchanged row costs one comparison; focus stays where it was.
 */
export function keyed(parent, items, key, signature, make, refresh) {
  const known = parent.known ?? (parent.known = new Map());
  const kept = new Set();
  let at = parent.firstElementChild;
  for (const item of items) {
    const id = key(item);
    if (kept.has(id)) continue;
    kept.add(id);
    const is = signature(item);
    let entry = known.get(id);
    if (!entry || entry.is !== is) {
      const made = make(item);
      if (entry) {
        const focused = focusMark(entry.node);
        if (at === entry.node) at = made;
        entry.node.replaceWith(made);
        refocus(made, focused);
      }
      entry = { node: made, is };
      known.set(id, entry);
    }
    if (refresh) refresh(entry.node, item);
    if (entry.node === at) at = at.nextElementSibling;
    else parent.insertBefore(entry.node, at);
  }
  for (const [id, entry] of known) {
    if (kept.has(id)) continue;
    entry.node.remove();
    known.delete(id);
  }
}

/** Where in a row that is about to be replaced the keyboard is: the `data-focus` of the focused element. */
function focusMark(node) {
  return node.contains(document.activeElement) ? document.activeElement.dataset.focus ?? null : null;
}

function refocus(node, mark) {
  if (mark) node.querySelector(`[data-focus="${CSS.escape(mark)}"]`)?.focus({ preventScroll: true });
}

/** The round, cross, half or ring that shows a state beside its word. */
export function dot(state, label) {
  return h('span', { class: 'dot', 'data-state': state, role: label && 'img', 'aria-label': label });
}

export function toast(text, severity = 'info') {
  const note = h('p', { class: 'toast', 'data-severity': severity }, text);
  byId('toasts').append(note);
  setTimeout(() => note.remove(), 8000);
}
