// Server-sent events over fetch, because EventSource cannot send a bearer token.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

import { request } from './api.js';

const BACKOFF_MS_MIN = 500;
const BACKOFF_MS_MAX = 15000;
// The server says something at least every second.
const SILENCE_MS_MAX = 6000;

/**
 * Reads the stream for ever. `on.message(kind, data)` gets every event, `on.state(state, retryAtMs)` gets `live` with the
 * first event of a connection and `lost` when it ends.
 */
export async function follow(path, on) {
  let backoffMs = BACKOFF_MS_MIN;
  for (;;) {
    const stop = new AbortController();
    let watchdog;
    const heard = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => stop.abort(), SILENCE_MS_MAX);
    };
    try {
      const response = await request(path, { headers: { accept: 'text/event-stream' }, signal: stop.signal });
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      heard();
      await read(response.body, (kind, data) => {
        heard();
        backoffMs = BACKOFF_MS_MIN;
        on.state('live');
        on.message(kind, data);
      });
    } catch (error) {
      console.debug('stream:', error.message);
    }
    clearTimeout(watchdog);
    const waitMs = backoffMs * (0.75 + Math.random() / 2);
    backoffMs = Math.min(backoffMs * 2, BACKOFF_MS_MAX);
    on.state('lost', Date.now() + waitMs);
    await pause(waitMs);
  }
}

/** Resolves after a while, or as soon as the browser says that it is online or that the page is looked at again. */
function pause(ms) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('online', done);
      document.removeEventListener('visibilitychange', seen);
      resolve();
    };
    const seen = () => document.hidden || done();
    const timer = setTimeout(done, ms);
    addEventListener('online', done);
    document.addEventListener('visibilitychange', seen);
  });
}

async function read(body, message) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  // A status can be megabytes in one line: its pieces are joined once, when the line's end has come.
  let pieces = [];
  let kind = '';
  let data = [];
  const line = (text) => {
    if (text === '') {
      if (data.length) message(kind || 'message', JSON.parse(data.join('\n')));
      kind = '';
      data = [];
    } else if (!text.startsWith(':')) {
      const colon = text.indexOf(':');
      const field = colon < 0 ? text : text.slice(0, colon);
      const content = colon < 0 ? '' : text.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') kind = content;
      if (field === 'data') data.push(content);
    }
  };
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = value.split('\n');
    for (const part of parts.slice(0, -1)) {
      line((pieces.join('') + part).replace(/\r$/, ''));
      pieces = [];
    }
    pieces.push(parts.at(-1));
  }
}
