// Numbers and times for people. The server's clock is the one that counts: `skewMs` is how far ours is behind it.

let skewMs = 0;

export function setServerTime(rfc3339) {
  const server = Date.parse(rfc3339);
  if (Number.isFinite(server)) skewMs = server - Date.now();
}

export const nowMs = () => Date.now() + skewMs;

/** Answers or queries per second: `0`, `0.4`, `12`, `3.4 k`. */
export function rate(value) {
  if (!(value > 0.005)) return '0';
  if (value < 10) return value.toFixed(value < 1 ? 2 : 1);
  return count(value);
}

/** Four digits at most, then a suffix. */
export function count(value) {
  if (value < 9999.5) return grouped(Math.round(value));
  for (const [unit, size] of [['k', 1e3], ['M', 1e6], ['G', 1e9], ['T', 1e12]]) {
    const scaled = value / size;
    if (scaled < 999.5 || unit === 'T') return `${scaled.toFixed(scaled < 10 ? 2 : scaled < 100 ? 1 : 0)} ${unit}`;
  }
  return String(value);
}

export const grouped = (value) => value.toString().replace(/\B(?=(\d{3})+$)/g, '\u202f');

export function percent(share) {
  if (share === null || share === undefined) return '–';
  const value = share * 100;
  return `${value > 0 && value < 1 ? value.toFixed(1) : Math.round(value)} %`;
}

export const plural = (n, one, many = `${one}s`) => `${grouped(n)} ${n === 1 ? one : many}`;

export function latency(ms) {
  return ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Time between two moments, in its largest unit or two: `42 s`, `7 min`, `3 h 10 min`, `5 d`. */
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) {
    const minutes = Math.floor((s % 3600) / 60);
    return `${Math.floor(s / 3600)} h${minutes ? ` ${minutes} min` : ''}`;
  }
  return `${Math.floor(s / 86400)} d`;
}

/** A clock time if it is of the last day, with the date otherwise. */
export function clock(rfc3339) {
  const at = new Date(rfc3339);
  const time = at.toTimeString().slice(0, 8);
  return Math.abs(nowMs() - at) < 20 * 3600 * 1000 ? time : `${rfc3339.slice(0, 10)} ${time.slice(0, 5)}`;
}

/** A <time> that `tick` keeps saying how long ago (or ahead) it is. */
export function relative(rfc3339, style = 'ago') {
  const time = document.createElement('time');
  time.dateTime = rfc3339;
  time.dataset.relative = style;
  time.title = new Date(rfc3339).toLocaleString();
  time.textContent = worded(rfc3339, style);
  return time;
}

function worded(rfc3339, style) {
  const ms = nowMs() - Date.parse(rfc3339);
  if (style === 'for') return span(ms);
  return ms >= -1000 ? `${span(ms)} ago` : `in ${span(-ms)}`;
}

/** Brings every relative time on the page up to date. */
export function tick() {
  for (const time of document.querySelectorAll('time[data-relative]')) {
    const text = worded(time.dateTime, time.dataset.relative);
    if (time.textContent !== text) time.textContent = text;
  }
}

/** A name without the dot at its end; empty for none. */
export const bare = (name) => (name?.length > 1 && name.endsWith('.') ? name.slice(0, -1) : name ?? '');
