// Talking to the server: JSON, the bearer token, and problems (RFC 9457) as errors that can be shown.

import { byId } from './dom.js';

const TOKEN_KEY = 'fingerpost-token';
// What may stand after `Bearer` (RFC 6750 §2.1). Of anything else `fetch` throws as if no server were there.
const TOKEN_FORM = /^[A-Za-z0-9._~+/-]+=*$/;

/** What the server, or the lack of it, said no with. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.title ?? `the server answered ${status}`);
    this.status = status;
    this.help = body.help ?? null;
    this.effect = body.effect ?? null;
    this.body = body;
  }
}

/** `fetch` with the token if there is one; asks for a token when it is refused, and tries again. */
export async function request(path, options = {}) {
  for (;;) {
    const token = storedToken();
    const headers = { ...options.headers };
    if (token) headers.authorization = `Bearer ${token}`;
    const response = await fetch(path, { cache: 'no-store', ...options, headers });
    if (response.status !== 401) return response;
    // Someone else may have been given a token while this request was on its way.
    if (storedToken() === token) await askForToken(token !== null);
  }
}

/** The token, if there is one; what cannot be one is forgotten, so that it is asked for anew. */
function storedToken() {
  const token = sessionStorage.getItem(TOKEN_KEY);
  if (token === null || TOKEN_FORM.test(token)) return token;
  sessionStorage.removeItem(TOKEN_KEY);
  return null;
}

/** JSON out, JSON in; throws a `Problem` for what is not a success. */
export async function call(method, path, body) {
  const options = { method };
  // Whatever changes something calls itself JSON: a page of elsewhere could not.
  if (method !== 'GET') options.headers = { 'content-type': 'application/json' };
  if (body !== undefined) options.body = JSON.stringify(body);
  let response;
  try {
    response = await request(path, options);
  } catch {
    throw new Problem(0, { title: 'the server cannot be reached', help: 'nothing was changed by this request as far as is known' });
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(response.status, answer);
  return answer;
}

let asking = null;

function askForToken(refused) {
  asking ??= new Promise((resolve) => {
    const dialog = byId('token-dialog');
    const input = byId('token');
    const refusal = byId('token-refusal');
    const refuse = (words) => {
      refusal.hidden = !words;
      refusal.textContent = words;
    };
    refuse(refused ? 'The server refused that token.' : '');
    input.value = '';
    const given = (event) => {
      event.preventDefault();
      const token = input.value.trim();
      if (!TOKEN_FORM.test(token)) {
        refuse('That is no token: it may hold letters, digits and -._~+/ alone, and = at its end.');
        return;
      }
      sessionStorage.setItem(TOKEN_KEY, token);
      byId('token-form').removeEventListener('submit', given);
      dialog.removeEventListener('cancel', stay);
      dialog.close();
      asking = null;
      resolve();
    };
    // Without a token there is nothing to show behind the dialog.
    const stay = (event) => event.preventDefault();
    byId('token-form').addEventListener('submit', given);
    dialog.addEventListener('cancel', stay);
    dialog.showModal();
    input.focus();
  });
  return asking;
}
